//! `network-subnet-overlap`: a destination has addresses that the host has another way to.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{few, network, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::netstack::Way;
use ipnet::IpNet;

use super::of_destination;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(host) = scene.snapshot.sight.host.as_deref() else { return Vec::new() };
    let tell = |on: &Destination| {
        let bridge = on.bridge.as_deref()?;
        // Where the bridge is not there the routes are of another host.
        host.bridges.get(bridge)?;
        let other = |way: &&Way| way.by != bridge && is_somewhere(&way.to);
        let clashing: Vec<(&IpNet, &Way)> = on
            .subnets
            .iter()
            .flat_map(|subnet| host.ways.iter().filter(other).map(move |way| (&subnet.net, way)))
            .filter(|(net, way)| overlap(net, &way.to))
            .collect();
        (!clashing.is_empty()).then(|| told(scene, on, &clashing))
    };
    scene.destinations().filter_map(tell).collect()
}

/// A part of the Internet: not everything, nor what each interface has of its own.
fn is_somewhere(net: &IpNet) -> bool {
    let of_the_link = match net {
        IpNet::V4(net) => net.addr().is_link_local() || net.addr().is_multicast(),
        IpNet::V6(net) => net.addr().is_unicast_link_local() || net.addr().is_multicast(),
    };
    net.prefix_len() > 0 && !of_the_link
}

fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

fn told(scene: &Scene<'_>, on: &Destination, clashing: &[(&IpNet, &Way)]) -> Finding {
    let mut finding = of_destination(scene, Code::NetworkSubnetOverlap, on);
    // The longer prefix wins; of two alike the host takes either.
    let is_stolen = clashing.iter().any(|(net, way)| way.to.prefix_len() >= net.prefix_len());
    let ways: Vec<String> = clashing.iter().map(|(_, way)| format!("{} by {}", way.to, way.by)).collect();
    let nets: Vec<String> = clashing.iter().map(|(net, _)| net.to_string()).collect();
    finding.summary = format!(
        "{} has addresses ({}) that the host also has another way to ({}): {}.",
        on.name,
        few(deduplicated(nets)),
        few(&ways),
        if is_stolen {
            "the host sends packets for its containers there"
        } else {
            "servers there with one of these addresses are out of reach for the host and its containers"
        }
    );
    finding.evidence = clashing
        .iter()
        .take(6)
        .map(|(net, way)| {
            saw("ip route", format!("{} dev {}", way.to, way.by), &format!("nothing that overlaps {net}"))
        })
        .collect();
    finding.explains =
        vec!["private servers, a VPN or a provider's own services that do not answer".to_owned()];
    let shell = network(on);
    finding.fix = vec![
        Step::when(
            "choose a range that nothing here has a way to, make a network of it and redeploy onto it",
            ["ip route".to_owned(), "docker network create --attachable --subnet 10.x.0.0/24 NEW".to_owned()],
        ),
        Step::prose(
            "for networks to come: \"default-address-pools\" in /etc/docker/daemon.json with ranges that are free here",
        ),
    ];
    finding.verify = vec![
        format!("docker network inspect {shell} --format '{{{{json .IPAM.Config}}}}'"),
        "ip route".to_owned(),
    ];
    finding
}

fn deduplicated(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all.dedup();
    all
}
