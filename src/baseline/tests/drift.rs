//! What there is, held against what was approved.

use super::super::compare::MOST;
use super::*;
use crate::inventory::Inventory;

fn seen(networks: Vec<SeenNetwork>, containers: Vec<SeenContainer>) -> (Seen, Inventory) {
    let seen = Seen { networks, containers, ..Seen::default() };
    let inventory = build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH);
    (seen, inventory)
}

/// Where, what kind and how many, of all that is not 0.
fn counted(found: &Drifted) -> Vec<(&str, &str, usize)> {
    let told = found.counts.iter().filter(|(_, count)| **count > 0);
    told.map(|((on, kind), count)| (&**on, kind.as_label(), *count)).collect()
}

fn drifted(approved: &Baseline, networks: Vec<SeenNetwork>, containers: Vec<SeenContainer>) -> Drifted {
    let (seen, inventory) = seen(networks, containers);
    Drifted::of(approved, &seen, &inventory)
}

#[test]
fn every_kind_is_counted_where_it_is_and_known_at_0() {
    let approved = before();
    let found = drifted(
        &approved,
        vec![network("shop", 7)],
        // All deployed anew, with other addresses.
        vec![
            app("web", 5, "shop", 7, &["web"]),
            app("db", 6, "shop", 7, &["db", "database"]),
            proxy(&[("shop", 7)]),
        ],
    );
    assert_eq!((found.total(), counted(&found)), (0, Vec::new()), "{found:?}");
    let known: Vec<(&str, &str)> = found.counts.keys().map(|(on, kind)| (&**on, kind.as_label())).collect();
    assert_eq!(
        known,
        [
            ("", "proxy"),
            ("", "route"),
            ("", "port"),
            ("shop", "network"),
            ("shop", "subnet"),
            ("shop", "workload"),
            ("shop", "name"),
        ]
    );

    let found = drifted(
        &approved,
        vec![network("shop", 1), network("extra", 2)],
        vec![app("db", 1, "shop", 1, &["db"]), proxy(&[("extra", 2)])],
    );
    assert_eq!(
        counted(&found),
        [
            ("", "proxy", 2),
            ("", "route", 1),
            ("", "port", 1),
            ("extra", "network", 1),
            ("shop", "workload", 1),
            ("shop", "name", 1),
        ],
        "{found:?}"
    );
    assert_eq!(found.total(), found.differences.len());
    assert_eq!(found.counts.values().sum::<usize>(), found.total());
}

#[test]
fn what_was_approved_and_is_gone_is_known_and_belongs_to_the_host() {
    let found = drifted(&before(), vec![network("other", 3)], Vec::new());
    assert!(counted(&found).contains(&("shop", "network", 1)), "{found:?}");
    assert_eq!(found.counts.get(&("shop".into(), Kind::Name)), Some(&0));
    let (_, inventory) = seen(vec![network("other", 3)], Vec::new());
    let of_host: Vec<Kind> = found.on(None, &inventory).map(|one| one.kind).collect();
    assert!(of_host.contains(&Kind::Network) && of_host.contains(&Kind::Proxy), "{of_host:?}");
    let of_other: Vec<Kind> = found.on(Some("other"), &inventory).map(|one| one.kind).collect();
    assert_eq!(of_other, [Kind::Network]);
}

#[test]
fn two_networks_of_one_name_are_told_by_their_label_values() {
    let twins = || {
        let mut twin = network("shop", 2);
        twin.labels.insert("coolify.managed".into(), "true".into());
        vec![network("shop", 1), twin]
    };
    let (seen_then, inventory) = seen(twins(), Vec::new());
    let approved = take(&seen_then, &inventory);
    let labels: Vec<&str> = inventory.destinations.iter().map(|on| &*on.name).collect();
    assert!(labels.len() == 2 && labels.iter().all(|label| label.starts_with("shop (")), "{labels:?}");
    let mut now = twins();
    now[1].internal = true;
    let found = drifted(&approved, now, Vec::new());
    let (on, kind, count) = counted(&found)[0];
    assert!(labels.contains(&on) && (kind, count) == ("network", 1), "{found:?}");
    assert_eq!(found.differences[0].destination.as_deref(), Some(on));
}

#[test]
fn a_file_that_names_any_number_of_networks_gets_no_more_series_than_a_bound() {
    let mut approved = before();
    let one = approved.networks[0].clone();
    approved.networks = (0..3 * MOST).map(|n| Network { name: format!("n{n}"), ..one.clone() }).collect();
    let found = drifted(&approved, Vec::new(), Vec::new());
    assert!(found.counts.len() < 4 * MOST + 10, "{}", found.counts.len());
    let networks = found.counts.iter().filter(|((_, kind), _)| *kind == Kind::Network);
    assert_eq!(networks.map(|(_, count)| count).sum::<usize>(), 3 * MOST);
    assert_eq!((found.differences.len(), found.total() > 3 * MOST), (MOST, true));
}

#[test]
fn what_was_to_be_expected_takes_no_room_of_what_matters() {
    let networks = |id: &str, driver: &str| -> Vec<Network> {
        let one = Network { id: id.into(), driver: driver.into(), ..before().networks[0].clone() };
        (0..2 * MOST).map(|n| Network { name: format!("n{n:05}"), ..one.clone() }).collect()
    };
    let (mut then, mut now) = (before(), before());
    (then.networks, now.networks) = (networks("a", "bridge"), networks("b", "bridge"));
    let same = compare(&then, &now);
    assert!(same.is_same() && same.expected_left_out == MOST && same.left_out(false) == 0, "{same:?}");
    now.networks.last_mut().expect("a network").internal = true;
    let found = compare(&then, &now);
    assert!(!found.is_same());
    assert_eq!(found.differences.iter().filter(|one| !one.expected).count(), 1);
}

proptest! {
    #[test]
    fn whatever_was_approved_each_difference_is_counted_once(approved in any_baseline()) {
        let found = drifted(
            &approved,
            vec![network("shop", 1), network("b", 2)],
            vec![app("web", 1, "shop", 1, &["web"]), app("a", 2, "b", 2, &["c"]), proxy(&[("shop", 1)])],
        );
        prop_assert_eq!(found.counts.values().sum::<usize>(), found.total());
        for (on, kind) in found.counts.keys() {
            let kinds = if on.is_empty() { &Kind::OF_THE_HOST[..] } else { &Kind::OF_DESTINATIONS[..] };
            prop_assert!(kinds.contains(kind), "{} {:?}", on, kind);
        }
        for one in &found.differences {
            let on = one.destination.as_deref().unwrap_or_default();
            prop_assert!(found.counts.get(&(on.into(), one.kind)).is_some_and(|count| *count > 0), "{:?}", one);
        }
    }
}
