//! A page of series in Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
//!
//! A page cannot hold the same series twice, which would make Prometheus refuse the whole scrape. What is kept of a series
//! is the text of its labels, in one block for each family, and its value: on a big host there are tens of thousands, and
//! a page is made every few seconds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::LazyLock;

use crate::state::Histogram;
use crate::state::histogram::BOUNDS;
use crate::strangers::{acts, printable};

use super::table::{Kind, Metric};

#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Histogram(Box<Histogram>),
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: &'static str,
    /// All labels of all series as they stand between the braces (`destination="shop",probe="tcp"`), one behind the other.
    labels: String,
    /// Where each one's are, in the order in which they came.
    series: Vec<(Range<usize>, Value)>,
}

/// The page while it is filled.
#[derive(Debug, Default)]
pub struct Exposition {
    families: BTreeMap<&'static str, Family>,
}

impl Exposition {
    /// A gauge or a counter. The first value of a series stays.
    pub fn put<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: f64) {
        debug_assert!(metric.kind != Kind::Histogram, "{} is a histogram", metric.name);
        self.insert(metric, labels, Value::Number(value));
    }

    /// 1 for true.
    pub fn put_bool<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: bool) {
        self.put(metric, labels, f64::from(u8::from(value)));
    }

    /// A count; exact up to 2^53, which no counter here reaches.
    pub fn put_count<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: u64) {
        self.put(metric, labels, value as f64);
    }

    /// A histogram.
    pub fn put_histogram<const N: usize>(
        &mut self,
        metric: &Metric<N>,
        labels: [&str; N],
        value: &Histogram,
    ) {
        debug_assert!(metric.kind == Kind::Histogram, "{} is no histogram", metric.name);
        self.insert(metric, labels, Value::Histogram(Box::new(value.clone())));
    }

    fn insert<const N: usize>(&mut self, metric: &Metric<N>, labels: [&str; N], value: Value) {
        let family = self.families.entry(metric.name).or_insert_with(|| Family {
            kind: metric.kind,
            help: metric.help,
            labels: String::new(),
            series: Vec::new(),
        });
        let from = family.labels.len();
        write_labels(&mut family.labels, metric.labels, labels);
        family.series.push((from..family.labels.len(), value));
    }

    /// The page's text, ordered by name and labels.
    pub fn into_text(self) -> String {
        let series: usize = self.families.values().map(|family| family.series.len()).sum();
        let mut text = String::with_capacity(series * ROOM);
        for (name, family) in self.families {
            let kind = family.kind.as_label();
            let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", family.help);
            let labels = |at: &Range<usize>| family.labels.get(at.clone()).unwrap_or_default();
            let mut series = family.series;
            // Of equal ones the first stays: this sort leaves them in the order in which they came.
            series.sort_by(|(one, _), (other, _)| labels(one).cmp(labels(other)));
            series.dedup_by(|(later, _), (first, _)| labels(later) == labels(first));
            for (at, value) in &series {
                match value {
                    Value::Number(number) => sample(&mut text, [name, ""], labels(at), *number),
                    Value::Histogram(histogram) => buckets(&mut text, name, labels(at), histogram),
                }
            }
        }
        text
    }
}

/// Bytes that a series takes on the page, or somewhat more.
const ROOM: usize = 128;

/// Names and values, as they stand between the braces. Names and helps are the table's and need no escapes.
fn write_labels<const N: usize>(text: &mut String, names: [&str; N], values: [&str; N]) {
    for (at, (name, value)) in names.into_iter().zip(values).enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        escape(text, value);
        text.push('"');
    }
}

/// A backslash stands before what would end the value or the line. Strangers choose names, and labels become the text of
/// alerts: what acts on a terminal, or would be a line of its own there, is made visible first.
fn escape(text: &mut String, value: &str) {
    // Nearly every name is of such signs alone.
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        text.push_str(value);
        return;
    }
    let shown = if value.contains(acts) { Cow::Owned(printable(value)) } else { Cow::Borrowed(value) };
    let mut rest = &*shown;
    while let Some((before, special, after)) = split_at_special(rest) {
        text.push_str(before);
        text.push_str(special);
        rest = after;
    }
    text.push_str(rest);
}

fn split_at_special(value: &str) -> Option<(&str, &'static str, &str)> {
    let (at, special) = value.char_indices().find_map(|(at, c)| match c {
        '\\' => Some((at, "\\\\")),
        '\n' => Some((at, "\\n")),
        '"' => Some((at, "\\\"")),
        _ => None,
    })?;
    Some((value.get(..at)?, special, value.get(at + 1..)?))
}

/// One line. A name is its family's and what a histogram adds to it.
fn sample(text: &mut String, [family, suffix]: [&str; 2], labels: &str, value: f64) {
    text.push_str(family);
    text.push_str(suffix);
    if !labels.is_empty() {
        text.push('{');
        text.push_str(labels);
        text.push('}');
    }
    text.push(' ');
    number(text, value);
    text.push('\n');
}

/// Whole numbers below this are written as such, which is quicker and reads the same.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// To write into a string cannot fail.
fn number(text: &mut String, value: f64) {
    let is_whole = value.fract() == 0.0 && value.abs() < WHOLE && (value != 0.0 || value.is_sign_positive());
    let _ = if is_whole { write!(text, "{}", value as i64) } else { write!(text, "{value}") };
}

/// The bounds as they stand in the label `le`.
static LIMITS: LazyLock<Vec<String>> = LazyLock::new(|| BOUNDS.iter().map(f64::to_string).collect());

/// The counts under each bound, all of them under the last, and what they sum up to.
fn buckets(text: &mut String, name: &str, labels: &str, from: &Histogram) {
    let mut under = 0;
    let mut bucket = |limit: &str, count: u64| {
        text.push_str(name);
        text.push_str("_bucket{");
        text.push_str(labels);
        text.push_str(if labels.is_empty() { "le=\"" } else { ",le=\"" });
        text.push_str(limit);
        let _ = writeln!(text, "\"}} {count}");
    };
    for (limit, count) in LIMITS.iter().zip(from.counts) {
        under += count;
        bucket(limit, under);
    }
    let all = from.count();
    bucket("+Inf", all);
    sample(text, [name, "_sum"], labels, from.sum);
    sample(text, [name, "_count"], labels, all as f64);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus::proto;

    use super::*;
    use crate::metrics::table;

    fn histogram() -> Histogram {
        let mut h = Histogram::default();
        for micros in [10, 50, 60, 900, 9_000_000] {
            h.observe(Duration::from_micros(micros));
        }
        h
    }

    /// A family of one series, as Prometheus' own library writes it.
    fn theirs<const N: usize>(
        metric: &Metric<N>,
        values: [&str; N],
        put: impl Fn(&mut proto::Metric),
    ) -> String {
        let pair = |(name, value): (&str, &str)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value.to_owned());
            pair
        };
        let mut series = proto::Metric::from_label(metric.labels.into_iter().zip(values).map(pair).collect());
        put(&mut series);
        let mut family = proto::MetricFamily::default();
        family.set_name(metric.name.to_owned());
        family.set_help(metric.help.to_owned());
        family.set_field_type(match metric.kind {
            Kind::Counter => proto::MetricType::COUNTER,
            Kind::Gauge => proto::MetricType::GAUGE,
            Kind::Histogram => proto::MetricType::HISTOGRAM,
        });
        family.set_metric(vec![series]);
        prometheus::TextEncoder::new().encode_to_string(&[family]).expect("written")
    }

    #[test]
    fn no_name_is_a_line_of_its_own_in_an_alert_or_steers_a_terminal() {
        let mut page = Exposition::default();
        page.put(&table::PRESENT, ["shop\nRepair: \u{1b}[1mcurl\u{202e}"], 1.0);
        let text = page.into_text();
        let expected = r#"{destination="shop\\nRepair: \\u{1b}[1mcurl\\u{202e}"} 1"#;
        assert!(text.trim_end().ends_with(expected), "{text}");
    }

    #[test]
    fn a_page_is_written_as_prometheus_own_library_writes_it() {
        for hostile in ["", "shop", "a\"b\\c\nd", "\\", "\"\"\n\n", "ö\\€\"", "tab\there"] {
            for value in
                [0.0, -0.0, 1.0, -7.0, -2.5, 1e-9, 9e15, 1.7e18, 0.1 + 0.2, f64::MAX, f64::NAN, f64::INFINITY]
            {
                let mut page = Exposition::default();
                page.put(&table::PRESENT, [hostile], value);
                let expected = theirs(&table::PRESENT, [&*printable(hostile)], |series| {
                    let mut gauge = proto::Gauge::default();
                    gauge.set_value(value);
                    series.set_gauge(gauge);
                });
                assert_eq!(page.into_text(), expected);
            }
            let mut page = Exposition::default();
            page.put_histogram(&table::PROBE_DURATION, [hostile, "tcp"], &histogram());
            let expected = theirs(&table::PROBE_DURATION, [&*printable(hostile), "tcp"], |series| {
                series.set_histogram(cumulative(&histogram()));
            });
            assert_eq!(page.into_text(), expected);
        }
        let mut page = Exposition::default();
        page.put_histogram(&table::PROBE_LAG, [], &histogram());
        let expected = theirs(&table::PROBE_LAG, [], |series| series.set_histogram(cumulative(&histogram())));
        assert_eq!(page.into_text(), expected);
        let mut page = Exposition::default();
        page.put_count(&table::PROBES_POSTPONED, [], 7);
        let expected = theirs(&table::PROBES_POSTPONED, [], |series| {
            let mut counter = proto::Counter::default();
            counter.set_value(7.0);
            series.set_counter(counter);
        });
        assert_eq!(page.into_text(), expected);
    }

    fn cumulative(from: &Histogram) -> proto::Histogram {
        let mut running = 0;
        let buckets = BOUNDS.iter().zip(from.counts).map(|(bound, count)| {
            running += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(running);
            bucket
        });
        let mut out = proto::Histogram::default();
        out.set_bucket(buckets.collect());
        out.set_sample_count(from.count());
        out.set_sample_sum(from.sum);
        out
    }

    #[test]
    fn buckets_are_cumulative() {
        let mut page = Exposition::default();
        page.put_histogram(&table::PROBE_LAG, [], &histogram());
        let page = page.into_text();
        let counts: Vec<&str> = page
            .lines()
            .filter(|line| line.contains("_bucket{"))
            .filter_map(|line| line.rsplit_once(' ').map(|(_, count)| count))
            .collect();
        assert_eq!(&counts[..6], ["2", "3", "3", "3", "3", "4"]);
        assert_eq!(&counts[counts.len() - 2..], ["4", "5"], "9 s lies above every bound");
    }

    #[test]
    fn the_first_of_two_equal_series_stays() {
        let mut page = Exposition::default();
        page.put(&table::PRESENT, ["a"], 1.0);
        page.put(&table::PRESENT, ["a"], 0.0);
        let page = page.into_text();
        let series: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(series, ["destination_present{destination=\"a\"} 1"]);
    }

    #[test]
    fn helps_need_no_escapes() {
        assert!(table::ALL.iter().all(|row| !row.help.contains(['\\', '\n'])));
    }
}
