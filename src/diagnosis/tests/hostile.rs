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
