//! A host with two destinations, an exporter on it with every default, and what it says.

use std::path::Path;
use std::time::Duration;

use lab::watched::{INTERVAL, Watched};
use lab::{Exporter, Lab, Result};

/// `shop` with `web`, `api` and `db`; `blog` with `blog`. `api` and `blog` are images of one binary.
pub fn build() -> Result<Watched> {
    let lab = Lab::start()?;
    let busybox = lab.busybox_image()?;
    let binary = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
    let binary = binary.into_iter().find(|path| path.exists()).expect("busybox: make deps");
    let tool = lab.static_image("tool", binary)?;
    for (network, subnet) in [("shop", "10.1.0.0/24"), ("blog", "10.2.0.0/24")] {
        lab.docker(&["network", "create", "--subnet", subnet, network])?;
    }
    let run = |name: &str, network: &str, address: &str, image: &str, command: &[&str]| {
        let run = ["run", "-d", "--name", name, "--network", network, "--ip", address];
        lab.docker(&[&run[..], &["--restart", "unless-stopped", image], command].concat())
    };
    run("web", "shop", "10.1.0.10", &busybox, &["httpd", "-f", "-p", "8080", "-h", "/etc"])?;
    run("api", "shop", "10.1.0.11", &tool, &["httpd", "-f", "-p", "3000", "-h", "/"])?;
    run("db", "shop", "10.1.0.12", &busybox, &["nc", "-ll", "-p", "5432", "-e", "/bin/cat"])?;
    run("blog", "blog", "10.2.0.10", &tool, &["httpd", "-f", "-p", "3000", "-h", "/"])?;
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, "{}\n", &[])?;
    exporter.wait_ready()?;
    let town = Watched::new(lab, exporter, INTERVAL);
    town.expect(&[], Duration::ZERO)?;
    Ok(town)
}
