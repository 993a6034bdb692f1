//! A page of series, from which Prometheus' own types are made.
//!
//! Series are kept by name and label values: a page cannot hold the same series twice, which would
//! make Prometheus refuse the whole scrape.

use std::collections::BTreeMap;

use prometheus::proto;

use crate::state::Histogram;
use crate::state::histogram::BOUNDS;

use super::table::{Kind, Metric};

/// One value.
#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Histogram(Histogram),
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: &'static str,
    labels: Vec<&'static str>,
    series: BTreeMap<Vec<String>, Value>,
}

/// The series of one scrape.
#[derive(Debug, Default)]
pub struct Exposition {
    families: BTreeMap<&'static str, Family>,
}

impl Exposition {
    /// Adds one sample. Where the series is there already, the first one stays.
    pub fn put<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: f64) {
        debug_assert!(metric.kind != Kind::Histogram, "{} is a histogram", metric.name);
        self.insert(metric, labels, Value::Number(value));
    }

    /// Adds one truth, as 1 or 0.
    pub fn put_bool<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: bool) {
        self.put(metric, labels, f64::from(u8::from(value)));
    }

    /// Adds one count. Above 2^53 Prometheus' own numbers round, and so does this.
    pub fn put_count<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: u64) {
        self.put(metric, labels, value as f64);
    }

    /// Adds one histogram.
    pub fn put_histogram<const N: usize>(
        &mut self,
        metric: &Metric<N>,
        labels: [&str; N],
        value: &Histogram,
    ) {
        debug_assert!(metric.kind == Kind::Histogram, "{} is no histogram", metric.name);
        self.insert(metric, labels, Value::Histogram(value.clone()));
    }

    fn insert<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: Value) {
        let family = self.families.entry(metric.name).or_insert_with(|| Family {
            kind: metric.kind,
            help: metric.help,
            labels: metric.labels.to_vec(),
            series: BTreeMap::new(),
        });
        family.series.entry(labels.map(str::to_owned).to_vec()).or_insert(value);
    }

    /// Prometheus' own types, by name. Families without a series are not there.
    pub fn into_families(self) -> Vec<proto::MetricFamily> {
        self.families.into_iter().map(|(name, family)| family.into_proto(name)).collect()
    }
}

impl Family {
    fn into_proto(self, name: &str) -> proto::MetricFamily {
        let mut out = proto::MetricFamily::default();
        out.set_name(name.to_owned());
        out.set_help(self.help.to_owned());
        out.set_field_type(match self.kind {
            Kind::Counter => proto::MetricType::COUNTER,
            Kind::Gauge => proto::MetricType::GAUGE,
            Kind::Histogram => proto::MetricType::HISTOGRAM,
        });
        let mut metrics = Vec::with_capacity(self.series.len());
        for (values, value) in self.series {
            let mut metric = proto::Metric::from_label(pairs(&self.labels, values));
            match value {
                Value::Histogram(h) => metric.set_histogram(cumulative(&h)),
                Value::Number(n) if self.kind == Kind::Counter => {
                    let mut counter = proto::Counter::default();
                    counter.set_value(n);
                    metric.set_counter(counter);
                }
                Value::Number(n) => {
                    let mut gauge = proto::Gauge::default();
                    gauge.set_value(n);
                    metric.set_gauge(gauge);
                }
            }
            metrics.push(metric);
        }
        out.set_metric(metrics);
        out
    }
}

fn pairs(names: &[&'static str], values: Vec<String>) -> Vec<proto::LabelPair> {
    names
        .iter()
        .zip(values)
        .map(|(name, value)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value);
            pair
        })
        .collect()
}

/// Prometheus counts everything at or under a bound; `state` counts what lies between two.
fn cumulative(from: &Histogram) -> proto::Histogram {
    let mut running = 0;
    let buckets = BOUNDS
        .iter()
        .zip(from.counts)
        .map(|(bound, count)| {
            running += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(running);
            bucket
        })
        .collect();
    let mut out = proto::Histogram::default();
    out.set_bucket(buckets);
    out.set_sample_count(from.count());
    out.set_sample_sum(from.sum);
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::table;

    #[test]
    fn buckets_are_cumulative() {
        let mut h = Histogram::default();
        for micros in [10, 50, 60, 900, 9_000_000] {
            h.observe(Duration::from_micros(micros));
        }
        let out = cumulative(&h);
        let counts: Vec<u64> = out.get_bucket().iter().map(proto::Bucket::cumulative_count).collect();
        assert_eq!(&counts[..6], [2, 3, 3, 3, 3, 4]);
        assert_eq!(counts.last(), Some(&4), "9 s lies above every bound");
        assert_eq!(out.get_sample_count(), 5);
    }

    #[test]
    fn the_first_of_two_equal_series_stays() {
        let mut page = Exposition::default();
        page.put(&table::PRESENT, ["a"], 1.0);
        page.put(&table::PRESENT, ["a"], 0.0);
        let families = page.into_families();
        assert_eq!(families.len(), 1);
        assert_eq!(families[0].get_metric().len(), 1);
        assert!((families[0].get_metric()[0].get_gauge().get_value() - 1.0).abs() < f64::EPSILON);
    }
}
