//! Which networks are destinations.
//!
//! A destination is a network that workloads are deployed to. The Engine's own plumbing (the routing
//! mesh, `docker_gwbridge`, `host`, `none`) never is, whatever the operator's patterns say.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Selection, matches};

use super::seen::{SeenNetwork, bounded};

/// Names that the Engine keeps for itself.
const PLUMBING: &[&str] = &["ingress", "docker_gwbridge", "host", "none"];

/// Drivers whose networks workloads are deployed to.
const DRIVERS: &[&str] = &["bridge", "overlay"];

/// The option that marks the default bridge, also where somebody renamed it.
const DEFAULT_BRIDGE: &str = "com.docker.network.bridge.default_bridge";

/// Networks that could be destinations, each once. Without an id, nobody can say which of two it is: such
/// a one is told and left out.
pub fn candidates<'a>(networks: &'a [SeenNetwork], oddities: &mut BTreeSet<String>) -> Vec<&'a SeenNetwork> {
    let mut ids = BTreeSet::new();
    let mut candidates = Vec::new();
    for network in networks.iter().filter(|network| is_candidate(network)) {
        if network.id.is_empty() {
            oddities.insert(format!("a network without an id ({:?}) is left out", bounded(&network.name)));
        } else if ids.insert(&network.id) {
            candidates.push(network);
        }
    }
    candidates
}

/// True for a network that could be a destination at all.
pub fn is_candidate(network: &SeenNetwork) -> bool {
    DRIVERS.contains(&network.driver.as_str())
        && !network.ingress
        && !PLUMBING.contains(&network.name.as_str())
}

/// True for the network that containers get when nobody names one. It has no name resolution, and it is
/// there on every host: only its use makes it a destination.
pub fn is_default_bridge(network: &SeenNetwork, podman: bool) -> bool {
    // Podman's own is `podman`, and `bridge` to who asks over the compatible API.
    let usual = network.name == "bridge" || (podman && network.name == "podman");
    network.driver == "bridge" && (usual || network.options.get(DEFAULT_BRIDGE).is_some_and(|v| v == "true"))
}

/// True where the operator would want a network of this name, of which nothing else is known.
pub fn is_named(name: &str, selection: &Selection) -> bool {
    let named = |patterns: &[String]| patterns.iter().any(|p| matches(p, name));
    (selection.include.is_empty() || named(&selection.include))
        && !named(&selection.exclude)
        && selection.include_labels.is_empty()
}

/// True where the operator wants this network watched.
pub fn is_wanted(network: &SeenNetwork, selection: &Selection) -> bool {
    let named = |patterns: &[String]| patterns.iter().any(|p| matches(p, &network.name));
    let labelled = |wanted: &String| has_label(&network.labels, wanted);
    (selection.include.is_empty() || named(&selection.include))
        && !named(&selection.exclude)
        && selection.include_labels.iter().all(labelled)
        && !selection.exclude_labels.iter().any(labelled)
}

/// `key`, or `key=value`.
fn has_label(labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|v| v == value),
        None => labels.contains_key(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(name: &str, driver: &str) -> SeenNetwork {
        SeenNetwork { name: name.into(), driver: driver.into(), ..SeenNetwork::default() }
    }

    #[test]
    fn the_engines_plumbing_is_no_destination() {
        for (name, driver, expected) in [
            ("coolify", "bridge", true),
            ("coolify-overlay", "overlay", true),
            ("bridge", "bridge", true),
            ("ingress", "overlay", false),
            ("docker_gwbridge", "bridge", false),
            ("host", "host", false),
            ("none", "null", false),
            ("lan", "macvlan", false),
        ] {
            assert_eq!(is_candidate(&network(name, driver)), expected, "{name}");
        }
        let renamed_mesh = SeenNetwork { ingress: true, ..network("mesh", "overlay") };
        assert!(!is_candidate(&renamed_mesh));
    }

    #[test]
    fn without_an_id_or_twice_with_one_it_is_no_second_destination() {
        let named = |id: &str, name| SeenNetwork { id: id.into(), ..network(name, "bridge") };
        let networks = [
            named("1", "shop"),
            named("", "shop"),
            named("", "blog"),
            named("1", "again"),
            named("2", "shop"),
        ];
        let mut told = BTreeSet::new();
        let kept: Vec<&str> = candidates(&networks, &mut told).iter().map(|n| n.id.as_str()).collect();
        assert_eq!(kept, ["1", "2"]);
        let left_out = |name| format!("a network without an id ({name:?}) is left out");
        assert_eq!(told, BTreeSet::from([left_out("shop"), left_out("blog")]));
    }

    #[test]
    fn the_default_bridge_is_known_by_name_or_option() {
        let mut renamed = network("lan0", "bridge");
        renamed.options.insert(DEFAULT_BRIDGE.into(), "true".into());
        assert!(is_default_bridge(&renamed, false));
        assert!(is_default_bridge(&network("bridge", "bridge"), false));
        assert!(is_default_bridge(&network("podman", "bridge"), true));
        assert!(!is_default_bridge(&network("podman", "bridge"), false));
        assert!(!is_default_bridge(&network("bridge", "overlay"), false));
    }

    #[test]
    fn the_operator_chooses_by_name_and_label() {
        let mut shop = network("shop", "bridge");
        shop.labels.insert("team".into(), "a".into());
        let to = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (include, exclude, include_labels, exclude_labels, expected) in [
            (&[][..], &[][..], &[][..], &[][..], true),
            (&["sh*"], &[], &[], &[], true),
            (&["blog"], &[], &[], &[], false),
            (&["blog", "shop"], &[], &[], &[], true),
            (&["sh*"], &["*op"], &[], &[], false),
            (&[], &[], &["team"], &[], true),
            (&[], &[], &["team=a"], &[], true),
            (&[], &[], &["team=b"], &[], false),
            (&[], &[], &["team", "other"], &[], false),
            (&[], &[], &[], &["team=b"], true),
            (&[], &[], &[], &["other", "team"], false),
        ] {
            let selection = Selection {
                include: to(include),
                exclude: to(exclude),
                include_labels: to(include_labels),
                exclude_labels: to(exclude_labels),
                expect: Vec::new(),
            };
            assert_eq!(is_wanted(&shop, &selection), expected, "{selection:?}");
        }
    }
}
