//! What a finding says.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use super::Code;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Users are hit now.
    Page,
    /// Will hit them, or hits a part.
    Ticket,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Page, Self::Ticket, Self::Info];

    /// The value of the label `severity`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Info => "info",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    /// `container`, `destination`, `name`, `address`, `proxy`, `route`, `domain`, `port`, `pair` (of destinations), `host`,
    /// `engine` or `exporter`.
    pub kind: &'static str,
    /// Its name.
    pub name: Arc<str>,
}

impl Subject {
    /// Whether it is the container of this endpoint name. A network or a DNS name may be called the same.
    pub fn is_container(&self, name: &str) -> bool {
        self.kind == "container" && *self.name == *name
    }
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it was read.
    pub source: String,
    /// What was seen.
    pub observed: String,
    /// What should have been seen.
    pub expected: String,
}

/// One step of a repair.
///
/// Whoever deploys a container chooses its names, and what stands where commands stand is pasted into a
/// root's shell. So prose is written by this program alone (`&'static str`: no name fits in), and a
/// command says itself that it is one: nobody searches a text for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What to do, or when the commands are for; may be empty.
    prose: &'static str,
    /// Joined by `&&`; names in them are shell words.
    commands: Vec<String>,
}

impl Step {
    /// Something that no command does.
    pub const fn prose(prose: &'static str) -> Self {
        Self { prose, commands: Vec::new() }
    }

    /// A command that stands for itself.
    pub fn command(command: impl Into<String>) -> Self {
        Self { prose: "", commands: vec![command.into()] }
    }

    /// `prose: one && another`.
    pub fn when(prose: &'static str, commands: impl IntoIterator<Item = String>) -> Self {
        Self { prose, commands: commands.into_iter().collect() }
    }

    /// What is to be read; where commands follow, with a colon.
    pub fn words(&self) -> String {
        let colon = if self.prose.is_empty() || self.commands.is_empty() { "" } else { ":" };
        format!("{}{colon}", self.prose)
    }

    /// What is to be run, one after the other.
    pub fn commands(&self) -> &[String] {
        &self.commands
    }

    pub(super) fn commands_mut(&mut self) -> &mut [String] {
        &mut self.commands
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if self.prose.is_empty() || self.commands.is_empty() { "" } else { " " };
        write!(f, "{}{gap}{}", self.words(), self.commands.join(" && "))
    }
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A diagnosed fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which fault of the catalogue.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub subject: Subject,
    /// Where; `None` for the host or the exporter itself.
    pub destination: Option<Arc<str>>,
    /// One sentence that an on-call can read aloud.
    pub summary: String,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// The failed probes that it accounts for, in words.
    pub explains: Vec<String>,
    /// What was checked and is fine.
    pub ruled_out: Vec<String>,
    /// Steps, with the exact command.
    pub fix: Vec<Step>,
    /// Commands to see it by hand.
    pub verify: Vec<String>,
    /// Since when.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
    /// Where the runbook is: a page of this exporter.
    pub runbook: String,
}

fn rfc3339<S: serde::Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_rfc3339_millis(*at))
}

/// What is known, and what it means: the value that faces show.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What is known.
    pub snapshot: Arc<crate::state::Snapshot>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// Faults that have not stood long enough to be told.
    pub pending: usize,
    /// How each route is, in the order of the inventory.
    pub passages: Vec<super::Passage>,
    /// The certificate of each domain, by domain.
    pub certificates: Vec<super::CertificateState>,
}
