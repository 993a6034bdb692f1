//! What gets through to other destinations, and what the host's own ports say.

use crate::inventory::PublishedPort;
use crate::netstack::{Inner, Listener};

use super::super::sample::key;
use super::*;

const THROUGH: Outcome = Outcome::Failure(Reason::Reachable);

/// `web` on shop, `post` on blog, and more destinations with a container each.
fn town(more: u8) -> Sample {
    let mut sample = Sample::shop(&["web"]);
    sample.destination("blog", 3);
    sample.endpoint("blog", "post");
    for n in 0..more {
        let name = format!("net{n}");
        sample.destination(&name, 10 + n);
        sample.endpoint(&name, &format!("app{n}"));
    }
    sample
}

fn across(sample: &mut Sample, from: &str, to: &str, outcome: Outcome, times: u32) {
    let source = sample.on(from).endpoints[0].name.clone();
    let target = sample.on(to).endpoints[0].clone();
    let key = ProbeKey {
        destination: from.into(),
        kind: ProbeKind::Isolation,
        source,
        target: format!("{to}/{}", target.name).into(),
        detail: Detail::Port(target.addresses[0], 80),
    };
    sample.probe(key, outcome, times);
}

#[test]
fn a_pair_is_one_finding_whichever_way_is_open() {
    let check = |ways: &[(&str, &str, Outcome, u32)], expected: &[&str]| {
        let mut sample = town(0);
        for (from, to, outcome, times) in ways {
            across(&mut sample, from, to, outcome.clone(), *times);
        }
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        assert_eq!(told(&verdict), expected, "{ways:?}");
        verdict.findings.into_iter().next()
    };
    check(&[("shop", "blog", OK, 3), ("blog", "shop", OK, 3)], &[]);
    check(&[("shop", "blog", THROUGH, 1), ("blog", "shop", OK, 3)], &[]);
    let one =
        check(&[("shop", "blog", THROUGH, 2), ("blog", "shop", OK, 3)], &["isolation-breached blog ↔ shop"]);
    let one = one.expect("a finding");
    assert_eq!(one.summary, "The network `shop` reaches the network `blog`, though no container is on both.");
    assert_eq!((one.severity, one.subject.kind), (Severity::Ticket, "pair"));
    assert!(one.verify[0].contains("nc -w 1 10.0.3.2 80"), "{:?}", one.verify);
    let both = check(
        &[("shop", "blog", THROUGH, 2), ("blog", "shop", THROUGH, 9)],
        &["isolation-breached blog ↔ shop"],
    );
    assert!(both.expect("a finding").summary.starts_with("The networks `blog` and `shop` reach each other"));
    check(&[("shop", "blog", BLIND, 2)], &[]);
}

#[test]
fn many_pairs_are_one_fault_of_the_hosts() {
    let mut ledger = Ledger::default();
    let mut sample = town(3);
    for n in 0..3 {
        across(&mut sample, "shop", &format!("net{n}"), THROUGH, 2);
    }
    across(&mut sample, "blog", "shop", OK, 3);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)).len(), 3);
    // The fourth is seen once: it counts.
    across(&mut sample, "blog", "shop", THROUGH, 1);
    let verdict = settled(sample.snapshot(), &mut ledger);
    assert_eq!(told(&verdict), ["isolation-breached engine"]);
    assert!(verdict.findings[0].summary.starts_with("4 of 4 pairs"), "{}", verdict.findings[0].summary);
    for n in 0..3 {
        across(&mut sample, "shop", &format!("net{n}"), OK, 2);
    }
    across(&mut sample, "blog", "shop", THROUGH, 2);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["isolation-breached blog ↔ shop"]);
    across(&mut sample, "blog", "shop", OK, 2);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
}

/// A redeploy leaves a pair without a record, and a turn leaves others planned: the fault stands until it was seen shut.
#[test]
fn a_breach_stands_while_its_pair_is_remembered() {
    let mut ledger = Ledger::default();
    let mut sample = town(0);
    across(&mut sample, "shop", "blog", THROUGH, 2);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)).len(), 1);
    sample.probes.clear();
    let remembered = |sample: &Sample, pairs: &[(&str, &str)]| {
        let mut snapshot = sample.snapshot();
        let pairs = pairs.iter().map(|(from, to)| (Arc::from(*from), Arc::from(*to)));
        snapshot.own.breached = Arc::new(pairs.collect());
        snapshot
    };
    let breached = [("shop", "blog")];
    assert_eq!(told(&settled(remembered(&sample, &breached), &mut ledger)).len(), 1, "nobody has looked yet");
    across(&mut sample, "shop", "blog", BLIND, 1);
    assert_eq!(told(&settled(remembered(&sample, &breached), &mut ledger)).len(), 1, "nobody could look");
    across(&mut sample, "shop", "blog", OK, 2);
    assert_eq!(told(&settled(remembered(&sample, &[]), &mut ledger)), [""; 0]);
}

fn publish(sample: &mut Sample, name: &str, host_ip: Option<IpAddr>, host_port: u16, container_port: u16) {
    let port = PublishedPort { host_ip, host_port, container_port, protocol: "tcp".into() };
    sample.container(name).published.push(port);
}

/// What was tried while the rules went fails in part once, and in part not yet.
#[test]
fn a_port_that_failed_once_counts_to_those_that_fail() {
    let mut sample = Sample::shop(&["web"]);
    let ports = [8081, 8082, 8083, 8084];
    let listens: Vec<(&str, u16)> = ports.iter().map(|port| ("0.0.0.0", port - 8000)).collect();
    let mut snapshot = sample.snapshot();
    for port in ports {
        publish(&mut sample, "web", None, port, port - 8000);
        snapshot = tried(&mut sample, port, REFUSED, Some(&listens));
    }
    let once = |times: &[u32]| {
        let mut snapshot = snapshot.clone();
        for (record, times) in Arc::make_mut(&mut snapshot.probes).values_mut().zip(times) {
            record.failures_in_a_row = *times;
        }
        told(&settled(snapshot, &mut Ledger::default()))
    };
    assert_eq!(once(&[2, 2, 2, 1]), ["published-port-unreachable engine"]);
    assert_eq!(once(&[1, 1, 1, 1]), [""; 0]);
}

/// The host's try, and what listens in the container: an address and a port.
fn tried(sample: &mut Sample, port: u16, outcome: Outcome, listens: Option<&[(&str, u16)]>) -> Snapshot {
    let door = Detail::Port(IpAddr::from([192, 0, 2, 7]), port);
    sample.probe(key(ProbeKind::PublishedPort, "host", "web", door), outcome, 2);
    let mut snapshot = sample.snapshot();
    let listener = |(address, port): &(&str, u16)| Listener {
        address: address.parse().expect("an address"),
        port: *port,
        v6_only: false,
    };
    let inner =
        Inner { listeners: listens.map(|all| all.iter().map(listener).collect()), ..Inner::default() };
    let id = sample.container("web").id.clone();
    snapshot.containers = Arc::new([(id, inner)].into());
    snapshot
}

const REFUSED: Outcome = Outcome::Failure(Reason::Refused);

#[test]
fn a_published_port_fails_by_itself_or_by_what_is_behind_it() {
    let check = |listens: Option<&[(&str, u16)]>,
                 outcome: Outcome,
                 change: fn(&mut Sample),
                 expected: Option<Severity>| {
        let mut sample = Sample::shop(&["web", "api"]);
        publish(&mut sample, "web", None, 8080, 80);
        sample.container("web").started_at = Some(at(0));
        change(&mut sample);
        let snapshot = tried(&mut sample, 8080, outcome, listens);
        let verdict = settled(snapshot, &mut Ledger::default());
        let found: Vec<_> = verdict.findings.iter().map(|f| (f.code, &*f.subject.name, f.severity)).collect();
        let expected: Vec<_> =
            expected.into_iter().map(|s| (Code::PublishedPortUnreachable, "web 8080/tcp", s)).collect();
        assert_eq!(found, expected, "{listens:?}");
        verdict.findings.into_iter().next()
    };
    let nothing = |_: &mut Sample| {};
    check(Some(&[("0.0.0.0", 80)]), OK, nothing, None);
    let page = check(Some(&[("0.0.0.0", 80)]), REFUSED, nothing, Some(Severity::Page));
    assert!(page.is_some_and(|f| f.fix.iter().any(|step| step.to_string().contains("restart docker"))));
    let loopback = check(Some(&[("127.0.0.1", 80)]), REFUSED, nothing, Some(Severity::Ticket));
    let evidence = loopback.map(|f| format!("{:?}", f.evidence)).unwrap_or_default();
    assert!(evidence.contains("127.0.0.1:80"), "{evidence}");
    check(Some(&[]), REFUSED, nothing, Some(Severity::Ticket));
    check(None, REFUSED, nothing, Some(Severity::Ticket));
    // What peers see now goes before what was read.
    check(Some(&[]), REFUSED, |s| s.tcp("api", "web", 80, OK).runs = 3, Some(Severity::Page));
    // Coolify publishes a port of its proxy that nothing listens on; the others' routes tell of it.
    check(Some(&[]), REFUSED, |s| s.container("web").is_proxy = true, None);
    // It takes its time to start.
    check(Some(&[]), REFUSED, |s| s.container("web").started_at = Some(at(50)), None);
    check(Some(&[]), REFUSED, |s| s.container("web").health = crate::inventory::Health::Starting, None);
    check(Some(&[("0.0.0.0", 80)]), BLIND, nothing, None);
}

#[test]
fn all_ports_at_once_are_one_fault_and_each_is_over_by_itself() {
    let mut sample = Sample::shop(&["web"]);
    let ports = [8081, 8082, 8083, 8084];
    let listens: Vec<(&str, u16)> = ports.iter().map(|port| ("0.0.0.0", port - 8000)).collect();
    for port in ports {
        publish(&mut sample, "web", None, port, port - 8000);
    }
    let mut ledger = Ledger::default();
    let mut look = |sample: &mut Sample, down: &[u16]| {
        let mut snapshot = sample.snapshot();
        for port in ports {
            let outcome = if down.contains(&port) { REFUSED } else { OK };
            snapshot = tried(sample, port, outcome, Some(&listens));
        }
        told(&settled(snapshot, &mut ledger))
    };
    assert_eq!(look(&mut sample, &ports), ["published-port-unreachable engine"]);
    assert_eq!(look(&mut sample, &[8083]), ["published-port-unreachable web 8083/tcp"]);
    assert_eq!(look(&mut sample, &[]), [""; 0]);
}

/// Passive FTP: a range of which one is opened when a client asks for it.
#[test]
fn ports_that_open_on_demand_are_no_fault() {
    let told_of = |control: Outcome, range: u16| {
        let mut sample = Sample::shop(&["web"]);
        publish(&mut sample, "web", None, 2121, 21);
        let mut snapshot = tried(&mut sample, 2121, control, Some(&[("0.0.0.0", 21)]));
        for port in 30_000..30_000 + range {
            publish(&mut sample, "web", None, port, port);
        }
        // However many of them were tried so far.
        for port in 30_000..30_000 + range.min(2) {
            snapshot = tried(&mut sample, port, REFUSED, Some(&[("0.0.0.0", 21)]));
        }
        told(&settled(snapshot, &mut Ledger::default()))
    };
    assert_eq!(told_of(OK, 10), [""; 0]);
    let port = |port: u16| format!("published-port-unreachable web {port}/tcp");
    assert_eq!(told_of(REFUSED, 10), [port(2121), port(30_000)]);
    assert_eq!(told_of(OK, 2), [port(30_000), port(30_001)]);
}

/// Ports that nobody listens behind are told for themselves, and keep nothing open.
#[test]
fn what_was_told_of_all_ports_is_over_when_those_that_somebody_listens_behind_answer() {
    let mut sample = Sample::shop(&["web"]);
    let ports: Vec<u16> = (8081..=8084).collect();
    let mut listens: Vec<(&str, u16)> = ports.iter().map(|port| ("0.0.0.0", port - 8000)).collect();
    let mut ledger = Ledger::default();
    let mut snapshot = sample.snapshot();
    for port in &ports {
        publish(&mut sample, "web", None, *port, port - 8000);
        snapshot = tried(&mut sample, *port, REFUSED, Some(&listens));
    }
    assert_eq!(told(&settled(snapshot, &mut ledger)), ["published-port-unreachable engine"]);
    // The app is another one now: it listens behind one of them.
    listens.truncate(1);
    let snapshot = tried(&mut sample, 8081, OK, Some(&listens));
    assert!(!told(&settled(snapshot, &mut ledger)).contains(&"published-port-unreachable engine".to_owned()));
}

#[test]
fn what_should_not_be_open_to_everybody() {
    let address = |text: &str| Some(text.parse().expect("an address"));
    let check = |image: &str, bound: &[Option<IpAddr>], port: u16, expected: Option<Severity>| {
        let mut sample = Sample::shop(&["db"]);
        sample.container("db").image = image.into();
        for ip in bound {
            publish(&mut sample, "db", *ip, 15_000, port);
        }
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        let found: Vec<_> = verdict.findings.iter().map(|f| (f.code, &*f.subject.name, f.severity)).collect();
        let expected: Vec<_> =
            expected.into_iter().map(|s| (Code::PortExposedPublicly, "db 15000/tcp", s)).collect();
        assert_eq!(found, expected, "{image} {bound:?}");
        verdict.findings.into_iter().next().map(|f| f.summary).unwrap_or_default()
    };
    let all = [address("0.0.0.0"), address("::")];
    let told = check("postgres:16", &all, 5432, Some(Severity::Ticket));
    assert!(told.contains("every IPv4 address, every IPv6 address"), "{told}");
    check("postgres:16", &[None], 5432, Some(Severity::Ticket));
    check("postgres:16", &[address("127.0.0.1"), address("::1")], 5432, None);
    for private in ["10.0.0.5", "192.168.1.5", "100.64.0.7", "fd00::5"] {
        let told = check("postgres:16", &[address(private)], 5432, Some(Severity::Info));
        assert!(told.contains("private network") && told.contains(private), "{told}");
    }
    check("postgres:16", &[address("203.0.113.5")], 5432, Some(Severity::Ticket));
    check("nginx", &all, 80, None);
    check("minio/minio", &all, 9000, None);
    check("clickhouse/clickhouse-server", &all, 9000, Some(Severity::Ticket));
}

#[test]
fn a_database_that_was_made_public_in_coolify_is_a_choice() {
    let mut sample = Sample::shop(&["pg0123456789abcdefghijkl", "pg0123456789abcdefghijkl-proxy"]);
    sample.container("pg0123456789abcdefghijkl-proxy").image = "nginx:stable-alpine".into();
    publish(&mut sample, "pg0123456789abcdefghijkl-proxy", None, 54_320, 54_320);
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    let found: Vec<_> = verdict.findings.iter().map(|f| (f.code, f.severity)).collect();
    assert_eq!(found, [(Code::PortExposedPublicly, Severity::Info)]);
    assert!(verdict.findings[0].summary.contains("was made public in Coolify"));
}

/// The host's addresses say who can come by.
#[test]
fn a_host_behind_a_router_is_told_of_as_such() {
    let mut sample = Sample::shop(&["db"]);
    publish(&mut sample, "db", None, 5432, 5432);
    let ruled_out =
        |sample: &Sample| settled(sample.snapshot(), &mut Ledger::default()).findings[0].ruled_out.len();
    let before = ruled_out(&sample);
    sample.sight.host_addresses =
        ["127.0.0.1", "192.168.1.5"].map(|ip| ip.parse().expect("an address")).into();
    assert_eq!(ruled_out(&sample), before + 1);
    sample.sight.host_addresses.insert("203.0.113.5".parse().expect("an address"));
    assert_eq!(ruled_out(&sample), before);
}
