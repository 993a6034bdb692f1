//! `swarm-encryption-unsupported`: an encrypted overlay comes up and passes no packet between nodes.
//!
//! `--opt encrypted` has the kernel put VXLAN into IPsec (ESP, IP protocol 50). Where a kernel has no ESP an
//! Engine before 20.10.24 and 23.0.3 says so in its log alone, and where a firewall knows no protocol 50 nobody does: containers start, names resolve, nothing gets
//! through.

use std::collections::BTreeSet;

use crate::diagnosis::words::{few_quoted, listed, network, quoted, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::outcome::Outcome;

use super::Of;
use super::sight::Sight;

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let encrypted = of.overlays().filter(|(_, overlay)| overlay.encrypted);
    encrypted.filter(|(on, _)| is_silent(of, on)).map(|(on, _)| tell(of, on)).collect()
}

/// Whether it is the encryption that this one's silence is due to.
pub(super) fn accounts_for(of: &Of<'_, '_>, sight: &Sight<'_>) -> bool {
    sight.overlay.encrypted && is_silent(of, sight.on)
}

/// Nobody is reached over it whose host is, and what is not encrypted passes where there is any.
fn is_silent(of: &Of<'_, '_>, on: &Destination) -> bool {
    let mut tried = of.sights.on(&on.name).filter(|sight| sight.peer.lost.is_none()).peekable();
    let reached = |sight: &Sight<'_>| sight.gossip.is_open() || sight.host.is_open();
    if tried.peek().is_none() || !of.sights.on(&on.name).any(|sight| sight.data.is_shut() && reached(sight)) {
        return false;
    }
    let is_closed = tried.all(|sight| !sight.data.is_open());
    // Where the same nodes are not reached in the clear either, it is the data path.
    let mut clear =
        of.sights.iter().filter(|sight| !sight.overlay.encrypted && sight.peer.lost.is_none()).peekable();
    is_closed && (clear.peek().is_none() || clear.any(|sight| sight.data.is_open()))
}

fn tell(of: &Of<'_, '_>, on: &Destination) -> Finding {
    let mut finding = of.draft(Code::SwarmEncryptionUnsupported, "destination", &on.name, Some(on));
    let shut: Vec<&Sight<'_>> = of.sights.on(&on.name).filter(|sight| sight.data.is_shut()).collect();
    finding.since = shut.iter().filter_map(|sight| sight.since()).min().unwrap_or(finding.since);
    let nodes: BTreeSet<String> = shut.iter().map(|sight| of.swarm.called(sight.peer.address)).collect();
    finding.summary = format!(
        "The encrypted overlay {} passes nothing between {} and other nodes ({}), though their hosts answer: a kernel without ESP, or a firewall that drops IP protocol 50.",
        quoted(&on.name),
        quoted(&of.own()),
        few_quoted(&nodes),
    );
    let failing = || {
        shut.iter()
            .flat_map(|sight| &sight.over)
            .filter(|(_, record)| matches!(record.outcome, Outcome::Failure(_)))
    };
    finding.explains = listed(failing().map(|(key, record)| symptom(key, record)));
    finding.evidence.push(saw("options of the network", "encrypted", ""));
    finding.evidence.extend(failing().take(3).map(|(key, record)| {
        let how = record.outcome.reason().map_or("", |reason| reason.as_label());
        saw(format!("from {} to {} ({})", key.source, key.target, key.detail), how, "an answer")
    }));
    let clear: BTreeSet<&str> = of
        .sights
        .iter()
        .filter(|sight| !sight.overlay.encrypted && sight.data.is_open())
        .map(|sight| &*sight.on.name)
        .collect();
    if !clear.is_empty() {
        finding.evidence.push(saw(
            "overlays in the clear",
            format!("{} reaches other nodes", few_quoted(&clear)),
            "",
        ));
        finding.ruled_out.push("UDP 4789 and the hosts: what is not encrypted passes".to_owned());
    }
    finding
        .ruled_out
        .push("the gossip: names and addresses of the other nodes' containers are known".to_owned());
    finding.fix = vec![
        Step::look(
            "whether this kernel has ESP: an error says that it has not",
            ["modprobe -a -n -v esp4 xfrm_user; journalctl -u docker | grep -i -E 'xfrm|ipsec|encrypt' | tail"
                .to_owned()],
        ),
        Step::prose(
            "where there is none (containers as virtual servers, small cloud kernels): a kernel with CONFIG_INET_ESP on every node",
        ),
        Step::when(
            "where there is one, let ESP through on both hosts",
            ["iptables -I INPUT -p esp -j ACCEPT".to_owned()],
        ),
        Step::prose(
            "a Swarm with another --data-path-port than 4789 passes nothing encrypted before Docker 24.0.3",
        ),
        Step::prose(
            "or have the overlay without encryption, over a network that is private already: it has to be made anew, and its services with it",
        ),
    ];
    finding.verify = vec![
        format!("docker network inspect -f '{{{{json .Options}}}}' {}", network(on)),
        "ip xfrm state".to_owned(),
        "ip xfrm policy".to_owned(),
        "tcpdump -ni any esp".to_owned(),
    ];
    finding
}
