//! `egress-blocked`: nothing comes back from outside.

use std::net::IpAddr;

use crate::diagnosis::scene::{Look, Scene, Way, fails};
use crate::diagnosis::words::{container, few, from_inside};
use crate::diagnosis::{Code, Finding, Severity, Step};
use crate::outcome::ProbeKey;

use super::{Failing, Whose, evidence, failing, is_echo};

/// Addresses of IPv4 that nobody gets an answer from.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Without forwarding nothing leaves: that is the finding then.
    let host = scene.snapshot.sight.host.as_deref();
    if host.is_some_and(|host| host.forwarding.ipv4 == Some(false)) {
        return Vec::new();
    }
    let found = failing(scene, |key| is_echo(key, IpAddr::is_ipv4), fails);
    found.iter().map(|one| tell(scene, one)).collect()
}

fn tell(scene: &Scene<'_>, failing: &Failing<'_>) -> Finding {
    let Failing { of, looks } = failing;
    let mut finding = of.draft(scene, Code::EgressBlocked, looks);
    let mut targets: Vec<&str> = looks.iter().map(|(key, _)| &*key.target).collect();
    targets.sort_unstable();
    targets.dedup();
    finding.summary =
        format!("{} reaches nothing outside: no answer comes back from {}.", of.name(), few(&targets));
    let sent = |key: &ProbeKey| format!("echo requests from {} to {}", key.source, key.target);
    finding.evidence = evidence(looks, sent, "a reply");
    let reaches = |(key, _): &Look<'_>| {
        scene.ways_from(&key.destination, &key.source).iter().any(|(_, path)| path.way == Way::Open)
    };
    if looks.iter().any(reaches) {
        finding.ruled_out.push("peers on the destination are reached".to_owned());
    }
    if scene.snapshot.sight.host.as_deref().is_some_and(|host| host.forwarding.ipv4 == Some(true)) {
        finding.ruled_out.push("the host forwards packets (net.ipv4.ip_forward is 1)".to_owned());
    }
    finding.fix = match of {
        Whose::Host => vec![
            Step::when(
                "does the host itself get out",
                [format!("ping -c 3 {}", targets.first().unwrap_or(&""))],
            ),
            Step::when(
                "are the Engine's own rules there, and does none before them drop",
                ["iptables -S FORWARD".to_owned(), "iptables -t nat -S POSTROUTING".to_owned()],
            ),
            Step::when(
                "where they are gone, the Engine writes them anew",
                ["systemctl restart docker".to_owned()],
            ),
        ],
        Whose::Destination(on) => {
            finding.ruled_out.push("other destinations get out, or are not asked".to_owned());
            let subnets: Vec<String> = on.subnets.iter().map(|subnet| format!("-e {}", subnet.net)).collect();
            vec![
                Step::when(
                    "is its address translated on the way out, and does no rule drop it",
                    [
                        format!("iptables -t nat -S POSTROUTING | grep {}", subnets.join(" ")),
                        "iptables -S DOCKER-USER".to_owned(),
                    ],
                ),
                Step::when(
                    "where the rule is gone, the Engine writes it anew",
                    ["systemctl restart docker".to_owned()],
                ),
            ]
        }
        Whose::Container(..) => {
            finding.severity = Severity::Ticket;
            finding.ruled_out.push("others on the destination get out".to_owned());
            vec![
                Step::when(
                    "is its address banned (fail2ban, CrowdSec)",
                    ["iptables-save | grep -i -E 'drop|reject'".to_owned()],
                ),
                Step::prose("has it a firewall or another default route inside, a VPN's say"),
            ]
        }
    };
    let from = looks.first().and_then(|(key, _)| {
        let endpoint = scene.inventory?.destination(&key.destination)?.endpoint(&key.source)?;
        Some(from_inside(
            &container(scene.inventory?, &endpoint.container),
            &format!("ping -c 3 -W 1 {}", key.target),
        ))
    });
    finding.verify.extend(from);
    finding
}
