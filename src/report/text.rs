//! The report for a terminal.
//!
//! Names and notes come from strangers: nothing reaches the terminal that it would act on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::diagnosis::{Finding, Severity, printable as plain};

use super::model::{Destination, Report, Status};

/// Where the word of the status stands.
const STATUS_COLUMN: usize = 82;

/// The report in words, with colours where the terminal has them.
pub fn text(report: &Report, colours: bool) -> String {
    let mut page = Page { out: String::new(), colours };
    for finding in &report.host.findings {
        page.finding(finding);
    }
    for oddity in &report.host.oddities {
        page.line(&format!("  odd     {}", plain(oddity)));
    }
    for destination in &report.destinations {
        page.destination(destination);
    }
    if report.destinations.is_empty() {
        page.line(if report.exporter.engine.is_some() {
            "No destinations: the Engine has no network that containers are deployed to."
        } else {
            "Nothing is known yet: the Engine has not answered."
        });
    }
    page.line("");
    page.line(&totals(report));
    page.out
}

struct Page {
    out: String,
    colours: bool,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn status(&self, status: Status) -> String {
        let colour = match status {
            Status::Healthy => "32",
            Status::Degraded => "33",
            Status::Failing => "1;31",
            Status::Unknown => "35",
        };
        self.paint(&status.as_label().to_uppercase(), colour)
    }

    fn destination(&mut self, of: &Destination) {
        let mut head = plain(&of.name);
        if of.display_name != of.name {
            let _ = write!(head, " ({})", plain(&of.display_name));
        }
        let _ = write!(head, "   {}", plain(&of.driver));
        if let Some(subnet) = of.subnets.first() {
            let _ = write!(head, " {}", subnet.subnet);
        }
        let _ = write!(head, ", {}", counted(of.containers.len(), "container"));
        if !of.routes.is_empty() {
            let _ = write!(head, ", {}", counted(of.routes.len(), "route"));
        }
        let gap = STATUS_COLUMN.saturating_sub(head.chars().count()).max(2);
        let status = self.status(of.status);
        self.line(&format!("{head}{:gap$}{status}", ""));
        for finding in &of.findings {
            self.finding(finding);
        }
        if of.findings.iter().any(|f| f.severity != Severity::Info) {
            let path: Vec<String> = of.path.iter().map(|h| format!("{} {}", h.hop, mark(h.status))).collect();
            self.line(&format!("          path    {}", path.join("  ")));
        }
        if let Some(fine) = fine(of) {
            self.line(&format!("  fine    {fine}"));
        }
        if let Some(unseen) = unseen(of) {
            self.line(&format!("  unseen  {unseen}"));
        }
    }

    fn finding(&mut self, of: &Finding) {
        let colour = match of.severity {
            Severity::Page => "1;31",
            Severity::Ticket => "33",
            Severity::Info => "36",
        };
        // Padded before it is painted: the colour's own letters have no width.
        let severity = self.paint(&format!("{:<6}", of.severity.as_label()), colour);
        let code = self.paint(of.code.as_label(), "1");
        self.line(&format!("  {severity}  {code}  {}", plain(&of.subject.name)));
        self.line(&format!("          {}", plain(&of.summary)));
        for evidence in of.evidence.iter().take(3) {
            let (source, observed) = (plain(&evidence.source), plain(&evidence.observed));
            self.line(&format!(
                "          seen    {source}: {observed} (expected: {})",
                plain(&evidence.expected)
            ));
        }
        for (at, step) in of.fix.iter().enumerate() {
            let label = if at == 0 { "repair" } else { "" };
            self.line(&format!("          {label:<6}  {}", plain(step)));
        }
        for (at, command) in of.verify.iter().take(2).enumerate() {
            let label = if at == 0 { "see it" } else { "" };
            self.line(&format!("          {label:<6}  {}", plain(command)));
        }
    }
}

const fn mark(status: Status) -> &'static str {
    match status {
        Status::Healthy => "✓",
        Status::Degraded => "!",
        Status::Failing => "✗",
        Status::Unknown => "?",
    }
}

/// What was looked at and works, by kind.
fn fine(of: &Destination) -> Option<String> {
    let mut by_kind: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for probe in of.probes.iter().filter(|p| p.outcome != "unknown") {
        let (good, all) = by_kind.entry(probe.probe).or_default();
        *good += usize::from(probe.outcome == "success");
        *all += 1;
    }
    let parts: Vec<String> = by_kind
        .into_iter()
        .filter(|(_, (good, _))| *good > 0)
        .map(
            |(kind, (good, all))| {
                if good == all { format!("{good} {kind}") } else { format!("{good} of {all} {kind}") }
            },
        )
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What could not be looked at, by reason.
fn unseen(of: &Destination) -> Option<String> {
    let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
    for probe in of.probes.iter().filter(|p| p.outcome == "unknown") {
        *by_reason.entry(probe.reason.unwrap_or("unknown")).or_default() += 1;
    }
    let parts: Vec<String> =
        by_reason.into_iter().map(|(reason, n)| format!("{} ({reason})", counted(n, "probe"))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn totals(report: &Report) -> String {
    let count = |severity| report.findings().filter(|f| f.severity == severity).count();
    let probes: usize = report.destinations.iter().map(|d| d.probes.len()).sum();
    let sources: BTreeSet<(&str, &str)> =
        report.destinations.iter().flat_map(|d| d.probes.iter().map(|p| (&*d.name, &*p.source))).collect();
    let blind: Vec<&str> = report
        .exporter
        .capabilities
        .iter()
        .filter(|(_, can)| **can == Some(false))
        .map(|(name, _)| *name)
        .filter(|name| *name != "host_network")
        .collect();
    let mut line = format!(
        "{}, {}. {} from {}.",
        counted(count(Severity::Page), "page"),
        counted(count(Severity::Ticket), "ticket"),
        counted(probes, "probe"),
        counted(sources.len(), "endpoint"),
    );
    if !blind.is_empty() {
        let _ = write!(line, " Cannot see: {}.", blind.join(", "));
    }
    line
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
