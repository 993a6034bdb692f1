//! A sweep of every container's traffic: the kernel's counters against the Engine's statistics.

use std::process::Stdio;
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
probes: {dns: {enabled: false}, icmp: {enabled: false}, tcp: {enabled: false}, http: {enabled: false}, path_mtu: {enabled: false}}
";

/// CPU of one sweep.
#[derive(Clone, Copy, Debug)]
struct Cost {
    exporter: Duration,
    engine: Duration,
}

pub fn measure(town: &Town, options: &Options) -> Result<Row> {
    let reading = reading(town, options)?;
    let (kernel, statistics) = (cost(town, options, "kernel")?, cost(town, options, "engine")?);
    // What both runs have in common (looks for listeners, signs of life) is no part of asking the Engine.
    let exporter = statistics.exporter.saturating_sub(kernel.exporter);
    let engine = statistics.engine.saturating_sub(kernel.engine);
    let ratio = (exporter + engine).as_secs_f64() / reading.as_secs_f64();
    let milliseconds = |cost: Duration| cost.as_secs_f64() * 1e3;
    let containers = town.containers.len();
    Ok(Row {
        work: format!(
            "traffic of {containers} containers, CPU of a sweep: the Engine's statistics against the kernel's counters"
        ),
        goal: format!("≥ {GOAL}×"),
        figure: format!(
            "**{ratio:.0}×**: {:.0} ms ({:.0} ms of them the Engine's) against {:.1} ms",
            milliseconds(exporter + engine),
            milliseconds(engine),
            milliseconds(reading)
        ),
        holds: ratio >= GOAL,
    })
}

/// The exporter's own code, on its own: beside everything else that a look reads it would be lost.
fn reading(town: &Town, options: &Options) -> Result<Duration> {
    let sweep = options.example("sweep");
    let folder = town.lab.namespaces();
    let namespaces = town.lab.exec_on_host(&["ls", &folder.display().to_string()])?;
    let mut command = town.lab.on_host(&sweep.display().to_string());
    command.args(namespaces.lines().filter(|name| *name != "default").map(|name| folder.join(name)));
    if namespaces.lines().count() < town.containers.len() {
        return Err(Error::new(format!("fewer namespaces than containers: {namespaces}")));
    }
    let said = lab::run(command.stdin(Stdio::null()))?;
    let seconds = said.parse().map_err(|_| Error::new(format!("the sweep said {said:?}")))?;
    Ok(Duration::from_secs_f64(seconds))
}

fn cost(town: &Town, options: &Options, source: &str) -> Result<Cost> {
    say(&format!("traffic, counted by the {source}"));
    let config = format!("{CONFIG}traffic: {{source: {source}}}\n");
    let exporter = Exporter::serve(town, &options.exporter, &config)?;
    sleep(SWEEP + Duration::from_secs(5));
    let before = (exporter.process.cpu()?, engine(town)?);
    let sweeps = u32::try_from(options.seconds(120).div_ceil(SWEEP.as_secs())).unwrap_or(1);
    sleep(SWEEP * sweeps);
    let own = exporter.process.cpu()?.since(before.0);
    let engine = engine(town)?.saturating_sub(before.1);
    let page = exporter.get("/metrics")?;
    let told =
        page.lines().filter(|line| line.starts_with("destination_container_network_receive_bytes_total{"));
    let by_source = format!("destination_traffic_source{{source=\"{source}\"}} 1");
    if told.count() != town.containers.len() || !page.contains(&by_source) {
        return Err(Error::new(format!("the {source} did not tell of everyone:\n{page}")));
    }
    Ok(Cost { exporter: own / sweeps, engine: engine / sweeps })
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
