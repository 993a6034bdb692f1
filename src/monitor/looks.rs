//! Looks into namespaces: who listens there, what the kernel counts, and whether one can get in at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use crate::config::TrafficSource;
use crate::inventory::part::fnv1a;
use crate::inventory::{ContainerId, Destination, Inventory};
use crate::namespace::procnet::{Home, Look};
use crate::namespace::{HopError, Inside, Vantage, mounts};
use crate::netstack::{Inner, Interface};
use crate::outcome::Blindness;

use super::{CALM, Message, Monitor, URGENT};

/// Of the default network, and the way out of overlays.
const ENGINES_BRIDGES: [&str; 2] = ["docker0", "docker_gwbridge"];
/// Of so many looks one reads the embedded resolver's drops and the connections.
const SOCKETS_EVERY: u32 = 4;

impl Monitor {
    pub(super) fn looked(
        &mut self,
        container: ContainerId,
        seen: Result<Inner, HopError>,
        sockets_too: bool,
        at: SystemTime,
    ) {
        if !self.is_here(&container) {
            return;
        }
        // An Engine that is away may have taken its containers with it: that their namespaces are gone is then no
        // fault of the exporter's mounts.
        let gone = seen.as_ref().is_err_and(|error| error.blindness == Blindness::NoNamespace);
        if !gone || self.recorder.sight().engine.is_up() {
            self.eyes.looked(&container, seen.as_ref(), at);
        }
        self.eyes.tell(self.recorder.sight(), self.inventory.as_deref());
        match seen {
            Ok(inner) => {
                self.plan_is_old |= self.lessons.listeners(&container, inner.listeners.clone());
                self.plan_is_old |= self.lessons.looked_into(&container, true);
                self.recorder.looked(container, inner, sockets_too);
                self.show_after(CALM);
            }
            Err(error) => {
                if matches!(error.blindness, Blindness::NoPrivilege | Blindness::NoNamespace) {
                    self.recorder.blinded(&container);
                    self.plan_is_old |= self.lessons.looked_into(&container, false);
                }
                self.show_after(URGENT);
            }
        }
    }

    pub(super) fn metered(&mut self, container: ContainerId, interfaces: Vec<Interface>) {
        if self.is_here(&container) {
            self.recorder.metered(container, interfaces);
            self.show_after(CALM);
        }
    }

    /// False where it was taken off its last destination meanwhile.
    fn is_here(&self, container: &ContainerId) -> bool {
        let on = |inventory: &Arc<Inventory>| inventory.endpoints().any(|(_, e)| e.container == *container);
        self.inventory.as_ref().is_some_and(on)
    }

    /// The mount that the namespaces are in is judged once, as soon as a container tells where it is:
    /// nothing fails before one is missed.
    pub(super) fn look_at_mount(&mut self, inventory: &Inventory) {
        let ways = inventory.containers.values().filter_map(|c| c.way_in.as_ref());
        let mut folders = ways.filter_map(|way| way.sandbox.as_deref()?.parent());
        let Some(folder) = folders.next().filter(|folder| **folder != *self.namespaces) else { return };
        folder.clone_into(&mut self.namespaces);
        let frozen = mounts::frozen(folder);
        if let Some(why) = &frozen {
            tracing::error!(%why, "cannot look into containers that start from now on");
        }
        self.recorder.sight().frozen = frozen;
    }

    /// The exporter is on the host's network where the networks' bridges are.
    pub(super) fn looked_home(&mut self, home: Home) {
        let Some(inventory) = &self.inventory else { return };
        let bridges: Vec<_> = inventory.destinations.iter().filter_map(|d| d.bridge.as_deref()).collect();
        // Where all destinations are overlays, the Engine's own bridges tell; that they are not here says nothing.
        let own = ENGINES_BRIDGES.iter().any(|bridge| home.interfaces.contains(*bridge));
        let at_home = match bridges.as_slice() {
            [] => own.then_some(true),
            all => Some(all.iter().any(|bridge| home.interfaces.contains(*bridge))),
        };
        let sight = self.recorder.sight();
        sight.host_network = at_home;
        let before = sight.host.clone().unwrap_or_default();
        sight.host = (at_home == Some(true)).then(|| Arc::new(home.host.or(&before)));
        sight.host_ports = home.ports.filter(|_| at_home == Some(true));
        let host = (at_home == Some(true)).then_some(home.addresses);
        sight.host_addresses = host.clone().unwrap_or_default();
        self.plan_is_old |= self.lessons.host(host);
        self.show_after(CALM);
    }

    pub(super) fn look_home(&self) {
        let (hopper, messages) = (self.hopper.clone(), self.messages.clone());
        tokio::spawn(async move {
            // What cannot be read is not said: the next look tells more.
            let Ok(home) = hopper.hop(&Vantage::Own, Inside::home).await else { return };
            messages.send(Message::Home(home)).await.ok();
        });
    }

    /// Looks at everyone in its turn.
    pub(super) fn look_around(&mut self) {
        self.rounds = self.rounds.wrapping_add(1);
        // A part of them each time: everyone waits for the thread that reads sockets.
        let turn = self.rounds % SOCKETS_EVERY;
        self.look(|id| part_of(id) == turn, |_| true);
    }

    /// Looks at everyone on a destination, or everywhere, and at their sockets too.
    pub(super) fn look_at_all_on(&self, destination: Option<&str>) {
        let Some(inventory) = &self.inventory else { return };
        let here = |on: &&Destination| destination.is_none_or(|name| *on.name == *name);
        let endpoints = inventory.destinations.iter().filter(here).flat_map(|on| &on.endpoints);
        let wanted: BTreeSet<&ContainerId> = endpoints.map(|endpoint| &endpoint.container).collect();
        self.look(|_| true, |id| wanted.contains(id));
    }

    /// Reads listeners and counters in the namespaces of running containers on destinations.
    pub(super) fn look(&self, sockets: impl Fn(&ContainerId) -> bool, wanted: impl Fn(&ContainerId) -> bool) {
        let Some(inventory) = &self.inventory else { return };
        let interfaces = self.config.traffic.source != TrafficSource::Engine;
        let on: BTreeSet<&ContainerId> =
            inventory.destinations.iter().flat_map(|d| &d.endpoints).map(|e| &e.container).collect();
        for id in on.into_iter().filter(|id| wanted(id)) {
            let Some(way) = inventory.container(id).and_then(|c| c.way_in.clone()) else { continue };
            let (hopper, messages, container) = (self.hopper.clone(), self.messages.clone(), id.clone());
            let look = Look { sockets: sockets(id), interfaces };
            tokio::spawn(async move {
                let seen = hopper.hop(&Vantage::Container(way), move |inside| inside.look(look)).await;
                messages.send(Message::Looked { container, seen, sockets_too: look.sockets }).await.ok();
            });
        }
    }
}

/// In which of the rounds a container's sockets are read.
fn part_of(id: &ContainerId) -> u32 {
    u32::try_from(fnv1a(id.as_str()) % u64::from(SOCKETS_EVERY)).unwrap_or_default()
}
