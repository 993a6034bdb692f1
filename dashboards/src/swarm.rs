//! Which nodes of a Swarm reach each other, and which do not?
//!
//! Each node's exporter tells what it sees from there, and knows the others by address. What they are called they say
//! themselves, where they are scraped; else the managers do, where one is; else it stays the address.

use serde_json::json;

use crate::page::Page;
use crate::panel::Panel;
use crate::parts;
use crate::words::{self, BAD, GOOD, WARN};

const CODES: &str = r#"code=~"(swarm)-.+", "#;

/// What nodes are called, by address; one that is cut off is called what it was. An address that two say they have is one of them.
const NAMES: &str = r"
topk by (job, address) (1,
  2 * max by (job, address, node) (last_over_time(destination_swarm_node_info{<S>}[1h]))
  or max by (job, address, node) (destination_swarm_node_ready{<S>} >= bool 0)
)";
/// This node's own name and address, by exporter.
const OWN: &str = "topk by (job, instance) (1, destination_swarm_node_info{<S>})";

const UP: &str = "min by (job, instance, destination, peer) (destination_overlay_peer_up{<D>})";
const TRIP: &str = "max by (job, instance, destination, peer) (destination_overlay_peer_rtt_seconds{<D>})";
const CONTAINERS: &str =
    "max by (job, instance, destination, peer) (destination_overlay_peer_containers{<D>})";

/// The same with the label `to`: what the peer is called.
fn to(value: &str) -> String {
    let names = format!(r#"(label_replace({NAMES}, "peer", "$1", "address", "(.+)") > bool 0)"#);
    let named = format!(
        "{value} * on (job, peer) group_left (node) {names} or on (job, instance, destination, peer) {value}"
    );
    let named = format!(r#"label_replace({named}, "to", "$1", "peer", "(.+)")"#);
    format!(r#"label_replace({named}, "to", "$1", "node", "(.+)")"#)
}

/// And with the label `from`: the overlay, and what the node that looks is called. Of several the worst, by `worst`.
fn from_to(value: &str, worst: &str) -> String {
    let by_node = format!("{worst} by (job, instance, destination, to) ({})", to(value));
    let named = format!("{by_node} * on (job, instance) group_left (node) {OWN}");
    format!(r#"{worst} by (from, to) (label_join({named}, "from", ": ", "destination", "node"))"#)
}

/// By the address of the node that it is about, for the table of nodes.
fn of_peer(value: &str, how: &str) -> String {
    format!(r#"{how} by (job, address) (label_replace({value}, "address", "$1", "peer", "(.+)"))"#)
}

pub fn page() -> Page {
    Page::new("swarm", "Swarm", "Which nodes of the Swarm reach each other, and which do not?", "now-1h")
        .row("Now", now())
        .row("Who reaches whom", ways())
        .row(
            "Why",
            vec![(
                24,
                9,
                parts::what_is_wrong("What is wrong and why", CODES, "nothing is wrong between nodes"),
            )],
        )
        .row("Since when", since())
        .row("Who they are", nodes())
        .row("What is looked at", looks())
}

fn now() -> Vec<(u32, u32, Panel)> {
    let control = Panel::stat(
        "Managers",
        "Whether any manager that is scraped can decide. Without a quorum what runs goes on, and nothing is started or moved.",
    )
    .ask("max by (job) (destination_swarm_control{<S>})", "{{job}}")
    .words(words::CONTROL)
    .none("no manager is scraped");
    let away = Panel::stat(
        "Nodes not ready",
        "The managers hear nothing of them. Those that are drained do not count.",
    )
    .ask(
        "count(max by (job, address, node) (destination_swarm_node_ready{<S>, availability!=\"drain\"}) == 0)
         or sum(0 * destination_swarm_node_ready{<S>})",
        "nodes",
    )
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, BAD)])
    .none("no manager is scraped");
    let down = Panel::stat(
        "Ways that are down",
        "From one node to another, by overlay: nothing got through. The table below says which.",
    )
    .ask("count(destination_overlay_peer_up{<D>} == 0) or sum(0 * destination_overlay_peer_up{<D>})", "ways")
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, BAD)])
    .none("no other node is looked at");
    let unseen = Panel::stat(
        "Nodes unwatched",
        "Ready, as the managers say, and without an exporter that is scraped: what is wrong there is not noticed.",
    )
    .ask(
        "count(
           max by (job, address) (destination_swarm_node_ready{<S>, availability!=\"drain\"}) == 1
           unless on (job, address) destination_swarm_node_info{<S>}
         ) or sum(0 * destination_swarm_node_ready{<S>})",
        "nodes",
    )
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, WARN)])
    .none("no manager is scraped");
    let covered = Panel::stat(
        "Looked at, at least",
        "Of the containers that another one ought to look at, the share that was, where it is smallest.",
    )
    .ask("min(destination_probes_covered_ratio{<D>})", "covered")
    .unit("percentunit")
    .decimals(0)
    .thresholds(&[(0.0, WARN), (1.0, GOOD)])
    .none("there is nobody to look at");
    let scraped =
        Panel::stat("Nodes scraped", "They tell what they see; the others are seen by these alone.")
            .ask("count(count by (job, address) (destination_swarm_node_info{<S>}))", "nodes")
            .unit("none")
            .plain()
            .none("no node of a Swarm is scraped");
    vec![(4, 4, control), (4, 4, away), (4, 4, down), (4, 4, unseen), (4, 4, covered), (4, 4, scraped)]
}

fn ways() -> Vec<(u32, u32, Panel)> {
    let heading = [("displayName", json!("From")), ("custom.cellOptions", json!({"type": "auto"}))];
    let up = Panel::table(
        "Up or down, from (row) to (column)",
        "By overlay and node. A column that is down: that node. A row: the way out of that node. Two blocks: the network between two
         sites. A dash: the same node, one that is not looked at from there, or nobody knows. A node without a row is not scraped.",
    )
    .ask(&from_to(UP, "min"), "")
    .none("no other node is looked at")
    .matrix("from", "to", "empty")
    .cells(("DOWN", BAD), ("UP", GOOD))
    .column("from\\to", &heading)
    .sorted("From", false);
    let trip = Panel::table(
        "Round trip, from (row) to (column)",
        "The shortest of the last runs, from this node to containers on the other. One that is far above the others: its way, or a host
         that is busy.",
    )
    .ask(&from_to(TRIP, "max"), "")
    .none("nothing comes back from another node")
    .matrix("from", "to", "empty")
    .unit("s")
    .column("from\\to", &[("displayName", json!("From"))])
    .sorted("From", false);
    vec![(12, 9, up), (12, 9, trip)]
}

fn since() -> Vec<(u32, u32, Panel)> {
    let reached = Panel::timeline(
        "Nodes, as others reach them",
        "DOWN where at least one of the others does not reach it. All at once: the network, or the node that looks.",
    )
    .ask(&format!("min by (to) ({})", to(UP)), "{{to}}")
    .words(words::UP)
    .none("no other node is looked at");
    let trips = Panel::series(
        "Round trip to each node",
        "The longest of what the others measure. A step: another way is taken, or a line is full.",
    )
    .ask(&format!("max by (to) ({})", to(TRIP)), "{{to}}")
    .unit("s")
    .none("nothing comes back from another node");
    vec![(12, 8, reached), (12, 8, trips)]
}

fn nodes() -> Vec<(u32, u32, Panel)> {
    let control = format!(
        "max by (job, address) (destination_swarm_control{{<S>}} * on (job, instance) group_left (address) {OWN})"
    );
    let nodes = Panel::table(
        "Nodes",
        "As the managers know them, as they say themselves, and as the others reach them. Ready and DOWN: the data path. A dash under
         Ready: no manager is scraped; under Instance: no exporter there is.",
    )
    .ask("min by (job, address, node, role, availability) (destination_swarm_node_ready{<S>})", "")
    .ask("max by (job, address, node, role, state, instance) (destination_swarm_node_info{<S>})", "")
    .ask(&of_peer(UP, "min"), "")
    .ask(&control, "")
    .ask(&of_peer(&format!("sum by (job, instance, peer) ({CONTAINERS})"), "max"), "")
    .merged()
    .none("no node of a Swarm is scraped")
    .columns(
        &[
            ("node", "Node"),
            ("address", "Address"),
            ("Value #A", "Ready"),
            ("Value #C", "Reached"),
            ("role", "Role"),
            ("Value #D", "Decides"),
            ("availability", "Availability"),
            ("state", "State"),
            ("Value #E", "Containers"),
            ("instance", "Instance"),
            ("job", "Job"),
        ],
        &["Time", "Value #B"],
    )
    .unit("none")
    .column_words("Ready", words::READY)
    .column_words("Reached", words::UP)
    .column_words("Decides", words::CONTROL)
    .column_words("Availability", words::AVAILABILITY)
    .column_words("State", words::MEMBER)
    .column_link("Instance", "Exporter", "/d/destination-exporter?var-datasource=${datasource}&var-job=${__data.fields.job}&var-instance=${__data.fields.instance}&${__url_time_range}")
    .sorted("Ready", false);
    let containers = Panel::table(
        "Containers by overlay (row) and node (column)",
        "As the other nodes' gossip knows them. Fewer than you deployed: names lead to fewer.",
    )
    .ask(&format!("max by (destination, to) ({})", to(CONTAINERS)), "")
    .none("nothing is known on another node")
    .matrix("destination", "to", "empty")
    .unit("none")
    .column("destination\\to", &[("displayName", json!("Overlay"))])
    .sorted("Overlay", false);
    vec![(24, 8, nodes), (24, 6, containers)]
}

fn looks() -> Vec<(u32, u32, Panel)> {
    let failing = Panel::table(
        "Probes between nodes that fail",
        "overlay: to what runs on another node, over the overlay. node: from host to host. Both fail: the host or the network. The first
         alone: the data path. The second alone, on a port: a firewall.",
    )
    .ask("max by (job, instance, destination, probe, source, target) (destination_probe_success{<D>, probe=~\"overlay|node\"} == 0)", "")
    .none("no probe between nodes fails")
    .columns(
        &[
            ("destination", "Destination"),
            ("probe", "Probe"),
            ("source", "From"),
            ("target", "To"),
            ("Value", "Outcome"),
            ("instance", "Instance"),
        ],
        &["Time", "job"],
    )
    .column_wrapped("From", 150)
    .column_wrapped("To", 170)
    .column_words("Outcome", words::PROBED)
    .sorted("Probe", false);
    let covered = Panel::table(
        "Who was looked at, by destination and server",
        "Of the containers that another one ought to look at, the share that was within the time. Less than 100 %: what is wrong with the
         others is not known.",
    )
    .ask("min by (job, instance, destination) (destination_probes_covered_ratio{<D>})", "")
    .ask("max by (job, instance, destination) (destination_probes_cover_seconds{<D>})", "")
    .merged()
    .none("there is nobody to look at")
    .columns(
        &[
            ("destination", "Destination"),
            ("Value #A", "Looked at"),
            ("Value #B", "Within"),
            ("instance", "Instance"),
        ],
        &["Time", "job"],
    )
    .column_thresholds("Looked at", "percentunit", &[(0.0, WARN), (1.0, GOOD)])
    .column_thresholds("Within", "s", &[(0.0, "text")])
    .sorted("Looked at", false);
    vec![(14, 9, failing), (10, 9, covered)]
}
