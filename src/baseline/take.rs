//! From a listing to the file.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::inventory::routes;
use crate::inventory::seen::{Seen, bounded};
use crate::inventory::{self, ContainerId, Destination, Inventory};

use super::model::{Baseline, Endpoint, FORMAT, Network, Proxy, Published, Route, Subnet, VERSION};

/// What a listing says, and what was made of it. The same host gives the same value, whatever the order of the answers.
pub fn take(seen: &Seen, inventory: &Inventory) -> Baseline {
    let mut networks: Vec<Network> =
        inventory.destinations.iter().map(|on| network(seen, inventory, on)).collect();
    networks.sort_by(|a, b| a.name.cmp(&b.name));
    let mut proxies: Vec<Proxy> = inventory.proxies.iter().map(|one| proxy(inventory, one)).collect();
    proxies.sort_by(|a, b| a.name.cmp(&b.name));
    let mut routes: Vec<Route> = inventory.routes.served.iter().map(route).collect();
    routes.sort_by(|a, b| (&a.domain, &a.path, &a.workload).cmp(&(&b.domain, &b.path, &b.workload)));
    let published: BTreeSet<Published> = inventory.containers.values().flat_map(published).collect();
    let mut unread = inventory.oddities.clone();
    if inventory.routes.left_out > 0 {
        unread.push(format!("{} more sites than are looked at", inventory.routes.left_out));
    }
    Baseline {
        format: FORMAT.to_owned(),
        version: VERSION,
        taken_at: humantime::format_rfc3339_seconds(inventory.taken_at).to_string(),
        engine: inventory.engine.version.clone(),
        networks,
        proxies,
        routes,
        published: published.into_iter().collect(),
        unread,
    }
}

fn network(seen: &Seen, inventory: &Inventory, on: &Destination) -> Network {
    let told = seen.networks.iter().find(|network| network.id == on.id.as_str());
    let pairs = |(name, value): (&String, &String)| (bounded(name).to_owned(), bounded(value).to_owned());
    let present = on.endpoints.iter().map(|endpoint| {
        let (container, own) = container(inventory, &endpoint.container);
        let names: BTreeSet<String> =
            endpoint.names.iter().filter(|name| !own(name)).map(ToString::to_string).collect();
        Endpoint {
            name: endpoint.name.to_string(),
            container,
            names: names.into_iter().collect(),
            addresses: endpoint.addresses.clone(),
            is_fixed: endpoint.is_fixed,
        }
    });
    let absent = on.stopped.iter().chain(&on.detached).map(|missing| Endpoint {
        name: missing.name.to_string(),
        container: container(inventory, &missing.container).0,
        names: Vec::new(),
        addresses: Vec::new(),
        is_fixed: false,
    });
    let mut endpoints: Vec<Endpoint> = present.chain(absent).collect();
    endpoints.sort_by(|a, b| a.name.cmp(&b.name));
    Network {
        name: on.name.to_string(),
        display_name: on.display_name.to_string(),
        id: on.id.as_str().to_owned(),
        driver: on.driver.to_string(),
        scope: on.scope.to_string(),
        internal: on.internal,
        options: told.map(|told| told.options.iter().map(pairs).collect()).unwrap_or_default(),
        labels: told.map(|told| told.labels.iter().map(pairs).collect()).unwrap_or_default(),
        subnets: on
            .subnets
            .iter()
            .map(|of| Subnet { subnet: of.net, range: of.range, gateway: of.gateway })
            .collect(),
        endpoints,
    }
}

/// A container's name, and which of the names that lead to it are its own: those of that very container, and of no other
/// after it.
fn container<'a>(inventory: &'a Inventory, id: &'a ContainerId) -> (String, impl Fn(&str) -> bool + 'a) {
    let name = inventory.container(id).map_or(id.short(), |known| &*known.name);
    let own = inventory::normal(name);
    (name.to_owned(), move |other: &str| *other == *own || other == id.short() || other == id.as_str())
}

fn proxy(inventory: &Inventory, proxy: &routes::Proxy) -> Proxy {
    let is_on = |on: &&Destination| on.endpoints.iter().any(|endpoint| endpoint.container == proxy.container);
    let mut networks: Vec<String> =
        inventory.destinations.iter().filter(is_on).map(|on| on.name.to_string()).collect();
    networks.sort_unstable();
    Proxy { name: proxy.name.to_string(), kind: proxy.kind.map(|kind| kind.as_label().to_owned()), networks }
}

fn route(route: &routes::Route) -> Route {
    let schemes: BTreeSet<&str> =
        route.doors.iter().map(|door| if door.tls { "https" } else { "http" }).collect();
    Route {
        domain: route.domain.to_string(),
        path: route.path.to_string(),
        workload: route.workload.to_string(),
        destination: route.destination.as_ref().map(ToString::to_string),
        port: route.backends.iter().find_map(|backend| backend.port),
        schemes: schemes.into_iter().map(str::to_owned).collect(),
    }
}

fn published(container: &inventory::Container) -> impl Iterator<Item = Published> + '_ {
    let everywhere = |ip: &IpAddr| ip.is_unspecified();
    container.published.iter().filter(|port| port.host_port != 0).map(move |port| Published {
        host_ip: port.host_ip.filter(|ip| !everywhere(ip)),
        host_port: port.host_port,
        protocol: port.protocol.clone(),
        workload: container.workload.to_string(),
        container_port: port.container_port,
    })
}
