//! Cases of what grows and ends within a week: days of it, a scrape every half hour. And what the exporter itself says
//! of the same days.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use destination_exporter::state::forecast::{Hour, forecast};

use super::case::Kind::{Below, Fires, Lost};
use super::case::{Case, Kind, Said, case};
use super::resources::{found, said};

/// Of everything.
const CAPACITY: f64 = 254.0;

/// How much is taken at each hour.
type Life = Box<dyn Fn(f64) -> f64>;

/// What somebody's server might live through, told of in the documentation too.
struct Lived {
    what: &'static str,
    life: Life,
    /// The hour that is now.
    at: u32,
    /// How long it lasts by the rule, where that fires.
    rule: Option<&'static str>,
    /// In the report.
    exporter: &'static str,
}

fn lived() -> Vec<Lived> {
    let of = |what, life, at, rule, exporter| Lived { what, life, at, rule, exporter };
    let by_night = |hour: f64| (4.0..12.0).contains(&(hour % 24.0));
    vec![
        of(
            "30 more a day, for three days",
            steady(60.0, 30.0),
            73,
            Some("3d 11h 12m 0s"),
            "+30 a day, end about 2026-11-30",
        ),
        of(
            "20 more a day, for three days after three quiet ones",
            quiet_then(20.0),
            145,
            Some("4d 16h 48m 0s"),
            "+10 a day, end about 2026-12-06",
        ),
        of(
            "50 more in one step, and again in another",
            stairs(100.0, 50.0),
            73,
            Some("1d 8h 25m 50s"),
            "+50 a day, end about 2026-11-28",
        ),
        of(
            "60 more in one step",
            Box::new(|hour| if hour < 33.0 { 120.0 } else { 180.0 }),
            73,
            None,
            "no steady growth",
        ),
        of(
            "90 more within a day, then nothing",
            Box::new(|hour| 100.0 + 90.0 * (hour / 24.0).min(1.0)),
            73,
            None,
            "no steady growth",
        ),
        of("nothing, at 200 of 254", Box::new(|_| 200.0), 73, None, "no steady growth"),
        of(
            "a deploy every hour that takes 70 for ten minutes",
            Box::new(|hour| if hour.fract() < 0.1 { 210.0 } else { 140.0 }),
            73,
            None,
            "no steady growth",
        ),
        of(
            "previews, 20 more every day, that are gone at night",
            Box::new(
                move |hour| {
                    if by_night(hour) { 100.0 } else { 140.0 + 20.0 * ((hour + 12.0) / 24.0).floor() }
                },
            ),
            75,
            None,
            "+20 a day, end about 2026-11-29",
        ),
        of(
            "1 more a day, and all gone for a moment on the first",
            Box::new(|hour| if (20.0..20.3).contains(&hour) { 1.0 } else { 180.0 + (hour / 24.0).floor() }),
            73,
            None,
            "+1 a day, end about 2027-02-07",
        ),
    ]
}

/// Three days of nothing, then so many a day.
fn quiet_then(per_day: f64) -> Life {
    Box::new(move |hour| 100.0 + (hour - 72.0).max(0.0) * per_day / 24.0)
}

/// Both ways are asked of the same days, and the page says what each of them says.
#[test]
fn the_page_compares_both_ways_as_they_are() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md")).expect("there");
    // 2026-11-27.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(20_784 * 86_400);
    for Lived { what, life, at, rule, exporter } in lived() {
        let fewest =
            |hour: u32| (0..2).map(|n| life(f64::from(hour) + f64::from(n) / 2.0)).fold(CAPACITY, f64::min);
        let hours: Vec<Hour> = (0..at).map(|number| Hour { number, least: fewest(number) as u32 }).collect();
        assert_eq!(forecast(&hours, CAPACITY as u64, now).words(now), exporter, "{what}");
        let rule = rule.map_or_else(|| "silent".to_owned(), |left| format!("fires: {left}"));
        let row = format!("| {what} | {rule} | {exporter} |");
        assert!(page.contains(&row), "{row}");
    }
}

/// What is told of, and how it is told.
#[derive(Clone, Copy)]
enum Store {
    Addresses,
    Pools,
}

pub fn cases() -> Vec<Case> {
    [Store::Addresses, Store::Pools].map(of).concat()
}

/// So many a day from the beginning.
fn steady(from: f64, per_day: f64) -> Life {
    Box::new(move |hour| from + hour * per_day / 24.0)
}

/// Three levels, the last for 40 hours.
fn stairs(first: f64, step: f64) -> Life {
    Box::new(move |hour| first + step * (f64::from(hour >= 15.0) + f64::from(hour >= 33.0)))
}

/// As `promtool` takes them.
fn values(hours: u32, life: &Life) -> String {
    let all: Vec<String> = (0..=hours * 2).map(|n| life(f64::from(n) / 2.0).to_string()).collect();
    all.join(" ")
}

/// Hours and minutes.
fn after(hours: u32, minutes: u32) -> String {
    format!("{}m", hours * 60 + minutes)
}

impl Store {
    fn case(self, kind: Kind, used: &str) -> Case {
        let (name, labels, series) = match self {
            Self::Addresses => (
                "DestinationAddressesEnding",
                r#"{@,destination="shop",subnet="10.0.2.0/24"}"#,
                "destination_addresses",
            ),
            Self::Pools => ("DestinationAddressPoolsEnding", "{@}", "destination_address_pools"),
        };
        case(kind, name)
            .without_info()
            .step("30m")
            .series(r#"destination_exporter_info{@,external_url="https://watch.example.com"}"#, "1x300")
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x300")
            .series(&format!("{series}_used{labels}"), used)
            .series(&format!("{series}_capacity{labels}"), &format!("{CAPACITY}x300"))
    }

    fn says(self, left: &str) -> Said {
        match self {
            Self::Addresses => said(
                "DestinationAddressesEnding",
                "destination",
                &[("destination", "shop"), ("subnet", "10.0.2.0/24")],
                format!("shop (Web shop): the addresses in 10.0.2.0/24 end in {left}"),
                format!(
                    "More are taken from day to day: at the growth of the last three days the last of 10.0.2.0/24 is taken in {left}, and then the next container does not start. Look for what is left behind while there is time, or plan a larger network."
                ),
            ),
            Self::Pools => said(
                "DestinationAddressPoolsEnding",
                "host",
                &[],
                format!("The Engine on server-1:10061 has no room for another network in {left}"),
                format!(
                    "More networks are there from day to day: at the growth of the last three days the last block of its address pools is taken in {left}, and then a stack with a network of its own is not deployed.\nLook first: docker network ls --filter dangling=true. Those of stacks that are stopped are among them: remove by name what is nobody's, or have larger default-address-pools."
                ),
            ),
        }
    }

    fn is_found(self) -> String {
        match self {
            Self::Addresses => {
                found(r#"code="network-addresses-exhausted",destination="shop",subject="shop""#)
            }
            Self::Pools => found(r#"code="address-pools-exhausted",subject="engine""#),
        }
    }
}

fn of(store: Store) -> Vec<Case> {
    let fires = |life: Life, at: u32, left: &str| {
        store.case(Fires, &values(at + 1, &life)).says(store.says(left)).fires(&[after(at, 0)])
    };
    let below = |life: Life| store.case(Below, &values(80, &life)).silent(&[after(73, 0), after(75, 0)]);
    let as_lived = lived().into_iter().map(|Lived { life, at, rule, .. }| match rule {
        Some(left) => fires(life, at, left),
        None => below(life),
    });
    // The last that is not the next alert's already, and the next.
    let (last, left, beyond) = match store {
        Store::Addresses => (stairs(110.0, 50.0), "1d 2h 25m 29s", stairs(135.0, 50.0)),
        Store::Pools => (stairs(240.0, 5.0), "1d 0h 1m 21s", stairs(241.0, 5.0)),
    };
    let mut cases = vec![
        // It is said when three days are known, and not before.
        store
            .case(Fires, &values(80, &steady(60.0, 30.0)))
            .silent(&[after(60, 0), after(72, 30)])
            .says(store.says("3d 11h 12m 0s"))
            .fires(&[after(73, 0)]),
        // A little less than a week; a little more.
        fires(steady(157.0, 10.0), 73, "6d 16h 48m 0s"),
        below(steady(149.6, 10.0)),
        // A little more than half of it; a little less.
        fires(steady(39.0, 30.0), 73, "4d 4h 0m 0s"),
        below(steady(29.0, 30.0)),
        fires(last, 73, left),
        below(beyond),
        store
            .case(Below, &values(80, &steady(60.0, 30.0)))
            .series(&store.is_found(), "1x300")
            .silent(&[after(73, 0), after(75, 0)]),
    ];
    cases.extend(as_lived);
    // It holds for an hour after the last word, and stays for six more.
    let gone = format!("{} stale", values(99, &steady(60.0, 30.0)));
    cases.push(
        store
            .case(Lost, &gone)
            .says(store.says("2d 8h 12m 0s"))
            .fires(&[after(106, 0)])
            .silent(&[after(106, 30)]),
    );
    // Started anew: what was before is not lost.
    let broken: Vec<String> = values(80, &steady(60.0, 30.0))
        .split(' ')
        .enumerate()
        .map(|(n, value)| if (100..102).contains(&n) { "stale".to_owned() } else { value.to_owned() })
        .collect();
    cases.push(store.case(Lost, &broken.join(" ")).says(store.says("3d 11h 11m 59s")).fires(&[after(73, 0)]));
    cases
}
