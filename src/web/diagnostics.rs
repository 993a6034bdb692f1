//! The report: as JSON, in words, or as a page where a browser asks.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::diagnosis::{Code, Finding, Severity, Verdict};
use crate::report::{self, Look, Report};
use crate::topology;

use super::error::Refusal;
use super::html::{self, Maker};
use super::pages::{App, Desk};
use super::press::Printed;
use super::request::{Path, Query, Takes};

const JSON: &str = "application/json";
/// As a terminal of this width shows it.
const WORDS: Look = Look { colours: false, width: 100, took: None };

/// What a caller asks of the report.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    /// Only findings of this severity.
    severity: Option<Severity>,
    /// Only findings of this code.
    code: Option<Code>,
    /// Whatever the caller's program says that it takes.
    format: Option<Format>,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Text,
    Html,
}

impl Format {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => html::CONTENT_TYPE,
        }
    }
}

impl Takes for Filter {
    const HINT: &'static str = "/diagnostics takes severity, code (there is a page /runbooks/CODE of each) and format (json, text, html), each once";
}

impl Filter {
    const fn is_open(&self) -> bool {
        self.severity.is_none() && self.code.is_none()
    }

    fn format(&self, headers: &HeaderMap) -> Format {
        self.format.unwrap_or(if html::wanted(headers) { Format::Html } else { Format::Json })
    }

    fn keeps(&self, finding: &Finding) -> bool {
        self.severity.is_none_or(|severity| finding.severity == severity)
            && self.code.is_none_or(|code| finding.code == code)
    }

    fn apply(&self, report: &mut Report) {
        for destination in &mut report.destinations {
            destination.findings.retain(|finding| self.keeps(finding));
        }
        report.host.findings.retain(|finding| self.keeps(finding));
    }

    /// For whoever reads the page of it.
    fn words(&self) -> String {
        let parts =
            [("severity", self.severity.map(Severity::as_label)), ("code", self.code.map(Code::as_label))];
        let parts: Vec<String> =
            parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?))).collect();
        if parts.is_empty() { String::new() } else { format!("Only findings of {}.", parts.join(" and ")) }
    }
}

/// The whole report.
pub async fn all(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    let format = filter.format(&headers);
    // The page that all who ask for it share has links that are right from its own path alone.
    match format {
        Format::Json if filter.is_open() => return latest(&desk, &headers).await,
        Format::Html if filter.is_open() && uri.path() == "/diagnostics" => {
            return whole(&desk, &headers).await;
        }
        _ => {}
    }
    let maker = maker(&desk.app, &uri, &filter);
    let made = move |app: &App| {
        let mut report = report::build(&app.verdict.load());
        filter.apply(&mut report);
        match format {
            Format::Json => json(&report).map(Printed::from),
            Format::Text => Ok(Printed::from(report::text(&report, WORDS).into_bytes())),
            Format::Html => html::diagnostics(&report, &maker).map(Printed::from),
        }
    };
    copy(desk, &headers, format, made).await
}

/// The report of the latest verdict, as all who ask for it share it.
pub(super) async fn latest(desk: &Desk, headers: &HeaderMap) -> Result<Response, Refusal> {
    let print = |verdict: &Verdict| json(&report::build(verdict)).map(Printed::from);
    let page = desk.press.page(&desk.report, &desk.app.verdict, print).await?;
    desk.press.answer(page, headers, JSON).await
}

/// The same as a page.
async fn whole(desk: &Desk, headers: &HeaderMap) -> Result<Response, Refusal> {
    let maker = Maker { history: desk.app.history.load_full(), root: "./".into(), filter: String::new() };
    let print =
        move |verdict: &Verdict| html::diagnostics(&report::build(verdict), &maker).map(Printed::from);
    let page = desk.press.page(&desk.diagnostics, &desk.app.verdict, print).await?;
    desk.press.answer(page, headers, html::CONTENT_TYPE).await
}

/// One destination; who names another one is told which there are.
pub async fn one(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    named(desk, &uri, &headers, name, filter).await
}

/// The destination that is called `run`, whose page a round's path would hide.
pub async fn run(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    named(desk, &uri, &headers, "run".to_owned(), filter).await
}

async fn named(
    desk: Desk,
    uri: &Uri,
    headers: &HeaderMap,
    name: String,
    filter: Filter,
) -> Result<Response, Refusal> {
    let format = filter.format(headers);
    let maker = maker(&desk.app, uri, &filter);
    let made = move |app: &App| {
        let verdict = app.verdict.load();
        let mut report = report::build(&verdict);
        let Some(place) = report.destinations.iter().position(|d| *d.name == *name) else {
            let known = report.destinations.iter().map(|d| (&*d.name, &*d.display_name));
            return Err(Refusal::unknown_destination(known));
        };
        // What is filtered out of the list still stands in the drawing.
        let drawn = report.destinations.get(place).filter(|_| format == Format::Html);
        let map = drawn.map(|on| topology::svg(&topology::of(&verdict, on))).unwrap_or_default();
        filter.apply(&mut report);
        let destination = report.destinations.swap_remove(place);
        match format {
            Format::Json => json(&destination).map(Printed::from),
            Format::Text => {
                report.host = report::Host::default();
                report.drift = None;
                report.destinations = vec![destination];
                Ok(Printed::from(report::text(&report, WORDS).into_bytes()))
            }
            Format::Html => html::destination(&report, &destination, map, &maker).map(Printed::from),
        }
    };
    copy(desk, headers, format, made).await
}

/// One container on one destination; who names another one is told which there are. Names of replicas have a
/// slash in them, which may stand as it is.
pub async fn container(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Path((destination, name)): Path<(String, String)>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    // There is no text of one container.
    let format = if filter.format(&headers) == Format::Html { Format::Html } else { Format::Json };
    let maker = maker(&desk.app, &uri, &filter);
    let made = move |app: &App| {
        let verdict = app.verdict.load();
        if let Some(detail) = report::detail(&verdict, &destination, &name) {
            let on = verdict.snapshot.inventory.as_deref().and_then(|all| all.destination(&destination));
            let called = on.map_or(&*destination, |on| &*on.display_name);
            return match format {
                Format::Html => html::container(&detail, called, &maker).map(Printed::from),
                _ => json(&detail).map(Printed::from),
            };
        }
        let inventory = verdict.snapshot.inventory.as_deref();
        match inventory.and_then(|inventory| inventory.destination(&destination)) {
            Some(on) => Err(Refusal::unknown_container(on.endpoints.iter().map(|e| &*e.name))),
            None => {
                let known = inventory.map_or(&[][..], |inventory| &inventory.destinations);
                Err(Refusal::unknown_destination(known.iter().map(|d| (&*d.name, &*d.display_name))))
            }
        }
    };
    copy(desk, &headers, format, made).await
}

fn maker(app: &App, uri: &Uri, filter: &Filter) -> Maker {
    Maker { history: app.history.load_full(), root: html::root(uri.path()), filter: filter.words() }
}

/// An answer for one caller alone.
async fn copy(
    desk: Desk,
    headers: &HeaderMap,
    format: Format,
    made: impl FnOnce(&App) -> Result<Printed, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let (app, press) = (desk.app, desk.press);
    if format == Format::Html {
        return press.sheet(headers, move || made(&app)).await;
    }
    let text = press.copy(move || made(&app).map(|printed| printed.text)).await?;
    Ok(([(header::CONTENT_TYPE, format.content_type())], text).into_response())
}

/// As JSON.
pub(super) fn plain(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, JSON)], text).into_response()
}

/// Readable without a tool.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec_pretty(value).map_err(|error| {
        tracing::error!(%error, "no report");
        Refusal::internal()
    })
}
