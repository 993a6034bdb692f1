//! Who made a network, and what a person would call it.
//!
//! Coolify puts no label on a network and names most of them with 24 random characters. Whose it is
//! can only be told from the containers on it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::model::Origin;
use super::part::part;
use super::proxy::is_proxy;
use super::seen::{SeenContainer, SeenNetwork, bounded};
use super::select::is_default_bridge;
use super::workload::{COMPOSE_PROJECT, is_managed_by_coolify, label, pull_request};

/// Compose's own name of a network.
const COMPOSE_NETWORK: &str = "com.docker.compose.network";

/// The most projects that a display name lists.
const MOST_PROJECTS: usize = 3;

/// Judges by the network and the containers on it (running or not).
pub fn origin(network: &SeenNetwork, members: &[&SeenContainer], podman: bool) -> Origin {
    if is_default_bridge(network, podman) {
        return Origin::DefaultBridge;
    }
    if matches!(network.name.as_str(), "coolify" | "coolify-overlay") {
        return Origin::CoolifyDestination;
    }
    // The proxy is attached to all of them, so it says nothing of what a network is for.
    let mut made_by_coolify = members.iter().filter(|c| is_managed_by_coolify(&c.labels) && !is_proxy(c));
    if members.iter().any(|c| is_in_stack_of(network, c)) {
        return Origin::CoolifyStack;
    }
    if label(&network.labels, COMPOSE_PROJECT).is_some() {
        return Origin::Compose;
    }
    let has_coolifys_proxy = || members.iter().any(|c| c.name == "coolify-proxy");
    if made_by_coolify.next().is_some() || has_coolifys_proxy() {
        return Origin::CoolifyDestination;
    }
    Origin::Plain
}

/// True where the network is named after the container's Compose project (`<uuid>`, for a preview
/// `<uuid>-<number>`), or was declared in that project's file.
fn is_in_stack_of(network: &SeenNetwork, container: &SeenContainer) -> bool {
    let Some(project) = label(&container.labels, COMPOSE_PROJECT) else { return false };
    if !is_managed_by_coolify(&container.labels) || is_proxy(container) {
        return false;
    }
    let is_preview = |rest: &str| {
        rest.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    label(&network.labels, COMPOSE_PROJECT) == Some(project)
        || network.name.strip_prefix(project).is_some_and(|rest| rest.is_empty() || is_preview(rest))
}

/// What a person would call it; the name where nothing better is known.
pub fn display_name(network: &SeenNetwork, origin: Origin, members: &[&SeenContainer]) -> String {
    let better = match origin {
        Origin::CoolifyStack => members.iter().filter(|c| is_in_stack_of(network, c)).find_map(|c| {
            let resource = label(&c.labels, "coolify.resourceName")?;
            Some(match pull_request(&c.labels) {
                Some(number) => format!("{} (PR {})", part(resource), part(number)),
                None => part(resource).into_owned(),
            })
        }),
        Origin::CoolifyDestination if is_random(&network.name) => projects(members),
        Origin::Compose => label(&network.labels, COMPOSE_PROJECT).map(|project| {
            match label(&network.labels, COMPOSE_NETWORK).filter(|n| *n != "default") {
                Some(network) => format!("{}/{}", part(project), part(network)),
                None => part(project).into_owned(),
            }
        }),
        _ => None,
    };
    better.unwrap_or_else(|| part(bounded(&network.name)).into_owned())
}

/// The projects whose containers share a destination.
fn projects(members: &[&SeenContainer]) -> Option<String> {
    let names: BTreeSet<&str> =
        members.iter().filter_map(|c| label(&c.labels, "coolify.projectName")).collect();
    let shown: Vec<Cow<'_, str>> = names.iter().take(MOST_PROJECTS).map(|name| part(name)).collect();
    let more = if names.len() > shown.len() { ", …" } else { "" };
    (!shown.is_empty()).then(|| format!("{}{more}", shown.join(", ")))
}

/// True for the 24 characters that Coolify draws. Words of that length have no digit.
fn is_random(name: &str) -> bool {
    name.len() == 24
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && name.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::container;
    use super::*;

    const UUID: &str = "v8k4s0o4kw8g0c8sk4gs0wck";

    fn network(name: &str, labels: &[(&str, &str)]) -> SeenNetwork {
        SeenNetwork {
            name: name.into(),
            driver: "bridge".into(),
            labels: labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            ..SeenNetwork::default()
        }
    }

    fn member(name: &str, labels: &[(&str, &str)]) -> SeenContainer {
        let mut made = container("c1", name);
        made.labels = labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        made
    }

    #[test]
    fn whose_it_is_and_what_it_is_called() {
        let managed = ("coolify.managed", "true");
        let mut proxy = member("coolify-proxy", &[managed, ("coolify.proxy", "true")]);
        proxy.has_engine_socket = true;
        let stack = member(
            "web-1",
            &[
                managed,
                (COMPOSE_PROJECT, UUID),
                ("coolify.resourceName", "umami"),
                ("coolify.projectName", "p1"),
            ],
        );
        let preview = member(
            "web-2",
            &[
                managed,
                (COMPOSE_PROJECT, UUID),
                ("coolify.resourceName", "shop"),
                ("coolify.pullRequestId", "7"),
            ],
        );
        let app = member("app", &[managed, (COMPOSE_PROJECT, "other"), ("coolify.projectName", "p2")]);
        let plain = member("by-hand", &[]);
        let compose = [(COMPOSE_PROJECT, "blog"), (COMPOSE_NETWORK, "default")];
        let backend = [(COMPOSE_PROJECT, "blog"), (COMPOSE_NETWORK, "backend")];
        let declared = [(COMPOSE_PROJECT, UUID), (COMPOSE_NETWORK, "inner")];

        for (network, members, expected, shown) in [
            (network("bridge", &[]), vec![&plain], Origin::DefaultBridge, "bridge"),
            (network("coolify", &[]), vec![], Origin::CoolifyDestination, "coolify"),
            (network("coolify-overlay", &[]), vec![&stack], Origin::CoolifyDestination, "coolify-overlay"),
            (network(UUID, &[]), vec![&proxy, &stack], Origin::CoolifyStack, "umami"),
            (network(&format!("{UUID}-7"), &[]), vec![&preview], Origin::CoolifyStack, "shop (PR 7)"),
            (
                network(&format!("{UUID}-x"), &[]),
                vec![&stack],
                Origin::CoolifyDestination,
                "v8k4s0o4kw8g0c8sk4gs0wck-x",
            ),
            (network(UUID, &[]), vec![&app], Origin::CoolifyDestination, "p2"),
            (network("production", &[]), vec![&app, &stack], Origin::CoolifyDestination, "production"),
            (network("x", &declared), vec![&stack], Origin::CoolifyStack, "umami"),
            (network("edge", &[]), vec![&proxy], Origin::CoolifyDestination, "edge"),
            (network("blog_default", &compose), vec![&plain], Origin::Compose, "blog"),
            (network("blog_backend", &backend), vec![&proxy], Origin::Compose, "blog/backend"),
            (network("by-hand", &[]), vec![&plain], Origin::Plain, "by-hand"),
            (network("by-hand", &[]), vec![], Origin::Plain, "by-hand"),
        ] {
            let found = origin(&network, &members, false);
            assert_eq!(found, expected, "{}", network.name);
            assert_eq!(display_name(&network, found, &members), shown, "{}", network.name);
        }
    }
}
