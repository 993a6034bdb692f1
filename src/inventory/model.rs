//! The values of the picture.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use ipnet::IpNet;
use serde::Serialize;

use super::ids::{ContainerId, NetworkId};
use super::pools::AddressPools;
use super::routes::{Proxy, Routes};
use super::swarm::{Overlay, Swarm};
use super::upstream::{HostFiles, Upstream};

/// Everything that was there at one moment. Sorted, so that two equal hosts give equal values.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// Who answered.
    pub engine: EngineInfo,
    /// When the listing was asked for: what came later it may not show.
    pub taken_at: SystemTime,
    /// By name.
    pub destinations: Vec<Destination>,
    /// For each other network of somebody on a destination, who is on it: the names there are answered to
    /// that one too. Nothing is measured there.
    pub elsewhere: Vec<Vec<Endpoint>>,
    /// Room for further networks, where the Engine says what it has.
    pub pools: Option<AddressPools>,
    /// The host's own name servers, as far as its files are seen.
    pub host_files: HostFiles,
    /// The Swarm that it is in.
    pub swarm: Option<Swarm>,
    /// Names of destinations that ought to be there and are not, sorted.
    pub absent: Vec<Arc<str>>,
    /// The reverse proxies, by name.
    pub proxies: Vec<Proxy>,
    /// Public rules, and where they lead.
    pub routes: Routes,
    /// Every container of the Engine, running or not, by id.
    pub containers: BTreeMap<ContainerId, Container>,
    /// What could not be read, in words: one odd container never costs the rest.
    pub oddities: Vec<String>,
}

/// The Engine as it introduces itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EngineInfo {
    /// `Version`.
    pub version: String,
    /// `ApiVersion`.
    pub api_version: String,
    /// True where the compatible API of Podman answers.
    pub podman: bool,
}

impl EngineInfo {
    /// The first number of Docker's version; `None` of another program, or where it is not known.
    pub fn docker_major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok().filter(|_| !self.podman)
    }
}

/// One Docker network that workloads are deployed to.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// The label value `destination`: the network's name, with the short id behind it where two
    /// networks have one name.
    pub name: Arc<str>,
    /// What a person would call it.
    pub display_name: Arc<str>,
    /// The Engine's id.
    pub id: NetworkId,
    /// `bridge` or `overlay` (others are not destinations).
    pub driver: Arc<str>,
    /// `local` or `swarm`.
    pub scope: Arc<str>,
    /// Why it counts as a destination.
    pub origin: Origin,
    /// `--internal`: no way out.
    pub internal: bool,
    /// The Engine keeps neighbours from each other on purpose (`com.docker.network.bridge.enable_icc`: false).
    pub keeps_apart: bool,
    /// The interface of the host that its packets cross, for a bridge.
    pub bridge: Option<Arc<str>>,
    /// Interface MTU where the network's options name one.
    pub mtu: Option<u32>,
    /// The address ranges.
    pub subnets: Vec<Subnet>,
    /// Endpoints of running (or paused) containers, by name.
    pub endpoints: Vec<Endpoint>,
    /// Containers that were created for this network and have no endpoint on it, although they run.
    pub detached: Vec<Missing>,
    /// Workloads of this network whose only containers are not running (exited, dead, restarting).
    pub stopped: Vec<Missing>,
    /// Endpoints that no container stands behind, by name.
    pub ghosts: Vec<Ghost>,
    /// What an overlay is beyond this host; `None` of a network that ends here.
    pub overlay: Option<Overlay>,
}

/// An endpoint that is left of a container that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ghost {
    /// As the network knows it.
    pub name: Arc<str>,
    /// Its address, in the Engine's words.
    pub address: Arc<str>,
}

/// What a destination is, in the words of who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A Coolify destination: `coolify`, `coolify-overlay`, or one that Coolify's containers share.
    CoolifyDestination,
    /// The network of one Coolify service or Compose application.
    CoolifyStack,
    /// Made by Compose.
    Compose,
    /// The default bridge, used by containers.
    DefaultBridge,
    /// Made by hand.
    Plain,
}

/// One address range of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The range.
    pub net: IpNet,
    /// The part that containers get addresses from, where it is smaller.
    pub range: Option<IpNet>,
    /// The bridge's own address in it.
    pub gateway: Option<IpAddr>,
    /// Addresses that are taken, gateway included: by the Engine's count where it tells it, else by the endpoints.
    /// Of the range, where there is one.
    pub used: u64,
    /// Addresses that can be given out at all, gateway included (a /24 has 254). Of the range, where there is one.
    pub capacity: u64,
}

/// A container's place on one destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The endpoint name: label values `source` and `target`.
    pub name: Arc<str>,
    /// Whose it is.
    pub container: ContainerId,
    /// Addresses on this network, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// The interface's MAC, lower case.
    pub mac: String,
    /// Every name that should resolve to it on this network, in its [normal form](super::normal), sorted.
    pub names: Vec<Arc<str>>,
    /// It has more names than are kept, or nobody could say which it has: what leads to it may be right for all that is known.
    pub has_more_names: bool,
    /// The operator chose its address.
    pub is_fixed: bool,
}

/// A container that one expects on a destination and that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// The endpoint name it would have.
    pub name: Arc<str>,
    /// Which.
    pub container: ContainerId,
}

/// One container.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// The Engine's id.
    pub id: ContainerId,
    /// Its name, without the slash.
    pub name: Arc<str>,
    /// The image as it was asked for.
    pub image: Arc<str>,
    /// Its identity across redeploys.
    pub workload: Arc<str>,
    /// Compose's container number or Swarm's slot, where there is one.
    pub replica: Option<u32>,
    /// What it is doing.
    pub state: RunState,
    /// What its own check says.
    pub health: Health,
    /// The exit code of one that does not run.
    pub exit_code: Option<i64>,
    /// How often the Engine started it again by itself.
    pub restarts: u64,
    /// The kernel ended a process of it for want of memory.
    pub out_of_memory: bool,
    /// Why the Engine could not start it, in the Engine's words.
    pub error: Option<Arc<str>>,
    /// True where the Engine is to start it again when it ends as it did (`always`, `unless-stopped`; `on-failure` but
    /// after an end without error).
    pub kept_running: bool,
    /// True where the Engine starts it again whatever it ended by (`always`, `unless-stopped`): one that does not run was
    /// stopped by somebody, or cannot be started.
    pub always: bool,
    /// Which network stack it uses.
    pub place: Place,
    /// How to get into its network namespace, while it runs.
    pub way_in: Option<WayIn>,
    /// When it was started, where the Engine says.
    pub started_at: Option<SystemTime>,
    /// Ports that the image or the run command names, sorted (TCP).
    pub exposed_tcp: Vec<u16>,
    /// Ports of the host that lead to it.
    pub published: Vec<PublishedPort>,
    /// The resolver that its processes ask.
    pub resolver: Resolver,
    /// Whom that one passes queries on to, where it is known and nobody's choice.
    pub upstream: Option<Upstream>,
    /// Names of environment variables, each with an address in it, where the operator asks for them.
    pub fixed_addresses: Vec<(Arc<str>, IpAddr)>,
    /// Ports that a proxy's labels name: they speak HTTP.
    pub proxied_ports: Vec<u16>,
    /// True for the reverse proxy (`coolify-proxy`, Traefik, Caddy).
    pub is_proxy: bool,
    /// The Swarm's service that it is a task of: when it ends another one takes its place, here or on another node.
    pub task_of: Option<Arc<str>>,
    /// What the stack of that service calls it, which is one more name of the service.
    pub stack_alias: Option<Arc<str>>,
    /// What Coolify says of it.
    pub coolify: Option<Coolify>,
}

/// What Coolify's labels say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coolify {
    /// `coolify.projectName`.
    pub project: String,
    /// `coolify.environmentName`.
    pub environment: String,
    /// `coolify.resourceName`.
    pub resource: String,
}

/// A container's state, as the Engine's words have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Made and never started.
    Created,
    /// Runs.
    Running,
    /// Frozen: the kernel answers for it, its processes do not.
    Paused,
    /// Between two starts.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// Ended, and could not be removed.
    Dead,
    /// A word that this version does not know.
    #[default]
    Other,
}

impl RunState {
    /// The Engine's word.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
            Self::Other => "other",
        }
    }

    /// True where its network namespace stands.
    pub const fn has_namespace(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// The container's own check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It has none.
    #[default]
    None,
    /// Not yet decided.
    Starting,
    /// Good.
    Healthy,
    /// Bad.
    Unhealthy,
}

/// Which network stack a container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its own, with endpoints on networks (or none left: see [`Destination::detached`]).
    Own,
    /// The host's (`--network host`).
    Host,
    /// Another container's (`--network container:X`): what reaches X reaches it.
    SharedWith(ContainerId),
    /// None at all (`--network none`).
    Isolated,
}

/// How to enter a container's network namespace; which one is used is for `namespace` to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayIn {
    /// `SandboxKey`: the Engine's bind mount of the namespace.
    pub sandbox: Option<PathBuf>,
    /// The main process, for `/proc/<pid>/ns/net`.
    pub pid: Option<u32>,
}

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PublishedPort {
    /// Bound address of the host.
    pub host_ip: Option<IpAddr>,
    /// Port of the host.
    pub host_port: u16,
    /// Port in the container.
    pub container_port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// Who answers a container's DNS queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Name servers in order.
    pub servers: Vec<IpAddr>,
    /// The one of them that knows containers by name: 127.0.0.11 on Docker's user-defined networks, the
    /// gateway on Podman's.
    pub engine: Option<IpAddr>,
}

impl Container {
    /// Whose it is: Coolify's resources of one name in two environments are two.
    pub fn whose(&self) -> String {
        match &self.coolify {
            Some(Coolify { project, environment, .. }) if !(project.is_empty() && environment.is_empty()) => {
                format!("{} ({project}, {environment})", self.workload)
            }
            _ => self.workload.to_string(),
        }
    }
}

impl Inventory {
    /// The destination of this label value.
    pub fn destination(&self, name: &str) -> Option<&Destination> {
        self.destinations.iter().find(|d| &*d.name == name)
    }

    /// The destination and the endpoint name in a target beyond the source's destination: `blog/web`.
    pub fn beyond<'t>(&self, target: &'t str) -> Option<(&Destination, &'t str)> {
        target.match_indices('/').find_map(|(slash, _)| {
            let (destination, rest) = target.split_at(slash);
            Some((self.destination(destination)?, rest.strip_prefix('/')?))
        })
    }

    /// Every endpoint with its destination.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Destination, &Endpoint)> {
        self.destinations.iter().flat_map(|d| d.endpoints.iter().map(move |e| (d, e)))
    }

    /// What a person calls the node of this address.
    pub fn node(&self, address: IpAddr) -> String {
        self.swarm.as_ref().map_or_else(|| address.to_string(), |swarm| swarm.called(address))
    }

    /// The container behind an endpoint of this inventory.
    pub fn container(&self, id: &ContainerId) -> Option<&Container> {
        self.containers.get(id)
    }
}

impl Destination {
    /// The endpoint of this name.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| &*e.name == name)
    }

    /// The gateways, in the order of the subnets.
    pub fn gateways(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.subnets.iter().filter_map(|s| s.gateway)
    }
}
