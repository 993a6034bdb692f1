//! An exporter in a container of a lab's Engine, as its image is run.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;

use crate::answer::{Answer, ask};
use crate::error::{Error, Result};
use crate::{Host, Lab};

/// What the image listens on.
const PORT: u16 = 10061;

/// A running exporter in a container. It ends with its lab.
pub struct Contained {
    host: Host,
    address: SocketAddr,
    pid: String,
}

impl Contained {
    /// Runs a container of `image` named `exporter` with these options of `docker run` and these flags of the
    /// exporter; does not wait until it is ready. With `--network host` it listens on loopback.
    pub fn run(lab: &Lab, image: &str, options: &[&str], flags: &[&str]) -> Result<Self> {
        let mut command = vec!["run", "-d", "--name", "exporter"];
        command.extend(options);
        let on_host = options.windows(2).any(|pair| pair == ["--network", "host"]);
        let listen = if on_host { "127.0.0.1:10061" } else { ":10061" };
        let listen = format!("--web.listen-address={listen}");
        command.extend([image, "serve", &listen]);
        command.extend(flags);
        lab.docker(&command)?;
        let told = |what: &str| lab.docker(&["inspect", "-f", what, "exporter"]);
        let address = if on_host {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            let address = told("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")?;
            address.parse().map_err(|_| {
                let log = Self::log(lab).unwrap_or_else(|error| error.to_string());
                Error::new(format!("the exporter's container has no address ({address:?}):\n{log}"))
            })?
        };
        Ok(Self { host: lab.host(), address: SocketAddr::new(address, PORT), pid: told("{{.State.Pid}}")? })
    }

    /// `GET path`, from the lab's host.
    pub fn get(&self, path: &str) -> Result<Answer> {
        ask(&self.host, self.address, "GET", path)
    }

    /// A request without a body, from the lab's host.
    pub fn ask(&self, method: &str, path: &str) -> Result<Answer> {
        ask(&self.host, self.address, method, path)
    }

    /// The page of metrics.
    pub fn metrics(&self) -> Result<String> {
        self.get("/metrics")?.page()
    }

    /// The whole report.
    pub fn report(&self) -> Result<Value> {
        self.get("/diagnostics")?.json()
    }

    /// Its process id in the lab.
    #[must_use]
    pub fn pid(&self) -> &str {
        &self.pid
    }

    /// What it has logged.
    pub fn log(lab: &Lab) -> Result<String> {
        let output = lab.docker_output(&["logs", "exporter"])?;
        Ok([output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat())
    }
}
