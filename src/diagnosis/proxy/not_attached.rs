//! `proxy-not-attached`: the proxy has no place on the network of what it is to serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnosis::route::cause::Cause;
use crate::diagnosis::route::walk::{Fault, Walk};
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, quoted, saw, sh, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Spot;
use crate::inventory::{ContainerId, Destination};
use crate::outcome::Outcome;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut by_network: BTreeMap<(&Arc<str>, &Arc<str>), Vec<&Walk<'_>>> = BTreeMap::new();
    let apart = scene.walks.iter().filter(|walk| walk.cause == Some(Cause::Backend(Fault::NotAttached)));
    for walk in apart {
        let Some((proxy, spot)) = walk.proxy.zip(spot(walk)) else { continue };
        by_network.entry((&proxy.name, &spot.network)).or_default().push(walk);
    }
    by_network.into_iter().filter_map(|((_, network), walks)| tell(scene, network, &walks)).collect()
}

/// Whether it is told that this proxy is not on this network.
pub(super) fn is_told(scene: &Scene<'_>, destination: &Destination, proxy: &ContainerId) -> bool {
    let apart = scene.walks.iter().filter(|walk| walk.cause == Some(Cause::Backend(Fault::NotAttached)));
    let of_it = |walk: &&Walk<'_>| walk.proxy.is_some_and(|of| of.container == *proxy);
    apart.filter(of_it).filter_map(spot).any(|spot| spot.destination.as_ref() == Some(&destination.name))
}

fn spot<'a>(walk: &Walk<'a>) -> Option<&'a Spot> {
    walk.hops.iter().find(|hop| hop.fault == Some(Fault::NotAttached)).and_then(|hop| hop.backend.spot())
}

fn tell(scene: &Scene<'_>, network: &Arc<str>, walks: &[&Walk<'_>]) -> Option<Finding> {
    let (inventory, first) = (scene.inventory?, walks.first()?);
    let (proxy, spot) = first.proxy.zip(spot(first))?;
    let name = &proxy.name;
    let mut finding = draft(Code::ProxyNotAttached, "proxy", name, scene.snapshot.at);
    finding.destination.clone_from(&spot.destination);
    let sites: Vec<Arc<str>> = walks.iter().map(|walk| walk.route.title()).collect();
    finding.summary = format!(
        "The proxy {} is not on the network {}, so it cannot reach what serves {}.",
        quoted(name),
        quoted(network),
        few(sites.iter().map(|site| &**site))
    );
    let hops = walks.iter().flat_map(|walk| walk.hops.iter().map(|hop| &*hop.backend.name));
    let apps: std::collections::BTreeSet<&str> = hops.collect();
    finding.evidence = vec![
        saw(format!("networks of {name}"), format!("not {network}"), "the network of the container"),
        saw("containers that it is to lead to", few(apps), "one network with the proxy"),
    ];
    let looks = walks.iter().flat_map(|walk| {
        walk.hops.iter().filter_map(|hop| hop.look).chain(walk.entries.iter().map(|entry| entry.look))
    });
    let failing = looks.filter(|(_, record)| matches!(record.outcome, Outcome::Failure(_)));
    finding.explains = listed(
        sites
            .iter()
            .map(|site| format!("route {site}"))
            .chain(failing.map(|(key, record)| symptom(key, record))),
    );
    finding.ruled_out = vec![format!("{name} runs"), "the containers run".to_owned()];
    let (network, shell) = (sh(network), container(inventory, &proxy.container));
    finding.fix = vec![
        Step::command(format!("docker network connect {network} {shell}")),
        Step::prose(
            "so that it stays after a restart of the proxy, let Coolify do it too: restart the resource, or the proxy",
        ),
    ];
    finding.verify = vec![
        format!("docker network inspect -f '{{{{range .Containers}}}}{{{{.Name}}}} {{{{end}}}}' {network}"),
        format!("docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {shell}"),
    ];
    Some(finding)
}
