//! What looking and probing teaches, for the next plan.

use std::collections::BTreeSet;

use crate::inventory::{ContainerId, Inventory};
use crate::netstack::Listener;
use crate::outcome::{Detail, Outcome, ProbeKind, Reason, Run};
use crate::plan::Learned;

/// What was learned, and what is sure: a port that spoke HTTP once and does not now is a fault, one
/// that never did is no web server.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    learned: Learned,
    speaks_http: BTreeSet<(ContainerId, u16)>,
}

impl Lessons {
    /// For the plan.
    pub(super) const fn learned(&self) -> &Learned {
        &self.learned
    }

    /// Forgets containers that are gone or do not run; gives those that were never looked at.
    pub(super) fn forget_all_but(&mut self, inventory: &Inventory) -> BTreeSet<ContainerId> {
        let runs = |id: &ContainerId| inventory.container(id).is_some_and(|c| c.state.has_namespace());
        self.learned.listeners.retain(|id, _| runs(id));
        self.learned.not_http.retain(|(id, _)| runs(id));
        self.speaks_http.retain(|(id, _)| runs(id));
        let unread = |id: &&ContainerId| runs(id) && !self.learned.listeners.contains_key(*id);
        inventory.containers.keys().filter(unread).cloned().collect()
    }

    /// Takes the listeners of a container; true where that changes the plan.
    pub(super) fn listeners(&mut self, container: &ContainerId, seen: Option<Vec<Listener>>) -> bool {
        let Some(listeners) = seen else { return false };
        if self.learned.listeners.get(container) == Some(&listeners) {
            return false;
        }
        // A process that listens anew may speak otherwise than the one before.
        self.learned.not_http.retain(|(id, _)| id != container);
        self.learned.listeners.insert(container.clone(), listeners);
        true
    }

    /// Learns who speaks HTTP. Gives the runs that count, and whether the plan changes: the first
    /// question to a port that turns out to be no web server was ours to ask, and is no failure.
    /// A port that a proxy's labels name is a web server by its owner's word.
    pub(super) fn learn_from(&mut self, runs: Vec<Run>, inventory: Option<&Inventory>) -> (Vec<Run>, bool) {
        let mut learned = false;
        let counts = runs
            .into_iter()
            .filter(|run| {
                let (ProbeKind::Http, Detail::Port(_, port)) = (run.key.kind, &run.key.detail) else {
                    return true;
                };
                let Some(inventory) = inventory else { return true };
                let endpoint =
                    inventory.destination(&run.key.destination).and_then(|d| d.endpoint(&run.key.target));
                let Some(container) = endpoint.and_then(|e| inventory.container(&e.container)) else {
                    return true;
                };
                let port = (container.id.clone(), *port);
                match run.outcome {
                    Outcome::Success(_) | Outcome::Failure(Reason::HttpStatus) => {
                        self.speaks_http.insert(port);
                        true
                    }
                    Outcome::Failure(Reason::Protocol | Reason::Reset | Reason::Tls | Reason::Timeout)
                        if !self.speaks_http.contains(&port)
                            && !container.proxied_ports.contains(&port.1) =>
                    {
                        learned |= self.learned.not_http.insert(port);
                        false
                    }
                    _ => true,
                }
            })
            .collect();
        (counts, learned)
    }
}
