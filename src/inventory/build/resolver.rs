//! Who answers a container's DNS queries, and who of them knows containers by name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::networks::Networks;
use crate::inventory::ids::ContainerId;
use crate::inventory::model::{Container, Place, Resolver};
use crate::inventory::seen::{SeenContainer, SeenNetwork};
use crate::inventory::select;

/// Where Docker's embedded resolver answers, inside a container's namespace.
pub(super) const EMBEDDED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// Who answers the queries of a container.
pub(super) fn resolver(one: &SeenContainer, networks: &Networks, podman: bool) -> Resolver {
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
pub(super) fn share(containers: &mut BTreeMap<ContainerId, Container>) {
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
