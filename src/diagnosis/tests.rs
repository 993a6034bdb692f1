//! The rules together: what they say of small snapshots, and what they keep silent about.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;

use crate::inventory::RunState;
use crate::outcome::*;
use crate::state::{Engine, Snapshot};

use super::sample::{OK, Sample, TIMEOUT, at, key, settled, up};
use super::*;

/// `code subject` of everything above `info`.
fn faults(sample: &Sample) -> Vec<String> {
    told(&settled(sample.snapshot(), &mut Ledger::default()))
}

fn told(verdict: &Verdict) -> Vec<String> {
    verdict
        .findings
        .iter()
        .filter(|f| f.severity != Severity::Info)
        .map(|f| format!("{} {}", f.code.as_label(), f.subject.name))
        .collect()
}

fn shop() -> Sample {
    let mut sample = Sample::shop(&["api", "db", "web"]);
    sample.mesh(&[]);
    sample
}

const BLIND: Outcome = Outcome::Unknown(Blindness::NoPrivilege);

#[test]
fn each_fault_is_one_finding() {
    type Break = fn(&mut Sample);
    let cases: &[(&str, Break, &[&str])] = &[
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
        ("full subnet", |s| s.on("shop").subnets[0].used = 254, &["network-addresses-exhausted shop"]),
        (
            "capacity unknown",
            |s| {
                s.on("shop").subnets[0].used = 0;
                s.on("shop").subnets[0].capacity = 0;
            },
            &[],
        ),
        (
            "silent resolver",
            |s| {
                s.dns("api", "db", TIMEOUT);
                s.dns("api", "web", Outcome::Failure(Reason::Refused));
                s.dns("web", "db", OK);
            },
            &["dns-resolver-unresponsive api"],
        ),
        (
            "one of two queries answered",
            |s| {
                s.dns("api", "db", TIMEOUT);
                s.dns("api", "web", OK);
            },
            &[],
        ),
        (
            "the Engine is the resolver",
            |s| {
                s.dns("api", "db", TIMEOUT);
                s.dns("web", "db", TIMEOUT);
                s.sight.engine = Engine::Down { since: at(1), why: "connection refused".into() };
            },
            &["exporter-blind engine"],
        ),
        (
            "wrong answer",
            |s| {
                s.dns("api", "db", Outcome::Failure(Reason::WrongAnswer)).seen.answers =
                    vec![IpAddr::from([10, 0, 2, 4])];
            },
            &["dns-wrong-answer db"],
        ),
        (
            "an address that is called like a stranger",
            |s| {
                s.dns("api", "db", OK);
                s.ptr("api", "db", Outcome::Failure(Reason::WrongAnswer));
            },
            &["dns-wrong-answer 10.0.2.3"],
        ),
        (
            "a name and its address lead astray",
            |s| {
                s.dns("api", "db", Outcome::Failure(Reason::Nxdomain));
                s.ptr("api", "db", Outcome::Failure(Reason::Nxdomain));
            },
            &["dns-wrong-answer db"],
        ),
        (
            "two workloads, one name, and its wrong answers",
            |s| {
                s.on("shop").endpoints[1].names.push("redis".into());
                s.on("shop").endpoints[2].names.push("Redis".into());
                s.dns("api", "redis", Outcome::Failure(Reason::WrongAnswer));
            },
            &["dns-alias-collision redis"],
        ),
        (
            "one name, however it is written",
            |s| {
                s.on("shop").endpoints[1].names.push("redis.".into());
                s.on("shop").endpoints[2].names.push("Redis".into());
                let asked = Detail::Name("REDIS.".into(), QueryType::A);
                s.probe(key(ProbeKind::Dns, "api", "redis", asked), Outcome::Failure(Reason::WrongAnswer), 3);
            },
            &["dns-alias-collision redis"],
        ),
        (
            "replicas share a name",
            |s| {
                s.on("shop").endpoints[1].names.push("redis".into());
                s.on("shop").endpoints[2].names.push("redis".into());
                s.container("db").workload = "redis".into();
                s.container("web").workload = "redis".into();
            },
            &[],
        ),
        (
            "loss",
            |s| {
                let _ = s.icmp("api", "db", Outcome::Failure(Reason::PacketLoss));
            },
            &["container-packet-loss db"],
        ),
        (
            "loss, twice",
            |s| s.icmp("api", "db", Outcome::Failure(Reason::PacketLoss)).losses = 0b1_0000_0011,
            &[],
        ),
        (
            "loss from one to all",
            |s| {
                s.icmp("api", "db", Outcome::Failure(Reason::PacketLoss));
                s.icmp("api", "web", Outcome::Failure(Reason::PacketLoss));
            },
            &["container-packet-loss api"],
        ),
        (
            "SYNs sent again by two peers",
            |s| {
                let handshake = Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
                for source in ["api", "web"] {
                    let record = s.tcp(source, "db", 5432, OK);
                    (record.seen.handshake, record.losses) = (handshake, 0b11);
                }
            },
            &["container-packet-loss db"],
        ),
        (
            "SYNs sent again by two peers, once",
            |s| {
                let handshake = Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
                for source in ["api", "web"] {
                    let record = s.tcp(source, "db", 5432, OK);
                    (record.seen.handshake, record.losses) = (handshake, 0b1);
                }
            },
            &[],
        ),
        (
            "two SYNs sent again, by who got nothing through until now",
            |s| {
                let handshake = Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
                for source in ["api", "web"] {
                    let record = s.tcp(source, "db", 5432, OK);
                    (record.seen.handshake, record.losses, record.successes_in_a_row) = (handshake, 0b11, 1);
                }
            },
            &[],
        ),
        (
            "one SYN sent again",
            |s| {
                s.tcp("api", "db", 5432, OK).seen.handshake =
                    Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
            },
            &[],
        ),
        (
            "no privilege costs one finding",
            |s| {
                s.sight.namespaces = Some(Err("EPERM".into()));
                s.sight.icmp = Some(Err("EPERM".into()));
                s.sight.socket_diagnostics = Some(Err("EPERM".into()));
                for record in s.probes.values_mut() {
                    record.outcome = BLIND;
                }
            },
            &["exporter-blind network_namespaces"],
        ),
        (
            "a private mount is told while all that is there can be entered",
            |s| s.sight.frozen = Some("mounted private".into()),
            &["exporter-blind network_namespaces"],
        ),
        (
            "a private mount and a container that is missed are one finding",
            |s| {
                s.sight.frozen = Some("mounted private".into());
                s.sight.namespaces = Some(Err("no namespace".into()));
            },
            &["exporter-blind network_namespaces"],
        ),
    ];
    for (name, breaks, expected) in cases {
        let mut sample = shop();
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}

#[test]
fn every_finding_says_what_to_do() {
    let mut sample = shop();
    sample.mesh(&["db"]);
    sample.destination("blog", 3);
    sample.endpoint("blog", "web");
    sample.on("shop").subnets[0].used = 254;
    sample.on("shop").endpoints[0].names.push("web".into());
    sample.dns("web", "api", TIMEOUT);
    let missing = sample.missing("gone; reboot");
    sample.on("shop").detached.push(missing);
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    assert!(verdict.findings.len() >= 6);
    for finding in &verdict.findings {
        assert!(!finding.summary.is_empty() && !finding.evidence.is_empty(), "{finding:?}");
        assert!(
            !finding.ruled_out.is_empty()
                || !finding.explains.is_empty()
                || finding.code == Code::NetworkAddressesExhausted
        );
        assert!(!finding.fix.is_empty() && !finding.verify.is_empty(), "{finding:?}");
        assert_eq!(finding.runbook, format!("http://127.0.0.1:10061/runbooks/{}", finding.code.as_label()));
    }
    let gone = verdict.findings.iter().find(|f| &*f.subject.name == "gone; reboot").unwrap();
    assert_eq!(gone.fix[0].to_string(), "docker network connect shop 'gone; reboot'");
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

#[test]
fn blindness_heals_nothing() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    sample.mesh(&["db"]);
    let first = settled(sample.snapshot(), &mut ledger);
    assert_eq!(told(&first), ["container-unreachable db"]);
    assert_eq!(first.findings[0].since, at(30));

    for record in sample.probes.values_mut() {
        record.outcome = BLIND;
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-unreachable db"]);

    sample.sight.engine = Engine::Down { since: at(50), why: "gone".into() };
    let blind = settled(sample.snapshot(), &mut ledger);
    assert_eq!(told(&blind), ["container-unreachable db", "exporter-blind engine"]);
    assert_eq!(blind.findings[0].since, at(30));

    sample.sight.engine = up();
    sample.mesh(&[]);
    for record in sample.probes.values_mut() {
        record.successes_in_a_row = 1;
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-unreachable db"]);
    sample.mesh(&[]);
    assert!(told(&settled(sample.snapshot(), &mut ledger)).is_empty());
}

#[test]
fn a_silent_engine_does_not_resolve_a_silent_resolver() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    sample.dns("api", "db", TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["dns-resolver-unresponsive api"]);
    sample.sight.engine = Engine::Down { since: at(50), why: "gone".into() };
    let blind = settled(sample.snapshot(), &mut ledger);
    assert_eq!(told(&blind), ["dns-resolver-unresponsive api", "exporter-blind engine"]);
}

#[test]
fn who_cannot_look_neither_hides_a_fault_nor_makes_one() {
    let mut sample = shop();
    sample.mesh(&["db"]);
    let look = |sample: &Sample| told(&settled(sample.snapshot(), &mut Ledger::default()));
    sample.icmp("web", "db", BLIND).successes_in_a_row = 0;
    assert_eq!(look(&sample), ["container-unreachable db"], "never saw it");
    sample.icmp("web", "db", BLIND).successes_in_a_row = 9;
    assert_eq!(look(&sample), ["container-unreachable db"], "saw it before it went blind");
}

#[test]
fn what_is_healed_is_over_whatever_else_fails() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    // `web` drops ping and serves.
    for source in ["api", "db"] {
        sample.icmp(source, "web", TIMEOUT);
        sample.tcp(source, "web", 8080, OK);
    }
    sample.icmp("api", "db", TIMEOUT);
    sample.icmp("web", "db", OK);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-partitioned db"]);
    sample.icmp("api", "db", OK);
    assert!(told(&settled(sample.snapshot(), &mut ledger)).is_empty());

    let mut sample = shop();
    sample.mesh(&["db"]);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-unreachable db"]);
    // It is back, on a way that loses packets: reached all the same.
    sample.mesh(&[]);
    for source in ["api", "web"] {
        sample.icmp(source, "db", Outcome::Failure(Reason::PacketLoss));
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-packet-loss db"]);

    let mut sample = shop();
    sample.dns("api", "db", TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["dns-resolver-unresponsive api"]);
    sample.dns("api", "db", Outcome::Failure(Reason::Nxdomain));
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["dns-wrong-answer db"]);
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
fn one_name_in_two_environments_is_two_workloads() {
    let mut sample = shop();
    for (name, environment) in [("api", "production"), ("db", "staging")] {
        let container = sample.container(name).id.clone();
        let made = sample.inventory.containers.get_mut(&container).expect("there");
        made.workload = "api/redis".into();
        made.coolify = Some(crate::inventory::Coolify {
            project: "shop".into(),
            environment: environment.into(),
            resource: "api".into(),
        });
    }
    sample.on("shop").endpoints[0].names.push("redis".into());
    sample.on("shop").endpoints[1].names.push("redis".into());
    assert_eq!(told(&settled(sample.snapshot(), &mut Ledger::default())), ["dns-alias-collision redis"]);
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
fn one_who_is_told_wrong_among_others_is_the_one_to_look_at() {
    let mut sample = shop();
    sample.dns("web", "db", Outcome::Failure(Reason::WrongAnswer));
    let fix = |sample: &Sample| -> String {
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        let finding = verdict.findings.iter().find(|f| f.code == Code::DnsWrongAnswer).expect("told");
        serde_json::to_string(&finding.fix).expect("JSON")
    };
    assert!(fix(&sample).contains("docker restart db"), "nobody else asks");
    sample.dns("api", "db", OK);
    assert!(fix(&sample).contains("docker restart web"), "{}", fix(&sample));
    assert!(!fix(&sample).contains("docker restart db"), "{}", fix(&sample));
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
fn nobody_is_blamed_before_the_engine_was_heard() {
    let mut sample = shop();
    sample.dns("api", "db", TIMEOUT);
    let began = at(100);
    let second = std::time::Duration::from_secs(1);
    let cases = [
        ("asked before the lookups failed", began - second, None, false),
        ("asked since", began, None, true),
        ("asked since, and just back", began + second, Some(began - second), false),
        ("asked since, and back for long", began + second, Some(began - 60 * second), true),
    ];
    for (case, asked_at, back_since, told_of) in cases {
        sample.sight.engine = Engine::Up { back_since, asked_at };
        for record in sample.probes.values_mut() {
            (record.since, record.at) = (began, began + second);
        }
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        assert_eq!(told(&verdict) == ["dns-resolver-unresponsive api"], told_of, "{case}");
        assert_eq!(verdict.pending, usize::from(!told_of), "{case}");
    }
}

#[test]
fn what_the_engine_says_must_stand_for_a_moment() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    let missing = sample.missing("db");
    let on = sample.on("shop");
    on.endpoints.retain(|e| &*e.name != "db");
    on.detached.push(missing);
    let mut look = |millis: u64| {
        let at = at(100) + std::time::Duration::from_millis(millis);
        let verdict = judge(Arc::new(Snapshot { at, ..sample.snapshot() }), &mut ledger);
        (told(&verdict).len(), verdict.pending)
    };
    assert_eq!([look(0), look(749), look(750), look(751)], [(0, 1), (0, 1), (1, 0), (1, 0)]);
    // While the next picture is on its way this one founds nothing, for a while.
    let mut ledger = Ledger::default();
    let mut look = |millis: u64| {
        let at = at(100) + std::time::Duration::from_millis(millis);
        let verdict = judge(Arc::new(Snapshot { at, changing: true, ..sample.snapshot() }), &mut ledger);
        (told(&verdict).len(), verdict.pending)
    };
    assert_eq!([look(0), look(800), look(4999), look(5000)], [(0, 1), (0, 1), (0, 1), (1, 0)]);
    // One that was taken meanwhile and says so again does.
    let mut ledger = Ledger::default();
    let (early, mut late) = (sample.snapshot(), sample.snapshot());
    let inventory = late.inventory.as_deref().cloned().expect("an inventory");
    late.inventory = Some(Arc::new(crate::inventory::Inventory { taken_at: at(101), ..inventory }));
    for (seen, millis, told_of) in [(early, 0, 0), (late, 1100, 1)] {
        let at = at(100) + std::time::Duration::from_millis(millis);
        let verdict = judge(Arc::new(Snapshot { at, changing: true, ..seen }), &mut ledger);
        assert_eq!(told(&verdict).len(), told_of, "{millis}");
    }
    // Gone in between: the wait begins anew.
    let (mut ledger, whole) = (Ledger::default(), shop());
    for (millis, pending) in [(0, 1), (400, 0), (800, 1)] {
        let at = at(100) + std::time::Duration::from_millis(millis);
        let seen = if pending > 0 { sample.snapshot() } else { whole.snapshot() };
        let verdict = judge(Arc::new(Snapshot { at, ..seen }), &mut ledger);
        assert_eq!((told(&verdict).len(), verdict.pending), (0, pending), "{millis}");
    }
}

#[test]
fn what_starts_again_and_again_is_one_fault_that_comes_and_goes() {
    let mut ledger = Ledger::default();
    let (whole, mut broken) = (shop(), shop());
    broken.container("db").state = RunState::Restarting;
    let missing = broken.missing("db");
    broken.container("db").state = RunState::Restarting;
    let on = broken.on("shop");
    on.endpoints.retain(|e| &*e.name != "db");
    on.stopped.push(missing);
    broken.probes.retain(|key, _| &*key.target != "db" && &*key.source != "db");
    let mut look = |sample: &Sample, seconds: u64| {
        let snapshot = Snapshot { at: at(seconds), ..sample.snapshot() };
        let verdict = judge(Arc::new(snapshot), &mut ledger);
        verdict.findings.iter().find(|f| f.severity != Severity::Info).map(|f| (f.since, f.summary.clone()))
    };
    for round in 0..2 {
        look(&broken, 100 + 20 * round);
        assert!(look(&broken, 110 + 20 * round).is_some());
        assert_eq!(look(&whole, 111 + 20 * round), None, "repaired, as far as anybody knows");
    }
    look(&broken, 140);
    let (since, summary) = look(&broken, 150).expect("told");
    assert_eq!(since, at(100), "since the first time");
    assert!(summary.ends_with("It comes and goes: 3 times so far."), "{summary}");
    assert!(look(&whole, 160).is_some(), "it runs, for now");
    assert!(look(&whole, 269).is_some());
    assert_eq!(look(&whole, 271), None, "it stays");
}

#[test]
fn what_is_gone_is_no_fault() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    sample.mesh(&["db"]);
    settled(sample.snapshot(), &mut ledger);
    sample.on("shop").endpoints.retain(|e| &*e.name != "db");
    sample.probes.retain(|key, _| &*key.target != "db" && &*key.source != "db");
    assert!(told(&settled(sample.snapshot(), &mut ledger)).is_empty());
}

#[test]
fn detached_while_unreachable_stays_one_finding() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    sample.icmp("api", "db", TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-partitioned db"]);
    sample.mesh(&["db"]);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["container-unreachable db"]);
}

#[test]
fn an_address_that_leads_astray_first_joins_its_name() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    sample.ptr("api", "db", Outcome::Failure(Reason::WrongAnswer));
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["dns-wrong-answer 10.0.2.3"]);
    sample.dns("api", "db", Outcome::Failure(Reason::WrongAnswer));
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["dns-wrong-answer db"]);
}

#[test]
fn what_the_engine_said_it_takes_back_at_once() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    sample.probes.clear();
    sample.sight.namespaces = Some(Err("EPERM".into()));
    let missing = sample.missing("cache");
    sample.on("shop").detached.push(missing);
    let blind = "exporter-blind network_namespaces";
    let detached = settled(sample.snapshot(), &mut ledger);
    assert_eq!(told(&detached), ["container-unreachable cache", blind]);
    sample.on("shop").detached.clear();
    sample.endpoint("shop", "cache");
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [blind]);
}

#[test]
fn of_a_private_mount_the_finding_says_what_is_seen_and_which_option_mends_it() {
    let mut sample = shop();
    sample.sight.frozen = Some("mounted private".into());
    assert_eq!(sample.sight.enters_namespaces(), Some(false), "though the last visit was good");
    sample.sight.namespaces = Some(Err("x is no namespace".into()));
    let snapshot = sample.snapshot();
    let findings = super::exporter_blind::find(&Scene::of(&snapshot));
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    let observed: Vec<&str> = finding.evidence.iter().map(|e| &*e.observed).collect();
    assert_eq!(observed, ["mounted private", "x is no namespace"]);
    assert!(finding.fix[0].to_string().contains(":ro,rslave"), "{:?}", finding.fix);
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(OK),
        proptest::sample::select(Reason::ALL.to_vec()).prop_map(Outcome::Failure),
        proptest::sample::select(Blindness::ALL.to_vec()).prop_map(Outcome::Unknown),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", ".{0,4}", "[a\\x00-\\x1f]{1,3}", Just("gateway".to_owned())]
}

prop_compose! {
    fn any_snapshot()(
        endpoints in prop::collection::vec(any_name(), 0..5),
        away in prop::collection::vec((any_name(), any::<bool>()), 0..3),
        probes in prop::collection::vec(
            (any_name(), any_name(), 0..6usize, any_outcome(), 0..4u32, any::<u32>(), any::<u8>()), 0..24),
        subnet in (any::<u64>(), any::<u64>()),
        parts in prop::array::uniform4(any::<bool>()),
    ) -> Snapshot {
        let [listed, known, down, blind] = parts;
        let mut sample = Sample::shop(&[]);
        sample.destination("blog", 3);
        for name in &endpoints {
            sample.endpoint("shop", name);
            sample.endpoint("blog", name);
        }
        for (name, stopped) in &away {
            let missing = sample.missing(name);
            let shop = sample.on("shop");
            if *stopped { shop.stopped.push(missing) } else { shop.detached.push(missing) }
        }
        (sample.on("shop").subnets[0].used, sample.on("shop").subnets[0].capacity) = subnet;
        for (source, target, kind, outcome, row, losses, runs) in probes {
            let detail = match kind % 3 {
                0 => Detail::Address(IpAddr::from([10, 0, 2, 2])),
                1 => Detail::Port(IpAddr::from([10, 0, 2, 2]), 80),
                _ => Detail::Name(target.as_str().into(), QueryType::A),
            };
            let record = sample.probe(key(ProbeKind::ALL[kind], &source, &target, detail), outcome, row);
            record.losses = losses;
            record.runs = runs;
        }
        if !known {
            sample.inventory.containers.clear();
        }
        if down {
            sample.sight.engine = Engine::Down { since: at(0), why: "x".into() };
        }
        if blind {
            sample.sight.namespaces = Some(Err("x".into()));
        }
        let mut snapshot = sample.snapshot();
        if !listed {
            snapshot.inventory = None;
        }
        snapshot
    }
}

proptest! {
    #[test]
    fn no_half_built_snapshot_trips_a_rule(rounds in prop::collection::vec(any_snapshot(), 1..4)) {
        let mut ledger = Ledger::default();
        for snapshot in rounds {
            let verdict = judge(Arc::new(snapshot), &mut ledger);
            for finding in &verdict.findings {
                for command in finding.fix.iter().map(ToString::to_string).chain(finding.verify.clone()) {
                    prop_assert!(!command.chars().any(char::is_control), "{command:?}");
                }
            }
            let report = serde_json::to_string(&verdict.findings);
            prop_assert!(report.is_ok());
        }
    }
}
