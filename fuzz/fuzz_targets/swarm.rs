//! What an Engine tells of its Swarm, `{"info": {…}, "networks": [{…, "gossip": {…}}], "containers": [[row, inspection], …],
//! "nodes": […], "services": […], "tasks": […]}`: any JSON becomes a picture within bounds, the same in any order, and a
//! plan that no size of a Swarm makes larger.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use destination_exporter::docker::fuzzing::{control, gossip, seen, swarm};
use destination_exporter::inventory::Inventory;
use destination_exporter::inventory::seen::{LONGEST, Seen, SeenControl, SeenGossip};
use destination_exporter::outcome::ProbeKind;
use destination_exporter::plan::overlay;
use destination_exporter_fuzz::line;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The most that a plan may take of one node: a part of a name at either end, an address, and what is between.
const LONGEST_NAME: usize = 256;

fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Every list of things the other way round, however deep. Words are in an order that means something.
fn turned(value: &Value) -> Value {
    match value {
        Value::Array(all) if all.iter().all(Value::is_object) => {
            Value::Array(all.iter().rev().map(turned).collect())
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), turned(value))).collect(),
        other => other.clone(),
    }
}

fn gossip_texts(gossip: &SeenGossip) -> impl Iterator<Item = &String> {
    let members = gossip.services.iter().flat_map(|group| &group.members);
    let members = members.flat_map(|member| [&member.name, &member.address, &member.node]);
    members.chain(gossip.services.iter().flat_map(|group| [&group.name, &group.vip])).chain(&gossip.peers)
}

fn control_texts(control: &SeenControl) -> impl Iterator<Item = &String> {
    let nodes = control.nodes.iter().flat_map(|n| {
        [&n.id, &n.name, &n.address, &n.role, &n.availability, &n.state, &n.message, &n.reachability]
    });
    let services = control.services.iter().flat_map(|s| [&s.name, &s.id]);
    let tasks = control.tasks.iter().flat_map(|t| {
        let addresses = t.addresses.iter().flat_map(|(network, address)| [network, address]);
        [&t.id, &t.service, &t.node, &t.state, &t.desired, &t.error].into_iter().chain(addresses)
    });
    nodes.chain(services).chain(tasks)
}

/// What an Engine that answers so has said.
fn said(answer: &Value, turn: bool) -> Seen {
    let containers = list(answer, "containers")
        .iter()
        .filter_map(|pair| Some((pair.get(0)?.clone(), pair.get(1)?.clone())))
        .collect();
    let networks = list(answer, "networks");
    let mut seen = seen(networks.clone(), containers);
    let order = |value: Option<&Value>| {
        let value = value.cloned().unwrap_or_default();
        if turn { turned(&value) } else { value }
    };
    for network in &mut seen.networks {
        let is_it = |one: &&Value| one.get("Id").and_then(Value::as_str) == Some(&*network.id);
        network.gossip = gossip(order(networks.iter().find(is_it).and_then(|one| one.get("gossip"))));
    }
    let of = |name| order(answer.get(name));
    seen.swarm = swarm(order(answer.get("info")), control(of("nodes"), of("services"), of("tasks")));
    seen
}

/// What of a picture no order of an answer changes.
fn outline(inventory: &Inventory) -> impl PartialEq + std::fmt::Debug {
    let swarm = inventory.swarm.as_ref().map(|swarm| (swarm.node_id.clone(), swarm.managers.clone()));
    let overlays = inventory.destinations.iter().filter_map(|on| on.overlay.as_ref());
    let peers = overlays.flat_map(|overlay| &overlay.peers).map(|peer| (peer.address, peer.tasks.len()));
    (swarm, peers.collect::<Vec<_>>())
}

fuzz_target!(|text: &str| {
    let Ok(answer) = serde_json::from_str::<Value>(text) else { return };
    let first = said(&answer, false);
    let told = first.networks.iter().filter_map(|network| network.gossip.as_ref());
    let control = first.swarm.iter().filter_map(|swarm| swarm.control.as_ref());
    for text in told.flat_map(gossip_texts).chain(control.flat_map(control_texts)) {
        assert!(text.len() <= LONGEST, "{} bytes", text.len());
    }
    let (inventory, plan) = line::picture(&first);
    for on in &inventory.destinations {
        let Some(overlay) = &on.overlay else { continue };
        let names: Vec<&Arc<str>> = overlay.elsewhere().map(|(_, task)| &task.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two of one name: {names:?}");
        assert!(names.iter().all(|name| name.len() <= LONGEST_NAME && !name.ends_with(overlay::VIP)));
        assert!(overlay.services.iter().all(|service| service.tasks.len() <= LONGEST_NAME));
        assert!(overlay.peers.iter().all(|peer| Some(peer.address) != overlay.own), "it is its own peer");
        let missed = overlay.peers.iter().filter(|peer| peer.lost.is_some()).count();
        assert!(overlay.peers.iter().all(|peer| peer.lost.is_none() || peer.tasks.is_empty()));
        let others = overlay.peers.len() - missed;
        for run in 0..3 {
            let here = plan.errands.iter().filter(|errand| errand.destination == on.name);
            let beyond = here.filter(|errand| matches!(errand.kind, ProbeKind::Overlay | ProbeKind::Node));
            let made: usize = beyond.map(|errand| errand.clone().in_run(run).jobs.len()).sum();
            assert!(made <= overlay::most_probes(others.min(6), missed), "{made} probes of {others} nodes");
        }
    }
    // In another order it is the same picture, unless two things claim to be the same one.
    let mut apart: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for name in ["networks", "nodes", "services", "tasks"] {
        for one in answer.get(name).and_then(Value::as_array).into_iter().flatten() {
            let id = one.get("Id").or_else(|| one.get("ID")).and_then(Value::as_str).unwrap_or_default();
            *apart.entry((name, id)).or_default() += 1;
        }
    }
    if apart.values().all(|count| *count == 1) {
        let (again, _) = line::picture(&said(&answer, true));
        assert_eq!(outline(&again), outline(&inventory));
    }
    line::check(&line::verdict(inventory, &plan));
});
