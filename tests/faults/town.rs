//! A host with two destinations, an exporter on it with every default, and what it says.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Exporter, Lab, Result};
use serde_json::Value;

/// The default interval of every probe.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// A busy machine gets this much more time than the exporter is to need.
const SLACK: Duration = Duration::from_secs(15);

/// `shop` with `web`, `api` and `db`; `blog` with `blog`. `api` and `blog` are images of one binary.
pub struct Town {
    // Before the lab that it runs in.
    pub exporter: Exporter,
    pub lab: Lab,
}

impl Town {
    pub fn build() -> Result<Self> {
        let lab = Lab::start()?;
        let busybox = lab.busybox_image()?;
        let binary = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
        let binary = binary.into_iter().find(|path| path.exists()).expect("busybox: make deps");
        let tool = lab.static_image("tool", binary)?;
        for (network, subnet) in [("shop", "10.1.0.0/24"), ("blog", "10.2.0.0/24")] {
            lab.docker(&["network", "create", "--subnet", subnet, network])?;
        }
        let run = |name: &str, network: &str, address: &str, image: &str, command: &[&str]| {
            let run = ["run", "-d", "--name", name, "--network", network, "--ip", address];
            lab.docker(&[&run[..], &["--restart", "unless-stopped", image], command].concat())
        };
        run("web", "shop", "10.1.0.10", &busybox, &["httpd", "-f", "-p", "8080", "-h", "/etc"])?;
        run("api", "shop", "10.1.0.11", &tool, &["httpd", "-f", "-p", "3000", "-h", "/"])?;
        run("db", "shop", "10.1.0.12", &busybox, &["nc", "-ll", "-p", "5432", "-e", "/bin/cat"])?;
        run("blog", "blog", "10.2.0.10", &tool, &["httpd", "-f", "-p", "3000", "-h", "/"])?;
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        let mut exporter = Exporter::serve(&lab, binary, "{}\n", &[])?;
        exporter.wait_ready()?;
        let town = Self { exporter, lab };
        town.expect(&[], Duration::ZERO)?;
        Ok(town)
    }

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
            assert!(strangers.is_empty(), "found meanwhile: {strangers:?}\n{report:#}");
            assert!(
                began.elapsed() < soon + SLACK,
                "after {:?} there is {now:?} and not {wanted:?}\n{report:#}\n{}",
                began.elapsed(),
                self.exporter.log()
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a series has this value; `None`: until it is not there.
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

    /// Every series of the destinations, without values.
    pub fn series(&self) -> Result<BTreeSet<String>> {
        let page = self.exporter.metrics()?;
        let of_destinations = |line: &&str| {
            line.starts_with("destination_") && !line.starts_with("destination_exporter_docker_request_")
        };
        let name = |line: &str| line.rsplit_once(' ').expect("a value").0.to_owned();
        Ok(page.lines().filter(of_destinations).map(name).collect())
    }

    /// Waits until the series are those that there were: a fault that is over leaves none behind.
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
                now.difference(before),
                before.difference(&now)
            );
            sleep(Duration::from_millis(100));
        }
    }
}

fn findings(report: &Value) -> BTreeSet<String> {
    all(report)
        .filter(|f| f["severity"] != "info")
        .map(|f| format!("{} {}", text(&f["code"]), text(&f["subject"]["name"])))
        .collect()
}

/// Every finding of a report.
fn all(report: &Value) -> impl Iterator<Item = &Value> {
    let lists = report["destinations"].as_array().into_iter().flatten().map(|d| &d["findings"]);
    lists.chain([&report["host"]["findings"]]).flat_map(|list| list.as_array().into_iter().flatten())
}

/// The finding of this code.
pub fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    all(report).find(|f| f["code"] == code).unwrap_or_else(|| panic!("no {code} in {report:#}"))
}

/// A JSON text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The latest probes of a destination that fail: kind, source, target, reason.
pub fn failing(report: &Value, destination: &str) -> BTreeSet<[String; 4]> {
    let destinations = report["destinations"].as_array().expect("destinations");
    let one = destinations.iter().find(|d| d["name"] == destination).expect("the destination");
    let probes = one["probes"].as_array().expect("probes");
    let failed = probes.iter().filter(|p| p["outcome"] == "failure");
    failed.map(|p| ["probe", "source", "target", "reason"].map(|key| text(&p[key]).to_owned())).collect()
}
