//! From a listing to the file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::inventory::build::away::is_of_proxy;
use crate::inventory::routes;
use crate::inventory::seen::{
    Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenService, SeenTask, bounded,
};
use crate::inventory::{Container, ContainerId, Destination, Inventory, normal, part};

use super::compare::SWARM;
use super::model::{
    Baseline, FORMAT, Network, Node, Proxy, Published, Route, Server, Subnet, VERSION, Workload,
};

/// What a listing says, and what was made of it. The same host gives the same value, whatever the order of the answers.
pub fn take(seen: &Seen, inventory: &Inventory) -> Baseline {
    let host = Host::new(seen, inventory);
    let mut networks: Vec<Network> = inventory.destinations.iter().map(|on| host.network(on)).collect();
    networks.sort_by(|a, b| a.name.cmp(&b.name));
    let mut proxies: Vec<Proxy> = inventory.proxies.iter().map(|one| host.proxy(one)).collect();
    proxies.sort_by(|a, b| a.name.cmp(&b.name));
    // Two proxies of one workload are told as one.
    proxies.dedup_by(|later, first| {
        let same = later.name == first.name;
        if same {
            first.networks.append(&mut later.networks);
            first.networks.sort_unstable();
            first.networks.dedup();
        }
        same
    });
    let mut routes: Vec<Route> = inventory.routes.served.iter().map(|route| host.route(route)).collect();
    routes.sort_by(|a, b| (&a.domain, &a.path, &a.servers).cmp(&(&b.domain, &b.path, &b.servers)));
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
        published: host.published().into_iter().collect(),
        swarm: host.node(seen),
        unread,
    }
}

/// What the destinations of a snapshot are called as label values, by their names in the file.
pub(super) fn label_values(seen: &Seen, inventory: &Inventory) -> BTreeMap<String, Arc<str>> {
    Host::new(seen, inventory).names.into_iter().map(|(label, name)| (name, label)).collect()
}

/// A listing, by id.
struct Host<'a> {
    inventory: &'a Inventory,
    networks: BTreeMap<&'a str, &'a SeenNetwork>,
    containers: BTreeMap<&'a str, &'a SeenContainer>,
    /// The service of each task that managers tell of, as a node calls what runs of it: a route leads to tasks on other nodes too.
    services: BTreeMap<&'a str, Cow<'a, str>>,
    /// Services that ask a proxy for sites.
    asking: BTreeSet<Cow<'a, str>>,
    /// What each destination is called in the file. Where two networks have one name, a label value has an id in it, which
    /// is another one elsewhere: they are counted instead.
    names: BTreeMap<Arc<str>, String>,
}

impl<'a> Host<'a> {
    fn new(seen: &'a Seen, inventory: &'a Inventory) -> Self {
        let networks: BTreeMap<&str, &SeenNetwork> =
            seen.networks.iter().map(|network| (&*network.id, network)).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names = BTreeMap::new();
        for on in &inventory.destinations {
            let name = networks.get(on.id.as_str()).map_or(&*on.name, |network| bounded(&network.name));
            let count = counts.entry(name).or_default();
            *count += 1;
            let name = if *count > 1 { format!("{name} #{count}") } else { name.to_owned() };
            names.insert(Arc::clone(&on.name), name);
        }
        let containers = seen.containers.iter().map(|container| (&*container.id, container)).collect();
        let (services, asking) = services(seen);
        Self { inventory, networks, containers, services, asking, names }
    }

    fn name_of(&self, destination: &Arc<str>) -> String {
        self.names.get(destination).cloned().unwrap_or_else(|| destination.to_string())
    }

    /// What a container's workload is called, whichever deployment of it this is, and on whichever node.
    fn whose(&self, id: &ContainerId) -> String {
        let away =
            || self.services.get(id.as_str()).map_or_else(|| id.short().to_owned(), ToString::to_string);
        self.inventory.container(id).map_or_else(away, whose)
    }

    fn network(&self, on: &Destination) -> Network {
        let told = self.networks.get(on.id.as_str());
        let pairs = |(name, value): (&String, &String)| (bounded(name).to_owned(), bounded(value).to_owned());
        let mut workloads: BTreeMap<String, Workload> = BTreeMap::new();
        let mut of = |id: &ContainerId, fill: &dyn Fn(&mut Workload)| {
            let name = self.whose(id);
            let of =
                workloads.entry(name.clone()).or_insert_with(|| Workload { name, ..Workload::default() });
            of.containers.extend(self.inventory.container(id).map(|known| known.name.to_string()));
            fill(of);
        };
        for endpoint in &on.endpoints {
            of(&endpoint.container, &|of| {
                of.running += 1;
                of.has_more_names |= endpoint.has_more_names;
                of.is_fixed |= endpoint.is_fixed;
                of.addresses.extend(&endpoint.addresses);
                of.names
                    .extend(self.names_of(&endpoint.container, endpoint.names.iter().map(|name| &**name)));
            });
        }
        for missing in &on.stopped {
            of(&missing.container, &|of| {
                of.stopped += 1;
                // The Engine keeps what it was started with for when it is started again.
                let Some(own) = self.endpoint(&missing.container, on) else {
                    of.has_more_names = true;
                    return;
                };
                of.has_more_names |= own.has_more_names || own.names_unknown;
                of.is_fixed |= own.is_fixed;
                let names = own.aliases.iter().chain(&own.dns_names).map(String::as_str);
                of.names.extend(self.names_of(&missing.container, names));
            });
        }
        for missing in &on.detached {
            of(&missing.container, &|of| of.detached += 1);
        }
        for of in workloads.values_mut() {
            for list in [&mut of.names, &mut of.containers] {
                list.sort_unstable();
                list.dedup();
            }
            of.addresses.sort_unstable();
        }
        Network {
            name: self.name_of(&on.name),
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
            workloads: workloads.into_values().collect(),
        }
    }

    /// What the Engine keeps of a container's place on a network.
    fn endpoint(&self, id: &ContainerId, on: &Destination) -> Option<&'a SeenEndpoint> {
        let of = self.containers.get(id.as_str())?;
        // The name stands for the id on Podman, and on Docker until a container is first started.
        let is_it = |endpoint: &&SeenEndpoint| {
            endpoint.network_id == on.id.as_str()
                || (endpoint.network_id.is_empty() && *endpoint.network == *on.name)
        };
        of.endpoints.iter().find(is_it)
    }

    /// Without those that are this very container's, and no other's after it.
    fn names_of<'n>(
        &self,
        id: &'n ContainerId,
        names: impl Iterator<Item = &'n str> + 'n,
    ) -> impl Iterator<Item = String> + 'n {
        let own = self.inventory.container(id).map(|known| normal(&known.name).into_owned());
        names
            .map(|name| normal(name).into_owned())
            .filter(move |name| Some(name) != own.as_ref() && **name != *id.short() && **name != *id.as_str())
    }

    fn proxy(&self, proxy: &routes::Proxy) -> Proxy {
        let is_on =
            |on: &&Destination| on.endpoints.iter().any(|endpoint| endpoint.container == proxy.container);
        let mut networks: Vec<String> =
            self.inventory.destinations.iter().filter(is_on).map(|on| self.name_of(&on.name)).collect();
        networks.sort_unstable();
        let kind = proxy.kind.map(|kind| kind.as_label().to_owned());
        Proxy { name: self.whose(&proxy.container), kind, networks }
    }

    fn route(&self, route: &routes::Route) -> Route {
        let own = route.backends.iter().map(|backend| (&backend.container, backend.port));
        let rivals = route.rivals.iter().map(|rival| (&rival.container, None));
        let mut servers: BTreeSet<Server> =
            own.map(|(id, port)| Server { workload: self.whose(id), port }).collect();
        for (id, port) in rivals {
            let workload = self.whose(id);
            if !servers.iter().any(|known| known.workload == workload) {
                servers.insert(Server { workload, port });
            }
        }
        let of_services =
            !servers.is_empty() && servers.iter().all(|server| self.asking.contains(&*server.workload));
        let schemes: BTreeSet<&str> =
            route.doors.iter().map(|door| if door.tls { "https" } else { "http" }).collect();
        Route {
            domain: route.domain.to_string(),
            path: route.path.to_string(),
            destination: route.destination.as_ref().map(|on| self.name_of(on)),
            servers: servers.into_iter().collect(),
            schemes: schemes.into_iter().map(str::to_owned).collect(),
            of_services,
        }
    }

    /// What its managers chose for it.
    fn node(&self, seen: &Seen) -> Option<Node> {
        let is_task = |one: &&Container| one.task_of.is_some() && one.state.has_namespace();
        let tasks: BTreeSet<String> = self.inventory.containers.values().filter(is_task).map(whose).collect();
        let is_one = self.inventory.swarm.is_some() || !tasks.is_empty() || is_in_one(seen);
        let control = self.inventory.swarm.as_ref().and_then(|swarm| swarm.control.as_ref());
        // What managers said before they fell silent is known all the same.
        let knows_services = control.is_some_and(|control| !control.is_cut)
            && self.inventory.destinations.iter().all(|on| !is_unheard(on))
            && !self.inventory.destinations.iter().any(|on| on.overlay.as_ref().is_some_and(|of| of.is_cut));
        is_one.then(|| Node { tasks: tasks.into_iter().collect(), knows_services })
    }

    /// What was asked for, and not what it led to: a port that nobody chose is another one after each start.
    fn published(&self) -> BTreeSet<Published> {
        let resting: BTreeSet<&ContainerId> =
            self.inventory.destinations.iter().flat_map(|on| &on.stopped).map(|one| &one.container).collect();
        let counts = |one: &&Container| one.state.has_namespace() || resting.contains(&one.id);
        let mut all = BTreeSet::new();
        for container in self.inventory.containers.values().filter(counts) {
            let asked = self.containers.get(container.id.as_str()).map_or(&[][..], |seen| &seen.bindings);
            let workload = whose(container);
            for port in asked {
                all.insert(Published {
                    host_ip: port.host_ip,
                    host_port: Some(port.host_port).filter(|port| *port != 0),
                    protocol: port.protocol.clone(),
                    workload: workload.clone(),
                    container_port: port.container_port,
                });
            }
            for port in container.published.iter().filter(|port| port.host_port != 0) {
                let is_it = |of: &&crate::inventory::PublishedPort| {
                    (of.container_port, &of.protocol) == (port.container_port, &port.protocol)
                };
                if !asked.iter().any(|of| is_it(&of)) {
                    all.insert(Published {
                        host_ip: None,
                        host_port: None,
                        protocol: port.protocol.clone(),
                        workload: workload.clone(),
                        container_port: port.container_port,
                    });
                }
            }
        }
        all
    }
}

/// An Engine has networks of this scope in a Swarm alone.
fn is_in_one(seen: &Seen) -> bool {
    seen.networks.iter().any(|network| network.scope == SWARM)
}

/// Something is on it here, so that gossip knows of the others, and was not heard.
fn is_unheard(on: &Destination) -> bool {
    &*on.scope == SWARM && !on.endpoints.is_empty() && on.overlay.as_ref().is_some_and(|of| !of.heard)
}

/// A task is its service's: managers know it by nothing else, and the next one may be on another node.
fn whose(container: &Container) -> String {
    container.task_of.as_ref().map_or_else(|| container.whose(), ToString::to_string)
}

/// By the id of each task, and those that ask a proxy for sites.
fn services<'a>(seen: &'a Seen) -> (BTreeMap<&'a str, Cow<'a, str>>, BTreeSet<Cow<'a, str>>) {
    let Some(control) = seen.swarm.as_ref().and_then(|swarm| swarm.control.as_ref()) else {
        return Default::default();
    };
    let name = |service: &'a SeenService| part(bounded(&service.name));
    let names: BTreeMap<&str, Cow<'a, str>> =
        control.services.iter().map(|service| (&*service.id, name(service))).collect();
    let asks = |service: &&SeenService| service.labels.keys().any(|key| is_of_proxy(key));
    let asking = control.services.iter().filter(asks).map(name).collect();
    let named = |task: &'a SeenTask| Some((&*task.id, names.get(&*task.service)?.clone()));
    (control.tasks.iter().filter_map(named).collect(), asking)
}
