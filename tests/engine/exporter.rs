//! The program itself, pointed at a fake Engine and read over HTTP.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fake::{Fake, PATIENCE};

const BINARY: &str = env!("CARGO_BIN_EXE_destination-exporter");

/// Impatient, so that an outage is seen soon.
pub const IMPATIENT: &str = "docker: {timeout: 300ms, refresh_interval: 1s}\n";
/// Lists at its start and when events say so, and hardly ever by itself.
pub const PATIENT: &str = "docker: {timeout: 60s, refresh_interval: 1h}\n";
/// What is looked at here is the Engine, not the containers.
pub const NO_PROBES: &str = "probes: {dns: {enabled: false}, icmp: {enabled: false}, tcp: {enabled: false}, http: {enabled: false}, path_mtu: {enabled: false}}\n";

/// A running `serve`. Dropping it ends it.
pub struct Exporter {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

/// One page of metrics. Made of text, it holds that every line can be read and that no series is there
/// twice: Prometheus refuses a page otherwise, and the scrape is lost.
pub struct Page(BTreeMap<String, f64>);

impl Page {
    fn read(text: &str) -> Self {
        let mut series = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line:?}"));
            assert!(series.insert(name.to_owned(), value).is_none(), "twice: {line:?}");
        }
        Self(series)
    }

    /// The sum of the series whose name and labels hold all of these; `None` where there is none.
    pub fn get(&self, parts: &[&str]) -> Option<f64> {
        let mut all = self.0.iter().filter(|(name, _)| parts.iter().all(|part| name.contains(part)));
        let first = all.next().map(|(_, value)| *value)?;
        Some(all.fold(first, |sum, (_, value)| sum + value))
    }

    pub fn has(&self, parts: &[&str]) -> bool {
        self.get(parts).is_some()
    }

    /// The Engine answers, or not, or was not asked yet.
    pub fn up(&self) -> Option<bool> {
        self.get(&["destination_exporter_docker_up"]).map(|up| up > 0.5)
    }

    pub fn is_blind(&self) -> bool {
        self.has(&["destination_finding{", "code=\"exporter-blind\"", "subject=\"engine\""])
    }

    /// Whether the container is in the picture.
    pub fn knows(&self, container: &str) -> bool {
        self.has(&["destination_container_info{", &format!("container=\"{container}\"")])
    }

    pub fn failures(&self, reason: &str) -> f64 {
        let reason = format!("reason=\"{reason}\"");
        self.get(&["destination_exporter_docker_request_failures_total{", &reason]).unwrap_or(0.0)
    }
}

/// The file of settings, in the Engine's folder.
fn settings(fake: &Fake, config: &str) -> PathBuf {
    let settings = fake.folder().join("exporter.yml");
    std::fs::write(&settings, config).expect("a file in a folder of our own");
    settings
}

fn command(by: &[&str], program: &Path, fake: &Fake, settings: &Path) -> Command {
    let mut words = by.iter().map(OsStr::new).chain([program.as_os_str()]);
    let mut command = Command::new(words.next().expect("the program at least"));
    command.args(words).arg("--docker.host").arg(fake.host()).arg("--config.file").arg(settings);
    command.env_remove("DOCKER_HOST").stdin(Stdio::null());
    command
}

/// `check`, to its end.
pub async fn check(fake: &Fake, config: &str, flags: &[&str]) -> Output {
    let mut command = command(&[], Path::new(BINARY), fake, &settings(fake, config));
    command.arg("check").args(flags);
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.expect("no panic").expect("the program starts")
}

impl Exporter {
    /// Started, and listening; it may not have asked the Engine yet.
    pub async fn start(fake: &Fake, config: &str) -> Self {
        Self::start_program(&[], Path::new(BINARY), fake, &settings(fake, config)).await
    }

    /// The same: this copy of the program with this file, started by another program that becomes it.
    pub async fn start_program(by: &[&str], program: &Path, fake: &Fake, settings: &Path) -> Self {
        let log = fake.folder().join("exporter.log");
        let errors = File::create(&log).expect("a file in a folder of our own");
        let mut command = command(by, program, fake, settings);
        command.args(["serve", "--web.listen-address", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(errors);
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("starting {:?}: {error}", command.get_program()));
        let address = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(address) = bound(&log) {
                    return address;
                }
                if let Some(status) = child.try_wait().expect("our child") {
                    panic!("it ended with {status}: {}", text(&log));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let address = address.await.unwrap_or_else(|_| panic!("it does not listen: {}", text(&log)));
        Self { child, address, log }
    }

    /// `GET path`: status and body. Every page is served, always.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let asked = tokio::time::timeout(PATIENCE, exchange(self.address, path)).await;
        match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => panic!("{path}: {error}\n{}", self.log()),
            Err(_) => panic!("{path}: no answer\n{}", self.log()),
        }
    }

    pub async fn page(&self) -> Page {
        let (status, body) = self.get("/metrics").await;
        assert_eq!(status, 200, "{body}");
        Page::read(&body)
    }

    pub async fn report(&self) -> Value {
        let (status, body) = self.get("/diagnostics").await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    /// Waits for a page of which it holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Page) -> bool) -> Page {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let page = self.page().await;
            if holds(&page) {
                return page;
            }
            if tokio::time::Instant::now() > deadline {
                let own: Vec<_> = page.0.iter().filter(|(name, _)| !name.contains("process_")).collect();
                panic!("in {PATIENCE:?} not: {what}\n{own:#?}\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The most memory that it ever held, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a kernel that counts");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub fn log(&self) -> String {
        text(&self.log)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let ended = self.child.try_wait().ok().flatten();
        self.child.kill().ok();
        self.child.wait().ok();
        if !std::thread::panicking() {
            assert!(ended.is_none(), "it ended by itself: {ended:?}\n{}", self.log());
            assert!(!self.log().contains("panicked"), "{}", self.log());
        }
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// From the line that says where it serves.
fn bound(log: &Path) -> Option<SocketAddr> {
    let text = text(log);
    let line = text.lines().find(|line| line.contains("serving"))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("address="))?.trim_matches('"').parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "a caller on loopback, not a probe")]
async fn exchange(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let malformed = || std::io::Error::other(format!("no HTTP answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    Ok((status, body.to_owned()))
}
