//! `proxy-provider-broken`: the proxy answers, and knows none of the rules that the labels declare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnosis::route::Said;
use crate::diagnosis::route::cause::Cause;
use crate::diagnosis::route::walk::{Entry, Walk};
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, quoted, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{ContainerId, EngineInfo, Proxy};
use crate::proxy::Kind;

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

/// What a Traefik has to be for an Engine.
const SPEAKS: &str =
    "Traefik 3.6.1 or newer with Docker 29: older ones ask with an API version that it refuses";

/// Whether the proxy speaks a version of the API that the Engine takes; `None` where that is not known.
fn fits(proxy: &Proxy, engine: &EngineInfo) -> Option<bool> {
    let major = engine.docker_major().filter(|_| proxy.kind == Some(Kind::Traefik))?;
    // Older ones take whatever a Traefik of their time asks with.
    if (20..29).contains(&major) {
        return Some(true);
    }
    let mut numbers = proxy.version.as_deref()?.split(['.', '-']).map_while(|n| n.parse::<u32>().ok());
    // A tag without its last numbers moves on.
    let version = (numbers.next()?, numbers.next()?, numbers.next());
    match version {
        _ if major < 20 => None,
        (3, ..=5, _) | (2, ..=10, _) | (..=1, ..) => Some(false),
        (3, 6, Some(patch)) => Some(patch >= 1),
        (2, 11, Some(patch)) => Some(patch >= 31),
        (3, 7.., _) | (4.., ..) => Some(true),
        _ => None,
    }
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
        "The proxy {} answers, but knows none of the {} rules that running containers' labels ask for ({}): it does not see the Engine's containers.",
        quoted(name),
        sites.len(),
        few(sites.iter().map(|site| &**site))
    );
    finding.evidence =
        vec![saw("answers through the proxy", "its own 404 or 503 for every site", "the sites")];
    let versions = format!(
        "{name} {}, Engine {} (API {})",
        proxy.version.as_deref().unwrap_or("of unknown version"),
        inventory.engine.version,
        inventory.engine.api_version
    );
    finding.explains = listed(looks().map(|(key, record)| symptom(key, record)));
    finding.ruled_out =
        vec![format!("{name} runs and answers"), "the containers run, and their labels are right".to_owned()];
    let mut newer = None;
    match fits(proxy, &inventory.engine) {
        Some(true) => finding.ruled_out.insert(0, format!("the versions fit each other: {versions}")),
        Some(false) => {
            finding.evidence.push(saw("versions", versions, SPEAKS));
            newer = Some(Step::prose(
                "it is too old for the Engine: in Coolify Servers, the server, Proxy, change the image to traefik:v3.6.1 or later, Restart Proxy",
            ));
        }
        None if proxy.kind == Some(Kind::Traefik) => {
            finding.evidence.push(saw("versions", versions, SPEAKS));
            newer = Some(Step::prose(
                "where it says that its version is too old: in Coolify Servers, the server, Proxy, change the image to traefik:v3.6.1 or later, Restart Proxy",
            ));
        }
        None => {}
    }
    let shell = container(inventory, &proxy.container);
    finding.fix = vec![
        Step::look(
            "what it says of the Engine (`client version 1.24 is too old`, `permission denied`)",
            [format!("docker logs --tail 100 {shell}")],
        ),
        Step::prose(
            "without permission: mount /var/run/docker.sock into it; on SELinux with security_opt label:disable",
        ),
        Step::when("where it only lost the connection", [format!("docker restart {shell}")]),
    ];
    // What the versions say comes before what only the log would.
    if let Some(newer) = newer {
        finding.fix.insert(1, newer);
    }
    finding.verify = vec![format!("docker logs --tail 100 {shell} 2>&1 | grep -i provider")];
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_too_old_for_the_engine_is_known_by_the_versions() {
        for (proxy, engine, expected) in [
            ("3.6.0", "29.0.1", Some(false)),
            ("3.6.1", "29.0.1", Some(true)),
            ("3.5", "29.0.1", Some(false)),
            ("3.6", "29.0.1", None),
            ("3", "29.0.1", None),
            ("2.11.31", "29.1.0", Some(true)),
            ("2.11.2", "29.1.0", Some(false)),
            ("3.7", "29.1.0", Some(true)),
            ("3.1", "28.5.1", Some(true)),
            ("3.7", "20.10.24+dfsg1", Some(true)),
            ("3.7", "19.03.1", None),
        ] {
            let proxy = Proxy {
                kind: Some(Kind::Traefik),
                version: Some(proxy.into()),
                ..Proxy::new(ContainerId::new("c"), "coolify-proxy".into())
            };
            let engine = EngineInfo { version: engine.to_owned(), ..EngineInfo::default() };
            assert_eq!(fits(&proxy, &engine), expected, "{proxy:?} with {engine:?}");
        }
    }
}
