//! Pairs of destinations that share nothing: from inside one to the containers of the other.
//!
//! There are n² pairs, so they take turns: each turn every destination tries at most [`MOST_PEERS`] others, the next
//! ones on a ring ordered by a hash. Every pair is tried within [`Peers::turns`] turns. A pair that something got
//! through between is tried each time, until it is over.
//!
//! What is sent goes to addresses of the inventory alone, and only to those that this host has a bridge to: packets to
//! an overlay would take the default route, and leave the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::part::fnv1a_of;
use crate::inventory::{Container, ContainerId, Destination, Endpoint, Place, RunState};
use crate::outcome::{Detail, ProbeKey, ProbeKind};
use crate::probe::{Job, Spec};

use super::{Errand, View, vantage};

/// Destinations that one tries a turn; and those that it is known to reach, which it tries besides.
pub const MOST_PEERS: usize = 8;

/// The destinations that one shares nothing with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// How many they are.
    pub count: usize,
    /// Within which time each of them is tried.
    pub within: Duration,
}

impl Peers {
    /// True where they take turns.
    pub const fn take_turns(&self) -> bool {
        self.count > MOST_PEERS
    }
}

/// What is to be tried this turn, and with how many others each destination shares nothing.
pub(super) fn errands(view: &View<'_>) -> (Vec<Errand>, BTreeMap<Arc<str>, Peers>) {
    let mut peers = BTreeMap::new();
    // Podman keeps networks apart only where they are made so, one by one.
    if view.inventory.engine.podman {
        return (Vec::new(), peers);
    }
    let places: Vec<At<'_>> = view.inventory.destinations.iter().map(|d| At::of(view, d)).collect();
    let mut errands = Vec::new();
    for here in &places {
        let timing = view.probes.timing(&here.destination.name, ProbeKind::Isolation);
        if !timing.enabled {
            continue;
        }
        let others = others(view, here, &places);
        // That there is nobody is known too.
        let count = others.len();
        let interval = timing.interval.max(view.probes.isolation.interval);
        let turns = u32::try_from(count.div_ceil(MOST_PEERS).max(1)).unwrap_or(u32::MAX);
        let known = Peers { count, within: interval.saturating_mul(turns) };
        let turn = own_turn(view.learned.turn, view.probes.isolation.interval, interval);
        errands.extend(here.tries(view, &this_turn(view, here, &others, turn)));
        peers.insert(Arc::clone(&here.destination.name), known);
    }
    (errands, peers)
}

/// One that runs less often than the turns change has turns of its own: else it would pass over some.
fn own_turn(turn: u64, base: Duration, interval: Duration) -> u64 {
    let passed = u128::from(turn) * base.as_nanos();
    u64::try_from(passed / interval.as_nanos().max(1)).unwrap_or(u64::MAX)
}

/// One destination, with those who can look out of it and those who can be looked at.
struct At<'a> {
    destination: &'a Destination,
    /// Everyone on it but the proxy.
    residents: BTreeSet<&'a ContainerId>,
    /// The best first.
    sources: Vec<&'a Endpoint>,
    /// Of the sources, in their order, the other destinations that each is on.
    also_on: Vec<Vec<&'a Destination>>,
    /// Where a port is known to be open first.
    targets: Vec<&'a Endpoint>,
}

impl<'a> At<'a> {
    fn of(view: &View<'a>, destination: &'a Destination) -> Self {
        let own: Vec<(&Endpoint, &Container)> = destination
            .endpoints
            .iter()
            .filter_map(|e| Some((e, view.inventory.container(&e.container)?)))
            .filter(|(_, c)| !c.is_proxy && c.place == Place::Own)
            .collect();
        let elsewhere = |of: &ContainerId| -> Vec<&'a Destination> {
            let all = view.inventory.destinations.iter();
            let others = all.filter(|d| d.name != destination.name);
            others.filter(|d| d.endpoints.iter().any(|e| e.container == *of)).collect()
        };
        let hash = |e: &Endpoint| fnv1a_of([&*destination.name, "\0", &*e.name]);
        let running = || own.iter().filter(|(_, c)| c.state == RunState::Running);
        let mut sources: Vec<(&Endpoint, Vec<&Destination>)> =
            running().map(|(e, _)| (*e, elsewhere(&e.container))).collect();
        // A container on one network alone has one way out: what it says is about that network.
        sources
            .sort_by_key(|(e, also_on)| (view.learned.unseen.contains(&e.container), also_on.len(), hash(e)));
        let is_open = |e: &Endpoint| e.addresses.iter().any(|at| port(view, e, *at).is_some());
        let mut by_use = sources.clone();
        by_use.sort_by_key(|(e, also_on)| (!is_open(e), also_on.len(), hash(e)));
        let targets = by_use.into_iter().map(|(e, _)| e).collect();
        let (sources, also_on) = sources.into_iter().unzip();
        Self {
            destination,
            residents: own.iter().map(|(e, _)| &e.container).collect(),
            sources,
            also_on,
            targets,
        }
    }

    /// Whether packets of this host to its addresses go over its own bridge.
    fn has_a_bridge(&self) -> bool {
        &*self.destination.driver == "bridge"
    }

    /// The one from which this other destination is tried: on nothing that is meant to reach it.
    fn source(&self, view: &View<'_>, other: &Self) -> Option<&'a Endpoint> {
        let mut sources = self.sources.iter().zip(&self.also_on);
        let apart = |d: &&Destination| !view.probes.joins(&d.name, &other.destination.name);
        sources.find(|(_, also_on)| also_on.iter().all(apart)).map(|(source, _)| *source)
    }

    /// One errand a source.
    fn tries(&self, view: &View<'_>, others: &[&Self]) -> Vec<Errand> {
        let mut jobs: BTreeMap<&Arc<str>, (&Endpoint, Vec<Job>)> = BTreeMap::new();
        for other in others {
            let Some(source) = self.source(view, other) else { continue };
            let (_, of_source) = jobs.entry(&source.name).or_insert((source, Vec::new()));
            of_source.extend(self.jobs(view, source, other));
        }
        let errand = |(name, (source, jobs)): (&Arc<str>, (&Endpoint, Vec<Job>))| {
            let (container, way) = vantage(view.inventory, source)?;
            let from = (Some(&container.id), way);
            view.errand(&self.destination.name, ProbeKind::Isolation, name, from, jobs)
        };
        jobs.into_iter().filter_map(errand).collect()
    }

    /// For each family that both have, an echo and a handshake.
    fn jobs(&self, view: &View<'_>, source: &Endpoint, other: &Self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for v4 in [true, false] {
            if !source.addresses.iter().any(|address| address.is_ipv4() == v4) {
                continue;
            }
            let of_family = |e: &Endpoint| {
                let usable = |at: &&IpAddr| at.is_ipv4() == v4 && !self.is_near(**at);
                e.addresses.iter().find(usable).copied()
            };
            let mut targets = other.targets.iter().filter_map(|e| Some((*e, of_family(e)?)));
            let Some((target, address)) = targets.next() else { continue };
            let job = |detail, spec| {
                Job::new(
                    ProbeKey {
                        destination: Arc::clone(&self.destination.name),
                        kind: ProbeKind::Isolation,
                        source: Arc::clone(&source.name),
                        target: format!("{}/{}", other.destination.name, target.name).into(),
                        detail,
                    },
                    spec,
                )
            };
            let (packets, spacing) = (view.probes.icmp_packets, view.probes.icmp_spacing);
            jobs.push(job(Detail::Address(address), Spec::Icmp { address, packets, spacing }));
            if let Some(port) = port(view, target, address) {
                let peer = SocketAddr::new(address, port);
                jobs.push(job(Detail::Port(address, port), Spec::Tcp { peer }));
            }
        }
        jobs
    }

    /// Whether an address lies in the range of this destination, or of another that somebody on it is on: it would
    /// never be sent beyond.
    fn is_near(&self, address: IpAddr) -> bool {
        let also = self.also_on.iter().flatten().copied();
        std::iter::once(self.destination)
            .chain(also)
            .any(|d| d.subnets.iter().any(|s| s.net.contains(&address)))
    }
}

/// A port at which a container is known to take connections at an address: the lowest, so that it stays the same.
fn port(view: &View<'_>, endpoint: &Endpoint, address: IpAddr) -> Option<u16> {
    let listeners = view.learned.listeners.get(&endpoint.container)?;
    let mut open = listeners.iter().filter(|l| l.takes(address)).map(|l| l.port).collect::<BTreeSet<_>>();
    open.retain(|port| !view.probes.tcp_skip_ports.contains(port));
    open.first().copied()
}

/// Those that share nothing with a destination, on a ring.
fn others<'p, 'a>(view: &View<'_>, here: &At<'_>, places: &'p [At<'a>]) -> Vec<&'p At<'a>> {
    if here.sources.is_empty() {
        return Vec::new();
    }
    let name = &here.destination.name;
    let apart = |other: &&At<'_>| {
        other.destination.name != *name
            && other.has_a_bridge()
            && !other.targets.is_empty()
            && here.residents.is_disjoint(&other.residents)
            && !view.probes.joins(name, &other.destination.name)
    };
    let mut others: Vec<&At<'_>> = places.iter().filter(apart).collect();
    others.sort_by_cached_key(|other| {
        (fnv1a_of([name, "\0", &*other.destination.name]), &other.destination.name)
    });
    others
}

/// The window of this turn, and those that are known to be reached.
fn this_turn<'p, 'a>(view: &View<'_>, here: &At<'_>, others: &[&'p At<'a>], turn: u64) -> Vec<&'p At<'a>> {
    let count = others.len();
    let first = usize::try_from(turn % count.max(1) as u64).unwrap_or_default() * MOST_PEERS;
    let window: BTreeSet<usize> =
        (first..first + MOST_PEERS.min(count)).map(|place| place % count.max(1)).collect();
    let breached = |other: &At<'_>| {
        let pair = (Arc::clone(&here.destination.name), Arc::clone(&other.destination.name));
        view.learned.breached.contains(&pair)
    };
    let known: Vec<usize> = (0..count)
        .filter(|at| !window.contains(at) && others.get(*at).is_some_and(|other| breached(other)))
        .take(MOST_PEERS)
        .collect();
    window.into_iter().chain(known).filter_map(|at| others.get(at).copied()).collect()
}

#[cfg(test)]
mod tests;
