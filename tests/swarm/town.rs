//! Nodes, and an exporter on each.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::swarm::{Wire, address};
use lab::watched::{INTERVAL, Watched};
use lab::{Exporter, Result, Swarm};
use serde_json::Value;

/// The nodes go before what is between them.
pub struct Town {
    nodes: Vec<Watched>,
    pub wire: Wire,
}

/// Two intervals: a fault between nodes is told within that.
pub const SOON: Duration = INTERVAL.saturating_mul(2);

/// Between two looks of who watches.
const PACE: Duration = Duration::from_millis(100);

/// Three nodes, one of them a manager; on the overlay `shop` a container of `web` on each.
pub fn shop() -> Result<Town> {
    let swarm = Swarm::start(3, 1)?;
    network(&swarm, "shop", &[])?;
    serve(&swarm, "web", "shop", &["--mode", "global", "--endpoint-mode", "dnsrr"], 3)?;
    Town::watched(swarm)
}

/// An overlay that containers may be put on by hand.
pub fn network(swarm: &Swarm, name: &str, more: &[&str]) -> Result<()> {
    let own = ["network", "create", "--driver", "overlay", "--attachable"];
    swarm.node(1).docker(&[&own[..], more, &[name]].concat()).map(drop)
}

/// A service of web servers, with so many tasks.
pub fn serve(swarm: &Swarm, name: &str, network: &str, more: &[&str], tasks: usize) -> Result<()> {
    for node in swarm.nodes() {
        node.busybox_image()?;
    }
    swarm.node(1).docker(&create(name, network, more))?;
    swarm.wait_running(name, tasks)
}

/// The command that makes one.
pub fn create<'a>(name: &'a str, network: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let own = ["service", "create", "--detach", "--no-resolve-image", "--name", name, "--network", network];
    [&own[..], more, &["busybox", "httpd", "-f", "-p", "3000"]].concat()
}

impl Town {
    /// An exporter on every node, with every default, each of which has had its first round.
    pub fn watched(swarm: Swarm) -> Result<Self> {
        Self::watched_with(swarm, "{}\n")
    }

    /// The same with other settings.
    pub fn watched_with(swarm: Swarm, settings: &str) -> Result<Self> {
        let (labs, wire) = swarm.apart();
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        let mut nodes = Vec::new();
        for lab in labs {
            let exporter = Exporter::serve(&lab, binary, settings, &[])?;
            nodes.push((lab, exporter));
        }
        let mut watched = Vec::new();
        for (lab, mut exporter) in nodes {
            exporter.wait_ready()?;
            watched.push(Watched::new(lab, exporter, INTERVAL));
        }
        Ok(Self { nodes: watched, wire })
    }

    /// The node of this number, from 1.
    pub fn node(&self, number: usize) -> &Watched {
        &self.nodes[number - 1]
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Watched> {
        self.nodes.iter()
    }

    /// What one round tells on this node, of a program that just started.
    pub fn check(&self, number: usize) -> Result<Value> {
        let mut command = self.node(number).lab.on_host(env!("CARGO_BIN_EXE_destination-exporter"));
        command.args(["check", "--format", "json", "--docker.host", "unix:///run/docker.sock"]);
        let told = command.env_remove("DOCKER_HOST").stdin(std::process::Stdio::null()).output();
        let told = told.map_err(|error| lab::Error::io("running check", error))?;
        let said = String::from_utf8_lossy(&told.stderr);
        serde_json::from_slice(&told.stdout).map_err(|error| lab::Error::new(format!("{error}: {said}")))
    }

    /// Waits until nothing is found on any node.
    pub fn calm(&self) -> Result<()> {
        self.nodes().try_for_each(|node| node.expect(&[], SOON).map(drop))
    }

    /// Watches every node until nothing is `lacking` any more, and gives how long that took: nothing but what is allowed may
    /// be found meanwhile.
    ///
    /// # Panics
    /// When something else is found, or something is lacking still.
    pub fn watch(
        &self,
        allowed: &[&str],
        soon: Duration,
        mut lacking: impl FnMut() -> Result<Vec<String>>,
    ) -> Result<Duration> {
        let began = Instant::now();
        loop {
            self.nodes().try_for_each(|node| node.look(allowed).map(drop))?;
            let lacks = lacking()?;
            if lacks.is_empty() {
                return Ok(began.elapsed());
            }
            assert!(began.elapsed() < soon, "after {soon:?}: {lacks:#?}");
            sleep(PACE);
        }
    }

    /// Waits until just this is found on these nodes, two intervals after `began` at the latest; gives the reports.
    pub fn expect(&self, nodes: &[usize], finding: &str, began: Instant) -> Result<Vec<Value>> {
        let mut reports = Vec::new();
        for number in nodes {
            let left = SOON.saturating_sub(began.elapsed());
            reports.push(self.node(*number).expect(&[finding], left)?.0);
            println!("{finding} on node {number} after {} ms", began.elapsed().as_millis());
            assert!(began.elapsed() <= SOON, "two intervals are over: {:?}", began.elapsed());
        }
        Ok(reports)
    }
}

/// A node's address as findings name it.
pub fn at(number: u8) -> String {
    address(number).to_string()
}
