//! `host-port-conflict`: the proxy cannot start, because somebody else has its port.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, few, listed, quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{Inventory, Proxy};

use super::not_running::{down, sites};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let down = down(inventory).filter_map(|(proxy, _)| Some((proxy, taken_port(proxy)?)));
    down.map(|(proxy, port)| tell(scene, inventory, proxy, port)).collect()
}

/// The port that the Engine could not have, by its own words: `Bind for 0.0.0.0:80 failed: port is already allocated`,
/// `listen tcp4 0.0.0.0:80: bind: address already in use`.
pub(super) fn taken_port(proxy: &Proxy) -> Option<u16> {
    let error = proxy.error.as_deref()?;
    if !error.contains("port is already allocated") && !error.contains("address already in use") {
        return None;
    }
    let mut ports = error.match_indices(':').filter_map(|(at, _)| {
        let digits: String = error.get(at + 1..)?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u16>().ok().filter(|port| *port != 0)
    });
    ports.next_back()
}

fn tell(scene: &Scene<'_>, inventory: &Inventory, proxy: &Proxy, port: u16) -> Finding {
    let name = &proxy.name;
    let mut finding = draft(Code::HostPortConflict, "port", &format!("{port}/tcp").into(), scene.snapshot.at);
    let sites = sites(inventory, proxy);
    let publishes = |c: &&crate::inventory::Container| {
        c.state.has_namespace()
            && c.id != proxy.container
            && c.published.iter().any(|p| p.host_port == port && p.protocol == "tcp")
    };
    let owner = inventory.containers.values().find(publishes);
    let whom = owner.map_or_else(
        || "another process of the host".to_owned(),
        |c| format!("the container {}", quoted(&c.name)),
    );
    finding.summary = format!(
        "The proxy {} cannot start: {whom} has port {port} of the host. Nobody serves {}.",
        quoted(name),
        few(sites.iter().map(|site| &**site))
    );
    finding.evidence =
        vec![saw(format!("State.Error of {name}"), proxy.error.as_deref().unwrap_or_default(), "none")];
    finding.explains = listed(sites.iter().map(|site| format!("route {site}")));
    let shell = container(inventory, &proxy.container);
    let free = match owner {
        // It may serve somebody.
        Some(owner) => {
            Step::when("take the port from it", [format!("docker stop {}", container(inventory, &owner.id))])
        }
        None => Step::look(
            "who has it: stop that, and keep it from starting again (nginx, apache2)",
            [format!("ss -ltnp 'sport = :{port}'")],
        ),
    };
    finding.fix = vec![free, Step::when("then", [format!("docker start {shell}")])];
    finding.verify = vec![
        format!("ss -ltnp 'sport = :{port}'"),
        format!("docker inspect -f '{{{{.State.Error}}}}' {shell}"),
    ];
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ContainerId;

    #[test]
    fn the_port_is_read_of_the_engines_words() {
        for (error, expected) in [
            (
                "driver failed programming external connectivity on endpoint coolify-proxy (0a): Bind for 0.0.0.0:80 failed: port is already allocated",
                Some(80),
            ),
            (
                "failed to set up container networking: driver failed: failed to bind host port 0.0.0.0:443/tcp: address already in use",
                Some(443),
            ),
            (
                "driver failed: Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
                Some(8080),
            ),
            ("OCI runtime create failed: exec: \"x:80\": not found", None),
            ("address already in use", None),
            ("Bind for [2001:db8::1]:80 failed: port is already allocated", Some(80)),
            ("", None),
        ] {
            let proxy = Proxy {
                error: Some(error.into()),
                ..Proxy::new(ContainerId::new("c"), "coolify-proxy".into())
            };
            assert_eq!(taken_port(&proxy), expected, "{error}");
        }
    }
}
