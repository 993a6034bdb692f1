//! What crosses each container's place on each destination; who talks to whom is in [`conversations`].
//!
//! Pure: a snapshot in, flows out. The kernel's counters are those of the container's own interfaces, and
//! MAC and addresses tell which interface leads where ([`assign`]). The Engine's tell of interfaces by
//! name alone, so they count only where there is nothing to confuse.
//!
//! Counters are given as they were counted: one that begins anew (a restart, a new interface) is a reset,
//! which Prometheus takes for one. They are kept under the container's id, so that no container ever
//! speaks under another's name; and what leads to no destination for certain has no flow.

mod assign;
pub mod conversations;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::TrafficSource;
use crate::inventory::{Container, ContainerId, Destination, Endpoint, Inventory};
use crate::netstack::{Direction, Interface};
use crate::state::Snapshot;

/// Who counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// The kernel, read in the container's namespace.
    Kernel,
    /// The Engine's statistics.
    Engine,
}

impl Counter {
    /// The label `source`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Engine => "engine",
        }
    }
}

/// What crossed one container's place on one destination, in the container's directions.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// Where.
    pub destination: &'a Destination,
    /// Whose.
    pub container: &'a Container,
    /// Who counted.
    pub counter: Counter,
    /// What it received.
    pub receive: Direction,
    /// What it sent.
    pub transmit: Direction,
}

type Place<'a> = (&'a Destination, &'a Endpoint);

/// Every flow that is known for certain. Containers on the host's network, on another container's or on
/// none have no place on a destination, and so no flow.
pub fn flows(snapshot: &Snapshot) -> Vec<Flow<'_>> {
    let Some(inventory) = snapshot.inventory.as_deref() else { return Vec::new() };
    let mut flows = Vec::new();
    for (id, places) in places(inventory) {
        let Some(container) = inventory.container(id) else { continue };
        let Some((counter, interfaces)) = counted(snapshot, id) else { continue };
        let leads = match counter {
            Counter::Kernel => {
                assign::by_address(&places.iter().map(|(_, place)| *place).collect::<Vec<_>>(), interfaces)
            }
            Counter::Engine => assign::alone(places.len(), interfaces),
        };
        for ((destination, _), interface) in places.into_iter().zip(leads) {
            let Some(Interface { receive, transmit, .. }) = interface else { continue };
            let (receive, transmit) = (*receive, *transmit);
            flows.push(Flow { destination, container, counter, receive, transmit });
        }
    }
    flows
}

/// Containers of which the Engine's statistics are wanted: all, or those that cannot be looked into. One
/// on several destinations is not among them: what the Engine says of it leads nowhere.
pub fn wants_engine(snapshot: &Snapshot) -> BTreeSet<ContainerId> {
    let Some(inventory) = snapshot.inventory.as_deref() else { return BTreeSet::new() };
    let blind = |id: &ContainerId| {
        let no_way = inventory.container(id).is_none_or(|container| container.way_in.is_none());
        match snapshot.containers.get(id) {
            Some(inner) => inner.interfaces.is_empty(),
            // Whoever was not looked at yet will be.
            None => no_way || snapshot.sight.enters_namespaces() == Some(false),
        }
    };
    let wanted = |id: &ContainerId| match snapshot.traffic.source {
        TrafficSource::Auto => blind(id),
        TrafficSource::Kernel => false,
        TrafficSource::Engine => true,
    };
    let alone = places(inventory).into_iter().filter(|(_, places)| places.len() == 1);
    alone.map(|(id, _)| id).filter(|id| wanted(id)).cloned().collect()
}

fn places(inventory: &Inventory) -> BTreeMap<&ContainerId, Vec<Place<'_>>> {
    let mut places = BTreeMap::<_, Vec<_>>::new();
    for (destination, endpoint) in inventory.endpoints() {
        places.entry(&endpoint.container).or_default().push((destination, endpoint));
    }
    places
}

/// The counters of one container: the kernel's go before the Engine's, unless only those are wanted.
fn counted<'a>(snapshot: &'a Snapshot, id: &ContainerId) -> Option<(Counter, &'a [Interface])> {
    let kernel = || snapshot.containers.get(id).map(|inner| &*inner.interfaces);
    let engine = || snapshot.traffic.metered.get(id).map(|interfaces| &**interfaces);
    let kernel = || Some((Counter::Kernel, kernel().filter(|interfaces| !interfaces.is_empty())?));
    let engine = || Some((Counter::Engine, engine()?));
    match snapshot.traffic.source {
        TrafficSource::Auto => kernel().or_else(engine),
        TrafficSource::Kernel => kernel(),
        TrafficSource::Engine => engine(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::diagnosis::sample::Sample;
    use crate::inventory::{Place as Stack, WayIn};
    use crate::netstack::Inner;

    fn interface(name: &str, address: [u8; 4], bytes: u64) -> Interface {
        Interface {
            name: name.into(),
            addresses: vec![address.into()],
            receive: Direction { bytes, ..Direction::default() },
            transmit: Direction { bytes: bytes + 1, ..Direction::default() },
            ..Interface::default()
        }
    }

    /// `api` on `shop` and `blog`, `db` on `shop`; the kernel told of both.
    fn two() -> Snapshot {
        let mut sample = Sample::shop(&["api", "db"]);
        sample.destination("blog", 3);
        sample.endpoint("blog", "api");
        for name in ["api", "db"] {
            sample.container(name).way_in = Some(WayIn { sandbox: Some(PathBuf::from("/x")), pid: None });
        }
        let mut snapshot = sample.snapshot();
        let lo = interface("lo", [127, 0, 0, 1], 9);
        let inner = |interfaces| Inner { interfaces, ..Inner::default() };
        snapshot.containers = Arc::new(BTreeMap::from([
            (
                id("api"),
                inner(vec![
                    lo.clone(),
                    interface("eth0", [10, 0, 3, 2], 30),
                    interface("eth1", [10, 0, 2, 2], 20),
                ]),
            ),
            (id("db"), inner(vec![lo, interface("eth0", [10, 0, 2, 3], 40)])),
        ]));
        snapshot
    }

    fn id(name: &str) -> ContainerId {
        ContainerId::new(&format!("id-{name}"))
    }

    fn meter(snapshot: &mut Snapshot, name: &str, interfaces: &[&str]) {
        let interfaces = interfaces.iter().map(|name| interface(name, [0, 0, 0, 0], 70)).collect();
        Arc::make_mut(&mut snapshot.traffic.metered).insert(id(name), interfaces);
    }

    /// Destination, container, who counted, and received bytes.
    fn told(snapshot: &Snapshot) -> Vec<(&str, &str, &str, u64)> {
        let mut told: Vec<_> = flows(snapshot)
            .iter()
            .map(|flow| {
                assert_eq!(flow.transmit.bytes, flow.receive.bytes + 1, "the directions belong together");
                (&*flow.destination.name, &*flow.container.name, flow.counter.as_label(), flow.receive.bytes)
            })
            .collect();
        told.sort_unstable();
        told
    }

    #[test]
    fn each_interface_counts_for_the_destination_that_it_leads_to() {
        assert_eq!(
            told(&two()),
            [("blog", "api", "kernel", 30), ("shop", "api", "kernel", 20), ("shop", "db", "kernel", 40)]
        );
    }

    #[test]
    fn the_engine_tells_of_those_that_cannot_be_looked_into_and_is_asked_of_nobody_else() {
        let mut snapshot = two();
        assert_eq!(wants_engine(&snapshot), BTreeSet::new());
        Arc::make_mut(&mut snapshot.containers).clear();
        assert_eq!(wants_engine(&snapshot), BTreeSet::new(), "they will be looked at");
        snapshot.sight.namespaces = Some(Err("setns: no".into()));
        assert_eq!(wants_engine(&snapshot), BTreeSet::from([id("db")]), "one place each");
        meter(&mut snapshot, "db", &["eth0"]);
        meter(&mut snapshot, "api", &["eth0", "eth1"]);
        assert_eq!(told(&snapshot), [("shop", "db", "engine", 70)]);
    }

    #[test]
    fn one_that_has_no_way_in_is_asked_for_though_the_others_have() {
        let mut snapshot = two();
        Arc::make_mut(&mut snapshot.containers).remove(&id("db"));
        let inventory = snapshot.inventory.as_mut().map(Arc::make_mut).expect("a picture");
        inventory.containers.get_mut(&id("db")).expect("db").way_in = None;
        assert_eq!(wants_engine(&snapshot), BTreeSet::from([id("db")]));
    }

    #[test]
    fn what_was_chosen_is_all_that_counts() {
        let mut snapshot = two();
        meter(&mut snapshot, "db", &["eth0"]);
        for source in [TrafficSource::Auto, TrafficSource::Kernel] {
            snapshot.traffic.source = source;
            assert_eq!(told(&snapshot), told(&two()), "the kernel's go first");
        }
        snapshot.traffic.source = TrafficSource::Engine;
        assert_eq!(told(&snapshot), [("shop", "db", "engine", 70)]);
        assert_eq!(wants_engine(&snapshot), BTreeSet::from([id("db")]));
        snapshot.traffic.source = TrafficSource::Kernel;
        Arc::make_mut(&mut snapshot.containers).clear();
        snapshot.sight.namespaces = Some(Err("setns: no".into()));
        assert_eq!(told(&snapshot), []);
        assert_eq!(wants_engine(&snapshot), BTreeSet::new());
    }

    #[test]
    fn who_shares_a_stack_or_is_gone_has_no_flow() {
        let mut snapshot = two();
        let inventory = snapshot.inventory.as_mut().map(Arc::make_mut).expect("a picture");
        // The sidecar sees db's interfaces as its own.
        let mut sidecar = inventory.containers[&id("db")].clone();
        (sidecar.id, sidecar.name, sidecar.place) =
            (id("sidecar"), "sidecar".into(), Stack::SharedWith(id("db")));
        inventory.containers.insert(sidecar.id.clone(), sidecar);
        // A redeploy: the new api has another id.
        inventory.destinations.iter_mut().for_each(|d| d.endpoints.retain(|e| e.container != id("api")));
        let containers = Arc::make_mut(&mut snapshot.containers);
        let of_db = containers[&id("db")].clone();
        containers.insert(id("sidecar"), of_db);
        assert_eq!(told(&snapshot), [("shop", "db", "kernel", 40)]);
    }

    #[test]
    fn before_anything_is_known_there_is_no_flow() {
        let mut snapshot = two();
        snapshot.inventory = None;
        assert_eq!(told(&snapshot), []);
        assert_eq!(wants_engine(&snapshot), BTreeSet::new());
    }
}
