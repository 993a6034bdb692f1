//! A public route, hop by hop: what was seen of each, as far as it counts.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::inventory::routes::{Backend, Choice, Placed, Route, Standing};
use crate::inventory::{Container, Inventory, Proxy};
use crate::outcome::{Detail, Outcome, Phase, ProbeKind, Reason, Scheme};
use crate::state::{Record, Snapshot};

use crate::diagnosis::firewall;
use crate::diagnosis::scene::{Look, Scene, fails};

use super::answers::{Said, said};
use super::cause::{Cause, cause};

/// What was started this short a time ago is still being deployed: it need not listen, and the proxy need not be on its
/// network yet.
pub(in crate::diagnosis) const DEPLOY: Duration = Duration::from_secs(10);
/// A backend and what the proxy's own probe saw of it.
#[derive(Clone, Copy)]
pub(in crate::diagnosis) struct Hop<'a> {
    pub(in crate::diagnosis) backend: &'a Backend,
    pub(in crate::diagnosis) container: Option<&'a Container>,
    pub(in crate::diagnosis) look: Option<Look<'a>>,
    pub(in crate::diagnosis) fault: Option<Fault>,
}

/// A door and what came through it.
#[derive(Clone, Copy)]
pub(in crate::diagnosis) struct Entry<'a> {
    pub(in crate::diagnosis) scheme: Scheme,
    pub(in crate::diagnosis) look: Look<'a>,
    /// What the answer is.
    pub(in crate::diagnosis) said: Said,
}

impl Entry<'_> {
    /// The site came, or the login before it.
    pub(in crate::diagnosis) const fn is_good(&self) -> bool {
        matches!(self.said, Said::Site | Said::Login)
    }

    /// Somebody could look.
    pub(in crate::diagnosis) const fn is_seen(&self) -> bool {
        !matches!(self.look.1.outcome, Outcome::Unknown(_))
    }
}

/// What is wrong with one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnosis) enum Fault {
    /// The proxy has no way to its network.
    NotAttached,
    /// There is no port to dial.
    NoPort,
    /// Nothing listens at the port.
    NotListening,
    /// It listens on a loopback address alone.
    LoopbackOnly,
    /// It takes the connection and says nothing, or not all.
    Silent,
    /// Its answer is a server error.
    ServerError,
    /// It answers with something else than HTTP, or hangs up.
    Garbage,
    /// Nothing comes back from it.
    Lost,
}

/// A route and what is known of its hops.
pub(in crate::diagnosis) struct Walk<'a> {
    pub(in crate::diagnosis) route: &'a Route,
    pub(in crate::diagnosis) proxy: Option<&'a Proxy>,
    pub(in crate::diagnosis) hops: Vec<Hop<'a>>,
    pub(in crate::diagnosis) entries: Vec<Entry<'a>>,
    pub(in crate::diagnosis) cause: Option<Cause>,
}

impl Walk<'_> {
    /// Nobody who is to serve it runs.
    pub(in crate::diagnosis) fn is_asleep(&self) -> bool {
        !self.hops.is_empty() && self.hops.iter().all(|hop| hop.backend.standing == Standing::Stopped)
    }
}

type Index<'a> = BTreeMap<(&'a str, Option<Scheme>, SocketAddr), Look<'a>>;

/// Every route, walked. `lost` tells of a container that nobody reaches, or that is not there.
pub(in crate::diagnosis) fn walks<'a>(scene: &Scene<'a>, lost: &dyn Fn(&str, &str) -> bool) -> Vec<Walk<'a>> {
    let snapshot = scene.snapshot;
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut index: Index<'a> = BTreeMap::new();
    let counts = |(key, record): &Look<'_>| match &key.detail {
        Detail::Door(..) => !firewall::is_of_old_ways_in(snapshot, record),
        _ => !firewall::is_of_old_rules(snapshot, record),
    };
    for (key, record) in scene.everywhere(ProbeKind::Route).filter(counts) {
        match &key.detail {
            Detail::Backend(site, at) => drop(index.insert((site, None, *at), (key, record))),
            Detail::Door(scheme, site, at) => drop(index.insert((site, Some(*scheme), *at), (key, record))),
            _ => {}
        }
    }
    inventory.routes.served.iter().map(|route| walk(snapshot, inventory, route, &index, lost)).collect()
}

fn walk<'a>(
    snapshot: &'a Snapshot,
    inventory: &'a Inventory,
    route: &'a Route,
    index: &Index<'a>,
    lost: &dyn Fn(&str, &str) -> bool,
) -> Walk<'a> {
    let proxy = inventory.proxies.iter().find(|proxy| Some(&proxy.container) == route.proxy.as_ref());
    let serves = proxy.and_then(|proxy| inventory.container(&proxy.container));
    // Whoever starts a proxy gives it its networks one after the other.
    let is_joining = serves.is_some_and(|proxy| is_new(proxy.started_at, snapshot.at));
    let hop = |backend| hop(snapshot, inventory, route, backend, index, is_joining);
    let hops: Vec<Hop<'_>> = route.backends.iter().map(hop).collect();
    let settled = settled(serves, &hops);
    let site = &*route.site;
    let entries = index
        .range((site, Some(Scheme::Http), LEAST)..)
        .take_while(|((of, _, _), _)| *of == site)
        .filter_map(|((_, scheme, _), look)| {
            let scheme = (*scheme)?;
            let entry = Entry { scheme, look: *look, said: through(route, scheme, look.1, &hops) };
            (entry.is_good() || look.1.at >= settled).then_some(entry)
        })
        .collect();
    let mut walk = Walk { route, proxy, hops, entries, cause: None };
    walk.cause = cause(snapshot, inventory, &walk, lost);
    walk
}

/// What an answer through the proxy is. Traefik's page for what it does not know is the one that every program of Go's
/// standard library has: where a backend that is asked directly says the same, the site may well be there.
fn through(route: &Route, scheme: Scheme, record: &Record, hops: &[Hop<'_>]) -> Said {
    let said = said(route, scheme, record);
    let same = |hop: &Hop<'_>| {
        let (Some(own), Some(here)) = (hop.look.map(|(_, own)| &own.seen), record.seen.http) else {
            return false;
        };
        own.http.is_some_and(|http| http.status == here.status) && own.answer == record.seen.answer
    };
    if said == Said::NoRoute && hops.iter().any(same) { Said::Site } else { said }
}

/// From when on what comes through the proxy counts, unless it is good: all that serve have settled, and the proxy too,
/// which hears of what starts a moment later.
fn settled(proxy: Option<&Container>, hops: &[Hop<'_>]) -> SystemTime {
    let served = hops.iter().filter(|hop| hop.backend.standing == Standing::Served);
    let all = served.map(Hop::started_at).chain(proxy.map(|proxy| proxy.started_at));
    all.filter_map(settled_at).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// When something that was started then is no longer being deployed.
pub(in crate::diagnosis) fn settled_at(started: Option<SystemTime>) -> Option<SystemTime> {
    started.and_then(|started| started.checked_add(DEPLOY))
}

const LEAST: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

fn hop<'a>(
    snapshot: &'a Snapshot,
    inventory: &'a Inventory,
    route: &'a Route,
    backend: &'a Backend,
    index: &Index<'a>,
    is_joining: bool,
) -> Hop<'a> {
    let container = inventory.container(&backend.container);
    let at = backend.spot().zip(backend.port).map(|(spot, port)| SocketAddr::new(spot.address, port));
    let look = at.and_then(|at| index.get(&(&*route.site, None, at)).copied());
    let mut hop = Hop { backend, container, look: None, fault: None };
    // Who has just started need not listen yet.
    let settled = settled_at(hop.started_at());
    let counts = |(_, record): &Look<'_>| {
        matches!(record.outcome, Outcome::Success(_)) || settled.is_none_or(|settled| record.at >= settled)
    };
    hop.look = look.filter(counts);
    hop.fault = fault(snapshot, &hop, is_joining);
    hop
}

fn is_new(started: Option<SystemTime>, now: SystemTime) -> bool {
    started.is_some_and(|started| now.duration_since(started).is_ok_and(|age| age < DEPLOY))
}

impl Hop<'_> {
    /// When it was, if anybody says so.
    fn started_at(&self) -> Option<SystemTime> {
        self.container.map_or(self.backend.started_at, |container| container.started_at)
    }

    /// It was started too short a time ago to be judged.
    pub(super) fn is_new(&self, now: SystemTime) -> bool {
        is_new(self.started_at(), now)
    }

    /// The proxy's own probe of it is to come, or has not yet failed often enough.
    pub(super) fn is_to_be_asked(&self) -> bool {
        let asked =
            self.backend.spot().is_some_and(|spot| spot.destination.is_some()) && self.backend.port.is_some();
        asked
            && self
                .look
                .is_none_or(|(_, record)| matches!(record.outcome, Outcome::Failure(_)) && !fails(record))
    }
}

/// What is wrong with one backend, as far as it is sure.
fn fault(snapshot: &Snapshot, hop: &Hop<'_>, is_joining: bool) -> Option<Fault> {
    let Placed::On(spot) = &hop.backend.place else { return None };
    let new = hop.is_new(snapshot.at);
    if !spot.attached && !matches!(spot.choice, Choice::Mislabelled(..)) {
        return (!new && !is_joining).then_some(Fault::NotAttached);
    }
    let Some(port) = hop.backend.port else { return (!new).then_some(Fault::NoPort) };
    let (_, record) = hop.look?;
    if !fails(record) {
        return None;
    }
    let listeners =
        snapshot.containers.get(&hop.backend.container).and_then(|inner| inner.listeners.as_ref());
    let at_port = || listeners.into_iter().flatten().filter(|listener| listener.port == port);
    let reason = record.outcome.reason()?;
    Some(match (reason, record.seen.stopped_at) {
        (Reason::Refused, _) => {
            let loopback = at_port().count() > 0
                && at_port().all(|listener| listener.address.to_canonical().is_loopback());
            if loopback { Fault::LoopbackOnly } else { Fault::NotListening }
        }
        (Reason::HttpStatus, _) => Fault::ServerError,
        (Reason::Timeout, Some(Phase::Tls | Phase::Answer | Phase::Body)) => Fault::Silent,
        (Reason::Timeout | Reason::Unreachable | Reason::Prohibited, _) => Fault::Lost,
        _ => Fault::Garbage,
    })
}
