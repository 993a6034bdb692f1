//! Everything that is probed, in the order of its keys: what a rule wants of it lies together, and is found by halving.

use std::collections::HashMap;
use std::ops::Range;

use crate::inventory::swarm::TASKS;
use crate::outcome::{Outcome, ProbeKey, ProbeKind};
use crate::state::{Record, Snapshot};

use super::ENOUGH;

/// So many of the last eight runs lost something, at the least, where anybody asks for what loses packets.
pub(in crate::diagnosis) const LOSSY: u32 = 2;

/// A probe and its latest record.
pub(in crate::diagnosis) type Look<'a> = (&'a ProbeKey, &'a Record);

/// True where the latest run looked and the last ones failed.
pub(in crate::diagnosis) fn fails(record: &Record) -> bool {
    record.failures_in_a_row >= ENOUGH && matches!(record.outcome, Outcome::Failure(_))
}

/// A lookup of a Swarm's service. While its tasks end the name is taken away before they are, and the Engine passes the
/// question on to whoever is outside: what comes of that says nothing of any container. The answers are held against the
/// gossip instead.
fn is_of_a_service(snapshot: &Snapshot, key: &ProbeKey) -> bool {
    let on = || snapshot.inventory.as_ref()?.destination(&key.destination);
    key.kind == ProbeKind::Dns && key.target.starts_with(TASKS) && on().is_some_and(|on| on.overlay.is_some())
}

pub(super) struct Looks<'a> {
    all: Vec<Look<'a>>,
    /// Where each destination's are, by name.
    places: Vec<(&'a str, Range<usize>)>,
    /// Those that fail. Mostly there are none: whoever asks for them alone need not go through all.
    failing: Vec<Look<'a>>,
    /// The same by destination and by either end.
    failing_at: HashMap<&'a str, HashMap<&'a str, Vec<Look<'a>>>>,
    /// Those that lost packets in more than one of the last eight runs, by destination.
    lossy: HashMap<&'a str, Vec<Look<'a>>>,
}

impl<'a> Looks<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let all: Vec<Look<'a>> =
            snapshot.probes.iter().filter(|(key, _)| !is_of_a_service(snapshot, key)).collect();
        let mut places: Vec<(&str, Range<usize>)> = Vec::new();
        for of_one in all.chunk_by(|(a, _), (b, _)| a.destination == b.destination) {
            let from = places.last().map_or(0, |(_, before)| before.end);
            let name = of_one.first().map_or("", |(key, _)| &*key.destination);
            places.push((name, from..from + of_one.len()));
        }
        let mut looks =
            Self { all, places, failing: Vec::new(), failing_at: HashMap::new(), lossy: HashMap::new() };
        for (key, record) in looks.all.iter().copied() {
            if (record.losses & 0xff).count_ones() >= LOSSY {
                looks.lossy.entry(&key.destination).or_default().push((key, record));
            }
            if fails(record) {
                looks.failing.push((key, record));
                let here = looks.failing_at.entry(&key.destination).or_default();
                here.entry(&key.source).or_default().push((key, record));
                if key.target != key.source {
                    here.entry(&key.target).or_default().push((key, record));
                }
            }
        }
        looks
    }

    /// By destination, each with its name.
    pub(super) fn by_destination(&self) -> impl Iterator<Item = (&'a str, &[Look<'a>])> {
        self.places.iter().map(|(name, at)| (*name, self.all.get(at.clone()).unwrap_or_default()))
    }

    pub(super) fn failing(&self) -> &[Look<'a>] {
        &self.failing
    }

    pub(super) fn lossy(&self, destination: &str) -> &[Look<'a>] {
        self.lossy.get(destination).map_or(&[], Vec::as_slice)
    }

    /// What fails on the way to an endpoint of the destination, or from it.
    pub(super) fn failing_at(&self, destination: &str, end: &str) -> &[Look<'a>] {
        self.failing_at.get(destination).and_then(|here| here.get(end)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn on(&self, destination: &str) -> &[Look<'a>] {
        let found = self.places.binary_search_by(|(name, _)| (*name).cmp(destination)).ok();
        let at = found.and_then(|found| self.places.get(found)).map_or(0..0, |(_, at)| at.clone());
        self.all.get(at).unwrap_or_default()
    }
}

/// Those of one kind, among a destination's.
pub(super) fn of_kind<'s, 'a>(looks: &'s [Look<'a>], kind: ProbeKind) -> &'s [Look<'a>] {
    alike(looks, |key| key.kind.cmp(&kind))
}

/// Those of one source, among a destination's of one kind.
pub(super) fn of_source<'s, 'a>(looks: &'s [Look<'a>], source: &str) -> &'s [Look<'a>] {
    alike(looks, |key| (*key.source).cmp(source))
}

/// Those that compare as equal, of looks that are in order.
fn alike<'s, 'a>(looks: &'s [Look<'a>], compare: impl Fn(&ProbeKey) -> std::cmp::Ordering) -> &'s [Look<'a>] {
    let from = looks.partition_point(|(key, _)| compare(key).is_lt());
    let to = looks.partition_point(|(key, _)| compare(key).is_le());
    looks.get(from..to).unwrap_or_default()
}
