//! What the Engine's events tell is found at once, and goes when it is repaired.

use std::time::Duration;

use lab::{Exporter, Result};

use crate::page::{holds, until};
use crate::sight::findings;
use crate::town::{ON_BLOG, Town};

pub fn a_stop(town: &Town, exporter: &Exporter) -> Result<()> {
    town.lab.docker(&["stop", "-t", "0", "web"])?;
    let found = found(exporter, "ticket container-unreachable web", true)?;
    town.lab.docker(&["start", "web"])?;
    let gone = self::found(exporter, "ticket container-unreachable web", false)?;
    println!("a stop: found after {} ms, gone after {} ms", found.as_millis(), gone.as_millis());
    Ok(())
}

pub fn a_detachment(town: &Town, exporter: &Exporter) -> Result<()> {
    town.lab.docker(&["network", "disconnect", "blog", "api"])?;
    let found = found(exporter, "info isolation-shared-container api", false)?;
    town.lab.docker(&["network", "connect", "--ip", ON_BLOG, "blog", "api"])?;
    let back = self::found(exporter, "info isolation-shared-container api", true)?;
    println!("off a network: seen after {} ms, back after {} ms", found.as_millis(), back.as_millis());
    Ok(())
}

/// How long it takes until the finding is there, or is not; nothing else above `info` may be found.
fn found(exporter: &Exporter, finding: &str, wanted: bool) -> Result<Duration> {
    let look = || {
        let (all, _) = findings(&exporter.report()?);
        let strangers: Vec<_> =
            all.iter().filter(|other| *other != finding && !other.starts_with("info ")).collect();
        assert!(strangers.is_empty(), "found meanwhile: {strangers:?}\n{}", exporter.log());
        holds(all.contains(finding) == wanted, || format!("found {all:?}\n{}", exporter.log()))
    };
    until(&format!("{finding}: {wanted}"), look).map(|((), took)| took)
}
