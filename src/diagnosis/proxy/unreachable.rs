//! `proxy-unreachable`: the proxy runs, and its doors do not open.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnosis::firewall::is_of_old_rules;
use crate::diagnosis::route::cause::Cause;
use crate::diagnosis::route::walk::{Walk, settled_at};
use crate::diagnosis::scene::{Scene, fails};
use crate::diagnosis::words::{container, draft, few, from_inside, listed, quoted, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{Proxy, RunState};
use crate::outcome::{Detail, Outcome, ProbeKind};
use crate::state::Record;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let outside = from_host(scene);
    // Shut from everywhere it is one fault.
    let told: Vec<Arc<str>> = outside.iter().map(|finding| Arc::clone(&finding.subject.name)).collect();
    let inside = from_destinations(scene).into_iter().filter(|finding| !told.contains(&finding.subject.name));
    outside.iter().cloned().chain(inside).collect()
}

fn from_host(scene: &Scene<'_>) -> Vec<Finding> {
    // Where the Engine's rules are gone that led there, that is the finding.
    if scene.filter.is_some_and(|filter| filter.leads_no_port()) {
        return Vec::new();
    }
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
    let door = looks().find_map(|(key, record)| match &key.detail {
        Detail::Door(_, _, at) => Some((*at, record)),
        _ => None,
    });
    let at = door
        .map(|(at, record)| format!("{at}: {}", record.outcome.reason().map_or("failure", |r| r.as_label())));
    finding.summary = format!(
        "The proxy {} runs, and the host does not get in at its published port ({}): nobody serves {}.",
        quoted(name),
        at.clone().unwrap_or_default(),
        few(sites.iter().map(|site| &**site))
    );
    finding.evidence = vec![saw("connection from the host", at.unwrap_or_default(), "the proxy's answer")];
    finding.explains = listed(looks().map(|(key, record)| symptom(key, record)));
    let shell = container(inventory, &proxy.container);
    let port = door.map(|(at, _)| format!(" | grep -w {}", at.port())).unwrap_or_default();
    finding.fix = vec![
        Step::look("does it listen", [from_inside(&shell, "netstat -ltn")]),
        Step::when(
            "where it does, is there still a rule (DNAT) that leads to it, and none that drops what comes",
            ["iptables -S DOCKER-USER".to_owned(), format!("iptables -t nat -S DOCKER{port}")],
        ),
        Step::restart("where there is none, the Engine writes it anew"),
        Step::when(
            "where it does not listen (all sites are away for seconds)",
            [format!("docker restart {shell}")],
        ),
    ];
    finding.verify = vec![format!("docker port {shell}")];
    finding.verify.extend(door.map(|(at, _)| format!("nc -v -w 3 {} {} </dev/null", at.ip(), at.port())));
    Some(finding)
}

fn from_destinations(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut findings = Vec::new();
    for destination in scene.destinations().filter(|on| !scene.is_kept_apart(&on.name)) {
        for proxy in &inventory.proxies {
            let Some(endpoint) = destination.endpoints.iter().find(|e| e.container == proxy.container) else {
                continue;
            };
            let running = inventory
                .container(&proxy.container)
                .filter(|container| container.state == RunState::Running);
            // That nobody reaches it at all is told of it as of any container.
            let Some(running) = running else { continue };
            if scene.is_lost(&destination.name, &endpoint.name) {
                continue;
            }
            let looks: Vec<_> = scene
                .looks_of(&destination.name, ProbeKind::Proxy)
                .iter()
                .filter(|(key, record)| {
                    key.target == endpoint.name && !matches!(record.outcome, Outcome::Unknown(_))
                })
                .collect();
            // Who has just started need not listen yet.
            let settled = settled_at(running.started_at);
            let counts = |record: &Record| {
                settled.is_none_or(|settled| record.at >= settled) && !is_of_old_rules(scene.snapshot, record)
            };
            if looks.is_empty() || !looks.iter().all(|(_, record)| fails(record) && counts(record)) {
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
    finding.summary = format!(
        "The proxy {} is on the network {}, and takes no connection from there at its ports.",
        quoted(name),
        quoted(destination)
    );
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
        Step::look("does it listen", [from_inside(&shell, "netstat -ltn")]),
        Step::when(
            "where it hangs, or listens no longer (all sites are away for seconds)",
            [format!("docker restart {shell}")],
        ),
    ];
    finding.verify = vec![format!("docker logs --tail 50 {shell}")];
    finding
}
