//! `swarm-address-mismatch`: nodes advertise addresses that are not of one network, and some do not reach others.
//!
//! Each node says at which address others find it (`--advertise-addr`), for managers, gossip and data path alike. Where some
//! say a private one and others a public one, those that are not on the private network do not find the first. As long
//! as everybody is reached it is a choice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::diagnosis::scene::fails;
use crate::diagnosis::words::{few, listed, quoted, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};

use super::Of;
use super::sight::Sight;

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let Some(apart) = apart(of) else { return Vec::new() };
    let mut finding = of.draft(Code::SwarmAddressMismatch, "swarm", "swarm", None);
    let named =
        |class: Class| few(apart.classes.get(&class).into_iter().flatten().map(|ip| of.swarm.called(*ip)));
    let kinds: Vec<String> =
        apart.classes.keys().map(|class| format!("{}: {}", class.as_word(), named(*class))).collect();
    finding.summary = format!(
        "Nodes of the Swarm advertise addresses of several networks ({}), and {} does not reach {}: they find each other only in part.",
        kinds.join("; "),
        quoted(&of.own()),
        few(apart.silent.iter().map(|ip| quoted(&of.swarm.called(*ip)))),
    );
    let silent = of.sights.iter().filter(|sight| apart.silent.contains(&sight.peer.address));
    let looks = silent.flat_map(|sight| sight.over.iter().chain(&sight.beside));
    finding.explains =
        listed(looks.filter(|(_, record)| fails(record)).map(|(key, record)| symptom(key, record)));
    finding.evidence = apart
        .classes
        .keys()
        .map(|class| saw(format!("{} addresses", class.as_word()), named(*class), "one kind for all"))
        .chain(apart.silent.iter().map(|ip| {
            saw(format!("echo and port 7946 of {}", of.swarm.called(*ip)), "no answer", "an answer")
        }))
        .collect();
    finding.fix = vec![
        Step::prose(
            "choose one network that all nodes are on (private, VPN), and have those that advertise another address leave and join again with it; drain each first",
        ),
        Step::when(
            "on such a node, one after the other; a manager is demoted first (docker node demote)",
            [
                "docker swarm leave".to_owned(),
                "docker swarm join --advertise-addr ADDRESS --token TOKEN MANAGER:2377".to_owned(),
            ],
        ),
        Step::prose(
            "where only the packets of overlays should go another way than the managers' words, --data-path-addr says so",
        ),
    ];
    finding.verify = vec![
        "docker info -f '{{.Swarm.NodeAddr}}'".to_owned(),
        "docker node ls".to_owned(),
        "docker network inspect --verbose -f '{{json .Peers}}' ingress".to_owned(),
        "ip -br addr".to_owned(),
    ];
    vec![finding]
}

/// Whether that a node is not found is due to this.
pub(super) fn accounts_for(of: &Of<'_, '_>, address: IpAddr) -> bool {
    apart(of).is_some_and(|apart| apart.silent.contains(&address))
}

/// Until all that was silent has answered in some way.
pub(super) fn holds(of: &Of<'_, '_>) -> bool {
    let answers = |sight: &Sight<'_>| sight.host.is_open() || sight.gossip.is_open() || sight.data.is_open();
    apart_where(of, |sight| !answers(sight)).is_some()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Private,
    Shared,
    Local,
    Public,
    Six,
}

impl Class {
    const fn as_word(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Shared => "of a VPN or carrier (100.64.0.0/10)",
            Self::Local => "of one host or link alone",
            Self::Public => "public",
            Self::Six => "IPv6",
        }
    }
}

/// RFC 1918, RFC 6598, RFC 3927 and the rest.
fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V6(_) => Class::Six,
        IpAddr::V4(four) if four.is_private() => Class::Private,
        IpAddr::V4(four) if four.is_loopback() || four.is_link_local() || four.is_unspecified() => {
            Class::Local
        }
        IpAddr::V4(four) if four.octets()[0] == 100 && four.octets()[1] & 0xc0 == 0x40 => Class::Shared,
        IpAddr::V4(_) => Class::Public,
    }
}

/// The gossip knows it, by others, or the managers hear of it, and nothing of it is heard here. One that is away altogether
/// is soon gone from there.
fn is_silent(of: &Of<'_, '_>, sight: &Sight<'_>) -> bool {
    let is_heard = || of.swarm.node(sight.peer.address).is_some_and(|node| node.is_ready);
    sight.is_away() && !sight.data.is_open() && (sight.peer.lost.is_none() || is_heard())
}

struct Apart {
    classes: BTreeMap<Class, BTreeSet<IpAddr>>,
    /// Of another class than this node's, and not heard.
    silent: BTreeSet<IpAddr>,
}

fn apart(of: &Of<'_, '_>) -> Option<Apart> {
    apart_where(of, |sight| is_silent(of, sight))
}

fn apart_where(of: &Of<'_, '_>, is_silent: impl Fn(&Sight<'_>) -> bool) -> Option<Apart> {
    let own = of.swarm.address?;
    let told = of.swarm.control.iter().flat_map(|control| &control.nodes).filter_map(|node| node.address);
    let heard = of.sights.iter().map(|sight| sight.peer.address);
    let managers = of.swarm.managers.iter().map(|(ip, _)| *ip);
    let mut classes: BTreeMap<Class, BTreeSet<IpAddr>> = BTreeMap::new();
    for address in told.chain(heard).chain(managers).chain([own]) {
        classes.entry(class(address)).or_default().insert(address);
    }
    // Whom the managers do not hear of either is away, whatever its address is.
    let is_down = |address: IpAddr| of.swarm.node(address).is_some_and(|node| !node.is_ready);
    let is_other = |address: IpAddr| class(address) != class(own) && !is_down(address);
    let silent = of.sights.iter().filter(|sight| is_other(sight.peer.address) && is_silent(sight));
    let silent: BTreeSet<IpAddr> = silent.map(|sight| sight.peer.address).collect();
    (classes.len() > 1 && !silent.is_empty()).then_some(Apart { classes, silent })
}
