//! What every reader sees.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::baseline::Drift;
use crate::config::TrafficSource;
use crate::inventory::{ContainerId, Inventory};
use crate::netstack::{Host, Inner, Interface};
use crate::outcome::{Blindness, Observation, Outcome, ProbeKey, ProbeKind, Reason};

use super::{Forecasts, Histogram, Restarts};

/// Destination, source and target.
pub type Pair = (Arc<str>, Arc<str>, Arc<str>);

/// Destination and endpoint name.
pub type Whom = (Arc<str>, Arc<str>);

/// Everything known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was made.
    pub at: SystemTime,
    /// The last picture of the Engine; `None` before the first listing.
    pub inventory: Option<Arc<Inventory>>,
    /// The Engine has told of changes since: the next picture is on its way.
    pub changing: bool,
    /// What the exporter can and cannot see.
    pub sight: Sight,
    /// The latest of each planned probe, by key: nothing that is not planned.
    pub probes: Arc<BTreeMap<ProbeKey, Record>>,
    /// Counters per destination and kind.
    pub tallies: Arc<BTreeMap<(Arc<str>, ProbeKind), Tally>>,
    /// Counters per pair (destination, source, target) of echo requests.
    pub echoes: Arc<BTreeMap<Pair, EchoTally>>,
    /// Round-trip times per destination.
    pub rtts: Arc<BTreeMap<Arc<str>, Histogram>>,
    /// What namespaces told: by container.
    pub containers: Arc<BTreeMap<ContainerId, Inner>>,
    /// What the Engine told of traffic, and whether it counts.
    pub traffic: Traffic,
    /// Which containers the Engine started again of late.
    pub restarts: Arc<Restarts>,
    /// When addresses and address pools end.
    pub forecasts: Arc<Forecasts>,
    /// What is otherwise than the operator approved; `None` where nothing was approved.
    pub drift: Option<Arc<Drift>>,
    /// The exporter's own figures.
    pub own: Own,
}

/// The Engine's side of the counters of traffic; the kernel's is in [`Inner`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Whose counters are told.
    pub source: TrafficSource,
    /// The Engine's statistics: interfaces by name, without MACs and addresses.
    pub metered: Arc<BTreeMap<ContainerId, Vec<Interface>>>,
}

/// The latest of one probe.
#[derive(Clone, Debug)]
pub struct Record {
    /// The latest outcome.
    pub outcome: Outcome,
    /// What it noticed.
    pub seen: Observation,
    /// When it ended.
    pub at: SystemTime,
    /// How many runs in a row failed, up to the latest one that looked (unknown runs do not count
    /// and do not end the row).
    pub failures_in_a_row: u32,
    /// How many runs in a row succeeded.
    pub successes_in_a_row: u32,
    /// When the present row (of failures or successes) began.
    pub since: SystemTime,
    /// The last runs, newest in the lowest bit; 1: a part of the packets was lost (unknown runs are not in
    /// it).
    pub losses: u32,
    /// How many runs there were, up to as many as `losses` has bits.
    pub runs: u8,
}

/// Counters of one kind on one destination.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Runs that looked.
    pub attempts: u64,
    /// Runs that failed, by reason.
    pub failures: BTreeMap<Reason, u64>,
    /// Durations of successes.
    pub durations: Histogram,
    /// Probes in the present plan.
    pub planned: u64,
    /// When the last run ended.
    pub last_run: Option<SystemTime>,
}

/// Counters of one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EchoTally {
    /// Echo requests sent.
    pub requests: u64,
    /// Distinct replies.
    pub replies: u64,
    /// Duplicates.
    pub duplicates: u64,
}

/// What the exporter can and cannot see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Whether the Engine answers, and since when not, and why.
    pub engine: Engine,
    /// Namespaces can be entered. `None`: not tried yet.
    pub namespaces: Option<Result<(), String>>,
    /// Why the folder of namespaces shows only the containers that ran when the exporter started.
    pub frozen: Option<String>,
    /// ICMP sockets can be made in them.
    pub icmp: Option<Result<(), String>>,
    /// Socket diagnostics work in them.
    pub socket_diagnostics: Option<Result<(), String>>,
    /// The own namespace is the host's: the networks' bridges are in it. `None`: there is no bridge to
    /// tell it by, or nobody has looked.
    pub host_network: Option<bool>,
    /// The host's own addresses; empty where the exporter is not on its network.
    pub host_addresses: BTreeSet<IpAddr>,
    /// TCP ports that something on the host listens on, loopback left out; `None` where that cannot be read.
    pub host_ports: Option<BTreeSet<u16>>,
    /// What the kernel tells of the host; `None` where the exporter is not on its network.
    pub host: Option<Arc<Host>>,
}

impl Sight {
    /// Whether the host's packet filter can be read; `None` where the exporter is not on the host's network.
    pub fn reads_firewall(&self) -> Option<bool> {
        let host = self.host.as_deref()?;
        if host.firewall_unread.is_some() { Some(false) } else { host.firewall.as_ref().map(|_| true) }
    }

    /// Whether every running container's namespace can be entered; `None` before that was tried. Those
    /// that can still be entered through a private mount are no sign of it: the next one cannot.
    pub fn enters_namespaces(&self) -> Option<bool> {
        if self.frozen.is_some() { Some(false) } else { self.namespaces.as_ref().map(Result::is_ok) }
    }
}

/// Whether the Engine answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Not asked yet.
    #[default]
    NotAsked,
    /// It answers.
    Up {
        /// When it came back: the first request that it answered again was sent then. `None` where it
        /// has not been away.
        back_since: Option<SystemTime>,
        /// When its stream of events broke the last time since: it may have been away for a moment that nobody noticed.
        broke_at: Option<SystemTime>,
        /// When the latest request that it answered was sent.
        asked_at: SystemTime,
    },
    /// It does not.
    Down {
        /// Since when.
        since: SystemTime,
        /// What it said, or what the connection said.
        why: String,
    },
}

impl Engine {
    /// True while it answers.
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }

    /// The latest moment at which it may have come back. What it takes down when it starts, or does not answer until it
    /// has, is none of its faults for a while after.
    pub fn may_be_back_since(&self) -> Option<SystemTime> {
        match self {
            Self::Up { back_since, broke_at, .. } => (*back_since).max(*broke_at),
            Self::NotAsked | Self::Down { .. } => None,
        }
    }
}

/// The exporter's own figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// Where people reach this exporter, without a slash at the end: the base of links.
    pub external_url: Arc<str>,
    /// The public addresses of this server, where the operator told them.
    pub public_addresses: Vec<IpAddr>,
    /// How certificates are judged.
    pub certificates: crate::certificate::Settings,
    /// Started minus due, of every visit.
    pub lag: Histogram,
    /// Runs that could not look.
    pub unknown: BTreeMap<Blindness, u64>,
    /// Probes under way.
    pub in_flight: u64,
    /// Requests to the Engine: duration by endpoint.
    pub docker_durations: BTreeMap<&'static str, Histogram>,
    /// Requests to the Engine that failed, by endpoint and reason.
    pub docker_failures: BTreeMap<(&'static str, &'static str), u64>,
    /// The last complete listing.
    pub inventory_last_success: Option<SystemTime>,
    /// Whether the last load of the configuration was good, and when the last good one was.
    pub config_reload: (bool, Option<SystemTime>),
    /// When the last round (every planned probe at least once) was complete.
    pub round_last_completed: Option<SystemTime>,
    /// The longest interval in the plan.
    pub round_interval: Duration,
    /// Probes that the budget put off.
    pub postponed: u64,
    /// By destination, those that it shares nothing with, where that is tried.
    pub turns: Arc<BTreeMap<Arc<str>, Turns>>,
    /// Planned probes that are not made each time, as there are more than may be made at once.
    pub in_turns: Arc<BTreeSet<ProbeKey>>,
    /// Pairs of destinations, from which to which, that something got through between, and that were not seen shut since.
    pub breached: Arc<BTreeSet<(Arc<str>, Arc<str>)>>,
    /// By destination, who ought to be looked at.
    pub covers: Arc<BTreeMap<Arc<str>, Cover>>,
    /// When a container, by destination and endpoint name, was last looked at by another.
    pub looked_at: Arc<BTreeMap<Whom, SystemTime>>,
}

impl Own {
    /// True for a probe that is not made each time.
    pub fn is_in_turns(&self, key: &ProbeKey) -> bool {
        self.in_turns.contains(key)
    }

    /// Of all that take turns, whether each vantage has begun: something of its was made, as `is_made` says.
    pub fn turns_begun(&self, is_made: impl Fn(&ProbeKey) -> bool) -> bool {
        let mut begun: BTreeMap<(&str, ProbeKind, &str), bool> = BTreeMap::new();
        for key in self.in_turns.iter() {
            *begun.entry((&key.destination, key.kind, &key.source)).or_default() |= is_made(key);
        }
        begun.into_values().all(|begun| begun)
    }

    /// Of those who ought to be looked at on a destination the share that was within the time; `None` where there is nobody.
    pub fn covered(&self, destination: &str, now: SystemTime) -> Option<f64> {
        let (on, cover) = self.covers.get_key_value(destination)?;
        let of_late = |target: &&Arc<str>| {
            let at = self.looked_at.get(&(Arc::clone(on), Arc::clone(*target)));
            at.is_some_and(|at| now.duration_since(*at).unwrap_or_default() <= cover.within)
        };
        let covered = cover.targets.iter().filter(of_late).count();
        (!cover.targets.is_empty()).then(|| covered as f64 / cover.targets.len() as f64)
    }
}

/// Who ought to be looked at on one destination.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cover {
    /// Endpoint names, sorted.
    pub targets: Vec<Arc<str>>,
    /// Within which time.
    pub within: Duration,
}

/// How one destination tries those that it shares nothing with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// How many they are.
    pub peers: usize,
    /// Within which time each of them is tried.
    pub within: Duration,
    /// They are more than are tried at once: what is not planned now will be.
    pub taken: bool,
}

#[cfg(test)]
mod tests;
