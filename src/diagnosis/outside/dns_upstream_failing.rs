//! `dns-upstream-failing`: names of containers resolve, and names outside do not.

use std::net::IpAddr;

use crate::diagnosis::scene::{AFTER_ABSENCE, Look, Scene, fails};
use crate::diagnosis::words::{container, few, from_inside, sh};
use crate::diagnosis::{Code, Finding, Severity, Step};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::Record;

use super::{Failing, Whose, dns_resolv_conf_stale, evidence, is_echo, left};

/// That a name does not exist is an answer.
fn is_failure(record: &Record) -> bool {
    fails(record)
        && record.outcome.reason().is_some_and(|reason| {
            matches!(
                reason,
                Reason::Timeout
                    | Reason::Servfail
                    | Reason::DnsRefused
                    | Reason::Unreachable
                    | Reason::Prohibited
                    | Reason::Reset
                    | Reason::Refused
            )
        })
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let own = |one: &Failing<'_>| one.looks.iter().any(|(key, record)| is_own(scene, key, record));
    let found = left(scene, failing(scene)).into_iter().filter(own).collect();
    let (mut findings, others) = dns_resolv_conf_stale::take(scene, found);
    findings.extend(others.iter().map(|one| tell(scene, one)));
    findings
}

/// Names outside that nobody finds.
pub(super) fn failing<'a>(scene: &Scene<'a>) -> Vec<Failing<'a>> {
    // The Engine asks for its containers: when it is down, that is the finding; and without forwarding nothing leaves.
    let host = scene.snapshot.sight.host.as_deref();
    if scene.engine_down() || host.is_some_and(|host| host.forwarding.ipv4 == Some(false)) {
        return Vec::new();
    }
    // A public domain of a site here has name servers of its own that may fail.
    let is_outside = |(key, _): &Look<'a>| !scene.domains.contains_key(&*key.target);
    // What was asked while the Engine was away says nothing of its name servers.
    super::failing(scene, ProbeKind::DnsExternal, is_outside, |record| {
        is_failure(record) && scene.engine_vouches(record)
    })
}

/// Whether it is the names: its own resolver answers, and addresses outside are reached, as far as anybody tried. Where
/// these have just come back the names have not been asked for since.
fn is_own(scene: &Scene<'_>, key: &ProbeKey, lookup: &Record) -> bool {
    let (destination, source) = (&key.destination, &key.source);
    let answers = |record: &Record| matches!(record.outcome, Outcome::Success(_));
    let is_back = |record: &Record| {
        answers(record) && (record.since <= lookup.since || lookup.at >= record.since + AFTER_ABSENCE)
    };
    let mut own = scene.lookups(destination, source).peekable();
    let resolver = own.peek().is_none() || own.any(|(_, record)| answers(record));
    let mut outside = scene
        .looks_of(destination, ProbeKind::IcmpExternal)
        .iter()
        .filter(|(key, _)| key.source == *source && is_echo(key, IpAddr::is_ipv4))
        .peekable();
    let gets_out = outside.peek().is_none() || outside.any(|(_, record)| is_back(record));
    resolver && gets_out
}

fn tell(scene: &Scene<'_>, failing: &Failing<'_>) -> Finding {
    let Failing { of, looks } = failing;
    let mut finding = of.draft(scene, Code::DnsUpstreamFailing, looks);
    let mut names: Vec<&str> = looks.iter().map(|(key, _)| &*key.target).collect();
    names.sort_unstable();
    names.dedup();
    finding.summary = format!(
        "{} resolves no name outside ({}): the name servers that the Engine passes queries on to do not answer.",
        of.name(),
        few(&names)
    );
    let asked = |key: &ProbeKey| format!("dns from {} for {}", key.source, key.detail);
    finding.evidence = evidence(looks, asked, "an answer, be it that there is no such name");
    let resolves = |(key, _): &Look<'_>| {
        let mut own = scene.lookups(&key.destination, &key.source);
        own.any(|(_, record)| matches!(record.outcome, Outcome::Success(_)))
    };
    if looks.iter().any(resolves) {
        finding.ruled_out.push("names of containers resolve: the Engine's own resolver answers".to_owned());
    }
    let reached = looks.iter().any(|(key, _)| {
        let of_source = |other: &ProbeKey| other.source == key.source && is_echo(other, IpAddr::is_ipv4);
        scene
            .looks_of(&key.destination, ProbeKind::IcmpExternal)
            .iter()
            .any(|(other, record)| of_source(other) && matches!(record.outcome, Outcome::Success(_)))
    });
    if reached {
        finding.ruled_out.push("addresses outside are reached".to_owned());
    }
    if let Whose::Container(..) = of {
        finding.severity = Severity::Ticket;
        finding.ruled_out.push("others on the destination resolve them".to_owned());
    }
    let shell = looks.first().and_then(|(key, _)| {
        let endpoint = scene.inventory?.destination(&key.destination)?.endpoint(&key.source)?;
        Some(container(scene.inventory?, &endpoint.container))
    });
    finding.fix = vec![
        Step::look(
            "does the host itself resolve it",
            [format!("getent hosts {}", sh(names.first().unwrap_or(&"")))],
        ),
        Step::when(
            "where systemd-resolved is the host's resolver",
            ["resolvectl status".to_owned(), "systemctl restart systemd-resolved".to_owned()],
        ),
    ];
    finding.fix.extend(own_servers(
        scene,
        "or name servers of the Engine's own, which containers take over when they start again: \"dns\": [\"1.1.1.1\", \"9.9.9.9\"]",
    ));
    if let Some(shell) = shell {
        finding.verify = vec![
            from_inside(&shell, &format!("nslookup {}", sh(names.first().unwrap_or(&"")))),
            format!("docker exec {shell} cat /etc/resolv.conf"),
        ];
    }
    finding
}

/// The Engine's own name servers.
pub(super) fn own_servers(scene: &Scene<'_>, setting: &'static str) -> Option<Step> {
    scene.inventory.map(|inventory| Step::prose(setting).in_daemon_json(&inventory.engine))
}
