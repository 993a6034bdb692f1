//! `container-restarting`: it ends soon after each start, and the Engine starts it again.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::inventory::{Container, Destination, RunState};

use super::container_unreachable::{serves, why};
use super::scene::Scene;
use super::words::{container, draft, saw};
use super::{Code, Finding, Severity, Step};

/// The Engine waits longer from start to start, up to a minute, and begins anew where one lasted for ten seconds.
const SOON: Duration = Duration::from_secs(120);
/// One that was started again once or twice may have waited for another.
const OFTEN: u64 = 3;

/// Whether it ends again and again; also while it runs between two ends.
pub(super) fn restarts(at: SystemTime, container: &Container) -> bool {
    match container.state {
        RunState::Restarting => true,
        RunState::Running => {
            let started = container.started_at;
            container.restarts >= OFTEN
                && started.is_some_and(|started| at.duration_since(started).is_ok_and(|age| age < SOON))
        }
        _ => false,
    }
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for on in scene.destinations() {
        let stopped = on.stopped.iter().map(|missing| (&missing.name, &missing.container));
        let running = on.endpoints.iter().map(|endpoint| (&endpoint.name, &endpoint.container));
        // Of replicas that are called the same one is told.
        let mut told = BTreeMap::new();
        for (name, id) in stopped.chain(running) {
            let Some(known) = scene.inventory.and_then(|inventory| inventory.container(id)) else { continue };
            let is_proxy = super::proxy::is_told(scene, on, id);
            if !is_proxy && restarts(scene.snapshot.at, known) {
                told.entry(name).or_insert(known);
            }
        }
        findings.extend(told.into_iter().map(|(name, known)| tell(scene, on, name, known)));
    }
    findings
}

fn tell(scene: &Scene<'_>, on: &Destination, name: &std::sync::Arc<str>, known: &Container) -> Finding {
    let id = scene.inventory.map_or_else(|| known.id.short().to_owned(), |i| container(i, &known.id));
    let mut finding = draft(Code::ContainerRestarting, "container", name, scene.snapshot.at);
    finding.destination = Some(on.name.clone());
    let ended =
        known.exit_code.map_or_else(String::new, |code| format!(", the last time with exit code {code}"));
    let times = match known.restarts {
        0 => String::new(),
        1 => " (once so far)".to_owned(),
        times => format!(" ({times} times so far)"),
    };
    finding.summary = format!(
        "{name} ends soon after each start{ended}, and the Engine starts it again{times}: it is reached by moments."
    );
    finding.evidence = vec![saw(
        format!("docker inspect {id}"),
        format!("{}, restarted {} times", known.state.as_label(), known.restarts),
        "running, and no restarts",
    )];
    finding.evidence.extend(why(Some(known)));
    finding.explains = scene.symptoms(&on.name, |key| key.target == *name || key.source == *name);
    let sites = serves(scene, &known.id);
    if !sites.is_empty() {
        finding.severity = Severity::Page;
    }
    finding.explains.extend(sites);
    finding.fix = vec![
        Step::when("why it ends", [format!("docker logs --tail 50 {id}")]),
        Step::prose("where it waits for a database that is not there yet: that one first"),
        Step::when(
            "until it is mended, so that it does not start again",
            [format!("docker update --restart no {id}"), format!("docker stop {id}")],
        ),
    ];
    finding.verify = vec![format!(
        "docker inspect -f '{{{{.RestartCount}}}} {{{{.State.Status}}}} {{{{.State.ExitCode}}}} {{{{.State.OOMKilled}}}}' {id}"
    )];
    finding
}
