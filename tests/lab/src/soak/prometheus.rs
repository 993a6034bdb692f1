//! A real Prometheus on the lab's host, that scrapes the exporter every second.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Error, Host, Lab, Result};

use super::page::Page;

/// Nobody else listens in this network.
const ITS_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);
const PATIENCE: Duration = Duration::from_secs(60);

/// It ends with the lab at the latest.
pub struct Prometheus {
    host: Host,
    nsenter: Child,
    log: PathBuf,
}

/// A series and its samples: moment and value.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub samples: Vec<(f64, f64)>,
}

impl Prometheus {
    /// Starts it, and waits until it has scraped.
    pub fn start(lab: &Lab, exporter: SocketAddr) -> Result<Self> {
        Self::start_as(
            lab,
            &format!(
                "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: soak\n  \
                 static_configs: [{{targets: ['{exporter}']}}]\n"
            ),
        )
    }

    /// As [`Prometheus::start`], with this configuration.
    pub fn start_as(lab: &Lab, configuration: &str) -> Result<Self> {
        let file = |name: &str| lab.folder().join(name);
        let (config, log) = (file("prometheus.yml"), file("prometheus.log"));
        fs::write(&config, configuration).map_err(|e| Error::io("writing Prometheus' configuration", e))?;
        let errors = File::create(&log).map_err(|e| Error::io("making Prometheus' log", e))?;
        let mut command = lab.on_host("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", file("prometheus").display()))
            .arg(format!("--web.listen-address={ITS_ADDRESS}"));
        let nsenter = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn();
        let nsenter = nsenter.map_err(|e| Error::io("starting prometheus (make deps)", e))?;
        let prometheus = Self { host: lab.host(), nsenter, log };
        let began = Instant::now();
        loop {
            let last = match prometheus.query("up == 1") {
                Ok(series) if !series.is_empty() => return Ok(prometheus),
                Ok(_) => "the exporter is not up".to_owned(),
                Err(error) => error.to_string(),
            };
            if began.elapsed() > PATIENCE {
                let log = fs::read_to_string(&prometheus.log).unwrap_or_default();
                return Err(Error::new(format!("no scrape in {PATIENCE:?}: {last}\n{log}")));
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// What it answers now. A range of samples comes as it was stored.
    pub fn query(&self, query: &str) -> Result<Vec<Series>> {
        self.ask(query, None)
    }

    /// What it answers at this moment.
    pub fn query_at(&self, query: &str, at: f64) -> Result<Vec<Series>> {
        self.ask(query, Some(at))
    }

    fn ask(&self, query: &str, at: Option<f64>) -> Result<Vec<Series>> {
        let time = at.map_or_else(String::new, |at| format!("&time={at:.3}"));
        let path = format!("/api/v1/query?query={}{time}", encoded(query));
        let answer = self.host.get(ITS_ADDRESS, &path)?.json()?;
        let odd = || Error::new(format!("Prometheus answers to {query}: {answer}"));
        let result = answer["data"]["result"].as_array().ok_or_else(odd)?;
        result.iter().map(|one| series(one).ok_or_else(odd)).collect()
    }

    /// Samples that it did not take, by its own counters.
    pub fn refused(&self) -> Result<BTreeMap<String, f64>> {
        let text = self.host.get(ITS_ADDRESS, "/metrics")?.page()?;
        let refused = text.lines().filter(|line| line.starts_with("prometheus_target_scrapes_"));
        let refused: BTreeMap<_, _> = refused
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect();
        if !refused.contains_key("prometheus_target_scrapes_sample_duplicate_timestamp_total") {
            return Err(Error::new(format!(
                "Prometheus does not tell of what it refused:\n{}",
                Page::read(&text).series().collect::<Vec<_>>().join("\n")
            )));
        }
        Ok(refused)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.nsenter.kill().ok();
        self.nsenter.wait().ok();
    }
}

fn series(one: &Value) -> Option<Series> {
    let labels = one["metric"].as_object()?.iter();
    let labels = labels.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let sample = |pair: &Value| Some((pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?));
    let samples = match one["values"].as_array() {
        Some(all) => all.iter().map(sample).collect::<Option<_>>()?,
        None => vec![sample(&one["value"])?],
    };
    Some(Series { labels: labels.collect::<Option<_>>()?, samples })
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
