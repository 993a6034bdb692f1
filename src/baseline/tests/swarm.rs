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
