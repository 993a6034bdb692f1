//! Faults of networks: gone, full, twice, in somebody's way.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::Result;
use lab::watched::{INTERVAL, finding, text};

use crate::{EVENT, told, town};

#[test]
fn a_vpn_that_has_the_addresses_of_a_network() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.exec_on_host(&["ip", "link", "add", "vpn0", "type", "veth", "peer", "name", "far0"])?;
    town.lab.exec_on_host(&["ip", "link", "set", "vpn0", "up"])?;
    town.lab.exec_on_host(&["ip", "route", "add", "10.1.0.0/16", "dev", "vpn0"])?;
    let (report, found) = town.expect(&["network-subnet-overlap 10.1.0.0/16"], INTERVAL)?;
    let fault = finding(&report, "network-subnet-overlap");
    assert!(
        text(&fault["summary"]).starts_with(
            "The host has another way (10.1.0.0/16 by the interface `vpn0`) to addresses of `shop`"
        ),
        "{fault:#}"
    );
    assert!(text(&fault["summary"]).contains("out of reach for the host and its containers"), "{fault:#}");
    town.lab.exec_on_host(&["ip", "route", "del", "10.1.0.0/16"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("a VPN with the addresses of a network", found, gone);
    Ok(())
}

#[test]
fn a_network_that_was_pruned_while_its_container_slept() -> Result<()> {
    let town = town::build()?;
    town.lab.docker(&["network", "create", "nightly"])?;
    let present = r#"destination_present{destination="nightly"}"#;
    town.expect_series(present, Some("1"), EVENT)?;
    let image = town.lab.busybox_image()?;
    // A job that may be started again: what ended well by itself needs no network.
    let kept = ["--restart", "unless-stopped", "--network", "nightly", &image, "sleep", "600"];
    town.lab.docker(&[&["run", "-d", "--name", "job"][..], &kept].concat())?;
    town.expect(&[], EVENT)?;
    town.breaks("container-unreachable job", "a stopped job that may be started again");
    town.lab.docker(&["stop", "-t", "0", "job"])?;
    town.expect(&["container-unreachable job"], EVENT)?;
    town.lab.docker(&["network", "rm", "nightly"])?;
    let (report, found) = town.expect(&["network-missing nightly"], EVENT)?;
    let fault = finding(&report, "network-missing");
    assert_eq!((text(&fault["severity"]), text(&fault["destination"])), ("ticket", "nightly"));
    town.expect_series(present, Some("0"), EVENT)?;
    let step = text(&fault["fix"][1]).to_owned();
    let repair = step.rsplit(": ").next().unwrap_or_default();
    assert_eq!(repair, "docker network create --attachable nightly", "{step}");
    let command: Vec<&str> = repair.split(' ').skip(1).collect();
    town.lab.docker(&command)?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.lab.docker(&["rm", "job"])?;
    town.expect_series(present, Some("1"), EVENT)?;
    town.expect(&[], EVENT)?;
    told("a network that was pruned", found, gone);
    Ok(())
}

#[test]
fn a_network_without_a_free_address() -> Result<()> {
    let town = town::build()?;
    town.lab.docker(&["network", "create", "--subnet", "10.3.0.0/29", "small"])?;
    let run = |number: usize| {
        let name = format!("job-{number}");
        let run = ["run", "-d", "--name", &name, "--network", "small", "busybox", "sleep", "600"];
        town.lab.docker_output(&run).map(|output| output.status.success())
    };
    // Of eight, three are the network's own.
    for number in 1..=4 {
        assert!(run(number)?);
    }
    town.expect(&[], EVENT)?;
    town.breaks("network-addresses-exhausted small", "a network without a free address");
    assert!(run(5)?);
    let (report, found) = town.expect(&["network-addresses-exhausted small"], EVENT)?;
    let full = finding(&report, "network-addresses-exhausted");
    assert!(
        text(&full["summary"]).starts_with("The network `small` has no free address: 6 of 6"),
        "{full:#}"
    );
    assert!(!run(6)?, "what is told as full is full");
    town.lab.docker(&["rm", "-f", "job-6"])?;
    town.lab.docker(&["rm", "-f", "job-5"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    told("a network without a free address", found, gone);
    Ok(())
}

/// The client asks the Engine not to; others did not, and Engines before 25 let them.
#[test]
fn two_networks_of_one_name() -> Result<()> {
    let town = town::build()?;
    let create = r#"curl -sf --unix-socket /run/docker.sock -H 'Content-Type: application/json' \
        -d '{"Name": "shop", "CheckDuplicate": false}' http://engine/v1.40/networks/create"#;
    town.lab.exec_on_host(&["sh", "-c", create])?;
    let all = town.lab.docker(&[
        "network",
        "ls",
        "--no-trunc",
        "--filter",
        "name=^shop$",
        "--format",
        "{{.ID}}",
    ])?;
    assert_eq!(all.lines().count(), 2, "{all}");
    let is_new = |id: &&str| {
        let held = town.lab.docker(&["network", "inspect", "-f", "{{len .Containers}}", id]);
        held.is_ok_and(|held| held == "0")
    };
    let new = all.lines().find(is_new).expect("one that nobody is on").to_owned();
    town.breaks(&format!("network-duplicate-name shop ({})", &new[..12]), "two networks of one name");
    let subject = format!("network-duplicate-name shop ({})", &new[..12]);
    let (report, found) = town.expect(&[&subject], EVENT)?;
    let twice = finding(&report, "network-duplicate-name");
    assert!(text(&twice["summary"]).starts_with("2 networks are called `shop`"), "{twice:#}");
    assert!(twice["fix"].to_string().contains(&format!("docker network rm {new}")), "{twice:#}");
    town.lab.docker(&["network", "rm", &new])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    told("two networks of one name", found, gone);
    Ok(())
}

/// A thousand containers would take this machine an hour: a bridge's ports are any interfaces.
#[test]
fn a_bridge_without_a_free_port() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let id = town.lab.docker(&["network", "inspect", "-f", "{{.Id}}", "blog"])?;
    let bridge = format!("br-{}", &id[..12]);
    // Both ends of each pair; none of them is up.
    let fill = format!(
        "for i in $(seq 509); do echo link add a$i type veth peer name b$i; \
         echo link set a$i master {bridge}; echo link set b$i master {bridge}; done | ip -batch -"
    );
    town.lab.exec_on_host(&["sh", "-c", &fill])?;
    let (report, found) = town.expect(&["network-bridge-ports-exhausted blog"], INTERVAL)?;
    let full = finding(&report, "network-bridge-ports-exhausted");
    assert!(
        text(&full["summary"]).contains("1019 of 1023 ports in use: room is left for 4 more"),
        "{full:#}"
    );
    let empty = "for i in $(seq 509); do echo link del a$i; done | ip -batch -";
    town.lab.exec_on_host(&["sh", "-c", empty])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("a bridge without a free port", found, gone);
    Ok(())
}

/// `enable_icc=false`: the Engine keeps neighbours from each other because it was told to.
#[test]
fn a_network_that_keeps_its_containers_apart_is_no_fault() -> Result<()> {
    let town = town::build()?;
    let option = "com.docker.network.bridge.enable_icc=false";
    town.lab.docker(&["network", "create", "-o", option, "quiet"])?;
    for name in ["one", "two"] {
        let run = ["run", "-d", "--name", name, "--network", "quiet", "busybox"];
        town.lab.docker(&[&run[..], &["httpd", "-f", "-p", "8080"]].concat())?;
    }
    let ping = town.lab.docker(&["exec", "one", "ping", "-c", "1", "-W", "1", "two"]);
    assert!(ping.is_err(), "the Engine does not keep them apart: {ping:?}");
    let of = |probe: &str, target: &str| {
        format!(
            r#"destination_probe_success{{destination="quiet",probe="{probe}",source="one",target="{target}"}}"#
        )
    };
    for (probe, target) in [("icmp", "gateway"), ("dns", "two")] {
        town.expect_series(&of(probe, target), Some("1"), 2 * INTERVAL)?;
    }
    let until = Instant::now() + INTERVAL;
    while Instant::now() < until {
        assert_eq!(town.findings()?, BTreeSet::new());
        sleep(Duration::from_millis(200));
    }
    town.expect_series(&of("icmp", "two"), None, EVENT).map(drop)
}

#[test]
fn a_container_on_two_destinations() -> Result<()> {
    let town = town::build()?;
    let shared = "isolation-shared-container web";
    town.lab.docker(&["network", "connect", "blog", "web"])?;
    let (_, found) = town.expect_aside(shared, true, EVENT)?;
    town.lab.docker(&["network", "disconnect", "blog", "web"])?;
    let (_, gone) = town.expect_aside(shared, false, EVENT)?;
    told("a container on two destinations", found, gone);
    Ok(())
}

#[test]
fn a_database_that_is_open_to_all() -> Result<()> {
    let town = town::build()?;
    let run = ["run", "-d", "--name", "cache", "--network", "shop", "-p", "6379:6379", "busybox"];
    town.lab.docker(&[&run[..], &["nc", "-ll", "-p", "6379", "-e", "/bin/cat"]].concat())?;
    let (report, found) = town.expect(&["port-exposed-publicly cache 6379/tcp"], EVENT)?;
    assert_eq!(finding(&report, "port-exposed-publicly")["severity"], "ticket");
    town.lab.docker(&["rm", "-f", "cache"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    told("a database that is open to all", found, gone);
    Ok(())
}
