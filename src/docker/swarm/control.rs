//! What managers know: `GET /nodes`, `/services` and `/tasks`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::inventory::build::away::is_of_proxy;
use crate::inventory::proxy::proxied_ports;
use crate::inventory::seen::{SeenControl, SeenNode, SeenService, SeenTask, bounded};

use super::super::allowance::{Allowance, CUT_SHORT, ONE};
use super::super::engine::Engine;
#[cfg(any(test, feature = "fuzzing"))]
use super::super::entries::Entries;
use super::super::error::EngineError;
use super::super::wire;

/// Nodes that are kept.
const MOST_NODES: usize = 1024;
/// Services that are kept.
const MOST_SERVICES: usize = 4096;
/// Tasks that are kept; a Swarm keeps five ended ones of each.
const MOST_TASKS: usize = 50_000;
/// Labels of one service, ports, or networks of one task.
const MOST: usize = 256;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Node {
    #[serde(rename = "ID")]
    id: String,
    spec: NodeSpec,
    description: Description,
    status: NodeStatus,
    manager_status: Option<ManagerStatus>,
    created_at: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct NodeSpec {
    role: String,
    availability: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Description {
    hostname: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct NodeStatus {
    state: String,
    message: String,
    addr: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ManagerStatus {
    leader: bool,
    reachability: String,
    addr: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    spec: ServiceSpec,
    endpoint: Option<ServiceEndpoint>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ServiceEndpoint {
    #[serde(rename = "VirtualIPs")]
    vips: Option<Vec<VirtualIp>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct VirtualIp {
    #[serde(rename = "NetworkID")]
    network: String,
    #[serde(rename = "Addr")]
    address: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ServiceSpec {
    name: String,
    labels: Option<BTreeMap<String, String>>,
    mode: Mode,
    endpoint_spec: Option<EndpointSpec>,
    task_template: TaskTemplate,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct TaskTemplate {
    networks: Option<Vec<Target>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Target {
    target: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Mode {
    replicated: Option<Replicated>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Replicated {
    replicas: u64,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct EndpointSpec {
    ports: Option<Vec<PortSpec>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct PortSpec {
    protocol: String,
    /// As wide as the Engine's own: one that is no port must not cost the whole list.
    target_port: u32,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Task {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "ServiceID")]
    service: String,
    slot: u64,
    #[serde(rename = "NodeID")]
    node: String,
    created_at: String,
    desired_state: String,
    status: TaskStatus,
    networks_attachments: Option<Vec<Attachment>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct TaskStatus {
    timestamp: String,
    state: String,
    err: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Attachment {
    network: AttachedNetwork,
    addresses: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct AttachedNetwork {
    #[serde(rename = "ID")]
    id: String,
}

/// A list that is taken in entry by entry.
#[derive(Debug)]
pub(in crate::docker) struct Listing<Kept> {
    all: Vec<Kept>,
    most: usize,
    /// There is more of it.
    is_cut: bool,
}

impl<Kept: Ord> Listing<Kept> {
    const fn of(most: usize) -> Self {
        Self { all: Vec::new(), most, is_cut: false }
    }

    /// One that cannot be read is missing: of the others it says nothing.
    fn take<Told: DeserializeOwned>(&mut self, entry: &[u8], keep: fn(Told) -> Kept) {
        match serde_json::from_slice(entry) {
            Ok(told) if self.all.len() < self.most => self.all.push(keep(told)),
            _ => self.is_cut = true,
        }
    }
}

impl Engine {
    /// All three, or none: a picture of which a part is old is none.
    pub(super) async fn control(&self, until: Instant) -> Result<SeenControl, EngineError> {
        let nodes = self.told("nodes", "/nodes", Listing::of(MOST_NODES), node, until).await?;
        let services = self.told("services", "/services", Listing::of(MOST_SERVICES), service, until).await?;
        let tasks = self.told("tasks", "/tasks", Listing::of(MOST_TASKS), task, until).await?;
        Ok(together(nodes, services, tasks))
    }

    /// What is kept of a list. One that is longer than is read is cut.
    async fn told<Told: DeserializeOwned, Kept: Ord>(
        &self,
        endpoint: &'static str,
        path: &str,
        mut listing: Listing<Kept>,
        keep: fn(Told) -> Kept,
        until: Instant,
    ) -> Result<Listing<Kept>, EngineError> {
        let most = Allowance::of_bytes(CUT_SHORT);
        let read = wire::entries(&self.host, path, most, ONE, |entry| listing.take(entry, keep));
        let is_whole = match self.within(endpoint, read, until).await {
            Err(error) if error.reason == "too_large" => false,
            answered => answered?,
        };
        listing.is_cut |= !is_whole;
        Ok(listing)
    }
}

/// What is kept of it, sorted.
fn together(
    mut nodes: Listing<SeenNode>,
    mut services: Listing<SeenService>,
    mut tasks: Listing<SeenTask>,
) -> SeenControl {
    nodes.all.sort();
    services.all.sort();
    tasks.all.sort();
    SeenControl {
        is_cut: nodes.is_cut || services.is_cut || tasks.is_cut,
        nodes: nodes.all,
        services: services.all,
        tasks: tasks.all,
        is_fresh: true,
    }
}

/// The same of answers that are at hand.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::docker) fn read(answers: [&[u8]; 3]) -> Result<SeenControl, serde_json::Error> {
    fn listed<Told: DeserializeOwned, Kept: Ord>(
        answer: &[u8],
        most: usize,
        keep: fn(Told) -> Kept,
    ) -> Result<Listing<Kept>, serde_json::Error> {
        let (mut entries, mut listing) = (Entries::of(ONE), Listing::of(most));
        entries.pass(answer, |entry| listing.take(entry, keep))?;
        listing.is_cut |= !entries.is_whole()?;
        Ok(listing)
    }
    let [nodes, services, tasks] = answers;
    Ok(together(
        listed(nodes, MOST_NODES, node)?,
        listed(services, MOST_SERVICES, service)?,
        listed(tasks, MOST_TASKS, task)?,
    ))
}

fn text(text: &str) -> String {
    bounded(text).to_owned()
}

/// Without the prefix's length.
fn address(written: &str) -> String {
    text(written.split('/').next().unwrap_or_default())
}

fn node(node: Node) -> SeenNode {
    let manager = node.manager_status.unwrap_or_default();
    // A manager that leads may be told as 0.0.0.0 or 127.0.0.1 in its own status; others dial it at the other address.
    let is_own = matches!(&*node.status.addr, "" | "0.0.0.0" | "127.0.0.1");
    let dialled = manager.addr.rsplit_once(':').map_or("", |(host, _)| host.trim_matches(['[', ']']));
    SeenNode {
        id: text(&node.id),
        name: text(&node.description.hostname),
        address: text(if is_own && !dialled.is_empty() { dialled } else { &node.status.addr }),
        role: text(&node.spec.role),
        availability: text(&node.spec.availability),
        state: text(&node.status.state),
        message: text(&node.status.message),
        reachability: text(&manager.reachability),
        is_leader: manager.leader,
        created: humantime::parse_rfc3339(&node.created_at).ok(),
    }
}

fn service(service: Service) -> SeenService {
    let labels: BTreeMap<String, String> = service
        .spec
        .labels
        .unwrap_or_default()
        .into_iter()
        .filter(|(key, _)| is_of_proxy(key))
        .take(MOST)
        .map(|(key, value)| (text(&key), text(&value)))
        .collect();
    let published = service.spec.endpoint_spec.and_then(|spec| spec.ports).unwrap_or_default();
    let published = published.into_iter().filter(|port| port.protocol == "tcp");
    let published = published.filter_map(|port| u16::try_from(port.target_port).ok());
    let mut ports: Vec<u16> = published.take(MOST).chain(proxied_ports(&labels)).collect();
    ports.retain(|port| *port != 0);
    ports.sort_unstable();
    ports.dedup();
    let targets = service.spec.task_template.networks.unwrap_or_default();
    let vips = service.endpoint.and_then(|endpoint| endpoint.vips).unwrap_or_default();
    SeenService {
        name: text(&service.spec.name),
        id: text(&service.id),
        ports,
        networks: targets.iter().take(MOST).map(|on| text(&on.target)).collect(),
        vips: vips.iter().take(MOST).map(|vip| (text(&vip.network), address(&vip.address))).collect(),
        replicas: service.spec.mode.replicated.map(|replicated| replicated.replicas),
        labels,
    }
}

fn task(task: Task) -> SeenTask {
    let attachment = |one: Attachment| {
        let address = one.addresses.unwrap_or_default().into_iter().next()?;
        Some((text(&one.network.id), self::address(&address)))
    };
    let attachments = task.networks_attachments.unwrap_or_default();
    SeenTask {
        id: text(&task.id),
        service: text(&task.service),
        slot: task.slot,
        node: text(&task.node),
        state: text(&task.status.state),
        desired: text(&task.desired_state),
        error: text(&task.status.err),
        created: humantime::parse_rfc3339(&task.created_at).ok(),
        at: humantime::parse_rfc3339(&task.status.timestamp).ok(),
        addresses: attachments.into_iter().take(MOST).filter_map(attachment).collect(),
    }
}
