//! What is wrong with a destination's network itself, whoever is on it.

mod bridge_ports_exhausted;
mod duplicate_name;
mod ghost_endpoint;
mod missing;
mod mtu_mismatch;
mod subnet_overlap;

use std::sync::Arc;

use crate::inventory::Destination;

use super::scene::Scene;
use super::words::draft;
use super::{Code, Finding};

pub(super) use mtu_mismatch::{for_networks_to_come, narrower_uplink};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let rules: [fn(&Scene<'_>) -> Vec<Finding>; 6] = [
        missing::find,
        duplicate_name::find,
        subnet_overlap::find,
        mtu_mismatch::find,
        bridge_ports_exhausted::find,
        ghost_endpoint::find,
    ];
    rules.iter().flat_map(|rule| rule(scene)).collect()
}

/// A finding about one destination.
fn of_destination(scene: &Scene<'_>, code: Code, destination: &Destination) -> Finding {
    of_named(scene, code, &destination.name)
}

/// A finding about one that may not be there.
fn of_named(scene: &Scene<'_>, code: Code, name: &Arc<str>) -> Finding {
    Finding { destination: Some(Arc::clone(name)), ..draft(code, "destination", name, scene.snapshot.at) }
}
