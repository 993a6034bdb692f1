//! Names and labels that strangers chose, through the whole pure line. Fields end with a byte that no UTF-8 has:
//! two networks, three containers, and labels (`key=value`) for all of them by turns.
#![no_main]

use destination_exporter::inventory::RunState;
use destination_exporter::inventory::seen::{
    Seen, SeenContainer, SeenEndpoint, SeenGhost, SeenNetwork, SeenSubnet, bounded,
};
use destination_exporter_fuzz::line;
use libfuzzer_sys::fuzz_target;

fn network(id: &str, third: u8, mut text: impl FnMut() -> String) -> SeenNetwork {
    SeenNetwork {
        id: id.into(),
        name: text(),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet {
            subnet: format!("10.0.{third}.0/29"),
            gateway: format!("10.0.{third}.1"),
            ..SeenSubnet::default()
        }],
        ..SeenNetwork::default()
    }
}

fn container(
    id: &str,
    last: u8,
    networks: &[SeenNetwork],
    mut text: impl FnMut() -> String,
) -> SeenContainer {
    let name = text();
    let endpoints = networks.iter().enumerate().map(|(third, network)| SeenEndpoint {
        network: network.name.clone(),
        network_id: network.id.clone(),
        ipv4: format!("10.0.{third}.{last}"),
        aliases: vec![text()],
        dns_names: vec![text()],
        ..SeenEndpoint::default()
    });
    SeenContainer {
        id: id.into(),
        endpoints: endpoints.collect(),
        image: text(),
        network_mode: text(),
        labels: Default::default(),
        state: if last == 4 { RunState::Exited } else { RunState::Running },
        exit_code: Some(1),
        restarts: 3,
        restart_policy: "always".into(),
        sandbox_key: format!("/run/netns/{id}"),
        pid: 7,
        created_at: Some(line::at(0)),
        exposed_tcp: vec![80],
        name,
        ..SeenContainer::default()
    }
}

fuzz_target!(|data: &[u8]| {
    let mut fields = data.split(|byte| *byte == 0xff).map(|field| {
        let text = String::from_utf8_lossy(field).into_owned();
        bounded(&text).to_owned()
    });
    let mut text = || fields.next().unwrap_or_default();
    let mut networks =
        vec![network("0123456789abcdef0", 0, &mut text), network("fedcba98765432100", 1, &mut text)];
    let mut containers: Vec<SeenContainer> =
        [("aaaaaaaaaaaaaaaa", 2), ("bbbbbbbbbbbbbbbb", 3), ("cccccccccccccccc", 4)]
            .into_iter()
            .map(|(id, last)| container(id, last, &networks, &mut text))
            .collect();
    // What else is told by a stranger's words: a variable with a neighbour's address, an endpoint of nobody.
    let (variable, ghost) = (containers[1].image.clone(), containers[2].name.clone());
    containers[0].fixed_addresses = vec![(variable, [10, 0, 0, 3].into())];
    networks[0].ghosts = vec![SeenGhost { name: ghost, address: "10.0.0.6".into() }];
    for (n, field) in fields.take(40).enumerate() {
        let Some((key, value)) = field.split_once('=') else { continue };
        let labels = match n % 4 {
            3 => networks.iter_mut().map(|network| &mut network.labels).next(),
            n => containers.get_mut(n).map(|container| &mut container.labels),
        };
        labels.map(|labels| labels.insert(key.to_owned(), value.to_owned()));
    }
    let seen = Seen { networks, containers, ..Seen::default() };
    let (inventory, plan) = line::picture(&seen);
    assert_eq!(inventory.containers.len(), 3);
    line::check(&line::verdict(inventory, &plan));
});
