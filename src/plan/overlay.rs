//! What an overlay is tried for beyond this host: containers on other nodes, virtual addresses of services, and the nodes
//! themselves.
//!
//! Exporters on the nodes do not speak with each other. Each knows the same nodes by the same gossip, puts them on the
//! same ring, and looks at the containers of the next few: so every node's containers are looked at from as many other
//! nodes. Of one node no more than [`AT_ONCE`] are tried in one round; where there are more they take [turns](Turn), and all
//! have had theirs within [`rounds`] rounds.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::inventory::swarm::{Elsewhere, Overlay, Peer, Service, TASKS};
use crate::inventory::{Container, Destination, Endpoint, Inventory, RunState, normal};
use crate::namespace::Vantage;
use crate::outcome::{Detail, ProbeKey, ProbeKind, QueryType};
use crate::probe::visit::Expect;
use crate::probe::{Job, Spec, Turn};

use super::targets::can_be_asked_for;
use super::{Errand, HOST, Learned, View, mesh, vantage};

/// Containers of one other node that are tried in one round.
pub const AT_ONCE: usize = 32;
/// Virtual addresses of one overlay that are tried in one round.
const VIPS_AT_ONCE: usize = 32;
/// Names of services of one overlay that are asked for in one round.
const NAMES_AT_ONCE: usize = 32;
/// Ports of one container that a handshake is made with.
const MOST_PORTS: usize = 2;
/// Ports of one node, beside that of the gossip, that a handshake is made with from host to host: a manager's own.
const MOST_CONTROL_PORTS: usize = 1;
/// Gossip between nodes (moby, `libnetwork/networkdb`); it is TCP and UDP, and by UDP nobody answers a stranger.
pub const GOSSIP: u16 = 7946;

/// Behind the name of a service, where its virtual address is meant.
pub const VIP: &str = "@vip";

/// No more probes than this are planned of one overlay in one round, whatever the size of the Swarm, where this node looks at
/// so many others and misses so many.
pub const fn most_probes(neighbours: usize, missed: usize) -> usize {
    let beside = 1 + 1 + MOST_CONTROL_PORTS;
    neighbours * (AT_ONCE * (1 + MOST_PORTS) + beside) + missed * beside + VIPS_AT_ONCE + NAMES_AT_ONCE
}

/// After how many rounds every one of so many has had its turn.
pub const fn rounds(tasks: usize) -> usize {
    if tasks == 0 { 1 } else { tasks.div_ceil(AT_ONCE) }
}

/// Each with its turn.
fn in_turns<T>(all: &[T], at_once: usize) -> impl Iterator<Item = (&T, Turn)> {
    all.iter().zip(Turn::each(all.len(), at_once))
}

/// The nodes that this one looks at, of those that take part in an overlay.
pub fn neighbours(overlay: &Overlay, ring: usize, full_mesh_up_to: usize) -> Vec<&Peer> {
    let Some(own) = overlay.own else { return overlay.peers.iter().collect() };
    // Whom the gossip lost has no place on the ring of the others; it is looked for by everyone.
    let (lost, there): (Vec<&Peer>, Vec<&Peer>) = overlay.peers.iter().partition(|peer| peer.lost.is_some());
    let names: Vec<String> =
        std::iter::once(own).chain(there.iter().map(|peer| peer.address)).map(|ip| ip.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mesh = mesh::peers(&names, ring, full_mesh_up_to);
    let next = mesh.first().into_iter().flatten();
    next.filter_map(|at| there.get(at.checked_sub(1)?).copied()).chain(lost).collect()
}

/// Of every overlay that something of this host is on.
pub(super) fn errands(view: &View<'_>) -> Vec<Errand> {
    let mut errands = Vec::new();
    for destination in &view.inventory.destinations {
        let Some(overlay) = &destination.overlay else { continue };
        let next = neighbours(overlay, view.probes.ring, view.probes.full_mesh_up_to);
        errands.extend(over(view, destination, overlay, &next));
        errands.extend(names(view, destination, overlay));
        errands.extend(beside(view, destination, &next));
    }
    errands
}

/// A container that looks out.
struct Source<'a> {
    endpoint: &'a Endpoint,
    container: &'a Container,
    vantage: Vantage,
}

/// Over the overlay itself. Its containers share the work: each target is always tried from the same one.
fn over(view: &View<'_>, destination: &Destination, overlay: &Overlay, next: &[&Peer]) -> Vec<Errand> {
    let sources = sources(view.inventory, view.learned, destination, |_| true);
    let mut jobs: Vec<Vec<Job>> = sources.iter().map(|_| Vec::new()).collect();
    let mut give = |target: &Arc<str>, turn: Turn, of: &mut dyn FnMut(&Source<'_>) -> Vec<Job>| {
        let by_weight =
            |(_, source): &(usize, &Source<'_>)| mesh::fnv1a_of([&*source.endpoint.name, &**target]);
        let chosen = sources.iter().enumerate().max_by_key(by_weight);
        if let Some((at, source)) = chosen
            && let Some(list) = jobs.get_mut(at)
        {
            list.extend(of(source).into_iter().map(|job| Job { turn, ..job }));
        }
    };
    for peer in next {
        for (task, turn) in in_turns(&peer.tasks, AT_ONCE) {
            give(&task.name, turn, &mut |source| to_task(view, destination, source, task));
        }
    }
    let vips: Vec<&Service> = overlay.services.iter().filter(|service| service.vip.is_some()).collect();
    for (service, turn) in in_turns(&vips, VIPS_AT_ONCE) {
        let target: Arc<str> = format!("{}{VIP}", service.name).into();
        give(&target, turn, &mut |source| to_vip(view, destination, source, service, &target));
    }
    let errand = |(source, jobs): (&Source<'_>, Vec<Job>)| {
        let from = (Some(&source.container.id), source.vantage.clone());
        view.errand(&destination.name, ProbeKind::Overlay, &source.endpoint.name, from, jobs)
    };
    sources.iter().zip(jobs).filter_map(errand).collect()
}

/// Names of services, of their tasks all: each asked from one container. Any answer will do here: what it may be changes on
/// other nodes, of which no event tells, so that it is held against the gossip before and after.
fn names(view: &View<'_>, destination: &Destination, overlay: &Overlay) -> Vec<Errand> {
    // One that is on other networks too may be answered of those.
    let alone = |source: &Source<'_>| is_here_alone(view.inventory, destination, source);
    let sources = sources(view.inventory, view.learned, destination, alone);
    let mut jobs: Vec<Vec<Job>> = sources.iter().map(|_| Vec::new()).collect();
    let asked = asked(view.inventory, destination, overlay);
    for ((name, expect), turn) in in_turns(&asked, NAMES_AT_ONCE) {
        let asks = sources
            .iter()
            .enumerate()
            .filter_map(|(at, source)| Some((at, source, source.container.resolver.engine?)));
        let by_weight =
            |(_, source, _): &(usize, &Source<'_>, IpAddr)| mesh::fnv1a_of([&*source.endpoint.name, &**name]);
        let chosen = asks.max_by_key(by_weight);
        let Some((at, source, server)) = chosen else { continue };
        let (name, qtype) = (Arc::clone(name), QueryType::A);
        let detail = Detail::Name(Arc::clone(&name), qtype);
        let key = key(destination, ProbeKind::Dns, &source.endpoint.name, &name, detail);
        let resolver = SocketAddr::new(server, 53);
        let spec = Spec::Dns { resolver, name, qtype, expect: expect.clone() };
        if let Some(list) = jobs.get_mut(at) {
            list.push(Job { turn, ..Job::new(key, spec) });
        }
    }
    let errand = |(source, jobs): (&Source<'_>, Vec<Job>)| {
        let from = (Some(&source.container.id), source.vantage.clone());
        view.errand(&destination.name, ProbeKind::Dns, &source.endpoint.name, from, jobs)
    };
    sources.iter().zip(jobs).filter_map(errand).collect()
}

/// The names that lead to all tasks of a service: its own, and what its stack calls it. By the second another stack's service
/// may be meant as well. A service that was put on a network later than by its stack has no such name there.
fn asked(inventory: &Inventory, destination: &Destination, overlay: &Overlay) -> Vec<(Arc<str>, Expect)> {
    let has_four = |service: &&Service| service.addresses.iter().any(IpAddr::is_ipv4);
    let can_be_asked = |service: &&Service| can_be_asked_for(&service.name);
    let services = overlay.services.iter().filter(has_four).filter(can_be_asked);
    let mut all: BTreeMap<Arc<str>, Expect> =
        services.map(|service| (Arc::clone(&service.tasks), Expect::Any)).collect();
    // Who is not to be found by name does not lend one.
    let here = destination.endpoints.iter().filter(|endpoint| overlay.heard && !endpoint.names.is_empty());
    let aliases = here.filter_map(|endpoint| inventory.container(&endpoint.container)?.stack_alias.as_ref());
    for alias in aliases.filter(|alias| can_be_asked_for(alias)) {
        all.entry(format!("{TASKS}{}", normal(alias)).into()).or_insert(Expect::Whatever);
    }
    all.into_iter().collect()
}

/// Whether a container is on no other network that anybody else is on.
fn is_here_alone(inventory: &Inventory, destination: &Destination, source: &Source<'_>) -> bool {
    let id = &source.container.id;
    let is_on = |endpoints: &[Endpoint]| endpoints.iter().any(|endpoint| endpoint.container == *id);
    let others = inventory.destinations.iter().filter(|on| on.id != destination.id);
    !others.into_iter().any(|on| is_on(&on.endpoints)) && !inventory.elsewhere.iter().any(|on| is_on(on))
}

/// Who can look out and may, and is no proxy where there is anybody else.
fn sources<'a>(
    inventory: &'a Inventory,
    learned: &Learned,
    destination: &'a Destination,
    may: impl Fn(&Source<'_>) -> bool,
) -> Vec<Source<'a>> {
    let able = destination.endpoints.iter().filter_map(|endpoint| {
        let (container, vantage) = vantage(inventory, endpoint)?;
        Some(Source { endpoint, container, vantage })
    });
    let mut all: Vec<Source<'a>> = able.filter(|source| may(source)).collect();
    for prefers in [
        |source: &Source<'_>, learned: &Learned| !learned.unseen.contains(&source.container.id),
        |source: &Source<'_>, _: &Learned| !source.container.is_proxy,
    ] {
        if all.iter().any(|source| prefers(source, learned)) {
            all.retain(|source| prefers(source, learned));
        }
    }
    all
}

fn key(
    destination: &Destination,
    kind: ProbeKind,
    source: &Arc<str>,
    target: &Arc<str>,
    detail: Detail,
) -> ProbeKey {
    ProbeKey {
        destination: Arc::clone(&destination.name),
        kind,
        source: Arc::clone(source),
        target: Arc::clone(target),
        detail,
    }
}

fn echo(view: &View<'_>, key: ProbeKey, address: IpAddr) -> Job {
    let spec = Spec::Icmp { address, packets: view.probes.icmp_packets, spacing: view.probes.icmp_spacing };
    Job::new(key, spec)
}

fn to_task(view: &View<'_>, destination: &Destination, source: &Source<'_>, task: &Elsewhere) -> Vec<Job> {
    let has_family = source.endpoint.addresses.iter().any(|own| own.is_ipv4() == task.address.is_ipv4());
    if !has_family {
        return Vec::new();
    }
    let of = |detail| key(destination, ProbeKind::Overlay, &source.endpoint.name, &task.name, detail);
    let mut jobs = vec![echo(view, of(Detail::Address(task.address)), task.address)];
    let ports = ports(view, destination, &task.workload, &task.ports);
    jobs.extend(ports.into_iter().map(|port| {
        let spec = Spec::Tcp { peer: SocketAddr::new(task.address, port) };
        Job::new(of(Detail::Port(task.address, port)), spec)
    }));
    jobs
}

/// A virtual address answers no echo, on any kernel: only a handshake says whether it leads anywhere.
fn to_vip(
    view: &View<'_>,
    destination: &Destination,
    source: &Source<'_>,
    service: &Service,
    target: &Arc<str>,
) -> Vec<Job> {
    let Some(vip) = service.vip else { return Vec::new() };
    let ports = ports(view, destination, &service.written, &service.ports);
    let job = |port: u16| {
        Job::new(
            key(destination, ProbeKind::Overlay, &source.endpoint.name, target, Detail::Port(vip, port)),
            Spec::Tcp { peer: SocketAddr::new(vip, port) },
        )
    };
    ports.into_iter().take(1).map(job).collect()
}

/// Where a container of this workload listens: as one of it on this host does, else as its service says.
fn ports(view: &View<'_>, destination: &Destination, workload: &str, said: &[u16]) -> Vec<u16> {
    let here = destination.endpoints.iter().filter_map(|endpoint| {
        let container = view.inventory.container(&endpoint.container)?;
        let of = container.task_of.as_ref().unwrap_or(&container.workload);
        let is_alike = **of == *workload && container.state == RunState::Running;
        let listeners = view.learned.listeners.get(&container.id).filter(|_| is_alike)?;
        let takes = |port: &u16| {
            endpoint.addresses.iter().any(|ip| listeners.iter().any(|l| l.port == *port && l.takes(*ip)))
        };
        let mut ports: Vec<u16> = listeners.iter().map(|l| l.port).filter(takes).collect();
        ports.sort_unstable();
        ports.dedup();
        Some(ports)
    });
    let found = here.into_iter().find(|ports| !ports.is_empty()).unwrap_or_else(|| said.to_vec());
    let may_be = |port: &u16| !view.probes.tcp_skip_ports.contains(port);
    // What its service names is what it is for.
    let (named, others): (Vec<u16>, Vec<u16>) =
        found.into_iter().filter(may_be).partition(|port| said.contains(port));
    named.into_iter().chain(others).take(MOST_PORTS).collect()
}

/// From host to host: what tells a node that is away from a data path that is.
fn beside(view: &View<'_>, destination: &Destination, next: &[&Peer]) -> Option<Errand> {
    let source: Arc<str> = HOST.into();
    let managers = view.inventory.swarm.iter().flat_map(|swarm| &swarm.managers);
    let managers: Vec<&(IpAddr, u16)> = managers.collect();
    let mut jobs = Vec::new();
    for peer in next {
        let target: Arc<str> = peer.address.to_string().into();
        let of = |detail| key(destination, ProbeKind::Node, &source, &target, detail);
        jobs.push(echo(view, of(Detail::Address(peer.address)), peer.address));
        let control = managers.iter().filter(|(ip, _)| *ip == peer.address).map(|(_, port)| *port);
        let control = control.filter(|port| *port != GOSSIP).take(MOST_CONTROL_PORTS);
        jobs.extend(std::iter::once(GOSSIP).chain(control).map(|port| {
            let spec = Spec::Tcp { peer: SocketAddr::new(peer.address, port) };
            Job::new(of(Detail::Port(peer.address, port)), spec)
        }));
    }
    view.errand(&destination.name, ProbeKind::Node, &source, (None, view.host()), jobs)
}

#[cfg(test)]
mod tests;
