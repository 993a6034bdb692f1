//! The report, as JSON.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::diagnosis::Finding;
use crate::report::{self, Report};

use super::error::Refusal;
use super::pages::Desk;
use super::request::{Path, Query, Takes};

const JSON: &str = "application/json";

/// What a caller asks of the report.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    /// Only findings of this severity.
    severity: Option<String>,
    /// Only findings of this code.
    code: Option<String>,
}

impl Takes for Filter {
    const HINT: &'static str = "/diagnostics takes severity and code, each once";
}

impl Filter {
    const fn is_open(&self) -> bool {
        self.severity.is_none() && self.code.is_none()
    }

    fn keeps(&self, finding: &Finding) -> bool {
        self.severity.as_deref().is_none_or(|s| finding.severity.as_label() == s)
            && self.code.as_deref().is_none_or(|c| finding.code.as_label() == c)
    }

    fn apply(&self, report: &mut Report) {
        for destination in &mut report.destinations {
            destination.findings.retain(|finding| self.keeps(finding));
        }
        report.host.findings.retain(|finding| self.keeps(finding));
    }
}

/// The whole report.
pub async fn all(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    if filter.is_open() {
        return latest(&desk, &headers).await;
    }
    let app = desk.app;
    let copy = desk.press.copy(move || {
        let mut report = report::build(&app.verdict.load());
        filter.apply(&mut report);
        json(&report)
    });
    copy.await.map(answer)
}

/// The report of the latest verdict, as all who ask for it share it.
pub(super) async fn latest(desk: &Desk, headers: &HeaderMap) -> Result<Response, Refusal> {
    let page = desk.press.page(&desk.report, &desk.app.verdict, |verdict| json(&report::build(verdict)));
    desk.press.answer(page.await?, headers, JSON).await
}

/// One destination; who names another one is told which there are.
pub async fn one(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    named(desk, name, filter).await
}

/// The destination that is called `run`, whose page a round's path would hide.
pub async fn run(State(desk): State<Desk>, Query(filter): Query<Filter>) -> Result<Response, Refusal> {
    named(desk, "run".to_owned(), filter).await
}

async fn named(desk: Desk, name: String, filter: Filter) -> Result<Response, Refusal> {
    let app = desk.app;
    let copy = desk.press.copy(move || {
        let mut report = report::build(&app.verdict.load());
        filter.apply(&mut report);
        match report.destinations.iter().find(|d| *d.name == *name) {
            Some(destination) => json(destination),
            None => {
                let known = report.destinations.iter().map(|d| (&*d.name, &*d.display_name));
                Err(Refusal::unknown_destination(known))
            }
        }
    });
    copy.await.map(answer)
}

/// One container on one destination; who names another one is told which there are. Names of replicas have a
/// slash in them, which may stand as it is.
pub async fn container(
    State(desk): State<Desk>,
    Path((destination, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let app = desk.app;
    let copy = desk.press.copy(move || {
        let verdict = app.verdict.load();
        if let Some(detail) = report::detail(&verdict, &destination, &name) {
            return json(&detail);
        }
        let inventory = verdict.snapshot.inventory.as_deref();
        match inventory.and_then(|inventory| inventory.destination(&destination)) {
            Some(on) => Err(Refusal::unknown_container(on.endpoints.iter().map(|e| &*e.name))),
            None => {
                let known = inventory.map_or(&[][..], |inventory| &inventory.destinations);
                Err(Refusal::unknown_destination(known.iter().map(|d| (&*d.name, &*d.display_name))))
            }
        }
    });
    copy.await.map(answer)
}

pub(super) fn answer(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, JSON)], text).into_response()
}

/// Readable without a tool.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec_pretty(value).map_err(|error| {
        tracing::error!(%error, "no report");
        Refusal::internal()
    })
}
