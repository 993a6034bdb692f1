//! `GET /networks/{id}?verbose=true`: what this node's gossip (libnetwork's `networkdb`) knows of an overlay. It is what
//! names are answered by, and the Engine tells it to managers and workers alike.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::inventory::seen::{SeenGossip, SeenGroup, SeenMember, bounded};

/// A task is some 250 bytes here; five thousand of them are one and a half megabytes.
pub(super) const MOST_READ: usize = 32 << 20;
/// Tasks of one network that are kept, and peers, and services.
const MOST: usize = 10_000;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(in crate::docker) struct Inspected {
    peers: Option<Vec<Peer>>,
    services: Option<BTreeMap<String, Group>>,
    containers: Option<BTreeMap<String, Attached>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Attached {
    #[serde(rename = "IPv4Address")]
    ipv4: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Peer {
    #[serde(rename = "IP")]
    ip: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Group {
    #[serde(rename = "VIP")]
    vip: String,
    #[serde(rename = "Tasks")]
    tasks: Option<Vec<Task>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Task {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "EndpointIP")]
    address: String,
    #[serde(rename = "Info")]
    info: Option<BTreeMap<String, String>>,
}

/// What the key of a node's own load balancer begins with, before the network's name.
const BALANCER: &str = "lb-";
/// Where a task's node is written.
const NODE: &str = "Host IP";
/// What Go writes of an address that there is not.
const NIL: &str = "<nil>";

/// What is kept of it, sorted. Whoever takes part in an overlay is among its own peers: where there are none a manager told
/// of one that is not on this node, and its gossip knows nothing of it.
pub(in crate::docker) fn read(inspected: Inspected) -> Option<SeenGossip> {
    let text = |text: &str| bounded(text.trim()).to_owned();
    let address = |written: &str| text(written.split('/').next().unwrap_or_default());
    let mut peers: Vec<String> =
        inspected.peers.into_iter().flatten().take(MOST).map(|peer| address(&peer.ip)).collect();
    peers.sort();
    peers.dedup();
    let named = inspected.services.unwrap_or_default();
    let (mut left, mut is_cut) = (MOST, named.len() > MOST);
    let mut services = Vec::new();
    for (name, group) in named.into_iter().take(MOST) {
        let tasks = group.tasks.unwrap_or_default();
        is_cut |= tasks.len() > left;
        let mut members: Vec<SeenMember> = tasks
            .into_iter()
            .take(left)
            .map(|task| SeenMember {
                name: text(&task.name),
                address: address(&task.address),
                node: address(
                    task.info.and_then(|info| info.get(NODE).cloned()).unwrap_or_default().as_str(),
                ),
            })
            .collect();
        members.sort();
        left -= members.len();
        let vip = address(&group.vip);
        services.push(SeenGroup {
            name: text(&name),
            vip: if vip == NIL { String::new() } else { vip },
            members,
        });
    }
    let attached = inspected.containers.unwrap_or_default();
    let balancer = attached.iter().find(|(key, _)| key.starts_with(BALANCER));
    let balancer = balancer.map(|(_, one)| address(&one.ipv4)).unwrap_or_default();
    (!peers.is_empty()).then_some(SeenGossip { peers, services, balancer, is_cut })
}
