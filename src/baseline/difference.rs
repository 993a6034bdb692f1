//! What two snapshots can differ in: the words that `diff`, metrics and events share.

use std::collections::BTreeMap;

use serde::Serialize;

/// What sort of difference it is: the label `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A network.
    Network,
    /// A subnet.
    Subnet,
    /// Who is on a network.
    Workload,
    /// A name, and to whom it leads.
    Name,
    /// A reverse proxy, and the networks that it is on.
    Proxy,
    /// A public site.
    Route,
    /// A published port.
    Port,
    /// An address or an id: another one after each start.
    Identity,
}

impl Kind {
    /// What may matter on a destination.
    pub const OF_DESTINATIONS: [Self; 4] = [Self::Network, Self::Subnet, Self::Workload, Self::Name];
    /// What may matter of the host.
    pub const OF_THE_HOST: [Self; 3] = [Self::Proxy, Self::Route, Self::Port];

    /// The word of the report.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::Workload => "workload",
            Self::Name => "name",
            Self::Proxy => "proxy",
            Self::Route => "route",
            Self::Port => "port",
            Self::Identity => "identity",
        }
    }
}

/// How it is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was there and is not any more.
    Gone,
    /// It is another one.
    Changed,
    /// It was not there.
    New,
}

impl Change {
    /// The word of the report.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::New => "new",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Where; `None` where it is a matter of the host.
    pub destination: Option<String>,
    /// What sort.
    pub kind: Kind,
    /// Of what.
    pub subject: String,
    /// How.
    pub change: Change,
    /// As it was; empty where it was not.
    pub before: String,
    /// As it is; empty where it is not.
    pub after: String,
    /// It is so after each start or move, and nobody depends on it.
    pub expected: bool,
}

/// All that is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// By destination.
    pub differences: Vec<Difference>,
    /// How many more there are that matter.
    pub left_out: usize,
    /// How many more there are that were to be expected.
    pub expected_left_out: usize,
    /// How many matter, of all of them, by destination and kind.
    pub counts: BTreeMap<(Option<String>, Kind), usize>,
}

impl Comparison {
    /// Nothing is different that somebody would miss, or has not asked for.
    pub fn is_same(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many are not told, where those that were to be expected are told as well, or are not.
    pub const fn left_out(&self, all: bool) -> usize {
        if all { self.left_out.saturating_add(self.expected_left_out) } else { self.left_out }
    }
}
