//! `proxy-not-running`: the proxy is there and does not run.

use std::sync::Arc;

use crate::diagnosis::ended::ended;
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{Container, Inventory, Proxy, RunState};

use super::host_port_conflict::taken_port;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let down = down(inventory).filter(|(proxy, _)| taken_port(proxy).is_none());
    down.map(|(proxy, of)| tell(scene, inventory, proxy, of)).collect()
}

/// Proxies that routes are left to and that do not run.
pub(super) fn down(inventory: &Inventory) -> impl Iterator<Item = (&Proxy, &Container)> {
    let serves = |id: &crate::inventory::ContainerId| {
        inventory.routes.served.iter().any(|route| route.proxy.as_ref() == Some(id))
    };
    let all =
        inventory.proxies.iter().filter_map(|proxy| Some((proxy, inventory.container(&proxy.container)?)));
    all.filter(move |(proxy, of)| of.state != RunState::Running && serves(&proxy.container))
}

/// The sites that a proxy is to serve.
pub(super) fn sites(inventory: &Inventory, proxy: &Proxy) -> Vec<Arc<str>> {
    let its = inventory.routes.served.iter().filter(|route| route.proxy.as_ref() == Some(&proxy.container));
    its.map(crate::inventory::Route::title).collect()
}

fn tell(scene: &Scene<'_>, inventory: &Inventory, proxy: &Proxy, of: &Container) -> Finding {
    let name = &proxy.name;
    let mut finding = draft(Code::ProxyNotRunning, "proxy", name, scene.snapshot.at);
    let sites = sites(inventory, proxy);
    let state = ended(of);
    let error = proxy.error.as_deref().map(|error| format!(" The Engine says: {error}.")).unwrap_or_default();
    finding.summary = format!(
        "The reverse proxy {} {state}: nobody serves {}.{error}",
        quoted(name),
        few(sites.iter().map(|site| &**site))
    );
    finding.evidence = vec![saw(format!("state of {name}"), state, "it runs")];
    finding.explains = listed(sites.iter().map(|site| format!("route {site}")));
    let shell = container(inventory, &proxy.container);
    finding.fix = match of.state {
        RunState::Paused => vec![Step::command(format!("docker unpause {shell}"))],
        RunState::Restarting => vec![
            Step::look("why it ends again and again", [format!("docker logs --tail 50 {shell}")]),
            Step::prose(
                "mend what it complains of: most often a setting in its command line or in /data/coolify/proxy",
            ),
        ],
        _ => vec![
            Step::command(format!("docker start {shell}")),
            Step::look("where it ends again, why", [format!("docker logs --tail 50 {shell}")]),
        ],
    };
    finding.verify = vec![
        format!("docker ps -a --filter name={shell}"),
        "ss -ltnp 'sport = :80 or sport = :443'".to_owned(),
    ];
    finding
}
