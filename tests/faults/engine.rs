//! An Engine that does not answer.

use std::time::Duration;

use lab::Result;
use lab::watched::{INTERVAL, failing, finding, text};

use crate::{EVENT, told, town};

#[test]
fn a_frozen_engine() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.freeze()?;
    // The Engine is every container's resolver too: their lookups fail, and that is no fault of theirs.
    let (report, found) = town.expect(&["exporter-blind engine"], INTERVAL)?;
    assert_eq!(report["status"], "unknown");
    assert!(
        report["destinations"].as_array().is_some_and(|all| all.iter().all(|d| d["status"] == "unknown"))
    );
    let blind = finding(&report, "exporter-blind");
    assert!(text(&blind["evidence"][0]["observed"]).contains("no complete answer within"), "{blind:#}");
    town.expect_series("destination_exporter_docker_up", Some("0"), EVENT)?;
    town.expect_series(r#"destination_exporter_capability{capability="docker_api"}"#, Some("0"), EVENT)?;
    // Two rounds of lookups later it still is the one finding, and nothing that was known is lost.
    let until = std::time::Instant::now() + 2 * INTERVAL;
    while std::time::Instant::now() < until {
        town.expect(&["exporter-blind engine"], Duration::ZERO)?;
        std::thread::sleep(Duration::from_millis(200));
    }
    let lost: Vec<String> = before.difference(&town.series()?).cloned().collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(!failing(&town.exporter.report()?, "shop").is_empty(), "lookups that nobody answers");

    town.lab.thaw()?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_series("destination_exporter_docker_up", Some("1"), EVENT)?;
    // What failed while the Engine was away is looked at anew, and blamed on nobody.
    let until = std::time::Instant::now() + INTERVAL;
    while std::time::Instant::now() < until {
        town.expect(&[], Duration::ZERO)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(failing(&town.exporter.report()?, "shop").is_empty());
    town.expect_no_trace(&before)?;
    told("a frozen engine", found, gone);
    Ok(())
}
