//! Queries: that they are PromQL, of metrics and labels that there are, with the reader's choice.

use std::collections::{BTreeMap, BTreeSet};

use destination_exporter::diagnosis::{Code, Severity};
use destination_exporter::metrics::table::Kind;
use destination_exporter::outcome::ProbeKind;

use crate::metrics::{Known, TARGET, known};
use crate::model::{Dashboard, Query};
use crate::promql::{RATE_INTERVAL, Reading, Selector, read};

use super::Said;

/// Takes a counter for what it is.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];

pub fn lint(dashboard: &Dashboard, said: &mut Said) {
    let known = known();
    for query in dashboard.queries() {
        let at = &*query.at;
        if let Some(legend) = &query.legend {
            said.unless(!legend.is_empty(), at, "legend", "a series without a name");
            said.unless(legend.matches("{{").count() == legend.matches("}}").count(), at, "legend", legend);
        }
        said.unless(
            query.is_graph != query.is_instant || query.legend.is_none(),
            at,
            "instant",
            "a graph is over time, a figure is now",
        );
        match read(&query.expr) {
            Err(error) => said.unless(false, at, "promql", format!("{error}: {}", query.expr)),
            Ok(reading) => {
                said.unless(!reading.selectors.is_empty(), at, "promql", "asks for nothing");
                reading.selectors.iter().for_each(|selector| one(selector, at, &known, said));
                labels(&query, &reading, &known, said);
            }
        }
    }
}

fn one(selector: &Selector, at: &str, known: &BTreeMap<String, Known>, said: &mut Said) {
    let mut must = |holds: bool, rule: &str, what: String| said.unless(holds, at, rule, what);
    for label in TARGET {
        must(selector.follows(label, &format!("${label}")), "choice", format!("regardless of {label}"));
    }
    let Some(name) = &selector.name else {
        // Of all families at once: by the prefix that they share.
        let prefix = selector.matchers.iter().any(|m| m.name == "__name__" && m.value == "destination_.+");
        must(prefix, "metric", "of no metric".into());
        return;
    };
    let Some(metric) = known.get(name) else {
        must(false, "metric", format!("there is no {name}"));
        return;
    };
    let has = |label: &str| metric.labels.contains(&label) || TARGET.contains(&label);
    for matcher in &selector.matchers {
        must(has(&matcher.name), "label", format!("{name} has no {}", matcher.name));
    }
    if metric.labels.contains(&"destination") {
        let follows = ["$destination", "$destination|"].iter().any(|v| selector.follows("destination", v));
        must(follows, "choice", format!("{name} regardless of destination"));
    }
    let counts = metric.kind == Kind::Counter || name.ends_with("_bucket");
    let in_rate = selector.function.is_some_and(|function| OF_COUNTERS.contains(&function));
    must(!counts || in_rate, "counter", format!("{name} as it stands"));
    must(counts || !in_rate, "counter", format!("{name} is none"));
    if matches!(selector.function, Some("rate" | "irate")) {
        must(selector.range == Some(RATE_INTERVAL), "rate", format!("{name}: not over $__rate_interval"));
    }
    let closed: [(&str, Vec<&str>); 4] = [
        (
            "severity",
            if name == "ALERTS" { vec!["none"] } else { Severity::ALL.map(Severity::as_label).to_vec() },
        ),
        ("probe", ProbeKind::ALL.map(ProbeKind::as_label).to_vec()),
        ("scheme", vec!["http", "https"]),
        ("family", vec!["ipv4", "ipv6"]),
    ];
    for (label, words) in &closed {
        for listed in selector.listed(label) {
            must(words.contains(&&*listed), "value", format!("no {label} is {listed}"));
        }
    }
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name == "code") {
        codes(&matcher.value, &mut must);
    }
}

/// `code` or `(area|area)-.+`: each of them there is.
fn codes(pattern: &str, must: &mut impl FnMut(bool, &str, String)) {
    let all: Vec<&str> = Code::ALL.iter().map(|code| code.as_label()).collect();
    let areas = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(")-.+"));
    for area in areas.into_iter().flat_map(|areas| areas.split('|')) {
        let there_is = all.iter().any(|code| code.starts_with(&format!("{area}-")));
        must(there_is, "value", format!("no code begins with {area}"));
    }
    must(areas.is_some() || all.contains(&pattern), "value", format!("no code is {pattern}"));
}

/// Whatever it groups by, matches by or names in a legend is a label of one of its metrics.
fn labels(query: &Query, reading: &Reading, known: &BTreeMap<String, Known>, said: &mut Said) {
    let metrics = reading.selectors.iter().filter_map(|selector| known.get(selector.name.as_deref()?));
    let mut there: BTreeSet<&str> = metrics.flat_map(|metric| metric.labels.iter().copied()).collect();
    there.extend(TARGET);
    there.insert("__name__");
    there.extend(reading.made.iter().map(String::as_str));
    for label in &reading.used {
        said.unless(there.contains(&**label), &query.at, "label", format!("none of its metrics has {label}"));
    }
    for label in named(query.legend.as_deref().unwrap_or_default()) {
        said.unless(there.contains(&*label), &query.at, "legend", format!("none of its metrics has {label}"));
    }
}

/// The labels in a legend's braces.
pub fn named(legend: &str) -> Vec<String> {
    let inside = legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
    inside.map(|(label, _)| label.trim().to_owned()).collect()
}
