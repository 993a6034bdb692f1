//! What makes work or changes state: a round now, a reload, one probe now.
//!
//! Each asks for an [`Admitted`] caller first, before it reads a byte of a body.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::monitor::{Handle, Message, Wanted};
use crate::outcome::{Outcome, ProbeKind, Run};

use super::admission::Admitted;
use super::diagnostics;
use super::error::Refusal;
use super::pages::{App, Desk};

/// How long a round is waited for.
const ROUND: Duration = Duration::from_secs(30);
/// A probe that was asked for is waited for this long; each kind's own timeout is shorter.
const PROBE: Duration = Duration::from_secs(20);
/// Rounds that callers may start: one in this time.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);

/// A wish to read the configuration again; the answer says what is wrong with it.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// What callers may set in motion.
#[derive(Clone, Debug)]
pub struct Actions {
    /// The loop.
    pub monitor: Handle,
    /// Who reads the configuration.
    pub reload: mpsc::Sender<Reload>,
    /// `--web.enable-remote-actions`.
    pub remote: bool,
    /// When the last round was started by a caller; held while it runs.
    last_round: Arc<Mutex<Option<Instant>>>,
}

impl Actions {
    /// Ties the knots.
    pub fn new(monitor: Handle, reload: mpsc::Sender<Reload>, remote: bool) -> Self {
        Self { monitor, reload, remote, last_round: Arc::default() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    destination: Option<String>,
}

/// `POST /diagnostics/run`: a round now; answers with the report when it is done.
pub async fn run(
    _: Admitted,
    State(desk): State<Desk>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let app = &desk.app;
    let actions = &app.actions;
    let round: Round = if body.is_empty() {
        Round::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| Refusal::bad_request(&error.to_string()))?
    };
    if let Some(name) = &round.destination {
        let verdict = app.verdict.load();
        let inventory = verdict.snapshot.inventory.as_ref();
        let known: Vec<&str> = inventory.iter().flat_map(|i| &i.destinations).map(|d| &*d.name).collect();
        if !known.contains(&name.as_str()) {
            return Err(Refusal::unknown_destination(&known));
        }
    }
    // One at a time, and not one after the other either: a round is real load on the containers.
    let Ok(mut last) = actions.last_round.try_lock() else { return Err(Refusal::too_soon()) };
    if last.is_some_and(|at| at.elapsed() < BETWEEN_ROUNDS) {
        return Err(Refusal::too_soon());
    }
    *last = Some(Instant::now());
    let began = SystemTime::now();
    let wanted: Option<Arc<str>> = round.destination.map(Into::into);
    let told = actions.monitor.messages.send(Message::RunNow(wanted.clone())).await;
    told.map_err(|_| Refusal::internal())?;
    let complete = wait_for_round(&actions.monitor, wanted.as_deref(), began).await;
    drop(last);
    let mut response = diagnostics::latest(&desk, &headers).await?;
    if !complete {
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    }
    Ok(response)
}

/// Until every planned probe ran again; false where that took too long.
async fn wait_for_round(monitor: &Handle, destination: Option<&str>, began: SystemTime) -> bool {
    let until = Instant::now() + ROUND;
    let mut published = monitor.published.clone();
    loop {
        let verdict = monitor.verdict.load_full();
        let mut wanted = verdict
            .snapshot
            .probes
            .iter()
            .filter(|(key, _)| destination.is_none_or(|d| d == &*key.destination));
        if wanted.all(|(_, record)| record.at >= began) {
            return true;
        }
        if timeout_at(until, published.changed()).await.is_err() {
            return false;
        }
    }
}

/// `POST /-/reload`: reads the configuration again; a bad one is refused and the old one stays.
pub async fn reload(_: Admitted, State(app): State<App>) -> Result<&'static str, Refusal> {
    let (answer, answered) = oneshot::channel();
    app.actions.reload.send(answer).await.map_err(|_| Refusal::internal())?;
    match answered.await {
        Ok(Ok(())) => Ok("the configuration was read again.\n"),
        Ok(Err(problems)) => Err(Refusal::bad_configuration(&problems)),
        Err(_) => Err(Refusal::internal()),
    }
}

/// What `/probe` takes.
#[derive(Debug, Deserialize)]
pub struct Asked {
    destination: String,
    source: String,
    target: String,
    kind: ProbeKind,
    #[serde(default)]
    debug: bool,
}

/// `GET /probe`: one planned probe now, in the style of blackbox_exporter. What is not in the plan
/// cannot be asked for: this is no relay.
pub async fn probe(
    _: Admitted,
    State(app): State<App>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked.map_err(|error| Refusal::bad_request(&error.body_text()))?;
    let (answer, answered) = oneshot::channel();
    let wanted = Wanted {
        destination: asked.destination,
        kind: asked.kind,
        source: asked.source,
        target: asked.target,
    };
    let told = app.actions.monitor.messages.send(Message::ProbeNow(wanted, answer)).await;
    told.map_err(|_| Refusal::internal())?;
    let runs = match timeout(PROBE, answered).await {
        Ok(Ok(runs)) => runs,
        Ok(Err(_)) => return Err(Refusal::not_planned()),
        Err(_) => return Err(Refusal::internal()),
    };
    if asked.debug {
        let seen: Vec<serde_json::Value> = runs.iter().map(debug).collect();
        return Ok(Json(seen).into_response());
    }
    Ok(exposition(&runs).into_response())
}

fn debug(run: &Run) -> serde_json::Value {
    serde_json::json!({
        "detail": run.key.detail.to_string(),
        "outcome": run.outcome.as_word(),
        "reason": run.outcome.reason().map(crate::outcome::Reason::as_label),
        "seen": format!("{:?}", run.seen),
    })
}

/// `probe_success` is absent where nobody could look: unknown is not down.
fn exposition(runs: &[Run]) -> String {
    let known: Vec<&Outcome> =
        runs.iter().map(|run| &run.outcome).filter(|o| !matches!(o, Outcome::Unknown(_))).collect();
    let mut text = String::from(
        "# HELP probe_unknown Measurements that the exporter could not make\n# TYPE probe_unknown gauge\n",
    );
    text += &format!("probe_unknown {}\n", runs.len() - known.len());
    if !known.is_empty() {
        let success = u8::from(known.iter().all(|outcome| matches!(outcome, Outcome::Success(_))));
        text += "# HELP probe_success Whether every measurement of the probe succeeded\n";
        text += &format!("# TYPE probe_success gauge\nprobe_success {success}\n");
        let slowest =
            known.iter().filter_map(|o| if let Outcome::Success(took) = o { Some(*took) } else { None });
        if let Some(slowest) = slowest.max() {
            text += "# HELP probe_duration_seconds The longest of its measurements\n";
            text += &format!(
                "# TYPE probe_duration_seconds gauge\nprobe_duration_seconds {}\n",
                slowest.as_secs_f64()
            );
        }
    }
    text
}
