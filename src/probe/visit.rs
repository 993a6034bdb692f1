//! What a probe is asked to do.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::certificate::Examiner;
use crate::namespace::Vantage;
use crate::outcome::{Blindness, Outcome, ProbeKey, ProbeKind, QueryType, Run};
use crate::proxy::Kind;

use super::Turn;

/// Everything of one kind that one vantage measures at one time.
#[derive(Clone, Debug)]
pub struct Visit {
    /// One kind a visit.
    pub kind: ProbeKind,
    /// Where the sockets are made.
    pub vantage: Vantage,
    /// The measurements; each has this kind and spec variant.
    pub jobs: Arc<[Job]>,
    /// Bounds of the visit.
    pub limits: Limits,
    /// Somebody asked for it before its own time: it is to meet every firewall as a stranger does.
    pub out_of_turn: bool,
    /// Who reads the certificates that are presented.
    pub examiner: Arc<Examiner>,
}

/// Bounds of a visit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// How long one job may take.
    pub timeout: Duration,
    /// How many jobs are under way at once in this namespace.
    pub in_flight: usize,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its identity.
    pub key: ProbeKey,
    /// What to do.
    pub spec: Spec,
    /// Whether it is done each time.
    pub turn: Turn,
}

impl Job {
    /// One that is done each time.
    pub const fn new(key: ProbeKey, spec: Spec) -> Self {
        Self { key, spec, turn: Turn::EVERY }
    }
}

/// What to do, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Spec {
    /// Echo requests.
    Icmp {
        /// To whom.
        address: IpAddr,
        /// How many.
        packets: u16,
        /// How far apart.
        spacing: Duration,
    },
    /// Echo requests as large as may be, and smaller ones.
    PathMtu {
        /// To whom.
        address: IpAddr,
    },
    /// One query.
    Dns {
        /// The container's resolver.
        resolver: SocketAddr,
        /// The absolute name; for PTR the address as text, of which the reverse name is made.
        name: Arc<str>,
        /// Record type.
        qtype: QueryType,
        /// How the answer is judged.
        expect: Expect,
    },
    /// One handshake.
    Tcp {
        /// To whom.
        peer: SocketAddr,
    },
    /// One request `GET path`.
    Http {
        /// To whom.
        peer: SocketAddr,
        /// The `Host` header (and SNI where `tls`).
        host: Arc<str>,
        /// The path.
        path: Arc<str>,
        /// TLS first. Any certificate will do, and is given back with the run.
        tls: bool,
        /// The most bytes of body that are read.
        body_cap: u64,
        /// What counts as success.
        accepts: Accepts,
    },
}

/// Which HTTP answer is a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Any but a server error (500 and above).
    NoServerError,
    /// Any: somebody who speaks HTTP is there.
    Anything,
    /// The site's: no server error, and no page by which this kind of proxy says that it knows no such site.
    Site(Kind),
}

/// How a DNS answer is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// Any NOERROR answer with at least one record of the type (external names).
    Any,
    /// Whatever the answer is: whether there is such a name is what is asked.
    Whatever,
    /// At least one of these addresses, and no other. Empty (AAAA of a container without IPv6):
    /// NOERROR without records is right.
    Addresses {
        /// Those that bear the name.
        right: Arc<[IpAddr]>,
        /// Those that may bear it, for all that is known: an answer with one of them is not judged.
        unsure: Arc<[IpAddr]>,
        /// Those of containers on other hosts, sorted: who bears the name there nobody says, so that they are right beside
        /// one that bears it here.
        beyond: Arc<[IpAddr]>,
    },
    /// PTR: the answer is one of these names, in any case, alone or with a domain behind it.
    Names(Arc<[Arc<str>]>),
}

impl Visit {
    /// A run per job that says that nobody could look.
    pub fn blind(&self, why: Blindness, note: &str) -> Vec<Run> {
        self.jobs
            .iter()
            .map(|job| Run {
                key: job.key.clone(),
                outcome: Outcome::Unknown(why),
                seen: crate::outcome::Observation { note: Some(note.to_owned()), ..Default::default() },
            })
            .collect()
    }
}
