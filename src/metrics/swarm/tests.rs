//! What is told of nodes, and where nothing is.

use super::*;
use crate::diagnosis::sample::swarm::{REFUSED, node};
use crate::diagnosis::sample::{OK, Sample, TIMEOUT, at};
use crate::outcome::Blindness;

const BLIND: Outcome = Outcome::Unknown(Blindness::NoPrivilege);

/// The samples of a family, without its name.
fn told(sample: &Sample, family: &str) -> Vec<String> {
    let mut page = Exposition::default();
    let snapshot = sample.snapshot();
    nodes(&mut page, &sample.inventory);
    peers(&mut page, &sample.inventory, &snapshot);
    let text = page.into_text();
    text.lines().filter_map(|line| line.strip_prefix(family)).map(str::to_owned).collect()
}

const UP: &str = "destination_overlay_peer_up";

#[test]
fn a_node_is_up_that_anything_came_back_from() {
    let up = |over: Outcome, lost: bool, gossip: Outcome| {
        let mut sample = Sample::mesh_of_nodes();
        sample.peer("shop", 2, 2);
        sample.over("shop", node(2), over);
        sample.beside("shop", node(2), TIMEOUT, gossip);
        if lost {
            sample.lost("shop", node(2), 20);
        }
        told(&sample, UP).pop().map(|line| line.ends_with(" 1"))
    };
    let lossy = Outcome::Failure(Reason::PacketLoss);
    for (over, expected) in
        [(OK, Some(true)), (lossy, Some(true)), (REFUSED, Some(true)), (TIMEOUT, Some(false)), (BLIND, None)]
    {
        assert_eq!(up(over.clone(), false, OK), expected, "{over:?}: the host's answer is not the overlay's");
    }
    // Of one that the gossip lost its host is asked.
    for (gossip, expected) in [(OK, true), (REFUSED, true), (TIMEOUT, false), (BLIND, false)] {
        assert_eq!(up(OK, true, gossip.clone()), Some(expected), "{gossip:?}");
    }
}

#[test]
fn one_answer_of_many_is_enough_and_nobody_asked_is_unknown() {
    let mut sample = Sample::mesh_of_nodes();
    sample.peer("shop", 2, 2);
    sample.peer("shop", 3, 0);
    assert_eq!(told(&sample, UP), [""; 0]);
    sample.over("shop", node(2), TIMEOUT);
    sample.task_port(2, 1, OK);
    assert_eq!(told(&sample, UP), [r#"{destination="shop",peer="198.51.100.2"} 1"#]);
    let containers = told(&sample, "destination_overlay_peer_containers");
    assert_eq!(
        containers,
        [r#"{destination="shop",peer="198.51.100.2"} 2"#, r#"{destination="shop",peer="198.51.100.3"} 0"#]
    );
    // A virtual address, and what another node's container of the same name says, are not of it.
    let mut sample = Sample::mesh_of_nodes();
    sample.peer("shop", 2, 1);
    sample.service("api", &[], None);
    sample.vip("api", OK);
    assert_eq!(told(&sample, UP), [""; 0]);
    sample.inventory.swarm = None;
    assert_eq!(told(&sample, "destination_swarm"), [""; 0]);
}

#[test]
fn what_managers_say_is_told_as_long_as_they_say_it() {
    let control = |change: fn(&mut Sample)| {
        let mut sample = Sample::mesh_of_nodes();
        change(&mut sample);
        let ready = told(&sample, "destination_swarm_node_ready").len();
        (told(&sample, "destination_swarm_control"), ready)
    };
    let says = |value: &str| vec![format!(" {value}")];
    assert_eq!(control(|_| ()), (vec![], 0), "a worker");
    assert_eq!(control(|s| s.manages(&[(2, true), (3, false)])), (says("1"), 2));
    let silent = |s: &mut Sample| {
        s.manages(&[(2, true)]);
        s.swarm().control_error = Some("no leader".into());
    };
    assert_eq!(control(silent), (says("0"), 0));
    assert_eq!(control(|s| s.swarm().state = "locked".into()), (says("0"), 0));
    let mut sample = Sample::mesh_of_nodes();
    sample.manages(&[(2, true), (3, false)]);
    let ready = told(&sample, "destination_swarm_node_ready");
    assert!(ready[1].starts_with(r#"{node="node-3",address="198.51.100.3",role="worker""#), "{ready:?}");
    assert!(ready[1].ends_with(" 0") && ready[0].ends_with(" 1"), "{ready:?}");
}

#[test]
fn who_ought_to_be_looked_at_is_told_with_the_share_that_was() {
    let mut snapshot = Sample::mesh_of_nodes().snapshot();
    let cover = crate::state::Cover {
        targets: vec!["a".into(), "b".into()],
        within: std::time::Duration::from_secs(30),
    };
    snapshot.own.covers = std::sync::Arc::new([("shop".into(), cover)].into());
    snapshot.own.looked_at = std::sync::Arc::new([(("shop".into(), "a".into()), at(50))].into());
    let mut page = Exposition::default();
    covers(&mut page, &snapshot);
    let text = page.into_text();
    assert!(text.contains(r#"destination_probes_covered_ratio{destination="shop"} 0.5"#), "{text}");
    assert!(text.contains(r#"destination_probes_cover_seconds{destination="shop"} 30"#), "{text}");
}

#[test]
fn a_nodes_name_is_cut_and_the_old_entry_of_one_that_joined_again_is_not_shown() {
    let mut sample = Sample::mesh_of_nodes();
    sample.manages(&[(2, true), (2, false)]);
    let ready = told(&sample, "destination_swarm_node_ready");
    assert!(ready.len() == 1 && ready[0].ends_with(" 1"), "{ready:?}");
    let long: std::sync::Arc<str> = "x".repeat(1000).into();
    let swarm = sample.swarm();
    (swarm.name, swarm.node_id) = (long.clone(), long.clone());
    let node = &mut swarm.control.as_mut().unwrap().nodes[0];
    (node.name, node.availability) = (long.clone(), long);
    let lines = [told(&sample, "destination_swarm_node_ready"), told(&sample, "destination_swarm_node_info")];
    for line in lines.iter().flatten() {
        assert!(line.split('"').all(|part| part.len() <= crate::inventory::part::LONGEST_PART), "{line}");
    }
}
