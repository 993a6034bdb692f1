//! What crosses the destinations, who talks to whom, and what the containers' network stacks count.

use std::collections::BTreeMap;

use crate::inventory::{Inventory, part};
use crate::state::Snapshot;
use crate::traffic::conversations::conversations;
use crate::traffic::flows;

use super::exposition::Exposition;
use super::table;

/// Per container: what it sends and receives on each destination, and its TCP counters.
pub fn traffic(page: &mut Exposition, inventory: &Inventory, snapshot: &Snapshot) {
    for flow in flows(snapshot) {
        page.put(&table::TRAFFIC_SOURCE, [flow.counter.as_label()], 1.0);
        let labels = [&*flow.destination.name, &*part(&flow.container.name), &*flow.container.workload];
        for (metric, value) in [
            (&table::RECEIVE_BYTES, flow.receive.bytes),
            (&table::RECEIVE_PACKETS, flow.receive.packets),
            (&table::RECEIVE_ERRORS, flow.receive.errors),
            (&table::RECEIVE_DROPS, flow.receive.drops),
            (&table::TRANSMIT_BYTES, flow.transmit.bytes),
            (&table::TRANSMIT_PACKETS, flow.transmit.packets),
            (&table::TRANSMIT_ERRORS, flow.transmit.errors),
            (&table::TRANSMIT_DROPS, flow.transmit.drops),
        ] {
            page.put_count(metric, labels, value);
        }
    }
    for (id, inner) in &*snapshot.containers {
        // One that the Engine no longer lists has no name to stand under.
        let Some(container) = inventory.container(id) else { continue };
        let name = &*part(&container.name);
        if let Some(drops) = inner.resolver_drops {
            page.put_count(&table::RESOLVER_DROPS, [name], drops);
        }
        if let Some(tcp) = inner.tcp {
            page.put_count(&table::CONNECTIONS, [name, "established"], tcp.established);
            page.put_count(&table::CONNECTIONS, [name, "time_wait"], tcp.time_wait);
            page.put_count(&table::RETRANSMITS, [name], tcp.retransmits);
            page.put_count(&table::LISTEN_OVERFLOWS, [name], tcp.listen_overflows);
        }
    }
}

/// Who talks to whom. Conversations that differ in what was called on the way are one series.
pub fn conversations_of(page: &mut Exposition, inventory: &Inventory, snapshot: &Snapshot) {
    let all = conversations(snapshot);
    let mut series = BTreeMap::<_, u64>::new();
    for one in &all.told {
        let (source, target) = (one.source, one.target);
        // Who calls from nowhere is told where it is heard.
        let on = if source.destination().is_empty() { target.destination() } else { source.destination() };
        let labels = (on, source.name(), target.name(), target.destination(), one.port, one.way.as_label());
        *series.entry(labels).or_default() += one.connections;
    }
    for ((on, source, target, target_on, port, way), connections) in series {
        let port = port.map_or_else(|| "other".to_owned(), |port| port.to_string());
        let labels = [on, source, target, target_on, &port, way];
        page.put_count(&table::FLOW_CONNECTIONS, labels, connections);
    }
    page.put_count(&table::FLOWS_LEFT_OUT, [], all.left_out as u64);
    for destination in &inventory.destinations {
        let unseen = all.unseen.iter().filter(|(on, _)| on.id == destination.id).count();
        page.put_count(&table::FLOWS_UNSEEN, [&destination.name], unseen as u64);
    }
}
