//! The dashboards' files, and what in them asks.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One file.
#[derive(Clone)]
pub struct Dashboard {
    /// Without `.json`.
    pub name: String,
    pub json: Value,
}

/// One thing that asks Prometheus.
pub struct Query {
    /// Dashboard, panel and letter, or what else it is.
    pub at: String,
    pub expr: String,
    /// None of a table, a variable and an annotation.
    pub legend: Option<String>,
    /// For now alone.
    pub is_instant: bool,
    /// Whether it is a panel's and draws over time.
    pub is_graph: bool,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

pub fn load() -> Vec<Dashboard> {
    let files = fs::read_dir(folder()).expect("dashboards/").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            Dashboard { name, json }
        })
        .collect()
}

/// What is listed there; nothing where there is no list.
pub fn list<'a>(json: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    json.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

pub fn text<'a>(json: &'a Value, path: &str) -> &'a str {
    json.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

impl Dashboard {
    /// Every panel that is no heading.
    pub fn panels(&self) -> impl Iterator<Item = &Value> {
        list(&self.json, "/panels").filter(|panel| panel["type"] != "row")
    }

    pub fn variables(&self) -> impl Iterator<Item = &Value> {
        list(&self.json, "/templating/list")
    }

    pub fn queries(&self) -> Vec<Query> {
        let mut all = Vec::new();
        for panel in self.panels() {
            let is_table = panel["type"] == "table";
            for target in list(panel, "/targets") {
                let legend = (!is_table).then(|| text(target, "/legendFormat").to_owned());
                all.push(Query {
                    at: format!("{}: {} {}", self.name, text(panel, "/title"), text(target, "/refId")),
                    expr: text(target, "/expr").to_owned(),
                    legend,
                    is_instant: target["instant"] == true,
                    is_graph: matches!(text(panel, "/type"), "timeseries" | "state-timeline"),
                });
            }
        }
        for one in list(&self.json, "/annotations/list") {
            all.push(Query {
                at: format!("{}: annotation {}", self.name, text(one, "/name")),
                expr: text(one, "/expr").to_owned(),
                legend: None,
                is_instant: false,
                is_graph: false,
            });
        }
        all
    }

    /// Of each variable that asks: its name, what it selects, and by which label.
    pub fn choices(&self) -> Vec<(String, String, String)> {
        self.variables()
            .filter(|variable| variable["type"] == "query")
            .map(|variable| {
                let query = text(variable, "/query/query");
                let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
                let (selector, label) =
                    inside.and_then(|inside| inside.rsplit_once(", ")).unwrap_or_default();
                (text(variable, "/name").to_owned(), selector.to_owned(), label.to_owned())
            })
            .collect()
    }

    /// Whatever leads somewhere: where it stands, and the address.
    pub fn links(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for panel in self.panels() {
            let title = format!("{}: {}", self.name, text(panel, "/title"));
            let overrides = list(panel, "/fieldConfig/overrides").flat_map(|one| list(one, "/properties"));
            let of_columns = overrides.filter(|p| p["id"] == "links").flat_map(|p| list(p, "/value"));
            for link in list(panel, "/fieldConfig/defaults/links").chain(of_columns) {
                all.push((title.clone(), text(link, "/url").to_owned()));
            }
        }
        for link in list(&self.json, "/links").filter(|link| link["type"] == "link") {
            all.push((
                format!("{}: link {}", self.name, text(link, "/title")),
                text(link, "/url").to_owned(),
            ));
        }
        all
    }
}
