//! Names that several containers of an overlay bear, on one node and on another: a choice, or a collision, and never an answer
//! that is wrong.

use std::time::Duration;

use lab::watched::{all, finding, gist, text};
use lab::{Lab, Result, Swarm};

use super::town::{SOON, Town, create, network, serve};

/// Two listings and a lookup: what another node does no event tells.
const TOLD: Duration = Duration::from_secs(40);

/// Runs a web server by hand.
fn run(node: &Lab, name: &str, on: &str, more: &[&str]) -> Result<()> {
    let own = ["run", "--detach", "--network", on, "--name", name];
    node.docker(&[&own[..], more, &["busybox", "httpd", "-f", "-p", "3000"]].concat()).map(drop)
}

/// Two nodes, and on each of them somebody on the overlay `shop` who looks up names.
fn start() -> Result<Swarm> {
    let swarm = Swarm::start(2, 1)?;
    network(&swarm, "shop", &[])?;
    for (node, name) in swarm.nodes().zip(["look-1", "look-2"]) {
        node.busybox_image()?;
        run(node, name, "shop", &[])?;
    }
    Ok(swarm)
}

/// Watches until nothing but this was found on every node for two intervals.
fn stays(town: &Town, allowed: &[&str]) -> Result<()> {
    let began = std::time::Instant::now();
    let left = || Ok(if began.elapsed() > SOON { Vec::new() } else { vec![String::new()] });
    town.watch(allowed, SOON * 2, left).map(drop)
}

#[test]
fn an_alias_on_two_nodes_is_a_choice_and_of_two_workloads_a_collision() -> Result<()> {
    let town = Town::watched(start()?)?;
    town.calm()?;
    let alias = ["--network-alias", "cache"];
    run(&town.node(1).lab, "cache-1", "shop", &alias)?;
    run(&town.node(2).lab, "cache-2", "shop", &alias)?;
    stays(&town, &[])?;

    let collision = "dns-alias-collision queue";
    for node in town.nodes() {
        node.breaks(collision, "two workloads on two nodes have one alias");
    }
    let alias = ["--network-alias", "queue"];
    run(&town.node(1).lab, "mail", "shop", &alias)?;
    run(&town.node(2).lab, "jobs", "shop", &alias)?;
    for node in town.nodes() {
        let (report, took) = node.expect(&[collision], TOLD)?;
        println!("{collision} after {} ms", took.as_millis());
        let one = finding(&report, "dns-alias-collision");
        assert!(text(&one["summary"]).contains("(`jobs`, `mail`)"), "{one:#}");
    }
    stays(&town, &[collision])?;
    for node in town.nodes() {
        node.repairs(collision);
    }
    town.node(2).lab.docker(&["rm", "--force", "jobs"])?;
    town.nodes().try_for_each(|node| node.expect(&[], TOLD).map(drop))
}

#[test]
fn a_container_that_takes_the_name_of_a_service_collides_with_it() -> Result<()> {
    let swarm = start()?;
    serve(&swarm, "web", "shop", &["--mode", "global", "--endpoint-mode", "dnsrr"], 2)?;
    let town = Town::watched(swarm)?;
    town.calm()?;
    let collision = "dns-alias-collision web";
    town.node(2).breaks(collision, "a container by hand takes a service's name");
    run(&town.node(2).lab, "mine", "shop", &["--network-alias", "web"])?;
    let report = town.node(2).expect(&[collision], TOLD)?.0;
    let one = finding(&report, "dns-alias-collision");
    assert!(text(&one["summary"]).contains("(`mine`, `web`)"), "{one:#}");
    stays(&town, &[collision])?;
    town.node(2).repairs(collision);
    town.node(2).lab.docker(&["rm", "--force", "mine"])?;
    town.nodes().try_for_each(|node| node.expect(&[], TOLD).map(drop))
}

/// A service as a stack deploys it, with a task on each node.
fn of_stack<'a>(stack: &'a str, name: &'a str) -> Vec<&'a str> {
    let more = ["--mode", "global", "--endpoint-mode", "dnsrr", "--container-label", stack];
    create(name, "name=shop,alias=web", &more)
}

#[test]
fn stacks_that_share_a_name_collide_and_no_task_of_theirs_is_stale() -> Result<()> {
    let swarm = start()?;
    swarm.node(1).docker(&of_stack("com.docker.stack.namespace=s1", "s1_web"))?;
    swarm.wait_running("s1_web", 2)?;
    let town = Town::watched(swarm)?;
    town.calm()?;
    let manager = &town.node(1).lab;
    let collision = "dns-alias-collision web";
    for node in town.nodes() {
        node.breaks(collision, "two stacks have a service of one name on a common overlay");
    }
    manager.docker(&of_stack("com.docker.stack.namespace=s2", "s2_web"))?;
    let told = |owners: &str| -> Result<()> {
        let took = town.watch(&[collision], TOLD, || {
            let mut lacking = Vec::new();
            for node in town.nodes() {
                let report = node.exporter.report()?;
                let one = all(&report).find(|one| one["code"] == "dns-alias-collision");
                if !one.is_some_and(|one| text(&one["summary"]).contains(owners)) {
                    lacking.push(gist(&report));
                }
            }
            Ok(lacking)
        })?;
        println!("{collision} {owners} after {} ms", took.as_millis());
        stays(&town, &[collision])
    };
    told("(`s1_web`, `s2_web`)")?;
    let standing = [collision.to_owned()].into();
    town.nodes().for_each(|node| node.note(&standing, TOLD));
    // A service that is called so itself: its name leads to tasks of the others, and none of them is gone.
    manager.docker(&create("web", "shop", &["--mode", "global", "--endpoint-mode", "dnsrr"]))?;
    told("(`s1_web`, `s2_web`, `web`)")?;
    for node in town.nodes() {
        node.repairs(collision);
    }
    manager.docker(&["service", "rm", "web", "s2_web"])?;
    town.nodes().try_for_each(|node| node.expect(&[], TOLD).map(drop))
}
