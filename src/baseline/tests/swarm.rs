//! One node of a Swarm, before and after its managers placed something anew.

use super::*;
use crate::inventory::seen::{
    SeenControl, SeenGossip, SeenGroup, SeenMember, SeenService, SeenSwarm, SeenTask,
};

const HERE: &str = "n1";
const AWAY: &str = "n2";
const WEB: &str = "st_web";
const DB: &str = "st_db";

/// What runs where, deployed so many `times`, as seen from the node [`HERE`].
#[derive(Clone)]
struct Town {
    /// Service and node of each task.
    tasks: Vec<(&'static str, &'static str)>,
    times: u8,
    /// Whose proxy it is: `None` where none is here, `Some(true)` where it is a task itself.
    proxy: Option<bool>,
    /// Managers tell of services and tasks.
    told: bool,
}

fn town() -> Town {
    Town { tasks: vec![(WEB, HERE), (WEB, AWAY), (DB, HERE)], times: 1, proxy: Some(false), told: true }
}

/// What a proxy reads stands at the service.
fn service(name: &str) -> SeenService {
    let labels = if name == WEB {
        let pairs = [
            ("traefik.enable", "true"),
            ("traefik.http.routers.web.rule", "Host(`web.example.com`)"),
            ("traefik.http.services.web.loadbalancer.server.port", "3000"),
        ];
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    } else {
        std::collections::BTreeMap::new()
    };
    SeenService { name: name.into(), id: format!("{name}-id"), labels, ..SeenService::default() }
}

fn overlay() -> SeenNetwork {
    SeenNetwork { driver: "overlay".into(), scope: "swarm".into(), ..network("mesh", 1) }
}

impl Town {
    fn seen(&self) -> Seen {
        let (mut containers, mut tasks, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for (at, (service, node)) in self.tasks.iter().enumerate() {
            let slot = u8::try_from(at).expect("a few");
            let (id, number) = (format!("task{}x{slot}", self.times), 10 * self.times + slot);
            let (name, address) = (format!("{service}.{slot}.{id}"), format!("10.0.1.{number}"));
            tasks.push(SeenTask {
                id: id.clone(),
                service: format!("{service}-id"),
                slot: u64::from(slot),
                node: (*node).to_owned(),
                state: "running".into(),
                desired: "running".into(),
                addresses: vec![(overlay().id, address.clone())],
                ..SeenTask::default()
            });
            let advertised = if *node == HERE { "198.51.100.1" } else { "198.51.100.2" };
            let member = SeenMember { name: name.clone(), address: address.clone(), node: advertised.into() };
            members.push(((*service).to_owned(), member));
            if *node == HERE {
                containers.push(task(service, &id, &name, &address));
            }
        }
        let services: Vec<SeenService> = [DB, WEB].map(service).into();
        if let Some(is_task) = self.proxy {
            let mut own = proxy(&[("mesh", 1)]);
            if is_task {
                own.labels.extend(task("traefik", "t1", "traefik.1.t1", "").labels);
            }
            containers.push(own);
        }
        let mut networks = vec![overlay()];
        if containers.is_empty() {
            if !self.told {
                networks.clear();
            }
        } else {
            let group = |name: &&str| SeenGroup {
                name: (*name).to_owned(),
                members: members.iter().filter(|(of, _)| of == name).map(|(_, one)| one.clone()).collect(),
                ..SeenGroup::default()
            };
            let services = [DB, WEB].iter().map(group).collect();
            networks[0].gossip = Some(SeenGossip { services, ..SeenGossip::default() });
        }
        let control = SeenControl { services, tasks, is_fresh: true, ..SeenControl::default() };
        let swarm = SeenSwarm {
            node_id: HERE.into(),
            address: "198.51.100.1".into(),
            is_manager: self.told,
            control: self.told.then_some(control),
            ..SeenSwarm::default()
        };
        let mut seen = Seen { networks, containers, swarm: Some(swarm), ..Seen::default() };
        crate::inventory::build::away::labelled(&mut seen.containers, seen.swarm.as_ref());
        seen
    }

    fn taken(&self) -> Baseline {
        snapshot(&self.seen())
    }
}

fn snapshot(seen: &Seen) -> Baseline {
    take(seen, &build(seen, &Selection::default(), SystemTime::UNIX_EPOCH + THEN))
}

fn task(service: &str, id: &str, name: &str, address: &str) -> SeenContainer {
    let labels = [
        ("com.docker.swarm.service.name", service.to_owned()),
        ("com.docker.swarm.service.id", format!("{service}-id")),
        ("com.docker.swarm.task.id", id.to_owned()),
        ("com.docker.swarm.task.name", name.to_owned()),
    ];
    SeenContainer {
        id: format!("{id:c<64}"),
        name: name.into(),
        state: RunState::Running,
        pid: 100,
        network_mode: "mesh".into(),
        labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
        endpoints: vec![SeenEndpoint {
            network: "mesh".into(),
            network_id: overlay().id,
            ipv4: address.into(),
            aliases: vec![service.trim_start_matches("st_").to_owned()],
            ..SeenEndpoint::default()
        }],
        ..SeenContainer::default()
    }
}

#[test]
fn who_serves_a_site_is_its_service_on_whichever_node() {
    let before = town().taken();
    let served = vec![Server { workload: WEB.into(), port: Some(3000) }];
    assert_eq!(before.routes.len(), 1, "{:?}", before.routes);
    assert_eq!(before.routes[0].servers, served);
    for (what, tasks) in [
        ("the same, deployed anew", town().tasks),
        ("all are away", vec![(WEB, AWAY), (WEB, AWAY), (DB, HERE)]),
        ("all are here", vec![(WEB, HERE), (DB, HERE)]),
        ("more of them", vec![(WEB, HERE), (WEB, AWAY), (DB, HERE), (WEB, AWAY), (WEB, AWAY)]),
    ] {
        let after = Town { tasks, times: 2, ..town() }.taken();
        assert_eq!(after.routes, before.routes, "{what}");
    }
}

#[test]
fn what_managers_choose_is_no_difference_that_matters() {
    let by_hand = || SeenContainer { labels: [].into(), ..task("tool", "tool", "tool", "10.0.1.99") };
    let with_tool = |town: &Town| {
        let mut seen = town.seen();
        seen.containers.push(by_hand());
        snapshot(&seen)
    };
    let before = town().taken();
    let as_service = Town { proxy: Some(true), ..town() };
    for (what, then, now) in [
        ("deployed anew", town(), Town { times: 2, ..town() }),
        ("more of them here", town(), Town { tasks: vec![(WEB, HERE), (WEB, HERE), (DB, HERE)], ..town() }),
        ("one is elsewhere", town(), Town { tasks: vec![(WEB, HERE), (WEB, AWAY), (DB, AWAY)], ..town() }),
        ("all are elsewhere", town(), Town { tasks: vec![(WEB, AWAY), (DB, AWAY)], ..town() }),
        ("its proxy too", as_service.clone(), Town { tasks: vec![(WEB, AWAY)], proxy: None, ..town() }),
        ("its proxy alone", as_service, Town { proxy: None, ..town() }),
        (
            "a worker that is drained",
            Town { told: false, proxy: None, ..town() },
            Town { told: false, proxy: None, tasks: vec![(WEB, AWAY), (DB, AWAY)], ..town() },
        ),
    ] {
        let (then, now) = (then.taken(), now.taken());
        for (old, new) in [(&then, &now), (&now, &then)] {
            assert_eq!(told(old, new), [""; 0], "{what}");
            assert!(!compare(old, new).differences.is_empty(), "{what}");
        }
    }
    // Somebody's own container is his, on whatever network.
    let worker = Town { told: false, proxy: None, ..town() };
    let gone = Town { tasks: Vec::new(), ..worker.clone() }.taken();
    assert_eq!(
        told(&with_tool(&worker), &gone),
        ["Network Gone mesh: overlay 10.0.1.0/24, with st_db, st_web, tool → "]
    );
    assert_eq!(told(&with_tool(&town()), &before), ["Workload Gone tool: runs → "]);
}

#[test]
fn what_somebody_asked_otherwise_of_a_swarm_is_told() {
    let before = town().taken();
    let other = |change: &dyn Fn(&mut Seen)| {
        let mut seen = Town { times: 2, ..town() }.seen();
        change(&mut seen);
        told(&before, &snapshot(&seen))
    };
    let without_site = other(&|seen| {
        let control = seen.swarm.as_mut().and_then(|swarm| swarm.control.as_mut()).expect("a manager");
        control.services[1].labels.clear();
        for one in &mut seen.containers {
            one.labels.retain(|key, _| !key.starts_with("traefik"));
        }
    });
    assert_eq!(without_site, ["Route Gone web.example.com: http by st_web port 3000 on mesh → "]);
    let without_name = other(&|seen| {
        for one in seen.containers.iter_mut().filter(|one| one.name.starts_with(DB)) {
            one.endpoints[0].aliases.clear();
        }
    });
    assert_eq!(without_name, ["Name Gone db: st_db → "]);
    let unplugged = other(&|seen| {
        for one in seen.containers.iter_mut().filter(|one| one.name.starts_with(DB)) {
            one.endpoints.clear();
        }
    });
    assert_eq!(unplugged, ["Workload Changed st_db: runs → runs and is not attached"]);
    let internal = other(&|seen| seen.networks[0].internal = true);
    assert_eq!(internal, ["Network Changed internal: false → true"]);
}

#[test]
fn a_port_of_a_task_is_where_the_task_is() {
    let with_port = |town: &Town| {
        let mut seen = town.seen();
        let port =
            PublishedPort { host_ip: None, host_port: 5432, container_port: 5432, protocol: "tcp".into() };
        for one in seen.containers.iter_mut().filter(|one| one.name.starts_with(DB)) {
            (one.bindings, one.published) = (vec![port.clone()], vec![port.clone()]);
        }
        snapshot(&seen)
    };
    let away = Town { tasks: vec![(WEB, HERE), (DB, AWAY)], ..town() };
    assert_eq!(told(&with_port(&town()), &with_port(&away)), [""; 0]);
    assert_eq!(told(&with_port(&town()), &town().taken()), ["Port Gone 5432/tcp: st_db port 5432 → "]);
}

/// What is said of it, and how it comes about.
type Silence<'a> = (&'a str, &'a dyn Fn(&mut Seen));

#[test]
fn what_managers_do_not_tell_is_not_read_and_not_gone() {
    let before = town().taken();
    assert_eq!(
        (&before.unread, before.swarm.as_ref().map(|node| node.knows_services)),
        (&vec![], Some(true))
    );
    let swarm = |seen: &mut Seen, change: &dyn Fn(&mut SeenSwarm)| change(seen.swarm.as_mut().expect("one"));
    let silent: [Silence<'_>; 4] = [
        (
            "the managers do not say which services and tasks there are (nodes: status 500: no leader)",
            &|seen| {
                swarm(seen, &|of| {
                    (of.control, of.control_error) = (None, "nodes: status 500: no leader".into());
                });
            },
        ),
        ("the managers have not said in time which services and tasks there are", &|seen| {
            swarm(seen, &|of| of.control = None);
        }),
        ("overlay mesh: what is on it on other nodes was not told", &|seen| seen.networks[0].gossip = None),
        ("the managers list more", &|seen| {
            swarm(seen, &|of| {
                let control = of.control.as_mut().expect("a manager");
                control.is_cut = true;
                control.services.clear();
            });
        }),
    ];
    // Labels of services are no container's then.
    let silenced = |silence: &dyn Fn(&mut Seen)| {
        let mut seen = Town { tasks: vec![(WEB, AWAY), (DB, HERE)], ..town() }.seen();
        silence(&mut seen);
        snapshot(&seen)
    };
    for (words, silence) in silent {
        let now = silenced(silence);
        assert!(now.unread.iter().any(|one| one.starts_with(words)), "{words}: {:?}", now.unread);
        assert!(now.routes.is_empty(), "{:?}", now.routes);
        for (old, new) in [(&before, &now), (&now, &before)] {
            assert_eq!(told(old, new), [""; 0], "{words}");
        }
    }
    // What they said before they fell silent is held against what is approved all the same.
    let mut seen = town().seen();
    swarm(&mut seen, &|of| of.control_error = "nodes: no complete answer".into());
    let stale = snapshot(&seen);
    assert_eq!((stale.unread.len(), &stale.routes), (1, &before.routes));
    // A worker is told nothing of them, which is no failure.
    let worker = Town { told: false, ..town() }.taken();
    assert_eq!((&worker.unread, told(&before, &worker)), (&vec![], vec![]));
    let mut unsaid = town().seen();
    unsaid.swarm = None;
    assert_eq!(snapshot(&unsaid).unread, ["the Engine did not say what it is in its Swarm"]);
}
