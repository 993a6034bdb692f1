//! Others who read while Prometheus does: pages and reports, two at once, and readers that break off.

use std::io::{Read as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::exporter::ADDRESS;
use crate::{Answer, Error, Exporter, Lab, Result};

use super::evidence::Read;
use super::gate::Gate;
use super::page::Page;

const INTERVAL: Duration = Duration::from_secs(2);
/// Of so many turns each has one reader that stops in the middle, and for how long it keeps its connection.
const BREAK_OFF_EVERY: usize = 5;
const HANGS_ON: Duration = Duration::from_secs(3);

pub struct Reader<'a> {
    lab: &'a Lab,
    exporter: &'a Exporter,
    seen: Mutex<Read>,
}

impl<'a> Reader<'a> {
    pub fn new(lab: &'a Lab, exporter: &'a Exporter) -> Self {
        Self { lab, exporter, seen: Mutex::default() }
    }

    pub fn seen(&self) -> Read {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until it is over. What is not answered is seen, and ends nothing.
    pub fn run(&self, gate: &Gate) -> Result<()> {
        for turn in 1_usize.. {
            if gate.is_over() {
                break;
            }
            scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| self.note(self.page()));
                }
                scope.spawn(|| self.note(self.report()));
                if turn.is_multiple_of(BREAK_OFF_EVERY) {
                    scope.spawn(|| self.note(self.break_off()));
                }
            });
            sleep(INTERVAL);
        }
        Ok(())
    }

    fn note(&self, done: Result<()>) {
        if let Err(error) = done {
            self.with(|seen| seen.failed.push(error.to_string()));
        }
    }

    fn with(&self, change: impl FnOnce(&mut Read)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn get(&self, path: &str) -> Result<Answer> {
        let began = Instant::now();
        let answer = self.exporter.get(path)?;
        let took = began.elapsed();
        self.with(|seen| seen.slowest = seen.slowest.max(took));
        Ok(answer)
    }

    fn page(&self) -> Result<()> {
        let text = self.get("/metrics")?.page()?;
        let page = Page::read(&text);
        if !page.series().any(|series| series.starts_with("destination_info{")) {
            return Err(Error::new(format!("a page without destinations:\n{text}")));
        }
        let twice = page.twice();
        self.with(|seen| {
            seen.pages += 1;
            seen.twice.extend(twice.iter().map(ToString::to_string));
        });
        Ok(())
    }

    fn report(&self) -> Result<()> {
        let answer = self.get("/diagnostics")?;
        let report = answer.json()?;
        if answer.status != 200 || report["destinations"].as_array().is_none_or(Vec::is_empty) {
            return Err(Error::new(format!("a report without destinations: {answer:?}")));
        }
        self.with(|seen| seen.reports += 1);
        Ok(())
    }

    /// Takes the first bytes of a page, leaves the rest where it is, and goes away.
    fn break_off(&self) -> Result<()> {
        let io = |e| Error::io("breaking off", e);
        let mut stream = self.lab.host().connect(ADDRESS, 2048)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").map_err(io)?;
        let mut some = [0; 512];
        stream.read_exact(&mut some).map_err(io)?;
        if !some.starts_with(b"HTTP/1.1 200") {
            return Err(Error::new(format!("to who breaks off: {}", String::from_utf8_lossy(&some))));
        }
        sleep(HANGS_ON);
        self.with(|seen| seen.broken_off += 1);
        Ok(())
    }
}
