//! Who ought to be looked at, and how soon.

use std::net::IpAddr;
use std::time::SystemTime;

use super::super::tests::{container, host, network};
use super::super::{Learned, plan};
use super::*;
use crate::config::{Config, Override, Probes, Selection};
use crate::inventory::RunState as State;
use crate::inventory::build::build;
use crate::inventory::seen::{SeenContainer, SeenNetwork};
use crate::inventory::swarm::{Elsewhere, Lost, Overlay, Peer};

fn peer(last: u8, tasks: usize) -> Peer {
    let address = IpAddr::from([198, 51, 100, last]);
    let task = |n: usize| Elsewhere {
        name: format!("api/{n}@{address}").into(),
        workload: "api".into(),
        address: IpAddr::from([10, 0, last, n as u8]),
        ports: Vec::new(),
    };
    Peer { address, tasks: (0..tasks).map(task).collect(), lost: None }
}

/// What is covered on `shop`, with these containers here and these nodes beyond.
fn covered(
    containers: Vec<SeenContainer>,
    peers: Option<Vec<Peer>>,
    probes: &Probes,
) -> Option<(Vec<String>, u64)> {
    let shop = SeenNetwork { driver: "overlay".into(), scope: "swarm".into(), ..network("shop", 1) };
    let mut inventory = build(&host(vec![shop], containers), &Selection::default(), SystemTime::UNIX_EPOCH);
    let own = Some(IpAddr::from([198, 51, 100, 1]));
    inventory.destinations[0].overlay = peers.map(|peers| Overlay { own, peers, ..Overlay::default() });
    let cover = plan(&inventory, &Learned::default(), probes).covers.remove("shop")?;
    Some((cover.targets.iter().map(ToString::to_string).collect(), cover.within.as_secs()))
}

fn here(names: &[&str]) -> Vec<SeenContainer> {
    (2..).zip(names).map(|(last, name)| container(name, last, &[("shop", 1)])).collect()
}

#[test]
fn whoever_runs_here_with_another_and_whoever_this_node_looks_at() {
    let probes = Config::default().probes;
    let two = || vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(covered(here(&[]), None, &probes), None);
    assert_eq!(covered(here(&["a"]), None, &probes), None, "nobody else could look at it");
    assert_eq!(covered(here(&["a", "b"]), None, &probes), Some((two(), 30)), "two intervals");
    let mut ended = here(&["a", "b", "c"]);
    ended[2].state = State::Exited;
    ended[2].endpoints[0].ipv4 = String::new();
    assert_eq!(covered(ended, None, &probes).map(|(targets, _)| targets), Some(two()));
    // Alone here, and others are on other nodes; a node without anything, and one that is missed, add nobody.
    let missed = Peer { lost: Some(Lost { since: SystemTime::UNIX_EPOCH, tasks: 3 }), ..peer(4, 0) };
    let found = covered(here(&["a"]), Some(vec![peer(2, 2), peer(3, 0), missed]), &probes);
    let away = vec!["api/0@198.51.100.2".to_owned(), "api/1@198.51.100.2".to_owned()];
    assert_eq!(found, Some((away, 30)));
    assert_eq!(covered(here(&["a"]), Some(vec![peer(3, 0)]), &probes), None);
}

#[test]
fn networks_that_keep_their_own_apart_cover_nobody_here() {
    let mut shop = network("shop", 1);
    shop.options.insert("com.docker.network.bridge.enable_icc".into(), "false".into());
    let inventory =
        build(&host(vec![shop], here(&["a", "b"])), &Selection::default(), SystemTime::UNIX_EPOCH);
    assert!(plan(&inventory, &Learned::default(), &Config::default().probes).covers.is_empty());
}

#[test]
fn where_they_take_turns_it_takes_as_many_intervals_and_one_more() {
    let probes = Config::default().probes;
    let within =
        |tasks, probes: &Probes| covered(here(&["a"]), Some(vec![peer(2, tasks), peer(3, 1)]), probes);
    for (tasks, seconds) in [(1, 30), (32, 30), (33, 45), (64, 45), (65, 60), (250, 135)] {
        let (targets, within) = within(tasks, &probes).expect("somebody");
        assert_eq!((targets.len(), within), (tasks + 1, seconds), "{tasks}");
    }
    let slow = Override {
        destination: "shop".into(),
        kind: ProbeKind::Overlay,
        enabled: None,
        interval: Some(Duration::from_secs(60)),
        timeout: None,
    };
    let probes = Probes { overrides: vec![slow], ..probes };
    assert_eq!(within(33, &probes).map(|(_, within)| within), Some(180));
}

#[test]
fn of_many_nodes_those_that_this_one_looks_at() {
    let probes = Config::default().probes;
    let peers: Vec<Peer> = (2..40).map(|last| peer(last, 2)).collect();
    let (targets, _) = covered(here(&["a"]), Some(peers), &probes).expect("somebody");
    assert_eq!(targets.len(), 2 * probes.ring);
    assert!(targets.is_sorted());
}
