//! `network-addresses-exhausted`: a subnet has no address left.

use crate::inventory::Subnet;

use super::scene::Scene;
use super::words::{draft, network, quoted, saw};
use super::{Code, Finding, Step};

/// Destinations of which a subnet is full. The Engine needs an address of every subnet for a new
/// container, so one full subnet is enough.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for destination in scene.destinations() {
        let full: Vec<&Subnet> =
            destination.subnets.iter().filter(|s| s.capacity > 0 && s.used >= s.capacity).collect();
        let Some(first) = full.first() else { continue };
        let name = &destination.name;
        let shell = network(destination);
        let mut finding = draft(Code::NetworkAddressesExhausted, "destination", name, scene.snapshot.at);
        finding.destination = Some(name.clone());
        finding.summary = format!(
            "The network {} has no free address: {} of {} in {} are taken, the next container will not start.",
            quoted(name),
            first.used,
            first.capacity,
            first.range.unwrap_or(first.net)
        );
        finding.evidence = full
            .iter()
            .map(|s| {
                saw(
                    format!("subnet {}", s.net),
                    format!("{} of {} addresses taken", s.used, s.capacity),
                    "at least one free",
                )
            })
            .collect();
        finding.explains = vec![
            "deployments that end in \"no available IPv4 addresses on this network's address pools\"".into(),
        ];
        finding.ruled_out = destination
            .subnets
            .iter()
            .filter(|s| s.used < s.capacity)
            .map(|s| format!("subnet {} has {} free", s.net, s.capacity - s.used))
            .collect();
        finding.fix = vec![Step::look(
            "stop and remove what is not needed",
            [format!("docker ps --filter network={shell}")],
        )];
        if !destination.ghosts.is_empty() {
            finding.fix.push(Step::prose(
                "endpoints that no container stands behind hold addresses too: network-ghost-endpoint has the command that releases them",
            ));
        }
        finding.fix.push(Step::when(
            "a network's subnet cannot grow: make a larger one of a range that nothing here has a way to (this one, say), and redeploy onto it",
            [
                "ip route".to_owned(),
                "docker network create --attachable --subnet 10.77.0.0/20 NEW".to_owned(),
            ],
        ));
        finding.verify = vec![format!("docker network inspect {shell}")];
        findings.push(finding);
    }
    findings
}
