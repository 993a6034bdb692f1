//! `make soak`: an exporter on a host where everything happens, for as long as one likes, and a verdict on it.
//!
//! People deploy without a break, networks come and go, containers crash in a loop, and the Engine freezes, ends and
//! comes again. A real Prometheus scrapes the exporter every second. One workload, the anchor, is left alone all
//! the time: of it nothing may ever be missing. What was seen is gathered as plain values, and
//! [`judge`](fn@judge::judge) says of each bound whether it held.
//!
//! What must never happen here: a bound that holds because nothing was seen.

mod calm;
mod churn;
mod evidence;
mod gate;
mod judge;
mod mischief;
mod page;
mod prometheus;
mod reader;
mod series;
mod table;
mod timeline;
mod town;
mod watch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::exporter::ADDRESS;
use crate::{Error, Exporter, Result, figures};

use churn::Churn;
use evidence::Evidence;
use gate::Gate;
use mischief::Mischief;
use reader::Reader;
use timeline::{Act, timeline};
use town::Town;
use watch::Watch;

pub use judge::Row;
pub use prometheus::{Prometheus, Series};

/// A line of progress is written this often.
const PROGRESS: Duration = Duration::from_secs(30);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The exporter's binary.
    pub exporter: PathBuf,
    /// How long it lasts: at least a minute holds everything once.
    pub length: Duration,
    /// The page whose figures are written anew.
    pub page: Option<PathBuf>,
}

/// Lasts as long as it was told to; gives one row for each bound.
///
/// # Errors
/// When the soak itself could not go on. A bound that does not hold is no error but a row that says so.
pub fn run(options: &Options) -> Result<Vec<Row>> {
    let town = Town::build()?;
    let mut exporter = Exporter::serve(&town.lab, &options.exporter, "{}\n", &[])?;
    exporter.wait_ready()?;
    let prometheus = Prometheus::start(&town.lab, ADDRESS)?;
    let evidence = live(options, &town, &exporter, &prometheus)?;
    let ended = exporter.ended();
    if let Some(status) = ended {
        return Err(Error::new(format!("the exporter ended with {status}:\n{}", exporter.log())));
    }
    let rows = judge::judge(&evidence);
    let programs = [
        format!("Docker Engine {}", town.engine()?),
        version("prometheus")?,
        format!("{:.0} s", evidence.length.as_secs_f64()),
    ];
    let table = table::table(&figures::Machine::here()?.with(&programs), &rows, &evidence.told());
    println!("\n{table}");
    if let Some(page) = &options.page {
        figures::put(page, "make soak", &table)?;
        say(&format!("written to {}", page.display()));
    }
    for row in rows.iter().filter(|row| !row.holds) {
        say(&format!("does not hold: {}: {}\n{}", row.what, row.figure, row.details.join("\n")));
    }
    if rows.iter().any(|row| !row.holds) {
        keep(options, &exporter)?;
    }
    Ok(rows)
}

/// Everything at once, until the timeline is at its end.
fn live(options: &Options, town: &Town, exporter: &Exporter, prometheus: &Prometheus) -> Result<Evidence> {
    let gate = Gate::default();
    let mischief = Mischief::new(&town.lab, exporter);
    let churns = town::PLOTS.map(|plot| Churn::new(&town.lab, plot, &gate, mischief.outages()));
    let watch = Watch::of(exporter.machine_pid()?);
    let reader = Reader::new(&town.lab, exporter);
    let began = Instant::now();
    let mut evidence = Evidence::default();
    scope(|scope| -> Result<()> {
        let churning: Vec<_> = churns.iter().map(|churn| scope.spawn(move || churn.run())).collect();
        let watching = scope.spawn(|| watch.run(&gate));
        let reading = scope.spawn(|| reader.run(&gate));
        let progress = scope.spawn(|| {
            let mut next = PROGRESS;
            while !gate.is_over() {
                sleep(Duration::from_millis(200));
                if began.elapsed() >= next {
                    next += PROGRESS;
                    say(&progress_line(began, &churns, &watch, &reader, &mischief));
                }
            }
        });
        let acted = act(options, town, exporter, prometheus, &gate, &mischief, &mut evidence, began);
        gate.end();
        let ended = [
            joined(watching)?,
            joined(reading)?,
            churning.into_iter().map(joined).collect::<Result<Result<()>>>()?,
        ];
        progress.join().map_err(|_| Error::new("the progress panicked"))?;
        // What went wrong first is told: a lab that fails has everybody fail.
        acted.and(ended.into_iter().collect())
    })?;
    evidence.length = began.elapsed();
    evidence.churned = churns.iter().flat_map(Churn::counts).collect();
    evidence.samples = watch.samples();
    evidence.read = reader.seen();
    evidence.outages = mischief.outages().all();
    evidence.log = exporter.log();
    Ok(evidence)
}

/// The timeline, in its order.
#[expect(clippy::too_many_arguments, reason = "everything meets here")]
fn act(
    options: &Options,
    town: &Town,
    exporter: &Exporter,
    prometheus: &Prometheus,
    gate: &Gate,
    mischief: &Mischief<'_>,
    evidence: &mut Evidence,
    began: Instant,
) -> Result<()> {
    let from = evidence::now();
    for step in timeline(options.length) {
        while began.elapsed() < step.at {
            if gate.is_over() {
                // Somebody gave up; what it was is told by whoever did.
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        match step.act {
            Act::Disturb(how) => {
                if how.ends_containers() && evidence.anchor.is_none() {
                    // The anchor's containers end here: it is judged over the time until now.
                    evidence.anchor = Some(series::anchor(prometheus, from)?);
                    town.lab.reload_engine(town::WITHOUT_LIVE_RESTORE)?;
                }
                mischief.disturb(how)?;
            }
            Act::Calm(length) => evidence.calms.push(calm::calm(town, exporter, gate, length)?),
        }
    }
    evidence.scrapes = series::scrapes(prometheus, from)?;
    evidence.findings = series::findings(prometheus, from)?;
    evidence.refused = prometheus.refused()?;
    Ok(())
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> Result<T> {
    thread.join().map_err(|_| Error::new("a thread of the soak panicked"))
}

fn progress_line(
    began: Instant,
    churns: &[Churn<'_>],
    watch: &Watch,
    reader: &Reader<'_>,
    mischief: &Mischief<'_>,
) -> String {
    let deployments: usize = churns.iter().flat_map(Churn::counts).map(|(_, times)| times).sum();
    format!(
        "{:>5} s: {deployments} deployments, {} outages, {} pages read; {}",
        began.elapsed().as_secs(),
        mischief.outages().all().len(),
        reader.seen().pages,
        watch.latest()
    )
}

/// What the exporter said, where nobody removes it with the lab.
fn keep(options: &Options, exporter: &Exporter) -> Result<()> {
    let at = options.exporter.with_file_name("soak-exporter.log");
    std::fs::write(&at, exporter.log()).map_err(|e| Error::io("keeping the exporter's log", e))?;
    say(&format!("the exporter's log: {}", at.display()));
    Ok(())
}

/// `Prometheus 2.42.0`.
fn version(program: &str) -> Result<String> {
    let text = crate::run(Command::new(program).arg("--version"))?;
    let number = text.split("version ").nth(1).and_then(|rest| rest.split([' ', '+']).next());
    Ok(format!("Prometheus {}", number.unwrap_or("of an unknown version")))
}

fn say(what: &str) {
    eprintln!("soak: {what}");
}

/// The page that `make soak` writes.
#[must_use]
pub fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md")
}
