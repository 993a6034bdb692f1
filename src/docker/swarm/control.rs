//! What managers know: `GET /nodes`, `/services` and `/tasks`.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio::time::Instant;

use crate::inventory::build::away::is_of_proxy;
use crate::inventory::proxy::proxied_ports;
use crate::inventory::seen::{SeenControl, SeenNode, SeenService, SeenTask, bounded};

use super::super::allowance::{Allowance, LISTING};
use super::super::engine::Engine;
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
pub(in crate::docker) struct Node {
    #[serde(rename = "ID")]
    id: String,
    spec: NodeSpec,
    description: Description,
    status: NodeStatus,
    manager_status: Option<ManagerStatus>,
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
pub(in crate::docker) struct Service {
    #[serde(rename = "ID")]
    id: String,
    spec: ServiceSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ServiceSpec {
    name: String,
    labels: Option<BTreeMap<String, String>>,
    mode: Mode,
    endpoint_spec: Option<EndpointSpec>,
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
pub(in crate::docker) struct Task {
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

impl Engine {
    /// All three, or none: a picture of which a part is old is none.
    pub(super) async fn control(&self, until: Instant) -> Result<SeenControl, EngineError> {
        let most = || Allowance::of_bytes(LISTING);
        let nodes = wire::fields::<Option<Vec<Node>>>(&self.host, "/nodes", most());
        let nodes = self.within("nodes", nodes, until).await?;
        let services = wire::fields::<Option<Vec<Service>>>(&self.host, "/services", most());
        let services = self.within("services", services, until).await?;
        let tasks = wire::fields::<Option<Vec<Task>>>(&self.host, "/tasks", most());
        let tasks = self.within("tasks", tasks, until).await?;
        Ok(read(nodes.unwrap_or_default(), services.unwrap_or_default(), tasks.unwrap_or_default()))
    }
}

/// What is kept of it, sorted.
pub(in crate::docker) fn read(nodes: Vec<Node>, services: Vec<Service>, tasks: Vec<Task>) -> SeenControl {
    let is_cut = nodes.len() > MOST_NODES || services.len() > MOST_SERVICES || tasks.len() > MOST_TASKS;
    let mut nodes: Vec<SeenNode> = nodes.into_iter().take(MOST_NODES).map(node).collect();
    let mut services: Vec<SeenService> = services.into_iter().take(MOST_SERVICES).map(service).collect();
    let mut tasks: Vec<SeenTask> = tasks.into_iter().take(MOST_TASKS).map(task).collect();
    nodes.sort();
    services.sort();
    tasks.sort();
    SeenControl { nodes, services, tasks, is_cut, is_fresh: true }
}

fn text(text: &str) -> String {
    bounded(text).to_owned()
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
    SeenService {
        name: text(&service.spec.name),
        id: text(&service.id),
        ports,
        replicas: service.spec.mode.replicated.map(|replicated| replicated.replicas),
        labels,
    }
}

fn task(task: Task) -> SeenTask {
    let attachment = |one: Attachment| {
        let address = one.addresses.unwrap_or_default().into_iter().next()?;
        Some((text(&one.network.id), text(address.split('/').next().unwrap_or_default())))
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
