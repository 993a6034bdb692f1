//! Who looks out for all of a destination, where one says as much as everyone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::inventory::{Container, ContainerId, Destination, Endpoint};
use crate::namespace::Vantage;

use super::{View, vantage};

/// The one that speaks for a destination.
pub(super) struct Speaker<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) container: &'a Container,
    pub(super) vantage: Vantage,
}

impl<'a> Speaker<'a> {
    /// No proxy, for that has enough to do; one that can be looked into; and on as few networks as may be: a container on
    /// one network alone has one way out.
    pub(super) fn of(
        view: &View<'a>,
        destination: &'a Destination,
        networks: &BTreeMap<&ContainerId, usize>,
    ) -> Option<Self> {
        let able = destination.endpoints.iter().filter_map(|endpoint| {
            let (container, vantage) = vantage(view.inventory, endpoint)?;
            (!container.is_proxy).then_some(Self { endpoint, container, vantage })
        });
        able.min_by_key(|one| {
            let unseen = view.learned.unseen.contains(&one.container.id);
            (unseen, networks.get(&one.container.id).copied().unwrap_or_default(), &*one.endpoint.name)
        })
    }

    /// Of these addresses those that it has the family for.
    pub(super) fn reaches<'s>(
        &self,
        addresses: impl IntoIterator<Item = &'s IpAddr>,
    ) -> impl Iterator<Item = IpAddr> {
        let families: BTreeSet<bool> = self.endpoint.addresses.iter().map(IpAddr::is_ipv4).collect();
        addresses.into_iter().copied().filter(move |address| families.contains(&address.is_ipv4()))
    }
}

/// On how many destinations each container is.
pub(super) fn networks<'a>(view: &View<'a>) -> BTreeMap<&'a ContainerId, usize> {
    let mut networks = BTreeMap::new();
    for (_, endpoint) in view.inventory.endpoints() {
        *networks.entry(&endpoint.container).or_default() += 1;
    }
    networks
}
