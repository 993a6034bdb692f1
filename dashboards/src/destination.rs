//! What exactly fails on this network?

use crate::page::Page;
use crate::panel::Panel;
use crate::parts;
use crate::query::{error_ratio, quantile};
use crate::words::{self, BAD, GOOD, WARN};

pub fn page() -> Page {
    Page::new("destination", "Destination", "What exactly fails on this network, and between whom?", "now-1h")
        .row("Now", now())
        .row(
            "Why",
            vec![(
                24,
                9,
                parts::what_is_wrong("What is wrong and why", r#"destination!="", "#, "nothing is wrong"),
            )],
        )
        .row("Who cannot reach whom", pairs())
        .row("Rate, errors, duration", probes())
        .row("Names", names())
        .row("Who is on it", members())
}

fn now() -> Vec<(u32, u32, Panel)> {
    let present = Panel::stat(
        "Network",
        "Whether it is there: MISSING where it is configured, or containers were made for it, and it is not.",
    )
    .ask("min by (destination) (destination_present{<D>})", "{{destination}}")
    .words(words::PRESENT)
    .none("not known");
    let containers = Panel::stat(
        "Endpoints",
        "Running containers on it. Fewer than you deployed: some are stopped or detached.",
    )
    .ask("sum by (destination) (destination_containers{<D>})", "{{destination}}")
    .unit("none")
    .plain()
    .none("none");
    let proxy = Panel::stat(
        "Proxy",
        "Whether the proxy is on it. DETACHED where sites are served from here: they answer 504 or 502.",
    )
    .ask(parts::ATTACHED, "{{destination}}")
    .words(words::ATTACHED)
    .none("no proxy runs");
    let addresses = Panel::stat(
        "Addresses taken",
        "Of the fullest subnet; when it is full, the next container that is to start will not.",
    )
    .ask(
        "max by (destination) (destination_addresses_used{<D>} / (destination_addresses_capacity{<D>} > 0))",
        "{{destination}}",
    )
    .unit("percentunit")
    .decimals(0)
    .thresholds(&[(0.0, GOOD), (0.8, WARN), (0.95, BAD)])
    .none("no subnet");
    vec![(24, 5, parts::states()), (6, 4, present), (6, 4, containers), (6, 4, proxy), (6, 4, addresses)]
}

fn pairs() -> Vec<(u32, u32, Panel)> {
    let failing = Panel::table(
        "Probes that fail",
        "The latest look from a source at a target. One source everywhere: look there. One target everywhere: look there.",
    )
    .ask("max by (job, instance, destination, probe, source, target) (destination_probe_success{<D>, probe!=\"isolation\"} == 0)", "")
    .none("no probe fails")
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
    .column_width("Destination", 105)
    .column_width("Probe", 115)
    .column_width("Outcome", 80)
    .column_width("Instance", 90)
    .column_wrapped("From", 130)
    .column_wrapped("To", 150)
    .column_words("Outcome", words::PROBED)
    .sorted("Probe", false);
    let kinds = Panel::timeline(
        "Each kind of probe",
        "The worst pair of each kind, on all that is chosen. `isolation` FAILS when something got through. Not drawn: not known.",
    )
    .ask(
        "min by (probe) (destination_probe_success{<D>})",
        "{{probe}}",
    )
    .words(words::PROBED)
    .none("not probed");
    vec![(12, 9, failing), (12, 9, kinds)]
}

fn probes() -> Vec<(u32, u32, Panel)> {
    let rate = Panel::series(
        "Probes",
        "How often each kind looks. A kind that stops is not known any more; see Exporter.",
    )
    .ask("sum by (probe) (rate(destination_probe_attempts_total{<D>}[$__rate_interval]))", "{{probe}}")
    .unit("cps")
    .none("not probed");
    let reasons = Panel::series(
        "Failures by reason",
        "What each reason means stands in docs/metrics.md: timeout is silence, refused an answer.",
    )
    .ask("sum by (reason) (rate(destination_probe_failures_total{<D>}[$__rate_interval])) > 0", "{{reason}}")
    .unit("cps")
    .stacked()
    .none("no probe failed");
    let ratio = Panel::series(
        "Share that fails, by kind",
        "One kind alone: that layer. All kinds: the container or the network.",
    )
    .ask(&error_ratio("probe", r#"probe!="isolation""#, "$__rate_interval"), "{{probe}}")
    .unit("percentunit")
    .none("not probed");
    let duration = Panel::series(
        "Duration, 95th percentile",
        "Of the runs that succeeded. A second more is a lost packet that was sent again.",
    )
    .ask(&quantile("0.95", "le, probe", "destination_probe_duration_seconds_bucket{<D>}"), "{{probe}}")
    .unit("s")
    .none("no probe succeeded");
    let loss = Panel::series("Echo requests lost", "Of those to each target, by destination; above one in a hundred connections stall.")
        .ask(
            "1 - sum by (job, instance, destination) (rate(destination_icmp_replies_total{<D>}[$__rate_interval]))
             / (sum by (job, instance, destination) (rate(destination_icmp_requests_total{<D>}[$__rate_interval])) > 0)",
            "{{destination}} on {{instance}}",
        )
        .unit("percentunit")
        .reaches(0.05)
        .thresholds(&[(0.0, GOOD), (0.01, WARN)])
        .limits()
        .none("not probed");
    let rtt = Panel::series("Round-trip time", "Of echo requests, by the kernel's clock.")
        .ask(
            &quantile("0.5", "le, destination", "destination_icmp_rtt_seconds_bucket{<D>}"),
            "median {{destination}}",
        )
        .ask(
            &quantile("0.99", "le, destination", "destination_icmp_rtt_seconds_bucket{<D>}"),
            "99th {{destination}}",
        )
        .unit("s")
        .none("no echo was answered");
    vec![(8, 8, rate), (8, 8, reasons), (8, 8, ratio), (8, 8, duration), (8, 8, loss), (8, 8, rtt)]
}

fn names() -> Vec<(u32, u32, Panel)> {
    let lookups = Panel::series(
        "Lookups, 95th percentile",
        "embedded: the Engine's own table. upstream: the resolver behind it. Both slow: the Engine; upstream alone: the server's resolver.",
    )
    .ask(&quantile("0.95", "le, resolver", "destination_dns_lookup_duration_seconds_bucket{<D>}"), "{{resolver}}")
    .unit("s")
    .none("no name was looked up");
    let owners = Panel::table(
        "Names that lead to several workloads",
        "Whoever asks for such a name gets one of them by chance: rename an alias.",
    )
    .ask("max by (job, instance, destination, name) (destination_dns_name_owners{<D>})", "")
    .none("each name has one owner")
    .columns(
        &[("name", "Name"), ("Value", "Workloads"), ("destination", "Destination"), ("instance", "Instance")],
        &["Time", "job"],
    )
    .unit("none");
    let widths = Panel::table(
        "Largest packet that gets through",
        "Smaller than the network's own MTU: large answers hang while small ones pass.",
    )
    .ask("min by (job, instance, destination, source, target) (destination_path_mtu_bytes{<D>})", "")
    .none("not measured yet")
    .columns(
        &[
            ("source", "From"),
            ("target", "To"),
            ("Value", "Bytes"),
            ("destination", "Destination"),
            ("instance", "Instance"),
        ],
        &["Time", "job"],
    )
    .unit("none")
    .sorted("Bytes", false);
    vec![(8, 8, lookups), (8, 8, owners), (8, 8, widths)]
}

fn members() -> Vec<(u32, u32, Panel)> {
    let members = Panel::table("Containers", "Who is on it, by which address. A container that is not here does not run, or is on another network.")
        .ask(
            "max by (job, instance, destination, container, endpoint, workload, ip, image, coolify_project, coolify_environment, coolify_resource)
             (destination_container_info{<D>})",
            "",
        )
        .none("nobody is on it")
        .columns(
            &[
                ("container", "Container"),
                ("endpoint", "Endpoint"),
                ("ip", "Address"),
                ("image", "Image"),
                ("coolify_project", "Project"),
                ("coolify_environment", "Environment"),
                ("coolify_resource", "Resource"),
                ("destination", "Destination"),
                ("instance", "Instance"),
            ],
            &["Time", "Value", "job", "workload"],
        )
        .unit("none")
        .column_link("Container", "Diagnosis", "${external_url}/diagnostics/${__data.fields.destination}/${__data.fields.container}")
        .sorted("Container", false)
        .filterable();
    let info = Panel::table("The network itself", "What the Engine says of it.")
        .ask(r#"label_replace(max by (job, instance, destination, display_name, driver, scope, origin, internal, network_id) (destination_info{<D>}),
             "short_id", "$1", "network_id", "(.{12}).*")"#, "")
        .none("the Engine does not know it")
        .columns(
            &[
                ("destination", "Destination"),
                ("display_name", "Called"),
                ("driver", "Driver"),
                ("scope", "Scope"),
                ("internal", "Internal"),
                ("origin", "Made by"),
                ("short_id", "Id"),
                ("instance", "Instance"),
            ],
            &["Time", "Value", "job", "network_id"],
        )
        .unit("none");
    vec![(24, 9, members), (24, 6, info)]
}
