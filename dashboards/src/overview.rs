//! Is anything broken, and where?

use crate::page::Page;
use crate::panel::Panel;
use crate::parts::{self, DIAGNOSIS, details, row_details};
use crate::query::{AVAILABILITY, STATE, error_ratio, state_with_url};
use crate::words::{self, BAD, BLIND, GOOD, WARN};

pub fn page() -> Page {
    Page::new("overview", "Overview", "Is anything broken, and where?", "now-1h")
        .row("Now", now())
        .row("Why", vec![(24, 12, parts::what_is_wrong("What is wrong and why", "", "nothing is wrong"))])
        .row("Since when", since())
        .row("Where", where_())
}

fn now() -> Vec<(u32, u32, Panel)> {
    let count = |severity: &str| format!("sum(destination_findings{{<H>, severity=\"{severity}\"}})");
    let pages =
        Panel::stat("Faults that hit users", "Findings of severity page: somebody ought to look now.")
            .ask(&count("page"), "pages")
            .unit("none")
            .thresholds(&[(0.0, GOOD), (1.0, BAD)])
            .none("no exporter is scraped");
    let tickets = Panel::stat(
        "Faults that can wait",
        "Findings of severity ticket: they will hit users, or hit a part of them.",
    )
    .ask(&count("ticket"), "tickets")
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, WARN)])
    .none("no exporter is scraped");
    let blind = Panel::stat(
        "Servers unseen",
        "Their exporter is not scraped, or their Engine does not answer it: their destinations are unknown, not down.",
    )
    .ask("count(up{<S>} == 0 or destination_exporter_docker_up{<S>} == 0) or vector(0)", "blind")
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, BLIND)])
    .none("no exporter is known");
    let sites = Panel::stat(
        "Sites not served",
        "Public routes that a visitor gets no good answer from, through the proxy.",
    )
    .ask("sum(1 - destination_route_up{<H>})", "sites")
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, BAD)])
    .none("no site is looked at")
    .link("Proxy, routes and TLS", "/d/destination-routes?${__all_variables}&${__url_time_range}");
    let certificate = Panel::stat(
        "Next certificate ends in",
        "Time left of the certificate that ends first, of those that the proxies present.",
    )
    .ask("min(destination_certificate_not_after_timestamp_seconds{<S>}) - time()", "left")
    .unit("dtdurations")
    .decimals(0)
    .thresholds(&[(0.0, BAD), (3.0 * DAY, WARN), (14.0 * DAY, GOOD)])
    .none("no certificate seen")
    .link("Proxy, routes and TLS", "/d/destination-routes?${__all_variables}&${__url_time_range}");
    let failing = Panel::stat(
        "Probes that fail",
        "Share of all probes of the last five minutes that failed; isolation and what lies outside are left out.",
    )
    .ask(
        &format!(
            "sum(increase(destination_probe_failures_total{{<D>, {AVAILABILITY}}}[5m]))
             / (sum(increase(destination_probe_attempts_total{{<D>, {AVAILABILITY}}}[5m])) > 0)"
        ),
        "failed",
    )
    .unit("percentunit")
    .decimals(2)
    .thresholds(&[(0.0, GOOD), (0.001, WARN), (0.0144, BAD)])
    .none("not probed");
    vec![
        (4, 4, pages),
        (4, 4, tickets),
        (4, 4, blind),
        (4, 4, sites),
        (4, 4, certificate),
        (4, 4, failing),
        (24, 5, parts::states()),
    ]
}

pub const DAY: f64 = 86_400.0;

fn since() -> Vec<(u32, u32, Panel)> {
    let state = Panel::timeline(
        "State of each destination",
        "When it began, and when it was over. UNKNOWN is not down.",
    )
    .ask(&state_with_url(), "{{destination}} on {{instance}}")
    .words(words::STATE)
    .none("no destination is known")
    .link("Diagnosis", DIAGNOSIS)
    .link("Destination in detail", &details("destination"));
    let errors = Panel::series(
        "Share of probes that fail",
        "By destination. Above the line an error budget of 99.9 % is spent 14.4 times as fast as it may be.",
    )
    .ask(
        &error_ratio("job, instance, destination", AVAILABILITY, "$__rate_interval"),
        "{{destination}} on {{instance}}",
    )
    .unit("percentunit")
    .reaches(0.05)
    .thresholds(&[(0.0, GOOD), (0.0144, BAD)])
    .limits()
    .none("not probed")
    .link("Error budget", &details("slo"));
    vec![(12, 8, state), (12, 8, errors)]
}

fn where_() -> Vec<(u32, u32, Panel)> {
    let servers = Panel::table("Servers", "Every server with its worst state: where to look first.")
        .ask(&format!("max by (job, instance) ({STATE})"), "")
        .ask("sum by (job, instance) (destination_findings{<H>, severity=\"page\"})", "")
        .ask("sum by (job, instance) (destination_findings{<H>, severity=\"ticket\"})", "")
        .ask("max by (job, instance) (up{<S>})", "")
        .ask("max by (job, instance) (destination_exporter_docker_up{<S>})", "")
        .ask("count by (job, instance) (destination_present{<D>} == 1)", "")
        .ask("sum by (job, instance) (destination_containers{<D>})", "")
        .merged()
        .none("no server is known")
        .columns(
            &[
                ("instance", "Instance"),
                ("Value #A", "Worst state"),
                ("Value #B", "Page"),
                ("Value #C", "Ticket"),
                ("Value #D", "Scraped"),
                ("Value #E", "Engine"),
                ("Value #F", "Destinations"),
                ("Value #G", "Endpoints"),
                ("job", "Job"),
            ],
            &["Time"],
        )
        .unit("none")
        .column_words("Worst state", words::STATE)
        .column_words("Scraped", words::UP)
        .column_words("Engine", words::ANSWERS)
        .column_thresholds("Page", "none", &[(0.0, "text"), (1.0, BAD)])
        .column_thresholds("Ticket", "none", &[(0.0, "text"), (1.0, WARN)])
        .column_link("Instance", "Exporter", "/d/destination-exporter?var-datasource=${datasource}&var-job=${__data.fields.job}&var-instance=${__data.fields.instance}&${__url_time_range}")
        .sorted("Worst state", true);
    let networks = Panel::table("Destinations", "Every destination with its state, what it is called by people, and what is on it.")
        .ask(&format!("{STATE} + on (job, instance, destination) group_left (display_name, driver, origin) 0 * destination_info{{<D>}}"), "")
        .ask("sum by (job, instance, destination) (destination_containers{<D>})", "")
        .ask("count by (job, instance, destination) (destination_route_up{<D>})", "")
        .ask(parts::ATTACHED, "")
        .merged()
        .none("no destination is known")
        .columns(
            &[
                ("Value #A", "State"),
                ("destination", "Destination"),
                ("display_name", "Called"),
                ("driver", "Driver"),
                ("origin", "Made by"),
                ("Value #B", "Endpoints"),
                ("Value #C", "Sites"),
                ("Value #D", "Proxy"),
                ("instance", "Instance"),
            ],
            &["Time", "job", "proxy"],
        )
        .unit("none")
        .column_words("State", words::STATE)
        .column_words("Proxy", words::ATTACHED)
        .column_link("Destination", "Destination in detail", &row_details("destination"))
        .sorted("State", true);
    vec![(24, 5, servers), (24, 7, networks)]
}
