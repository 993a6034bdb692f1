//! Tasks of a Swarm that nobody is to find by name.
//!
//! The Engine gives a task its names once it is up, by its own check where it has one. It takes them away again before it
//! has the task end, which may take the task as long as its grace is: meanwhile the container runs, and is looked up in vain.

use std::collections::BTreeSet;

use crate::inventory::told::{Deed, Told};
use crate::inventory::{Container, ContainerId, Endpoint, Health, Inventory};

/// Containers that are remembered.
const MOST: usize = 4096;

/// Who was told to end.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    ending: BTreeSet<ContainerId>,
}

impl Tasks {
    /// Takes what happened.
    pub(super) fn told(&mut self, told: &Told) {
        let Some(id) = told.container.as_deref().map(ContainerId::new) else { return };
        match told.deed {
            Deed::Signalled(_) if self.ending.len() < MOST => drop(self.ending.insert(id)),
            Deed::Started => drop(self.ending.remove(&id)),
            _ => {}
        }
    }

    /// Takes a new picture, and takes the names out of it that the Engine does not answer to.
    pub(super) fn complete(&mut self, inventory: &mut Inventory) {
        self.ending.retain(|id| inventory.container(id).is_some_and(|one| one.state.has_namespace()));
        let is_nameless = |one: &&Container| {
            one.task_of.is_some() && (one.health == Health::Starting || self.ending.contains(&one.id))
        };
        let nameless: BTreeSet<ContainerId> =
            inventory.containers.values().filter(is_nameless).map(|one| one.id.clone()).collect();
        let here = inventory.destinations.iter_mut().flat_map(|on| &mut on.endpoints);
        let all = here.chain(inventory.elsewhere.iter_mut().flatten());
        for endpoint in all.filter(|endpoint| nameless.contains(&endpoint.container)) {
            forget_names(endpoint);
        }
    }
}

fn forget_names(endpoint: &mut Endpoint) {
    endpoint.names.clear();
    endpoint.has_more_names = false;
}

#[cfg(test)]
mod tests;
