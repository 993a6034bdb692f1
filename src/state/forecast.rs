//! When what is taken a little at a time is all taken: from a count an hour to a growth a day, and to the day of the end.
//!
//! What counts goes up and down all the time: a rolling deploy doubles the containers for a minute, a job of the night takes
//! some for two hours, previews come by day and go in the evening, and somebody deploys a stack of ten and then nothing
//! for months. None of that is growth. So:
//!
//! - an hour is told by the *fewest* that were taken in it: what was there for a part of it leaves no trace;
//! - growth is the median of the slopes between any two hours *of one time of the day* (Sen's estimate by seasons: P. K. Sen,
//!   "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1968; R. M. Hirsch, J. R. Slack, R. A. Smith,
//!   "Techniques of trend analysis for monthly water quality data", Water Resources Research 18, 1982). Day and night are never
//!   set against each other, and up to 29 in 100 hours may be anything;
//! - it counts where of these pairs many more rise than fall ([`RISING`], Kendall's tau). One step up, however high, is two
//!   thirds at the most; a saw that is cut back every week is less than half;
//! - the end is reckoned from the busiest hours of the last day, one in ten left out: addresses are used up in the
//!   busiest hour and not in the middle one, and what was tidied up is believed after a day.
//!
//! The straight line is carried on for [`FURTHEST`] and no further: whoever knows two weeks does not know the next year.

use std::time::{Duration, SystemTime};

use crate::certificate::Moment;

/// Hours of a day, and so between two of one time of the day.
const DAY: u32 = 24;
/// So much is looked back at; what is older tells of another time.
pub const LONGEST: u32 = 14 * DAY;
/// Hours that have to be known before anything is said: three of each time of the day.
pub const NEEDED: u32 = 3 * DAY;
/// Of one time of the day: two always make a line.
const LEAST_OF_ONE_TIME: usize = 3;
/// Of all pairs, so many more have to rise than fall. Above two thirds, which one step can reach.
const RISING: f64 = 0.7;
/// What the growth has to come to within the time watched: two are a deployment.
const LEAST_RISE: f64 = 3.0;
/// An end that is further away is none.
pub const FURTHEST: Duration = Duration::from_secs(90 * 86_400);

/// One hour that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Counted from any hour, by a clock that only grows.
    pub number: u32,
    /// The fewest that were taken in it.
    pub least: u32,
}

/// What is known of the days to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// How many hours are known.
    pub watched: u32,
    /// What they tell.
    pub trend: Trend,
}

/// What the hours tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trend {
    /// Nothing yet: fewer than [`NEEDED`] are known.
    Unknown,
    /// It does not grow, or not steadily.
    Still,
    /// It grows.
    Grows {
        /// By so many a day.
        per_day: f64,
        /// When all is taken; `None` where that is further away than [`FURTHEST`].
        ends: Option<SystemTime>,
    },
}

/// Of the hours up to `now`, oldest first, and of how much there is.
pub fn forecast(hours: &[Hour], capacity: u64, now: SystemTime) -> Forecast {
    let watched = u32::try_from(hours.len()).unwrap_or(u32::MAX);
    let trend = if watched < NEEDED { Trend::Unknown } else { trend(hours, capacity, now) };
    Forecast { watched, trend }
}

impl Forecast {
    /// In a few words, to stand behind how much is taken: `+9 a day, end about 2026-12-03`. An end that came and went
    /// is now.
    pub fn words(&self, now: SystemTime) -> String {
        match self.trend {
            Trend::Unknown => format!("watched for {} h, a forecast needs {NEEDED} h", self.watched),
            Trend::Still => "no steady growth".to_owned(),
            Trend::Grows { per_day, ends } => {
                // Of many a day nobody asks for the tenth.
                let digits = usize::from(per_day < 9.95);
                let rounded = format!("{per_day:.digits$}");
                let per_day = rounded.trim_end_matches(".0");
                let end = ends.map_or_else(
                    || format!("no end within {} days", FURTHEST.as_secs() / 86_400),
                    |ends| format!("end about {}", date(ends.max(now))),
                );
                format!("+{per_day} a day, {end}")
            }
        }
    }

    /// When all is taken, where a day can be named; not before `now`.
    pub fn ends(&self, now: SystemTime) -> Option<SystemTime> {
        match self.trend {
            Trend::Grows { ends, .. } => ends.map(|ends| ends.max(now)),
            Trend::Unknown | Trend::Still => None,
        }
    }
}

/// The day alone.
fn date(at: SystemTime) -> String {
    let mut text = Moment::of(at).to_string();
    text.truncate(text.find('T').unwrap_or(text.len()));
    text
}

fn trend(hours: &[Hour], capacity: u64, now: SystemTime) -> Trend {
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Trend::Still };
    let Some(per_day) = growth(hours) else { return Trend::Still };
    if per_day * days(first, last) < LEAST_RISE {
        return Trend::Still;
    }
    let of_late = hours.iter().filter(|hour| last.number.saturating_sub(hour.number) < DAY);
    let taken = busiest(of_late.map(|hour| hour.least).collect());
    let left = (capacity as f64 - f64::from(taken)).max(0.0) / per_day * 86_400.0;
    let left = Duration::try_from_secs_f64(left).ok().filter(|left| *left <= FURTHEST);
    Trend::Grows { per_day, ends: left.and_then(|left| now.checked_add(left)) }
}

/// The median slope, by day; `None` where too few pairs rise for it to be a growth.
fn growth(hours: &[Hour]) -> Option<f64> {
    let mut by_time: [Vec<&Hour>; DAY as usize] = Default::default();
    for hour in hours {
        by_time[(hour.number % DAY) as usize].push(hour);
    }
    let mut slopes = Vec::new();
    for of_one_time in by_time.iter().filter(|all| all.len() >= LEAST_OF_ONE_TIME) {
        for (n, earlier) in of_one_time.iter().enumerate() {
            let later = of_one_time.iter().skip(n + 1).filter(|later| later.number > earlier.number);
            slopes.extend(
                later.map(|later| (f64::from(later.least) - f64::from(earlier.least)) / days(earlier, later)),
            );
        }
    }
    let net: f64 = slopes.iter().map(|slope| if *slope == 0.0 { 0.0 } else { slope.signum() }).sum();
    (net >= RISING * slopes.len() as f64).then(|| median(&mut slopes)).flatten()
}

/// Between two hours.
fn days(from: &Hour, to: &Hour) -> f64 {
    (f64::from(to.number) - f64::from(from.number)) / f64::from(DAY)
}

/// Of two in the middle, the lower.
fn median(all: &mut [f64]) -> Option<f64> {
    let middle = all.len().checked_sub(1)? / 2;
    Some(*all.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// The highest of nine in ten.
fn busiest(mut levels: Vec<u32>) -> u32 {
    levels.sort_unstable();
    let spared = levels.len() / 10;
    levels.iter().rev().nth(spared).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
