//! An exporter on a lab's host: what it serves, and its end.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::answer::{Answer, PATIENCE, ask, send};
use crate::error::{Error, Result};
use crate::{Host, Lab};

/// The exporter's own default, in a network namespace that nobody else listens in.
pub(crate) const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 10061);

/// A running `destination-exporter serve`. Dropping it ends it.
pub struct Exporter {
    host: Host,
    nsenter: Child,
    pid_file: PathBuf,
    log: PathBuf,
}

impl Exporter {
    /// Starts it with this configuration file and these flags; does not wait until it is ready.
    pub fn serve(lab: &Lab, binary: &Path, config: &str, flags: &[&str]) -> Result<Self> {
        Self::serve_by(lab, &[], binary, config, flags)
    }

    /// As [`Exporter::serve`], started by another program (`setpriv …`), which must `exec` it.
    pub fn serve_by(lab: &Lab, by: &[&str], binary: &Path, config: &str, flags: &[&str]) -> Result<Self> {
        let file = |name: &str| lab.folder().join(name);
        let (settings, pid_file, log) = (file("exporter.yml"), file("exporter.pid"), file("exporter.log"));
        fs::write(&settings, config).map_err(|e| Error::io("writing the exporter's configuration", e))?;
        let errors = File::create(&log).map_err(|e| Error::io("making the exporter's log", e))?;
        let output = errors.try_clone().map_err(|e| Error::io("sharing the exporter's log", e))?;
        // Signals go by the pid in the lab's PID namespace: what nsenter has outside is nsenter's own.
        let mut command = lab.on_host("sh");
        command.args(["-c", "echo $$ >\"$0\"; exec \"$@\""]).arg(&pid_file).args(by).arg(binary);
        command.args(["serve", "--docker.host", "unix:///run/docker.sock", "--config.file"]).arg(settings);
        let nsenter = command
            .args(flags)
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|e| Error::io("starting the exporter", e))?;
        Ok(Self { host: lab.host(), nsenter, pid_file, log })
    }

    /// Waits until its first round is complete.
    pub fn wait_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            let last = match self.get("/-/ready") {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => answer.body,
                Err(error) => error.to_string(),
            };
            if let Ok(Some(status)) = self.nsenter.try_wait() {
                return Err(Error::new(format!("the exporter ended with {status}:\n{}", self.log())));
            }
            if started.elapsed() > PATIENCE {
                return Err(Error::new(format!("not ready in {PATIENCE:?}: {last}\n{}", self.log())));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.ask("GET", path)
    }

    /// A request without a body, from the lab's host.
    pub fn ask(&self, method: &str, path: &str) -> Result<Answer> {
        ask(&self.host, ADDRESS, method, path)
    }

    /// A whole request of HTTP/1.0, from the lab's host.
    pub fn send(&self, request: &str) -> Result<Answer> {
        send(&self.host, ADDRESS, request)
    }

    /// The page of metrics.
    pub fn metrics(&self) -> Result<String> {
        self.get("/metrics")?.page()
    }

    /// The whole report.
    pub fn report(&self) -> Result<Value> {
        self.get("/diagnostics")?.json()
    }

    /// Whoever reads its pages from another thread.
    pub(crate) fn ears(&self) -> Ears {
        Ears(self.host.clone())
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id in the lab.
    pub fn pid(&self) -> Result<String> {
        let pid =
            fs::read_to_string(&self.pid_file).map_err(|e| Error::io("reading the exporter's pid", e))?;
        Ok(pid.trim().to_owned())
    }

    /// Its process id as the machine counts, for whoever reads the machine's `/proc`.
    pub fn machine_pid(&self) -> Result<u32> {
        let nsenter = self.nsenter.id();
        let children = fs::read_to_string(format!("/proc/{nsenter}/task/{nsenter}/children"));
        let child = children.ok().and_then(|children| children.split_whitespace().next()?.parse().ok());
        child.ok_or_else(|| Error::new(format!("the exporter does not run:\n{}", self.log())))
    }

    /// Sends a signal (`TERM`, `HUP`).
    pub fn signal(&self, signal: &str) -> Result<()> {
        let kill = format!("kill -{signal} {}", self.pid()?);
        crate::run(self.host.command("sh").args(["-c", &kill]).stdin(Stdio::null())).map(drop)
    }

    /// Waits for its end; gives the exit status, `None` where a signal ended it.
    pub fn wait(&mut self) -> Result<Option<i32>> {
        let status = self.nsenter.wait().map_err(|e| Error::io("waiting for the exporter", e))?;
        Ok(status.code())
    }

    /// Its exit status if it has ended.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.nsenter.try_wait().ok().flatten()
    }
}

/// Reads the pages of an exporter, for as long as there is one.
pub(crate) struct Ears(Host);

impl Ears {
    /// The whole report.
    pub(crate) fn report(&self) -> Result<Value> {
        ask(&self.0, ADDRESS, "GET", "/diagnostics")?.json()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.signal("KILL");
            let _ = self.nsenter.wait();
        }
    }
}
