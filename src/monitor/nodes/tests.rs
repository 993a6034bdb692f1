//! Pictures one after the other, and what hosts and names answered in between.

use super::*;
use crate::diagnosis::sample::{OK, Sample, TIMEOUT, at};
use crate::inventory::swarm::{Elsewhere, Node as Told, Service};
use crate::outcome::{Blindness, Observation, ProbeKey};

const REFUSED: Outcome = Outcome::Failure(Reason::Refused);
const BLIND: Outcome = Outcome::Unknown(Blindness::NoPrivilege);

fn ip(last: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, last])
}

fn peer(last: u8, tasks: usize) -> Peer {
    let task = |n: usize| Elsewhere {
        name: format!("api/{n}@{}", ip(last)).into(),
        workload: "api".into(),
        address: IpAddr::from([10, 0, 2, 100 + n as u8]),
        ports: Vec::new(),
    };
    Peer { address: ip(last), tasks: (0..tasks).map(task).collect(), lost: None }
}

fn service(addresses: &[u8]) -> Service {
    Service {
        name: "api".into(),
        written: "api".into(),
        tasks: "tasks.api".into(),
        vip: None,
        addresses: addresses.iter().map(|last| IpAddr::from([10, 0, 2, *last])).collect(),
        running: None,
        listed: None,
        ports: Vec::new(),
        astray: Vec::new(),
    }
}

/// A picture at this second; of the service `api` there is always something.
fn picture(seconds: u64, peers: Vec<Peer>, swarm: &Swarm) -> Inventory {
    let mut sample = Sample::shop(&["web"]);
    let services = vec![service(&[100])];
    let overlay = Overlay { heard: true, own: Some(ip(1)), peers, services, ..Overlay::default() };
    sample.on("shop").overlay = Some(overlay);
    sample.inventory.swarm = Some(swarm.clone());
    sample.inventory.taken_at = at(seconds);
    sample.inventory
}

fn worker() -> Swarm {
    Swarm { address: Some(ip(1)), state: "active".into(), ..Swarm::default() }
}

/// A manager by which these nodes are ready, or not, and what is to be of them.
fn manager(nodes: &[(u8, bool, &str)]) -> Swarm {
    let told = |(last, is_ready, availability): &(u8, bool, &str)| Told {
        id: format!("n{last}").into(),
        name: format!("node-{last}").into(),
        address: Some(ip(*last)),
        is_manager: false,
        is_ready: *is_ready,
        state: "".into(),
        message: "".into(),
        availability: (*availability).into(),
        joined: None,
    };
    let control = Control { nodes: nodes.iter().map(told).collect(), ..Control::default() };
    Swarm { is_manager: true, control: Some(control), ..worker() }
}

/// A host's port of the gossip.
fn port(last: u8, outcome: Outcome) -> Run {
    let key = ProbeKey {
        destination: "shop".into(),
        kind: ProbeKind::Node,
        source: "host".into(),
        target: ip(last).to_string().into(),
        detail: Detail::Port(ip(last), GOSSIP),
    };
    Run { key, outcome, seen: Observation::default() }
}

/// Who is missed, since which second, with how many containers.
fn missed(nodes: &mut Nodes, mut inventory: Inventory) -> Vec<(u8, u64, usize)> {
    nodes.complete(&mut inventory);
    let overlay = inventory.destinations[0].overlay.as_ref().unwrap();
    assert!(overlay.peers.is_sorted_by_key(|peer| peer.address));
    let lost = overlay.peers.iter().filter_map(|peer| Some((peer.address, peer.lost?)));
    lost.map(|(address, lost)| {
        let IpAddr::V4(four) = address else { panic!("{address}") };
        (four.octets()[3], lost.since.duration_since(at(0)).unwrap().as_secs(), lost.tasks)
    })
    .collect()
}

#[test]
fn who_vanishes_is_missed_since_then_until_it_is_back() {
    let mut nodes = Nodes::default();
    let swarm = worker();
    assert_eq!(missed(&mut nodes, picture(0, vec![peer(2, 3), peer(3, 1), peer(4, 0)], &swarm)), []);
    // One without containers took no part that anybody would miss.
    let without = || vec![peer(3, 1)];
    assert_eq!(missed(&mut nodes, picture(10, without(), &swarm)), [(2, 10, 3)]);
    assert_eq!(missed(&mut nodes, picture(20, without(), &swarm)), [(2, 10, 3)]);
    nodes.heard(&[port(2, TIMEOUT), port(2, BLIND)], None);
    assert_eq!(missed(&mut nodes, picture(30, without(), &swarm)), [(2, 10, 3)], "nobody answered");
    assert_eq!(missed(&mut nodes, picture(40, vec![peer(2, 1), peer(3, 1)], &swarm)), []);
    assert_eq!(missed(&mut nodes, picture(50, without(), &swarm)), [(2, 50, 1)], "lost anew, and since then");
    // Back, with nothing on it: it ended there before it came back.
    assert_eq!(missed(&mut nodes, picture(60, vec![peer(2, 0), peer(3, 1)], &swarm)), []);
    assert_eq!(missed(&mut nodes, picture(70, without(), &swarm)), []);
}

#[test]
fn whose_host_answers_has_left_the_overlay() {
    for answer in [OK, REFUSED] {
        let mut nodes = Nodes::default();
        let swarm = worker();
        missed(&mut nodes, picture(0, vec![peer(2, 3), peer(3, 1)], &swarm));
        // What answered while it was there says nothing of later.
        nodes.heard(&[port(2, answer.clone())], None);
        assert_eq!(missed(&mut nodes, picture(10, vec![peer(3, 1)], &swarm)), [(2, 10, 3)], "{answer:?}");
        // Another's answer, or an echo, is not its own.
        let mut echo = port(2, OK);
        echo.key.detail = Detail::Address(ip(2));
        let mut elsewhere = port(2, OK);
        elsewhere.key.destination = "blog".into();
        nodes.heard(&[port(3, OK), port(9, OK), echo, elsewhere], None);
        assert_eq!(missed(&mut nodes, picture(20, vec![peer(3, 1)], &swarm)), [(2, 10, 3)], "{answer:?}");
        nodes.heard(&[port(2, answer.clone())], None);
        assert_eq!(missed(&mut nodes, picture(30, vec![peer(3, 1)], &swarm)), [], "{answer:?}");
        assert_eq!(missed(&mut nodes, picture(40, vec![peer(3, 1)], &swarm)), [], "and is forgotten");
    }
}

#[test]
fn a_worker_misses_for_an_hour_and_a_manager_as_long_as_it_is_meant_to_be_there() {
    let mut nodes = Nodes::default();
    let swarm = worker();
    missed(&mut nodes, picture(0, vec![peer(2, 1)], &swarm));
    assert_eq!(missed(&mut nodes, picture(10, vec![], &swarm)), [(2, 10, 1)]);
    assert_eq!(missed(&mut nodes, picture(3609, vec![], &swarm)), [(2, 10, 1)]);
    assert_eq!(missed(&mut nodes, picture(3610, vec![], &swarm)), []);
    assert_eq!(missed(&mut nodes, picture(3620, vec![], &swarm)), []);

    let mut nodes = Nodes::default();
    let down = manager(&[(2, false, "active")]);
    missed(&mut nodes, picture(0, vec![peer(2, 1)], &down));
    assert_eq!(missed(&mut nodes, picture(10, vec![], &down)), [(2, 10, 1)]);
    assert_eq!(missed(&mut nodes, picture(90_000, vec![], &down)), [(2, 10, 1)]);
    // Its host answers, and no Engine does: the managers know that it is down.
    nodes.heard(&[port(2, REFUSED)], None);
    assert_eq!(missed(&mut nodes, picture(90_010, vec![], &down)), [(2, 10, 1)]);
    // They hear of it again, and its gossip answers: nothing is on it any more.
    assert_eq!(missed(&mut nodes, picture(90_020, vec![], &manager(&[(2, true, "active")]))), []);
}

#[test]
fn who_is_meant_to_be_away_is_not_missed() {
    let before = manager(&[(2, true, "active"), (3, true, "active")]);
    for (what, after, expected) in [
        ("drained", manager(&[(2, true, "drain")]), 0),
        ("drained and down", manager(&[(2, false, "drain")]), 0),
        ("removed", manager(&[(3, true, "active")]), 0),
        ("paused takes no new ones, and keeps what it has", manager(&[(2, false, "pause")]), 1),
        ("down", manager(&[(2, false, "active")]), 1),
        ("ready by the managers, for a moment yet", manager(&[(2, true, "active")]), 1),
    ] {
        let mut nodes = Nodes::default();
        missed(&mut nodes, picture(0, vec![peer(2, 1)], &before));
        assert_eq!(missed(&mut nodes, picture(10, vec![], &after)).len(), expected, "{what}");
        // Once missed, and then told so.
        let mut nodes = Nodes::default();
        missed(&mut nodes, picture(0, vec![peer(2, 1)], &before));
        assert_eq!(missed(&mut nodes, picture(10, vec![], &manager(&[(2, false, "active")]))).len(), 1);
        assert_eq!(missed(&mut nodes, picture(20, vec![], &after)).len(), expected, "later {what}");
    }
    // Managers that say nothing remove nobody; the hour is theirs then too.
    let silent = Swarm { control_error: Some("no leader".into()), ..manager(&[]) };
    let mut nodes = Nodes::default();
    missed(&mut nodes, picture(0, vec![peer(2, 1)], &before));
    assert_eq!(missed(&mut nodes, picture(10, vec![], &silent)), [(2, 10, 1)]);
    assert_eq!(missed(&mut nodes, picture(3611, vec![], &silent)), []);
    // Known by another address to the managers, as with --data-path-addr: they neither hold nor remove it.
    let mut nodes = Nodes::default();
    let other = manager(&[(7, true, "active")]);
    missed(&mut nodes, picture(0, vec![peer(2, 1)], &other));
    assert_eq!(missed(&mut nodes, picture(10, vec![], &other)), [(2, 10, 1)]);
}

#[test]
fn whom_the_managers_miss_too_is_missed_since_the_first_picture_without_it() {
    let mut nodes = Nodes::default();
    let swarm = manager(&[(2, false, "active")]);
    let by_them = |seconds| Peer { lost: Some(Lost { since: at(seconds), tasks: 2 }), ..peer(2, 0) };
    // An exporter that has just started.
    assert_eq!(missed(&mut nodes, picture(10, vec![by_them(10)], &swarm)), [(2, 10, 2)]);
    assert_eq!(missed(&mut nodes, picture(20, vec![by_them(20)], &swarm)), [(2, 10, 2)]);
    // They have moved its tasks elsewhere: it is missed on.
    assert_eq!(missed(&mut nodes, picture(30, vec![], &swarm)), [(2, 10, 2)]);
    // And it had more, by what was seen of it before.
    let mut nodes = Nodes::default();
    missed(&mut nodes, picture(0, vec![peer(2, 5)], &swarm));
    assert_eq!(missed(&mut nodes, picture(10, vec![by_them(10)], &swarm)), [(2, 10, 5)]);
}

#[test]
fn where_nothing_is_here_any_more_nobody_is_missed() {
    let mut nodes = Nodes::default();
    missed(&mut nodes, picture(0, vec![peer(2, 1)], &worker()));
    let mut nothing = picture(10, vec![], &worker());
    nothing.destinations[0].overlay = Some(Overlay::default());
    assert_eq!(missed(&mut nodes, nothing), []);
    assert_eq!(missed(&mut nodes, picture(20, vec![], &worker())), [], "it was forgotten meanwhile");
    assert!(nodes.known.is_empty());
}

/// The name of all tasks of `api`, answered so.
fn name(target: &str, addresses: &[u8], outcome: Outcome) -> Run {
    let key = ProbeKey {
        destination: "shop".into(),
        kind: ProbeKind::Dns,
        source: "web".into(),
        target: target.into(),
        detail: Detail::Name(target.into(), crate::outcome::QueryType::A),
    };
    let answers = addresses.iter().map(|last| IpAddr::from([10, 0, 2, *last])).collect();
    Run { key, outcome, seen: Observation { answers, ..Observation::default() } }
}

/// A picture in which the gossip knows these addresses of `api`, and what is astray there.
fn astray(nodes: &mut Nodes, addresses: &[u8]) -> (Inventory, Vec<IpAddr>) {
    let mut inventory = picture(10, vec![peer(2, 1)], &worker());
    inventory.destinations[0].overlay.as_mut().unwrap().services = vec![service(addresses)];
    nodes.complete(&mut inventory);
    let astray = inventory.destinations[0].overlay.as_ref().unwrap().services[0].astray.clone();
    (inventory, astray)
}

#[test]
fn an_address_is_astray_that_neither_the_picture_before_nor_the_one_after_holds() {
    let one = [IpAddr::from([10, 0, 2, 7])];
    let mut nodes = Nodes::default();
    let (before, none) = astray(&mut nodes, &[5, 6]);
    assert!(none.is_empty(), "{none:?}");
    nodes.heard(&[name("tasks.api", &[5, 6, 7], OK)], Some(&before));
    assert!(astray(&mut nodes, &[5, 6]).1.is_empty(), "it may have lived between the two");
    nodes.heard(&[name("tasks.api", &[5, 6, 7], OK)], Some(&before));
    assert_eq!(astray(&mut nodes, &[5, 6]).1, one);
    assert_eq!(astray(&mut nodes, &[5, 6]).1, one, "until it is asked for anew");
    assert!(astray(&mut nodes, &[5, 6, 7]).1.is_empty(), "it had started since the first");
    // What could not be asked, or was not answered, says nothing of it.
    for outcome in [BLIND, TIMEOUT, Outcome::Failure(Reason::Nxdomain)] {
        nodes.heard(&[name("tasks.api", &[], outcome.clone())], Some(&before));
        assert_eq!(astray(&mut nodes, &[5, 6]).1, one, "{outcome:?}");
    }
    nodes.heard(&[name("tasks.api", &[5], OK)], Some(&before));
    assert!(astray(&mut nodes, &[5, 6]).1.is_empty());
    // A task that ended since the picture is known to the picture.
    nodes.heard(&[name("tasks.api", &[5, 6], OK)], Some(&before));
    assert!(astray(&mut nodes, &[5]).1.is_empty());
}

#[test]
fn what_another_of_the_overlay_has_is_not_astray() {
    let vip = Service { name: "other".into(), vip: Some(IpAddr::from([10, 0, 2, 9])), ..service(&[8]) };
    for (what, address, expected) in [
        ("a task of another service", 8, 0),
        ("its virtual address", 9, 0),
        ("a container on another node", 100, 0),
        ("a container of this one", 2, 0),
        ("nobody", 7, 1),
    ] {
        let mut nodes = Nodes::default();
        let mut told = Vec::new();
        for seconds in [10, 20, 30] {
            let mut inventory = picture(seconds, vec![peer(2, 1)], &worker());
            inventory.destinations[0].overlay.as_mut().unwrap().services = vec![service(&[5]), vip.clone()];
            nodes.complete(&mut inventory);
            told.clone_from(&inventory.destinations[0].overlay.as_ref().unwrap().services[0].astray);
            nodes.heard(&[name("tasks.api", &[5, address], OK)], Some(&inventory));
        }
        assert_eq!(told.len(), expected, "{what}: {told:?}");
    }
}

#[test]
fn names_that_are_no_services_of_the_picture_are_not_remembered() {
    let mut nodes = Nodes::default();
    let (before, _) = astray(&mut nodes, &[5]);
    let runs = [
        name("api", &[7], OK),
        name("tasks.other", &[7], OK),
        Run {
            key: ProbeKey { destination: "blog".into(), ..name("tasks.api", &[], OK).key },
            ..name("tasks.api", &[7], OK)
        },
    ];
    nodes.heard(&runs, Some(&before));
    nodes.heard(&[name("tasks.api", &[7], OK)], None);
    assert!(nodes.astray.is_empty());
    // Of a table that was cut nobody knows what is not in it.
    let mut cut = before.clone();
    cut.destinations[0].overlay.as_mut().unwrap().is_cut = true;
    nodes.heard(&[name("tasks.api", &[7], OK)], Some(&cut));
    assert!(nodes.astray.is_empty());
    // The service is gone, and with it what was remembered of its name.
    nodes.heard(&[name("tasks.api", &[7], OK)], Some(&before));
    assert_eq!(nodes.astray.len(), 1);
    let mut gone = picture(20, vec![peer(2, 1)], &worker());
    gone.destinations[0].overlay.as_mut().unwrap().services.clear();
    nodes.complete(&mut gone);
    assert!(nodes.astray.is_empty());
    // An answer may hold anything.
    let many: Vec<u8> = (0..=255).collect();
    nodes.heard(&[name("tasks.api", &many, OK)], Some(&before));
    assert_eq!(nodes.astray.values().map(|one| one.last.len()).collect::<Vec<_>>(), [MOST_ASTRAY]);
}

#[test]
fn whoever_comes_and_goes_fills_no_memory() {
    let mut nodes = Nodes::default();
    let crowd = |round: usize| -> Vec<Peer> {
        let address = |n: usize| IpAddr::from([10, 200 + round as u8, (n / 250) as u8, (n % 250) as u8]);
        (0..5000).map(|n| Peer { address: address(n), ..peer(2, 1) }).collect()
    };
    for round in 0..4 {
        let mut inventory = picture(round as u64 * 10, crowd(round), &worker());
        nodes.complete(&mut inventory);
        assert!(nodes.known.len() <= MOST, "{}", nodes.known.len());
        let peers = inventory.destinations[0].overlay.as_ref().unwrap().peers.len();
        assert!(peers <= 5000 + MOST, "{peers}");
    }
    let mut nothing = picture(5000, vec![], &worker());
    nodes.complete(&mut nothing);
    assert!(nodes.known.is_empty());
}
