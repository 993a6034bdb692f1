//! The file.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What the field `format` says.
pub(super) const FORMAT: &str = "destination-exporter snapshot";
/// What the field `version` says: another number is another meaning.
pub(super) const VERSION: u32 = 1;

/// The network configuration of a host. All lists are sorted: the same configuration is the same text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// What this file is.
    pub format: String,
    /// Of the format.
    pub version: u32,
    /// When it was listed, as RFC 3339 has it.
    pub taken_at: String,
    /// The Engine's version.
    pub engine: String,
    /// By name.
    pub networks: Vec<Network>,
    /// By name.
    pub proxies: Vec<Proxy>,
    /// By domain and path.
    pub routes: Vec<Route>,
    /// By address and port of the host.
    pub published: Vec<Published>,
    /// Of a node of a Swarm, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swarm: Option<Node>,
    /// What could not be read, in words: what is missing here may be there.
    pub unread: Vec<String>,
}

/// What of a node its managers choose, and what they tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The services of which tasks run here, by name. Another time it may be others.
    pub tasks: Vec<String>,
    /// Managers told what services ask for, and gossip where their tasks are: a site of theirs that is missing is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub knows_services: bool,
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The label value `destination`.
    pub name: String,
    /// What a person calls it.
    pub display_name: String,
    /// The Engine's id.
    pub id: String,
    /// `bridge` or `overlay`.
    pub driver: String,
    /// `local` or `swarm`.
    pub scope: String,
    /// It has no way out.
    pub internal: bool,
    /// The driver's options, as the Engine has them.
    pub options: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// In the order in which the Engine has them.
    pub subnets: Vec<Subnet>,
    /// Who is on it, or ought to be, by name.
    pub workloads: Vec<Workload>,
}

/// One address range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The range.
    pub subnet: IpNet,
    /// The part that containers get addresses from, where it is smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<IpNet>,
    /// The host's own address in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
}

/// A workload's place on a network. Its containers come and go with each deployment, and it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// What it is called; with Coolify's project and environment behind it.
    pub name: String,
    /// How many of its containers run on the network.
    pub running: usize,
    /// How many would be on it and do not run.
    pub stopped: usize,
    /// How many run and are not on it, though they were made for it.
    pub detached: usize,
    /// The names that lead to it there, but for its containers' own names and the beginnings of their ids.
    pub names: Vec<String>,
    /// There are more, or it could not be read which there are.
    pub has_more_names: bool,
    /// The operator chose an address.
    pub is_fixed: bool,
    /// Addresses of those that run.
    pub addresses: Vec<IpAddr>,
    /// Names of its containers.
    pub containers: Vec<String>,
}

/// A reverse proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// What its workload is called.
    pub name: String,
    /// `traefik` or `caddy`, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The destinations that it is on.
    pub networks: Vec<String>,
}

/// A public site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Host name.
    pub domain: String,
    /// Path, or its beginning.
    pub path: String,
    /// Where the proxy looks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Who is asked for it: one as a rule.
    pub servers: Vec<Server>,
    /// It is served with TLS, without it, or both: `https`, `http`.
    pub schemes: Vec<String>,
    /// Labels of services ask for it, which managers alone are told, and not those of a container here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_services: bool,
}

/// Who serves a site, or claims to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Server {
    /// The workload.
    pub workload: String,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A port that is published.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Published {
    /// The address of the host that was chosen for it; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
    /// The port there that was chosen; `None`: whichever is free at each start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// To whom it leads.
    pub workload: String,
    /// The port there.
    pub container_port: u16,
}
