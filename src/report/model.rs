//! The report's values. Their field names are a public contract: adding is free.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Serialize, Serializer};

pub use crate::baseline::Difference;
use crate::certificate::Moment;
use crate::diagnosis::Finding;
pub use crate::diagnosis::Status;
use crate::inventory::{Coolify, Health, Origin, RunState};
use crate::netstack::{Direction, Listener};
use crate::traffic::conversations::Way;

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
    /// What the networks are held against; `null` where nothing was approved.
    pub drift: Option<Drift>,
    /// How many flows there are beyond those that are told, of fewer connections.
    pub flows_left_out: usize,
    /// Containers whose connections could not be read, or not all of them: they may talk to anyone.
    pub flows_unseen: Vec<Place>,
}

/// Who reports.
#[derive(Clone, Debug, Serialize)]
pub struct Exporter {
    /// The exporter's version.
    pub version: &'static str,
    /// What it can see; `null` where it has not tried yet.
    pub capabilities: BTreeMap<&'static str, Option<bool>>,
    /// Why it cannot see what it cannot.
    pub unseen: Vec<Unseen>,
    /// The Engine; `null` before it first answered.
    pub engine: Option<Engine>,
}

/// Something that the exporter cannot see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// As it stands among the capabilities.
    pub capability: &'static str,
    /// In words: the kernel's, the Engine's, or ours.
    pub why: String,
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
    /// Public rules that lead to it, by domain and path.
    pub routes: Vec<Route>,
    /// The latest of each planned probe.
    pub probes: Vec<Probe>,
    /// Who talks to whom, as far as an end is here.
    pub flows: Vec<Flow>,
    /// What of it is otherwise than was approved; `null` where that was not compared.
    pub drift: Option<Vec<Difference>>,
}

/// What the networks are held against, and what of the host is otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// The file that the operator named.
    pub approved_file: Arc<str>,
    /// When what is in force was written down; `null` where nothing is, or it does not say.
    #[serde(serialize_with = "maybe_rfc3339")]
    pub approved_at: Option<SystemTime>,
    /// Why the file is not in force as it is now; `null` where it is.
    pub refused: Option<Arc<str>>,
    /// What shows all of it.
    pub command: Arc<str>,
    /// How many differences there are, on the host and on every destination; `null` where that was not compared.
    pub differences: Option<usize>,
    /// Those of the host, and destinations that were approved and are not there.
    pub host: Vec<Difference>,
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
    /// How that goes on; `null` where nobody has watched it for an hour yet, as in a single look.
    pub growth: Option<Growth>,
}

/// The blocks that the Engine makes networks of.
#[derive(Clone, Debug, Serialize)]
pub struct Pools {
    /// Blocks taken.
    pub used: u64,
    /// All blocks.
    pub capacity: u64,
    /// As of a subnet.
    pub growth: Option<Growth>,
}

/// How what is taken a little at a time goes on.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// `unknown` (not watched for long enough), `still` or `grows`.
    pub trend: &'static str,
    /// The same in words.
    pub words: String,
    /// How many hours are known; as many at the most as are looked back at.
    pub watched_hours: u32,
    /// How many it takes to tell.
    pub needed_hours: u32,
    /// Taken a day; `null` where it does not grow.
    pub per_day: Option<f64>,
    /// When the last is taken; `null` where no day can be named.
    #[serde(serialize_with = "maybe_rfc3339")]
    pub ends_at: Option<SystemTime>,
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
    /// The port there; `null` where none is known.
    pub port: Option<u16>,
    /// `traefik` or `caddy`: whose labels.
    pub kind: &'static str,
    /// The proxy that serves it; `null` where there is none.
    pub proxy: Option<Arc<str>>,
    /// How it is.
    pub status: Status,
    /// Whether the site is served; `null` where nobody could look.
    pub up: Option<bool>,
    /// The way of a request: `internet`, `proxy`, `destination`, `container`.
    pub hops: Vec<Hop>,
    /// Where it is asked for, as the host does.
    pub doors: Vec<Door>,
    /// The containers that serve it.
    pub backends: Vec<Backend>,
    /// What the domain's visitors are shown over TLS; `null` where none could be read.
    pub certificate: Option<Certificate>,
}

/// A domain's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The first second of its time.
    #[serde(serialize_with = "moment")]
    pub not_before: Moment,
    /// The last second of its time.
    #[serde(serialize_with = "moment")]
    pub not_after: Moment,
    /// Whether visitors believe it: in its time, for this name, by somebody known.
    pub valid: bool,
}

/// One way in.
#[derive(Clone, Debug, Serialize)]
pub struct Door {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Where it was tried.
    pub address: SocketAddr,
    /// The status of the answer; `null` where none came.
    pub status_code: Option<u16>,
    /// Where the answer leads, if it does. It was not followed.
    pub location: Option<String>,
    /// `success`, `failure` or `unknown`.
    pub outcome: &'static str,
    /// Why it failed.
    pub reason: Option<&'static str>,
    /// How long each phase took, in seconds: `connect`, `tls`, `first_byte`, `transfer`.
    pub seconds: BTreeMap<&'static str, f64>,
}

/// One container of a route.
#[derive(Clone, Debug, Serialize)]
pub struct Backend {
    /// Endpoint name.
    pub name: Arc<str>,
    /// What the proxy dials; `null` where that is not known.
    pub address: Option<SocketAddr>,
    /// Whether it answers the proxy; `null` where nobody could look.
    pub up: Option<bool>,
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

/// Who talks to whom.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    /// By source, target and port.
    pub told: Vec<Flow>,
    /// How many more there are, of fewer connections than those.
    pub left_out: usize,
    /// Whose connections could not be read, or not all of them.
    pub unseen: Vec<Place>,
}

/// TCP connections of one client with one port of one server that were open at the last look.
#[derive(Clone, Debug, Serialize)]
pub struct Flow {
    /// Who called: an endpoint name, or `unknown` (no container of this server), `host` or `outside`.
    pub source: Arc<str>,
    /// Where that is; `null` for the host and the outside.
    pub source_destination: Option<Arc<str>>,
    /// Who was called.
    pub target: Arc<str>,
    /// Where that is; `null` for the host and the outside.
    pub target_destination: Option<Arc<str>>,
    /// `tcp`.
    pub protocol: &'static str,
    /// The server's port, on the server itself; `null` for all others together, of one who calls very many.
    pub port: Option<u16>,
    /// `inside` one destination, `across` to another, `hairpin` by a published port, `host`, or `outside`.
    #[serde(serialize_with = "way")]
    pub way: Way,
    /// What was called, of a hairpin: the host's address and port.
    pub by: Option<SocketAddr>,
    /// How many.
    pub connections: u64,
}

impl Flow {
    /// Whether one of its ends is on this destination.
    pub fn is_on(&self, destination: &str) -> bool {
        [&self.source_destination, &self.target_destination]
            .iter()
            .any(|on| on.as_deref() == Some(destination))
    }

    /// Whether one of its ends is this endpoint.
    pub fn is_of(&self, destination: &str, name: &str) -> bool {
        let ends = [(&self.source_destination, &self.source), (&self.target_destination, &self.target)];
        ends.iter().any(|(on, who)| on.as_deref() == Some(destination) && ***who == *name)
    }
}

/// A container's place on a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Where.
    pub destination: Arc<str>,
    /// Endpoint name.
    pub name: Arc<str>,
}

/// One container on one destination, with all that is known of it there.
#[derive(Clone, Debug, Serialize)]
pub struct Detail {
    /// When the snapshot was made.
    #[serde(serialize_with = "rfc3339")]
    pub generated_at: SystemTime,
    /// Where.
    pub destination: Arc<str>,
    /// Who.
    #[serde(flatten)]
    pub container: Container,
    /// The other destinations that it is on.
    pub elsewhere: Vec<Arc<str>>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Public rules that lead to it.
    pub routes: Vec<Route>,
    /// The latest of each planned probe from it and to it.
    pub probes: Vec<Probe>,
    /// Whom it talks to, and who talks to it.
    pub flows: Vec<Flow>,
    /// What crossed its place here; `null` where nobody counts.
    pub traffic: Option<Traffic>,
    /// TCP of its whole network namespace; `null` where it cannot be read.
    pub connections: Option<Tcp>,
}

/// What crossed a container's place on a destination since its interface was made.
#[derive(Clone, Debug, Serialize)]
pub struct Traffic {
    /// Who counted: `kernel` or `engine`.
    pub source: &'static str,
    /// What it received.
    pub receive: Counters,
    /// What it sent.
    pub transmit: Counters,
}

/// One direction.
#[derive(Clone, Debug, Serialize)]
pub struct Counters {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets with errors.
    pub errors: u64,
    /// Packets that were dropped.
    pub drops: u64,
}

impl From<Direction> for Counters {
    fn from(Direction { bytes, packets, errors, drops }: Direction) -> Self {
        Self { bytes, packets, errors, drops }
    }
}

/// TCP of a network namespace.
#[derive(Clone, Debug, Serialize)]
pub struct Tcp {
    /// Connections now.
    pub established: u64,
    /// Connections that ended a moment ago.
    pub time_wait: u64,
    /// Segments sent again since the namespace was made.
    pub retransmits_total: u64,
    /// Connections lost to a full backlog since then.
    pub listen_overflows_total: u64,
}

/// What belongs to no destination.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What could not be read of the Engine's answers, in words.
    pub oddities: Vec<String>,
    /// What networks are made of; `null` where the Engine does not say.
    pub address_pools: Option<Pools>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn way<S: Serializer>(way: &Way, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(way.as_label())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn moment<S: Serializer>(at: &Moment, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn rfc3339<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_rfc3339_millis(*at))
}

#[expect(clippy::ref_option, reason = "serde hands a reference")]
fn maybe_rfc3339<S: Serializer>(at: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, to),
        None => to.serialize_none(),
    }
}

impl Route {
    /// What a person calls it: without the path where it is all of the domain. Findings call it so too.
    pub fn title(&self) -> String {
        if self.path == "/" { self.domain.clone() } else { format!("{}{}", self.domain, self.path) }
    }
}

impl Report {
    /// Every finding, of the host first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.host.findings.iter().chain(self.destinations.iter().flat_map(|d| &d.findings))
    }
}
