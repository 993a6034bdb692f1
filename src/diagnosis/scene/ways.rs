//! Who reaches whom: what all the probes of one source say together of its way to one target.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use crate::diagnosis::firewall;
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::{Record, Snapshot};

use super::ENOUGH;
use super::looks::{Look, Looks, fails, of_kind, of_source};

/// What all the probes of one source say of its way to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnosis) enum Way {
    /// Something came back.
    Open,
    /// Nothing came back, more than once, on any probe.
    Shut,
    /// Not measured enough, or not seen now.
    Unclear,
}

/// What is known of a way, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnosis) struct Path {
    pub(in crate::diagnosis) way: Way,
    /// Since when it is so.
    since: SystemTime,
    /// When that was last seen.
    at: SystemTime,
}

impl Path {
    /// Two ways of which one is open and one is shut *at the same time*: each was seen so after the
    /// other had become so. Else one of the two is only yesterday's news.
    pub(in crate::diagnosis) fn contradicts(self, other: Self) -> bool {
        matches!((self.way, other.way), (Way::Open, Way::Shut) | (Way::Shut, Way::Open))
            && self.at >= other.since
            && other.at >= self.since
    }

    /// When it was last seen.
    pub(in crate::diagnosis) const fn at(self) -> SystemTime {
        self.at
    }

    /// Both together: one answer opens the way; one doubt keeps it from being called shut.
    fn and(self, other: Self) -> Self {
        let (since, at) = (self.since, self.at);
        match (self.way, other.way) {
            (Way::Open, Way::Open) => {
                Self { way: Way::Open, since: since.min(other.since), at: at.max(other.at) }
            }
            (Way::Open, _) => self,
            (_, Way::Open) => other,
            // Shut only since the last of them is, and as of the oldest look.
            (Way::Shut, Way::Shut) => {
                Self { way: Way::Shut, since: since.max(other.since), at: at.min(other.at) }
            }
            _ => Self { way: Way::Unclear, since: since.max(other.since), at: at.min(other.at) },
        }
    }
}

/// True for the kinds that say whether a container is reached.
pub(in crate::diagnosis) const fn walks(kind: ProbeKind) -> bool {
    matches!(kind, ProbeKind::Icmp | ProbeKind::Tcp)
}

/// What one probe says of the way; a refusal is an answer: the packet got there and one came back.
fn way(key: &ProbeKey, record: &Record) -> Way {
    match &record.outcome {
        Outcome::Success(_) | Outcome::Failure(Reason::PacketLoss) => Way::Open,
        Outcome::Failure(Reason::Refused | Reason::Reset) if key.kind == ProbeKind::Tcp => Way::Open,
        Outcome::Failure(_) if record.failures_in_a_row >= ENOUGH => Way::Shut,
        Outcome::Failure(_) | Outcome::Unknown(_) => Way::Unclear,
    }
}

/// The record's row is one of failures or successes: a failure that is an answer opens the way now.
pub(in crate::diagnosis) fn path(key: &ProbeKey, record: &Record) -> Path {
    let way = way(key, record);
    let answered = way == Way::Open && matches!(record.outcome, Outcome::Failure(_));
    Path { way, since: if answered { record.at } else { record.since }, at: record.at }
}

/// The other end, and what is known of the way.
type Known<'a> = (&'a str, Path);

/// Every way, by destination.
pub(super) struct Ways<'a>(HashMap<&'a str, Here<'a>>);

/// The ways of one destination, by endpoint name.
#[derive(Default)]
struct Here<'a> {
    /// By who is to be reached: those who tried. Sources that reach nobody are not heard, unless the destination has no
    /// other.
    to: HashMap<&'a str, Vec<Known<'a>>>,
    /// By who tries.
    from: HashMap<&'a str, Vec<Known<'a>>>,
    /// By source: ways that the source's own kernel forbids. They speak of the source.
    barred: HashMap<&'a str, Vec<Look<'a>>>,
    /// Those that reach nobody at all, the gateway included.
    cut_off: HashMap<&'a str, Path>,
}

impl<'a> Ways<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, looks: &Looks<'a>) -> Self {
        Self(looks.by_destination().map(|(name, looks)| (name, Here::of(snapshot, looks))).collect())
    }

    pub(super) fn to(&self, destination: &str, target: &str) -> &[Known<'a>] {
        self.0.get(destination).and_then(|here| here.to.get(target)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn from(&self, destination: &str, source: &str) -> &[Known<'a>] {
        self.0.get(destination).and_then(|here| here.from.get(source)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn barred(&self, destination: &str, source: &str) -> &[Look<'a>] {
        self.0.get(destination).and_then(|here| here.barred.get(source)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn cut_off(&self, destination: &str, source: &str) -> Option<Path> {
        self.0.get(destination)?.cut_off.get(source).copied()
    }
}

impl<'a> Here<'a> {
    fn of(snapshot: &'a Snapshot, looks: &[Look<'a>]) -> Self {
        let mut here = Self::default();
        let ways = here.measured(snapshot, looks);
        let by_source: Vec<(&str, &[(&ProbeKey, Path)])> = ways
            .chunk_by(|(a, _), (b, _)| a.source == b.source)
            .filter_map(|ways| Some((&*ways.first()?.0.source, ways)))
            .collect();
        for (source, ways) in &by_source {
            let together = ways.iter().map(|(_, path)| *path).reduce(Path::and);
            if let Some(shut) = together.filter(|path| path.way == Way::Shut) {
                here.cut_off.insert(source, shut);
            }
        }
        let anybody = by_source.len() > here.cut_off.len();
        for (source, ways) in by_source {
            if !anybody || !here.cut_off.contains_key(source) {
                for (key, path) in ways {
                    here.to.entry(&key.target).or_default().push((source, *path));
                }
            }
            here.from.insert(source, ways.iter().map(|(key, path)| (&*key.target, *path)).collect());
        }
        here
    }

    /// What was measured, by source and target.
    fn measured(&mut self, snapshot: &'a Snapshot, looks: &[Look<'a>]) -> Vec<(&'a ProbeKey, Path)> {
        let [echoes, handshakes] = [ProbeKind::Icmp, ProbeKind::Tcp].map(|kind| of_kind(looks, kind));
        let deaf = deaf(echoes, handshakes);
        let mut ways: Vec<(&ProbeKey, Path)> = Vec::with_capacity(echoes.len() + handshakes.len());
        for (key, record) in echoes.iter().chain(handshakes) {
            // Who could not look says nothing: neither for a way nor against it.
            let looked = !matches!(record.outcome, Outcome::Unknown(_));
            let deaf = key.kind == ProbeKind::Icmp && deaf.contains(&*key.source);
            if !looked || key.source == key.target || deaf {
                continue;
            }
            if record.seen.local && matches!(record.outcome, Outcome::Failure(_)) {
                // No route at all is what a container has while it is taken down: its peers tell more of it.
                if fails(record) && record.outcome == Outcome::Failure(Reason::Prohibited) {
                    self.barred.entry(&key.source).or_default().push((key, record));
                }
                continue;
            }
            let mut new = path(key, record);
            if new.way == Way::Shut && firewall::is_of_old_rules(snapshot, record) {
                new.way = Way::Unclear;
            }
            ways.push((key, new));
        }
        // Two rows that are in order already.
        ways.sort_by(|(a, _), (b, _)| ends(a, b));
        ways.dedup_by(|(key, new), (before, path)| {
            let same = ends(key, before).is_eq();
            if same {
                *path = path.and(*new);
            }
            same
        });
        // Of a way that its kernel forbids a source the rest that fails (a handshake whose packets the same
        // rule swallows) tells nothing more.
        if !self.barred.is_empty() {
            let is_barred = |key: &ProbeKey| {
                let of_source = self.barred.get(&*key.source);
                of_source.is_some_and(|all| all.iter().any(|(other, _)| other.target == key.target))
            };
            ways.retain(|(key, path)| path.way == Way::Open || !is_barred(key));
        }
        ways
    }
}

/// By source, then target. Keys of one plan share their texts: what is the same text is not read.
fn ends(a: &ProbeKey, b: &ProbeKey) -> Ordering {
    let text = |a: &Arc<str>, b: &Arc<str>| if Arc::ptr_eq(a, b) { Ordering::Equal } else { a.cmp(b) };
    text(&a.source, &b.source).then_with(|| text(&a.target, &b.target))
}

/// Those of a destination that no echo comes back to from anywhere, though handshakes do: they drop the replies, and what
/// their echoes say of others is about themselves.
fn deaf<'a>(echoes: &[Look<'a>], handshakes: &[Look<'a>]) -> BTreeSet<&'a str> {
    let open = |(key, record): &Look<'_>| way(key, record) == Way::Open;
    let echoing = echoes.chunk_by(|(a, _), (b, _)| a.source == b.source);
    let unanswered = echoing.filter(|of_one| !of_one.iter().any(open)).filter_map(<[_]>::first);
    unanswered
        .map(|(key, _)| &*key.source)
        .filter(|source| of_source(handshakes, source).iter().any(open))
        .collect()
}
