//! `egress-ipv6-missing`: addresses of IPv6 outside were asked for, and the destination has no way to any.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::diagnosis::scene::{Scene, fails};
use crate::diagnosis::words::{network, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::outcome::ProbeKind;

use super::{Whose, failing, is_echo};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Without forwarding nothing leaves: that is the finding then.
    let host = scene.snapshot.sight.host.as_deref();
    if host.is_some_and(|host| host.forwarding.ipv6 == Some(false)) {
        return findings;
    }
    for one in failing(scene, ProbeKind::IcmpExternal, |(key, _)| is_echo(key, IpAddr::is_ipv6), fails) {
        let mut finding = one.of.draft(scene, Code::EgressIpv6Missing, &one.looks);
        let has_ipv6 = |on: &crate::inventory::Destination| {
            on.subnets.iter().any(|subnet| matches!(subnet.net, IpNet::V6(_)))
        };
        let without: Vec<&str> =
            scene.destinations().filter(|on| !has_ipv6(on)).map(|on| &*on.name).collect();
        finding.summary = format!("{} reaches nothing outside by IPv6.", one.of.name());
        finding.evidence = vec![
            saw("echo requests to addresses of IPv6 outside", "no answer", "a reply"),
            match one.of {
                Whose::Destination(on) | Whose::Container(on, _) => saw(
                    format!("docker network inspect {}", network(on)),
                    if has_ipv6(on) { "a subnet of IPv6" } else { "no subnet of IPv6" },
                    "one, and a way out of the host",
                ),
                Whose::Host => saw(
                    "networks without a subnet of IPv6",
                    format!("{} of {}", without.len(), scene.destinations().count()),
                    "none",
                ),
            },
        ];
        finding.fix = vec![
            Step::look("has the host itself a way", ["ip -6 route show default".to_owned()]),
            Step::prose(
                "add a pool of IPv6 to what is in /etc/docker/daemon.json, among \"default-address-pools\" (Docker 27 and later have one of their own), then make the network anew with --ipv6 and redeploy onto it",
            ),
            Step::command("docker network create --attachable --ipv6 NEW"),
        ];
        finding.verify = vec!["docker network ls --format '{{.Name}} {{.IPv6}}'".to_owned()];
        findings.push(finding);
    }
    findings
}
