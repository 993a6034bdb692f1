//! To which addresses a name may lead.
//!
//! Aliases are free for whoever deploys, and every container is asked for the names of its peers: to look
//! for a name's bearers among all names of all endpoints, each time anew, would let one stranger's aliases
//! hold up every plan. So names are looked up, and what was found is kept: containers on the same
//! networks share one answer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::{ContainerId, Endpoint, Inventory};

/// A set of networks, by its number.
pub(super) type Set = usize;

/// The bearers of every name of an inventory. Maps of the standard library: strangers choose the keys, and
/// its hasher is not to be foreseen.
pub(super) struct Owners<'a> {
    /// For each network the addresses behind its names.
    on: Vec<HashMap<&'a str, Vec<IpAddr>>>,
    /// The networks of each set that some container is on.
    sets: Vec<Vec<usize>>,
    set_of: BTreeMap<&'a ContainerId, Set>,
    /// For each set the addresses of those who have more names than are kept.
    unsure: Vec<Arc<[IpAddr]>>,
    /// For each set the addresses that the gossip of its overlays knows, sorted.
    beyond: Vec<Arc<[IpAddr]>>,
    /// What was asked for already, IPv4 and IPv6 apart.
    told: RefCell<HashMap<Set, Answers>>,
}

type Answers = HashMap<Arc<str>, [Arc<[IpAddr]>; 2]>;

impl<'a> Owners<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let destinations = inventory.destinations.iter().map(|destination| &destination.endpoints);
        let networks: Vec<&Vec<Endpoint>> = destinations.chain(&inventory.elsewhere).collect();
        let mut on = Vec::with_capacity(networks.len());
        let mut places: BTreeMap<&ContainerId, Vec<usize>> = BTreeMap::new();
        for (at, endpoints) in networks.iter().enumerate() {
            let mut bearers: HashMap<&str, Vec<IpAddr>> = HashMap::new();
            for endpoint in *endpoints {
                places.entry(&endpoint.container).or_default().push(at);
                for name in &endpoint.names {
                    bearers.entry(name).or_default().extend(&endpoint.addresses);
                }
            }
            on.push(bearers);
        }
        let mut numbers: BTreeMap<Vec<usize>, Set> = BTreeMap::new();
        let set_of = places
            .into_iter()
            .map(|(container, places)| {
                let next = numbers.len();
                (container, *numbers.entry(places).or_insert(next))
            })
            .collect();
        let mut sets: Vec<(Set, Vec<usize>)> =
            numbers.into_iter().map(|(places, set)| (set, places)).collect();
        sets.sort_unstable();
        let sets: Vec<Vec<usize>> = sets.into_iter().map(|(_, places)| places).collect();
        let unsure = |places: &Vec<usize>| {
            let on = places.iter().filter_map(|at| networks.get(*at));
            let unsure = on.flat_map(|endpoints| *endpoints).filter(|e| e.has_more_names);
            unsure.flat_map(|e| &e.addresses).copied().collect()
        };
        let beyond = |places: &Vec<usize>| {
            let on = places.iter().filter_map(|at| inventory.destinations.get(*at)?.overlay.as_ref());
            let known: BTreeSet<IpAddr> = on.flat_map(|overlay| overlay.bearers().into_keys()).collect();
            known.into_iter().collect()
        };
        Self {
            on,
            unsure: sets.iter().map(unsure).collect(),
            beyond: sets.iter().map(beyond).collect(),
            sets,
            set_of,
            told: RefCell::default(),
        }
    }

    /// The set of networks that a container is on.
    pub(super) fn set(&self, container: &ContainerId) -> Option<Set> {
        self.set_of.get(container).copied()
    }

    /// Every address of a family that a name may lead to from these networks, sorted.
    pub(super) fn addresses(&self, set: Set, name: &Arc<str>, v4: bool) -> Arc<[IpAddr]> {
        let mut told = self.told.borrow_mut();
        let answers = told.entry(set).or_default();
        let [four, six] = answers.entry(Arc::clone(name)).or_insert_with(|| self.both(set, name));
        Arc::clone(if v4 { four } else { six })
    }

    /// Every address that any name may lead to from these networks, for all that is known.
    pub(super) fn unsure(&self, set: Set) -> Arc<[IpAddr]> {
        self.unsure.get(set).map_or_else(|| Arc::from([]), Arc::clone)
    }

    /// Every address of containers on other hosts that a name may lead to from these networks as well, sorted.
    pub(super) fn beyond(&self, set: Set) -> Arc<[IpAddr]> {
        self.beyond.get(set).map_or_else(|| Arc::from([]), Arc::clone)
    }

    fn both(&self, set: Set, name: &str) -> [Arc<[IpAddr]>; 2] {
        let places = self.sets.get(set).into_iter().flatten().filter_map(|at| self.on.get(*at));
        let mut all: Vec<IpAddr> = places.filter_map(|names| names.get(name)).flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        let (four, six): (Vec<_>, Vec<_>) = all.into_iter().partition(IpAddr::is_ipv4);
        [four.into(), six.into()]
    }
}
