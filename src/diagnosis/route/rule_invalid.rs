//! `route-rule-invalid`: the proxy refuses the rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, saw, sh};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Refused;
use crate::inventory::{ContainerId, Inventory};

/// One finding for all rules of a container that are refused for one reason: Traefik reads labels as a whole, and panels
/// write two rules for each domain.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut faults: BTreeMap<(&ContainerId, &str), Vec<&Refused>> = BTreeMap::new();
    for refused in &inventory.routes.refused {
        faults.entry((&refused.container, &refused.why)).or_default().push(refused);
    }
    // Old and new containers of a deployment have the same rules.
    let mut told = BTreeSet::new();
    let first = |of: &Vec<&Refused>| Some((of.first()?.destination.clone(), of.first()?.router.clone()));
    let new = faults.into_values().filter(|of| first(of).is_some_and(|first| told.insert(first)));
    new.filter_map(|of| tell(scene, inventory, &of)).collect()
}

fn tell(scene: &Scene<'_>, inventory: &Inventory, all: &[&Refused]) -> Option<Finding> {
    let (Refused { router, name, why, .. }, others) = all.split_first().map(|(one, rest)| (*one, rest))?;
    let first = all.first()?;
    let mut finding = draft(Code::RouteRuleInvalid, "route", router, scene.snapshot.at);
    finding.destination.clone_from(&first.destination);
    let more = match others.len() {
        0 => String::new(),
        _ => format!(
            " Nor does it take {}, for the same reason.",
            few(others.iter().map(|other| &*other.router))
        ),
    };
    finding.summary = format!("The proxy does not take the rule {router} of {name}: {why}.{more}");
    finding.explains = listed(others.iter().map(|other| format!("rule {}", other.router)));
    let written = |refused: &&Refused| {
        let written = &refused.written;
        saw(
            format!("label of {name}"),
            if written.is_empty() { "an empty rule".to_owned() } else { format!("{written:?}") },
            "a rule that the proxy takes",
        )
    };
    finding.evidence = all.iter().take(3).map(written).collect();
    finding.fix = vec![Step::prose(
        "enter the domain with its scheme (https://shop.example.com), in Coolify reset the labels to their defaults, and redeploy",
    )];
    let shell = container(inventory, &first.container);
    finding.verify = vec![
        format!("docker inspect -f '{{{{json .Config.Labels}}}}' {shell}"),
        format!("docker logs --tail 200 {} 2>&1 | grep -iF -e {}", proxy(scene), sh(router)),
    ];
    Some(finding)
}

fn proxy(scene: &Scene<'_>) -> String {
    let first = scene.inventory.and_then(|inventory| inventory.proxies.first());
    super::wording::shell(scene, first.map(|proxy| &proxy.container))
}
