//! What lies beyond the destinations: a namespace is the Internet, with one server in it that answers echoes and
//! queries for names.

use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use lab::watched::{INTERVAL, Watched, finding, text};
use lab::{Exporter, Lab, Result};

use crate::told;

const SERVER: &str = "192.0.2.1";
/// The Engine asks the server for what it does not know itself.
const ENGINE: &str = r#"{"dns": ["192.0.2.1"]}"#;
/// Oftener than by default, or the test takes minutes.
const OFTEN: Duration = Duration::from_secs(5);
const SETTINGS: &str = "probes: {external_names: [example.org], external_addresses: [192.0.2.1], \
                        icmp_external: {interval: 5s}, dns_external: {interval: 5s}}\n";

/// `shop` with `web` and `api`, `blog` with `blog`; all of them get out and find names.
fn town() -> Result<Watched> {
    let lab = Lab::start_set(ENGINE)?;
    for command in [
        "ip netns add internet",
        "ip link add up0 type veth peer name far0",
        "ip link set far0 netns internet",
        "ip addr add 192.0.2.2/24 dev up0",
        "ip link set up0 up",
        "ip -n internet link set lo up",
        "ip -n internet addr add 192.0.2.1/24 dev far0",
        "ip -n internet link set far0 up",
        "ip route replace default via 192.0.2.1",
    ] {
        lab.exec_on_host(&command.split(' ').collect::<Vec<_>>())?;
    }
    let server = "netns exec internet dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces \
                  --listen-address=192.0.2.1 --address=/example.org/192.0.2.80";
    // It ends with the lab.
    lab.on_host("ip")
        .args(server.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| lab::Error::io("starting dnsmasq", e))?;
    let image = lab.busybox_image()?;
    for network in ["shop", "blog"] {
        lab.docker(&["network", "create", network])?;
    }
    for (name, network) in [("web", "shop"), ("api", "shop"), ("blog", "blog")] {
        let run = ["run", "-d", "--name", name, "--network", network, &image];
        lab.docker(&[&run[..], &["httpd", "-f", "-p", "8080", "-h", "/etc"]].concat())?;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, SETTINGS, &[])?;
    exporter.wait_ready()?;
    let town = Watched { exporter, lab };
    for kind in ["icmp_external", "dns_external"] {
        for (on, source) in [("shop", "web"), ("blog", "blog")] {
            let target = if kind == "icmp_external" { SERVER } else { "example.org" };
            let series = format!(
                r#"destination_probe_success{{destination="{on}",probe="{kind}",source="{source}",target="{target}"}}"#
            );
            town.expect_series(&series, Some("1"), INTERVAL)?;
        }
    }
    town.expect(&[], Duration::ZERO)?;
    Ok(town)
}

/// Breaks it by a command on the host, and repairs it by another.
fn broken(town: &Watched, name: &str, breaks: &str, repairs: &str, wanted: &str) -> Result<String> {
    let run = |command: &str| town.lab.exec_on_host(&command.split(' ').collect::<Vec<_>>());
    run(breaks)?;
    let (_, found) = town.expect(&[wanted], 2 * OFTEN)?;
    // A round later it still is the one.
    sleep(OFTEN);
    let (report, _) = town.expect(&[wanted], OFTEN)?;
    let code = wanted.split(' ').next().unwrap_or_default();
    let fault = finding(&report, code);
    assert!(fault["explains"].as_array().is_some_and(|all| !all.is_empty()), "{fault:#}");
    run(repairs)?;
    let (_, gone) = town.expect(&[], 2 * OFTEN)?;
    told(name, found, gone);
    Ok(text(&fault["summary"]).to_owned())
}

#[test]
fn nothing_outside_is_reached_or_no_name_is_found() -> Result<()> {
    let town = town()?;
    let before = town.series()?;
    // As the Engine's own rules are gone after a firewall was reloaded.
    let summary = broken(
        &town,
        "nobody gets out",
        "iptables -I DOCKER-USER -o up0 -j DROP",
        "iptables -D DOCKER-USER -o up0 -j DROP",
        "egress-blocked host",
    )?;
    assert_eq!(summary, "Every destination reaches nothing outside: no answer comes back from 192.0.2.1.");

    let web = "{{(index .NetworkSettings.Networks \"shop\").IPAddress}}";
    let banned = town.lab.docker(&["inspect", "-f", web, "web"])?;
    let summary = broken(
        &town,
        "a banned address",
        &format!("iptables -I DOCKER-USER -s {} -o up0 -j DROP", banned.trim()),
        &format!("iptables -D DOCKER-USER -s {} -o up0 -j DROP", banned.trim()),
        "egress-blocked web",
    )?;
    assert!(summary.starts_with("web reaches nothing outside"), "{summary}");

    let summary = broken(
        &town,
        "no name server answers",
        "iptables -I DOCKER-USER -o up0 -p udp --dport 53 -j DROP",
        "iptables -D DOCKER-USER -o up0 -p udp --dport 53 -j DROP",
        "dns-upstream-failing host",
    )?;
    assert!(summary.starts_with("Every destination resolves no name outside (example.org)"), "{summary}");
    town.expect_no_trace(&before)
}
