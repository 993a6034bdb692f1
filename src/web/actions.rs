//! What makes work or changes state: a round now, a reload, one probe now.
//!
//! Each asks for an [`Admitted`] caller first, before it reads a byte of a body.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::monitor::{Handle, Message, Wanted};
use crate::outcome::{Outcome, ProbeKind, Run};
use crate::report::{self, Report};

use super::admission::Admitted;
use super::diagnostics;
use super::error::Refusal;
use super::pages::{App, Desk};
use super::request::{Query, Takes, Wish};
use super::round::{End, Round};

/// How long a round is waited for. One with longer timeouts in it goes on without its asker.
const ROUND: Duration = Duration::from_secs(30);
/// How long one probe is waited for: a little more than the longest timeout that can be configured.
/// A caller that goes away before ends the wait.
const PROBE: Duration = Duration::from_secs(310);
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
    /// How long a round is waited for.
    pub patience: Duration,
    /// When the last round was started by a caller; held while it runs.
    last_round: Arc<Mutex<Option<Instant>>>,
}

impl Actions {
    /// Ties the knots.
    pub fn new(monitor: Handle, reload: mpsc::Sender<Reload>, remote: bool) -> Self {
        Self { monitor, reload, remote, patience: ROUND, last_round: Arc::default() }
    }
}

/// What `/diagnostics/run` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// This destination alone.
    destination: Option<String>,
}

/// What there is while a round goes on.
#[derive(Debug, Serialize)]
struct SoFar {
    hint: &'static str,
    #[serde(flatten)]
    report: Report,
}

/// `POST /diagnostics/run`: a round now; answers with the report when it is done, and with what is known
/// so far (202) where it takes long: timeouts are the operator's.
pub async fn run(
    _: Admitted,
    State(desk): State<Desk>,
    headers: HeaderMap,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Refusal> {
    let app = &desk.app;
    let actions = &app.actions;
    let wanted = asked.and_then(|asked| asked.destination);
    if let Some(name) = &wanted {
        let verdict = app.verdict.load();
        let Some(inventory) = &verdict.snapshot.inventory else { return Err(Refusal::not_ready()) };
        if inventory.destination(name).is_none() {
            let known = inventory.destinations.iter().map(|d| (&*d.name, &*d.display_name));
            return Err(Refusal::unknown_destination(known));
        }
    }
    // One at a time, and not one after the other either: a round is real load on the containers.
    let Ok(mut last) = actions.last_round.try_lock() else { return Err(Refusal::too_soon()) };
    if last.is_some_and(|at| at.elapsed() < BETWEEN_ROUNDS) {
        return Err(Refusal::too_soon());
    }
    *last = Some(Instant::now());
    let round = Round::begins(&actions.monitor);
    let told = actions.monitor.messages.send(Message::RunNow(wanted.as_deref().map(Into::into))).await;
    told.map_err(|_| Refusal::internal())?;
    let end = round.ends(wanted.as_deref(), actions.patience).await;
    drop(last);
    match end {
        End::Done => diagnostics::latest(&desk, &headers).await,
        End::Late => so_far(&desk).await,
        End::Blind => Err(Refusal::not_ready()),
        End::Over => Err(Refusal::internal()),
    }
}

async fn so_far(desk: &Desk) -> Result<Response, Refusal> {
    let app = desk.app.clone();
    let hint = "the round is not complete: some probes have long timeouts, or wait for the budget; \
        GET /diagnostics says when each of them ended";
    let report = move || diagnostics::json(&SoFar { hint, report: report::build(&app.verdict.load()) });
    let mut response = diagnostics::plain(desk.press.copy(report).await?);
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
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
pub struct One {
    destination: String,
    source: String,
    target: String,
    kind: ProbeKind,
    #[serde(default)]
    debug: bool,
}

impl Takes for One {
    const HINT: &'static str = "/probe takes destination, source, target and kind, and debug (true or false), each \
        once; /diagnostics lists them under probes";
}

/// `GET /probe`: one planned probe now, in the style of blackbox_exporter. What is not in the plan
/// cannot be asked for: this is no relay.
pub async fn probe(
    _: Admitted,
    State(app): State<App>,
    Query(asked): Query<One>,
) -> Result<Response, Refusal> {
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
        Err(_) => return Err(Refusal::late()),
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
