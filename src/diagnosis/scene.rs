//! What several rules ask of a snapshot: who reaches whom, who is away, what accounts for what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::inventory::{ContainerId, Destination, Endpoint, Inventory, RunState};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::{Engine, Record, Snapshot};

use super::certificates::{self, Shown};
use super::firewall::{self, Filter};
use super::proxy::provider_broken::{self, Knowledge};
use super::route::walk::{self, Walk};

/// A measurement fails once this many runs in a row failed: a single lost packet wakes nobody.
pub(super) const ENOUGH: u32 = 2;
/// What ran when the Engine came back may have been asked while it was away: longer than any probe
/// waits by default. All of it is asked anew meanwhile.
pub const AFTER_ABSENCE: Duration = Duration::from_secs(10);

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

/// What is known of a way, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) way: Way,
    /// Since when it is so.
    since: SystemTime,
    /// When that was last seen.
    at: SystemTime,
}

impl Path {
    /// Two ways of which one is open and one is shut *at the same time*: each was seen so after the
    /// other had become so. Else one of the two is only yesterday's news.
    pub(super) fn contradicts(self, other: Self) -> bool {
        matches!((self.way, other.way), (Way::Open, Way::Shut) | (Way::Shut, Way::Open))
            && self.at >= other.since
            && other.at >= self.since
    }

    /// When it was last seen.
    pub(super) const fn at(self) -> SystemTime {
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

/// A snapshot's answers to what rules ask.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) inventory: Option<&'a Inventory>,
    /// The host's packet filter, where it can be read.
    pub(super) filter: Option<Filter<'a>>,
    /// Every route, walked.
    pub(super) walks: Vec<Walk<'a>>,
    /// By what a person calls them, the place of each among them.
    titles: BTreeMap<Arc<str>, usize>,
    /// Domains that are served, and whether the certificate that visitors get is judged.
    pub(super) domains: BTreeMap<&'a str, bool>,
    /// The certificates that proxies presented, judged.
    pub(super) certificates: Vec<Shown<'a>>,
    /// What each proxy was seen to know of its routes.
    pub(super) knowledge: BTreeMap<&'a ContainerId, Knowledge>,
    /// Everything that is probed, by destination.
    looks: BTreeMap<&'a str, Vec<Look<'a>>>,
    /// Lookups, by destination and source.
    lookups: BTreeMap<(&'a str, &'a str), Vec<Look<'a>>>,
    /// What sources say of their way (icmp and tcp), by destination and target.
    ways_to: BTreeMap<(&'a str, &'a str), Vec<(&'a str, Path)>>,
    /// The same by destination and source, with the targets.
    ways_from: BTreeMap<(&'a str, &'a str), Vec<(&'a str, Path)>>,
    /// By destination and source: ways that the source's own kernel forbids. They speak of the source.
    barred: BTreeMap<(&'a str, &'a str), Vec<Look<'a>>>,
    /// Destinations on which somebody reaches anybody.
    heard: BTreeSet<&'a str>,
    /// Destination and endpoint name of those that ought to be there and are not.
    away: BTreeSet<(&'a str, &'a str)>,
    /// Destination and source of those that reach nobody at all, the gateway included.
    cut_off: BTreeMap<(&'a str, &'a str), Path>,
    /// Destinations whose containers the host's packet filter keeps from each other.
    apart: BTreeSet<&'a str>,
}

/// A probe and its latest record.
pub(super) type Look<'a> = (&'a ProbeKey, &'a Record);

/// True where the latest run looked and the last ones failed.
pub(super) fn fails(record: &Record) -> bool {
    record.failures_in_a_row >= ENOUGH && matches!(record.outcome, Outcome::Failure(_))
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

/// True for the kinds that say whether a container is reached.
pub(super) const fn walks(kind: ProbeKind) -> bool {
    matches!(kind, ProbeKind::Icmp | ProbeKind::Tcp)
}

/// The record's row is one of failures or successes: a failure that is an answer opens the way now.
pub(super) fn path(key: &ProbeKey, record: &Record) -> Path {
    let way = way(key, record);
    let answered = way == Way::Open && matches!(record.outcome, Outcome::Failure(_));
    Path { way, since: if answered { record.at } else { record.since }, at: record.at }
}

/// Destination and source of those that no echo comes back to from anywhere, though handshakes do: they
/// drop the replies, and what their echoes say of others is about themselves.
fn deaf(snapshot: &Snapshot) -> BTreeSet<(&str, &str)> {
    let mut heard: BTreeMap<(&str, &str), (bool, bool)> = BTreeMap::new();
    for (key, record) in snapshot.probes.iter().filter(|(key, _)| walks(key.kind)) {
        let (echo, handshake) = heard.entry((&key.destination, &key.source)).or_default();
        let open = way(key, record) == Way::Open;
        *echo |= open && key.kind == ProbeKind::Icmp;
        *handshake |= open && key.kind == ProbeKind::Tcp;
    }
    heard.into_iter().filter(|(_, (echo, handshake))| *handshake && !echo).map(|(who, _)| who).collect()
}

fn paused(inventory: Option<&Inventory>) -> impl Iterator<Item = (&Destination, &Endpoint)> {
    inventory.into_iter().flat_map(|inventory| {
        let is_paused =
            |e: &&Endpoint| inventory.container(&e.container).is_some_and(|c| c.state == RunState::Paused);
        inventory
            .destinations
            .iter()
            .flat_map(move |d| d.endpoints.iter().filter(is_paused).map(move |e| (d, e)))
    })
}

impl<'a> Scene<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let inventory = snapshot.inventory.as_deref();
        let deaf = deaf(snapshot);
        let mut looks: BTreeMap<&str, Vec<Look<'_>>> = BTreeMap::new();
        let mut lookups: BTreeMap<(&str, &str), Vec<Look<'_>>> = BTreeMap::new();
        let mut barred: BTreeMap<(&str, &str), Vec<Look<'_>>> = BTreeMap::new();
        let mut ways: BTreeMap<(&str, &str, &str), Path> = BTreeMap::new();
        for (key, record) in snapshot.probes.iter() {
            looks.entry(&key.destination).or_default().push((key, record));
            if key.kind == ProbeKind::Dns {
                lookups.entry((&key.destination, &key.source)).or_default().push((key, record));
            }
            // Who could not look says nothing: neither for a way nor against it.
            let looked = !matches!(record.outcome, Outcome::Unknown(_));
            if !looked || !walks(key.kind) || key.source == key.target {
                continue;
            }
            let deaf = key.kind == ProbeKind::Icmp && deaf.contains(&(&*key.destination, &*key.source));
            if deaf {
                continue;
            }
            if record.seen.local && matches!(record.outcome, Outcome::Failure(_)) {
                // No route at all is what a container has while it is taken down: its peers tell more of it.
                if fails(record) && record.outcome == Outcome::Failure(Reason::Prohibited) {
                    barred.entry((&*key.destination, &*key.source)).or_default().push((key, record));
                }
                continue;
            }
            let mut new = path(key, record);
            if new.way == Way::Shut && firewall::is_of_old_rules(snapshot, record) {
                new.way = Way::Unclear;
            }
            ways.entry((&*key.destination, &*key.source, &*key.target))
                .and_modify(|old| *old = old.and(new))
                .or_insert(new);
        }
        // Of a way that its kernel forbids a source the rest that fails (a handshake whose packets the same
        // rule swallows) tells nothing more.
        ways.retain(|(destination, source, target), path| {
            let barred = barred.get(&(*destination, *source));
            path.way == Way::Open || !barred.into_iter().flatten().any(|(key, _)| *key.target == **target)
        });
        let destinations = || inventory.into_iter().flat_map(|i| &i.destinations);
        let missing =
            destinations().flat_map(|d| d.detached.iter().chain(&d.stopped).map(|m| (&*d.name, &*m.name)));
        let away = missing.chain(paused(inventory).map(|(d, e)| (&*d.name, &*e.name))).collect();
        let mut cut_off: BTreeMap<(&str, &str), Path> = BTreeMap::new();
        for ((destination, source, _), path) in &ways {
            cut_off.entry((*destination, *source)).and_modify(|all| *all = all.and(*path)).or_insert(*path);
        }
        cut_off.retain(|_, path| path.way == Way::Shut);
        let mut ways_to: BTreeMap<(&str, &str), Vec<(&str, Path)>> = BTreeMap::new();
        let mut ways_from: BTreeMap<(&str, &str), Vec<(&str, Path)>> = BTreeMap::new();
        let mut heard = BTreeSet::new();
        for ((destination, source, target), path) in &ways {
            ways_to.entry((*destination, *target)).or_default().push((*source, *path));
            ways_from.entry((*destination, *source)).or_default().push((*target, *path));
            if !cut_off.contains_key(&(*destination, *source)) {
                heard.insert(*destination);
            }
        }
        let mut scene = Self {
            snapshot,
            inventory,
            filter: Filter::of(snapshot),
            walks: Vec::new(),
            titles: BTreeMap::new(),
            knowledge: BTreeMap::new(),
            domains: BTreeMap::new(),
            certificates: Vec::new(),
            looks,
            lookups,
            ways_to,
            ways_from,
            barred,
            heard,
            away,
            cut_off,
            apart: BTreeSet::new(),
        };
        let apart = scene.destinations().filter(|on| firewall::keeps_apart(&scene, on).is_some());
        scene.apart = apart.map(|on| &*on.name).collect();
        scene.walks = walk::walks(snapshot, &|on, name| {
            scene.is_away(on, name) || scene.is_lost(on, name) || scene.is_kept_apart(on)
        });
        scene.certificates = certificates::shown(&scene);
        scene.domains = certificates::domains(&scene);
        scene.knowledge = provider_broken::knowledge(&scene.walks);
        for (at, walk) in scene.walks.iter().enumerate() {
            scene.titles.entry(walk.route.title()).or_insert(at);
        }
        scene
    }

    /// The route of this title.
    pub(super) fn walk(&self, title: &str) -> Option<&Walk<'a>> {
        self.walks.get(*self.titles.get(title)?)
    }

    /// Something that is no proxy in a container may serve the host's web ports.
    pub(super) fn has_another_web_server(&self) -> bool {
        let ports = self.snapshot.sight.host_ports.as_ref();
        ports.is_some_and(|ports| ports.contains(&80) || ports.contains(&443))
    }

    pub(super) fn engine_down(&self) -> bool {
        matches!(self.snapshot.sight.engine, Engine::Down { .. })
    }

    /// True where a failed lookup cannot be put down to a silent Engine: it has answered something that
    /// it was asked after the failures began, and has not just come back.
    pub(super) fn engine_vouches(&self, record: &Record) -> bool {
        match self.snapshot.sight.engine {
            Engine::Up { asked_at, .. } => {
                let back = self.snapshot.sight.engine.may_be_back_since();
                asked_at >= record.since && back.is_none_or(|back| record.at > back + AFTER_ABSENCE)
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

    /// Containers that are paused, where they have endpoints.
    pub(super) fn paused(&self) -> impl Iterator<Item = (&'a Destination, &'a Endpoint)> + use<'a> {
        paused(self.inventory)
    }

    /// Detached, stopped or paused: its name and its ports fail for that reason.
    pub(super) fn is_away(&self, destination: &str, name: &str) -> bool {
        self.away.contains(&(destination, name))
    }

    /// The host's packet filter keeps its containers from each other: what they say of each other is about that.
    pub(super) fn is_kept_apart(&self, destination: &str) -> bool {
        self.apart.contains(destination)
    }

    /// Reaches nobody, the gateway included: what it says of others is about itself.
    pub(super) fn is_cut_off(&self, destination: &str, source: &str) -> bool {
        self.cut_off.contains_key(&(destination, source))
    }

    /// Since when, and as of when, a source reaches nobody.
    pub(super) fn cut_off(&self, destination: &str, source: &str) -> Option<Path> {
        self.cut_off.get(&(destination, source)).copied()
    }

    /// Who says what of the ways to a target. Sources that reach nobody are not heard, unless the
    /// destination has no other.
    pub(super) fn ways_to(&self, destination: &str, target: &str) -> Vec<(&'a str, Path)> {
        let anybody = self.heard.contains(destination);
        let ways = self.ways_to.get(&(destination, target));
        let heard = |source: &str| !anybody || !self.is_cut_off(destination, source);
        ways.into_iter().flatten().filter(|(source, _)| heard(source)).copied().collect()
    }

    /// Whom a source was seen to reach and not to reach.
    pub(super) fn ways_from(&self, destination: &str, source: &str) -> Vec<(&'a str, Path)> {
        self.ways_from.get(&(destination, source)).into_iter().flatten().copied().collect()
    }

    /// The latest of each probe on a destination.
    /// Whether there is sight of this destination: every namespace can be entered, or somebody on it was looked out of.
    pub(super) fn sees(&self, destination: &str) -> bool {
        let knows = |(_, record): &Look<'_>| !matches!(record.outcome, Outcome::Unknown(_));
        matches!(self.snapshot.sight.namespaces, Some(Ok(()))) || self.looks(destination).iter().any(knows)
    }

    pub(super) fn looks(&self, destination: &str) -> &[Look<'a>] {
        self.looks.get(destination).map_or(&[], Vec::as_slice)
    }

    /// The latest of each lookup that a source makes.
    pub(super) fn lookups<'s>(
        &'s self,
        destination: &'s str,
        source: &'s str,
    ) -> impl Iterator<Item = Look<'a>> + 's {
        self.lookups.get(&(destination, source)).into_iter().flatten().copied()
    }

    /// What a source's echoes and handshakes saw, where they could look.
    pub(super) fn walks_of<'s>(
        &'s self,
        destination: &'s str,
        source: &'s str,
    ) -> impl Iterator<Item = Look<'a>> + 's {
        self.looks(destination).iter().copied().filter(move |(key, record)| {
            walks(key.kind) && *key.source == *source && !matches!(record.outcome, Outcome::Unknown(_))
        })
    }

    /// Nothing but unanswered echoes speaks against it, and it reaches others itself: it drops ping, as
    /// many do.
    pub(super) fn only_drops_ping(&self, destination: &str, name: &str) -> bool {
        let tried = |(key, record): &Look<'a>| {
            key.kind == ProbeKind::Tcp
                && *key.target == *name
                && !matches!(record.outcome, Outcome::Unknown(_))
        };
        !self.looks(destination).iter().any(tried)
            && self.ways_from(destination, name).iter().any(|(_, path)| path.way == Way::Open)
    }

    /// What the kernel of a source forbids it.
    pub(super) fn barred(&self, destination: &str, source: &str) -> Vec<Look<'a>> {
        self.barred.get(&(destination, source)).cloned().unwrap_or_default()
    }

    /// Nobody reaches it, and that is more than that it drops ping.
    pub(super) fn is_lost(&self, destination: &str, name: &str) -> bool {
        self.is_unreachable(destination, name) && !self.only_drops_ping(destination, name)
    }

    /// Nobody who is heard reaches it, and somebody tried.
    pub(super) fn is_unreachable(&self, destination: &str, target: &str) -> bool {
        let ways = self.ways_to(destination, target);
        !ways.is_empty() && ways.iter().all(|(_, path)| path.way == Way::Shut)
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
        self.looks(destination).iter().copied().filter(move |(key, record)| fails(record) && of(key))
    }

    /// When the oldest of these rows of failures began.
    pub(super) fn since(&self, destination: &str, of: impl Fn(&ProbeKey) -> bool) -> SystemTime {
        self.failing(destination, of).map(|(_, record)| record.since).min().unwrap_or(self.snapshot.at)
    }
}
