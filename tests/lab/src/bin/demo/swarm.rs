//! `make demo-swarm`: three Engines that are one Swarm, an exporter on each, and one Prometheus for all of them. A node's
//! cable is pulled and put back, and what each side says of that stands in the terminal.

use std::fs;
use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use lab::oncall::{ALERTMANAGER, OnCall, PROMETHEUS, Urls};
use lab::swarm::address;
use lab::{Error, Exporter, Result, Swarm};
use serde_json::Value;

use crate::doors::{door_to, open_door};
use crate::end::End;
use crate::sink::plain;
use crate::telephone::{Telephone, sink};
use crate::{PORT, alerts, on_host, say};

const NODES: u8 = 3;
/// Whose cable is pulled: a worker.
const CUT: u8 = 3;
/// What takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(240);

/// A shop with a web server on each node. Its name leads to the tasks themselves: not every machine's kernel balances
/// behind a virtual address, and that would be a fault of its own.
const STACK: &str = "version: '3.8'
services:
  web:
    image: busybox
    command: [httpd, -f, -p, '8080', -h, /]
    networks: [own]
    deploy: {mode: global, endpoint_mode: dnsrr}
networks:
  own: {name: shop, driver: overlay}
";

pub fn demo(binary: &Path) -> Result<()> {
    let doors = (1..=NODES).map(|_| door_to(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))));
    let doors = doors.collect::<Result<Vec<_>>>()?;
    let (prometheus, prometheus_url) = door_to(PROMETHEUS)?;
    let (alertmanager, alertmanager_url) = door_to(ALERTMANAGER)?;
    let urls = Urls { prometheus: prometheus_url, alertmanager: alertmanager_url };
    let end = End::listen()?;

    say("starting three private Docker Engines on one wire, and a Swarm of them");
    let swarm = Swarm::start(NODES, 1)?;
    say("deploying a stack: a web server on each node, on the overlay shop");
    deploy(&swarm)?;

    let mut exporters = Vec::new();
    let mut bases = Vec::new();
    let mut targets = Vec::new();
    for (number, (door, base)) in (1..=NODES).zip(doors) {
        let at = SocketAddr::from((address(number), PORT));
        // The node's own shell has it on loopback, and Prometheus comes over the wire.
        let (own, wire) = (format!("127.0.0.1:{PORT}"), at.to_string());
        let flags = ["--web.listen-address", &own, "--web.listen-address", &wire];
        let links = ["--log.level", "warn", "--web.external-url", &base];
        exporters.push(Exporter::serve(swarm.node(number), binary, "", &[&flags[..], &links].concat())?);
        open_door(door, swarm.node(number).host(), PORT);
        targets.push((at, name(number)));
        bases.push(base);
    }
    let first = swarm.node(1);
    let _telephone = Telephone::connect(first)?;
    let _on_call = OnCall::start(first, &alerts()?, &targets, &urls, sink()?)?;
    open_door(prometheus, first.host(), PROMETHEUS.port());
    open_door(alertmanager, first.host(), ALERTMANAGER.port());
    let show = Show { swarm: &swarm, exporters: &exporters, end: &end };
    let told = show.run(binary, &bases, &urls);
    say("taking everything down");
    // Whoever has had enough has seen what there is.
    if end.came() { Ok(()) } else { told }
}

fn name(number: u8) -> String {
    format!("node-{number}")
}

fn deploy(swarm: &Swarm) -> Result<()> {
    for node in swarm.nodes() {
        node.busybox_image()?;
    }
    let file = swarm.node(1).folder().join("stack.yaml");
    fs::write(&file, STACK).map_err(|e| Error::io("writing the stack", e))?;
    let file = file.display().to_string();
    swarm.node(1).docker(&["stack", "deploy", "--resolve-image", "never", "-c", &file, "shop"])?;
    swarm.wait_running("shop_web", usize::from(NODES))
}

/// What is shown.
struct Show<'a> {
    swarm: &'a Swarm,
    exporters: &'a [Exporter],
    end: &'a End,
}

impl Show<'_> {
    fn run(&self, binary: &Path, bases: &[String], urls: &Urls) -> Result<()> {
        self.until("every node is well", || Ok(self.all_are_well() && self.alerts()?.is_empty()))?;
        say("looking, on node-1: destination-exporter check\n");
        let mut check = on_host(self.swarm.node(1), binary, &["check"]);
        check.status().map_err(|e| Error::io("running check", e))?;
        invite(bases, urls);

        let began = Instant::now();
        println!("── node-{CUT} is cut off: its cable is pulled ──\n");
        self.swarm.wire().cut_off(CUT)?;
        self.until("both sides tell of it", || {
            Ok(self.exporters.iter().all(|exporter| !codes(exporter).is_empty()))
        })?;
        println!("after {} s, on node-1:\n", began.elapsed().as_secs());
        println!("{}", text(&self.exporters[0])?);
        println!("and on node-{CUT}, which is well by itself:\n");
        println!("{}", text(&self.exporters[usize::from(CUT) - 1])?);
        say("waiting until it is an alert: half a minute, so that nobody is called for a moment's loss");
        self.until("an alert fires", || {
            Ok(self.alerts()?.iter().any(|alert| alert.contains("Fault swarm-")))
        })?;
        println!("\nafter {} s, what fires in Prometheus:\n", began.elapsed().as_secs());
        self.alerts()?.iter().for_each(|alert| println!("  {alert}"));

        let began = Instant::now();
        println!("\n── the cable is put back ──\n");
        self.swarm.wire().plug_in(CUT)?;
        self.until("every node is well", || Ok(self.all_are_well()))?;
        println!("after {} s nothing is wrong on any node:\n", began.elapsed().as_secs());
        for (number, exporter) in (1..).zip(self.exporters) {
            println!("  node-{number}  {}", status(exporter));
        }
        println!("\nThe alert ends five minutes later: what flaps calls nobody twice.");
        if std::io::stdin().is_terminal() {
            println!("The notification of its end comes to this terminal. Ctrl-C takes everything down.\n");
            while self.end.leaves(Duration::from_secs(3600)) {}
        }
        Ok(())
    }

    /// Waits until it holds; an exporter that does not answer yet is waited for.
    fn until(&self, what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        while !holds()? {
            if began.elapsed() > PATIENCE {
                let logs: String = self.exporters.iter().map(Exporter::log).collect();
                return Err(Error::new(format!("{what}: not in {PATIENCE:?}\n{logs}")));
            }
            if !self.end.leaves(Duration::from_secs(1)) {
                return Err(Error::new("interrupted"));
            }
        }
        Ok(())
    }

    fn all_are_well(&self) -> bool {
        let sees_others = |exporter: &Exporter| {
            let metrics = exporter.metrics().unwrap_or_default();
            let ways = metrics.lines().filter(|line| line.starts_with("destination_overlay_peer_up{"));
            ways.filter(|line| line.ends_with(" 1")).count() == usize::from(NODES) - 1
        };
        self.exporters.iter().all(|exporter| status(exporter) == "healthy" && sees_others(exporter))
    }

    /// What fires now, but for the watchdog, which always does.
    fn alerts(&self) -> Result<Vec<String>> {
        let answer = self.swarm.node(1).host().get(PROMETHEUS, "/api/v1/alerts")?.json()?;
        let all = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let firing = all.iter().filter(|alert| alert["state"] == "firing").map(|alert| &alert["labels"]);
        let firing = firing.filter(|labels| labels["alertname"] != "DestinationWatchdog");
        let line = |labels: &Value| {
            let word = |name: &str| plain(labels[name].as_str().unwrap_or_default());
            let words = ["alertname", "code", "subject"].map(word);
            let of: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
            format!("{}, by {}", of.join(" "), word("instance"))
        };
        let mut lines: Vec<String> = firing.map(line).collect();
        lines.sort();
        Ok(lines)
    }
}

fn status(exporter: &Exporter) -> String {
    let report = exporter.report().unwrap_or_default();
    plain(report["status"].as_str().unwrap_or("unknown"))
}

/// The codes of what is wrong on an overlay.
fn codes(exporter: &Exporter) -> Vec<String> {
    let report = exporter.report().unwrap_or_default();
    let on = report["destinations"].as_array().into_iter().flatten();
    let findings = on.flat_map(|on| on["findings"].as_array().into_iter().flatten());
    let codes =
        findings.filter(|finding| finding["severity"] != "info").map(|f| plain(&f["code"].to_string()));
    codes.filter(|code| code.contains("swarm-")).collect()
}

/// The report as a terminal shows it.
fn text(exporter: &Exporter) -> Result<String> {
    exporter.get("/diagnostics?format=text").map(|answer| plain(&answer.body))
}

fn invite(bases: &[String], urls: &Urls) {
    println!("\nPages to open, on each node and of all of them:\n");
    for (number, base) in (1..).zip(bases) {
        println!("  {base}/   node-{number}");
    }
    println!("  {}/alerts   Prometheus on node-1, with the alerts that ship", urls.prometheus);
    println!("  {}   Alertmanager; what it sends comes to this terminal\n", urls.alertmanager);
}
