//! What is wrong between the nodes of a Swarm.
//!
//! Every node has an exporter of its own, and each tells what it sees from there: none asks another. What is seen of
//! another node has three witnesses that fail apart: the overlay's packets, the gossip's table and port, and the host.

mod address_mismatch;
mod data_path_broken;
mod encryption_unsupported;
mod no_quorum;
mod peer_missing;
mod sight;
mod stale_tasks;
mod task_rejected;
mod vip_unreachable;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{Destination, Swarm};

use super::scene::Scene;
use super::words::draft;
use super::{Code, Finding, OPENS_AFTER};

use sight::Sights;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(swarm) = scene.inventory.and_then(|inventory| inventory.swarm.as_ref()) else {
        return Vec::new();
    };
    let sights = Sights::of(scene);
    let of = Of { scene, swarm, sights: &sights };
    let rules: [fn(&Of<'_, '_>) -> Vec<Finding>; 8] = [
        no_quorum::find,
        address_mismatch::find,
        peer_missing::find,
        encryption_unsupported::find,
        data_path_broken::find,
        vip_unreachable::find,
        stale_tasks::find,
        task_rejected::find,
    ];
    rules.iter().flat_map(|rule| rule(&of)).collect()
}

/// What a rule of this room looks at.
struct Of<'r, 'a> {
    scene: &'r Scene<'a>,
    swarm: &'a Swarm,
    sights: &'r Sights<'a>,
}

/// RFC 7348: what a Swarm takes that was not made with `--data-path-port`.
const VXLAN: u16 = 4789;

impl<'a> Of<'_, 'a> {
    /// The port of the data path; managers alone know of another than the usual one.
    fn data_port(&self) -> u16 {
        self.swarm.data_port.unwrap_or(VXLAN)
    }

    /// The overlays that something of this host is on.
    fn overlays(&self) -> impl Iterator<Item = (&'a Destination, &'a crate::inventory::Overlay)> {
        self.scene.destinations().filter_map(|on| Some((on, on.overlay.as_ref()?)))
    }

    /// What this node is called.
    fn own(&self) -> String {
        match self.swarm.address {
            Some(address) => self.swarm.called(address),
            None => self.swarm.name.to_string(),
        }
    }

    /// What this node is known by on all others: its address.
    fn own_address(&self) -> String {
        self.swarm.address.map_or_else(|| self.swarm.name.to_string(), |address| address.to_string())
    }

    /// A finding about a node of the Swarm, or another subject of it.
    fn draft(&self, code: Code, kind: &'static str, name: &str, on: Option<&Destination>) -> Finding {
        let name: Arc<str> = name.into();
        Finding {
            destination: on.map(|on| Arc::clone(&on.name)),
            ..draft(code, kind, &name, self.scene.snapshot.at)
        }
    }
}

/// What is said of a Swarm must stand so long before it is a fault. Managers choose another leader within seconds, and a task
/// that was refused once may be taken by the next node. An overlay's addresses are counted by two that do not speak at one time.
pub(super) fn opens_after(scene: &Scene<'_>, finding: &Finding) -> Duration {
    const LONG: Duration = Duration::from_secs(15);
    let is_of_overlay = || {
        scene.destinations().any(|on| on.overlay.is_some() && Some(&on.name) == finding.destination.as_ref())
    };
    match finding.code {
        Code::SwarmNoQuorum | Code::SwarmTaskRejected => LONG,
        Code::NetworkAddressesExhausted if is_of_overlay() => LONG,
        _ => OPENS_AFTER,
    }
}

/// True for what is measured between nodes.
pub(super) const fn is_of(code: Code) -> bool {
    matches!(
        code,
        Code::SwarmPeerMissing
            | Code::SwarmDataPathBroken
            | Code::SwarmEncryptionUnsupported
            | Code::SwarmVipUnreachable
            | Code::SwarmStaleTasks
            | Code::SwarmAddressMismatch
    )
}

/// What was told of some is told of all by now, or the other way round.
fn is_other_share(of: &Of<'_, '_>, one: &Finding, other: &Finding) -> bool {
    let is_of_all = |finding: &Finding| match finding.code {
        Code::SwarmDataPathBroken => *finding.subject.name == *of.own_address(),
        _ => finding.subject.kind == "destination",
    };
    let is_shared = match one.code {
        Code::SwarmDataPathBroken => true,
        Code::SwarmVipUnreachable => one.destination == other.destination,
        _ => false,
    };
    one.code == other.code && is_shared && is_of_all(one) != is_of_all(other)
}

/// Whether a finding that no rule sees any more still holds: until what it is about answers, or is gone.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let is_up = scene.snapshot.sight.engine.is_up();
    let Some(swarm) = scene.inventory.and_then(|inventory| inventory.swarm.as_ref()) else { return !is_up };
    let sights = Sights::of(scene);
    let of = Of { scene, swarm, sights: &sights };
    // Another finding tells of the same now.
    let is_same = |other: &Finding| (other.code, &other.destination) == (finding.code, &finding.destination);
    let is_told = |other: &Finding| {
        (other.subject == finding.subject && !is_same(other)) || is_other_share(&of, other, finding)
    };
    if find(scene).iter().any(is_told) {
        return false;
    }
    match finding.code {
        Code::SwarmVipUnreachable => vip_unreachable::holds(&of, finding),
        Code::SwarmStaleTasks => stale_tasks::holds(&of, finding),
        Code::SwarmEncryptionUnsupported => {
            let on = finding.destination.as_deref().unwrap_or_default();
            let mut sights = sights.on(on).peekable();
            sights.peek().is_some() && !sights.any(|sight| sight.data.is_open())
        }
        Code::SwarmAddressMismatch => address_mismatch::holds(&of),
        Code::SwarmPeerMissing => sights.of_node(&finding.subject.name).any(|sight| sight.is_missed()),
        _ => data_path_broken::holds(&of, finding),
    }
}
