//! Can I trust what the other dashboards say?

use serde_json::json;

use crate::page::Page;
use crate::panel::Panel;
use crate::parts;
use crate::query::quantile;
use crate::words::{self, BAD, BLIND, GOOD, WARN};

const CODES: &str = r#"code="exporter-blind", "#;

pub fn page() -> Page {
    Page::new(
        "exporter",
        "Exporter",
        "Can what the other dashboards say be trusted, and what can it not see?",
        "now-6h",
    )
    .row("Now", now())
    .row("What it cannot see, and why", blindness())
    .row("Is it in time", time())
    .row("The Engine, as it is asked", engine())
    .row("What it costs", cost())
}

fn now() -> Vec<(u32, u32, Panel)> {
    let up = Panel::stat("Scraped", "DOWN: everything of this server is unknown, not down.")
        .ask("min by (job, instance) (up{<S>})", "{{instance}}")
        .words(words::UP)
        .none("no target of this job");
    let engine = Panel::stat(
        "Engine",
        "NO ANSWER: what is shown is what was known before. Containers may well serve on.",
    )
    .ask("min by (job, instance) (destination_exporter_docker_up{<S>})", "{{instance}}")
    .words(words::ANSWERS)
    .none("not asked yet");
    let config =
        Panel::stat("Configuration", "REFUSED: the file has a mistake, and the last good one is in force.")
            .ask(
                "min by (job, instance) (destination_exporter_config_last_reload_successful{<S>})",
                "{{instance}}",
            )
            .words(words::LOADED)
            .none("not known");
    let round = Panel::stat(
        "Since the last round",
        "When every planned probe had last been run. More than three intervals: what you see is old.",
    )
    .ask("max(time() - destination_exporter_round_last_completed_timestamp_seconds{<S>})", "age")
    .unit("dtdurations")
    .decimals(0)
    .thresholds(&[(0.0, GOOD), (180.0, WARN), (600.0, BAD)])
    .none("no round yet");
    let listing = Panel::stat(
        "Since the last listing",
        "When the Engine last told everything. Old: containers that came since are not looked at.",
    )
    .ask("max(time() - destination_exporter_inventory_last_success_timestamp_seconds{<S>})", "age")
    .unit("dtdurations")
    .decimals(0)
    .thresholds(&[(0.0, GOOD), (180.0, WARN), (600.0, BAD)])
    .none("never listed");
    let versions = Panel::stat("Versions", "More than one: a server was forgotten at the last update.")
        .ask("count by (version) (destination_exporter_build_info{<S>})", "{{version}}")
        .unit("none")
        .plain()
        .named()
        .none("no exporter is scraped");
    vec![(4, 4, up), (4, 4, engine), (4, 4, config), (4, 4, round), (4, 4, listing), (4, 4, versions)]
}

fn blindness() -> Vec<(u32, u32, Panel)> {
    let capabilities = Panel::table(
        "What it can do",
        "CANNOT: a privilege is missing; docs/deployment.md says which, and what is not known for it.",
    )
    .ask("min by (job, instance, capability) (destination_exporter_capability{<S>})", "")
    .none("not tried yet")
    .columns(&[("capability", "Capability"), ("Value", "It"), ("instance", "Instance")], &["Time", "job"])
    .column_words("It", words::CAN)
    .column_width("It", 75)
    .column_width("Capability", 170)
    .column_width("Instance", 90)
    .sorted("It", false);
    let unknown = Panel::series(
        "Probes that could not look",
        "By reason, as docs/metrics.md has them: these are neither success nor failure, and raise no fault.",
    )
    .ask(
        "sum by (reason) (rate(destination_exporter_probes_unknown_total{<S>}[$__rate_interval])) > 0",
        "{{reason}}",
    )
    .unit("cps")
    .none("every probe could look");
    vec![
        (
            12,
            7,
            parts::what_is_wrong_with_the_host(
                "What the exporter says of itself",
                CODES,
                "it sees what it was given to see",
            ),
        ),
        (6, 7, capabilities),
        (6, 7, unknown),
    ]
}

fn time() -> Vec<(u32, u32, Panel)> {
    let age = Panel::series("Age of the round, in intervals", "Above three the figures are old: a loop stands still, or there is more to probe than the budget allows.")
        .ask(
            "(time() - destination_exporter_round_last_completed_timestamp_seconds{<S>}) / (destination_exporter_round_interval_seconds{<S>} > 0)",
            "{{instance}}",
        )
        .unit("none")
        .decimals(1)
        .thresholds(&[(0.0, GOOD), (3.0, BAD)])
        .limits()
        .none("no round yet");
    let lag = Panel::series("How late probes start, 99th percentile", "Late probes tell of faults late.")
        .ask(
            &quantile("0.99", "le, instance", "destination_exporter_probe_lag_seconds_bucket{<S>}"),
            "{{instance}}",
        )
        .unit("s")
        .none("no probe ran");
    let planned = Panel::series(
        "Probes in the plan",
        "By kind. A step without a deployment: containers were lost sight of.",
    )
    .ask("sum by (probe) (destination_exporter_probes_planned{<D>})", "{{probe}}")
    .unit("none")
    .stacked()
    .none("nothing is planned");
    let budget = Panel::series(
        "Put off, and under way",
        "Put off because the budget was spent: raise it, or probe less.",
    )
    .ask(
        "sum by (instance) (rate(destination_exporter_probes_postponed_total{<S>}[$__rate_interval]))",
        "put off a second, {{instance}}",
    )
    .ask("sum by (instance) (destination_exporter_probes_in_flight{<S>})", "under way, {{instance}}")
    .unit("none")
    .none("not known");
    let last = Panel::table("Last run of each kind", "The oldest on top. A kind that is old is not known, whatever its graph says.")
        .ask("max by (job, instance, destination, probe) (time() - destination_probe_last_run_timestamp_seconds{<D>})", "")
        .none("no probe ran")
        .columns(
            &[("probe", "Probe"), ("destination", "Destination"), ("Value", "Age"), ("instance", "Instance")],
            &["Time", "job"],
        )
        .unit("dtdurations")
        .decimals(0)
        .sorted("Age", true);
    vec![(8, 8, age), (8, 8, lag), (8, 8, budget), (12, 8, planned), (12, 8, last)]
}

fn engine() -> Vec<(u32, u32, Panel)> {
    let duration = Panel::series(
        "Requests to the Engine, 99th percentile",
        "By endpoint: a slow Engine is an overloaded one, and deploys slowly too.",
    )
    .ask(
        &quantile("0.99", "le, endpoint", "destination_exporter_docker_request_duration_seconds_bucket{<S>}"),
        "{{endpoint}}",
    )
    .unit("s")
    .none("nothing was asked");
    let failures = Panel::series("Requests that failed", "permission: the socket's group. forbidden: a socket proxy does not allow it. timeout: the Engine hangs.")
        .ask("sum by (endpoint, reason) (rate(destination_exporter_docker_request_failures_total{<S>}[$__rate_interval])) > 0", "{{endpoint}}: {{reason}}")
        .unit("cps")
        .none("no request failed");
    let loaded = Panel::table("Since when", "Start of the exporter and the last good load of its configuration.")
        .ask("max by (job, instance) (process_start_time_seconds{<S>} and on (job, instance) destination_exporter_build_info{<S>}) * 1000", "")
        .ask("max by (job, instance) (destination_exporter_config_last_reload_success_timestamp_seconds{<S>}) * 1000", "")
        .ask("max by (job, instance, version, revision, rustc) (destination_exporter_build_info{<S>})", "")
        .merged()
        .none("no exporter is scraped")
        .columns(
            &[
                ("instance", "Instance"),
                ("version", "Version"),
                ("Value #A", "Started"),
                ("Value #B", "Configuration"),
            ],
            &["Time", "job", "revision", "rustc", "Value #C"],
        )
        .unit("none")
        .column("Started", &[("unit", json!("dateTimeAsIso")), ("custom.width", json!(165))])
        .column("Configuration", &[("unit", json!("dateTimeAsIso")), ("custom.width", json!(165))]);
    vec![(8, 8, duration), (8, 8, failures), (8, 8, loaded)]
}

fn cost() -> Vec<(u32, u32, Panel)> {
    let own = "and on (job, instance) destination_exporter_build_info{<S>}";
    let cpu = Panel::series("Processor", "Of one core.")
        .ask(&format!("rate(process_cpu_seconds_total{{<S>}}[$__rate_interval]) {own}"), "{{instance}}")
        .unit("percentunit")
        .none("no exporter is scraped");
    let memory = Panel::series("Memory", "Resident. Growth without containers that came: tell its makers.")
        .ask(&format!("process_resident_memory_bytes{{<S>}} {own}"), "{{instance}}")
        .unit("bytes")
        .none("no exporter is scraped");
    let files = Panel::series(
        "Descriptors, of those it may open",
        "Near all of them probes are unknown for want of resources: raise its limit.",
    )
    .ask(&format!("process_open_fds{{<S>}} / (process_max_fds{{<S>}} > 0) {own}"), "{{instance}}")
    .unit("percentunit")
    .thresholds(&[(0.0, GOOD), (0.8, WARN)])
    .limits()
    .none("no exporter is scraped");
    let scrape = Panel::series(
        "Duration of a scrape",
        "Near the timeout (10 s, where you set none) samples are lost.",
    )
    .ask(&format!("scrape_duration_seconds{{<S>}} {own}"), "{{instance}}")
    .unit("s")
    .none("no exporter is scraped");
    let series = Panel::series(
        "Samples of a scrape",
        "What it costs Prometheus; bounded by the plan, never the square of the containers.",
    )
    .ask(&format!("scrape_samples_post_metric_relabeling{{<S>}} {own}"), "{{instance}}")
    .unit("none")
    .none("no exporter is scraped");
    let restarts = Panel::stat("Starts in the last day", "More than a few: it is killed, for memory as a rule.")
        .ask("sum(changes(process_start_time_seconds{<S>}[1d]) and on (job, instance) destination_exporter_build_info{<S>})", "starts")
        .unit("none")
        .thresholds(&[(0.0, GOOD), (3.0, WARN)])
        .none("no exporter is scraped");
    let families = Panel::table(
        "Series of each family",
        "What there is. A panel without data whose family is not here: nothing of the kind is there, or it cannot be seen.",
    )
    .ask(r#"count by (__name__) ({__name__=~"destination_.+", <S>})"#, "")
    .none("no exporter is scraped")
    .columns(&[("__name__", "Family"), ("Value", "Series")], &["Time"])
    .unit("none")
    .column_width("Series", 80)
    .sorted("Series", true);
    let blind = Panel::timeline("Seen or not", "When the server was UNKNOWN: nothing else of that time is to be believed.")
        .ask("min by (job, instance) (up{<S>} * on (job, instance) group_left () destination_exporter_docker_up{<S>} or up{<S>})", "{{instance}}")
        .words(&[("0", "UNKNOWN", BLIND), ("1", "SEEN", GOOD)])
        .none("no target of this job");
    vec![
        (6, 8, cpu),
        (6, 8, memory),
        (6, 8, files),
        (6, 8, scrape),
        (6, 8, series),
        (4, 8, restarts),
        (5, 8, blind),
        (9, 8, families),
    ]
}
