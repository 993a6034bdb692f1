//! `route-rule-invalid`: the proxy refuses the rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, quoted, saw, sh};
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
    let served = || inventory.routes.served.iter().flat_map(|route| &route.backends);
    let by = if served().any(|backend| backend.container == first.container) {
        format!(" by its rule {}", quoted(router))
    } else {
        String::new()
    };
    let who = format!("Container {} gets no visitors{by} (404)", quoted(name));
    let has_no_domain = why.contains("empty args for matcher Host") || first.written.contains("Host(``)");
    finding.summary = if has_no_domain {
        format!("{who}: its routing label has no domain: Host(``).{more}")
    } else {
        format!("{who}: the proxy does not take its routing label {}: {why}.{more}", quoted(router))
    };
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
    finding.fix = vec![
        Step::prose(if has_no_domain {
            "enter the domain with https:// in front, and redeploy it"
        } else {
            "correct the label, in Coolify by entering the domain anew with https:// in front, and redeploy it"
        }),
        Step::prose(
            "only where the label is the same after that: copy your own labels first (basic auth, allow-lists), for Reset to defaults takes them away and the site would be back without its login; reset, put them back, and redeploy it",
        ),
    ];
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
