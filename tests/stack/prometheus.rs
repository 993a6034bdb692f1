//! A real Prometheus on a manager, with the configuration that ships.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::oncall::PROMETHEUS;
use lab::{Error, Lab, Result};

use crate::town::PATIENCE;

/// A running Prometheus. Dropping it ends it.
pub struct Prometheus<'a> {
    child: Child,
    lab: &'a Lab,
    log: PathBuf,
}

impl<'a> Prometheus<'a> {
    /// On the network of this lab's host, with these `scrape_configs`.
    pub fn start(lab: &'a Lab, scrape_configs: &str) -> Result<Self> {
        let file = |name: &str| lab.folder().join(name);
        let (config, log) = (file("prometheus.yml"), file("prometheus.log"));
        fs::write(&config, scrape_configs).map_err(|e| Error::io("writing prometheus.yml", e))?;
        lab::run(Command::new("promtool").args(["check", "config"]).arg(&config))?;
        let errors = File::create(&log).map_err(|e| Error::io("making Prometheus' log", e))?;
        // The host's network alone: a lab of another release has another /usr.
        let child = Command::new("nsenter")
            .arg(format!("--net={}", lab.host().network().display()))
            .arg("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", file("tsdb").display()))
            .arg(format!("--web.listen-address={PROMETHEUS}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .map_err(|e| Error::io("starting prometheus (make deps)", e))?;
        Ok(Self { child, lab, log })
    }

    /// Waits until a query answers just these, each by the values of `labels`.
    pub fn until(&self, query: &str, labels: &[&str], just: &[&str]) -> Result<()> {
        let began = Instant::now();
        let just: BTreeSet<String> = just.iter().map(|&one| one.to_owned()).collect();
        loop {
            let last = self.labels(query, labels);
            if last.as_ref().is_ok_and(|found| *found == just) {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let found = self.labels("destination_finding", &["instance", "code", "subject"]);
                return Err(Error::new(format!(
                    "{query}: not {just:?} in {PATIENCE:?}, but {last:?}; found: {found:?}\n{log}"
                )));
            }
            sleep(Duration::from_millis(250));
        }
    }

    /// What a query answers now: of each series the values of `labels`.
    pub fn labels(&self, query: &str, labels: &[&str]) -> Result<BTreeSet<String>> {
        let asked: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = self.lab.host().get(PROMETHEUS, &format!("/api/v1/query?query={asked}"))?;
        let answer = answer.json()?;
        let Some(series) = answer["data"]["result"].as_array() else {
            return Err(Error::new(format!("{query}: {answer}")));
        };
        let value = |metric: &serde_json::Value, label: &&str| {
            metric["metric"][*label].as_str().unwrap_or_default().to_owned()
        };
        let values =
            series.iter().map(|one| labels.iter().map(|l| value(one, l)).collect::<Vec<_>>().join(" → "));
        Ok(values.collect())
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
