//! A histogram of durations with fixed bounds.

use std::time::Duration;

/// Upper bounds in seconds, from 50 µs: what a LAN needs. Doubling, then the timeouts.
pub const BOUNDS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_6, 0.003_2, 0.006_4, 0.012_8, 0.025_6, 0.051_2, 0.1,
    0.25, 1.0, 2.5, 5.0,
];

/// Counts per bound (not cumulative), the last one is above all bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// `counts[i]`: observations at or under `BOUNDS[i]` and above the bound before.
    pub counts: [u64; BOUNDS.len() + 1],
    /// Sum of all observations, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// Takes one observation.
    pub fn observe(&mut self, value: Duration) {
        let seconds = value.as_secs_f64();
        let slot = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.counts[slot] += 1;
        self.sum += seconds;
    }

    /// How many observations there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}
