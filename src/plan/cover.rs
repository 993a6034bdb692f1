//! Who ought to be looked at on each destination, and within which time: what the share that was is measured by.
//!
//! Of what runs on this host everybody whom another one could look at; of other nodes those that this one looks at, each
//! in its turn. Since every node looks at the next few on one ring, a share of 1 everywhere says that everyone was looked
//! at from another node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{Destination, Place, RunState};
use crate::outcome::ProbeKind;

use super::View;
use super::overlay::{neighbours, rounds};

/// Endpoint names that ought to be looked at, and within which time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cover {
    /// Sorted.
    pub targets: Vec<Arc<str>>,
    /// As many intervals as it takes for everyone to have a turn, and one more.
    pub within: Duration,
}

/// By destination; one on which nobody could be looked at has none.
pub(super) fn covers(view: &View<'_>) -> BTreeMap<Arc<str>, Cover> {
    let all = view.inventory.destinations.iter();
    all.filter_map(|on| Some((Arc::clone(&on.name), cover(view, on)?))).collect()
}

fn cover(view: &View<'_>, on: &Destination) -> Option<Cover> {
    let runs = |container| {
        let container = view.inventory.container(container);
        container.is_some_and(|c| c.state == RunState::Running && c.place == Place::Own)
    };
    let here: Vec<&Arc<str>> = on.endpoints.iter().filter(|e| runs(&e.container)).map(|e| &e.name).collect();
    // Whoever switched a probe off wants nobody looked at by it; the others need a port that is listened on.
    let is_on = |kind| view.probes.timing(&on.name, kind).enabled;
    let looks = here.len() > 1 && !on.keeps_apart && is_on(ProbeKind::Icmp);
    let here: &[&Arc<str>] = if looks { &here } else { &[] };
    let next =
        on.overlay.as_ref().map(|overlay| neighbours(overlay, view.probes.ring, view.probes.full_mesh_up_to));
    let next = next.filter(|_| is_on(ProbeKind::Overlay)).unwrap_or_default();
    let away = next.iter().flat_map(|peer| &peer.tasks).map(|task| &task.name);
    let mut targets: Vec<Arc<str>> = here.iter().copied().chain(away).cloned().collect();
    targets.sort();
    targets.dedup();
    let most = next.iter().map(|peer| peer.tasks.len()).max().unwrap_or_default();
    let interval = |kind| view.probes.timing(&on.name, kind).interval;
    let turns = u32::try_from(rounds(most)).unwrap_or(u32::MAX);
    let across = interval(ProbeKind::Overlay).saturating_mul(turns.saturating_add(1));
    let within = if most == 0 { interval(ProbeKind::Icmp).saturating_mul(2) } else { across };
    (!targets.is_empty()).then_some(Cover { targets, within })
}

#[cfg(test)]
mod tests;
