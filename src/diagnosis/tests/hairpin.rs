//! The way back to the host's own address: shut for one network, for all, or because the proxy itself is down.

use crate::netstack::{Bridge, Forwarding, Host};

use super::*;

const HOST: [u8; 4] = [203, 0, 113, 7];
const BOTH: [&str; 2] = ["shop", "blog"];

/// Two destinations, of each one tries the proxy's doors at the host's address; the host does, too.
fn town() -> Sample {
    let mut sample = shop();
    sample.destination("blog", 3);
    for name in ["cms", "cache"] {
        sample.endpoint("blog", name);
    }
    for port in [80, 443] {
        host(&mut sample, port, OK, 60);
        inside(&mut sample, &BOTH, port, OK);
    }
    sample
}

fn host(sample: &mut Sample, port: u16, outcome: Outcome, last: u64) {
    let detail = Detail::Port(HOST.into(), port);
    let record = sample.probe(key(ProbeKind::PublishedPort, "host", "coolify-proxy", detail), outcome, 2);
    record.at = at(last);
}

fn inside(sample: &mut Sample, on: &[&str], port: u16, outcome: Outcome) {
    for name in on {
        let source = if *name == "shop" { "db" } else { "cache" };
        let detail = Detail::Port(HOST.into(), port);
        let at = key(ProbeKind::Hairpin, source, "coolify-proxy", detail);
        sample.probe(ProbeKey { destination: (*name).into(), ..at }, outcome.clone(), 2);
    }
}

#[test]
fn a_way_that_is_shut_is_told_where_the_host_itself_gets_through() {
    let cases: [Case<'_>; 11] = [
        ("all is well", |_| {}, &[]),
        (
            "a policy of DROP",
            |s| [80, 443].into_iter().for_each(|port| inside(s, &BOTH, port, TIMEOUT)),
            &["hairpin-blocked host"],
        ),
        ("one port for one network", |s| inside(s, &["shop"], 80, TIMEOUT), &["hairpin-blocked shop"]),
        (
            "of one the host has not been asked since, so that it may be everybody's",
            |s| {
                inside(s, &BOTH, 80, TIMEOUT);
                host(s, 80, OK, 40);
                s.probes
                    .iter_mut()
                    .filter(|(key, _)| &*key.source == "cache")
                    .for_each(|(_, r)| r.since = at(50));
            },
            &[],
        ),
        (
            "many networks of more are one fault",
            |s| {
                for third in 4..9 {
                    let name = format!("net{third}");
                    s.destination(&name, third);
                    s.endpoint(&name, "cache");
                    inside(s, &[&name], 80, TIMEOUT);
                }
            },
            &["hairpin-blocked host"],
        ),
        (
            "firewalld says no",
            |s| inside(s, &["blog"], 443, Outcome::Failure(Reason::Prohibited)),
            &["hairpin-blocked blog"],
        ),
        (
            "the proxy is down",
            |s| {
                for port in [80, 443] {
                    inside(s, &BOTH, port, Outcome::Failure(Reason::Refused));
                    host(s, port, Outcome::Failure(Reason::Refused), 60);
                }
            },
            &[],
        ),
        (
            "nobody has asked from the host since",
            |s| {
                inside(s, &BOTH, 80, TIMEOUT);
                host(s, 80, OK, 29);
            },
            &[],
        ),
        (
            "the host could not ask",
            |s| {
                inside(s, &BOTH, 80, TIMEOUT);
                host(s, 80, BLIND, 60);
            },
            &[],
        ),
        (
            "a firewall inside the container",
            |s| {
                inside(s, &["shop"], 80, Outcome::Failure(Reason::Prohibited));
                s.probes.values_mut().filter(|r| r.failures_in_a_row > 0).for_each(|r| r.seen.local = true);
            },
            &[],
        ),
        (
            "the host does not forward",
            |s| {
                inside(s, &BOTH, 80, TIMEOUT);
                let forwarding = Forwarding { ipv4: Some(false), ipv6: None };
                let bridges = Some([("br-shop".to_owned(), Bridge::default())].into());
                s.on("shop").bridge = Some("br-shop".into());
                s.sight.host = Some(Arc::new(Host { forwarding, bridges, ..Host::default() }));
            },
            &["host-forwarding-disabled host"],
        ),
    ];
    for (name, breaks, expected) in cases {
        let mut sample = town();
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}

#[test]
fn the_finding_has_the_very_rules() {
    let mut sample = town();
    inside(&mut sample, &["shop"], 80, TIMEOUT);
    inside(&mut sample, &["shop"], 443, TIMEOUT);
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    let [finding] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    assert_eq!(finding.severity, Severity::Ticket);
    assert!(
        finding
            .summary
            .contains("`coolify-proxy` at the host's own address (203.0.113.7:80, 203.0.113.7:443)"),
        "{finding:?}"
    );
    assert_eq!(
        finding.fix[1].commands(),
        ["iptables -I INPUT -s 10.0.2.0/24 -p tcp -m multiport --dports 80,443 -j ACCEPT"]
    );
    assert_eq!(finding.fix[2].commands(), ["ufw allow from 10.0.2.0/24 to any port 80,443 proto tcp"]);
    assert_eq!(finding.explains.len(), 2);
}

#[test]
fn one_door_that_opens_does_not_end_what_is_told_of_another() {
    let mut sample = town();
    inside(&mut sample, &BOTH, 80, TIMEOUT);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["hairpin-blocked host"]);
    inside(&mut sample, &BOTH, 80, BLIND);
    sample.probes.values_mut().filter(|record| record.outcome == BLIND).for_each(|r| r.failures_in_a_row = 2);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["hairpin-blocked host"]);
    inside(&mut sample, &["shop"], 80, OK);
    inside(&mut sample, &["blog"], 80, TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["hairpin-blocked blog"]);
    inside(&mut sample, &BOTH, 80, OK);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
}

/// Nobody listens at one of two doors: that it stays shut keeps nothing open.
#[test]
fn a_door_that_the_host_does_not_get_through_either_keeps_nothing_open() {
    let mut sample = town();
    inside(&mut sample, &BOTH, 80, TIMEOUT);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["hairpin-blocked host"]);
    let refused = Outcome::Failure(Reason::Refused);
    host(&mut sample, 443, refused.clone(), 60);
    inside(&mut sample, &BOTH, 443, refused);
    inside(&mut sample, &BOTH, 80, OK);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
}
