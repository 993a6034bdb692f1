//! What one container measures, kind by kind.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::config::Probes;
use crate::inventory::{Container, Destination, Endpoint, Inventory, RunState};
use crate::outcome::{Detail, ProbeKey, ProbeKind, QueryType};
use crate::probe::visit::Expect;
use crate::probe::{Accepts, Job, Spec};

use super::Learned;
use super::owners::Owners;

/// Ports of one container that are looked at: a process that listens on thousands is not walked. Those
/// that a proxy's labels name come first: they are what people reach.
const MOST_PORTS: usize = 16;
/// Names of one container that are asked for.
const MOST_NAMES: usize = 16;

/// A vantage and what is known around it.
pub(super) struct From<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) owners: &'a Owners<'a>,
    pub(super) destination: &'a Destination,
    pub(super) source: &'a Endpoint,
    pub(super) container: &'a Container,
    pub(super) learned: &'a Learned,
    pub(super) probes: &'a Probes,
}

impl From<'_> {
    /// The jobs of one kind. `peers` are those of the mesh; `asked` those that only this source asks.
    pub(super) fn jobs(&self, kind: ProbeKind, peers: &[&Endpoint], asked: &[&Endpoint]) -> Vec<Job> {
        match kind {
            ProbeKind::Icmp => self.icmp(peers),
            ProbeKind::Tcp => peers.iter().flat_map(|peer| self.tcp(peer)).collect(),
            ProbeKind::Http => asked.iter().flat_map(|peer| self.http(peer)).collect(),
            ProbeKind::Dns => {
                let names = peers.iter().flat_map(|peer| self.dns(peer));
                names.chain(asked.iter().flat_map(|peer| self.dns_of_addresses(peer))).collect()
            }
            ProbeKind::DnsExternal => self.dns_external(),
            ProbeKind::IcmpExternal => self.icmp_external(),
            // Planned of routes, doors, destinations and their pairs, not of containers.
            ProbeKind::Proxy
            | ProbeKind::Route
            | ProbeKind::PublishedPort
            | ProbeKind::Isolation
            | ProbeKind::PathMtu
            | ProbeKind::Hairpin
            | ProbeKind::Overlay
            | ProbeKind::Node => Vec::new(),
        }
    }

    fn job(&self, kind: ProbeKind, target: &Arc<str>, detail: Detail, spec: Spec) -> Job {
        let key = ProbeKey {
            destination: Arc::clone(&self.destination.name),
            kind,
            source: Arc::clone(&self.source.name),
            target: Arc::clone(target),
            detail,
        };
        Job::new(key, spec)
    }

    /// The addresses of a peer that this vantage has the family for: an IPv4-only container is not
    /// told that IPv6 is down.
    fn addresses(&self, peer: &Endpoint) -> impl Iterator<Item = IpAddr> {
        let families: BTreeSet<bool> = self.source.addresses.iter().map(IpAddr::is_ipv4).collect();
        peer.addresses.clone().into_iter().filter(move |address| families.contains(&address.is_ipv4()))
    }

    fn echo(&self, kind: ProbeKind, target: &Arc<str>, address: IpAddr) -> Job {
        let spec =
            Spec::Icmp { address, packets: self.probes.icmp_packets, spacing: self.probes.icmp_spacing };
        self.job(kind, target, Detail::Address(address), spec)
    }

    fn icmp(&self, peers: &[&Endpoint]) -> Vec<Job> {
        let gateway: Arc<str> = "gateway".into();
        let mut jobs: Vec<Job> = peers
            .iter()
            .flat_map(|peer| {
                self.addresses(peer).map(|address| self.echo(ProbeKind::Icmp, &peer.name, address))
            })
            .collect();
        // An internal network's bridge has an address too, but answers nobody by design.
        if !self.destination.internal {
            let families: BTreeSet<bool> = self.source.addresses.iter().map(IpAddr::is_ipv4).collect();
            jobs.extend(
                self.destination
                    .gateways()
                    .filter(|address| families.contains(&address.is_ipv4()))
                    .map(|address| self.echo(ProbeKind::Icmp, &gateway, address)),
            );
        }
        jobs
    }

    /// Ports at which `peer` really answers on `address`, else those that its image names.
    fn ports(&self, peer: &Endpoint, address: IpAddr) -> Vec<u16> {
        let Some(container) = self.inventory.container(&peer.container) else { return Vec::new() };
        // A paused container's kernel would shake hands for processes that will not answer.
        if container.state != RunState::Running {
            return Vec::new();
        }
        let ports: BTreeSet<u16> = match self.learned.listeners.get(&peer.container) {
            Some(listeners) => listeners.iter().filter(|l| l.takes(address)).map(|l| l.port).collect(),
            None => container.exposed_tcp.iter().copied().collect(),
        };
        let (named, others): (Vec<u16>, Vec<u16>) =
            ports.into_iter().partition(|port| container.proxied_ports.binary_search(port).is_ok());
        named.into_iter().chain(others).take(MOST_PORTS).collect()
    }

    fn tcp(&self, peer: &Endpoint) -> Vec<Job> {
        let mut jobs = Vec::new();
        for address in self.addresses(peer) {
            for port in self.ports(peer, address) {
                if !self.probes.tcp_skip_ports.contains(&port) {
                    let spec = Spec::Tcp { peer: SocketAddr::new(address, port) };
                    jobs.push(self.job(ProbeKind::Tcp, &peer.name, Detail::Port(address, port), spec));
                }
            }
        }
        jobs
    }

    /// Asked once per target and only at ports that are known or likely to speak HTTP: a database
    /// that is sent a request takes it for an attack.
    fn http(&self, peer: &Endpoint) -> Vec<Job> {
        let Some(container) = self.inventory.container(&peer.container) else { return Vec::new() };
        // What a proxy says to a name that it does not serve is no fault; its doors are tried for themselves.
        if container.is_proxy {
            return Vec::new();
        }
        let Some(address) = self.addresses(peer).next() else { return Vec::new() };
        let mut jobs = Vec::new();
        for port in self.ports(peer, address) {
            let likely = container.proxied_ports.binary_search(&port).is_ok()
                || self.probes.http_ports.contains(&port);
            if likely && !self.learned.not_http.contains(&(container.id.clone(), port)) {
                let spec = Spec::Http {
                    peer: SocketAddr::new(address, port),
                    host: peer.names.first().cloned().unwrap_or_else(|| Arc::clone(&peer.name)),
                    path: "/".into(),
                    tls: self.probes.https_ports.contains(&port),
                    body_cap: self.probes.http_body_cap,
                    accepts: Accepts::NoServerError,
                };
                jobs.push(self.job(ProbeKind::Http, &peer.name, Detail::Port(address, port), spec));
            }
        }
        jobs
    }

    /// The resolver that knows containers by name. Without one (the default bridge) nobody is asked.
    fn engines_resolver(&self) -> Option<SocketAddr> {
        self.container.resolver.engine.map(|server| SocketAddr::new(server, 53))
    }

    fn dns(&self, peer: &Endpoint) -> Vec<Job> {
        let Some(resolver) = self.engines_resolver() else { return Vec::new() };
        let Some(set) = self.owners.set(&self.container.id) else { return Vec::new() };
        let mut jobs = Vec::new();
        for name in peer.names.iter().filter(|name| can_be_asked_for(name)).take(MOST_NAMES) {
            for (qtype, v4) in [(QueryType::A, true), (QueryType::Aaaa, false)] {
                // From here: those of all who bear the name, on any network that this container is on.
                let right = self.owners.addresses(set, name, v4);
                let (unsure, beyond) = (self.owners.unsure(set), self.owners.beyond(set));
                let expect = Expect::Addresses { right, unsure, beyond };
                let spec = Spec::Dns { resolver, name: Arc::clone(name), qtype, expect };
                let detail = Detail::Name(Arc::clone(name), qtype);
                jobs.push(self.job(ProbeKind::Dns, &peer.name, detail, spec));
            }
        }
        jobs
    }

    /// What the addresses of a peer are called, asked once per target: databases and mail servers let
    /// clients in by that name. Any name of the container is right; Docker puts the network's behind it.
    fn dns_of_addresses(&self, peer: &Endpoint) -> Vec<Job> {
        // Of Podman's resolvers only newer ones know the names of addresses (that of 5.4 does).
        let Some(resolver) = self.engines_resolver().filter(|server| server.ip().is_loopback()) else {
            return Vec::new();
        };
        // Who is not to be found by name is not found by address either.
        if peer.names.is_empty() && !peer.has_more_names {
            return Vec::new();
        }
        let mut names = peer.names.clone();
        names.push(peer.container.short().into());
        names.extend(self.inventory.container(&peer.container).map(|c| Arc::clone(&c.name)));
        // Whose names are not all known may be called anything.
        let expect = if peer.has_more_names { Expect::Any } else { Expect::Names(names.into()) };
        let job = |address: &IpAddr| {
            let (qtype, expect) = (QueryType::Ptr, expect.clone());
            let name: Arc<str> = address.to_string().into();
            let spec = Spec::Dns { resolver, name: Arc::clone(&name), qtype, expect };
            self.job(ProbeKind::Dns, &peer.name, Detail::Name(name, qtype), spec)
        };
        peer.addresses.iter().map(job).collect()
    }

    fn dns_external(&self) -> Vec<Job> {
        let Some(server) = self.container.resolver.servers.first() else { return Vec::new() };
        let resolver = SocketAddr::new(*server, 53);
        let job = |name: &Arc<str>| {
            let qtype = QueryType::A;
            let spec = Spec::Dns { resolver, name: Arc::clone(name), qtype, expect: Expect::Any };
            self.job(ProbeKind::DnsExternal, name, Detail::Name(Arc::clone(name), qtype), spec)
        };
        self.probes.external_names.iter().map(job).collect()
    }

    fn icmp_external(&self) -> Vec<Job> {
        if self.destination.internal {
            return Vec::new();
        }
        let job =
            |address: &IpAddr| self.echo(ProbeKind::IcmpExternal, &address.to_string().into(), *address);
        self.probes.external_addresses.iter().map(job).collect()
    }
}

/// An alias may be any text. The Engine's resolver compares it with what a query says in the notation of zone files
/// (RFC 1035, section 5.1), where other characters are escaped: such a name leads nowhere, whoever asks.
pub(super) fn can_be_asked_for(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
