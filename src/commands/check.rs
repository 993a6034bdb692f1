//! `check`: one full round, then a report.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::{Flags, ReportFormat};
use crate::config::Config;
use crate::diagnosis::{Code, Severity, Verdict};
use crate::report::{self, Destination, Look, Report};
use crate::strangers::printable;

use super::COULD_NOT;
use super::round::{round, say};

/// Runs one round and prints what came of it.
pub async fn run(
    config: Config,
    flags: &Flags,
    tls: bool,
    destinations: &[String],
    format: ReportFormat,
) -> ExitCode {
    let began = Instant::now();
    match round(config, flags, tls).await {
        Ok((verdict, whole)) => print(&verdict, whole, began.elapsed(), destinations, format),
        Err(why) => {
            say(&format!("destination-exporter: {why}\n"));
            ExitCode::from(COULD_NOT)
        }
    }
}

fn print(
    verdict: &Verdict,
    whole: bool,
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
    let found = report.findings().any(|f| f.severity != Severity::Info && f.code != Code::ExporterBlind);
    match (found, whole) {
        (true, _) => ExitCode::from(1),
        (false, false) => ExitCode::from(COULD_NOT),
        (false, true) => ExitCode::SUCCESS,
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
