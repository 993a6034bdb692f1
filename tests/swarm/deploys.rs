//! Ordinary work on a Swarm: what is deployed, scaled, drained and taken away alarms nobody, and what is said of it is so.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use lab::watched::{finding, text};
use lab::{Error, Lab, Result, Swarm};
use serde_json::Value;

use super::town::{SOON, Town, at, network, serve};

/// What the Swarm itself takes for a few tasks, one after the other, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// The listing of the managers' lists.
const LISTED: Duration = Duration::from_secs(10);
/// Where each node has somebody who knows no name.
const UPSTREAM: &str = "192.0.2.53";
/// The kernel of a lab need not balance; what takes no signal is ended after its grace; one that stands for two seconds has
/// not failed; and what the Engine does not know it asks others for, who say that there is no such name.
const TASKS: [&str; 8] =
    ["--endpoint-mode", "dnsrr", "--stop-grace-period", "3s", "--update-monitor", "2s", "--dns", UPSTREAM];

fn make(swarm: &Swarm, service: &str, on: &str, more: &[&str], tasks: usize) -> Result<()> {
    serve(swarm, service, on, &[&TASKS[..], more].concat(), tasks)
}

/// So many nodes, and on each a resolver that knows no name.
#[expect(clippy::disallowed_methods, reason = "a resolver on a lab's host, not a probe")]
fn start(nodes: u8) -> Result<Swarm> {
    let swarm = Swarm::start(nodes, 1)?;
    for node in swarm.nodes() {
        node.exec_on_host(&["ip", "address", "add", &format!("{UPSTREAM}/32"), "dev", "lo"])?;
        let socket =
            node.host().inside(|| UdpSocket::bind((UPSTREAM, 53)).map_err(|e| Error::io("binding", e)))?;
        thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                // RFC 1035: an answer, and that there is no such name.
                (packet[2], packet[3]) = (0x81, 0x83);
                let _ = socket.send_to(&packet[..length], from);
            }
        });
    }
    Ok(swarm)
}

/// Changes a service, and watches until the managers say that it went so.
fn update(town: &Town, service: &str, change: &[&str], wanted: &str, allowed: &[&str]) -> Result<()> {
    let manager = &town.node(1).lab;
    manager.docker(&[&["service", "update", "--detach"], change, &[service]].concat())?;
    let how = ["service", "inspect", "-f", "{{with .UpdateStatus}}{{.State}}{{end}}", service];
    let took = town.watch(allowed, PATIENCE, || {
        let went = manager.docker(&how)?;
        Ok(if went == wanted { Vec::new() } else { vec![went] })
    })?;
    println!("{service}: {wanted} after {} ms", took.as_millis());
    Ok(())
}

/// Where the running tasks of a service are by the managers: number of the node, and address.
fn places(town: &Town, service: &str) -> Result<BTreeSet<(usize, String)>> {
    let manager = &town.node(1).lab;
    let listed = ["service", "ps", "--no-trunc", "--filter", "desired-state=running"];
    let listed = manager.docker(&[&listed[..], &["--format", "{{.ID}} {{.Node}}", service]].concat())?;
    let told = "{{.Status.State}}{{range .NetworksAttachments}} {{index .Addresses 0}}{{end}}";
    let mut places = BTreeSet::new();
    for (task, node) in listed.lines().filter_map(|line| line.split_once(' ')) {
        let told = manager.docker(&["inspect", "--type", "task", "-f", told, task])?;
        let number = node.strip_prefix("node-").and_then(|number| number.parse().ok());
        if let (Some(number), Some(address)) = (number, told.strip_prefix("running ")) {
            places.insert((number, address.split('/').next().unwrap_or_default().to_owned()));
        }
    }
    Ok(places)
}

/// `address outcome` of the echoes that a service's tasks on other nodes are sent.
fn echoes(report: &Value, service: &str) -> BTreeSet<String> {
    let destinations = report["destinations"].as_array().into_iter().flatten();
    let probes = destinations.flat_map(|on| on["probes"].as_array().into_iter().flatten());
    let is_of = |target: &str| target.strip_prefix(service).is_some_and(|rest| rest.starts_with(['/', '@']));
    let over = probes.filter(|probe| probe["probe"] == "overlay" && is_of(text(&probe["target"])));
    let echoes = over.filter(|probe| !text(&probe["detail"]).contains(':'));
    echoes.map(|probe| format!("{} {}", text(&probe["detail"]), text(&probe["outcome"]))).collect()
}

/// Watches until each node that has a task of the service looks at just those on the others, all of which answer, and
/// nothing is left that nobody looks at.
fn until_seen(town: &Town, service: &str, on: &str, tasks: usize) -> Result<()> {
    let mut there = BTreeSet::new();
    let started = town.watch(&[], PATIENCE, || {
        there = places(town, service)?;
        Ok(if there.len() == tasks { Vec::new() } else { vec![format!("{there:?}")] })
    })?;
    let covered = format!("destination_probes_covered_ratio{{destination=\"{on}\"}} 1");
    let seen = town.watch(&[], SOON + LISTED, || {
        let mut lacking = Vec::new();
        for number in there.iter().map(|(number, _)| *number).collect::<BTreeSet<_>>() {
            let others = there.iter().filter(|(other, _)| *other != number);
            let wanted: BTreeSet<String> = others.map(|(_, ip)| format!("{ip} success")).collect();
            let exporter = &town.node(number).exporter;
            let echoes = echoes(&exporter.report()?, service);
            if echoes != wanted || !exporter.metrics()?.lines().any(|line| line == covered) {
                lacking
                    .push(format!("node {number} has {echoes:?} and is to have {wanted:?}, with {covered}"));
            }
        }
        Ok(lacking)
    })?;
    println!("{service}: {tasks} run after {} ms, seen after {} ms", started.as_millis(), seen.as_millis());
    Ok(())
}

/// Watches until no series of these nodes names one of these, or something of it.
fn until_gone(town: &Town, nodes: &[usize], names: &[&str], allowed: &[&str]) -> Result<()> {
    let starts = |name: &&str| ['"', '/', '@'].map(|end| format!("\"{name}{end}"));
    let starts: Vec<String> = names.iter().flat_map(starts).collect();
    let is_left = |line: &&str| starts.iter().any(|start| line.contains(&**start));
    let took = town.watch(allowed, SOON, || {
        let mut left = Vec::new();
        for number in nodes {
            let page = town.node(*number).exporter.metrics()?;
            left.extend(page.lines().filter(is_left).map(|line| format!("node {number}: {line}")));
        }
        Ok(left)
    })?;
    println!("{names:?} gone after {} ms", took.as_millis());
    Ok(())
}

/// Watches until the managers call a node down.
fn until_down(town: &Town, node: &str, allowed: &[&str]) -> Result<()> {
    let state = ["node", "inspect", "-f", "{{.Status.State}}", node];
    let took = town.watch(allowed, PATIENCE, || {
        let state = town.node(1).lab.docker(&state)?;
        Ok(if state == "down" { Vec::new() } else { vec![state] })
    })?;
    println!("{node} is down after {} ms", took.as_millis());
    Ok(())
}

/// Watches for so long.
fn while_quiet(town: &Town, so_long: Duration) -> Result<()> {
    let began = Instant::now();
    let left = || Ok(if began.elapsed() > so_long { Vec::new() } else { vec![String::new()] });
    town.watch(&[], so_long * 2, left).map(drop)
}

fn availability(manager: &Lab, node: &str, wanted: &str) -> Result<()> {
    manager.docker(&["node", "update", "--availability", wanted, node]).map(drop)
}

#[test]
fn services_that_are_updated_scaled_and_removed_alarm_nobody() -> Result<()> {
    let swarm = start(3)?;
    network(&swarm, "shop", &[])?;
    network(&swarm, "office", &[])?;
    make(&swarm, "web", "shop", &["--replicas", "3"], 3)?;
    make(&swarm, "agent", "shop", &["--mode", "global"], 3)?;
    make(&swarm, "desk", "office", &["--replicas", "2", "--constraint", "node.role==worker"], 2)?;
    for node in swarm.nodes() {
        node.docker(&["tag", "busybox", "busybox:next"])?;
    }
    let town = Town::watched(swarm)?;
    town.calm()?;
    until_seen(&town, "web", "shop", 3)?;
    until_seen(&town, "desk", "office", 2)?;

    // The manager has nothing on one of the two: it is well by its word, and looks for nobody there.
    let first = town.node(1);
    let report = first.look(&[])?;
    let destinations = report["destinations"].as_array().into_iter().flatten();
    let office = destinations.clone().find(|on| on["name"] == "office").expect("it is listed");
    assert_eq!((&office["status"], &office["findings"]), (&"healthy".into(), &Value::Array(Vec::new())));
    let page = first.exporter.metrics()?;
    let looks =
        ["destination_overlay_peer_", "destination_probe_success", "destination_probes_covered_ratio"];
    for look in looks {
        let is_one = |line: &&str| line.starts_with(look) && line.contains("destination=\"office\"");
        assert_eq!(page.lines().find(is_one), None);
    }

    for change in [
        &["--force", "--update-parallelism", "1", "--update-delay", "2s"][..],
        // As Coolify deploys: the new one first, which is to be found once it is up by its own check.
        &[
            "--update-order",
            "start-first",
            "--update-parallelism",
            "3",
            "--health-cmd",
            "true",
            "--health-interval",
            "10s",
            "--env-add",
            "RELEASE=2",
            "--image",
            "busybox:next",
            "--no-resolve-image",
        ],
    ] {
        update(&town, "web", change, "completed", &[])?;
        until_seen(&town, "web", "shop", 3)?;
    }

    let manager = &first.lab;
    manager.docker(&["service", "scale", "--detach", "web=0"])?;
    until_gone(&town, &[1, 2, 3], &["web"], &[])?;
    manager.docker(&["service", "scale", "--detach", "web=3"])?;
    until_seen(&town, "web", "shop", 3)?;
    manager.docker(&["service", "rm", "web", "agent", "desk"])?;
    until_gone(&town, &[1, 2, 3], &["web", "agent", "desk"], &[])?;
    // A manager knows a network for as long as there is one.
    until_gone(&town, &[2, 3], &["shop", "office"], &[])
}

#[test]
fn nodes_that_are_drained_and_removed_alarm_nobody() -> Result<()> {
    let swarm = start(3)?;
    network(&swarm, "shop", &[])?;
    make(&swarm, "web", "shop", &["--replicas", "3"], 3)?;
    make(&swarm, "agent", "shop", &["--mode", "global"], 3)?;
    let town = Town::watched(swarm)?;
    town.calm()?;
    until_seen(&town, "agent", "shop", 3)?;

    let manager = &town.node(1).lab;
    availability(manager, "node-3", "drain")?;
    until_gone(&town, &[3], &["web", "agent", "shop"], &[])?;
    until_seen(&town, "agent", "shop", 2)?;
    availability(manager, "node-3", "active")?;
    until_seen(&town, "agent", "shop", 3)?;

    availability(manager, "node-2", "drain")?;
    until_gone(&town, &[2], &["web", "agent", "shop"], &[])?;
    town.node(2).lab.docker(&["swarm", "leave"])?;
    until_down(&town, "node-2", &[])?;
    while_quiet(&town, SOON)?;
    manager.docker(&["node", "rm", "node-2"])?;
    until_gone(&town, &[1, 2, 3], &[&at(2)], &[])?;
    until_seen(&town, "agent", "shop", 2)?;

    // One that leaves at once looks to all others as one whose Engine has ended, until it is removed.
    let missing = format!("swarm-peer-missing {}", at(3));
    town.node(1).breaks(&missing, "a node leaves the Swarm, and is neither drained nor removed");
    town.node(3).lab.docker(&["swarm", "leave"])?;
    until_down(&town, "node-3", &[&missing])?;
    let report = town.node(1).expect(&[&missing], SOON)?.0;
    let fix = finding(&report, "swarm-peer-missing")["fix"].to_string();
    assert!(fix.contains("docker node rm"), "{fix}");
    town.node(1).repairs(&missing);
    manager.docker(&["node", "rm", "node-3"])?;
    town.node(1).expect(&[], LISTED)?;
    until_gone(&town, &[1, 2, 3], &[&at(3)], &[])
}

#[test]
fn an_update_that_fails_is_told_until_it_is_rolled_back() -> Result<()> {
    let swarm = start(2)?;
    network(&swarm, "shop", &[])?;
    make(&swarm, "web", "shop", &["--mode", "global"], 2)?;
    make(&swarm, "api", "shop", &["--replicas", "2"], 2)?;
    let town = Town::watched(swarm)?;
    town.calm()?;
    let refused = "swarm-task-rejected api";
    for change in [&["--args", "false"][..], &["--image", "busybox:nowhere", "--no-resolve-image"]] {
        let change = [change, &["--update-failure-action", "rollback"]].concat();
        update(&town, "api", &change, "rollback_completed", &[refused])?;
        town.node(1).expect(&[], LISTED * 2)?;
        until_seen(&town, "api", "shop", 2)?;
    }

    // Without that it stays as it is.
    town.node(1).breaks(refused, "an update to what ends at once, which is not rolled back");
    update(&town, "api", &["--args", "false", "--update-failure-action", "pause"], "paused", &[refused])?;
    let (report, took) = town.node(1).expect(&[refused], LISTED * 3)?;
    println!("{refused} after {} ms", took.as_millis());
    let summary = text(&finding(&report, "swarm-task-rejected")["summary"]);
    assert!(summary.contains("end as soon as they are started"), "{summary}");
    town.node(2).expect(&[], Duration::ZERO)?;
    town.node(1).repairs(refused);
    town.node(1).lab.docker(&["service", "rollback", "--detach", "api"])?;
    town.node(1).expect(&[], LISTED * 3)?;
    until_seen(&town, "api", "shop", 2)
}
