//! What holds for every dashboard, read as anybody's file: the rules of Grafana's own dashboard-linter, and what it does
//! not look at (overlaps, legends, links, words beside colours, names of metrics and labels).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{Dashboard, list, text};

#[path = "rules/panels.rs"]
pub mod panels;
#[path = "rules/queries.rs"]
mod queries;
pub use queries::named;
#[path = "rules/variables.rs"]
mod variables;

/// What is wrong, in the form `where: rule: what`.
pub struct Said(Vec<String>);

impl Said {
    pub fn unless(&mut self, holds: bool, at: &str, rule: &str, what: impl AsRef<str>) {
        if !holds {
            self.0.push(format!("{at}: {rule}: {}", what.as_ref()));
        }
    }
}

/// Everything that is wrong with them.
pub fn lint(dashboards: &[Dashboard]) -> Vec<String> {
    let mut said = Said(Vec::new());
    let uids: BTreeMap<&str, &Dashboard> =
        dashboards.iter().map(|dashboard| (text(&dashboard.json, "/uid"), dashboard)).collect();
    said.unless(uids.len() == dashboards.len(), "all", "uid", "two dashboards have one");
    for dashboard in dashboards {
        whole(dashboard, &mut said);
        variables::lint(dashboard, &mut said);
        panels::lint(dashboard, &mut said);
        queries::lint(dashboard, &mut said);
        links(dashboard, &uids, &mut said);
    }
    said.0
}

fn whole(dashboard: &Dashboard, said: &mut Said) {
    let (at, json) = (&*dashboard.name, &dashboard.json);
    let mut must = |holds: bool, rule: &str, what: &str| said.unless(holds, at, rule, what);
    must(text(json, "/uid") == format!("destination-{at}"), "uid", text(json, "/uid"));
    must(json["id"].is_null(), "id", "is given by whoever imports");
    must(text(json, "/title").starts_with("Destinations / "), "title", text(json, "/title"));
    must(text(json, "/description").ends_with('?'), "description", "is the one question that it answers");
    must(
        json["tags"] == serde_json::json!(["destination-exporter"]),
        "tags",
        "by them dashboards find each other",
    );
    must(json["editable"] == false, "editable", "changes are lost with the next version");
    must(json["schemaVersion"] == 39, "schemaVersion", "39 is read by Grafana 10.4 and later");
    must(json["graphTooltip"] == 1, "graphTooltip", "1: one crosshair on all");
    must(
        json["refresh"] == "1m" && text(json, "/time/from").starts_with("now-"),
        "time",
        "refreshed, from now back",
    );
    must(json["timezone"] == "browser", "timezone", "the reader's");
    let exported = ["__inputs", "__requires", "__elements"].iter().any(|key| json.get(key).is_some());
    must(!exported, "export", "__inputs and the like cannot be provisioned from a file");
    let to_others = list(json, "/links").find(|link| link["type"] == "dashboards");
    let keeps = to_others
        .is_some_and(|l| l["includeVars"] == true && l["keepTime"] == true && l["tags"] == json["tags"]);
    must(keeps, "links", "the other dashboards, with what was chosen");
    let is_used = text_of(json);
    for variable in dashboard.variables() {
        let name = text(variable, "/name");
        let used = is_used.contains(&format!("${name}")) || is_used.contains(&format!("${{{name}"));
        must(used, "variables", &format!("{name} is chosen for nothing"));
    }
    let known: BTreeSet<&str> = dashboard.variables().map(|variable| text(variable, "/name")).collect();
    for name in variables_in(&is_used) {
        must(known.contains(&*name) || name.starts_with("__"), "variables", &format!("{name} is not there"));
    }
}

/// Everything but the variables' own names, in one text.
fn text_of(json: &Value) -> String {
    json.to_string()
}

/// The names behind each `$`.
fn variables_in(text: &str) -> BTreeSet<String> {
    let behind = text.split('$').skip(1).map(|rest| rest.trim_start_matches('{'));
    let name = |rest: &str| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
    };
    // `$1` is of a regular expression's.
    behind.map(name).filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')).collect()
}

fn links(dashboard: &Dashboard, uids: &BTreeMap<&str, &Dashboard>, said: &mut Said) {
    /// The exporter's own pages, in every way to its address; a cell that is one; the site itself.
    const AWAY: [&str; 4] = [
        "${external_url}/",
        "${__field.labels.external_url}/",
        "${__value.raw}",
        "https://${__data.fields.domain}",
    ];
    for (at, url) in dashboard.links() {
        let Some(rest) = url.strip_prefix("/d/") else {
            said.unless(
                AWAY.iter().any(|start| url.starts_with(start)),
                &at,
                "link",
                format!("{url} leads nowhere"),
            );
            continue;
        };
        let (uid, arguments) = rest.split_once('?').unwrap_or((rest, ""));
        let Some(there) = uids.get(uid) else {
            said.unless(false, &at, "link", format!("there is no {uid}"));
            continue;
        };
        let keeps_time = arguments.split('&').any(|a| a == "${__url_time_range}");
        said.unless(keeps_time, &at, "link", format!("{url} forgets the time"));
        let known: BTreeSet<&str> = there.variables().map(|variable| text(variable, "/name")).collect();
        for argument in arguments.split('&').filter_map(|argument| argument.strip_prefix("var-")) {
            let name = argument.split('=').next().unwrap_or_default();
            said.unless(known.contains(name), &at, "link", format!("{uid} has no {name}"));
        }
    }
}
