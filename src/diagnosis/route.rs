//! Public routes: what is wrong on the way from the domain to the container.
//!
//! [`walk`] gathers what was seen of each hop, [`cause`] finds the one cause of each route; a file each words it.

mod answers;
mod backend_timeout;
pub(super) mod cause;
mod conflict;
mod domain_points_elsewhere;
mod host_network;
mod host_port_published;
mod left_out;
mod loopback_only;
mod network;
mod not_served;
mod passage;
mod port_not_listening;
mod redirect_loop;
mod rule_invalid;
mod stale_backend;
pub(super) mod walk;
mod wording;

pub(super) use answers::Said;
pub(super) use domain_points_elsewhere::holds as domain_holds;
pub(super) use passage::of_scene;
pub use passage::{HopState, Passage};

use super::scene::Scene;
use super::{Code, Finding};
use crate::outcome::Outcome;

/// Of routes and rules.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = rule_invalid::find(scene);
    findings.extend(domain_points_elsewhere::find(scene));
    for walk in &scene.walks {
        findings.extend(of(scene, walk));
        findings.extend(host_port_published::tell(scene, walk));
    }
    findings
}

fn of(scene: &Scene<'_>, walk: &walk::Walk<'_>) -> Option<Finding> {
    use cause::Cause;
    use walk::Fault;
    match walk.cause? {
        // Another rule's.
        Cause::Elsewhere | Cause::DoorShut | Cause::Backend(Fault::NotAttached) => None,
        Cause::Unknown if super::proxy::provider_broken::is_of_all(scene, walk) => None,
        Cause::Conflict(clash) => Some(conflict::tell(scene, walk, clash)),
        Cause::LeftOut(standing) => Some(left_out::tell(scene, walk, standing)),
        Cause::HostNetwork => Some(host_network::tell(scene, walk)),
        Cause::Mismatch => Some(network::mismatch(scene, walk)),
        Cause::Ambiguous => Some(network::ambiguous(scene, walk)),
        Cause::Backend(Fault::NoPort | Fault::NotListening) => Some(port_not_listening::tell(scene, walk)),
        Cause::Backend(Fault::LoopbackOnly) => Some(loopback_only::tell(scene, walk)),
        Cause::Backend(Fault::Silent) => Some(backend_timeout::tell(scene, walk)),
        Cause::Loop => Some(redirect_loop::tell(scene, walk)),
        Cause::Stale => Some(stale_backend::tell(scene, walk)),
        Cause::Backend(Fault::ServerError | Fault::Garbage | Fault::Lost)
        | Cause::NotServed
        | Cause::Unknown => Some(not_served::tell(scene, walk)),
    }
}

/// The walk that a finding is about.
fn walk_of<'s, 'a>(scene: &'s Scene<'a>, finding: &Finding) -> Option<&'s walk::Walk<'a>> {
    scene.walk(&finding.subject.name)
}

/// Another cause is known of the route now, or of the proxy: the old one is a symptom of it, or is over.
pub(super) fn is_told_otherwise(scene: &Scene<'_>, finding: &Finding) -> bool {
    walk_of(scene, finding).is_some_and(|walk| walk.cause.is_some())
}

/// Whether a measured finding of a route that no rule sees any more still holds: until it is seen to be served. Where
/// nobody can look it stays.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let engine_up = scene.snapshot.sight.engine.is_up();
    let Some(walk) = walk_of(scene, finding) else { return !engine_up };
    let direct = || walk.hops.iter().filter_map(|hop| hop.look);
    let looks = || direct().chain(walk.entries.iter().map(|entry| entry.look));
    if looks().next().is_none() {
        return !engine_up;
    }
    if looks().all(|(_, record)| matches!(record.outcome, Outcome::Unknown(_))) {
        return true;
    }
    if finding.code == Code::RouteRedirectLoop {
        // A redirect is a success of its own kind: what the rule does not see is over, where somebody looked.
        return walk.entries.iter().any(|entry| !entry.is_seen());
    }
    // A row of failures outlasts a look that nobody could take. What is good by what a backend says is good, whatever
    // the probe took it for.
    let through = walk.entries.iter().filter(|entry| !entry.is_good()).map(|entry| entry.look);
    direct().chain(through).any(|(_, record)| record.failures_in_a_row > 0)
}

/// Whether a route's rule speaks of it.
pub(super) const fn is_route(code: Code) -> bool {
    matches!(
        code,
        Code::RoutePortNotListening
            | Code::RouteLoopbackOnly
            | Code::RouteContainerUnhealthy
            | Code::RouteContainerStarting
            | Code::RouteNetworkAmbiguous
            | Code::RouteNetworkMismatch
            | Code::RouteConflict
            | Code::RouteStaleBackend
            | Code::RouteBackendTimeout
            | Code::RouteHostNetwork
            | Code::RouteRedirectLoop
            | Code::RouteNotServed
    )
}
