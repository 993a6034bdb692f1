//! `snapshot` and `diff`: what the networks are configured to be, and what of it is otherwise.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use crate::baseline::{self, Baseline, Difference, MOST_BYTES};
use crate::cli::ReportFormat;
use crate::config::Config;
use crate::docker::Engine;
use crate::inventory::build;

use super::COULD_NOT;
use super::round::say;

/// Stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Prints what there is now.
pub async fn snapshot(config: &Config) -> ExitCode {
    match now(config).await.and_then(|taken| json(&taken)) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

/// Prints what is different: between two files, or between a file and now.
pub async fn diff(
    config: &Config,
    old: &Path,
    new: Option<&Path>,
    format: ReportFormat,
    all: bool,
) -> ExitCode {
    let compared = async {
        if old.as_os_str() == STANDARD_INPUT && new.is_some_and(|new| new.as_os_str() == STANDARD_INPUT) {
            return Err("only one of the two can come from standard input".to_owned());
        }
        let old = load(old)?;
        let new = match new {
            Some(path) => load(path)?,
            None => now(config).await?,
        };
        let differences = baseline::compare(&old, &new);
        let is_told = |one: &&Difference| all || !one.expected;
        let text = match format {
            ReportFormat::Text => baseline::text(&old, &new, &differences, all),
            ReportFormat::Json => json(&differences.iter().filter(is_told).collect::<Vec<_>>())?,
        };
        Ok((text, differences.iter().all(|one| one.expected)))
    };
    match compared.await {
        Ok((text, same)) => {
            print(&text);
            if same { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(why) => failed(&why),
    }
}

/// One listing; nothing is probed for it.
async fn now(config: &Config) -> Result<Baseline, String> {
    let engine = Engine::new(&config.docker);
    let asked_at = SystemTime::now();
    let seen = engine
        .list(None, false)
        .await
        .map_err(|error| format!("the Engine gave no complete listing: {error}"))?;
    let inventory = build::build(&seen, &config.destinations, asked_at);
    Ok(baseline::take(&seen, &inventory))
}

/// No more of a file than a snapshot has. Nothing else runs meanwhile.
fn load(path: &Path) -> Result<Baseline, String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == STANDARD_INPUT {
        std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| named(error.to_string()))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(named(format!("larger than {} MiB: no snapshot is", MOST_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| named("the file is no UTF-8".to_owned()))?;
    baseline::read(&text).map_err(named)
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value)
        .map(|json| json + "\n")
        .map_err(|error| format!("writing it down: {error}"))
}

/// A closed pipe (`| head`) is the reader's choice.
fn print(text: &str) {
    std::io::stdout().lock().write_all(text.as_bytes()).ok();
}

fn failed(why: &str) -> ExitCode {
    say(&format!("destination-exporter: {why}\n"));
    ExitCode::from(COULD_NOT)
}
