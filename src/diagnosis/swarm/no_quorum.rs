//! `swarm-no-quorum`: the managers cannot decide anything, or this node has no part in it.
//!
//! Managers agree by Raft: more than half of them must reach each other. Without that, what runs goes on running, and
//! nothing is started, moved or mended. A manager that was locked (`--autolock`) decides nothing until somebody unlocks it.
//! One that finds no leader does not know whether the others have one without it: whoever is cut off altogether is told
//! as that, and of nobody else's quorum is said more than this one sees.

use crate::diagnosis::words::{few, operand, quoted, saw};
use crate::diagnosis::{Code, Finding, Severity, Step};
use crate::inventory::swarm::Node;

use super::Of;

/// What an Engine says of a Swarm without a leader (moby, `daemon/cluster/errors.go`, and swarmkit's own words). It waits
/// for one first, for longer than an answer may take: the list of nodes is small, and a manager that is well has it at hand.
const LEADERLESS: [&str; 4] = ["leader", "quorum", "deadline exceeded", "nodes: no complete answer"];

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let swarm = of.swarm;
    let all: Vec<&str> = swarm.control_error.as_deref().into_iter().chain(swarm.error.as_deref()).collect();
    let is_of_it = |said: &&&str| LEADERLESS.iter().any(|word| said.contains(word));
    let said = all.iter().rev().find(is_of_it).or(all.first()).copied().unwrap_or_default();
    let is_leaderless = swarm.is_manager && all.iter().any(|said| is_of_it(&said));
    let found = match &*swarm.state {
        "locked" => Some(locked(of)),
        "error" => Some(broken(of, said)),
        // That it finds no leader either is a part of that.
        _ if is_leaderless && of.sights.are_all_away() => None,
        _ if is_leaderless => Some(leaderless(of, said)),
        _ => spare(of),
    };
    found.into_iter().collect()
}

fn draft(of: &Of<'_, '_>, severity: Severity) -> Finding {
    let mut finding = of.draft(Code::SwarmNoQuorum, "swarm", "swarm", None);
    finding.severity = severity;
    finding.verify = vec!["docker info -f '{{json .Swarm}}'".to_owned(), "docker node ls".to_owned()];
    finding
}

fn locked(of: &Of<'_, '_>) -> Finding {
    let mut finding = draft(of, Severity::Page);
    finding.summary = format!(
        "Node {} is a locked manager: until it is unlocked it decides nothing and runs no task.",
        quoted(&of.own())
    );
    finding.evidence = vec![saw("state of this node in the Swarm", "locked", "active")];
    finding.fix = vec![
        Step::when(
            "with the key that swarm init or docker swarm unlock-key printed",
            ["docker swarm unlock".to_owned()],
        ),
        Step::when(
            "on another manager, where the key is not at hand",
            ["docker swarm unlock-key -q".to_owned()],
        ),
    ];
    finding
}

fn broken(of: &Of<'_, '_>, said: &str) -> Finding {
    let mut finding = draft(of, Severity::Page);
    finding.summary = format!("Node {} has no part in its Swarm: {said}.", quoted(&of.own()));
    finding.evidence = vec![saw("state of this node in the Swarm", format!("error: {said}"), "active")];
    finding.fix = vec![
        Step::look("what its Engine says of it", ["journalctl -u docker -n 50".to_owned()]),
        Step::restart_node(
            "where its certificate has expired or its clock was wrong, once the clock is right",
        ),
        Step::when(
            "where nothing else helps, have a worker leave and join anew; never the last manager, which takes all services, secrets and networks of the Swarm with it",
            [
                "docker swarm leave --force".to_owned(),
                "docker swarm join --token TOKEN MANAGER:2377".to_owned(),
            ],
        ),
    ];
    finding
}

fn leaderless(of: &Of<'_, '_>, said: &str) -> Finding {
    let mut finding = draft(of, Severity::Page);
    let knows = of.swarm.control.as_ref().map_or(0, |control| control.managers.0);
    // Of two neither has a quorum alone.
    let others_may = knows.max(of.swarm.managers.len()) > 2;
    let as_seen = if others_may { ", as far as this one sees" } else { "" };
    finding.summary = format!(
        "The Swarm's managers have no quorum{as_seen}: what runs goes on running, and nothing is started, moved or mended until more than half of them reach each other.",
    );
    finding.evidence = vec![saw("nodes, asked of this manager", said, "a list")];
    let managers = of.swarm.managers.iter().map(|(ip, _)| of.swarm.called(*ip));
    finding.evidence.push(saw("managers that this node knows", few(managers), ""));
    if others_may {
        finding.fix.push(Step::look(
            "on each other manager that runs: where one lists the nodes they have a quorum without this one, and its own way to them alone is to be mended",
            ["docker node ls".to_owned()],
        ));
    }
    finding.fix.extend([
        Step::prose(
            "bring the other managers back: with more than half of them reachable the Swarm goes on by itself",
        ),
        Step::when(
            "where they are gone for good, on one that is left: it becomes the only manager, and keeps services and nodes; its own containers stop and start again, and then docker node rm --force takes out each that is gone, so that none comes back as a manager",
            [match of.swarm.address {
                Some(own) => format!("docker swarm init --force-new-cluster --advertise-addr {own}"),
                None => "docker swarm init --force-new-cluster".to_owned(),
            }],
        ),
        Step::prose("have three managers, or five: two bear the loss of none"),
    ]);
    finding
}

/// One more may not be lost.
fn spare(of: &Of<'_, '_>) -> Option<Finding> {
    let control = of.swarm.control.as_ref()?;
    let (all, reachable) = control.managers;
    if reachable == all || of.swarm.control_error.is_some() {
        return None;
    }
    // Who leads notices a moment later that nobody follows.
    if reachable * 2 <= all {
        return Some(leaderless(of, &format!("{reachable} of {all} managers are reachable")));
    }
    let spare = reachable.saturating_sub(all / 2 + 1);
    let mut finding = draft(of, Severity::Ticket);
    let gone = || control.nodes.iter().filter(|node| node.is_manager && !node.is_ready);
    let away: Vec<String> = gone().filter_map(|node| Some(of.swarm.called(node.address?))).collect();
    // That a node is out of reach is told already, with what that makes of the managers.
    let is_told = |node: &Node| {
        let address = node.address.map(|address| address.to_string()).unwrap_or_default();
        of.sights.of_node(&address).any(|sight| sight.is_broken() || sight.is_missed())
    };
    if !away.is_empty() && gone().all(is_told) {
        return None;
    }
    finding.summary = format!(
        "{reachable} of {all} managers are reachable{}: {}.",
        if away.is_empty() { String::new() } else { format!(" (not {})", few(&away)) },
        if spare == 0 {
            "one more lost, and nothing is started, moved or mended any more"
        } else {
            "the Swarm bears the loss of fewer than it was made for"
        },
    );
    finding.evidence = vec![saw("managers", format!("{reachable} of {all} reachable"), "all")];
    finding.fix = vec![
        Step::prose(
            "bring it back; or, where it is gone for good, have another node be a manager in its place",
        ),
        Step::when(
            "on a manager; NODE is the one that is to be a manager",
            std::iter::once("docker node promote NODE".to_owned())
                .chain(gone().map(|node| format!("docker node demote {}", operand(&node.id)))),
        ),
    ];
    Some(finding)
}
