//! Faults of the host itself: the lab's host has a kernel's settings and routes of its own.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

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
    assert!(
        text(&fault["summary"]).contains("containers on `blog`, `shop` reach nothing outside"),
        "{fault:#}"
    );
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
    set("0")?;
    town.expect_aside("host-bridge-netfilter-off host", true, INTERVAL)?;
    town.expect(&[], EVENT)?;
    set("1")?;
    town.expect_aside("host-bridge-netfilter-off host", false, INTERVAL)?;
    town.expect_no_trace(&before)
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
        text(&fault["summary"])
            .contains("up to 1500 bytes, and the host's way out (interface `up0`) carries 1400"),
        "{fault:#}"
    );
    town.expect_series(r#"destination_host_uplink_mtu_bytes{interface="up0"}"#, Some("1400"), EVENT)?;
    town.lab.exec_on_host(&["ip", "link", "set", "up0", "mtu", "1500"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    told("a way out that carries less", found, gone);
    Ok(())
}

/// The limit is the machine's, which is left as it is: the lab's host has as many connections as it bears.
#[test]
fn a_table_of_connections_that_fills() -> Result<()> {
    let town = town::build()?;
    let limit = town.lab.exec_on_host(&["sysctl", "-n", "net.netfilter.nf_conntrack_max"])?;
    let limit: u32 = limit.parse().expect("a number");
    let wanted = limit / 100 * 85;
    town.breaks("host-conntrack-near-limit host", "a table of connections that fills");
    town.lab.host().inside(move || connect(wanted).map_err(|e| lab::Error::io("sending packets", e)))?;
    let (report, found) = town.expect(&["host-conntrack-near-limit host"], INTERVAL)?;
    let near = finding(&report, "host-conntrack-near-limit");
    assert_eq!(near["severity"], "ticket", "{near:#}");
    assert!(text(&near["summary"]).contains(&format!("of {limit}")), "{near:#}");
    let (_, gone) = town.expect(&[], 4 * INTERVAL)?;
    told("a table of connections that fills", found, gone);
    Ok(())
}

/// One packet to each of as many addresses and ports; the kernel forgets them after half a minute.
#[expect(clippy::disallowed_methods, reason = "a sender in the lab's network, not a probe")]
fn connect(number: u32) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    for n in 0..number {
        let [_, high, low, _] = (n / 60_000 * 256 + 256).to_be_bytes();
        let port = u16::try_from(n % 60_000).unwrap_or_default() + 1024;
        // Whoever is told that nobody listens there has been let through.
        socket.send_to(&[], (Ipv4Addr::new(127, 1, high, low), port)).ok();
    }
    Ok(())
}
