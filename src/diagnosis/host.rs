//! What the kernel says of the host that every destination's packets cross.
//!
//! The settings are read, never set. Where they cannot be read (the exporter is not on the host's network) nothing is
//! said: that is `exporter-blind`'s to tell.

mod bridge_netfilter_off;
mod conntrack_near_limit;
mod firewall_blocking;
mod firewall_chains_missing;
mod forwarding_disabled;
mod neighbour_table_full;

use std::sync::Arc;

use crate::netstack::Host;

use super::scene::Scene;
use super::words::draft;
use super::{Code, Finding};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(host) = scene.snapshot.sight.host.as_deref() else { return Vec::new() };
    let rules: [fn(&Scene<'_>, &Host) -> Option<Finding>; 6] = [
        forwarding_disabled::find,
        conntrack_near_limit::find,
        neighbour_table_full::find,
        bridge_netfilter_off::find,
        |scene, _| firewall_chains_missing::find(scene),
        |scene, _| firewall_blocking::find(scene),
    ];
    rules.iter().filter_map(|rule| rule(scene, host)).collect()
}

/// Whether what was told of the packet filter still holds where no rule sees it now.
pub(super) fn firewall_holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    if finding.code == Code::HostFirewallBlocking {
        firewall_blocking::holds(scene)
    } else {
        firewall_chains_missing::holds(scene)
    }
}

/// A finding about the host itself.
fn of_host(scene: &Scene<'_>, code: Code) -> Finding {
    let host: Arc<str> = "host".into();
    draft(code, "host", &host, scene.snapshot.at)
}

/// `81 %`, never rounded up.
fn percent(part: u64, whole: u64) -> String {
    format!("{} %", u128::from(part) * 100 / u128::from(whole.max(1)))
}
