//! A sweep of every container's traffic: the kernel's counters against the Engine's statistics.

use std::thread::sleep;
use std::time::Duration;

use lab::{Error, Result};

use crate::exporter::Exporter;
use crate::page::Row;
use crate::town::Town;
use crate::{Options, say};

const GOAL: f64 = 50.0;
/// The exporter sweeps this often.
const SWEEP: Duration = Duration::from_secs(15);
/// Nothing but sweeps, signs of life and what is made of them.
const CONFIG: &str = "docker: {refresh_interval: 1h}
probes: {dns: {enabled: false}, icmp: {enabled: false}, tcp: {enabled: false}, http: {enabled: false}}
";

/// CPU of one sweep.
#[derive(Clone, Copy)]
struct Cost {
    /// The thread that enters namespaces, and reads there.
    hopper: Duration,
    exporter: Duration,
    engine: Duration,
}

pub fn measure(town: &Town, options: &Options) -> Result<Row> {
    let kernel = cost(town, options, "kernel")?;
    let statistics = cost(town, options, "engine")?;
    // Both runs enter every namespace and look for listeners there. Each side is charged for what it does besides.
    let reading = kernel.hopper.saturating_sub(statistics.hopper);
    let all = |cost: Cost| cost.exporter + cost.engine;
    let asking = (all(statistics) + reading).saturating_sub(all(kernel));
    let ratio = asking.as_secs_f64() / reading.as_secs_f64();
    let milliseconds = |cost: Duration| cost.as_secs_f64() * 1e3;
    let containers = town.containers.len();
    Ok(Row {
        work: format!(
            "traffic of {containers} containers, CPU of a sweep: the Engine's statistics against the kernel's counters"
        ),
        goal: format!("≥ {GOAL}×"),
        figure: format!(
            "**{ratio:.0}×**: {:.0} ms ({:.0} ms of them the Engine's) against {:.1} ms",
            milliseconds(asking),
            milliseconds(statistics.engine.saturating_sub(kernel.engine)),
            milliseconds(reading)
        ),
        holds: ratio >= GOAL,
    })
}

fn cost(town: &Town, options: &Options, source: &str) -> Result<Cost> {
    say(&format!("traffic, counted by the {source}"));
    let config = format!("{CONFIG}traffic: {{source: {source}}}\n");
    let exporter = Exporter::serve(town, &options.exporter, &config)?;
    sleep(SWEEP + Duration::from_secs(5));
    let now = || -> Result<[Duration; 3]> {
        let process = &exporter.process;
        Ok([process.run_time(Some("hopper"))?, process.run_time(None)?, engine(town)?])
    };
    let before = now()?;
    let sweeps = u32::try_from(options.seconds(120).div_ceil(SWEEP.as_secs())).unwrap_or(1);
    sleep(SWEEP * sweeps);
    let after = now()?;
    let page = exporter.get("/metrics")?;
    let told =
        page.lines().filter(|line| line.starts_with("destination_container_network_receive_bytes_total{"));
    let by_source = format!("destination_traffic_source{{source=\"{source}\"}} 1");
    if told.count() != town.containers.len() || !page.contains(&by_source) {
        return Err(Error::new(format!("the {source} did not tell of everyone:\n{page}")));
    }
    let sweep = |at: usize| after[at].saturating_sub(before[at]) / sweeps;
    Ok(Cost { hopper: sweep(0), exporter: sweep(1), engine: sweep(2) })
}

/// What the Engine's processes used so far: `dockerd`, `containerd` and the containers' shims.
fn engine(town: &Town) -> Result<Duration> {
    let all = town.lab.exec_on_host(&["sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null || true"])?;
    let ticks: u64 = all
        .lines()
        .filter(|line| line.contains("(dockerd)") || line.contains("(containerd"))
        .filter_map(|line| {
            let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
            Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
        })
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}
