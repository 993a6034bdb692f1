use proptest::collection::vec;
use proptest::prelude::*;

use super::super::forecast::{NEEDED, Trend};
use super::*;
use crate::config::Selection;
use crate::inventory::AddressPools;
use crate::inventory::build::{build, tests::network};
use crate::inventory::seen::Seen;

fn at(hours: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(hours * HOUR)
}

/// One network of each of these ids, of so many addresses taken.
fn pictured(ids: impl IntoIterator<Item = String>, used: u64) -> Inventory {
    let networks = ids.into_iter().map(|name| network(&name)).collect();
    let seen = Seen { networks, ..Seen::default() };
    let mut inventory = build(&seen, &Selection::default(), at(0));
    for subnet in inventory.destinations.iter_mut().flat_map(|on| &mut on.subnets) {
        subnet.used = used;
    }
    inventory.pools = Some(AddressPools { used, capacity: 300, configured: true });
    inventory
}

fn shop(used: u64) -> Inventory {
    pictured(["shop".to_owned()], used)
}

fn of_shop(growth: &Growth, inventory: &Inventory) -> Option<Forecast> {
    let on = &inventory.destinations[0];
    growth.forecasts().subnet(&on.id, on.subnets[0].net)
}

#[test]
fn the_fewest_of_an_hour_count_and_the_hour_that_is_does_not() {
    let mut growth = Growth::default();
    for hour in 0..=u64::from(NEEDED) {
        assert_eq!(
            growth.forecasts().pools().map_or(0, |known| u64::from(known.watched)),
            hour.saturating_sub(1)
        );
        // A rolling deploy doubles what there is, for as long as the last quarter of an hour.
        for (minute, more) in [(0, 0), (20, 0), (45, 100)] {
            let taken = 100 + hour / 2 + more;
            growth.listed(&shop(taken), Duration::from_secs(hour * HOUR + minute * 60), at(hour));
        }
    }
    let inventory = shop(0);
    for (known, left) in
        [(growth.forecasts().pools(), 300.0 - 135.0), (of_shop(&growth, &inventory), 254.0 - 135.0)]
    {
        let known = known.expect("watched");
        let Trend::Grows { per_day, ends: Some(ends) } = known.trend else { panic!("{known:?}") };
        assert_eq!((known.watched, per_day), (NEEDED, 12.0));
        let days = ends.duration_since(at(u64::from(NEEDED))).expect("later").as_secs_f64() / 86_400.0;
        assert!((days - left / 12.0).abs() < 0.1, "{days} days");
    }
}

#[test]
fn networks_that_go_are_forgotten_and_those_made_anew_are_others() {
    let mut growth = Growth::default();
    let listed = |growth: &mut Growth, hour: u64, inventory: &Inventory| {
        growth.listed(inventory, Duration::from_secs(hour * HOUR), at(hour));
    };
    listed(&mut growth, 0, &shop(3));
    listed(&mut growth, 1, &shop(3));
    assert_eq!(of_shop(&growth, &shop(3)).map(|known| known.watched), Some(1));
    let mut other = pictured(["another".to_owned()], 3);
    other.destinations[0].name = "shop".into();
    other.pools = None;
    listed(&mut growth, 2, &other);
    assert_eq!((growth.stores.len(), growth.forecasts().0.len()), (1, 0));
    // Names come and go: no more is kept than there is.
    for hour in 3..200 {
        listed(&mut growth, hour, &pictured((0..9).map(|n| format!("net{hour}-{n}")), 3));
        assert!(growth.stores.len() <= 10 && growth.forecasts().0.len() <= 10);
    }
}

#[test]
fn of_too_many_those_known_first_are_followed() {
    let all = || (0..2 * MOST).map(|n| format!("net{n:04}"));
    let mut growth = Growth::default();
    growth.listed(&shop(3), Duration::ZERO, at(0));
    let known = of_shop(&growth, &shop(3));
    let mut many = pictured(all().chain(["shop".to_owned()]), 3);
    many.destinations.sort_by_key(|on| &*on.name != "shop");
    for hour in 1..4 {
        growth.listed(&many, Duration::from_secs(hour * HOUR), at(hour));
        assert_eq!(growth.stores.len(), MOST);
    }
    assert!(known.is_none() && of_shop(&growth, &shop(3)).is_some_and(|known| known.watched == 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// The wall's clock and ours may say what they like: what is kept is bounded and in order, and no end is in the past.
    #[test]
    fn whatever_the_clocks_say(steps in vec((any::<u32>(), any::<u32>(), 0_u64..300), 1..600)) {
        let mut growth = Growth::default();
        for (since_start, now, used) in steps {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.into());
            growth.listed(&shop(used), Duration::from_secs(since_start.into()), now);
            for past in growth.stores.values() {
                let numbers: Vec<u32> = past.over.iter().map(|hour| hour.number).collect();
                prop_assert!(numbers.len() <= LONGEST as usize && numbers.is_sorted_by(|a, b| a < b));
            }
            for known in growth.forecasts().0.values() {
                prop_assert!(known.ends(now).is_none_or(|ends| ends >= now));
            }
        }
    }
}
