//! The rule files of `alerts/`, written from one list: what every alert has to say, and where it leads, is
//! worded once.
//!
//! Whoever runs the exporter takes the files as they are; whoever works on them changes the list and runs
//! `make rules`. Nothing here is needed to run anything.

mod blind;
mod drift;
pub mod endings;
mod findings;
pub mod resources;
mod slo;
mod swarm;
mod words;

use std::fmt::Write as _;

pub use slo::{WINDOWS, Window, hold};

/// How an alert is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody gets up.
    Critical,
    /// Somebody looks at it by day.
    Warning,
    /// Machinery.
    None,
}

impl Severity {
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::None => "none",
        }
    }
}

/// What is hit, from the widest: inhibitions go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Exporter,
    Swarm,
    Host,
    Destination,
    Route,
    Security,
}

impl Scope {
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Swarm => "swarm",
            Self::Host => "host",
            Self::Destination => "destination",
            Self::Route => "route",
            Self::Security => "security",
        }
    }
}

/// What its links lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// One finding: its own runbook, its place on the page of its destination.
    Finding,
    Destination,
    Route,
    Host,
    /// One finding that several nodes of a Swarm may tell of.
    SwarmFinding,
    /// What no single node tells.
    Swarm,
    Exporter,
    /// An exporter that does not answer: any other has the runbook as well.
    Silent,
}

/// One alert.
#[derive(Clone, Debug)]
pub struct Alert {
    pub name: &'static str,
    pub severity: Severity,
    pub scope: Scope,
    /// Further labels.
    labels: Vec<(&'static str, &'static str)>,
    expr: String,
    /// `for`; empty for none.
    hold: &'static str,
    /// `keep_firing_for`; empty for none.
    keep: &'static str,
    summary: String,
    description: String,
    about: About,
}

/// One rule.
#[derive(Clone, Debug)]
enum Rule {
    /// Name and expression of what is recorded.
    Record(String, String),
    Alert(Box<Alert>),
}

impl From<Alert> for Rule {
    fn from(alert: Alert) -> Self {
        Self::Alert(Box::new(alert))
    }
}

/// Rules that are evaluated one after the other.
#[derive(Clone, Debug)]
struct Group {
    name: &'static str,
    interval: &'static str,
    rules: Vec<Rule>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Within `alerts/`.
    pub name: &'static str,
    /// What it is for.
    about: &'static str,
    groups: Vec<Group>,
}

/// Every file.
#[must_use]
pub fn files() -> Vec<RuleFile> {
    vec![findings::file(), slo::file(), blind::file(), resources::file(), drift::file(), swarm::file()]
}

/// Every alert, in the order of the files.
#[must_use]
pub fn alerts() -> Vec<Alert> {
    let rules = files().into_iter().flat_map(|file| file.groups).flat_map(|group| group.rules);
    rules
        .filter_map(|rule| match rule {
            Rule::Alert(alert) => Some(*alert),
            Rule::Record(..) => None,
        })
        .collect()
}

impl RuleFile {
    /// As it stands in `alerts/`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text =
            String::from("# Written by `make rules`: change tests/lab/src/rules, not this file.\n");
        for line in self.about.lines() {
            let _ = writeln!(text, "# {line}");
        }
        text.push_str("groups:\n");
        for group in &self.groups {
            let Group { name, interval, rules } = group;
            let _ = write!(text, "  - name: {name}\n    interval: {interval}\n    rules:\n");
            for rule in rules {
                match rule {
                    Rule::Record(name, expr) => {
                        let _ = writeln!(text, "      - record: {name}");
                        block(&mut text, 8, "expr", '|', expr);
                    }
                    Rule::Alert(alert) => alert.render(&mut text),
                }
            }
        }
        text
    }
}

impl Alert {
    /// Of several of one name, the windows that tell it from the others; empty otherwise.
    #[must_use]
    pub fn window(&self) -> &'static str {
        self.labels.iter().find(|(label, _)| *label == "windows").map_or("", |(_, window)| window)
    }

    /// How long it waits; empty where it does not.
    #[must_use]
    pub const fn hold(&self) -> &'static str {
        self.hold
    }

    /// How long it stays when it is over; likewise.
    #[must_use]
    pub const fn keep(&self) -> &'static str {
        self.keep
    }

    fn render(&self, text: &mut String) {
        let _ = writeln!(text, "      - alert: {}", self.name);
        block(text, 8, "expr", '|', &self.expr);
        for (key, time) in [("for", self.hold), ("keep_firing_for", self.keep)] {
            if !time.is_empty() {
                let _ = writeln!(text, "        {key}: {time}");
            }
        }
        text.push_str("        labels:\n");
        let own = [("severity", self.severity.as_label()), ("scope", self.scope.as_label())];
        for (name, value) in own.iter().chain(&self.labels) {
            let _ = writeln!(text, "          {name}: {value}");
        }
        text.push_str("        annotations:\n");
        let links = words::links(self.name, self.about);
        block(text, 10, "summary", '>', &self.summary);
        block(text, 10, "description", '|', &self.description);
        for (name, value) in &links {
            block(text, 10, name, '>', value);
        }
    }
}

/// A text of one line (`>`) or of several (`|`), without an end of line behind it.
fn block(text: &mut String, indent: usize, key: &str, style: char, value: &str) {
    let _ = writeln!(text, "{:indent$}{key}: {style}-", "");
    for line in value.trim().lines() {
        let _ = writeln!(text, "{:indent$}  {line}", "");
    }
}
