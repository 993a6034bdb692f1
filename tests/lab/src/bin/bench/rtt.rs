//! How right a published round-trip time is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};
use serde_json::Value;

use crate::capture::{Capture, Echo};
use crate::exporter::Exporter;
use crate::page::Row;
use crate::rivals::{self, Kind};
use crate::town::Town;
use crate::{Options, say};

const GOAL: Duration = Duration::from_micros(100);
/// Containers whose interface is listened to.
const LISTENED: usize = 5;

/// A published probe: source, target, when it ended, how long it took.
type Published = BTreeMap<(String, String, String), Duration>;

pub fn measure(town: &Town, options: &Options) -> Result<Row> {
    say("published round-trip times against the kernel's");
    let exporter = Exporter::serve(town, &options.exporter, &rivals::config(Kind::Icmp))?;
    let addresses: BTreeMap<&str, Ipv4Addr> =
        town.containers.iter().filter_map(|c| Some((c.name.as_str(), c.address.parse().ok()?))).collect();
    let sources = town.containers.get(..LISTENED).unwrap_or(&town.containers);
    let captures: Vec<_> =
        sources.iter().map(|source| Ok((source, Capture::start(town, source)?))).collect::<Result<_>>()?;
    let mut published = Published::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(options.seconds(30)) {
        read(&exporter.get("/diagnostics")?, &mut published)?;
        sleep(Duration::from_millis(300));
    }
    sleep(Duration::from_secs(1));
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (source, capture) in captures {
        let echoes = capture.end(source.address.parse().map_err(|_| Error::new("no IPv4 address"))?)?;
        for ((_, target, at), took) in published.iter().filter(|((from, ..), _)| *from == source.name) {
            let Some(to) = addresses.get(target.as_str()) else { continue };
            if let Some(echo) = behind(&echoes, *to, since_epoch(at)?) {
                seen.insert((source.name.clone(), target.clone()));
                errors.push(took.abs_diff(echo.came.saturating_sub(echo.left)));
            }
        }
    }
    if errors.len() < 100 {
        return Err(Error::new(format!("only {} round-trip times were matched", errors.len())));
    }
    errors.sort_unstable();
    let quantile = |part: usize| errors.get(errors.len() * part / 100).copied().unwrap_or_default();
    let (median, p99) = (quantile(50), quantile(99));
    let micros = |d: Duration| d.as_secs_f64() * 1e6;
    Ok(Row {
        work: "own error of a published RTT against the kernel's timestamps, p99".to_owned(),
        goal: "≤ 100 µs".to_owned(),
        figure: format!(
            "**{:.0} µs** (median {:.1} µs; {} RTTs of {} pairs)",
            micros(p99),
            micros(median),
            errors.len(),
            seen.len()
        ),
        holds: p99 <= GOAL,
    })
}

/// The echo that a probe which ended at `at` is about: the last one that was answered before. `at` is
/// published in milliseconds, cut off.
fn behind(echoes: &[Echo], to: Ipv4Addr, at: Duration) -> Option<&Echo> {
    let until = at + Duration::from_millis(1);
    let echo = echoes.iter().rev().find(|echo| echo.to == to && echo.came < until)?;
    // An echo of the round before: this one left before the capture began.
    (until.saturating_sub(echo.came) < Duration::from_millis(500)).then_some(echo)
}

fn read(report: &str, into: &mut Published) -> Result<()> {
    let report: Value = serde_json::from_str(report).map_err(|e| Error::new(format!("the report: {e}")))?;
    let probes = report["destinations"][0]["probes"].as_array();
    for probe in probes.ok_or_else(|| Error::new("the report has no probes"))? {
        let word = |name: &str| probe[name].as_str().map(str::to_owned);
        if let (Some("icmp"), Some(source), Some(target), Some(at), Some(took)) = (
            probe["probe"].as_str(),
            word("source"),
            word("target"),
            word("at"),
            probe["duration_seconds"].as_f64(),
        ) {
            into.insert((source, target, at), Duration::from_secs_f64(took));
        }
    }
    Ok(())
}

/// Of a time of today, as the report writes it; the days are `date`'s to count.
fn since_epoch(at: &str) -> Result<Duration> {
    let odd = || Error::new(format!("an odd time: {at}"));
    let (day, time) = at.split_once('T').ok_or_else(odd)?;
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<u64>().ok()).ok_or_else(odd);
    let mut parts = day.split('-');
    let (year, month, date) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
    let mut parts = time.trim_end_matches('Z').split([':', '.']);
    let (hour, minute, second) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
    let millis = number(parts.next())?;
    // Days from the civil calendar: years begin in March, so that the leap day is the last of one.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + date - 1 - 719_468;
    Ok(Duration::from_millis(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis))
}
