//! `network-orphaned`: the network of a stack that is gone, which only the proxy still holds.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, network, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{Destination, Origin};

use super::of_destination;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    scene.destinations().filter_map(|on| tell(scene, on)).collect()
}

fn tell(scene: &Scene<'_>, on: &Destination) -> Option<Finding> {
    let inventory = scene.inventory?;
    // A destination is kept for what is yet to be deployed to it.
    let is_of_a_stack = matches!(on.origin, Origin::CoolifyStack | Origin::Compose);
    if !is_of_a_stack || on.endpoints.is_empty() || !on.stopped.is_empty() || !on.detached.is_empty() {
        return None;
    }
    let proxies: Option<Vec<String>> = on
        .endpoints
        .iter()
        .map(|endpoint| {
            let known = inventory.container(&endpoint.container)?;
            known.is_proxy.then(|| container(inventory, &known.id))
        })
        .collect();
    let (proxies, shell) = (proxies?, network(on));
    // A proxy's own network is its own.
    let own = |endpoint: &crate::inventory::Endpoint| {
        inventory.endpoints().filter(|(_, other)| other.container == endpoint.container).count() == 1
    };
    if on.endpoints.iter().any(own) {
        return None;
    }
    let mut finding = of_destination(scene, Code::NetworkOrphaned, on);
    finding.summary =
        format!("Nothing but the proxy is on {}: its stack is gone, and the network was left.", on.name);
    finding.evidence = vec![saw(
        format!("docker network inspect {shell}"),
        format!("{} and nobody else, running or stopped", proxies.join(", ")),
        "containers of its stack",
    )];
    finding.explains = vec!["a block of the Engine's address pools that is taken for nothing".to_owned()];
    let mut commands: Vec<String> =
        proxies.iter().map(|proxy| format!("docker network disconnect {shell} {proxy}")).collect();
    commands.push(format!("docker network rm {shell}"));
    finding.fix = vec![Step::when("where the stack is not to come back", commands)];
    finding.verify = vec![format!("docker ps -a --filter network={shell}")];
    Some(finding)
}
