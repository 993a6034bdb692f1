//! What managers and gossip say, by hand, and the Swarm that it gives.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::inventory::ContainerId;
use crate::inventory::part::LONGEST_PART;
use crate::inventory::seen::{SeenGroup, SeenService};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn member(name: &str, address: &str, node: &str) -> SeenMember {
    SeenMember { name: name.into(), address: address.into(), node: node.into() }
}

fn group(name: &str, vip: &str, members: &[SeenMember]) -> SeenGroup {
    SeenGroup { name: name.into(), vip: vip.into(), members: members.to_vec() }
}

fn gossip(peers: &[&str], services: Vec<SeenGroup>) -> SeenGossip {
    SeenGossip { peers: peers.iter().map(ToString::to_string).collect(), services, ..SeenGossip::default() }
}

/// An overlay with this id, on which `web` of this host has 10.0.1.2.
fn mesh(gossip: SeenGossip) -> SeenNetwork {
    SeenNetwork {
        id: "mesh-id".into(),
        name: "mesh".into(),
        driver: OVERLAY.into(),
        scope: "swarm".into(),
        gossip: Some(gossip),
        ..SeenNetwork::default()
    }
}

fn here(address: &str) -> Vec<Endpoint> {
    vec![Endpoint {
        name: "web".into(),
        container: ContainerId::new("c1"),
        addresses: vec![ip(address)],
        mac: String::new(),
        names: Vec::new(),
        has_more_names: false,
        is_fixed: false,
    }]
}

fn built(gossip: SeenGossip, swarm: Option<&SeenSwarm>) -> Overlay {
    overlay(&mesh(gossip), swarm, &here("10.0.1.2"), at(9)).unwrap()
}

fn worker() -> SeenSwarm {
    SeenSwarm {
        node_id: "n1".into(),
        name: "node-1".into(),
        address: "198.51.100.1".into(),
        ..SeenSwarm::default()
    }
}

fn node_of(id: &str, address: &str) -> SeenNode {
    SeenNode {
        id: id.into(),
        name: format!("node-{id}"),
        address: address.into(),
        state: "ready".into(),
        ..SeenNode::default()
    }
}

fn task_of(service: &str, slot: u64, node: &str, state: &str, desired: &str) -> SeenTask {
    SeenTask {
        id: format!("{service}.{slot}.{node}.{state}"),
        service: service.into(),
        slot,
        node: node.into(),
        state: state.into(),
        desired: desired.into(),
        ..SeenTask::default()
    }
}

fn on(task: SeenTask, network: &str, address: &str) -> SeenTask {
    SeenTask { addresses: vec![(network.into(), address.into())], ..task }
}

fn manager(nodes: Vec<SeenNode>, tasks: Vec<SeenTask>) -> SeenSwarm {
    let service = |id: &str| SeenService { id: id.into(), name: id.into(), ..SeenService::default() };
    let services =
        vec![service("web"), service("api"), SeenService { ports: vec![80], ..service("shop.api") }];
    let control = SeenControl { nodes, services, tasks, is_cut: false, is_fresh: true };
    SeenSwarm { is_manager: true, control: Some(control), ..worker() }
}

fn names(overlay: &Overlay) -> Vec<String> {
    overlay.elsewhere().map(|(_, task)| task.name.to_string()).collect()
}

#[test]
fn tasks_are_called_as_on_their_own_node_and_by_the_node() {
    for (service, name, expected) in [
        ("web", "web.2.abc", "web/2@198.51.100.3"),
        // Dots in a service's name are its own.
        ("shop.api", "shop.api.7.abc", "shop.api/7@198.51.100.3"),
        // One on every node has its node's id where others have a number.
        ("cache", "cache.9xk2.abc", "cache@198.51.100.3"),
        // What stands before is another service's.
        ("web", "webshop.2.abc", "web@198.51.100.3"),
        ("web", "web", "web@198.51.100.3"),
        ("web", "web.99999999999.abc", "web@198.51.100.3"),
        // Ran by hand.
        ("", "tool", "tool@198.51.100.3"),
        ("", "", "@198.51.100.3"),
    ] {
        let one = member(name, "10.0.1.5", "198.51.100.3");
        let overlay = built(gossip(&[], vec![group(service, "", &[one])]), None);
        assert_eq!(names(&overlay), [expected], "{service} {name}");
    }
}

#[test]
fn an_old_and_a_new_one_of_a_replica_are_two() {
    let both = |first: &str, second: &str| {
        let members = [member("web.1.a", first, "198.51.100.3"), member("web.1.b", second, "198.51.100.3")];
        names(&built(gossip(&[], vec![group("web", "", &members)]), None))
    };
    let expected = ["web/1@198.51.100.3", "web/1@198.51.100.3 (10.0.1.6)"];
    assert_eq!(both("10.0.1.5", "10.0.1.6"), expected);
    assert_eq!(both("10.0.1.6", "10.0.1.5"), expected, "whatever the order");
    assert_eq!(both("10.0.1.5", "10.0.1.5"), expected[..1], "what is told twice is one");
    // A container that somebody called as a service is a third.
    let members = [member("web.n0de.a", "10.0.1.5", "198.51.100.3")];
    let by_hand = [member("web", "10.0.1.4", "198.51.100.3")];
    let overlay = built(gossip(&[], vec![group("", "", &by_hand), group("web", "", &members)]), None);
    assert_eq!(names(&overlay), ["web@198.51.100.3", "web@198.51.100.3 (10.0.1.5)"]);
}

#[test]
fn names_of_strangers_are_short_and_stay_apart() {
    let long = |end: char| format!("{}{end}", "x".repeat(900));
    let one =
        |end| group(&long(end), "", &[member(&format!("{}.1.t", long(end)), "10.0.1.5", "198.51.100.3")]);
    let overlay = built(gossip(&[], vec![one('a'), one('b')]), None);
    assert_ne!(names(&overlay)[0], names(&overlay)[1]);
    assert_ne!(overlay.services[0].name, overlay.services[1].name);
    for (_, task) in overlay.elsewhere() {
        assert!(
            task.workload.len() <= LONGEST_PART && task.name.len() <= LONGEST_PART + 40,
            "{}",
            task.name.len()
        );
    }
    assert!(overlay.services.iter().all(|service| service.tasks.len() <= TASKS.len() + LONGEST_PART));
    let odd = ["a\u{1b}[2Jb", "'; reboot #", "web@198.51.100.3", "@vip", "\u{202e}bew", "名"];
    for name in odd {
        let one = member(&format!("{name}.1.t"), "10.0.1.5", "198.51.100.3");
        let overlay = built(gossip(&[], vec![group(name, "", &[one])]), None);
        assert_eq!(names(&overlay), [format!("{name}/1@198.51.100.3")]);
        assert!(!names(&overlay)[0].ends_with("@vip"));
    }
}

#[test]
fn this_node_is_whom_its_own_containers_say_else_what_it_advertises() {
    let of = |here: &str, swarm: Option<&SeenSwarm>| {
        let members = [member("web.1.a", here, "192.0.2.1"), member("web.2.b", "10.0.1.5", "192.0.2.3")];
        let gossip = gossip(&["192.0.2.1", "192.0.2.3", "198.51.100.1"], vec![group("web", "", &members)]);
        let overlay = built(gossip, swarm);
        let peers: Vec<String> = overlay.peers.iter().map(|peer| peer.address.to_string()).collect();
        (overlay.own.map(|own| own.to_string()), peers)
    };
    let text = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    // With --data-path-addr the two are not the same: neither is another node.
    assert_eq!(of("10.0.1.2", Some(&worker())), (Some("192.0.2.1".into()), text(&["192.0.2.3"])));
    assert_eq!(of("10.0.1.9", Some(&worker())).0.as_deref(), Some("198.51.100.1"));
    assert_eq!(of("10.0.1.9", None), (None, text(&["192.0.2.1", "192.0.2.3", "198.51.100.1"])));
}

#[test]
fn nodes_without_anything_here_and_odd_addresses() {
    let members = [
        member("web.1.a", "10.0.1.5", "198.51.100.3"),
        member("web.2.b", "not an address", "198.51.100.3"),
        member("web.3.c", "10.0.1.6", ""),
    ];
    let gossip = gossip(
        &["198.51.100.4", "", "none", "2001:db8::5", "198.51.100.1"],
        vec![group("web", "x", &members)],
    );
    let overlay = built(gossip, Some(&worker()));
    let peers: Vec<(String, usize)> =
        overlay.peers.iter().map(|peer| (peer.address.to_string(), peer.tasks.len())).collect();
    let expected = [("198.51.100.3", 1), ("198.51.100.4", 0), ("2001:db8::5", 0)];
    assert_eq!(peers, expected.map(|(address, tasks)| (address.to_owned(), tasks)));
    let service = &overlay.services[0];
    assert_eq!((service.vip, &*service.addresses), (None, &[ip("10.0.1.5"), ip("10.0.1.6")][..]));
    assert_eq!(service.running, None, "no manager says it");
}

#[test]
fn an_overlay_that_is_nowhere_here_is_one_all_the_same_and_a_bridge_is_none() {
    let mut network = mesh(SeenGossip::default());
    (network.gossip, network.driver) = (None, "bridge".into());
    assert_eq!(overlay(&network, None, &[], at(0)), None);
    network.driver = OVERLAY.into();
    network.options.insert(ENCRYPTED.into(), String::new());
    assert_eq!(overlay(&network, None, &[], at(0)), Some(Overlay { encrypted: true, ..Overlay::default() }));
}

#[test]
fn a_service_as_managers_and_gossip_have_it() {
    let tasks = vec![
        on(task_of("shop.api", 1, "n2", "running", "running"), "mesh-id", "10.0.1.5"),
        on(task_of("shop.api", 2, "n2", "running", "shutdown"), "mesh-id", "10.0.1.6"),
        on(task_of("shop.api", 2, "n2", "shutdown", "shutdown"), "mesh-id", "10.0.1.8"),
        on(task_of("shop.api", 3, "n2", "running", "running"), "other-id", "10.0.9.7"),
        on(task_of("web", 1, "n2", "running", "running"), "mesh-id", "10.0.1.9"),
    ];
    let swarm = manager(vec![node_of("n2", "198.51.100.3")], tasks);
    let members = [
        member("shop.api.2.b", "10.0.1.6", "198.51.100.3"),
        member("shop.api.1.a", "10.0.1.5", "198.51.100.3"),
        member("shop.api.1.a", "10.0.1.5", "198.51.100.3"),
    ];
    let known = || gossip(&[], vec![group("shop.api", "10.0.1.3", &members), group("gone", "", &[])]);
    let overlay = built(known(), Some(&swarm));
    let [gone, api] = &*overlay.services else { panic!("{:?}", overlay.services) };
    assert_eq!(
        (gone.listed.as_ref(), &*gone.tasks),
        (None, "tasks.gone"),
        "nobody says anything of it any more"
    );
    assert_eq!((api.vip, &*api.ports, &*api.tasks), (Some(ip("10.0.1.3")), &[80][..], "tasks.shop.api"));
    assert_eq!(*api.addresses, [ip("10.0.1.5"), ip("10.0.1.6")]);
    let running = [ip("10.0.1.5"), ip("10.0.1.6")];
    assert_eq!(api.running.as_deref(), Some(&running[..]), "whoever is to end has its address until it has");
    // An older list says what it said, and nothing of now.
    let mut older = swarm.clone();
    older.control.as_mut().unwrap().is_fresh = false;
    let overlay_then = built(known(), Some(&older));
    assert_eq!(overlay_then.services[1].running, None);
    assert_eq!(overlay_then.services[1].listed.as_deref(), Some(&running[..]));
    assert_eq!(overlay.peers[0].tasks[0].ports, [80]);
    // Managers that have no quorum say nothing, and a list that was cut says too little.
    let mut silent = swarm.clone();
    silent.control_error = "nodes: no leader".into();
    let mut cut = swarm;
    cut.control.as_mut().unwrap().is_cut = true;
    for swarm in [silent, cut] {
        assert!(built(known(), Some(&swarm)).services.iter().all(|service| service.listed.is_none()));
    }
}

#[test]
fn a_node_that_managers_know_to_have_tasks_is_lost_where_the_gossip_knows_none() {
    let running = |node: &str, slot, address: &str| {
        on(task_of("web", slot, node, "running", "running"), "mesh-id", address)
    };
    let nodes =
        || vec![node_of("n1", "198.51.100.1"), node_of("n2", "198.51.100.3"), node_of("n3", "203.0.113.4")];
    let lost = |gossip: SeenGossip, swarm: &SeenSwarm| -> Vec<(String, usize)> {
        let overlay = built(gossip, Some(swarm));
        let missed = overlay.peers.iter().filter_map(|peer| Some((peer.address.to_string(), peer.lost?)));
        missed.map(|(address, lost)| (address, lost.tasks)).collect()
    };
    let tasks =
        vec![running("n2", 1, "10.0.1.5"), running("n2", 2, "10.0.1.6"), running("n1", 3, "10.0.1.2")];
    let swarm = manager(nodes(), tasks.clone());
    let none = || gossip(&["198.51.100.1"], vec![]);
    assert_eq!(lost(none(), &swarm), [("198.51.100.3".to_owned(), 2)], "this node is not lost to itself");
    let built_at = built(none(), Some(&swarm)).peers[0].lost.unwrap().since;
    assert_eq!(built_at, at(9));
    // One task that is known is enough: the other may have started since.
    let one = || group("web", "", &[member("web.1.t", "10.0.1.5", "198.51.100.3")]);
    assert_eq!(lost(gossip(&[], vec![one()]), &swarm), []);
    // The managers see it come from another address than the one that it advertises.
    let elsewhere = manager(vec![node_of("n2", "203.0.113.9")], tasks.clone());
    let overlay = built(gossip(&["198.51.100.3"], vec![one()]), Some(&elsewhere));
    assert_eq!(
        overlay.peers.iter().map(|p| (p.address, p.lost)).collect::<Vec<_>>(),
        [(ip("198.51.100.3"), None)]
    );
    // A peer without tasks of which the managers know some is one that the gossip half knows.
    assert_eq!(lost(gossip(&["198.51.100.3"], vec![]), &swarm).len(), 1);
    for (what, tasks) in [
        ("is starting", vec![on(task_of("web", 1, "n2", "starting", "running"), "mesh-id", "10.0.1.5")]),
        ("is to end", vec![on(task_of("web", 1, "n2", "running", "shutdown"), "mesh-id", "10.0.1.5")]),
        ("is on another network", vec![on(task_of("web", 1, "n2", "running", "running"), "x", "10.0.1.5")]),
        ("is of a node that nobody knows", vec![running("n9", 1, "10.0.1.5")]),
    ] {
        assert_eq!(lost(none(), &manager(nodes(), tasks)), [], "{what}");
    }
    let mut silent = swarm.clone();
    silent.control_error = "deadline exceeded".into();
    assert_eq!(lost(none(), &silent), [], "what managers knew before they lost each other");
    let mut part = swarm.clone();
    part.control.as_mut().unwrap().is_cut = true;
    assert_eq!(lost(none(), &part), [], "the gossip may know those that were left out");
    let cut = SeenGossip { is_cut: true, ..none() };
    assert_eq!(lost(cut, &swarm), [], "it may be in the part that was left out");
}

/// The addresses that are known, the last numbers of them, and how many more are not.
fn given_out(network: &SeenNetwork, swarm: Option<&SeenSwarm>) -> (Vec<u8>, u64) {
    let taken = taken(network, swarm, &here("10.0.1.2"));
    let last = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(_) => 0,
    };
    (taken.addresses.iter().map(last).collect(), taken.unseen)
}

#[test]
fn what_of_an_overlay_is_taken() {
    let (own, other, third) = ("198.51.100.1", "198.51.100.3", "198.51.100.4");
    let task = |node: &str, slot, state: &str, desired: &str, last: u8| {
        on(task_of("web", slot, node, state, desired), "mesh-id", &format!("10.0.1.{last}"))
    };
    let nodes = || vec![node_of("n1", own), node_of("n2", other), node_of("n3", third)];
    let heard = SeenGossip {
        balancer: "10.0.1.4".into(),
        ..gossip(
            &[own, other],
            vec![
                group("", "", &[member("tool", "10.0.1.9", other)]),
                group("idle", "10.0.1.8", &[]),
                group(
                    "web",
                    "10.0.1.3",
                    &[member("web.1.t", "10.0.1.2", own), member("web.2.t", "10.0.1.5", other)],
                ),
            ],
        )
    };
    let heard = mesh(heard);
    let unheard = SeenNetwork { gossip: None, ..heard.clone() };
    let local = SeenNetwork { driver: "bridge".into(), ..heard.clone() };
    let deaf = mesh(SeenGossip { balancer: String::new(), ..heard.gossip.clone().unwrap() });
    assert_eq!(given_out(&heard, None), (vec![2, 3, 4, 5, 8, 9], 1));
    assert_eq!(given_out(&heard, Some(&worker())), (vec![2, 3, 4, 5, 8, 9], 1));
    assert_eq!(
        given_out(&deaf, None),
        (vec![2, 3, 5, 8, 9], 2),
        "its own is one of those that are not known"
    );
    assert_eq!(given_out(&unheard, Some(&worker())), (vec![2], 0));
    assert_eq!(given_out(&local, Some(&worker())), (vec![2], 0));

    let runs = || vec![task("n1", 1, "running", "running", 2), task("n2", 2, "running", "running", 5)];
    for (what, one, known, more) in [
        (
            "does not run yet, on a node that may have none yet",
            task("n3", 3, "preparing", "running", 6),
            true,
            0,
        ),
        ("waits for a node", task("", 3, "pending", "running", 6), true, 0),
        ("is on a node that the gossip lost", task("n3", 3, "running", "shutdown", 6), true, 1),
        ("has ended, or the gossip would tell of it", task("n2", 3, "running", "running", 6), false, 0),
        ("was refused", task("n3", 3, "rejected", "shutdown", 6), false, 0),
        ("is elsewhere", on(task_of("web", 3, "n3", "running", "running"), "x", "10.0.1.6"), false, 0),
    ] {
        let mut swarm = manager(nodes(), [runs(), vec![one]].concat());
        let expected = if known { vec![2, 3, 4, 5, 6, 8, 9] } else { vec![2, 3, 4, 5, 8, 9] };
        assert_eq!(given_out(&heard, Some(&swarm)), (expected, 1 + more), "{what}");
        swarm.control_error = "deadline exceeded".into();
        assert_eq!(
            given_out(&heard, Some(&swarm)),
            (vec![2, 3, 4, 5, 8, 9], 1),
            "{what}, and managers are silent"
        );
    }
    // A manager on which nothing is on the network knows of all but what somebody ran by hand.
    let mut swarm = manager(nodes(), runs());
    let vips = [("mesh-id", "10.0.1.3"), ("x", "10.0.1.7"), ("mesh-id", "")];
    swarm.control.as_mut().unwrap().services[0].vips =
        vips.iter().map(|(id, vip)| ((*id).to_owned(), (*vip).to_owned())).collect();
    assert_eq!(given_out(&unheard, Some(&swarm)), (vec![2, 3, 5], 2));
    // The gossip half knows a node: it is one all the same.
    let half = mesh(gossip(&[own, other], vec![]));
    assert_eq!(given_out(&half, Some(&swarm)), (vec![2, 3, 5], 2));
}

#[test]
fn what_is_refused_and_what_only_starts() {
    let refused = |tasks: Vec<SeenTask>| {
        let found =
            super::swarm(&manager(vec![node_of("n2", "198.51.100.3")], tasks)).control.unwrap().refused;
        found
            .iter()
            .map(|one| (one.service.to_string(), one.state.to_string(), one.running))
            .collect::<Vec<_>>()
    };
    let then = |seconds, task: SeenTask| SeenTask { at: Some(at(seconds)), ..task };
    let fails = |error: &str, task: SeenTask| SeenTask { error: error.into(), ..task };
    let one = |state: &str, desired: &str| task_of("web", 1, "n2", state, desired);
    let web = |state: &str, running| vec![("web".to_owned(), state.to_owned(), running)];
    for (what, tasks, expected) in [
        ("well", vec![one("running", "running")], vec![]),
        ("nothing", vec![], vec![]),
        ("is starting", vec![one("preparing", "running")], vec![]),
        ("waits for a node, and nobody says why", vec![one("pending", "running")], vec![]),
        (
            "rejected, and tried again",
            vec![one("rejected", "shutdown"), one("ready", "ready")],
            web("rejected", 0),
        ),
        ("it ended once", vec![one("failed", "shutdown"), one("starting", "running")], vec![]),
        (
            "it ends again and again",
            vec![one("failed", "shutdown"), one("failed", "shutdown"), one("starting", "running")],
            web("failed", 0),
        ),
        ("no node is fit", vec![fails("no suitable node", one("pending", "running"))], web("pending", 0)),
        ("it failed before and runs", vec![one("failed", "shutdown"), one("running", "running")], vec![]),
        ("nobody wants it any more", vec![one("rejected", "shutdown")], vec![]),
        ("a job that is done", vec![one("complete", "shutdown"), one("new", "running")], vec![]),
        (
            "an update has ended the one that ran: that one failed long ago is over",
            vec![
                then(1, one("failed", "shutdown")),
                then(9, one("shutdown", "shutdown")),
                then(10, one("preparing", "running")),
            ],
            vec![],
        ),
        (
            "an update has ended the one that ran, and the new one is refused",
            vec![
                then(1, one("shutdown", "shutdown")),
                then(9, one("rejected", "shutdown")),
                then(10, one("ready", "ready")),
            ],
            web("rejected", 0),
        ),
        (
            "no node is fit for the new one, and the old one took its time to end",
            vec![
                then(5, fails("no suitable node", one("pending", "ready"))),
                then(9, one("shutdown", "shutdown")),
            ],
            web("pending", 0),
        ),
        (
            "another replica runs",
            vec![one("running", "running"), task_of("web", 2, "n2", "rejected", "running")],
            web("rejected", 1),
        ),
        ("of a service that is gone", vec![task_of("gone", 1, "n2", "rejected", "running")], vec![]),
        (
            "one of a service that is on every node",
            vec![
                task_of("web", 0, "n1", "running", "running"),
                task_of("web", 0, "n2", "rejected", "running"),
            ],
            web("rejected", 1),
        ),
        ("a word of tomorrow", vec![one("hibernating", "running")], vec![]),
    ] {
        assert_eq!(refused(tasks), expected, "{what}");
    }
    let newest = vec![
        then(5, fails("new", one("rejected", "shutdown"))),
        then(4, fails("old", one("failed", "shutdown"))),
        then(6, one("ready", "ready")),
    ];
    let mut seen = manager(vec![node_of("n2", "198.51.100.3")], newest);
    let told = super::swarm(&seen).control.unwrap().refused;
    assert_eq!((&*told[0].error, &*told[0].node), ("new", "node-n2"));
    seen.control.as_mut().unwrap().is_cut = true;
    assert_eq!(super::swarm(&seen).control.unwrap().refused, []);
    // However many services there are, so many are told.
    let control = seen.control.as_mut().unwrap();
    let name = |n: usize| format!("s{n:03}");
    control.services =
        (0..100).map(|n| SeenService { id: name(n), name: name(n), ..SeenService::default() }).collect();
    control.tasks = (0..100).map(|n| task_of(&name(n), 1, "n2", "rejected", "running")).collect();
    control.is_cut = false;
    assert_eq!(super::swarm(&seen).control.unwrap().refused.len(), MOST_REFUSED);
}

#[test]
fn the_swarm_by_this_node() {
    let mut seen = worker();
    seen.managers =
        ["198.51.100.2:2377", "[2001:db8::4]:2377", "node-3:2377", "198.51.100.2", "198.51.100.2:x"]
            .map(str::to_owned)
            .into();
    let built = super::swarm(&seen);
    assert_eq!(built.managers, [(ip("198.51.100.2"), 2377), (ip("2001:db8::4"), 2377)]);
    assert_eq!((built.address, built.data_port, built.error), (Some(ip("198.51.100.1")), None, None));
    assert_eq!(built.control, None);
    (seen.address, seen.data_port, seen.error) = (String::new(), 7789, "it is broken".into());
    let built = super::swarm(&seen);
    assert_eq!(
        (built.address, built.data_port, built.error.as_deref()),
        (None, Some(7789), Some("it is broken"))
    );
}

#[test]
fn one_that_left_and_joined_again_is_the_one_that_is_ready() {
    let mut old = node_of("a-old", "198.51.100.3");
    old.state = "down".into();
    let mut lead = node_of("n1", "198.51.100.1");
    (lead.role, lead.reachability) = ("manager".into(), "reachable".into());
    let mut away =
        SeenNode { address: "198.51.100.4".into(), reachability: "unreachable".into(), ..lead.clone() };
    away.state = "down".into();
    let built = super::swarm(&manager(vec![old, node_of("z-new", "198.51.100.3"), lead, away], vec![]));
    assert_eq!(built.node(ip("198.51.100.3")).map(|node| (&*node.id, node.is_ready)), Some(("z-new", true)));
    assert_eq!(built.called(ip("198.51.100.3")), "node-z-new (198.51.100.3)");
    assert_eq!(built.called(ip("198.51.100.1")), "node-1 (198.51.100.1)", "of itself it says it itself");
    assert_eq!(built.called(ip("192.0.2.9")), "192.0.2.9");
    assert_eq!(built.control.as_ref().unwrap().managers, (2, 1));

    // Cut off, it is down by both: what it was told before it left counts no more.
    let joined = |id: &str, seconds: u64, availability: &str| SeenNode {
        created: Some(at(seconds)),
        state: "down".into(),
        availability: availability.into(),
        ..node_of(id, "198.51.100.3")
    };
    for (id, other) in [("a", "z"), ("z", "a")] {
        let nodes = vec![joined(other, 5, "drain"), joined(id, 9, "active")];
        let built = super::swarm(&manager(nodes, vec![]));
        assert_eq!(built.node(ip("198.51.100.3")).map(|node| &*node.id), Some(id));
    }
}

fn any_address() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u8..6).prop_map(|last| format!("198.51.100.{last}")),
        (0_u8..9).prop_map(|last| format!("10.0.1.{last}")),
        prop::sample::select(vec!["", "::1", "2001:db8::3", "0.0.0.0", "x"]).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_two_tasks_of_an_overlay_bear_one_name_and_this_node_is_no_peer(
        members in prop::collection::vec(("[a-c.]{0,3}", "[a-c.]{0,4}", 0_u8..4, any_address(), any_address()), 0..24),
        peers in prop::collection::vec(any_address(), 0..6),
    ) {
        let mut groups: BTreeMap<String, Vec<SeenMember>> = BTreeMap::new();
        for (service, container, slot, address, node) in &members {
            let name = if *slot == 0 { container.clone() } else { format!("{service}.{slot}.{container}") };
            groups.entry(service.clone()).or_default().push(member(&name, address, node));
        }
        let groups = groups.into_iter().map(|(name, members)| group(&name, "", &members)).collect();
        let peers: Vec<&str> = peers.iter().map(String::as_str).collect();
        let overlay = built(gossip(&peers, groups), Some(&worker()));
        let names = names(&overlay);
        let apart: BTreeSet<&String> = names.iter().collect();
        prop_assert_eq!(apart.len(), names.len(), "{:?}", names);
        prop_assert!(overlay.peers.is_sorted_by_key(|peer| peer.address));
        prop_assert!(overlay.peers.iter().all(|peer| Some(peer.address) != overlay.own && peer.address != ip("198.51.100.1")));
        prop_assert!(overlay.peers.iter().all(|peer| peer.lost.is_none() && peer.tasks.is_sorted_by_key(|task| &task.name)));
    }
}
