//! Which probes are worth running for an inventory.
//!
//! Pure: the same inventory, listeners and configuration give the same plan. Cost is bounded by
//! construction: on a destination with more than `full_mesh_up_to` containers each one probes the
//! next `ring` peers of a [`mesh`] ordered by a hash of their names, so every container is probed by
//! as many others, and a redeploy moves few edges.

mod cover;
mod hairpin;
pub mod isolation;
pub mod mesh;
pub mod overlay;
mod owners;
mod path_mtu;
mod published;
mod routes;
mod speaker;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Probes;
use crate::inventory::{Container, ContainerId, Destination, Endpoint, Inventory, Place, RunState, WayIn};
use crate::namespace::Vantage;
use crate::netstack::Listener;
use crate::outcome::{ProbeKey, ProbeKind};
use crate::probe::Job;

pub use cover::Cover;

/// What looking and probing taught about containers: a plan is made better by it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    /// Who listens where; containers that are not in it could not be read.
    pub listeners: BTreeMap<ContainerId, Vec<Listener>>,
    /// Ports that were asked for HTTP and speak something else: they are left in peace.
    pub not_http: BTreeSet<(ContainerId, u16)>,
    /// The host's own addresses; `None` where the exporter is not on its network.
    pub host: Option<BTreeSet<IpAddr>>,
    /// Of these the ones that packets for everywhere else leave from: by them others know it.
    pub uplink: BTreeSet<IpAddr>,
    /// Whose turn it is, of the pairs of destinations: grows by one each interval of the isolation probes.
    pub turn: u64,
    /// Containers that could not be looked into: others look out in their place where there are any.
    pub unseen: BTreeSet<ContainerId>,
    /// Pairs of destinations, from which to which, that something got through between: they are asked each time.
    pub breached: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// Everything of one kind that one container measures on one destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// The destination's label value.
    pub destination: Arc<str>,
    /// The kind.
    pub kind: ProbeKind,
    /// Endpoint name of the vantage.
    pub source: Arc<str>,
    /// The vantage's container; `None`: the host.
    pub container: Option<ContainerId>,
    /// How to get there.
    pub vantage: Vantage,
    /// Time between two runs.
    pub interval: Duration,
    /// How long one job may take.
    pub timeout: Duration,
    /// The measurements.
    pub jobs: Arc<[Job]>,
}

impl Errand {
    /// What makes it the same errand after a new listing: its phase and its series hang on this.
    pub fn identity(&self) -> (Arc<str>, ProbeKind, Arc<str>) {
        (Arc::clone(&self.destination), self.kind, Arc::clone(&self.source))
    }

    /// What of it is to be done in this run, of all the runs since the first.
    pub fn in_run(mut self, run: u64) -> Self {
        if self.jobs.iter().any(|job| job.turn.is_taken()) {
            self.jobs = self.jobs.iter().filter(|job| job.turn.is_in(run)).cloned().collect();
        }
        self
    }
}

/// The errands, sorted by identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// All of them.
    pub errands: Vec<Errand>,
    /// How many others each destination shares nothing with, and within which time it tries them all.
    pub peers: BTreeMap<Arc<str>, isolation::Peers>,
    /// Who ought to be looked at on each destination.
    pub covers: BTreeMap<Arc<str>, Cover>,
}

impl Plan {
    /// Every planned measurement.
    pub fn keys(&self) -> impl Iterator<Item = &ProbeKey> {
        self.jobs().map(|job| &job.key)
    }

    /// Those that are not made each time.
    pub fn keys_in_turns(&self) -> impl Iterator<Item = &ProbeKey> {
        self.jobs().filter(|job| job.turn.is_taken()).map(|job| &job.key)
    }

    fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.errands.iter().flat_map(|errand| errand.jobs.iter())
    }
}

/// Plans the probes of an inventory.
pub fn plan(inventory: &Inventory, learned: &Learned, probes: &Probes) -> Plan {
    let mut errands = Vec::new();
    let owners = owners::Owners::of(inventory);
    for destination in &inventory.destinations {
        let names: Vec<&str> = destination.endpoints.iter().map(|e| &*e.name).collect();
        let mesh = mesh::peers(&names, probes.ring, probes.full_mesh_up_to);
        let first_asker = mesh::first_askers(&mesh);
        for (at, source) in destination.endpoints.iter().enumerate() {
            let Some((container, vantage)) = vantage(inventory, source) else { continue };
            // Neighbours that are kept from each other find each other's names, and nothing else.
            let talks = |kind| kind == ProbeKind::Dns || !destination.keeps_apart;
            let peers: Vec<&Endpoint> = mesh
                .get(at)
                .map(|row| row.iter().filter_map(|peer| destination.endpoints.get(*peer)).collect())
                .unwrap_or_default();
            let asked: Vec<&Endpoint> = destination
                .endpoints
                .iter()
                .enumerate()
                .filter(|(target, _)| first_asker.get(target) == Some(&at))
                .map(|(_, endpoint)| endpoint)
                .collect();
            let from =
                targets::From { inventory, owners: &owners, destination, source, container, learned, probes };
            for kind in ProbeKind::ALL {
                let timing = probes.timing(&destination.name, kind);
                if !timing.enabled {
                    continue;
                }
                let (peers, asked) = if talks(kind) { (&peers[..], &asked[..]) } else { (&[][..], &[][..]) };
                let jobs = from.jobs(kind, peers, asked);
                if !jobs.is_empty() {
                    errands.push(Errand {
                        destination: Arc::clone(&destination.name),
                        kind,
                        source: Arc::clone(&source.name),
                        container: Some(container.id.clone()),
                        vantage: vantage.clone(),
                        interval: timing.interval,
                        timeout: timing.timeout,
                        jobs: jobs.into(),
                    });
                }
            }
        }
    }
    let view = View { inventory, learned, probes };
    let (across, peers) = isolation::errands(&view);
    errands.extend(across);
    errands.extend(published::errands(&view));
    errands.extend(routes::errands(&view));
    errands.extend(path_mtu::errands(&view));
    errands.extend(hairpin::errands(&view));
    errands.extend(overlay::errands(&view));
    errands.sort_by_cached_key(Errand::identity);
    // What one vantage measures of one kind for two reasons is one errand.
    errands.dedup_by(|later, first| {
        let same = later.identity() == first.identity();
        if same {
            first.jobs = first.jobs.iter().chain(later.jobs.iter()).cloned().collect();
        }
        same
    });
    Plan { errands, peers, covers: cover::covers(&view) }
}

/// What is planned beyond the containers of one destination is planned of all of this.
struct View<'a> {
    inventory: &'a Inventory,
    learned: &'a Learned,
    probes: &'a Probes,
}

/// The endpoint name of the host, as source and target.
pub const HOST: &str = "host";

impl View<'_> {
    /// An errand of a kind that is on there, where there is anything to do.
    fn errand(
        &self,
        destination: &Arc<str>,
        kind: ProbeKind,
        source: &Arc<str>,
        from: (Option<&ContainerId>, Vantage),
        jobs: Vec<Job>,
    ) -> Option<Errand> {
        let timing = self.probes.timing(destination, kind);
        let (container, vantage) = from;
        (timing.enabled && !jobs.is_empty()).then(|| Errand {
            destination: Arc::clone(destination),
            kind,
            source: Arc::clone(source),
            container: container.cloned(),
            vantage,
            interval: timing.interval,
            timeout: timing.timeout,
            jobs: jobs.into(),
        })
    }

    /// The host's network namespace. Where the exporter is not on it what is planned there comes back as *unknown*.
    fn host(&self) -> Vantage {
        match self.learned.host {
            Some(_) => Vantage::Own,
            None => Vantage::Container(WayIn { sandbox: None, pid: None }),
        }
    }
}

/// A container that can be looked out of: it runs, in a network stack of its own, with a way in.
fn vantage<'a>(inventory: &'a Inventory, endpoint: &Endpoint) -> Option<(&'a Container, Vantage)> {
    let container = inventory.container(&endpoint.container)?;
    if container.state != RunState::Running || container.place != Place::Own {
        return None;
    }
    // Without a way in the errand is planned all the same: it will come back as *unknown*, and said.
    let way_in = container.way_in.clone().unwrap_or(WayIn { sandbox: None, pid: None });
    Some((container, Vantage::Container(way_in)))
}

/// The addresses of a destination that may be probed on it: the containers' and the gateways'.
pub fn addresses(destination: &Destination) -> impl Iterator<Item = IpAddr> + '_ {
    destination.endpoints.iter().flat_map(|e| e.addresses.iter().copied()).chain(destination.gateways())
}

#[cfg(test)]
mod tests;
