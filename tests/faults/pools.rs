//! Address pools that run out on a real Engine: what is counted is what the Engine then refuses.

use std::path::Path;
use std::time::Duration;

use lab::watched::{INTERVAL, Watched, finding, text};
use lab::{Exporter, Lab, Result};

use crate::{EVENT, told};

const USED: &str = "destination_address_pools_used";
const CAPACITY: &str = "destination_address_pools_capacity";

/// An exporter on an Engine with this `daemon.json`, with every default.
fn town(settings: &str) -> Result<Watched> {
    let lab = Lab::start_set(settings)?;
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, "{}\n", &[])?;
    exporter.wait_ready()?;
    Ok(Watched::new(lab, exporter, INTERVAL))
}

fn create(town: &Watched, number: usize) -> Result<bool> {
    let output = town.lab.docker_output(&["network", "create", &format!("stack-{number}")])?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || said.contains("address pool"), "another reason: {said}");
    Ok(output.status.success())
}

#[test]
fn the_operators_pools_that_run_out() -> Result<()> {
    let town = town(r#"{"default-address-pools": [{"base": "10.99.0.0/24", "size": 26}]}"#)?;
    // docker0 has the first block.
    town.expect_series(CAPACITY, Some("4"), EVENT)?;
    town.expect_series(USED, Some("1"), EVENT)?;
    // What others are to be made of is given nothing: the Engine gives its subnet, the last block, to another.
    town.lab.docker(&["network", "create", "--config-only", "--subnet", "10.99.0.192/26", "settings"])?;
    assert!(create(&town, 1)?);
    town.expect_series(USED, Some("2"), EVENT)?;
    town.expect(&[], Duration::ZERO)?;
    town.breaks("address-pools-exhausted engine", "the operator's address pools run out");
    assert!(create(&town, 2)?);
    let (report, found) = town.expect(&["address-pools-exhausted engine"], EVENT)?;
    let near = finding(&report, "address-pools-exhausted");
    assert!(text(&near["summary"]).starts_with("3 of 4 blocks of default-address-pools"), "{near:#}");
    assert_eq!(near["severity"], "ticket");

    assert!(create(&town, 3)?);
    town.expect_series(USED, Some("4"), EVENT)?;
    assert!(!create(&town, 4)?, "what is counted as full is full");
    let subnet = "{{(index .IPAM.Config 0).Subnet}}";
    let last = town.lab.docker(&["network", "inspect", "stack-3", "--format", subnet])?;
    assert_eq!(last.trim(), "10.99.0.192/26", "the one that the settings name");
    // Outside the pools there is room, and it takes nothing from them.
    town.lab.docker(&["network", "create", "--subnet", "10.200.0.0/24", "outside"])?;
    town.expect_series(USED, Some("4"), EVENT)?;
    let fault = town.expect(&["address-pools-exhausted engine"], EVENT)?.0;
    assert!(text(&finding(&fault, "address-pools-exhausted")["summary"]).contains("cannot be created"));

    // The command that is named as the repair, of those that the first one lists.
    let unused = town.lab.docker(&["network", "ls", "--filter", "dangling=true", "--format", "{{.Name}}"])?;
    assert!(unused.lines().any(|name| name == "stack-1"), "{unused}");
    town.lab.docker(&["network", "rm", "stack-1", "stack-2"])?;
    town.expect_series(USED, Some("2"), EVENT)?;
    let (_, gone) = town.expect(&[], EVENT)?;
    told("the operator's pools run out", found, gone);
    Ok(())
}

#[test]
fn dockers_own_pools_run_out_where_they_are_counted_to() -> Result<()> {
    let town = town("{}")?;
    town.expect_series(CAPACITY, Some("31"), EVENT)?;
    town.expect_series(USED, Some("1"), EVENT)?;
    let mut created = 0;
    while create(&town, created + 1)? {
        created += 1;
        assert!(created < 40, "there is no end to them");
    }
    assert_eq!(created, 30, "and docker0");
    town.expect_series(USED, Some("31"), EVENT)?;
    town.expect(&["address-pools-exhausted engine"], EVENT)?;
    Ok(())
}
