//! From what the Engine said to the picture.
//!
//! One pass over containers, one over networks, no question asked of anybody. What cannot be read
//! becomes an oddity and never costs the rest: whoever deploys writes most of this.

pub mod away;
mod destination;
mod elsewhere;
mod networks;
mod resolver;
mod swarm;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::config::Selection;

use super::ids::{ContainerId, NetworkId};
use super::model::{Container, Destination, Inventory, Place, RunState, WayIn};
use super::seen::{Seen, SeenContainer, SeenEndpoint, bounded};
use super::{absent, claims, names, pools, proxy, routes, select, workload};
use destination::View;
use networks::Networks;

/// The picture of one moment. The same answers give the same value, in whatever order they came.
pub fn build(seen: &Seen, selection: &Selection, at: SystemTime) -> Inventory {
    let mut oddities: BTreeSet<String> = seen.oddities.iter().map(|o| bounded(o).to_owned()).collect();
    let networks = Networks::new(&seen.networks, seen.engine.podman);
    let mut containers: BTreeMap<ContainerId, Container> = BTreeMap::new();
    for one in &seen.containers {
        if one.id.is_empty() {
            oddities.insert(format!("a container without an id ({:?}) is left out", bounded(&one.name)));
            continue;
        }
        let made = container(one, seen, &networks);
        containers.insert(made.id.clone(), made);
    }
    resolver::share(&mut containers);

    let homes = homes(seen, &networks, &containers);
    let names = claims::endpoint_names(&containers, &homes);
    let bearers: BTreeMap<&str, &ContainerId> = names.iter().map(|(id, name)| (&**name, id)).collect();
    let candidates = select::candidates(&seen.networks, &mut oddities);
    let labels = names::destination_names(candidates.iter().copied());
    let view = View {
        seen,
        networks: &networks,
        containers: &containers,
        homes: &homes,
        names: &names,
        bearers: &bearers,
        at,
    };
    let mut destinations = Vec::new();
    for network in candidates {
        if !select::is_wanted(network, selection) {
            continue;
        }
        let Some(label) = labels.get(network.id.as_str()) else { continue };
        let made = view.destination(network, Arc::clone(label), &mut oddities);
        let is_used = !made.endpoints.is_empty() || !made.detached.is_empty();
        if is_used || !select::is_default_bridge(network, seen.engine.podman) {
            destinations.push(made);
        }
    }
    destinations.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let refers = |one: &SeenContainer| {
        let container = containers.get(&ContainerId::new(&one.id));
        container.is_some_and(|c| c.state.has_namespace() || is_missed(c))
    };
    let proxies = routes::proxies(seen, &names);
    let seats = seats(seen, &networks, &destinations);
    let tasks = away::tasks(seen.swarm.as_ref());
    let mut known = away::Away { containers: BTreeMap::new(), names: BTreeMap::new(), seats };
    if !tasks.is_empty() {
        known.containers.clone_from(&containers);
        known.names.clone_from(&names);
        let make = |one: &SeenContainer| container(one, seen, &networks);
        away::add(&mut known, &tasks, seen.swarm.as_ref(), &destinations, make);
    }
    let is_alone = tasks.is_empty();
    let routes = routes::routes(&routes::View {
        seen: seen.containers.iter().chain(&tasks).collect(),
        containers: if is_alone { &containers } else { &known.containers },
        names: if is_alone { &names } else { &known.names },
        seats: &known.seats,
        proxies: &proxies,
        stopped: destinations
            .iter()
            .flat_map(|on| on.stopped.iter().map(|missing| (&missing.container, &on.name)))
            .collect(),
    });
    oddities.extend(routes.oddities.iter().map(|odd| bounded(odd).to_owned()));
    oddities.extend(swarm::unsaid(seen.swarm.as_ref(), &seen.networks, &destinations));
    Inventory {
        engine: seen.engine.clone(),
        taken_at: at,
        elsewhere: elsewhere::elsewhere(&view, &destinations),
        destinations,
        pools: pools::read(seen),
        host_files: seen.host_files.clone(),
        swarm: seen.swarm.as_ref().map(swarm::swarm),
        absent: absent::absent(seen, selection, refers),
        proxies,
        routes,
        containers,
        oddities: oddities.into_iter().collect(),
    }
}

fn container(one: &SeenContainer, seen: &Seen, networks: &Networks) -> Container {
    let has_namespace = one.state.has_namespace();
    let mut exposed_tcp = one.exposed_tcp.clone();
    exposed_tcp.sort_unstable();
    exposed_tcp.dedup();
    let mut published = one.published.clone();
    published.sort();
    published.dedup();
    let always = matches!(one.restart_policy.as_str(), "always" | "unless-stopped");
    Container {
        id: ContainerId::new(&one.id),
        name: bounded(&one.name).into(),
        image: bounded(&one.image).into(),
        workload: workload::workload(one).into(),
        replica: workload::replica(&one.labels),
        state: one.state,
        health: one.health,
        exit_code: one.exit_code.filter(|_| !has_namespace),
        restarts: one.restarts,
        out_of_memory: one.out_of_memory,
        error: Some(bounded(&one.error)).filter(|error| !error.is_empty()).map(Arc::from),
        kept_running: always || (one.restart_policy == "on-failure" && one.exit_code != Some(0)),
        always,
        place: place(one, &seen.containers),
        // A stopped container keeps the key of a namespace that is gone, or is another's by now.
        way_in: (has_namespace && one.pid > 0).then(|| WayIn {
            sandbox: Some(one.sandbox_key.as_str()).filter(|k| !k.is_empty()).map(PathBuf::from),
            pid: Some(one.pid),
        }),
        started_at: one.started_at,
        exposed_tcp,
        published,
        resolver: resolver::resolver(one, networks, seen.engine.podman),
        upstream: one.upstream.clone(),
        fixed_addresses: one.fixed_addresses.iter().map(|(name, at)| (bounded(name).into(), *at)).collect(),
        proxied_ports: proxy::proxied_ports(&one.labels),
        is_proxy: proxy::is_proxy(one),
        task_of: workload::task_of(&one.labels).map(Arc::from),
        stack_alias: workload::stack_alias(&one.labels).map(Arc::from),
        coolify: workload::coolify(&one.labels),
    }
}

fn place(one: &SeenContainer, all: &[SeenContainer]) -> Place {
    match one.network_mode.as_str() {
        "host" => Place::Host,
        "none" => Place::Isolated,
        mode => match mode.strip_prefix("container:") {
            // The Engine writes the id; a name is what the operator may have written.
            Some(word) => Place::SharedWith(ContainerId::new(
                all.iter().find(|c| c.id == word || c.name == word).map_or(word, |c| &c.id),
            )),
            None => Place::Own,
        },
    }
}

/// Where each container is, on destinations and elsewhere.
fn seats(
    seen: &Seen,
    networks: &Networks<'_>,
    destinations: &[Destination],
) -> BTreeMap<ContainerId, Vec<routes::Seat>> {
    let labels: BTreeMap<&str, &Arc<str>> = destinations.iter().map(|d| (d.id.as_str(), &d.name)).collect();
    let seat = |endpoint: &SeenEndpoint| {
        let network = networks.of_endpoint(endpoint)?;
        let text = [&endpoint.ipv4, &endpoint.ipv6].into_iter().find(|text| !text.is_empty());
        Some(routes::Seat {
            id: NetworkId::new(&network.id),
            network: bounded(&network.name).into(),
            destination: labels.get(network.id.as_str()).map(|label| Arc::clone(label)),
            address: text.and_then(|text| text.split('/').next()?.parse().ok()),
        })
    };
    let seats = |one: &SeenContainer| {
        let mut seats: Vec<routes::Seat> = one.endpoints.iter().filter_map(seat).collect();
        seats.sort_by(|a, b| (&a.network, &a.id).cmp(&(&b.network, &b.id)));
        (ContainerId::new(&one.id), seats)
    };
    seen.containers.iter().map(seats).collect()
}

/// Where each container belongs.
fn homes<'a>(
    seen: &'a Seen,
    networks: &Networks<'a>,
    containers: &BTreeMap<ContainerId, Container>,
) -> claims::Homes<'a> {
    let home = |one: &'a SeenContainer| {
        let container = containers.get(&ContainerId::new(&one.id))?;
        let meant = networks.of_mode(&one.network_mode).filter(|_| container.place == Place::Own);
        let on = one.endpoints.iter().filter_map(|e| networks.of_endpoint(e));
        let home = claims::Home {
            networks: on.chain(meant).map(|n| n.id.as_str()).collect(),
            made_at: one.created_at,
            is_missed: !container.state.has_namespace() && is_missed(container),
        };
        Some((container.id.clone(), home))
    };
    seen.containers.iter().filter_map(home).collect()
}

/// A job that did its work is not missed, nor is a task, for which the managers start another, nor is one of which nobody could say how it ended, and one that
/// is being removed is meant to go.
fn is_missed(container: &Container) -> bool {
    let ended_well = container.exit_code.is_none_or(|code| code == 0);
    let is_done = container.state == RunState::Exited && ended_well && !container.kept_running;
    !is_done && container.task_of.is_none() && container.state != RunState::Removing
}

#[cfg(test)]
pub(crate) mod tests;
