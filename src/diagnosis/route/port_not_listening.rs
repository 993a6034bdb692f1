//! `route-port-not-listening`: the proxy dials a port at which nothing listens.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::proxy::{Kind, Port};

use super::walk::{Fault, Walk};
use super::wording::{ask_backend, dialled, first_of, of_route, proxy_name, proxy_shell, seen, shell};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RoutePortNotListening);
    let proxy = proxy_name(walk);
    let wanted = |fault| matches!(fault, Some(Fault::NoPort | Fault::NotListening));
    let Some(hop) = first_of(walk, |hop| wanted(hop.fault)) else { return finding };
    let name = &hop.backend.name;
    let listeners =
        scene.snapshot.containers.get(&hop.backend.container).and_then(|inner| inner.listeners.as_ref());
    let mut ports: Vec<u16> = listeners.into_iter().flatten().map(|listener| listener.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let open = match (listeners, ports.as_slice()) {
        (None, _) => "what it listens on could not be read".to_owned(),
        (_, []) => "it listens on no port at all".to_owned(),
        (_, [one]) => format!("it listens on {one}"),
        (_, many) => format!(
            "it listens on {}",
            many.iter().take(8).map(u16::to_string).collect::<Vec<_>>().join(", ")
        ),
    };
    finding.summary = match hop.backend.port {
        Some(port) => format!(
            "Container {} does not listen on {port}, which {} dials ({}): {open}.",
            quoted(name),
            quoted(&proxy),
            dialled(hop)
        ),
        None => match &hop.backend.said {
            Port::Bad(text) => {
                format!(
                    "The label names {text:?} as the port of the container {}, which is none: {open}.",
                    quoted(name)
                )
            }
            Port::Named(_) | Port::Unnamed => {
                format!(
                    "No label names the port of the container {}, and it exposes none: {} has nothing to dial; {open}.",
                    quoted(name),
                    quoted(&proxy)
                )
            }
        },
    };
    finding.evidence = vec![saw(
        format!("sockets in the network namespace of {name}"),
        open,
        "a listener on the port that the proxy dials",
    )];
    finding.evidence.extend(seen(walk));
    finding.ruled_out = vec![format!("{proxy} runs and has a way to {name}")];
    // The one that others reach, where there is but one.
    let outer = listeners.into_iter().flatten().filter(|one| !one.address.to_canonical().is_loopback());
    let mut outer: Vec<u16> = outer.map(|listener| listener.port).collect();
    outer.sort_unstable();
    outer.dedup();
    let domain = &walk.route.domain;
    finding.fix = vec![
        match (walk.route.kind, outer.as_slice()) {
            (Kind::Traefik, [port]) => Step::filled(
                "name the port that the app listens on: in Coolify as the domain's port (https://{}:{}; visitors still use 443) or in Ports Exposes, else by the label loadbalancer.server.port={}; then redeploy it",
                &[domain, port, port],
            ),
            (Kind::Caddy, [port]) => Step::filled(
                "name the port that the app listens on: in Coolify as the domain's port (https://{}:{}; visitors still use 443) or in Ports Exposes, else by {{upstreams {}}} in the label; then redeploy it",
                &[domain, port, port],
            ),
            _ => Step::prose(
                "name the port that the app listens on: in Coolify behind the domain or in Ports Exposes, else by the label loadbalancer.server.port (Traefik) or {{upstreams PORT}} (Caddy); then redeploy it",
            ),
        },
        Step::prose(
            "or have the app listen on the port that is named (often the variable PORT), and redeploy it",
        ),
    ];
    let shell = shell(scene, Some(&hop.backend.container));
    finding.verify = vec![crate::diagnosis::words::from_inside(&shell, "netstat -ltn")];
    if hop.backend.port.is_some() {
        finding.verify.push(ask_backend(&proxy_shell(scene, walk), walk, hop));
    }
    finding
}
