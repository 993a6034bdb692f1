//! Ports that the host publishes, tried from the host.
//!
//! One that is bound to all addresses is tried at one of the host's own: a packet to it takes the way of the Engine's
//! firewall rules, as one from outside does. At a loopback address the Engine's own forwarder would answer, whether or
//! not those rules stand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::inventory::{Inventory, PublishedPort};
use crate::outcome::{Detail, ProbeKey, ProbeKind};
use crate::probe::{Job, Spec};

use super::{Errand, HOST, Learned, View};

/// Ports of one container that are tried.
const MOST_PORTS: usize = 32;

/// One errand a destination.
pub(super) fn errands(view: &View<'_>) -> Vec<Errand> {
    let host: Arc<str> = HOST.into();
    let mut jobs: BTreeMap<&Arc<str>, Vec<Job>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (destination, endpoint) in view.inventory.endpoints() {
        let Some(container) = view.inventory.container(&endpoint.container) else { continue };
        // A port is the container's, whatever the networks: it is told on the first.
        if !container.state.has_namespace() || !seen.insert(&container.id) {
            continue;
        }
        let proxy = view.inventory.proxies.iter().find(|proxy| proxy.container == container.id);
        let tcp = container.published.iter().filter(|port| {
            // Coolify's publishes a port for a dashboard that it does not open.
            let opens = proxy.is_none_or(|of| of.entrances.iter().any(|e| e.port == port.container_port));
            port.protocol == "tcp" && port.host_port != 0 && opens
        });
        for port in tcp.take(MOST_PORTS) {
            let Some(at) = at(port, view.learned, view.inventory) else { continue };
            let key = ProbeKey {
                destination: Arc::clone(&destination.name),
                kind: ProbeKind::PublishedPort,
                source: Arc::clone(&host),
                target: Arc::clone(&endpoint.name),
                detail: Detail::Port(at.ip(), at.port()),
            };
            jobs.entry(&destination.name).or_default().push(Job::new(key, Spec::Tcp { peer: at }));
        }
    }
    let errand = |(destination, mut jobs): (&Arc<str>, Vec<Job>)| {
        jobs.sort_by(|a, b| a.key.cmp(&b.key));
        jobs.dedup_by(|a, b| a.key == b.key);
        view.errand(destination, ProbeKind::PublishedPort, &host, (None, view.host()), jobs)
    };
    jobs.into_iter().filter_map(errand).collect()
}

/// Where a published port is tried.
pub(super) fn at(port: &PublishedPort, learned: &Learned, inventory: &Inventory) -> Option<SocketAddr> {
    let bound = port.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let ip = if bound.is_unspecified() { own(bound.is_ipv4(), learned, inventory)? } else { bound };
    Some(SocketAddr::new(ip, port.host_port))
}

/// An address of the host that others may know it by, that of its way out before others; else a bridge's, which is the
/// host's as well.
pub(super) fn own(v4: bool, learned: &Learned, inventory: &Inventory) -> Option<IpAddr> {
    let loopback: IpAddr = if v4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let gateways: BTreeSet<IpAddr> = inventory.destinations.iter().flat_map(|d| d.gateways()).collect();
    let Some(host) = &learned.host else { return Some(loopback) };
    let usable = |ip: &&IpAddr| {
        let link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        ip.is_ipv4() == v4 && !ip.is_loopback() && !ip.is_unspecified() && !link_local
    };
    let mut own = host.iter().filter(usable);
    let outer = learned.uplink.iter().chain(host).filter(usable).find(|ip| !gateways.contains(*ip));
    // Without an address of the family nobody from outside comes by it either.
    outer.or_else(|| own.next()).copied().or(v4.then_some(loopback))
}
