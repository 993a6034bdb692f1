//! The report's values. Their field names are a public contract: adding is free.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::diagnosis::Finding;
use crate::inventory::{Coolify, Health, Origin, RunState};
use crate::netstack::Listener;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When the snapshot was made.
    #[serde(serialize_with = "rfc3339")]
    pub generated_at: SystemTime,
    /// The worst of all.
    pub status: Status,
    /// Who reports, and what it can see.
    pub exporter: Exporter,
    /// By name.
    pub destinations: Vec<Destination>,
    /// What belongs to no destination.
    pub host: Host,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing is wrong.
    Healthy,
    /// Something will hit users, or hits a part of them.
    Degraded,
    /// Users are hit now.
    Failing,
    /// It cannot be seen.
    Unknown,
}

impl Status {
    /// The word of the report.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
        }
    }

    /// The worse of two. What is known to fail comes first; what cannot be seen is worse than what
    /// is known to be slightly wrong, for it may be anything.
    pub const fn worse(self, other: Self) -> Self {
        if self.rank() >= other.rank() { self } else { other }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Degraded => 1,
            Self::Unknown => 2,
            Self::Failing => 3,
        }
    }
}

/// Who reports.
#[derive(Clone, Debug, Serialize)]
pub struct Exporter {
    /// The exporter's version.
    pub version: &'static str,
    /// What it can see; `null` where it has not tried yet.
    pub capabilities: BTreeMap<&'static str, Option<bool>>,
    /// The Engine; `null` before it first answered.
    pub engine: Option<Engine>,
}

/// Who answered.
#[derive(Clone, Debug, Serialize)]
pub struct Engine {
    /// Its version.
    pub version: String,
    /// Its API's version.
    pub api_version: String,
    /// When the last complete listing was made: what follows is as old as this.
    #[serde(serialize_with = "rfc3339")]
    pub seen_at: SystemTime,
}

/// One destination.
#[derive(Clone, Debug, Serialize)]
pub struct Destination {
    /// Its label value.
    pub name: Arc<str>,
    /// What a person would call it.
    pub display_name: Arc<str>,
    /// The Engine's id.
    pub network_id: String,
    /// `bridge` or `overlay`.
    pub driver: Arc<str>,
    /// `local` or `swarm`.
    pub scope: Arc<str>,
    /// Why it counts as a destination.
    pub origin: Origin,
    /// How it is.
    pub status: Status,
    /// The way of a request, hop by hop.
    pub path: Vec<Hop>,
    /// What is wrong on it, worst first.
    pub findings: Vec<Finding>,
    /// Its address ranges.
    pub subnets: Vec<Subnet>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Public rules of the proxy. None are derived by this version.
    pub routes: Vec<Route>,
    /// The latest of each planned probe.
    pub probes: Vec<Probe>,
}

/// One hop of a request's way.
#[derive(Clone, Debug, Serialize)]
pub struct Hop {
    /// `proxy`, `network` or `container`.
    pub hop: &'static str,
    /// How it is.
    pub status: Status,
    /// In words.
    pub detail: String,
}

/// One address range.
#[derive(Clone, Debug, Serialize)]
pub struct Subnet {
    /// CIDR.
    pub subnet: String,
    /// Addresses taken.
    pub used: u64,
    /// Addresses that can be given out.
    pub capacity: u64,
}

/// One container on a destination.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    /// Endpoint name.
    pub name: Arc<str>,
    /// The Engine's short id.
    pub id: String,
    /// What stays across redeploys.
    pub workload: Arc<str>,
    /// The image as it was asked for.
    pub image: Arc<str>,
    /// What it is doing.
    pub state: RunState,
    /// What its own check says.
    pub health: Health,
    /// Addresses on this destination.
    pub addresses: Vec<IpAddr>,
    /// Names on this destination.
    pub names: Vec<Arc<str>>,
    /// What really listens; `null` where it could not be read.
    pub listeners: Option<Vec<Listener>>,
    /// What Coolify says of it.
    pub coolify: Option<Coolify>,
}

/// One public rule of the proxy.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// Host name.
    pub domain: String,
    /// Path prefix.
    pub path: String,
    /// Where it leads.
    pub workload: Arc<str>,
    /// The port there.
    pub port: u16,
    /// How it is.
    pub status: Status,
}

/// The latest run of a probe.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// Kind.
    pub probe: &'static str,
    /// From whom.
    pub source: Arc<str>,
    /// To whom.
    pub target: Arc<str>,
    /// Which name, address or port.
    pub detail: String,
    /// `success`, `failure` or `unknown`.
    pub outcome: &'static str,
    /// Why it failed, or why nobody could look.
    pub reason: Option<&'static str>,
    /// How long a success took.
    pub duration_seconds: Option<f64>,
    /// What was seen, for a person.
    pub note: Option<String>,
    /// When it ended.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
}

/// What belongs to no destination.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What could not be read of the Engine's answers, in words.
    pub oddities: Vec<String>,
}

fn rfc3339<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_rfc3339_millis(*at))
}

impl Report {
    /// Every finding, of the host first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.host.findings.iter().chain(self.destinations.iter().flat_map(|d| &d.findings))
    }
}
