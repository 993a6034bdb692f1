//! What is seen of each other node from here, overlay by overlay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::SystemTime;

use crate::diagnosis::scene::{ENOUGH, Look, Scene};
use crate::inventory::swarm::{Overlay, Peer};
use crate::inventory::{Destination, Inventory};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, Reason};
use crate::plan::overlay::{GOSSIP, VIP};

/// What all probes of one sort say of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Something came back.
    Open,
    /// Nothing did, more than once; since when.
    Shut(SystemTime),
    /// Nobody knows, or nobody tried.
    Unclear,
}

impl Way {
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Open)
    }

    pub(super) const fn is_shut(self) -> bool {
        matches!(self, Self::Shut(_))
    }

    pub(super) const fn since(self) -> Option<SystemTime> {
        if let Self::Shut(since) = self { Some(since) } else { None }
    }

    /// One answer opens it; one doubt keeps it from being called shut.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Open, _) | (_, Self::Open) => Self::Open,
            (Self::Shut(one), Self::Shut(other)) => Self::Shut(one.max(other)),
            _ => Self::Unclear,
        }
    }
}

/// What one probe of a container says, which counts where a later picture has it there still: what has moved away since is
/// not where it is looked for.
pub(super) fn way(inventory: &Inventory, look: Look<'_>) -> Way {
    match (way_to_host(look), look.1.since <= inventory.taken_at) {
        (Way::Shut(_), false) => Way::Unclear,
        (way, _) => way,
    }
}

/// What one probe says of what does not move. A refusal is an answer: somebody's kernel gave it.
fn way_to_host((key, record): Look<'_>) -> Way {
    let is_answer = matches!(key.detail, Detail::Port(..));
    match record.outcome {
        Outcome::Success(_) | Outcome::Failure(Reason::PacketLoss) => Way::Open,
        Outcome::Failure(Reason::Refused | Reason::Reset) if is_answer => Way::Open,
        Outcome::Failure(_) if record.failures_in_a_row >= ENOUGH => Way::Shut(record.since),
        Outcome::Failure(_) | Outcome::Unknown(_) => Way::Unclear,
    }
}

/// All of them together.
pub(super) fn together<'a>(inventory: &Inventory, looks: impl IntoIterator<Item = Look<'a>>) -> Way {
    all(looks.into_iter().map(|look| way(inventory, look)))
}

fn all(ways: impl Iterator<Item = Way>) -> Way {
    ways.reduce(Way::and).unwrap_or(Way::Unclear)
}

/// One other node, by one overlay.
pub(super) struct Sight<'a> {
    pub(super) on: &'a Destination,
    pub(super) overlay: &'a Overlay,
    pub(super) peer: &'a Peer,
    /// What goes over the overlay to what is on the node.
    pub(super) over: Vec<Look<'a>>,
    /// From host to host.
    pub(super) beside: Vec<Look<'a>>,
    /// The data path.
    pub(super) data: Way,
    /// Its host's echo.
    pub(super) host: Way,
    /// It has been answered more than once: what else is told of the host is no older than that.
    pub(super) host_is_steady: bool,
    /// Its port of the gossip.
    pub(super) gossip: Way,
    /// Since when it has been open, where it is.
    pub(super) gossip_since: Option<SystemTime>,
    /// That port is refused: its host answers, and no Engine of a Swarm listens.
    pub(super) refuses: bool,
}

impl Sight<'_> {
    /// The gossip does not know it, and nothing says that it left.
    pub(super) const fn is_missed(&self) -> bool {
        self.peer.lost.is_some() && !self.gossip.is_open()
    }

    /// Neither its host nor its gossip answers.
    pub(super) const fn is_away(&self) -> bool {
        self.host.is_shut() && self.gossip.is_shut()
    }

    /// Nothing gets there over the overlay.
    pub(super) const fn is_broken(&self) -> bool {
        match self.peer.lost {
            Some(_) => self.is_away(),
            None => self.data.is_shut(),
        }
    }

    /// Whether it was seen well or not.
    pub(super) const fn is_judged(&self) -> bool {
        self.peer.lost.is_some() || self.data.is_shut() || self.data.is_open()
    }

    /// Since when it is as it is.
    pub(super) fn since(&self) -> Option<SystemTime> {
        let lost = self.peer.lost.map(|lost| lost.since);
        [self.data.since(), lost].into_iter().flatten().min().or(self.host.since())
    }
}

/// Every other node that is looked at, by every overlay.
pub(super) struct Sights<'a>(Vec<Sight<'a>>);

impl<'a> Sights<'a> {
    pub(super) fn of(scene: &Scene<'a>) -> Self {
        let mut all = Vec::new();
        let inventory = scene.inventory;
        for on in scene.destinations() {
            let (Some(inventory), Some(overlay)) = (inventory, &on.overlay) else { continue };
            let mut over = by_target(scene, on, ProbeKind::Overlay);
            let mut beside = by_target(scene, on, ProbeKind::Node);
            for peer in &overlay.peers {
                let over: Vec<Look<'a>> =
                    peer.tasks.iter().flat_map(|task| over.remove(&*task.name).unwrap_or_default()).collect();
                let beside = beside.remove(&*peer.address.to_string()).unwrap_or_default();
                if over.is_empty() && beside.is_empty() {
                    continue;
                }
                all.push(sight(scene, inventory, (on, overlay, peer), over, beside));
            }
        }
        Self(all)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Sight<'a>> {
        self.0.iter()
    }

    /// Those of one overlay.
    pub(super) fn on(&self, destination: &str) -> impl Iterator<Item = &Sight<'a>> {
        self.0.iter().filter(move |sight| *sight.on.name == *destination)
    }

    /// Those of the node that is a finding's subject.
    pub(super) fn of_node(&self, subject: &str) -> impl Iterator<Item = &Sight<'a>> {
        let address: Option<IpAddr> = subject.parse().ok();
        self.0.iter().filter(move |sight| Some(sight.peer.address) == address)
    }

    /// The other nodes that something was seen of, each with its sights.
    pub(super) fn judged(&self) -> Vec<Vec<&Sight<'a>>> {
        let nodes = self.by_node().into_values();
        nodes.filter(|all| all.iter().any(|sight| sight.is_judged())).collect()
    }

    /// Nothing is heard of anybody, of several that might be: it is this node that is cut off.
    pub(super) fn are_all_away(&self) -> bool {
        let judged = self.judged();
        judged.len() > 1 && judged.iter().flatten().all(|sight| sight.is_away() && sight.is_broken())
    }

    /// By node, each with its sights.
    pub(super) fn by_node(&self) -> BTreeMap<IpAddr, Vec<&Sight<'a>>> {
        let mut nodes: BTreeMap<IpAddr, Vec<&Sight<'a>>> = BTreeMap::new();
        for sight in &self.0 {
            nodes.entry(sight.peer.address).or_default().push(sight);
        }
        nodes
    }
}

fn by_target<'a>(scene: &Scene<'a>, on: &Destination, kind: ProbeKind) -> BTreeMap<&'a str, Vec<Look<'a>>> {
    let mut by_target: BTreeMap<&str, Vec<Look<'a>>> = BTreeMap::new();
    for look in scene.looks_of(&on.name, kind).iter().filter(|(key, _)| !key.target.ends_with(VIP)) {
        by_target.entry(&look.0.target).or_default().push(*look);
    }
    by_target
}

fn sight<'a>(
    scene: &Scene<'a>,
    inventory: &'a Inventory,
    (on, overlay, peer): (&'a Destination, &'a Overlay, &'a Peer),
    over: Vec<Look<'a>>,
    beside: Vec<Look<'a>>,
) -> Sight<'a> {
    // Who reaches nobody of its own host says nothing of another, nor does a task that is gone say anything of its node.
    let gone = gone(inventory, overlay, peer);
    let is_gone = |key: &ProbeKey| match key.detail {
        Detail::Address(address) | Detail::Port(address, _) => gone.contains(&address),
        _ => false,
    };
    let heard =
        over.iter().copied().filter(|(key, _)| !is_gone(key) && !scene.is_cut_off(&on.name, &key.source));
    let heard: Vec<Look<'a>> = heard.collect();
    let echoes = beside.iter().copied().filter(|(key, _)| matches!(key.detail, Detail::Address(_)));
    let echoes: Vec<Look<'a>> = echoes.collect();
    let host_is_steady = echoes.iter().any(|(_, record)| record.successes_in_a_row >= ENOUGH);
    let host = all(echoes.into_iter().map(way_to_host));
    let is_gossip = |(key, _): &Look<'a>| matches!(key.detail, Detail::Port(_, GOSSIP));
    let of_gossip: Vec<Look<'a>> = beside.iter().copied().filter(is_gossip).collect();
    let refused = |(_, record): &Look<'a>| matches!(record.outcome, Outcome::Failure(Reason::Refused));
    let refuses = of_gossip.iter().any(refused);
    let opened = |(_, record): &Look<'a>| (record.successes_in_a_row > 0).then_some(record.since);
    let gossip_since = of_gossip.iter().filter_map(opened).max();
    let gossip = all(of_gossip.into_iter().map(way_to_host));
    // Where the whole node is silent nothing is on it that could be reached, wherever it is by now.
    let data = if host.is_shut() && gossip.is_shut() {
        all(heard.iter().copied().map(way_to_host))
    } else {
        together(inventory, heard.iter().copied())
    };
    // One container that answers no echo may be one that drops them, as many do.
    let first = heard.first().map(|(key, _)| &key.target);
    let is_alone =
        heard.iter().all(|(key, _)| Some(&key.target) == first && matches!(key.detail, Detail::Address(_)));
    let data = if data.is_shut() && is_alone && gossip.is_open() { Way::Unclear } else { data };
    Sight { on, overlay, peer, over, beside, data, host, host_is_steady, gossip, gossip_since, refuses }
}

/// Addresses on a node behind which the managers know of no running task. Of a node that they do not hear of they know
/// nothing.
fn gone(inventory: &Inventory, overlay: &Overlay, peer: &Peer) -> BTreeSet<IpAddr> {
    let node = inventory.swarm.as_ref().and_then(|swarm| swarm.node(peer.address));
    if node.is_some_and(|node| !node.is_ready) {
        return BTreeSet::new();
    }
    let services = overlay.services.iter().filter_map(|service| Some((service, service.listed.as_ref()?)));
    services
        .flat_map(|(service, listed)| service.addresses.iter().filter(|address| !listed.contains(address)))
        .copied()
        .collect()
}
