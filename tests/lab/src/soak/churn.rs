//! One hand that deploys without a break, on a plot of its own.
//!
//! The Engine goes away at any moment, in the middle of a deployment too. What it broke is cleared away, as a person
//! would, and the plot begins anew. A deployment that fails while nothing was done to the Engine ends the soak.

use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Error, Lab, Result};

use super::gate::Gate;
use super::mischief::Outages;
use super::town::Plot;

/// Between two deployments.
const REST: Duration = Duration::from_millis(300);
/// How long a plot may take to be cleared.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Churn<'a> {
    lab: &'a Lab,
    plot: &'static Plot,
    gate: &'a Gate,
    outages: &'a Outages,
    counts: Mutex<Vec<usize>>,
}

impl<'a> Churn<'a> {
    pub fn new(lab: &'a Lab, plot: &'static Plot, gate: &'a Gate, outages: &'a Outages) -> Self {
        Self { lab, plot, gate, outages, counts: Mutex::new(vec![0; plot.ways.len()]) }
    }

    /// How often each way was gone to its end.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        self.plot.ways.iter().map(|(way, _)| *way).zip(counts.iter().copied()).collect()
    }

    /// Until it is over.
    pub fn run(&self) -> Result<()> {
        let done = self.rounds();
        if done.is_err() {
            self.gate.end();
        }
        done
    }

    fn rounds(&self) -> Result<()> {
        let mut n = 0;
        // The first time is not enough for what there is to be complete: a gate stands before later rounds.
        while n == 0 || self.gate.pass() {
            n = if self.round(n)? { n + 1 } else { 0 };
            if self.gate.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Every way once; false where the Engine broke one of them, and the plot is empty.
    fn round(&self, n: usize) -> Result<bool> {
        for (at, (way, deploy)) in self.plot.ways.iter().enumerate() {
            if self.gate.is_over() {
                return Ok(true);
            }
            let began = Instant::now();
            if let Err(error) = deploy(self.lab, n) {
                if !self.outages.touch(began) {
                    return Err(Error::new(format!("{way}, with an Engine that is well: {error}")));
                }
                self.clear()?;
                return Ok(false);
            }
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
            drop(counts);
            sleep(REST);
        }
        Ok(true)
    }

    fn clear(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let last = match self.cleared() {
                Ok(true) => return Ok(()),
                Ok(false) => Error::new("it is not empty yet"),
                Err(error) => error,
            };
            if self.gate.is_over() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(Error::new(format!("a plot was not cleared in {PATIENCE:?}: {last}")));
            }
            sleep(REST);
        }
    }

    /// Removes all of it; true where there was nothing left.
    fn cleared(&self) -> Result<bool> {
        let mut was_empty = true;
        for (list, format, remove) in [
            (&["ps", "-a"][..], "{{.Names}}", &["rm", "-f"][..]),
            (&["network", "ls"], "{{.Name}}", &["network", "rm"]),
        ] {
            let names = self.lab.docker(&[list, &["--format", format]].concat())?;
            for name in names.lines().filter(|name| (self.plot.owns)(name) && !is_ground(name)) {
                was_empty = false;
                // It may be going already, or be held by one that is.
                self.lab.docker_output(&[remove, &[name]].concat())?;
            }
        }
        Ok(was_empty)
    }
}

/// Networks that were there first.
fn is_ground(name: &str) -> bool {
    ["bridge", "host", "none", "shop", "yard", "lane"].contains(&name)
}
