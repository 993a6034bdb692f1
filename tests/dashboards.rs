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
#[path = "dashboards/seen.rs"]
mod seen;
#[path = "dashboards/stage.rs"]
mod stage;
#[path = "dashboards/swarm.rs"]
mod swarm;

use contract::Contract;
use model::load;

#[test]
fn every_rule_holds_for_every_dashboard() {
    let dashboards = load();
    let names: Vec<&str> = dashboards.iter().map(|dashboard| &*dashboard.name).collect();
    assert_eq!(
        names,
        ["destination", "exporter", "overview", "routes", "slo", "swarm", "topology", "traffic"]
    );
    let said = rules::lint(&dashboards);
    assert!(said.is_empty(), "{}", said.join("\n"));
}

/// Of a server without a Swarm nothing is between nodes.
const OF_SWARMS: &str = "swarm";

/// With `DASHBOARDS_RECORD=FOLDER` what Prometheus wrote is left there, of a longer play: `make dashboards` draws it.
#[test]
fn every_panel_shows_something_when_there_is_something_to_show() -> lab::Result<()> {
    let stage = stage::Stage::play()?;
    let dashboards = load();
    let mut contract = Contract::of(&stage.seen, stage.page()?);
    contract.boards(dashboards.iter().filter(|dashboard| dashboard.name != OF_SWARMS))?;
    contract.annotations(&dashboards)?;
    contract.families(&dashboards)?;
    let broken = contract.broken();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[test]
fn every_panel_about_a_swarm_shows_something_when_a_node_is_cut_off() -> lab::Result<()> {
    let stage = swarm::Stage::play()?;
    let dashboards = load();
    let board = dashboards.iter().find(|dashboard| dashboard.name == OF_SWARMS).expect("there");
    let mut contract = Contract::of(&stage.seen, stage.page()?);
    contract.boards([board])?;
    let broken = contract.broken();
    assert!(broken.is_empty(), "{}", broken.join("\n"));

    // Nodes have names where their own exporter, or a manager's, is heard; else addresses.
    let [whole, cut] = &stage.seen.moments[..] else { panic!("two moments") };
    for (instances, at, wanted) in [
        (
            ".+",
            whole,
            &[
                "shop: node-1 > node-2 1",
                "shop: node-1 > node-3 1",
                "shop: node-2 > node-1 1",
                "shop: node-2 > node-3 1",
                "shop: node-3 > node-1 1",
                "shop: node-3 > node-2 1",
            ][..],
        ),
        ("server-1", whole, &["shop: node-1 > node-2 1", "shop: node-1 > node-3 1"]),
        ("server-2", whole, &["shop: node-2 > 198.51.100.1 1", "shop: node-2 > 198.51.100.3 1"]),
        // What is cut off is not heard, and is told of by the others.
        (
            ".+",
            cut,
            &[
                "shop: node-1 > node-2 1",
                "shop: node-1 > node-3 0",
                "shop: node-2 > node-1 1",
                "shop: node-2 > node-3 0",
            ],
        ),
        ("server-[23]", cut, &["shop: node-2 > 198.51.100.1 1", "shop: node-2 > node-3 0"]),
    ] {
        let wanted = wanted.iter().map(ToString::to_string).collect();
        assert_eq!(stage.ways(board, instances, at)?, wanted, "of {instances}");
    }
    Ok(())
}
