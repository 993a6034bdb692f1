//! Two faults at once: both are named and nothing else, but where one accounts for the other.

use crate::netstack::{Bridge, Conntrack, Neighbours};

use super::host::{on, way, ways};
use super::*;

/// What is broken, and what is told of it where it is alone.
type Fault = (fn(&mut Sample), &'static str);

const FAULTS: &[Fault] = &[
    (|s| on(s, |host| host.forwarding.ipv4 = Some(false)), "host-forwarding-disabled host"),
    (
        |s| on(s, |host| host.conntrack = Some(Conntrack { entries: 850, limit: 1000, drops: None })),
        "host-conntrack-near-limit host",
    ),
    (
        |s| on(s, |host| host.neighbours = Some(Neighbours { entries: 990, limit: 1000, refused: 0 })),
        "host-neighbour-table-full host",
    ),
    (|s| on(s, |host| ways(host).push(way("10.0.0.0/8", "tun0", 1500))), "network-subnet-overlap 10.0.0.0/8"),
    (|s| on(s, |host| ways(host)[0].mtu = 1400), "network-mtu-mismatch eth0"),
    (
        |s| {
            on(s, |host| {
                host.bridges = Some([("br-shop".to_owned(), Bridge { mtu: 1500, ports: 1020 })].into());
            });
        },
        "network-bridge-ports-exhausted shop",
    ),
    (|s| s.inventory.absent.push("gone".into()), "network-missing gone"),
    (|s| s.on("shop").subnets[0].used = 254, "network-addresses-exhausted shop"),
    (
        |s| {
            s.inventory.pools =
                Some(crate::inventory::AddressPools { used: 4, capacity: 4, configured: true });
        },
        "address-pools-exhausted engine",
    ),
    (
        |s| {
            s.on("shop").endpoints[0].names.push("redis".into());
            s.on("shop").endpoints[2].names.push("redis".into());
        },
        "dns-alias-collision redis",
    ),
    (|s| dead(s, "db"), "container-unreachable db"),
    (
        |s| {
            let missing = s.missing("job");
            s.container("job").state = RunState::Exited;
            s.on("shop").stopped.push(missing);
        },
        "container-unreachable job",
    ),
    (
        |s| {
            s.inventory.taken_at = at(60);
            s.restarted("web", &[10, 20, 50]);
        },
        "container-restarting web",
    ),
    (
        |s| {
            s.dns("web", "api", TIMEOUT);
        },
        "dns-resolver-unresponsive web",
    ),
    (
        |s| {
            s.dns("api", "web", Outcome::Failure(Reason::Nxdomain));
        },
        "dns-wrong-answer web",
    ),
    (
        |s| {
            let port = Detail::Port(IpAddr::from([192, 0, 2, 7]), 5432);
            s.container("db").published.push(crate::inventory::PublishedPort {
                host_ip: None,
                host_port: 5432,
                container_port: 5432,
                protocol: "tcp".into(),
            });
            s.probe(key(ProbeKind::PublishedPort, "host", "db", port), OK, 3);
        },
        "port-exposed-publicly db 5432/tcp",
    ),
];

/// Whoever has the first does not tell the second of itself.
const ACCOUNTS_FOR: &[(&str, &str)] = &[];

/// It answers nobody and hears nobody.
fn dead(sample: &mut Sample, name: &str) {
    for other in ["api", "db", "web"].into_iter().filter(|other| *other != name) {
        sample.icmp(other, name, TIMEOUT);
        sample.icmp(name, other, TIMEOUT);
    }
    sample.icmp(name, "gateway", TIMEOUT);
}

fn of(faults: &[&Fault]) -> Vec<String> {
    let mut sample = shop();
    on(&mut sample, |_| {});
    faults.iter().for_each(|(breaks, _)| breaks(&mut sample));
    let mut told = super::faults(&sample);
    told.sort();
    told
}

#[test]
fn each_alone_is_one_finding() {
    for fault in FAULTS {
        assert_eq!(of(&[fault]), [fault.1]);
    }
}

#[test]
fn two_at_once_are_both_named_and_nothing_else() {
    let mut wrong = Vec::new();
    for (n, first) in FAULTS.iter().enumerate() {
        for second in &FAULTS[n + 1..] {
            let hidden = |one: &str, by: &str| ACCOUNTS_FOR.contains(&(by, one));
            let mut wanted: Vec<&str> = [(first.1, second.1), (second.1, first.1)]
                .iter()
                .filter(|(a, b)| !hidden(a, b))
                .map(|(a, _)| *a)
                .collect();
            wanted.sort_unstable();
            let told = of(&[first, second]);
            if told != wanted {
                wrong.push(format!("{wanted:?}: {told:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
