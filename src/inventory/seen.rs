//! What the Engine said, as plain values: the input of [`super::build`].
//!
//! The room that speaks to the Engine translates its answers into these, so that the rest of the
//! house does not depend on a client library, and tests can write an Engine's answer by hand.

mod swarm;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use super::model::{EngineInfo, Health, PublishedPort, RunState};
use super::upstream::{HostFiles, Upstream};
pub use crate::strangers::{LONGEST, bounded};
pub use swarm::{SeenControl, SeenGossip, SeenGroup, SeenMember, SeenNode, SeenService, SeenSwarm, SeenTask};

/// One complete listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Who answered.
    pub engine: EngineInfo,
    /// Networks of every driver.
    pub networks: Vec<SeenNetwork>,
    /// The Engine's address pools that somebody chose, none where they are Docker's own; `None` where it did not say.
    pub pools: Option<Vec<SeenPool>>,
    /// The host's name servers, by the files that they are in, as far as these are seen.
    pub host_files: HostFiles,
    /// The Swarm that it is in; `None` where it is in none.
    pub swarm: Option<SeenSwarm>,
    /// Containers in every state.
    pub containers: Vec<SeenContainer>,
    /// What could not be read, in words.
    pub oddities: Vec<String>,
}

/// One network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenNetwork {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Scope.
    pub scope: String,
    /// `--internal`.
    pub internal: bool,
    /// Swarm's routing mesh network.
    pub ingress: bool,
    /// `--config-only`: settings for others to be made of, and no network itself.
    pub config_only: bool,
    /// Who gives out its addresses: `default`, or a plugin.
    pub ipam_driver: String,
    /// Subnet, range and gateway as the Engine writes them, and its count of addresses where it tells it.
    pub ipam: Vec<SeenSubnet>,
    /// Driver options.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Endpoints that no container stands behind, where somebody looked.
    pub ghosts: Vec<SeenGhost>,
    /// Of an overlay that this node takes part in: who else does, and what is where.
    pub gossip: Option<SeenGossip>,
}

/// An endpoint of nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenGhost {
    /// As the network knows it: once it was a container's.
    pub name: String,
    /// Address as text; empty where it has none.
    pub address: String,
}

/// One entry of `default-address-pools`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenPool {
    /// CIDR.
    pub base: String,
    /// Prefix length of each network that is cut from it.
    pub size: u8,
}

/// One IPAM entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenSubnet {
    /// CIDR.
    pub subnet: String,
    /// CIDR.
    pub ip_range: String,
    /// Address.
    pub gateway: String,
    /// The Engine's own count of them; `None` where it does not tell it (before API 1.52, and on Podman).
    pub count: Option<SeenCount>,
}

/// One entry of `Status.IPAM.Subnets` in a network's inspection. Where it would be more than 64 bits hold, each
/// is the most that they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenCount {
    /// `IPsInUse`: of the whole subnet, whatever its range is, with those that nobody ever gets.
    pub in_use: u64,
    /// `DynamicIPsAvailable`: of the range, where there is one.
    pub available: u64,
}

/// One container: the listing's row, completed by its inspection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenContainer {
    /// Id.
    pub id: String,
    /// Name without the slash.
    pub name: String,
    /// Image.
    pub image: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// State.
    pub state: RunState,
    /// Health.
    pub health: Health,
    /// Exit code where it does not run.
    pub exit_code: Option<i64>,
    /// `RestartCount`: how often the Engine started it again by itself.
    pub restarts: u64,
    /// `State.OOMKilled`: the kernel ended a process of it for want of memory.
    pub out_of_memory: bool,
    /// `HostConfig.RestartPolicy.Name`.
    pub restart_policy: String,
    /// `HostConfig.NetworkMode`.
    pub network_mode: String,
    /// `NetworkSettings.SandboxKey`.
    pub sandbox_key: String,
    /// `State.Pid`, 0 where it does not run.
    pub pid: u32,
    /// `Created`.
    pub created_at: Option<SystemTime>,
    /// `State.StartedAt`.
    pub started_at: Option<SystemTime>,
    /// `Config.ExposedPorts` that are TCP.
    pub exposed_tcp: Vec<u16>,
    /// Published ports.
    pub published: Vec<PublishedPort>,
    /// `HostConfig.PortBindings`: the ports that it is to have whenever it runs.
    pub bindings: Vec<PublishedPort>,
    /// True where it was given the Engine's socket: it may do whatever the Engine can.
    pub has_engine_socket: bool,
    /// `Args` of a reverse proxy: how it is set up. Empty for all others, whose arguments are nobody's business.
    pub command: Vec<String>,
    /// Of a reverse proxy the variables `TRAEFIK_*` and `CADDY_*`, by name.
    pub environment: Vec<(String, String)>,
    /// Names of variables, each with an address that stands in its value, where the operator asks for them. Nothing else
    /// of an environment is kept.
    pub fixed_addresses: Vec<(String, IpAddr)>,
    /// `State.Error`: why the Engine could not start it.
    pub error: String,
    /// By network name.
    pub endpoints: Vec<SeenEndpoint>,
    /// Name servers of the container's resolv.conf where it could be read; else empty.
    pub name_servers: Vec<IpAddr>,
    /// What the Engine wrote there of whom queries are passed on to.
    pub upstream: Option<Upstream>,
}

/// One entry of `NetworkSettings.Networks`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenEndpoint {
    /// The network's name (the key).
    pub network: String,
    /// The network's id (its name, on Podman).
    pub network_id: String,
    /// Addresses as text; empty where there are none.
    pub ipv4: String,
    /// As above.
    pub ipv6: String,
    /// Gateways as text; empty where there are none.
    pub gateways: Vec<String>,
    /// MAC.
    pub mac: String,
    /// `Aliases`.
    pub aliases: Vec<String>,
    /// `DNSNames` (API 1.44).
    pub dns_names: Vec<String>,
    /// `IPAMConfig` names an address: the operator's choice, and the same after each start.
    pub is_fixed: bool,
    /// There were more of either than are kept.
    pub has_more_names: bool,
    /// The listing alone told of it, which has neither.
    pub names_unknown: bool,
}
