//! The dashboards: read as anybody's files, and held against a real Prometheus that scrapes a real exporter.

#[path = "dashboards/contract.rs"]
mod contract;
#[path = "dashboards/metrics.rs"]
mod metrics;
#[path = "dashboards/model.rs"]
mod model;
#[path = "dashboards/mutants.rs"]
mod mutants;
#[path = "dashboards/promql.rs"]
mod promql;
#[path = "dashboards/rules.rs"]
mod rules;
#[path = "dashboards/stage.rs"]
mod stage;

use model::load;

#[test]
fn every_rule_holds_for_every_dashboard() {
    let dashboards = load();
    let names: Vec<&str> = dashboards.iter().map(|dashboard| &*dashboard.name).collect();
    assert_eq!(names, ["destination", "exporter", "overview", "routes", "slo", "topology", "traffic"]);
    let said = rules::lint(&dashboards);
    assert!(said.is_empty(), "{}", said.join("\n"));
}

/// With `DASHBOARDS_RECORD=FOLDER` what Prometheus wrote is left there, of a longer play: `make dashboards` draws it.
#[test]
fn every_panel_shows_something_when_there_is_something_to_show() -> lab::Result<()> {
    let stage = stage::Stage::play()?;
    let broken = contract::broken(&stage, &load())?;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}
