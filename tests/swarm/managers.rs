//! Managers: without a quorum, locked, and nodes whose addresses are not of one network.

use std::time::{Duration, Instant};

use lab::watched::{finding, text};
use lab::{Result, Swarm};
use serde_json::Value;

use super::town::{SOON, Town, at, network, serve};

const NO_QUORUM: &str = "swarm-no-quorum swarm";
const MISMATCH: &str = "swarm-address-mismatch swarm";
/// An Engine waits for a leader before it says that there is none.
const UNTIL_SAID: Duration = Duration::from_secs(60);
const UNTIL_ELECTED: Duration = Duration::from_secs(240);

#[test]
fn two_managers_of_which_one_is_away_and_a_locked_one() -> Result<()> {
    let town = Town::watched(Swarm::start(2, 2)?)?;
    town.calm()?;
    town.node(1).breaks(NO_QUORUM, "one of two managers is cut off");
    town.wire.cut_off(2)?;
    let report = town.node(1).expect(&[NO_QUORUM], UNTIL_SAID)?.0;
    let one = finding(&report, "swarm-no-quorum");
    assert_eq!(text(&one["severity"]), "page");
    assert!(text(&one["summary"]).contains("no quorum"), "{one:#}");
    town.node(1).expect_series("destination_swarm_control", Some("0"), SOON)?;
    town.node(1).repairs(NO_QUORUM);
    town.wire.plug_in(2)?;
    for node in town.nodes() {
        wait_for_a_leader(&node.lab)?;
        node.expect(&[], SOON)?;
        node.expect_series("destination_swarm_control", Some("1"), SOON)?;
    }

    let first = &town.node(1).lab;
    let key = first.docker(&["swarm", "update", "--autolock"])?;
    let key = key.lines().find_map(|line| line.trim().strip_prefix("SWMKEY")).expect("the key").to_owned();
    town.node(2).breaks(NO_QUORUM, "a locked manager starts anew");
    town.node(2).lab.end_engine("TERM")?;
    town.node(2).lab.start_engine()?;
    let began = Instant::now();
    // Meanwhile it is blind, and that is said.
    loop {
        let report = town.node(2).exporter.report()?;
        let told: Vec<bool> =
            lab::watched::all(&report).map(|one| text(&one["summary"]).contains("locked manager")).collect();
        if told == [true] {
            break;
        }
        assert!(began.elapsed() < UNTIL_SAID, "{report:#}\n{}", town.node(2).exporter.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let standing = [NO_QUORUM.to_owned()].into();
    town.node(2).note(&standing, UNTIL_SAID);
    town.node(2).repairs(NO_QUORUM);
    let unlock = format!("echo SWMKEY{key} | docker -H unix:///run/docker.sock swarm unlock");
    town.node(2).lab.exec_on_host(&["sh", "-c", &unlock])?;
    // An Engine that takes up its part in the Swarm answers nobody for a while, and that is said too.
    let began = Instant::now();
    while !town.node(2).findings()?.is_empty() {
        assert!(began.elapsed() < UNTIL_SAID, "{:?}", town.node(2).findings()?);
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Until this node's own Engine lists the nodes again: how long two managers take to elect is theirs (Raft tries anew each
/// ten to twenty seconds, and both may stand at once), and what is told here follows from there on.
fn wait_for_a_leader(lab: &lab::Lab) -> Result<()> {
    let began = Instant::now();
    while let Err(why) = lab.docker(&["node", "ls"]) {
        assert!(began.elapsed() < UNTIL_ELECTED, "no leader: {why}");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Two of three have a quorum: that the third has none is a part of its being cut off, on both sides.
#[test]
fn a_manager_that_is_cut_off_is_one_finding_on_both_sides() -> Result<()> {
    let swarm = Swarm::start(3, 3)?;
    network(&swarm, "shop", &[])?;
    serve(&swarm, "web", "shop", &["--mode", "global", "--endpoint-mode", "dnsrr"], 3)?;
    let town = Town::watched(swarm)?;
    town.calm()?;
    let lost = format!("swarm-data-path-broken {}", at(3));
    for node in town.nodes() {
        node.breaks(&lost, "one of three managers is cut off");
    }
    town.wire.cut_off(3)?;
    town.expect(&[1, 2, 3], &lost, Instant::now())?;
    let began = Instant::now();
    let is_leaderless = |report: &Value| report.to_string().contains("does not have a leader");
    // Until it has noticed that nobody leads any more, and for as long as what managers say has to stand.
    let mut noticed = None;
    while noticed.is_none_or(|at: Instant| at.elapsed() < Duration::from_secs(25)) {
        for number in [1, 2, 3] {
            let report = town.node(number).expect(&[&lost], Duration::ZERO)?.0;
            if number == 3 && is_leaderless(&report) {
                noticed = noticed.or(Some(Instant::now()));
            }
        }
        assert!(began.elapsed() < UNTIL_SAID * 2, "{:#}", town.node(3).exporter.report()?);
        std::thread::sleep(Duration::from_millis(250));
    }
    for node in town.nodes() {
        node.repairs(&lost);
    }
    town.wire.plug_in(3)?;
    wait_for_a_leader(&town.node(3).lab)?;
    town.calm()
}

#[test]
fn a_node_that_advertises_an_address_that_others_do_not_reach() -> Result<()> {
    let swarm = Swarm::start(3, 1)?;
    network(&swarm, "shop", &[])?;
    serve(&swarm, "web", "shop", &["--mode", "global", "--endpoint-mode", "dnsrr"], 3)?;
    // The third one leaves, and joins again by an address of its own that is on no wire.
    let third = swarm.node(3);
    third.docker(&["swarm", "leave", "--force"])?;
    third.exec_on_host(&["ip", "link", "add", "private", "type", "bridge"])?;
    third.exec_on_host(&["ip", "address", "add", "10.77.0.3/24", "dev", "private"])?;
    third.exec_on_host(&["ip", "link", "set", "private", "up"])?;
    swarm.join_as(3, "worker", [10, 77, 0, 3].into())?;
    let town = Town::watched(swarm)?;
    for number in [1, 2] {
        town.node(number).deploys(MISMATCH, "a node advertises an address of another network");
        let report = town.node(number).expect(&[MISMATCH], SOON * 2)?.0;
        let one = finding(&report, "swarm-address-mismatch");
        let summary = text(&one["summary"]);
        assert!(summary.contains("private: 10.77.0.3") && summary.contains("does not reach"), "{summary}");
    }
    Ok(())
}
