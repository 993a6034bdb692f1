//! Public routes that go down and come up, and the containers that serve them.
//!
//! What a look says once is not told: a probe that failed is asked again at once, and what it says then counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::diagnosis::{Passage, Subject, Verdict, counted};
use crate::inventory::{Inventory, Route};

use super::{Concern, Flip, Kind, Time, name, span};

/// What is seen the other way for so long is the other way.
pub const STANDS: Duration = Duration::from_secs(1);
/// A route that no container asks for any more, for so long: a redeploy leaves a gap.
const STAYS_AWAY: Duration = Duration::from_secs(60);
/// And so many of them.
const MOST_AWAY: usize = 2000;
/// A container that does not serve a route any more counts as one that it lost, for so long.
const MISSED: Duration = Duration::from_secs(300);

/// Site and kind of proxy.
type Key = (Arc<str>, &'static str);

/// Up or down, and since when.
#[derive(Clone, Copy, Debug, Default)]
struct Switch {
    told: Option<bool>,
    since: Duration,
    /// The other way is seen since then.
    turning: Option<Duration>,
    /// It was seen now, and has to stand a little longer.
    waits: bool,
}

/// It is the other way now: since when, and how long it was not.
struct Turned {
    is_up: bool,
    onset: Duration,
    stood: Duration,
}

impl Switch {
    /// Takes what is seen; what nobody could see changes nothing.
    fn take(&mut self, seen: Option<bool>, now: Duration) -> Option<Turned> {
        self.waits = false;
        let seen = seen?;
        let Some(told) = self.told else {
            (self.told, self.since) = (Some(seen), now);
            return None;
        };
        if told == seen {
            self.turning = None;
            return None;
        }
        let onset = *self.turning.get_or_insert(now);
        if now.saturating_sub(onset) < STANDS {
            self.waits = true;
            return None;
        }
        let stood = onset.saturating_sub(self.since);
        *self = Self { told: Some(seen), since: onset, ..Self::default() };
        Some(Turned { is_up: seen, onset, stood })
    }
}

/// A container of a route, or two that take turns in a redeploy.
#[derive(Clone, Debug)]
struct Server {
    name: Arc<str>,
    switch: Switch,
    /// Where it stands among the route's backends.
    among: Vec<usize>,
}

impl Server {
    fn seen(&self, passage: &Passage) -> Option<bool> {
        let mut all = self.among.iter().map(|at| passage.backends.get(*at).copied().flatten());
        match all.clone().any(|one| one == Some(true)) {
            true => Some(true),
            // Of one that is gone nothing is unknown.
            false => all.all(|one| one == Some(false)).then_some(false),
        }
    }
}

/// A route.
#[derive(Clone, Debug)]
struct Way {
    title: Arc<str>,
    switch: Switch,
    servers: Vec<Server>,
    concern: Concern,
}

/// All routes, in the order of the inventory that they are of.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    of: Option<Weak<Inventory>>,
    keys: Vec<Key>,
    ways: Vec<Way>,
    /// Those of which no container asks any more, and since when.
    away: BTreeMap<Key, (Way, Duration)>,
}

impl Ways {
    pub fn take(&mut self, verdict: &Verdict, now: Time, flips: &mut Vec<Flip>) {
        let Some(inventory) = &verdict.snapshot.inventory else { return };
        if self.of.as_ref().is_none_or(|of| of.as_ptr() != Arc::as_ptr(inventory)) {
            self.look_anew(inventory, now, flips);
        }
        for (way, passage) in self.ways.iter_mut().zip(&verdict.passages) {
            way.take(passage, now.moment, flips);
        }
        let is_over =
            |_: &Key, (_, since): &mut (Way, Duration)| now.moment.saturating_sub(*since) >= STAYS_AWAY;
        for (_, (way, since)) in self.away.extract_if(.., is_over) {
            let clause =
                format!("the route {} was left: no container asks for it any more", name(&way.title));
            flips.push(way.flip("removed", clause, ".".to_owned(), since));
        }
    }

    /// Something is to be looked at again soon.
    pub fn wait(&self) -> bool {
        self.ways.iter().any(|way| way.switch.waits || way.servers.iter().any(|server| server.switch.waits))
    }

    /// Another inventory: who is in it keeps what was known of it.
    fn look_anew(&mut self, inventory: &Arc<Inventory>, now: Time, flips: &mut Vec<Flip>) {
        let is_first = self.of.replace(Arc::downgrade(inventory)).is_none();
        let keys = std::mem::take(&mut self.keys);
        let mut before: BTreeMap<Key, Way> = keys.into_iter().zip(std::mem::take(&mut self.ways)).collect();
        for route in &inventory.routes.served {
            let key = (Arc::clone(&route.site), route.kind.as_label());
            let known = before.remove(&key).or_else(|| self.away.remove(&key).map(|(way, _)| way));
            let is_new = known.is_none() && !is_first;
            let way = Way::of(route, known, now.moment);
            if is_new {
                let clause = format!(
                    "the route {} was added: {} asks for it",
                    name(&way.title),
                    name(&route.workload)
                );
                flips.push(way.flip("added", clause, ".".to_owned(), now.moment));
            }
            self.keys.push(key);
            self.ways.push(way);
        }
        let room = MOST_AWAY.saturating_sub(self.away.len());
        self.away.extend(before.into_iter().take(room).map(|(key, way)| (key, (way, now.moment))));
    }
}

impl Way {
    fn of(route: &Route, known: Option<Self>, now: Duration) -> Self {
        let (switch, mut old) = known.map_or_else(Default::default, |known| (known.switch, known.servers));
        let mut servers: Vec<Server> = Vec::new();
        for (at, backend) in route.backends.iter().enumerate() {
            // Of two that overlap in a redeploy the older one has its id behind its name.
            let behind = format!(" ({})", backend.container.short());
            let bare = backend.name.strip_suffix(&behind).unwrap_or(&backend.name);
            if let Some(same) = servers.iter_mut().find(|server| *server.name == *bare) {
                same.among.push(at);
                continue;
            }
            let known = old.iter().position(|server| *server.name == *bare).map(|at| old.swap_remove(at));
            let switch = known.map(|server| server.switch).unwrap_or_default();
            servers.push(Server { name: bare.into(), switch, among: vec![at] });
        }
        let is_missed = |server: &Server| match server.switch.told {
            Some(true) => true,
            Some(false) => now.saturating_sub(server.switch.since) < MISSED,
            None => false,
        };
        let gone = old.into_iter().filter(is_missed).map(|server| Server { among: Vec::new(), ..server });
        servers.extend(gone.take(64));
        let names = std::iter::once(&route.workload).chain(servers.iter().map(|server| &server.name));
        let concern = Concern {
            place: route.destination.clone(),
            names: names.cloned().collect(),
            is_proxied: true,
            is_of_networks: false,
        };
        Self { title: route.title(), switch, servers, concern }
    }

    fn take(&mut self, passage: &Passage, now: Duration, flips: &mut Vec<Flip>) {
        let had = self.serving();
        let (mut lost, mut back) = (Vec::new(), Vec::new());
        let mut onset = now;
        for server in &mut self.servers {
            if let Some(turned) = server.switch.take(server.seen(passage), now) {
                let of_it = if turned.is_up { &mut back } else { &mut lost };
                of_it.push(Arc::clone(&server.name));
                onset = onset.min(turned.onset);
            }
        }
        let title = name(&self.title);
        if let Some(Turned { is_up, onset, stood }) = self.switch.take(passage.up, now) {
            let (what, clause) = match is_up {
                true => ("up", format!("the route {title} came up again")),
                false => ("down", format!("the route {title} went down")),
            };
            let more = if is_up { format!("; it had been down for {}.", span(stood)) } else { why(passage) };
            let mut flip = self.flip(what, clause, more, onset);
            flip.stood = Some(stood);
            return flips.push(flip);
        }
        // What happens to the only one is told of the route.
        if self.servers.len() < 2 || self.switch.told == Some(false) {
            return;
        }
        let names = |all: &[Arc<str>]| {
            let some: Vec<String> = all.iter().take(3).map(|one| name(one)).collect();
            let more = all.len().saturating_sub(some.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", some.join(", "))
        };
        if !lost.is_empty() {
            let clause = format!("the proxy lost {} of {} of {title}", lost.len(), counted(had, "backend"));
            let more = format!(" ({}); {} left.", names(&lost), self.left());
            flips.push(self.flip("backend_lost", clause, more, onset));
        } else if !back.is_empty() {
            let clause = format!("the proxy got {} of {title} back", counted(back.len(), "backend"));
            let more = format!(" ({}); it has {}.", names(&back), counted(self.serving(), "backend"));
            flips.push(self.flip("backend_back", clause, more, onset));
        }
    }

    fn left(&self) -> String {
        match self.serving() {
            1 => "1 is".to_owned(),
            n => format!("{n} are"),
        }
    }

    /// How many serve it, as far as that was told.
    fn serving(&self) -> usize {
        self.servers.iter().filter(|server| server.switch.told == Some(true)).count()
    }

    fn flip(&self, what: &'static str, clause: String, more: String, onset: Duration) -> Flip {
        Flip {
            kind: Kind::Route,
            what,
            subject: Subject { kind: "route", name: Arc::clone(&self.title) },
            code: None,
            severity: None,
            stood: None,
            clause,
            more,
            onset,
            concern: self.concern.clone(),
        }
    }
}

/// The hop that a request does not pass.
fn why(passage: &Passage) -> String {
    let shut = passage.hops.iter().find(|hop| hop.passed == Some(false));
    match shut {
        Some(hop) if hop.detail.is_empty() => format!(": it ends at the {}.", hop.hop),
        Some(hop) => format!(": it ends at the {} ({}).", hop.hop, super::cut(&hop.detail)),
        None => ".".to_owned(),
    }
}
