//! `make demo`: a host as Coolify leaves it, with two faults in it, and the exporter on it.
//!
//! Everything is in a lab of its own; the machine's Engine and networks are not touched. The one thing that the
//! machine gets is a listener on its loopback, which leads to the exporter's.

use std::env;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use lab::{Error, Exporter, Lab, Result, coolify};

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
        return Err(Error::new("usage: demo EXPORTER TRAEFIK (make demo calls it)"));
    };
    // The lab's host has another working directory.
    let [exporter, traefik] = [exporter, traefik]
        .map(|path| path.canonicalize().map_err(|e| Error::io(&path.display().to_string(), e)));
    let (exporter, traefik) = (exporter?, traefik?);
    let door = TcpListener::bind(("127.0.0.1", PORT))
        .map_err(|e| Error::io(&format!("listening on port {PORT}"), e))?;

    say("starting a private Docker Engine");
    let lab = Lab::start()?;
    say("deploying: a proxy, two shops' worth of apps, two databases");
    coolify::deploy(&lab, &traefik)?;

    say("looking: destination-exporter check\n");
    let status = on_host(&lab, &exporter, &["check"]).status().map_err(|e| Error::io("running check", e))?;
    println!("\n(exit status {})\n", status.code().unwrap_or(-1));

    let mut exporter = Exporter::serve(&lab, &exporter, "", &["--log.level", "warn"])?;
    let served = exporter.wait_ready().and_then(|()| {
        invite(&lab);
        open_door(door, lab.host());
        wait_for_the_end(&mut exporter)
    });
    drop(exporter);
    say("taking everything down");
    served
}

fn say(what: &str) {
    println!("demo: {what}");
}

fn on_host(lab: &Lab, exporter: &Path, args: &[&str]) -> Command {
    let mut command = lab.on_host(&exporter.to_string_lossy());
    command.args(args).args(["--docker.host", "unix:///run/docker.sock"]).env_remove("DOCKER_HOST");
    command
}

fn invite(lab: &Lab) {
    let base = format!("http://127.0.0.1:{PORT}");
    println!("Now it serves:\n");
    println!("  {base}/              the way in");
    println!("  {base}/diagnostics   the report, as JSON");
    println!("  {base}/metrics       for Prometheus\n");
    println!("Repair a fault and look again, from another terminal:\n");
    println!("  export DOCKER_HOST=unix://{}", lab.socket().display());
    println!("  docker exec web-{} sh -c 'echo 3000 >/www/listen'", coolify::SHOP);
    println!("  docker restart -t 1 web-{}", coolify::SHOP);
    println!("  docker network disconnect coolify postgres-{}", coolify::SHOP);
    println!("  curl -s {base}/diagnostics | grep -m1 status\n");
    println!("Ctrl-C takes everything down.");
}

/// Leads each connection to the machine's loopback into the lab's: `nc` on the lab's host gets the socket as its
/// input and output.
fn open_door(door: TcpListener, host: lab::Host) {
    thread::spawn(move || {
        for visitor in door.incoming().flatten() {
            let host = host.clone();
            thread::spawn(move || lead_in(visitor, &host));
        }
    });
}

fn lead_in(visitor: TcpStream, host: &lab::Host) {
    let Ok(answers) = visitor.try_clone() else { return };
    let mut nc = host.command("busybox");
    nc.args(["nc", "127.0.0.1", &PORT.to_string()]);
    nc.stdin(Stdio::from(OwnedFd::from(visitor))).stdout(Stdio::from(OwnedFd::from(answers)));
    let _ = nc.status();
}

/// Until Ctrl-C, SIGTERM, or the exporter's own end, which is an error.
fn wait_for_the_end(exporter: &mut Exporter) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::io("starting to wait for signals", e))?;
    runtime.block_on(async {
        let mut terminate =
            signal(SignalKind::terminate()).map_err(|e| Error::io("waiting for SIGTERM", e))?;
        loop {
            if let Some(status) = exporter.ended() {
                return Err(Error::new(format!("the exporter ended with {status}:\n{}", exporter.log())));
            }
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    })
}
