//! `network-subnet-overlap`: destinations have addresses that the host has another way to. One finding a way.

use std::sync::Arc;

use ipnet::IpNet;

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{draft, few, few_quoted, network, quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::netstack::Way;

/// A shorter prefix is no network: halves of the Internet are how a VPN takes everything without taking the default
/// route's place (RFC 1918's largest block is a /8).
const SHORTEST: u8 = 8;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(host) = scene.snapshot.sight.host.as_deref() else { return Vec::new() };
    // Where the bridge is not there the routes are of another host.
    let here = |on: &&Destination| on.bridge.as_deref().is_some_and(|name| host.bridge(name).is_some());
    let nets: Vec<(&Destination, IpNet)> = scene
        .destinations()
        .filter(here)
        .flat_map(|on| on.subnets.iter().map(move |s| (on, s.net)))
        .collect();
    let clashes = |way: &Way| -> Vec<(&Destination, IpNet)> {
        let others = nets.iter().filter(|(on, _)| on.bridge.as_deref() != Some(&*way.by));
        others.filter(|(_, net)| clash(net, &way.to)).copied().collect()
    };
    let ways = host.ways.iter().flatten().map(|way| (way, clashes(way)));
    ways.filter(|(_, all)| !all.is_empty()).map(|(way, all)| told(scene, way, &all)).collect()
}

fn clash(net: &IpNet, way: &IpNet) -> bool {
    let overlaps = net.contains(way) || way.contains(net);
    match way {
        IpNet::V4(to) => overlaps && to.prefix_len() >= SHORTEST && !to.addr().is_link_local(),
        // A network of containers is cut from the host's own as a rule, and is the more exact way.
        IpNet::V6(to) => {
            overlaps && to.prefix_len() >= net.prefix_len() && !to.addr().is_unicast_link_local()
        }
    }
}

fn told(scene: &Scene<'_>, way: &Way, clashing: &[(&Destination, IpNet)]) -> Finding {
    let range: Arc<str> = way.to.to_string().into();
    let mut finding = draft(Code::NetworkSubnetOverlap, "network", &range, scene.snapshot.at);
    if let [(on, _)] = clashing {
        finding.destination = Some(on.name.clone());
    }
    let names: Vec<&str> = clashing.iter().map(|(on, _)| &*on.name).collect();
    // The longer prefix wins; of two alike the host takes either.
    let wins = clashing.iter().any(|(_, net)| way.to.prefix_len() >= net.prefix_len());
    let lost: Vec<&str> = clashing
        .iter()
        .flat_map(|(on, _)| &on.endpoints)
        .filter(|endpoint| wins && endpoint.addresses.iter().any(|address| way.to.contains(address)))
        .map(|endpoint| &*endpoint.name)
        .collect();
    finding.summary = format!(
        "The host has another way ({} by the interface {}) to addresses of {}: {}.",
        way.to,
        quoted(&way.by),
        few_quoted(&names),
        match (wins, lost.is_empty()) {
            (true, false) => format!("it sends packets for {} there", few(&lost)),
            (true, true) => "it will send packets there for a container that gets one of them".to_owned(),
            (false, _) =>
                "servers there with one of these addresses are out of reach for the host and its containers"
                    .to_owned(),
        }
    );
    finding.evidence = clashing
        .iter()
        .take(6)
        .map(|(on, net)| {
            saw(
                "ip route",
                format!("{} dev {}", way.to, way.by),
                &format!("nothing that overlaps {net} of {}", on.name),
            )
        })
        .collect();
    finding.explains =
        vec!["private servers, a VPN or a provider's own services that do not answer".to_owned()];
    finding.fix = vec![Step::when(
        "choose a range that nothing here has a way to, make a network of it and redeploy onto it",
        ["ip route".to_owned(), "docker network create --attachable --subnet RANGE NEW".to_owned()],
    )];
    finding.fix.extend(scene.inventory.map(|inventory| {
        Step::prose(
            "for networks to come, with a range that is free here: \"default-address-pools\": [{\"base\": \"10.64.0.0/12\", \"size\": 24}]",
        )
        .in_daemon_json(&inventory.engine)
    }));
    let shells: Vec<String> = clashing.iter().take(6).map(|(on, _)| network(on)).collect();
    finding.verify = vec![
        format!(
            "docker network inspect --format '{{{{.Name}}}} {{{{json .IPAM.Config}}}}' {}",
            shells.join(" ")
        ),
        "ip route".to_owned(),
    ];
    finding
}
