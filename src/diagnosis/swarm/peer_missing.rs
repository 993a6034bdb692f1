//! `swarm-peer-missing`: a node has containers on an overlay, and this node's gossip does not know it.
//!
//! The gossip (7946, TCP and UDP) carries which container has which address and where it is; what it does not know has no
//! name here and no way to it, though the hosts may well reach each other.

use crate::diagnosis::scene::fails;
use crate::diagnosis::words::{counted, few_quoted, listed, network, operand, quoted, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};

use super::sight::Sight;
use super::words::{gossips, hosts, removed};
use super::{Of, address_mismatch};

/// Two lists that are asked for one after the other may differ for so long.
const SETTLES: std::time::Duration = std::time::Duration::from_secs(60);

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let nodes = of.sights.by_node();
    let missing = nodes.into_values().filter_map(|sights| {
        let told: Vec<&Sight<'_>> = sights.into_iter().filter(|sight| accounts_for(of, sight)).collect();
        (!told.is_empty()).then(|| tell(of, &told))
    });
    missing.collect()
}

/// Whether it is this, and not that nothing gets to the node at all.
pub(super) fn accounts_for(of: &Of<'_, '_>, sight: &Sight<'_>) -> bool {
    let Some(lost) = sight.peer.lost else { return false };
    if address_mismatch::accounts_for(of, sight.peer.address) {
        return false;
    }
    let is_down = of.swarm.node(sight.peer.address).is_some_and(|node| !node.is_ready);
    let at = of.scene.inventory.map_or(lost.since, |inventory| inventory.taken_at);
    // A node that comes back answers first, and is in the gossip a moment later.
    let alike = sight.gossip_since.map_or(lost.since, |since| since.max(lost.since));
    let settled = at.duration_since(alike).is_ok_and(|age| age >= SETTLES);
    // Blocked; or no Engine behind it; or the managers know more than the gossip does, and not for a moment.
    (sight.gossip.is_shut() && sight.host.is_open() && sight.host_is_steady)
        || (sight.refuses && is_down)
        || (sight.gossip.is_open() && !sight.refuses && of.swarm.control.is_some() && settled)
}

fn tell(of: &Of<'_, '_>, told: &[&Sight<'_>]) -> Finding {
    let Some(first) = told.first() else { return of.draft(Code::SwarmPeerMissing, "node", "", None) };
    let name = of.swarm.called(first.peer.address);
    let mut finding =
        of.draft(Code::SwarmPeerMissing, "node", &first.peer.address.to_string(), Some(first.on));
    finding.since = told.iter().filter_map(|sight| sight.since()).min().unwrap_or(finding.since);
    let on = few_quoted(told.iter().map(|sight| &*sight.on.name));
    let why = if first.refuses {
        "its host answers, and no Engine of a Swarm listens there"
    } else if first.gossip.is_shut() {
        "its host answers, and its gossip port 7946 does not"
    } else {
        "its gossip port answers, and the managers say that it has containers there"
    };
    finding.summary = format!(
        "Node {} is not among the peers of the overlay {on} on {}: {why}. What runs there has no name and no way to it from here.",
        quoted(&name),
        quoted(&of.own()),
    );
    let looks = told.iter().flat_map(|sight| &sight.beside).filter(|(_, record)| fails(record));
    finding.explains = listed(looks.map(|(key, record)| symptom(key, record)));
    for sight in told {
        let tasks = sight.peer.lost.map_or(0, |lost| lost.tasks);
        finding.evidence.push(saw(
            format!("gossip of {}", sight.on.name),
            format!(
                "{name} is not among the peers; {} known to be there, or to have been",
                counted(tasks, "container")
            ),
            "it takes part",
        ));
    }
    finding.evidence.extend(hosts(first.host, format!("echo from host to {name}")));
    finding.evidence.extend(gossips(first, &name));
    if let Some(node) = of.swarm.node(first.peer.address) {
        let expected = if node.is_ready { "" } else { "ready" };
        finding.evidence.push(saw(format!("managers on {name}"), node.state.to_string(), expected));
    }
    if first.host.is_open() {
        finding.ruled_out.push("the way between the hosts: its echo is answered".to_owned());
    }
    let own = of.swarm.address.map_or_else(|| "ADDRESS".to_owned(), |ip| ip.to_string());
    finding.fix = if first.refuses {
        vec![
            Step::look("there: why the Engine does not run", ["journalctl -u docker -n 50".to_owned()]),
            Step::when("there, once that is mended", ["systemctl start docker".to_owned()]),
            // Nobody but itself can tell one that left from one whose Engine has ended.
            removed(
                of,
                first.peer.address,
                "where it runs and has left the Swarm, or is gone for good, on a manager",
            ),
        ]
    } else {
        vec![
            Step::look(
                "rules that drop the gossip, on both hosts",
                ["iptables-save | grep -w 7946; nft list ruleset | grep -w 7946".to_owned()],
            ),
            Step::when(
                "let this node in there, with ufw, on the other host; and the other way round here",
                ["tcp", "udp"].map(|proto| format!("ufw allow from {own} to any port 7946 proto {proto}")),
            ),
            Step::restart_node(
                "where the port is open and the node stays missing, its Engine joins the gossip anew when it starts",
            ),
        ]
    };
    finding.verify = vec![
        format!("docker network inspect --verbose {}", network(first.on)),
        format!("nc -v -w 3 {} 7946 </dev/null", first.peer.address),
    ];
    if let Some(node) = of.swarm.node(first.peer.address) {
        finding.verify.push(format!("docker node ps {}", operand(&node.id)));
    }
    finding
}
