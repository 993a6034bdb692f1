//! What was told of each fault, and when, for the table that `make faults` makes.
//!
//! Where `FAULTS` names a folder, a thread looks at the report all the time: how long a finding took is known whatever
//! the test did meanwhile. Each fault is a line of JSON there. Without it nothing is watched and nothing is written.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{all, name_of};
use crate::{Exporter, Lab};

/// Names the folder.
const FOLDER: &str = "FAULTS";
/// The severity of what is for information alone.
const ASIDE: &str = "info";
/// What stands is seen within this time, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks.
const PACE: Duration = Duration::from_millis(20);

/// Watches one exporter, where somebody wants to know.
pub struct Witness(Option<Watching>);

struct Watching {
    file: PathBuf,
    test: String,
    interval: Duration,
    book: Arc<Mutex<Book>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    trials: RefCell<Trials>,
}

/// When each finding came last, and went.
type Book = BTreeMap<String, (Instant, Option<Instant>)>;

#[derive(Default)]
struct Trials {
    /// What was done, and when, for findings that are to come.
    done: BTreeMap<String, Done>,
    /// Findings that stand.
    open: BTreeMap<String, Trial>,
    /// When what stands was repaired, where that was said.
    repaired: BTreeMap<String, Instant>,
}

/// What was done.
struct Done {
    what: String,
    at: Instant,
    /// So long what has just been deployed is given before it is judged.
    grace: Duration,
}

/// A fault that was told.
struct Trial {
    fault: String,
    grace: Duration,
    severity: String,
    /// How long it may take by what the test says.
    soon: Duration,
    found: Duration,
    /// The same from when the last command was done.
    heard: Duration,
    text: String,
}

impl Witness {
    /// Begins to watch, where it is asked to.
    pub(super) fn of(exporter: &Exporter, interval: Duration) -> Self {
        let Some(folder) = std::env::var_os(FOLDER) else { return Self(None) };
        let test = thread::current().name().unwrap_or("a test").replace('_', " ");
        let test = test.rsplit("::").next().unwrap_or(&test).to_owned();
        let (book, over) = (Arc::new(Mutex::new(Book::new())), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (exporter, book, over) = (exporter.ears(), Arc::clone(&book), Arc::clone(&over));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(report) = exporter.report() {
                        let told: BTreeSet<String> = all(&report).map(name_of).collect();
                        enter(
                            &mut book.lock().unwrap_or_else(PoisonError::into_inner),
                            &told,
                            Instant::now(),
                        );
                    }
                    sleep(PACE);
                }
            })
        };
        let file = Path::new(&folder).join(format!("{}.jsonl", std::process::id()));
        let trials = RefCell::default();
        Self(Some(Watching { file, test, interval, book, over, thread: Some(thread), trials }))
    }

    /// This is done now, and this finding is owed to it.
    pub(super) fn done(&self, finding: &str, what: &str, grace: Duration) {
        let Some(watching) = &self.0 else { return };
        let done = Done { what: what.to_owned(), at: Instant::now(), grace };
        watching.trials.borrow_mut().done.insert(finding.to_owned(), done);
    }

    /// Whether somebody wants to know.
    pub(super) const fn watches(&self) -> bool {
        self.0.is_some()
    }

    /// What this finding is about is repaired now.
    pub(super) fn repaired(&self, finding: &str) {
        let Some(watching) = &self.0 else { return };
        watching.trials.borrow_mut().repaired.insert(finding.to_owned(), Instant::now());
    }

    /// Just these stand now, as they should, `soon` after what the lab was told to do last.
    pub(super) fn stand(&self, wanted: &BTreeSet<String>, soon: Duration, exporter: &Exporter, lab: &Lab) {
        let Some(watching) = &self.0 else { return };
        let is_over = |(name, trial): &(&String, &Trial)| !wanted.contains(*name) && trial.severity != ASIDE;
        let over: Vec<String> =
            watching.trials.borrow().open.iter().filter(is_over).map(|(name, _)| name.clone()).collect();
        over.iter().for_each(|name| watching.went(name, lab));
        wanted.iter().for_each(|name| watching.stands(name, soon, exporter, lab));
    }

    /// The same of one that is for information alone: it stands, or it does not.
    pub(super) fn aside(&self, name: &str, holds: bool, soon: Duration, exporter: &Exporter, lab: &Lab) {
        match &self.0 {
            Some(watching) if holds => watching.stands(name, soon, exporter, lab),
            Some(watching) => watching.went(name, lab),
            None => {}
        }
    }

    /// These were told though nobody did anything of the kind.
    pub(super) fn strangers(&self, strangers: &[&String]) {
        let Some(watching) = &self.0 else { return };
        watching.line(&json!({"test": watching.test, "strangers": strangers}));
    }
}

impl Watching {
    fn stands(&self, name: &str, soon: Duration, exporter: &Exporter, lab: &Lab) {
        let mut trials = self.trials.borrow_mut();
        let text = words(exporter, name).unwrap_or_default();
        if let Some(trial) = trials.open.get_mut(name) {
            // More is known of it by now.
            trial.text = text;
            return;
        }
        let (last, done) = lab.told_last();
        let untold = || Done { what: self.test.clone(), at: last, grace: Duration::ZERO };
        let Done { what: fault, at, grace } = trials.done.remove(name).unwrap_or_else(untold);
        let came = self.came(name, at);
        let (found, heard) = (came.saturating_duration_since(at), came.saturating_duration_since(done));
        let severity = text.split(' ').next().unwrap_or_default().to_owned();
        trials.open.insert(name.to_owned(), Trial { fault, grace, severity, soon, found, heard, text });
    }

    fn went(&self, name: &str, lab: &Lab) {
        let mut trials = self.trials.borrow_mut();
        let repaired = trials.repaired.remove(name).unwrap_or_else(|| lab.told_last().0);
        if let Some(trial) = trials.open.remove(name) {
            let went = self.seen(name).and_then(|(_, went)| went).unwrap_or_else(Instant::now);
            self.write(name, &trial, Some(went.saturating_duration_since(repaired)));
        }
    }

    /// When it came that stands now; one that went is another.
    fn came(&self, name: &str, since: Instant) -> Instant {
        let began = Instant::now();
        loop {
            match self.seen(name) {
                Some((came, None)) => return came,
                // Told before what was done: by the command before it.
                Some((came, Some(_))) if came >= since && began.elapsed() > PATIENCE => return came,
                _ if began.elapsed() > PATIENCE => return Instant::now(),
                _ => {}
            }
        }
    }

    fn seen(&self, name: &str) -> Option<(Instant, Option<Instant>)> {
        // The look that saw it may be under way.
        sleep(2 * PACE);
        self.book.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    fn write(&self, name: &str, trial: &Trial, gone: Option<Duration>) {
        self.line(&json!({
            "test": self.test,
            "fault": trial.fault,
            "finding": name,
            "severity": trial.severity,
            "grace": trial.grace.as_secs_f64(),
            "interval": self.interval.as_secs_f64(),
            "soon": trial.soon.as_secs_f64(),
            "found": trial.found.as_secs_f64(),
            "heard": trial.heard.as_secs_f64(),
            "gone": gone.map(|gone| gone.as_secs_f64()),
            "text": trial.text,
        }));
    }

    fn line(&self, line: &serde_json::Value) {
        // One write: tests of one process share the file.
        let text = format!("{line}\n");
        let file = File::options().create(true).append(true).open(&self.file);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        assert!(written.is_ok(), "{FOLDER} names no folder that can be written to: {written:?}");
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let Some(watching) = &mut self.0 else { return };
        watching.over.store(true, Ordering::Relaxed);
        if let Some(thread) = watching.thread.take() {
            thread.join().ok();
        }
        // What nothing was told of, and whatever else a test that fails wanted.
        let waited: Vec<String> = watching
            .trials
            .borrow()
            .done
            .iter()
            .map(|(name, done)| format!("{} ({name})", done.what))
            .collect();
        for missed in waited {
            watching.line(&json!({"test": watching.test, "missed": missed}));
        }
        if thread::panicking() {
            watching.line(&json!({"test": watching.test, "missed": "it failed"}));
        }
        // What the test left standing.
        let trials = std::mem::take(&mut *watching.trials.borrow_mut());
        for (name, trial) in &trials.open {
            watching.write(name, trial, None);
        }
    }
}

fn enter(book: &mut Book, told: &BTreeSet<String>, now: Instant) {
    for name in told {
        let entry = book.entry(name.clone()).or_insert((now, None));
        if entry.1.is_some() {
            *entry = (now, None);
        }
    }
    for (name, (_, went)) in book.iter_mut() {
        if went.is_none() && !told.contains(name) {
            *went = Some(now);
        }
    }
}

/// What a terminal shows of it.
fn words(exporter: &Exporter, name: &str) -> Option<String> {
    let (code, subject) = name.split_once(' ')?;
    let page = exporter.get(&format!("/diagnostics?format=text&code={code}")).ok()?.body;
    block(&page, code, subject)
}

/// The lines of one finding: its head, and all that stands further in.
fn block(page: &str, code: &str, subject: &str) -> Option<String> {
    let is_head = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1) == Some(&code) && words.get(2..).is_some_and(|rest| rest.join(" ") == subject)
    };
    let mut lines = page.lines().skip_while(|line| !is_head(line));
    let head = lines.next()?.trim();
    let body =
        lines.take_while(|line| line.starts_with("          ")).map(|line| line.get(8..).unwrap_or(line));
    let body: Vec<&str> = body.take_while(|line| !line.starts_with("  path    ")).collect();
    Some(format!("{head}\n{}\n", body.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_cut_out_of_the_page() {
        let page = "  page    other  web\n          Not it.\n  ticket  a-code  my web\n          It is so.\n          \
                    seen    a: b\n          path    x ✓\n  route   a → b\n";
        let cut = block(page, "a-code", "my web").expect("it is there");
        assert_eq!(cut, "ticket  a-code  my web\n  It is so.\n  seen    a: b\n");
        assert_eq!(block(page, "a-code", "web"), None);
    }

    #[test]
    fn what_comes_again_came_anew() {
        let (mut book, start) = (Book::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let told = BTreeSet::from(["a x".to_owned()]);
        enter(&mut book, &told, at(1));
        enter(&mut book, &told, at(2));
        assert_eq!(book["a x"], (at(1), None));
        enter(&mut book, &BTreeSet::new(), at(3));
        enter(&mut book, &BTreeSet::new(), at(4));
        assert_eq!(book["a x"], (at(1), Some(at(3))));
        enter(&mut book, &told, at(5));
        assert_eq!(book["a x"], (at(5), None));
    }
}
