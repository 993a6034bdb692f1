//! Panels: where they stand, what they are called, units, colours and words.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{Dashboard, list, text};

use super::Said;

/// Those that Grafana's own libraries draw, and `state-timeline`, which Grafana itself does.
const TYPES: [&str; 5] = ["stat", "table", "timeseries", "bargauge", "state-timeline"];
/// Grafana's names for what is shown; `tests/grafana` holds that Grafana knows them.
pub const UNITS: [&str; 10] =
    ["none", "percentunit", "s", "dtdurations", "dateTimeAsIso", "bytes", "decbytes", "Bps", "pps", "cps"];
const COLOURS: [&str; 7] = ["green", "orange", "red", "purple", "blue", "text", "transparent"];

pub fn lint(dashboard: &Dashboard, said: &mut Said) {
    grid(dashboard, said);
    let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard.json, "/panels") {
        let title = text(panel, "/title");
        let at = format!("{}: {title}", dashboard.name);
        said.unless(
            panel["id"].is_u64() && ids.insert(panel["id"].to_string()),
            &at,
            "id",
            "not there, or twice",
        );
        said.unless(!title.is_empty() && titles.insert(title), &at, "title", "not there, or twice");
        if panel["type"] != "row" {
            one(panel, &at, said);
        }
    }
}

fn one(panel: &Value, at: &str, said: &mut Said) {
    let mut must = |holds: bool, rule: &str, what: &str| said.unless(holds, at, rule, what);
    let kind = text(panel, "/type");
    let defaults = &panel["fieldConfig"]["defaults"];
    must(TYPES.contains(&kind), "type", kind);
    must(text(panel, "/description").len() > 5, "description", "what is decided by it is not said");
    must(
        !text(defaults, "/noValue").is_empty(),
        "noValue",
        "what it means that there is nothing is not said",
    );
    must(panel.get("libraryPanel").is_none(), "library", "a panel from a library is not in the file");
    let targets: Vec<&Value> = list(panel, "/targets").collect();
    must(!targets.is_empty(), "targets", "asks nothing");
    let letters: BTreeSet<&str> = targets.iter().map(|target| text(target, "/refId")).collect();
    must(letters.len() == targets.len(), "refId", "twice");
    for source in targets.iter().copied().chain([panel]) {
        must(source["datasource"]["uid"] == "${datasource}", "datasource", "is not the chosen one");
    }
    let units = list(panel, "/fieldConfig/overrides").flat_map(|one| list(one, "/properties"));
    let units =
        units.filter(|p| p["id"] == "unit").map(|p| text(p, "/value")).chain([text(defaults, "/unit")]);
    let units: Vec<&str> = units.collect();
    // A table without figures has none by default, and one for each column that is one.
    let has_unit = !units.last().copied().unwrap_or_default().is_empty();
    must(has_unit || kind == "table", "unit", "a figure without one");
    must(units.iter().all(|unit| unit.is_empty() || UNITS.contains(unit)), "unit", &format!("{units:?}"));

    words(defaults, text(defaults, "/unit"), &mut must);
    for one in list(panel, "/fieldConfig/overrides") {
        let value = |id: &str| list(one, "/properties").find(|p| p["id"] == id).map(|p| &p["value"]);
        let as_defaults =
            serde_json::json!({"mappings": value("mappings"), "thresholds": value("thresholds")});
        words(&as_defaults, value("unit").and_then(Value::as_str).unwrap_or("none"), &mut must);
    }
    if kind == "state-timeline" {
        must(list(defaults, "/mappings").next().is_some(), "words", "a state that is called nothing");
    }
    columns(panel, kind, &mut must);
}

/// A colour never stands alone: a mapping has a word, and what is mapped has no unit.
fn words(of: &Value, unit: &str, must: &mut impl FnMut(bool, &str, &str)) {
    for mapping in list(of, "/mappings") {
        must(unit == "none" || unit.is_empty(), "words", "a number with a unit is mapped to a word");
        for (value, result) in
            mapping["options"].as_object().into_iter().flatten().filter(|(_, r)| r.is_object())
        {
            let text = result["text"].as_str().unwrap_or_default();
            must(!text.is_empty(), "words", &format!("{value} has a colour and no word"));
            let colour = result["color"].as_str();
            must(colour.is_none_or(|colour| COLOURS.contains(&colour)), "colour", &result.to_string());
        }
    }
    let steps: Vec<&Value> = list(of, "/thresholds/steps").collect();
    for (n, step) in steps.iter().enumerate() {
        let rises = match n {
            0 => step["value"].is_null(),
            _ => step["value"]
                .as_f64()
                .is_some_and(|value| steps[n - 1]["value"].as_f64().is_none_or(|b| b < value)),
        };
        must(rises, "thresholds", "do not rise");
        must(COLOURS.contains(&text(step, "/color")), "colour", &step.to_string());
    }
}

/// What is said of a column is said of one that there is.
fn columns(panel: &Value, kind: &str, must: &mut impl FnMut(bool, &str, &str)) {
    if kind != "table" {
        return;
    }
    let organized = list(panel, "/transformations").find(|t| t["id"] == "organize");
    let is_matrix = list(panel, "/transformations").any(|t| t["id"] == "groupingToMatrix");
    must(organized.is_some() || is_matrix, "columns", "in no order, by no name");
    let Some(renamed) = organized.and_then(|t| t["options"]["renameByName"].as_object()) else { return };
    let headings: BTreeSet<&str> = renamed.values().filter_map(Value::as_str).collect();
    must(headings.len() == renamed.len(), "columns", "one heading twice");
    let by_name = list(panel, "/fieldConfig/overrides").filter(|one| one["matcher"]["id"] == "byName");
    let overridden = by_name.map(|one| text(one, "/matcher/options"));
    for heading in overridden.chain(list(panel, "/options/sortBy").map(|by| text(by, "/displayName"))) {
        must(headings.contains(heading), "columns", &format!("there is no {heading}"));
    }
}

fn grid(dashboard: &Dashboard, said: &mut Said) {
    let mut taken = BTreeSet::new();
    for panel in list(&dashboard.json, "/panels") {
        let at = format!("{}: {}", dashboard.name, text(panel, "/title"));
        let number = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(u64::MAX);
        let (x, y, w, h) = (number("x"), number("y"), number("w"), number("h"));
        let fits = w > 0 && h > 0 && w <= 24 && h <= 40 && x.saturating_add(w) <= 24 && y < 1000;
        said.unless(fits, &at, "grid", "outside");
        if fits {
            let mut cells = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
            let free = cells.all(|cell| taken.insert(cell));
            said.unless(free, &at, "grid", "overlaps");
        }
    }
}
