//! Names of hosts written by hand, and of hosts that somebody means harm to.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::inventory::RunState;
use crate::inventory::build::tests::{container, model};

/// Id, workload, replica, started at, state → name.
type Row<'a> = (&'a str, &'a str, Option<u32>, u64, RunState, &'a str);

fn second(n: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(n)
}

fn one(id: &str, workload: &str, replica: Option<u32>, started: u64, state: RunState) -> Container {
    let mut made = model(&container(id, "name"));
    made.workload = workload.into();
    made.replica = replica;
    made.started_at = Some(second(started));
    made.state = state;
    made
}

fn home<'a>(networks: &[&'a str], made: u64, is_missed: bool) -> Home<'a> {
    Home { networks: networks.iter().copied().collect(), made_at: Some(second(made)), is_missed }
}

fn by_id(all: impl IntoIterator<Item = Container>) -> BTreeMap<ContainerId, Container> {
    all.into_iter().map(|c| (c.id.clone(), c)).collect()
}

/// All on one network.
fn check(rows: &[Row]) {
    let all =
        by_id(rows.iter().map(|(id, workload, n, start, state, _)| one(id, workload, *n, *start, *state)));
    let homes = rows.iter().map(|row| (ContainerId::new(row.0), home(&["shop"], row.3, false))).collect();
    let names = endpoint_names(&all, &homes);
    for (id, .., expected) in rows {
        assert_eq!(&*names[&ContainerId::new(id)], *expected, "{rows:?}");
    }
    assert_eq!(names.values().collect::<BTreeSet<_>>().len(), rows.len(), "a name twice: {rows:?}");
}

#[test]
fn an_endpoint_is_named_after_its_workload() {
    use RunState::{Exited, Paused, Running};
    check(&[("a", "api", None, 1, Running, "api"), ("b", "web", Some(1), 1, Running, "web")]);
    // Replicas.
    check(&[("a", "w", Some(1), 1, Running, "w/1"), ("b", "w", Some(2), 1, Paused, "w/2")]);
    check(&[("a", "w", Some(3), 1, Running, "w/3")]);
    // An old and a new one overlap: the new one keeps the series.
    check(&[("old", "w", Some(1), 1, Running, "w (old)"), ("new", "w", Some(1), 2, Running, "w")]);
    check(&[
        ("a", "w", Some(1), 1, Running, "w/1 (a)"),
        ("b", "w", Some(2), 1, Running, "w/2"),
        ("c", "w", Some(1), 2, Running, "w/1"),
    ]);
    // Started in one instant: the id decides.
    check(&[("a", "w", None, 1, Running, "w (a)"), ("b", "w", None, 1, Running, "w")]);
    // A stopped one that was started later takes nothing.
    check(&[("a", "w", None, 1, Running, "w"), ("b", "w", None, 2, Exited, "w (b)")]);
    check(&[("a", "w", Some(1), 1, Running, "w"), ("b", "w", Some(2), 2, Exited, "w/2")]);
}

#[test]
fn reserved_words_are_no_endpoint() {
    use RunState::Running;
    check(&[
        ("a", "proxy", None, 1, Running, "proxy/1"),
        ("b", "host", Some(1), 1, Running, "host/1"),
        ("c", "gateway", None, 1, Running, "gateway/1"),
    ]);
}

#[test]
fn nobody_gets_another_ones_name_by_choosing_it() {
    use RunState::Running;
    check(&[
        ("a", "w", None, 1, Running, "w (a)"),
        ("b", "w", None, 2, Running, "w"),
        ("z", "w (a)", None, 3, Running, "w (a) (z)"),
    ]);
    check(&[
        ("0123456789abcdef", "w", None, 1, Running, "w (0123456789abcdef)"),
        ("b", "w", None, 2, Running, "w"),
        ("z", "w (0123456789ab)", None, 0, Running, "w (0123456789ab)"),
    ]);
    // Whoever guessed all of it.
    check(&[
        ("a", "w", None, 5, Running, "w (a 2)"),
        ("b", "w", None, 6, Running, "w"),
        ("y", "w (a)", None, 0, Running, "w (a)"),
        ("z", "w (a) (z)", None, 0, Running, "w (a) (z)"),
    ]);
}

/// Id, networks, made at, started at, state → name; all of the workload `w`.
type Place<'a> = (&'a str, &'a [&'a str], u64, u64, RunState, &'a str);

#[test]
fn a_stranger_of_the_same_labels_on_another_network_takes_no_name() {
    use RunState::{Exited, Paused, Restarting, Running};
    let tables: &[&[Place]] = &[
        &[("real", &["shop"], 1, 1, Running, "w"), ("odd", &["evil"], 2, 2, Running, "w (odd)")],
        // To be on one network is to be of one house.
        &[("real", &["shop"], 1, 1, Running, "w (real)"), ("new", &["blog", "shop"], 2, 2, Running, "w")],
        // A deploy of the real one goes on as ever.
        &[
            ("old", &["shop"], 1, 1, Running, "w (old)"),
            ("odd", &["evil"], 2, 2, Running, "w (odd)"),
            ("new", &["shop"], 3, 3, Running, "w"),
        ],
        // It started anew after the stranger came, it is between two starts, it ended: the name stays.
        &[("real", &["shop"], 1, 9, Running, "w"), ("odd", &["evil"], 2, 2, Running, "w (odd)")],
        &[("real", &["shop"], 1, 1, Restarting, "w"), ("odd", &["evil"], 2, 2, Paused, "w (odd)")],
        &[("real", &["shop"], 1, 1, Exited, "w"), ("odd", &["evil"], 2, 2, Running, "w (odd)")],
        // One that no network joins with anybody.
        &[("real", &["shop"], 1, 1, Running, "w"), ("odd", &[], 2, 2, Running, "w (odd)")],
    ];
    for rows in tables {
        let all = by_id(rows.iter().map(|(id, _, _, start, state, _)| one(id, "w", None, *start, *state)));
        let of = |row: &Place<'static>| (ContainerId::new(row.0), home(row.1, row.2, !row.4.has_namespace()));
        let names = endpoint_names(&all, &rows.iter().map(of).collect());
        for (id, .., expected) in *rows {
            assert_eq!(&*names[&ContainerId::new(id)], *expected, "{rows:?}");
        }
    }
}

#[test]
fn two_environments_of_one_resource_are_two_families() {
    let of = |id: &str, environment: &str, made: u64| {
        let coolify = crate::inventory::Coolify { environment: environment.into(), ..Default::default() };
        Container { coolify: Some(coolify), ..one(id, "w", None, made, RunState::Running) }
    };
    for (environment, expected) in [("production", ["w (old)", "w"]), ("staging", ["w", "w (new)"])] {
        let all = by_id([of("old", "production", 1), of("new", environment, 2)]);
        let homes = [("old", home(&["shop"], 1, false)), ("new", home(&["shop"], 2, false))];
        let names = endpoint_names(&all, &homes.map(|(id, home)| (ContainerId::new(id), home)).into());
        let found = ["old", "new"].map(|id| &*names[&ContainerId::new(id)]);
        assert_eq!(found, expected, "{environment}");
    }
}

#[test]
fn a_strangers_replicas_number_nobody_elses() {
    let all = by_id([
        one("real", "w", Some(1), 1, RunState::Running),
        one("odd", "w", Some(2), 2, RunState::Running),
    ]);
    let homes = [("real", home(&["shop"], 1, false)), ("odd", home(&["evil"], 2, false))];
    let names = endpoint_names(&all, &homes.map(|(id, home)| (ContainerId::new(id), home)).into());
    assert_eq!(&*names[&ContainerId::new("real")], "w");
    assert_eq!(&*names[&ContainerId::new("odd")], "w/2");
}

const NETWORKS: [&str; 3] = ["n0", "n1", "n2"];

/// Workloads that look like names which others are given.
fn any_workload() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]",
        "[ab]/[12]",
        r"[ab] \([ab]{1,2}\)",
        r"a \(a\) \(a\)",
        r"[ab] \(a [23]\)",
        Just("proxy".to_owned()),
        Just("proxy/1".to_owned()),
    ]
}

prop_compose! {
    fn any_container()(
        id in "[ab]{1,2}|[ab]{13}",
        workload in any_workload(),
        replica in prop::option::of(1..3u32),
        times in (0..3u64, prop::option::of(0..3u64)),
        state in prop::sample::select(vec![RunState::Running, RunState::Exited, RunState::Restarting]),
        on in prop::collection::btree_set(0..NETWORKS.len(), 0..3),
        is_missed in any::<bool>(),
    ) -> (Container, Home<'static>) {
        let container = one(&id, &workload, replica, times.0, state);
        let networks = on.into_iter().map(|n| NETWORKS[n]).collect();
        let is_missed = is_missed && !state.has_namespace();
        (container, Home { networks, made_at: times.1.map(second), is_missed })
    }
}

fn host(all: &[(Container, Home<'static>)]) -> (BTreeMap<ContainerId, Container>, Homes<'static>) {
    let homes = all.iter().map(|(c, home)| (c.id.clone(), home.clone())).collect();
    (by_id(all.iter().map(|(c, _)| c.clone())), homes)
}

proptest! {
    #[test]
    fn names_are_unique_whatever_the_labels_and_ids(all in prop::collection::vec(any_container(), 0..12)) {
        let (containers, homes) = host(&all);
        let names = endpoint_names(&containers, &homes);
        prop_assert_eq!(names.len(), containers.len());
        prop_assert_eq!(names.values().collect::<BTreeSet<_>>().len(), names.len(), "{:?}", names);
        prop_assert!(names.values().all(|name| !RESERVED.contains(&&**name)));
    }

    #[test]
    fn who_comes_later_from_elsewhere_renames_nobody(
        all in prop::collection::vec(any_container(), 0..8),
        stranger in any_container(),
    ) {
        let (mut containers, mut homes) = host(&all);
        let before = endpoint_names(&containers, &homes);
        let (mut stranger, _) = stranger;
        stranger.id = ContainerId::new("zz");
        homes.insert(stranger.id.clone(), home(&["elsewhere"], 99, false));
        containers.insert(stranger.id.clone(), stranger);
        let after = endpoint_names(&containers, &homes);
        for (id, name) in &before {
            // A time that nobody knows is later than any, and what is over claims nothing.
            let is_older = homes[id].made_at.or(containers[id].started_at).is_some();
            if is_older && (is_live(&containers[id]) || homes[id].is_missed) {
                prop_assert_eq!(&after[id], name);
            }
        }
    }
}
