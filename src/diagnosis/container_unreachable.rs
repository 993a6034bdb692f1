//! `container-unreachable`: it is not there, it does not run, or nobody gets through to it.

use std::net::IpAddr;

use crate::inventory::{Container, ContainerId, Destination, Endpoint, Missing, RunState};
use crate::outcome::{ProbeKey, ProbeKind};

use super::ended::{crashed, ended, may_restart, restarts, serves, why};
use super::scene::{Scene, Way, walks};
use super::words::{
    container, draft, few_quoted, from_inside, network, quoted, reconnect, rules_about, saw, sh,
};
use super::{Code, Finding, Severity, Step};
use super::{container_static_address_refused, proxy};

/// Containers that nobody on the destination reaches.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for destination in scene.destinations() {
        // A proxy that serves nobody is told with the sites that it leaves alone.
        let own = |missing: &&Missing| !proxy::is_told(scene, destination, &missing.container);
        findings.extend(destination.detached.iter().filter(own).map(|m| detached(scene, destination, m)));
        findings
            .extend(destination.stopped.iter().filter(own).filter_map(|m| stopped(scene, destination, m)));
    }
    let halted = scene.paused().filter(|(on, endpoint)| !proxy::is_told(scene, on, &endpoint.container));
    findings.extend(halted.map(|(destination, endpoint)| paused(scene, destination, endpoint)));
    for (destination, endpoint) in scene.endpoints() {
        if scene.is_lost(&destination.name, &endpoint.name)
            && !scene.is_away(&destination.name, &endpoint.name)
            && !scene.is_kept_apart(&destination.name)
            && !scene
                .inventory
                .and_then(|i| i.container(&endpoint.container))
                .is_some_and(|container| restarts(scene.snapshot, container))
        {
            findings.push(unreached(scene, destination, endpoint));
        }
    }
    findings
}

fn start(scene: &Scene<'_>, destination: &Destination, name: &std::sync::Arc<str>) -> Finding {
    let about = |key: &ProbeKey| key.target == *name;
    let since = scene.since(&destination.name, name, about);
    let mut finding = draft(Code::ContainerUnreachable, "container", name, since);
    finding.destination = Some(destination.name.clone());
    // Whatever fails on the way to it and out of it fails for this reason.
    finding.explains = scene.symptoms(&destination.name, name, |key| {
        key.target == *name || (key.kind != ProbeKind::Http && key.source == *name)
    });
    finding
}

fn shell(scene: &Scene<'_>, id: &ContainerId) -> String {
    scene.inventory.map_or_else(|| id.short().to_owned(), |i| container(i, id))
}

fn detached(scene: &Scene<'_>, destination: &Destination, missing: &Missing) -> Finding {
    let name = &missing.name;
    let (net, id) = (network(destination), shell(scene, &missing.container));
    let mut finding = start(scene, destination, name);
    finding.summary = format!(
        "Container {} runs, but is not attached to the network {}: nobody reaches it.",
        quoted(name),
        quoted(&destination.name)
    );
    finding.evidence = vec![saw(
        format!("docker inspect {id}"),
        format!("no endpoint on {}", destination.name),
        "an endpoint: the container was created for this network",
    )];
    finding.ruled_out = vec!["the container runs".to_owned()];
    finding.fix = vec![
        Step::command(format!("docker network connect{} {net} {id}", service(scene, missing))),
        Step::prose(
            "where peers call it by another name, or it had a fixed address: redeploy it (Coolify: Redeploy), for by hand it gets the names that stand here alone",
        ),
    ];
    finding.verify = vec![format!("docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {id}")];
    finding
}

/// The name by which Compose has the others call it: that of its service.
fn service(scene: &Scene<'_>, missing: &Missing) -> String {
    let known = scene.inventory.and_then(|inventory| inventory.container(&missing.container));
    let of_compose = known.filter(|known| known.coolify.is_none() && !known.workload.ends_with("/run"));
    let service = of_compose.and_then(|known| known.workload.split_once('/'));
    service.map_or_else(String::new, |(_, service)| format!(" --alias {}", sh(service)))
}

fn stopped(scene: &Scene<'_>, destination: &Destination, missing: &Missing) -> Option<Finding> {
    let known = scene.inventory.and_then(|i| i.container(&missing.container));
    if known.is_some_and(|container| is_done(container) || is_told_elsewhere(scene, container)) {
        return None;
    }
    let name = &missing.name;
    let id = shell(scene, &missing.container);
    let state = known.map_or_else(|| "is not running".to_owned(), ended);
    let mut finding = start(scene, destination, name);
    let sites = serves(scene, &missing.container);
    // Somebody may have stopped it on purpose: it waits for the morning. One that crashed and leaves a site to nobody
    // does not.
    if sites.is_empty() || !known.is_some_and(crashed) {
        finding.severity = Severity::Ticket;
    }
    finding.summary = format!("Container {} {state}: nobody reaches it.", quoted(name));
    finding.evidence = vec![saw(format!("docker inspect {id}"), state, "it runs")];
    finding.evidence.extend(why(known));
    finding.explains.extend(sites);
    finding.fix = vec![
        Step::command(format!("docker logs --tail 50 {id}")),
        Step::command(format!("docker start {id}")),
    ];
    finding.verify = vec![format!("docker ps -a --filter name={id}")];
    Some(finding)
}

fn paused(scene: &Scene<'_>, destination: &Destination, endpoint: &Endpoint) -> Finding {
    let name = &endpoint.name;
    let id = shell(scene, &endpoint.container);
    let mut finding = start(scene, destination, name);
    // Somebody paused it, and may be about to let it go on.
    finding.severity = Severity::Ticket;
    finding.summary = format!(
        "Container {} is paused: its kernel takes connections, and no process answers them.",
        quoted(name)
    );
    finding.evidence = vec![saw(format!("docker inspect {id}"), "paused", "running")];
    finding.fix = vec![Step::command(format!("docker unpause {id}"))];
    finding.verify = vec![format!("docker ps --filter name={id}")];
    finding
}

/// What has a cause of its own.
fn is_told_elsewhere(scene: &Scene<'_>, container: &Container) -> bool {
    restarts(scene.snapshot, container)
        || may_restart(scene.snapshot, container)
        || container_static_address_refused::is_refused(container)
}

/// A job that ended well for all that is known, or was never started, and that nobody asked to keep running.
fn is_done(container: &Container) -> bool {
    let ended_well = container.state == RunState::Exited && container.exit_code.is_none_or(|code| code == 0);
    !container.kept_running && (ended_well || container.state == RunState::Created)
}

fn unreached(scene: &Scene<'_>, destination: &Destination, endpoint: &Endpoint) -> Finding {
    let name = &endpoint.name;
    let id = shell(scene, &endpoint.container);
    let sources: Vec<&str> = scene.ways_to(&destination.name, name).iter().map(|(s, _)| *s).collect();
    let mut finding = start(scene, destination, name);
    finding.summary = format!(
        "Nobody on the network {} reaches the container {}: every probe from {} fails.",
        quoted(&destination.name),
        quoted(name),
        few_quoted(&sources)
    );
    finding.evidence = scene
        .failing(&destination.name, name, |key| key.target == *name && walks(key.kind))
        .take(6)
        .map(|(key, record)| {
            let reason = record.outcome.reason().map_or("failure", |r| r.as_label());
            saw(
                format!("{} from {} to {}", key.kind.as_label(), key.source, key.detail),
                format!("{reason}, {} times in a row", record.failures_in_a_row),
                "an answer",
            )
        })
        .collect();
    if let Some(state) = scene.inventory.and_then(|i| i.container(&endpoint.container)) {
        finding.ruled_out.push(format!("the container is {}", state.state.as_label()));
    }
    finding.ruled_out.push(format!("it is attached to {}", destination.name));
    let fine = |s: &&&str| scene.ways_from(&destination.name, s).iter().any(|(_, p)| p.way == Way::Open);
    if let Some(source) = sources.iter().find(fine) {
        finding.ruled_out.push(format!("{source} reaches others"));
    }
    let net = network(destination);
    finding.fix = vec![
        Step::command(format!("docker restart {id}")),
        Step::when(
            "where that does not help, redeploy it, or give it its place anew by hand",
            reconnect(&net, &id, endpoint, None),
        ),
        Step::when(
            "else look for a rule that drops it, on the host and inside the container",
            rules_about(&id, endpoint.addresses.first().copied()),
        ),
    ];
    let by_hand = sources.iter().find_map(|s| destination.endpoint(s)).map(|e| shell(scene, &e.container));
    if let (Some(from), Some(address)) = (by_hand, endpoint.addresses.first()) {
        finding.verify.push(from_inside(&from, &ping(*address)));
    }
    finding.verify.push(from_inside(&id, "ip addr"));
    finding
}

fn ping(address: IpAddr) -> String {
    format!("ping -c 3 -W 1 {address}")
}
