//! `route-rule-invalid`: the proxy refuses the rule.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::words::{container, draft, sh};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Refused;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut findings: Vec<Finding> = Vec::new();
    for refused in &inventory.routes.refused {
        let known = |finding: &Finding| {
            *finding.subject.name == *refused.router && finding.destination == refused.destination
        };
        // Old and new containers of a deployment have the same rule.
        if findings.iter().any(known) {
            continue;
        }
        findings.push(tell(scene, inventory, refused));
    }
    findings
}

fn tell(scene: &Scene<'_>, inventory: &crate::inventory::Inventory, refused: &Refused) -> Finding {
    let Refused { router, name, written, why, .. } = refused;
    let mut finding = draft(Code::RouteRuleInvalid, "route", router, scene.snapshot.at);
    finding.destination.clone_from(&refused.destination);
    finding.summary = format!("The proxy does not take the rule {router} of {name}: {why}.");
    finding.evidence = vec![saw(
        format!("label of {name}"),
        if written.is_empty() { "an empty rule".to_owned() } else { format!("{written:?}") },
        "a rule that the proxy takes",
    )];
    finding.fix = vec![Step::prose(
        "enter the domain with its scheme (https://shop.example.com), in Coolify reset the labels to their defaults, and redeploy",
    )];
    let shell = container(inventory, &refused.container);
    finding.verify = vec![
        format!("docker inspect -f '{{{{json .Config.Labels}}}}' {shell}"),
        format!("docker logs --tail 200 {} 2>&1 | grep -i {}", proxy(scene), sh(router)),
    ];
    finding
}

fn proxy(scene: &Scene<'_>) -> String {
    let first = scene.inventory.and_then(|inventory| inventory.proxies.first());
    super::wording::shell(scene, first.map(|proxy| &proxy.container))
}
