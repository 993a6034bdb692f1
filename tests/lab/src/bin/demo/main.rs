//! `make demo`: a host as Coolify leaves it, with two faults in it, and the exporter on it.
//!
//! Everything is in a lab of its own; the machine's Engine and networks are not touched. What the machine gets is three
//! listeners on its loopback, which lead to the exporter, to Prometheus and to Alertmanager.

mod sink;

use std::env;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use lab::oncall::{ALERTMANAGER, OnCall, PROMETHEUS, Urls};
use lab::{Error, Exporter, Lab, Result, coolify};

/// The exporter's own default.
const PORT: u16 = 10061;
/// Where notifications go on the lab's host.
const SINK: &str = "127.0.0.1:9099";

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
    if exporter == Path::new("sink") {
        return sink::listen(&traefik.to_string_lossy());
    }
    // The lab's host has another working directory.
    let [exporter, traefik] = [exporter, traefik]
        .map(|path| path.canonicalize().map_err(|e| Error::io(&path.display().to_string(), e)));
    let (exporter, traefik) = (exporter?, traefik?);
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
        let sink = SINK.parse().map_err(|_| Error::new("no address for notifications"))?;
        let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../alerts");
        let alerts = alerts.canonicalize().map_err(|e| Error::io("looking for the alerts", e))?;
        let _on_call = OnCall::start(&lab, &alerts, SocketAddr::from(([127, 0, 0, 1], PORT)), &urls, sink)?;
        open_door(door, lab.host(), PORT);
        open_door(prometheus, lab.host(), PROMETHEUS.port());
        open_door(alertmanager, lab.host(), ALERTMANAGER.port());
        invite(&lab, &base, &urls);
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

/// A listener on the machine's loopback: the program's own port, or any where somebody has that.
fn door_to(inside: SocketAddr) -> Result<(TcpListener, String)> {
    let bind = |port: u16| TcpListener::bind(("127.0.0.1", port));
    let door = bind(inside.port()).or_else(|_| bind(0)).map_err(|e| Error::io("listening", e))?;
    let at = door.local_addr().map_err(|e| Error::io("asking for a port", e))?;
    Ok((door, format!("http://{at}")))
}

/// This program again, on the lab's host, where Alertmanager reaches it.
struct Telephone(Child);

impl Telephone {
    fn connect(lab: &Lab) -> Result<Self> {
        let myself = env::current_exe().map_err(|e| Error::io("looking for this program", e))?;
        let mut command = lab.on_host(&myself.to_string_lossy());
        let child = command.args(["sink", SINK]).stdin(Stdio::null()).spawn();
        child.map(Self).map_err(|e| Error::io("starting to listen for notifications", e))
    }
}

impl Drop for Telephone {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
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

/// Leads each connection to the machine's loopback into the lab's: `nc` on the lab's host gets the socket as its
/// input and output.
fn open_door(door: TcpListener, host: lab::Host, port: u16) {
    thread::spawn(move || {
        for visitor in door.incoming().flatten() {
            let host = host.clone();
            thread::spawn(move || lead_in(visitor, &host, port));
        }
    });
}

fn lead_in(visitor: TcpStream, host: &lab::Host, port: u16) {
    let Ok(answers) = visitor.try_clone() else { return };
    let mut nc = host.command("busybox");
    nc.args(["nc", "127.0.0.1", &port.to_string()]);
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
