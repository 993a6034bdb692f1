//! The report for a terminal.
//!
//! Names and notes come from strangers: nothing reaches the terminal that it would act on, and nobody's name
//! looks like a line of the report's own. Prose is folded to the terminal's width; a command stands whole on a
//! line of its own, for it is there to be copied. What is a command, its finding says: nothing here searches for one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use crate::baseline::words;
use crate::diagnosis::{Code, Finding, Severity, Step, counted};
use crate::strangers::printable;
use crate::traffic::conversations::Way;

use super::fold::fold;
use super::model::{Destination, Difference, Drift, Flow, Growth, Report, Route, Status};

/// Where the text of a finding begins; what it shows and advises begins [`LABEL`] further in.
const INDENT: usize = 10;
/// `repair`, `see it` and the like, with the gap behind them.
const LABEL: usize = 8;
/// The labels of what a finding shows and advises.
const LABELS: [&str; 5] = ["seen", "checked", "repair", "see it", "path"];
/// How many failing probes are shown that no finding accounts for.
const MOST_FAILING: usize = 4;
/// How many connections that go a long way round are shown.
const MOST_DETOURS: usize = 3;
/// How many differences from what was approved are shown.
const MOST_DRIFT: usize = 3;
/// How many routes are shown that nothing is found about.
const MOST_ROUTES: usize = 12;
/// How much of one finding's evidence is shown; all of it is in the JSON.
const MOST_EVIDENCE: usize = 3;
/// How many ways to see it by hand are shown.
const MOST_VERIFIED: usize = 2;

/// How the report is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether the terminal shows colours.
    pub colours: bool,
    /// Its width in characters.
    pub width: usize,
    /// How long the looking took, where that is worth telling.
    pub took: Option<Duration>,
}

/// The report in words.
pub fn text(report: &Report, look: Look) -> String {
    // Narrower, nothing is readable any more; wider, the eye loses the line.
    let look = Look { width: look.width.clamp(60, 110), ..look };
    let mut page = Page { out: String::new(), look, told: Vec::new() };
    for finding in &report.host.findings {
        page.finding(finding, None);
    }
    for oddity in &report.host.oddities {
        page.item(2, "odd", &plain(oddity));
    }
    let is_found = |code| report.host.findings.iter().any(|finding| finding.code == code);
    if let Some(pools) = &report.host.address_pools
        && !is_found(Code::AddressPoolsExhausted)
        && let Some(line) = taken(pools.used, pools.capacity, "blocks for networks", pools.growth.as_ref())
    {
        page.item(2, "used", &line);
    }
    if let Some(drift) = &report.drift {
        page.drift(drift);
    }
    for (n, destination) in report.destinations.iter().enumerate() {
        // What has something to say stands apart.
        let before = n.checked_sub(1).and_then(|before| report.destinations.get(before));
        if before.is_some_and(|before| !before.findings.is_empty() || !destination.findings.is_empty()) {
            page.line("");
        }
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
    for line in fold(&totals(report, look.took), look.width) {
        page.line(&line);
    }
    page.out
}

struct Page<'a> {
    out: String,
    look: Look,
    /// The findings so far, each with the name of its destination.
    told: Vec<(&'a Finding, &'a str)>,
}

impl<'a> Page<'a> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// Folded prose behind a label.
    fn item(&mut self, indent: usize, label: &str, prose: &str) {
        let width = self.look.width.saturating_sub(indent + LABEL);
        let mut label = label;
        for line in folded(prose, width) {
            self.line(&format!("{:indent$}{label:<LABEL$}{line}", ""));
            label = "";
        }
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.look.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
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

    fn destination(&mut self, of: &'a Destination) {
        let mut head = plain(&of.display_name);
        if of.display_name != of.name {
            let _ = write!(head, " ({})", plain(&of.name));
        }
        let _ = write!(head, "  {}", plain(&of.driver));
        for subnet in &of.subnets {
            let _ = write!(head, " {}", subnet.subnet);
        }
        let _ = write!(head, ", {}", counted(of.containers.len(), "container"));
        if !of.routes.is_empty() {
            let _ = write!(head, ", {}", counted(of.routes.len(), "route"));
        }
        let word = of.status.as_label().len();
        let gap = self.look.width.saturating_sub(head.chars().count() + word).max(2);
        let status = self.status(of.status);
        self.line(&format!("{head}{:gap$}{status}", ""));
        let (asides, faults): (Vec<_>, Vec<_>) =
            of.findings.iter().partition(|finding| finding.severity == Severity::Info);
        let mut shown: BTreeSet<String> = BTreeSet::new();
        let mut only_routes = true;
        for finding in &faults {
            self.finding(finding, Some(&of.display_name));
            let about =
                |route: &&Route| finding.subject.kind == "route" && *route.title() == *finding.subject.name;
            match of.routes.iter().find(about) {
                Some(route) if shown.insert(route.title()) => self.item(INDENT, "path", &way(route)),
                Some(_) => {}
                None => only_routes = false,
            }
        }
        if !faults.is_empty() && !only_routes {
            let path: Vec<String> = of.path.iter().map(|h| format!("{} {}", h.hop, mark(h.status))).collect();
            self.item(INDENT, "path", &path.join(" → "));
        }
        for finding in asides {
            self.finding(finding, Some(&of.display_name));
        }
        let others = of.routes.iter().filter(|route| !shown.contains(&route.title()));
        for route in others.clone().take(MOST_ROUTES) {
            let port = route.port.map(|port| format!(":{port}")).unwrap_or_default();
            let line =
                format!("{} → {}{port}  {}", plain(&route.title()), plain(&route.workload), way(route));
            self.item(2, "route", &line);
        }
        let more = others.count().saturating_sub(MOST_ROUTES);
        if more > 0 {
            self.item(2, "", &format!("and {} more", counted(more, "route")));
        }
        for subnet in &of.subnets {
            let what = format!("addresses in {}", subnet.subnet);
            if let Some(line) = taken(subnet.used, subnet.capacity, &what, subnet.growth.as_ref()) {
                self.item(2, "used", &line);
            }
        }
        if let Some(fine) = fine(of) {
            self.item(2, "fine", &fine);
        }
        for detour in detours(of) {
            self.item(2, "detour", &detour);
        }
        if let Some(failing) = failing(of) {
            self.item(2, "failing", &failing);
        }
        if let Some(drift) = of.drift.as_deref().and_then(otherwise) {
            self.item(2, "drift", &drift);
        }
        if let Some(unseen) = unseen(of) {
            self.item(2, "unseen", &unseen);
        }
    }

    /// What the networks are held against, where something is to be said of that.
    fn drift(&mut self, of: &Drift) {
        let file = plain(&of.approved_file);
        if let Some(why) = &of.refused {
            let stays = match of.differences {
                Some(_) => "compared with what was approved before",
                None => "not compared with what was approved",
            };
            self.item(2, "drift", &format!("{stays}, for {file} cannot be read: {}", plain(why)));
        }
        if let Some(host) = otherwise(&of.host) {
            self.item(2, "drift", &host);
        }
        if let Some(all) = of.differences.filter(|all| *all > 0) {
            let since = of.approved_at.map(|at| format!(" of {}", humantime::format_rfc3339_seconds(at)));
            let than = format!("than in {file}{}", since.unwrap_or_default());
            let is = if all == 1 { "is" } else { "are" };
            self.item(2, "drift", &format!("{} {is} otherwise {than}. All of it:", counted(all, "setting")));
            self.commands(&mut "", &[of.command.to_string()]);
        }
    }

    fn finding(&mut self, of: &'a Finding, on: Option<&'a str>) {
        let colour = match of.severity {
            Severity::Page => "1;31",
            Severity::Ticket => "33",
            Severity::Info => "36",
        };
        // Padded before it is painted: the colour's own letters have no width.
        let severity = self.paint(&format!("{:<LABEL$}", of.severity.as_label()), colour);
        let code = self.paint(of.code.as_label(), "1");
        self.line(&format!("  {severity}{code}  {}", plain(&of.subject.name)));
        let same = |(told, _): &&(&Finding, &str)| {
            (told.code, &told.subject, &told.fix) == (of.code, &of.subject, &of.fix)
        };
        if let Some((_, above)) = self.told.iter().find(same) {
            let again = format!("The same as on {}, above.", plain(above));
            return self.prose(&again);
        }
        self.prose(&plain(&of.summary));
        self.told.extend(on.map(|on| (of, on)));
        if of.severity == Severity::Info {
            return;
        }
        for evidence in of.evidence.iter().take(MOST_EVIDENCE) {
            let (source, observed) = (plain(&evidence.source), plain(&evidence.observed));
            let expected = match plain(&evidence.expected) {
                expected if expected.is_empty() => expected,
                expected => format!(" (expected: {expected})"),
            };
            self.item(INDENT, "seen", &format!("{source}: {observed}{expected}"));
        }
        // What it is not: the first of what was ruled out.
        if let Some(fine) = of.ruled_out.first() {
            self.item(INDENT, "checked", &plain(fine));
        }
        self.steps("repair", &of.fix);
        let mut label = "see it";
        for command in of.verify.iter().take(MOST_VERIFIED) {
            self.commands(&mut label, std::slice::from_ref(command));
        }
    }

    fn prose(&mut self, text: &str) {
        for line in folded(text, self.look.width.saturating_sub(INDENT)) {
            self.line(&format!("{:INDENT$}{line}", ""));
        }
    }

    /// Advice: what is prose in it folded, what is a command whole.
    fn steps(&mut self, label: &str, steps: &[Step]) {
        let mut label = label;
        for step in steps {
            let words = step.words();
            if !words.is_empty() {
                self.item(INDENT, label, &words);
                label = "";
            }
            self.commands(&mut label, step.commands());
        }
    }

    /// Commands as they are pasted into a shell: on one line, or, where that is long, on lines that break where
    /// a shell goes on reading.
    fn commands(&mut self, label: &mut &str, commands: &[String]) {
        let commands: Vec<String> = commands.iter().map(|command| printable(command)).collect();
        let whole = commands.join(" && ");
        let lines = if whole.chars().count() <= self.look.width.saturating_sub(INDENT + LABEL) {
            whole
        } else {
            commands.join(" &&\n")
        };
        for line in lines.lines() {
            self.line(&format!("{:INDENT$}{:<LABEL$}{line}", "", *label));
            *label = "";
        }
    }
}

/// Printable, and with no other gaps than single spaces: nobody's name is set like a table.
fn plain(text: &str) -> String {
    let text = printable(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Folded prose. A line that begins like one of the report's labels is set in: `repair` behind a gap says that a
/// command follows, and a name could be broken so as to say it.
fn folded(prose: &str, width: usize) -> Vec<String> {
    let set_in = |line: String| {
        if LABELS.iter().any(|label| line.starts_with(label)) { format!("  {line}") } else { line }
    };
    fold(prose, width).into_iter().map(set_in).collect()
}

const fn mark(status: Status) -> &'static str {
    match status {
        Status::Healthy => "✓",
        Status::Degraded => "!",
        Status::Failing => "✗",
        Status::Unknown => "?",
    }
}

/// The hops of a route, and what was seen where it breaks.
fn way(route: &Route) -> String {
    let hop = |hop: &super::model::Hop| {
        let gap = if hop.detail.is_empty() || hop.status == Status::Healthy { "" } else { " " };
        let detail = if gap.is_empty() { String::new() } else { plain(&hop.detail) };
        format!("{} {}{gap}{detail}", hop.hop, mark(hop.status))
    };
    let hops: Vec<String> = route.hops.iter().map(hop).collect();
    hops.join(" → ")
}

/// How much is taken of what has an end, and how that goes on: where it grows, or half of it is taken. What is all taken
/// is a finding.
fn taken(used: u64, capacity: u64, what: &str, growth: Option<&Growth>) -> Option<String> {
    let grows = growth.is_some_and(|growth| growth.per_day.is_some());
    let words = growth.map(|growth| format!(", {}", growth.words)).unwrap_or_default();
    let is_told = used < capacity && (grows || used >= capacity / 2);
    is_told.then(|| format!("{used} of {capacity} {what}{words}"))
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
        .map(|(kind, (good, all))| {
            let what = counted(all, thing(kind));
            if good == all { what } else { format!("{good} of {what}") }
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What fails though no finding accounts for it: who looks into it by hand begins here.
fn failing(of: &Destination) -> Option<String> {
    if of.findings.iter().any(|finding| finding.severity != Severity::Info) {
        return None;
    }
    let mut all: BTreeMap<(&str, &str, &str, &str), usize> = BTreeMap::new();
    for probe in of.probes.iter().filter(|p| p.outcome == "failure") {
        let what = (probe.probe, &*probe.target, &*probe.detail, probe.reason.unwrap_or("failure"));
        *all.entry(what).or_default() += 1;
    }
    let more = all.len().saturating_sub(MOST_FAILING);
    let mut parts: Vec<String> = all
        .into_iter()
        .take(MOST_FAILING)
        .map(|((kind, target, detail, reason), times)| {
            let from = if times > 1 { format!(", from {times}") } else { String::new() };
            format!("{kind} {} {}: {reason}{from}", plain(target), plain(detail))
        })
        .collect();
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Connections that leave the destination to reach another container: by an address of the host, or
/// straight to another destination.
fn detours(of: &Destination) -> Vec<String> {
    let here = |flow: &&Flow| flow.source_destination.as_ref() == Some(&of.name);
    let all: Vec<_> = of
        .flows
        .iter()
        .filter(here)
        .filter_map(|flow| {
            let how = match (flow.way, flow.by) {
                (Way::Hairpin, Some(by)) => {
                    format!("leaves for {by}, an address of the host, and comes back")
                }
                (Way::Across, _) => "straight to another destination's address".to_owned(),
                _ => return None,
            };
            let on = flow.target_destination.as_deref().filter(|on| **on != *of.name);
            let on = on.map(|on| format!(" of {}", plain(on))).unwrap_or_default();
            let (source, target) = (plain(&flow.source), plain(&flow.target));
            let port = flow.port.map(|port| format!(", port {port}")).unwrap_or_default();
            Some(format!("{source} → {target}{on}{port}: {how}"))
        })
        .collect();
    let more = all.len().saturating_sub(MOST_DETOURS);
    let more = (more > 0).then(|| format!("and {more} more: /topology lists them"));
    all.into_iter().take(MOST_DETOURS).chain(more).collect()
}

/// What a probe of the kind asks for, in a word.
fn thing(kind: &str) -> &str {
    match kind {
        "dns" => "name",
        "dns_external" => "outside name",
        "icmp" => "ping",
        "icmp_external" => "outside ping",
        "tcp" => "connection",
        "http" => "HTTP answer",
        "proxy" => "proxy door",
        "route" => "route hop",
        "published_port" => "published port",
        "isolation" => "isolated pair",
        "path_mtu" => "large packet",
        "hairpin" => "hairpin",
        other => other,
    }
}

/// What is otherwise than was approved: the first of it.
fn otherwise(all: &[Difference]) -> Option<String> {
    let told = all.iter().take(MOST_DRIFT).map(|one| {
        let (kind, subject) = (one.kind.as_label(), plain(&one.subject));
        format!("{kind} {subject}: {}", plain(&words(one)))
    });
    let more = all.len().saturating_sub(MOST_DRIFT);
    let more = (more > 0).then(|| format!("and {more} more"));
    let told: Vec<String> = told.chain(more).collect();
    (!told.is_empty()).then(|| format!("otherwise than approved: {}", told.join("; ")))
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

fn totals(report: &Report, took: Option<Duration>) -> String {
    let count = |severity| report.findings().filter(|f| f.severity == severity).count();
    let probes = || report.destinations.iter().flat_map(|d| d.probes.iter().map(|p| (&*d.name, p)));
    let sources: BTreeSet<(&str, &str)> = probes().map(|(on, p)| (on, &*p.source)).collect();
    let mut line = format!(
        "{}, {}. {} from {}",
        counted(count(Severity::Page), "page"),
        counted(count(Severity::Ticket), "ticket"),
        counted(probes().count(), "probe"),
        counted(sources.len(), "endpoint"),
    );
    if let Some(took) = took {
        let _ = write!(line, " in {:.1} s", took.as_secs_f64());
    }
    line.push('.');
    let can = &report.exporter.capabilities;
    let blind: Vec<&str> = can
        .iter()
        .filter(|(name, can)| **can == Some(false) && !["host_network", "firewall"].contains(name))
        .map(|(name, _)| *name)
        .collect();
    if !blind.is_empty() {
        let _ = write!(line, " Cannot see: {}.", blind.join(", "));
    }
    if !probes().any(|(_, p)| p.probe.ends_with("_external")) {
        line.push_str(" Not looked at: the internet (no targets configured).");
    }
    line
}
