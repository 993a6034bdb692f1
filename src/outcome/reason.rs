//! Why a probe failed, and why nobody could look: two closed sets that never mix.

use serde::Serialize;

use super::ProbeKind;

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
    /// It got through to where nothing may.
    Reachable,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 16] = [
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
        Self::Reachable,
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
            Self::Reachable => "reachable",
        }
    }

    /// Whether a probe of this kind may fail so: what cannot happen needs no series at 0.
    pub const fn is_of(self, kind: ProbeKind) -> bool {
        use ProbeKind::{
            Dns, DnsExternal, Hairpin, Http, Icmp, IcmpExternal, Isolation, Node, Overlay, PathMtu, Proxy,
            PublishedPort, Route, Tcp,
        };
        match self {
            Self::Timeout | Self::Refused | Self::Unreachable | Self::Prohibited => {
                !matches!(kind, Isolation | PathMtu)
            }
            Self::Reset => {
                matches!(kind, Tcp | Http | Proxy | Route | PublishedPort | Hairpin | Overlay | Node)
            }
            Self::PacketLoss => matches!(kind, Icmp | IcmpExternal | Overlay | Node),
            Self::Nxdomain | Self::Servfail | Self::DnsRefused | Self::WrongAnswer | Self::EmptyAnswer => {
                matches!(kind, Dns | DnsExternal)
            }
            Self::Protocol => matches!(kind, Dns | DnsExternal | Http | Proxy | Route),
            Self::Tls => matches!(kind, Http | Proxy | Route),
            Self::HttpStatus => matches!(kind, Http | Route),
            Self::TooBig => matches!(kind, Icmp | IcmpExternal | PathMtu | Overlay | Node),
            Self::Reachable => matches!(kind, Isolation),
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
            Self::TooBig => {
                "the packet was larger than the path lets pass; of `path_mtu`: and nobody said so"
            }
            Self::Prohibited => "a firewall answered that it forbids this",
            Self::Reachable => "it got through to a destination that shares nothing with the source's",
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
    /// ran over, an answer that was cut, names that are more than are kept.
    Resources,
    /// This vantage has no address of the family.
    NoAddress,
    /// The exporter did not get to it in time.
    Overrun,
    /// The port takes connections and says nothing, and never spoke HTTP: it may be no web server.
    NoHttpYet,
    /// Not even small packets are answered, all of them: nothing is known of large ones.
    NoEcho,
}

impl Blindness {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::NoPrivilege,
        Self::NoNamespace,
        Self::NoSocket,
        Self::Vanished,
        Self::Resources,
        Self::NoAddress,
        Self::Overrun,
        Self::NoHttpYet,
        Self::NoEcho,
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
            Self::NoHttpYet => "no_http_yet",
            Self::NoEcho => "no_echo",
        }
    }
}
