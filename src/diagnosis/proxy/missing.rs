//! `proxy-missing`: labels ask for routes, and there is nobody to serve them.

use std::collections::BTreeSet;

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{draft, few, listed, network, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Backend;
use crate::inventory::{ContainerId, Destination, Route};

/// As many networks are named in a command.
const MOST_NETWORKS: usize = 40;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    tell(scene).into_iter().collect()
}

fn tell(scene: &Scene<'_>) -> Option<Finding> {
    let inventory = scene.inventory?;
    // Which node has the proxy that serves a Swarm's services is for the Swarm to choose: it need not be this one. What is
    // no container of this host runs on another node.
    let is_of_service = |backend: &Backend| {
        inventory.container(&backend.container).is_none_or(|container| container.task_of.is_some())
    };
    let control = inventory.swarm.as_ref().and_then(|swarm| swarm.control.as_ref());
    let is_the_only_node = control.is_some_and(|control| control.nodes.len() == 1);
    let asks = |route: &&Route| is_the_only_node || !route.backends.iter().all(is_of_service);
    let served = || inventory.routes.served.iter().filter(asks);
    let sites: Vec<_> = served().map(Route::title).collect();
    if sites.is_empty() || !inventory.proxies.is_empty() {
        return None;
    }
    // A proxy that is no container serves them, for all that is known.
    if scene.has_another_web_server() {
        return None;
    }
    let taken = scene.snapshot.sight.host_ports.as_ref();
    let mut finding = draft(Code::ProxyMissing, "host", &"proxy".into(), scene.snapshot.at);
    finding.summary = format!(
        "There is no reverse proxy on this host: nobody serves {}.",
        few(sites.iter().map(|site| &**site))
    );
    finding.evidence = vec![
        saw(
            "containers of the Engine",
            "no Traefik, no Caddy, no coolify-proxy",
            "one that serves the routes",
        ),
        match taken {
            Some(_) => saw("sockets of the host", "nothing listens on 80 or 443", "a web server"),
            None => saw("sockets of the host", "could not be looked at", "a web server on 80 and 443"),
        },
    ];
    finding.explains = listed(sites.iter().map(|site| format!("route {site}")));
    let is_caddys = served().all(|route| route.kind == crate::proxy::Kind::Caddy);
    let folder = if is_caddys { "caddy/" } else { "" };
    // A site has no destination as long as no proxy has chosen one of its container's networks.
    let ids: BTreeSet<&ContainerId> =
        served().flat_map(|route| route.backends.iter().map(|backend| &backend.container)).collect();
    let is_its = |on: &&Destination| on.endpoints.iter().any(|endpoint| ids.contains(&endpoint.container));
    let networks: Vec<String> =
        scene.destinations().filter(is_its).take(MOST_NETWORKS).map(network).collect();
    finding.fix = vec![
        Step::prose("in Coolify: Servers, the server, Proxy, Start Proxy"),
        Step::when(
            "or by hand",
            [format!("docker compose -f /data/coolify/proxy/{folder}docker-compose.yml up -d")],
        ),
    ];
    if !networks.is_empty() {
        finding.fix.push(Step::when(
            "by hand it is not on the networks of the stacks yet: in Coolify Servers, the server, Proxy, Restart Proxy, as soon as that page is back, or",
            [format!("for n in {}; do docker network connect \"$n\" coolify-proxy; done", networks.join(" "))],
        ));
    }
    finding.verify = vec![
        "docker ps -a --filter name=proxy".to_owned(),
        "ss -ltnp 'sport = :80 or sport = :443'".to_owned(),
    ];
    Some(finding)
}
