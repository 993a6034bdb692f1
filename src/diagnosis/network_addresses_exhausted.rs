//! `network-addresses-exhausted`: a subnet has no address left.

use crate::inventory::Subnet;

use super::scene::Scene;
use super::words::{draft, network, saw};
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
            "{name} has no free address: {} of {} in {} are taken, the next container will not start.",
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
        finding.fix = vec![
            Step::when("stop and remove what is not needed", [format!("docker ps --filter network={shell}")]),
            Step::when(
                "release endpoints without a container",
                [format!("docker network disconnect -f {shell} NAME")],
            ),
            Step::prose(
                "a network's subnet cannot grow: make a larger one, docker network create --subnet 10.x.0.0/20 NEW, and redeploy onto it",
            ),
        ];
        finding.verify = vec![format!("docker network inspect {shell}")];
        findings.push(finding);
    }
    findings
}
