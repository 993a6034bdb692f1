//! A door for the crate `fuzz`, and for the tests of this room.

use std::net::IpAddr;

use bollard::models::{ContainerInspectResponse, ContainerSummary, Network, SystemVersion};
use serde_json::Value;

use crate::inventory::seen::{Seen, SeenContainer, SeenControl, SeenGossip, SeenSwarm};
use crate::inventory::{ContainerId, EngineInfo, Upstream};
use crate::netstack::Interface;

use super::cut::Cut;
use super::engine::{Change, change};
use super::swarm::{control, gossip, introduction};
use super::{counters, environment, lenient, resolv_conf, translate, uninspected};

/// As [`super::Engine::list`] has it; each container is inspected, or could not be.
pub fn seen(networks: Vec<Value>, containers: Vec<(Value, Value)>) -> Seen {
    let (networks, mut oddities) = lenient::entries::<Network>(Some(networks), &[]);
    let (rows, inspections): (Vec<_>, Vec<_>) = containers.into_iter().unzip();
    let (rows, more) = lenient::entries::<ContainerSummary>(Some(rows), &[]);
    oddities.extend(more);
    let containers = rows
        .into_iter()
        .zip(inspections)
        .map(|(row, inspected)| {
            let inspected = serde_json::from_value::<ContainerInspectResponse>(inspected);
            translate::container(row, inspected.unwrap_or_default(), "")
        })
        .collect();
    let networks = networks.into_iter().map(translate::network).collect();
    Seen { networks, containers, oddities, ..Seen::default() }
}

/// What is kept of environment variables.
pub fn environment(variables: &[String]) -> Vec<(String, IpAddr)> {
    environment::addresses(variables)
}

/// A row whose inspection failed now, and succeeded before.
pub fn uninspected(row: Value, known: &SeenContainer) -> Option<SeenContainer> {
    Some(uninspected::container(serde_json::from_value(row).ok()?, Some(known)))
}

/// What of a listing is read that comes in pieces of this many bytes.
pub fn cut(listing: &[u8], piece: usize) -> Vec<u8> {
    let (mut cut, mut kept) = (Cut::default(), Vec::new());
    listing.chunks(piece.max(1)).for_each(|piece| cut.pass(piece, &mut kept));
    kept
}

/// Who answers.
pub fn version(answer: &str) -> Option<EngineInfo> {
    serde_json::from_str::<SystemVersion>(answer).ok().map(translate::engine)
}

/// What one line of the stream of events hints at.
pub fn event(line: &str) -> Option<Change> {
    change(serde_json::from_str(line).ok()?)
}

/// What a container's interfaces counted.
pub fn statistics(answer: &str, container: &ContainerId) -> Option<Vec<Interface>> {
    counters::interfaces(serde_json::from_str(answer).ok()?, container).ok()
}

/// The name servers of a `resolv.conf`, and whom the Engine says that they ask.
pub fn resolv_conf(text: &str) -> (Vec<IpAddr>, Option<Upstream>) {
    let read = resolv_conf::parse(text);
    (read.servers, read.upstream)
}

/// What is kept of an overlay's gossip.
pub fn gossip(answer: Value) -> Option<SeenGossip> {
    serde_json::from_value(answer).ok().and_then(gossip::read)
}

/// What is kept of nodes, services and tasks.
pub fn control(nodes: Value, services: Value, tasks: Value) -> Option<SeenControl> {
    let [nodes, services, tasks] = [nodes, services, tasks].map(|list| list.to_string());
    control::read([nodes.as_bytes(), services.as_bytes(), tasks.as_bytes()]).ok()
}

/// Who the Engine is in the Swarm; `None` where it is in none.
pub fn swarm(info: Value, control: Option<SeenControl>) -> Option<SeenSwarm> {
    introduction(serde_json::from_value(info).ok()?, Some(SeenSwarm { control, ..SeenSwarm::default() }))
}
