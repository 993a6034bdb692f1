//! What the exporter can see, container by container.
//!
//! To enter a namespace takes a right of the exporter's: where that fails at one container it fails,
//! whoever is visited after it, and an exporter that sees the containers of yesterday and not those of
//! today (a private mount) says so all the time. What a container's own settings can take away (echo
//! sockets, by its `ping_group_range`) is the exporter's blindness only where it works nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use crate::inventory::{ContainerId, Inventory};
use crate::namespace::HopError;
use crate::netstack::Inner;
use crate::outcome::{Blindness, Outcome, ProbeKind, Run};
use crate::state::Sight;

/// One sense.
#[derive(Debug, Default)]
struct Sense {
    /// Where it fails, and what the kernel said.
    fails: BTreeMap<ContainerId, String>,
    /// Where it works.
    works: BTreeSet<ContainerId>,
}

impl Sense {
    fn works_at(&mut self, container: &ContainerId) {
        self.fails.remove(container);
        self.works.insert(container.clone());
    }

    fn fails_at(&mut self, container: &ContainerId, why: String) {
        self.works.remove(container);
        self.fails.insert(container.clone(), why);
    }

    /// As [`Sense::verdict`], of what fails only where it works nowhere.
    fn verdict_of_all(&self, inventory: Option<&Inventory>) -> Option<Result<(), String>> {
        if self.works.is_empty() { self.verdict(inventory) } else { Some(Ok(())) }
    }

    fn verdict(&self, inventory: Option<&Inventory>) -> Option<Result<(), String>> {
        let Some((container, why)) = self.fails.first_key_value() else {
            return (!self.works.is_empty()).then_some(Ok(()));
        };
        let name = inventory
            .and_then(|i| i.container(container))
            .map_or_else(|| container.short().to_owned(), |c| c.name.to_string());
        Some(Err(match self.fails.len() - 1 {
            0 => format!("{name}: {why}"),
            1 => format!("{name}: {why} (and 1 more container)"),
            more => format!("{name}: {why} (and {more} more containers)"),
        }))
    }
}

/// The senses that need the containers' namespaces.
#[derive(Debug, Default)]
pub(super) struct Eyes {
    namespaces: Sense,
    icmp: Sense,
    socket_diagnostics: Sense,
    /// Whose namespace is not where the Engine says.
    missed: BTreeMap<ContainerId, Missed>,
}

#[derive(Debug)]
struct Missed {
    /// Since when.
    since: SystemTime,
    /// One could look into it before.
    was_seen: bool,
}

impl Eyes {
    /// Forgets containers that do not run or are on no destination any more: nobody looks there.
    pub(super) fn forget_all_but(&mut self, inventory: &Inventory) {
        let here: BTreeSet<&ContainerId> = inventory.endpoints().map(|(_, e)| &e.container).collect();
        for sense in [&mut self.namespaces, &mut self.icmp, &mut self.socket_diagnostics] {
            sense.fails.retain(|id, _| here.contains(id));
            sense.works.retain(|id| here.contains(id));
        }
        self.missed.retain(|id, _| here.contains(id));
    }

    /// These have another namespace than before: what failed in the old one says nothing of it.
    pub(super) fn renewed(&mut self, containers: &BTreeSet<ContainerId>) {
        for sense in [&mut self.namespaces, &mut self.icmp, &mut self.socket_diagnostics] {
            sense.fails.retain(|id, _| !containers.contains(id));
        }
        self.missed.retain(|id, _| !containers.contains(id));
    }

    /// The Engine is away, and gave its last sign of life at that moment. It may have taken its containers with it since:
    /// that their namespaces are gone is no fault of the exporter's mounts then, and what was seen before holds.
    pub(super) fn engine_lost(&mut self, last_sign: SystemTime) {
        for (container, missed) in self.missed.extract_if(.., |_, missed| missed.since >= last_sign) {
            self.namespaces.fails.remove(&container);
            if missed.was_seen {
                self.namespaces.works.insert(container);
            }
        }
    }

    /// A namespace was looked into, or could not be.
    pub(super) fn looked(
        &mut self,
        container: &ContainerId,
        seen: Result<&Inner, &HopError>,
        at: SystemTime,
    ) {
        match seen {
            Ok(inner) => {
                self.missed.remove(container);
                self.namespaces.works_at(container);
                if inner.listeners.is_some() {
                    self.socket_diagnostics.works_at(container);
                } else {
                    let why = "socket diagnostics gave no listeners";
                    self.socket_diagnostics.fails_at(container, why.to_owned());
                }
            }
            Err(error) if matches!(error.blindness, Blindness::NoPrivilege | Blindness::NoNamespace) => {
                if error.blindness == Blindness::NoPrivilege {
                    self.missed.remove(container);
                } else {
                    let was_seen = self.namespaces.works.contains(container);
                    self.missed.entry(container.clone()).or_insert(Missed { since: at, was_seen });
                }
                self.namespaces.fails_at(container, error.detail.clone());
            }
            // The container ended meanwhile, or the exporter ran short: the next look tells more.
            Err(error) => tracing::debug!(%container, %error, "could not look into the namespace"),
        }
    }

    /// A visit ended.
    pub(super) fn visited(&mut self, container: &ContainerId, runs: &[Run]) {
        for run in runs.iter().filter(|run| run.key.kind == ProbeKind::Icmp) {
            match run.outcome {
                Outcome::Unknown(Blindness::NoSocket) => {
                    self.icmp.fails_at(container, run.seen.note.clone().unwrap_or_default());
                }
                Outcome::Unknown(_) => {}
                Outcome::Success(_) | Outcome::Failure(_) => self.icmp.works_at(container),
            }
        }
    }

    /// Writes down what is seen now.
    pub(super) fn tell(&self, sight: &mut Sight, inventory: Option<&Inventory>) {
        sight.namespaces = self.namespaces.verdict(inventory);
        sight.icmp = self.icmp.verdict_of_all(inventory);
        sight.socket_diagnostics = self.socket_diagnostics.verdict_of_all(inventory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blind(blindness: Blindness) -> HopError {
        HopError { blindness, detail: "setns: no".into() }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
    }

    fn inner(listeners: bool) -> Inner {
        Inner { listeners: listeners.then(Vec::new), ..Inner::default() }
    }

    #[test]
    fn what_is_seen_of_one_does_not_hide_what_is_not_seen_of_another() {
        let (old, new) = (ContainerId::new("old"), ContainerId::new("new"));
        let mut eyes = Eyes::default();
        let mut sight = Sight::default();
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, None, "not tried");
        eyes.looked(&new, Err(&blind(Blindness::NoNamespace)), at(1));
        eyes.looked(&old, Ok(&inner(true)), at(1));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, Some(Err("new: setns: no".into())));
        assert_eq!(sight.socket_diagnostics, Some(Ok(())));
        eyes.looked(&old, Err(&blind(Blindness::NoPrivilege)), at(1));
        eyes.looked(&old, Ok(&inner(false)), at(1));
        eyes.looked(&new, Ok(&inner(true)), at(1));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, Some(Ok(())));
    }

    #[test]
    fn what_one_container_forbids_is_no_blindness() {
        let (odd, usual) = (ContainerId::new("odd"), ContainerId::new("usual"));
        let mut eyes = Eyes::default();
        let mut sight = Sight::default();
        eyes.looked(&odd, Ok(&inner(false)), at(1));
        eyes.tell(&mut sight, None);
        assert!(sight.socket_diagnostics.as_ref().is_some_and(|sense| sense.is_err()), "nowhere");
        eyes.looked(&usual, Ok(&inner(true)), at(1));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.socket_diagnostics, Some(Ok(())));
    }

    #[test]
    fn what_failed_in_the_namespace_before_is_forgotten_with_it() {
        let (old, new) = (ContainerId::new("old"), ContainerId::new("new"));
        let mut eyes = Eyes::default();
        let mut sight = Sight::default();
        for id in [&old, &new] {
            eyes.looked(id, Err(&blind(Blindness::NoNamespace)), at(1));
        }
        eyes.renewed(&BTreeSet::from([new]));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, Some(Err("old: setns: no".into())));
        eyes.renewed(&BTreeSet::from([old]));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, None);
    }

    #[test]
    fn a_container_that_ended_meanwhile_is_no_missing_privilege() {
        let mut eyes = Eyes::default();
        let mut sight = Sight::default();
        for blindness in [Blindness::Vanished, Blindness::Resources] {
            eyes.looked(&ContainerId::new("a"), Err(&blind(blindness)), at(1));
        }
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, None);
    }

    #[test]
    fn what_was_missed_since_the_last_sign_of_life_may_have_died_with_the_engine() {
        let ids = ["both", "early", "forbidden", "late", "new"].map(ContainerId::new);
        let [both, early, forbidden, late, new] = &ids;
        let mut eyes = Eyes::default();
        for id in [both, early, forbidden, late] {
            eyes.looked(id, Ok(&inner(true)), at(1));
        }
        let missed = |id: &ContainerId, second, eyes: &mut Eyes| {
            eyes.looked(id, Err(&blind(Blindness::NoNamespace)), at(second));
        };
        missed(early, 9, &mut eyes);
        missed(both, 9, &mut eyes);
        missed(both, 11, &mut eyes);
        missed(forbidden, 11, &mut eyes);
        eyes.looked(forbidden, Err(&blind(Blindness::NoPrivilege)), at(12));
        missed(late, 11, &mut eyes);
        missed(new, 11, &mut eyes);
        eyes.engine_lost(at(10));
        let fails: Vec<&ContainerId> = eyes.namespaces.fails.keys().collect();
        assert_eq!(fails, [both, early, forbidden]);
        assert_eq!(
            eyes.namespaces.works,
            BTreeSet::from([late.clone()]),
            "nobody ever looked into the new one"
        );
        // Once there again, a container is missed anew.
        eyes.looked(early, Ok(&inner(true)), at(13));
        missed(early, 21, &mut eyes);
        eyes.engine_lost(at(20));
        assert!(eyes.namespaces.works.contains(early));
    }
}
