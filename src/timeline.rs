//! What happened of late, and what the Engine told just before it.
//!
//! Two kinds of entries: what the Engine told ([`events`]), in the words of the inventory, and what flipped in the
//! exporter's own judgement ([`flips`]): findings, routes, destinations, what is otherwise than approved. A flip says what came at most
//! [half a minute](join::WITHIN) before it and concerns it ([`join`]). Nothing here says that one is the *cause* of the other:
//! the word is "after".
//!
//! Pure: time comes in with every call, by two clocks. Entries are put in order, and set against each other, by one that only
//! grows; the wall's clock is shown, and may be set back. Bounded: so many entries of each kind, so that neither a container
//! that starts again and again nor a site that flaps drives the other kind out; and so many bytes of each text.

mod entry;
mod event;
mod events;
mod flips;
mod join;
mod people;
#[cfg(test)]
mod tests;
mod words;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::diagnosis::{Finding, Verdict};
use crate::inventory::Inventory;
use crate::inventory::told::Told;

pub use crate::diagnosis::After;
pub use entry::{Entry, Kind};
pub use flips::STANDS;

use event::{About, Happened};
use events::Events;
use flips::Known;
use people::People;

/// So many entries of each of the two kinds are kept.
pub const MOST_OF_A_KIND: usize = 250;
/// An event is put no further back than this, whatever the Engine's clock says.
const LATE: Duration = Duration::from_secs(600);

/// Now, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// Since the exporter started: only grows.
    pub moment: Duration,
    /// By the wall's clock.
    pub at: SystemTime,
}

impl Time {
    /// That which happened at `at` by the wall's clock, and not later than now.
    fn back_to(self, at: SystemTime) -> Self {
        let ago = self.at.duration_since(at).unwrap_or_default();
        let moment = self.moment.saturating_sub(ago.min(LATE));
        Self { moment, at: at.min(self.at) }
    }
}

/// What faces read: newest first.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Arc<Entry>>);

impl History {
    /// The entries, newest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().map(|entry| &**entry)
    }
}

impl FromIterator<Entry> for History {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self(entries.into_iter().map(Arc::new).collect())
    }
}

/// Where an entry stands: by its moment, and of one moment by what was heard first.
type Place = (Duration, u64);

/// Keeps what happened of late.
#[derive(Debug)]
pub struct Timeline {
    people: People,
    events: Events,
    known: Known,
    flips: VecDeque<(Place, Arc<Entry>)>,
    number: u64,
    has_news: bool,
}

impl Timeline {
    /// The exporter begins to watch.
    pub fn new(now: Time) -> Self {
        let mut timeline = Self {
            people: People::default(),
            events: Events::default(),
            known: Known::default(),
            flips: VecDeque::new(),
            number: 0,
            has_news: false,
        };
        timeline.add(About::Exporter, Happened::Watching, now);
        timeline
    }

    /// The Engine told something. What concerns nobody on a destination is nobody's business here. `inventory` is the latest.
    pub fn told(&mut self, told: Told, inventory: Option<&Inventory>, now: Time) {
        self.number += 1;
        let place = (now.back_to(told.at.unwrap_or(now.at)), self.number);
        self.has_news |= self.events.told(told, place, now, &mut self.people, inventory);
    }

    /// A new picture: whoever was not known before may be in it.
    pub fn listed(&mut self, before: Option<&Inventory>, after: &Inventory, now: Time) {
        self.people.listed(before, after, now.moment);
        self.has_news |= self.events.listed(after, now, &mut self.people);
    }

    /// The Engine does not answer.
    pub fn engine_lost(&mut self, why: &str, now: Time) {
        self.add(About::Engine, Happened::Lost(words::cut(why).into()), now);
    }

    /// It answers again.
    pub fn engine_back(&mut self, now: Time) {
        self.add(About::Engine, Happened::Back, now);
    }

    /// Other settings are in force.
    pub fn reloaded(&mut self, now: Time) {
        self.add(About::Exporter, Happened::Reloaded, now);
    }

    /// A new verdict: what is otherwise than in the one before is told.
    pub fn judged(&mut self, verdict: &Verdict, now: Time) {
        for flip in self.known.take(verdict, now) {
            let before = join::before(&flip.concern, flip.onset, &self.events);
            let after = join::after(&before, flip.onset);
            self.known.came_after(&flip, join::of_engine(&before, flip.onset));
            self.number += 1;
            self.flips.push_back(((now.moment, self.number), Arc::new(flip.entry(now.at, after))));
            if self.flips.len() > MOST_OF_A_KIND {
                self.flips.pop_front();
            }
            self.has_news = true;
        }
    }

    /// Something has to stand for [`STANDS`] before it is told: another verdict is wanted by then.
    pub fn waits(&self) -> bool {
        self.known.waits()
    }

    /// Has open findings say what the Engine told just before they began.
    pub fn date(&self, findings: &mut [Finding]) {
        for finding in findings {
            finding.after = self.known.after(finding).to_vec();
        }
    }

    /// Everything, where something is otherwise than when this was last asked.
    pub fn news(&mut self) -> Option<History> {
        if !std::mem::take(&mut self.has_news) {
            return None;
        }
        let mut all: Vec<(Place, Arc<Entry>)> =
            self.events.entries().chain(self.flips.iter().cloned()).collect();
        all.sort_unstable_by_key(|(place, _)| std::cmp::Reverse(*place));
        Some(History(all.into_iter().map(|(_, entry)| entry).collect()))
    }

    fn add(&mut self, about: About, happened: Happened, now: Time) {
        self.number += 1;
        self.events.add(about, happened, (now, self.number));
        self.has_news = true;
    }
}
