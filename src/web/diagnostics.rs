//! The report, as JSON.

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::diagnosis::Finding;
use crate::report::{self, Report};

use super::error::Refusal;
use super::pages::App;

/// What a caller asks of the report.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    /// Only findings of this severity.
    severity: Option<String>,
    /// Only findings of this code.
    code: Option<String>,
}

impl Filter {
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
pub async fn all(State(app): State<App>, Query(filter): Query<Filter>) -> Result<Response, Refusal> {
    blocking(move || {
        let mut report = report::build(&app.verdict.load());
        filter.apply(&mut report);
        json(&report)
    })
    .await
}

/// One destination; who names another one is told which there are.
pub async fn one(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    blocking(move || {
        let mut report = report::build(&app.verdict.load());
        filter.apply(&mut report);
        match report.destinations.iter().find(|d| *d.name == *name) {
            Some(destination) => json(destination),
            None => {
                let known: Vec<&str> = report.destinations.iter().map(|d| &*d.name).collect();
                Err(Refusal::unknown_destination(&known))
            }
        }
    })
    .await
}

/// A big host's report takes milliseconds to make: not on a thread that drives probes.
async fn blocking(
    make: impl FnOnce() -> Result<Response, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    tokio::task::spawn_blocking(make).await.unwrap_or_else(|error| {
        tracing::error!(%error, "no report");
        Err(Refusal::internal())
    })
}

/// Readable without a tool.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| {
        tracing::error!(%error, "no report");
        Refusal::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
