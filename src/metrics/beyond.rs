//! What gets through to other destinations, and from the host to its own ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::inventory::{Inventory, PublishedPort};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::Snapshot;

use super::exposition::Exposition;
use super::table;

/// Where pairs take turns, series of the ones that are apart would come and go with the turns: those that leak are told
/// alone, and how many they are.
pub fn isolation(page: &mut Exposition, inventory: &Inventory, snapshot: &Snapshot) {
    let mut pairs: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (key, record) in snapshot.probes.iter().filter(|(key, _)| key.kind == ProbeKind::Isolation) {
        let through = match record.outcome {
            Outcome::Success(_) => false,
            Outcome::Failure(reason) => reason == Reason::Reachable,
            Outcome::Unknown(_) => continue,
        };
        let Some((peer, _)) = inventory.beyond(&key.target) else { continue };
        *pairs.entry((&key.destination, &peer.name)).or_default() += u64::from(through);
    }
    let mut leaking: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for ((destination, peer), leaks) in pairs {
        let peers = leaking.entry(destination).or_default();
        if leaks > 0 {
            peers.insert(peer);
        }
        let taken = snapshot.own.turns.get(destination).is_some_and(|turns| turns.taken);
        if leaks > 0 || !taken {
            page.put_count(&table::ISOLATION_LEAKS, [destination, peer], leaks);
        }
    }
    for (destination, turns) in snapshot.own.turns.iter() {
        page.put_count(&table::ISOLATION_PEERS, [destination], turns.peers as u64);
        page.put(&table::ISOLATION_CYCLE, [destination], turns.within.as_secs_f64());
        // Before the first try nobody knows.
        if let Some(peers) = leaking.get(&**destination) {
            page.put_count(&table::ISOLATION_LEAKING_PEERS, [destination], peers.len() as u64);
        }
    }
}

/// The narrowest way to each target, by its addresses.
pub fn path_mtus(page: &mut Exposition, snapshot: &Snapshot) {
    let mut widths: BTreeMap<[&str; 3], u32> = BTreeMap::new();
    for (key, record) in snapshot.probes.iter().filter(|(key, _)| key.kind == ProbeKind::PathMtu) {
        let Some(seen) = record.seen.widths else { continue };
        let narrowest = widths.entry([&key.destination, &key.source, &key.target]).or_insert(seen.passed);
        *narrowest = seen.passed.min(*narrowest);
    }
    for (labels, bytes) in widths {
        page.put_count(&table::PATH_MTU, labels, u64::from(bytes));
    }
}

/// Of each port that is tried, how the last try ended.
pub fn published_ports(page: &mut Exposition, inventory: &Inventory, snapshot: &Snapshot) {
    let mut ports: BTreeMap<[String; 5], bool> = BTreeMap::new();
    for (key, record) in snapshot.probes.iter().filter(|(key, _)| key.kind == ProbeKind::PublishedPort) {
        let up = match record.outcome {
            Outcome::Success(_) => true,
            Outcome::Failure(_) => false,
            Outcome::Unknown(_) => continue,
        };
        let Some((workload, port)) = port(inventory, key) else { continue };
        let host_ip = port.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_string();
        let labels = [
            key.destination.to_string(),
            workload.to_owned(),
            host_ip,
            port.host_port.to_string(),
            port.protocol.clone(),
        ];
        *ports.entry(labels).or_insert(true) &= up;
    }
    for (labels, up) in ports {
        page.put_bool(&table::PUBLISHED_PORT_UP, labels.each_ref().map(String::as_str), up);
    }
}

fn port<'a>(inventory: &'a Inventory, key: &ProbeKey) -> Option<(&'a str, &'a PublishedPort)> {
    let Detail::Port(address, host_port) = key.detail else { return None };
    let endpoint = inventory.destination(&key.destination)?.endpoint(&key.target)?;
    let container = inventory.container(&endpoint.container)?;
    let of_port = container.published.iter().filter(|p| p.protocol == "tcp" && p.host_port == host_port);
    let bound = |p: &&PublishedPort| p.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    // Bound to this address, else to all of its family.
    let exact = of_port.clone().find(|p| bound(p) == address);
    let port = exact.or_else(|| {
        of_port.clone().find(|p| bound(p).is_unspecified() && bound(p).is_ipv4() == address.is_ipv4())
    })?;
    Some((&container.workload, port))
}
