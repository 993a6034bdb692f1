//! `network-addresses-exhausted`: a subnet has no address left.

use crate::inventory::swarm::RefusedTask;
use crate::inventory::{Destination, Overlay, Subnet};

use super::scene::Scene;
use super::words::{counted, draft, network, quoted, saw};
use super::{Code, Finding, Severity, Step};

/// Destinations of which a subnet is full. The Engine needs an address of every subnet for a new
/// container, so one full subnet is enough; a Swarm takes one of any, so that of an overlay all have to be.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for destination in scene.destinations() {
        let full = full(destination);
        let Some(first) = full.first() else { continue };
        let name = &destination.name;
        let mut finding = draft(Code::NetworkAddressesExhausted, "destination", name, scene.snapshot.at);
        finding.destination = Some(name.clone());
        let what = if destination.overlay.is_some() { "overlay" } else { "network" };
        let next = if destination.overlay.is_some() { "task or container" } else { "container" };
        finding.summary = format!(
            "The {what} {} has no free address: {} of {} in {} are taken, the next {next} will not start.",
            quoted(name),
            first.used,
            first.capacity,
            first.range.unwrap_or(first.net)
        );
        finding.evidence = full
            .iter()
            .map(|s| {
                saw(
                    format!("subnet {}", s.net),
                    format!("{} of {} addresses taken", s.used, s.capacity),
                    "at least one free",
                )
            })
            .collect();
        finding.explains = vec![
            "deployments that end in \"no available IPv4 addresses on this network's address pools\"".into(),
        ];
        finding.ruled_out = destination
            .subnets
            .iter()
            .filter(|s| s.used < s.capacity)
            .map(|s| format!("subnet {} has {} free", s.net, s.capacity - s.used))
            .collect();
        match &destination.overlay {
            Some(overlay) => spans(scene, destination, overlay, &mut finding),
            None => ends_here(destination, &mut finding),
        }
        findings.push(finding);
    }
    findings
}

/// The subnets that leave nobody an address.
fn full(destination: &Destination) -> Vec<&Subnet> {
    let is_full = |s: &&Subnet| s.capacity > 0 && s.used >= s.capacity;
    let full: Vec<&Subnet> = destination.subnets.iter().filter(is_full).collect();
    if destination.overlay.is_some() && full.len() < destination.subnets.len() { Vec::new() } else { full }
}

fn ends_here(destination: &Destination, finding: &mut Finding) {
    let shell = network(destination);
    finding.fix = vec![Step::look(
        "stop and remove what is not needed",
        [format!("docker ps --filter network={shell}")],
    )];
    if !destination.ghosts.is_empty() {
        finding.fix.push(Step::prose(
            "endpoints that no container stands behind hold addresses too: network-ghost-endpoint has the command that releases them",
        ));
    }
    finding.fix.push(Step::when(
        "a network's subnet cannot grow: make a larger one of a range that nothing here has a way to (this one, say), and redeploy onto it",
        ["ip route".to_owned(), "docker network create --attachable --subnet 10.77.0.0/20 NEW".to_owned()],
    ));
    finding.verify = vec![format!("docker network inspect {shell}")];
}

/// The addresses are the Swarm's to give out, and so are those that come free.
fn spans(scene: &Scene<'_>, destination: &Destination, overlay: &Overlay, finding: &mut Finding) {
    let shell = network(destination);
    if overlay.heard {
        let here = destination.endpoints.len();
        let vips = overlay.services.iter().filter(|service| service.vip.is_some()).count();
        let nodes = overlay.peers.iter().filter(|peer| peer.lost.is_none()).count() + 1;
        finding.evidence.push(saw(
            "gossip: who has one",
            format!(
                "{}, {} by a virtual address, {} by a load balancer, and the gateway",
                counted(here + overlay.elsewhere().count(), "container"),
                counted(vips, "service"),
                counted(nodes, "node"),
            ),
            "fewer, or a larger subnet",
        ));
    }
    for task in refused(scene).filter(|task| is_for_want_of(task, destination)) {
        if task.running == 0 {
            finding.severity = Severity::Page;
        }
        let runs = counted(task.running, "running task");
        finding.explains.push(format!("service {}, with {runs}: {}", quoted(&task.service), task.error));
    }
    finding.fix = vec![
        Step::look(
            "on a manager: remove services that are not needed, or take replicas from them",
            [format!("docker network inspect -v {shell}"), "docker service ls".to_owned()],
        ),
        Step::when(
            "a service that publishes no port by the routing mesh gives its virtual address back (its tasks start anew)",
            ["docker service update --endpoint-mode dnsrr SERVICE".to_owned()],
        ),
        Step::when(
            "an overlay's subnet cannot grow: make a larger one of a range that no node has a way to (this one, say), and move service by service",
            [
                "docker network create --driver overlay --attachable --subnet 10.77.0.0/20 NEW".to_owned(),
                format!("docker service update --network-add NEW --network-rm {shell} SERVICE"),
            ],
        ),
    ];
    finding.verify = vec![format!("docker network inspect -v {shell}")];
}

fn refused<'a>(scene: &Scene<'a>) -> impl Iterator<Item = &'a RefusedTask> {
    let swarm = scene.inventory.and_then(|inventory| inventory.swarm.as_ref());
    swarm.and_then(|swarm| swarm.control.as_ref()).into_iter().flat_map(|control| &control.refused)
}

/// The node had no address for the task, or for its own load balancer on one of the task's networks.
pub(super) fn wants_an_address(task: &RefusedTask) -> bool {
    ["available IP", "missing network attachments", "addresses may be exhausted"]
        .iter()
        .any(|words| task.error.contains(words))
}

fn is_for_want_of(task: &RefusedTask, destination: &Destination) -> bool {
    wants_an_address(task) && task.networks.contains(&destination.id)
}

/// Which network it wants an address of is told, and that this refuses its tasks with it.
pub(super) fn accounts_for(scene: &Scene<'_>, task: &RefusedTask) -> bool {
    scene.destinations().any(|on| !full(on).is_empty() && is_for_want_of(task, on))
}
