//! What lies beyond the destinations: a namespace is the Internet, with one server in it that answers echoes and
//! queries for names.

use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use lab::apps::App;
use lab::proxies::Traefik;
use lab::watched::{INTERVAL, Watched, finding, text};
use lab::{Exporter, Lab, Result};
use serde_json::Value;

use crate::{at_pace, often, told};

const SERVER: &str = "192.0.2.1";
const SERVER_BY_IPV6: &str = "2001:db8::1";
/// The Engine asks the server for what it does not know itself, and keeps networks apart by IPv6 too.
const ENGINE: &str = r#"{"dns": ["192.0.2.1"], "experimental": true, "ip6tables": true}"#;
const EACH_MINUTE: Duration = Duration::from_secs(60);
const SETTINGS: &str = "probes: {external_names: [example.org], external_addresses: [192.0.2.1, '2001:db8::1'], \
                        icmp_external: {interval: 5s}, dns_external: {interval: 5s}, path_mtu: {interval: 5s}}\n\
                        routes: {addresses: [192.0.2.80]}\n";
/// What the server answers to `example.org`.
const HERE: &str = "192.0.2.80 example.org\n";
const ELSEWHERE: &str = "192.0.2.99 example.org\n";

/// The host's way out leads there, by `up0`.
pub fn internet(lab: &Lab) -> Result<()> {
    for command in [
        "ip netns add internet",
        "ip link add up0 type veth peer name far0",
        "ip link set far0 netns internet",
        "ip addr add 192.0.2.2/24 dev up0",
        "ip addr add 2001:db8::2/64 dev up0 nodad",
        "ip link set up0 up",
        "ip -n internet link set lo up",
        "ip -n internet addr add 192.0.2.1/24 dev far0",
        "ip -n internet addr add 2001:db8::1/64 dev far0 nodad",
        "ip -n internet link set far0 up",
        "ip route replace default via 192.0.2.1",
        "ip route replace default via 2001:db8::1",
        "sysctl -q -w net.ipv6.conf.all.forwarding=1",
    ] {
        lab.exec_on_host(&command.split(' ').collect::<Vec<_>>())?;
    }
    answers(lab, HERE)?;
    let server = format!(
        "netns exec internet dnsmasq --keep-in-foreground --user=root --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces \
         --listen-address=192.0.2.1 --local=/example.org/ --addn-hosts={} --pid-file={}",
        lab.folder().join("names").display(),
        lab.folder().join("server.pid").display()
    );
    // It ends with the lab.
    lab.on_host("ip")
        .args(server.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| lab::Error::io("starting dnsmasq", e))
        .map(drop)
}

/// `shop` with `web` and `api`, `blog` with `blog`; all of them get out and find names.
fn town(interval: Duration) -> Result<Watched> {
    let lab = Lab::start_set(ENGINE)?;
    internet(&lab)?;
    let image = lab.busybox_image()?;
    for (network, subnet) in [("shop", "fd00:1::/64"), ("blog", "fd00:2::/64")] {
        lab.docker(&["network", "create", "--ipv6", "--subnet", subnet, network])?;
    }
    for (name, network) in [("web", "shop"), ("api", "shop"), ("blog", "blog")] {
        let run = ["run", "-d", "--name", name, "--network", network, &image];
        lab.docker(&[&run[..], &["httpd", "-f", "-p", "8080", "-h", "/etc"]].concat())?;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, &at_pace(SETTINGS), &[])?;
    exporter.wait_ready()?;
    let town = Watched::new(lab, exporter, interval);
    for (kind, target) in
        [("icmp_external", SERVER), ("icmp_external", SERVER_BY_IPV6), ("dns_external", "example.org")]
    {
        for (on, source) in [("shop", "web"), ("blog", "blog")] {
            let series = format!(
                r#"destination_probe_success{{destination="{on}",probe="{kind}",source="{source}",target="{target}"}}"#
            );
            town.expect_series(&series, Some("1"), INTERVAL)?;
        }
    }
    // An address of IPv6 is not answered before the kernel knows that nobody else has it.
    for (on, source) in [("shop", "api"), ("blog", "blog")] {
        for target in [SERVER, SERVER_BY_IPV6] {
            let series = format!(
                r#"destination_path_mtu_bytes{{destination="{on}",source="{source}",target="{target}"}}"#
            );
            town.expect_series(&series, Some("1500"), 2 * INTERVAL)?;
        }
    }
    town.expect(&[], Duration::ZERO)?;
    Ok(town)
}

/// What the server is to answer from now on, or from its start on.
fn answers(lab: &Lab, names: &str) -> Result<()> {
    std::fs::write(lab.folder().join("names"), names).map_err(|e| lab::Error::io("writing names", e))?;
    let read_again = "[ ! -e \"$0\" ] || kill -HUP \"$(cat \"$0\")\"";
    let pid_file = lab.folder().join("server.pid").display().to_string();
    lab.exec_on_host(&["sh", "-c", read_again, &pid_file]).map(drop)
}

/// Breaks it by a command on the host, and repairs it by another.
fn broken(town: &Watched, name: &str, breaks: &str, repairs: &str, wanted: &str) -> Result<Value> {
    let run = |command: &str| town.lab.exec_on_host(&command.split(' ').collect::<Vec<_>>());
    town.breaks(wanted, name);
    run(breaks)?;
    let (_, found) = town.expect(&[wanted], 2 * often())?;
    // A round later it still is the one.
    sleep(often());
    let (report, _) = town.expect(&[wanted], often())?;
    let code = wanted.split(' ').next().unwrap_or_default();
    let fault = finding(&report, code);
    assert!(fault["explains"].as_array().is_some_and(|all| !all.is_empty()), "{fault:#}");
    run(repairs)?;
    let (_, gone) = town.expect(&[], 2 * often())?;
    told(name, found, gone);
    Ok(fault.clone())
}

#[test]
fn nothing_outside_is_reached_or_no_name_is_found() -> Result<()> {
    let town = town(often())?;
    let before = town.series()?;
    // As the Engine's own rules are gone after a firewall was reloaded.
    let fault = broken(
        &town,
        "nobody gets out",
        "iptables -I DOCKER-USER -o up0 -j DROP",
        "iptables -D DOCKER-USER -o up0 -j DROP",
        "egress-blocked host",
    )?;
    let summary = text(&fault["summary"]);
    assert_eq!(summary, "Every destination reaches nothing outside: no answer comes back from 192.0.2.1.");

    let web = "{{(index .NetworkSettings.Networks \"shop\").IPAddress}}";
    let banned = town.lab.docker(&["inspect", "-f", web, "web"])?;
    let fault = broken(
        &town,
        "a banned address",
        &format!("iptables -I DOCKER-USER -s {} -o up0 -j DROP", banned.trim()),
        &format!("iptables -D DOCKER-USER -s {} -o up0 -j DROP", banned.trim()),
        "egress-blocked web",
    )?;
    assert!(text(&fault["summary"]).starts_with("Container `web` reaches nothing outside"), "{fault:#}");
    let rule = format!("a rule drops what comes from {}", banned.trim());
    assert!(fault["evidence"].to_string().contains(&rule), "{fault:#}");
    assert!(
        fault["fix"].to_string().contains(&format!("fail2ban-client unban {}", banned.trim())),
        "{fault:#}"
    );

    let fault = broken(
        &town,
        "no name server answers",
        "iptables -I DOCKER-USER -o up0 -p udp --dport 53 -j DROP",
        "iptables -D DOCKER-USER -o up0 -p udp --dport 53 -j DROP",
        "dns-upstream-failing host",
    )?;
    let summary = text(&fault["summary"]);
    assert!(summary.starts_with("Every destination resolves no name outside (example.org)"), "{summary}");
    town.expect_no_trace(&before)
}

/// What its IPv4 does goes on, and most notice nothing.
#[test]
fn a_network_whose_ipv6_does_not_get_out() -> Result<()> {
    let town = town(often())?;
    let before = town.series()?;
    let aside = "egress-ipv6-missing shop";
    let drop = |how: &str| {
        town.lab.exec_on_host(&["ip6tables", how, "FORWARD", "-s", "fd00:1::/64", "-o", "up0", "-j", "DROP"])
    };
    town.breaks(aside, "a network whose IPv6 does not get out");
    drop("-I")?;
    let (report, found) = town.expect_aside(aside, true, 2 * often())?;
    let missing = finding(&report, "egress-ipv6-missing");
    assert_eq!(text(&missing["summary"]), "Everyone on the network `shop` reaches nothing outside by IPv6.");
    town.expect(&[], often())?;
    drop("-D")?;
    let (_, gone) = town.expect_aside(aside, false, 2 * often())?;
    town.expect_no_trace(&before)?;
    told("a network whose IPv6 does not get out", found, gone);
    Ok(())
}

/// Where a domain leads is asked once a minute.
#[test]
fn a_domain_that_leads_to_another_server() -> Result<()> {
    let town = town(EACH_MINUTE)?;
    App::new("site", "shop").at("example.org", 3000).run(&town.lab)?;
    Traefik::prepare(&town.lab, Path::new(env!("CARGO_MANIFEST_DIR")))?.run(&town.lab, &["shop", "blog"])?;
    town.expect_series(
        r#"destination_route_up{destination="shop",domain="example.org",path="/",workload="site"}"#,
        Some("1"),
        2 * INTERVAL,
    )?;
    town.expect(&[], INTERVAL)?;
    town.breaks("domain-points-elsewhere example.org", "a domain that leads to another server");
    answers(&town.lab, ELSEWHERE)?;
    let (report, found) = town.expect(&["domain-points-elsewhere example.org"], 2 * EACH_MINUTE)?;
    let elsewhere = finding(&report, "domain-points-elsewhere");
    assert_eq!((&elsewhere["severity"], &elsewhere["destination"]), (&"ticket".into(), &"shop".into()));
    assert!(text(&elsewhere["summary"]).starts_with("example.org leads to 192.0.2.99"), "{elsewhere:#}");
    answers(&town.lab, HERE)?;
    let (_, gone) = town.expect(&[], 2 * EACH_MINUTE)?;
    told("a domain that leads to another server", found, gone);
    Ok(())
}
