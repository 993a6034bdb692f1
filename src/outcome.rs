//! What one run of a probe saw.
//!
//! Pure values: plan, state and diagnosis speak of probes through these types without needing one.
//! Every label value that leaves the exporter for a probe is named here, beside its variant, so the
//! set is closed and `docs/metrics.md` can list it.

mod reason;
mod seen;

use std::cmp::Ordering;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use reason::{Blindness, Reason};
pub use seen::{Answer, Echo, Handshake, HttpSeen, Observation, Phase, Run, Widths};

/// The kinds of probe, as the label `probe` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// A name of the inventory, asked of the container's own resolver.
    Dns,
    /// A configured name outside the destinations.
    DnsExternal,
    /// Echo requests to a peer or the gateway.
    Icmp,
    /// Echo requests to a configured address outside the destinations.
    IcmpExternal,
    /// A handshake with a port that a peer listens on.
    Tcp,
    /// One request to a port that speaks HTTP.
    Http,
    /// From a destination to the proxy's doors.
    Proxy,
    /// A public rule: from the proxy to each backend, and from the host through the proxy.
    Route,
    /// From the host to a port that it publishes.
    PublishedPort,
    /// From one destination to the containers of another: what gets through is the failure.
    Isolation,
    /// Echo requests as large as the source's interface takes, to a peer and to configured addresses outside.
    PathMtu,
    /// From a container to the ports that the proxy publishes, at an address of the host.
    Hairpin,
    /// Over an overlay, to containers on other nodes and to virtual addresses of services: an echo, and a handshake where
    /// a port is known.
    Overlay,
    /// From the host to the hosts of other nodes: an echo, and a handshake with the ports of the Swarm.
    Node,
}

impl ProbeKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::Dns,
        Self::DnsExternal,
        Self::Icmp,
        Self::IcmpExternal,
        Self::Tcp,
        Self::Http,
        Self::Proxy,
        Self::Route,
        Self::PublishedPort,
        Self::Isolation,
        Self::PathMtu,
        Self::Hairpin,
        Self::Overlay,
        Self::Node,
    ];

    /// Measured so seldom that a round is over without it, but for the first.
    pub const fn is_rare(self) -> bool {
        matches!(self, Self::PathMtu)
    }

    /// The value of the label `probe`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::DnsExternal => "dns_external",
            Self::Icmp => "icmp",
            Self::IcmpExternal => "icmp_external",
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Proxy => "proxy",
            Self::Route => "route",
            Self::PublishedPort => "published_port",
            Self::Isolation => "isolation",
            Self::PathMtu => "path_mtu",
            Self::Hairpin => "hairpin",
            Self::Overlay => "overlay",
            Self::Node => "node",
        }
    }
}

/// What one run gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It worked, and took this long by the best clock there is (the kernel's where it has one).
    Success(Duration),
    /// It failed.
    Failure(Reason),
    /// The exporter could not look.
    Unknown(Blindness),
}

impl Outcome {
    /// The word of the report: `success`, `failure` or `unknown`.
    pub const fn as_word(&self) -> &'static str {
        match self {
            Self::Success(_) => "success",
            Self::Failure(_) => "failure",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The reason, where it failed.
    pub const fn reason(&self) -> Option<Reason> {
        if let Self::Failure(r) = self { Some(*r) } else { None }
    }
}

/// Record types that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum QueryType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Name of an address.
    Ptr,
}

/// What within the target a probe looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// An address of the target.
    Address(IpAddr),
    /// A port at an address of the target.
    Port(IpAddr, u16),
    /// A name of the target and the record asked for.
    Name(Arc<str>, QueryType),
    /// A site (`shop.example.com/`), asked of the container that serves it, as the proxy does.
    Backend(Arc<str>, SocketAddr),
    /// A site, asked of the proxy: over TLS or not, at which address.
    Door(Scheme, Arc<str>, SocketAddr),
}

/// How a web server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As a URL begins.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(a) => write!(f, "{a}"),
            Self::Port(a, p) => write!(f, "{}", SocketAddr::new(*a, *p)),
            Self::Name(n, QueryType::A) => write!(f, "{n} A"),
            Self::Name(n, QueryType::Aaaa) => write!(f, "{n} AAAA"),
            Self::Name(n, QueryType::Ptr) => write!(f, "{n} PTR"),
            Self::Backend(site, at) => write!(f, "{site} at {at}"),
            Self::Door(scheme, site, at) => write!(f, "{}://{site} at {at}", scheme.as_label()),
        }
    }
}

/// The stable identity of one planned measurement. Ordered by its fields, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeKey {
    /// The destination's label value.
    pub destination: Arc<str>,
    /// What is measured.
    pub kind: ProbeKind,
    /// Endpoint name of the vantage.
    pub source: Arc<str>,
    /// Endpoint name of the target, or `gateway`, or a configured name.
    pub target: Arc<str>,
    /// Which of the target's names, addresses or ports.
    pub detail: Detail,
}

impl Ord for ProbeKey {
    fn cmp(&self, other: &Self) -> Ordering {
        // Keys of one plan share their texts, and tables of them are searched all the time: what is the
        // same text is not read.
        let text = |a: &Arc<str>, b: &Arc<str>| if Arc::ptr_eq(a, b) { Ordering::Equal } else { a.cmp(b) };
        text(&self.destination, &other.destination)
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| text(&self.source, &other.source))
            .then_with(|| text(&self.target, &other.target))
            .then_with(|| self.detail.cmp(&other.detail))
    }
}

impl PartialOrd for ProbeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
