//! One round, for the commands that look once and go.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::cli::{Flags, local_url};
use crate::config::Config;
use crate::diagnosis::Verdict;
use crate::monitor::{Handle, Monitor};
use crate::namespace::Hopper;
use crate::outcome::{ProbeKey, ProbeKind};
use crate::state::Engine;

use super::approved::Approved;
use super::watch::watch;

/// The longest that a round is waited for; what has not answered by then is said in the report.
const PATIENCE: Duration = Duration::from_secs(20);

/// One round: the verdict when every planned probe ran and every doubt was asked twice, or when nobody waits any
/// longer; and whether everything was seen by then.
///
/// # Errors
/// In words, where there is nothing to show.
pub(super) async fn round(config: Config, flags: &Flags, tls: bool) -> Result<(Arc<Verdict>, bool), String> {
    let here = flags.listen_addresses.first().map(|address| local_url(*address, tls));
    let external_url = flags.external_url.clone().or(here).unwrap_or_default();
    let hopper =
        Hopper::start().map_err(|error| format!("starting the thread that enters namespaces: {error}"))?;
    let stop = CancellationToken::new();
    let _ends_with_us = stop.clone().drop_guard();
    let settings = config.docker.clone();
    let approved = Approved::of(&config, flags);
    let (monitor, mut handle) = Monitor::new(Arc::new(config), hopper, &external_url);
    let told = handle.messages.clone();
    tokio::spawn(monitor.run(stop.clone()));
    if let Some(approved) = approved {
        approved.tell_once(&told).await;
    }
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
    let progress = Progress::of(&latest);
    let complete = progress.is_complete();
    if !complete {
        say(&format!("destination-exporter: not complete after {PATIENCE:?}: {progress}\n"));
    }
    let sight = &latest.snapshot.sight;
    let blind = matches!(sight.engine, Engine::Down { .. }) || sight.enters_namespaces() == Some(false);
    Ok((latest, complete && !blind))
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
    /// Everyone who looks at some by turns has had a look.
    has_begun: bool,
    /// Failed once, or not seen for long enough: looked at again before anything is said of it. What fails on another node
    /// may have gone from there, of which no event tells: the next listing does.
    doubtful: usize,
}

impl Progress {
    fn of(verdict: &Verdict) -> Self {
        let snapshot = &*verdict.snapshot;
        let pictured = snapshot.inventory.as_ref().map(|inventory| inventory.taken_at);
        let is_elsewhere = |key: &ProbeKey| matches!(key.kind, ProbeKind::Overlay | ProbeKind::Node);
        let failing = snapshot.probes.iter().filter(|(key, record)| match record.failures_in_a_row {
            0 => false,
            1 => true,
            _ => is_elsewhere(key) && pictured.is_some_and(|at| record.since > at),
        });
        let failing = failing.count();
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
        // Of what takes turns the first part is waited for.
        let is_made = |key: &ProbeKey| snapshot.probes.contains_key(key);
        let later = snapshot.own.in_turns.iter().filter(|key| !is_made(key)).count();
        let has_begun = snapshot.own.turns_begun(is_made);
        Self {
            listed: snapshot.inventory.is_some(),
            unread: if blind { 0 } else { unread },
            planned: usize::try_from(planned).unwrap_or(usize::MAX).saturating_sub(later),
            has_begun,
            ran: snapshot.probes.len(),
            doubtful: failing + verdict.pending,
        }
    }

    const fn is_complete(&self) -> bool {
        self.listed && self.unread == 0 && self.has_begun && self.ran >= self.planned && self.doubtful == 0
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

/// To whoever sits there.
pub(super) fn say(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).ok();
}
