//! The snapshot that the operator approved: read at the start, and again when the file is another.
//!
//! It is no part of the configuration: whatever is wrong with it, everything else is served, and what was read of it before
//! stays in force.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::baseline::{self, Baseline, MOST_BYTES};
use crate::cli::Flags;
use crate::config::{Config, read_file_up_to};
use crate::monitor::Message;

/// How often it is looked whether the file is another.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// A file that is not read by then is on a mount that hangs.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// What a file is known again by.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

/// How a file is: what it is known again by, or why that cannot be told.
type Look = Result<Stamp, String>;

/// The file that the operator named.
#[derive(Clone, Debug)]
pub struct Approved {
    file: Arc<str>,
    /// What shows all that is otherwise than in it.
    command: Arc<str>,
    /// What approves what there is.
    renewal: Arc<str>,
}

impl Approved {
    /// `None` where none is configured.
    pub fn of(config: &Config, flags: &Flags) -> Option<Self> {
        let file = &*config.drift.approved_file;
        if file.is_empty() {
            return None;
        }
        // Which networks count stands there.
        let settings = flags.config_file.as_ref().map(|path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            format!(" --config.file {}", word(&path.display().to_string()))
        });
        let program = format!("destination-exporter{}", settings.unwrap_or_default());
        let command = format!("{program} diff {}", word(file)).into();
        let renewal = format!("{program} snapshot > new.json && mv new.json {}", word(file)).into();
        Some(Self { file: file.into(), command, renewal })
    }

    /// Reads it. Blocks.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn read(&self) -> Result<Baseline, String> {
        let bytes = read_file_up_to(Path::new(&*self.file), MOST_BYTES);
        let bytes = bytes.map_err(|error| self.repair(&error.to_string()))?;
        let read = bytes.ok_or_else(baseline::too_large).and_then(baseline::read_bytes);
        read.map_err(|why| self.repair(&why))
    }

    /// Reads it once, for a loop that has not begun to look.
    pub async fn tell_once(self, monitor: &mpsc::Sender<Message>) {
        let reader = self.clone();
        let read = timeout(READ_WITHIN, tokio::task::spawn_blocking(move || reader.read())).await;
        let read = read.unwrap_or_else(|_| Ok(Err(hangs()))).unwrap_or_else(|error| Err(error.to_string()));
        // The loop is gone only when the program ends.
        monitor.send(self.message(read)).await.ok();
    }

    /// Reads it, and again whenever it is another; until `stop` or until nobody listens any more.
    pub async fn follow(self, monitor: mpsc::Sender<Message>, stop: CancellationToken) {
        stop.run_until_cancelled(self.looks(monitor)).await;
    }

    async fn looks(self, monitor: mpsc::Sender<Message>) {
        let mut before = None;
        loop {
            let (reader, known) = (self.clone(), before.clone());
            // One at a time: a mount that hangs holds one thread, and not one more every few seconds.
            let mut looking = tokio::task::spawn_blocking(move || reader.look(known.as_ref()));
            let read = match timeout(READ_WITHIN, &mut looking).await {
                Ok(Ok(Some((look, read)))) => {
                    before = Some(look);
                    Some(read)
                }
                Ok(Ok(None)) => None,
                Ok(Err(error)) => Some(Err(error.to_string())),
                // What it comes to is as old as the question: it is asked anew.
                Err(_) => {
                    before = None;
                    Some(Err(hangs()))
                }
            };
            if let Some(read) = read
                && monitor.send(self.message(read)).await.is_err()
            {
                return;
            }
            if !looking.is_finished() {
                looking.await.ok();
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// How the file is, and what it says; `None` where it is as it was before.
    fn look(&self, before: Option<&Look>) -> Option<(Look, Result<Baseline, String>)> {
        let look = stamp(Path::new(&*self.file)).map_err(|error| error.to_string());
        // What is wrong with a file stays wrong until it is another.
        (before != Some(&look)).then(|| (look, self.read()))
    }

    fn repair(&self, why: &str) -> String {
        format!("{why}. Bring it back, or approve what there is: {}", self.renewal)
    }

    fn message(&self, read: Result<Baseline, String>) -> Message {
        let (file, command) = (Arc::clone(&self.file), Arc::clone(&self.command));
        Message::Approved { file, command, read: read.map(Arc::new) }
    }
}

fn hangs() -> String {
    format!("it could not be read within {READ_WITHIN:?}: does its mount hang?")
}

fn stamp(file: &Path) -> io::Result<Stamp> {
    let of = fs::metadata(file)?;
    Ok((of.dev(), of.ino(), of.len(), (of.mtime(), of.mtime_nsec()), (of.ctime(), of.ctime_nsec())))
}

/// As a shell takes it for one word.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn flags(settings: Option<&str>) -> Flags {
        let given = settings.into_iter().flat_map(|file| ["--config.file", file]);
        Cli::parse_from(["destination-exporter"].into_iter().chain(given)).flags
    }

    fn at(file: &Path) -> Approved {
        let mut config = Config::default();
        config.drift.approved_file = file.display().to_string();
        Approved::of(&config, &flags(None)).expect("one is configured")
    }

    #[test]
    fn what_shows_the_difference_is_a_command_as_it_stands() {
        for (file, settings, expected) in [
            ("/etc/approved.json", None, "destination-exporter diff /etc/approved.json"),
            ("/srv/it's", None, r"destination-exporter diff '/srv/it'\''s'"),
            ("/a b", Some("/etc/c.yml"), "destination-exporter --config.file /etc/c.yml diff '/a b'"),
        ] {
            let mut config = Config::default();
            config.drift.approved_file = file.to_owned();
            assert_eq!(
                Approved::of(&config, &flags(settings)).map(|of| of.command.to_string()).as_deref(),
                Some(expected)
            );
        }
        assert!(Approved::of(&Config::default(), &flags(None)).is_none());
    }

    #[test]
    fn a_file_that_is_as_it_was_is_not_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("approved.json");
        let approved = at(&file);
        let (none, read) = approved.look(None).expect("it was never looked at");
        let why = read.expect_err("it is not there");
        // That it cannot be read is said by whoever says why.
        assert!(
            why.starts_with("No such file") && why.contains("destination-exporter snapshot > new.json && mv"),
            "{why}"
        );
        assert!(approved.look(Some(&none)).is_none());
        fs::write(&file, "{").expect("a file");
        let (broken, read) = approved.look(Some(&none)).expect("it is another");
        assert!(read.is_err_and(|why| why.contains("cut off")));
        assert!(approved.look(Some(&broken)).is_none());
        fs::write(&file, " ".repeat(1 + usize::try_from(MOST_BYTES).expect("it fits"))).expect("a file");
        let (_, read) = approved.look(Some(&broken)).expect("it is another");
        assert!(read.is_err_and(|why| why.contains("larger than 8 MiB")));
        // Nobody waits for what has no end.
        let (_, read) = at(Path::new("/dev/zero")).look(None).expect("it is another");
        assert!(read.is_err_and(|why| why.contains("a device")));
    }
}
