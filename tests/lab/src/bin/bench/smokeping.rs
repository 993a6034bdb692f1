//! `smokeping_prober`, which sends echo requests all the time and shows their histograms.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::many::Echoes;
use crate::process::Process;
use crate::town::Town;

const PROGRAM: &str = "prometheus-smokeping-prober";
/// Until it has begun with every address.
const PATIENCE: Duration = Duration::from_secs(30);
const LISTEN: &str = "127.0.0.1:9374";

pub struct Smokeping<'a> {
    pub process: Process,
    town: &'a Town,
}

impl<'a> Smokeping<'a> {
    /// In the network namespace of the first container, a vantage like ours, and on datagram sockets: it has a socket
    /// for each address, and raw ones would each be handed every reply that comes to the namespace.
    pub fn start(town: &'a Town, targets: &[Ipv4Addr]) -> Result<Self> {
        let config = town.write("smokeping.yml", "targets: []\n")?;
        let mut command = town.inside_first(PROGRAM)?;
        command.args(["--config.file", &config, "--web.listen-address", LISTEN, "--log.level", "error"]);
        command.args(["--ping.interval", "1s", "--no-privileged"]);
        command.args(targets.iter().map(Ipv4Addr::to_string)).stderr(Stdio::null());
        let started = Self { process: Process::start(&mut command)?, town };
        let began = Instant::now();
        while let Err(error) = started.count() {
            if began.elapsed() > PATIENCE {
                return Err(error);
            }
            sleep(Duration::from_millis(200));
        }
        Ok(started)
    }

    pub fn count(&self) -> Result<Echoes> {
        let mut command: Command = self.town.inside_first("busybox")?;
        command.args(["wget", "-qO", "-", &format!("http://{LISTEN}/metrics")]).stdin(Stdio::null());
        let page = lab::run(&mut command)?;
        let sum = |name: &str| -> f64 {
            let lines = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        let sent = sum("smokeping_requests_total");
        if sent == 0.0 {
            return Err(Error::new(format!("{PROGRAM} sent nothing:\n{page}")));
        }
        Ok(Echoes { sent, lost: sent - sum("smokeping_response_duration_seconds_count") })
    }
}
