//! `proxy-missing`: labels ask for routes, and there is nobody to serve them.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{draft, few, listed, saw};
use crate::diagnosis::{Code, Finding, Step};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    tell(scene).into_iter().collect()
}

fn tell(scene: &Scene<'_>) -> Option<Finding> {
    let inventory = scene.inventory?;
    let sites: Vec<_> = inventory.routes.served.iter().map(crate::inventory::Route::title).collect();
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
    finding.fix = vec![
        Step::prose("in Coolify: Servers, the server, Proxy, Start Proxy"),
        Step::when(
            "or by hand",
            ["docker compose -f /data/coolify/proxy/docker-compose.yml up -d".to_owned()],
        ),
    ];
    finding.verify = vec![
        "docker ps -a --filter name=proxy".to_owned(),
        "ss -ltnp 'sport = :80 or sport = :443'".to_owned(),
    ];
    Some(finding)
}
