//! `blackbox_exporter`, scraped at its best.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use lab::{Error, Result};

use crate::process::Process;
use crate::rivals::{Kind, Rate};
use crate::town::{PORT, Town};

const PROGRAM: &str = "prometheus-blackbox-exporter";
const LISTEN: &str = "127.0.0.1:9115";
/// Scrapes at once; the best of these counts.
const CONNECTIONS: [usize; 3] = [2, 8, 32];

pub struct Blackbox<'a> {
    process: Process,
    town: &'a Town,
    from: From,
    paths: String,
}

/// Where it runs, and who scrapes it.
#[derive(Clone, Copy, Debug)]
enum From {
    FirstContainer,
    Host,
}

impl From {
    fn command(self, town: &Town, program: &str) -> Result<Command> {
        match self {
            Self::FirstContainer => town.inside_first(program),
            Self::Host => Ok(town.lab.on_host(program)),
        }
    }
}

pub fn version() -> Result<String> {
    let out = Command::new(PROGRAM).arg("--version").output();
    let out = out.map_err(|e| Error::io(&format!("running {PROGRAM} (make deps-bench)"), e))?;
    let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    let version = text.split("version ").nth(1).and_then(|rest| rest.split([' ', ',']).next());
    Ok(version.unwrap_or("of unknown version").to_owned())
}

impl<'a> Blackbox<'a> {
    /// Starts it in the network namespace of the first container, which is a vantage like ours: 127.0.0.11 answers
    /// nowhere else, and packets go the same way through the bridge.
    pub fn start(town: &'a Town, kind: Kind) -> Result<Self> {
        let (config, paths) = modules(town, kind);
        Self::start_from(From::FirstContainer, town, &config, paths)
    }

    /// Starts it on the lab's host, with these modules, to be scraped for these paths, a line each.
    pub fn start_on_host(town: &'a Town, config: &str, paths: String) -> Result<Self> {
        Self::start_from(From::Host, town, config, paths)
    }

    fn start_from(from: From, town: &'a Town, config: &str, paths: String) -> Result<Self> {
        let config = town.write("blackbox.yml", config)?;
        let flags = ["--config.file", &config, "--web.listen-address", LISTEN, "--log.level", "error"];
        let mut command = from.command(town, PROGRAM)?;
        command.args(flags).stderr(Stdio::null());
        Ok(Self { process: Process::start(&mut command)?, town, from, paths })
    }

    /// Probes per CPU-second at the number of connections that suits it best, each tried for `seconds`.
    pub fn measure(&self, seconds: u64) -> Result<Rate> {
        let mut best: Option<Rate> = None;
        self.scrape(2, 1)?;
        for connections in CONNECTIONS {
            let before = self.process.cpu()?;
            let probes = self.scrape(connections, seconds)?;
            let rate = Rate { probes, cpu: self.process.cpu()?.since(before) };
            if best.is_none_or(|best| best.per_second() < rate.per_second()) {
                best = Some(rate);
            }
        }
        best.ok_or_else(|| Error::new("nothing was measured"))
    }

    /// Gives the number of successful probes.
    fn scrape(&self, connections: usize, seconds: u64) -> Result<f64> {
        let paths = self.town.write("paths", &self.paths)?;
        let own = std::env::current_exe().map_err(|e| Error::io("finding the bench's own binary", e))?;
        let mut command = self.from.command(self.town, &own.display().to_string())?;
        command.args(["scrape", LISTEN, &paths, &connections.to_string(), &seconds.to_string()]);
        let said = lab::run(command.stdin(Stdio::null()))?;
        let mut counts = said.split(' ').filter_map(|word| word.parse::<f64>().ok());
        match (counts.next(), counts.next()) {
            (Some(good), Some(bad)) if bad <= good / 100.0 => Ok(good),
            _ => Err(Error::new(format!("too many of blackbox_exporter's probes failed: {said}"))),
        }
    }
}

/// The configuration and the paths to scrape, a line each.
fn modules(town: &Town, kind: Kind) -> (String, String) {
    let mut config = "modules:\n".to_owned();
    let mut paths = String::new();
    match kind {
        Kind::Icmp => {
            config += "  icmp: {prober: icmp, timeout: 1s, icmp: {preferred_ip_protocol: ip4}}\n";
            for container in town.others() {
                let _ = writeln!(paths, "/probe?module=icmp&target={}", container.address);
            }
        }
        Kind::Tcp => {
            config += "  tcp: {prober: tcp, timeout: 3s, tcp: {preferred_ip_protocol: ip4}}\n";
            for container in town.others() {
                let _ = writeln!(paths, "/probe?module=tcp&target={}:{PORT}", container.address);
            }
        }
        Kind::Dns => {
            for container in town.others() {
                for qtype in ["A", "AAAA"] {
                    let name = &container.name;
                    let _ = writeln!(
                        config,
                        "  {name}-{qtype}: {{prober: dns, timeout: 2s, dns: {{preferred_ip_protocol: ip4, \
                         query_name: {name}, query_type: {qtype}}}}}"
                    );
                    let _ = writeln!(paths, "/probe?module={name}-{qtype}&target=127.0.0.11");
                }
            }
        }
    }
    (config, paths)
}
