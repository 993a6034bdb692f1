//! One network as a destination: who is on it, who is missed from it, how much room it has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::is_missed;
use super::networks::Networks;
use super::swarm;
use crate::inventory::ids::{ContainerId, NetworkId};
use crate::inventory::model::{Container, Destination, Endpoint, Ghost, Missing, Place, RunState, Subnet};
use crate::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, bounded};
use crate::inventory::{claims, names, origin, select, subnet};

/// The option that names a bridge's interface.
pub(super) const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// The option that names a bridge's or overlay's MTU.
pub(super) const MTU: &str = "com.docker.network.driver.mtu";

/// The option that lets neighbours talk, or not; `dockerd --icc=false` writes it on the default bridge.
const ICC: &str = "com.docker.network.bridge.enable_icc";

/// A container that was made this short a time ago and does not run yet is being deployed.
pub(super) const DEPLOY: Duration = Duration::from_secs(60);

/// All that one network is judged by.
pub(super) struct View<'a> {
    pub(super) seen: &'a Seen,
    pub(super) networks: &'a Networks<'a>,
    pub(super) containers: &'a BTreeMap<ContainerId, Container>,
    pub(super) homes: &'a claims::Homes<'a>,
    pub(super) names: &'a BTreeMap<ContainerId, Arc<str>>,
    /// The other way round.
    pub(super) bearers: &'a BTreeMap<&'a str, &'a ContainerId>,
    pub(super) at: SystemTime,
}

impl View<'_> {
    pub(super) fn destination(
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
            keeps_apart: network
                .options
                .get(ICC)
                .is_some_and(|text| text.trim().eq_ignore_ascii_case("false")),
            bridge: bridge(network, self.seen.engine.podman).map(Arc::from),
            mtu: network.options.get(MTU).and_then(|text| text.trim().parse().ok()).filter(|mtu| *mtu > 0),
            subnets: subnets(
                network,
                swarm::taken(network, self.seen.swarm.as_ref(), &endpoints),
                &self.gateways_on(network),
                oddities,
            ),
            overlay: swarm::overlay(network, self.seen.swarm.as_ref(), &endpoints, self.at),
            endpoints,
            detached,
            stopped: self.stopped(ended),
            ghosts: network
                .ghosts
                .iter()
                .map(|ghost| Ghost {
                    name: bounded(&ghost.name).into(),
                    address: bounded(&ghost.address).into(),
                })
                .collect(),
        }
    }

    /// Who is on a network that is no destination. What is odd about it is nobody's concern.
    pub(super) fn endpoints_on(&self, network: &SeenNetwork) -> Vec<Endpoint> {
        let endpoint = |one: &SeenContainer| {
            let (container, name) = self.of(one).filter(|(c, _)| c.state.has_namespace())?;
            let is_here =
                |e: &&SeenEndpoint| self.networks.of_endpoint(e).is_some_and(|n| n.id == network.id);
            let endpoint = one.endpoints.iter().find(is_here)?;
            Some(self.endpoint(network, endpoint, container, name, &mut BTreeSet::new()))
        };
        let mut endpoints: Vec<Endpoint> = self.seen.containers.iter().filter_map(endpoint).collect();
        endpoints.sort_by(|a, b| (&a.name, &a.container).cmp(&(&b.name, &b.container)));
        endpoints
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
            let what = if seen.names_unknown {
                format!("container {whose:?} could not be inspected, so its names on {on:?} are not known")
            } else {
                format!("container {whose:?} has more names on {on:?} than the {most} that are kept")
            };
            oddities.insert(format!("{what}: whether another one bears the same cannot be told"));
        }
        Endpoint {
            name: Arc::clone(name),
            container: container.id.clone(),
            addresses,
            mac: bounded(&seen.mac).to_ascii_lowercase(),
            names,
            has_more_names,
            is_fixed: seen.is_fixed,
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
            // One that could not be started is not about to run.
            let is_to_come = one.state == RunState::Created && one.error.is_empty();
            is_to_come && age.is_some_and(|age| age < DEPLOY)
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

/// The name of a bridge's interface: the option's, else what Docker's driver makes of the id. Podman
/// counts (`podman1`), and does not say.
fn bridge(network: &SeenNetwork, podman: bool) -> Option<String> {
    let id = NetworkId::new(&network.id);
    let named = network.options.get(BRIDGE_NAME).filter(|name| !name.is_empty());
    let derived = || (!podman).then(|| format!("br-{}", id.short()));
    (network.driver == "bridge").then(|| named.cloned().or_else(derived)).flatten()
}

/// `gateways`: a network that was made with a subnet and no gateway does not list the one that it chose,
/// but its containers know it.
fn subnets(
    network: &SeenNetwork,
    mut taken: subnet::Taken,
    gateways: &BTreeSet<IpAddr>,
    oddities: &mut BTreeSet<String>,
) -> Vec<Subnet> {
    let (mut subnets, mut odd) = (Vec::new(), Vec::new());
    for entry in &network.ipam {
        match subnet::read(entry, gateways, &mut taken, &mut odd) {
            Ok(found) => subnets.extend(found),
            Err(why) => odd.push(why),
        }
    }
    let whose = bounded(&network.name);
    oddities.extend(odd.iter().map(|why| format!("network {whose:?}: {}", bounded(why))));
    subnets
}
