//! From what the Engine said to the picture.
//!
//! One pass over containers, one over networks, no question asked of anybody. What cannot be read
//! becomes an oddity and never costs the rest: whoever deploys writes most of this.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Selection;

use super::ids::{ContainerId, NetworkId};
use super::model::{
    Container, Destination, Endpoint, Inventory, Missing, Place, Resolver, RunState, Subnet, WayIn,
};
use super::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, bounded};
use super::{absent, claims, names, origin, select, subnet, workload};

/// Where Docker's embedded resolver answers, inside a container's namespace.
const EMBEDDED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The option that names a bridge's interface.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";
/// A container that was made this short a time ago and does not run yet is being deployed.
const DEPLOY: Duration = Duration::from_secs(60);

/// The option that names a bridge's or overlay's MTU.
const MTU: &str = "com.docker.network.driver.mtu";

/// The picture of one moment. The same answers give the same value, in whatever order they came.
pub fn build(seen: &Seen, selection: &Selection, at: SystemTime) -> Inventory {
    let mut oddities: BTreeSet<String> = seen.oddities.iter().map(|o| bounded(o).to_owned()).collect();
    let networks = Networks::new(&seen.networks, seen.engine.podman);
    let mut containers: BTreeMap<ContainerId, Container> = BTreeMap::new();
    for one in &seen.containers {
        if one.id.is_empty() {
            oddities.insert(format!("a container without an id ({:?}) is left out", bounded(&one.name)));
            continue;
        }
        let made = container(one, seen, &networks);
        containers.insert(made.id.clone(), made);
    }
    share_resolvers(&mut containers);

    let homes = homes(seen, &networks, &containers);
    let names = claims::endpoint_names(&containers, &homes);
    let bearers: BTreeMap<&str, &ContainerId> = names.iter().map(|(id, name)| (&**name, id)).collect();
    let candidates = select::candidates(&seen.networks, &mut oddities);
    let labels = names::destination_names(candidates.iter().copied());
    let mut destinations = Vec::new();
    for network in candidates {
        if !select::is_wanted(network, selection) {
            continue;
        }
        let Some(label) = labels.get(network.id.as_str()) else { continue };
        let view = View {
            seen,
            networks: &networks,
            containers: &containers,
            homes: &homes,
            names: &names,
            bearers: &bearers,
            at,
        };
        let made = view.destination(network, Arc::clone(label), &mut oddities);
        let is_used = !made.endpoints.is_empty() || !made.detached.is_empty();
        if is_used || !select::is_default_bridge(network, seen.engine.podman) {
            destinations.push(made);
        }
    }
    destinations.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let refers = |one: &SeenContainer| {
        let container = containers.get(&ContainerId::new(&one.id));
        container.is_some_and(|c| c.state.has_namespace() || is_missed(c))
    };
    Inventory {
        engine: seen.engine.clone(),
        taken_at: at,
        destinations,
        absent: absent::absent(seen, selection, refers),
        containers,
        oddities: oddities.into_iter().collect(),
    }
}

/// Finds the network that a container speaks of.
struct Networks<'a> {
    podman: bool,
    by_id: BTreeMap<&'a str, &'a SeenNetwork>,
    /// Only names that are not shared: with two networks of one name, the name proves nothing.
    by_name: BTreeMap<&'a str, &'a SeenNetwork>,
}

impl<'a> Networks<'a> {
    fn new(networks: &'a [SeenNetwork], podman: bool) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&SeenNetwork>> = BTreeMap::new();
        for network in networks {
            by_name.entry(&network.name).or_default().push(network);
        }
        Self {
            podman,
            by_id: networks.iter().map(|n| (n.id.as_str(), n)).collect(),
            by_name: by_name
                .into_iter()
                .filter_map(|(name, all)| match *all {
                    [one] => Some((name, one)),
                    _ => None,
                })
                .collect(),
        }
    }

    /// By id, else by name: Podman writes the name where the id belongs, and a stopped container keeps
    /// the id of a network that was made anew since.
    fn of_endpoint(&self, endpoint: &SeenEndpoint) -> Option<&'a SeenNetwork> {
        self.find(&endpoint.network_id).or_else(|| self.by_name.get(endpoint.network.as_str()).copied())
    }

    /// `HostConfig.NetworkMode`, which is a name, an id, or a word for the default bridge.
    fn of_mode(&self, mode: &str) -> Option<&'a SeenNetwork> {
        match mode {
            "" | "host" | "none" => None,
            // Podman calls every network of bridges so: it says nothing.
            "bridge" if self.podman => None,
            "default" => self.by_name.get("bridge").copied(),
            mode => self.find(mode),
        }
    }

    fn find(&self, word: &str) -> Option<&'a SeenNetwork> {
        self.by_id.get(word).or_else(|| self.by_name.get(word)).copied()
    }
}

fn container(one: &SeenContainer, seen: &Seen, networks: &Networks) -> Container {
    let has_namespace = one.state.has_namespace();
    let mut exposed_tcp = one.exposed_tcp.clone();
    exposed_tcp.sort_unstable();
    exposed_tcp.dedup();
    let mut published = one.published.clone();
    published.sort();
    published.dedup();
    Container {
        id: ContainerId::new(&one.id),
        name: bounded(&one.name).into(),
        image: bounded(&one.image).into(),
        workload: workload::workload(one).into(),
        replica: workload::replica(&one.labels),
        state: one.state,
        health: one.health,
        exit_code: one.exit_code.filter(|_| !has_namespace),
        kept_running: matches!(one.restart_policy.as_str(), "always" | "unless-stopped" | "on-failure"),
        place: place(one, &seen.containers),
        // A stopped container keeps the key of a namespace that is gone, or is another's by now.
        way_in: (has_namespace && one.pid > 0).then(|| WayIn {
            sandbox: Some(one.sandbox_key.as_str()).filter(|k| !k.is_empty()).map(PathBuf::from),
            pid: Some(one.pid),
        }),
        started_at: one.started_at,
        exposed_tcp,
        published,
        resolver: resolver(one, networks, seen.engine.podman),
        proxied_ports: workload::proxied_ports(&one.labels),
        is_proxy: workload::is_proxy(one),
        coolify: workload::coolify(&one.labels),
    }
}

/// The name of a bridge's interface: the option's, else what Docker's driver makes of the id. Podman
/// counts (`podman1`), and does not say.
fn bridge(network: &SeenNetwork, podman: bool) -> Option<String> {
    let id = NetworkId::new(&network.id);
    let named = network.options.get(BRIDGE_NAME).filter(|name| !name.is_empty());
    let derived = || (!podman).then(|| format!("br-{}", id.short()));
    (network.driver == "bridge").then(|| named.cloned().or_else(derived)).flatten()
}

fn place(one: &SeenContainer, all: &[SeenContainer]) -> Place {
    match one.network_mode.as_str() {
        "host" => Place::Host,
        "none" => Place::Isolated,
        mode => match mode.strip_prefix("container:") {
            // The Engine writes the id; a name is what the operator may have written.
            Some(word) => Place::SharedWith(ContainerId::new(
                all.iter().find(|c| c.id == word || c.name == word).map_or(word, |c| &c.id),
            )),
            None => Place::Own,
        },
    }
}

fn resolver(one: &SeenContainer, networks: &Networks, podman: bool) -> Resolver {
    let servers = if one.name_servers.is_empty() {
        usual_servers(one, networks, podman)
    } else {
        one.name_servers.clone()
    };
    let gateways = gateways(one, networks, podman);
    let knows = |server: &&IpAddr| if podman { gateways.contains(server) } else { **server == EMBEDDED };
    Resolver { engine: servers.iter().find(knows).copied(), servers }
}

/// Who answers where the container's own resolv.conf could not be read.
fn usual_servers(one: &SeenContainer, networks: &Networks, podman: bool) -> Vec<IpAddr> {
    match (user_defined(one, networks, podman).next().is_none(), podman) {
        (true, _) => Vec::new(),
        (false, false) => vec![EMBEDDED],
        (false, true) => gateways(one, networks, podman),
    }
}

/// The gateways of the user-defined networks that a container is on, each once.
fn gateways(one: &SeenContainer, networks: &Networks, podman: bool) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = Vec::new();
    for gateway in
        user_defined(one, networks, podman).flat_map(|n| &n.ipam).filter_map(|s| s.gateway.parse().ok())
    {
        if !all.contains(&gateway) {
            all.push(gateway);
        }
    }
    all
}

fn user_defined<'a>(
    one: &'a SeenContainer,
    networks: &'a Networks,
    podman: bool,
) -> impl Iterator<Item = &'a SeenNetwork> {
    one.endpoints
        .iter()
        .filter_map(|e| networks.of_endpoint(e))
        .filter(move |n| select::is_candidate(n) && !select::is_default_bridge(n, podman))
}

/// Who lives in another's namespace asks that one's resolver.
fn share_resolvers(containers: &mut BTreeMap<ContainerId, Container>) {
    let shared: Vec<(ContainerId, Resolver)> = containers
        .values()
        .filter(|c| c.resolver.servers.is_empty())
        .filter_map(|c| match &c.place {
            Place::SharedWith(owner) => Some((c.id.clone(), containers.get(owner)?.resolver.clone())),
            _ => None,
        })
        .collect();
    for (id, resolver) in shared {
        if let Some(container) = containers.get_mut(&id) {
            container.resolver = resolver;
        }
    }
}

/// Where each container belongs.
fn homes<'a>(
    seen: &'a Seen,
    networks: &Networks<'a>,
    containers: &BTreeMap<ContainerId, Container>,
) -> claims::Homes<'a> {
    let home = |one: &'a SeenContainer| {
        let container = containers.get(&ContainerId::new(&one.id))?;
        let meant = networks.of_mode(&one.network_mode).filter(|_| container.place == Place::Own);
        let on = one.endpoints.iter().filter_map(|e| networks.of_endpoint(e));
        let home = claims::Home {
            networks: on.chain(meant).map(|n| n.id.as_str()).collect(),
            made_at: one.created_at,
            is_missed: !container.state.has_namespace() && is_missed(container),
        };
        Some((container.id.clone(), home))
    };
    seen.containers.iter().filter_map(home).collect()
}

/// All that one network is judged by.
struct View<'a> {
    seen: &'a Seen,
    networks: &'a Networks<'a>,
    containers: &'a BTreeMap<ContainerId, Container>,
    homes: &'a claims::Homes<'a>,
    names: &'a BTreeMap<ContainerId, Arc<str>>,
    /// The other way round.
    bearers: &'a BTreeMap<&'a str, &'a ContainerId>,
    at: SystemTime,
}

impl View<'_> {
    fn destination(
        &self,
        network: &SeenNetwork,
        name: Arc<str>,
        oddities: &mut BTreeSet<String>,
    ) -> Destination {
        let is_this = |found: Option<&SeenNetwork>| found.is_some_and(|n| n.id == network.id);
        let mut endpoints = Vec::new();
        let mut detached = Vec::new();
        let mut ended = Vec::new();
        let mut members = Vec::new();
        for one in &self.seen.containers {
            let Some((container, endpoint_name)) = self.of(one) else { continue };
            let endpoint = one.endpoints.iter().find(|e| is_this(self.networks.of_endpoint(e)));
            let meant = container.place == Place::Own && is_this(self.networks.of_mode(&one.network_mode));
            if endpoint.is_some() || meant {
                members.push(one);
            }
            match (container.state.has_namespace(), endpoint) {
                (true, Some(endpoint)) => {
                    endpoints.push(self.endpoint(network, endpoint, container, endpoint_name, oddities));
                }
                (true, None) if meant => detached.push(missing(container, endpoint_name)),
                (false, found) if (found.is_some() || meant) && is_missed(container) => ended.push(container),
                _ => {}
            }
        }
        endpoints.sort_by(|a: &Endpoint, b| (&a.name, &a.container).cmp(&(&b.name, &b.container)));
        detached.sort_by(|a: &Missing, b| (&a.name, &a.container).cmp(&(&b.name, &b.container)));
        let origin = origin::origin(network, &members, self.seen.engine.podman);
        Destination {
            name,
            display_name: origin::display_name(network, origin, &members).into(),
            id: NetworkId::new(&network.id),
            driver: bounded(&network.driver).into(),
            scope: bounded(&network.scope).into(),
            origin,
            internal: network.internal,
            bridge: bridge(network, self.seen.engine.podman).map(Arc::from),
            mtu: network.options.get(MTU).and_then(|text| text.trim().parse().ok()).filter(|mtu| *mtu > 0),
            subnets: subnets(network, &endpoints, &self.gateways_on(network), oddities),
            endpoints,
            detached,
            stopped: self.stopped(ended),
        }
    }

    /// The gateways that the containers of a network were given.
    fn gateways_on(&self, network: &SeenNetwork) -> BTreeSet<IpAddr> {
        let endpoints = self.seen.containers.iter().flat_map(|one| &one.endpoints);
        let here = endpoints.filter(|e| self.networks.of_endpoint(e).is_some_and(|n| n.id == network.id));
        here.flat_map(|e| &e.gateways).filter_map(|gateway| gateway.parse().ok()).collect()
    }

    fn of(&self, one: &SeenContainer) -> Option<(&Container, &Arc<str>)> {
        let container = self.containers.get(&ContainerId::new(&one.id))?;
        Some((container, self.names.get(&container.id)?))
    }

    fn endpoint(
        &self,
        network: &SeenNetwork,
        seen: &SeenEndpoint,
        container: &Container,
        name: &Arc<str>,
        oddities: &mut BTreeSet<String>,
    ) -> Endpoint {
        let mut addresses = Vec::new();
        for text in [&seen.ipv4, &seen.ipv6] {
            match text.split('/').next().unwrap_or_default() {
                "" => {}
                text => match text.parse() {
                    Ok(address) => addresses.push(address),
                    Err(_) => {
                        let (whose, text) = (bounded(&container.name), bounded(text));
                        oddities.insert(format!("container {whose:?}: {text:?} is no address"));
                    }
                },
            }
        }
        let podman = self.seen.engine.podman;
        let has_dns = !select::is_default_bridge(network, podman);
        let (names, has_more_names) =
            if has_dns { names::dns_names(seen, container, podman) } else { (Vec::new(), false) };
        if has_more_names {
            let (whose, on, most) = (bounded(&container.name), bounded(&network.name), names::MOST_NAMES);
            oddities.insert(format!(
                "container {whose:?} has more names on {on:?} than the {most} that are kept: \
                 whether another one bears the same cannot be told"
            ));
        }
        Endpoint {
            name: Arc::clone(name),
            container: container.id.clone(),
            addresses,
            mac: bounded(&seen.mac).to_ascii_lowercase(),
            names,
            has_more_names,
        }
    }

    /// One a workload and environment: the last that ran. A workload that lives on a network of the ended
    /// one is not missed, and neither is one whose next container was just made: Compose stops the old one
    /// before it starts the new one. One that only is called so, and lives elsewhere or is of another of
    /// Coolify's environments, covers nobody.
    fn stopped(&self, mut ended: Vec<&Container>) -> Vec<Missing> {
        let live = self.containers.values().filter(|c| c.state.has_namespace()).map(|c| &c.id);
        let deployed = self.seen.containers.iter().filter(|one| {
            let age = one.created_at.and_then(|made| self.at.duration_since(made).ok());
            one.state == RunState::Created && age.is_some_and(|age| age < DEPLOY)
        });
        let deployed: Vec<ContainerId> = deployed.map(|one| ContainerId::new(&one.id)).collect();
        let mut carers: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
        for carer in live.chain(&deployed).filter_map(|id| self.containers.get(id)) {
            carers.entry(&carer.workload).or_default().push(carer);
        }
        ended.retain(|c| {
            let cares = |carer: &&Container| claims::is_kin(self.homes, carer, c);
            !carers.get(&*c.workload).is_some_and(|all| all.iter().any(cares))
        });
        ended.sort_by_key(|c| (c.started_at, &c.id));
        let last: BTreeMap<String, &Container> = ended.into_iter().map(|c| (c.whose(), c)).collect();
        let mut called: BTreeMap<&str, usize> = BTreeMap::new();
        for container in last.values() {
            *called.entry(&container.workload).or_default() += 1;
        }
        let is_alone = |c: &Container| called.get(&*c.workload).is_none_or(|n| *n == 1);
        last.values().filter_map(|c| Some(missing(c, self.name_of_ended(c, is_alone(c))?))).collect()
    }

    /// Where there is one of its workload here the bare name serves, unless it is another's.
    fn name_of_ended<'c>(&'c self, container: &'c Container, is_alone: bool) -> Option<&'c Arc<str>> {
        let workload = &container.workload;
        let is_kin = |id: &ContainerId| {
            self.containers.get(id).is_some_and(|c| claims::is_kin(self.homes, c, container))
        };
        let is_free = !claims::RESERVED.contains(&&**workload)
            && self.bearers.get(&**workload).map_or(is_alone, |bearer| is_kin(bearer));
        if is_free { Some(workload) } else { self.names.get(&container.id) }
    }
}

fn missing(container: &Container, name: &Arc<str>) -> Missing {
    Missing { name: Arc::clone(name), container: container.id.clone() }
}

/// A job that did its work is not missed, and one that is being removed is meant to go.
fn is_missed(container: &Container) -> bool {
    let is_done =
        container.state == RunState::Exited && container.exit_code == Some(0) && !container.kept_running;
    !is_done && container.state != RunState::Removing
}

/// `gateways`: a network that was made with a subnet and no gateway does not list the one that it chose,
/// but its containers know it.
fn subnets(
    network: &SeenNetwork,
    endpoints: &[Endpoint],
    gateways: &BTreeSet<IpAddr>,
    oddities: &mut BTreeSet<String>,
) -> Vec<Subnet> {
    let taken: BTreeSet<IpAddr> = endpoints.iter().flat_map(|e| &e.addresses).copied().collect();
    let mut subnets = Vec::new();
    for entry in &network.ipam {
        match subnet::read(entry, gateways, &taken) {
            Ok(found) => subnets.extend(found),
            Err(why) => {
                oddities.insert(format!("network {:?}: {}", bounded(&network.name), bounded(&why)));
            }
        }
    }
    subnets
}

#[cfg(test)]
pub(super) mod tests;
