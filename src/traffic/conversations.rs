//! Who talks to whom: the flow map.
//!
//! Pure: what the namespaces' sockets told in, conversations out. Each connection has two ends, and both
//! may be seen: it is told by the end that called, and by the end that was called only where nobody sees the other.
//!
//! An address means what the inventory says it means. One of the host itself is a container's where a
//! published port leads on to it: that traffic left its destination and came back. What the Engine masquerades on
//! the way (traffic between destinations, and by published ports) is the host's to whoever is called, who tells of
//! it as of a conversation of the host's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::inventory::{Container, ContainerId, Destination, Endpoint, Inventory, PublishedPort};
use crate::netstack::{Side, Talk};
use crate::state::Snapshot;

/// The most conversations that are told: whoever connects with half the internet fills no page.
pub const MOST_CONVERSATIONS: usize = 500;

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub enum Party<'a> {
    /// A container, at its place on a destination.
    Container(&'a Destination, &'a Endpoint),
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
            Self::Host => "host",
            Self::Outside => "outside",
        }
    }

    /// Where it is; empty for whoever is on none.
    pub fn destination(&self) -> &'a str {
        match self {
            Self::Container(destination, _) => &destination.name,
            Self::Host | Self::Outside => "",
        }
    }
}

/// Which way a conversation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Within one destination.
    Inside,
    /// Straight from one destination to another.
    Across,
    /// To an address of the host, and by a published port back to a container.
    Hairpin,
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
    /// The server's port, on the server itself.
    pub port: u16,
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
    /// How many more there are, of fewer connections than those.
    pub left_out: usize,
    /// Whose connections could not be read, or not all of them.
    pub unseen: Vec<(&'a Destination, &'a Endpoint)>,
}

/// Every conversation that the last look saw.
pub fn conversations(snapshot: &Snapshot) -> Conversations<'_> {
    let Some(inventory) = snapshot.inventory.as_deref() else { return Conversations::default() };
    let map = Map::of(inventory, &snapshot.sight.host_addresses);
    let seen = |id: &ContainerId| snapshot.containers.get(id).and_then(|inner| inner.connections.as_ref());
    let mut found = BTreeMap::<_, Conversation<'_>>::new();
    let mut unseen = Vec::new();
    for (destination, endpoint) in inventory.endpoints() {
        let connections = seen(&endpoint.container);
        if !connections.is_some_and(|connections| connections.complete) {
            unseen.push((destination, endpoint));
        }
        for (talk, count) in connections.into_iter().flat_map(|connections| &connections.talks) {
            if !endpoint.addresses.contains(&talk.local) {
                continue;
            }
            let Some(one) = map.conversation(destination, endpoint, talk, |id| seen(id).is_some()) else {
                continue;
            };
            let one = found.entry(key(&one)).or_insert(one);
            one.connections += u64::from(*count);
        }
    }
    let mut told: Vec<_> = found.into_values().collect();
    let left_out = told.len().saturating_sub(MOST_CONVERSATIONS);
    if left_out > 0 {
        told.sort_by_key(|one| (std::cmp::Reverse(one.connections), key(one)));
        told.truncate(MOST_CONVERSATIONS);
        told.sort_by_key(key);
    }
    Conversations { told, left_out, unseen }
}

/// What makes it one conversation.
fn key<'a>(of: &Conversation<'a>) -> ([&'a str; 4], u16, Way, Option<(IpAddr, u16)>) {
    let (source, target) = (of.source, of.target);
    ([source.destination(), source.name(), target.destination(), target.name()], of.port, of.way, of.by)
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

    /// What one end of a connection tells; `None` where the other end tells it, and of what stays within one
    /// container.
    fn conversation(
        &self,
        destination: &'a Destination,
        endpoint: &'a Endpoint,
        talk: &Talk,
        tells: impl Fn(&ContainerId) -> bool,
    ) -> Option<Conversation<'a>> {
        let here = Party::Container(destination, endpoint);
        let mut by = None;
        let (there, port, way) = if let Some((on, other)) = self.place(destination, talk.remote) {
            if other.container == endpoint.container || (talk.side == Side::Server && tells(&other.container))
            {
                return None;
            }
            let way = if on.id == destination.id { Way::Inside } else { Way::Across };
            (Party::Container(on, other), talk.port, way)
        } else if let Some((party, port)) = self.hairpin(destination, talk) {
            by = Some((talk.remote, talk.port));
            (party, port, Way::Hairpin)
        } else if self.is_host(talk.remote) {
            (Party::Host, talk.port, Way::Host)
        } else {
            (Party::Outside, talk.port, Way::Outside)
        };
        let (source, target) = match talk.side {
            Side::Client => (here, there),
            Side::Server => (there, here),
        };
        Some(Conversation { source, target, port, way, by, connections: 0 })
    }

    fn is_host(&self, address: IpAddr) -> bool {
        self.gateways.contains(&address) || self.host.contains(&address)
    }

    /// Who has an address, as seen from a destination: there, or else on another one.
    fn place(&self, from: &Destination, address: IpAddr) -> Option<(&'a Destination, &'a Endpoint)> {
        let all = self.places.get(&address)?;
        all.iter().find(|(on, _)| on.id == from.id).or_else(|| all.first()).copied()
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
        let on =
            |destination: &&Destination| destination.endpoints.iter().any(|e| e.container == container.id);
        let destination = Some(from).filter(on).map(|from| from.id.as_str());
        let mut places = self.inventory.endpoints().filter(|(_, e)| e.container == container.id);
        let (on, endpoint) = match destination {
            Some(id) => places.find(|(on, _)| on.id.as_str() == id)?,
            None => places.next()?,
        };
        Some((Party::Container(on, endpoint), port.container_port))
    }
}

#[cfg(test)]
mod tests;
