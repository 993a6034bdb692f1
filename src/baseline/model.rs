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
    /// By domain, path and workload.
    pub routes: Vec<Route>,
    /// By address and port of the host.
    pub published: Vec<Published>,
    /// What could not be read, in words: what is missing here may be there.
    pub unread: Vec<String>,
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
    /// Who is on it, by name: running or not.
    pub endpoints: Vec<Endpoint>,
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

/// A container's place on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The label values `source` and `target`: the same after each deployment.
    pub name: String,
    /// The container's name, which may be another one after each.
    pub container: String,
    /// The names that lead to it there, but for its container's own name and the beginning of its id.
    pub names: Vec<String>,
    /// Empty while it does not run.
    pub addresses: Vec<IpAddr>,
    /// The operator chose the address.
    pub is_fixed: bool,
}

/// A reverse proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// Its endpoint name.
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
    /// Who serves it.
    pub workload: String,
    /// Where the proxy looks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The port that it is served from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// It is served with TLS, without it, or both: `https`, `http`.
    pub schemes: Vec<String>,
}

/// A port of the host that leads to a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Published {
    /// Where the host listens; `None`: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
    /// The port there.
    pub host_port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// To whom it leads.
    pub workload: String,
    /// The port there.
    pub container_port: u16,
}
