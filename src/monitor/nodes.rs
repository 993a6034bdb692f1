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

use crate::inventory::swarm::{Control, Lost, Overlay, Peer, Service, Swarm, TASKS};
use crate::inventory::{Endpoint, Inventory};
use crate::outcome::{Detail, Outcome, ProbeKind, Reason, Run};
use crate::plan::overlay::GOSSIP;

/// A worker is told of no node that is taken away for good: what has been silent for so long is.
const MISSED_FOR: Duration = Duration::from_secs(3600);
/// Addresses of one name that are remembered.
const MOST_ASTRAY: usize = 64;
/// Nodes of one overlay that are remembered.
const MOST: usize = 4096;

/// What was seen of nodes, and of names, between one picture and the next.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// By overlay and address.
    known: BTreeMap<(Arc<str>, IpAddr), Node>,
    /// By overlay and name of a service's tasks: addresses that it was answered with, and that nobody has by the picture.
    astray: BTreeMap<(Arc<str>, Arc<str>), Astray>,
    /// How many pictures there were.
    pictures: u64,
}

/// Addresses that are in no picture. A task may live between two of them, so that those count that are answered again after
/// the next one.
#[derive(Debug, Default)]
struct Astray {
    last: Vec<IpAddr>,
    /// The picture that they were not in.
    picture: u64,
    again: Vec<IpAddr>,
}

#[derive(Debug)]
struct Node {
    tasks: usize,
    /// Since when the gossip does not know it.
    lost: Option<SystemTime>,
    /// Its host has answered since.
    answered: bool,
    /// The managers know of a node at this address, or did.
    told: bool,
}

impl Nodes {
    /// Takes a new picture, and puts into it who is missed.
    pub(super) fn complete(&mut self, inventory: &mut Inventory) {
        self.pictures += 1;
        let (at, swarm) = (inventory.taken_at, inventory.swarm.clone());
        let overlays = inventory.destinations.iter_mut();
        let overlays =
            overlays.filter_map(|on| Some((Arc::clone(&on.name), &on.endpoints, on.overlay.as_mut()?)));
        let mut kept = BTreeMap::new();
        for (name, endpoints, overlay) in overlays {
            // It has ended on this host: nobody is heard from, and nobody is missed.
            if !overlay.heard {
                continue;
            }
            self.of_one(&name, overlay, swarm.as_ref(), at, &mut kept);
            // What started since the last picture is in this one, and what ended since is asked for once more.
            let astray: Vec<Vec<IpAddr>> = (overlay.services.iter())
                .map(|service| match self.astray.get(&(Arc::clone(&name), Arc::clone(&service.tasks))) {
                    Some(of) => strangers(&of.again, service, overlay, endpoints),
                    None => Vec::new(),
                })
                .collect();
            for (service, astray) in overlay.services.iter_mut().zip(astray) {
                service.astray = astray;
            }
        }
        self.known = kept;
        let is_there = |(on, tasks): &(Arc<str>, Arc<str>)| {
            let overlay = inventory.destination(on).and_then(|on| on.overlay.as_ref());
            overlay.is_some_and(|overlay| overlay.services.iter().any(|service| service.tasks == *tasks))
        };
        self.astray.retain(|key, _| is_there(key));
    }

    fn of_one(
        &mut self,
        name: &Arc<str>,
        overlay: &mut Overlay,
        swarm: Option<&Swarm>,
        at: SystemTime,
        kept: &mut BTreeMap<(Arc<str>, IpAddr), Node>,
    ) {
        let before = kept.len();
        let first = (Arc::clone(name), IpAddr::from([0, 0, 0, 0]));
        let known: Vec<(Arc<str>, IpAddr)> =
            self.known.range(first..).map(|(key, _)| key.clone()).take_while(|(of, _)| of == name).collect();
        for key in known {
            let Some(mut node) = self.known.remove(&key) else { continue };
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
                    if is_missed(&mut node, since, at, swarm, key.1) {
                        let lost = Some(Lost { since, tasks: node.tasks });
                        overlay.peers.push(Peer { address: key.1, tasks: Vec::new(), lost });
                        kept.insert(key, node);
                    }
                }
            }
        }
        overlay.peers.sort_by_key(|peer| peer.address);
        for peer in &overlay.peers {
            // Whoever is missed already stays: that others come and go is no reason to forget.
            if kept.len() - before >= MOST {
                break;
            }
            let key = (Arc::clone(name), peer.address);
            let lost = peer.lost.map(|lost| lost.since);
            let tasks = peer.lost.map_or(peer.tasks.len(), |lost| lost.tasks);
            if tasks > 0 {
                let told = control(swarm).is_some_and(|control| is_told(control, peer.address));
                let node = kept.entry(key).or_insert(Node { tasks, lost, answered: false, told });
                node.told |= told;
            }
        }
    }

    /// Takes what probes from host to host saw, and what names of services were answered with.
    pub(super) fn heard(&mut self, runs: &[Run], inventory: Option<&Inventory>) {
        for run in
            runs.iter().filter(|run| run.key.kind == ProbeKind::Dns && run.key.target.starts_with(TASKS))
        {
            let on = inventory.and_then(|inventory| inventory.destination(&run.key.destination));
            // Of a table that was cut nobody knows what is not in it.
            let Some((on, overlay)) = on.and_then(|on| Some((on, on.overlay.as_ref()?))) else { continue };
            let service = overlay.services.iter().find(|service| service.tasks == run.key.target);
            let Some(service) =
                service.filter(|_| !overlay.is_cut && matches!(run.outcome, Outcome::Success(_)))
            else {
                continue;
            };
            let mut now = strangers(&run.seen.answers, service, overlay, &on.endpoints);
            now.truncate(MOST_ASTRAY);
            let key = (Arc::clone(&run.key.destination), Arc::clone(&run.key.target));
            if now.is_empty() {
                self.astray.remove(&key);
                continue;
            }
            let picture = self.pictures;
            let known = self.astray.entry(key).or_default();
            if known.picture != picture {
                known.again = now.iter().filter(|ip| known.last.contains(ip)).copied().collect();
                (known.last, known.picture) = (now, picture);
            }
        }
        for run in runs.iter().filter(|run| run.key.kind == ProbeKind::Node) {
            let answers = matches!(run.outcome, Outcome::Success(_) | Outcome::Failure(Reason::Refused));
            let Detail::Port(address, GOSSIP) = run.key.detail else { continue };
            if let Some(node) = self.known.get_mut(&(Arc::clone(&run.key.destination), address)) {
                node.answered |= answers && node.lost.is_some();
            }
        }
    }
}

/// Of the addresses that a service's name was answered with those that nobody on the overlay has. Another's are no remains:
/// a name leads to all who bear it, as an alias too.
fn strangers(
    answers: &[IpAddr],
    service: &Service,
    overlay: &Overlay,
    endpoints: &[Endpoint],
) -> Vec<IpAddr> {
    let mut strangers: Vec<IpAddr> =
        answers.iter().filter(|ip| !service.addresses.contains(ip)).copied().collect();
    if !strangers.is_empty() {
        let known = overlay.bearers();
        let is_here = |ip: &IpAddr| endpoints.iter().any(|endpoint| endpoint.addresses.contains(ip));
        strangers.retain(|ip| !known.contains_key(ip) && !is_here(ip));
    }
    strangers
}

/// What the managers know, as long as they say it.
fn control(swarm: Option<&Swarm>) -> Option<&Control> {
    swarm.and_then(|swarm| swarm.control.as_ref().filter(|_| swarm.control_error.is_none()))
}

fn is_told(control: &Control, address: IpAddr) -> bool {
    control.nodes.iter().any(|one| one.address == Some(address))
}

fn is_missed(
    node: &mut Node,
    since: SystemTime,
    at: SystemTime,
    swarm: Option<&Swarm>,
    address: IpAddr,
) -> bool {
    let control = control(swarm);
    let told = control.and_then(|_| swarm?.node(address));
    match told {
        // They know of it: it is meant to be there as long as they say so.
        Some(one) => {
            node.told = true;
            &*one.availability != "drain" && (!one.is_ready || !node.answered)
        }
        // It was removed.
        None if node.told && control.is_some() => false,
        None => !node.answered && at.duration_since(since).unwrap_or_default() < MISSED_FOR,
    }
}

#[cfg(test)]
mod tests;
