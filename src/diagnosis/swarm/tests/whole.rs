//! Whatever is seen: each finding says what to do, and one node is one finding.

use proptest::prelude::*;

use super::services::served;
use super::stale::stale;
use super::*;

#[test]
fn every_finding_says_what_to_do() {
    let mut samples = vec![stale(TIMEOUT), served(TIMEOUT, OK), served(TIMEOUT, TIMEOUT)];
    let breaks: [fn(&mut Sample); 4] = [
        |s| s.over("shop", node(2), TIMEOUT),
        |s| [2, 3].into_iter().for_each(|last| s.over("shop", node(last), TIMEOUT)),
        |s| {
            s.overlay("shop").encrypted = true;
            [2, 3].into_iter().for_each(|last| s.over("shop", node(last), TIMEOUT));
        },
        |s| {
            s.lost("shop", node(2), 20);
            s.beside("shop", node(2), OK, TIMEOUT);
        },
    ];
    for breaks in breaks {
        let mut sample = well();
        breaks(&mut sample);
        samples.push(sample);
    }
    for sample in samples {
        let finding = only(&sample);
        assert!(!finding.summary.is_empty() && !finding.evidence.is_empty(), "{finding:?}");
        assert!(!finding.fix.is_empty() && !finding.verify.is_empty(), "{finding:?}");
        assert!(!finding.explains.is_empty(), "{finding:?}");
        assert_eq!(finding.since, at(finding.since.duration_since(at(0)).unwrap().as_secs()), "{finding:?}");
        assert!(finding.since <= at(30), "{finding:?}");
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![Just(OK), Just(TIMEOUT), Just(REFUSED), Just(BLIND)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn one_node_is_one_finding_and_whoever_cannot_look_says_nothing(
        nodes in prop::collection::vec((any_outcome(), any_outcome(), any_outcome(), any::<bool>(), any::<bool>(), any::<bool>()), 1..5),
        encrypted in any::<bool>(),
        manages in any::<bool>(),
        again in prop::collection::vec((any_outcome(), any_outcome()), 0..3),
    ) {
        let address = |at: usize, odd: bool| if odd { IpAddr::from([10, 9, 0, at as u8]) } else { node(at as u8) };
        let mut sample = Sample::mesh_of_nodes();
        sample.overlay("shop").encrypted = encrypted;
        if manages {
            let known: Vec<(u8, bool)> = (2..).zip(&nodes).map(|(at, (.., is_ready))| (at, *is_ready)).collect();
            sample.manages(&known);
        }
        for (at, (over, echo, gossip, lost, odd, _)) in (2..).zip(&nodes) {
            let address = address(at, *odd);
            if *lost {
                sample.lost("shop", address, 5);
            } else {
                sample.peer_at("shop", address, [(1, away(at as u8, 1))].into_iter());
                sample.over("shop", address, over.clone());
            }
            sample.beside("shop", address, echo.clone(), gossip.clone());
        }
        let mut ledger = Ledger::default();
        for (over, beside) in std::iter::once((BLIND, BLIND)).chain(again) {
            let verdict = settled(sample.snapshot(), &mut ledger);
            let about: Vec<&str> = verdict.findings.iter().filter(|f| f.subject.kind == "node").map(|f| &*f.subject.name).collect();
            let mut apart = about.clone();
            apart.sort_unstable();
            apart.dedup();
            prop_assert_eq!(apart.len(), about.len(), "{:?}", told(&verdict));
            prop_assert!(!about.contains(&"198.51.100.1") || about.len() == 1 || verdict.findings.iter().any(|f| f.code.as_label() != "swarm-data-path-broken"));
            // The second node is looked at anew.
            let (_, _, _, lost, odd, _) = nodes[0];
            let address = address(2, odd);
            if !lost { sample.over("shop", address, over); }
            sample.beside("shop", address, beside.clone(), beside);
        }
        let mut blind = sample.snapshot();
        for record in Arc::make_mut(&mut blind.probes).values_mut() {
            (record.outcome, record.failures_in_a_row, record.successes_in_a_row) = (BLIND, 0, 0);
        }
        prop_assert_eq!(told(&judge(Arc::new(blind), &mut Ledger::default())), Vec::<String>::new());
    }
}
