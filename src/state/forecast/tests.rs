use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// 2026-11-27.
const TODAY: Duration = Duration::from_secs(20_784 * 86_400);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + TODAY
}

/// So many hours, of the fewest in each.
fn hours(count: u32, least: impl Fn(u32) -> u32) -> Vec<Hour> {
    (0..count).map(|number| Hour { number, least: least(number) }).collect()
}

/// What is said of a subnet of 253.
fn said(count: u32, least: impl Fn(u32) -> u32) -> String {
    forecast(&hours(count, least), 253, now()).words(now())
}

#[test]
fn what_grows_has_a_day_and_what_comes_and_goes_has_none() {
    let steadily = |per_day: u32, from: u32| move |hour: u32| from + hour * per_day / 24;
    let by_day = |hour: u32| hour % 24 >= 9 && hour % 24 < 18;
    for (expected, said) in [
        ("watched for 0 h, a forecast needs 72 h", said(0, steadily(9, 0))),
        ("watched for 3 h, a forecast needs 72 h", said(3, steadily(9, 0))),
        ("watched for 71 h, a forecast needs 72 h", said(71, steadily(9, 0))),
        // 147 + 9 × 6 = 201; 52 are left.
        ("+9 a day, end about 2026-12-03", said(6 * 24, steadily(9, 147))),
        ("+9 a day, end about 2026-12-03", said(14 * 24, steadily(9, 75))),
        ("no steady growth", said(72, steadily(1, 217))),
        ("+1 a day, end about 2026-12-30", said(4 * 24, steadily(1, 217))),
        ("+30 a day, end about 2026-12-02", said(72, steadily(30, 0))),
        // One in three days: seen when it is watched long enough.
        ("no steady growth", said(6 * 24, |hour| 200 + hour / 72)),
        ("+0.3 a day, no end within 90 days", said(14 * 24, |hour| 200 + hour / 72)),
        ("+0.3 a day, end about 2027-01-23", said(14 * 24, |hour| 230 + hour / 72)),
        ("no steady growth", said(14 * 24, |_| 250)),
        ("no steady growth", said(14 * 24, |hour| 250 - hour / 24)),
        ("no steady growth", said(14 * 24, |hour| if by_day(hour) { 240 } else { 90 })),
        // From the first evening on, so that by the clock alone there are more hours of day at the end.
        ("no steady growth", said(72 + 9, |hour| if by_day(hour + 18) { 240 } else { 90 })),
        // A job of two hours every night, and one that hangs for a day.
        ("no steady growth", said(14 * 24, |hour| if hour % 24 < 2 { 250 } else { 90 })),
        ("no steady growth", said(14 * 24, |hour| if hour / 24 == 12 { 250 } else { 90 })),
        // A stack of a hundred that came and stays, on any day; a server that was moved in on the first three.
        ("no steady growth", said(72, |hour| if hour < 24 { 100 } else { 200 })),
        ("no steady growth", said(72, |hour| if hour < 60 { 100 } else { 200 })),
        ("no steady growth", said(14 * 24, |hour| if hour < 7 * 24 { 100 } else { 200 })),
        ("no steady growth", said(14 * 24, |hour| (hour / 24).min(3) * 60)),
        // Previews that are tidied up on Sundays.
        ("no steady growth", said(14 * 24, |hour| 100 + hour % (7 * 24) / 2)),
        // Offices: the end is when the busy hours reach it, five days before the night would.
        ("+9 a day, end about 2026-11-28", said(6 * 24, |h| steadily(9, 147)(h) + u32::from(by_day(h)) * 45)),
    ] {
        assert_eq!(said, expected);
    }
}

#[test]
fn what_was_tidied_up_is_believed_after_a_day() {
    let tidied = |ago: u32| {
        said(14 * 24, move |hour| if hour < 14 * 24 - ago { 100 + hour / 3 } else { 20 + hour / 3 })
    };
    assert_eq!(tidied(2), "+8 a day, end about 2026-12-02");
    assert_eq!(tidied(24), "+8 a day, end about 2026-12-12");
    // It is no steady growth any more until that is forgotten.
    assert_eq!(tidied(60), "no steady growth");
}

#[test]
fn hours_that_nobody_saw_are_no_hours() {
    let seen: Vec<Hour> = hours(10 * 24, |hour| hour / 2)
        .into_iter()
        .filter(|hour| hour.number / 24 != 4 && hour.number % 5 != 0)
        .collect();
    let known = forecast(&seen, 253, now());
    assert_eq!(known.watched, 172);
    assert_eq!(known.words(now()), "+12 a day, end about 2026-12-08");
}

#[test]
fn an_end_that_went_by_is_now() {
    let known = forecast(&hours(96, |hour| 200 + hour / 2), 253, now());
    let later = now() + Duration::from_secs(9 * 86_400);
    assert_eq!(known.words(later), "+12 a day, end about 2026-12-06");
    assert_eq!(known.ends(later), Some(later));
    let full = forecast(&hours(96, |hour| 400 + hour / 2), 253, now());
    assert_eq!(full.ends(now()), Some(now()));
}

/// Where a day cannot be named, later than any.
fn ends(hours: &[Hour], capacity: u64) -> Duration {
    let ends = forecast(hours, capacity, now()).ends(now());
    ends.map_or(Duration::MAX, |ends| ends.duration_since(now()).expect("not in the past"))
}

/// What a server might show: something that grows, with something else on top.
fn lived() -> impl Strategy<Value = Vec<Hour>> {
    (vec(0_u32..40, 72..=LONGEST as usize), 0_u32..40).prop_map(|(noise, per_day)| {
        let of = |(number, noise): (u32, &u32)| Hour { number, least: noise + number * per_day / 24 };
        (0..).zip(&noise).map(of).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_larger_subnet_never_ends_earlier(hours in lived(), capacity in 0_u64..2000, more in 0_u64..2000) {
        prop_assert!(ends(&hours, capacity) <= ends(&hours, capacity + more));
    }

    /// By whole ones an hour, so that nothing is rounded.
    #[test]
    fn who_grows_faster_never_ends_later(hours in lived(), capacity in 0_u64..5000, faster in 0_u32..5) {
        let more: Vec<Hour> =
            hours.iter().map(|hour| Hour { least: hour.least + hour.number * faster, ..*hour }).collect();
        prop_assert!(ends(&more, capacity) <= ends(&hours, capacity));
    }

    /// Whatever stands in up to a fifth of the hours makes no growth of what does not grow.
    #[test]
    fn a_fifth_of_the_hours_may_be_anything(
        level in 0_u32..250,
        odd in vec((0..LONGEST, 0_u32..2000), 0..=(LONGEST / 5) as usize),
    ) {
        let mut hours = hours(LONGEST, |_| level);
        for (at, least) in odd {
            hours[at as usize].least = least;
        }
        prop_assert_eq!(forecast(&hours, 253, now()).trend, Trend::Still);
    }

    /// Clocks that jump, hours that stand twice, numbers of strangers.
    #[test]
    fn nothing_is_too_odd(
        hours in vec((any::<u32>(), any::<u32>()), 0..500),
        capacity in any::<u64>(),
        seconds in 0..u64::from(u32::MAX),
    ) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let hours: Vec<Hour> = hours.into_iter().map(|(number, least)| Hour { number, least }).collect();
        let known = forecast(&hours, capacity, now);
        prop_assert!(known.ends(now).is_none_or(|ends| ends >= now && ends <= now + FURTHEST));
        prop_assert!(!known.words(now).is_empty());
    }
}
