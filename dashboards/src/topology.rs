//! Who can reach whom, and who should not?

use serde_json::json;

use crate::page::Page;
use crate::panel::Panel;
use crate::parts;
use crate::words::{self, BAD, GOOD, WARN};

const CODES: &str = r#"code=~"(isolation|network|port|published-port|hard-coded|path-mtu|dns-alias)-.+", "#;

pub fn page() -> Page {
    Page::new(
        "topology",
        "Topology and isolation",
        "Who can reach whom, and who gets through who should not?",
        "now-6h",
    )
    .row("Now", now())
    .row(
        "Why",
        vec![(24, 9, parts::what_is_wrong("What is wrong and why", CODES, "nothing is wrong with networks"))],
    )
    .row("Isolation", isolation())
    .row("Who talks to whom", flows())
    .row("Where networks meet", meetings())
    .row("What was approved", approved())
}

fn now() -> Vec<(u32, u32, Panel)> {
    let leaking = Panel::stat("Destinations that leak", "Something got from one of them to another that shares no container with it.")
        .ask("count(destination_isolation_leaking_peers{<D>} > 0) or sum(0 * destination_isolation_leaking_peers{<D>})", "leaking")
        .unit("none")
        .thresholds(&[(0.0, GOOD), (1.0, BAD)])
        .none("not probed");
    let pairs = Panel::stat(
        "Pairs that are tried",
        "Destinations that ought to be apart, each way. None: there is but one, or isolation is not probed.",
    )
    .ask("sum(destination_isolation_peers{<D>})", "pairs")
    .unit("none")
    .plain()
    .none("not probed");
    let cycle = Panel::stat(
        "Every pair within",
        "How old the answer for a pair may be: eight take their turn in an interval.",
    )
    .ask("max(destination_isolation_cycle_seconds{<D>})", "cycle")
    .unit("dtdurations")
    .plain()
    .none("not probed");
    let shared = Panel::stat(
        "Shared containers",
        "They are on several of those that are chosen; the proxy is one by its office.")
        .ask("count(count by (job, instance, container) (destination_container_info{<D>}) > 1) or sum(0 * destination_exporter_docker_up{<S>})", "shared")
        .unit("none")
        .plain()
        .none("not known");
    let unseen = Panel::stat(
        "Containers unseen",
        "Their connections could not be read: their flows are not known, and so not listed below.",
    )
    .ask("sum(destination_flows_unseen_containers{<D>})", "unseen")
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, WARN)])
    .none("not known");
    let left_out = Panel::stat("Flows left out", "Beyond the 500 with most connections.")
        .ask("sum(destination_flows_left_out{<S>})", "left out")
        .unit("none")
        .thresholds(&[(0.0, GOOD), (1.0, WARN)])
        .none("not known");
    vec![(4, 4, leaking), (4, 4, pairs), (4, 4, cycle), (4, 4, shared), (4, 4, unseen), (4, 4, left_out)]
}

fn isolation() -> Vec<(u32, u32, Panel)> {
    let matrix = Panel::table(
        "What got through, from (row) to (column)",
        "Whether a probe of the last try got through. A dash: the same destination, they share a container, or (where many
         take turns) nothing is known to have got through.",
    )
    .ask("max by (destination, peer) (destination_isolation_leaks{<D>})", "")
    .none("not probed: there is nothing to keep apart")
    .matrix("destination", "peer", "empty")
    .cells(("KEPT APART", GOOD), ("GETS THROUGH", BAD))
    .column("destination\\peer", &[
            ("displayName", json!("From")),
            ("custom.cellOptions", json!({"type": "auto"})),
        ]);
    let over_time = Panel::timeline(
        "Leaks over time",
        "When it began: look for what was done to the firewall or to networks then.",
    )
    .ask(
        "clamp_max(max by (job, instance, destination) (destination_isolation_leaking_peers{<D>}), 1)",
        "{{destination}} on {{instance}}",
    )
    .words(&[("0", "KEPT APART", GOOD), ("1", "LEAKS", BAD)])
    .none("not probed");
    vec![(14, 8, matrix), (10, 8, over_time)]
}

fn flows() -> Vec<(u32, u32, Panel)> {
    let flows = Panel::table(
        "Connections, most first",
        "Established when they were last counted, once a minute. ACROSS: straight into another destination. HAIRPIN: out to the host and back by
         a published port; connect both to one network instead.",
    )
    .ask(
        "topk(50, sum by (job, instance, destination, source, target, target_destination, port, way) (destination_flow_connections{<H>}))",
        "",
    )
    .none("nobody is connected")
    .columns(
        &[
            ("source", "From"),
            ("target", "To"),
            ("port", "Port"),
            ("way", "Way"),
            ("Value", "Connections"),
            ("destination", "Destination"),
            ("target_destination", "Of the target"),
            ("instance", "Instance"),
        ],
        &["Time", "job"],
    )
    .unit("none")
    .column_words("Way", words::WAY)
    .sorted("Connections", true);
    let ways = Panel::series(
        "Connections by way",
        "A step in across, hairpin or host: somebody was told another address.",
    )
    .ask("sum by (way) (destination_flow_connections{<H>})", "{{way}}")
    .unit("none")
    .none("nobody is connected");
    vec![(16, 10, flows), (8, 10, ways)]
}

fn meetings() -> Vec<(u32, u32, Panel)> {
    let shared = Panel::table(
        "Containers on several destinations",
        "Whoever breaks into one of them stands on all of these.",
    )
    .ask("count by (job, instance, container, workload) (destination_container_info{<D>}) > 1", "")
    .none("no container is on two")
    .columns(
        &[
            ("container", "Container"),
            ("workload", "Workload"),
            ("Value", "Destinations"),
            ("instance", "Instance"),
        ],
        &["Time", "job"],
    )
    .unit("none")
    .sorted("Destinations", true);
    let ports = Panel::table("Published ports", "Whether the host itself gets a connection to what it publishes; 0.0.0.0 and :: are open to whoever reaches the host.")
        .ask("min by (job, instance, destination, workload, host_ip, port, protocol) (destination_published_port_up{<D>})", "")
        .none("nothing is published")
        .columns(
            &[
                ("host_ip", "At"),
                ("port", "Port"),
                ("protocol", "Protocol"),
                ("workload", "Workload"),
                ("Value", "Outcome"),
                ("destination", "Destination"),
                ("instance", "Instance"),
            ],
            &["Time", "job"],
        )
        .column_words("Outcome", words::ANSWERS)
        .column_width("Port", 70)
        .column_width("Protocol", 80)
        .column_wrapped("Workload", 180)
        .sorted("Outcome", false);
    let widths = Panel::table("Widths of the way", "A network's MTU above that of the way out: large answers from outside hang.")
        .ask("max by (job, instance, destination) (destination_bridge_mtu_bytes{<D>})", "")
        .ask("max by (job, instance, destination) (destination_mtu_bytes{<D>})", "")
        .ask(
            "max by (job, instance, destination) (destination_bridge_mtu_bytes{<D>} * 0
             + on (job, instance) group_left () min by (job, instance) (destination_host_uplink_mtu_bytes{<S>}))",
            "",
        )
        .merged()
        .none("no bridge is seen")
        .columns(
            &[
                ("destination", "Destination"),
                ("Value #A", "Bridge (bytes)"),
                ("Value #B", "Asked for (bytes)"),
                ("Value #C", "Host's way out (bytes)"),
                ("instance", "Instance"),
            ],
            &["Time", "job"],
        )
        .unit("none");
    vec![(14, 8, ports), (10, 8, shared), (24, 6, widths)]
}

fn approved() -> Vec<(u32, u32, Panel)> {
    let drift = Panel::series(
        "Otherwise than approved",
        "By kind and destination (of the host: none): a step is a change that nobody has approved. The page /diagnostics says which, /events since
         when.",
    )
    .ask(
        "sum by (job, instance, destination, kind) (destination_drift{<H>}) > 0",
        "{{kind}} {{destination}} on {{instance}}",
    )
    .unit("none")
    .none("nothing is, or nothing was approved");
    let file = Panel::table(
        "The snapshot that is in force",
        "REFUSED: the file cannot be read as it is now; what was read of it before stays in force until the exporter is started anew.",
    )
    .ask("min by (job, instance) (destination_drift_baseline_readable{<S>})", "")
    .ask("max by (job, instance) (destination_drift_baseline_timestamp_seconds{<S>}) * 1000", "")
    .merged()
    .none("none was approved (drift.approved_file)")
    .columns(
        &[("instance", "Instance"), ("Value #A", "File"), ("Value #B", "Written down")],
        &["Time", "job"],
    )
    .unit("none")
    .column_words("File", words::LOADED)
    .column("Written down", &[("unit", json!("dateTimeAsIso")), ("custom.width", json!(165))]);
    vec![(14, 7, drift), (10, 7, file)]
}
