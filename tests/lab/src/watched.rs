//! A lab with an exporter on it, and what is expected of what it says.

mod witness;

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Exporter, Lab, Result};
use witness::Witness;

/// The default interval of nearly every probe.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// So long the exporter gives to what has just started.
const DEPLOY: Duration = Duration::from_secs(10);
/// A busy machine gets this much more time than the exporter is to need.
const SLACK: Duration = Duration::from_secs(15);

/// The exporter goes before the lab that it runs in, and who watches it before either.
pub struct Watched {
    witness: Witness,
    pub exporter: Exporter,
    pub lab: Lab,
}

impl Watched {
    /// An exporter that has had its first round, and whose probes come at this interval.
    #[must_use]
    pub fn new(lab: Lab, exporter: Exporter, interval: Duration) -> Self {
        Self { witness: Witness::of(&exporter, interval), exporter, lab }
    }

    /// Ends the exporter, and leaves the lab to another.
    #[must_use]
    pub fn into_lab(self) -> Lab {
        self.lab
    }

    /// Says that this is done now, and that the finding `code subject` is owed to it; otherwise a finding is owed to
    /// what the test is called and to the last command that the lab was given.
    pub fn breaks(&self, finding: &str, what: &str) {
        self.witness.done(finding, what, Duration::ZERO);
    }

    /// The same of what is deployed as it is: whatever has just started is given a moment.
    pub fn deploys(&self, finding: &str, what: &str) {
        self.witness.done(finding, what, DEPLOY);
    }

    /// What a test waits beyond the time that the exporter is to need. Whoever measures wants to know how late it is.
    const fn slack(&self) -> Duration {
        if self.witness.watches() { Duration::from_secs(60) } else { SLACK }
    }

    /// Says that what the finding is about is repaired now; otherwise the last command of the lab did that.
    pub fn repairs(&self, finding: &str) {
        self.witness.repaired(finding);
    }

    /// Runs a command in a container's network namespace, with the host's tools.
    pub fn inside(&self, container: &str, command: &[&str]) -> Result<String> {
        let pid = self.lab.docker(&["inspect", "-f", "{{.State.Pid}}", container])?;
        let enter = ["nsenter", "-t", &pid, "-n"];
        self.lab.exec_on_host(&[&enter[..], command].concat())
    }

    /// Says that just these stand, as a test of another kind found out.
    pub fn note(&self, standing: &BTreeSet<String>, soon: Duration) {
        self.witness.stand(standing, soon, &self.exporter, &self.lab);
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
                let took = began.elapsed();
                self.witness.stand(&wanted, soon, &self.exporter, &self.lab);
                return Ok((report, took));
            }
            let strangers: Vec<_> = now.difference(&before).filter(|f| !wanted.contains(*f)).collect();
            if !strangers.is_empty() {
                self.witness.strangers(&strangers);
            }
            assert!(strangers.is_empty(), "found meanwhile: {strangers:?}\n{}", gist(&report));
            assert!(
                began.elapsed() < soon + self.slack(),
                "after {:?} there is {now:?} and not {wanted:?}\n{}\n{}",
                began.elapsed(),
                gist(&report),
                self.exporter.log()
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Looks once, and gives the report: nothing above `info` may be found but what is allowed.
    ///
    /// # Panics
    /// When something else is found.
    pub fn look(&self, allowed: &[&str]) -> Result<Value> {
        let report = self.exporter.report()?;
        let now = findings(&report);
        let strangers: Vec<_> = now.iter().filter(|one| !allowed.contains(&one.as_str())).collect();
        if !strangers.is_empty() {
            self.witness.strangers(&strangers);
        }
        assert!(strangers.is_empty(), "found: {strangers:?}\n{}", gist(&report));
        Ok(report)
    }

    /// Waits until a finding that is for information alone holds, or does not; gives how long that took.
    ///
    /// # Panics
    /// When it does not come, or go, in time.
    pub fn expect_aside(&self, finding: &str, holds: bool, soon: Duration) -> Result<(Value, Duration)> {
        let began = Instant::now();
        loop {
            let report = self.exporter.report()?;
            let is_it = |one: &Value| one["severity"] == "info" && name_of(one) == finding;
            if all(&report).any(is_it) == holds {
                let took = began.elapsed();
                self.witness.aside(finding, holds, soon, &self.exporter, &self.lab);
                return Ok((report, took));
            }
            let patience = soon + self.slack();
            assert!(began.elapsed() < patience, "{finding}: not {holds} in {patience:?}\n{}", gist(&report));
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
    all(report).filter(|f| f["severity"] != "info").map(name_of).collect()
}

/// `code subject`.
fn name_of(finding: &Value) -> String {
    format!("{} {}", text(&finding["code"]), text(&finding["subject"]["name"]))
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
