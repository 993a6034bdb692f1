//! Which path gives what.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{Html, Response};
use axum::routing::{get, post};

use crate::diagnosis::{Code, Verdict};
use crate::metrics::{self, BuildInfo};

use super::actions::{self, Actions};
use super::admission::may_read;
use super::error::Refusal;
use super::press::{Press, Shelf};
use super::request::{MOST_BODY, Path};
use super::trust::{Trust, dress, gate};
use super::{diagnostics, landing, topology};

/// What the pages are made of.
#[derive(Clone, Debug)]
pub struct App {
    /// The latest verdict; whoever judges swaps it whole.
    pub verdict: Arc<ArcSwap<Verdict>>,
    /// Which build this is.
    pub build: BuildInfo,
    /// Where the metrics are, with the slash.
    pub telemetry_path: Arc<str>,
    /// What callers may set in motion.
    pub actions: Actions,
    /// Who may read.
    pub trust: Trust,
}

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct Desk {
    pub(super) app: App,
    pub(super) press: Press,
    pub(super) metrics: Shelf,
    pub(super) report: Shelf,
}

impl FromRef<Desk> for App {
    fn from_ref(desk: &Desk) -> Self {
        desk.app.clone()
    }
}

/// The process' own figures are in the metrics, and they change whatever the verdict.
const METRICS_LAST: Duration = Duration::from_secs(1);

/// The pages. The telemetry path is the operator's: one that axum cannot route, or that another page
/// has, is for `config` to refuse; here the metrics then stand at `/metrics`.
pub fn router(mut app: App) -> Router {
    let path = &*app.telemetry_path;
    let fits = path.len() > 1
        && path.starts_with('/')
        && !path.starts_with("/-/")
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-~".contains(&b));
    if !fits {
        app.telemetry_path = "/metrics".into();
    }
    let (metrics, report) = (Shelf::new(METRICS_LAST), Shelf::new(Duration::MAX));
    let telemetry_path = Arc::clone(&app.telemetry_path);
    let desk = Desk { app, press: Press::new(), metrics, report };
    Router::new()
        .route("/", get(status))
        .route("/-/healthy", get(async || "destination-exporter is healthy.\n"))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(actions::reload))
        .route("/diagnostics", get(diagnostics::all))
        .route("/diagnostics/", get(diagnostics::all))
        .route("/diagnostics/run", get(diagnostics::run).post(actions::run))
        .route("/diagnostics/{destination}", get(diagnostics::one))
        .route("/diagnostics/{destination}/", get(diagnostics::one))
        .route("/diagnostics/{destination}/{*container}", get(diagnostics::container))
        .route("/topology", get(topology::map))
        .route("/probe", get(actions::probe))
        .route("/runbooks/{code}", get(runbook))
        .route(&telemetry_path, get(telemetry))
        .fallback(async || Refusal::not_found())
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(from_fn_with_state(desk.clone(), may_read))
        .layer(from_fn_with_state(desk.clone(), gate))
        .layer(map_response(guarded))
        .layer(from_fn_with_state(desk.clone(), dress))
        .with_state(desk)
}

/// No page loads anything from elsewhere, is framed, or is guessed at.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Which methods there are stands in the header Allow, which axum adds.
async fn other_method(method: Method) -> Result<StatusCode, Refusal> {
    if method == Method::OPTIONS { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::method()) }
}

async fn status(State(app): State<App>) -> Result<Html<String>, Refusal> {
    let page = landing::render(&app.verdict.load(), &app.build, &app.telemetry_path);
    page.map(Html).map_err(|_| Refusal::internal())
}

async fn ready(State(app): State<App>) -> Result<&'static str, Refusal> {
    if app.verdict.load().snapshot.own.round_last_completed.is_some() {
        Ok("destination-exporter is ready.\n")
    } else {
        Err(Refusal::not_ready())
    }
}

/// As it was written: it reads well, and the links in it name files, hence the `.md` that may stand behind.
async fn runbook(Path(name): Path<String>) -> Result<&'static str, Refusal> {
    let name = name.strip_suffix(".md").unwrap_or(&name);
    let code = Code::ALL.iter().find(|code| code.as_label() == name);
    code.map(|code| code.runbook()).ok_or_else(Refusal::unknown_code)
}

async fn telemetry(State(desk): State<Desk>, headers: HeaderMap) -> Result<Response, Refusal> {
    let build = desk.app.build;
    let page = desk.press.page(&desk.metrics, &desk.app.verdict, move |verdict| {
        Ok(metrics::encode(verdict, &build).into_bytes())
    });
    desk.press.answer(page.await?, &headers, metrics::CONTENT_TYPE).await
}
