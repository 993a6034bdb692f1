//! The reverse proxies: whether they are there, run, are on the right networks, and know their rules.

mod host_port_conflict;
mod missing;
mod not_attached;
mod not_running;
pub(super) mod provider_broken;
mod unhealthy;
mod unreachable;

use crate::inventory::{ContainerId, Destination};
use crate::outcome::{Outcome, ProbeKind};

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
    let mut looks = scene
        .snapshot
        .probes
        .iter()
        .filter(|(key, _)| matches!(key.kind, ProbeKind::Proxy | ProbeKind::Route))
        .map(|(_, record)| record)
        .peekable();
    // Of none that is planned one could say that it is over; of those that nobody could run, that it is not.
    match looks.peek() {
        None => !engine_up,
        Some(_) => looks.all(|record| matches!(record.outcome, Outcome::Unknown(_))),
    }
}
