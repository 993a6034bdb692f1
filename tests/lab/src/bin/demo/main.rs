//! `make demo`: a host as Coolify leaves it, with two faults in it, and the exporter on it. `make demo-swarm` is in
//! [`swarm`].
//!
//! Everything is in a lab of its own; the machine's Engine and networks are not touched. What the machine gets is three
//! listeners on its loopback, which lead to the exporter, to Prometheus and to Alertmanager.

mod doors;
mod end;
mod sink;
mod swarm;
mod telephone;

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use lab::oncall::{ALERTMANAGER, OnCall, PROMETHEUS, Urls};
use lab::{Error, Exporter, Lab, Result, coolify};

use doors::{door_to, open_door};
use end::End;
use telephone::Telephone;

/// The exporter's own default.
const PORT: u16 = 10061;

fn main() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<()> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let (Some(exporter), Some(traefik)) = (args.next(), args.next()) else {
        return Err(Error::new("usage: demo EXPORTER TRAEFIK|swarm (make demo and make demo-swarm call it)"));
    };
    if exporter == Path::new("sink") {
        return sink::listen(&traefik.to_string_lossy());
    }
    // The lab's host has another working directory.
    let whole = |path: PathBuf| path.canonicalize().map_err(|e| Error::io(&path.display().to_string(), e));
    let exporter = whole(exporter)?;
    if traefik == Path::new("swarm") {
        return swarm::demo(&exporter);
    }
    let traefik = whole(traefik)?;
    let door = TcpListener::bind(("127.0.0.1", PORT))
        .map_err(|e| Error::io(&format!("listening on port {PORT}"), e))?;
    let (prometheus, prometheus_url) = door_to(PROMETHEUS)?;
    let (alertmanager, alertmanager_url) = door_to(ALERTMANAGER)?;
    let urls = Urls { prometheus: prometheus_url, alertmanager: alertmanager_url };

    say("starting a private Docker Engine");
    let lab = Lab::start()?;
    say("deploying: a proxy, two shops' worth of apps, two databases");
    coolify::deploy(&lab, &traefik)?;

    say("looking: destination-exporter check\n");
    let status = on_host(&lab, &exporter, &["check"]).status().map_err(|e| Error::io("running check", e))?;
    println!("\n(exit status {})\n", status.code().unwrap_or(-1));

    let base = format!("http://127.0.0.1:{PORT}");
    let flags = ["--log.level", "warn", "--web.external-url", &base];
    let mut exporter = Exporter::serve(&lab, &exporter, "", &flags)?;
    let served = exporter.wait_ready().and_then(|()| {
        let _telephone = Telephone::connect(&lab)?;
        let at = SocketAddr::from(([127, 0, 0, 1], PORT));
        let exporters = [(at, at.to_string())];
        let _on_call = OnCall::start(&lab, &alerts()?, &exporters, &urls, telephone::sink()?)?;
        open_door(door, lab.host(), PORT);
        open_door(prometheus, lab.host(), PROMETHEUS.port());
        open_door(alertmanager, lab.host(), ALERTMANAGER.port());
        invite(&lab, &base, &urls);
        wait_for_the_end(&mut exporter, &End::listen()?)
    });
    drop(exporter);
    say("taking everything down");
    served
}

fn say(what: &str) {
    println!("demo: {what}");
}

/// The project's.
fn alerts() -> Result<PathBuf> {
    let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../alerts");
    alerts.canonicalize().map_err(|e| Error::io("looking for the alerts", e))
}

fn on_host(lab: &Lab, exporter: &Path, args: &[&str]) -> Command {
    let mut command = lab.on_host(&exporter.to_string_lossy());
    command.args(args).args(["--docker.host", "unix:///run/docker.sock"]).env_remove("DOCKER_HOST");
    command
}

fn invite(lab: &Lab, base: &str, urls: &Urls) {
    println!("Now it serves:\n");
    println!("  {base}/              the way in");
    println!("  {base}/diagnostics   the report: a page for a browser, JSON for a program");
    println!("  {base}/metrics       for Prometheus");
    println!("  {}/alerts        Prometheus, with the alerts that ship", urls.prometheus);
    println!("  {}               Alertmanager; what it sends comes to this terminal\n", urls.alertmanager);
    println!(
        "The page above comes as a notification within two minutes, the ticket after five. From another terminal,\n"
    );
    println!("  export DOCKER_HOST=unix://{}\n", lab.socket().display());
    println!("break something, and see who is called, and what it says:\n");
    println!("  docker network disconnect {} coolify-proxy\n", coolify::BLOG);
    println!(
        "repair it by what the notification says, and see it resolved, five to ten minutes later. And the other two:\n"
    );
    println!("  docker exec web-{} sh -c 'echo 3000 >/www/listen'", coolify::SHOP);
    println!("  docker restart -t 1 web-{}", coolify::SHOP);
    println!("  docker network disconnect coolify postgres-{}", coolify::SHOP);
    println!("  curl -s {base}/diagnostics | grep -m1 status\n");
    println!("Ctrl-C takes everything down.");
}

/// Until Ctrl-C, SIGTERM, or the exporter's own end, which is an error.
fn wait_for_the_end(exporter: &mut Exporter, end: &End) -> Result<()> {
    while end.leaves(Duration::from_secs(1)) {
        if let Some(status) = exporter.ended() {
            return Err(Error::new(format!("the exporter ended with {status}:\n{}", exporter.log())));
        }
    }
    Ok(())
}
