//! What several of these rules say of a node.

use std::net::IpAddr;

use crate::diagnosis::words::{operand, saw};
use crate::diagnosis::{Evidence, Step};

use super::Of;
use super::sight::{Sight, Way};

/// What is left of the managers, where that is not all.
pub(super) fn managers(of: &Of<'_, '_>) -> Option<Evidence> {
    if let Some(why) = &of.swarm.control_error {
        return Some(saw("nodes, asked of this manager", &**why, "a list"));
    }
    let (all, reachable) = of.swarm.control.as_ref()?.managers;
    (reachable < all).then(|| saw("managers", format!("{reachable} of {all} reachable"), "all"))
}

pub(super) fn hosts(way: Way, source: String) -> Option<Evidence> {
    match way {
        Way::Open => Some(saw(source, "answered", "")),
        Way::Shut(_) => Some(saw(source, "no answer", "an answer")),
        Way::Unclear => None,
    }
}

/// A refusal tells that the host is there, and is no gossip.
pub(super) fn gossips(sight: &Sight<'_>, name: &str) -> Option<Evidence> {
    let source = format!("handshake from host with {name}, port 7946");
    if sight.refuses {
        return Some(saw(source, "refused", "an answer"));
    }
    hosts(sight.gossip, source)
}

/// What ends that a node is waited for. One that is a manager has to be none first.
pub(super) fn removed(of: &Of<'_, '_>, address: IpAddr, when: &'static str) -> Step {
    let Some(node) = of.swarm.node(address) else {
        return Step::prose(
            "where it is gone for good, docker node rm --force NODE on a manager has nobody wait for it",
        );
    };
    let id = operand(&node.id);
    let demote = node.is_manager.then(|| format!("docker node demote {id}"));
    Step::when(when, demote.into_iter().chain([format!("docker node rm --force {id}")]))
}
