//! One dashboard: its variables, annotations and links, and its panels in rows.

use serde_json::{Value, json};

use crate::panel::{Panel, datasource};
use crate::query::filled;

/// What Grafana's grid is wide.
const WIDTH: u32 = 24;
const ALL: &str = ".+";

pub struct Page {
    name: &'static str,
    title: &'static str,
    question: &'static str,
    from: &'static str,
    variables: Vec<Value>,
    panels: Vec<Value>,
    x: u32,
    y: u32,
    tallest: u32,
}

fn labels(metric_and_matchers: &str, label: &str) -> String {
    format!("label_values({}, {label})", filled(metric_and_matchers))
}

fn choice(name: &str, label: &str, query: &str, description: &str) -> Value {
    json!({
        "name": name, "label": label, "description": description, "type": "query", "datasource": datasource(),
        "query": {"query": query, "refId": format!("variable-{name}")}, "refresh": 2, "sort": 1, "multi": true,
        "includeAll": true, "allValue": ALL, "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "options": [], "regex": "", "hide": 0, "skipUrlSync": false,
    })
}

impl Page {
    pub fn new(name: &'static str, title: &'static str, question: &'static str, from: &'static str) -> Self {
        let source = json!({
            "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "regex": "",
            "description": "The Prometheus that scrapes the exporters.", "options": [], "hide": 0,
            "refresh": 1, "includeAll": false, "multi": false, "skipUrlSync": false,
        });
        let job =
            choice("job", "Job", &labels("destination_exporter_build_info", "job"), "The exporters' job.");
        let instance = choice(
            "instance",
            "Instance",
            &labels(r#"destination_exporter_build_info{job=~"$job"}"#, "instance"),
            "The servers.",
        );
        // As the table has no destination of the host's own, neither has the list.
        let destination = choice(
            "destination",
            "Destination",
            &labels("destination_present{<S>}", "destination"),
            "The networks that workloads are deployed to.",
        );
        let mut url = choice(
            "external_url",
            "Exporter",
            &labels("destination_exporter_info{<S>}", "external_url"),
            "Where people reach the exporter; of several the first.",
        );
        for (key, value) in [("hide", json!(2)), ("multi", json!(false)), ("includeAll", json!(false))] {
            url[key] = value;
        }
        if let Some(all) = url.as_object_mut() {
            all.remove("allValue");
            all.remove("current");
        }
        let variables = vec![source, job, instance, destination, url];
        Self { name, title, question, from, variables, panels: Vec::new(), x: 0, y: 0, tallest: 0 }
    }

    pub const fn name(&self) -> &str {
        self.name
    }

    /// One more thing to choose by, after the others.
    pub fn choose(mut self, name: &str, label: &str, metric: &str, by: &str, description: &str) -> Self {
        self.variables.push(choice(name, label, &labels(metric, by), description));
        self
    }

    /// A choice among these values.
    pub fn choose_among(mut self, name: &str, label: &str, values: &[&str], description: &str) -> Self {
        let options: Vec<Value> = values
            .iter()
            .enumerate()
            .map(|(n, value)| json!({"selected": n == 0, "text": value, "value": value}))
            .collect();
        self.variables.push(json!({
            "name": name, "label": label, "description": description, "type": "custom", "query": values.join(","),
            "current": options[0], "options": options, "hide": 0, "includeAll": false, "multi": false, "skipUrlSync": false,
        }));
        self
    }

    /// A heading, and what stands under it: width, height, panel.
    pub fn row(mut self, title: &str, panels: Vec<(u32, u32, Panel)>) -> Self {
        self.new_line();
        let (id, y) = (self.panels.len() + 1, self.y);
        self.panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
        }));
        self.y += 1;
        for (w, h, panel) in panels {
            if self.x + w > WIDTH {
                self.new_line();
            }
            let place = json!({"h": h, "w": w, "x": self.x, "y": self.y});
            self.panels.push(panel.json(self.panels.len() + 1, place));
            self.x += w;
            self.tallest = self.tallest.max(h);
        }
        self
    }

    fn new_line(&mut self) {
        self.y += self.tallest;
        (self.x, self.tallest) = (0, 0);
    }

    pub fn json(self) -> Value {
        json!({
            "id": null,
            "uid": format!("destination-{}", self.name),
            "title": format!("Destinations / {}", self.title),
            "description": self.question,
            "tags": ["destination-exporter"],
            "editable": false,
            "graphTooltip": 1,
            "schemaVersion": 39,
            "version": 1,
            "refresh": "1m",
            "time": {"from": self.from, "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "fiscalYearStartMonth": 0,
            "weekStart": "",
            "links": links(),
            "templating": {"list": self.variables},
            "annotations": {"list": annotations()},
            "panels": self.panels,
        })
    }
}

fn links() -> Value {
    let one = |kind: &str, title: &str, url: &str, tooltip: &str| {
        let others = kind == "dashboards";
        json!({
            "asDropdown": others, "icon": "external link", "includeVars": others, "keepTime": others,
            "tags": if others { json!(["destination-exporter"]) } else { json!([]) },
            "targetBlank": !others, "title": title, "tooltip": tooltip, "type": kind, "url": url,
        })
    };
    json!([
        one("dashboards", "Dashboards", "", "The other questions"),
        one(
            "link",
            "Diagnostics",
            "${external_url}/diagnostics",
            "What the exporter itself says, with evidence and repair"
        ),
        one(
            "link",
            "Events",
            "${external_url}/events",
            "What happened of late, and what the Engine did just before"
        ),
    ])
}

fn annotations() -> Value {
    let one = |name: &str, shown: bool, colour: &str, expr: &str, title: &str, text: &str, tags: &str| {
        json!({
            "datasource": datasource(), "enable": shown, "hide": false, "iconColor": colour, "name": name,
            "expr": filled(expr), "step": "",
            "titleFormat": title, "textFormat": text, "tagKeys": tags, "useValueForTime": false,
        })
    };
    json!([
        one(
            "Alerts",
            true,
            "red",
            r#"max by (job, instance, destination, alertname, severity) (ALERTS{<H>, alertname=~"Destination.+", alertstate="firing", severity!="none"})"#,
            "{{alertname}}",
            "{{severity}}: {{destination}} on {{instance}}",
            "severity,destination",
        ),
        one(
            "Proxy attached or detached",
            true,
            "orange",
            "changes(destination_proxy_attached{<D>}[$__rate_interval]) > 0",
            "{{proxy}} attached or detached",
            "{{destination}} on {{instance}}",
            "destination",
        ),
        one(
            "Network gone or back",
            true,
            "blue",
            "changes(destination_present{<D>}[$__rate_interval]) > 0",
            "Network gone or back",
            "{{destination}} on {{instance}}",
            "destination",
        ),
        one(
            "Containers came or went",
            false,
            "green",
            "changes(destination_containers{<D>}[$__rate_interval]) > 0",
            "Containers came or went",
            "{{destination}} on {{instance}}",
            "destination",
        ),
        one(
            "Exporter started",
            true,
            "purple",
            "changes(process_start_time_seconds{<S>}[$__rate_interval]) > 0 and on (job, instance) destination_exporter_build_info{<S>}",
            "Exporter started",
            "{{instance}}",
            "instance",
        ),
    ])
}
