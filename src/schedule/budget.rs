//! How many probes may start a second.

use std::time::Duration;

use super::Moment;

/// What is left less than this is a rounding error.
const EMPTY: f64 = 1e-6;

/// A bucket that holds a second's worth of probes and fills as time goes.
///
/// A visit starts whole, however large, while there is anything left; what it takes beyond that is a
/// debt that the next ones wait for. So no visit is too large ever to start, and over any time longer
/// than a visit's the rate holds.
#[derive(Clone, Debug)]
pub struct Budget {
    per_second: f64,
    /// Probes that may start now; below zero while in debt.
    left: f64,
    /// When `left` was right.
    at: Moment,
    /// When somebody was last refused.
    refused_at: Option<Moment>,
}

impl Budget {
    /// A full bucket.
    pub fn new(per_second: u32, now: Moment) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, left: per_second, at: now, refused_at: None }
    }

    /// Changes the rate; debts stay.
    pub fn set(&mut self, per_second: u32) {
        self.per_second = f64::from(per_second.max(1));
        self.left = self.left.min(self.per_second);
    }

    /// Whether something may start. A no is remembered: [`Budget::put_off`].
    pub(super) fn is_open(&mut self, now: Moment) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left = passed.mul_add(self.per_second, self.left).min(self.per_second);
        self.at = self.at.max(now);
        let open = self.left > EMPTY;
        if !open {
            self.refused_at = Some(now);
        }
        open
    }

    /// A visit of so many probes starts.
    pub(super) fn spend(&mut self, probes: usize) {
        self.left -= u32::try_from(probes.max(1)).map_or(f64::from(u32::MAX), f64::from);
    }

    /// True for what was due when somebody was refused.
    pub(super) fn put_off(&self, due: Moment) -> bool {
        self.refused_at.is_some_and(|at| due <= at)
    }

    /// When the next visit may start.
    pub fn opens_at(&self) -> Moment {
        if self.left > EMPTY {
            return self.at;
        }
        // A moment later: at the very one nothing is left yet.
        self.at + Duration::from_secs_f64(-self.left.min(0.0) / self.per_second) + Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_rate_holds_but_for_the_first_second_and_one_visit(
            rate in 1_u32..500,
            visits in proptest::collection::vec((0_u64..400, 1_usize..60), 1..200),
        ) {
            let mut budget = Budget::new(rate, Duration::ZERO);
            let (mut now, mut started, mut largest) = (Duration::ZERO, 0, 0);
            for (wait, probes) in visits {
                now += Duration::from_millis(wait);
                if budget.is_open(now) {
                    budget.spend(probes);
                    started += probes;
                    largest = largest.max(probes);
                } else {
                    prop_assert!(budget.opens_at() > now);
                }
            }
            let most = f64::from(rate) * (1.0 + now.as_secs_f64()) + largest as f64 + 1.0;
            prop_assert!(started as f64 <= most, "{started} of {most}");
        }

        #[test]
        fn who_waits_as_long_as_told_may_start(rate in 1_u32..500, probes in 1_usize..5000) {
            let mut budget = Budget::new(rate, Duration::ZERO);
            prop_assert!(budget.is_open(Duration::ZERO));
            budget.spend(probes);
            let at = budget.opens_at();
            prop_assert!(budget.is_open(at));
        }
    }
}
