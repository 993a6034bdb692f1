//! What it costs to watch a full server, hour by hour.

use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::exporter::Exporter;
use crate::page::Row;
use crate::town::Town;
use crate::{Options, say};

const CPU_GOAL: f64 = 2.0;
const MEMORY_GOAL_MB: f64 = 24.0;
/// As Prometheus asks.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

pub fn measure(town: &Town, options: &Options) -> Result<Vec<Row>> {
    say("the cost of watching them, with every default");
    let exporter = Exporter::serve(town, &options.exporter, "{}\n")?;
    // The first listing after the one at the start has come and gone.
    sleep(Duration::from_secs(options.seconds(40)));
    let runs = |exporter: &Exporter<'_>| -> Result<f64> {
        ["dns", "icmp", "tcp", "http"].iter().map(|kind| Ok(exporter.count(kind)?.attempts)).sum()
    };
    let before = runs(&exporter)?;
    let (used, began) = (exporter.process.cpu()?, Instant::now());
    let window = Duration::from_secs(options.seconds(120));
    while began.elapsed() < window {
        sleep(SCRAPE_INTERVAL.min(window.saturating_sub(began.elapsed())));
        exporter.get("/metrics")?;
    }
    let (cpu, elapsed) = (exporter.process.cpu()?.since(used), began.elapsed());
    let rate = (runs(&exporter)? - before) / elapsed.as_secs_f64();
    let report: serde_json::Value = serde_json::from_str(&exporter.get("/diagnostics")?)
        .map_err(|e| Error::new(format!("the report: {e}")))?;
    if report["status"] != "healthy" {
        return Err(Error::new(format!("a healthy lab was called {}", report["status"])));
    }
    let share = 100.0 * cpu.as_secs_f64() / elapsed.as_secs_f64();
    let megabytes = |name| exporter.process.status_megabytes(name);
    let (resident, peak) = (megabytes("VmRSS")?, megabytes("VmHWM")?);
    Ok(vec![
        Row {
            work: "100 containers in 10 destinations, all probes every 15 s: CPU".to_owned(),
            goal: format!("≤ {CPU_GOAL} % of a core"),
            figure: format!(
                "**{share:.2} %** over {:.0} s ({rate:.0} probes a second, a scrape every 15 s)",
                elapsed.as_secs_f64()
            ),
            holds: share <= CPU_GOAL,
        },
        Row {
            work: "the same: resident memory".to_owned(),
            goal: format!("≤ {MEMORY_GOAL_MB} MB"),
            figure: format!("**{resident:.1} MB** (most so far {peak:.1} MB)"),
            holds: resident <= MEMORY_GOAL_MB,
        },
    ])
}
