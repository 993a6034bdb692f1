//! A real Prometheus with the project's rules, and a real Alertmanager, on a lab's host: what a fault looks like to
//! whoever is on call.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::{Host, Lab};

const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody else listens in this network.
const fn local(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// Where Prometheus listens on the lab's host.
pub const PROMETHEUS: SocketAddr = local(9090);
/// Where Alertmanager does.
pub const ALERTMANAGER: SocketAddr = local(9093);

/// What people outside reach the two by: the base of links.
pub struct Urls {
    pub prometheus: String,
    pub alertmanager: String,
}

/// Both of them. They end with the lab at the latest.
pub struct OnCall {
    children: Vec<Child>,
}

impl OnCall {
    /// Starts them with what is in `alerts`; notifications go to `sink`, whichever receiver they are for. Each exporter has
    /// its `instance`.
    pub fn start(
        lab: &Lab,
        alerts: &Path,
        exporters: &[(SocketAddr, String)],
        urls: &Urls,
        sink: SocketAddr,
    ) -> Result<Self> {
        let file = |name: &str| lab.folder().join(name);
        let write = |path: &PathBuf, text: &str| {
            fs::write(path, text).map_err(|e| Error::io(&format!("writing {}", path.display()), e))
        };
        let targets: Vec<String> = exporters
            .iter()
            .map(|(at, instance)| format!("{{targets: ['{at}'], labels: {{instance: '{instance}'}}}}"))
            .collect();
        let (routes, scrapes) = (file("alertmanager.yml"), file("oncall.yml"));
        write(&routes, &example(alerts, sink)?)?;
        write(
            &scrapes,
            &format!(
                "global: {{scrape_interval: 5s, evaluation_interval: 5s}}\n\
                 rule_files: ['{}/*.rules.yml']\n\
                 alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{ALERTMANAGER}']}}]}}]}}\n\
                 scrape_configs:\n- job_name: destination-exporter\n  static_configs: [{}]\n",
                alerts.display(),
                targets.join(", ")
            ),
        )?;
        let mut all = Self { children: Vec::new() };
        all.run(
            lab,
            "prometheus-alertmanager",
            &[
                format!("--config.file={}", routes.display()),
                format!("--storage.path={}", file("alertmanager").display()),
                format!("--web.listen-address={ALERTMANAGER}"),
                format!("--web.external-url={}", urls.alertmanager),
                "--web.route-prefix=/".to_owned(),
                // Alone, it has nobody to gossip with.
                "--cluster.listen-address=".to_owned(),
            ],
        )?;
        all.run(
            lab,
            "prometheus",
            &[
                format!("--config.file={}", scrapes.display()),
                format!("--storage.tsdb.path={}", file("prometheus").display()),
                format!("--web.listen-address={PROMETHEUS}"),
                format!("--web.external-url={}", urls.prometheus),
                "--web.route-prefix=/".to_owned(),
            ],
        )?;
        all.wait(&lab.host(), ALERTMANAGER)?;
        all.wait(&lab.host(), PROMETHEUS)?;
        Ok(all)
    }

    fn run(&mut self, lab: &Lab, program: &str, flags: &[String]) -> Result<()> {
        let log = lab.folder().join(format!("{program}.log"));
        let errors = File::create(&log).map_err(|e| Error::io(&format!("making {}", log.display()), e))?;
        let mut command = lab.on_host(program);
        command.args(flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let child = command.spawn().map_err(|e| Error::io(&format!("starting {program} (make deps)"), e))?;
        self.children.push(child);
        Ok(())
    }

    fn wait(&mut self, host: &Host, at: SocketAddr) -> Result<()> {
        let began = Instant::now();
        loop {
            let last = match host.get(at, "/-/ready") {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => answer.body,
                Err(error) => error.to_string(),
            };
            for child in &mut self.children {
                if let Ok(Some(status)) = child.try_wait() {
                    return Err(Error::new(format!(
                        "Prometheus or Alertmanager ended with {status}: their logs are in the lab's folder"
                    )));
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(Error::new(format!("{at} is not ready in {PATIENCE:?}: {last}")));
            }
            sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for OnCall {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Where the receivers of the example are.
const RECEIVERS: &str = "http://127.0.0.1:9095/";

/// The routes that ship, with every receiver led to the sink.
fn example(alerts: &Path, sink: SocketAddr) -> Result<String> {
    let path = alerts.join("alertmanager.example.yml");
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&format!("reading {}", path.display()), e))?;
    if !text.contains(RECEIVERS) {
        return Err(Error::new(format!("{} has no receiver at {RECEIVERS}", path.display())));
    }
    Ok(text.replace(RECEIVERS, &format!("http://{sink}/")))
}
