//! The pages: what each is filled with, and how much of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use askama::Template;

use crate::diagnosis::Severity;
use crate::report::{Container, Destination, Detail, Flow, Place, Probe, Report, Route, Status};
use crate::timeline::{Entry, History, Kind};

use super::super::error::Refusal;
use super::card::{Card, Cards};
use super::document::Document;
use super::frame::{Frame, Here};
use super::matrix::Matrix;
use super::names::Names;
use super::otherwise::Otherwise;
use super::words::{self, counted};

/// As many findings are told whole in one page.
const MOST_FINDINGS: usize = 60;
/// As many destinations, containers, routes and probes are listed.
const MOST_DESTINATIONS: usize = 200;
const MOST_CONTAINERS: usize = 200;
const MOST_ROUTES: usize = 60;
const MOST_PROBES: usize = 100;
const MOST_FLOWS: usize = 60;
const MOST_UNSEEN: usize = 40;
/// As much of what happened of late.
const MOST_EVENTS: usize = 15;

/// What pages are made of.
#[derive(Clone, Debug)]
pub struct Maker {
    pub history: Arc<History>,
    /// From the page back to `/`.
    pub root: String,
    /// What of the findings is left out, in words; none where none is.
    pub filter: String,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a>(pub &'a Entry);

impl Event<'_> {
    /// The colour of it.
    pub const fn colour(&self) -> &'static str {
        match (self.0.kind, self.0.what.as_bytes(), self.0.severity) {
            (Kind::Finding, b"closed", _) | (Kind::Route, b"up" | b"backend_back", _) => "good",
            (Kind::Destination, b"healthy", _) | (Kind::Engine, b"back", _) => "good",
            (Kind::Drift, b"as_approved", _) => "good",
            (Kind::Finding, _, Some(Severity::Page)) | (Kind::Route, b"down", _) => "bad",
            (Kind::Destination, b"failing", _) | (Kind::Engine, b"lost", _) => "bad",
            (Kind::Finding, _, Some(Severity::Ticket)) | (Kind::Route, b"backend_lost", _) => "half",
            (Kind::Destination | Kind::Drift, _, _) => "half",
            _ => "plain",
        }
    }

    /// Who tells it is of no use to whoever reads it here.
    pub const fn of(&self) -> &'static str {
        if matches!(self.0.kind, Kind::Engine) { self.0.subject.kind } else { self.0.kind.as_label() }
    }
}

/// What cannot be seen, and why.
#[derive(Debug, Default)]
pub struct Unseen {
    pub told: Vec<(String, String)>,
    pub left_out: usize,
}

impl Unseen {
    fn of(report: &Report) -> Self {
        let own = report.exporter.unseen.iter();
        let own = own.map(|one| (words::capability(one.capability).to_owned(), one.why.clone()));
        let odd = report.host.oddities.iter();
        let odd = odd.map(|one| ("Something that the Engine said".to_owned(), one.clone()));
        Self::some(own.chain(odd).collect())
    }

    /// Of one destination alone.
    fn on(of: &Destination, connections: &[Place]) -> Self {
        let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
        for probe in of.probes.iter().filter(|probe| probe.outcome == "unknown") {
            *by_reason.entry(probe.reason.unwrap_or("unknown")).or_default() += 1;
        }
        let mut told: Vec<(String, String)> =
            by_reason.into_iter().map(|(reason, n)| (counted(n, "probe"), reason.to_owned())).collect();
        let mute = of.containers.iter().filter(|one| one.listeners.is_none()).count();
        if mute > 0 {
            told.push((
                format!("What listens in {}", counted(mute, "container")),
                "nobody could look, or has not yet: ports are taken from the images".to_owned(),
            ));
        }
        let quiet = connections.iter().filter(|place| place.destination == of.name).count();
        if quiet > 0 {
            let why = "they could not be read, or not all of them: these may talk to anyone";
            told.push((format!("Connections of {}", counted(quiet, "container")), why.to_owned()));
        }
        Self::some(told)
    }

    fn some(mut told: Vec<(String, String)>) -> Self {
        let left_out = told.len().saturating_sub(MOST_UNSEEN);
        told.truncate(MOST_UNSEEN);
        Self { told, left_out }
    }
}

/// A destination with what is told of it in a list.
#[derive(Debug)]
pub struct Listed<'a> {
    pub of: &'a Destination,
    pub cards: Vec<Card<'a>>,
    pub pages: usize,
    pub tickets: usize,
}

#[derive(Debug, Template)]
#[template(path = "status.html")]
struct StatusPage<'a> {
    frame: Frame,
    report: &'a Report,
    cards: Vec<Card<'a>>,
    more: usize,
    destinations: Vec<Listed<'a>>,
    more_destinations: usize,
    unseen: Unseen,
    otherwise: Otherwise<'a>,
    events: Vec<Event<'a>>,
    telemetry_path: &'a str,
    summary: String,
}

#[derive(Debug, Template)]
#[template(path = "diagnostics.html")]
struct DiagnosticsPage<'a> {
    frame: Frame,
    report: &'a Report,
    host: Vec<Card<'a>>,
    destinations: Vec<Listed<'a>>,
    more: usize,
    more_destinations: usize,
    unseen: Unseen,
    otherwise: Otherwise<'a>,
    events: Vec<Event<'a>>,
    filter: &'a str,
    summary: String,
}

#[derive(Debug, Template)]
#[template(path = "destination.html")]
struct DestinationPage<'a> {
    frame: Frame,
    of: &'a Destination,
    cards: Vec<Card<'a>>,
    more: usize,
    routes: &'a [Route],
    containers: &'a [Container],
    names: Names<'a>,
    matrix: Matrix<'a>,
    flows: &'a [Flow],
    map: String,
    otherwise: Otherwise<'a>,
    events: Vec<Event<'a>>,
    unseen: Unseen,
    everywhere: Unseen,
    filter: &'a str,
    oddities: usize,
}

#[derive(Debug, Template)]
#[template(path = "container.html")]
struct ContainerPage<'a> {
    frame: Frame,
    of: &'a Detail,
    called: &'a str,
    cards: Vec<Card<'a>>,
    more: usize,
    routes: &'a [Route],
    probes: Vec<&'a Probe>,
    flows: &'a [Flow],
    events: Vec<Event<'a>>,
}

#[derive(Debug, Template)]
#[template(path = "events.html")]
struct EventsPage<'a> {
    frame: Frame,
    events: Vec<Event<'a>>,
    left_out: usize,
    all: &'a str,
    destination: Option<&'a str>,
}

#[derive(Debug, Template)]
#[template(path = "map.html")]
struct MapPage<'a> {
    frame: Frame,
    map: &'a str,
    query: &'a str,
}

#[derive(Debug, Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    frame: Frame,
    refusal: &'a Refusal,
}

/// For whoever has not shown who it is: short, and it tells nothing of the exporter.
#[derive(Debug, Template)]
#[template(path = "away.html")]
struct AwayPage<'a> {
    refusal: &'a Refusal,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Maker {
    fn frame(&self, title: String, here: Here, now: SystemTime, status: Option<Status>) -> Frame {
        Frame { title, root: self.root.clone(), now, here, status, version: VERSION }
    }

    fn events(&self, is_wanted: impl Fn(&Entry) -> bool) -> Vec<Event<'_>> {
        self.history.entries().filter(|entry| is_wanted(entry)).take(MOST_EVENTS).map(Event).collect()
    }
}

/// As many of a list as are shown.
fn some<T>(all: &[T], most: usize) -> &[T] {
    all.get(..most).unwrap_or(all)
}

/// `2 pages, 1 ticket`.
fn summary(report: &Report) -> String {
    let count = |severity| report.findings().filter(|finding| finding.severity == severity).count();
    let parts: Vec<String> = Severity::ALL
        .into_iter()
        .map(|severity| (count(severity), severity))
        .filter(|(n, severity)| *n > 0 || *severity == Severity::Page)
        .map(|(n, severity)| match severity {
            Severity::Info => counted(n, "note"),
            other => counted(n, other.as_label()),
        })
        .collect();
    parts.join(", ")
}

/// Destinations, the worst first, with as many of their findings as a page has room for.
fn listed<'a>(report: &'a Report, cards: &mut Cards, room: &mut usize) -> Vec<Listed<'a>> {
    let mut all: Vec<&Destination> = report.destinations.iter().collect();
    all.sort_by_key(|on| Reverse(on.status.rank()));
    let mut card = |on: &'a Destination| {
        let shown = on.findings.len().min(*room);
        *room -= shown;
        let told = on.findings.iter().take(shown).map(|finding| cards.card(finding, Some(on)));
        let cards: Vec<Card<'a>> = told.collect();
        let count = |severity| on.findings.iter().filter(|f| f.severity == severity).count();
        Listed { of: on, cards, pages: count(Severity::Page), tickets: count(Severity::Ticket) }
    };
    all.into_iter().take(MOST_DESTINATIONS).map(&mut card).collect()
}

/// # Errors
/// The template failed; so it is with all of these.
pub fn status(report: &Report, maker: &Maker, telemetry_path: &str) -> Result<Document, Refusal> {
    let (mut cards, mut room) = (Cards::default(), MOST_FINDINGS);
    let mut told: Vec<Card<'_>> =
        report.host.findings.iter().take(room).map(|finding| cards.card(finding, None)).collect();
    room -= told.len();
    let mut destinations = listed(report, &mut cards, &mut room);
    for on in &mut destinations {
        told.append(&mut on.cards);
    }
    told.sort_by_key(|card| card.of.severity);
    let title = report.status.as_label().to_uppercase();
    Document::of(&StatusPage {
        frame: maker.frame(title, Here::Status, report.generated_at, Some(report.status)),
        more: report.findings().count().saturating_sub(told.len()),
        cards: told,
        more_destinations: report.destinations.len().saturating_sub(MOST_DESTINATIONS),
        destinations,
        unseen: Unseen::of(report),
        otherwise: Otherwise::of(report),
        events: maker.events(|_| true),
        telemetry_path: telemetry_path.trim_start_matches('/'),
        summary: summary(report),
        report,
    })
}

pub fn diagnostics(report: &Report, maker: &Maker) -> Result<Document, Refusal> {
    let (mut cards, mut room) = (Cards::default(), MOST_FINDINGS);
    let host: Vec<Card<'_>> =
        report.host.findings.iter().take(room).map(|finding| cards.card(finding, None)).collect();
    room -= host.len();
    let destinations = listed(report, &mut cards, &mut room);
    let told = host.len() + destinations.iter().map(|on| on.cards.len()).sum::<usize>();
    let title = format!("Diagnostics: {}", report.status.as_label());
    Document::of(&DiagnosticsPage {
        frame: maker.frame(title, Here::Diagnostics, report.generated_at, Some(report.status)),
        host,
        more: report.findings().count().saturating_sub(told),
        more_destinations: report.destinations.len().saturating_sub(MOST_DESTINATIONS),
        destinations,
        unseen: Unseen::of(report),
        otherwise: Otherwise::of(report),
        events: maker.events(|_| true),
        filter: &maker.filter,
        summary: summary(report),
        report,
    })
}

/// `map` is the drawing of it, as SVG.
pub fn destination(
    report: &Report,
    of: &Destination,
    map: String,
    maker: &Maker,
) -> Result<Document, Refusal> {
    let mut cards = Cards::default();
    let title = format!("{}: {}", of.display_name, of.status.as_label());
    Document::of(&DestinationPage {
        frame: maker.frame(title, Here::Diagnostics, report.generated_at, Some(of.status)),
        // Nobody needs a link to where they are.
        cards: of
            .findings
            .iter()
            .take(MOST_FINDINGS)
            .map(|finding| Card { on: None, ..cards.card(finding, Some(of)) })
            .collect(),
        more: of.findings.len().saturating_sub(MOST_FINDINGS),
        routes: some(&of.routes, MOST_ROUTES),
        containers: some(&of.containers, MOST_CONTAINERS),
        names: Names::of(of),
        matrix: Matrix::of(&of.probes),
        flows: some(&of.flows, MOST_FLOWS),
        map,
        otherwise: Otherwise::on(of, report),
        events: maker.events(|entry| entry.is_on(&of.name)),
        unseen: Unseen::on(of, &report.flows_unseen),
        everywhere: Unseen::of(report),
        filter: &maker.filter,
        oddities: report.host.findings.len(),
        of,
    })
}

/// `called` is what people call its destination.
pub fn container(of: &Detail, called: &str, maker: &Maker) -> Result<Document, Refusal> {
    let mut cards = Cards::default();
    let mut probes: Vec<&Probe> = of.probes.iter().collect();
    probes.sort_by_key(|probe| match probe.outcome {
        "failure" => 0,
        "unknown" => 1,
        _ => 2,
    });
    probes.truncate(MOST_PROBES);
    let status = Status::of(&of.findings);
    let name = Arc::clone(&of.container.name);
    Document::of(&ContainerPage {
        frame: maker.frame(name.to_string(), Here::Diagnostics, of.generated_at, Some(status)),
        cards: of.findings.iter().take(MOST_FINDINGS).map(|finding| cards.card(finding, None)).collect(),
        more: of.findings.len().saturating_sub(MOST_FINDINGS),
        routes: some(&of.routes, MOST_ROUTES),
        probes,
        flows: some(&of.flows, MOST_FLOWS),
        called,
        events: maker.events(|entry| entry.subject.name == name && entry.is_on(&of.destination)),
        of,
    })
}

/// `all` is the query of the page that has all of it.
pub fn events(
    told: &[&Entry],
    left_out: usize,
    all: &str,
    destination: Option<&str>,
    now: SystemTime,
    root: String,
) -> Result<Document, Refusal> {
    let maker = Maker { history: Arc::default(), root, filter: String::new() };
    Document::of(&EventsPage {
        frame: maker.frame("Events".to_owned(), Here::Events, now, None),
        events: told.iter().map(|entry| Event(entry)).collect(),
        left_out,
        all,
        destination,
    })
}

/// `query` is what the same is drawn by in other ways.
pub fn map(
    map: &str,
    status: Status,
    query: &str,
    now: SystemTime,
    root: String,
) -> Result<Document, Refusal> {
    let maker = Maker { history: Arc::default(), root, filter: String::new() };
    let frame = maker.frame("Map".to_owned(), Here::Map, now, Some(status));
    Document::of(&MapPage { frame, map, query })
}

pub fn refusal(of: &Refusal, root: String) -> Result<Document, Refusal> {
    let maker = Maker { history: Arc::default(), root, filter: String::new() };
    let frame = maker.frame(of.message.clone(), Here::Other, SystemTime::now(), None);
    Document::of(&RefusalPage { frame, refusal: of })
}

/// A refusal in some hundred bytes, which is made for anyone who asks. None where the template failed.
pub fn away(of: &Refusal) -> Option<String> {
    AwayPage { refusal: of }.render().ok()
}
