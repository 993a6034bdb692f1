//! What stands, what comes and goes, what is over.

use super::*;

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
fn while_the_picture_is_old_silence_is_no_fault_yet() {
    let mut sample = shop();
    sample.mesh(&["db"]);
    let mut ledger = Ledger::default();
    let mut look = |millis: u64, changing| {
        let at = at(100) + std::time::Duration::from_millis(millis);
        let verdict = judge(Arc::new(Snapshot { at, changing, ..sample.snapshot() }), &mut ledger);
        (told(&verdict).len(), verdict.pending)
    };
    // The one that was removed may be the one that is silent.
    assert_eq!([look(0, true), look(800, true)], [(0, 1), (0, 1)]);
    // The new picture has it too. What is told stays told, whatever changes then.
    assert_eq!([look(900, false), look(1000, true)], [(1, 0), (1, 0)]);
    // Where it never stops changing the wait ends.
    let mut ledger = Ledger::default();
    let mut look = |seconds: u64| {
        let snapshot = Snapshot { at: at(100 + seconds), changing: true, ..sample.snapshot() };
        told(&judge(Arc::new(snapshot), &mut ledger)).len()
    };
    assert_eq!([look(0), look(4), look(5)], [0, 0, 1]);
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

/// A picture that is old because events came, and that nobody can renew.
#[test]
fn an_engine_that_is_missed_waits_for_no_listing() {
    let mut ledger = Ledger::default();
    let mut sample = shop();
    sample.sight.engine = Engine::Down { since: at(50), why: "gone".into() };
    let mut look = |millis: u64| {
        let at = at(50) + std::time::Duration::from_millis(millis);
        let verdict = judge(Arc::new(Snapshot { at, changing: true, ..sample.snapshot() }), &mut ledger);
        told(&verdict)
    };
    assert!(look(0).is_empty());
    assert_eq!(look(750), ["exporter-blind engine"]);
}
