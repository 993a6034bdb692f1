//! Deployments as people do them, again and again: by Coolify, by Compose, by hand.

use std::thread::sleep;
use std::time::Duration;

use crate::{Lab, Result};

const WEB: [&str; 6] = ["httpd", "-f", "-p", "3000", "-h", "/etc"];

/// One way to deploy anew, of the `n`th time; the 0th is the first.
pub type Deploy = fn(&Lab, usize) -> Result<()>;

/// The ways that people deploy, on the network `shop`.
pub const WAYS: &[(&str, Deploy)] = &[
    ("rolling, as Coolify does it", rolling),
    ("recreate, as Compose does it", recreate),
    ("remove and run", remove_and_run),
    ("stop, remove and run", stop_and_run),
    ("restart", restart),
    ("another project comes and goes", come_and_go),
];

fn run(lab: &Lab, verb: &str, name: &str, labels: &[(&str, &str)]) -> Result<()> {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("--label={key}={value}")).collect();
    let mut command = lab.client();
    command.args([verb, "--name", name, "--network", "shop", "--restart", "unless-stopped"]);
    // A web server that is the first process hears no SIGTERM; an Engine that ends would wait for it.
    command.args(["--stop-timeout", "1"]);
    if verb == "run" {
        command.arg("-d");
    }
    crate::run(command.args(labels).arg("busybox").args(WEB)).map(drop)
}

fn app(n: usize) -> String {
    format!("t4sck4w8o0w40ogkwcs8ggc0-{n:06}")
}

/// The new one runs and is healthy before the old one is asked to go.
fn rolling(lab: &Lab, n: usize) -> Result<()> {
    let labels = [
        ("coolify.managed", "true"),
        ("coolify.resourceName", "landing"),
        ("coolify.serviceName", "landing"),
        ("coolify.pullRequestId", "0"),
    ];
    run(lab, "run", &app(n), &labels)?;
    sleep(Duration::from_millis(500));
    if n > 0 {
        lab.docker(&["stop", "-t", "1", &app(n - 1)])?;
        lab.docker(&["rm", "-f", &app(n - 1)])?;
    }
    Ok(())
}

/// The new one is made, the old one is stopped and renamed, the new one starts.
fn recreate(lab: &Lab, n: usize) -> Result<()> {
    let labels = [("com.docker.compose.project", "blog"), ("com.docker.compose.service", "web")];
    let (fresh, old) = (format!("new-{n}-blog-web-1"), format!("old-{n}-blog-web-1"));
    run(lab, "create", &fresh, &labels)?;
    if n > 0 {
        lab.docker(&["stop", "-t", "1", "blog-web-1"])?;
        lab.docker(&["rename", "blog-web-1", &old])?;
    }
    lab.docker(&["rename", &fresh, "blog-web-1"])?;
    lab.docker(&["start", "blog-web-1"])?;
    if n > 0 {
        lab.docker(&["rm", "-f", &old])?;
    }
    Ok(())
}

fn remove_and_run(lab: &Lab, n: usize) -> Result<()> {
    if n > 0 {
        lab.docker(&["rm", "-f", "by-hand"])?;
    }
    run(lab, "run", "by-hand", &[])
}

fn stop_and_run(lab: &Lab, n: usize) -> Result<()> {
    if n > 0 {
        lab.docker(&["stop", "-t", "1", "by-script"])?;
        lab.docker(&["rm", "by-script"])?;
    }
    run(lab, "run", "by-script", &[])
}

fn restart(lab: &Lab, n: usize) -> Result<()> {
    if n == 0 {
        return run(lab, "run", "restarted", &[]);
    }
    lab.docker(&["restart", "-t", "1", "restarted"]).map(drop)
}

fn come_and_go(lab: &Lab, n: usize) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    lab.docker(&["network", "create", "guest"])?;
    lab.docker(&["run", "-d", "--name", "guest", "--network", "guest", "busybox", "sleep", "600"])?;
    lab.docker(&["network", "connect", "shop", "guest"])?;
    sleep(Duration::from_millis(700));
    lab.docker(&["network", "disconnect", "shop", "guest"])?;
    lab.docker(&["rm", "-f", "guest"])?;
    lab.docker(&["network", "rm", "guest"]).map(drop)
}
