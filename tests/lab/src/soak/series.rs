//! What Prometheus has of the exporter, over the whole time.

use std::collections::BTreeMap;

use crate::{Error, Result};

use super::evidence::{Anchor, Scrapes, now};
use super::prometheus::{Prometheus, Series};
use super::town::ANCHOR;

/// Families that are there only while they have something to say: an outcome is absent while it is unknown, and so is how
/// wide a way is; the Engine's absence makes names unknown. And what got through to other destinations, which come and go
/// here: to a new one nothing was tried yet.
const COME_AND_GO: [&str; 5] = [
    "destination_probe_success",
    "destination_path_mtu_bytes",
    "destination_finding",
    "destination_isolation_leaks",
    "destination_isolation_leaking_peers",
];
/// A reason's series begins with the first failure, and the time of the last run with the first one: pairs of
/// destinations are tried once a minute.
const BEGINS_LATER: [&str; 2] =
    ["destination_probe_failures_total", "destination_probe_last_run_timestamp_seconds"];

/// Every scrape since `from`.
pub fn scrapes(prometheus: &Prometheus, from: f64) -> Result<Scrapes> {
    let range = Range::until_now(from);
    let mut at = Vec::new();
    for series in prometheus.query_at(&range.of("up"), range.end)? {
        at.extend(series.samples.into_iter().map(|(at, up)| (at, up == 1.0)));
    }
    let slowest = format!("max_over_time({})", range.of("scrape_duration_seconds"));
    let slowest = prometheus.query_at(&slowest, range.end)?;
    let slowest = slowest.first().and_then(|series| series.samples.first()).map_or(f64::NAN, |(_, s)| *s);
    Ok(Scrapes { at, slowest })
}

/// Moments at which there was a finding that nobody but the Engine's absence can account for.
pub fn findings(prometheus: &Prometheus, from: f64) -> Result<BTreeMap<String, Vec<f64>>> {
    let range = Range::until_now(from);
    let about = format!("destination_finding{{severity=~\"page|ticket\",destination=~\"{ANCHOR}|\"}}");
    let mut findings: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for Series { labels, samples } in prometheus.query_at(&range.of(&about), range.end)? {
        let label = |name: &str| labels.get(name).map_or("", String::as_str);
        let name = format!("{} {}", label("code"), label("subject"));
        findings.entry(name).or_default().extend(samples.into_iter().map(|(at, _)| at));
    }
    Ok(findings)
}

/// The anchor's series since `from`: whether each has a sample of every scrape, and no counter fell.
pub fn anchor(prometheus: &Prometheus, from: f64) -> Result<Anchor> {
    let range = Range::until_now(from);
    let up = prometheus.query_at(&range.of("up"), range.end)?;
    let mut scrapes: Vec<f64> =
        up.into_iter().flat_map(|s| s.samples).filter(|(_, up)| *up == 1.0).map(|(at, _)| at).collect();
    scrapes.sort_by(f64::total_cmp);
    let mut anchor = Anchor { scrapes: scrapes.len(), ..Anchor::default() };
    for name in families(prometheus)? {
        for about in
            [format!("destination=\"{ANCHOR}\""), format!("destination=\"\",container=~\"{ANCHOR}-.*\"")]
        {
            let selected = format!("{name}{{{about}}}");
            if COME_AND_GO.contains(&name.as_str()) {
                continue;
            }
            for series in prometheus.query_at(&range.of(&selected), range.end)? {
                anchor.series += 1;
                let may_begin_later = BEGINS_LATER.contains(&name.as_str());
                if let Some(missing) = missing(&series, &scrapes, may_begin_later) {
                    anchor.incomplete.push(format!("{:?}: {missing}", series.labels));
                }
                if is_counter(&name) {
                    anchor.counters += 1;
                    let falls = series.samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).count();
                    if falls > 0 {
                        anchor.backwards.push(format!("{:?}: {falls} times", series.labels));
                    }
                }
            }
        }
    }
    if anchor.counters == 0 {
        return Err(Error::new("Prometheus has no counters of the anchor"));
    }
    Ok(anchor)
}

/// How a series misses samples of these scrapes.
fn missing(series: &Series, scrapes: &[f64], may_begin_later: bool) -> Option<String> {
    let first = series.samples.first().map_or(f64::INFINITY, |(at, _)| *at);
    let wanted = scrapes.iter().filter(|at| !may_begin_later || **at >= first);
    let mut has = series.samples.iter().map(|(at, _)| *at).peekable();
    let mut missing = Vec::new();
    for at in wanted {
        while has.next_if(|has| *has < *at).is_some() {}
        if has.peek() != Some(at) {
            missing.push(*at);
        }
    }
    let first = missing.first()?;
    Some(format!("{} samples are missing, the first at {first:.1}", missing.len()))
}

fn is_counter(name: &str) -> bool {
    ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end))
}

/// Names of all families that there are.
fn families(prometheus: &Prometheus) -> Result<Vec<String>> {
    let families = prometheus.query("count by (__name__) ({job=\"soak\",__name__=~\"destination_.+\"})")?;
    Ok(families.into_iter().filter_map(|mut series| series.labels.remove("__name__")).collect())
}

/// A span of time, as a query names it.
#[derive(Clone, Copy)]
struct Range {
    milliseconds: f64,
    end: f64,
}

impl Range {
    /// The scrape that is under way is left out.
    fn until_now(from: f64) -> Self {
        let end = now() - 2.0;
        Self { milliseconds: ((end - from) * 1000.0).max(1.0).floor(), end }
    }

    fn of(&self, selected: &str) -> String {
        format!("{selected}[{:.0}ms]", self.milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(at: &[f64]) -> Series {
        Series { labels: BTreeMap::new(), samples: at.iter().map(|at| (*at, 1.0)).collect() }
    }

    #[test]
    fn a_sample_of_every_scrape_is_wanted() {
        let scrapes = [1.0, 2.0, 3.0];
        assert_eq!(missing(&series(&[1.0, 2.0, 3.0]), &scrapes, false), None);
        for hole in [&[2.0, 3.0][..], &[1.0, 3.0], &[1.0, 2.0], &[]] {
            assert!(missing(&series(hole), &scrapes, false).is_some(), "{hole:?}");
        }
    }

    #[test]
    fn what_begins_later_misses_nothing_before() {
        let scrapes = [1.0, 2.0, 3.0];
        assert_eq!(missing(&series(&[2.0, 3.0]), &scrapes, true), None);
        assert!(missing(&series(&[2.0]), &scrapes, true).is_some());
    }
}
