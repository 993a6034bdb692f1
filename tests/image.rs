//! The image as the Dockerfile builds it and the page of deployment runs it.

#[path = "image/built.rs"]
mod built;

use std::thread;
use std::time::{Duration, Instant};

use lab::{Contained, Error, Lab, Result};

/// What takes longer than this on a busy machine does not come.
const PATIENCE: Duration = Duration::from_secs(90);

/// Every kind of probe that a destination gets without further settings.
const KINDS: [&str; 4] = ["dns", "icmp", "tcp", "http"];

fn until(what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    loop {
        let last = match holds() {
            Ok(true) => return Ok(()),
            Ok(false) => "it answers".to_owned(),
            Err(error) => error.to_string(),
        };
        if started.elapsed() > PATIENCE {
            return Err(Error::new(format!("{what}: not in {PATIENCE:?}; {last}")));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn it_is_built_of_local_images_and_probes_a_container_without_a_shell() -> Result<()> {
    let lab = Lab::start()?;
    let image = built::build(&lab)?;

    // Nothing in it but what the exporter is and what it trusts.
    let mut files = built::files(&lab, &image)?;
    files.retain(|file| !file.ends_with('/') && !built::MADE_BY_THE_ENGINE.contains(&file.as_str()));
    assert_eq!(files, ["destination-exporter", "etc/ssl/certs/ca-certificates.crt"]);
    let size: u64 = lab.docker(&["inspect", "-f", "{{.Size}}", &image])?.parse().expect("a number");
    assert!(size <= 12_000_000, "{size} bytes");

    // One static binary is all that these have.
    let alone = lab.static_image("alone", &built::busybox()?)?;
    lab.docker(&["network", "create", "shop"])?;
    for name in ["web", "api"] {
        let serve = ["httpd", "-f", "-p", "8080", "-h", "/"];
        let run = ["run", "-d", "--name", name, "--network", "shop", &alone];
        lab.docker(&[&run[..], &serve].concat())?;
    }
    let socket = format!("{}:/var/run/docker.sock:ro", lab.socket().display());
    let namespaces = format!("{0}:{0}:ro,rslave", lab.namespaces().display());
    let options = [
        "--read-only",
        "--cap-drop",
        "ALL",
        "--cap-add",
        "SYS_ADMIN",
        "--security-opt",
        "no-new-privileges",
        "--network",
        "host",
        "-v",
        &socket,
        "-v",
        &namespaces,
    ];
    let exporter = Contained::run(&lab, &image, &options, &[])?;
    for kind in KINDS {
        for (source, target) in [("web", "api"), ("api", "web")] {
            let series = format!("probe=\"{kind}\",source=\"{source}\",target=\"{target}\"}} 1");
            until(&series, || Ok(exporter.metrics()?.lines().any(|line| line.ends_with(&series))))?;
        }
    }
    until("its own healthcheck", || {
        Ok(lab.docker(&["inspect", "-f", "{{.State.Health.Status}}", "exporter"])? == "healthy")
    })?;
    let page = exporter.metrics()?;
    assert!(page.contains("destination_healthy{destination=\"shop\"} 1"), "{page}");
    assert!(page.contains("revision=\"of-this-test\""), "{page}");
    Ok(())
}
