//! Which path gives what.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::diagnosis::{Verdict, runbooks};
use crate::metrics::{self, BuildInfo};
use crate::report;
use crate::timeline::History;

use super::actions::{self, Actions};
use super::admission::may_read;
use super::error::Refusal;
use super::html::{self, Maker};
use super::press::{Press, Printed, Shelf};
use super::request::{MOST_BODY, Path, Query, Takes};
use super::trust::{Trust, dress, gate};
use super::{diagnostics, events, topology};

/// What the pages are made of.
#[derive(Clone, Debug)]
pub struct App {
    /// The latest verdict; whoever judges swaps it whole.
    pub verdict: Arc<ArcSwap<Verdict>>,
    /// What happened of late; whoever keeps it swaps it whole.
    pub history: Arc<ArcSwap<History>>,
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
    pub(super) status: Shelf,
    pub(super) diagnostics: Shelf,
}

impl FromRef<Desk> for App {
    fn from_ref(desk: &Desk) -> Self {
        desk.app.clone()
    }
}

/// The process' own figures are in the metrics, and they change whatever the verdict.
const METRICS_LAST: Duration = Duration::from_secs(1);
/// So it is with what happened of late in pages for people.
const PAGES_LAST: Duration = Duration::from_secs(2);

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
    let (status, shown) = (Shelf::new(PAGES_LAST), Shelf::new(PAGES_LAST));
    let telemetry_path = Arc::clone(&app.telemetry_path);
    let desk = Desk { app, press: Press::new(), metrics, report, status, diagnostics: shown };
    Router::new()
        .route("/", get(status_page))
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
        .route("/events", get(events::latest))
        .route("/events/", get(events::latest))
        .route("/probe", get(actions::probe))
        .route("/runbooks/{code}", get(runbook))
        .route(&telemetry_path, get(telemetry))
        .fallback(async || Refusal::not_found())
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(from_fn_with_state(desk.clone(), for_people))
        .layer(from_fn_with_state(desk.clone(), may_read))
        .layer(from_fn_with_state(desk.clone(), gate))
        .layer(from_fn(for_strangers))
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
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, html::policy());
    response
}

/// A refusal as a page like the others, where a browser asked that was let in. It is printed as they are: not here, and
/// few at one time.
async fn for_people(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let asked = html::wanted(request.headers()).then(|| request.uri().clone());
    let mut response = next.run(request).await;
    let (Some(uri), Some(refusal)) = (asked, response.extensions().get::<Refusal>().cloned()) else {
        return response;
    };
    if turns_away(refusal.status) {
        return response;
    }
    let print = move || html::refusal(&refusal, html::root(uri.path())).map(|page| page.text);
    // Where as many as may be are being read, the short one.
    let Ok(page) = desk.press.copy(print).await else { return response };
    response.extensions_mut().remove::<Refusal>();
    as_page(response, page.into())
}

/// Every other refusal, where a browser asked: whatever stands before the pages refuses whom nobody knows, as often as they
/// ask, and does no more for them than it has to. By who asked, everything may be otherwise for another one.
async fn for_strangers(request: Request, next: Next) -> Response {
    let is_asked = html::wanted(request.headers());
    let mut response = next.run(request).await;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    let refusal = response.extensions_mut().remove::<Refusal>().filter(|_| is_asked);
    match refusal.and_then(|refusal| html::away(&refusal)) {
        Some(page) => as_page(response, page.into()),
        None => response,
    }
}

/// Whoever may not do what it asked for, or not now, has shown nothing that a page could be made for.
fn turns_away(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
}

fn as_page(mut response: Response, body: Body) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(html::CONTENT_TYPE));
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = body;
    response
}

/// Which methods there are stands in the header Allow, which axum adds.
async fn other_method(method: Method) -> Result<StatusCode, Refusal> {
    if method == Method::OPTIONS { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::method()) }
}

async fn status_page(State(desk): State<Desk>, headers: HeaderMap) -> Result<Response, Refusal> {
    let maker = Maker { history: desk.app.history.load_full(), root: "./".into(), filter: String::new() };
    let telemetry_path = Arc::clone(&desk.app.telemetry_path);
    let print = move |verdict: &Verdict| {
        html::status(&report::build(verdict), &maker, &telemetry_path).map(Printed::from)
    };
    let page = desk.press.page(&desk.status, &desk.app.verdict, print).await?;
    desk.press.answer(page, &headers, html::CONTENT_TYPE).await
}

async fn ready(State(app): State<App>) -> Result<&'static str, Refusal> {
    if app.verdict.load().snapshot.own.round_last_completed.is_some() {
        Ok("destination-exporter is ready.\n")
    } else {
        Err(Refusal::not_ready())
    }
}

/// How a runbook is written.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
struct Wish {
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Text,
    Html,
}

impl Takes for Wish {
    const HINT: &'static str = "/runbooks/… takes format (text, html), once";
}

/// A page for a browser, and as it was written for all others: it reads well, and the links in it name files, hence the
/// `.md` that may stand behind.
async fn runbook(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Response, Refusal> {
    let name = name.strip_suffix(".md").unwrap_or(&name);
    let text = runbooks::runbook(name).ok_or_else(Refusal::unknown_code)?;
    let usual = if html::wanted(&headers) { Format::Html } else { Format::Text };
    if wish.format.unwrap_or(usual) == Format::Text {
        return Ok(text.into_response());
    }
    let (root, name) = (html::root(uri.path()), name.to_owned());
    let print = move || html::runbook(&name, text, root).map(Printed::from);
    desk.press.sheet(&headers, print).await
}

async fn telemetry(State(desk): State<Desk>, headers: HeaderMap) -> Result<Response, Refusal> {
    let build = desk.app.build;
    let page = desk.press.page(&desk.metrics, &desk.app.verdict, move |verdict| {
        Ok(Printed::from(metrics::encode(verdict, &build).into_bytes()))
    });
    desk.press.answer(page.await?, &headers, metrics::CONTENT_TYPE).await
}
