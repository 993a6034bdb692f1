//! A public route, hop by hop, and the one cause that accounts for what is wrong with it.
//!
//! Every rule about routes asks here, so that one fault is one finding: what labels and the Engine say of a route comes
//! before what probes saw, what the proxy's own probe of a backend saw before what came through the proxy.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::inventory::routes::{Backend, Choice, Clash, Placed, Route, Standing};
use crate::inventory::{Container, Inventory, Proxy};
use crate::outcome::{Detail, Outcome, Phase, ProbeKind, Reason, Scheme};
use crate::state::{Record, Snapshot};

use super::answers::{Said, said};
use crate::diagnosis::scene::{ENOUGH, Look, fails};

/// What was started this short a time ago is still being deployed: it need not listen, and the proxy need not be on its
/// network yet.
pub(in crate::diagnosis) const DEPLOY: Duration = Duration::from_secs(10);
/// A part of the backends that fails for this long is a fault; one that is being stopped fails for less.
const STAYS: Duration = Duration::from_secs(30);
/// A proxy hears within seconds that one container has taken another's place; a request that it sent to the old one
/// meanwhile hangs for as long as the probe waits.
const SWAP: Duration = Duration::from_secs(15);

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

/// The cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnosis) enum Cause {
    /// Something else than the route is wrong, and is told: a proxy that does not run, a container that nobody reaches.
    Elsewhere,
    /// Two claims.
    Conflict(Clash),
    /// All backends are left out by the proxy.
    LeftOut(Standing),
    /// The backend is on the host's network.
    HostNetwork,
    /// The label names a network that the container is not on.
    Mismatch,
    /// Any of several networks, of which some are not the proxy's.
    Ambiguous,
    /// What is wrong with the backends, or with the first of them.
    Backend(Fault),
    /// The answer leads to itself.
    Loop,
    /// Backends answer, and the proxy cannot reach what it believes that they are.
    Stale,
    /// The proxy does not know the rule.
    Unknown,
    /// Through the proxy something comes that nothing accounts for.
    NotServed,
    /// The proxy's door itself does not open.
    DoorShut,
}

/// A route and what is known of its hops.
pub(in crate::diagnosis) struct Walk<'a> {
    pub(in crate::diagnosis) route: &'a Route,
    pub(in crate::diagnosis) proxy: Option<&'a Proxy>,
    pub(in crate::diagnosis) hops: Vec<Hop<'a>>,
    pub(in crate::diagnosis) entries: Vec<Entry<'a>>,
    pub(in crate::diagnosis) cause: Option<Cause>,
}

type Index<'a> = BTreeMap<(&'a str, Option<Scheme>, SocketAddr), Look<'a>>;

/// Every route, walked. `lost` tells of a container that nobody reaches, or that is not there.
pub(in crate::diagnosis) fn walks<'a>(
    snapshot: &'a Snapshot,
    lost: &dyn Fn(&str, &str) -> bool,
) -> Vec<Walk<'a>> {
    let Some(inventory) = snapshot.inventory.as_deref() else { return Vec::new() };
    let mut index: Index<'a> = BTreeMap::new();
    for (key, record) in snapshot.probes.iter().filter(|(key, _)| key.kind == ProbeKind::Route) {
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
    let is_joining = serves.is_some_and(|proxy| is_new(proxy, snapshot.at));
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

/// It fails for longer than a swap of containers explains.
fn lasts(record: &Record) -> bool {
    record.at.duration_since(record.since).is_ok_and(|lasted| lasted >= SWAP)
}

/// From when on what comes through the proxy counts, unless it is good: all that serve have settled, and the proxy too,
/// which hears of what starts a moment later.
fn settled(proxy: Option<&Container>, hops: &[Hop<'_>]) -> SystemTime {
    let served = hops.iter().filter(|hop| hop.backend.standing == Standing::Served);
    let all = served.filter_map(|hop| hop.container).chain(proxy);
    let started = all.filter_map(|container| container.started_at).max();
    started.map_or(SystemTime::UNIX_EPOCH, |started| started + DEPLOY)
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
    // Who has just started need not listen yet.
    let settled = container.and_then(|container| container.started_at).map(|started| started + DEPLOY);
    let counts = |(_, record): &Look<'_>| {
        matches!(record.outcome, Outcome::Success(_)) || settled.is_none_or(|settled| record.at >= settled)
    };
    let look = look.filter(counts);
    let mut hop = Hop { backend, container, look, fault: None };
    hop.fault = fault(snapshot, &hop, is_joining);
    hop
}

fn is_new(container: &Container, now: SystemTime) -> bool {
    container.started_at.is_some_and(|started| now.duration_since(started).is_ok_and(|age| age < DEPLOY))
}

impl Hop<'_> {
    /// It was started too short a time ago to be judged.
    pub(in crate::diagnosis) fn is_new(&self, now: SystemTime) -> bool {
        self.container.is_some_and(|container| is_new(container, now))
    }

    /// The proxy's own probe of it is to come, or has not yet failed often enough.
    fn is_to_be_asked(&self) -> bool {
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

fn cause(
    snapshot: &Snapshot,
    inventory: &Inventory,
    walk: &Walk<'_>,
    lost: &dyn Fn(&str, &str) -> bool,
) -> Option<Cause> {
    let Some(proxy) = walk.proxy else { return Some(Cause::Elsewhere) };
    if !inventory.container(&proxy.container).is_some_and(|c| c.state == crate::inventory::RunState::Running)
    {
        return Some(Cause::Elsewhere);
    }
    if let Some(clash) = clash(snapshot, inventory, walk) {
        return Some(Cause::Conflict(clash));
    }
    let served = || walk.hops.iter().filter(|hop| hop.backend.standing == Standing::Served);
    if served().next().is_none() {
        // One that says no is told before those that have not decided.
        let unhealthy = walk.hops.iter().any(|hop| hop.backend.standing == Standing::Unhealthy);
        let waits = walk.hops.iter().any(|hop| !hop.is_new(snapshot.at));
        let standing = if unhealthy { Standing::Unhealthy } else { Standing::Starting };
        return (unhealthy || waits).then_some(Cause::LeftOut(standing));
    }
    for hop in served() {
        match &hop.backend.place {
            Placed::Host => return Some(Cause::HostNetwork),
            Placed::Nowhere => return Some(Cause::Elsewhere),
            Placed::On(spot) => match &spot.choice {
                Choice::Mislabelled(..) => return Some(Cause::Mismatch),
                Choice::Any(_) if spot.attached && !spot.apart.is_empty() => return Some(Cause::Ambiguous),
                _ => {}
            },
        }
    }
    let bad: Vec<&Hop<'_>> = served().filter(|hop| hop.fault.is_some()).collect();
    if let Some(first) = bad.first() {
        let all = bad.len() == served().count();
        let old = |hop: &&Hop<'_>| {
            let since = hop.look.map(|(_, record)| record.since);
            since.is_none_or(|since| snapshot.at.duration_since(since).is_ok_and(|age| age >= STAYS))
        };
        if all || bad.iter().any(old) {
            let is_lost = |hop: &&Hop<'_>| {
                let on = hop.backend.spot().and_then(|spot| spot.destination.as_deref());
                on.is_some_and(|on| lost(on, &hop.backend.name))
            };
            return match first.fault {
                Some(Fault::Lost) if bad.iter().all(is_lost) => Some(Cause::Elsewhere),
                Some(fault) => Some(Cause::Backend(fault)),
                None => None,
            };
        }
    }
    unaccounted(walk)
}

/// A clash that stands: two containers of one workload may differ for as long as one takes the other's place.
fn clash(snapshot: &Snapshot, inventory: &Inventory, walk: &Walk<'_>) -> Option<Clash> {
    let stands = |container: &crate::inventory::ContainerId| {
        let started = inventory.container(container).and_then(|c| c.started_at);
        started.is_none_or(|at| snapshot.at.duration_since(at).is_ok_and(|age| age >= STAYS))
    };
    let rivals = walk.route.rivals.iter();
    rivals
        .filter(|rival| rival.clash != Clash::TwoSettings || stands(&rival.container))
        .map(|rival| rival.clash)
        .min()
}

/// The application itself says more than nothing.
fn says_more(walk: &Walk<'_>) -> bool {
    let looks = walk.hops.iter().filter_map(|hop| hop.look);
    looks.filter_map(|(_, record)| record.seen.http).any(|http| http.status == 200 && http.body_bytes > 0)
}

/// What came through the proxy, where nothing is wrong behind it.
fn unaccounted(walk: &Walk<'_>) -> Option<Cause> {
    let direct =
        |hop: &&Hop<'_>| hop.look.is_some_and(|(_, record)| matches!(record.outcome, Outcome::Success(_)));
    let served = walk.hops.iter().filter(|hop| hop.backend.standing == Standing::Served);
    let answers = served.clone().filter(direct).count();
    let all_answer = answers > 0 && answers == served.clone().count();
    // Whether a backend accounts for what comes through is known when it was asked.
    let waits = served.clone().any(Hop::is_to_be_asked);
    let mut causes = walk.entries.iter().filter_map(|entry| {
        let (_, record) = entry.look;
        if let Outcome::Unknown(_) = record.outcome {
            return None;
        }
        match entry.said {
            Said::Site | Said::Login => None,
            Said::Itself | Said::NoRoute if !walk.route.unsure.is_empty() => None,
            Said::Itself => Some(Cause::Loop),
            // What else a request must have, ours has not.
            _ if walk.route.also.is_some() => None,
            // The proxy hears a moment later of what ended and what began.
            Said::NoRoute | Said::NoBackend | Said::CannotReach if !lasts(record) => None,
            Said::NoRoute | Said::NoBackend if fails(record) => Some(Cause::Unknown),
            Said::Blank if record.successes_in_a_row >= ENOUGH && says_more(walk) => Some(Cause::Unknown),
            Said::CannotReach if fails(record) && all_answer => Some(Cause::Stale),
            Said::CannotReach | Said::ServerError | Said::Garbage if waits => None,
            Said::CannotReach | Said::ServerError | Said::Garbage if fails(record) => Some(Cause::NotServed),
            Said::Nothing if fails(record) => Some(Cause::DoorShut),
            _ => None,
        }
    });
    let first = causes.next();
    let bounce =
        || super::answers::bounces(walk.entries.iter().map(|entry| (entry.scheme, entry.look.1)), walk.route);
    if first.is_none() && walk.route.unsure.is_empty() && bounce() { Some(Cause::Loop) } else { first }
}
