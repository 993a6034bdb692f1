//! The map's values. Their field names are a public contract: adding is free.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::inventory::{Health, PublishedPort, RunState};
use crate::report::{Flow, Place, Route, Status, Subnet};

/// The whole map.
#[derive(Clone, Debug, Serialize)]
pub struct Topology {
    /// When it was made. Flows are read once a minute: they may be as much older.
    pub generated_at: String,
    /// The worst of what it shows, and of the host and the exporter where it shows everything.
    pub status: Status,
    /// By name.
    pub destinations: Vec<Destination>,
    /// Who talks to whom, by source, target and port.
    pub flows: Vec<Flow>,
    /// How many flows the whole server has beyond those that are told, of fewer connections.
    pub flows_left_out: usize,
    /// Containers whose connections could not be read, or not all of them: they may talk to anyone.
    pub flows_unseen: Vec<Place>,
}

/// One destination.
#[derive(Clone, Debug, Serialize)]
pub struct Destination {
    /// Its label value.
    pub name: Arc<str>,
    /// What a person would call it.
    pub display_name: Arc<str>,
    /// `bridge` or `overlay`.
    pub driver: Arc<str>,
    /// `local` or `swarm`.
    pub scope: Arc<str>,
    /// No way out.
    pub internal: bool,
    /// How it is.
    pub status: Status,
    /// Its address ranges.
    pub subnets: Vec<Subnet>,
    /// By name.
    pub containers: Vec<Container>,
    /// Public rules that lead to it, by domain and path.
    pub routes: Vec<Route>,
}

/// A container's place on a destination.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    /// Endpoint name.
    pub name: Arc<str>,
    /// The Engine's short id: who is on two destinations has one.
    pub id: String,
    /// What stays across redeploys.
    pub workload: Arc<str>,
    /// What it is doing.
    pub state: RunState,
    /// What its own check says.
    pub health: Health,
    /// The worst that the exporter found.
    pub status: Status,
    /// Addresses on this destination.
    pub addresses: Vec<IpAddr>,
    /// True for the reverse proxy.
    pub is_proxy: bool,
    /// Ports of the host that lead to it.
    pub published: Vec<PublishedPort>,
}
