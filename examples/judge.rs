//! For `make bench`: judges a host of 1,000 containers on 20 destinations, half of them behind a proxy, again and again:
//! while all is well, and while one destination's containers are reached by nobody. Prints the median of each in seconds.

mod host;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use destination_exporter::diagnosis::{Ledger, judge};
use destination_exporter::state::Snapshot;

const DESTINATIONS: usize = 20;
const CONTAINERS: usize = 50;
const TIMES: usize = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = SystemTime::now();
    let well = host::snapshot(DESTINATIONS, CONTAINERS, now, false);
    let routes = well.inventory.as_ref().map_or(0, |inventory| inventory.routes.served.len());
    if routes != DESTINATIONS * CONTAINERS / 2 {
        return Err(format!("{routes} routes").into());
    }
    let sick = host::snapshot(DESTINATIONS, CONTAINERS, now, true);
    println!("{:.6} {:.6}", median(&well, now, 0)?, median(&sick, now, CONTAINERS)?);
    Ok(())
}

/// Of a ledger that has known the picture for a while.
fn median(snapshot: &Snapshot, now: SystemTime, findings: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let mut ledger = Ledger::default();
    let mut took = Vec::new();
    for time in 0..TIMES {
        let at = now + Duration::from_secs(time as u64);
        let snapshot = Arc::new(Snapshot { at, ..snapshot.clone() });
        let began = Instant::now();
        let verdict = judge(snapshot, &mut ledger);
        took.push(began.elapsed().as_secs_f64());
        if time == TIMES - 1 && verdict.findings.len() != findings {
            let told: Vec<_> = verdict.findings.iter().take(3).map(|finding| &finding.summary).collect();
            return Err(format!("{} findings and not {findings}: {told:?}", verdict.findings.len()).into());
        }
    }
    took.sort_by(f64::total_cmp);
    Ok(took[TIMES / 2])
}
