//! What the Engine told: a new picture, signs of life, and what follows from them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::diagnosis::AFTER_ABSENCE;
use crate::inventory::seen::Seen;
use crate::inventory::{Inventory, build};
use crate::outcome::ProbeKind;
use crate::plan::Errand;

use super::{CALM, Monitor, URGENT};

impl Monitor {
    pub(super) fn answered(&mut self, asked_at: SystemTime) {
        if !self.recorder.engine_answered(asked_at) {
            return;
        }
        tracing::info!("the Engine answers");
        // It is the containers' resolver too: what it left unanswered while it was away says nothing now.
        let now = self.now();
        self.schedule.hasten(now, asks_names);
        // And once more when what it left unanswered counts against nobody any longer.
        self.ask_names_at = Some(Instant::now() + AFTER_ABSENCE);
        self.show_after(URGENT);
    }

    /// A listing that was asked for at one moment and came at another.
    pub(super) fn listed(&mut self, seen: &Seen, asked_at: SystemTime, at: SystemTime) {
        let inventory = Arc::new(build::build(seen, &self.config.destinations, asked_at));
        self.recorder.listed(Arc::clone(&inventory), at);
        self.look_at_mount(&inventory);
        let unread = self.lessons.forget_all_but(&inventory);
        self.eyes.forget_all_but(&inventory);
        self.eyes.tell(self.recorder.sight(), Some(&inventory));
        let changed = self.inventory.as_ref().is_none_or(|before| !same(before, &inventory));
        self.inventory = Some(inventory);
        if changed {
            self.replan();
            self.look_home();
            self.show_after(URGENT);
        } else {
            self.show_after(CALM);
        }
        // What an event named since may not be in it yet, and waits for the next one.
        let later = |heard: &SystemTime| *heard >= asked_at;
        let touched: BTreeSet<String> =
            self.touched.extract_if(.., |_, heard| !later(heard)).map(|(name, _)| name).collect();
        if !touched.is_empty() {
            let now = self.now();
            let known = self.inventory.clone();
            self.schedule.hasten(now, |errand| concerns(errand, &touched, known.as_deref()));
        }
        // One that was put back on a destination has another interface, and what it counted before was forgotten.
        self.look(true, |id| unread.contains(id) || !self.recorder.has_looked(id));
    }
}

pub(super) const fn asks_names(errand: &Errand) -> bool {
    matches!(errand.kind, ProbeKind::Dns | ProbeKind::DnsExternal)
}

/// Whether two listings say the same but for the time.
fn same(before: &Inventory, after: &Inventory) -> bool {
    before.destinations == after.destinations
        && before.absent == after.absent
        && before.pools == after.pools
        && before.containers == after.containers
        && before.engine == after.engine
        && before.oddities == after.oddities
}

/// Whether an errand looks from or at something that an event named.
fn concerns(errand: &Errand, touched: &BTreeSet<String>, inventory: Option<&Inventory>) -> bool {
    if touched.contains(errand.container.as_str()) || touched.contains(&*errand.destination) {
        return true;
    }
    let Some(destination) = inventory.and_then(|i| i.destination(&errand.destination)) else { return false };
    touched.contains(destination.id.as_str())
        || errand.jobs.iter().any(|job| {
            destination.endpoint(&job.key.target).is_some_and(|e| touched.contains(e.container.as_str()))
        })
}
