//! Who may read: TLS, client certificates, passwords, and when what they stand in is read again.
//!
//! What is in force is a [`Door`], swapped whole. A reload reads the file anew, and so does whoever comes by a
//! second or more after the last look and finds that a file has changed: certificates are renewed without a
//! restart, as with Prometheus' own exporters. What is broken changes nothing; it is told and logged. Nor does what
//! asks callers for less, unless a reload was asked for: a file that is being written is empty for a moment. Who
//! came in by an old door is asked to leave when its answer is done.
//!
//! What must never happen here: a password in a log, work for a stranger on the runtime's own thread, or a door
//! that is open because something could not be read.

mod callers;
mod dates;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub(super) mod fuzzing;
mod gate;
mod keys;
mod users;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::pki_types::UnixTime;
use tokio::time::{Instant, timeout};

use crate::config::Problem;
use crate::config::web::{self, Web};

pub(super) use gate::{Authenticated, Door, dress, gate};
use users::Desk;

/// Files are looked at no more often than this.
const LOOKS_APART: Duration = Duration::from_secs(1);
/// How long a caller waits for a look: a file on a mount that hangs keeps nobody out.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who may read; cheap to clone.
#[derive(Clone, Debug)]
pub struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The file; without one everyone may read.
    path: Option<PathBuf>,
    door: ArcSwap<Door>,
    /// Held while files are read.
    seen: Mutex<Seen>,
    looked: Mutex<Instant>,
    desk: Desk,
}

/// What was seen of the files.
#[derive(Debug, Default)]
struct Seen {
    /// As they were before they were read last.
    files: Vec<(PathBuf, Stamp)>,
    /// Why the last read changed nothing. Then the next look reads again, whatever the stamps say.
    trouble: Option<String>,
}

/// What changes when a file does: device and inode, size, and the times of the change, of what it holds and of who
/// may read it. `None`: it is not there.
type Stamp = Option<(u64, u64, u64, [i64; 4])>;

impl Trust {
    /// Everyone who reaches the port may read.
    pub fn everyone() -> Self {
        Self::new(None, Door::default(), Seen::default(), Desk::default())
    }

    /// As this file says. Blocks: for the start.
    ///
    /// # Errors
    /// Everything that is wrong with it and with the files it names, a line each.
    pub fn load(path: &Path) -> Result<Self, String> {
        let desk = Desk::default();
        let mut seen = Seen::default();
        let door = seen.read(path, &desk, &Door::default())?;
        Ok(Self::new(Some(path.to_owned()), door, seen, desk))
    }

    fn new(path: Option<PathBuf>, door: Door, seen: Seen, desk: Desk) -> Self {
        let (door, seen) = (ArcSwap::from_pointee(door), Mutex::new(seen));
        Self(Arc::new(Inner { path, door, seen, looked: Mutex::new(Instant::now()), desk }))
    }

    /// Reads everything again. Blocks: for a thread that may wait.
    ///
    /// # Errors
    /// As [`Trust::load`]; then the old one stays.
    pub fn reload(&self) -> Result<(), String> {
        let Some(path) = &self.0.path else { return Ok(()) };
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let read = seen.read(path, &self.0.desk, &self.0.door.load());
        seen.trouble = read.as_ref().err().cloned();
        self.take(read?);
        Ok(())
    }

    /// Whether TLS is spoken.
    pub fn speaks_tls(&self) -> bool {
        self.0.door.load().speaks_tls()
    }

    /// Whether passwords are asked for over plain HTTP.
    pub fn hears_passwords_in_the_clear(&self) -> bool {
        self.0.door.load().hears_passwords_in_the_clear()
    }

    /// Certificates in force whose time was over or had not come when they were read, a line each.
    pub fn untimely(&self) -> Vec<String> {
        let Some(path) = &self.0.path else { return Vec::new() };
        self.0.door.load().untimely().iter().map(|problem| told(path, problem)).collect()
    }

    /// Logs them.
    pub fn warn(&self) {
        for certificate in self.untimely() {
            tracing::warn!(%certificate, "a certificate is out of its time");
        }
    }

    /// The files that it is made of.
    pub fn files(&self) -> Vec<PathBuf> {
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.files.iter().map(|(path, _)| path.clone()).collect()
    }

    /// What is in force now.
    pub(super) async fn current(&self) -> Arc<Door> {
        if self.is_due() {
            let again = self.clone();
            let look = tokio::task::spawn_blocking(move || again.look_again());
            timeout(PATIENCE, look).await.ok();
        }
        self.0.door.load_full()
    }

    fn is_due(&self) -> bool {
        let mut looked = self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = self.0.path.is_some() && looked.elapsed() >= LOOKS_APART;
        if due {
            *looked = Instant::now();
        }
        due
    }

    fn look_again(&self) {
        // Whoever looks at this moment does it for all.
        let (Some(path), Ok(mut seen)) = (&self.0.path, self.0.seen.try_lock()) else { return };
        let old = self.0.door.load();
        if !seen.is_old() && !old.is_overdue(UnixTime::now()) {
            return;
        }
        let before = seen.files.clone();
        let read = seen.read(path, &self.0.desk, &old).and_then(|door| {
            let Some(less) = old.asks_for_more_than(&door) else { return Ok(door) };
            // What is in force stands in those, too.
            seen.keep(before);
            let path = path.display();
            Err(format!(
                "{path}: it no longer asks for {less}: a reload that is asked for does this, no other"
            ))
        });
        let trouble = read.as_ref().err().cloned();
        match read {
            Ok(door) => {
                tracing::info!(file = %path.display(), "who may read was read again: a file has changed, or a date has passed");
                self.take(door);
            }
            Err(problems) if seen.trouble.as_ref() != Some(&problems) => {
                tracing::error!(%problems, "who may read was not read again: the old one stays");
            }
            // It was told.
            Err(_) => {}
        }
        seen.trouble = trouble;
    }

    fn take(&self, door: Door) {
        self.0.door.swap(Arc::new(door)).close();
        self.warn();
    }
}

impl Seen {
    fn is_old(&self) -> bool {
        self.trouble.is_some() || self.files.iter().any(|(path, before)| stamp(path) != *before)
    }

    /// These are looked at as well.
    fn keep(&mut self, files: Vec<(PathBuf, Stamp)>) {
        for (path, stamp) in files {
            if self.files.iter().all(|(own, _)| *own != path) {
                self.files.push((path, stamp));
            }
        }
    }

    /// Reads the file and those that it names. The stamps are older than what is read: a change between the two
    /// is seen by the next look.
    fn read(&mut self, path: &Path, desk: &Desk, old: &Door) -> Result<Door, String> {
        let own = (path.to_owned(), stamp(path));
        let tell = |problems: &[Problem]| {
            let lines: Vec<String> = problems.iter().map(|problem| told(path, problem)).collect();
            lines.join("\n")
        };
        let web: Web = web::load_file(path).map_err(|problems| {
            // Those that the last good one named are looked at as before.
            let others = self.files.iter().skip(1).map(|(path, _)| (path.clone(), stamp(path)));
            self.files = std::iter::once(own.clone()).chain(others.collect::<Vec<_>>()).collect();
            tell(&problems)
        })?;
        let named = web.files().map(|path| (path.to_owned(), stamp(path)));
        self.files = std::iter::once(own).chain(named).collect();
        Door::build(&web, desk, old).map_err(|problem| tell(&[problem]))
    }
}

fn told(path: &Path, problem: &Problem) -> String {
    format!("{}: {problem}", path.display())
}

fn stamp(path: &Path) -> Stamp {
    let file = fs::metadata(path).ok()?;
    let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
    Some((file.dev(), file.ino(), file.size(), times))
}

#[cfg(test)]
mod tests;
