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

/// Every Engine of Docker's has its own chains; that nothing leads to them any more is known of each.
pub fn a_flush(town: &Town, exporter: &Exporter) -> Result<()> {
    let run = |command: &str| town.lab.exec_on_host(&["sh", "-c", command]);
    let rules = town.lab.folder().join("rules").display().to_string();
    println!("{}", run("iptables -S FORWARD; iptables -S DOCKER-FORWARD 2>/dev/null || true")?);
    let missing = "page host-firewall-chains-missing host";
    run(&format!("iptables-save > '{rules}' && iptables -F FORWARD && iptables -t nat -F PREROUTING"))?;
    let found = found(exporter, missing, true)?;
    run(&format!("iptables-restore < '{rules}'"))?;
    let gone = self::found(exporter, missing, false)?;
    println!("a flush: found after {} ms, gone after {} ms", found.as_millis(), gone.as_millis());
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
