//! Who uses the networks, and who loses packets: utilisation, saturation, errors.

use crate::page::Page;
use crate::panel::Panel;
use crate::words::{self, BAD, GOOD, WARN};

pub fn page() -> Page {
    Page::new(
        "traffic",
        "Traffic",
        "Who uses the networks, what is nearly full, and who loses packets?",
        "now-6h",
    )
    .row("What is nearly full", saturation())
    .row("Who loses packets", losses())
    .row("Who uses it", usage())
    .row("Connections", connections())
    .row("Coming and going", churn())
}

/// A share of something that has an end.
fn share(title: &str, description: &str, near: f64, full: f64) -> Panel {
    Panel::bars(title, description).unit("percentunit").decimals(0).max(1.0).thresholds(&[
        (0.0, GOOD),
        (near, WARN),
        (full, BAD),
    ])
}

fn saturation() -> Vec<(u32, u32, Panel)> {
    let addresses = share(
        "Addresses",
        "Taken of each subnet: from 90 % on it is a ticket; when it is full, the next container does not start.",
        0.9,
        0.99,
    )
    .ask(
        "topk(10, destination_addresses_used{<D>} / (destination_addresses_capacity{<D>} > 0))",
        "{{destination}} {{subnet}}",
    )
    .none("no subnet");
    let ports = share("Bridge ports", "Interfaces of 1023 that a Linux bridge takes.", 0.8, 0.99)
        .ask("topk(10, destination_bridge_ports{<D>} / 1023)", "{{destination}}")
        .none("no bridge is seen");
    let pools = share(
        "Address pools",
        "Blocks for networks: when none is left, a stack with a network of its own is not deployed.",
        0.8,
        0.95,
    )
    .ask(
        "destination_address_pools_used{<S>} / (destination_address_pools_capacity{<S>} > 0)",
        "{{instance}}",
    )
    .none("the Engine does not say");
    let conntrack = share(
        "Connections the kernel tracks",
        "From 70 % on it is a ticket, from 98 % new connections are dropped at random.",
        0.7,
        0.98,
    )
    .ask(
        "destination_host_conntrack_entries{<S>} / (destination_host_conntrack_limit{<S>} > 0)",
        "{{instance}}",
    )
    .none("not on the host's network");
    let neighbours = share(
        "Neighbours the kernel remembers",
        "When the table is full, containers lose each other at random.",
        0.8,
        0.95,
    )
    .ask(
        "destination_host_neighbours_entries{<S>} / (destination_host_neighbours_limit{<S>} > 0)",
        "{{instance}}",
    )
    .none("not on the host's network");
    let ends = Panel::bars(
        "Until addresses end",
        "By the exporter's own forecast, of the subnets that grow steadily: within a week it is a ticket, of Prometheus' history.",
    )
    .ask(
        "bottomk(10, destination_addresses_exhaustion_timestamp_seconds{<D>} - time())",
        "{{destination}} {{subnet}}",
    )
    .ask(
        "destination_address_pools_exhaustion_timestamp_seconds{<S>} - time()",
        "networks on {{instance}}",
    )
    .unit("s")
    .min(0.0)
    .max(90.0 * 86_400.0)
    .thresholds(&[(0.0, BAD), (86_400.0, WARN), (7.0 * 86_400.0, GOOD)])
    .none("no end within 90 days, or not watched for 72 h yet");
    let forwarding = Panel::stat("Forwarding", "What the kernel passes between interfaces. Off for ipv4: nobody gets out, no published port answers.")
        .ask("min by (instance, family) (destination_host_forwarding{<S>, family=\"ipv4\"})", "{{family}} on {{instance}}")
        .words(words::FORWARDS)
        .named()
        .none("not on the host's network");
    vec![
        (8, 6, addresses),
        (8, 6, pools),
        (8, 6, ends),
        (6, 6, ports),
        (6, 6, conntrack),
        (6, 6, neighbours),
        (6, 6, forwarding),
    ]
}

fn losses() -> Vec<(u32, u32, Panel)> {
    let dropped = Panel::series(
        "Packets lost at interfaces",
        "Drops and errors of all packets, by destination. Above one in a hundred connections stall.",
    )
    .ask(
        "sum by (job, instance, destination) (
           rate(destination_container_network_receive_drops_total{<D>}[$__rate_interval]) + rate(destination_container_network_receive_errors_total{<D>}[$__rate_interval])
           + rate(destination_container_network_transmit_drops_total{<D>}[$__rate_interval]) + rate(destination_container_network_transmit_errors_total{<D>}[$__rate_interval]))
         / (sum by (job, instance, destination) (
           rate(destination_container_network_receive_packets_total{<D>}[$__rate_interval]) + rate(destination_container_network_transmit_packets_total{<D>}[$__rate_interval])) > 0)",
        "{{destination}} on {{instance}}",
    )
    .unit("percentunit")
    .reaches(0.05)
    .thresholds(&[(0.0, GOOD), (0.01, WARN)])
    .limits()
    .none("no packet passes");
    let again = Panel::series("Segments sent again", "Containers that have lost the most of late: the way, or who they talk to, drops packets.")
        .ask("topk(7, sum by (instance, container) (rate(destination_container_tcp_retransmits_total{<S>}[$__rate_interval])) > 0)", "{{container}}")
        .unit("pps")
        .none("nothing was sent again");
    let overflows = Panel::series("Connections lost to a full backlog", "The application takes them in too slowly: its visitors wait a second and more.")
        .ask("topk(7, sum by (instance, container) (rate(destination_container_listen_overflows_total{<S>}[$__rate_interval])) > 0)", "{{container}}")
        .unit("cps")
        .none("no backlog was full");
    let resolver = Panel::series(
        "Queries lost by the embedded resolver",
        "A container that asks for names faster than the Engine answers; its lookups time out.",
    )
    .ask(
        "topk(7, sum by (instance, container) (increase(destination_dns_resolver_drops_total{<S>}[5m]) / 300) > 0)",
        "{{container}}",
    )
    .unit("cps")
    .none("no query was lost");
    let conntrack = Panel::series(
        "Packets dropped for want of room to track them",
        "Since the table of connections was full.",
    )
    .ask(
        "sum by (instance) (rate(destination_host_conntrack_drops_total{<S>}[$__rate_interval]))",
        "{{instance}}",
    )
    .unit("pps")
    .none("the kernel does not tell");
    let twice = Panel::series(
        "Echo replies that came twice",
        "Two answer to one address, or a loop carries packets round.",
    )
    .ask(
        "sum by (destination) (rate(destination_icmp_duplicates_total{<D>}[$__rate_interval]))",
        "{{destination}}",
    )
    .unit("pps")
    .none("not probed");
    vec![
        (8, 8, dropped),
        (8, 8, again),
        (8, 8, overflows),
        (8, 8, resolver),
        (8, 8, conntrack),
        (8, 8, twice),
    ]
}

fn usage() -> Vec<(u32, u32, Panel)> {
    let bytes = Panel::series("Bytes of each destination", "What its containers received above the line, what they sent below it.")
        .ask("sum by (destination) (rate(destination_container_network_receive_bytes_total{<D>}[$__rate_interval]))", "{{destination}} received")
        .ask("sum by (destination) (rate(destination_container_network_transmit_bytes_total{<D>}[$__rate_interval]))", "{{destination}} sent")
        .unit("Bps")
        .below_zero("/ sent$/")
        .none("the counters cannot be read");
    let top = Panel::table("Ten containers with most bytes", "Of the last five minutes, both ways.")
        .ask(
            "topk(10, sum by (job, instance, destination, container, workload) (
               increase(destination_container_network_receive_bytes_total{<D>}[5m]) + increase(destination_container_network_transmit_bytes_total{<D>}[5m]))) / 300",
            "",
        )
        .none("the counters cannot be read")
        .columns(
            &[
                ("container", "Container"),
                ("workload", "Workload"),
                ("destination", "Destination"),
                ("Value", "Bytes/s"),
                ("instance", "Instance"),
            ],
            &["Time", "job"],
        )
        .unit("Bps")
        .sorted("Bytes/s", true)
        .column_wrapped("Container", 130)
        .column_wrapped("Workload", 130);
    let size = Panel::series("Mean size of a packet", "Small: many questions and answers. Near the MTU: files. With few bytes in many packets the kernel works hardest.")
        .ask(
            "sum by (destination) (rate(destination_container_network_receive_bytes_total{<D>}[$__rate_interval]))
             / (sum by (destination) (rate(destination_container_network_receive_packets_total{<D>}[$__rate_interval])) > 0)",
            "{{destination}}",
        )
        .unit("decbytes")
        .none("no packet passes");
    vec![(9, 8, bytes), (9, 8, top), (6, 8, size)]
}

fn connections() -> Vec<(u32, u32, Panel)> {
    let states = Panel::series("Connections by state", "Many in time_wait: short ones, each with a port of its own. Many in close_wait: an application forgets to close.")
        .ask("sum by (state) (destination_container_connections{<S>})", "{{state}}")
        .unit("none")
        .stacked()
        .none("sockets cannot be read");
    let top = Panel::table(
        "Ten containers with most connections",
        "Whoever nears 28 000 to one address has no local port left.",
    )
    .ask("topk(10, sum by (job, instance, container) (destination_container_connections{<S>}))", "")
    .none("sockets cannot be read")
    .columns(
        &[("container", "Container"), ("Value", "Connections"), ("instance", "Instance")],
        &["Time", "job"],
    )
    .unit("none")
    .sorted("Connections", true);
    vec![(14, 8, states), (10, 8, top)]
}

fn churn() -> Vec<(u32, u32, Panel)> {
    let endpoints = Panel::series(
        "Endpoints of each destination",
        "Steps are deployments; a saw is a container that ends again and again.",
    )
    .ask("sum by (destination) (destination_containers{<D>})", "{{destination}}")
    .unit("none")
    .none("no destination is known");
    let source = Panel::stat("Where the counters come from", "kernel: each container's own namespace. engine: the Engine's statistics, which say nothing of containers on several networks.")
        .ask("max by (instance, source) (destination_traffic_source{<S>})", "{{source}}")
        .unit("none")
        .plain()
        .name_only()
        .none("nowhere yet");
    vec![(18, 7, endpoints), (6, 7, source)]
}
