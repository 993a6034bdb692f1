//! Tasks on other nodes, as far as a proxy on this one leads to them: routes of a Swarm live in its services' labels, and
//! a manager knows every task's address.
//!
//! They are no containers of this host: nobody lists, counts or looks out of them. A route's backend has an address and a
//! name, and of one on another node that is all there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::inventory::ids::ContainerId;
use crate::inventory::model::{Container, Destination, RunState};
use crate::inventory::routes::Seat;
use crate::inventory::seen::{SeenContainer, SeenSwarm, SeenTask};

/// Tasks of one service that a route is told to lead to.
const MOST_OF_ONE: usize = 64;

/// Labels that are a proxy's.
const OF_PROXIES: [&str; 2] = ["traefik.", "caddy"];

/// True for a label that a proxy reads.
pub fn is_of_proxy(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    OF_PROXIES.iter().any(|beginning| key.starts_with(beginning))
}

/// Tasks of services with a proxy's labels that run on other nodes, as containers would be listed.
pub(super) fn tasks(swarm: Option<&SeenSwarm>) -> Vec<SeenContainer> {
    let Some(control) = swarm.and_then(|swarm| swarm.control.as_ref()) else { return Vec::new() };
    let own = swarm.map_or("", |swarm| &swarm.node_id);
    let led: BTreeMap<&str, _> = control
        .services
        .iter()
        .filter(|service| service.labels.keys().any(|key| is_of_proxy(key)))
        .map(|service| (&*service.id, service))
        .collect();
    let mut of_one: BTreeMap<&str, usize> = BTreeMap::new();
    let runs = |task: &&SeenTask| task.state == "running" && task.desired == "running" && task.node != own;
    let tasks = control.tasks.iter().filter(runs).filter_map(|task| {
        let service = led.get(&*task.service)?;
        let count = of_one.entry(&task.service).or_default();
        *count += 1;
        if *count > MOST_OF_ONE {
            return None;
        }
        Some(SeenContainer {
            id: task.id.clone(),
            name: service.name.clone(),
            labels: service.labels.clone(),
            state: RunState::Running,
            exposed_tcp: service.ports.clone(),
            created_at: task.at,
            started_at: task.at,
            ..SeenContainer::default()
        })
    });
    tasks.collect()
}

/// What a proxy knows of each: where it is, and what it is called here.
pub(super) struct Away {
    pub(super) containers: BTreeMap<ContainerId, Container>,
    pub(super) names: BTreeMap<ContainerId, Arc<str>>,
    pub(super) seats: BTreeMap<ContainerId, Vec<Seat>>,
}

/// Adds them to what is known of this host's own. `make` makes a container of what is listed.
pub(super) fn add(
    to: &mut Away,
    tasks: &[SeenContainer],
    swarm: Option<&SeenSwarm>,
    destinations: &[Destination],
    make: impl Fn(&SeenContainer) -> Container,
) {
    let known = swarm.and_then(|swarm| swarm.control.as_ref()).map(|control| &control.tasks);
    let known: BTreeMap<&str, &SeenTask> =
        known.into_iter().flatten().map(|task| (&*task.id, task)).collect();
    for one in tasks {
        let Some(task) = known.get(&*one.id) else { continue };
        let mut seats = Vec::new();
        let mut name = None;
        for (network, address) in &task.addresses {
            let Ok(address) = address.parse() else { continue };
            let Some(on) = destinations.iter().find(|on| on.id.as_str() == network) else { continue };
            let elsewhere = on.overlay.iter().flat_map(|overlay| overlay.elsewhere());
            name = name.or_else(|| {
                let mut same = elsewhere.filter(|(_, task)| task.address == address);
                same.next().map(|(_, task)| Arc::clone(&task.name))
            });
            seats.push(Seat {
                id: on.id.clone(),
                network: Arc::clone(&on.name),
                destination: Some(Arc::clone(&on.name)),
                address: Some(address),
            });
        }
        // One that is on no network of this node is none that a proxy here could lead to.
        let Some(name) = name else { continue };
        seats.sort_by(|a, b| (&a.network, &a.id).cmp(&(&b.network, &b.id)));
        let container = make(one);
        to.names.insert(container.id.clone(), name);
        to.seats.insert(container.id.clone(), seats);
        to.containers.insert(container.id.clone(), container);
    }
}

/// The label that says which service a task is of.
const SERVICE_ID: &str = "com.docker.swarm.service.id";

/// Of this host's own tasks the labels of their services that a proxy reads, where a manager tells them.
pub fn labelled(containers: &mut [SeenContainer], swarm: Option<&SeenSwarm>) {
    let Some(control) = swarm.and_then(|swarm| swarm.control.as_ref()) else { return };
    for one in containers {
        let Some(id) = one.labels.get(SERVICE_ID) else { continue };
        let Some(service) = control.services.iter().find(|service| service.id == *id) else { continue };
        let led = service.labels.iter().filter(|(key, _)| is_of_proxy(key));
        let led: Vec<(String, String)> = led.map(|(key, value)| (key.clone(), value.clone())).collect();
        one.labels.extend(led);
    }
}
