//! A manager of a Swarm of three, as it is exposed: `node-2` has a container on the overlay, and `node-3` is gone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::inventory::swarm::{Control, Elsewhere, Lost, Node, Overlay, Peer, Swarm};
use destination_exporter::outcome::{Detail, Echo, Outcome, ProbeKey, ProbeKind, Reason};
use destination_exporter::state::{Cover, Own, Record};

use super::{Host, record, samples, split};

/// What the label `target` holds of the container on the second node.
const TASK: &str = "web@198.51.100.2";

fn address(node: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, node])
}

pub fn swarm() -> Swarm {
    let node = |number: u8| Node {
        id: format!("id-{number}").into(),
        name: format!("node-{number}").into(),
        address: Some(address(number)),
        is_manager: number == 1,
        is_ready: number != 3,
        state: "ready".into(),
        message: "".into(),
        availability: "active".into(),
        joined: None,
    };
    Swarm {
        node_id: "id-1".into(),
        name: "node-1".into(),
        address: Some(address(1)),
        is_manager: true,
        state: "active".into(),
        control: Some(Control { nodes: (1..=3).map(node).collect(), ..Control::default() }),
        ..Swarm::default()
    }
}

pub fn overlay() -> Overlay {
    let task =
        Elsewhere { name: TASK.into(), workload: "web".into(), address: address(2), ports: Vec::new() };
    let lost = Some(Lost { since: SystemTime::UNIX_EPOCH, tasks: 1 });
    Overlay {
        own: Some(address(1)),
        peers: vec![
            Peer { address: address(2), tasks: vec![task], lost: None },
            Peer { address: address(3), tasks: Vec::new(), lost },
        ],
        ..Overlay::default()
    }
}

/// An echo over the overlay, and one that the third host did not answer.
pub fn probes(destination: &Arc<str>, source: &Arc<str>) -> [(ProbeKey, Record); 2] {
    let key = |kind, source: &Arc<str>, target: &str, node| ProbeKey {
        destination: Arc::clone(destination),
        kind,
        source: Arc::clone(source),
        target: target.into(),
        detail: Detail::Address(address(node)),
    };
    let mut answered = record(&Outcome::Success(Duration::from_millis(2)));
    let rtts = vec![Duration::from_millis(3), Duration::from_millis(2)];
    answered.seen.echo = Some(Echo { sent: 2, received: 2, duplicates: 0, rtts });
    [
        (key(ProbeKind::Overlay, source, TASK, 2), answered),
        (key(ProbeKind::Node, &"host".into(), "198.51.100.3", 3), record(&Outcome::Failure(Reason::Timeout))),
    ]
}

/// Of two that ought to be looked at one was.
pub fn looked_at(own: &mut Own, destination: &Arc<str>, at: SystemTime) {
    let targets = vec!["db".into(), TASK.into()];
    let cover = Cover { targets, within: Duration::from_secs(30) };
    own.covers = Arc::new(BTreeMap::from([(Arc::clone(destination), cover)]));
    own.looked_at = Arc::new(BTreeMap::from([((Arc::clone(destination), TASK.into()), at)]));
}

#[test]
fn nodes_and_the_ways_to_them_are_told() {
    let page = Host::new("shop", &["web", "db"]).page();
    let of_swarms =
        |name: &str| ["_swarm_", "_overlay_peer_", "_probes_cover"].iter().any(|of| name.contains(of));
    let told: Vec<(&str, f64)> =
        samples(&page).into_iter().map(split).filter(|(name, _)| of_swarms(name)).collect();
    for (series, value) in [
        (
            r#"destination_swarm_node_info{node_id="id-1",node="node-1",address="198.51.100.1",role="manager",state="active"}"#,
            1.0,
        ),
        ("destination_swarm_control", 1.0),
        (
            r#"destination_swarm_node_ready{node="node-1",address="198.51.100.1",role="manager",availability="active"}"#,
            1.0,
        ),
        (
            r#"destination_swarm_node_ready{node="node-2",address="198.51.100.2",role="worker",availability="active"}"#,
            1.0,
        ),
        (
            r#"destination_swarm_node_ready{node="node-3",address="198.51.100.3",role="worker",availability="active"}"#,
            0.0,
        ),
        (r#"destination_overlay_peer_containers{destination="shop",peer="198.51.100.2"}"#, 1.0),
        (r#"destination_overlay_peer_containers{destination="shop",peer="198.51.100.3"}"#, 0.0),
        (r#"destination_overlay_peer_up{destination="shop",peer="198.51.100.2"}"#, 1.0),
        (r#"destination_overlay_peer_up{destination="shop",peer="198.51.100.3"}"#, 0.0),
        (r#"destination_overlay_peer_rtt_seconds{destination="shop",peer="198.51.100.2"}"#, 0.002),
        (r#"destination_probes_cover_seconds{destination="shop"}"#, 30.0),
        (r#"destination_probes_covered_ratio{destination="shop"}"#, 0.5),
    ] {
        assert!(told.contains(&(series, value)), "{series} {value}: {told:#?}");
    }
    assert_eq!(told.len(), 12, "{told:#?}");
}
