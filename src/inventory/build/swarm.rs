//! From what managers and gossip said to the Swarm of the picture.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::inventory::ids::NetworkId;
use crate::inventory::model::{Destination, Endpoint};
use crate::inventory::names::normal;
use crate::inventory::part;
use crate::inventory::seen::{
    SeenControl, SeenGossip, SeenMember, SeenNetwork, SeenNode, SeenService, SeenSwarm, SeenTask, bounded,
};
use crate::inventory::subnet::Taken;
use crate::inventory::swarm::{
    Control, Elsewhere, Lost, Node, Overlay, Peer, RefusedTask, Service, Swarm, TASKS,
};

/// The driver whose networks span hosts.
pub(super) const OVERLAY: &str = "overlay";

/// The scope of networks that a Swarm made.
const SCOPE: &str = "swarm";

/// The option that encrypts a data path; what its value is does not matter.
const ENCRYPTED: &str = "encrypted";

/// Services whose tasks are refused that are told.
const MOST_REFUSED: usize = 64;

/// The Swarm, by this node.
pub(super) fn swarm(seen: &SeenSwarm) -> Swarm {
    let said = |text: &str| Some(bounded(text)).filter(|text| !text.is_empty()).map(Arc::from);
    let manager = |text: &String| {
        let (host, port) = text.rsplit_once(':')?;
        Some((host.trim_matches(['[', ']']).parse().ok()?, port.parse().ok()?))
    };
    Swarm {
        node_id: bounded(&seen.node_id).into(),
        name: bounded(&seen.name).into(),
        address: seen.address.parse().ok(),
        is_manager: seen.is_manager,
        state: bounded(&seen.state).into(),
        error: said(&seen.error),
        managers: seen.managers.iter().filter_map(manager).collect(),
        data_port: Some(seen.data_port).filter(|port| *port != 0),
        control: seen.control.as_ref().map(control),
        control_error: said(&seen.control_error),
    }
}

/// What of it was to be had and was not, or was not read to its end, in words. A worker is told nothing of services, and
/// misses nothing.
pub(super) fn unsaid(
    swarm: Option<&SeenSwarm>,
    networks: &[SeenNetwork],
    destinations: &[Destination],
) -> Vec<String> {
    let Some(swarm) = swarm else {
        // An Engine has networks of this scope in a Swarm alone.
        let is_in_one = networks.iter().any(|network| network.scope == SCOPE);
        return is_in_one
            .then(|| "the Engine did not say what it is in its Swarm".to_owned())
            .into_iter()
            .collect();
    };
    let mut unsaid = Vec::new();
    match (&*swarm.control_error, &swarm.control) {
        ("", None) if swarm.is_manager => {
            unsaid.push("the managers have not said in time which services and tasks there are".to_owned());
        }
        ("", None) => {}
        ("", Some(control)) if control.is_cut => unsaid.push(
            "the managers list more nodes, services or tasks than are read, or one that cannot be: which tasks are refused, which addresses are stale and which nodes are missed is not told".to_owned(),
        ),
        ("", Some(_)) => {}
        (why, _) => {
            unsaid.push(format!("the managers do not say which services and tasks there are ({})", bounded(why)));
        }
    }
    for on in destinations {
        let Some(overlay) = &on.overlay else { continue };
        if overlay.is_cut {
            unsaid.push(format!(
                "overlay {}: there are more tasks on it than are read: not all are looked at",
                on.name
            ));
        }
        // Something is on it here, so that the gossip knows of the others.
        if !overlay.heard && !on.endpoints.is_empty() {
            unsaid.push(format!("overlay {}: what is on it on other nodes was not told", on.name));
        }
    }
    unsaid
}

fn control(seen: &SeenControl) -> Control {
    let mut nodes: Vec<Node> = seen.nodes.iter().map(node).collect();
    // One that left and joined again is listed twice until somebody removes the old entry, which is down: it is the other.
    nodes.sort_by(|a, b| (a.address, !a.is_ready, &a.id).cmp(&(b.address, !b.is_ready, &b.id)));
    let managers = seen.nodes.iter().filter(|node| !node.reachability.is_empty());
    let (all, reachable) = managers.fold((0, 0), |(all, reachable), node| {
        (all + 1, reachable + usize::from(node.reachability == "reachable"))
    });
    Control { nodes, refused: refused(seen), is_cut: seen.is_cut, managers: (all, reachable) }
}

fn node(seen: &SeenNode) -> Node {
    Node {
        id: bounded(&seen.id).into(),
        name: bounded(&seen.name).into(),
        address: seen.address.parse().ok(),
        is_manager: seen.role == "manager",
        is_ready: seen.state == "ready",
        state: bounded(&seen.state).into(),
        message: bounded(&seen.message).into(),
        availability: bounded(&seen.availability).into(),
        joined: seen.created,
    }
}

/// Where a replica, or a node's part of a service, does not run, and the last try was refused. Of a list that was cut
/// nobody knows which try was the last.
fn refused(seen: &SeenControl) -> Vec<RefusedTask> {
    if seen.is_cut {
        return Vec::new();
    }
    let services: BTreeMap<&str, &SeenService> = seen.services.iter().map(|s| (&*s.id, s)).collect();
    let names: BTreeMap<&str, &str> = seen.nodes.iter().map(|n| (&*n.id, &*n.name)).collect();
    let mut slots: BTreeMap<(&str, u64, &str), Vec<&SeenTask>> = BTreeMap::new();
    let mut running: BTreeMap<&str, usize> = BTreeMap::new();
    for task in &seen.tasks {
        let node = if task.slot == 0 { &*task.node } else { "" };
        slots.entry((&task.service, task.slot, node)).or_default().push(task);
        if task.state == "running" && task.desired == "running" {
            *running.entry(&task.service).or_default() += 1;
        }
    }
    let mut refused: BTreeMap<&str, RefusedTask> = BTreeMap::new();
    for ((service, ..), tasks) in slots {
        let Some(of) = services.get(service) else { continue };
        let is_wanted = |task: &SeenTask| matches!(&*task.desired, "running" | "ready");
        let is_there = tasks.iter().any(|task| task.state == "running");
        // An update ends the one that ran before: what failed before that one is over.
        // The one that waits for a node meanwhile is no older for that.
        let settled = tasks.iter().filter(|task| is_settled(task));
        let last = settled.max_by_key(|task| (is_wanted(task), task.at));
        // One that ended may have run for long: once is no refusal.
        let ended = tasks.iter().filter(|task| task.state == "failed").count();
        let is_refused = |task: &&&SeenTask| match &*task.state {
            "shutdown" | "complete" => false,
            "failed" => ended > 1,
            _ => true,
        };
        let is_missed = !is_there && tasks.iter().any(|task| is_wanted(task));
        let Some(last) = last.filter(is_refused).filter(|_| is_missed) else { continue };
        let node = names.get(&*last.node).copied().unwrap_or(&last.node);
        refused.entry(service).or_insert_with(|| RefusedTask {
            service: bounded(&of.name).into(),
            node: bounded(node).into(),
            state: bounded(&last.state).into(),
            error: bounded(&last.error).into(),
            running: running.get(service).copied().unwrap_or_default(),
            networks: of.networks.iter().map(|id| NetworkId::new(id)).collect(),
        });
    }
    let mut refused: Vec<RefusedTask> = refused.into_values().take(MOST_REFUSED).collect();
    refused.sort_by(|a, b| a.service.cmp(&b.service));
    refused
}

/// A try that came to an end, or that no node is fit for; the others are under way.
fn is_settled(task: &SeenTask) -> bool {
    match &*task.state {
        "rejected" | "failed" | "shutdown" | "complete" => true,
        state => state == "pending" && !task.error.is_empty(),
    }
}

/// What a network is beyond this host; `None` of one that ends here.
pub(super) fn overlay(
    network: &SeenNetwork,
    swarm: Option<&SeenSwarm>,
    endpoints: &[Endpoint],
    at: SystemTime,
) -> Option<Overlay> {
    if network.driver != OVERLAY {
        return None;
    }
    let encrypted = network.options.contains_key(ENCRYPTED);
    let Some(gossip) = &network.gossip else { return Some(Overlay { encrypted, ..Overlay::default() }) };
    let here: BTreeSet<IpAddr> = endpoints.iter().flat_map(|e| &e.addresses).copied().collect();
    let members = || gossip.services.iter().flat_map(|group| &group.members);
    let own = members()
        .find(|member| member.address.parse().is_ok_and(|address| here.contains(&address)))
        .and_then(|member| member.node.parse().ok());
    let ports = Ports::of(swarm);
    let own = own.or_else(|| swarm.and_then(|swarm| swarm.address.parse().ok()));
    let mut peers = peers(gossip, swarm, own, &ports);
    // Of a table that was cut nobody knows who is not in it.
    if let Some(swarm) = swarm.filter(|_| !gossip.is_cut) {
        lost(&mut peers, network, swarm, gossip, at);
    }
    Some(Overlay {
        encrypted,
        heard: true,
        own,
        peers: peers.into_values().collect(),
        services: services(network, gossip, swarm, &ports),
        is_cut: gossip.is_cut,
    })
}

/// What is taken of a network: by this node's endpoints, and of an overlay by all that gossip and managers know of.
pub(super) fn taken(network: &SeenNetwork, swarm: Option<&SeenSwarm>, endpoints: &[Endpoint]) -> Taken {
    let mut taken = Taken {
        addresses: endpoints.iter().flat_map(|e| &e.addresses).copied().collect(),
        by_swarm: network.driver == OVERLAY,
        unseen: 0,
    };
    if !taken.by_swarm {
        return taken;
    }
    let ip = |text: &String| text.parse::<IpAddr>().ok();
    // Each node that takes part has a load balancer on it; its address no other node is told.
    let mut nodes = BTreeSet::new();
    let (mut balancer, mut known) = (None, BTreeSet::new());
    if let Some(gossip) = &network.gossip {
        let members = gossip.services.iter().flat_map(|group| &group.members);
        known.extend(members.filter_map(|member| ip(&member.address)));
        known.extend(gossip.services.iter().filter_map(|group| ip(&group.vip)));
        balancer = ip(&gossip.balancer);
        nodes.extend(gossip.peers.iter().map(String::as_str));
    }
    let says = |swarm: &&SeenSwarm| swarm.control_error.is_empty();
    if let Some(control) = swarm.filter(says).and_then(|swarm| swarm.control.as_ref()) {
        let vips = control.services.iter().flat_map(|service| &service.vips);
        taken.addresses.extend(vips.filter(|(id, _)| *id == network.id).filter_map(|(_, vip)| ip(vip)));
        let held = held(network, control, &known);
        taken.addresses.extend(held.iter().map(|(_, address)| *address));
        // Without one no task runs.
        let running = held.iter().filter(|(task, _)| task.state == "running").map(|(task, _)| &*task.node);
        nodes.extend(running.collect::<BTreeSet<_>>().into_iter().map(|id| address_of(control, id)));
    }
    taken.unseen = nodes.len().saturating_sub(usize::from(balancer.is_some())) as u64;
    taken.addresses.extend(known.into_iter().chain(balancer));
    taken
}

/// The address that the gossip most often knows the node by too, so that none of which it half knows counts twice.
fn address_of<'a>(control: &'a SeenControl, id: &'a str) -> &'a str {
    control.nodes.iter().find(|node| node.id == id).map_or(id, |node| &node.address)
}

/// Tasks that have an address and that the gossip, which knows these addresses, does not tell of: what does not run yet, and
/// what is on nodes that it knows nothing of. Of the others it tells sooner which have ended.
fn held<'a>(
    network: &SeenNetwork,
    control: &'a SeenControl,
    known: &BTreeSet<IpAddr>,
) -> Vec<(&'a SeenTask, IpAddr)> {
    let holds = |task: &&SeenTask| {
        matches!(
            &*task.state,
            "pending" | "assigned" | "accepted" | "preparing" | "ready" | "starting" | "running"
        )
    };
    let of = |task: &'a SeenTask| {
        let address = task.addresses.iter().find(|(id, _)| *id == network.id)?.1.parse::<IpAddr>().ok()?;
        Some((task, address))
    };
    let held: Vec<_> = control.tasks.iter().filter(holds).filter_map(of).collect();
    let nodes = held.iter().filter(|(_, address)| known.contains(address)).map(|(task, _)| &*task.node);
    let nodes: BTreeSet<&str> = nodes.collect();
    let is_told = |task: &SeenTask| task.state == "running" && nodes.contains(&*task.node);
    held.into_iter().filter(|(task, _)| !is_told(task)).collect()
}

/// Ports of services, as the managers know them.
struct Ports<'a>(BTreeMap<&'a str, &'a [u16]>);

impl<'a> Ports<'a> {
    fn of(swarm: Option<&'a SeenSwarm>) -> Self {
        let services = swarm.and_then(|swarm| swarm.control.as_ref()).map(|control| &control.services);
        Self(services.into_iter().flatten().map(|service| (&*service.name, &*service.ports)).collect())
    }

    fn of_service(&self, name: &str) -> Vec<u16> {
        self.0.get(name).copied().unwrap_or_default().to_vec()
    }
}

/// The other nodes, each with what is on it.
fn peers(
    gossip: &SeenGossip,
    swarm: Option<&SeenSwarm>,
    own: Option<IpAddr>,
    ports: &Ports<'_>,
) -> BTreeMap<IpAddr, Peer> {
    let mut peers: BTreeMap<IpAddr, Peer> = BTreeMap::new();
    let peer = |address| Peer { address, tasks: Vec::new(), lost: None };
    for address in gossip.peers.iter().filter_map(|text| text.parse().ok()) {
        peers.entry(address).or_insert_with(|| peer(address));
    }
    for group in &gossip.services {
        for member in &group.members {
            let (Ok(node), Ok(address)) = (member.node.parse::<IpAddr>(), member.address.parse()) else {
                continue;
            };
            let (workload, number) = workload(&group.name, member);
            let number = number.map(|number| format!("/{number}")).unwrap_or_default();
            let name = format!("{workload}{number}@{node}").into();
            let task =
                Elsewhere { name, workload: workload.into(), address, ports: ports.of_service(&group.name) };
            peers.entry(node).or_insert_with(|| peer(node)).tasks.push(task);
        }
    }
    let advertised = swarm.and_then(|swarm| swarm.address.parse().ok());
    peers.retain(|address, _| Some(*address) != own && Some(*address) != advertised);
    for peer in peers.values_mut() {
        peer.tasks.sort_by(|a, b| (&a.name, a.address).cmp(&(&b.name, b.address)));
        peer.tasks.dedup_by(|a, b| (&a.name, a.address) == (&b.name, b.address));
        // While an old and a new one of a replica overlap, the second carries its address.
        let mut taken: BTreeSet<Arc<str>> = BTreeSet::new();
        for task in &mut peer.tasks {
            if !taken.insert(Arc::clone(&task.name)) {
                task.name = format!("{} ({})", task.name, task.address).into();
            }
        }
        peer.tasks.sort_by(|a, b| a.name.cmp(&b.name));
    }
    peers
}

/// The workload of a task, as its own node calls it, and its number.
fn workload(service: &str, member: &SeenMember) -> (String, Option<u32>) {
    if service.is_empty() {
        return (part(&member.name).into_owned(), None);
    }
    let slot = member.name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
    let number = slot.and_then(|rest| rest.split('.').next()?.parse().ok());
    (part(service).into_owned(), number)
}

/// Nodes that the managers know to have tasks on the network, none of which the gossip knows. Tasks tell which node is
/// which: the managers have the address that a node calls them from, and the gossip the one that it advertises.
fn lost(
    peers: &mut BTreeMap<IpAddr, Peer>,
    network: &SeenNetwork,
    swarm: &SeenSwarm,
    gossip: &SeenGossip,
    at: SystemTime,
) {
    let says = |control: &&SeenControl| swarm.control_error.is_empty() && !control.is_cut;
    let Some(control) = swarm.control.as_ref().filter(says) else { return };
    let known: BTreeSet<&str> =
        gossip.services.iter().flat_map(|group| &group.members).map(|member| &*member.address).collect();
    let mut nodes: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for task in control.tasks.iter().filter(|task| is_on(task, network) && task.node != swarm.node_id) {
        let (tasks, is_known) = nodes.entry(&task.node).or_default();
        *tasks += 1;
        let mut here = task.addresses.iter().filter(|(id, _)| *id == network.id);
        *is_known |= here.any(|(_, address)| known.contains(&**address));
    }
    for (id, (tasks, is_known)) in nodes {
        let node = control.nodes.iter().find(|node| *node.id == *id);
        let Some(address) = node.and_then(|node| node.address.parse().ok()).filter(|_| !is_known) else {
            continue;
        };
        let peer = peers.entry(address).or_insert_with(|| Peer { address, tasks: Vec::new(), lost: None });
        if peer.tasks.is_empty() {
            peer.lost = Some(Lost { since: at, tasks });
        }
    }
}

/// It runs, ought to, and has an address on the network.
fn is_on(task: &SeenTask, network: &SeenNetwork) -> bool {
    task.state == "running"
        && task.desired == "running"
        && task.addresses.iter().any(|(id, _)| *id == network.id)
}

fn services(
    network: &SeenNetwork,
    gossip: &SeenGossip,
    swarm: Option<&SeenSwarm>,
    ports: &Ports<'_>,
) -> Vec<Service> {
    let control = swarm.and_then(|swarm| swarm.control.as_ref().filter(|_| swarm.control_error.is_empty()));
    let control = control.filter(|control| !control.is_cut);
    let mut running: BTreeMap<&str, Vec<IpAddr>> = BTreeMap::new();
    // One that is being ended has its address until it has.
    let has_address = |task: &&SeenTask| matches!(&*task.state, "preparing" | "starting" | "running");
    for task in control.into_iter().flat_map(|control| &control.tasks).filter(has_address) {
        let here = task.addresses.iter().filter(|(id, _)| *id == network.id);
        running
            .entry(&task.service)
            .or_default()
            .extend(here.filter_map(|(_, text)| text.parse::<IpAddr>().ok()));
    }
    let ids: BTreeMap<&str, &str> =
        control.into_iter().flat_map(|control| &control.services).map(|s| (&*s.name, &*s.id)).collect();
    let groups = gossip.services.iter().filter(|group| !group.name.is_empty());
    let mut services: Vec<Service> = groups
        .map(|group| {
            let sorted = |mut addresses: Vec<IpAddr>| {
                addresses.sort_unstable();
                addresses.dedup();
                addresses
            };
            // Of a service that was removed nobody says anything any more.
            let id = control.and_then(|_| ids.get(&*group.name));
            let listed = id.map(|id| sorted(running.remove(id).unwrap_or_default()));
            // An older list knows nothing of what has started since.
            let is_fresh = control.is_some_and(|control| control.is_fresh);
            let name = normal(bounded(&group.name));
            let name = part(&name);
            Service {
                tasks: format!("{TASKS}{name}").into(),
                name: (*name).into(),
                written: bounded(&group.name).into(),
                vip: group.vip.parse().ok(),
                addresses: sorted(group.members.iter().filter_map(|m| m.address.parse().ok()).collect()),
                running: listed.clone().filter(|_| is_fresh),
                listed,
                ports: ports.of_service(&group.name),
                astray: Vec::new(),
            }
        })
        .collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    services
}

#[cfg(test)]
mod tests;
