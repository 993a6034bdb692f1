//! A lab with an exporter on it, and what is expected of what it says.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Exporter, Lab, Result};

/// The default interval of nearly every probe.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// A busy machine gets this much more time than the exporter is to need.
const SLACK: Duration = Duration::from_secs(15);

/// The exporter goes before the lab that it runs in.
pub struct Watched {
    pub exporter: Exporter,
    pub lab: Lab,
}

impl Watched {
    /// Runs a command in a container's network namespace, with the host's tools.
    pub fn inside(&self, container: &str, command: &[&str]) -> Result<String> {
        let pid = self.lab.docker(&["inspect", "-f", "{{.State.Pid}}", container])?;
        let enter = ["nsenter", "-t", &pid, "-n"];
        self.lab.exec_on_host(&[&enter[..], command].concat())
    }

    /// `code subject` of everything above `info`.
    pub fn findings(&self) -> Result<BTreeSet<String>> {
        Ok(findings(&self.exporter.report()?))
    }

    /// Waits until just these findings hold, `soon` and the slack at the most, and gives the report and
    /// how long it took. Nothing else may be found meanwhile: neither a symptom nor a false alarm.
    ///
    /// # Panics
    /// When something else is found, or not in time what is wanted.
    pub fn expect(&self, wanted: &[&str], soon: Duration) -> Result<(Value, Duration)> {
        let wanted: BTreeSet<String> = wanted.iter().map(ToString::to_string).collect();
        let before = self.findings()?;
        let began = Instant::now();
        loop {
            let report = self.exporter.report()?;
            let now = findings(&report);
            if now == wanted {
                return Ok((report, began.elapsed()));
            }
            let strangers: Vec<_> = now.difference(&before).filter(|f| !wanted.contains(*f)).collect();
            assert!(strangers.is_empty(), "found meanwhile: {strangers:?}\n{}", gist(&report));
            assert!(
                began.elapsed() < soon + SLACK,
                "after {:?} there is {now:?} and not {wanted:?}\n{}\n{}",
                began.elapsed(),
                gist(&report),
                self.exporter.log()
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a series has this value; `None`: until it is not there.
    ///
    /// # Panics
    /// When it has not in time.
    pub fn expect_series(&self, series: &str, value: Option<&str>, soon: Duration) -> Result<Duration> {
        let began = Instant::now();
        loop {
            let page = self.exporter.metrics()?;
            let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
            if line == value {
                return Ok(began.elapsed());
            }
            assert!(began.elapsed() < soon + SLACK, "{series} is {line:?} and not {value:?}\n{page}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Every series of the destinations, without values, and without what another container of the same name has
    /// otherwise: its id and its address.
    ///
    /// # Panics
    /// When a line of the page has no value.
    pub fn series(&self) -> Result<BTreeSet<String>> {
        let page = self.exporter.metrics()?;
        // Connections come and go with whoever visits.
        let passing = ["destination_exporter_docker_request_", "destination_flow_"];
        let of_destinations = |line: &&str| {
            line.starts_with("destination_") && !passing.iter().any(|name| line.starts_with(name))
        };
        let name = |line: &str| {
            let name = line.rsplit_once(' ').expect("a value").0.to_owned();
            ["container_id=\"", "ip=\""].iter().fold(name, |name, label| without(&name, label))
        };
        Ok(page.lines().filter(of_destinations).map(name).collect())
    }

    /// Waits until the series are those that there were: a fault that is over leaves none behind.
    ///
    /// # Panics
    /// When they are not in time.
    pub fn expect_no_trace(&self, before: &BTreeSet<String>) -> Result<()> {
        let began = Instant::now();
        loop {
            let now = self.series()?;
            if now == *before {
                return Ok(());
            }
            assert!(
                began.elapsed() < INTERVAL + SLACK,
                "left behind: {:#?}\nlost: {:#?}",
                now.difference(before).collect::<Vec<_>>(),
                before.difference(&now).collect::<Vec<_>>()
            );
            sleep(Duration::from_millis(100));
        }
    }
}

/// A series with this label's value left out.
fn without(series: &str, label: &str) -> String {
    let Some((before, rest)) = series.split_once(label) else { return series.to_owned() };
    format!("{before}{label}{}", rest.find('"').map_or("", |end| &rest[end..]))
}

fn findings(report: &Value) -> BTreeSet<String> {
    all(report)
        .filter(|f| f["severity"] != "info")
        .map(|f| format!("{} {}", text(&f["code"]), text(&f["subject"]["name"])))
        .collect()
}

/// What of a report says why it is as it is: findings, routes, probes that fail.
#[must_use]
pub fn gist(report: &Value) -> String {
    let mut lines: Vec<String> = all(report).map(|finding| format!("{finding:#}")).collect();
    for destination in report["destinations"].as_array().into_iter().flatten() {
        let listed = |part: &str| destination[part].as_array().into_iter().flatten();
        lines.extend(listed("routes").map(Value::to_string));
        let fine = |probe: &&Value| probe["outcome"] == "success" && probe["probe"] != "route";
        lines.extend(listed("probes").filter(|probe| !fine(probe)).map(Value::to_string));
    }
    lines.join("\n")
}

/// Every finding of a report.
pub fn all(report: &Value) -> impl Iterator<Item = &Value> {
    let lists = report["destinations"].as_array().into_iter().flatten().map(|d| &d["findings"]);
    lists.chain([&report["host"]["findings"]]).flat_map(|list| list.as_array().into_iter().flatten())
}

/// The finding of this code.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    all(report).find(|f| f["code"] == code).unwrap_or_else(|| panic!("no {code} in {report:#}"))
}

/// A JSON text.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The latest probes of a destination that fail: kind, source, target, reason.
///
/// # Panics
/// When the report has no such destination.
#[must_use]
pub fn failing(report: &Value, destination: &str) -> BTreeSet<[String; 4]> {
    let destinations = report["destinations"].as_array().expect("destinations");
    let one = destinations.iter().find(|d| d["name"] == destination).expect("the destination");
    let probes = one["probes"].as_array().expect("probes");
    let failed = probes.iter().filter(|p| p["outcome"] == "failure");
    failed.map(|p| ["probe", "source", "target", "reason"].map(|key| text(&p[key]).to_owned())).collect()
}
