//! `snapshot` and `diff`: what the networks are configured to be, and what of it is otherwise.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use serde::Serialize;

use crate::baseline::{self, Baseline, Difference, MOST_BYTES};
use crate::cli::ReportFormat;
use crate::config::{Config, read_file_up_to};
use crate::docker::Engine;
use crate::inventory::build;
use crate::strangers::{acts, printable};

use super::COULD_NOT;
use super::round::say;

/// Stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Prints what there is now.
pub async fn snapshot(config: &Config) -> ExitCode {
    match now(config).await.and_then(|taken| json(&taken)) {
        Ok(text) => print(&text, ExitCode::SUCCESS),
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
        let found = baseline::compare(&old, &new);
        let status = if !found.is_same() {
            ExitCode::from(1)
        } else if old.unread == new.unread {
            ExitCode::SUCCESS
        } else {
            // What could not be read of one of the two may be what is different.
            ExitCode::from(COULD_NOT)
        };
        let text = match format {
            ReportFormat::Text => baseline::text(&old, &new, &found, all),
            ReportFormat::Json => json(&Told {
                since: &old.taken_at,
                as_of: &new.taken_at,
                unread_then: &old.unread,
                unread_now: &new.unread,
                differences: found.differences.iter().filter(|one| all || !one.expected).collect(),
                left_out: found.left_out(all),
            })?,
        };
        Ok((text, status))
    };
    match compared.await {
        Ok((text, status)) => print(&text, status),
        Err(why) => failed(&why),
    }
}

/// What `diff` tells a program.
#[derive(Serialize)]
struct Told<'a> {
    since: &'a str,
    as_of: &'a str,
    unread_then: &'a [String],
    unread_now: &'a [String],
    differences: Vec<&'a Difference>,
    left_out: usize,
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

/// No more of a file than a snapshot has. Nothing else runs meanwhile: what has no end, or nobody writes into, is refused.
fn load(path: &Path) -> Result<Baseline, String> {
    let named = |why: String| format!("{}: {why}", printable(&path.display().to_string()));
    let read = if path.as_os_str() == STANDARD_INPUT {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes).map(|_| Some(bytes))
    } else {
        read_file_up_to(path, MOST_BYTES)
    };
    let bytes = read.map_err(|error| match error.kind() {
        ErrorKind::Other => named(format!("{error}, or {STANDARD_INPUT} for standard input")),
        _ => named(error.to_string()),
    })?;
    bytes.ok_or_else(baseline::too_large).and_then(baseline::read_bytes).map_err(named)
}

/// For programs, and for a terminal all the same: what would act on one stands in its escaped form, which means the same.
fn json(value: &impl Serialize) -> Result<String, String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| format!("writing it down: {error}"))?;
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c != '\n' && acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    Ok(out)
}

/// A closed pipe (`| head`) is the reader's choice; a full disk is a file that is cut off.
fn print(text: &str, status: ExitCode) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => failed(&format!("writing it down: {error}")),
        _ => status,
    }
}

fn failed(why: &str) -> ExitCode {
    say(&format!("destination-exporter: {why}\n"));
    ExitCode::from(COULD_NOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo (coreutils)");
        assert!(made.success());
        for (path, told) in [
            (&*pipe, "pipe: it is a pipe; expected a regular file, or - for standard input"),
            (folder.path(), ": it is a folder; expected a regular file"),
            (Path::new("/dev/zero"), "/dev/zero: it is a device; expected a regular file"),
            (Path::new("/nowhere/a.json"), "/nowhere/a.json: No such file or directory"),
        ] {
            let why = load(path).expect_err(told);
            assert!(why.contains(told), "{why}");
        }
    }
}
