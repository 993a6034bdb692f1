//! The Engine goes, is missed, and comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::evidence::Outage;
use super::{RECOVERY, Row, row};

/// Told when it is away for longer: it is asked every 3 s and given 5, and that must stand for 0.75 s.
const TOLD: f64 = 10.0;

/// One row for each thing that befell the Engine.
pub fn recovery(outages: &[Outage]) -> Vec<Row> {
    let kinds: BTreeSet<&str> = outages.iter().map(|outage| outage.how).collect();
    if kinds.is_empty() {
        return vec![row("the Engine is back", "seen", "not seen".into(), vec!["not seen".into()])];
    }
    kinds.into_iter().map(|kind| recovery_from(kind, outages)).collect()
}

fn recovery_from(kind: &str, outages: &[Outage]) -> Row {
    let of_kind: Vec<&Outage> = outages.iter().filter(|outage| outage.how == kind).collect();
    let late = |outage: &&&Outage| outage.recovery().is_none_or(|after| after > RECOVERY);
    let late = of_kind.iter().filter(late);
    let details =
        late.map(|outage| format!("at {:.0}: up {:?}, seen {:?}", outage.back, outage.up, outage.seen));
    let mut took: Vec<Duration> = of_kind.iter().filter_map(|outage| outage.recovery()).collect();
    took.sort_unstable();
    let seconds = |at: Option<&Duration>| at.map_or(f64::NAN, Duration::as_secs_f64);
    let noticed = of_kind.iter().filter(|outage| outage.told.is_some()).count();
    row(
        &format!("Engine: {kind}; well again, and a container started then is shown"),
        &format!("≤ {} s after it answers", RECOVERY.as_secs()),
        format!(
            "{} times, {noticed} of them noticed: median {:.2} s, worst {:.2} s",
            of_kind.len(),
            seconds(took.get(took.len() / 2)),
            seconds(took.last())
        ),
        details.collect(),
    )
}

/// An Engine that is away for long is told to be.
pub fn told(outages: &[Outage]) -> Row {
    let long: Vec<&Outage> = outages.iter().filter(|outage| outage.back - outage.began > TOLD).collect();
    let late = long.iter().filter(|outage| outage.told.is_none_or(|told| told > TOLD));
    let mut details: Vec<String> = late.map(|outage| format!("at {:.0}: {outage}", outage.began)).collect();
    if long.is_empty() {
        details.push("not seen".into());
    }
    let mut told: Vec<f64> = long.iter().filter_map(|outage| outage.told).collect();
    told.sort_by(f64::total_cmp);
    row(
        "an Engine that is away for longer is told (`exporter-blind`, `destination_exporter_docker_up` 0)",
        &format!("within {TOLD:.0} s"),
        format!(
            "{} times: median {:.1} s, worst {:.1} s",
            long.len(),
            told.get(told.len() / 2).copied().unwrap_or(f64::NAN),
            told.last().copied().unwrap_or(f64::NAN)
        ),
        details,
    )
}
