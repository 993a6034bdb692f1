//! The host gets other name servers, and what started before goes on asking the old ones. On Docker 26.1, for the Engine
//! of this machine may be one that does not write down whom it asks.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lab::watched::{INTERVAL, Watched, finding, text};
use lab::{Engine, Exporter, Lab, Result};

use crate::{EVENT, at_pace, often, told};

const SETTINGS: &str = "probes: {external_names: [example.org], external_addresses: [192.0.2.1], \
                        icmp_external: {interval: 5s}, dns_external: {interval: 5s}}\n";
const OLD: &str = "192.0.2.53";
const NEW: &str = "192.0.2.54";

/// The name servers: a program of the machine in a namespace of the lab, whose own programs are another release's.
struct Servers(Child);

impl Drop for Servers {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Servers {
    fn start(lab: &Lab) -> Result<Self> {
        let network = lab.host().network();
        let host = network.parent().and_then(Path::parent).expect("/proc/PID/ns/net");
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", host.join("root/run/netns/internet").display()));
        command.args(["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"]);
        command.args(["--bind-interfaces", "--address=/example.org/192.0.2.80", "--pid-file="]);
        command.args([OLD, NEW].map(|address| format!("--listen-address={address}")));
        command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).map_err(|e| lab::Error::io("starting dnsmasq", e))
    }
}

fn host(lab: &Lab, command: &str) -> Result<String> {
    lab.exec_on_host(&["sh", "-euc", command])
}

/// The host's name server is this one from now on.
fn asks(lab: &Lab, server: &str) -> Result<()> {
    host(lab, &format!("echo 'nameserver {server}' >/etc/resolv.conf")).map(drop)
}

/// `shop` with `web` and `api`, `blog` with `blog`; all of them find names by the old server.
fn town() -> Result<(Watched, Servers)> {
    let lab = Lab::start_as(Engine::docker_of(Path::new(env!("CARGO_MANIFEST_DIR")), "trixie")?, "{}")?;
    for command in [
        "ip netns add internet",
        "ip link add up0 type veth peer name far0",
        "ip link set far0 netns internet",
        "ip addr add 192.0.2.2/24 dev up0",
        "ip link set up0 up",
        "ip -n internet link set lo up",
        "ip -n internet addr add 192.0.2.1/24 dev far0",
        "ip -n internet addr add 192.0.2.53/24 dev far0",
        "ip -n internet addr add 192.0.2.54/24 dev far0",
        "ip -n internet link set far0 up",
        "ip route replace default via 192.0.2.1",
    ] {
        host(&lab, command)?;
    }
    let servers = Servers::start(&lab)?;
    // Settings of its own: others share the folder that the lab has for them.
    let own = lab.folder().join("etc");
    host(&lab, &format!("cp -a /etc {0} && mount --bind {0} /etc && rm -f /etc/resolv.conf", own.display()))?;
    asks(&lab, OLD)?;
    let image = lab.busybox_image()?;
    for network in ["shop", "blog"] {
        lab.docker(&["network", "create", network])?;
    }
    for (name, network) in [("web", "shop"), ("api", "shop"), ("blog", "blog")] {
        let run = ["run", "-d", "--name", name, "--network", network, &image];
        lab.docker(&[&run[..], &["httpd", "-f", "-p", "8080", "-h", "/etc"]].concat())?;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, &at_pace(SETTINGS), &[])?;
    exporter.wait_ready()?;
    let town = Watched::new(lab, exporter, often());
    for (on, source) in [("shop", "web"), ("shop", "api"), ("blog", "blog")] {
        finds(&town, on, source)?;
    }
    town.expect(&[], Duration::ZERO)?;
    Ok((town, servers))
}

fn finds(town: &Watched, on: &str, source: &str) -> Result<()> {
    let series = format!(
        r#"destination_probe_success{{destination="{on}",probe="dns_external",source="{source}",target="example.org"}}"#
    );
    town.expect_series(&series, Some("1"), INTERVAL).map(drop)
}

#[test]
fn a_container_that_started_before_the_host_had_its_name_servers() -> Result<()> {
    let (town, _servers) = town()?;
    let before = town.series()?;
    let file = town.lab.docker(&["exec", "web", "cat", "/etc/resolv.conf"])?;
    assert!(file.contains("# ExtServers: [192.0.2.53]"), "{file}");
    // The host has another server, and the old one is switched off when nearly all have taken it over.
    asks(&town.lab, NEW)?;
    town.lab.docker(&["restart", "-t", "0", "api", "blog"])?;
    for (on, source) in [("shop", "api"), ("blog", "blog")] {
        finds(&town, on, source)?;
    }
    town.expect(&[], INTERVAL)?;
    host(&town.lab, "ip -n internet addr del 192.0.2.53/24 dev far0")?;
    let (report, found) = town.expect(&["dns-resolv-conf-stale web"], 2 * often())?;
    let stale = finding(&report, "dns-resolv-conf-stale");
    assert_eq!((text(&stale["severity"]), text(&stale["destination"])), ("ticket", "shop"));
    assert_eq!(
        text(&stale["summary"]),
        "`web` finds no name outside (example.org): its queries go to 192.0.2.53, as /etc/resolv.conf had it when it started, and the host's servers are 192.0.2.54 now."
    );
    // A round later it still is the one.
    std::thread::sleep(often());
    town.expect(&["dns-resolv-conf-stale web"], EVENT)?;

    let step = text(&stale["fix"][0]);
    let (_, repair) = step.rsplit_once(": ").unwrap_or_else(|| panic!("no command in {step:?}"));
    assert_eq!(repair, "docker restart web");
    town.lab.docker(&["restart", "-t", "0", "web"])?;
    let (_, gone) = town.expect(&[], 2 * often())?;
    finds(&town, "shop", "web")?;
    town.expect_no_trace(&before)?;
    told("a container with a name server of the past", found, gone);
    Ok(())
}

#[test]
fn containers_that_all_started_before_the_host_had_its_name_servers() -> Result<()> {
    let (town, _servers) = town()?;
    let before = town.series()?;
    asks(&town.lab, NEW)?;
    // An event has the Engine listed, and the host's file read with it.
    town.lab.docker(&["network", "create", "passing"])?;
    town.lab.docker(&["network", "rm", "passing"])?;
    host(&town.lab, "ip -n internet addr del 192.0.2.53/24 dev far0")?;
    let (report, found) = town.expect(&["dns-resolv-conf-stale host"], 2 * often())?;
    let stale = finding(&report, "dns-resolv-conf-stale");
    assert_eq!(text(&stale["severity"]), "page");
    assert!(text(&stale["summary"]).contains("find no name outside"), "{stale:#}");
    let step = text(&stale["fix"][0]);
    let (_, repair) = step.rsplit_once(": ").unwrap_or_else(|| panic!("no command in {step:?}"));
    town.lab
        .docker(&[&["restart", "-t", "0"][..], &repair.split(' ').skip(2).collect::<Vec<_>>()].concat())?;
    // One after the other finds names again; at last all do.
    for (on, source) in [("shop", "web"), ("shop", "api"), ("blog", "blog")] {
        finds(&town, on, source)?;
    }
    let began = std::time::Instant::now();
    while !town.findings()?.is_empty() {
        assert!(began.elapsed() < 4 * often(), "{:?}", town.findings()?);
        std::thread::sleep(Duration::from_millis(100));
    }
    town.expect(&[], EVENT)?;
    town.expect_no_trace(&before)?;
    told("containers with a name server of the past", found, began.elapsed());
    Ok(())
}
