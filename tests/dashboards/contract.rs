//! What every panel asks, a real Prometheus answers, of a real exporter, in at least one of the things that happen; with the
//! labels, columns and values that the panel counts on.

use std::collections::{BTreeMap, BTreeSet};

use destination_exporter::metrics::table;
use lab::Result;
use lab::soak::Series;
use serde_json::Value;

use crate::metrics::{RAW, known};
use crate::model::{Dashboard, list, text};
use crate::promql::{RATE_INTERVAL, read, sent};
use crate::rules::named;
use crate::seen::Seen;

/// What no lab shows, and why; the family must not be there.
const NOT_HERE: &[(&str, &str, &str)] = &[
    (
        "traffic: Neighbours the kernel remembers A",
        "destination_host_neighbours_limit",
        "the kernel gives its limits to the machine's own network namespace alone",
    ),
    (
        "traffic: Until addresses end A",
        "destination_addresses_exhaustion_timestamp_seconds",
        "three days are watched before a day is named; tests/metrics.rs has the series",
    ),
    ("traffic: Until addresses end B", "destination_address_pools_exhaustion_timestamp_seconds", "likewise"),
];

/// What of each panel is not as it counts on.
pub struct Contract<'a> {
    seen: &'a Seen,
    page: String,
    wrong: Vec<String>,
}

/// Everything is chosen.
fn asked(expr: &str) -> String {
    asked_of(expr, ".+")
}

/// Everything of these exporters.
pub fn asked_of(expr: &str, instances: &str) -> String {
    let all = ["$job", "$destination", "$domain"];
    let expr = expr.replace("$instance", instances);
    let expr = all.iter().fold(expr, |expr, variable| expr.replace(variable, ".+"));
    // As long as Grafana would make it of the scrape interval here, and then some.
    sent(&expr).replace(&format!("{}s", RATE_INTERVAL.as_secs()), "15s")
}

impl<'a> Contract<'a> {
    /// What was seen, and the page of metrics at the end.
    pub fn of(seen: &'a Seen, page: String) -> Self {
        Self { seen, page, wrong: Vec::new() }
    }

    /// Everything that does not hold.
    pub fn broken(self) -> Vec<String> {
        self.wrong
    }

    /// Panels, and what is chosen by.
    pub fn boards<'b>(&mut self, dashboards: impl IntoIterator<Item = &'b Dashboard>) -> Result<()> {
        for dashboard in dashboards {
            for panel in dashboard.panels() {
                self.panel(dashboard, panel)?;
            }
            for (name, selector, label) in dashboard.choices() {
                let at = format!("{}: variable {name}", dashboard.name);
                let shown = self.shown(&selector, true)?;
                self.has(&shown, [&*label].into_iter(), &at);
            }
        }
        Ok(())
    }

    /// Annotations.
    pub fn annotations(&mut self, dashboards: &[Dashboard]) -> Result<()> {
        for dashboard in dashboards {
            for one in list(&dashboard.json, "/annotations/list") {
                let at = format!("{}: annotation {}", dashboard.name, text(one, "/name"));
                let shown = self.shown(text(one, "/expr"), false)?;
                self.must(!shown.is_empty(), &at, "is empty, whatever happens");
                let names = ["/titleFormat", "/textFormat"].map(|path| named(text(one, path)));
                self.has(&shown, names.iter().flatten().map(String::as_str), &at);
            }
        }
        Ok(())
    }

    fn must(&mut self, holds: bool, at: &str, what: &str) {
        if !holds {
            self.wrong.push(format!("{at}: {what}"));
        }
    }

    /// Everything that is shown at any time.
    fn shown(&self, expr: &str, is_instant: bool) -> Result<Vec<Series>> {
        let expr = asked(expr);
        if !is_instant {
            return self.seen.over_all(&expr);
        }
        let mut all = Vec::new();
        for moment in &self.seen.moments {
            all.extend(self.seen.at(&expr, moment)?);
        }
        Ok(all)
    }

    /// Each of these labels is there, with something in it.
    fn has<'b>(&mut self, shown: &[Series], labels: impl Iterator<Item = &'b str>, at: &str) {
        for label in labels {
            let there = shown.iter().any(|one| one.labels.get(label).is_some_and(|value| !value.is_empty()));
            self.must(there, at, &format!("no series has {label}"));
        }
    }

    fn panel(&mut self, dashboard: &Dashboard, panel: &Value) -> Result<()> {
        let at = format!("{}: {}", dashboard.name, text(panel, "/title"));
        let targets: Vec<&Value> = list(panel, "/targets").collect();
        let mut labels: BTreeSet<String> = BTreeSet::new();
        let mut columns: BTreeSet<String> = BTreeSet::from(["Time".to_owned()]);
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for target in &targets {
            let at = format!("{at} {}", text(target, "/refId"));
            let shown = self.shown(text(target, "/expr"), target["instant"] == true)?;
            if let Some((_, family, _)) = NOT_HERE.iter().find(|(of, ..)| *of == at) {
                self.must(shown.is_empty() && !self.page.contains(family), &at, "can be shown here");
                continue;
            }
            self.must(!shown.is_empty(), &at, "is empty, whatever happens");
            self.has(&shown, named(text(target, "/legendFormat")).iter().map(String::as_str), &at);
            let value =
                if targets.len() > 1 { format!("Value #{}", text(target, "/refId")) } else { "Value".into() };
            for series in &shown {
                labels.extend(series.labels.keys().cloned());
                let own = series.samples.iter().map(|(_, value)| value.to_string());
                values.entry(value.clone()).or_default().extend(own);
                for (label, word) in &series.labels {
                    values.entry(label.clone()).or_default().insert(word.clone());
                }
            }
            columns.insert(value);
        }
        columns.extend(labels.iter().cloned());
        let of_series = list(panel, "/fieldConfig/defaults/links").map(|link| text(link, "/url"));
        for name in of_series.flat_map(|url| behind(url, "__field.labels.")) {
            self.must(labels.contains(&name), &at, &format!("a link counts on the label {name}"));
        }
        let mapped = |mappings: &Value| {
            let options =
                list(mappings, "").filter(|m| m["type"] == "value").filter_map(|m| m["options"].as_object());
            options.flat_map(|options| options.keys().cloned()).collect::<BTreeSet<String>>()
        };
        let words = mapped(&panel["fieldConfig"]["defaults"]["mappings"]);
        let own: BTreeSet<&String> =
            values.iter().filter(|(of, _)| of.starts_with("Value")).flat_map(|(_, v)| v).collect();
        let ranges = list(panel, "/fieldConfig/defaults/mappings").filter(|m| m["type"] == "range");
        let above: Vec<f64> = ranges.filter_map(|m| m["options"]["from"].as_f64()).collect();
        let in_range =
            |value: &str| value.parse().is_ok_and(|value: f64| above.iter().any(|from| value >= *from));
        let nameless = |value: &str| !words.is_empty() && !words.contains(value) && !in_range(value);
        for value in own.iter().filter(|value| nameless(value.as_str())) {
            self.must(false, &at, &format!("{value} is called nothing"));
        }
        let organized = list(panel, "/transformations").find(|t| t["id"] == "organize");
        let Some(options) = organized.map(|t| &t["options"]) else { return Ok(()) };
        let keys = |of: &str| options[of].as_object().into_iter().flatten().map(|(key, _)| key.clone());
        let placed: BTreeSet<String> = keys("renameByName").chain(keys("excludeByName")).collect();
        // A second value of a time that is left out beside the first.
        for column in placed.difference(&columns) {
            self.must(false, &at, &format!("there is no column {column}"));
        }
        for column in columns.difference(&placed) {
            self.must(false, &at, &format!("the column {column} was forgotten"));
        }
        for one in list(panel, "/fieldConfig/overrides") {
            let heading = text(one, "/matcher/options");
            let column = options["renameByName"].as_object().into_iter().flatten();
            let column =
                column.into_iter().find(|(_, name)| *name == heading).map(|(column, _)| column.clone());
            for property in list(one, "/properties") {
                let links = list(property, "/value").filter(|_| property["id"] == "links");
                for name in links.flat_map(|link| behind(text(link, "/url"), "__data.fields.")) {
                    self.must(columns.contains(&name), &at, &format!("a link counts on the column {name}"));
                }
                let words =
                    if property["id"] == "mappings" { mapped(&property["value"]) } else { BTreeSet::new() };
                let own = column.as_ref().and_then(|column| values.get(column)).into_iter().flatten();
                for value in own.filter(|value| !words.is_empty() && !words.contains(*value)) {
                    self.must(false, &at, &format!("{heading} {value} is called nothing"));
                }
            }
        }
        Ok(())
    }

    /// Every metric is shown, or said not to be; and those that are not said to be are there.
    pub fn families(&mut self, dashboards: &[Dashboard]) -> Result<()> {
        let known = known();
        let mut used = BTreeSet::new();
        for dashboard in dashboards {
            let choices = dashboard.choices().into_iter().map(|(_, selector, _)| selector);
            for expr in dashboard.queries().into_iter().map(|query| query.expr).chain(choices) {
                let reading = read(&expr).map_err(lab::Error::new)?;
                let names = reading.selectors.iter().filter_map(|selector| selector.name.as_deref());
                used.extend(names.filter_map(|name| Some(known.get(name)?.family)));
            }
        }
        let page = self.page.clone();
        let served: BTreeSet<&str> =
            page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let table = table::ALL.iter().map(|row| row.name);
        for family in served.iter().copied().chain(table).collect::<BTreeSet<_>>() {
            let raw = RAW.iter().any(|(name, _)| *name == family);
            self.must(used.contains(family) != raw, family, "is shown nowhere, or is and is said not to be");
        }
        for (name, reason) in RAW {
            self.must(served.contains(name) && reason.len() > 20, name, "is said to be raw for no reason");
        }
        Ok(())
    }
}

/// The names behind this in an address, `${PREFIX…}`.
fn behind(url: &str, prefix: &str) -> Vec<String> {
    let start = format!("${{{prefix}");
    let parts = url.split(&start).skip(1);
    parts.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}
