//! The one cause that accounts for what is wrong with a route.
//!
//! Every rule about routes asks here, so that one fault is one finding: what labels and the Engine say of a route comes
//! before what probes saw, what the proxy's own probe of a backend saw before what came through the proxy.

use std::time::Duration;

use crate::diagnosis::ended::restarts;
use crate::diagnosis::ephemeral_ports_exhausted::keeps_from;
use crate::diagnosis::scene::{ENOUGH, fails};
use crate::inventory::Inventory;
use crate::inventory::routes::{Choice, Clash, Placed, Standing};
use crate::outcome::Outcome;
use crate::state::{Record, Snapshot};

use super::answers::Said;
use super::walk::{Fault, Hop, Walk};

/// A part of the backends that fails for this long is a fault; one that is being stopped fails for less.
const STAYS: Duration = Duration::from_secs(30);
/// A proxy hears within seconds that one container has taken another's place; a request that it sent to the old one
/// meanwhile hangs for as long as the probe waits.
const SWAP: Duration = Duration::from_secs(15);

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

pub(super) fn cause(
    snapshot: &Snapshot,
    inventory: &Inventory,
    walk: &Walk<'_>,
    lost: &dyn Fn(&str, &str) -> bool,
) -> Option<Cause> {
    let cause = own_cause(snapshot, inventory, walk, lost)?;
    // What ends again and again is told of the container, whatever it looks like between two ends.
    let restarts = |hop: &Hop<'_>| hop.container.is_some_and(|container| restarts(snapshot, container));
    let passes = matches!(
        cause,
        Cause::LeftOut(_) | Cause::Backend(_) | Cause::Stale | Cause::Unknown | Cause::NotServed
    );
    // A proxy without a port to dial from says that it cannot reach who answers.
    let proxy = walk.proxy.map(|proxy| &proxy.container);
    let is_kept = |hop: &Hop<'_>| proxy.is_some_and(|proxy| keeps_from(snapshot, proxy, hop));
    let dials_nobody = matches!(cause, Cause::Stale | Cause::NotServed) && walk.hops.iter().any(is_kept);
    let elsewhere = dials_nobody || (passes && walk.hops.iter().all(restarts));
    Some(if elsewhere { Cause::Elsewhere } else { cause })
}

fn own_cause(
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
        // That it does not run is told of the container.
        if walk.is_asleep() {
            return Some(Cause::Elsewhere);
        }
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

/// It fails for longer than a swap of containers explains.
fn lasts(record: &Record) -> bool {
    record.at.duration_since(record.since).is_ok_and(|lasted| lasted >= SWAP)
}
