//! Looks into namespaces: who listens there, what the kernel counts, and whether one can get in at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::config::TrafficSource;
use crate::inventory::part::fnv1a;
use crate::inventory::{ContainerId, Destination, Inventory};
use crate::namespace::procnet::{Home, Look};
use crate::namespace::{HopError, Inside, Vantage, mounts};
use crate::netstack::firewall::Firewall;
use crate::netstack::{Host, Inner, Interface};
use crate::outcome::{Blindness, Outcome, ProbeKind, Run};

use super::{CALM, Message, Monitor, URGENT};

/// Of the default network, and the way out of overlays.
const ENGINES_BRIDGES: [&str; 2] = ["docker0", "docker_gwbridge"];
/// Of so many looks one reads the embedded resolver's drops and the connections.
const SOCKETS_EVERY: u32 = 4;
/// However much fails, two looks at the host are this far apart.
const LOOKS_APART: Duration = Duration::from_secs(1);
/// While the Engine's firewall rules are gone the host is looked at this often.
const LACKING_INTERVAL: Duration = Duration::from_secs(4);

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
    pub(super) fn looked_home(&mut self, home: Home, at: SystemTime) {
        let Some(inventory) = &self.inventory else { return };
        let bridges: Vec<_> = inventory.destinations.iter().filter_map(|d| d.bridge.as_deref()).collect();
        // Where all destinations are overlays, the Engine's own bridges tell; that they are not here says nothing.
        let own = ENGINES_BRIDGES.iter().any(|bridge| home.interfaces.contains(*bridge));
        let at_home = match bridges.as_slice() {
            [] => own.then_some(true),
            // One that is being made anew may not be there yet: whoever was at home is not away for that.
            all => Some(
                all.iter().any(|bridge| home.interfaces.contains(*bridge))
                    || (own && self.recorder.sight().host_network == Some(true)),
            ),
        };
        let sight = self.recorder.sight();
        sight.host_network = at_home;
        let before = sight.host.clone().unwrap_or_default();
        let mut host = home.host;
        host.firewall = host.firewall.map(|read| read.after(before.firewall.as_ref(), at));
        let host = (at_home == Some(true)).then(|| Arc::new(host.or(&before)));
        // The Engine, or whoever took them away, may be about to write its rules.
        let is_lacking = filter(host.as_ref()).is_some_and(Firewall::has_lost);
        let changed = |at: fn(&Firewall) -> Option<SystemTime>| {
            let now = filter(host.as_ref()).and_then(at);
            now.is_some() && now != filter(sight.host.as_ref()).and_then(at)
        };
        let has_changed = changed(|filter| filter.changed_at);
        let has_ports_changed = changed(|filter| filter.ports_changed_at);
        sight.host = host;
        sight.host_ports = home.ports.filter(|_| at_home == Some(true));
        let host = (at_home == Some(true)).then_some(home.addresses);
        sight.host_addresses = host.clone().unwrap_or_default();
        self.plan_is_old |= self.lessons.host(host, home.uplink);
        if is_lacking {
            self.look_home_in(LACKING_INTERVAL);
        }
        // What was measured before says nothing of what is let through now.
        if has_changed || has_ports_changed {
            let now = self.now();
            let is_led = |kind| matches!(kind, ProbeKind::PublishedPort | ProbeKind::Route);
            self.schedule
                .hasten(now, |errand| meets_filter(errand.kind) && (has_changed || is_led(errand.kind)));
        }
        self.show_after(CALM);
    }

    /// Looks at the host out of turn, this much later, or as soon as it may.
    pub(super) fn look_home_in(&mut self, time: Duration) {
        let at = (Instant::now() + time).max(self.homed_at + LOOKS_APART);
        self.home_at = Some(self.home_at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn look_home(&mut self) {
        (self.home_at, self.homed_at) = (None, Instant::now());
        let (hopper, messages) = (self.hopper.clone(), self.messages.clone());
        tokio::spawn(async move {
            // What cannot be read is not said: the next look tells more.
            let Ok(home) = hopper.hop(&Vantage::Own, Inside::home).await else { return };
            messages.send(Message::Home(Box::new(home))).await.ok();
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

    /// A socket that got no port in a container's namespace may be the container's fault: it is looked at at once, before
    /// somebody else is blamed for what fails there.
    pub(super) fn look_for_ports(&self, container: &ContainerId, runs: &[Run]) {
        let without = |run: &Run| run.outcome == Outcome::Unknown(Blindness::Resources);
        if runs.iter().any(without) && !self.recorder.is_out_of_ports(container) {
            self.look(|_| false, |id| id == container);
        }
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

fn filter(host: Option<&Arc<Host>>) -> Option<&Firewall> {
    host?.firewall.as_ref()
}

/// Whether packets of these probes meet the host's packet filter; those between neighbours do where `br_netfilter` is.
pub(super) const fn meets_filter(kind: ProbeKind) -> bool {
    matches!(
        kind,
        ProbeKind::Icmp
            | ProbeKind::Tcp
            | ProbeKind::IcmpExternal
            | ProbeKind::DnsExternal
            | ProbeKind::PublishedPort
            | ProbeKind::Proxy
            | ProbeKind::Route
            | ProbeKind::Isolation
            | ProbeKind::PathMtu
            | ProbeKind::Hairpin
            | ProbeKind::Overlay
            | ProbeKind::Node
    )
}

/// In which of the rounds a container's sockets are read.
fn part_of(id: &ContainerId) -> u32 {
    u32::try_from(fnv1a(id.as_str()) % u64::from(SOCKETS_EVERY)).unwrap_or_default()
}
