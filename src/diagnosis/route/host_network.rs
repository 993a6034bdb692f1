//! `route-host-network`: the app uses the host's network, and the proxy has to leave its own to reach it.

use crate::diagnosis::Severity;
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Placed;

use super::walk::Walk;
use super::wording::{ask_site, first_of, hits_users, of_route, proxy_name, proxy_shell, seen};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteHostNetwork);
    finding.severity = if hits_users(walk) { Severity::Page } else { Severity::Ticket };
    let proxy = proxy_name(walk);
    let Some(hop) = first_of(walk, |hop| hop.backend.place == Placed::Host) else { return finding };
    let name = &hop.backend.name;
    let port = hop.backend.port.map_or_else(|| "its port".to_owned(), |port| format!("port {port}"));
    finding.summary = format!(
        "Container {} uses the host's network: {} has to dial {port} of the host itself (host.docker.internal), which a firewall of the host often forbids.",
        quoted(name),
        quoted(&proxy)
    );
    finding.evidence =
        vec![saw(format!("HostConfig.NetworkMode of {name}"), "host", "a network that the proxy is on")];
    finding.evidence.extend(seen(walk));
    finding.fix = vec![
        Step::prose("put the app on the proxy's network instead of the host's, and redeploy it"),
        Step::prose(
            "or start the proxy with --add-host host.docker.internal:host-gateway and let the containers' subnets in at that port in the host's firewall",
        ),
    ];
    finding.verify = hop
        .backend
        .port
        .map(|port| {
            crate::diagnosis::words::from_inside(
                &proxy_shell(scene, walk),
                &format!("timeout 5 nc -z host.docker.internal {port}"),
            )
        })
        .into_iter()
        .collect();
    finding.verify.extend(ask_site(walk));
    finding
}
