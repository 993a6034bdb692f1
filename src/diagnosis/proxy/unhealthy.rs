//! `proxy-unhealthy`: the proxy's own check fails.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{Health, RunState};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut findings = Vec::new();
    for proxy in &inventory.proxies {
        let Some(of) = inventory.container(&proxy.container) else { continue };
        if of.state != RunState::Running || of.health != Health::Unhealthy {
            continue;
        }
        let name = &proxy.name;
        let mut finding = draft(Code::ProxyUnhealthy, "proxy", name, scene.snapshot.at);
        finding.summary = format!("The health check of the reverse proxy {} fails.", quoted(name));
        finding.evidence = vec![saw(format!("State.Health of {name}"), "unhealthy", "healthy")];
        let shell = container(inventory, &proxy.container);
        let log = format!("docker inspect -f '{{{{json .State.Health}}}}' {shell}");
        finding.fix = vec![
            Step::look("read what the check says", [log.clone()]),
            Step::when(
                "where the proxy hangs (all sites are away for seconds)",
                [format!("docker restart {shell}")],
            ),
        ];
        finding.verify = vec![log, format!("docker logs --tail 50 {shell}")];
        findings.push(finding);
    }
    findings
}
