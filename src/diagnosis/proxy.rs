//! The reverse proxies: whether they are there, run, are on the right networks, and know their rules.

mod host_port_conflict;
mod missing;
mod not_attached;
mod not_running;
pub(super) mod provider_broken;
mod unhealthy;
mod unreachable;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::inventory::{ContainerId, Destination};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind};

use super::Finding;
use super::scene::Scene;

/// Of all of them, the one that stands before the others first.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = missing::find(scene);
    findings.extend(host_port_conflict::find(scene));
    findings.extend(not_running::find(scene));
    findings.extend(unhealthy::find(scene));
    findings.extend(not_attached::find(scene));
    findings.extend(unreachable::find(scene));
    findings.extend(provider_broken::find(scene));
    findings
}

/// Whether a rule of proxies tells that this container does not run, or is not on this network.
pub(super) fn is_told(scene: &Scene<'_>, destination: &Destination, container: &ContainerId) -> bool {
    let is_down = |inventory| not_running::down(inventory).any(|(proxy, _)| proxy.container == *container);
    scene.inventory.is_some_and(is_down) || not_attached::is_told(scene, destination, container)
}

/// Whether a measured finding of a proxy that no rule sees any more still holds: nobody could look since.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let engine_up = scene.snapshot.sight.engine.is_up();
    let is_there = || {
        let proxies = scene.inventory.into_iter().flat_map(|inventory| &inventory.proxies);
        proxies.into_iter().any(|proxy| proxy.name == finding.subject.name)
    };
    if engine_up && !is_there() {
        return false;
    }
    let mut is_planned = false;
    let (mut hidden, mut open) = (BTreeSet::new(), BTreeSet::new());
    for (key, record) in scene.snapshot.probes.iter() {
        let Some(door) = founds(key, finding) else { continue };
        is_planned = true;
        match record.outcome {
            Outcome::Unknown(_) if record.failures_in_a_row > 0 => drop(hidden.insert(door)),
            Outcome::Success(_) => drop(open.insert(door)),
            Outcome::Unknown(_) | Outcome::Failure(_) => {}
        }
    }
    // Of none that is planned one could say that it is over; of a door that failed and at which nobody could look since,
    // that it is not.
    if is_planned { !hidden.is_subset(&open) } else { !engine_up }
}

/// The door that a probe is about, where it is one of those that found the finding: tries from the destination that it is
/// told of, else what came through from the host.
fn founds(key: &ProbeKey, finding: &Finding) -> Option<SocketAddr> {
    match (&finding.destination, &key.detail) {
        (Some(on), Detail::Port(address, port)) if key.kind == ProbeKind::Proxy && key.destination == *on => {
            Some(SocketAddr::new(*address, *port))
        }
        (None, Detail::Door(_, _, at)) => Some(*at),
        _ => None,
    }
}
