//! The Swarm that the host is in, and what an overlay is beyond this host.
//!
//! Two witnesses speak of other nodes, and may contradict each other: the managers (which nodes there are, which tasks
//! run where) and this node's gossip (who takes part in an overlay, which task has which address). Both are kept as they
//! were told; rules compare them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use super::ids::NetworkId;

/// The Swarm, by this node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swarm {
    /// The node's id.
    pub node_id: Arc<str>,
    /// The node's name.
    pub name: Arc<str>,
    /// What it advertises.
    pub address: Option<IpAddr>,
    /// It is a manager.
    pub is_manager: bool,
    /// The Engine's word: `active`, `pending`, `error`, `locked`.
    pub state: Arc<str>,
    /// What the Engine says is wrong.
    pub error: Option<Arc<str>>,
    /// Where the managers are, as far as this node knows.
    pub managers: Vec<(IpAddr, u16)>,
    /// The port of the data path, which managers alone are told.
    pub data_port: Option<u16>,
    /// What the managers know, of one that is.
    pub control: Option<Control>,
    /// Why they do not say it now, in the Engine's words.
    pub control_error: Option<Arc<str>>,
}

/// What the managers know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Control {
    /// Every node, by its address.
    pub nodes: Vec<Node>,
    /// Services whose tasks are refused by the nodes, by name.
    pub refused: Vec<RefusedTask>,
    /// There is more than is kept.
    pub is_cut: bool,
    /// How many nodes there are that are managers, and how many of these are reachable.
    pub managers: (usize, usize),
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Id.
    pub id: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// What it advertises.
    pub address: Option<IpAddr>,
    /// It is a manager.
    pub is_manager: bool,
    /// The managers hear of it.
    pub is_ready: bool,
    /// The managers' word for how it is.
    pub state: Arc<str>,
    /// What they say of that.
    pub message: Arc<str>,
    /// `active`, `pause` or `drain`.
    pub availability: Arc<str>,
    /// When it joined.
    pub joined: Option<SystemTime>,
}

/// A task that a node did not take, or that could not be started.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedTask {
    /// The service's name.
    pub service: Arc<str>,
    /// The node's name, or its id.
    pub node: Arc<str>,
    /// The managers' word: `rejected`; `failed` of one that ended; `pending` of one that no node is fit for.
    pub state: Arc<str>,
    /// Why, in the Engine's words.
    pub error: Arc<str>,
    /// How many of its tasks run.
    pub running: usize,
    /// The networks that the service is on.
    pub networks: Vec<NetworkId>,
}

/// What an overlay is beyond this host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay {
    /// Its data path is encrypted (IPsec).
    pub encrypted: bool,
    /// It is on this node, and its gossip was heard.
    pub heard: bool,
    /// This node's address on the data path, where something is on the network here.
    pub own: Option<IpAddr>,
    /// The other nodes that take part in it, by address.
    pub peers: Vec<Peer>,
    /// How names of services are answered, by name.
    pub services: Vec<Service>,
    /// There is more of it than is kept: who is not in it may be there all the same.
    pub is_cut: bool,
}

/// Another node that takes part in an overlay, or did.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// What is on the network there, by name.
    pub tasks: Vec<Elsewhere>,
    /// The gossip knows it no longer, or not yet: as of when, and how much was on it.
    pub lost: Option<Lost>,
}

/// A node that ought to take part in an overlay and is not among its peers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lost {
    /// First seen to be so.
    pub since: SystemTime,
    /// Tasks that were last known there.
    pub tasks: usize,
}

/// A container on another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its endpoint name: the workload, `/n` of a replica, and `@` its node's address.
    pub name: Arc<str>,
    /// The service, or the container's name.
    pub workload: Arc<str>,
    /// Where it is.
    pub address: IpAddr,
    /// Ports that it is said to listen on, sorted.
    pub ports: Vec<u16>,
}

/// Whom an address of an overlay belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bearer<'a> {
    /// A task of this service, or its virtual address.
    Service(&'a str),
    /// The container of this name.
    Container(&'a str),
}

/// A service as its name is answered on one overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, in its [normal form](super::normal).
    pub name: Arc<str>,
    /// Its name as the Engine's commands take it.
    pub written: Arc<str>,
    /// The name that leads to all its tasks.
    pub tasks: Arc<str>,
    /// Its virtual address, where it has one.
    pub vip: Option<IpAddr>,
    /// Its tasks' addresses by this node's gossip, sorted.
    pub addresses: Vec<IpAddr>,
    /// Its tasks' addresses by the managers, sorted; `None` where they do not say now.
    pub running: Option<Vec<IpAddr>>,
    /// The same by what they said last.
    pub listed: Option<Vec<IpAddr>>,
    /// Ports that it is said to listen on, sorted.
    pub ports: Vec<u16>,
    /// Addresses that its name was answered with, and that this node's gossip knows of neither before nor after.
    pub astray: Vec<IpAddr>,
}

impl Swarm {
    /// What a person calls the node of this address: `node-3 (198.51.100.3)`, or the address where nobody told its name.
    pub fn called(&self, address: IpAddr) -> String {
        match self.node_at(address) {
            Some(name) => format!("{name} ({address})"),
            None => address.to_string(),
        }
    }

    fn node_at(&self, address: IpAddr) -> Option<&str> {
        if self.address == Some(address) {
            return Some(&self.name).filter(|name| !name.is_empty()).map(|name| &**name);
        }
        self.node(address).map(|node| &*node.name).filter(|name| !name.is_empty())
    }

    /// The node of this address, as the managers know it: one that left and joined anew is there twice, and what is said
    /// of the one before is over.
    pub fn node(&self, address: IpAddr) -> Option<&Node> {
        let nodes = self.control.as_ref()?.nodes.iter().filter(|node| node.address == Some(address));
        nodes.max_by_key(|node| (node.is_ready, node.joined))
    }
}

impl<'a> Bearer<'a> {
    /// What it is called, which is a name that leads to it.
    pub const fn name(self) -> &'a str {
        match self {
            Self::Service(name) | Self::Container(name) => name,
        }
    }
}

impl Overlay {
    /// The peer of this address.
    pub fn peer(&self, address: IpAddr) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.address == address)
    }

    /// Every container on other nodes, with its node.
    pub fn elsewhere(&self) -> impl Iterator<Item = (&Peer, &Elsewhere)> {
        self.peers.iter().flat_map(|peer| peer.tasks.iter().map(move |task| (peer, task)))
    }

    /// Whose each address is that the gossip knows, those of this node's own tasks included. Which names lead there it does
    /// not say.
    pub fn bearers(&self) -> BTreeMap<IpAddr, Bearer<'_>> {
        let containers = self.elsewhere().map(|(_, task)| (task.address, Bearer::Container(&task.workload)));
        let services = self.services.iter().flat_map(|service| {
            let addresses = service.vip.iter().chain(&service.addresses);
            addresses.map(|address| (*address, Bearer::Service(&service.written)))
        });
        // Of a task the service is the later word.
        containers.chain(services).collect()
    }
}

/// What stands before a service's name where all its tasks are asked for.
pub const TASKS: &str = "tasks.";
