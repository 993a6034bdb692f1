//! What the Engine told: a new picture, signs of life, and what follows from them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::diagnosis::AFTER_ABSENCE;
use crate::inventory::seen::Seen;
use crate::inventory::{ContainerId, Inventory, WayIn, build};
use crate::outcome::ProbeKind;
use crate::plan::Errand;

use super::{CALM, Monitor, URGENT};

impl Monitor {
    pub(super) fn answered(&mut self, asked_at: SystemTime) {
        if !self.recorder.engine_answered(asked_at) {
            return;
        }
        tracing::info!("the Engine answers");
        self.timeline.engine_back(self.time());
        // It is the containers' resolver too: what it left unanswered while it was away says nothing now.
        let now = self.now();
        self.schedule.hasten(now, asks_names);
        // And once more when what it left unanswered counts against nobody any longer.
        self.ask_names_at = Some(Instant::now() + AFTER_ABSENCE);
        self.show_after(URGENT);
    }

    /// The Engine may have been away for a moment.
    pub(super) fn broke(&mut self, at: SystemTime) {
        self.recorder.engine_broke(at);
        // What it left unanswered meanwhile counts against nobody: it is asked again when it would.
        self.ask_names_at = Some(Instant::now() + AFTER_ABSENCE);
    }

    /// A listing that was asked for at one moment and came at another.
    pub(super) fn listed(&mut self, seen: &Arc<Seen>, asked_at: SystemTime, at: SystemTime) {
        let mut inventory = build::build(seen, &self.config.destinations, asked_at);
        self.nodes.complete(&mut inventory);
        self.tasks.complete(&mut inventory);
        let inventory = Arc::new(inventory);
        self.recorder.listed(Arc::clone(&inventory), at);
        self.recorder.followed(self.now(), at);
        self.look_at_mount(&inventory);
        let unread = self.lessons.forget_all_but(&inventory);
        self.eyes.forget_all_but(&inventory);
        let before = self.inventory.as_deref();
        let renewed = before.map(|before| renewed(before, &inventory)).unwrap_or_default();
        let given_up = before.map(|before| given_up(before, &inventory)).unwrap_or_default();
        self.timeline.listed(before, &inventory, self.time());
        self.eyes.renewed(&renewed);
        self.eyes.tell(self.recorder.sight(), Some(&inventory));
        let changed = self.inventory.as_ref().is_none_or(|before| !same(before, &inventory));
        self.inventory = Some(inventory);
        self.approval.listed(seen, changed);
        self.hold_against();
        if changed {
            self.replan();
            self.look_home();
            self.show_after(URGENT);
        } else {
            self.show_after(CALM);
        }
        self.release();
        // What an event named since may not be in it yet, and waits for the next one.
        let later = |heard: &SystemTime| *heard >= asked_at;
        let touched: BTreeSet<String> =
            self.touched.extract_if(.., |_, heard| !later(heard)).map(|(name, _)| name).collect();
        // An Engine that ended its containers and started them again tells of it by no event.
        let touched: BTreeSet<String> =
            touched.into_iter().chain(renewed.iter().map(|id| id.as_str().to_owned())).collect();
        if !touched.is_empty() {
            let now = self.now();
            let known = self.inventory.clone();
            self.schedule.hasten(now, |errand| concerns(errand, &touched, known.as_deref()));
        }
        // One that was put back on a destination has another interface, and what it counted before was forgotten.
        // And whoever talked with one that is gone may talk with another now.
        self.look(
            |_| true,
            |id| {
                unread.contains(id)
                    || renewed.contains(id)
                    || !self.recorder.has_looked(id)
                    || self.recorder.talks_with(id, &given_up)
            },
        );
    }
}

/// Addresses that somebody had before and has no longer.
fn given_up(before: &Inventory, after: &Inventory) -> BTreeSet<IpAddr> {
    let given = |inventory: &Inventory| -> BTreeSet<(IpAddr, ContainerId)> {
        let endpoints = inventory.endpoints().map(|(_, endpoint)| endpoint);
        endpoints.flat_map(|e| e.addresses.iter().map(|address| (*address, e.container.clone()))).collect()
    };
    let now = given(after);
    given(before).into_iter().filter(|one| !now.contains(one)).map(|(address, _)| address).collect()
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
        && before.proxies == after.proxies
        && before.routes == after.routes
        && before.engine == after.engine
        && before.swarm == after.swarm
        && before.oddities == after.oddities
}

/// Containers that are as they were, in another namespace.
fn renewed(before: &Inventory, after: &Inventory) -> BTreeSet<ContainerId> {
    let way_before = |id: &ContainerId| before.container(id).and_then(|c| c.way_in.as_ref());
    let moved = |id: &ContainerId, way: Option<&WayIn>| {
        way.is_some() && way_before(id).is_some_and(|w| Some(w) != way)
    };
    let containers = after.containers.iter();
    containers.filter(|(id, c)| moved(id, c.way_in.as_ref())).map(|(id, _)| id.clone()).collect()
}

/// Whether an errand looks from or at something that an event named.
fn concerns(errand: &Errand, touched: &BTreeSet<String>, inventory: Option<&Inventory>) -> bool {
    if errand.container.as_ref().is_some_and(|id| touched.contains(id.as_str()))
        || touched.contains(&*errand.destination)
    {
        return true;
    }
    let Some(destination) = inventory.and_then(|i| i.destination(&errand.destination)) else { return false };
    touched.contains(destination.id.as_str())
        || errand.jobs.iter().any(|job| {
            destination.endpoint(&job.key.target).is_some_and(|e| touched.contains(e.container.as_str()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::Sample;

    #[test]
    fn who_has_another_namespace_is_another_to_look_at() {
        let picture = |ways: [(&str, Option<u32>); 3]| {
            let mut inventory = Sample::shop(&["api", "db", "web"]).inventory;
            for ((_, pid), container) in ways.into_iter().zip(inventory.containers.values_mut()) {
                container.way_in = pid.map(|pid| WayIn { sandbox: None, pid: Some(pid) });
            }
            inventory
        };
        let before = picture([("stays", Some(1)), ("moves", Some(2)), ("starts", None)]);
        let after = picture([("stays", Some(1)), ("moves", Some(3)), ("starts", Some(4))]);
        let second = before.containers.keys().nth(1).cloned();
        assert_eq!(renewed(&before, &after), second.into_iter().collect());
        assert_eq!(renewed(&before, &before), BTreeSet::new());
    }
}
