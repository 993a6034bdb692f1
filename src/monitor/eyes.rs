//! What the exporter can see, container by container.
//!
//! To enter a namespace takes a right of the exporter's: where that fails at one container it fails,
//! whoever is visited after it, and an exporter that sees the containers of yesterday and not those of
//! today (a private mount) says so all the time. What a container's own settings can take away (echo
//! sockets, by its `ping_group_range`) is the exporter's blindness only where it works nowhere.

use std::collections::{BTreeMap, BTreeSet};

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
}

impl Eyes {
    /// Forgets containers that do not run or are on no destination any more: nobody looks there.
    pub(super) fn forget_all_but(&mut self, inventory: &Inventory) {
        let here: BTreeSet<&ContainerId> = inventory.endpoints().map(|(_, e)| &e.container).collect();
        for sense in [&mut self.namespaces, &mut self.icmp, &mut self.socket_diagnostics] {
            sense.fails.retain(|id, _| here.contains(id));
            sense.works.retain(|id| here.contains(id));
        }
    }

    /// These have another namespace than before: what failed in the old one says nothing of it.
    pub(super) fn renewed(&mut self, containers: &BTreeSet<ContainerId>) {
        for sense in [&mut self.namespaces, &mut self.icmp, &mut self.socket_diagnostics] {
            sense.fails.retain(|id, _| !containers.contains(id));
        }
    }

    /// A namespace was looked into, or could not be.
    pub(super) fn looked(&mut self, container: &ContainerId, seen: Result<&Inner, &HopError>) {
        match seen {
            Ok(inner) => {
                self.namespaces.works_at(container);
                if inner.listeners.is_some() {
                    self.socket_diagnostics.works_at(container);
                } else {
                    let why = "socket diagnostics gave no listeners";
                    self.socket_diagnostics.fails_at(container, why.to_owned());
                }
            }
            Err(error) if matches!(error.blindness, Blindness::NoPrivilege | Blindness::NoNamespace) => {
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
        eyes.looked(&new, Err(&blind(Blindness::NoNamespace)));
        eyes.looked(&old, Ok(&inner(true)));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, Some(Err("new: setns: no".into())));
        assert_eq!(sight.socket_diagnostics, Some(Ok(())));
        eyes.looked(&old, Err(&blind(Blindness::NoPrivilege)));
        eyes.looked(&old, Ok(&inner(false)));
        eyes.looked(&new, Ok(&inner(true)));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, Some(Ok(())));
    }

    #[test]
    fn what_one_container_forbids_is_no_blindness() {
        let (odd, usual) = (ContainerId::new("odd"), ContainerId::new("usual"));
        let mut eyes = Eyes::default();
        let mut sight = Sight::default();
        eyes.looked(&odd, Ok(&inner(false)));
        eyes.tell(&mut sight, None);
        assert!(sight.socket_diagnostics.as_ref().is_some_and(|sense| sense.is_err()), "nowhere");
        eyes.looked(&usual, Ok(&inner(true)));
        eyes.tell(&mut sight, None);
        assert_eq!(sight.socket_diagnostics, Some(Ok(())));
    }

    #[test]
    fn what_failed_in_the_namespace_before_is_forgotten_with_it() {
        let (old, new) = (ContainerId::new("old"), ContainerId::new("new"));
        let mut eyes = Eyes::default();
        let mut sight = Sight::default();
        for id in [&old, &new] {
            eyes.looked(id, Err(&blind(Blindness::NoNamespace)));
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
            eyes.looked(&ContainerId::new("a"), Err(&blind(blindness)));
        }
        eyes.tell(&mut sight, None);
        assert_eq!(sight.namespaces, None);
    }
}
