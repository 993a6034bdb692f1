//! Where those who deploy wait while it is to be calm, and learn that it is over.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Error, Result};

#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    over: bool,
    /// Who waits at it.
    waiting: usize,
}

impl Gate {
    /// Waits while it is closed; false where it is over.
    pub fn pass(&self) -> bool {
        let mut state = self.lock();
        state.waiting += 1;
        self.changed.notify_all();
        while state.closed && !state.over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        !state.over
    }

    /// Closes it and waits until so many wait at it.
    pub fn close(&self, all: usize) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(180);
        let began = Instant::now();
        let mut state = self.lock();
        state.closed = true;
        while state.waiting < all {
            if state.over || began.elapsed() > PATIENCE {
                return Err(Error::new(format!("{} of {all} came to rest in {PATIENCE:?}", state.waiting)));
            }
            let waited = self.changed.wait_timeout(state, Duration::from_secs(1));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    pub fn open(&self) {
        self.lock().closed = false;
        self.changed.notify_all();
    }

    /// From now on it is over.
    pub fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
