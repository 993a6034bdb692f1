//! Who talks to whom: the flow map.
//!
//! Pure: what the namespaces' sockets told in, conversations out. Of a connection between two containers both ends
//! may tell, each as far as its sockets could be read: what counts is the end that tells of more.
//!
//! An address means what the inventory says it means. One of the host itself is a container's where a
//! published port leads on to it: that traffic left its destination and came back. What the Engine masquerades on
//! the way (traffic between destinations, and by published ports) is the host's to whoever is called, who tells of
//! it as of a conversation of the host's.

mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::inventory::{Container, ContainerId, Destination, Endpoint, Inventory, PublishedPort};
use crate::netstack::{Connections, Side, Talk};
use crate::state::Snapshot;

/// The most conversations that are told: whoever connects with half the internet fills no page.
pub const MOST_CONVERSATIONS: usize = 500;
/// Connections that were read longer ago than this say nothing of now. They are read every minute.
const OLD: Duration = Duration::from_secs(150);

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub enum Party<'a> {
    /// A container, at its place on a destination.
    Container(&'a Destination, &'a Endpoint),
    /// An address of a destination that no container of this server has: a task on another node, a virtual
    /// address of Swarm's, somebody who is gone.
    Stranger(&'a Destination),
    /// The host: one of its processes, or whoever it forwards for under its own address.
    Host,
    /// Anyone else.
    Outside,
}

impl<'a> Party<'a> {
    /// What it is called on its destination.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Container(_, endpoint) => &endpoint.name,
            Self::Stranger(_) => "unknown",
            Self::Host => "host",
            Self::Outside => "outside",
        }
    }

    /// Where it is; empty for whoever is on none.
    pub fn destination(&self) -> &'a str {
        match self {
            Self::Container(destination, _) | Self::Stranger(destination) => &destination.name,
            Self::Host | Self::Outside => "",
        }
    }
}

/// Which way a conversation goes. What is worth the most stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// To an address of the host, and by a published port back to a container.
    Hairpin,
    /// Straight from one destination to another.
    Across,
    /// Within one destination.
    Inside,
    /// To or from the host.
    Host,
    /// To or from the world.
    Outside,
}

impl Way {
    /// The label `way`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Across => "across",
            Self::Hairpin => "hairpin",
            Self::Host => "host",
            Self::Outside => "outside",
        }
    }
}

/// Connections of one client with one port of one server.
#[derive(Clone, Copy, Debug)]
pub struct Conversation<'a> {
    /// Who called.
    pub source: Party<'a>,
    /// Who was called.
    pub target: Party<'a>,
    /// The server's port, on the server itself; `None` for all the others together, of one who calls very many.
    pub port: Option<u16>,
    /// Which way.
    pub way: Way,
    /// What was called, of a [`Way::Hairpin`]: an address of the host and its published port.
    pub by: Option<(IpAddr, u16)>,
    /// How many connections.
    pub connections: u64,
}

/// What is known of all conversations.
#[derive(Clone, Debug, Default)]
pub struct Conversations<'a> {
    /// By source, target and port.
    pub told: Vec<Conversation<'a>>,
    /// How many more there are: [`MOST_CONVERSATIONS`], and so many of one container.
    pub left_out: usize,
    /// Whose connections could not be read, or not all of them, or not for a long time.
    pub unseen: Vec<(&'a Destination, &'a Endpoint)>,
}

/// Every conversation that the last looks saw.
pub fn conversations(snapshot: &Snapshot) -> Conversations<'_> {
    let Some(inventory) = snapshot.inventory.as_deref() else { return Conversations::default() };
    let map = Map::of(inventory, &snapshot.sight.host_addresses);
    let seen = |id: &ContainerId| {
        let connections = snapshot.containers.get(id)?.connections.as_deref()?;
        let age = snapshot.at.duration_since(connections.at).unwrap_or_default();
        (age < OLD).then_some(connections)
    };
    let mut found = BTreeMap::<_, (Conversation<'_>, Ends)>::new();
    let mut unseen = Vec::new();
    for (destination, endpoint) in inventory.endpoints() {
        let connections = seen(&endpoint.container);
        if !connections.is_some_and(|connections| connections.complete) {
            unseen.push((destination, endpoint));
        }
        let Some(Connections { at, talks, .. }) = connections else { continue };
        for (talk, count) in talks.iter().filter(|(talk, _)| endpoint.addresses.contains(&talk.local)) {
            let Some(one) = map.conversation(destination, endpoint, talk, *at) else { continue };
            let (_, ends) = found.entry(key(&one)).or_insert((one, Ends::default()));
            ends.add(talk.side, u64::from(*count));
        }
    }
    let all = found.into_values().map(|(one, ends)| Conversation { connections: ends.most(), ..one });
    let (told, left_out) = share::share(all.collect());
    Conversations { told, left_out, unseen }
}

/// What makes it one conversation: who with whom, and how.
type Key<'a> = ([&'a str; 4], Option<u16>, Way, Option<(IpAddr, u16)>);

fn key<'a>(of: &Conversation<'a>) -> Key<'a> {
    let (source, target) = (of.source, of.target);
    ([source.destination(), source.name(), target.destination(), target.name()], of.port, of.way, of.by)
}

/// How many connections each end tells of.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    client: u64,
    server: u64,
}

impl Ends {
    const fn add(&mut self, side: Side, count: u64) {
        let end = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        *end = end.saturating_add(count);
    }

    fn most(self) -> u64 {
        self.client.max(self.server)
    }
}

/// What addresses mean.
struct Map<'a> {
    inventory: &'a Inventory,
    host: &'a BTreeSet<IpAddr>,
    places: BTreeMap<IpAddr, Vec<(&'a Destination, &'a Endpoint)>>,
    gateways: BTreeSet<IpAddr>,
    published: BTreeMap<u16, Vec<(&'a PublishedPort, &'a Container)>>,
}

impl<'a> Map<'a> {
    fn of(inventory: &'a Inventory, host: &'a BTreeSet<IpAddr>) -> Self {
        let mut places = BTreeMap::<_, Vec<_>>::new();
        for (destination, endpoint) in inventory.endpoints() {
            for address in &endpoint.addresses {
                places.entry(*address).or_default().push((destination, endpoint));
            }
        }
        let mut published = BTreeMap::<_, Vec<_>>::new();
        for container in inventory.containers.values().filter(|container| container.state.has_namespace()) {
            for port in container.published.iter().filter(|port| port.protocol == "tcp") {
                published.entry(port.host_port).or_default().push((port, container));
            }
        }
        let gateways = inventory.destinations.iter().flat_map(Destination::gateways).collect();
        Self { inventory, host, places, gateways, published }
    }

    /// What one end of a connection tells, read at `at`; `None` of what stays within one container, and of what was
    /// said to somebody who had the address before.
    fn conversation(
        &self,
        destination: &'a Destination,
        endpoint: &'a Endpoint,
        talk: &Talk,
        at: SystemTime,
    ) -> Option<Conversation<'a>> {
        let (mut port, mut by) = (talk.port, None);
        let in_subnet = || destination.subnets.iter().any(|subnet| subnet.net.contains(&talk.remote));
        let there = if let Some((on, other)) = self.place(destination, talk.remote) {
            if other.container == endpoint.container || !self.was_there(&other.container, at) {
                return None;
            }
            Party::Container(on, other)
        } else if let Some((party, of_container)) = self.hairpin(destination, talk) {
            by = Some((talk.remote, talk.port));
            port = of_container;
            party
        } else if self.is_host(talk.remote) {
            Party::Host
        } else if in_subnet() {
            Party::Stranger(destination)
        } else {
            Party::Outside
        };
        let way = match there {
            Party::Container(_, other) if other.container == endpoint.container => return None,
            Party::Container(..) if by.is_some() => Way::Hairpin,
            Party::Container(on, _) | Party::Stranger(on) if on.id == destination.id => Way::Inside,
            Party::Container(..) | Party::Stranger(_) => Way::Across,
            Party::Host => Way::Host,
            Party::Outside => Way::Outside,
        };
        let here = Party::Container(destination, endpoint);
        let (source, target) = match talk.side {
            Side::Client => (here, there),
            Side::Server => (there, here),
        };
        Some(Conversation { source, target, port: Some(port), way, by, connections: 0 })
    }

    fn is_host(&self, address: IpAddr) -> bool {
        self.gateways.contains(&address) || self.host.contains(&address)
    }

    /// Who has an address, as seen from a destination: there, or else on another one.
    fn place(&self, from: &Destination, address: IpAddr) -> Option<(&'a Destination, &'a Endpoint)> {
        let all = self.places.get(&address)?;
        all.iter().find(|(on, _)| on.id == from.id).or_else(|| all.first()).copied()
    }

    /// Whether a container was there at a moment: before it, its address was another's.
    fn was_there(&self, id: &ContainerId, at: SystemTime) -> bool {
        let container = self.inventory.container(id);
        container.and_then(|container| container.started_at).is_none_or(|began| began <= at)
    }

    /// Where a published port that was called leads, and to which port there.
    fn hairpin(&self, from: &Destination, talk: &Talk) -> Option<(Party<'a>, u16)> {
        if talk.side == Side::Server {
            return None;
        }
        let is_host = self.is_host(talk.remote);
        let leads = |port: &PublishedPort| match port.host_ip {
            Some(ip) if !ip.is_unspecified() => ip == talk.remote,
            _ => is_host,
        };
        let (port, container) = self.published.get(&talk.port)?.iter().find(|(port, _)| leads(port))?;
        let mut places = self.inventory.endpoints().filter(|(_, e)| e.container == container.id);
        let first = places.next()?;
        let (on, endpoint) =
            places.find(|(on, _)| on.id == from.id).filter(|_| first.0.id != from.id).unwrap_or(first);
        Some((Party::Container(on, endpoint), port.container_port))
    }
}

#[cfg(test)]
mod tests;
