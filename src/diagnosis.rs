//! From what is seen to what is wrong: findings.
//!
//! One pure rule a file, `fn(&Scene) -> Vec<Finding>`; one catalogue of codes. A rule never
//! does I/O and never panics, whatever half-discovered snapshot it is given. A rule names causes: it
//! stays silent where a [`scene::Scene`] says that something graver accounts for what it sees.
//!
//! The rules have no memory. [`Ledger`] is the memory: since when a fault holds, and that it is not
//! over because nobody looks any more.

pub mod address_pools_exhausted;
pub mod catalogue;
mod certificates;
pub mod container_packet_loss;
pub mod container_partitioned;
mod container_restarting;
mod container_static_address_refused;
pub mod container_unreachable;
pub mod dns_alias_collision;
mod dns_overloaded;
pub mod dns_resolver_unresponsive;
pub mod dns_wrong_answer;
mod ended;
mod ephemeral_ports_exhausted;
pub mod exporter_blind;
pub mod finding;
mod firewall;
mod hard_coded_address;
mod host;
pub mod isolation_breached;
pub mod isolation_shared_container;
pub mod ledger;
mod network;
pub mod network_addresses_exhausted;
mod outside;
pub mod port_exposed_publicly;
mod proxy;
pub mod published_port_unreachable;
mod route;
pub mod runbooks;
#[cfg(test)]
pub(crate) mod sample;
mod scene;
mod status;
mod swarm;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

pub use catalogue::Code;
pub use certificates::CertificateState;
pub use finding::*;
pub use ledger::{Ledger, OPENS_AFTER};
pub use route::{HopState, Passage};
pub use scene::AFTER_ABSENCE;
pub use status::{Status, is_blind};
pub use words::counted;

use crate::state::Snapshot;
use scene::Scene;

/// A rule: pure, of a snapshot and what is worked out of it once for all of them.
type Rule = fn(&Scene<'_>) -> Vec<Finding>;

/// Every rule, in the order of the catalogue.
const RULES: [Rule; 25] = [
    exporter_blind::find,
    host::find,
    swarm::find,
    network::find,
    proxy::find,
    route::find,
    certificates::find,
    address_pools_exhausted::find,
    network_addresses_exhausted::find,
    container_restarting::find,
    container_static_address_refused::find,
    container_unreachable::find,
    container_partitioned::find,
    container_packet_loss::find,
    ephemeral_ports_exhausted::find,
    dns_resolver_unresponsive::find,
    dns_overloaded::find,
    dns_alias_collision::find,
    dns_wrong_answer::find,
    outside::find,
    published_port_unreachable::find,
    isolation_breached::find,
    port_exposed_publicly::find,
    isolation_shared_container::find,
    hard_coded_address::find,
];

/// What is wrong now, with what is remembered of the rounds before.
pub fn judge(snapshot: Arc<Snapshot>, ledger: &mut Ledger) -> Verdict {
    let scene = Scene::of(&snapshot);
    let mut seen: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&scene)).collect();
    for finding in &mut seen {
        words::clean(finding);
        finding.runbook = finding.code.runbook_url(&snapshot.own.external_url);
    }
    let passages = route::of_scene(&scene);
    let certificates = certificates::states(&scene);
    let findings = ledger.enter(&scene, seen);
    let pending =
        ledger.pending() + dns_resolver_unresponsive::pending(&scene) + dns_wrong_answer::pending(&scene);
    Verdict { snapshot, findings, pending, passages, certificates }
}
