//! Addresses of an overlay: the Swarm gives them out, and every node that is on it tells of the same.

use std::time::{Duration, Instant};

use lab::watched::{finding, text};
use lab::{Result, Swarm};

use super::town::{SOON, Town, create, network, serve};

/// A /28 has fourteen, and one is the gateway's.
const USED: &str = "destination_addresses_used{destination=\"tiny\",subnet=\"10.77.0.0/28\"}";
const FULL: &str = "network-addresses-exhausted tiny";
/// What is said of an overlay's addresses has to stand.
const STANDS: Duration = Duration::from_secs(15);
/// A node waits so long for an address of its own before it refuses a task.
const REFUSES: Duration = Duration::from_secs(30);

fn told(town: &Town, nodes: &[usize], used: &str) -> Result<()> {
    for number in nodes {
        let took = town.node(*number).expect_series(USED, Some(used), SOON)?;
        println!("node {number}: {used} of 14 after {} ms", took.as_millis());
    }
    Ok(())
}

#[test]
fn a_full_overlay() -> Result<()> {
    let swarm = Swarm::start(3, 1)?;
    network(&swarm, "tiny", &["--subnet", "10.77.0.0/28"])?;
    let elsewhere = ["--stop-grace-period", "1s", "--constraint", "node.hostname!=node-3"];
    serve(&swarm, "web", "tiny", &[&elsewhere[..], &["--replicas", "2"]].concat(), 2)?;
    let town = Town::watched(swarm)?;
    let manager = &town.node(1).lab;
    let change = |what: &[&str]| {
        manager.docker(&[&["service", "update", "--detach"], what, &["web"]].concat()).map(drop)
    };
    // The gateway, a virtual address, two tasks, and two nodes: the third has none on it.
    told(&town, &[1, 2], "6")?;
    town.node(3).expect_series(USED, None, SOON)?;
    town.node(3).lab.docker(&[
        "run",
        "-d",
        "--name",
        "tool",
        "--network",
        "tiny",
        "busybox",
        "sleep",
        "999",
    ])?;
    told(&town, &[1, 2, 3], "8")?;
    town.node(3).lab.docker(&["rm", "-f", "tool"])?;
    town.node(3).expect_series(USED, None, SOON)?;
    told(&town, &[1, 2], "6")?;
    change(&["--endpoint-mode", "dnsrr"])?;
    told(&town, &[1, 2], "5")?;

    for number in [1, 2] {
        town.node(number).breaks(FULL, "an overlay without a free address");
    }
    change(&["--replicas", "12"])?;
    told(&town, &[1, 2], "14")?;
    for number in [1, 2] {
        let report = town.node(number).expect(&[FULL], STANDS)?.0;
        let one = finding(&report, "network-addresses-exhausted");
        assert_eq!(text(&one["severity"]), "ticket");
        assert!(text(&one["summary"]).contains("14 of 14"), "{one:#}");
    }
    // One that counted too many would say the same: the twelfth has none.
    let states = manager.docker(&["service", "ps", "--format", "{{.CurrentState}}", "web"])?;
    let count = |word: &str| states.lines().filter(|state| state.starts_with(word)).count();
    assert_eq!((count("Running"), count("New")), (11, 1), "{states}");

    for number in [1, 2] {
        town.node(number).repairs(FULL);
    }
    change(&["--replicas", "10"])?;
    town.calm()?;
    told(&town, &[1, 2], "13")?;

    // The last is a task's on the third node, which has none for itself then, and refuses it.
    town.node(1).breaks(FULL, "an overlay without a free address for a node");
    let began = Instant::now();
    let alone = ["--endpoint-mode", "dnsrr", "--constraint", "node.hostname==node-3"];
    manager.docker(&create("late", "tiny", &alone))?;
    loop {
        let report = town.node(1).expect(&[FULL], STANDS)?.0;
        let one = finding(&report, "network-addresses-exhausted");
        let explains = one["explains"].to_string();
        if explains.contains("`late`, with 0 running tasks: ") {
            assert!(explains.contains("missing network attachments"), "{one:#}");
            assert_eq!(text(&one["severity"]), "page");
            break;
        }
        assert!(began.elapsed() < STANDS + REFUSES + SOON, "{one:#}");
    }
    town.node(1).repairs(FULL);
    manager.docker(&["service", "rm", "late"])?;
    town.calm()?;
    manager.docker(&["service", "rm", "web"])?;
    town.node(1).expect_series(USED, Some("1"), SOON).map(drop)
}
