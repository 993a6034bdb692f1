//! What an Engine in a Swarm said of it.
//!
//! A manager says what it wants and what nodes told it; every node says what its own gossip knows of the overlays that it
//! takes part in. The two may differ: that is what several findings are about.

use std::time::SystemTime;

/// The Swarm, by an Engine that is in one, or was meant to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenSwarm {
    /// `Swarm.NodeID`.
    pub node_id: String,
    /// The node's name: its host's.
    pub name: String,
    /// `Swarm.NodeAddr`: what it advertises.
    pub address: String,
    /// `Swarm.LocalNodeState`: `active`, `pending`, `error`, `locked`.
    pub state: String,
    /// `Swarm.ControlAvailable`: it is a manager.
    pub is_manager: bool,
    /// `Swarm.Error`.
    pub error: String,
    /// `Swarm.RemoteManagers`: address and port.
    pub managers: Vec<String>,
    /// `Swarm.Cluster.DataPathPort`, which managers alone tell; 0 where it is not told.
    pub data_port: u16,
    /// What the managers know, of one that is.
    pub control: Option<SeenControl>,
    /// Why a manager does not tell it, in the Engine's words; empty where it does.
    pub control_error: String,
}

/// `GET /nodes`, `/services` and `/tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenControl {
    /// The nodes, by id.
    pub nodes: Vec<SeenNode>,
    /// The services, by name.
    pub services: Vec<SeenService>,
    /// The tasks, by id.
    pub tasks: Vec<SeenTask>,
    /// There were more of one of these than are kept.
    pub is_cut: bool,
    /// It was asked for with this listing, and not with an earlier one.
    pub is_fresh: bool,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenNode {
    /// Id.
    pub id: String,
    /// `Description.Hostname`.
    pub name: String,
    /// `Status.Addr`, or what a manager is reached at.
    pub address: String,
    /// `Spec.Role`.
    pub role: String,
    /// `Spec.Availability`: `active`, `pause`, `drain`.
    pub availability: String,
    /// `Status.State`: `ready`, `down`, `disconnected`, `unknown`.
    pub state: String,
    /// `Status.Message`.
    pub message: String,
    /// `ManagerStatus.Reachability`; empty of a worker.
    pub reachability: String,
    /// `ManagerStatus.Leader`.
    pub is_leader: bool,
    /// `CreatedAt`: when it joined.
    pub created: Option<SystemTime>,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenService {
    /// Name.
    pub name: String,
    /// Id.
    pub id: String,
    /// Ports that its tasks are said to listen on: of published ports, and of what a proxy's labels name.
    pub ports: Vec<u16>,
    /// How many tasks it is to have; `None` for one on every node.
    pub replicas: Option<u64>,
    /// `Spec.TaskTemplate.Networks`, by id.
    pub networks: Vec<String>,
    /// `Endpoint.VirtualIPs`: networks by id, each with the virtual address on it.
    pub vips: Vec<(String, String)>,
    /// `Spec.Labels`, where routes live.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenTask {
    /// Id.
    pub id: String,
    /// The service's id.
    pub service: String,
    /// The replica; 0 for one of a service on every node.
    pub slot: u64,
    /// The node's id.
    pub node: String,
    /// `Status.State`.
    pub state: String,
    /// `DesiredState`.
    pub desired: String,
    /// `Status.Err`.
    pub error: String,
    /// `CreatedAt`.
    pub created: Option<std::time::SystemTime>,
    /// `Status.Timestamp`.
    pub at: Option<std::time::SystemTime>,
    /// Networks by id, each with its address.
    pub addresses: Vec<(String, String)>,
}

/// What this node's gossip knows of one overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenGossip {
    /// `Peers`: the addresses of nodes that take part in it, sorted; this one's too.
    pub peers: Vec<String>,
    /// `Services`, by name; containers without one are under the empty name.
    pub services: Vec<SeenGroup>,
    /// `lb-NETWORK` of `Containers`: the address of this node's own load balancer; empty where it has none.
    pub balancer: String,
    /// There were more than are kept.
    pub is_cut: bool,
}

/// One service as names are answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenGroup {
    /// The service's name; empty for containers that somebody ran on the network.
    pub name: String,
    /// Its virtual address; empty where it has none.
    pub vip: String,
    /// Its tasks, sorted.
    pub members: Vec<SeenMember>,
}

/// One task, wherever it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenMember {
    /// `service.slot.task`, `service.node.task`, or a container's name.
    pub name: String,
    /// Its address on the network.
    pub address: String,
    /// The address of its node on the data path.
    pub node: String,
}
