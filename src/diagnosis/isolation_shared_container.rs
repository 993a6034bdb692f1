//! `isolation-shared-container`: one container on several destinations.

use super::scene::Scene;
use super::words::{container, draft, network, quoted, saw};
use super::{Code, Finding, Step};

/// Containers that join two destinations. Sharing is a choice: worth knowing, nothing more. A proxy
/// has to.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut findings = Vec::new();
    for (id, places) in &scene.places {
        let is_proxy = inventory.container(id).is_some_and(|c| c.is_proxy);
        let Some((home, endpoint)) = places.first().filter(|_| places.len() > 1 && !is_proxy) else {
            continue;
        };
        let names: Vec<String> = places.iter().map(|(d, _)| quoted(&d.name)).collect();
        let shell = container(inventory, id);
        let mut finding =
            draft(Code::IsolationSharedContainer, "container", &endpoint.name, scene.snapshot.at);
        finding.destination = Some(home.name.clone());
        finding.summary = format!(
            "Container {} sits on the networks {} and joins them.",
            quoted(&endpoint.name),
            names.join(" and ")
        );
        finding.evidence = places
            .iter()
            .map(|(d, e)| {
                let addresses: Vec<String> = e.addresses.iter().map(ToString::to_string).collect();
                saw(format!("endpoint on {}", d.name), addresses.join(", "), "one destination a container")
            })
            .collect();
        finding.ruled_out = vec!["it is not a reverse proxy".to_owned()];
        finding.fix = vec![Step::prose("nothing, where it is wanted; else take it from one of them:")];
        finding.fix.extend(
            places
                .iter()
                .skip(1)
                .map(|(d, _)| Step::command(format!("docker network disconnect {} {shell}", network(d)))),
        );
        finding.verify = vec![format!("docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {shell}")];
        findings.push(finding);
    }
    findings
}
