//! How a destination, or a part of it, is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::Serialize;

use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind};
use crate::state::Snapshot;

use super::{Finding, Severity};

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

    /// The worst of these findings, where all that they do not tell of is well.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        findings.into_iter().fold(Self::Healthy, |worst, finding| {
            worst.worse(match finding.severity {
                Severity::Page => Self::Failing,
                Severity::Ticket => Self::Degraded,
                Severity::Info => Self::Healthy,
            })
        })
    }

    /// The worse of two. What is known to fail comes first; what cannot be seen is worse than what
    /// is known to be slightly wrong, for it may be anything.
    pub const fn worse(self, other: Self) -> Self {
        if self.rank() >= other.rank() { self } else { other }
    }

    /// The higher, the worse.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Degraded => 1,
            Self::Unknown => 2,
            Self::Failing => 3,
        }
    }
}

/// Nothing can be said of a destination: the Engine is silent, or not one of the planned probes could look, or did yet.
pub fn is_blind(snapshot: &Snapshot, destination: &Arc<str>) -> bool {
    if !snapshot.sight.engine.is_up() {
        return true;
    }
    let first = ProbeKey {
        destination: Arc::clone(destination),
        kind: ProbeKind::Dns,
        source: "".into(),
        target: "".into(),
        detail: Detail::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    };
    // The table is in the order of destinations: most of the time the first of its probes says enough.
    let mut here = snapshot
        .probes
        .range(first..)
        .take_while(|(key, _)| key.destination == *destination)
        .map(|(_, record)| &record.outcome)
        .peekable();
    let is_planned =
        || snapshot.tallies.iter().any(|((on, _), tally)| on == destination && tally.planned > 0);
    (here.peek().is_some() || is_planned()) && here.all(|outcome| matches!(outcome, Outcome::Unknown(_)))
}
