//! The exporter under measurement: the real `serve`, on the lab's host.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::process::Process;
use crate::town::Town;

pub const ADDRESS: &str = "127.0.0.1:10061";

pub struct Exporter<'a> {
    pub process: Process,
    town: &'a Town,
}

/// What the exporter counted of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    pub attempts: f64,
    pub failures: f64,
}

impl<'a> Exporter<'a> {
    /// Starts `serve` with a configuration and waits until its first round is done.
    pub fn serve(town: &'a Town, binary: &Path, config: &str) -> Result<Self> {
        Self::serve_of(town, binary, config, "/run/docker.sock")
    }

    /// The same, with the Engine behind another socket.
    pub fn serve_of(town: &'a Town, binary: &Path, config: &str, socket: &str) -> Result<Self> {
        let file = town.write("exporter.yml", config)?;
        let mut command = town.lab.on_host(&binary.display().to_string());
        command.args(["serve", "--config.file", &file, "--log.level", "warn"]);
        command.args(["--docker.host", &format!("unix://{socket}")]).env_remove("DOCKER_HOST");
        let exporter = Self { process: Process::start(&mut command)?, town };
        let started = Instant::now();
        while let Err(error) = exporter.get("/-/ready") {
            if started.elapsed() > Duration::from_secs(60) {
                return Err(error);
            }
            sleep(Duration::from_millis(200));
        }
        Ok(exporter)
    }

    pub fn get(&self, path: &str) -> Result<String> {
        self.town.lab.exec_on_host(&["busybox", "wget", "-qO", "-", &format!("http://{ADDRESS}{path}")])
    }

    pub fn count(&self, kind: &str) -> Result<Count> {
        let page = self.get("/metrics")?;
        let probe = format!("probe=\"{kind}\"");
        let sum = |name: &str| -> f64 {
            page.lines()
                .filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(&probe))
                .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
                .sum()
        };
        let attempts = sum("destination_probe_attempts_total");
        if attempts == 0.0 {
            return Err(Error::new(format!("the exporter ran no {kind} probe:\n{page}")));
        }
        Ok(Count { attempts, failures: sum("destination_probe_failures_total") })
    }
}
