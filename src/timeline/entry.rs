//! One line of the timeline, as it is shown. The field names are a public contract: adding is free.

use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use crate::diagnosis::{After, Code, Severity, Subject};

/// Of what sort an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The Engine told it, or it is about the Engine.
    Engine,
    /// Of the exporter itself.
    Exporter,
    /// A finding came or went.
    Finding,
    /// A public route went down or came up.
    Route,
    /// A destination is otherwise than before.
    Destination,
    /// Something is otherwise than the operator approved, or as approved again.
    Drift,
}

impl Kind {
    /// The word of the report.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Exporter => "exporter",
            Self::Finding => "finding",
            Self::Route => "route",
            Self::Destination => "destination",
            Self::Drift => "drift",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When: an event of the Engine by the Engine's clock, a flip when it was told.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// Of what sort.
    pub kind: Kind,
    /// What happened, in a word.
    pub what: &'static str,
    /// Where; `null` where that is no destination, or several.
    pub destination: Option<Arc<str>>,
    /// All of them, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Arc<str>>,
    /// About what.
    pub subject: Subject,
    /// Of a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Of a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How long what is over now stood, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stood_seconds: Option<f64>,
    /// In words that can be read aloud.
    pub sentence: String,
    /// What the Engine told just before, nearest first.
    pub after: Vec<After>,
}

impl Entry {
    /// Whether it is about this destination, or about all of them.
    pub fn is_on(&self, destination: &str) -> bool {
        let is_of_all = self.destination.is_none() && self.destinations.is_empty();
        is_of_all || self.tells_of(destination)
    }

    /// Whether it names this destination.
    pub fn tells_of(&self, destination: &str) -> bool {
        self.destination.iter().chain(&self.destinations).any(|on| **on == *destination)
    }
}

fn rfc3339<S: serde::Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_rfc3339_millis(*at))
}
