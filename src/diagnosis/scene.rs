//! What several rules ask of a snapshot: who reaches whom, who is away, what accounts for what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use crate::inventory::{Destination, Endpoint, Inventory};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::{Engine, Record, Snapshot};

/// A measurement fails once this many runs in a row failed: a single lost packet wakes nobody.
pub(super) const ENOUGH: u32 = 2;
/// What ran when the Engine came back may have been asked while it was away: longer than any probe
/// waits by default. All of it is asked anew meanwhile.
const AFTER_ABSENCE: Duration = Duration::from_secs(10);

/// What all the probes of one source say of its way to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Something came back.
    Open,
    /// Nothing came back, more than once, on any probe.
    Shut,
    /// Not measured enough, or not seen now.
    Unclear,
}

/// A snapshot's answers to what rules ask.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) inventory: Option<&'a Inventory>,
    /// By destination, source, target; icmp and tcp.
    ways: BTreeMap<(&'a str, &'a str, &'a str), Way>,
    /// Destination and endpoint name of those that ought to be there and are not.
    away: BTreeSet<(&'a str, &'a str)>,
    /// Destination and source of those that reach nobody at all, the gateway included.
    cut_off: BTreeSet<(&'a str, &'a str)>,
}

/// True where the latest run looked and the last ones failed.
pub(super) fn fails(record: &Record) -> bool {
    record.failures_in_a_row >= ENOUGH && matches!(record.outcome, Outcome::Failure(_))
}

/// What one probe says of the way. A refusal is an answer: the packet got there and one came back.
/// An unknown run says nothing new; an earlier success still speaks for the way, an earlier failure
/// does not speak against it.
fn way(key: &ProbeKey, record: &Record) -> Way {
    match &record.outcome {
        Outcome::Success(_) | Outcome::Failure(Reason::PacketLoss) => Way::Open,
        Outcome::Failure(Reason::Refused | Reason::Reset) if key.kind == ProbeKind::Tcp => Way::Open,
        Outcome::Failure(_) if record.failures_in_a_row >= ENOUGH => Way::Shut,
        Outcome::Unknown(_) if record.successes_in_a_row > 0 => Way::Open,
        Outcome::Failure(_) | Outcome::Unknown(_) => Way::Unclear,
    }
}

/// True for the kinds that say whether a container is reached.
pub(super) const fn walks(kind: ProbeKind) -> bool {
    matches!(kind, ProbeKind::Icmp | ProbeKind::Tcp)
}

impl<'a> Scene<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let inventory = snapshot.inventory.as_deref();
        let mut ways: BTreeMap<(&str, &str, &str), Way> = BTreeMap::new();
        for (key, record) in snapshot.probes.iter().filter(|(key, _)| walks(key.kind)) {
            if key.source == key.target {
                continue;
            }
            let new = way(key, record);
            // One answer opens the way; one doubt keeps it from being called shut.
            ways.entry((&*key.destination, &*key.source, &*key.target))
                .and_modify(|old| {
                    *old = match (*old, new) {
                        (Way::Open, _) | (_, Way::Open) => Way::Open,
                        (Way::Shut, Way::Shut) => Way::Shut,
                        _ => Way::Unclear,
                    }
                })
                .or_insert(new);
        }
        let away = inventory
            .into_iter()
            .flat_map(|i| &i.destinations)
            .flat_map(|d| d.detached.iter().chain(&d.stopped).map(|m| (&*d.name, &*m.name)))
            .collect();
        let mut reach: BTreeMap<(&str, &str), (bool, bool)> = BTreeMap::new();
        for ((destination, source, _), way) in &ways {
            let (shut, other) = reach.entry((*destination, *source)).or_default();
            *shut |= *way == Way::Shut;
            *other |= *way != Way::Shut;
        }
        let cut_off =
            reach.into_iter().filter(|(_, (shut, other))| *shut && !other).map(|(who, _)| who).collect();
        Self { snapshot, inventory, ways, away, cut_off }
    }

    pub(super) fn engine_down(&self) -> bool {
        matches!(self.snapshot.sight.engine, Engine::Down { .. })
    }

    /// True where a failed lookup cannot be put down to a silent Engine: it has answered something that
    /// it was asked after the failures began, and has not just come back.
    pub(super) fn engine_vouches(&self, record: &Record) -> bool {
        match self.snapshot.sight.engine {
            Engine::Up { back_since, asked_at } => {
                asked_at >= record.since && back_since.is_none_or(|back| record.at > back + AFTER_ABSENCE)
            }
            Engine::NotAsked | Engine::Down { .. } => false,
        }
    }

    pub(super) fn destinations(&self) -> impl Iterator<Item = &'a Destination> + use<'a> {
        self.inventory.into_iter().flat_map(|i| &i.destinations)
    }

    /// Every endpoint with its destination.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = (&'a Destination, &'a Endpoint)> + use<'a> {
        self.destinations().flat_map(|d| d.endpoints.iter().map(move |e| (d, e)))
    }

    /// Detached or stopped: its name and its ports fail for that reason.
    pub(super) fn is_away(&self, destination: &str, name: &str) -> bool {
        self.away.contains(&(destination, name))
    }

    /// Reaches nobody, the gateway included: what it says of others is about itself.
    pub(super) fn is_cut_off(&self, destination: &str, source: &str) -> bool {
        self.cut_off.contains(&(destination, source))
    }

    /// Who says what of the ways to a target. Sources that reach nobody are not heard, unless the
    /// destination has no other.
    pub(super) fn ways_to(&self, destination: &str, target: &str) -> Vec<(&'a str, Way)> {
        let anybody = self.ways.keys().any(|(d, s, _)| *d == destination && !self.is_cut_off(d, s));
        self.ways
            .iter()
            .filter(|((d, _, t), _)| *d == destination && *t == target)
            .filter(|((d, s, _), _)| !anybody || !self.is_cut_off(d, s))
            .map(|((_, s, _), way)| (*s, *way))
            .collect()
    }

    /// Whom a source was seen to reach and not to reach.
    pub(super) fn ways_from(&self, destination: &str, source: &str) -> Vec<(&'a str, Way)> {
        self.ways
            .iter()
            .filter(|((d, s, _), _)| *d == destination && *s == source)
            .map(|((_, _, t), way)| (*t, *way))
            .collect()
    }

    /// Nobody who is heard reaches it, and somebody tried.
    pub(super) fn is_unreachable(&self, destination: &str, target: &str) -> bool {
        let ways = self.ways_to(destination, target);
        ways.iter().any(|(_, way)| *way == Way::Shut) && ways.iter().all(|(_, way)| *way == Way::Shut)
    }

    /// The failing probes that look at a target, or that look out of a source, in words.
    pub(super) fn symptoms(&self, destination: &str, of: impl Fn(&ProbeKey) -> bool) -> Vec<String> {
        super::words::listed(
            self.failing(destination, of).map(|(key, record)| super::words::symptom(key, record)),
        )
    }

    /// The failing probes of a destination that are wanted.
    pub(super) fn failing<'s>(
        &'s self,
        destination: &'s str,
        of: impl Fn(&ProbeKey) -> bool + 's,
    ) -> impl Iterator<Item = (&'a ProbeKey, &'a Record)> + 's {
        self.snapshot
            .probes
            .iter()
            .filter(move |(key, record)| &*key.destination == destination && fails(record) && of(key))
    }

    /// When the oldest of these rows of failures began.
    pub(super) fn since(&self, destination: &str, of: impl Fn(&ProbeKey) -> bool) -> SystemTime {
        self.failing(destination, of).map(|(_, record)| record.since).min().unwrap_or(self.snapshot.at)
    }
}
