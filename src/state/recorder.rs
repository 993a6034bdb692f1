//! The only writer of what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::baseline::Drift;
use crate::config::TrafficSource;
use crate::inventory::{ContainerId, Inventory};
use crate::netstack::{Inner, Interface, Level, LostQueries};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason, Run};

use super::{Cover, Engine, Histogram, Own, Record, Sight, Snapshot};
use super::{EchoTally, Growth, Pair, Restarts, Tally, Traffic};

/// Takes what happens and makes snapshots of it.
///
/// Pure in the sense that time comes in with every call. The tables are shared with the snapshots
/// that were handed out and copied only where one of those is still held (`Arc::make_mut`).
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    inventory: Option<Arc<Inventory>>,
    /// When something last changed that no picture shows yet.
    changed_at: Option<SystemTime>,
    sight: Sight,
    probes: Arc<BTreeMap<ProbeKey, Record>>,
    planned: BTreeSet<ProbeKey>,
    tallies: Arc<BTreeMap<(Arc<str>, ProbeKind), Tally>>,
    echoes: Arc<BTreeMap<Pair, EchoTally>>,
    rtts: Arc<BTreeMap<Arc<str>, Histogram>>,
    containers: Arc<BTreeMap<ContainerId, Inner>>,
    traffic: Traffic,
    restarts: Arc<Restarts>,
    growth: Growth,
    drift: Option<Arc<Drift>>,
    own: Own,
}

impl Recorder {
    /// Something changed at this moment: until a picture that was asked for later, what is known is old.
    pub fn changed(&mut self, at: SystemTime) {
        self.changed_at = self.changed_at.max(Some(at));
    }

    /// A new picture of the Engine. What belongs to containers and destinations that are gone goes.
    pub fn listed(&mut self, inventory: Arc<Inventory>, at: SystemTime) {
        self.changed_at = self.changed_at.filter(|changed| *changed >= inventory.taken_at);
        // Nobody looks into a container that is on no destination: what it counted would stand still.
        let here: BTreeSet<&ContainerId> = inventory.endpoints().map(|(_, e)| &e.container).collect();
        Arc::make_mut(&mut self.containers).retain(|id, _| here.contains(id));
        // What was counted in one place must not be told of another.
        let moved = |id: &ContainerId| {
            self.inventory.as_deref().is_some_and(|before| places(before, id) != places(&inventory, id))
        };
        Arc::make_mut(&mut self.traffic.metered).retain(|id, _| here.contains(id) && !moved(id));
        let known: BTreeSet<&str> = inventory.destinations.iter().map(|d| &*d.name).collect();
        Arc::make_mut(&mut self.tallies).retain(|(destination, _), _| known.contains(&**destination));
        Arc::make_mut(&mut self.rtts).retain(|destination, _| known.contains(&**destination));
        Arc::make_mut(&mut self.restarts).listed(&inventory, inventory.taken_at);
        self.own.inventory_last_success = Some(at);
        if self.inventory.is_some() {
            self.note_empty_round();
        }
        self.inventory = Some(inventory);
    }

    /// What is taken in the picture that was listed last is one more step of its growth. `since_start` only grows, whatever
    /// becomes of the wall's clock.
    pub fn followed(&mut self, since_start: Duration, at: SystemTime) {
        if let Some(inventory) = &self.inventory {
            self.growth.listed(inventory, since_start, at);
        }
    }

    /// The Engine answered a request that was sent at `asked_at`. True where it had been away.
    pub fn engine_answered(&mut self, asked_at: SystemTime) -> bool {
        let (back, back_since, broke_at) = match self.sight.engine {
            Engine::NotAsked => (false, None, None),
            Engine::Down { .. } => (true, Some(asked_at), None),
            Engine::Up { back_since, broke_at, .. } => (false, back_since, broke_at),
        };
        self.sight.engine = Engine::Up { back_since, broke_at, asked_at };
        back
    }

    /// Its stream of events broke: it may have gone and come back before anything was asked of it.
    pub const fn engine_broke(&mut self, at: SystemTime) {
        if let Engine::Up { broke_at, .. } = &mut self.sight.engine {
            *broke_at = Some(at);
        }
    }

    /// The Engine did not answer. What is known stays; the first moment of the silence is kept. True
    /// where this is news.
    pub fn engine_lost(&mut self, why: &str, at: SystemTime) -> bool {
        let (since, before) = match &self.sight.engine {
            Engine::Down { since, why } => (*since, Some(&**why)),
            _ => (at, None),
        };
        let news = before != Some(why);
        self.sight.engine = Engine::Down { since, why: why.to_owned() };
        news
    }

    /// A new plan. Series of what is no longer planned go; known things stand at 0 before anything
    /// happens; counters of what stays go on.
    pub fn planned<'a>(&mut self, keys: impl Iterator<Item = &'a ProbeKey>, round_interval: Duration) {
        self.planned = keys.cloned().collect();
        let planned = &self.planned;
        Arc::make_mut(&mut self.probes).retain(|key, _| planned.contains(key));
        let pairs: BTreeSet<Pair> = planned.iter().filter(|key| is_echo(key)).map(pair).collect();
        let echoes = Arc::make_mut(&mut self.echoes);
        echoes.retain(|pair, _| pairs.contains(pair));
        for pair in pairs {
            echoes.entry(pair).or_default();
        }
        let tallies = Arc::make_mut(&mut self.tallies);
        for tally in tallies.values_mut() {
            tally.planned = 0;
        }
        for key in planned {
            tallies.entry((Arc::clone(&key.destination), key.kind)).or_default().planned += 1;
        }
        self.own.round_interval = round_interval;
        self.note_empty_round();
    }

    /// Which of the planned ones wait for their turn: no round waits for these.
    pub fn in_turns<'a>(&mut self, keys: impl Iterator<Item = &'a ProbeKey>) {
        self.own.in_turns = Arc::new(keys.cloned().collect());
    }

    /// Who ought to be looked at. When somebody last was stays known while he ought to be, also while it is the others'
    /// turn.
    pub fn to_cover(&mut self, covers: BTreeMap<Arc<str>, Cover>) {
        let is_wanted = |(on, target): &(Arc<str>, Arc<str>)| {
            covers.get(on).is_some_and(|cover| cover.targets.binary_search(target).is_ok())
        };
        Arc::make_mut(&mut self.own.looked_at).retain(|key, _| is_wanted(key));
        if *self.own.covers != covers {
            self.own.covers = Arc::new(covers);
        }
    }

    /// A server without anything to probe is seen in full by listing it.
    fn note_empty_round(&mut self) {
        if self.planned.is_empty() {
            self.own.round_last_completed = self.own.inventory_last_success;
        }
    }

    /// Finished runs. One that is no longer planned is dropped: its container may be gone.
    pub fn record(&mut self, runs: Vec<Run>, at: SystemTime) {
        let probes = Arc::make_mut(&mut self.probes);
        let tallies = Arc::make_mut(&mut self.tallies);
        for run in runs {
            if !self.planned.contains(&run.key) {
                continue;
            }
            if let Outcome::Unknown(why) = run.outcome {
                *self.own.unknown.entry(why).or_default() += 1;
            } else {
                let of = (Arc::clone(&run.key.destination), run.key.kind);
                count(tallies.entry(of).or_default(), &run.outcome, at);
            }
            if let Some(echo) = run.seen.echo.as_ref().filter(|_| is_echo(&run.key)) {
                let tally = Arc::make_mut(&mut self.echoes).entry(pair(&run.key)).or_default();
                tally.requests += u64::from(echo.sent);
                tally.replies += u64::from(echo.received);
                tally.duplicates += u64::from(echo.duplicates);
                let rtts = Arc::make_mut(&mut self.rtts);
                let histogram = rtts.entry(Arc::clone(&run.key.destination)).or_default();
                echo.rtts.iter().for_each(|rtt| histogram.observe(*rtt));
            }
            if looks_at(&run) {
                let who = (Arc::clone(&run.key.destination), Arc::clone(&run.key.target));
                Arc::make_mut(&mut self.own.looked_at).insert(who, at);
            }
            let before = probes.get(&run.key);
            let record = next(before, &run, at);
            probes.insert(run.key, record);
        }
    }

    /// When the round that is complete now was, if one is. Pairs of destinations that take turns are waited for once:
    /// later there always are some whose turn has just begun.
    fn round(&self) -> Option<SystemTime> {
        let first = self.own.round_last_completed.is_none();
        let counts = |key: &ProbeKey| {
            let takes_turns = || self.own.turns.get(&key.destination).is_some_and(|turns| turns.taken);
            !self.own.is_in_turns(key)
                && (first || !(key.kind.is_rare() || (key.kind == ProbeKind::Isolation && takes_turns())))
        };
        // Nothing has a record that is not planned, so that most rounds are told by a number.
        if self.probes.len() != self.planned.len()
            && !self.planned.iter().all(|key| !counts(key) || self.probes.contains_key(key))
        {
            return None;
        }
        if first && !self.own.turns_begun(|key| self.probes.contains_key(key)) {
            return None;
        }
        self.probes.iter().filter(|(key, _)| counts(key)).map(|(_, record)| record.at).min()
    }

    /// Something has changed that no picture shows yet.
    pub const fn is_changing(&self) -> bool {
        self.changed_at.is_some()
    }

    /// The latest of one planned probe.
    pub fn latest(&self, key: &ProbeKey) -> Option<&Record> {
        self.probes.get(key)
    }

    /// Whether a container's namespace has told anything since the container is on a destination.
    pub fn has_looked(&self, container: &ContainerId) -> bool {
        self.containers.contains_key(container)
    }

    /// Whether a container had a connection with one of these addresses when it was last looked at.
    pub fn talks_with(&self, container: &ContainerId, addresses: &BTreeSet<IpAddr>) -> bool {
        let connections = self.containers.get(container).and_then(|inner| inner.connections.as_ref());
        connections.is_some_and(|all| all.talks.iter().any(|(talk, _)| addresses.contains(&talk.remote)))
    }

    /// Whether a container was seen to have no local port left towards somebody.
    pub fn is_out_of_ports(&self, container: &ContainerId) -> bool {
        let ports = self.containers.get(container).and_then(|inner| inner.local_ports.as_ref());
        ports.is_some_and(|ports| ports.crowds.iter().any(|crowd| crowd.level == Level::Full))
    }

    /// What a container's namespace told. Where its sockets were not read, what they told last stands.
    pub fn looked(&mut self, container: ContainerId, mut inner: Inner, sockets_too: bool) {
        let containers = Arc::make_mut(&mut self.containers);
        let before = containers.get_mut(&container);
        let (drops, lost, connections, ports) = before
            .map(|before| {
                let (connections, ports) = (before.connections.take(), before.local_ports.take());
                (before.resolver_drops, before.lost_queries, connections, ports)
            })
            .unwrap_or_default();
        // Where the Engine is away there is no resolver to read of; what was lost before stays lost.
        inner.resolver_drops = inner.resolver_drops.filter(|_| sockets_too).or(drops);
        // A socket that was made anew counts from zero.
        let more = inner.resolver_drops.zip(drops).and_then(|(now, before)| now.checked_sub(before));
        let newly = more.filter(|more| *more > 0).zip(inner.at);
        inner.lost_queries = newly.map(|(queries, at)| LostQueries { at, queries }).or(lost);
        if !sockets_too {
            inner.connections = connections;
        }
        inner.local_ports = inner.local_ports.map(|now| now.after(ports.as_ref())).or(ports);
        // The Engine is asked of those that cannot be looked into alone: what it said has had its time.
        let tells = !inner.interfaces.is_empty();
        if tells
            && self.traffic.source == TrafficSource::Auto
            && self.traffic.metered.contains_key(&container)
        {
            Arc::make_mut(&mut self.traffic.metered).remove(&container);
        }
        containers.insert(container, inner);
    }

    /// A container can no longer be looked into: counters that nobody reads must not seem to stand still.
    pub fn blinded(&mut self, container: &ContainerId) {
        if let Some(inner) = Arc::make_mut(&mut self.containers).get_mut(container) {
            (inner.interfaces, inner.tcp, inner.resolver_drops) = (Vec::new(), None, None);
            inner.connections = None;
        }
    }

    /// Whose counters of traffic are told from now on.
    pub fn counts_by(&mut self, source: TrafficSource) {
        if self.traffic.source != source {
            self.traffic = Traffic { source, ..Traffic::default() };
        }
    }

    /// The Engine's statistics of a container; nothing where it could not tell.
    pub fn metered(&mut self, container: ContainerId, interfaces: Vec<Interface>) {
        let metered = Arc::make_mut(&mut self.traffic.metered);
        if interfaces.is_empty() {
            metered.remove(&container);
        } else {
            metered.insert(container, interfaces);
        }
    }

    /// What is otherwise than the operator approved.
    pub fn drifted(&mut self, drift: Option<Drift>) {
        self.drift = drift.map(Arc::new);
    }

    /// What the exporter can see.
    pub const fn sight(&mut self) -> &mut Sight {
        &mut self.sight
    }

    /// The exporter's own figures.
    pub const fn own(&mut self) -> &mut Own {
        &mut self.own
    }

    /// Everything known now.
    pub fn snapshot(&mut self, at: SystemTime) -> Snapshot {
        if let Some(completed) = self.round() {
            self.own.round_last_completed = Some(completed);
        }
        Snapshot {
            at,
            inventory: self.inventory.clone(),
            changing: self.is_changing(),
            sight: self.sight.clone(),
            probes: Arc::clone(&self.probes),
            tallies: Arc::clone(&self.tallies),
            echoes: Arc::clone(&self.echoes),
            rtts: Arc::clone(&self.rtts),
            containers: Arc::clone(&self.containers),
            traffic: self.traffic.clone(),
            restarts: Arc::clone(&self.restarts),
            forecasts: self.growth.forecasts(),
            drift: self.drift.clone(),
            own: self.own.clone(),
        }
    }
}

/// The networks and MACs that a container has on its destinations.
fn places<'a>(inventory: &'a Inventory, id: &ContainerId) -> Vec<(&'a str, &'a str)> {
    let here = inventory.endpoints().filter(|(_, endpoint)| endpoint.container == *id);
    here.map(|(destination, endpoint)| (destination.id.as_str(), &*endpoint.mac)).collect()
}

/// A run that tells how a container is, seen by another: what could not look tells nothing.
const fn looks_at(run: &Run) -> bool {
    matches!(run.key.kind, ProbeKind::Icmp | ProbeKind::Tcp | ProbeKind::Overlay)
        && !matches!(run.outcome, Outcome::Unknown(_))
}

/// Echoes of peers and the gateway; those to the outside are told by their probe alone.
fn is_echo(key: &ProbeKey) -> bool {
    key.kind == ProbeKind::Icmp
}

fn pair(key: &ProbeKey) -> Pair {
    (Arc::clone(&key.destination), Arc::clone(&key.source), Arc::clone(&key.target))
}

fn count(tally: &mut Tally, outcome: &Outcome, at: SystemTime) {
    tally.attempts += 1;
    tally.last_run = Some(at);
    match outcome {
        Outcome::Success(took) => tally.durations.observe(*took),
        Outcome::Failure(reason) => *tally.failures.entry(*reason).or_default() += 1,
        Outcome::Unknown(_) => {}
    }
}

/// The record after one more run. A run that could not look says nothing of the target: it neither
/// ends nor lengthens a row.
fn next(before: Option<&Record>, run: &Run, at: SystemTime) -> Record {
    let mut record = before.cloned().unwrap_or(Record {
        outcome: run.outcome.clone(),
        seen: run.seen.clone(),
        at,
        failures_in_a_row: 0,
        successes_in_a_row: 0,
        since: at,
        losses: 0,
        runs: 0,
    });
    record.outcome = run.outcome.clone();
    record.seen = run.seen.clone();
    record.at = at;
    let failed = match run.outcome {
        Outcome::Unknown(_) => return record,
        Outcome::Failure(_) => true,
        Outcome::Success(_) => false,
    };
    let (longer, ended) = if failed {
        (&mut record.failures_in_a_row, &mut record.successes_in_a_row)
    } else {
        (&mut record.successes_in_a_row, &mut record.failures_in_a_row)
    };
    *ended = 0;
    *longer = longer.saturating_add(1);
    if *longer == 1 {
        record.since = at;
    }
    let resent = run.seen.handshake.is_some_and(|handshake| handshake.syn_retransmits > 0);
    let lossy = run.outcome == Outcome::Failure(Reason::PacketLoss) || (resent && !failed);
    record.losses = (record.losses << 1) | u32::from(lossy);
    record.runs = (record.runs + 1).min(32);
    record
}

#[cfg(test)]
mod tests;
