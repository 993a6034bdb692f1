//! What an exporter's report tells of routes.

use lab::{Error, Result};
use serde_json::Value;

use crate::exporter::Exporter;

/// One thing that a site is asked for: at a door of the proxy, or behind it.
#[derive(Clone, Debug)]
pub struct Question {
    pub domain: String,
    /// `http` or `https`.
    pub scheme: String,
    pub address: String,
    /// All phases together; behind the proxy they are not told.
    pub seconds: Option<f64>,
}

impl Question {
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }
}

pub fn report(exporter: &Exporter<'_>) -> Result<Value> {
    serde_json::from_str(&exporter.get("/diagnostics")?).map_err(|e| Error::new(format!("the report: {e}")))
}

pub fn routes(report: &Value) -> impl Iterator<Item = &Value> {
    list(report, "destinations").flat_map(|destination| list(destination, "routes"))
}

/// What was asked last, of the destinations whose names begin so. Where a door did not open it is an error.
pub fn questions(report: &Value, destinations: &str) -> Result<Vec<Question>> {
    let here = list(report, "destinations").filter(|d| word(d, "name").starts_with(destinations));
    let mut all = Vec::new();
    for route in here.flat_map(|destination| list(destination, "routes")) {
        let question = |scheme: &str, at: &Value, seconds| Question {
            domain: word(route, "domain"),
            scheme: scheme.to_owned(),
            address: word(at, "address"),
            seconds,
        };
        for door in list(route, "doors") {
            if door["outcome"] != "success" {
                return Err(Error::new(format!("a door did not open: {route}")));
            }
            let phases = door["seconds"].as_object().into_iter().flat_map(serde_json::Map::values);
            let seconds = phases.filter_map(Value::as_f64).sum();
            all.push(question(&word(door, "scheme"), door, Some(seconds)));
        }
        all.extend(list(route, "backends").map(|backend| question("http", backend, None)));
    }
    Ok(all)
}

fn list<'a>(of: &'a Value, part: &str) -> impl Iterator<Item = &'a Value> {
    of[part].as_array().into_iter().flatten()
}

fn word(of: &Value, part: &str) -> String {
    of[part].as_str().unwrap_or_default().to_owned()
}
