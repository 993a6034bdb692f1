//! The dashboards, as they are thought of: one question each, state first, graphs second.
//!
//! `cargo run -p dashboards` writes `dashboards/*.json` from this, so that what all of them share (variables,
//! annotations, words, colours, thresholds, links) stands in one place. What is shipped, tested and drawn are the files:
//! `tests/dashboards.rs` reads them as anybody's.
//!
//! What must never happen here: a panel from which nobody decides anything; a colour without a word beside it; a number
//! with a unit that is mapped to a word; *unknown* shown as down.

mod destination;
mod exporter;
mod overview;
mod page;
mod panel;
mod parts;
mod query;
mod routes;
mod slo;
mod swarm;
mod topology;
mod traffic;
mod words;

use serde_json::Value;

/// Every dashboard: the name of its file, without `.json`, and what is in it.
#[must_use]
pub fn all() -> Vec<(String, Value)> {
    let pages = [
        overview::page(),
        destination::page(),
        routes::page(),
        topology::page(),
        swarm::page(),
        traffic::page(),
        slo::page(),
        exporter::page(),
    ];
    pages.into_iter().map(|page| (page.name().to_owned(), page.json())).collect()
}

/// A dashboard as its file has it.
#[must_use]
pub fn text(dashboard: &Value) -> String {
    format!("{dashboard:#}\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_files_are_what_is_written_here() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, dashboard) in super::all() {
            let file = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap_or_default();
            assert!(
                file == super::text(&dashboard),
                "dashboards/{name}.json is old: cargo run -p dashboards"
            );
        }
    }
}
