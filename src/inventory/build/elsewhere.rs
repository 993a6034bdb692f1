//! Who is on networks that are no destinations.
//!
//! The Engine's resolver looks for a name on every network that the container which asks is on, whether or
//! not the operator wants it watched: what it finds there is right too.

use std::collections::{BTreeMap, BTreeSet};

use super::destination::View;
use crate::inventory::ids::ContainerId;
use crate::inventory::model::{Destination, Endpoint};

/// The endpoints of each other network that somebody on a destination is on.
pub(super) fn elsewhere(view: &View<'_>, destinations: &[Destination]) -> Vec<Vec<Endpoint>> {
    let who: BTreeSet<&ContainerId> =
        destinations.iter().flat_map(|d| &d.endpoints).map(|e| &e.container).collect();
    let watched: BTreeSet<&str> = destinations.iter().map(|d| d.id.as_str()).collect();
    let networks = view.seen.networks.iter().map(|network| (network.id.as_str(), network));
    let others = networks.filter(|(id, _)| !id.is_empty() && !watched.contains(id));
    // By id: one that is listed twice counts once, and the order is the same each time.
    let others: BTreeMap<&str, _> = others.collect();
    let endpoints = others.into_values().map(|network| view.endpoints_on(network));
    endpoints.filter(|on| on.iter().any(|e| who.contains(&e.container))).collect()
}
