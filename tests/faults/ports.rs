//! Local ports that run out: a container with twenty of them, and a program that opens connections and keeps them.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::Result;
use lab::watched::{INTERVAL, Watched, finding, text};

use crate::{EVENT, told, town};

const DB: &str = "10.1.0.12";
const NARROW: &str = "net.ipv4.ip_local_port_range=40000 40019";

/// Opens connections from `web` to the database until one fails, and says so; keeps them until it is ended.
fn hold(town: &Watched) -> Result<Child> {
    let pid = town.lab.docker(&["inspect", "-f", "{{.State.Pid}}", "web"])?;
    let held = format!(
        "while exec {{one}}<>/dev/tcp/{DB}/5432; do sleep 0.02; done 2>{0}/refused; exec sleep 600",
        town.lab.folder().display()
    );
    let mut shell = town.lab.on_host("nsenter");
    shell.args(["-t", &pid, "-n", "bash", "-c", &held]).stdin(Stdio::null());
    let shell = shell.spawn().map_err(|e| lab::Error::io("starting bash", e))?;
    let began = Instant::now();
    let refused = || std::fs::read_to_string(town.lab.folder().join("refused")).unwrap_or_default();
    while !refused().contains("Cannot assign requested address") {
        assert!(began.elapsed() < Duration::from_secs(20), "no connection fails: {}", refused());
        sleep(Duration::from_millis(20));
    }
    Ok(shell)
}

#[test]
fn a_container_without_a_local_port_for_its_database() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.inside("web", &["sysctl", "-q", "-w", NARROW])?;
    let mut program = hold(&town)?;
    let (report, found) = town.expect(&["ephemeral-ports-exhausted web"], INTERVAL)?;
    let fault = finding(&report, "ephemeral-ports-exhausted");
    assert_eq!((text(&fault["severity"]), text(&fault["destination"])), ("page", "shop"));
    assert_eq!(
        text(&fault["summary"]),
        "Container `web` has 20 of 20 local ports in use towards 10.1.0.12:5432 (`db`): new connections there fail with \"cannot assign requested address\"."
    );
    // The exporter gets no port in there either, and blames nobody for it.
    sleep(INTERVAL);
    town.expect(&["ephemeral-ports-exhausted web"], EVENT)?;

    // The command as it is told, for a shell.
    let step = text(&fault["fix"][1]);
    let (_, repair) = step.split_once(": ").unwrap_or_else(|| panic!("no command in {step:?}"));
    assert!(
        repair.starts_with("nsenter -t \"$(docker inspect -f '{{.State.Pid}}' web)\" -n sysctl -w"),
        "{repair}"
    );
    town.lab.exec_on_host(&["env", "DOCKER_HOST=unix:///run/docker.sock", "sh", "-c", repair])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    program.kill().map_err(|e| lab::Error::io("ending bash", e))?;
    program.wait().map_err(|e| lab::Error::io("ending bash", e))?;
    town.expect_no_trace(&before)?;
    told("a container without a local port", found, gone);
    Ok(())
}
