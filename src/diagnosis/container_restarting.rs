//! `container-restarting`: it ends soon after each start, and the Engine starts it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::inventory::{Container, Destination};

use super::ended::{restarts, serves, why};
use super::scene::Scene;
use super::words::{container, draft, quoted, saw};
use super::{Code, Finding, Severity, Step};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for on in scene.destinations() {
        let stopped = on.stopped.iter().map(|missing| (&missing.name, &missing.container));
        let running = on.endpoints.iter().map(|endpoint| (&endpoint.name, &endpoint.container));
        // Of replicas that are called the same one is told.
        let mut told = BTreeMap::new();
        for (name, id) in stopped.chain(running) {
            let Some(known) = scene.inventory.and_then(|inventory| inventory.container(id)) else { continue };
            // A proxy is told with all the sites that it leaves alone.
            let leads = || scene.walks.iter().any(|walk| walk.route.proxy.as_ref() == Some(id));
            if restarts(scene.snapshot, known) && !leads() {
                told.entry(name).or_insert(known);
            }
        }
        findings.extend(told.into_iter().map(|(name, known)| tell(scene, on, name, known)));
    }
    findings
}

fn tell(scene: &Scene<'_>, on: &Destination, name: &Arc<str>, known: &Container) -> Finding {
    let id = scene.inventory.map_or_else(|| known.id.short().to_owned(), |i| container(i, &known.id));
    let mut finding = draft(Code::ContainerRestarting, "container", name, scene.snapshot.at);
    finding.destination = Some(on.name.clone());
    let code = known.exit_code.map_or_else(String::new, |code| format!("exit code {code}, "));
    let times = scene.snapshot.restarts.of_late.get(&known.id).map_or(0, Vec::len);
    finding.summary = format!(
        "Container {} keeps crashing ({code}{times} restarts in ten minutes): it answers only now and then.",
        quoted(name)
    );
    finding.evidence = vec![saw(
        format!("docker inspect {id}"),
        format!(
            "{}, restarted {} times, {times} of them within ten minutes",
            known.state.as_label(),
            known.restarts
        ),
        "running, and no restarts",
    )];
    finding.evidence.extend(why(Some(known)));
    finding.explains = scene.symptoms(&on.name, name, |_| true);
    let sites = serves(scene, &known.id);
    if !sites.is_empty() {
        finding.severity = Severity::Page;
    }
    finding.explains.extend(sites);
    finding.fix = vec![
        Step::look("why it ends", [format!("docker logs --tail 50 {id}")]),
        Step::prose("if it waits for a database: repair that first"),
        Step::when(
            "to keep it from starting again until it is mended",
            [format!("docker update --restart no {id}"), format!("docker stop {id}")],
        ),
        Step::when(
            "and back again: redeploy it, or",
            [format!("docker update --restart unless-stopped {id}"), format!("docker start {id}")],
        ),
    ];
    finding.verify = vec![format!(
        "docker inspect -f '{{{{.RestartCount}}}} {{{{.State.Status}}}} {{{{.State.ExitCode}}}} {{{{.State.OOMKilled}}}}' {id}"
    )];
    finding
}
