//! `check`: one full round, then a report.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::cli::{Flags, ReportFormat, local_url};
use crate::config::Config;
use crate::diagnosis::{Code, Severity, Verdict, printable};
use crate::monitor::{Handle, Monitor};
use crate::namespace::Hopper;
use crate::report::{self, Destination, Look, Report};
use crate::state::Engine;

use super::{COULD_NOT, watch::watch};

/// The longest that a round is waited for; what has not answered by then is said in the report.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs one round and prints what came of it.
pub async fn run(
    config: Config,
    flags: &Flags,
    tls: bool,
    destinations: &[String],
    format: ReportFormat,
) -> ExitCode {
    let began = Instant::now();
    let here = flags.listen_addresses.first().map(|address| local_url(*address, tls));
    let external_url = flags.external_url.clone().or(here).unwrap_or_default();
    match round(config, &external_url).await {
        Ok(verdict) => {
            let progress = Progress::of(&verdict);
            if !progress.is_complete() {
                say(&format!("destination-exporter: not complete after {PATIENCE:?}: {progress}\n"));
            }
            print(&verdict, progress.is_complete(), began.elapsed(), destinations, format)
        }
        Err(why) => {
            say(&format!("destination-exporter: {why}\n"));
            ExitCode::from(COULD_NOT)
        }
    }
}

/// One full round: the verdict when every planned probe ran and every doubt was asked twice.
async fn round(config: Config, external_url: &str) -> Result<Arc<Verdict>, String> {
    let hopper =
        Hopper::start().map_err(|error| format!("starting the thread that enters namespaces: {error}"))?;
    let stop = CancellationToken::new();
    let _ends_with_us = stop.clone().drop_guard();
    let settings = config.docker.clone();
    let (monitor, mut handle) = Monitor::new(Arc::new(config), hopper, external_url);
    let told = handle.messages.clone();
    tokio::spawn(monitor.run(stop.clone()));
    tokio::spawn(watch(settings, told, stop));
    let latest = settled(&mut handle).await;
    if handle.published.has_changed().is_err() {
        return Err("the exporter's own loop ended: this is a fault of the exporter".into());
    }
    if let (None, Engine::Down { why, .. }) = (&latest.snapshot.inventory, &latest.snapshot.sight.engine) {
        return Err(format!("the Engine does not answer: {why}"));
    }
    if latest.snapshot.inventory.is_none() {
        return Err(format!("the Engine gave no complete listing in {PATIENCE:?}"));
    }
    Ok(latest)
}

async fn settled(handle: &mut Handle) -> Arc<Verdict> {
    let until = Instant::now() + PATIENCE;
    let shows_progress = std::io::stderr().is_terminal();
    loop {
        let verdict = handle.verdict.load_full();
        let progress = Progress::of(&verdict);
        if shows_progress {
            say(&format!("\r\x1b[K{progress}"));
        }
        let lost = verdict.snapshot.inventory.is_none()
            && matches!(verdict.snapshot.sight.engine, Engine::Down { .. });
        let waited = if progress.is_complete() || lost {
            None
        } else {
            // `Err` inside: the loop has ended, and nothing newer will come.
            timeout_at(until, handle.published.changed()).await.ok().and_then(Result::ok)
        };
        if waited.is_none() {
            if shows_progress {
                say("\r\x1b[K");
            }
            return verdict;
        }
    }
}

/// How far a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Progress {
    listed: bool,
    /// Namespaces that were not looked into yet: their ports are not planned yet either.
    unread: usize,
    planned: usize,
    ran: usize,
    /// Failed once, or not seen for long enough: looked at again before anything is said of it.
    doubtful: usize,
}

impl Progress {
    fn of(verdict: &Verdict) -> Self {
        let snapshot = &*verdict.snapshot;
        let failed_once = snapshot.probes.values().filter(|r| r.failures_in_a_row == 1).count();
        let blind = matches!(snapshot.sight.namespaces, Some(Err(_)));
        let unread = snapshot.inventory.as_ref().map_or(0, |inventory| {
            let on = inventory.destinations.iter().flat_map(|d| &d.endpoints);
            on.filter(|e| {
                inventory.container(&e.container).is_some_and(|c| c.way_in.is_some())
                    && !snapshot.containers.contains_key(&e.container)
            })
            .count()
        });
        let planned: u64 = snapshot.tallies.values().map(|tally| tally.planned).sum();
        Self {
            listed: snapshot.inventory.is_some(),
            unread: if blind { 0 } else { unread },
            planned: usize::try_from(planned).unwrap_or(usize::MAX),
            ran: snapshot.probes.len(),
            doubtful: failed_once + verdict.pending,
        }
    }

    const fn is_complete(&self) -> bool {
        self.listed && self.unread == 0 && self.ran >= self.planned && self.doubtful == 0
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.listed {
            return f.write_str("asking the Engine what there is …");
        }
        write!(f, "probing: {} of {} done", self.ran, self.planned)?;
        if self.doubtful > 0 {
            write!(f, ", {} asked again", self.doubtful)?;
        }
        Ok(())
    }
}

fn print(
    verdict: &Verdict,
    complete: bool,
    took: Duration,
    destinations: &[String],
    format: ReportFormat,
) -> ExitCode {
    let mut report = report::build(verdict);
    if let Err(why) = narrow(&mut report, destinations) {
        say(&format!("destination-exporter: {why}\n"));
        return ExitCode::from(COULD_NOT);
    }
    let out = std::io::stdout();
    let text = match format {
        ReportFormat::Text => report::text(&report, look(&out, took)),
        ReportFormat::Json => match serde_json::to_string_pretty(&report) {
            Ok(json) => json + "\n",
            Err(error) => {
                say(&format!("destination-exporter: writing the report: {error}\n"));
                return ExitCode::from(COULD_NOT);
            }
        },
    };
    // A closed pipe (`| head`) is the reader's choice.
    out.lock().write_all(text.as_bytes()).ok();
    let blind = matches!(verdict.snapshot.sight.engine, Engine::Down { .. })
        || verdict.snapshot.sight.enters_namespaces() == Some(false);
    let found = report.findings().any(|f| f.severity != Severity::Info && f.code != Code::ExporterBlind);
    match (found, blind || !complete) {
        (true, _) => ExitCode::from(1),
        (false, true) => ExitCode::from(COULD_NOT),
        (false, false) => ExitCode::SUCCESS,
    }
}

/// Leaves what was asked for, by label value or by what a person calls it; all of it where nothing was.
fn narrow(report: &mut Report, wanted: &[String]) -> Result<(), String> {
    let is = |d: &Destination, name: &String| *d.name == **name || *d.display_name == **name;
    if let Some(unknown) = wanted.iter().find(|name| !report.destinations.iter().any(|d| is(d, name))) {
        let known: Vec<String> = report.destinations.iter().map(|d| printable(&d.display_name)).collect();
        return Err(format!("no destination {unknown:?}; there are: {}", known.join(", ")));
    }
    if !wanted.is_empty() {
        report.destinations.retain(|d| wanted.iter().any(|name| is(d, name)));
    }
    Ok(())
}

fn look(out: &std::io::Stdout, took: Duration) -> Look {
    let terminal = out.is_terminal();
    // https://no-color.org
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let width = if terminal { rustix::termios::tcgetwinsize(out).ok().map(|size| size.ws_col) } else { None };
    Look {
        colours: terminal && !unwanted,
        width: width.filter(|columns| *columns > 0).map_or(100, usize::from),
        took: Some(took),
    }
}

fn say(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).ok();
}
