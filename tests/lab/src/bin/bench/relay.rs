//! A way to the Engine that counts how often anything is said to it.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lab::{Error, Result};

use crate::town::Town;

pub struct Relay {
    pub socket: String,
    said: Arc<AtomicUsize>,
}

impl Relay {
    pub fn start(town: &Town) -> Result<Self> {
        let socket = town.folder_of("counted.sock");
        let listener = UnixListener::bind(&socket).map_err(|e| Error::io("making the counted socket", e))?;
        let (said, engine) = (Arc::new(AtomicUsize::new(0)), town.lab.socket());
        let counted = Arc::clone(&said);
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let Ok(engine) = UnixStream::connect(&engine) else { continue };
                let (Ok(back), Ok(answers)) = (caller.try_clone(), engine.try_clone()) else { continue };
                let counted = Arc::clone(&counted);
                thread::spawn(move || carry(caller, engine, Some(&counted)));
                thread::spawn(move || carry(answers, back, None));
            }
        });
        Ok(Self { socket, said })
    }

    /// How often so far: each request, or each piece of one that came in pieces.
    pub fn said(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }
}

/// Until either side ends.
fn carry(mut from: UnixStream, mut to: UnixStream, count: Option<&AtomicUsize>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if to.write_all(bytes.get(..length).unwrap_or_default()).is_err() {
            break;
        }
    }
    // Whoever has gone already needs no end.
    let _ = to.shutdown(Shutdown::Write);
}
