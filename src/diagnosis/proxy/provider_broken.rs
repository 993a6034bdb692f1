//! `proxy-provider-broken`: the proxy answers, and knows none of the rules that the labels declare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnosis::route::Said;
use crate::diagnosis::route::cause::Cause;
use crate::diagnosis::route::walk::{Entry, Walk};
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{ContainerId, Proxy};

/// So many rules are unknown together before it is the proxy's connection to the Engine, and not a rule.
const ENOUGH: usize = 2;
/// Settling and a round of looks, after which each rule was asked for.
const ROUND: Duration = Duration::from_secs(40);

/// Whether the route is unknown as all of its proxy are, or as all may be of one that has just started.
pub(in crate::diagnosis) fn is_of_all(scene: &Scene<'_>, walk: &Walk<'_>) -> bool {
    let Some(proxy) = walk.proxy else { return false };
    let Some(known) = scene.knowledge.get(&proxy.container) else { return false };
    let unknown = known.unknown_to_it();
    unknown >= ENOUGH || (unknown > 0 && is_fresh(scene, proxy) && known.routes >= ENOUGH)
}

/// Not all of its rules have been asked for since it started.
fn is_fresh(scene: &Scene<'_>, proxy: &Proxy) -> bool {
    let started = scene.inventory.and_then(|i| i.container(&proxy.container)?.started_at);
    started.is_some_and(|at| scene.snapshot.at.duration_since(at).is_ok_and(|age| age < ROUND))
}

/// What a proxy was seen to know of its routes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::diagnosis) struct Knowledge {
    /// All that it is to serve.
    routes: usize,
    /// Those that it knows nothing of.
    unknown: usize,
    /// One is served, or fails behind the proxy.
    knows_one: bool,
}

impl Knowledge {
    /// How many routes it does not know, where it knows none of those that could be asked for.
    const fn unknown_to_it(self) -> usize {
        if self.knows_one { 0 } else { self.unknown }
    }

    fn add(&mut self, walk: &Walk<'_>) {
        self.routes += 1;
        self.unknown += usize::from(walk.cause == Some(Cause::Unknown));
        // What is wrong behind it says nothing of what it knows: its answer does.
        let tells = |entry: &Entry<'_>| entry.is_seen() && entry.said != Said::Nothing;
        let denies = |entry: &Entry<'_>| matches!(entry.said, Said::NoRoute | Said::NoBackend | Said::Blank);
        let asked = walk.route.also.is_none() && walk.cause != Some(Cause::Unknown);
        self.knows_one |= asked && walk.entries.iter().any(tells) && !walk.entries.iter().any(denies);
    }
}

/// Of each proxy by its container.
pub(in crate::diagnosis) fn knowledge<'a>(walks: &[Walk<'a>]) -> BTreeMap<&'a ContainerId, Knowledge> {
    let mut all: BTreeMap<&ContainerId, Knowledge> = BTreeMap::new();
    for walk in walks {
        if let Some(proxy) = walk.proxy {
            all.entry(&proxy.container).or_default().add(walk);
        }
    }
    all
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let proxies = scene.inventory.into_iter().flat_map(|inventory| &inventory.proxies);
    proxies.filter_map(|proxy| tell(scene, proxy)).collect()
}

fn tell(scene: &Scene<'_>, proxy: &Proxy) -> Option<Finding> {
    let inventory = scene.inventory?;
    if scene.knowledge.get(&proxy.container)?.unknown_to_it() < ENOUGH {
        return None;
    }
    let unknown = |walk: &&Walk<'_>| {
        walk.cause == Some(Cause::Unknown) && walk.proxy.is_some_and(|of| of.container == proxy.container)
    };
    let walks: Vec<&Walk<'_>> = scene.walks.iter().filter(unknown).collect();
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
