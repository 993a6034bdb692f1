//! `route-network-ambiguous` and `route-network-mismatch`: the proxy may look for the container on the wrong network.

use crate::diagnosis::Severity;
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{few, few_quoted, operand, quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Choice;

use super::walk::Walk;
use super::wording::{hits_users, of_route, proxy_name, proxy_shell, seen, shell, visitors_get};

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
        "{}container {} is on {}, no label says which one {} is to use, and that is not on {}: whenever it picks that, the site does not answer.",
        visitors(walk),
        quoted(name),
        few_quoted(&all),
        quoted(&proxy),
        few_quoted(&spot.apart)
    );
    finding.summary = begun(finding.summary);
    finding.evidence = vec![
        saw(format!("networks of {name}"), few(&all), "one, or a label that names one"),
        saw(format!("networks of {proxy}"), format!("not {}", few(&spot.apart)), "all of them"),
    ];
    finding.evidence.extend(seen(walk));
    finding.fix = vec![
        Step::at_once(
            "quickest: give the proxy a way to the others",
            spot.apart.iter().take(3).map(|network| {
                format!("docker network connect {} {}", operand(network), proxy_shell(scene, walk))
            }),
        ),
        Step::prose(
            "for good: set the label traefik.docker.network to the network that the proxy is on, and redeploy",
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
        "{}the label of the container {} tells {} to use the network {}, and it is on {} only: the proxy {then}.",
        visitors(walk),
        quoted(name),
        quoted(&proxy),
        quoted(&label),
        few_quoted(&all)
    );
    finding.summary = begun(finding.summary);
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

/// What visitors get, where they do not get the site: the beginning of a summary.
fn visitors(walk: &Walk<'_>) -> String {
    let get = visitors_get(walk).filter(|_| hits_users(walk));
    get.map_or_else(String::new, |get| format!("Visitors of {} get {get}: ", walk.route.domain))
}

/// A sentence begins with a capital letter.
fn begun(sentence: String) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
