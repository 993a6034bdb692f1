//! Large packets that vanish: between neighbours, beyond, and where the host's own way out is the narrow one.

use crate::netstack::{Bridge, Host, Way};
use crate::state::Record;

use super::*;

const TOO_BIG: Outcome = Outcome::Failure(Reason::TooBig);
const OUTSIDE: &str = "192.0.2.1";

/// One of each of two destinations sends large packets to a neighbour and to an address outside, and they pass.
fn town() -> Sample {
    let mut sample = shop();
    sample.destination("blog", 3);
    for name in ["cms", "cache"] {
        sample.endpoint("blog", name);
    }
    for on in ["shop", "blog"] {
        inside(&mut sample, on, 1500);
        outside(&mut sample, on, OUTSIDE, 1500);
    }
    sample
}

/// So much passes of 1500 bytes.
fn sent(sample: &mut Sample, on: &str, target: &str, address: IpAddr, passed: u32) {
    let source = if on == "shop" { "db" } else { "cache" };
    let (destination, source, target) = (on.into(), source.into(), target.into());
    let key =
        ProbeKey { destination, kind: ProbeKind::PathMtu, source, target, detail: Detail::Address(address) };
    let record = sample.probe(key, if passed < 1500 { TOO_BIG } else { OK }, 2);
    let failed = (passed < 1500).then_some(passed + 1);
    record.seen.widths = Some(Widths { mtu: 1500, passed, failed, told: false });
}

fn inside(sample: &mut Sample, on: &str, passed: u32) {
    let peer = if on == "shop" { "web" } else { "cms" };
    let address = sample.on(on).endpoint(peer).unwrap().addresses[0];
    sent(sample, on, peer, address, passed);
}

fn outside(sample: &mut Sample, on: &str, target: &str, passed: u32) {
    sent(sample, on, target, target.parse().unwrap(), passed);
}

/// The bridges carry 1500, the way out so much.
fn uplink(sample: &mut Sample, mtu: u32) {
    let bridges = ["shop", "blog"].map(|name| {
        sample.on(name).bridge = Some(format!("br-{name}").into());
        (format!("br-{name}"), Bridge { mtu: 1500, ports: 2 })
    });
    let ways = vec![Way { to: "0.0.0.0/0".parse().unwrap(), by: "eth0".into(), mtu }];
    let host = Host { bridges: Some(bridges.into()), ways: Some(ways), ..Host::default() };
    sample.sight.host = Some(Arc::new(host));
}

#[test]
fn a_hole_is_told_once_and_where_it_is() {
    let cases: [Case<'_>; 14] = [
        ("all passes", |_| {}, &[]),
        (
            "outside, for all",
            |s| ["shop", "blog"].into_iter().for_each(|on| outside(s, on, OUTSIDE, 1400)),
            &["path-mtu-blackhole host"],
        ),
        ("outside, for one network", |s| outside(s, "shop", OUTSIDE, 1400), &["path-mtu-blackhole shop"]),
        ("between two neighbours", |s| inside(s, "shop", 1400), &["path-mtu-blackhole shop"]),
        (
            "between neighbours, so that nothing is known of what lies beyond",
            |s| {
                inside(s, "shop", 1400);
                ["shop", "blog"].into_iter().for_each(|on| outside(s, on, OUTSIDE, 1400));
            },
            &["path-mtu-blackhole blog", "path-mtu-blackhole shop"],
        ),
        (
            "one address of two lets large packets pass",
            |s| {
                outside(s, "shop", OUTSIDE, 1400);
                outside(s, "shop", "192.0.2.2", 1500);
            },
            &[],
        ),
        (
            "the other address does not answer at all",
            |s| {
                outside(s, "shop", OUTSIDE, 1400);
                outside(s, "shop", "192.0.2.2", 1400);
                let silent = s.probes.iter_mut().find(|(key, _)| &*key.target == "192.0.2.2");
                let record = silent.map(|(_, record)| record).unwrap();
                record.outcome = Outcome::Unknown(Blindness::NoEcho);
            },
            &["path-mtu-blackhole shop"],
        ),
        (
            "a firewall that drops long echo requests",
            |s| ["shop", "blog"].into_iter().for_each(|on| outside(s, on, OUTSIDE, 1024)),
            &[],
        ),
        (
            "once is a doubt",
            |s| {
                outside(s, "shop", OUTSIDE, 1400);
                s.probes
                    .values_mut()
                    .for_each(|record| record.failures_in_a_row = record.failures_in_a_row.min(1));
            },
            &[],
        ),
        (
            "the host's way out is the narrow one, and drops without a word",
            |s| {
                uplink(s, 1400);
                ["shop", "blog"].into_iter().for_each(|on| outside(s, on, OUTSIDE, 1400));
            },
            &["network-mtu-mismatch eth0"],
        ),
        (
            "and somewhere beyond it is narrower",
            |s| {
                uplink(s, 1400);
                ["shop", "blog"].into_iter().for_each(|on| outside(s, on, OUTSIDE, 1280));
            },
            &["network-mtu-mismatch eth0", "path-mtu-blackhole host"],
        ),
        (
            "the way out carries all, and a VPN beyond does not",
            |s| {
                uplink(s, 1500);
                ["shop", "blog"].into_iter().for_each(|on| outside(s, on, OUTSIDE, 1420));
            },
            &["path-mtu-blackhole host"],
        ),
        (
            "a neighbour that has gone meanwhile",
            |s| {
                inside(s, "shop", 1400);
                s.on("shop").endpoints.retain(|endpoint| &*endpoint.name != "web");
            },
            &[],
        ),
        (
            "a neighbour that bears an address for a name",
            |s| {
                s.endpoint("shop", "192.0.2.9");
                let address = s.on("shop").endpoint("192.0.2.9").unwrap().addresses[0];
                sent(s, "shop", "192.0.2.9", address, 1400);
                for source in ["api", "db", "web"] {
                    s.icmp(source, "192.0.2.9", OK);
                }
            },
            &["path-mtu-blackhole shop"],
        ),
    ];
    for (name, breaks, expected) in cases {
        let mut sample = town();
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}

#[test]
fn the_finding_says_how_wide_the_way_is_and_what_fits() {
    let mut sample = town();
    uplink(&mut sample, 1500);
    ["shop", "blog"].into_iter().for_each(|on| outside(&mut sample, on, OUTSIDE, 1400));
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    let [finding] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    assert!(finding.summary.starts_with(
        "Every destination gets packets of up to 1400 bytes to 192.0.2.1 and back, larger ones vanish"
    ));
    assert!(finding.evidence[0].observed.starts_with("1400 bytes pass, 1401 do not"), "{finding:?}");
    let [out, back] = finding.fix[0].commands() else { panic!("{finding:?}") };
    assert!(out.contains("-o eth0 -p tcp") && out.ends_with("--set-mss 1360"), "{out}");
    assert!(back.contains("-i eth0 -p tcp"), "{back}");
    assert!(finding.fix[1].to_string().contains("com.docker.network.driver.mtu=1400"));
    assert!(
        finding.verify[0].ends_with("-s 1372 192.0.2.1") && finding.verify[1].ends_with("-s 1373 192.0.2.1")
    );
}

#[test]
fn the_narrow_way_out_explains_what_was_seen_and_takes_over_what_was_told() {
    let mut sample = town();
    ["shop", "blog"].into_iter().for_each(|on| outside(&mut sample, on, OUTSIDE, 1400));
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["path-mtu-blackhole host"]);
    uplink(&mut sample, 1400);
    let verdict = settled(sample.snapshot(), &mut ledger);
    assert_eq!(told(&verdict), ["network-mtu-mismatch eth0"]);
    let explains = verdict.findings[0].explains.join("\n");
    assert!(explains.contains("path_mtu db → 192.0.2.1 (192.0.2.1): too_big"), "{explains}");
}

#[test]
fn nothing_is_over_because_nobody_looks() {
    let mut sample = town();
    outside(&mut sample, "shop", OUTSIDE, 1400);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["path-mtu-blackhole shop"]);
    let failing = |record: &&mut Record| record.outcome == TOO_BIG;
    for record in sample.probes.values_mut().filter(failing) {
        record.outcome = Outcome::Unknown(Blindness::NoEcho);
        record.seen.widths = None;
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["path-mtu-blackhole shop"]);
    outside(&mut sample, "shop", OUTSIDE, 1500);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
}
