//! What lies beyond the destinations: one container, one destination, or all of them.

use super::*;
use crate::inventory::{HostFile, HostServers, Upstream};

/// Everyone on `shop` and `blog` tries an address and a name outside, and succeeds.
fn curious() -> Sample {
    let mut sample = shop();
    sample.destination("blog", 3);
    for name in ["cms", "cache"] {
        sample.endpoint("blog", name);
    }
    all(&mut sample, &["shop", "blog"], ProbeKind::IcmpExternal, "192.0.2.1", OK);
    all(&mut sample, &["shop", "blog"], ProbeKind::DnsExternal, "example.org", OK);
    sample
}

fn all(sample: &mut Sample, on: &[&str], kind: ProbeKind, target: &str, outcome: Outcome) {
    let places: Vec<(Arc<str>, Arc<str>)> = sample
        .inventory
        .endpoints()
        .filter(|(destination, _)| on.contains(&&*destination.name))
        .map(|(destination, endpoint)| (Arc::clone(&destination.name), Arc::clone(&endpoint.name)))
        .collect();
    for (destination, source) in places {
        let detail = match target.parse() {
            Ok(address) => Detail::Address(address),
            Err(_) => Detail::Name(target.into(), QueryType::A),
        };
        let key = ProbeKey { destination, kind, source, target: target.into(), detail };
        sample.probe(key, outcome.clone(), 3);
    }
}

fn echoes(sample: &mut Sample, on: &[&str], outcome: Outcome) {
    all(sample, on, ProbeKind::IcmpExternal, "192.0.2.1", outcome);
}

fn names(sample: &mut Sample, on: &[&str], outcome: Outcome) {
    all(sample, on, ProbeKind::DnsExternal, "example.org", outcome);
}

const SERVFAIL: Outcome = Outcome::Failure(Reason::Servfail);
const BOTH: [&str; 2] = ["shop", "blog"];

#[test]
fn what_fails_for_all_is_told_once() {
    let cases: [Case<'_>; 10] = [
        ("all is well", |_| {}, &[]),
        ("nobody gets out", |s| echoes(s, &BOTH, TIMEOUT), &["egress-blocked host"]),
        ("one destination does not", |s| echoes(s, &["shop"], TIMEOUT), &["egress-blocked shop"]),
        (
            "one container does not",
            |s| {
                let key = s
                    .probes
                    .keys()
                    .find(|key| key.kind == ProbeKind::IcmpExternal && &*key.source == "db")
                    .cloned();
                s.probe(key.unwrap(), TIMEOUT, 3);
            },
            &["egress-blocked db"],
        ),
        (
            "nobody gets out, so that no name is found",
            |s| {
                echoes(s, &BOTH, TIMEOUT);
                names(s, &BOTH, TIMEOUT);
            },
            &["egress-blocked host"],
        ),
        ("no name outside", |s| names(s, &BOTH, SERVFAIL), &["dns-upstream-failing host"]),
        ("a name that does not exist", |s| names(s, &BOTH, Outcome::Failure(Reason::Nxdomain)), &[]),
        (
            "a resolver that answers nothing at all",
            |s| {
                names(s, &["shop"], TIMEOUT);
                for source in ["api", "db", "web"] {
                    s.dns(source, if source == "web" { "api" } else { "web" }, TIMEOUT);
                }
            },
            &[
                "dns-resolver-unresponsive api",
                "dns-resolver-unresponsive db",
                "dns-resolver-unresponsive web",
            ],
        ),
        (
            "the host does not forward",
            |s| {
                s.on("shop").bridge = Some("br-shop".into());
                let forwarding = crate::netstack::Forwarding { ipv4: Some(false), ipv6: None };
                s.sight.host = Some(Arc::new(crate::netstack::Host { forwarding, ..Default::default() }));
                echoes(s, &BOTH, TIMEOUT);
            },
            &["host-forwarding-disabled host"],
        ),
        (
            "nobody can look",
            |s| {
                echoes(s, &BOTH, BLIND);
                names(s, &BOTH, BLIND);
            },
            &[],
        ),
    ];
    for (name, breaks, expected) in cases {
        let mut sample = curious();
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}

#[test]
fn a_way_by_ipv6_that_nobody_has_is_worth_a_word() {
    let mut sample = curious();
    all(&mut sample, &BOTH, ProbeKind::IcmpExternal, "2001:db8::1", Outcome::Failure(Reason::Unreachable));
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    let codes: Vec<Code> = verdict.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::EgressIpv6Missing]);
}

#[test]
fn it_is_over_when_somebody_got_through_twice_and_not_because_nobody_looks() {
    let mut sample = curious();
    echoes(&mut sample, &BOTH, TIMEOUT);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["egress-blocked host"]);
    echoes(&mut sample, &BOTH, BLIND);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["egress-blocked host"], "unknown is not up");
    echoes(&mut sample, &["shop"], TIMEOUT);
    echoes(&mut sample, &["blog"], OK);
    assert_eq!(
        told(&settled(sample.snapshot(), &mut ledger)),
        ["egress-blocked shop"],
        "a part of it is well"
    );
    echoes(&mut sample, &["shop"], OK);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), Vec::<String>::new());
}

/// Probes come one after the other: until everybody was asked since, it may be everybody's.
#[test]
fn what_one_fails_at_is_not_told_as_its_own_before_the_others_were_asked() {
    let mut sample = curious();
    let row = |sample: &mut Sample, source: &str, outcome: Outcome, since: u64, last: u64| {
        let key =
            sample.probes.keys().find(|k| k.kind == ProbeKind::IcmpExternal && &*k.source == source).cloned();
        let record = sample.probe(key.unwrap(), outcome, 3);
        (record.since, record.at) = (at(since), at(last));
    };
    row(&mut sample, "db", TIMEOUT, 61, 70);
    assert_eq!(faults(&sample), [""; 0], "nobody else was asked since");
    for source in ["api", "web", "cms", "cache"] {
        row(&mut sample, source, OK, 30, 65);
    }
    assert_eq!(faults(&sample), ["egress-blocked db"]);
    // And when it is over: who was not asked since says nothing.
    for source in ["api", "web", "cms", "cache"] {
        row(&mut sample, source, OK, 71, 80);
    }
    assert_eq!(faults(&sample), [""; 0]);
}

/// The host's file says this since 40 seconds after the start of time, and whoever started before has the old server.
fn moved(sample: &mut Sample, host: &str) {
    let servers = vec![host.parse().unwrap()];
    sample.inventory.host_files = [(HostFile::Own, HostServers { servers, changed_at: at(40) })].into();
    for name in ["api", "db", "web", "cms", "cache"] {
        given(sample, name, "10.0.0.2", 10);
    }
}

fn given(sample: &mut Sample, name: &str, server: &str, started: u64) {
    let container = sample.container(name);
    container.started_at = Some(at(started));
    container.upstream =
        Some(Upstream { servers: vec![server.parse().unwrap()], file: HostFile::Own, by_engine: true });
}

/// One on `shop` finds no names.
fn one(sample: &mut Sample, source: &str) {
    let is_it = |key: &&ProbeKey| key.kind == ProbeKind::DnsExternal && &*key.source == source;
    let key = sample.probes.keys().find(is_it).cloned();
    sample.probe(key.unwrap(), SERVFAIL, 3);
}

#[test]
fn servers_of_the_past_are_told_in_place_of_names_that_fail() {
    let cases: [Case<'_>; 10] = [
        ("the host has others and nothing fails", |s| moved(s, "10.0.0.3"), &[]),
        (
            "all started before",
            |s| {
                moved(s, "10.0.0.3");
                names(s, &BOTH, SERVFAIL);
            },
            &["dns-resolv-conf-stale host"],
        ),
        (
            "all of one destination did",
            |s| {
                moved(s, "10.0.0.3");
                names(s, &["shop"], SERVFAIL);
            },
            &["dns-resolv-conf-stale shop"],
        ),
        (
            "one did",
            |s| {
                moved(s, "10.0.0.3");
                one(s, "db");
            },
            &["dns-resolv-conf-stale db"],
        ),
        (
            "two of one destination are one fault",
            |s| {
                moved(s, "10.0.0.3");
                one(s, "db");
                one(s, "web");
            },
            &["dns-resolv-conf-stale shop"],
        ),
        (
            "one that started since has the host's, and fails as well",
            |s| {
                moved(s, "10.0.0.3");
                given(s, "db", "10.0.0.3", 50);
                names(s, &BOTH, SERVFAIL);
            },
            &["dns-upstream-failing host"],
        ),
        (
            "one that started since has others: they are not of this file",
            |s| {
                moved(s, "10.0.0.3");
                given(s, "db", "10.0.2.3", 50);
                one(s, "db");
            },
            &["dns-upstream-failing db"],
        ),
        (
            "the same servers",
            |s| {
                moved(s, "10.0.0.2");
                names(s, &BOTH, SERVFAIL);
            },
            &["dns-upstream-failing host"],
        ),
        (
            "somebody chose them",
            |s| {
                moved(s, "10.0.0.3");
                s.container("db").upstream = None;
                one(s, "db");
            },
            &["dns-upstream-failing db"],
        ),
        (
            "the host's file is not seen, and one that started later finds names by another server",
            |s| {
                moved(s, "10.0.0.3");
                s.inventory.host_files.clear();
                given(s, "api", "10.0.0.3", 50);
                one(s, "db");
            },
            &["dns-resolv-conf-stale db"],
        ),
    ];
    for (name, breaks, expected) in cases {
        let mut sample = curious();
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}

#[test]
fn it_is_over_for_who_started_again_and_the_other_cause_takes_its_place() {
    let mut sample = curious();
    moved(&mut sample, "10.0.0.3");
    one(&mut sample, "db");
    let mut ledger = Ledger::default();
    let verdict = settled(sample.snapshot(), &mut ledger);
    assert_eq!(told(&verdict), ["dns-resolv-conf-stale db"]);
    let finding = &verdict.findings[0];
    assert_eq!(
        finding.summary,
        "`db` finds no name outside (example.org): its queries go to 10.0.0.2, as /etc/resolv.conf had it when it started, and the host's servers are 10.0.0.3 now."
    );
    assert_eq!(finding.fix[0].commands(), ["docker restart db"]);
    let key = sample
        .probes
        .keys()
        .find(|key| key.kind == ProbeKind::DnsExternal && &*key.source == "db")
        .cloned()
        .unwrap();
    sample.probe(key.clone(), BLIND, 3);
    assert_eq!(
        told(&settled(sample.snapshot(), &mut ledger)),
        ["dns-resolv-conf-stale db"],
        "unknown is not up"
    );
    sample.probe(key.clone(), SERVFAIL, 3);
    given(&mut sample, "db", "10.0.0.3", 50);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["dns-upstream-failing db"]);
    sample.probe(key, OK, 3);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
}
