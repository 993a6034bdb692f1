//! `swarm-data-path-broken`: what is sent over an overlay to another node does not get there.
//!
//! The data path is VXLAN (RFC 7348) from host to host, UDP 4789 unless the Swarm was made with another port. It is judged
//! by what passes, to containers on the other node: a UDP port tells nobody whether it is open. The gossip goes another
//! way (7946), so that names and addresses of what is out of reach are known all the same, until the node itself is away.

use std::collections::BTreeSet;

use crate::diagnosis::scene::Look;
use crate::diagnosis::words::{counted, few_quoted, listed, network, quoted, saw, symptom};
use crate::diagnosis::{Code, Evidence, Finding, Step};
use crate::outcome::Outcome;

use super::sight::Sight;
use super::words::{gossips, hosts, managers, removed};
use super::{Of, address_mismatch, encryption_unsupported, peer_missing};

/// Symptoms and pieces of evidence of one sort that are told.
const MOST: usize = 3;

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let is_told = |sight: &&Sight<'_>| {
        sight.is_broken() && !is_otherwise(of, sight) && !peer_missing::accounts_for(of, sight)
    };
    let judged: Vec<Vec<&Sight<'_>>> = of.sights.judged();
    let broken: Vec<Vec<&Sight<'_>>> = judged
        .iter()
        .map(|all| all.iter().copied().filter(is_told).collect::<Vec<_>>())
        .filter(|told| !told.is_empty())
        .collect();
    // Where it gets to nobody, and there are several that it might get to, it is this node's own.
    if broken.len() > 1 && broken.len() == judged.len() {
        let all: Vec<&Sight<'_>> = broken.into_iter().flatten().collect();
        return vec![own(of, &all)];
    }
    broken.iter().map(|told| other(of, told)).collect()
}

/// Whether what was told is not seen to be over.
pub(super) fn holds(of: &Of<'_, '_>, finding: &Finding) -> bool {
    let mut sights: Vec<&Sight<'_>> = if *finding.subject.name == *of.own_address() {
        of.sights.iter().collect()
    } else {
        of.sights.of_node(&finding.subject.name).collect()
    };
    if let Some(on) = &finding.destination {
        sights.retain(|sight| sight.on.name == *on);
    }
    sights.retain(|sight| !is_otherwise(of, sight));
    // Nobody is looked at any more, or one way is open. What comes back is unclear until it has answered.
    !sights.is_empty() && !sights.iter().any(|sight| sight.data.is_open())
}

/// A node that advertises an address of another network is told as that. An encrypted overlay fails for reasons of its own
/// too: it counts once what is in the clear fails as well.
fn is_otherwise(of: &Of<'_, '_>, sight: &Sight<'_>) -> bool {
    if address_mismatch::accounts_for(of, sight.peer.address) {
        return true;
    }
    let is_clear = |other: &&Sight<'_>| !other.overlay.encrypted && other.peer.address == sight.peer.address;
    let waits = || of.sights.iter().filter(is_clear).any(|other| !other.is_broken());
    sight.overlay.encrypted && (encryption_unsupported::accounts_for(of, sight) || waits())
}

fn overlays(told: &[&Sight<'_>]) -> BTreeSet<String> {
    told.iter().map(|sight| sight.on.name.to_string()).collect()
}

fn draft(of: &Of<'_, '_>, subject: &str, told: &[&Sight<'_>]) -> Finding {
    // Of several overlays the first, and rather one in the clear, so that it stays the same one.
    let first = told.iter().min_by_key(|sight| (sight.overlay.encrypted, &sight.on.name));
    let mut finding = of.draft(Code::SwarmDataPathBroken, "node", subject, first.map(|sight| sight.on));
    if let Some(since) = told.iter().filter_map(|sight| sight.since()).min() {
        finding.since = since;
    }
    let looks = told.iter().flat_map(|sight| sight.over.iter().chain(&sight.beside));
    let failing = looks.filter(|(_, record)| matches!(record.outcome, Outcome::Failure(_)));
    finding.explains = listed(failing.map(|(key, record)| symptom(key, record)));
    finding
}

fn other(of: &Of<'_, '_>, told: &[&Sight<'_>]) -> Finding {
    let Some(first) = told.first() else { return of.draft(Code::SwarmDataPathBroken, "node", "", None) };
    let name = of.swarm.called(first.peer.address);
    let mut finding = draft(of, &first.peer.address.to_string(), told);
    let (on, port) = (few_quoted(overlays(told)), of.data_port());
    finding.summary = if first.is_away() {
        format!(
            "Node {} is out of reach from {}: neither its host nor its gossip port answers, and nothing gets over the overlay {on} to what runs there; the data path to it is down.",
            quoted(&name),
            quoted(&of.own()),
        )
    } else {
        format!(
            "Nothing gets from {} to node {} over the overlay {on}, though names and addresses there are known: the packets of the data path (VXLAN, UDP {port}) are lost between the two hosts.",
            quoted(&of.own()),
            quoted(&name),
        )
    };
    finding.evidence = evidence(of, told);
    if told.iter().any(|sight| sight.host.is_open()) {
        finding.ruled_out.push("the way between the hosts: its echo is answered".to_owned());
    }
    if told.iter().any(|sight| sight.gossip.is_open() && !sight.refuses) {
        finding.ruled_out.push("the gossip: its port 7946 answers".to_owned());
    }
    finding.fix = if first.is_away() { away(of, first) } else { blocked(of, told, false) };
    finding.verify = verify(of, first);
    finding
}

fn own(of: &Of<'_, '_>, told: &[&Sight<'_>]) -> Finding {
    let name = of.own();
    let mut finding = draft(of, &of.own_address(), told);
    let others: BTreeSet<String> = told.iter().map(|sight| of.swarm.called(sight.peer.address)).collect();
    let (on, port) = (few_quoted(overlays(told)), of.data_port());
    let is_away = told.iter().all(|sight| sight.is_away());
    finding.summary = if is_away {
        format!(
            "This node, {}, is cut off from all others ({}): neither their hosts nor their gossip ports answer, and nothing gets over the overlay {on}; the data path is down{}.",
            quoted(&name),
            few_quoted(&others),
            if of.swarm.is_manager {
                ", and as a manager it decides nothing until it reaches them"
            } else {
                ""
            },
        )
    } else {
        format!(
            "Nothing gets from this node, {}, to any other ({}) over the overlay {on}: the packets of the data path (VXLAN, UDP {port}) are lost, most likely at this host.",
            quoted(&name),
            few_quoted(&others),
        )
    };
    finding.evidence = evidence(of, told);
    if told.iter().any(|sight| sight.host.is_open()) {
        finding.ruled_out.push("the way between the hosts: other hosts answer its echo".to_owned());
    }
    if let Some(first) = told.first() {
        finding.fix = if is_away {
            vec![
                Step::look("the host's own interface and way out", ["ip -br addr; ip route".to_owned()]),
                Step::prose("where it is these that are well, all the others are away: look there"),
            ]
        } else {
            blocked(of, told, true)
        };
        finding.verify = verify(of, first);
    }
    finding
}

fn evidence(of: &Of<'_, '_>, told: &[&Sight<'_>]) -> Vec<Evidence> {
    let failing = |look: &&Look<'_>| matches!(look.1.outcome, Outcome::Failure(_));
    let mut evidence: Vec<Evidence> = told
        .iter()
        .flat_map(|sight| &sight.over)
        .filter(failing)
        .take(MOST)
        .map(|(key, record)| {
            let how = record.outcome.reason().map_or("", |reason| reason.as_label());
            saw(
                format!("from {} on {} to {} ({})", key.source, key.destination, key.target, key.detail),
                how,
                "an answer",
            )
        })
        .collect();
    for sight in told.iter().take(MOST) {
        let name = of.swarm.called(sight.peer.address);
        evidence.push(match sight.peer.lost {
            Some(lost) => saw(
                format!("gossip of {}", sight.on.name),
                format!(
                    "{name} is no longer among the peers, with {} when it last was",
                    counted(lost.tasks, "container")
                ),
                "it takes part",
            ),
            None => saw(
                format!("gossip of {}", sight.on.name),
                format!("{name} takes part, with {}", counted(sight.peer.tasks.len(), "container")),
                "",
            ),
        });
        evidence.extend(hosts(sight.host, format!("echo from host to {name}")));
        evidence.extend(gossips(sight, &name));
        if let Some(node) = of.swarm.node(sight.peer.address) {
            let said = if node.message.is_empty() {
                node.state.to_string()
            } else {
                format!("{}: {}", node.state, node.message)
            };
            evidence.push(saw(format!("managers on {name}"), said, if node.is_ready { "" } else { "ready" }));
        }
    }
    evidence.extend(managers(of));
    evidence
}

fn away(of: &Of<'_, '_>, sight: &Sight<'_>) -> Vec<Step> {
    let address = sight.peer.address;
    vec![
        Step::look("whether the host is up, and on the network", [format!("ping -c 3 {address}")]),
        Step::prose(
            "bring the host back, or its cable, switch port, VPN or cloud network; its Engine rejoins by itself",
        ),
        removed(of, address, "where it is gone for good, on a manager: nobody waits for it any more"),
    ]
}

fn blocked(of: &Of<'_, '_>, told: &[&Sight<'_>], own: bool) -> Vec<Step> {
    let port = of.data_port();
    let peers: BTreeSet<String> = told.iter().map(|sight| sight.peer.address.to_string()).collect();
    let mut steps = vec![
        Step::look(
            "rules that drop the data path, on both hosts",
            [format!("iptables-save | grep -w {port}; nft list ruleset | grep -w {port}")],
        ),
        Step::when(
            if own {
                "let the other nodes in here, with ufw, so that it stays"
            } else {
                "let this node in there, with ufw, on the other host; and the other way round here"
            },
            peers
                .iter()
                .take(MOST)
                .map(|peer| {
                    if own {
                        peer.clone()
                    } else {
                        of.swarm.address.map_or_else(|| peer.clone(), |ip| ip.to_string())
                    }
                })
                .collect::<BTreeSet<String>>()
                .into_iter()
                .map(|from| format!("ufw allow from {from} to any port {port} proto udp")),
        ),
        Step::prose(
            "a cloud's firewall or security group between them needs UDP 4789 (or the Swarm's --data-path-port) both ways, TCP and UDP 7946, and TCP 2377 to managers",
        ),
    ];
    if port == 4789 {
        steps.push(Step::prose(
            "on VMware, NSX takes UDP 4789 for itself, and checksums may be spoiled by the card: swarm init --data-path-port, or ethtool -K INTERFACE tx-checksum-ip-generic off",
        ));
    }
    steps
}

fn verify(of: &Of<'_, '_>, sight: &Sight<'_>) -> Vec<String> {
    let mut verify = Vec::new();
    if let Some((key, _)) = sight.over.first()
        && let Some(endpoint) = sight.on.endpoint(&key.source)
        && let Some(inventory) = of.scene.inventory
        && let crate::outcome::Detail::Address(address) | crate::outcome::Detail::Port(address, _) =
            key.detail
    {
        let container = crate::diagnosis::words::container(inventory, &endpoint.container);
        verify.push(crate::diagnosis::words::from_inside(&container, &format!("ping -c 3 {address}")));
    }
    verify.push(format!("ping -c 3 {}", sight.peer.address));
    verify.push(format!("nc -v -w 3 {} 7946 </dev/null", sight.peer.address));
    verify.push(format!("docker network inspect --verbose {}", network(sight.on)));
    verify.push(format!("tcpdump -ni any udp port {} and host {}", of.data_port(), sight.peer.address));
    verify
}
