//! The services that a container's labels define, and which of them a router leads to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Leads, Port, Upstream};
use super::middleware::own_name;
use super::tree::Node;
use crate::strangers::bounded;

/// The services of one container, by name.
#[derive(Debug)]
pub struct Services {
    by_name: BTreeMap<Arc<str>, Leads>,
    /// Why Traefik takes nothing of the container.
    pub refused: Option<String>,
    /// What is odd about them, and costs nothing here.
    pub odd: Vec<String>,
}

impl Services {
    /// Reads `traefik.http.services`. Where labels define none, the container has one called `name`.
    pub fn of(node: Option<&Node>, name: &str) -> Self {
        let mut services = Self { by_name: BTreeMap::new(), refused: None, odd: Vec::new() };
        for (_, service) in node.into_iter().flat_map(Node::children) {
            let name: Arc<str> = bounded(service.name).into();
            let scheme = service.text("loadbalancer.server.scheme");
            if !["", "http", "https", "h2c"].contains(&scheme.to_ascii_lowercase().as_str()) {
                services
                    .odd
                    .push(format!("the service `{name}` speaks `{}`, which is no HTTP", bounded(scheme)));
            }
            let leads = leads(service, &name).unwrap_or_else(|why| {
                services.refused.get_or_insert(format!("the service `{name}`: {why}"));
                Leads::Nowhere(why)
            });
            services.by_name.insert(name, leads);
        }
        if services.by_name.is_empty() {
            let service: Arc<str> = bounded(name).into();
            let upstream = Upstream { service: service.clone(), port: Port::Unnamed, tls: false };
            services.by_name.insert(service, Leads::Here(upstream));
        }
        services
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Where a router leads that names this service; the only one where it names none.
    pub fn linked(&self, wanted: &str) -> Leads {
        if wanted.is_empty() {
            let mut all = self.by_name.values();
            return match (all.next(), all.next()) {
                (Some(only), None) => only.clone(),
                _ => Leads::Nowhere(format!(
                    "it names no service, and cannot be linked automatically with {} of them",
                    self.len()
                )),
            };
        }
        let own = self.by_name.get(bounded(own_name(wanted)));
        own.cloned().unwrap_or_else(|| Leads::Elsewhere(bounded(wanted).into()))
    }

    /// One that names no port.
    pub fn portless(&self) -> Option<Arc<str>> {
        self.by_name.values().find_map(|leads| match leads {
            Leads::Here(Upstream { service, port: Port::Unnamed, .. }) => Some(service.clone()),
            _ => None,
        })
    }

    /// The name of the service that a router without one is given.
    pub fn only(&self) -> Option<&str> {
        let mut names = self.by_name.keys();
        names.next().filter(|_| names.next().is_none()).map(|name| &**name)
    }
}

/// An error is one that Traefik leaves out the whole container for.
fn leads(service: &Node, name: &Arc<str>) -> Result<Leads, String> {
    let balancer = service.at("loadbalancer").ok_or("it has no load balancer")?;
    let (url, scheme) = (balancer.text("server.url"), balancer.text("server.scheme"));
    let port = balancer.text("server.port");
    if !url.is_empty() {
        let alone = scheme.is_empty() && port.is_empty();
        return if alone {
            Ok(Leads::Elsewhere(bounded(url).into()))
        } else {
            Err("it has a URL, and a scheme or a port beside it".to_owned())
        };
    }
    let tls = scheme.eq_ignore_ascii_case("https");
    Ok(Leads::Here(Upstream { service: name.clone(), port: read_port(port), tls }))
}

/// As in a URL: digits, and what comes behind them of a path or a query is not of the port.
fn read_port(text: &str) -> Port {
    let port = text.split(['/', '?', '#']).next().unwrap_or_default();
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    match port.parse() {
        _ if text.is_empty() => Port::Unnamed,
        Ok(port) if digits && port > 0 => Port::Named(port),
        _ => Port::Bad(bounded(text).into()),
    }
}
