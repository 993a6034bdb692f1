//! `egress-blocked`: nothing comes back from outside.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::diagnosis::scene::{Look, Scene, Way, fails};
use crate::diagnosis::words::{container, few, from_inside, rules_about, saw, sh};
use crate::diagnosis::{Code, Finding, Severity, Step};
use crate::inventory::Destination;
use crate::netstack::firewall::Chain;
use crate::outcome::{ProbeKey, ProbeKind};

use super::{Failing, Whose, evidence, is_echo, left};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    left(scene, failing(scene)).iter().map(|one| tell(scene, one)).collect()
}

/// Addresses of IPv4 that nobody gets an answer from.
pub(super) fn failing<'a>(scene: &Scene<'a>) -> Vec<Failing<'a>> {
    // Without forwarding nothing leaves: that is the finding then.
    let host = scene.snapshot.sight.host.as_deref();
    if host.is_some_and(|host| host.forwarding.ipv4 == Some(false)) {
        return Vec::new();
    }
    super::failing(scene, ProbeKind::IcmpExternal, |(key, _)| is_echo(key, IpAddr::is_ipv4), fails)
}

/// A rule of the host's packet filter that drops what comes from this container, and its address.
fn ban<'a>(scene: &Scene<'a>, on: &'a Destination, name: &str) -> Option<(IpAddr, &'a Chain)> {
    let firewall = scene.filter?.firewall;
    on.endpoint(name)?.addresses.iter().find_map(|address| {
        let (chain, _) = firewall.bans(&IpNet::from(*address))?;
        Some((*address, chain))
    })
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
            Step::look(
                "does the host itself get out",
                [format!("ping -c 3 {}", targets.first().unwrap_or(&""))],
            ),
            Step::look(
                "are the Engine's own rules there, and does none before them drop",
                ["iptables -S FORWARD".to_owned(), "iptables -t nat -S POSTROUTING".to_owned()],
            ),
            Step::restart("where they are gone, the Engine writes them anew"),
        ],
        Whose::Destination(on) => {
            finding.ruled_out.push("other destinations get out, or are not asked".to_owned());
            let subnets: Vec<String> = on.subnets.iter().map(|subnet| format!("-e {}", subnet.net)).collect();
            vec![
                Step::look(
                    "is its address translated on the way out, and does no rule drop it",
                    [
                        "iptables -S DOCKER-USER".to_owned(),
                        format!("iptables -t nat -S POSTROUTING | grep {}", subnets.join(" ")),
                    ],
                ),
                Step::restart("where the rule is gone, the Engine writes it anew"),
            ]
        }
        Whose::Container(on, name) => {
            finding.severity = Severity::Ticket;
            finding.ruled_out.push("others on the destination get out".to_owned());
            let own = on.endpoint(name);
            let shell = own.and_then(|own| Some(container(scene.inventory?, &own.container)));
            let mut address = own.and_then(|own| own.addresses.iter().find(|ip| ip.is_ipv4()).copied());
            let mut look = address.map(|address| format!("iptables-save | grep -wF {address}"));
            if let Some((banned, chain)) = ban(scene, on, name) {
                let place = format!("{} {} {}", chain.family.as_str(), chain.table, chain.name);
                finding.evidence.push(saw(
                    format!("chain {} of table {} {}", chain.name, chain.family.as_str(), chain.table),
                    format!("a rule drops what comes from {banned}"),
                    "no rule about a container's address",
                ));
                address = Some(banned);
                look = Some(format!(
                    "nft -a list chain {}",
                    place.split(' ').map(sh).collect::<Vec<_>>().join(" ")
                ));
            }
            let mut steps = vec![Step::look("is its address banned", look)];
            if let Some(address) = address {
                steps.extend(lifted(address));
            }
            steps.push(Step::when(
                "if nobody banned it: does the container run a firewall or a VPN of its own",
                shell.into_iter().flat_map(|shell| rules_about(&shell, None)),
            ));
            steps
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

/// How a ban is lifted, and does not come again.
fn lifted(address: IpAddr) -> [Step; 3] {
    [
        Step::when("by fail2ban", [format!("fail2ban-client unban {address}")]),
        Step::when("by CrowdSec", [format!("cscli decisions delete --ip {address}")]),
        Step::when(
            "so that fail2ban leaves containers alone: ignoreip = 127.0.0.1/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 below [DEFAULT] in /etc/fail2ban/jail.local, then",
            ["fail2ban-client reload".to_owned()],
        ),
    ]
}
