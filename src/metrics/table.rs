//! The table of metrics: every name, type, unit, help and label that leaves the exporter.
//!
//! A metric carries the number of its labels in its type, so a series with one label too few or too
//! many does not compile.

/// What Prometheus calls the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the exporter restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations under bounds.
    Histogram,
}

impl Kind {
    /// The word of `# TYPE`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric with `N` labels.
#[derive(Clone, Copy, Debug)]
pub struct Metric<const N: usize> {
    /// Name, with prefix and suffix.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// One sentence.
    pub help: &'static str,
    /// Label names, in the order in which values are given.
    pub labels: [&'static str; N],
}

/// One line of the documentation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The chapter.
    pub section: &'static str,
    /// Name.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// What one of it is; empty for plain numbers and truths.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Label names.
    pub labels: &'static [&'static str],
}

macro_rules! table {
    ($($section:literal: {
        $($id:ident $kind:ident $name:literal $unit:literal [$($label:literal)*] $help:literal;)*
    })*) => {
        $($(
            #[doc = $help]
            pub const $id: Metric<{ <[&str]>::len(&[$($label),*]) }> =
                Metric { name: $name, kind: Kind::$kind, help: $help, labels: [$($label),*] };
        )*)*

        /// Every metric, in the order of the documentation.
        pub const ALL: &[Row] = &[$($(
            Row {
                section: $section, name: $name, kind: Kind::$kind, unit: $unit, help: $help,
                labels: &[$($label),*],
            },
        )*)*];
    };
}

table! {
    "Exporter": {
        BUILD_INFO Gauge "destination_exporter_build_info" "" ["version" "revision" "rustc"]
            "The build of the exporter; always 1.";
        EXPORTER_INFO Gauge "destination_exporter_info" "" ["external_url"]
            "Where people reach this exporter; always 1.";
        CAPABILITY Gauge "destination_exporter_capability" "" ["capability"]
            "Whether the exporter can do this (1) or cannot (0); absent until it was tried.";
        DOCKER_UP Gauge "destination_exporter_docker_up" "" []
            "Whether the Engine answers; absent until it was asked.";
        DOCKER_DURATION Histogram "destination_exporter_docker_request_duration_seconds" "seconds" ["endpoint"]
            "Duration of requests to the Engine.";
        DOCKER_FAILURES Counter "destination_exporter_docker_request_failures_total" "requests" ["endpoint" "reason"]
            "Requests to the Engine that failed.";
        INVENTORY_LAST_SUCCESS Gauge "destination_exporter_inventory_last_success_timestamp_seconds" "seconds" []
            "When the last complete listing of the Engine ended.";
        PROBE_LAG Histogram "destination_exporter_probe_lag_seconds" "seconds" []
            "How late visits start: started minus due.";
        PROBES_PLANNED Gauge "destination_exporter_probes_planned" "probes" ["destination" "probe"]
            "Probes in the present plan.";
        PROBES_IN_FLIGHT Gauge "destination_exporter_probes_in_flight" "probes" []
            "Probes under way.";
        PROBES_UNKNOWN Counter "destination_exporter_probes_unknown_total" "probes" ["reason"]
            "Runs in which the exporter itself could not look: neither success nor failure.";
        PROBES_POSTPONED Counter "destination_exporter_probes_postponed_total" "probes" []
            "Probes that started later than they were due, because the budget was spent.";
        CONFIG_RELOAD_SUCCESSFUL Gauge "destination_exporter_config_last_reload_successful" "" []
            "Whether the last load of the configuration was good.";
        CONFIG_RELOAD_SUCCESS_AT Gauge "destination_exporter_config_last_reload_success_timestamp_seconds" "seconds" []
            "When the configuration was last loaded with success.";
        ROUND_COMPLETED Gauge "destination_exporter_round_last_completed_timestamp_seconds" "seconds" []
            "When every planned probe had last been run at least once.";
        ROUND_INTERVAL Gauge "destination_exporter_round_interval_seconds" "seconds" []
            "The longest interval in the plan; that of `path_mtu`, which is no part of a round but of the first, is left out.";
    }
    "Inventory": {
        INFO Gauge "destination_info" ""
            ["destination" "display_name" "network_id" "driver" "scope" "origin" "internal"]
            "A destination; always 1.";
        PRESENT Gauge "destination_present" "" ["destination"]
            "Whether the destination is there; 0 for one that is configured, or that containers were made for, and is not.";
        CONTAINERS Gauge "destination_containers" "containers" ["destination"]
            "Running containers with an endpoint on the destination.";
        CONTAINER_INFO Gauge "destination_container_info" ""
            ["destination" "container" "endpoint" "container_id" "workload" "image" "ip"
             "coolify_project" "coolify_environment" "coolify_resource"]
            "A container on a destination; always 1. The label endpoint holds what source and target hold.";
        ADDRESSES_USED Gauge "destination_addresses_used" "addresses" ["destination" "subnet"]
            "Addresses of the subnet, or of its `--ip-range` where it was made with one, that are taken, the gateway included: by the Engine's own count (Docker 29, API 1.52), else by the endpoints of this server's containers. Of an overlay what the Swarm gave out on all nodes, as far as this one knows: at least so many, and never more than the capacity.";
        ADDRESSES_CAPACITY Gauge "destination_addresses_capacity" "addresses" ["destination" "subnet"]
            "Addresses of the subnet, or of its `--ip-range`, that can be given out, the gateway included.";
        POOLS_USED Gauge "destination_address_pools_used" "networks" []
            "Blocks of the Engine's IPv4 address pools that a network of its own lies in: of all its networks, not of destinations alone.";
        POOLS_CAPACITY Gauge "destination_address_pools_capacity" "networks" []
            "Blocks that the Engine's IPv4 address pools are cut into, one for each network; absent where it does not say, as Podman.";
        ADDRESSES_END Gauge "destination_addresses_exhaustion_timestamp_seconds" "seconds" ["destination" "subnet"]
            "When the last address of the subnet is taken if it goes on as in the last days (at the most 14). Only while a day within the next 90 can be named: absent where less than 72 hours were watched since the exporter started, and where there is no steady growth. 500 subnets are followed.";
        POOLS_END Gauge "destination_address_pools_exhaustion_timestamp_seconds" "seconds" []
            "When the last block of the Engine's address pools is taken, likewise.";
        MTU Gauge "destination_mtu_bytes" "bytes" ["destination"]
            "The MTU that the network's options name; absent where they name none.";
        PROXY_ATTACHED Gauge "destination_proxy_attached" "" ["destination" "proxy"]
            "Whether the running proxy has an endpoint on the destination.";
    }
    "Probes": {
        PROBE_SUCCESS Gauge "destination_probe_success" "" ["destination" "probe" "source" "target"]
            "The latest outcome, the worst over the target's names, addresses and ports; absent while unknown.";
        PROBE_ATTEMPTS Counter "destination_probe_attempts_total" "probes" ["destination" "probe"]
            "Runs that looked.";
        PROBE_FAILURES Counter "destination_probe_failures_total" "probes" ["destination" "probe" "reason"]
            "Runs that failed.";
        PROBE_DURATION Histogram "destination_probe_duration_seconds" "seconds" ["destination" "probe"]
            "Duration of the runs that succeeded.";
        PROBE_LAST_RUN Gauge "destination_probe_last_run_timestamp_seconds" "seconds" ["destination" "probe"]
            "When the last run ended.";
        ICMP_REQUESTS Counter "destination_icmp_requests_total" "packets" ["destination" "source" "target"]
            "Echo requests sent.";
        ICMP_REPLIES Counter "destination_icmp_replies_total" "packets" ["destination" "source" "target"]
            "Echo requests that were answered, duplicates not counted.";
        ICMP_DUPLICATES Counter "destination_icmp_duplicates_total" "packets" ["destination" "source" "target"]
            "Replies to echo requests that had been answered already.";
        ICMP_RTT Histogram "destination_icmp_rtt_seconds" "seconds" ["destination"]
            "Round-trip time of echo requests.";
        PROBES_COVERED Gauge "destination_probes_covered_ratio" "ratio" ["destination"]
            "Of the containers that another one ought to look at, the share that one looked at within the cover time: those of this server, and those of other nodes of a Swarm that this one looks at. Absent where there is nobody to look at.";
        PROBES_COVER Gauge "destination_probes_cover_seconds" "seconds" ["destination"]
            "The cover time: within it everyone has had a turn; two intervals, and more where containers of another node take turns.";
        PATH_MTU Gauge "destination_path_mtu_bytes" "bytes" ["destination" "source" "target"]
            "The largest packet that gets there and back whole, IP header included, to a peer or an address outside; no larger than what the source's interface takes. Absent while unknown.";
    }
    "DNS": {
        DNS_LOOKUP_DURATION Histogram "destination_dns_lookup_duration_seconds" "seconds" ["destination" "resolver"]
            "Time from query to right answer: of the Engine's own table (embedded), or of the resolver behind it (upstream).";
        RESOLVER_DROPS Counter "destination_dns_resolver_drops_total" "queries" ["container"]
            "Queries that the socket of the container's embedded resolver lost; read once a minute.";
        NAME_OWNERS Gauge "destination_dns_name_owners" "workloads" ["destination" "name"]
            "Workloads on this host that answer to one name; only where there is more than one.";
    }
    "Proxy and routes": {
        PROXY_UP Gauge "destination_proxy_up" "" ["proxy" "kind"]
            "Whether the reverse proxy runs; the kind is traefik, caddy or unknown.";
        PROXY_REACHABLE Gauge "destination_proxy_reachable" "" ["destination" "proxy" "port"]
            "Whether a container of the destination gets in at this port of the proxy; absent while unknown.";
        ROUTE_UP Gauge "destination_route_up" "" ["destination" "domain" "path" "workload"]
            "Whether the site is served; absent while unknown.";
        ROUTE_BACKEND_UP Gauge "destination_route_backend_up" "" ["destination" "domain" "path" "workload" "backend"]
            "Whether the container answers the proxy's own question; the label backend holds its endpoint name. Absent while unknown.";
        ROUTE_STATUS Gauge "destination_route_http_status_code" "" ["destination" "domain" "path" "workload" "scheme"]
            "Status of the latest answer through the proxy; absent where there was none.";
        ROUTE_DURATION Gauge "destination_route_duration_seconds" "seconds"
            ["destination" "domain" "path" "workload" "scheme" "phase"]
            "How long each phase of the latest answer through the proxy took: connect, tls, first_byte, transfer.";
        CERTIFICATE_NOT_BEFORE Gauge "destination_certificate_not_before_timestamp_seconds" "seconds" ["domain"]
            "When the time of the domain's certificate begins, as the proxy presents it.";
        CERTIFICATE_NOT_AFTER Gauge "destination_certificate_not_after_timestamp_seconds" "seconds" ["domain"]
            "When the time of the domain's certificate ends, as the proxy presents it.";
        CERTIFICATE_VALID Gauge "destination_certificate_valid" "" ["domain"]
            "Whether a visitor's browser takes the certificate: in its time, for this domain, by an authority that is known.";
        ROUTES_LEFT_OUT Gauge "destination_routes_left_out" "routes" []
            "Sites beyond the 2000 that are looked at, and beyond 256 of one container.";
    }
    "Isolation and exposure": {
        ISOLATION_LEAKS Gauge "destination_isolation_leaks" "probes" ["destination" "peer"]
            "Probes of the last try that got from the destination to a peer that shares no container with it; where pairs take turns, of those alone that something got through to.";
        ISOLATION_LEAKING_PEERS Gauge "destination_isolation_leaking_peers" "destinations" ["destination"]
            "Peers that something got through to in the last try; a pair that leaks is tried every time.";
        ISOLATION_PEERS Gauge "destination_isolation_peers" "destinations" ["destination"]
            "Destinations of this server that share no container with it, and that it tries to reach.";
        ISOLATION_CYCLE Gauge "destination_isolation_cycle_seconds" "seconds" ["destination"]
            "Within which time each of them is tried: eight take their turn in an interval.";
        PUBLISHED_PORT_UP Gauge "destination_published_port_up" ""
            ["destination" "workload" "host_ip" "port" "protocol"]
            "Whether the host itself gets a connection to a TCP port that it publishes; UDP is not tried, for silence says nothing there.";
    }
    "Swarm": {
        SWARM_NODE_INFO Gauge "destination_swarm_node_info" "" ["node_id" "node" "address" "role" "state"]
            "This node of the Swarm, as its Engine says; always 1. The address is what the label peer of other nodes' series holds.";
        SWARM_NODE_READY Gauge "destination_swarm_node_ready" "" ["node" "address" "role" "availability"]
            "Whether the managers hear of the node; of managers alone, and absent while they have no quorum.";
        SWARM_CONTROL Gauge "destination_swarm_control" "" []
            "Whether this manager tells what the managers know: 0 without a quorum, or while it is locked; absent of workers.";
        OVERLAY_PEER_UP Gauge "destination_overlay_peer_up" "" ["destination" "peer"]
            "Whether anything got over the overlay to what is on the other node in the last runs; 0 too for one that the gossip lost and that does not answer. Absent while unknown.";
        OVERLAY_PEER_RTT Gauge "destination_overlay_peer_rtt_seconds" "seconds" ["destination" "peer"]
            "The shortest round trip of the last runs, from this node to containers on the other, over the overlay.";
        OVERLAY_PEER_CONTAINERS Gauge "destination_overlay_peer_containers" "containers" ["destination" "peer"]
            "Containers on the other node that this node's gossip knows on the overlay.";
    }
    "Drift": {
        DRIFT Gauge "destination_drift" "differences" ["destination" "kind"]
            "What is otherwise than in the snapshot that the operator approved, by what `diff` calls its kind: what matters alone. Of the host where `destination` is empty.";
        DRIFT_READABLE Gauge "destination_drift_baseline_readable" "" []
            "Whether the approved file could be read as it is now. Where not, what was read of it before stays in force, and where there is no `destination_drift`, nothing was.";
        DRIFT_APPROVED_AT Gauge "destination_drift_baseline_timestamp_seconds" "seconds" []
            "When what is in force was written down.";
    }
    "Host": {
        HOST_FORWARDING Gauge "destination_host_forwarding" "" ["family"]
            "Whether the kernel forwards packets of the family (ipv4, ipv6) between interfaces.";
        HOST_CONNTRACK_ENTRIES Gauge "destination_host_conntrack_entries" "entries" []
            "Connections that the kernel tracks (nf_conntrack_count).";
        HOST_CONNTRACK_LIMIT Gauge "destination_host_conntrack_limit" "entries" []
            "How many it can track (nf_conntrack_max).";
        HOST_CONNTRACK_DROPS Counter "destination_host_conntrack_drops_total" "packets" []
            "Packets that were dropped because there was no room, since boot; absent where the kernel does not tell.";
        HOST_NEIGHBOURS_ENTRIES Gauge "destination_host_neighbours_entries" "entries" []
            "Link-layer addresses (ARP) that the kernel remembers, of all network namespaces.";
        HOST_NEIGHBOURS_LIMIT Gauge "destination_host_neighbours_limit" "entries" []
            "How many it remembers at the most (gc_thresh3).";
        HOST_UPLINK_MTU Gauge "destination_host_uplink_mtu_bytes" "bytes" ["interface"]
            "MTU of the interface that the host's default route leaves by.";
        HOST_BRIDGE_MTU Gauge "destination_bridge_mtu_bytes" "bytes" ["destination"]
            "MTU of the destination's bridge, as the kernel has it.";
        HOST_BRIDGE_PORTS Gauge "destination_bridge_ports" "interfaces" ["destination"]
            "Interfaces on the destination's bridge, of 1023 that it takes.";
    }
    "Traffic": {
        TRAFFIC_SOURCE Gauge "destination_traffic_source" "" ["source"]
            "Where the traffic counters come from; always 1.";
        RECEIVE_BYTES Counter "destination_container_network_receive_bytes_total" "bytes"
            ["destination" "container" "workload"] "Bytes that the container received from the destination.";
        RECEIVE_PACKETS Counter "destination_container_network_receive_packets_total" "packets"
            ["destination" "container" "workload"] "Packets that the container received from the destination.";
        RECEIVE_ERRORS Counter "destination_container_network_receive_errors_total" "packets"
            ["destination" "container" "workload"] "Receive errors of the container's interface on the destination.";
        RECEIVE_DROPS Counter "destination_container_network_receive_drops_total" "packets"
            ["destination" "container" "workload"] "Received packets that the interface dropped.";
        TRANSMIT_BYTES Counter "destination_container_network_transmit_bytes_total" "bytes"
            ["destination" "container" "workload"] "Bytes that the container sent to the destination.";
        TRANSMIT_PACKETS Counter "destination_container_network_transmit_packets_total" "packets"
            ["destination" "container" "workload"] "Packets that the container sent to the destination.";
        TRANSMIT_ERRORS Counter "destination_container_network_transmit_errors_total" "packets"
            ["destination" "container" "workload"] "Send errors of the container's interface on the destination.";
        TRANSMIT_DROPS Counter "destination_container_network_transmit_drops_total" "packets"
            ["destination" "container" "workload"] "Packets to send that the interface dropped.";
        CONNECTIONS Gauge "destination_container_connections" "connections" ["container" "state"]
            "TCP connections in the container's network namespace.";
        RETRANSMITS Counter "destination_container_tcp_retransmits_total" "segments" ["container"]
            "TCP segments sent again in the container's network namespace.";
        LISTEN_OVERFLOWS Counter "destination_container_listen_overflows_total" "connections" ["container"]
            "Connections lost because a listener's backlog was full.";
    }
    "Flows": {
        FLOW_CONNECTIONS Gauge "destination_flow_connections" "connections"
            ["destination" "source" "target" "target_destination" "port" "way"]
            "TCP connections that the source has open with the target's port; read once a minute.";
        FLOWS_LEFT_OUT Gauge "destination_flows_left_out" "flows" []
            "Flows that have no series, because others have more connections.";
        FLOWS_UNSEEN Gauge "destination_flows_unseen_containers" "containers" ["destination"]
            "Containers whose connections could not be read, or not all of them.";
    }
    "Verdicts": {
        HEALTHY Gauge "destination_healthy" "" ["destination"]
            "1 while no finding of severity page or ticket holds on the destination.";
        FINDING Gauge "destination_finding" "" ["destination" "code" "severity" "subject" "subject_kind"]
            "1 while the finding holds; the destination is empty for the host and the exporter itself.";
        FINDING_INFO Gauge "destination_finding_info" "" ["destination" "code" "severity" "subject" "title" "command"]
            "What to say of a finding while it holds; always 1. The title is that of the code, the command the first that repairs it: as the report has it, on one line, empty where none is right whatever else the report says of it, or none has at most 256 bytes.";
        FINDINGS Gauge "destination_findings" "findings" ["destination" "severity"]
            "Findings that hold; the destination is empty for the host and the exporter itself.";
    }
    "Process": {
        PROCESS_CPU Counter "process_cpu_seconds_total" "seconds" []
            "User and system CPU time of the exporter.";
        PROCESS_RSS Gauge "process_resident_memory_bytes" "bytes" []
            "Resident memory of the exporter.";
        PROCESS_VIRTUAL Gauge "process_virtual_memory_bytes" "bytes" []
            "Virtual memory of the exporter.";
        PROCESS_FDS Gauge "process_open_fds" "descriptors" []
            "Open file descriptors of the exporter.";
        PROCESS_MAX_FDS Gauge "process_max_fds" "descriptors" []
            "File descriptors that the exporter may open.";
        PROCESS_START Gauge "process_start_time_seconds" "seconds" []
            "When the exporter started.";
    }
}
