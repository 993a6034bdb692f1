//! Snapshots that nobody would build: no rule trips over one.

use proptest::prelude::*;

use super::*;

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

/// The same with records as they are kept, of sources that there are: a failure is one in a row, and what was lost was run.
fn kept(mut snapshot: Snapshot) -> Snapshot {
    let inventory = snapshot.inventory.clone();
    let probes = Arc::make_mut(&mut snapshot.probes);
    probes.retain(|key, _| {
        let on = inventory.iter().flat_map(|i| &i.destinations).find(|on| on.name == key.destination);
        &*key.source != "gateway" && on.is_some_and(|on| on.endpoint(&key.source).is_some())
    });
    for record in probes.values_mut() {
        let (failed, went) = match record.outcome {
            Outcome::Failure(_) => (record.failures_in_a_row.max(1), 0),
            Outcome::Success(_) => (0, record.successes_in_a_row.max(1)),
            Outcome::Unknown(_) => (record.failures_in_a_row, record.successes_in_a_row),
        };
        (record.failures_in_a_row, record.successes_in_a_row) = (failed, went);
        record.runs = record.runs.clamp(1, 32);
        let run = u32::MAX >> (32 - u32::from(record.runs));
        let lost = u32::from(record.outcome == Outcome::Failure(Reason::PacketLoss));
        record.losses = (record.losses & run & !1) | lost;
    }
    snapshot
}

/// The same picture, and nothing can be seen any more: in one way of several.
fn blinded(snapshot: &Snapshot, way: u8, later: u64) -> Snapshot {
    let mut dark = snapshot.clone();
    dark.at = snapshot.at + std::time::Duration::from_secs(later);
    let blind = |probes: &mut std::collections::BTreeMap<ProbeKey, crate::state::Record>| {
        for record in probes.values_mut() {
            record.outcome = Outcome::Unknown(Blindness::ALL[usize::from(way) % Blindness::ALL.len()]);
            record.at = dark.at;
        }
    };
    match way % 4 {
        0 => dark.sight.engine = Engine::Down { since: snapshot.at, why: "x".into() },
        1 => {
            dark.sight.namespaces = Some(Err("x".into()));
            blind(Arc::make_mut(&mut dark.probes));
        }
        2 => blind(Arc::make_mut(&mut dark.probes)),
        _ => {
            dark.sight.engine = Engine::Down { since: snapshot.at, why: "x".into() };
            dark.sight.namespaces = Some(Err("x".into()));
            blind(Arc::make_mut(&mut dark.probes));
        }
    }
    dark
}

proptest! {
    /// Unknown is not over: what was told stands until somebody has looked.
    #[test]
    fn nothing_closes_for_lack_of_sight(snapshot in any_snapshot(), way in any::<u8>(), later in 0..600_u64) {
        let mut ledger = Ledger::default();
        let snapshot = kept(snapshot);
        let before = settled(snapshot.clone(), &mut ledger);
        let dark = settled(blinded(&snapshot, way, later), &mut ledger);
        for finding in before.findings.iter().filter(|finding| finding.code != Code::ExporterBlind) {
            let stands = dark.findings.iter().any(|now| {
                (now.code, &now.subject, &now.destination) == (finding.code, &finding.subject, &finding.destination)
            });
            prop_assert!(stands, "{finding:#?} is over");
        }
    }

    /// A clock that is set back or far ahead trips nothing, and what was told does not come from the future.
    #[test]
    fn a_stepped_clock_trips_nothing(snapshot in any_snapshot(), steps in prop::collection::vec(0..2_000_000_000_u64, 1..5)) {
        let mut ledger = Ledger::default();
        for step in steps {
            let mut stepped = snapshot.clone();
            stepped.at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(step);
            judge(Arc::new(stepped), &mut ledger);
        }
    }

    #[test]
    fn no_half_built_snapshot_trips_a_rule(rounds in prop::collection::vec(any_snapshot(), 1..4)) {
        let mut ledger = Ledger::default();
        for snapshot in rounds {
            let verdict = judge(Arc::new(snapshot), &mut ledger);
            for finding in &verdict.findings {
                for command in finding.fix.iter().map(ToString::to_string).chain(finding.verify.clone()) {
                    prop_assert!(!command.chars().any(char::is_control), "{command:?}");
                }
                let first = finding.first_command(256);
                // Of an endpoint that nobody stands behind nobody is cut off.
                let cuts = first.contains(" disconnect ") && finding.code != Code::NetworkGhostEndpoint;
                let costs = ["docker stop ", "restart docker", "docker network rm ", "NEW"];
                prop_assert!(!cuts && !costs.iter().any(|cost| first.contains(cost)), "{first}");
            }
            let report = serde_json::to_string(&verdict.findings);
            prop_assert!(report.is_ok());
        }
    }
}
