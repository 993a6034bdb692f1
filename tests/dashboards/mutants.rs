//! Dashboards that somebody broke: the rules say so of each, by the rule that is for it.

use serde_json::{Value, json};

use crate::model::{Dashboard, load};
use crate::rules::lint;

/// What is done to one dashboard.
type Breaks = fn(&mut Value);

fn named<'a>(dashboard: &'a mut Value, title: &str) -> &'a mut Value {
    let panels = dashboard["panels"].as_array_mut().expect("panels");
    panels.iter_mut().find(|panel| panel["title"] == title).unwrap_or_else(|| panic!("no panel {title}"))
}

fn asks(dashboard: &mut Value, title: &str, from: &str, to: &str) {
    let expr = &mut named(dashboard, title)["targets"][0]["expr"];
    let before = expr.as_str().expect("asks").to_owned();
    let after = before.replace(from, to);
    assert_ne!(before, after, "{title} is not changed by {from}");
    *expr = json!(after);
}

/// Dashboard, what the rules must say, what is done.
const MUTANTS: &[(&str, &str, Breaks)] = &[
    ("overview", "uid: ", |d| d["uid"] = json!("destination-slo")),
    ("overview", "editable: ", |d| d["editable"] = json!(true)),
    ("overview", "id: is given", |d| d["id"] = json!(7)),
    ("overview", "export: ", |d| d["__inputs"] = json!([])),
    ("overview", "tags: ", |d| d["tags"] = json!([])),
    ("overview", "schemaVersion: ", |d| d["schemaVersion"] = json!(43)),
    ("overview", "links: ", |d| d["links"][0]["includeVars"] = json!(false)),
    ("overview", "variables: nothing is not there", |d| asks(d, "Sites not served", "$job", "$nothing")),
    ("overview", "refresh: ", |d| d["templating"]["list"][1]["refresh"] = json!(1)),
    ("overview", "all: ", |d| d["templating"]["list"][1]["allValue"] = json!(".*")),
    ("overview", "chain: ", |d| {
        d["templating"]["list"][2]["query"]["query"] =
            json!("label_values(destination_exporter_build_info{}, instance)");
    }),
    ("overview", "label: begins", |d| d["templating"]["list"][1]["label"] = json!("job")),
    ("overview", "grid: overlaps", |d| named(d, "Sites not served")["gridPos"]["x"] = json!(11)),
    ("overview", "grid: outside", |d| named(d, "Sites not served")["gridPos"]["w"] = json!(25)),
    ("overview", "id: not there, or twice", |d| named(d, "Sites not served")["id"] = json!(1)),
    ("overview", "title: not there, or twice", |d| named(d, "Sites not served")["title"] = json!("Servers")),
    ("overview", "type: heatmap", |d| named(d, "Sites not served")["type"] = json!("heatmap")),
    ("overview", "description: ", |d| named(d, "Sites not served")["description"] = json!("")),
    ("overview", "noValue: ", |d| {
        named(d, "Sites not served")["fieldConfig"]["defaults"]["noValue"] = json!("")
    }),
    ("overview", "unit: ", |d| {
        named(d, "Sites not served")["fieldConfig"]["defaults"]["unit"] = json!("sites")
    }),
    ("overview", "datasource: ", |d| {
        named(d, "Sites not served")["targets"][0]["datasource"]["uid"] = json!("P1809F7CD0C75ACF3")
    }),
    ("overview", "targets: ", |d| named(d, "Sites not served")["targets"] = json!([])),
    ("overview", "words: 0 has a colour", |d| {
        named(d, "Destinations now")["fieldConfig"]["defaults"]["mappings"][0]["options"]["0"]["text"] =
            json!("");
    }),
    ("overview", "words: a number with a unit", |d| {
        named(d, "Destinations now")["fieldConfig"]["defaults"]["unit"] = json!("s")
    }),
    ("overview", "thresholds: do not rise", |d| {
        named(d, "Sites not served")["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] =
            Value::Null;
    }),
    ("overview", "colour: ", |d| {
        named(d, "Sites not served")["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["color"] =
            json!("mauve");
    }),
    ("overview", "columns: there is no", |d| {
        named(d, "Servers")["options"]["sortBy"][0]["displayName"] = json!("State")
    }),
    ("overview", "instant: ", |d| {
        let target = &mut named(d, "State of each destination")["targets"][0];
        (target["instant"], target["range"]) = (json!(true), json!(false));
    }),
    ("overview", "legend: a series without", |d| {
        named(d, "Destinations now")["targets"][0]["legendFormat"] = json!("")
    }),
    ("overview", "legend: none of its metrics has host", |d| {
        named(d, "Destinations now")["targets"][0]["legendFormat"] = json!("{{host}}");
    }),
    ("overview", "promql: ", |d| asks(d, "Sites not served", "sum(", "sum((")),
    ("overview", "choice: regardless of job", |d| asks(d, "Sites not served", "job=~\"$job\", ", "")),
    ("overview", "choice: destination_route_up regardless", |d| {
        asks(d, "Sites not served", "destination=~\"$destination|\"", "domain=~\".+\"")
    }),
    ("overview", "metric: there is no destination_site_up", |d| {
        asks(d, "Sites not served", "destination_route_up", "destination_site_up")
    }),
    ("overview", "label: destination_findings has no level", |d| {
        asks(d, "Faults that hit users", "severity=", "level=")
    }),
    ("overview", "value: no severity is critical", |d| {
        asks(d, "Faults that hit users", "\"page\"", "\"critical\"")
    }),
    ("exporter", "value: no code is exporter-dead", |d| {
        asks(d, "What the exporter says of itself", "exporter-blind", "exporter-dead")
    }),
    ("routes", "value: no code begins with sites", |d| {
        asks(d, "What is wrong and why", "|domain|", "|sites|")
    }),
    ("destination", "value: no probe is ping", |d| asks(d, "Probes that fail", "\"isolation\"", "\"ping\"")),
    ("destination", "counter: destination_probe_attempts_total as it stands", |d| {
        asks(d, "Probes", "rate(destination_probe_attempts_total{", "abs(destination_probe_attempts_total{");
        asks(d, "Probes", "[$__rate_interval]", "");
    }),
    ("destination", "rate: ", |d| asks(d, "Probes", "$__rate_interval", "5m")),
    ("destination", "counter: destination_containers is none", |d| {
        asks(d, "Probes", "destination_probe_attempts_total", "destination_containers")
    }),
    ("destination", "label: none of its metrics has kind", |d| asks(d, "Probes", "by (probe)", "by (kind)")),
    ("overview", "link: there is no destination-sites", |d| {
        named(d, "Sites not served")["fieldConfig"]["defaults"]["links"][0]["url"] =
            json!("/d/destination-sites?${__url_time_range}");
    }),
    ("overview", "link: destination-slo has no domain", |d| {
        named(d, "Sites not served")["fieldConfig"]["defaults"]["links"][0]["url"] =
            json!("/d/destination-slo?var-domain=x&${__url_time_range}");
    }),
    ("overview", "link: https://example.com leads nowhere", |d| {
        named(d, "Sites not served")["fieldConfig"]["defaults"]["links"][0]["url"] =
            json!("https://example.com");
    }),
];

#[test]
fn what_somebody_breaks_is_told_by_the_rule_that_is_for_it() {
    let whole = load();
    for (name, expected, breaks) in MUTANTS {
        let mut broken: Vec<Dashboard> = whole.clone();
        let one = broken.iter_mut().find(|dashboard| dashboard.name == *name).expect("the dashboard");
        breaks(&mut one.json);
        let said = lint(&broken);
        assert!(said.iter().any(|line| line.contains(expected)), "not told: {expected}\n{said:#?}");
    }
}
