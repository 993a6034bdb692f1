//! What it costs to walk two hundred routes, and how long a walk takes.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::exporter::Exporter;
use crate::page::Row;
use crate::street::{ROUTES, Street};
use crate::told::{Question, questions, report};
use crate::{Options, say};

/// Percent of a core.
const CPU_GOAL: f64 = 3.0;
const MEMORY_GOAL_MB: f64 = 6.0;
const WALK_GOAL_MS: f64 = 5.0;
/// As Prometheus asks, and as often as a route is walked.
const INTERVAL: Duration = Duration::from_secs(15);

/// What watching costs.
struct Cost {
    /// Percent of a core.
    cpu: f64,
    megabytes: f64,
    /// Walks of routes, each leg of the way counted.
    rate: f64,
}

pub fn measure(street: &Street, options: &Options) -> Result<Vec<Row>> {
    say("the cost of watching, with every default but the routes");
    let off = "probes: {route: {enabled: false}, proxy: {enabled: false}}\n";
    let without = cost(street, &serve(street, options, off)?, options, false)?;
    say("the cost of watching, with every default");
    let exporter = serve(street, options, "")?;
    street.wait_well(&exporter)?;
    let with = cost(street, &exporter, options, true)?;
    say("how long a walk takes");
    let walks = durations(&exporter, options)?;
    street.wait_well(&exporter)?;
    drop(exporter);
    let (cpu, memory) = (with.cpu - without.cpu, with.megabytes - without.megabytes);
    Ok(vec![
        Row {
            work: format!(
                "walking {ROUTES} routes every 15 s, half of them with TLS: CPU, more than without"
            ),
            goal: format!("≤ {CPU_GOAL} % of a core"),
            figure: format!(
                "**{cpu:.2} %**: {:.2} against {:.2} ({:.0} walks a second, a scrape every 15 s)",
                with.cpu, without.cpu, with.rate
            ),
            holds: cpu <= CPU_GOAL,
        },
        Row {
            work: "the same: resident memory, more than without".to_owned(),
            goal: format!("≤ {MEMORY_GOAL_MB} MB"),
            figure: format!("**{memory:+.1} MB**: {:.1} against {:.1}", with.megabytes, without.megabytes),
            holds: memory <= MEMORY_GOAL_MB,
        },
        of_walks(&walks)?,
    ])
}

fn serve<'a>(street: &'a Street, options: &Options, settings: &str) -> Result<Exporter<'a>> {
    Exporter::serve(&street.town, &options.exporter, &(street.settings() + settings))
}

/// CPU over two minutes after the first rounds, and memory at their end.
fn cost(street: &Street, exporter: &Exporter<'_>, options: &Options, walks: bool) -> Result<Cost> {
    // The first listing after the one at the start has come and gone.
    sleep(Duration::from_secs(options.seconds(40)));
    let legs = || if walks { Ok(exporter.count("route")?.attempts) } else { Ok(0.0) };
    let before = legs()?;
    let (used, began) = (exporter.process.cpu()?, Instant::now());
    let window = Duration::from_secs(options.seconds(120));
    while began.elapsed() < window {
        sleep(INTERVAL.min(window.saturating_sub(began.elapsed())));
        exporter.get("/metrics")?;
    }
    let (cpu, elapsed) = (exporter.process.cpu()?.since(used), began.elapsed().as_secs_f64());
    let megabytes = exporter.process.status_megabytes("VmRSS")?;
    let rate = (legs()? - before) / elapsed;
    if walks {
        street.wait_well(exporter)?;
    }
    Ok(Cost { cpu: 100.0 * cpu.as_secs_f64() / elapsed, megabytes, rate })
}

/// How long each walk through an https door took, in milliseconds, in a few reports an interval apart. A walk that is in
/// two of them counts once.
fn durations(exporter: &Exporter<'_>, options: &Options) -> Result<Vec<f64>> {
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    let mut all = Vec::new();
    for _ in 0..options.seconds(75) / INTERVAL.as_secs() + 1 {
        for walk in questions(&report(exporter)?, "")?.into_iter().filter(Question::is_https) {
            let Some(seconds) = walk.seconds else { continue };
            if last.insert(walk.domain, seconds) != Some(seconds) {
                all.push(seconds * 1e3);
            }
        }
        sleep(INTERVAL);
    }
    all.sort_by(f64::total_cmp);
    Ok(all)
}

fn of_walks(sorted: &[f64]) -> Result<Row> {
    let at = |share: f64| sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len() - 1));
    let (Some(median), Some(p99)) = (at(0.5), at(0.99)) else {
        return Err(Error::new("no walk was measured"));
    };
    Ok(Row {
        work: "one walk through an https door, all phases, p99".to_owned(),
        goal: format!("≤ {WALK_GOAL_MS} ms"),
        figure: format!("**{p99:.2} ms** (median {median:.2} ms; {} walks)", sorted.len()),
        holds: *p99 <= WALK_GOAL_MS,
    })
}
