//! What was seen, as plain values. Moments are seconds since 1970, as Prometheus has them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub length: Duration,
    pub scrapes: Scrapes,
    /// Judged before its containers are ended for the first time.
    pub anchor: Option<Anchor>,
    /// Moments at which a finding about the anchor was scraped, by its code and subject.
    pub findings: BTreeMap<String, Vec<f64>>,
    /// Samples that Prometheus did not take, by its own counters.
    pub refused: BTreeMap<String, f64>,
    pub read: Read,
    pub calms: Vec<Calm>,
    pub samples: Vec<Sample>,
    pub outages: Vec<Outage>,
    /// Deployments, by the way.
    pub churned: Vec<(&'static str, usize)>,
    /// What the exporter logged.
    pub log: String,
}

/// Every scrape that Prometheus made.
#[derive(Clone, Debug, Default)]
pub struct Scrapes {
    /// When, and whether it was good.
    pub at: Vec<(f64, bool)>,
    /// The slowest, in seconds.
    pub slowest: f64,
}

/// The series of the workload that nobody touched.
#[derive(Clone, Debug, Default)]
pub struct Anchor {
    /// Good scrapes while it was there.
    pub scrapes: usize,
    pub series: usize,
    /// Series that miss samples, and how many they have.
    pub incomplete: Vec<String>,
    pub counters: usize,
    /// Counters that went backwards.
    pub backwards: Vec<String>,
}

/// What the soak itself read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    pub pages: usize,
    pub reports: usize,
    /// Readers that went away in the middle of a page.
    pub broken_off: usize,
    pub slowest: Duration,
    /// Series that a page had twice.
    pub twice: Vec<String>,
    /// What was not answered as it should be.
    pub failed: Vec<String>,
}

/// A time in which nobody deployed.
#[derive(Clone, Debug, Default)]
pub struct Calm {
    pub from: f64,
    pub until: f64,
    /// Running containers on networks.
    pub population: usize,
    /// How long it took until what is told was what there is.
    pub agreed_after: Option<Duration>,
    /// What was told and is not there, or is there and was not told.
    pub differences: Vec<String>,
}

/// The exporter's process at one moment.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub at: f64,
    pub resident: u64,
    pub threads: u64,
    /// Open descriptors, by kind.
    pub descriptors: BTreeMap<String, u64>,
}

/// A time in which the Engine was not well.
#[derive(Clone, Debug, Default)]
pub struct Outage {
    pub how: &'static str,
    pub began: f64,
    /// When the Engine answered again.
    pub back: f64,
    /// How long after its beginning the exporter told it.
    pub told: Option<f64>,
    /// How long after the Engine was back the exporter said so for good.
    pub up: Option<Duration>,
    /// How long a container that was started then had run when the exporter showed it.
    pub seen: Option<Duration>,
}

impl Outage {
    /// Nothing for one that the exporter did not recover from.
    pub fn recovery(&self) -> Option<Duration> {
        Some(self.up?.max(self.seen?))
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |text: &str, s: Option<f64>| {
            s.map_or(format!("not {text}"), |s| format!("{text} after {s:.2} s"))
        };
        let [up, seen] = [self.up, self.seen].map(|time| time.map(|time| time.as_secs_f64()));
        write!(
            f,
            "{} for {:.1} s: {}; then {}, {}",
            self.how,
            self.back - self.began,
            seconds("told", self.told),
            seconds("well", up),
            seconds("a new container shown", seen)
        )
    }
}

impl Evidence {
    /// What has no bound, in a sentence.
    pub fn told(&self) -> String {
        let ways: Vec<String> = self.churned.iter().map(|(way, times)| format!("{way}: {times}")).collect();
        let all: usize = self.churned.iter().map(|(_, times)| times).sum();
        let mut outages: BTreeMap<&str, usize> = BTreeMap::new();
        for outage in &self.outages {
            *outages.entry(outage.how).or_default() += 1;
        }
        let kinds: Vec<String> = outages.iter().map(|(how, times)| format!("{how}: {times}")).collect();
        format!(
            "Meanwhile {all} deployments ({}) and {} outages of the Engine ({}).",
            ways.join("; "),
            self.outages.len(),
            kinds.join("; ")
        )
    }
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
