//! Who lives there: the anchor, that nobody touches, and two plots on which there is never rest.

use std::thread::sleep;
use std::time::Duration;

use crate::deploy::{self, Deploy};
use crate::{Lab, Result};

/// The network that nobody touches; the names of its containers begin with it.
pub const ANCHOR: &str = "anchor";
const ANCHORS: [&str; 3] = ["anchor-web", "anchor-api", "anchor-db"];

/// Containers live on while the Engine is away.
const LIVE_RESTORE: &str = "{\"live-restore\": true}";
/// They end with it, and start with it again.
pub const WITHOUT_LIVE_RESTORE: &str = "{\"live-restore\": false}";

const SERVE: [&str; 6] = ["httpd", "-f", "-p", "3000", "-h", "/etc"];

/// What one hand deploys.
pub struct Plot {
    /// How they deploy; the 0th time is the first.
    pub ways: &'static [(&'static str, Deploy)],
    /// Whether a container or a network of this name is of this plot and may be cleared away.
    pub owns: fn(&str) -> bool,
}

pub const PLOTS: [&Plot; 2] = [
    &Plot {
        ways: deploy::WAYS,
        owns: |name| !["anchor", "yard", "fresh"].iter().any(|other| name.starts_with(other)),
    },
    &Plot { ways: YARD, owns: |name| name.starts_with("yard-") },
];

const YARD: &[(&str, Deploy)] = &[
    ("stop and start", stop_and_start),
    ("scaled up and down", scale),
    ("a network comes and goes", network_comes_and_goes),
    ("attached and detached", attach_and_detach),
    ("a crash loop", crash_loop),
    ("paused", pause),
];

pub struct Town {
    pub lab: Lab,
}

impl Town {
    pub fn build() -> Result<Self> {
        let lab = Lab::start_set(LIVE_RESTORE)?;
        lab.busybox_image()?;
        for network in [ANCHOR, "shop", "yard", "lane", "fresh"] {
            lab.docker(&["network", "create", network])?;
        }
        for name in ANCHORS {
            run(&lab, name, ANCHOR, &[], &SERVE)?;
        }
        Ok(Self { lab })
    }

    /// The Engine's version.
    pub fn engine(&self) -> Result<String> {
        self.lab.docker(&["version", "--format", "{{.Server.Version}}"])
    }
}

fn run(lab: &Lab, name: &str, network: &str, options: &[&str], command: &[&str]) -> Result<()> {
    let run = ["run", "-d", "--name", name, "--network", network, "--restart", "unless-stopped"];
    // The server hears no SIGTERM: an Engine that ends would wait ten seconds for each.
    let options = [&["--stop-timeout", "1"], options].concat();
    lab.docker(&[&run[..], &options, &["busybox"], command].concat()).map(drop)
}

fn stop_and_start(lab: &Lab, n: usize) -> Result<()> {
    if n == 0 {
        return run(lab, "yard-db", "yard", &[], &SERVE);
    }
    lab.docker(&["stop", "-t", "0", "yard-db"])?;
    sleep(Duration::from_millis(500));
    lab.docker(&["start", "yard-db"]).map(drop)
}

/// One more and one less of a Compose service.
fn scale(lab: &Lab, n: usize) -> Result<()> {
    let replicas = if n == 0 { 1..=1 } else { 2..=3 };
    for number in replicas.clone() {
        let labels = [
            "--label=com.docker.compose.project=yard".to_owned(),
            "--label=com.docker.compose.service=web".to_owned(),
            format!("--label=com.docker.compose.container-number={number}"),
        ];
        run(lab, &format!("yard-web-{number}"), "yard", &labels.each_ref().map(String::as_str), &SERVE)?;
    }
    if n > 0 {
        sleep(Duration::from_millis(500));
        for number in replicas {
            lab.docker(&["rm", "-f", &format!("yard-web-{number}")])?;
        }
    }
    Ok(())
}

fn network_comes_and_goes(lab: &Lab, n: usize) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    let network = format!("yard-net-{n}");
    let names = ["a", "b"].map(|end| format!("{network}-{end}"));
    lab.docker(&["network", "create", &network])?;
    for name in &names {
        run(lab, name, &network, &[], &SERVE)?;
    }
    sleep(Duration::from_millis(500));
    for name in &names {
        lab.docker(&["rm", "-f", name])?;
    }
    lab.docker(&["network", "rm", &network]).map(drop)
}

fn attach_and_detach(lab: &Lab, n: usize) -> Result<()> {
    if n == 0 {
        return run(lab, "yard-guest", "yard", &[], &SERVE);
    }
    lab.docker(&["network", "connect", "--alias", "guest", "lane", "yard-guest"])?;
    sleep(Duration::from_millis(700));
    lab.docker(&["network", "disconnect", "lane", "yard-guest"]).map(drop)
}

fn crash_loop(lab: &Lab, n: usize) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    run(lab, "yard-crash", "yard", &[], &["sh", "-c", "sleep 0.2; exit 1"])?;
    sleep(Duration::from_secs(3));
    lab.docker(&["rm", "-f", "yard-crash"]).map(drop)
}

fn pause(lab: &Lab, n: usize) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    lab.docker(&["pause", "yard-db"])?;
    sleep(Duration::from_millis(500));
    lab.docker(&["unpause", "yard-db"]).map(drop)
}
