//! `route-host-port-published`: the way around the proxy is open as well.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::words::{draft, quoted};
use crate::diagnosis::{Code, Finding, Step};

use super::walk::Walk;

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Option<Finding> {
    let (hop, port) = walk.hops.iter().find_map(|hop| {
        let open = |port: &&crate::inventory::PublishedPort| {
            Some(port.container_port) == hop.backend.port
                && port.protocol == "tcp"
                && port.host_ip.is_none_or(|ip| !ip.to_canonical().is_loopback())
        };
        Some((hop, hop.container?.published.iter().find(open)?))
    })?;
    let name = &hop.backend.name;
    let mut finding = draft(Code::RouteHostPortPublished, "route", &walk.route.title(), scene.snapshot.at);
    finding.destination.clone_from(&walk.route.destination);
    finding.summary = format!(
        "Container {} is also reached at port {} of the host, past the proxy: without its TLS, its logins and its rolling deploys.",
        quoted(name),
        port.host_port
    );
    finding.evidence = vec![saw(
        format!("ports of {name}"),
        format!("{} → {}", port.host_port, port.container_port),
        "none that the proxy leads to",
    )];
    finding.fix = vec![Step::prose("take the port mapping away (in Coolify: Ports Mappings) and redeploy")];
    finding.verify =
        vec![format!("docker port {}", super::wording::shell(scene, Some(&hop.backend.container)))];
    Some(finding)
}
