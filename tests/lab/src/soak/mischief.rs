//! What befalls the Engine, and how long the exporter takes to be well again.
//!
//! The clock of a recovery starts where the Engine answers `GET /_ping` again. A container is started right then; the
//! exporter has recovered when it says that the Engine is up, misses nothing, and shows that container. How
//! long the Engine itself takes to start it is not the exporter's time.

use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::{Error, Exporter, Lab, Result};

use super::evidence::{Outage, now};
use super::page::Page;
use super::say;
use super::timeline::How;

/// An Engine that is back to nothing has containers to start first.
const PATIENCE: Duration = Duration::from_secs(90);
/// What the Engine was in the middle of may still fail for so long after it is back.
const AFTERMATH: Duration = Duration::from_secs(5);
/// The page is looked at this often.
const LOOK: Duration = Duration::from_millis(25);

/// When the Engine was not well.
#[derive(Debug, Default)]
pub struct Outages {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    all: Vec<Outage>,
    /// One is under way, or the end of the last.
    under_way: bool,
    ended: Option<Instant>,
}

impl Outages {
    pub fn all(&self) -> Vec<Outage> {
        self.lock().all.clone()
    }

    /// Whether one was, or is, at any time since `began`.
    pub fn touch(&self, began: Instant) -> bool {
        let known = self.lock();
        known.under_way || known.ended.is_some_and(|ended| ended + AFTERMATH > began)
    }

    fn begin(&self) {
        self.lock().under_way = true;
    }

    fn end(&self, outage: Outage) {
        let mut known = self.lock();
        known.all.push(outage);
        (known.under_way, known.ended) = (false, Some(Instant::now()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Mischief<'a> {
    lab: &'a Lab,
    exporter: &'a Exporter,
    outages: Outages,
}

impl<'a> Mischief<'a> {
    pub fn new(lab: &'a Lab, exporter: &'a Exporter) -> Self {
        Self { lab, exporter, outages: Outages::default() }
    }

    pub const fn outages(&self) -> &Outages {
        &self.outages
    }

    /// Does it, and waits until the exporter is well again, or long enough.
    pub fn disturb(&self, how: How) -> Result<()> {
        self.outages.begin();
        let began = now();
        let (back, mut told) = self.looking_on(began, || self.away_and_back(how));
        let (back, answered) = back?;
        let Recovery { up, seen, told: told_late } = self.recovery(answered)?;
        told = told.or(told_late.map(|at| at - began));
        let outage = Outage { how: how.label(), began, back, told, up, seen };
        say(&format!("{outage}"));
        self.outages.end(outage);
        Ok(())
    }

    /// Away with it for so long, and back; when it answers again.
    fn away_and_back(&self, how: How) -> Result<(f64, Instant)> {
        let away = match how {
            How::Freeze(away) => self.lab.freeze().map(|()| away),
            How::Restart(away) | How::Reboot(away) => self.lab.end_engine("TERM").map(|()| away),
            How::Kill(away) => self.lab.end_engine("KILL").map(|()| away),
        }?;
        sleep(away);
        match how {
            How::Freeze(_) => self.lab.thaw()?,
            _ => self.lab.start_engine()?,
        }
        let started = Instant::now();
        while !self.lab.answers() {
            if started.elapsed() > PATIENCE {
                return Err(Error::new(format!("the Engine did not come back:\n{}", self.lab.log())));
            }
            sleep(Duration::from_millis(5));
        }
        Ok((now(), Instant::now()))
    }

    /// Looks on while something is done; how long after `began` the exporter said so.
    fn looking_on<T: Send>(
        &self,
        began: f64,
        job: impl FnOnce() -> Result<T> + Send,
    ) -> (Result<T>, Option<f64>) {
        scope(|scope| {
            let (job, mut told) = (scope.spawn(job), None);
            while !job.is_finished() {
                let page = self.exporter.metrics();
                if told.is_none() && page.is_ok_and(|text| Page::read(&text).is_missed()) {
                    told = Some(now() - began);
                }
                sleep(LOOK);
            }
            (job.join().unwrap_or_else(|_| Err(Error::new("who takes the Engine away panicked"))), told)
        })
    }

    /// From the moment at which the Engine answered.
    fn recovery(&self, began: Instant) -> Result<Recovery> {
        let name = "fresh-one";
        let mut recovery = Recovery { up: None, seen: None, told: None };
        let run = ["run", "-d", "--name", name, "--network", "fresh", "busybox", "sleep", "600"];
        scope(|scope| -> Result<()> {
            let starting = scope.spawn(|| self.lab.docker(&run).map(|_| began.elapsed()));
            while began.elapsed() < PATIENCE && (recovery.up.is_none() || recovery.seen.is_none()) {
                let text = self.exporter.metrics()?;
                let page = Page::read(&text);
                let well = page.is_up() && !page.is_blind();
                if page.is_missed() {
                    recovery.told = recovery.told.or(Some(now()));
                }
                if !well {
                    recovery.up = None;
                } else if recovery.up.is_none() {
                    recovery.up = Some(began.elapsed());
                }
                if recovery.seen.is_none() && page.containers().contains_key(name) {
                    recovery.seen = Some(began.elapsed());
                }
                if starting.is_finished() && recovery.up.is_some() && began.elapsed() > PATIENCE / 2 {
                    break;
                }
                sleep(LOOK);
            }
            let ran = starting.join().map_err(|_| Error::new("the starting thread panicked"))??;
            recovery.seen = recovery.seen.map(|seen| seen.saturating_sub(ran));
            Ok(())
        })?;
        self.lab.docker(&["rm", "-f", name])?;
        Ok(recovery)
    }
}

/// After the Engine was back.
struct Recovery {
    /// Until the Engine was said to be up, and to stay so.
    up: Option<Duration>,
    /// From when the container ran until it was shown.
    seen: Option<Duration>,
    /// When it was first said to be missed.
    told: Option<f64>,
}
