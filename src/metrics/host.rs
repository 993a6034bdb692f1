//! The host that every destination's packets cross; nothing where the exporter is not on its network.

use crate::inventory::Inventory;
use crate::state::Snapshot;

use super::exposition::Exposition;
use super::table;

/// What could not be read has no series.
pub fn host(page: &mut Exposition, inventory: &Inventory, snapshot: &Snapshot) {
    let Some(host) = snapshot.sight.host.as_deref() else { return };
    for (family, is_on) in [("ipv4", host.forwarding.ipv4), ("ipv6", host.forwarding.ipv6)] {
        if let Some(is_on) = is_on {
            page.put_bool(&table::HOST_FORWARDING, [family], is_on);
        }
    }
    if let Some(table) = host.conntrack {
        page.put_count(&table::HOST_CONNTRACK_ENTRIES, [], table.entries);
        page.put_count(&table::HOST_CONNTRACK_LIMIT, [], table.limit);
        if let Some(drops) = table.drops {
            page.put_count(&table::HOST_CONNTRACK_DROPS, [], drops);
        }
    }
    if let Some(table) = host.neighbours {
        page.put_count(&table::HOST_NEIGHBOURS_ENTRIES, [], table.entries);
        page.put_count(&table::HOST_NEIGHBOURS_LIMIT, [], table.limit);
    }
    if let Some(uplink) = host.uplink() {
        page.put_count(&table::HOST_UPLINK_MTU, [&uplink.by], u64::from(uplink.mtu));
    }
    for destination in &inventory.destinations {
        let bridge = destination.bridge.as_deref().and_then(|bridge| host.bridge(bridge));
        if let Some(bridge) = bridge {
            page.put_count(&table::HOST_BRIDGE_MTU, [&destination.name], u64::from(bridge.mtu));
            page.put_count(&table::HOST_BRIDGE_PORTS, [&destination.name], u64::from(bridge.ports));
        }
    }
}
