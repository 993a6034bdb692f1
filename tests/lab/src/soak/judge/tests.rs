use std::collections::BTreeMap;

use super::super::evidence::{Anchor, Outage, Read, Sample, Scrapes};
use super::*;

fn sample(at: f64, resident: u64) -> Sample {
    Sample { at, resident, threads: 4, descriptors: BTreeMap::from([("socket".into(), 10)]) }
}

fn calm(from: f64) -> Calm {
    Calm {
        from,
        until: from + 3.0,
        population: 9,
        agreed_after: Some(Duration::from_millis(300)),
        differences: Vec::new(),
    }
}

fn outage(began: f64) -> Outage {
    Outage {
        how: "freeze",
        began,
        back: began + 11.0,
        told: Some(8.0),
        up: Some(Duration::from_secs(1)),
        seen: Some(Duration::from_secs(2)),
    }
}

/// All is well.
fn well() -> Evidence {
    Evidence {
        scrapes: Scrapes { at: (0..100).map(|n| (f64::from(n), true)).collect(), slowest: 0.01 },
        anchor: Some(Anchor { scrapes: 99, series: 50, counters: 40, ..Anchor::default() }),
        refused: BTreeMap::from([("duplicates".into(), 0.0)]),
        read: Read { pages: 40, reports: 20, broken_off: 4, ..Read::default() },
        calms: vec![calm(10.0), calm(50.0), calm(90.0)],
        samples: (0..100).map(|n| sample(f64::from(n), 20_000_000)).collect(),
        outages: vec![outage(20.0)],
        log: "level=info message=serving\nlevel=warn message=\"the Engine does not answer\"\n".into(),
        ..Evidence::default()
    }
}

#[test]
fn what_is_well_holds() {
    let rows = judge(&well());
    assert!(rows.iter().all(|row| row.holds), "{rows:#?}");
    assert_eq!(rows.len(), 13);
}

#[test]
fn each_fault_breaks_its_own_bound_and_no_other() {
    type Fault = fn(&mut Evidence);
    let faults: &[(&str, Fault)] = &[
        ("a Prometheus", |e| e.scrapes.at[50].1 = false),
        ("a Prometheus", |e| e.scrapes.at.drain(50..54).for_each(drop)),
        ("series of a workload", |e| anchor_of(e).incomplete.push("x".into())),
        ("its counters", |e| anchor_of(e).backwards.push("x".into())),
        ("a series is on a page once", |e| e.read.twice.push("x".into())),
        ("a series is on a page once", |e| *e.refused.get_mut("duplicates").expect("there") = 1.0),
        ("readers", |e| e.read.failed.push("x".into())),
        ("what is told", |e| e.calms[1].agreed_after = Some(Duration::from_secs(3))),
        ("what is told", |e| {
            e.calms[1].agreed_after = None;
            e.calms[1].differences.push("x".into());
        }),
        ("resident memory", |e| last_calm(e).for_each(|s| s.resident += 2_100_000)),
        ("open descriptors", |e| {
            last_calm(e).for_each(|s| *s.descriptors.get_mut("socket").expect("there") += 1);
        }),
        ("open descriptors", |e| {
            last_calm(e).for_each(|s| s.descriptors.extend([("namespace".to_owned(), 1)]));
        }),
        ("threads", |e| e.samples[70].threads = 21),
        ("Engine: freeze", |e| e.outages[0].up = Some(Duration::from_secs(6))),
        ("Engine: freeze", |e| e.outages[0].seen = None),
        ("an Engine that is away", |e| e.outages[0].told = None),
        ("an Engine that is away", |e| e.outages[0].told = Some(10.5)),
        ("findings", |e| drop(e.findings.insert("container-unreachable anchor-web".into(), vec![70.0]))),
        ("findings", |e| drop(e.findings.insert("exporter-blind engine".into(), vec![30.0, 36.5]))),
        ("findings", |e| drop(e.findings.insert("dns-resolver-unresponsive anchor-web".into(), vec![30.0]))),
        ("the exporter's log", |e| e.log.push_str("thread 'main' panicked at src/x.rs\n")),
        ("the exporter's log", |e| e.log.push_str("level=error message=\"no report\"\n")),
        ("the exporter's log", |e| e.log.push_str("level=warn message=\"something else\"\n")),
    ];
    for (number, (what, fault)) in faults.iter().enumerate() {
        let mut evidence = well();
        fault(&mut evidence);
        let broken: Vec<Row> = judge(&evidence).into_iter().filter(|row| !row.holds).collect();
        assert_eq!(broken.len(), 1, "{number}: {what}: {broken:#?}");
        assert!(broken[0].what.starts_with(what), "{number}: {what}: {broken:#?}");
    }
}

#[test]
fn what_befalls_while_the_engine_is_away_is_no_false_alarm() {
    let mut evidence = well();
    evidence.findings.insert("exporter-blind engine".into(), vec![28.0, 30.0, 34.9]);
    evidence.scrapes.slowest = 0.5;
    let rows = judge(&evidence);
    assert!(rows.iter().all(|row| row.holds), "{rows:#?}");
    assert!(rows.iter().any(|row| row.figure.ends_with("away: exporter-blind engine")), "{rows:#?}");
}

#[test]
fn nothing_seen_holds_nothing() {
    let rows = judge(&Evidence::default());
    let holds: Vec<&Row> = rows.iter().filter(|row| row.holds).collect();
    // Of findings there ought to be none.
    assert!(holds.iter().all(|row| row.what.starts_with("findings")), "{holds:#?}");
}

#[test]
fn other_containers_are_no_comparison() {
    let mut evidence = well();
    evidence.calms[2].population = 10;
    let broken: Vec<Row> = judge(&evidence).into_iter().filter(|row| !row.holds).collect();
    assert_eq!(broken.len(), 1, "{broken:#?}");
    assert_eq!(broken[0].figure, "9 containers, then 10");
}

fn anchor_of(evidence: &mut Evidence) -> &mut Anchor {
    evidence.anchor.as_mut().expect("there")
}

fn last_calm(evidence: &mut Evidence) -> impl Iterator<Item = &mut Sample> {
    evidence.samples.iter_mut().filter(|sample| sample.at >= 90.0)
}
