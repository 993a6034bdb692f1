//! Ctrl-C and SIGTERM: they end the demo, and what it has started goes before it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lab::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Whether somebody has had enough.
pub struct End(Arc<AtomicBool>);

impl End {
    /// From here on neither signal ends the program by itself.
    pub fn listen() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::io("starting to wait for signals", e))?;
        let on = |kind: SignalKind| {
            let _inside = runtime.enter();
            signal(kind).map_err(|e| Error::io("waiting for a signal", e))
        };
        let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
        let came = Arc::new(AtomicBool::new(false));
        let end = Self(Arc::clone(&came));
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            came.store(true, Ordering::Release);
        });
        Ok(end)
    }

    /// It has come.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Waits for so long; false where the end came first.
    pub fn leaves(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.came() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return true };
            thread::sleep(left.min(Duration::from_millis(200)));
        }
        false
    }
}
