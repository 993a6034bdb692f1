//! Faults of the host itself and of its networks: the lab's host has a kernel's settings and routes of its own.

use lab::Result;
use lab::watched::{INTERVAL, finding, text};

use crate::{EVENT, told, town};

#[test]
fn a_host_that_does_not_forward() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.exec_on_host(&["sysctl", "-q", "-w", "net.ipv4.ip_forward=0"])?;
    let (report, found) = town.expect(&["host-forwarding-disabled host"], INTERVAL)?;
    let fault = finding(&report, "host-forwarding-disabled");
    assert_eq!(
        (&fault["destination"], &fault["severity"]),
        (&serde_json::Value::Null, &"page".into()),
        "{fault:#}"
    );
    assert!(text(&fault["summary"]).contains("containers of blog, shop reach nothing outside"), "{fault:#}");
    let repair = text(&fault["fix"][0]).to_owned();
    assert_eq!(repair, "sysctl -w net.ipv4.ip_forward=1");
    town.lab.exec_on_host(&repair.split(' ').collect::<Vec<_>>())?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("a host that does not forward", found, gone);
    Ok(())
}

/// Most hosts do not notice: it is for their information.
#[test]
fn bridged_packets_that_pass_by_the_firewall() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let set = |value: &str| {
        let setting = format!("net.bridge.bridge-nf-call-iptables={value}");
        town.lab.exec_on_host(&["sysctl", "-q", "-w", &setting])
    };
    let told = r#"destination_finding{destination="",code="host-bridge-netfilter-off",severity="info",subject="host",subject_kind="host"}"#;
    set("0")?;
    town.expect_series(told, Some("1"), INTERVAL)?;
    town.expect(&[], EVENT)?;
    set("1")?;
    town.expect_series(told, None, INTERVAL)?;
    town.expect_no_trace(&before)
}

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
        text(&fault["summary"])
            .starts_with("The host has another way (10.1.0.0/16 by vpn0) to addresses of shop"),
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
fn a_way_out_that_carries_less_than_containers_send() -> Result<()> {
    let town = town::build()?;
    for command in [
        "ip link add up0 type veth peer name far0",
        "ip link set up0 mtu 1400 up",
        "ip addr add 192.0.2.2/24 dev up0",
        "ip route replace default via 192.0.2.1",
    ] {
        town.lab.exec_on_host(&command.split(' ').collect::<Vec<_>>())?;
    }
    let (report, found) = town.expect(&["network-mtu-mismatch up0"], INTERVAL)?;
    let fault = finding(&report, "network-mtu-mismatch");
    assert!(
        text(&fault["summary"]).contains("up to 1500 bytes, and the host's way out (up0) carries 1400"),
        "{fault:#}"
    );
    town.expect_series(r#"destination_host_uplink_mtu_bytes{interface="up0"}"#, Some("1400"), EVENT)?;
    town.lab.exec_on_host(&["ip", "link", "set", "up0", "mtu", "1500"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    told("a way out that carries less", found, gone);
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
