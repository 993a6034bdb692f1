//! Nodes of a Swarm that the gossip knew to have containers on an overlay, and knows no longer.
//!
//! A node that is cut off is gone from an overlay's peers within seconds, and with it every container that it has: an
//! inventory alone would show a smaller network that is well. So who was there is remembered, and looked for from host to
//! host, until it is back, its host answers (then it left the overlay, as nodes do whose last container ended), or the
//! managers say that it is meant to be away.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::inventory::Inventory;
use crate::inventory::swarm::{Lost, Overlay, Peer, Swarm};
use crate::outcome::{Detail, Outcome, ProbeKind, Reason, Run};
use crate::plan::overlay::GOSSIP;

/// A worker is told of no node that is taken away for good: what has been silent for so long is.
const MISSED_FOR: Duration = Duration::from_secs(3600);
/// Nodes that are remembered.
const MOST: usize = 4096;

/// By overlay and address.
#[derive(Debug, Default)]
pub(super) struct Nodes(BTreeMap<(Arc<str>, IpAddr), Node>);

#[derive(Debug)]
struct Node {
    tasks: usize,
    /// Since when the gossip does not know it.
    lost: Option<SystemTime>,
    /// Its host has answered since.
    answered: bool,
}

impl Nodes {
    /// Takes a new picture, and puts into it who is missed.
    pub(super) fn complete(&mut self, inventory: &mut Inventory) {
        let (at, swarm) = (inventory.taken_at, inventory.swarm.clone());
        let overlays = inventory.destinations.iter_mut();
        let overlays = overlays.filter_map(|on| Some((Arc::clone(&on.name), on.overlay.as_mut()?)));
        let mut kept = BTreeMap::new();
        for (name, overlay) in overlays {
            // It has ended on this host: nobody is heard from, and nobody is missed.
            if overlay.peers.is_empty() && overlay.services.is_empty() {
                continue;
            }
            self.of_one(&name, overlay, swarm.as_ref(), at, &mut kept);
        }
        self.0 = kept;
    }

    fn of_one(
        &mut self,
        name: &Arc<str>,
        overlay: &mut Overlay,
        swarm: Option<&Swarm>,
        at: SystemTime,
        kept: &mut BTreeMap<(Arc<str>, IpAddr), Node>,
    ) {
        let first = (Arc::clone(name), IpAddr::from([0, 0, 0, 0]));
        let known: Vec<(Arc<str>, IpAddr)> =
            self.0.range(first..).map(|(key, _)| key.clone()).take_while(|(of, _)| of == name).collect();
        for key in known {
            let Some(mut node) = self.0.remove(&key) else { continue };
            let peer = overlay.peers.iter_mut().find(|peer| peer.address == key.1);
            match peer.map(|peer| (peer.lost.as_mut(), peer.tasks.len())) {
                // There, with or without anything on it.
                Some((None, _)) => {}
                // The managers miss it too, and know how much is on it.
                Some((Some(lost), _)) => {
                    lost.since = *node.lost.get_or_insert(at);
                    lost.tasks = lost.tasks.max(node.tasks);
                    kept.insert(key, node);
                }
                None => {
                    let since = *node.lost.get_or_insert(at);
                    if is_missed(&node, since, at, swarm, key.1) {
                        let lost = Some(Lost { since, tasks: node.tasks });
                        overlay.peers.push(Peer { address: key.1, tasks: Vec::new(), lost });
                        kept.insert(key, node);
                    }
                }
            }
        }
        overlay.peers.sort_by_key(|peer| peer.address);
        for peer in overlay.peers.iter().take(MOST) {
            let key = (Arc::clone(name), peer.address);
            let lost = peer.lost.map(|lost| lost.since);
            let tasks = peer.lost.map_or(peer.tasks.len(), |lost| lost.tasks);
            if tasks > 0 {
                kept.entry(key).or_insert(Node { tasks, lost, answered: false });
            }
        }
    }

    /// Takes what probes from host to host saw.
    pub(super) fn heard(&mut self, runs: &[Run]) {
        for run in runs.iter().filter(|run| run.key.kind == ProbeKind::Node) {
            let answers = matches!(run.outcome, Outcome::Success(_) | Outcome::Failure(Reason::Refused));
            let Detail::Port(address, GOSSIP) = run.key.detail else { continue };
            if let Some(node) = self.0.get_mut(&(Arc::clone(&run.key.destination), address)) {
                node.answered |= answers && node.lost.is_some();
            }
        }
    }
}

fn is_missed(node: &Node, since: SystemTime, at: SystemTime, swarm: Option<&Swarm>, address: IpAddr) -> bool {
    let told = swarm.and_then(|swarm| swarm.control.as_ref().filter(|_| swarm.control_error.is_none()));
    match told.map(|control| control.nodes.iter().find(|one| one.address == Some(address))) {
        // The managers know of it: it is meant to be there as long as they say so.
        Some(Some(one)) => &*one.availability != "drain" && (!one.is_ready || !node.answered),
        Some(None) => false,
        None => !node.answered && at.duration_since(since).unwrap_or_default() < MISSED_FOR,
    }
}

#[cfg(test)]
mod tests;
