//! `route-network-ambiguous` and `route-network-mismatch`: the proxy may look for the container on the wrong network.

use crate::diagnosis::Severity;
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{few, operand, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Choice;

use super::walk::Walk;
use super::wording::{hits_users, of_route, proxy_name, proxy_shell, seen, shell};

/// Several networks, and nothing says which.
pub(super) fn ambiguous(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteNetworkAmbiguous);
    finding.severity = if hits_users(walk) { Severity::Page } else { Severity::Ticket };
    let proxy = proxy_name(walk);
    let spots = || walk.hops.iter().filter_map(|hop| Some((hop, hop.backend.spot()?)));
    let of = |choice: &Choice| if let Choice::Any(all) = choice { Some(all.clone()) } else { None };
    let Some((hop, spot, all)) = spots().find_map(|(hop, spot)| Some((hop, spot, of(&spot.choice)?))) else {
        return finding;
    };
    let name = &hop.backend.name;
    finding.summary = format!(
        "{name} is on {}, no label says which one {proxy} is to use, and {proxy} is not on {}: whenever it picks that, the site does not answer.",
        few(&all),
        few(&spot.apart)
    );
    finding.evidence = vec![
        saw(format!("networks of {name}"), few(&all), "one, or a label that names one"),
        saw(format!("networks of {proxy}"), format!("not {}", few(&spot.apart)), "all of them"),
    ];
    finding.evidence.extend(seen(walk));
    finding.fix = vec![
        Step::prose("set the label traefik.docker.network to the network that the proxy is on, and redeploy"),
        Step::when(
            "or give the proxy a way to the others",
            spot.apart.iter().take(3).map(|network| {
                format!("docker network connect {} {}", operand(network), proxy_shell(scene, walk))
            }),
        ),
    ];
    let shell = shell(scene, Some(&hop.backend.container));
    finding.verify = vec![format!("docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {shell}")];
    finding
}

/// The label names a network that the container is not on.
pub(super) fn mismatch(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteNetworkMismatch);
    finding.severity = if hits_users(walk) { Severity::Page } else { Severity::Ticket };
    let proxy = proxy_name(walk);
    let spots = || walk.hops.iter().filter_map(|hop| Some((hop, hop.backend.spot()?)));
    let Some((hop, label, all)) = spots().find_map(|(hop, spot)| match &spot.choice {
        Choice::Mislabelled(label, all) => Some((hop, label.clone(), all.clone())),
        _ => None,
    }) else {
        return finding;
    };
    let name = &hop.backend.name;
    let then = match walk.route.kind {
        crate::proxy::Kind::Traefik => "takes any other instead",
        crate::proxy::Kind::Caddy => "finds no upstream then (503)",
    };
    finding.summary = format!(
        "{name}'s label tells {proxy} to use the network {label}, and {name} is on {} only: {proxy} {then}.",
        few(&all)
    );
    finding.evidence = vec![saw(format!("networks of {name}"), few(&all), "the one that the label names")];
    finding.evidence.extend(seen(walk));
    let shell = shell(scene, Some(&hop.backend.container));
    finding.fix = vec![
        Step::prose(
            "correct the label traefik.docker.network (Caddy: caddy_ingress_network) and redeploy; networks of Compose carry the project's name in front",
        ),
        Step::prose(
            "or put the container on that network, where it is yours and both are to reach each other",
        ),
    ];
    finding.verify = vec![
        format!("docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {shell}"),
        "docker network ls".to_owned(),
    ];
    finding
}
