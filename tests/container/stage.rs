//! A lab with an application on a destination, and the exporter's image.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use lab::{Contained, Error, Exporter, Lab, Result};
use serde_json::Value;

/// The kinds that a destination is probed by without further settings.
pub const KINDS: [&str; 4] = ["dns", "icmp", "tcp", "http"];

/// What takes longer than this on a busy machine does not come.
const PATIENCE: Duration = Duration::from_secs(90);

/// Every second instead of every fifteen: a test waits for rounds.
pub const BRISK: &str = "probes:
  dns: {interval: 1s}
  icmp: {interval: 1s}
  tcp: {interval: 1s}
  http: {interval: 1s}
";

pub struct Stage {
    pub lab: Lab,
    busybox: String,
    image: String,
    config: String,
}

impl Stage {
    /// The destination `shop` with the container `before` on it.
    pub fn set() -> Result<Self> {
        let lab = Lab::start()?;
        let busybox = lab.busybox_image()?;
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        let image = lab.dynamic_image("destination-exporter", binary)?;
        let config = lab.folder().join("exporter.yml");
        let text = format!("docker:\n  netns_dir: {}\n{BRISK}", lab.namespaces().display());
        fs::write(&config, text).map_err(|e| Error::io("writing the exporter's configuration", e))?;
        lab.docker(&["network", "create", "shop"])?;
        let stage = Self { lab, busybox, image, config: config.display().to_string() };
        stage.deploy("before")?;
        Ok(stage)
    }

    /// The lab's Engine keeps its namespaces elsewhere; here is a folder as Docker's usual one is, on a shared mount.
    pub fn has_the_usual_folder(&self) -> Result<()> {
        let make = "mount --make-rshared /run && mkdir -p /run/docker/netns";
        self.lab.exec_on_host(&["sh", "-euc", make]).map(drop)
    }

    /// Adds settings to those of the exporter that is to be started.
    pub fn configure(&self, settings: &str) -> Result<()> {
        let all = fs::read_to_string(&self.config).map(|text| text + settings);
        all.and_then(|text| fs::write(&self.config, text))
            .map_err(|e| Error::io("writing the exporter's configuration", e))
    }

    /// A container that answers HTTP on 8080.
    pub fn deploy(&self, name: &str) -> Result<()> {
        let serve = ["httpd", "-f", "-p", "8080", "-h", "/"];
        let run = ["run", "-d", "--name", name, "--network", "shop", &self.busybox];
        self.lab.docker(&[&run[..], &serve].concat()).map(drop)
    }

    /// The options of `docker run` without mounts: what the page of deployment gives, word by word.
    pub fn privileges() -> Vec<String> {
        let options = "--read-only --cap-drop ALL --cap-add SYS_ADMIN --security-opt no-new-privileges \
            --network host";
        options.split(' ').map(str::to_owned).collect()
    }

    pub fn socket(&self) -> [String; 2] {
        ["-v".into(), format!("{}:/var/run/docker.sock:ro", self.lab.socket().display())]
    }

    /// The Engine's folder of namespaces, mounted as `mode` says.
    pub fn namespaces(&self, mode: &str) -> [String; 2] {
        let folder = self.lab.namespaces();
        ["-v".into(), format!("{0}:{0}:{mode}", folder.display())]
    }

    /// The server's address on `shop`.
    pub fn gateway(&self) -> Result<String> {
        self.lab.docker(&["inspect", "-f", "{{.NetworkSettings.Networks.shop.Gateway}}", "before"])
    }

    /// What a container gets that asks for `/diagnostics` at this address; nothing where nobody answers.
    pub fn reads(&self, container: &str, address: &str) -> Result<String> {
        let request = format!("GET /diagnostics HTTP/1.0\\r\\nHost: {address}\\r\\n\\r\\n");
        let ask = format!("(printf '{request}'; sleep 1) | nc -w 5 {address} 10061 2>/dev/null || true");
        self.lab.docker(&["exec", container, "sh", "-c", &ask])
    }

    /// All that it needs.
    pub fn documented(&self) -> Vec<String> {
        let mounts = self.socket().into_iter().chain(self.namespaces("ro,rslave"));
        Self::privileges().into_iter().chain(mounts).collect()
    }

    /// Starts the exporter's container with these options and the configuration.
    pub fn run(&self, options: &[String]) -> Result<Contained> {
        self.run_with(options, &[])
    }

    /// With these flags more.
    pub fn run_with(&self, options: &[String], flags: &[&str]) -> Result<Contained> {
        let config = format!("{}:/exporter.yml:ro", self.config);
        let mut all: Vec<&str> = options.iter().map(String::as_str).collect();
        all.extend(["-v", &config]);
        Contained::run(&self.lab, &self.image, &all, &[&["--config.file", "/exporter.yml"], flags].concat())
    }

    /// Starts the exporter as root on the lab's host, by another program where one is given.
    pub fn on_host(&self, by: &[&str]) -> Result<Exporter> {
        let config =
            fs::read_to_string(&self.config).map_err(|e| Error::io("reading the configuration", e))?;
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        Exporter::serve_by(&self.lab, by, binary, &config, &[])
    }

    /// Waits until more probes than now could not be run.
    pub fn unknown_grows(&self, exporter: &impl Serves) -> Result<()> {
        let count =
            || Ok(values(&page(exporter)?, "destination_exporter_probes_unknown_total", &[]).iter().sum());
        let before: f64 = count()?;
        self.until("unknown probes are counted", || Ok(count()? > before))
    }

    /// Waits until the inventory that is served has so many containers on `shop`.
    pub fn shop_has(&self, exporter: &impl Serves, containers: u32) -> Result<()> {
        self.until("the inventory is served", || {
            let shop = [("destination", "shop")];
            Ok(values(&page(exporter)?, "destination_containers", &shop) == [f64::from(containers)])
        })
    }

    /// Waits until `holds`; an exporter that does not answer yet is waited for too.
    pub fn until(&self, what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
        let started = Instant::now();
        loop {
            let last = match holds() {
                Ok(true) => return Ok(()),
                Ok(false) => "it answers".to_owned(),
                Err(error) => error.to_string(),
            };
            if started.elapsed() > PATIENCE {
                let log = Contained::log(&self.lab).unwrap_or_else(|error| error.to_string());
                return Err(Error::new(format!("{what}: not in {PATIENCE:?}; {last}\n{log}")));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// An exporter, wherever it runs.
pub trait Serves {
    fn page(&self) -> Result<String>;
    fn report(&self) -> Result<Value>;
}

impl Serves for Contained {
    fn page(&self) -> Result<String> {
        self.metrics()
    }

    fn report(&self) -> Result<Value> {
        self.report()
    }
}

impl Serves for Exporter {
    fn page(&self) -> Result<String> {
        self.metrics()
    }

    fn report(&self) -> Result<Value> {
        self.report()
    }
}

/// The page of metrics.
pub fn page(exporter: &impl Serves) -> Result<String> {
    exporter.page()
}

/// The values of the lines that begin with `name` and carry all of `labels`.
pub fn values(metrics: &str, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
    let carries =
        |line: &str| labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")));
    metrics
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .filter(|line| carries(line))
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect()
}

/// `destination_probe_success` of a pair on `shop`.
pub fn probes(metrics: &str, kind: &str, source: &str, target: &str) -> Vec<f64> {
    let labels = [("destination", "shop"), ("probe", kind), ("source", source), ("target", target)];
    values(metrics, "destination_probe_success", &labels)
}

pub fn capability(metrics: &str, name: &str) -> Option<f64> {
    values(metrics, "destination_exporter_capability", &[("capability", name)]).first().copied()
}

/// Every finding of the report, of the host and of each destination.
fn findings(exporter: &impl Serves) -> Result<Vec<Value>> {
    let report = exporter.report()?;
    let places = report["destinations"].as_array().into_iter().flatten().chain([&report["host"]]);
    Ok(places.flat_map(|place| place["findings"].as_array().cloned().unwrap_or_default()).collect())
}

/// The findings that say that the exporter is blind, each as one text: whose sight, evidence, fix.
pub fn blind(exporter: &impl Serves) -> Result<Vec<String>> {
    let blind = findings(exporter)?.into_iter().filter(|finding| finding["code"] == "exporter-blind");
    Ok(blind.map(|f| format!("{} {} {} {}", f["subject"], f["summary"], f["evidence"], f["fix"])).collect())
}

/// The codes of findings that say that something is wrong with anything but the exporter.
pub fn down(exporter: &impl Serves) -> Result<Vec<String>> {
    let wrong = |f: &Value| f["code"] != "exporter-blind" && f["severity"] != "info";
    Ok(findings(exporter)?.iter().filter(|f| wrong(f)).map(|f| f["code"].to_string()).collect())
}
