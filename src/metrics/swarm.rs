//! The Swarm, and what is beyond this host on its overlays.

use std::collections::BTreeMap;

use crate::inventory::swarm::Peer;
use crate::inventory::{Inventory, part};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::{Record, Snapshot};

use super::exposition::Exposition;
use super::table;

/// This node, and all of them as managers know them.
pub fn nodes(page: &mut Exposition, inventory: &Inventory) {
    let Some(swarm) = &inventory.swarm else { return };
    let role = if swarm.is_manager { "manager" } else { "worker" };
    let address = swarm.address.map(|address| address.to_string()).unwrap_or_default();
    let (id, name, state) = (part(&swarm.node_id), part(&swarm.name), part(&swarm.state));
    page.put(&table::SWARM_NODE_INFO, [&id, &name, &address, role, &state], 1.0);
    let is_heard = swarm.control.as_ref().filter(|_| swarm.control_error.is_none());
    if swarm.is_manager || &*swarm.state == "locked" {
        page.put_bool(&table::SWARM_CONTROL, [], is_heard.is_some());
    }
    // One that left and joined anew is there twice: it is ready by either.
    let mut nodes: BTreeMap<[String; 4], bool> = BTreeMap::new();
    for node in is_heard.into_iter().flat_map(|control| &control.nodes) {
        let role = if node.is_manager { "manager" } else { "worker" };
        let address = node.address.map(|address| address.to_string()).unwrap_or_default();
        let labels =
            [part(&node.name).into_owned(), address, role.to_owned(), part(&node.availability).into_owned()];
        *nodes.entry(labels).or_default() |= node.is_ready;
    }
    for (labels, is_ready) in nodes {
        page.put_bool(&table::SWARM_NODE_READY, labels.each_ref().map(String::as_str), is_ready);
    }
}

/// Every other node that is looked at, by overlay.
pub fn peers(page: &mut Exposition, inventory: &Inventory, snapshot: &Snapshot) {
    for on in &inventory.destinations {
        let Some(overlay) = &on.overlay else { continue };
        let looks: Vec<(&ProbeKey, &Record)> = snapshot
            .probes
            .iter()
            .filter(|(key, _)| key.destination == on.name)
            .filter(|(key, _)| matches!(key.kind, ProbeKind::Overlay | ProbeKind::Node))
            .collect();
        for peer in &overlay.peers {
            let address = peer.address.to_string();
            let labels = [&*on.name, &address];
            page.put_count(&table::OVERLAY_PEER_CONTAINERS, labels, peer.tasks.len() as u64);
            let of_peer: Vec<&Record> = looks
                .iter()
                .filter(|(key, _)| is_of(key, peer, &address))
                .map(|(_, record)| *record)
                .collect();
            if let Some(up) = is_up(&of_peer) {
                page.put_bool(&table::OVERLAY_PEER_UP, labels, up);
            }
            let echoes = of_peer.iter().filter_map(|record| record.seen.echo.as_ref());
            if peer.lost.is_none()
                && let Some(shortest) = echoes.flat_map(|echo| &echo.rtts).min()
            {
                page.put(&table::OVERLAY_PEER_RTT, labels, shortest.as_secs_f64());
            }
        }
    }
}

/// Over the overlay to what is on it; of one that the gossip lost, from host to host.
fn is_of(key: &ProbeKey, peer: &Peer, address: &str) -> bool {
    match peer.lost {
        Some(_) => key.kind == ProbeKind::Node && *key.target == *address,
        None => key.kind == ProbeKind::Overlay && peer.tasks.iter().any(|task| task.name == key.target),
    }
}

fn is_up(records: &[&Record]) -> Option<bool> {
    let mut seen = None;
    for record in records {
        match record.outcome {
            Outcome::Success(_) | Outcome::Failure(Reason::Refused | Reason::Reset | Reason::PacketLoss) => {
                return Some(true);
            }
            Outcome::Failure(_) => seen = Some(false),
            Outcome::Unknown(_) => {}
        }
    }
    seen
}

/// Who was looked at, of those who ought to be; on every destination, whether it spans nodes or not.
pub fn covers(page: &mut Exposition, snapshot: &Snapshot) {
    for (destination, cover) in snapshot.own.covers.iter() {
        page.put(&table::PROBES_COVER, [destination], cover.within.as_secs_f64());
        if let Some(ratio) = snapshot.own.covered(destination, snapshot.at) {
            page.put(&table::PROBES_COVERED, [destination], ratio);
        }
    }
}

#[cfg(test)]
mod tests;
