//! From what was seen to whether each bound held. Pure: values in, rows out.

mod growth;
mod outages;

use std::collections::BTreeSet;
use std::time::Duration;

use super::evidence::{Calm, Evidence};

/// Two scrapes are never further apart: Prometheus' own interval is a second.
const SCRAPES_APART: f64 = 3.0;
/// What the Engine has is what is told within this time of the last deployment.
const AGREED: Duration = Duration::from_secs(2);
/// Well again after the Engine is back.
const RECOVERY: Duration = Duration::from_secs(5);

/// One bound, and how it was kept.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is promised.
    pub what: String,
    /// The bound.
    pub bound: String,
    /// What was seen.
    pub figure: String,
    /// Whether it held.
    pub holds: bool,
    /// Each case in which it did not.
    pub details: Vec<String>,
}

fn row(what: &str, bound: &str, figure: String, details: Vec<String>) -> Row {
    Row { what: what.into(), bound: bound.into(), figure, holds: details.is_empty(), details }
}

/// Every bound.
pub fn judge(evidence: &Evidence) -> Vec<Row> {
    let mut rows =
        vec![scrapes(evidence), anchor(evidence), counters(evidence), twice(evidence), readers(evidence)];
    rows.push(stale(&evidence.calms));
    rows.extend(growth::growth(&evidence.calms, &evidence.samples));
    rows.extend(outages::recovery(&evidence.outages));
    rows.extend([outages::told(&evidence.outages), alarms(evidence), log(&evidence.log)]);
    rows
}

fn scrapes(evidence: &Evidence) -> Row {
    let scrapes = &evidence.scrapes;
    let failed: Vec<f64> = scrapes.at.iter().filter(|(_, good)| !good).map(|(at, _)| *at).collect();
    let apart = scrapes.at.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
    let mut details: Vec<String> = failed.iter().map(|at| format!("a scrape failed at {at:.1}")).collect();
    if scrapes.at.len() < 2 || apart > SCRAPES_APART {
        details.push(format!("{} scrapes, up to {apart:.1} s apart", scrapes.at.len()));
    }
    row(
        "a Prometheus that scrapes every second",
        "`up` is 1 all the time",
        format!(
            "{} scrapes, {} failed; at most {apart:.1} s apart; the slowest took {:.0} ms",
            scrapes.at.len(),
            failed.len(),
            scrapes.slowest * 1000.0
        ),
        details,
    )
}

fn anchor(evidence: &Evidence) -> Row {
    let what = "series of a workload that nobody touches";
    let bound = "a sample of every scrape";
    match &evidence.anchor {
        Some(anchor) if anchor.series > 0 && anchor.scrapes > 0 => row(
            what,
            bound,
            format!(
                "{} series, {} scrapes; {} with a gap",
                anchor.series,
                anchor.scrapes,
                anchor.incomplete.len()
            ),
            anchor.incomplete.clone(),
        ),
        _ => row(what, bound, "not seen".into(), vec!["not seen".into()]),
    }
}

fn counters(evidence: &Evidence) -> Row {
    let anchor = evidence.anchor.clone().unwrap_or_default();
    let mut details = anchor.backwards.clone();
    if anchor.counters == 0 {
        details.push("not seen".into());
    }
    row(
        "its counters",
        "never fall",
        format!("{} counters, {} fell", anchor.counters, anchor.backwards.len()),
        details,
    )
}

fn twice(evidence: &Evidence) -> Row {
    let refused: Vec<String> = evidence
        .refused
        .iter()
        .filter(|(_, count)| **count > 0.0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let figure = format!(
        "{} pages, {} series twice; {} samples refused by Prometheus",
        evidence.read.pages,
        evidence.read.twice.len(),
        evidence.refused.values().sum::<f64>()
    );
    let mut details = [evidence.read.twice.clone(), refused].concat();
    if evidence.read.pages == 0 || evidence.refused.is_empty() {
        details.push("not seen".into());
    }
    row("a series is on a page once", "no duplicates", figure, details)
}

fn readers(evidence: &Evidence) -> Row {
    let read = &evidence.read;
    let mut details = read.failed.clone();
    if read.pages == 0 || read.reports == 0 || read.broken_off == 0 {
        details.push("not every kind of reader was there".into());
    }
    row(
        "readers beside it, two at once, and some that stop half-way",
        "every request is answered",
        format!(
            "{} pages, {} reports, {} broken off; {} unanswered; the slowest took {:.0} ms",
            read.pages,
            read.reports,
            read.broken_off,
            read.failed.len(),
            read.slowest.as_secs_f64() * 1000.0
        ),
        details,
    )
}

fn stale(calms: &[Calm]) -> Row {
    let mut details = Vec::new();
    for calm in calms {
        match calm.agreed_after {
            Some(after) if after <= AGREED => {}
            Some(after) => details.push(format!("at {:.0} it took {after:?}", calm.from)),
            None => details.extend(calm.differences.iter().map(|d| format!("at {:.0}: {d}", calm.from))),
        }
    }
    if calms.is_empty() {
        details.push("not seen".into());
    }
    let slowest = calms.iter().filter_map(|calm| calm.agreed_after).max().unwrap_or_default();
    row(
        "what is told is what the Engine has: nothing missing, nothing left of what was removed",
        &format!("within {} s", AGREED.as_secs()),
        format!("{} comparisons; the slowest agreed after {:.1} s", calms.len(), slowest.as_secs_f64()),
        details,
    )
}

/// Findings above `info` about the anchor, the host or the exporter.
fn alarms(evidence: &Evidence) -> Row {
    let ill = |at: f64| {
        let within = RECOVERY.as_secs_f64();
        evidence.outages.iter().any(|outage| at >= outage.began && at <= outage.back + within)
    };
    let (mut details, mut meanwhile) = (Vec::new(), BTreeSet::new());
    for (finding, moments) in &evidence.findings {
        // That the Engine is away is the one thing to tell then.
        let excuse = |at: &&f64| finding.starts_with("exporter-blind ") && ill(**at);
        let (excused, wrong): (Vec<f64>, Vec<f64>) = moments.iter().partition(excuse);
        if let Some(first) = wrong.first() {
            details.push(format!("{finding}: {} scrapes, the first at {first:.1}", wrong.len()));
        }
        if !excused.is_empty() {
            meanwhile.insert(finding.as_str());
        }
    }
    let meanwhile = meanwhile.into_iter().collect::<Vec<_>>().join(", ");
    row(
        "findings (page, ticket) about that workload, the host or the exporter",
        "none but `exporter-blind` while the Engine is away",
        format!(
            "{} others; while the Engine was away: {}",
            details.len(),
            if meanwhile.is_empty() { "none" } else { &meanwhile }
        ),
        details,
    )
}

/// A panic, or an error that is none of the Engine's absence.
fn log(log: &str) -> Row {
    let wrong = |line: &&str| line.contains("panicked") || line.contains("level=error");
    let warned = |line: &&str| line.contains("level=warn") && !line.contains("the Engine does not answer");
    let lines = log.lines().filter(|line| wrong(line) || warned(line));
    let mut details: Vec<String> = lines.map(str::to_owned).collect();
    let figure = format!("{} lines, {} of them such", log.lines().count(), details.len());
    if !log.contains("level=") {
        details.push("not seen".into());
    }
    row("the exporter's log", "no panic, no error, no warning but the Engine's absence", figure, details)
}

#[cfg(test)]
mod tests;
