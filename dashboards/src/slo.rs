//! How much of the error budget is left, and who spends it?

use crate::page::Page;
use crate::panel::Panel;
use crate::parts;
use crate::query::{AVAILABILITY, error_ratio};
use crate::words::{self, BAD, GOOD, WARN};

pub fn page() -> Page {
    Page::new("slo", "SLO", "How much of the error budget is left, and who spends it?", "now-7d")
        .choose_among(
            "objective",
            "Objective",
            &["99.9", "99.5", "99", "99.95"],
            "Percent of probes that are to succeed; the rest is the budget.",
        )
        .row("In the time that is shown", now())
        .row("How fast it is spent", burn())
        .row("Sites", sites())
        .row("What alerts said", alerts())
}

const OF: &str = "job, instance, destination";
const BUDGET: &str = "(1 - $objective / 100)";

/// How many times as fast as it may the budget is spent.
fn rate_of(window: &str) -> String {
    format!("({}) / {BUDGET}", error_ratio(OF, AVAILABILITY, window))
}

fn now() -> Vec<(u32, u32, Panel)> {
    let achieved = Panel::stat(
        "Achieved",
        "Share of the probes that succeeded, isolation left out; the destination that did worst.",
    )
    .ask(&format!("min(1 - ({}))", error_ratio(OF, AVAILABILITY, "$__range")), "achieved")
    .unit("percentunit")
    .decimals(3)
    .plain()
    .none("not probed");
    let left =
        Panel::stat("Budget left", "Of the destination that did worst. Below nothing: it is overspent.")
            .ask(&format!("min(1 - {})", rate_of("$__range")), "left")
            .unit("percentunit")
            .decimals(0)
            .thresholds(&[(-1.0, BAD), (0.0, WARN), (0.25, GOOD)])
            .none("not probed");
    let worst = Panel::bars(
        "Budget left, worst first",
        "By destination, of the time that is shown: no more than Prometheus kept. Below 0 % it is overspent.",
    )
    .ask(&format!("bottomk(10, 1 - {})", rate_of("$__range")), "{{destination}} on {{instance}}")
    .unit("percentunit")
    .decimals(0)
    .min(0.0)
    .max(1.0)
    .thresholds(&[(-1.0, BAD), (0.0, WARN), (0.25, GOOD)])
    .none("not probed")
    .link("Destination in detail", &parts::details("destination"));
    let spenders =
        Panel::table("What it was spent on", "Failed probes of the time that is shown, by kind and reason.")
            .ask(
                &format!(
                    "topk(15, sum by (job, instance, destination, probe, reason)
                 (increase(destination_probe_failures_total{{<D>, {AVAILABILITY}}}[$__range])) > 0)"
                ),
                "",
            )
            .none("nothing was spent")
            .columns(
                &[
                    ("destination", "Destination"),
                    ("probe", "Probe"),
                    ("reason", "Reason"),
                    ("Value", "Failures"),
                    ("instance", "Instance"),
                ],
                &["Time", "job"],
            )
            .unit("none")
            .decimals(0)
            .column_link("Destination", "Destination in detail", &parts::row_details("destination"))
            .sorted("Failures", true);
    vec![(4, 8, achieved), (4, 8, left), (8, 8, worst), (8, 8, spenders)]
}

fn burn() -> Vec<(u32, u32, Panel)> {
    let one = |title: &str, long: &str, short: &str, limit: f64, means: &str| {
        Panel::series(title, means)
            .ask(&rate_of(long), &format!("{{{{destination}}}} over {long}"))
            .ask(&rate_of(short), &format!("{{{{destination}}}} over {short}"))
            .unit("none")
            .decimals(1)
            .thresholds(&[(0.0, GOOD), (limit, if limit > 3.0 { BAD } else { WARN })])
            .limits()
            .none("not probed")
    };
    vec![
        (
            6,
            8,
            one(
                "Over an hour",
                "1h",
                "5m",
                14.4,
                "Both above 14.4 times: a page. A month's budget would be gone in two days.",
            ),
        ),
        (
            6,
            8,
            one(
                "Over six hours",
                "6h",
                "30m",
                6.0,
                "Both above 6 times: a page. A month's budget would be gone in five days.",
            ),
        ),
        (
            6,
            8,
            one(
                "Over a day",
                "1d",
                "2h",
                3.0,
                "Both above 3 times: a ticket. A month's budget would be gone in ten days.",
            ),
        ),
        (
            6,
            8,
            one(
                "Over three days",
                "3d",
                "6h",
                1.0,
                "Both above once: a ticket. A month's budget will not last the month.",
            ),
        ),
    ]
}

fn sites() -> Vec<(u32, u32, Panel)> {
    let by_site = "min by (job, instance, destination, domain, path) (avg_over_time(destination_route_up{<H>}[$__range]))";
    let table = Panel::table("Sites, worst first", "Share of the time in which the site was served to a visitor; the time in which nothing was known is left out.")
        .ask(by_site, "")
        .ask(&format!("1 - (1 - {by_site}) / {BUDGET}"), "")
        .merged()
        .none("no site is looked at")
        .columns(
            &[
                ("domain", "Domain"),
                ("path", "Path"),
                ("Value #A", "Served"),
                ("Value #B", "Budget left"),
                ("destination", "Destination"),
                ("instance", "Instance"),
            ],
            &["Time", "job"],
        )
        .decimals(3)
        .unit("percentunit")
        .column_thresholds("Budget left", "percentunit", &[(-1.0, BAD), (0.0, WARN), (0.25, "text")])
        .sorted("Served", false)
        .column_wrapped("Domain", 170);
    let over_time = Panel::series(
        "Sites served, over an hour",
        "Share of the hour before in which each was served; the ten that are worst now.",
    )
    .ask(
        "bottomk(10, min by (domain, path) (avg_over_time(destination_route_up{<H>}[1h])))",
        "{{domain}}{{path}}",
    )
    .unit("percentunit")
    .max(1.0)
    .none("no site is looked at");
    vec![(12, 8, table), (12, 8, over_time)]
}

fn alerts() -> Vec<(u32, u32, Panel)> {
    let firing = Panel::timeline("Alerts that fired", "Of the rules in alerts/, where they are loaded: which, of what, since when, until when.")
        .ask(
            "max by (job, instance, destination, alertname, severity) (ALERTS{<H>, alertname=~\"Destination.+\", alertstate=\"firing\", severity!=\"none\"})",
            "{{alertname}} ({{severity}}) {{destination}}",
        )
        .words(words::FIRING)
        .none("no alert fired, or the rules are not loaded");
    vec![(24, 8, firing)]
}
