//! `proxy-provider-broken`: the proxy answers, and knows none of the rules that the labels declare.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnosis::route::walk::{Cause, Walk};
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Proxy;

/// So many rules are unknown together before it is the proxy's connection to the Engine, and not a rule.
const ENOUGH: usize = 2;
/// Settling and a round of looks, after which each rule was asked for.
const ROUND: Duration = Duration::from_secs(40);

/// Whether the route is unknown as all of its proxy are, or as all may be of one that has just started.
pub(in crate::diagnosis) fn is_of_all(scene: &Scene<'_>, walk: &Walk<'_>) -> bool {
    let Some(proxy) = walk.proxy else { return false };
    let unknown = all_unknown(scene, proxy).len();
    unknown >= ENOUGH || (unknown > 0 && is_fresh(scene, proxy) && routes_of(scene, proxy).count() >= ENOUGH)
}

/// Not all of its rules have been asked for since it started.
fn is_fresh(scene: &Scene<'_>, proxy: &Proxy) -> bool {
    let started = scene.inventory.and_then(|i| i.container(&proxy.container)?.started_at);
    started.is_some_and(|at| scene.snapshot.at.duration_since(at).is_ok_and(|age| age < ROUND))
}

fn routes_of<'s, 'a>(scene: &'s Scene<'a>, proxy: &Proxy) -> impl Iterator<Item = &'s Walk<'a>> {
    let of_it = |walk: &&Walk<'_>| walk.proxy.is_some_and(|of| of.container == proxy.container);
    scene.walks.iter().filter(of_it)
}

/// The routes of a proxy, where it knows none of those that could be asked for.
fn all_unknown<'s, 'a>(scene: &'s Scene<'a>, proxy: &Proxy) -> Vec<&'s Walk<'a>> {
    let its = || routes_of(scene, proxy);
    let unknown: Vec<&Walk<'_>> = its().filter(|walk| walk.cause == Some(Cause::Unknown)).collect();
    // One that is served, or fails behind the proxy, is one that it knows.
    let known = its().any(|walk| {
        !walk.entries.is_empty()
            && walk.route.also.is_none()
            && !matches!(walk.cause, Some(Cause::Unknown | Cause::Elsewhere | Cause::LeftOut(_)))
    });
    if known { Vec::new() } else { unknown }
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let proxies = scene.inventory.into_iter().flat_map(|inventory| &inventory.proxies);
    proxies.filter_map(|proxy| tell(scene, proxy)).collect()
}

fn tell(scene: &Scene<'_>, proxy: &Proxy) -> Option<Finding> {
    let inventory = scene.inventory?;
    let walks = all_unknown(scene, proxy);
    if walks.len() < ENOUGH {
        return None;
    }
    let looks = || walks.iter().flat_map(|walk| walk.entries.iter().map(|entry| entry.look));
    let since = looks().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let name = &proxy.name;
    let mut finding = draft(Code::ProxyProviderBroken, "proxy", name, since);
    let sites: Vec<Arc<str>> = walks.iter().map(|walk| walk.route.title()).collect();
    finding.summary = format!(
        "{name} answers, but knows none of the {} rules that running containers' labels ask for ({}): it does not see the Engine's containers.",
        sites.len(),
        few(sites.iter().map(|site| &**site))
    );
    finding.evidence = vec![
        saw("answers through the proxy", "its own 404 or 503 for every site", "the sites"),
        saw(
            "versions",
            format!(
                "{name} {}, Engine {} (API {})",
                proxy.version.as_deref().unwrap_or("of unknown version"),
                inventory.engine.version,
                inventory.engine.api_version
            ),
            "Traefik 3.6.1 or newer with Docker 29: older ones ask with an API version that it refuses",
        ),
    ];
    finding.explains = listed(looks().map(|(key, record)| symptom(key, record)));
    finding.ruled_out =
        vec![format!("{name} runs and answers"), "the containers run, and their labels are right".to_owned()];
    let shell = container(inventory, &proxy.container);
    finding.fix = vec![
        Step::when(
            "what it says of the Engine (`client version 1.24 is too old`, `permission denied`)",
            [format!("docker logs --tail 100 {shell}")],
        ),
        Step::prose(
            "too old for the Engine: take a newer image (traefik:v3.6.1 and up) in the proxy's Compose file",
        ),
        Step::prose(
            "without permission: mount /var/run/docker.sock into it; on SELinux with security_opt label:disable",
        ),
        Step::when("where it only lost the connection", [format!("docker restart {shell}")]),
    ];
    finding.verify = vec![format!("docker logs --tail 100 {shell} 2>&1 | grep -i provider")];
    Some(finding)
}
