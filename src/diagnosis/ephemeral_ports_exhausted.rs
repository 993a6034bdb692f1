//! `ephemeral-ports-exhausted`: a container has hardly any local port left for connections to one address.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::inventory::{ContainerId, Destination, Endpoint};
use crate::netstack::{Crowd, Level, LocalPorts};
use crate::state::Snapshot;

use super::route::walk::Hop;
use super::scene::{Scene, Way};
use super::words::{container, draft, few, from_inside, listed, quoted, saw, sh};
use super::{Code, Finding, Severity, Step};

/// As wide as it gets without the ports that services listen on as a rule: whoever starts to listen on one that a
/// connection has cannot.
const WIDEST: (u16, u16) = (10_000, 65_535);
/// A range with fewer ports can be made much wider.
const NARROW: u32 = 50_000;

/// One finding for each destination that the other ends are on; those that are on none are told of the first that the
/// container is on.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, homes) in &scene.places {
        let Some(ports) = scene.snapshot.containers.get(*id).and_then(|inner| inner.local_ports.as_ref())
        else {
            continue;
        };
        let near = || ports.crowds.iter().filter(|crowd| crowd.level >= Level::Near);
        let of = |crowd: &Crowd| {
            let lives_on = |(on, _): &&(&Destination, &Endpoint)| peer(on, crowd).is_some();
            homes.iter().find(lives_on).or(homes.first()).map(|(on, _)| Arc::clone(&on.name))
        };
        for (on, endpoint) in homes {
            let crowds: Vec<&Crowd> = near().filter(|crowd| of(crowd).as_ref() == Some(&on.name)).collect();
            findings.extend(tell(scene, on, endpoint, ports, &crowds));
        }
    }
    findings
}

/// Whether a proxy has no port left to dial a backend from: what comes through it then is no fault of the route.
pub(super) fn keeps_from(snapshot: &Snapshot, proxy: &ContainerId, hop: &Hop<'_>) -> bool {
    let dialled =
        hop.backend.spot().zip(hop.backend.port).map(|(spot, port)| SocketAddr::new(spot.address, port));
    let ports = snapshot.containers.get(proxy).and_then(|inner| inner.local_ports.as_ref());
    let is_full = |crowd: &Crowd| crowd.level == Level::Full && Some(crowd.remote) == dialled;
    ports.is_some_and(|ports| ports.crowds.iter().any(is_full))
}

fn peer<'a>(on: &'a Destination, crowd: &Crowd) -> Option<&'a Endpoint> {
    on.endpoints.iter().find(|endpoint| endpoint.addresses.contains(&crowd.remote.ip()))
}

/// `10.0.1.7:5432 (db)`, as far as the inventory knows whose address it is.
fn whose(scene: &Scene<'_>, on: &Destination, crowd: &Crowd) -> String {
    let address = crowd.remote.ip();
    if let Some(endpoint) = peer(on, crowd) {
        return format!("{} ({})", crowd.remote, quoted(&endpoint.name));
    }
    let everybody = scene.destinations().flat_map(|on| on.endpoints.iter().map(move |e| (on, e)));
    let mut elsewhere = everybody.filter(|(_, endpoint)| endpoint.addresses.contains(&address));
    match elsewhere.next() {
        Some((other, endpoint)) => {
            format!("{} ({} on {})", crowd.remote, quoted(&endpoint.name), quoted(&other.name))
        }
        None if scene.destinations().any(|on| on.gateways().any(|gateway| gateway == address)) => {
            format!("{} (the host)", crowd.remote)
        }
        None => crowd.remote.to_string(),
    }
}

fn tell(
    scene: &Scene<'_>,
    on: &Destination,
    endpoint: &Endpoint,
    ports: &LocalPorts,
    crowds: &[&Crowd],
) -> Option<Finding> {
    let first = crowds.first()?;
    let (name, LocalPorts { range, room, .. }) = (&endpoint.name, ports);
    let full = crowds.iter().any(|crowd| crowd.level == Level::Full);
    let mut finding = draft(Code::EphemeralPortsExhausted, "container", name, scene.snapshot.at);
    finding.destination = Some(Arc::clone(&on.name));
    if full {
        finding.severity = Severity::Page;
    }
    finding.summary = format!(
        "Container {} has {} of {room} local ports in use towards {}: {}.",
        quoted(name),
        first.held,
        whose(scene, on, first),
        if first.held >= *room {
            "new connections there fail with \"cannot assign requested address\""
        } else if full {
            "new connections there fail with \"cannot assign requested address\", or are about to"
        } else {
            "once there are none left, new connections there fail with \"cannot assign requested address\""
        }
    );
    finding.evidence = crowds
        .iter()
        .take(6)
        .map(|crowd| {
            saw(
                format!("sockets of {name}'s network namespace towards {}", crowd.remote),
                format!(
                    "{} ports held, {} of them by connections that are over (TIME_WAIT)",
                    crowd.held, crowd.over
                ),
                "below 90 % of the ports that there are",
            )
        })
        .collect();
    finding.evidence.push(saw(
        format!("net.ipv4.ip_local_port_range of {name}"),
        format!("{} {}: {room} ports that are neither reserved nor listened on", range.0, range.1),
        "more than are needed at once",
    ));
    finding.explains = explained(scene, endpoint, crowds);
    if let Some(peer) = peer(on, first) {
        let ways = scene.ways_to(&on.name, &peer.name);
        let reach = ways.iter().filter(|(source, path)| path.way == Way::Open && **source != **name);
        let others: Vec<&str> = reach.map(|(source, _)| *source).collect();
        if !others.is_empty() {
            finding.ruled_out.push(format!("{} is up: {} reaches it", peer.name, few(&others)));
        }
    }
    let shell = scene.inventory.map(|inventory| container(inventory, &endpoint.container))?;
    let inside = format!("nsenter -t \"$(docker inspect -f '{{{{.State.Pid}}}}' {shell})\" -n");
    let is_over = crowds.iter().any(|crowd| crowd.over * 2 >= crowd.held);
    finding.fix = vec![Step::prose(if is_over {
        "keep connections open instead of opening one for each request: a pool with a size, HTTP keep-alive (nginx: keepalive in the upstream; Traefik: serversTransport.maxIdleConnsPerHost)"
    } else {
        "give the pool of connections a size, and close what is no longer used: these are held open"
    })];
    if *room < NARROW {
        let wide = format!("net.ipv4.ip_local_port_range=\"{} {}\"", WIDEST.0, WIDEST.1);
        finding.fix.push(Step::when(
            "a wider range at once, until the container starts again",
            [format!("{inside} sysctl -w {wide}")],
        ));
        finding.fix.push(Step::prose(
            "so that it stays: docker run --sysctl net.ipv4.ip_local_port_range=\"10000 65535\", or sysctls: in Compose",
        ));
    }
    finding.fix.push(Step::when(
        "or let go of all at once: it starts again with a namespace of its own",
        [format!("docker restart {shell}")],
    ));
    finding.verify = crowds
        .iter()
        .take(2)
        .map(|crowd| {
            let to = sh(&crowd.remote.to_string());
            format!("{inside} ss -Htan dst {to} | awk '{{print $1}}' | sort | uniq -c")
        })
        .collect();
    finding.verify.push(from_inside(&shell, "cat /proc/sys/net/ipv4/ip_local_port_range"));
    Some(finding)
}

/// Sites that it serves as a proxy, and connections.
fn explained(scene: &Scene<'_>, endpoint: &Endpoint, crowds: &[&Crowd]) -> Vec<String> {
    let ends = few(crowds.iter().map(|crowd| crowd.remote.to_string()));
    let connections = format!("connections to {ends} that fail at once (EADDRNOTAVAIL)");
    let id = &endpoint.container;
    let is_kept = |hop: &Hop<'_>| keeps_from(scene.snapshot, id, hop);
    let sites = scene
        .walks
        .iter()
        .filter(|walk| {
            walk.proxy.is_some_and(|proxy| proxy.container == *id) && walk.hops.iter().any(is_kept)
        })
        .map(|walk| format!("{} answers 502, now and then", walk.route.title()));
    listed(std::iter::once(connections).chain(sites))
}
