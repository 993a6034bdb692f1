//! What a run noticed, by kind of probe.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::certificate::Certificate;

use super::{Outcome, ProbeKey};

/// What a run noticed besides its outcome. Absent means: not applicable to the kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// One sentence for a person: what was seen. From strangers: data, bounded to 200 characters.
    pub note: Option<String>,
    /// ICMP: requests sent and replies that came (duplicates not counted).
    pub echo: Option<Echo>,
    /// Path MTU: how large a packet gets through.
    pub widths: Option<Widths>,
    /// TCP: the kernel's counters of the handshake.
    pub handshake: Option<Handshake>,
    /// DNS: the addresses that were answered.
    pub answers: Vec<IpAddr>,
    /// HTTP: status and phases.
    pub http: Option<HttpSeen>,
    /// HTTP over TLS: the certificate that was presented, also where the handshake failed after it had come. Without
    /// it there was none, or no TLS.
    pub certificate: Option<Arc<Certificate>>,
    /// HTTP, of routes: what was said.
    pub answer: Option<Answer>,
    /// HTTP: how far it came, where it did not come to an end.
    pub stopped_at: Option<Phase>,
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

/// How large a packet gets there and back: sizes in bytes, IP header included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Widths {
    /// What the source's interface takes.
    pub mtu: u32,
    /// The largest that passed.
    pub passed: u32,
    /// The smallest that did not; `None` where the largest of all passed.
    pub failed: Option<u32>,
    /// Who did not let that one pass said so (ICMP "fragmentation needed", ICMPv6 "packet too big").
    pub told: bool,
}

/// `TCP_INFO` after the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Handshake {
    /// `tcpi_rtt`: the kernel's round-trip time of SYN and SYN+ACK.
    pub rtt: Duration,
    /// `tcpi_total_retrans`: SYNs that had to be sent again; 1 means a lost SYN, often a full backlog.
    pub syn_retransmits: u32,
    /// `tcpi_snd_mss`: bytes that the peer takes in one packet; what a loopback carries is more than any bridge does.
    pub segment: u32,
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

/// What an HTTP server said, as far as it tells who said it. A stranger's words, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The header `Location`.
    pub location: Option<String>,
    /// The header `Server`.
    pub server: Option<String>,
    /// It sets a cookie: with that, the same question may get another answer.
    pub sets_cookie: bool,
    /// How the body begins: 64 bytes, printable.
    pub begins: String,
}

/// How far an exchange came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It waited for the connection.
    Connect,
    /// The connection stood; it waited for the other's side of TLS.
    Tls,
    /// The request was sent; it waited for the answer to begin.
    Answer,
    /// The answer had begun; it waited for its end.
    Body,
}

impl Phase {
    /// The word of the report.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Answer => "answer",
            Self::Body => "body",
        }
    }
}

impl HttpSeen {
    /// How long each phase took, in seconds. One that there was not, TLS in the clear, is left out.
    pub fn phases(self) -> impl Iterator<Item = (&'static str, f64)> {
        let all = [
            ("connect", self.connect),
            ("tls", self.tls),
            ("first_byte", self.first_byte),
            ("transfer", self.transfer),
        ];
        let there = all.into_iter().filter(|(name, took)| *name != "tls" || !took.is_zero());
        there.map(|(name, took)| (name, took.as_secs_f64()))
    }
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
