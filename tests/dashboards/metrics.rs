//! What is known of the metrics: the exporter's own table, and what Prometheus adds.

use std::collections::BTreeMap;

use destination_exporter::metrics::table::{self, Kind};

/// Every target's.
pub const TARGET: [&str; 2] = ["job", "instance"];

/// What Prometheus makes itself, with its labels.
const PROMETHEUS: &[(&str, &[&str])] = &[
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
    ("scrape_samples_post_metric_relabeling", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity", "destination"]),
];

/// What no panel shows, and why. `tests/dashboards.rs` holds that these are not shown and all others are.
pub const RAW: &[(&str, &str)] = &[
    ("destination_healthy", "for scripts and alerts: panels tell TICKET from PAGE, by destination_findings"),
    ("process_virtual_memory_bytes", "of address space nobody decides anything; resident memory is shown"),
];

/// A name as it stands in queries: the metric's name in the table, its type, its labels.
pub struct Known {
    pub family: &'static str,
    pub kind: Kind,
    pub labels: Vec<&'static str>,
}

pub fn known() -> BTreeMap<String, Known> {
    let mut all = BTreeMap::new();
    for row in table::ALL {
        let known = |more: &[&'static str]| Known {
            family: row.name,
            kind: row.kind,
            labels: [row.labels, more].concat(),
        };
        if row.kind == Kind::Histogram {
            all.insert(format!("{}_bucket", row.name), known(&["le"]));
            all.insert(format!("{}_sum", row.name), known(&[]));
            all.insert(format!("{}_count", row.name), known(&[]));
        } else {
            all.insert(row.name.to_owned(), known(&[]));
        }
    }
    for (name, labels) in PROMETHEUS {
        all.insert((*name).to_owned(), Known { family: name, kind: Kind::Gauge, labels: labels.to_vec() });
    }
    all
}
