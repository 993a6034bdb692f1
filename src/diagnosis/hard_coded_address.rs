//! `hard-coded-address`: a container is told where another one is by an address that this one has by chance.
//!
//! Only where the operator asks for it. Of a variable its name alone is known here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::{Container, ContainerId, Destination, Endpoint};

use super::scene::Scene;
use super::words::{container, draft, few, quoted, saw};
use super::{Code, Finding, Step};

/// One finding a container and destination, however many variables and neighbours.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut findings = Vec::new();
    let mut owners: BTreeMap<IpAddr, Vec<(&Destination, &Endpoint)>> = BTreeMap::new();
    if inventory.containers.values().all(|container| container.fixed_addresses.is_empty()) {
        return findings;
    }
    for (on, endpoint) in scene.endpoints() {
        for address in &endpoint.addresses {
            owners.entry(*address).or_default().push((on, endpoint));
        }
    }
    for (on, endpoint) in scene.endpoints() {
        let Some(one) = inventory.container(&endpoint.container) else { continue };
        let told: Vec<(&Arc<str>, &Endpoint)> = one
            .fixed_addresses
            .iter()
            .filter_map(|(variable, address)| {
                // Two that have it are on networks that nobody can tell apart.
                let [(place, owner)] = owners.get(address)?.as_slice() else { return None };
                let is_other = place.id == on.id && owner.container != endpoint.container;
                (is_other
                    && !owner.is_fixed
                    && name_of(inventory.container(&owner.container), owner).is_some())
                .then_some((variable, *owner))
            })
            .collect();
        findings.extend(tell(scene, on, endpoint, &told));
    }
    findings
}

/// What it is to be called by instead: the name that stays when it is deployed anew. One of Coolify's containers is called
/// otherwise after each deployment.
fn name_of<'a>(container: Option<&Container>, owner: &'a Endpoint) -> Option<&'a str> {
    let has = |wanted: &str| owner.names.iter().find(|name| ***name == *wanted).map(|name| &**name);
    let stays = container.filter(|container| container.coolify.is_none());
    has(&crate::inventory::normal(&owner.name)).or_else(|| has(&crate::inventory::normal(&stays?.name)))
}

fn tell(
    scene: &Scene<'_>,
    on: &Destination,
    endpoint: &Endpoint,
    told: &[(&Arc<str>, &Endpoint)],
) -> Option<Finding> {
    let inventory = scene.inventory?;
    let name_of = |owner: &Endpoint| {
        name_of(inventory.container(&owner.container), owner).unwrap_or(&owner.name).to_owned()
    };
    let (variable, first) = told.first()?;
    let name = &endpoint.name;
    let mut finding = draft(Code::HardCodedAddress, "container", name, scene.snapshot.at);
    finding.destination = Some(Arc::clone(&on.name));
    let more = told.len() - 1;
    finding.summary = format!(
        "Container {} finds {} by an address in its variable {}{}: the Engine gives addresses anew when a container starts, and then it finds another one, or none.",
        quoted(name),
        quoted(&first.name),
        quoted(variable),
        if more > 0 { format!(" (and {more} more like it)") } else { String::new() },
    );
    finding.evidence = told
        .iter()
        .take(12)
        .map(|(variable, owner)| {
            saw(
                format!("variable {variable} of {name}"),
                format!("an address that {} has now, on {}", owner.name, on.name),
                &format!("the name {}", name_of(owner)),
            )
        })
        .collect();
    let mut owners: Vec<(&ContainerId, String)> =
        told.iter().map(|(_, owner)| (&owner.container, name_of(owner))).collect();
    owners.sort();
    owners.dedup();
    finding.explains = vec![format!(
        "{name} fails, or talks to a stranger, after {} was deployed or started again",
        few(owners.iter().map(|(_, owner)| owner))
    )];
    finding.ruled_out = vec!["nobody chose the address (--ip, ipv4_address:)".to_owned()];
    finding.fix = vec![Step::prose(
        "put the name in place of the address in the variable (the finding's evidence has both), and deploy it again",
    )];
    finding.fix.push(Step::prose(
        "or let the address stay: a network with a subnet of yours, and on it an address that you choose (docker run --ip, in Compose ipv4_address:)",
    ));
    finding.verify = owners
        .iter()
        .take(3)
        .map(|(owner, _)| {
            let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
            format!("docker inspect -f '{format}' {}", container(inventory, owner))
        })
        .collect();
    Some(finding)
}
