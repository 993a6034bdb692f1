//! The soak, in its shortest form: everything happens at least once, and every promise holds.
//!
//! What it is for is the half hour of `make soak`; this one is here so that it cannot rot.

use std::path::Path;
use std::time::Duration;

use lab::{Result, soak};

#[test]
fn a_minute_of_all_that_happens_to_a_host() -> Result<()> {
    let options = soak::Options {
        exporter: Path::new(env!("CARGO_BIN_EXE_destination-exporter")).to_owned(),
        length: Duration::from_secs(60),
        page: None,
    };
    let rows = soak::run(&options)?;
    let missed: Vec<&soak::Row> = rows.iter().filter(|row| !row.holds).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    Ok(())
}
