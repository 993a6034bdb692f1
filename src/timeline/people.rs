//! Who is who, by the Engine's ids: also those that a listing shows no more, for an event may come later than it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{Container, ContainerId, Inventory, Place};

/// Who is gone is known for so long.
const REMEMBERED: Duration = Duration::from_secs(120);
/// And so many of them.
const MOST_GONE: usize = 512;

/// A container, as it is spoken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The Engine's id.
    pub id: ContainerId,
    /// What the inventory calls it.
    pub name: Arc<str>,
    /// The same without the id that stands behind the older one of two while they overlap.
    pub bare: Arc<str>,
    /// What stays across redeploys.
    pub workload: Arc<str>,
    /// And tells replicas apart, and what Coolify calls alike in two environments.
    pub role: (String, Option<u32>),
    /// The destinations that it is on, or is missed from.
    pub places: Vec<Arc<str>>,
    /// It is a reverse proxy.
    pub is_proxy: bool,
}

impl Who {
    /// Somebody here, and not just any container of the host.
    pub fn matters(&self) -> bool {
        self.is_proxy || !self.places.is_empty()
    }
}

/// Those that were asked for.
#[derive(Debug, Default)]
pub struct People {
    /// By the present listing.
    here: BTreeMap<ContainerId, Who>,
    /// By one before, and since when they are in none.
    gone: BTreeMap<ContainerId, (Who, Duration)>,
    networks: BTreeMap<String, (Arc<str>, Duration)>,
}

impl People {
    /// Whom that id means; `None` where that is not known, or matters to nobody.
    pub fn who(&mut self, id: &str, inventory: Option<&Inventory>) -> Option<Who> {
        let id = ContainerId::new(id);
        if let Some(known) = self.here.get(&id) {
            return Some(known.clone());
        }
        match inventory.and_then(|inventory| who(inventory, &id)).filter(Who::matters) {
            Some(found) => {
                self.here.insert(id, found.clone());
                Some(found)
            }
            None => self.gone.get(&id).map(|(who, _)| who.clone()),
        }
    }

    /// The destination that this network is, or was.
    pub fn destination(&self, id: &str, inventory: Option<&Inventory>) -> Option<Arc<str>> {
        let here = inventory.and_then(|i| i.destinations.iter().find(|d| d.id.as_str() == id));
        here.map(|d| Arc::clone(&d.name)).or_else(|| self.networks.get(id).map(|(name, _)| Arc::clone(name)))
    }

    /// A new picture.
    pub fn listed(&mut self, before: Option<&Inventory>, after: &Inventory, now: Duration) {
        self.here.clear();
        self.gone.retain(|_, (_, since)| now.saturating_sub(*since) < REMEMBERED);
        self.networks.retain(|_, (_, since)| now.saturating_sub(*since) < REMEMBERED);
        let Some(before) = before else { return };
        // Who ended may be listed still, and has lost its places.
        let lives = |inventory: &Inventory, id: &ContainerId| {
            inventory.container(id).is_some_and(|container| container.state.has_namespace())
        };
        for id in before.containers.keys().filter(|id| lives(before, id) && !lives(after, id)) {
            if self.gone.len() < MOST_GONE
                && let Some(who) = who(before, id).filter(Who::matters)
            {
                self.gone.insert(id.clone(), (who, now));
            }
        }
        for on in &before.destinations {
            if self.networks.len() < MOST_GONE && !after.destinations.iter().any(|now| now.id == on.id) {
                self.networks.insert(on.id.as_str().to_owned(), (Arc::clone(&on.name), now));
            }
        }
    }
}

/// What an inventory says of a container.
pub fn who(inventory: &Inventory, id: &ContainerId) -> Option<Who> {
    let container = inventory.container(id)?;
    // What reaches the one whose network it uses reaches it.
    let stack = if let Place::SharedWith(other) = &container.place { other } else { id };
    let mut places = Vec::new();
    let mut called = None;
    for on in &inventory.destinations {
        let endpoints = on.endpoints.iter().map(|e| (&e.container, &e.name));
        let missing =
            on.detached.iter().chain(&on.stopped).map(|missing| (&missing.container, &missing.name));
        if let Some((_, name)) = endpoints.chain(missing).find(|(whose, _)| *whose == stack) {
            places.push(Arc::clone(&on.name));
            called = called.or_else(|| (stack == id).then(|| Arc::clone(name)));
        }
    }
    let proxy = inventory.proxies.iter().find(|proxy| proxy.container == *id);
    let called = called.or_else(|| proxy.map(|proxy| Arc::clone(&proxy.name)));
    let name = called.unwrap_or_else(|| by_itself(container));
    let behind = format!(" ({})", id.short());
    let bare = name.strip_suffix(&behind).map_or_else(|| Arc::clone(&name), Arc::from);
    Some(Who {
        id: id.clone(),
        name,
        bare,
        workload: Arc::clone(&container.workload),
        role: (container.whose(), container.replica),
        places,
        is_proxy: container.is_proxy || proxy.is_some(),
    })
}

fn by_itself(container: &Container) -> Arc<str> {
    match container.replica.filter(|number| *number > 1) {
        Some(number) => format!("{}/{number}", container.workload).into(),
        None => Arc::clone(&container.workload),
    }
}
