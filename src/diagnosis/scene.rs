//! What several rules ask of a snapshot: who reaches whom, who is away, what accounts for what.

mod looks;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::inventory::{ContainerId, Destination, Endpoint, Inventory, RunState};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::{Engine, Record, Snapshot};

use super::certificates::{self, Shown};
use super::dns_alias_collision::{self, Answered, Collisions};
use super::firewall::{self, Filter};
use super::proxy::provider_broken::{self, Knowledge};
use super::route::walk::{self, Walk};

use looks::Looks;
pub(super) use looks::{LOSSY, Look, fails};
use ways::Ways;
pub(super) use ways::{Path, Way, path, walks};

/// A measurement fails once this many runs in a row failed: a single lost packet wakes nobody.
pub(super) const ENOUGH: u32 = 2;
/// What ran when the Engine came back may have been asked while it was away: longer than any probe
/// waits by default. All of it is asked anew meanwhile.
pub const AFTER_ABSENCE: Duration = Duration::from_secs(10);
/// The Engine takes a Swarm's task its names away two seconds before it tells it to end (moby,
/// `daemon/cluster/executor/container/controller.go`), and by the next listing they are not looked for any more.
const NAMELESS_AFTER: Duration = Duration::from_secs(5);

/// Where a container has endpoints, by destination.
pub(super) type Places<'a> = Vec<(&'a Destination, &'a Endpoint)>;

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
    /// Where each container has its endpoints.
    pub(super) places: BTreeMap<&'a ContainerId, Places<'a>>,
    /// Names with two workloads or more behind them.
    pub(super) collisions: Collisions<'a>,
    /// The same by what they are answered with, where not all who bear them are on this host.
    pub(super) answered: Answered<'a>,
    /// Everything that is probed.
    looks: Looks<'a>,
    /// Who reaches whom.
    ways: Ways<'a>,
    /// Destination and endpoint name of those that ought to be there and are not.
    away: BTreeSet<(&'a str, &'a str)>,
    /// Destinations whose containers the host's packet filter keeps from each other.
    apart: BTreeSet<&'a str>,
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
        let looks = Looks::of(snapshot);
        let ways = Ways::of(snapshot, &looks);
        let destinations = || inventory.into_iter().flat_map(|i| &i.destinations);
        let missing =
            destinations().flat_map(|d| d.detached.iter().chain(&d.stopped).map(|m| (&*d.name, &*m.name)));
        let away = missing.chain(paused(inventory).map(|(d, e)| (&*d.name, &*e.name))).collect();
        let mut scene = Self {
            snapshot,
            inventory,
            filter: Filter::of(snapshot),
            walks: Vec::new(),
            titles: BTreeMap::new(),
            knowledge: BTreeMap::new(),
            domains: BTreeMap::new(),
            certificates: Vec::new(),
            places: BTreeMap::new(),
            collisions: inventory.map(dns_alias_collision::collisions).unwrap_or_default(),
            answered: Answered::new(),
            looks,
            ways,
            away,
            apart: BTreeSet::new(),
        };
        scene.answered = dns_alias_collision::answered(&scene);
        for (on, endpoint) in scene.endpoints() {
            scene.places.entry(&endpoint.container).or_default().push((on, endpoint));
        }
        let apart = scene.destinations().filter(|on| firewall::keeps_apart(&scene, on).is_some());
        scene.apart = apart.map(|on| &*on.name).collect();
        scene.walks = walk::walks(&scene, &|on, name| {
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

    /// True where two workloads of this host bear the name by the Engine's own word.
    pub(super) fn is_listed_twice(&self, destination: &str, name: &str) -> bool {
        self.collisions.contains_key(&(destination, name.to_owned()))
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

    /// True where whom a failing lookup is about still ought to be found: of a Swarm's task a picture says so that is younger
    /// than the failures. On an overlay strangers in an answer may have started on another node: there a lookup says so that
    /// is younger than that picture.
    pub(super) fn is_still_named(&self, (key, record): Look<'_>) -> bool {
        let Some(inventory) = self.inventory else { return true };
        let on = inventory.destination(&key.destination);
        let target = on.and_then(|on| on.endpoint(&key.target));
        let container = target.and_then(|endpoint| inventory.container(&endpoint.container));
        let is_task = container.is_some_and(|container| container.task_of.is_some());
        let is_pictured = inventory.taken_at >= record.since + NAMELESS_AFTER;
        if record.outcome.reason() == Some(Reason::WrongAnswer) && on.is_some_and(|on| on.overlay.is_some()) {
            return is_pictured && record.at >= inventory.taken_at;
        }
        !is_task || is_pictured
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
        self.cut_off(destination, source).is_some()
    }

    /// Since when, and as of when, a source reaches nobody.
    pub(super) fn cut_off(&self, destination: &str, source: &str) -> Option<Path> {
        self.ways.cut_off(destination, source)
    }

    /// Who says what of the ways to a target. Sources that reach nobody are not heard, unless the
    /// destination has no other.
    pub(super) fn ways_to(&self, destination: &str, target: &str) -> &[(&'a str, Path)] {
        self.ways.to(destination, target)
    }

    /// Whom a source was seen to reach and not to reach.
    pub(super) fn ways_from(&self, destination: &str, source: &str) -> &[(&'a str, Path)] {
        self.ways.from(destination, source)
    }

    /// Whether there is sight of this destination: every namespace can be entered, or somebody on it was looked out of.
    pub(super) fn sees(&self, destination: &str) -> bool {
        let knows = |(_, record): &Look<'_>| !matches!(record.outcome, Outcome::Unknown(_));
        matches!(self.snapshot.sight.namespaces, Some(Ok(()))) || self.looks(destination).iter().any(knows)
    }

    /// The latest of each probe on a destination.
    pub(super) fn looks(&self, destination: &str) -> &[Look<'a>] {
        self.looks.on(destination)
    }

    /// The same, of one kind.
    pub(super) fn looks_of(&self, destination: &str, kind: ProbeKind) -> &[Look<'a>] {
        looks::of_kind(self.looks.on(destination), kind)
    }

    /// The latest of each probe of one kind, wherever it is.
    pub(super) fn everywhere(&self, kind: ProbeKind) -> impl Iterator<Item = Look<'a>> {
        self.looks.by_destination().flat_map(move |(_, looks)| looks::of_kind(looks, kind)).copied()
    }

    /// What fails of one kind, wherever it is.
    pub(super) fn failing_everywhere(&self, kind: ProbeKind) -> impl Iterator<Item = Look<'a>> {
        self.looks.failing().iter().copied().filter(move |(key, _)| key.kind == kind)
    }

    /// What lost packets on a destination, in more than one of the last eight runs.
    pub(super) fn lossy(&self, destination: &str) -> &[Look<'a>] {
        self.looks.lossy(destination)
    }

    /// The latest of each lookup that a source makes.
    pub(super) fn lookups(&self, destination: &str, source: &str) -> impl Iterator<Item = Look<'a>> {
        looks::of_source(self.looks_of(destination, ProbeKind::Dns), source).iter().copied()
    }

    /// What a source's echoes and handshakes saw, where they could look.
    pub(super) fn walks_of(&self, destination: &str, source: &str) -> impl Iterator<Item = Look<'a>> {
        let of = |kind| looks::of_source(self.looks_of(destination, kind), source).iter().copied();
        let all = of(ProbeKind::Icmp).chain(of(ProbeKind::Tcp));
        all.filter(|(_, record)| !matches!(record.outcome, Outcome::Unknown(_)))
    }

    /// Nothing but unanswered echoes speaks against it, and it reaches others itself: it drops ping, as
    /// many do.
    pub(super) fn only_drops_ping(&self, destination: &str, name: &str) -> bool {
        let tried =
            |(key, record): &Look<'a>| *key.target == *name && !matches!(record.outcome, Outcome::Unknown(_));
        // Where nobody gets through the failures are the shorter list.
        let failed = |key: &ProbeKey| key.kind == ProbeKind::Tcp && *key.target == *name;
        self.failing(destination, name, failed).next().is_none()
            && !self.looks_of(destination, ProbeKind::Tcp).iter().any(tried)
            && self.ways_from(destination, name).iter().any(|(_, path)| path.way == Way::Open)
    }

    /// What the kernel of a source forbids it.
    pub(super) fn barred(&self, destination: &str, source: &str) -> &[Look<'a>] {
        self.ways.barred(destination, source)
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

    /// What fails on the way to an endpoint, or from it, as far as it is wanted.
    pub(super) fn failing(
        &self,
        destination: &str,
        end: &str,
        of: impl Fn(&ProbeKey) -> bool,
    ) -> impl Iterator<Item = Look<'a>> {
        self.looks.failing_at(destination, end).iter().copied().filter(move |(key, _)| of(key))
    }

    /// The same in words.
    pub(super) fn symptoms(
        &self,
        destination: &str,
        end: &str,
        of: impl Fn(&ProbeKey) -> bool,
    ) -> Vec<String> {
        let failing = self.failing(destination, end, of);
        super::words::listed(failing.map(|(key, record)| super::words::symptom(key, record)))
    }

    /// When the oldest of these rows of failures began.
    pub(super) fn since(&self, destination: &str, end: &str, of: impl Fn(&ProbeKey) -> bool) -> SystemTime {
        let failing = self.failing(destination, end, of);
        failing.map(|(_, record)| record.since).min().unwrap_or(self.snapshot.at)
    }
}
