//! Moments of certificates: years 0 to 9999 (RFC 5280 section 4.1.2.5), before 1970 as well.

use std::fmt;
use std::time::{Duration, SystemTime};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Seconds since 1970-01-01T00:00:00Z, negative before; shown as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// The whole second in which this is.
    pub fn of(time: SystemTime) -> Self {
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self(seconds(after)),
            Err(before) => {
                let before = before.duration();
                let part = i64::from(before.subsec_nanos() > 0);
                Self(seconds(before).saturating_neg().saturating_sub(part))
            }
        }
    }

    /// The same, where the clock's type holds it.
    pub fn time(self) -> Option<SystemTime> {
        let span = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(span)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(span)
        }
    }

    /// Between two moments, in words, rounded down: `12 days`, `20 hours`, `3 minutes`.
    pub fn apart(self, other: Self) -> String {
        let seconds = self.0.abs_diff(other.0);
        let (count, unit) = match seconds {
            0..HOUR => (seconds / MINUTE, "minute"),
            HOUR..172_800 => (seconds / HOUR, "hour"),
            _ => (seconds / DAY, "day"),
        };
        format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = 86_400;
        let (year, month, date) = date(self.0.div_euclid(day));
        let second = self.0.rem_euclid(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of the month of a day counted from 1970-01-01, in the Gregorian calendar carried on to both
/// sides. Years begin in March here, so that the leap day is the last of its year.
const fn date(days: i64) -> (i64, i64, i64) {
    /// Days of 400 years, after which everything comes again.
    const ERA: i64 = 146_097;
    // From 0000-03-01.
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + turn, month, date)
}
