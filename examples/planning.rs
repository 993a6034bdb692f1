//! For `make bench`: plans the probes of one node of a Swarm, again and again, for Swarms of several sizes, and judges what
//! they saw. Prints a line for each: nodes, tasks, the median of making the picture, of planning and of judging while all
//! is well and while a node is away, in seconds; probes beyond this node in a round, and the bound of these.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use destination_exporter::config::{Config, Probes, Selection};
use destination_exporter::diagnosis::{Ledger, judge};
use destination_exporter::inventory::build::build;
use destination_exporter::inventory::seen::{
    Seen, SeenContainer, SeenControl, SeenEndpoint, SeenGossip, SeenGroup, SeenMember, SeenNetwork, SeenNode,
    SeenService, SeenSubnet, SeenSwarm, SeenTask,
};
use destination_exporter::inventory::swarm::TASKS;
use destination_exporter::inventory::{Inventory, RunState};
use destination_exporter::outcome::{Observation, Outcome, ProbeKey, ProbeKind, Reason, Run};
use destination_exporter::plan::{Learned, overlay, plan};
use destination_exporter::state::Recorder;

/// Nodes, and tasks on each. The first is the one with a goal.
const SIZES: [(usize, usize); 6] = [(100, 50), (3, 10), (10, 10), (10, 100), (100, 10), (100, 100)];
/// Services that the tasks are of.
const SERVICES: usize = 50;
const TIMES: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let probes = Config::default().probes;
    for (nodes, each) in SIZES {
        let seen = seen(nodes, each);
        let picture = || build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH);
        let inventory = picture();
        let built = median(|| drop(picture()));
        let planned = median(|| drop(plan(&inventory, &Learned::default(), &probes)));
        let well = judged(&inventory, &probes, None);
        let away = judged(&inventory, &probes, Some(&node(1)));
        let (most, bound) = load(&inventory, &probes)?;
        println!("{nodes} {} {built:.6} {planned:.6} {well:.6} {away:.6} {most} {bound}", nodes * each);
    }
    Ok(())
}

fn median(mut work: impl FnMut()) -> f64 {
    let took = |_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    };
    let mut took: Vec<f64> = (0..TIMES).map(took).collect();
    took.sort_by(f64::total_cmp);
    took[TIMES / 2]
}

/// Everything that is planned was seen twice, all well or with everything on one node silent: judged again and again.
fn judged(inventory: &Inventory, probes: &Probes, away: Option<&str>) -> f64 {
    let mut recorder = Recorder::default();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let plan = plan(inventory, &Learned::default(), probes);
    let is_away = |key: &ProbeKey| away.is_some_and(|node| key.target.ends_with(node));
    recorder.planned(plan.keys(), Duration::from_secs(15));
    recorder.listed(Arc::new(inventory.clone()), at(0));
    for seconds in [1, 2] {
        let run = |key: &ProbeKey| {
            let silent = is_away(key);
            let outcome =
                if silent { Outcome::Failure(Reason::Timeout) } else { Outcome::Success(Duration::ZERO) };
            Run { key: key.clone(), outcome, seen: Observation::default() }
        };
        recorder.record(plan.keys().map(run).collect(), at(seconds));
    }
    recorder.listed(Arc::new(Inventory { taken_at: at(3), ..inventory.clone() }), at(3));
    let mut ledger = Ledger::default();
    let snapshot = Arc::new(recorder.snapshot(at(20)));
    median(|| drop(judge(Arc::clone(&snapshot), &mut ledger)))
}

/// The most probes beyond this node of any round, and what bounds them.
fn load(inventory: &Inventory, probes: &Probes) -> Result<(usize, usize), Box<dyn std::error::Error>> {
    let overlay = inventory.destinations.first().and_then(|on| on.overlay.as_ref()).ok_or("no overlay")?;
    let others = overlay::neighbours(overlay, probes.ring, probes.full_mesh_up_to).len();
    let is_beyond = |key: &&ProbeKey| match key.kind {
        ProbeKind::Overlay | ProbeKind::Node => true,
        ProbeKind::Dns => key.target.starts_with(TASKS),
        _ => false,
    };
    let errands = plan(inventory, &Learned::default(), probes).errands;
    let of = |run| {
        let made = errands.iter().map(|errand| errand.clone().in_run(run).jobs);
        made.map(|jobs| jobs.iter().map(|job| &job.key).filter(is_beyond).count()).sum()
    };
    let most: usize = (0..4).map(of).max().unwrap_or_default();
    if most == 0 {
        return Err("nothing is planned beyond this node".into());
    }
    Ok((most, overlay::most_probes(others, 0)))
}

fn id(n: usize) -> String {
    format!("node-{n}")
}

fn node(n: usize) -> String {
    format!("198.51.100.{}", n + 1)
}

fn address(of: usize, n: usize) -> String {
    let number = of * 256 + n + 2;
    Ipv4Addr::from(0x0a00_0000 + u32::try_from(number).unwrap_or_default()).to_string()
}

/// The first of so many nodes, with as many tasks on each, on one overlay.
fn seen(nodes: usize, each: usize) -> Seen {
    let group = |service: usize| {
        let all = (0..nodes).flat_map(|of| (0..each).map(move |n| (of, n)));
        let members = all.filter(|(of, n)| (of * each + n) % SERVICES == service);
        SeenGroup {
            name: format!("service-{service}"),
            vip: format!("10.255.0.{}", service + 1),
            members: members
                .map(|(of, n)| SeenMember {
                    name: format!("service-{service}.{}.task", of * each + n),
                    address: address(of, n),
                    node: node(of),
                })
                .collect(),
        }
    };
    let gossip = SeenGossip {
        peers: (0..nodes).map(node).collect(),
        services: (0..SERVICES).map(group).collect(),
        ..SeenGossip::default()
    };
    let subnet =
        SeenSubnet { subnet: "10.0.0.0/8".into(), gateway: "10.0.0.1".into(), ..SeenSubnet::default() };
    let network = SeenNetwork {
        id: "mesh-id".into(),
        name: "mesh".into(),
        driver: "overlay".into(),
        scope: "swarm".into(),
        ipam: vec![subnet],
        gossip: Some(gossip),
        ..SeenNetwork::default()
    };
    let swarm = SeenSwarm {
        node_id: id(0),
        address: node(0),
        state: "active".into(),
        is_manager: true,
        managers: (0..nodes).map(|n| format!("{}:2377", node(n))).collect(),
        control: Some(control(nodes, each)),
        ..SeenSwarm::default()
    };
    Seen {
        networks: vec![network],
        containers: (0..each).map(container).collect(),
        swarm: Some(swarm),
        ..Seen::default()
    }
}

/// The same by the managers: every node is one, and every service has two ports that are known.
fn control(nodes: usize, each: usize) -> SeenControl {
    let service = |n: usize| SeenService {
        name: format!("service-{n}"),
        id: format!("id-{n}"),
        ports: vec![80, 443],
        ..SeenService::default()
    };
    let task = |of: usize, n: usize| SeenTask {
        id: format!("{of}-{n}"),
        service: format!("id-{}", (of * each + n) % SERVICES),
        slot: (of * each + n + 1) as u64,
        node: id(of),
        state: "running".into(),
        desired: "running".into(),
        addresses: vec![("mesh-id".into(), address(of, n))],
        ..SeenTask::default()
    };
    SeenControl {
        nodes: (0..nodes)
            .map(|n| SeenNode { id: id(n), address: node(n), state: "ready".into(), ..SeenNode::default() })
            .collect(),
        services: (0..SERVICES).map(service).collect(),
        tasks: (0..nodes).flat_map(|of| (0..each).map(move |n| task(of, n))).collect(),
        is_cut: false,
        is_fresh: true,
    }
}

fn container(n: usize) -> SeenContainer {
    SeenContainer {
        id: format!("{n:064}"),
        name: format!("service-{}.{n}.task", n % SERVICES),
        image: "busybox".into(),
        state: RunState::Running,
        network_mode: "mesh".into(),
        sandbox_key: format!("/var/run/docker/netns/{n}"),
        pid: 100,
        exposed_tcp: vec![80],
        endpoints: vec![SeenEndpoint {
            network: "mesh".into(),
            network_id: "mesh-id".into(),
            ipv4: address(0, n),
            ..SeenEndpoint::default()
        }],
        ..SeenContainer::default()
    }
}
