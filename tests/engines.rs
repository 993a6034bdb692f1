//! The same host on every Engine that is supported: what the exporter sees of it, measures from inside it, counts of
//! its traffic and finds in it may not depend on who answers.
//!
//! Docker 20.10 and 26.1 each time; `make test-matrix` runs the others too. docs/engines.md tells what differs.

#[path = "traffic/counted.rs"]
mod counted;
#[path = "engines/faults.rs"]
mod faults;
#[path = "engines/page.rs"]
mod page;
#[path = "engines/sight.rs"]
mod sight;
#[path = "engines/town.rs"]
mod town;
#[path = "engines/transfer.rs"]
mod transfer;

use std::path::Path;
use std::time::Instant;

use lab::{Engine, Result};

use town::Town;

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// Who answers in a lab with this Engine is of this version: `20.10` of `20.10.24+dfsg1`. All that is to be seen.
fn everything(engine: Engine, version: &str) -> Result<()> {
    let began = Instant::now();
    let engine_is_podman = engine.is_podman();
    let town = Town::build(engine)?;
    let mut exporter = town.exporter("{}\n")?;
    exporter.wait_ready()?;
    let report = exporter.report()?;
    let who = &report["exporter"]["engine"];
    println!("{} with API {}", who["version"], who["api_version"]);
    assert!(who["version"].as_str().is_some_and(|it| it.starts_with(version)), "{who} and not {version}");

    sight::nothing_is_wrong(&exporter)?;
    sight::what_there_is(&town, &exporter)?;
    sight::from_every_vantage(&exporter)?;
    faults::a_stop(&town, &exporter)?;
    faults::a_detachment(&town, &exporter)?;
    // Podman has rules of its own, which are not judged.
    if !engine_is_podman {
        faults::a_flush(&town, &exporter)?;
    }
    drop(exporter);

    transfer::by_kernel(&town)?;
    transfer::by_engine(&town)?;
    println!("{} s in all", began.elapsed().as_secs());
    Ok(())
}

/// The machine's own where that is it: who develops on Debian 12 fetches one less.
#[test]
fn docker_20_10() -> Result<()> {
    let here = Engine::version_of_machine()?.starts_with("Docker version 20.10.");
    let engine = if here { Engine::of_machine() } else { Engine::docker_of(Path::new(PROJECT), "bookworm")? };
    everything(engine, "20.10.")
}

#[test]
fn docker_26_1() -> Result<()> {
    everything(Engine::docker_of(Path::new(PROJECT), "trixie")?, "26.1.")
}

/// Debian's newest, which moves on.
#[test]
#[ignore = "make test-matrix runs it"]
fn docker_of_sid() -> Result<()> {
    everything(Engine::docker_of(Path::new(PROJECT), "sid")?, "")
}

#[test]
#[ignore = "make test-matrix runs it"]
fn podman_5_4() -> Result<()> {
    everything(Engine::podman_of(Path::new(PROJECT), "trixie")?, "5.4.")
}
