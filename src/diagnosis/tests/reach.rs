//! Who is reached, and who is not.

use super::super::scene::walks;
use super::*;

fn pools(used: u64, capacity: u64) -> Option<crate::inventory::AddressPools> {
    Some(crate::inventory::AddressPools { used, capacity, configured: false })
}

#[test]
fn each_container_that_is_not_reached_is_one_finding() {
    check(&[
        ("all is well", |_| {}, &[]),
        ("dead container", |s| s.mesh(&["db"]), &["container-unreachable db"]),
        (
            "dead container, its ports fail too",
            |s| {
                s.mesh(&["db"]);
                s.tcp("api", "db", 5432, TIMEOUT);
                s.tcp("web", "db", 5432, TIMEOUT);
            },
            &["container-unreachable db"],
        ),
        (
            "drops ping, serves TCP",
            |s| {
                s.icmp("api", "db", TIMEOUT);
                s.icmp("web", "db", TIMEOUT);
                s.tcp("api", "db", 5432, OK);
                s.tcp("web", "db", 5432, OK);
            },
            &[],
        ),
        (
            "a refusal is an answer",
            |s| {
                s.icmp("api", "db", TIMEOUT);
                s.icmp("web", "db", TIMEOUT);
                s.tcp("api", "db", 5432, Outcome::Failure(Reason::Refused));
                s.tcp("web", "db", 5432, Outcome::Failure(Reason::Refused));
            },
            &[],
        ),
        (
            "one lost run is nothing",
            |s| {
                s.icmp("api", "db", TIMEOUT).failures_in_a_row = 1;
                s.icmp("web", "db", TIMEOUT).failures_in_a_row = 1;
            },
            &[],
        ),
        (
            "one peer does not get there",
            |s| {
                let _ = s.icmp("api", "db", TIMEOUT);
            },
            &["container-partitioned db"],
        ),
        (
            "reaches nobody, is reached",
            |s| {
                for target in ["db", "web", "gateway"] {
                    s.icmp("api", target, TIMEOUT);
                }
            },
            &["container-partitioned api"],
        ),
        (
            "detached, with all its symptoms",
            |s| {
                s.on("shop").endpoints.retain(|e| &*e.name != "db");
                let missing = s.missing("db");
                s.on("shop").detached.push(missing);
                s.icmp("api", "db", TIMEOUT);
                s.dns("api", "db", Outcome::Failure(Reason::Nxdomain));
            },
            &["container-unreachable db"],
        ),
        (
            "crashed",
            |s| {
                s.container("job").state = RunState::Exited;
                s.container("job").exit_code = Some(137);
                let missing = s.missing("job");
                s.on("shop").stopped.push(missing);
            },
            &["container-unreachable job"],
        ),
        (
            "ends again and again",
            |s| {
                s.inventory.taken_at = at(60);
                s.container("job").state = RunState::Restarting;
                s.container("job").exit_code = Some(1);
                s.restarted("job", &[20, 21, 55]);
                let missing = s.missing("job");
                s.on("shop").stopped.push(missing);
            },
            &["container-restarting job"],
        ),
        (
            "has ended once, and is between two starts",
            |s| {
                s.inventory.taken_at = at(60);
                s.container("job").state = RunState::Restarting;
                s.restarted("job", &[59]);
                let missing = s.missing("job");
                s.on("shop").stopped.push(missing);
            },
            &[],
        ),
        (
            "is between two starts for who has just come",
            |s| {
                s.container("job").state = RunState::Restarting;
                let missing = s.missing("job");
                s.on("shop").stopped.push(missing);
            },
            &["container-unreachable job"],
        ),
        (
            "runs between two ends",
            |s| {
                s.inventory.taken_at = at(60);
                s.restarted("db", &[10, 20, 50]);
            },
            &["container-restarting db"],
        ),
        (
            "waited for its database when it was deployed",
            |s| {
                s.inventory.taken_at = at(60);
                s.restarted("db", &[52, 53, 54]);
            },
            &[],
        ),
        (
            "was started again twice",
            |s| {
                s.inventory.taken_at = at(60);
                s.restarted("db", &[10, 50]);
            },
            &[],
        ),
        (
            "has come to rest",
            |s| {
                s.inventory.taken_at = at(300);
                s.restarted("db", &[100, 110, 170]);
            },
            &[],
        ),
        (
            "asks for an address that it does not get",
            |s| {
                s.container("job").state = RunState::Exited;
                s.container("job").exit_code = Some(128);
                s.container("job").error = Some("user specified IP address is supported only when connecting to networks with user configured subnets".into());
                let missing = s.missing("job");
                s.on("shop").stopped.push(missing);
            },
            &["container-static-address-refused job"],
        ),
        (
            "a job that ended well",
            |s| {
                s.container("job").state = RunState::Exited;
                s.container("job").exit_code = Some(0);
                s.container("job").kept_running = false;
                let missing = s.missing("job");
                s.on("shop").stopped.push(missing);
            },
            &[],
        ),
        (
            "a job of which nobody knows how it ended",
            |s| {
                s.container("job").state = RunState::Exited;
                s.container("job").kept_running = false;
                let missing = s.missing("job");
                s.on("shop").stopped.push(missing);
            },
            &[],
        ),
        ("full subnet", |s| s.on("shop").subnets[0].used = 254, &["network-addresses-exhausted shop"]),
        ("two blocks left", |s| s.inventory.pools = pools(29, 31), &[]),
        ("one block left", |s| s.inventory.pools = pools(30, 31), &["address-pools-exhausted engine"]),
        ("no block left", |s| s.inventory.pools = pools(31, 31), &["address-pools-exhausted engine"]),
        ("pools that name no block", |s| s.inventory.pools = pools(0, 0), &[]),
        (
            "capacity unknown",
            |s| {
                s.on("shop").subnets[0].used = 0;
                s.on("shop").subnets[0].capacity = 0;
            },
            &[],
        ),
    ]);
}

#[test]
fn the_proxy_may_sit_on_two_destinations() {
    let mut sample = shop();
    sample.destination("blog", 3);
    sample.endpoint("blog", "web");
    let shared = |s: &Sample| isolation_shared_container::find(&Scene::of(&s.snapshot())).len();
    assert_eq!(shared(&sample), 1);
    sample.container("web").is_proxy = true;
    assert_eq!(shared(&sample), 0);
}

/// Its port is gone, and with it whoever could be refused there: that it drops pings is left, and was never a fault.
#[test]
fn who_drops_ping_and_serves_no_more_is_let_go() {
    let mut sample = shop();
    let mut ledger = Ledger::default();
    for source in ["api", "web"] {
        sample.icmp(source, "db", TIMEOUT);
        sample.tcp(source, "db", 5432, TIMEOUT);
        sample.icmp("db", source, OK);
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-unreachable db"]);
    for record in sample.probes.iter_mut().filter(|(key, _)| key.kind == ProbeKind::Tcp).map(|(_, r)| r) {
        record.outcome = BLIND;
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-unreachable db"], "not seen");
    sample.probes.retain(|key, _| key.kind != ProbeKind::Tcp);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
}

#[test]
fn who_drops_ping_and_reaches_others_is_there() {
    // `db` has no port that a handshake is made with, and drops echoes and their replies.
    let mut sample = shop();
    for peer in ["api", "web"] {
        sample.icmp(peer, "db", TIMEOUT);
        sample.icmp("db", peer, TIMEOUT);
    }
    sample.icmp("db", "gateway", TIMEOUT);
    sample.tcp("db", "api", 8080, OK);
    assert!(told(&settled(sample.snapshot(), &mut Ledger::default())).is_empty());
    // With a port that answers nobody either it is another matter.
    sample.tcp("api", "db", 5432, TIMEOUT);
    sample.tcp("web", "db", 5432, TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut Ledger::default())), ["container-unreachable db"]);
}

#[test]
fn who_forbids_itself_accuses_nobody() {
    let mut sample = shop();
    let prohibited = Outcome::Failure(Reason::Prohibited);
    sample.icmp("web", "db", prohibited.clone()).seen.local = true;
    sample.tcp("web", "db", 5432, prohibited.clone()).seen.local = true;
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    assert_eq!(told(&verdict), ["container-partitioned web"], "not db");
    let finding = verdict.findings.iter().find(|f| f.code == Code::ContainerPartitioned).expect("told");
    assert!(finding.summary.contains("its own kernel forbids it"), "{}", finding.summary);
    // A container that is being taken down has lost its interface before the Engine says so.
    let mut leaving = shop();
    for target in ["api", "db", "gateway"] {
        leaving.icmp("web", target, Outcome::Failure(Reason::Unreachable)).seen.local = true;
    }
    assert!(told(&settled(leaving.snapshot(), &mut Ledger::default())).is_empty());
    // The same rule swallows a handshake's packets without a word.
    sample.tcp("web", "db", 5432, TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut Ledger::default())), ["container-partitioned web"]);
    // What came back from elsewhere is another matter.
    sample.icmp("web", "db", prohibited.clone()).seen.local = false;
    sample.tcp("web", "db", 5432, prohibited).seen.local = false;
    assert_eq!(told(&settled(sample.snapshot(), &mut Ledger::default())), ["container-partitioned db"]);
}

#[test]
fn yesterdays_way_does_not_contradict_todays() {
    // api → db and web → db: open or shut, since when, as of when.
    type Side = (Outcome, u64, u64);
    let cases: &[(&str, Side, Side, bool)] = &[
        ("at the same time", (OK, 0, 90), (TIMEOUT, 60, 95), true),
        ("open before the other shut", (OK, 0, 50), (TIMEOUT, 60, 95), false),
        ("shut before the other opened", (OK, 90, 95), (TIMEOUT, 60, 85), false),
        ("opened, and the other still shut", (OK, 90, 95), (TIMEOUT, 60, 96), true),
    ];
    for (case, open, shut, partitioned) in cases {
        let mut sample = shop();
        for (source, (outcome, since, last)) in [("api", open), ("web", shut)] {
            let record = sample.icmp(source, "db", outcome.clone());
            (record.since, record.at) = (at(*since), at(*last));
        }
        let found = told(&settled(sample.snapshot(), &mut Ledger::default()));
        assert_eq!(found == ["container-partitioned db"], *partitioned, "{case}: {found:?}");
        assert!(*partitioned || found.is_empty(), "{case}: {found:?}");
    }
}

#[test]
fn who_is_paused_is_told_at_once_and_nothing_else_of_it() {
    let mut sample = shop();
    sample.mesh(&["db"]);
    sample.container("db").state = RunState::Paused;
    let finding = settled(sample.snapshot(), &mut Ledger::default()).findings.remove(0);
    assert_eq!((finding.code, finding.severity), (Code::ContainerUnreachable, Severity::Ticket));
    assert_eq!(finding.fix[0].to_string(), "docker unpause db");
    assert_eq!(faults(&sample), ["container-unreachable db"]);
}

#[test]
fn a_resolver_that_is_silent_with_all_the_rest_is_a_symptom() {
    let mut sample = shop();
    // Nothing gets in, replies and the resolver's answers included.
    sample.mesh(&["db"]);
    for target in ["api", "web"] {
        sample.icmp("db", target, TIMEOUT);
        sample.dns("db", target, TIMEOUT);
    }
    assert_eq!(faults(&sample), ["container-unreachable db"]);
    let finding = settled(sample.snapshot(), &mut Ledger::default()).findings.remove(0);
    assert!(finding.explains.iter().any(|symptom| symptom.starts_with("dns db")), "{:?}", finding.explains);

    // Nothing gets out: its own kernel says so, of its peers and of its resolver.
    let mut sample = shop();
    for target in ["api", "web"] {
        sample.icmp("db", target, Outcome::Failure(Reason::Prohibited)).seen.local = true;
        sample.dns("db", target, Outcome::Failure(Reason::Prohibited));
    }
    assert_eq!(faults(&sample), ["container-partitioned db"]);
}

/// It answers no echo by choice, so that is not what keeps its resolver silent.
#[test]
fn who_drops_ping_still_has_a_resolver() {
    let mut sample = shop();
    for source in ["api", "web"] {
        sample.icmp(source, "db", TIMEOUT);
        sample.dns("db", source, TIMEOUT);
    }
    assert_eq!(faults(&sample), ["dns-resolver-unresponsive db"]);
}

/// The first word is the right one: nobody says "resolver" before it is known how the rest is.
#[test]
fn a_silent_resolver_waits_for_a_look_at_the_rest() {
    let mut sample = shop();
    sample.dns("api", "db", TIMEOUT).since = at(60);
    for record in sample.probes.iter_mut().filter(|(key, _)| walks(key.kind) && &*key.source == "api") {
        record.1.at = at(50);
    }
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    assert_eq!((told(&verdict).len(), verdict.pending), (0, 1));
    let mut echo = None;
    for record in sample.probes.iter_mut().filter(|(key, _)| walks(key.kind) && &*key.source == "api") {
        record.1.at = at(61);
        echo = Some(record.0.clone());
    }
    assert!(echo.is_some());
    assert_eq!(faults(&sample), ["dns-resolver-unresponsive api"]);
}
