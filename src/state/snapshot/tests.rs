//! How many of those who ought to be looked at were.

use proptest::prelude::*;

use super::*;
use crate::outcome::{Detail, Run};
use crate::state::Recorder;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn cover(targets: &[&str], seconds: u64) -> BTreeMap<Arc<str>, Cover> {
    let targets = targets.iter().map(|target| Arc::from(*target)).collect();
    BTreeMap::from([("mesh".into(), Cover { targets, within: Duration::from_secs(seconds) })])
}

fn key(kind: ProbeKind, target: &str) -> ProbeKey {
    ProbeKey {
        destination: "mesh".into(),
        kind,
        source: "web".into(),
        target: target.into(),
        detail: Detail::Address(IpAddr::from([10, 0, 1, 5])),
    }
}

/// The share after each of these has ended so, at these seconds, as it is at another.
fn share(runs: &[(&str, Outcome, u64)], now: u64) -> Option<f64> {
    let keys: Vec<ProbeKey> = ["a", "b", "c", "d"].map(|target| key(ProbeKind::Overlay, target)).into();
    let mut recorder = Recorder::default();
    recorder.planned(keys.iter(), Duration::from_secs(15));
    recorder.to_cover(cover(&["a", "b", "c", "d"], 30));
    for (target, outcome, seconds) in runs {
        let run = Run {
            key: key(ProbeKind::Overlay, target),
            outcome: outcome.clone(),
            seen: Observation::default(),
        };
        recorder.record(vec![run], at(*seconds));
    }
    recorder.snapshot(at(now)).own.covered("mesh", at(now))
}

const OK: Outcome = Outcome::Success(Duration::ZERO);
const DOWN: Outcome = Outcome::Failure(Reason::Timeout);
const BLIND: Outcome = Outcome::Unknown(Blindness::NoPrivilege);

#[test]
fn who_was_looked_at_of_late_counts_and_whom_nobody_could_look_at_does_not() {
    for (what, runs, now, expected) in [
        ("nobody yet", &[][..], 10, 0.0),
        ("one of four", &[("a", OK, 5)], 10, 0.25),
        ("one that does not answer was looked at all the same", &[("a", OK, 5), ("b", DOWN, 6)], 10, 0.5),
        ("who could not look says nothing", &[("a", BLIND, 5), ("b", OK, 5)], 10, 0.25),
        ("nor takes it what was seen", &[("a", OK, 5), ("a", BLIND, 8)], 10, 0.25),
        ("as long as it takes for everyone to have a turn", &[("a", OK, 5)], 35, 0.25),
        ("and no longer", &[("a", OK, 5)], 36, 0.0),
        ("a clock that was set back", &[("a", OK, 500)], 10, 0.25),
        ("all of them", &[("a", OK, 1), ("b", OK, 2), ("c", DOWN, 3), ("d", OK, 4)], 10, 1.0),
    ] {
        assert_eq!(share(runs, now), Some(expected), "{what}");
    }
}

#[test]
fn where_nobody_ought_to_be_looked_at_there_is_no_share() {
    let own = Own { covers: Arc::new(cover(&[], 30)), ..Own::default() };
    assert_eq!(own.covered("mesh", at(0)), None);
    assert_eq!(own.covered("shop", at(0)), None);
}

#[test]
fn who_is_not_wanted_any_more_is_forgotten_and_whose_turn_it_is_not_is_remembered() {
    let mut recorder = Recorder::default();
    let keys = ["a", "b"].map(|target| key(ProbeKind::Overlay, target));
    recorder.planned(keys.iter(), Duration::from_secs(15));
    recorder.to_cover(cover(&["a", "b"], 60));
    let run = |key: &ProbeKey| Run { key: key.clone(), outcome: OK, seen: Observation::default() };
    recorder.record(keys.iter().map(run).collect(), at(1));
    let covered = |recorder: &mut Recorder| recorder.snapshot(at(9)).own.covered("mesh", at(9));
    assert_eq!(covered(&mut recorder), Some(1.0));
    // It is the others' turn.
    recorder.planned([].iter(), Duration::from_secs(15));
    assert_eq!(covered(&mut recorder), Some(1.0));
    recorder.to_cover(cover(&["a", "c"], 60));
    assert_eq!(covered(&mut recorder), Some(0.5));
    assert_eq!(recorder.snapshot(at(9)).own.looked_at.len(), 1);
    recorder.to_cover(cover(&["a", "b"], 60));
    assert_eq!(covered(&mut recorder), Some(0.5), "what is known of it now was seen since");
    recorder.to_cover(BTreeMap::new());
    assert_eq!(covered(&mut recorder), None);
    assert!(recorder.snapshot(at(9)).own.looked_at.is_empty());
}

proptest! {
    #[test]
    fn a_share_is_one_of_the_whole_and_never_grows_by_waiting(
        runs in prop::collection::vec((0..6usize, 0..3usize, 0_u64..90), 0..12),
        now in 0_u64..120,
        later in 0_u64..120,
    ) {
        let target = |n: usize| ["a", "b", "c", "d", "e", "gateway"][n];
        let outcome = |n: usize| [OK, DOWN, BLIND][n].clone();
        let runs: Vec<(&str, Outcome, u64)> =
            runs.into_iter().map(|(whom, how, when)| (target(whom), outcome(how), when)).collect();
        let (first, then) = (share(&runs, now).unwrap(), share(&runs, now + later).unwrap());
        prop_assert!((0.0..=1.0).contains(&first) && then <= first, "{first} {then}");
        let looked = runs.iter().filter(|(whom, how, _)| *whom < "e" && *how != BLIND).count();
        prop_assert!(first <= looked as f64 / 4.0);
    }
}
