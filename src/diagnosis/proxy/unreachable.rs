//! `proxy-unreachable`: the proxy runs, and its doors do not open.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnosis::route::cause::Cause;
use crate::diagnosis::route::walk::Walk;
use crate::diagnosis::scene::{Scene, fails};
use crate::diagnosis::words::{container, draft, few, from_inside, listed, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{Proxy, RunState};
use crate::outcome::{Detail, Outcome, ProbeKind};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let outside = from_host(scene);
    // Shut from everywhere it is one fault.
    let told: Vec<Arc<str>> = outside.iter().map(|finding| Arc::clone(&finding.subject.name)).collect();
    let inside = from_destinations(scene).into_iter().filter(|finding| !told.contains(&finding.subject.name));
    outside.iter().cloned().chain(inside).collect()
}

fn from_host(scene: &Scene<'_>) -> Vec<Finding> {
    let mut shut: BTreeMap<&Arc<str>, Vec<&Walk<'_>>> = BTreeMap::new();
    for walk in scene.walks.iter().filter(|walk| walk.cause == Some(Cause::DoorShut)) {
        if let Some(proxy) = walk.proxy {
            shut.entry(&proxy.name).or_default().push(walk);
        }
    }
    shut.into_values().filter_map(|walks| of_host(scene, &walks)).collect()
}

fn of_host(scene: &Scene<'_>, walks: &[&Walk<'_>]) -> Option<Finding> {
    let (inventory, first) = (scene.inventory?, walks.first()?);
    let proxy = first.proxy?;
    let looks = || {
        walks.iter().flat_map(|walk| walk.entries.iter().map(|entry| entry.look)).filter(|(_, r)| fails(r))
    };
    let since = looks().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let name = &proxy.name;
    let mut finding = draft(Code::ProxyUnreachable, "proxy", name, since);
    let sites = walks.iter().map(|walk| walk.route.title());
    let sites: Vec<Arc<str>> = sites.collect();
    let at = looks().find_map(|(key, record)| match &key.detail {
        Detail::Door(_, _, at) => {
            Some(format!("{at}: {}", record.outcome.reason().map_or("failure", |r| r.as_label())))
        }
        _ => None,
    });
    finding.summary = format!(
        "{name} runs, and the host does not get in at its published port ({}): nobody serves {}.",
        at.clone().unwrap_or_default(),
        few(sites.iter().map(|site| &**site))
    );
    finding.evidence = vec![saw("connection from the host", at.unwrap_or_default(), "the proxy's answer")];
    finding.explains = listed(looks().map(|(key, record)| symptom(key, record)));
    let shell = container(inventory, &proxy.container);
    finding.fix = vec![
        Step::when("does it listen", [from_inside(&shell, "netstat -ltn")]),
        Step::when(
            "where it does: the Engine's firewall rules are gone or something stands before them",
            ["iptables -t nat -S DOCKER".to_owned()],
        ),
        Step::when("they come back with", ["systemctl restart docker".to_owned()]),
        Step::when("where it does not", [format!("docker restart {shell}")]),
    ];
    finding.verify =
        vec![format!("docker port {shell}"), "curl -sv -o /dev/null http://127.0.0.1/".to_owned()];
    Some(finding)
}

fn from_destinations(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut findings = Vec::new();
    for destination in scene.destinations() {
        for proxy in &inventory.proxies {
            let Some(endpoint) = destination.endpoints.iter().find(|e| e.container == proxy.container) else {
                continue;
            };
            let runs = inventory.container(&proxy.container).is_some_and(|c| c.state == RunState::Running);
            // That nobody reaches it at all is told of it as of any container.
            if !runs || scene.is_lost(&destination.name, &endpoint.name) {
                continue;
            }
            let asked = |kind, target: &str| kind == ProbeKind::Proxy && *target == *endpoint.name;
            let looks: Vec<_> = scene
                .looks(&destination.name)
                .iter()
                .filter(|(key, record)| {
                    asked(key.kind, &key.target) && !matches!(record.outcome, Outcome::Unknown(_))
                })
                .collect();
            if looks.is_empty() || !looks.iter().all(|(_, record)| fails(record)) {
                continue;
            }
            findings.push(of_destination(scene, proxy, &destination.name, &looks));
        }
    }
    findings
}

fn of_destination(
    scene: &Scene<'_>,
    proxy: &Proxy,
    destination: &Arc<str>,
    looks: &[&crate::diagnosis::scene::Look<'_>],
) -> Finding {
    let since = looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let name = &proxy.name;
    let mut finding = draft(Code::ProxyUnreachable, "proxy", name, since);
    finding.destination = Some(Arc::clone(destination));
    finding.summary = format!("{name} is on {destination}, and takes no connection from there at its ports.");
    finding.evidence = looks
        .iter()
        .map(|(key, record)| {
            let reason = record.outcome.reason().map_or("failure", |reason| reason.as_label());
            saw(format!("from {} to {}", key.source, key.detail), reason, "the proxy's answer")
        })
        .collect();
    finding.explains = listed(looks.iter().map(|(key, record)| symptom(key, record)));
    let shell =
        scene.inventory.map_or_else(|| "coolify-proxy".to_owned(), |i| container(i, &proxy.container));
    finding.fix = vec![
        Step::when("does it listen", [from_inside(&shell, "netstat -ltn")]),
        Step::when("where it hangs, or listens no longer", [format!("docker restart {shell}")]),
    ];
    finding.verify = vec![format!("docker logs --tail 50 {shell}")];
    finding
}
