//! A route as the report shows it: hop by hop, and whether it is up.

use crate::diagnosis::scene::{Scene, fails};
use crate::inventory::routes::Standing;
use crate::outcome::{Outcome, Phase};

use super::answers::Said;
use super::cause::Cause;
use super::walk::{Entry, Fault, Walk};
use super::wording::told;

/// One route's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passage {
    /// Whether the site is served; `None` where nobody could look.
    pub up: Option<bool>,
    /// The way of a request: `internet`, `proxy`, `destination`, `container`.
    pub hops: Vec<HopState>,
    /// Whether each backend answers the proxy, in the order of the route's backends.
    pub backends: Vec<Option<bool>>,
}

/// One hop.
#[derive(Clone, Debug, PartialEq)]
pub struct HopState {
    /// Which.
    pub hop: &'static str,
    /// Whether it is passed; `None` where that is not known.
    pub passed: Option<bool>,
    /// What was seen, where it is not passed.
    pub detail: String,
}

/// Of every route, in the order of the inventory.
pub(in crate::diagnosis) fn of_scene(scene: &Scene<'_>) -> Vec<Passage> {
    scene.walks.iter().map(|walk| passage(scene, walk)).collect()
}

fn passage(scene: &Scene<'_>, walk: &Walk<'_>) -> Passage {
    let backends = walk
        .hops
        .iter()
        .map(|hop| match (hop.fault, hop.backend.standing, hop.look.map(|(_, record)| &record.outcome)) {
            (Some(_), ..) | (None, Standing::Unhealthy | Standing::Stopped, _) => Some(false),
            (None, _, Some(Outcome::Success(_))) => Some(true),
            (None, _, Some(Outcome::Failure(_))) => Some(false),
            (None, ..) => None,
        })
        .collect();
    Passage {
        up: if walk.proxy.is_none() && scene.has_another_web_server() { None } else { up(walk) },
        hops: vec![internet(walk), proxy(scene, walk), destination(walk), container(walk)],
        backends,
    }
}

fn looked<'w, 'a>(walk: &'w Walk<'a>) -> impl Iterator<Item = &'w Entry<'a>> {
    walk.entries.iter().filter(|entry| entry.is_seen())
}

fn up(walk: &Walk<'_>) -> Option<bool> {
    let served = |entry: &Entry<'_>| {
        walk.route.also.is_some()
            || !fails(entry.look.1) && matches!(entry.look.1.outcome, Outcome::Failure(_))
            || entry.is_good()
            || entry.said == Said::Blank
    };
    match walk.cause {
        Some(
            Cause::Elsewhere
            | Cause::LeftOut(_)
            | Cause::Loop
            | Cause::Stale
            | Cause::Unknown
            | Cause::NotServed
            | Cause::DoorShut,
        ) => return Some(false),
        Some(Cause::Backend(_)) if walk.hops.iter().all(|hop| hop.fault.is_some()) => return Some(false),
        _ => {}
    }
    if looked(walk).next().is_some() {
        return Some(looked(walk).all(served));
    }
    let direct = walk.hops.iter().filter_map(|hop| hop.look).map(|(_, record)| &record.outcome);
    let mut direct = direct.filter(|outcome| !matches!(outcome, Outcome::Unknown(_))).peekable();
    direct.peek()?;
    Some(direct.any(|outcome| matches!(outcome, Outcome::Success(_))))
}

fn state(hop: &'static str, passed: Option<bool>, detail: impl Into<String>) -> HopState {
    HopState { hop, passed, detail: detail.into() }
}

fn internet(walk: &Walk<'_>) -> HopState {
    let shut = |entry: &&Entry<'_>| entry.said == Said::Nothing;
    match (looked(walk).find(shut), looked(walk).next()) {
        (Some(entry), _) => {
            state("internet", Some(false), format!("{} {}", entry.scheme.as_label(), told(entry.look.1)))
        }
        (None, Some(_)) => state("internet", Some(true), ""),
        (None, None) => state("internet", None, "not tried from the host, or not since it started"),
    }
}

fn proxy(scene: &Scene<'_>, walk: &Walk<'_>) -> HopState {
    let Some(proxy) = walk.proxy else {
        return match scene.has_another_web_server() {
            true => state("proxy", None, "no container; something else of the host listens at its web ports"),
            false => state("proxy", Some(false), "there is none"),
        };
    };
    let container = scene.inventory.and_then(|inventory| inventory.container(&proxy.container));
    if let Some(container) =
        container.filter(|container| container.state != crate::inventory::RunState::Running)
    {
        return state("proxy", Some(false), format!("{} is {}", proxy.name, container.state.as_label()));
    }
    let own = |entry: &&Entry<'_>| {
        fails(entry.look.1) && matches!(entry.said, Said::NoRoute | Said::NoBackend | Said::Itself)
    };
    if matches!(walk.cause, Some(Cause::Stale)) {
        return state(
            "proxy",
            Some(false),
            format!("{} dials something else than the container", proxy.name),
        );
    }
    match (looked(walk).find(own), looked(walk).next()) {
        (Some(entry), _) if walk.route.also.is_none() => {
            state("proxy", Some(false), format!("{} {}", entry.scheme.as_label(), told(entry.look.1)))
        }
        (_, Some(_)) => state("proxy", Some(true), ""),
        (_, None) => state("proxy", None, ""),
    }
}

fn destination(walk: &Walk<'_>) -> HopState {
    let network = || {
        let spot = walk.hops.first().and_then(|hop| hop.backend.spot());
        spot.map_or_else(|| "no network".to_owned(), |spot| spot.network.to_string())
    };
    if walk.is_asleep() {
        return state("destination", None, "");
    }
    let faults = || walk.hops.iter().filter_map(|hop| hop.fault);
    if faults().any(|fault| fault == Fault::NotAttached) {
        return state("destination", Some(false), format!("the proxy is not on {}", network()));
    }
    match walk.cause {
        Some(Cause::Mismatch) => return state("destination", Some(false), "the label names another network"),
        Some(Cause::Ambiguous) => return state("destination", None, "one of several networks, by chance"),
        Some(Cause::HostNetwork) => return state("destination", None, "the host's network"),
        _ => {}
    }
    if faults().any(|fault| fault == Fault::Lost) {
        return state("destination", Some(false), format!("no way through {}", network()));
    }
    let came = |record: &crate::state::Record| {
        !matches!(record.outcome, Outcome::Unknown(_)) && record.seen.stopped_at != Some(Phase::Connect)
            || record.outcome.reason() == Some(crate::outcome::Reason::Refused)
    };
    let mut looks = walk.hops.iter().filter_map(|hop| hop.look).map(|(_, record)| record);
    let passed = looks.any(came);
    state("destination", passed.then_some(true), "")
}

fn container(walk: &Walk<'_>) -> HopState {
    if walk.is_asleep() {
        return state("container", Some(false), "it does not run");
    }
    if let Some(Cause::LeftOut(standing)) = walk.cause {
        let word = if standing == Standing::Unhealthy { "unhealthy" } else { "starting" };
        return state("container", Some(false), format!("its own check says {word}"));
    }
    let bad =
        walk.hops.iter().find(|hop| !matches!(hop.fault, None | Some(Fault::NotAttached | Fault::Lost)));
    if let Some(hop) = bad {
        let why = match hop.fault {
            Some(Fault::LoopbackOnly) => "listens on a loopback address only".to_owned(),
            Some(Fault::NoPort) => "no port is named".to_owned(),
            _ => hop.look.map(|(_, record)| told(record)).unwrap_or_default(),
        };
        return state("container", Some(false), why);
    }
    let outcome = walk.hops.iter().filter_map(|hop| hop.look).map(|(_, record)| &record.outcome);
    let good = outcome.into_iter().any(|outcome| matches!(outcome, Outcome::Success(_)));
    state("container", good.then_some(true), "")
}
