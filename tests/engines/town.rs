//! A host with two destinations: `web`, `api` and `db` on `shop`; `blog` on `blog`, and `api` there as well.

use std::path::Path;

use lab::{Engine, Exporter, Lab, Result};

/// Takes what is sent, and throws it away.
const SINK: &[&str] = &["nc", "-ll", "-p", "9000", "-e", "/bin/sh", "-c", "cat >/dev/null"];

/// Name, network, address, command; the network's first address is its gateway's.
const CONTAINERS: &[(&str, &str, &str, &[&str])] = &[
    ("web", "shop", "10.1.0.10", &["httpd", "-f", "-p", "8080", "-h", "/etc"]),
    ("api", "shop", "10.1.0.11", SINK),
    ("db", "shop", "10.1.0.12", &["nc", "-ll", "-p", "5432", "-e", "/bin/cat"]),
    ("blog", "blog", "10.2.0.10", &["httpd", "-f", "-p", "3000", "-h", "/etc"]),
];

/// What `api` is called besides, on `shop`.
pub const ALIAS: &str = "backend";

/// The second address of `api`.
pub const ON_BLOG: &str = "10.2.0.11";

pub struct Town {
    pub lab: Lab,
}

impl Town {
    pub fn build(engine: Engine) -> Result<Self> {
        let lab = Lab::start_with(engine)?;
        let image = lab.busybox_image()?;
        for (network, subnet) in [("shop", "10.1.0.0/24"), ("blog", "10.2.0.0/24")] {
            lab.docker(&["network", "create", "--subnet", subnet, network])?;
        }
        for (name, network, address, command) in CONTAINERS {
            let mut run = vec!["run", "-d", "--name", name, "--network", network, "--ip", address];
            if *name == "api" {
                run.extend(["--network-alias", ALIAS]);
            }
            // What is to be there again after a fault.
            run.extend(["--restart", "unless-stopped", &image]);
            run.extend(*command);
            lab.docker(&run)?;
        }
        lab.docker(&["network", "connect", "--ip", ON_BLOG, "blog", "api"])?;
        Ok(Self { lab })
    }

    /// An exporter on the host, with these settings; not waited for.
    pub fn exporter(&self, settings: &str) -> Result<Exporter> {
        Exporter::serve(&self.lab, Path::new(env!("CARGO_BIN_EXE_destination-exporter")), settings, &[])
    }
}
