//! Nodes of any number, each planning by the same gossip.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use proptest::prelude::*;

use super::super::tests::{container, host, network};
use super::*;
use crate::config::{Config, Probes, Selection};
use crate::inventory::build::build;
use crate::inventory::seen::{SeenContainer, SeenNetwork};
use crate::inventory::swarm::Lost;
use crate::inventory::{ContainerId, Swarm};
use crate::netstack::Listener;

fn probes() -> Probes {
    Config::default().probes
}

fn node(n: usize) -> IpAddr {
    IpAddr::from([198, 51, 100, n as u8 + 1])
}

fn task(of: usize, n: usize) -> Elsewhere {
    Elsewhere {
        name: format!("api/{n}@{}", node(of)).into(),
        workload: "api".into(),
        address: IpAddr::from([10, of as u8 + 1, (n / 250) as u8, (n % 250) as u8 + 2]),
        ports: vec![80, 443, 8080],
    }
}

fn peer(of: usize, tasks: usize) -> Peer {
    Peer { address: node(of), tasks: (0..tasks).map(|n| task(of, n)).collect(), lost: None }
}

fn lost(of: usize) -> Peer {
    Peer { lost: Some(Lost { since: SystemTime::UNIX_EPOCH, tasks: 1 }), ..peer(of, 0) }
}

fn service(n: usize) -> Service {
    Service {
        name: format!("api-{n}").into(),
        written: format!("api-{n}").into(),
        tasks: format!("tasks.api-{n}").into(),
        vip: Some(IpAddr::from([10, 200, 0, n as u8])),
        addresses: vec![IpAddr::from([10, 201, 0, n as u8])],
        running: None,
        listed: None,
        ports: vec![80],
        astray: Vec::new(),
    }
}

/// A host with these containers on the overlay `mesh`, which is this beyond it.
fn pictured(containers: Vec<SeenContainer>, overlay: Overlay) -> Inventory {
    let mesh = SeenNetwork { driver: "overlay".into(), scope: "swarm".into(), ..network("mesh", 1) };
    let mut inventory = build(&host(vec![mesh], containers), &Selection::default(), SystemTime::UNIX_EPOCH);
    inventory.destinations[0].overlay = Some(overlay);
    inventory
}

fn here(names: &[&str]) -> Vec<SeenContainer> {
    (2..).zip(names).map(|(last, name)| container(name, last, &[("mesh", 1)])).collect()
}

fn planned(inventory: &Inventory, learned: &Learned) -> Vec<Errand> {
    errands(&View { inventory, learned, probes: &probes() })
}

fn jobs(errands: &[Errand], kind: ProbeKind) -> Vec<&Job> {
    errands.iter().filter(|errand| errand.kind == kind).flat_map(|errand| errand.jobs.iter()).collect()
}

fn targets(errands: &[Errand], kind: ProbeKind) -> BTreeSet<String> {
    jobs(errands, kind).iter().map(|job| job.key.target.to_string()).collect()
}

fn id(inventory: &Inventory, name: &str) -> ContainerId {
    inventory.containers.values().find(|one| &*one.name == name).map(|one| one.id.clone()).expect("there")
}

#[test]
fn a_task_is_echoed_and_asked_where_it_is_said_to_listen() {
    let overlay = Overlay { own: Some(node(0)), peers: vec![peer(1, 1)], ..Overlay::default() };
    let mut inventory = pictured(here(&["web"]), overlay);
    let details = |inventory: &Inventory, learned: &Learned| -> Vec<String> {
        let planned = planned(inventory, learned);
        jobs(&planned, ProbeKind::Overlay).iter().map(|job| job.key.detail.to_string()).collect()
    };
    let none = Learned::default();
    assert_eq!(
        details(&inventory, &none),
        ["10.2.0.2", "10.2.0.2:80", "10.2.0.2:443"],
        "two ports and no more"
    );
    // One of the same workload is here: it listens where that one does, and rather where the service says so.
    let listener = |port| Listener { address: "0.0.0.0".parse().unwrap(), port, v6_only: false };
    let listeners = vec![listener(9000), listener(8080), listener(3306)];
    let web = id(&inventory, "web");
    inventory.containers.get_mut(&web).unwrap().workload = "api".into();
    let learned = Learned { listeners: BTreeMap::from([(web, listeners)]), ..Learned::default() };
    assert_eq!(details(&inventory, &learned), ["10.2.0.2", "10.2.0.2:8080", "10.2.0.2:9000"]);
    // A source without the family does not try.
    let six = Elsewhere { address: "fd00::2".parse().unwrap(), ..task(1, 0) };
    inventory.destinations[0].overlay.as_mut().unwrap().peers[0].tasks = vec![six];
    assert_eq!(details(&inventory, &none), [""; 0]);
}

#[test]
fn a_virtual_address_is_asked_at_one_port_and_never_echoed() {
    let unknown = Service { ports: Vec::new(), ..service(2) };
    let bare = Service { vip: None, ..service(3) };
    let overlay =
        Overlay { own: Some(node(0)), services: vec![service(1), unknown, bare], ..Overlay::default() };
    let planned = planned(&pictured(here(&["web"]), overlay), &Learned::default());
    let all: Vec<(String, String)> = jobs(&planned, ProbeKind::Overlay)
        .iter()
        .map(|job| (job.key.target.to_string(), job.key.detail.to_string()))
        .collect();
    assert_eq!(all, [("api-1@vip".to_owned(), "10.200.0.1:80".to_owned())]);
    let names: Vec<&str> = jobs(&planned, ProbeKind::Dns).iter().map(|job| &*job.key.target).collect();
    assert_eq!(names, ["tasks.api-1", "tasks.api-2", "tasks.api-3"]);
    assert!(
        jobs(&planned, ProbeKind::Dns)
            .iter()
            .all(|job| matches!(job.spec, Spec::Dns { expect: Expect::Any, .. }))
    );
}

#[test]
fn names_that_nobody_can_ask_for_are_not_asked_for() {
    let odd = |name: &str| Service { name: name.into(), tasks: format!("tasks.{name}").into(), ..service(1) };
    let six = Service { addresses: vec!["fd00::2".parse().unwrap()], ..service(4) };
    let services =
        vec![odd("a b"), odd("a~b"), odd("ok"), Service { addresses: Vec::new(), ..service(2) }, six];
    let overlay = Overlay { own: Some(node(0)), services, ..Overlay::default() };
    let planned = planned(&pictured(here(&["web"]), overlay), &Learned::default());
    assert_eq!(targets(&planned, ProbeKind::Dns), BTreeSet::from(["tasks.ok".to_owned()]));
}

#[test]
fn what_a_stack_calls_its_service_is_asked_for_where_a_task_of_it_is() {
    let task = |name: &str, last, networks: &[(&str, u8)]| {
        let mut one = container(&format!("{name}.1.q1"), last, networks);
        one.labels = [
            ("com.docker.swarm.task.id", "q1"),
            ("com.docker.swarm.service.name", name),
            ("com.docker.stack.namespace", name.split_once('_').expect("a stack's").0),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        one
    };
    let asked = |heard: bool, containers: Vec<SeenContainer>| -> Vec<(String, Expect)> {
        let services = vec![Service { name: "db".into(), tasks: "tasks.db".into(), ..service(1) }];
        let inventory =
            pictured(containers, Overlay { heard, own: Some(node(0)), services, ..Overlay::default() });
        let expect = |job: &Job| match &job.spec {
            Spec::Dns { expect, .. } => expect.clone(),
            spec => panic!("{spec:?}"),
        };
        let planned = planned(&inventory, &Learned::default());
        jobs(&planned, ProbeKind::Dns).iter().map(|job| (job.key.target.to_string(), expect(job))).collect()
    };
    let mesh = [("mesh", 1)];
    let two = || vec![task("s1_Web", 2, &mesh), task("s1_db", 3, &mesh), task("s2_Web", 4, &mesh)];
    let db = ("tasks.db".to_owned(), Expect::Any);
    let mut both = asked(true, two());
    both.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(both, [db.clone(), ("tasks.web".to_owned(), Expect::Whatever)], "each once");
    assert_eq!(asked(false, two()), [db], "it has ended here");
    assert_eq!(asked(true, vec![task("s1_a b", 2, &mesh)]).len(), 1, "nobody can ask for that");
}

#[test]
fn who_looks_out_can_be_looked_into_and_is_no_proxy_where_there_is_another() {
    let proxy = SeenContainer { has_engine_socket: true, ..container("coolify-proxy", 9, &[("mesh", 1)]) };
    let overlay = || Overlay {
        own: Some(node(0)),
        peers: vec![peer(1, 20)],
        services: (0..20).map(service).collect(),
        ..Overlay::default()
    };
    let mut containers = here(&["a", "b"]);
    containers.push(proxy.clone());
    let inventory = pictured(containers, overlay());
    assert!(inventory.containers.values().any(|one| one.is_proxy));
    let sources = |inventory: &Inventory, learned: &Learned| -> BTreeSet<String> {
        let errands = planned(inventory, learned);
        let looks = errands.iter().filter(|e| matches!(e.kind, ProbeKind::Overlay | ProbeKind::Dns));
        looks.map(|errand| errand.source.to_string()).collect()
    };
    let text = |all: &[&str]| all.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let mut learned = Learned::default();
    assert_eq!(sources(&inventory, &learned), text(&["a", "b"]), "both have a share");
    learned.unseen.insert(id(&inventory, "a"));
    assert_eq!(sources(&inventory, &learned), text(&["b"]));
    // A proxy that can be looked into, rather than anybody who cannot.
    learned.unseen.insert(id(&inventory, "b"));
    assert_eq!(sources(&inventory, &learned), text(&["coolify-proxy"]));
    learned.unseen.insert(id(&inventory, "coolify-proxy"));
    assert_eq!(sources(&inventory, &learned), text(&["a", "b"]), "it comes back as unknown, and is said");
    let alone = pictured(vec![proxy], overlay());
    assert_eq!(sources(&alone, &Learned::default()), text(&["coolify-proxy"]));
}

#[test]
fn hosts_are_tried_at_the_gossips_port_and_a_managers_own() {
    let overlay =
        Overlay { own: Some(node(0)), peers: vec![peer(1, 1), peer(2, 0), lost(3)], ..Overlay::default() };
    let mut inventory = pictured(here(&["web"]), overlay);
    let managers = vec![(node(2), 2377), (node(2), 2378), (node(3), GOSSIP), (node(9), 2377)];
    inventory.swarm = Some(Swarm { managers, ..Swarm::default() });
    let errands = planned(&inventory, &Learned::default());
    let beside: Vec<String> =
        jobs(&errands, ProbeKind::Node).iter().map(|job| job.key.detail.to_string()).collect();
    let expected = [
        "198.51.100.2",
        "198.51.100.2:7946",
        "198.51.100.3",
        "198.51.100.3:2377",
        "198.51.100.3:7946",
        "198.51.100.4",
        "198.51.100.4:7946",
    ];
    assert_eq!(beside.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    assert_eq!(beside.len(), expected.len(), "each once");
}

#[test]
fn a_network_that_ends_here_and_one_with_nobody_else_plan_nothing() {
    let mut inventory = pictured(here(&["web"]), Overlay::default());
    assert_eq!(planned(&inventory, &Learned::default()), []);
    inventory.destinations[0].overlay = None;
    assert_eq!(planned(&inventory, &Learned::default()), []);
    // Nobody here: the hosts are looked at all the same.
    let overlay = Overlay {
        own: Some(node(0)),
        peers: vec![peer(1, 3)],
        services: vec![service(1)],
        ..Overlay::default()
    };
    let errands = planned(&pictured(Vec::new(), overlay), &Learned::default());
    assert_eq!(errands.iter().map(|errand| errand.kind).collect::<Vec<_>>(), [ProbeKind::Node]);
}

/// Who looked at each task, by node.
type Looked = BTreeMap<String, BTreeSet<usize>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_task_is_looked_at_from_as_many_other_nodes_and_the_load_is_bounded(
        tasks in prop::collection::vec(prop_oneof![3 => 1_usize..6, 1 => 1_usize..100], 2..60),
        missed in 0_usize..3,
        local in 1_usize..4,
        services in 0_usize..70,
        start in 0_u64..1_000_000,
    ) {
        let n = tasks.len();
        let probes = probes();
        let looks_at = if n <= probes.full_mesh_up_to { n - 1 } else { probes.ring };
        let everyone: Vec<Peer> = tasks.iter().enumerate().map(|(of, tasks)| peer(of, *tasks)).collect();
        let gone: Vec<Peer> = (0..missed).map(|more| lost(n + more)).collect();
        let names: Vec<String> = (0..local).map(|at| format!("web-{at}")).collect();
        let containers = here(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let turns = tasks.iter().map(|tasks| rounds(*tasks)).max().unwrap_or(1) as u64;
        let mut looked = Looked::new();
        for (own, me) in everyone.iter().enumerate() {
            let others = everyone.iter().chain(&gone).filter(|peer| peer.address != me.address);
            let overlay = Overlay {
                own: Some(me.address),
                peers: others.cloned().collect(),
                services: (0..services).map(service).collect(),
                ..Overlay::default()
            };
            prop_assert_eq!(neighbours(&overlay, probes.ring, probes.full_mesh_up_to).len(), looks_at + missed);
            let inventory = pictured(containers.clone(), overlay);
            let mut from: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            let all = planned(&inventory, &Learned::default());
            for run in start..start + turns {
                let errands: Vec<Errand> = all.iter().map(|errand| errand.clone().in_run(run)).collect();
                let count: usize = errands.iter().map(|errand| errand.jobs.len()).sum();
                prop_assert!(count <= most_probes(looks_at, missed), "{count}");
                for job in jobs(&errands, ProbeKind::Overlay).into_iter().chain(jobs(&errands, ProbeKind::Dns)) {
                    from.entry(job.key.target.to_string()).or_default().insert(job.key.source.to_string());
                    if !job.key.target.ends_with(VIP) && job.key.kind == ProbeKind::Overlay {
                        looked.entry(job.key.target.to_string()).or_default().insert(own);
                    }
                }
                let hosts = targets(&errands, ProbeKind::Node);
                prop_assert!(gone.iter().all(|peer| hosts.contains(&peer.address.to_string())));
            }
            prop_assert!(from.values().all(|sources| sources.len() == 1), "each target from the same one: {from:?}");
        }
        for (of, peer) in everyone.iter().enumerate() {
            for task in &peer.tasks {
                let by = looked.remove(&*task.name).unwrap_or_default();
                prop_assert_eq!(by.len(), looks_at, "{}", task.name);
                prop_assert!(!by.contains(&of), "a node looks at its own over the overlay");
            }
        }
        prop_assert!(looked.is_empty());
    }

    #[test]
    fn one_node_more_moves_its_neighbours_eyes_alone(n in 8_usize..50) {
        let probes = probes();
        let eyes = |n: usize| -> BTreeMap<IpAddr, BTreeSet<IpAddr>> {
            let of = |own: usize| {
                let peers = (0..n).filter(|other| *other != own).map(|other| peer(other, 1)).collect();
                let overlay = Overlay { own: Some(node(own)), peers, ..Overlay::default() };
                let next = neighbours(&overlay, probes.ring, probes.full_mesh_up_to);
                (node(own), next.iter().map(|peer| peer.address).collect())
            };
            (0..n).map(of).collect()
        };
        let (before, after) = (eyes(n), eyes(n + 1));
        let moved = before.iter().filter(|(own, eyes)| after.get(*own) != Some(eyes)).count();
        prop_assert!(moved <= probes.ring, "{moved}");
    }
}
