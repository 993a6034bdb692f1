//! `route-loopback-only`: the app listens where only itself can reach it.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{quoted, saw};
use crate::diagnosis::{Code, Finding, Step};

use super::walk::{Fault, Walk};
use super::wording::{ask_backend, dialled, first_of, of_route, proxy_name, proxy_shell, seen, shell};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteLoopbackOnly);
    let proxy = proxy_name(walk);
    let Some(hop) = first_of(walk, |hop| hop.fault == Some(Fault::LoopbackOnly)) else { return finding };
    let name = &hop.backend.name;
    let listeners =
        scene.snapshot.containers.get(&hop.backend.container).and_then(|inner| inner.listeners.as_ref());
    let own = listeners.into_iter().flatten().find(|listener| Some(listener.port) == hop.backend.port);
    let own = own.map_or_else(
        || "a loopback address".to_owned(),
        |listener| std::net::SocketAddr::new(listener.address, listener.port).to_string(),
    );
    finding.summary = format!(
        "Container {} listens on {own} only: {} dials {} and is refused.",
        quoted(name),
        quoted(&proxy),
        dialled(hop)
    );
    finding.evidence = vec![saw(
        format!("sockets in the network namespace of {name}"),
        own,
        "a listener on 0.0.0.0 or [::]",
    )];
    finding.evidence.extend(seen(walk));
    finding.ruled_out =
        vec![format!("{proxy} runs and has a way to {name}"), "the port is the right one".to_owned()];
    finding.fix = vec![Step::prose(
        "have the app listen on 0.0.0.0 and redeploy it: often the variable HOST or HOSTNAME, or its flag --host, set to 0.0.0.0",
    )];
    let shell = shell(scene, Some(&hop.backend.container));
    finding.verify = vec![
        crate::diagnosis::words::from_inside(&shell, "netstat -ltn"),
        ask_backend(&proxy_shell(scene, walk), walk, hop),
    ];
    finding
}
