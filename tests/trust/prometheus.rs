//! A real Prometheus that scrapes one exporter.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{PATIENCE, free_port};

/// A running Prometheus. Dropping it ends it.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Prometheus {
    /// With these `scrape_configs`, of which it keeps nothing.
    pub fn start(folder: &Path, scrape_configs: &str) -> Self {
        let address = free_port();
        let (config, log) = (folder.join("prometheus.yml"), folder.join("prometheus.log"));
        fs::write(
            &config,
            format!("global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n{scrape_configs}"),
        )
        .expect("written");
        let errors = File::create(&log).expect("a log");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("prometheus starts (make deps)");
        Self { child, address, log }
    }

    /// Waits until it has scraped its one target: whether that is up, and the last error.
    pub fn sees(&self) -> (bool, String) {
        let began = Instant::now();
        loop {
            let targets = self.api("targets");
            let target = &targets["data"]["activeTargets"][0];
            let health = target["health"].as_str().unwrap_or("unknown");
            if health != "unknown" {
                return (health == "up", target["lastError"].as_str().unwrap_or_default().to_owned());
            }
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "no scrape in {PATIENCE:?}: {targets}\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The value of a query of one series, once there is one.
    pub fn value(&self, query: &str) -> String {
        let began = Instant::now();
        loop {
            let answer = self.api(&format!("query?query={query}"));
            if let Some(value) = answer["data"]["result"][0]["value"][1].as_str() {
                return value.to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "no {query} in {PATIENCE:?}: {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a client on the machine itself, not a probe")]
    fn api(&self, path: &str) -> Value {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return Value::Null };
        let request = format!("GET /api/v1/{path} HTTP/1.0\r\nHost: x\r\n\r\n");
        let mut answer = String::new();
        if stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer)).is_err() {
            return Value::Null;
        }
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or(Value::Null)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
