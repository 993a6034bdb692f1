//! What one run of a probe saw.
//!
//! Pure values: plan, state and diagnosis speak of probes through these types without needing one.
//! Every label value that leaves the exporter for a probe is named here, beside its variant, so the
//! set is closed and `docs/metrics.md` can list it.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
}

impl ProbeKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Dns, Self::DnsExternal, Self::Icmp, Self::IcmpExternal, Self::Tcp, Self::Http];

    /// The value of the label `probe`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::DnsExternal => "dns_external",
            Self::Icmp => "icmp",
            Self::IcmpExternal => "icmp_external",
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }
}

/// Why a probe failed: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No answer within the deadline.
    Timeout,
    /// A TCP reset, or an ICMP port unreachable, answered the first packet.
    Refused,
    /// No route, or an ICMP host/network unreachable, or the neighbour did not answer ARP/ND.
    Unreachable,
    /// The connection was cut after it stood.
    Reset,
    /// Some echo requests of the run were answered and some were not.
    PacketLoss,
    /// NXDOMAIN (RFC 1035, rcode 3).
    Nxdomain,
    /// SERVFAIL (RFC 1035, rcode 2).
    Servfail,
    /// Any other rcode but NOERROR: REFUSED, FORMERR, NOTIMP.
    DnsRefused,
    /// The answer holds an address that does not belong to the name.
    WrongAnswer,
    /// NOERROR without the record that the inventory expects.
    EmptyAnswer,
    /// Bytes that are not the protocol's.
    Protocol,
    /// The TLS handshake failed.
    Tls,
    /// A status of 500 or more.
    HttpStatus,
    /// The packet was larger than the path lets pass.
    TooBig,
    /// Firewalled: an ICMP "administratively prohibited" came back.
    Prohibited,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Timeout,
        Self::Refused,
        Self::Unreachable,
        Self::Reset,
        Self::PacketLoss,
        Self::Nxdomain,
        Self::Servfail,
        Self::DnsRefused,
        Self::WrongAnswer,
        Self::EmptyAnswer,
        Self::Protocol,
        Self::Tls,
        Self::HttpStatus,
        Self::TooBig,
        Self::Prohibited,
    ];

    /// The value of the label `reason`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::PacketLoss => "packet_loss",
            Self::Nxdomain => "nxdomain",
            Self::Servfail => "servfail",
            Self::DnsRefused => "dns_refused",
            Self::WrongAnswer => "wrong_answer",
            Self::EmptyAnswer => "empty_answer",
            Self::Protocol => "protocol",
            Self::Tls => "tls",
            Self::HttpStatus => "http_status",
            Self::TooBig => "too_big",
            Self::Prohibited => "prohibited",
        }
    }

    /// Whether a probe of this kind may fail so: what cannot happen needs no series at 0.
    pub const fn is_of(self, kind: ProbeKind) -> bool {
        use ProbeKind::{Dns, DnsExternal, Http, Icmp, IcmpExternal, Tcp};
        match self {
            Self::Timeout | Self::Refused | Self::Unreachable | Self::Prohibited => true,
            Self::Reset => matches!(kind, Tcp | Http),
            Self::PacketLoss => matches!(kind, Icmp | IcmpExternal),
            Self::Nxdomain | Self::Servfail | Self::DnsRefused | Self::WrongAnswer | Self::EmptyAnswer => {
                matches!(kind, Dns | DnsExternal)
            }
            Self::Protocol => matches!(kind, Dns | DnsExternal | Http),
            Self::Tls | Self::HttpStatus => matches!(kind, Http),
            Self::TooBig => matches!(kind, Icmp | IcmpExternal),
        }
    }

    /// One sentence for `docs/metrics.md`.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Timeout => "no answer within the deadline",
            Self::Refused => "a TCP reset or an ICMP port unreachable answered",
            Self::Unreachable => "no route, an ICMP host or network unreachable, or no answer to ARP/ND",
            Self::Reset => "the connection was cut after it stood",
            Self::PacketLoss => "some echo requests of the run were lost",
            Self::Nxdomain => "the resolver says that the name does not exist",
            Self::Servfail => "the resolver failed",
            Self::DnsRefused => "the resolver answered REFUSED, FORMERR or NOTIMP",
            Self::WrongAnswer => "the answer holds an address that does not belong to the name",
            Self::EmptyAnswer => "the name exists, without the record that the inventory expects",
            Self::Protocol => "the answer is not the protocol's",
            Self::Tls => "the TLS handshake failed",
            Self::HttpStatus => "the answer's status is 500 or more",
            Self::TooBig => "the packet was larger than the path lets pass",
            Self::Prohibited => "a firewall answered that it forbids this",
        }
    }
}

/// Why the exporter itself could not look. Never a failure of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blindness {
    /// The privilege to enter a network namespace is missing.
    NoPrivilege,
    /// There is no way to the namespace: no mount, no `/proc` entry.
    NoNamespace,
    /// The namespace does not permit the socket that the probe needs.
    NoSocket,
    /// The container ended while it was being looked at.
    Vanished,
    /// A resource of the exporter did not suffice: no socket (EMFILE, ENOBUFS, …), a receive queue that
    /// ran over, an answer that was cut.
    Resources,
    /// This vantage has no address of the family.
    NoAddress,
    /// The exporter did not get to it in time.
    Overrun,
}

impl Blindness {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::NoPrivilege,
        Self::NoNamespace,
        Self::NoSocket,
        Self::Vanished,
        Self::Resources,
        Self::NoAddress,
        Self::Overrun,
    ];

    /// The value of the label `reason` of `destination_exporter_probes_unknown_total`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::NoPrivilege => "no_privilege",
            Self::NoNamespace => "no_namespace",
            Self::NoSocket => "no_socket",
            Self::Vanished => "vanished",
            Self::Resources => "resources",
            Self::NoAddress => "no_address",
            Self::Overrun => "overrun",
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
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(a) => write!(f, "{a}"),
            Self::Port(a, p) => write!(f, "{}", std::net::SocketAddr::new(*a, *p)),
            Self::Name(n, QueryType::A) => write!(f, "{n} A"),
            Self::Name(n, QueryType::Aaaa) => write!(f, "{n} AAAA"),
            Self::Name(n, QueryType::Ptr) => write!(f, "{n} PTR"),
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

/// What a run noticed besides its outcome. Absent means: not applicable to the kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// One sentence for a person: what was seen. From strangers: data, bounded to 200 characters.
    pub note: Option<String>,
    /// ICMP: requests sent and replies that came (duplicates not counted).
    pub echo: Option<Echo>,
    /// TCP: the kernel's counters of the handshake.
    pub handshake: Option<Handshake>,
    /// DNS: the addresses that were answered.
    pub answers: Vec<IpAddr>,
    /// HTTP: status and phases.
    pub http: Option<HttpSeen>,
    /// The failure was said by the kernel of the vantage itself, before anything left it: its own
    /// firewall (`EPERM`), a `prohibit` route, no route. That is a fault of the source, not of the target,
    /// and must not be mistaken for the ICMP error of somebody else.
    pub local: bool,
}

/// Echo requests and replies of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Echo {
    /// Requests that the kernel took.
    pub sent: u32,
    /// Distinct requests that were answered.
    pub received: u32,
    /// Replies to what had been answered already.
    pub duplicates: u32,
    /// Round-trip time of every reply, kernel receive time minus the clock before the send.
    pub rtts: Vec<Duration>,
}

/// `TCP_INFO` after the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Handshake {
    /// `tcpi_rtt`: the kernel's round-trip time of SYN and SYN+ACK.
    pub rtt: Duration,
    /// `tcpi_total_retrans`: SYNs that had to be sent again; 1 means a lost SYN, often a full backlog.
    pub syn_retransmits: u32,
}

/// What an HTTP server answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HttpSeen {
    /// Status code.
    pub status: u16,
    /// Time of each phase that was reached.
    pub connect: Duration,
    /// TLS handshake, zero without TLS.
    pub tls: Duration,
    /// Request written to first byte of the answer.
    pub first_byte: Duration,
    /// First byte to the end of the body, or to its cap.
    pub transfer: Duration,
    /// Bytes of body that were read, up to the cap.
    pub body_bytes: u64,
}

/// One finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Which measurement.
    pub key: ProbeKey,
    /// How it ended.
    pub outcome: Outcome,
    /// What else it noticed.
    pub seen: Observation,
}
