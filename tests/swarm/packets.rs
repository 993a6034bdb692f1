//! What is between nodes: a cable, the data path, the gossip, a node that is meant to be away.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::watched::{INTERVAL, finding, text};
use lab::{Result, Swarm};
use serde_json::Value;

use super::town::{SOON, Town, at, network, serve, shop};

const DATA_PATH: &str = "swarm-data-path-broken";

/// Targets of the probes over an overlay, of every node.
fn tried(report: &Value) -> BTreeSet<String> {
    let destinations = report["destinations"].as_array().into_iter().flatten();
    let probes = destinations.flat_map(|on| on["probes"].as_array().into_iter().flatten());
    let over = probes.filter(|probe| probe["probe"] == "overlay" && probe["outcome"] == "success");
    over.map(|probe| text(&probe["target"]).to_owned()).collect()
}

#[test]
fn a_node_that_is_cut_off_is_told_on_both_sides_and_every_task_is_looked_at_from_another_node() -> Result<()>
{
    let town = shop()?;
    town.calm()?;
    for node in town.nodes() {
        node.expect_series("destination_probes_covered_ratio{destination=\"shop\"}", Some("1"), SOON)?;
        node.expect_series("destination_probes_cover_seconds{destination=\"shop\"}", Some("30"), SOON)?;
        for series in ["destination_overlay_peer_containers", "destination_overlay_peer_up"] {
            let page = node.exporter.metrics()?;
            let all =
                page.lines().filter(|line| line.starts_with(&format!("{series}{{")) && line.ends_with(" 1"));
            assert_eq!(all.count(), 2, "{series}\n{page}");
        }
    }
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for node in town.nodes() {
        seen.extend(tried(&node.exporter.report()?));
    }
    let wanted: BTreeSet<String> = (1..=3).map(|number| format!("web@{}", at(number))).collect();
    assert_eq!(seen, wanted, "every task by some other node");
    // Again, and from now on.
    sleep(INTERVAL * 2);
    for node in town.nodes() {
        node.expect_series(
            "destination_probes_covered_ratio{destination=\"shop\"}",
            Some("1"),
            Duration::ZERO,
        )?;
    }

    let lost = format!("{DATA_PATH} {}", at(3));
    for node in town.nodes() {
        node.breaks(&lost, "a node's cable is pulled");
    }
    town.wire.cut_off(3)?;
    let reports = town.expect(&[1, 2, 3], &lost, Instant::now())?;
    for report in &reports {
        let one = finding(report, DATA_PATH);
        assert_eq!((text(&one["severity"]), text(&one["destination"])), ("page", "shop"), "{one:#}");
        let summary = text(&one["summary"]);
        assert!(summary.contains("`shop`") && summary.contains("data path"), "{summary}");
        assert!(summary.contains(&at(3)), "{summary}");
    }
    // The managers know what it is called, and it knows it of itself.
    for report in [&reports[0], &reports[2]] {
        assert!(text(&finding(report, DATA_PATH)["summary"]).contains("node-3"), "{report:#}");
    }
    assert!(text(&finding(&reports[2], DATA_PATH)["summary"]).starts_with("This node"), "{:#}", reports[2]);
    // It stays, though the gossip has long forgotten the node.
    sleep(INTERVAL * 2);
    for number in [1, 2, 3] {
        town.node(number).expect(&[&lost], Duration::ZERO)?;
    }

    for node in town.nodes() {
        node.repairs(&lost);
    }
    town.wire.plug_in(3)?;
    town.calm()
}

#[test]
fn the_data_path_and_the_gossip_fail_apart() -> Result<()> {
    let town = shop()?;
    town.calm()?;
    let third = &town.node(3).lab;

    let lost = format!("{DATA_PATH} {}", at(3));
    let drop = ["INPUT", "-p", "udp", "--dport", "4789", "-j", "DROP"];
    for node in town.nodes() {
        node.breaks(&lost, "a firewall drops the data path (4789/udp)");
    }
    third.exec_on_host(&[&["iptables", "-I"], &drop[..]].concat())?;
    let reports = town.expect(&[1, 2, 3], &lost, Instant::now())?;
    for report in &reports {
        let one = finding(report, DATA_PATH);
        let fine: Vec<&str> = one["ruled_out"].as_array().into_iter().flatten().map(text).collect();
        assert!(fine.iter().any(|word| word.starts_with("the way between the hosts")), "{one:#}");
        assert!(text(&one["summary"]).contains("UDP 4789"), "{one:#}");
    }
    for number in [1, 2] {
        let report = town.check(number)?;
        assert_eq!(text(&finding(&report, DATA_PATH)["subject"]["name"]), at(3), "{report:#}");
    }
    for node in town.nodes() {
        node.repairs(&lost);
    }
    third.exec_on_host(&[&["iptables", "-D"], &drop[..]].concat())?;
    town.calm()?;

    // Both ways: what it asks of others has to be answered too.
    let missing = format!("swarm-peer-missing {}", at(3));
    let rules: Vec<[&str; 7]> = ["INPUT", "OUTPUT"]
        .into_iter()
        .flat_map(|chain| ["tcp", "udp"].map(|proto| [chain, "-p", proto, "--dport", "7946", "-j", "DROP"]))
        .collect();
    for number in [1, 2] {
        town.node(number).breaks(&missing, "a firewall drops the gossip (7946)");
    }
    for rule in &rules {
        third.exec_on_host(&[&["iptables", "-I"], &rule[..]].concat())?;
    }
    // The gossip gives a silent node several seconds before it is taken for gone, and a listing shows that.
    let reports = [1, 2].map(|number| town.node(number).expect(&[&missing], SOON));
    for report in reports {
        let (report, took) = report?;
        println!("{missing} after {} ms", took.as_millis());
        let one = finding(&report, "swarm-peer-missing");
        assert!(text(&one["summary"]).contains("gossip port 7946 does not"), "{one:#}");
    }
    for number in [1, 2] {
        town.node(number).repairs(&missing);
    }
    for rule in &rules {
        third.exec_on_host(&[&["iptables", "-D"], &rule[..]].concat())?;
    }
    town.calm()
}

#[test]
fn a_node_that_is_meant_to_be_away_alarms_nobody_and_one_whose_engine_is_gone_does() -> Result<()> {
    let town = shop()?;
    town.calm()?;
    let manager = &town.node(1).lab;
    manager.docker(&["node", "update", "--availability", "drain", "node-3"])?;
    let began = Instant::now();
    while began.elapsed() < INTERVAL * 4 {
        town.calm()?;
        sleep(Duration::from_millis(500));
    }
    manager.docker(&["node", "update", "--availability", "active", "node-3"])?;
    for number in [1, 2] {
        let peer = format!("destination_overlay_peer_up{{destination=\"shop\",peer=\"{}\"}}", at(3));
        town.node(number).expect_series(&peer, Some("1"), SOON)?;
    }
    town.calm()?;

    let missing = format!("swarm-peer-missing {}", at(3));
    town.node(1).breaks(&missing, "a node's Engine is killed");
    town.node(3).lab.end_engine("KILL")?;
    let report = town.node(1).expect(&[&missing], Duration::from_secs(60))?.0;
    let one = finding(&report, "swarm-peer-missing");
    assert!(text(&one["summary"]).contains("no Engine of a Swarm listens"), "{one:#}");
    // A worker is told by nobody what a node that refuses is meant to do.
    town.node(2).expect(&[], Duration::ZERO)?;
    town.node(1).repairs(&missing);
    town.node(3).lab.start_engine()?;
    town.node(1).expect(&[], Duration::from_secs(60)).map(drop)
}

#[test]
fn a_wire_that_carries_less_than_the_overlay_takes_it_to() -> Result<()> {
    let swarm = Swarm::start(2, 1)?;
    network(&swarm, "shop", &[])?;
    serve(&swarm, "web", "shop", &["--mode", "global", "--endpoint-mode", "dnsrr"], 2)?;
    let town = Town::watched_with(swarm, "probes: {path_mtu: {interval: 5s}}\n")?;
    town.calm()?;
    let hole = "path-mtu-blackhole shop";
    for node in town.nodes() {
        node.breaks(hole, "the wire between two nodes carries less than an overlay needs");
    }
    town.wire.narrow(2, 1400)?;
    for node in town.nodes() {
        let report = node.expect(&[hole], SOON)?.0;
        let one = finding(&report, "path-mtu-blackhole");
        let fix = one["fix"].to_string();
        assert!(fix.contains("--driver overlay") && fix.contains("driver.mtu=13"), "{fix}");
    }
    for node in town.nodes() {
        node.repairs(hole);
    }
    town.wire.narrow(2, 1500)?;
    town.nodes().try_for_each(|node| node.expect(&[], SOON * 2).map(drop))
}
