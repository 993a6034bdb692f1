//! An exporter on a lab's host: what it serves, and its end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::{Host, Lab};

/// The exporter's own default, in a network namespace that nobody else listens in.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 10061);
/// A page that takes longer is a failed test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `destination-exporter serve`. Dropping it ends it.
pub struct Exporter {
    host: Host,
    nsenter: Child,
    pid_file: PathBuf,
    log: PathBuf,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
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
        let answer = self.get("/metrics")?;
        if answer.status == 200 { Ok(answer.body) } else { Err(Error::new(format!("{answer:?}"))) }
    }

    /// The whole report.
    pub fn report(&self) -> Result<Value> {
        let answer = self.get("/diagnostics")?;
        serde_json::from_str(&answer.body).map_err(|e| Error::new(format!("{e} in {}", answer.body)))
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

impl Drop for Exporter {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.signal("KILL");
            let _ = self.nsenter.wait();
        }
    }
}

/// A request without a body, from the lab's host to whatever listens at `address` there.
pub(crate) fn ask(host: &Host, address: SocketAddr, method: &str, path: &str) -> Result<Answer> {
    let request = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    send(host, address, &request)
}

/// A whole request of HTTP/1.0, likewise.
fn send(host: &Host, address: SocketAddr, request: &str) -> Result<Answer> {
    let (host, request) = (host.clone(), request.to_owned());
    // A thread that has changed its namespace is of no further use.
    let asked = thread::spawn(move || -> Result<Answer> {
        let there = File::open(host.network()).map_err(|e| Error::io("opening the lab's network", e))?;
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|e| Error::io("entering the lab's network", e.into()))?;
        let answer =
            exchange(address, &request).map_err(|e| Error::io(request.lines().next().unwrap_or(""), e))?;
        parse(&answer)
    });
    asked.join().map_err(|_| Error::new("the asking thread panicked"))?
}

#[expect(clippy::disallowed_methods, reason = "a client in the lab's network, not a probe")]
fn exchange(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn parse(answer: &str) -> Result<Answer> {
    let malformed = || Error::new(format!("no HTTP answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    Ok(Answer { status, body: body.to_owned() })
}
