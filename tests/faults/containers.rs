//! Containers that do not run, are not reached, or are reached in part.

use std::collections::BTreeSet;
use std::time::Duration;

use lab::Result;
use lab::watched::{INTERVAL, failing, finding, text};

use crate::{EVENT, told, town};

#[test]
fn a_stopped_app() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.docker(&["stop", "-t", "0", "web"])?;
    let (report, found) = town.expect(&["container-unreachable web"], EVENT)?;
    let stopped = finding(&report, "container-unreachable");
    assert_eq!((&stopped["severity"], &stopped["destination"]), (&"ticket".into(), &"shop".into()));
    assert!(text(&stopped["summary"]).contains("`web` has stopped (exit code 137)"), "{stopped:#}");
    assert_eq!(stopped["fix"][1], "docker start web");
    let series = r#"destination_finding{destination="shop",code="container-unreachable",severity="ticket",subject="web",subject_kind="container"}"#;
    town.expect_series(series, Some("1"), EVENT)?;
    town.expect_series(r#"destination_healthy{destination="shop"}"#, Some("0"), EVENT)?;
    // Nobody asks a container that is not there: its series are gone, and none of them says 0.
    let page = town.exporter.metrics()?;
    assert!(!page.contains(r#"target="web""#), "{page}");

    town.lab.docker(&["start", "web"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_no_trace(&before)?;
    told("a stopped app", found, gone);
    Ok(())
}

#[test]
fn an_app_that_ends_soon_after_each_start() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let image = town.lab.busybox_image()?;
    let run = ["run", "-d", "--name", "job", "--network", "shop", "--restart", "always", &image];
    town.lab.docker(&[&run[..], &["sh", "-c", "sleep 0.2; exit 3"]].concat())?;
    let (report, found) = town.expect(&["container-restarting job"], INTERVAL)?;
    let restarting = finding(&report, "container-restarting");
    assert_eq!((&restarting["severity"], &restarting["destination"]), (&"ticket".into(), &"shop".into()));
    assert!(text(&restarting["summary"]).contains("`job` keeps crashing (exit code 3, "), "{restarting:#}");
    // It stays one finding while the container comes and goes.
    let until = std::time::Instant::now() + INTERVAL;
    while std::time::Instant::now() < until {
        let told = town.findings()?;
        assert!(told.iter().all(|finding| finding == "container-restarting job"), "{told:?}");
        std::thread::sleep(Duration::from_millis(100));
    }

    town.lab.docker(&["rm", "-f", "job"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_no_trace(&before)?;
    told("an app that ends soon after each start", found, gone);
    Ok(())
}

#[test]
fn an_app_whose_packets_are_dropped() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.inside("web", &["iptables", "-A", "INPUT", "-i", "eth0", "-j", "DROP"])?;
    let (report, found) = town.expect(&["container-unreachable web"], INTERVAL)?;
    let dropped = finding(&report, "container-unreachable");
    assert_eq!(dropped["severity"], "page");
    assert!(text(&dropped["evidence"][0]["observed"]).starts_with("timeout"), "{dropped:#}");
    assert!(dropped["explains"].as_array().is_some_and(|e| e.len() > 1), "{dropped:#}");
    assert!(dropped["ruled_out"].to_string().contains("attached to shop"), "{dropped:#}");
    let probe = |kind: &str| ["api", "web"].map(str::to_owned).map(|end| (kind.to_owned(), end));
    for kind in ["icmp", "tcp"] {
        let [(kind, source), (_, target)] = probe(kind);
        town.expect_series(
            &format!(
                r#"destination_probe_success{{destination="shop",probe="{kind}",source="{source}",target="{target}"}}"#
            ),
            Some("0"),
            INTERVAL,
        )?;
    }
    let report = town.exporter.report()?;
    let failed = failing(&report, "shop");
    assert!(
        failed.iter().all(|[_, source, target, reason]| {
            (target == "web" || source == "web") && (reason == "timeout" || reason == "unreachable")
        }),
        "{failed:?}"
    );

    town.inside("web", &["iptables", "-F", "INPUT"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("an app whose packets are dropped", found, gone);
    Ok(())
}

/// Its peers, its resolver, all of it: one fault, whatever else fails for it.
#[test]
fn a_container_that_takes_in_nothing_at_all() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.inside("web", &["iptables", "-I", "INPUT", "-j", "DROP"])?;
    let (_, found) = town.expect(&["container-unreachable web"], INTERVAL)?;
    // A round later, when its resolver was asked too, it still is the one.
    std::thread::sleep(INTERVAL);
    let (report, _) = town.expect(&["container-unreachable web"], EVENT)?;
    let explains = finding(&report, "container-unreachable")["explains"].to_string();
    assert!(explains.contains("dns web → "), "{explains}");

    town.inside("web", &["iptables", "-D", "INPUT", "-j", "DROP"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("a container that takes in nothing at all", found, gone);
    Ok(())
}

/// Many drop ping on purpose: whoever answers a handshake is there.
#[test]
fn a_container_that_drops_ping_and_serves_is_no_fault() -> Result<()> {
    let town = town::build()?;
    let rule = ["INPUT", "-p", "icmp", "--icmp-type", "echo-request", "-j", "DROP"];
    town.inside("web", &[&["iptables", "-I"], &rule[..]].concat())?;
    let from_api = |kind: &str| {
        format!(r#"destination_probe_success{{destination="shop",probe="{kind}",source="api",target="web"}}"#)
    };
    town.expect_series(&from_api("icmp"), Some("0"), INTERVAL)?;
    let until = std::time::Instant::now() + INTERVAL;
    while std::time::Instant::now() < until {
        assert_eq!(town.findings()?, BTreeSet::new());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    town.expect_series(&from_api("tcp"), Some("1"), EVENT).map(drop)
}

#[test]
fn a_detached_container() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.docker(&["network", "disconnect", "shop", "db"])?;
    let (report, found) = town.expect(&["container-unreachable db"], EVENT)?;
    let detached = finding(&report, "container-unreachable");
    assert_eq!(detached["severity"], "page");
    assert!(text(&detached["summary"]).contains("not attached to the network `shop`"), "{detached:#}");
    assert_eq!(detached["fix"][0], "docker network connect shop db");

    town.lab.docker(&["network", "connect", "--ip", "10.1.0.12", "shop", "db"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_no_trace(&before)?;
    told("a detached container", found, gone);
    Ok(())
}

#[test]
fn a_container_without_ping_is_not_called_unreachable() -> Result<()> {
    let town = town::build()?;
    town.inside("web", &["iptables", "-A", "INPUT", "-i", "eth0", "-p", "icmp", "-j", "DROP"])?;
    let icmp = r#"destination_probe_success{destination="shop",probe="icmp",source="api",target="web"}"#;
    town.expect_series(icmp, Some("0"), INTERVAL)?;
    // Twice in a row, from everybody, and nobody is called unreachable for it.
    let until = std::time::Instant::now() + INTERVAL + Duration::from_secs(2);
    while std::time::Instant::now() < until {
        town.expect(&[], Duration::ZERO)?;
        std::thread::sleep(Duration::from_millis(100));
    }
    let failed = failing(&town.exporter.report()?, "shop");
    assert!(failed.iter().any(|[_, source, target, _]| source == "db" && target == "web"), "{failed:?}");
    assert!(failed.iter().all(|[kind, ..]| kind == "icmp"), "{failed:?}");
    Ok(())
}

#[test]
fn a_container_of_one_binary_is_probed_like_any_other() -> Result<()> {
    let town = town::build()?;
    let shell = town.lab.docker_output(&["exec", "api", "/bin/sh", "-c", "true"])?;
    assert!(!shell.status.success(), "the image has a shell");
    for (kind, source, target) in [
        ("icmp", "api", "gateway"),
        ("icmp", "api", "web"),
        ("icmp", "web", "api"),
        ("tcp", "api", "db"),
        ("tcp", "db", "api"),
        ("dns", "api", "web"),
        ("dns", "web", "api"),
    ] {
        let series = format!(
            r#"destination_probe_success{{destination="shop",probe="{kind}",source="{source}",target="{target}"}}"#
        );
        town.expect_series(&series, Some("1"), Duration::ZERO)?;
    }
    let report = town.exporter.report()?;
    let shop = report["destinations"].as_array().and_then(|all| all.iter().find(|d| d["name"] == "shop"));
    let probes = shop.and_then(|d| d["probes"].as_array()).expect("probes");
    let answers = |target: &str| probes.iter().any(|p| p["probe"] == "http" && p["target"] == target);
    assert!(answers("api") && answers("web"), "{probes:#?}");
    Ok(())
}

/// Every second packet of a kind; connections suffer, and nothing is down.
#[test]
fn an_app_that_loses_half_of_the_packets() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let rule = [
        "INPUT",
        "-i",
        "eth0",
        "-p",
        "icmp",
        "-m",
        "statistic",
        "--mode",
        "nth",
        "--every",
        "2",
        "--packet",
        "0",
    ];
    let rule = [&rule[..], &["-j", "DROP"]].concat();
    town.inside("web", &[&["iptables", "-A"], &rule[..]].concat())?;
    let (report, found) = town.expect(&["container-packet-loss web"], 4 * INTERVAL)?;
    let lossy = finding(&report, "container-packet-loss");
    assert_eq!((&lossy["severity"], &lossy["destination"]), (&"ticket".into(), &"shop".into()));

    town.inside("web", &[&["iptables", "-D"], &rule[..]].concat())?;
    let (_, gone) = town.expect(&[], 8 * INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("an app that loses half of the packets", found, gone);
    Ok(())
}

#[test]
fn an_app_that_one_of_its_peers_does_not_reach() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let rule = ["INPUT", "-s", "10.1.0.11", "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP"];
    town.inside("web", &[&["iptables", "-A"], &rule[..]].concat())?;
    let (report, found) = town.expect(&["container-partitioned web"], INTERVAL)?;
    let parted = finding(&report, "container-partitioned");
    assert_eq!(parted["severity"], "page");
    assert_eq!(text(&parted["summary"]), "`db` reaches the container `web`, `api` does not.");

    town.inside("web", &[&["iptables", "-D"], &rule[..]].concat())?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("an app that one of its peers does not reach", found, gone);
    Ok(())
}

#[test]
fn a_fixed_address_where_the_engine_chose_the_subnet() -> Result<()> {
    let town = town::build()?;
    town.lab.docker(&["network", "create", "auto"])?;
    let subnet =
        town.lab.docker(&["network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "auto"])?;
    let address = subnet.replace(".0.0/16", ".0.77");
    let create = ["create", "--name", "job", "--network", "auto", "--ip", &address];
    let image = ["--restart", "unless-stopped", "busybox", "sleep", "600"];
    town.lab.docker(&[&create[..], &image].concat())?;
    let started = town.lab.docker_output(&["start", "job"])?;
    assert!(!started.status.success(), "the Engine takes it");
    let (report, found) = town.expect(&["container-static-address-refused job"], EVENT)?;
    let refused = finding(&report, "container-static-address-refused");
    assert_eq!((&refused["severity"], &refused["destination"]), (&"ticket".into(), &"auto".into()));

    town.lab.docker(&["rm", "-f", "job"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    told("a fixed address where the Engine chose the subnet", found, gone);
    Ok(())
}
