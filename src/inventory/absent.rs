//! Destinations that ought to be there and are not.
//!
//! Two things say that a network ought to be there: the operator (`destinations.expect`, or an `include`
//! that names one in full), and containers that were made for it. The second is how a destination shows
//! that Coolify's form made and the Engine never did, and one that was pruned while its resource slept.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::Selection;

use super::part::part;
use super::seen::{Seen, SeenContainer, bounded};
use super::select;

/// Words of `HostConfig.NetworkMode` that name no network of the operator's.
const MODES: &[&str] = &["", "default", "bridge", "host", "none", "nat", "private", "slirp4netns", "pasta"];

/// The label of a task's container.
const SWARM_TASK: &str = "com.docker.swarm.task.id";

/// The names, sorted. `refers` says of which containers it matters what they were made for.
pub fn absent(seen: &Seen, selection: &Selection, refers: impl Fn(&SeenContainer) -> bool) -> Vec<Arc<str>> {
    let is_there = |word: &str| seen.networks.iter().any(|n| n.name == word || n.id == word);
    let in_full = selection.include.iter().filter(|pattern| !pattern.contains('*'));
    let mut names: BTreeSet<&str> = selection.expect.iter().chain(in_full).map(String::as_str).collect();
    // A node of a Swarm lists an overlay while a task on it uses the network: that of one that ended is elsewhere.
    let is_task = |one: &&SeenContainer| one.labels.contains_key(SWARM_TASK);
    for container in seen.containers.iter().filter(|c| refers(c) && !is_task(c)) {
        names.extend(needs(container).filter(|name| select::is_named(name, selection)));
    }
    names.into_iter().map(bounded).filter(|name| !is_there(name)).map(|name| part(name).into()).collect()
}

/// The networks that a container was made for, by name. An id that the mode holds says nothing to a
/// person: the container's endpoint on that network has the name.
fn needs(container: &SeenContainer) -> impl Iterator<Item = &str> {
    let mode = container.network_mode.as_str();
    let is_id = mode.len() == 64 && mode.bytes().all(|b| b.is_ascii_hexdigit());
    let is_network = !MODES.contains(&mode) && !mode.contains(':') && !is_id;
    let by_mode = Some(mode).filter(|_| is_network);
    let endpoints = container.endpoints.iter().map(|e| e.network.as_str());
    by_mode.into_iter().chain(endpoints).filter(|name| !MODES.contains(name))
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::container;
    use super::super::seen::{SeenEndpoint, SeenNetwork};
    use super::*;

    fn network(name: &str) -> SeenNetwork {
        SeenNetwork { id: format!("id-of-{name}"), name: name.into(), ..SeenNetwork::default() }
    }

    fn made_for(mode: &str, networks: &[&str]) -> SeenContainer {
        let endpoint = |name: &&str| SeenEndpoint { network: (*name).into(), ..SeenEndpoint::default() };
        SeenContainer {
            network_mode: mode.into(),
            endpoints: networks.iter().map(endpoint).collect(),
            ..container("c1", "app")
        }
    }

    fn check(selection: &Selection, containers: Vec<SeenContainer>, expected: &[&str]) {
        let seen = Seen {
            networks: vec![network("shop"), network("blog")],
            containers: containers.clone(),
            ..Seen::default()
        };
        let found = absent(&seen, selection, |_| true);
        assert_eq!(found.iter().map(|n| &**n).collect::<Vec<_>>(), expected, "{selection:?} {containers:?}");
    }

    #[test]
    fn what_the_operator_names_in_full_ought_to_be_there() {
        let to = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (expect, include, expected) in [
            (&[][..], &[][..], &[][..]),
            (&["shop", "gone"], &[], &["gone"]),
            (&[], &["shop", "sh*", "gone*", "gone"], &["gone"]),
            (&["b", "a", "a"], &["a"], &["a", "b"]),
        ] {
            let selection = Selection { expect: to(expect), include: to(include), ..Selection::default() };
            check(&selection, Vec::new(), expected);
        }
    }

    #[test]
    fn so_does_what_a_container_was_made_for() {
        let all = Selection::default();
        let id = "0123456789abcdef".repeat(4);
        for (mode, networks, expected) in [
            ("shop", &["shop"][..], &[][..]),
            ("id-of-shop", &["shop"], &[]),
            ("gone", &[], &["gone"]),
            ("shop", &["shop", "gone"], &["gone"]),
            (&id, &["gone"], &["gone"]),
            (&id, &[], &[]),
            ("host", &["host"], &[]),
            ("none", &["none"], &[]),
            ("default", &["bridge"], &[]),
            ("container:gone", &[], &[]),
            ("ns:/run/netns/x", &[], &[]),
        ] {
            check(&all, vec![made_for(mode, networks)], expected);
        }
    }

    #[test]
    fn what_the_operator_does_not_want_is_not_missed() {
        let to = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for selection in [
            Selection { include: to(&["sh*"]), ..Selection::default() },
            Selection { exclude: to(&["gone"]), ..Selection::default() },
            // Whether a network that is not there would bear the label, nobody knows.
            Selection { include_labels: to(&["team=a"]), ..Selection::default() },
        ] {
            check(&selection, vec![made_for("gone", &[])], &[]);
        }
    }
}
