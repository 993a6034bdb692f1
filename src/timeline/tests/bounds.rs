//! Whatever comes.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::inventory::Health;

const NAMES: [&str; 3] = ["api", "db", "mail"];

#[derive(Clone, Debug)]
enum Step {
    Tells(Deed, usize, i64),
    Places(Deed, usize),
    Judges(BTreeSet<usize>),
    Lists(usize, bool),
    Engine(bool),
    Reload,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        Just(Deed::Started),
        Just(Deed::Signalled("SIGTERM")),
        Just(Deed::OutOfMemory),
        any::<Option<i64>>().prop_map(|exit_code| Deed::Died { exit_code }),
        Just(Deed::Destroyed),
        Just(Deed::Paused),
        Just(Deed::Checked(Health::Healthy)),
        "\\PC{0,400}".prop_map(|from| Deed::Renamed { from }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![Just(Deed::Connected), Just(Deed::Disconnected)];
    prop_oneof![
        (deed(), 0..4_usize, -100_000..100_000_i64)
            .prop_map(|(deed, who, skew)| Step::Tells(deed, who, skew)),
        (place, 0..4_usize).prop_map(|(deed, who)| Step::Places(deed, who)),
        proptest::collection::btree_set(0..9_usize, 0..9).prop_map(Step::Judges),
        (0..3_usize, any::<bool>()).prop_map(|(who, lives)| Step::Lists(who, lives)),
        any::<bool>().prop_map(Step::Engine),
        Just(Step::Reload),
    ]
}

/// Nine faults.
fn faults(some: &BTreeSet<usize>, since: SystemTime) -> Vec<Finding> {
    let codes = [Code::ContainerUnreachable, Code::RouteNotServed, Code::ContainerPacketLoss];
    let one = |n: &usize| Finding {
        summary: "x".repeat(n * 1000),
        ..finding(codes[n / 3], "container", NAMES[n % 3], since)
    };
    some.iter().map(one).collect()
}

fn skewed(at: SystemTime, millis: i64) -> SystemTime {
    let by = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { at - by } else { at + by }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the wall's clock is set, and however far the Engine's is off.
    #[test]
    fn whatever_comes_is_bounded_and_in_order_and_no_flip_is_lost(
        steps in vec((step(), 0..40_000_u64, prop_oneof![9 => Just(0_i64), 1 => -5_000_000..5_000_000_i64]), 0..120),
    ) {
        let mut stage = Stage::new(&NAMES);
        let mut open: BTreeSet<usize> = BTreeSet::new();
        let mut wall = 0;
        let mut flips = 0;
        for (step, later, stepped) in steps {
            wall += stepped;
            stage.later(later);
            let now = Time { moment: stage.now().moment, at: skewed(stage.now().at, wall) };
            match step {
                Step::Tells(deed, who, skew) => {
                    let container = Some(format!("id-{}", NAMES.get(who).unwrap_or(&"stranger")));
                    let told = Told { at: Some(skewed(now.at, skew)), deed, container, network: None };
                    stage.timeline.told(told, stage.seen.as_deref(), now);
                }
                Step::Places(deed, who) => {
                    stage.places(deed, NAMES.get(who).unwrap_or(&"stranger"));
                }
                Step::Judges(faulty) => {
                    let verdict = stage.verdict(faults(&faulty, skewed(now.at, -5000)), Vec::new());
                    let told = stage.timeline.known.clone().take(&verdict, now);
                    stage.timeline.judged(&verdict, now);
                    let what = |what: &str| {
                        let of = told.iter().map(|flip| flip.clone().entry(now.at, Vec::new()));
                        let of = of.filter(|entry| entry.kind == Kind::Finding && entry.what == what);
                        of.map(|entry| (entry.code, entry.subject.name.to_string())).collect::<BTreeSet<_>>()
                    };
                    let names = |some: Vec<Finding>| {
                        some.iter().map(|f| (Some(f.code), f.subject.name.to_string())).collect::<BTreeSet<_>>()
                    };
                    let came: BTreeSet<usize> = faulty.difference(&open).copied().collect();
                    let went: BTreeSet<usize> = open.difference(&faulty).copied().collect();
                    prop_assert_eq!(what("opened"), names(faults(&came, now.at)));
                    prop_assert_eq!(what("closed"), names(faults(&went, now.at)));
                    open = faulty;
                    flips += told.len();
                }
                Step::Lists(who, lives) => {
                    stage.ends(NAMES[who]);
                    if lives {
                        stage.begins(NAMES[who], NAMES[who]);
                    }
                    stage.lists();
                }
                Step::Engine(true) => stage.timeline.engine_back(now),
                Step::Engine(false) => stage.timeline.engine_lost(&"w".repeat(5000), now),
                Step::Reload => stage.timeline.reloaded(now),
            }
            if let Some(history) = stage.timeline.news() {
                stage.history = history;
            }
        }
        prop_assert!(flips < 10_000);
        prop_assert!(stage.history.0.len() <= 2 * MOST_OF_A_KIND);
        let mut places: Vec<Place> = stage.timeline.events.entries().map(|(place, _)| place).collect();
        let sorted = { let mut sorted = places.clone(); sorted.sort_unstable(); sorted };
        prop_assert_eq!(&places, &sorted);
        places.dedup();
        prop_assert_eq!(places.len(), sorted.len());
        for entry in stage.history.entries() {
            prop_assert!(entry.sentence.len() <= words::LONGEST && !entry.sentence.is_empty());
            prop_assert!(entry.after.len() <= 3);
            for after in &entry.after {
                prop_assert!((0.0..=30.0).contains(&after.seconds) && after.sentence.len() <= words::LONGEST);
            }
        }
    }
}

#[test]
fn one_kind_does_not_drive_out_the_other() {
    let mut stage = Stage::new(&NAMES);
    for n in 0..2000 {
        stage.later(61_000).tells(if n % 2 == 0 { Deed::Paused } else { Deed::Unpaused }, "api");
        let found = finding(Code::ContainerUnreachable, "container", "db", stage.now().at);
        stage.judges(if n % 2 == 0 { vec![found] } else { Vec::new() });
    }
    stage.history = stage.timeline.news().expect("news");
    let of = |kind: &dyn Fn(Kind) -> bool| stage.history.entries().filter(|entry| kind(entry.kind)).count();
    assert_eq!(of(&|kind| kind == Kind::Engine), MOST_OF_A_KIND);
    assert_eq!(of(&|kind| kind != Kind::Engine), MOST_OF_A_KIND);
}

#[test]
fn who_waits_for_a_listing_is_one_of_so_many() {
    let mut stage = Stage::new(&NAMES);
    for n in 0..100_000 {
        stage.tells(Deed::Started, &n.to_string());
    }
    stage.later(100).lists();
    assert_eq!(stage.said(), [""; 0]);
}
