//! What goes over the wire, right and wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Fault, World};

/// One connection, to its end.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    world: Arc<Mutex<World>>,
) {
    let router = Router::new().fallback(answer).with_state(world);
    let service = TowerToHyperService::new(router);
    // How the client ends the conversation is its own affair.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// `/v1.51/networks` and `/networks` are one.
fn without_version(path: &str) -> &str {
    let Some((version, rest)) = path.strip_prefix("/v1.").and_then(|rest| rest.split_once('/')) else {
        return path;
    };
    if version.bytes().all(|b| b.is_ascii_digit()) { &path[path.len() - rest.len() - 1..] } else { path }
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response {
    let path = without_version(request.uri().path()).to_owned();
    let query = query(request.uri());
    let (fault, honest, events) = {
        let mut world = world.lock().expect("no test panics while it holds the world");
        *world.asked.entry((request.method().clone(), path.clone())).or_default() += 1;
        if path == "/events" {
            world.since.push(query.get("since").cloned());
        }
        let events = (path == "/events").then(|| stream(&world, query.get("since")));
        (world.fault(&path), world.honest(&path, &query), events)
    };
    match (fault, events) {
        (None, Some((from, bell, cut))) => Body::from_stream(lines(world, from, bell, cut)).into_response(),
        (None, None) => plain(honest.0, honest.1),
        (Some(fault), _) => wrong(fault, honest.1).await,
    }
}

fn query(uri: &Uri) -> HashMap<String, String> {
    Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

fn plain(status: u16, body: String) -> Response {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", kind)], body).into_response()
}

async fn wrong(fault: Fault, body: String) -> Response {
    let (part, rest) = match fault {
        Fault::Silence => return std::future::pending().await,
        Fault::Says(status, body) => return plain(status, body),
        Fault::Endless(first, again) => return endless(first, again),
        Fault::HeadThenSilence => (0, Rest::Silence),
        Fault::HalfThenCut => (body.len() / 2, Rest::Cut),
        Fault::HalfThenSilence => (body.len() / 2, Rest::Silence),
    };
    let length = body.len();
    let first = body.as_bytes()[..part].to_vec();
    let stream = futures_util::stream::unfold(0, move |step| {
        let first = first.clone();
        async move {
            match (step, rest) {
                (0, _) if !first.is_empty() => Some((Ok(first), 1)),
                (_, Rest::Cut) => Some((Err(std::io::Error::other("cut")), 2)),
                (_, Rest::Silence) => std::future::pending().await,
            }
        }
    });
    let head =
        Response::builder().header("content-type", "application/json").header("content-length", length);
    head.body(Body::from_stream(stream)).expect("a head of our own")
}

fn endless(first: &'static str, again: &'static str) -> Response {
    let chunk = Bytes::from(again.repeat((64 << 10) / again.len()));
    let rest = futures_util::stream::repeat_with(move || chunk.clone());
    let all = futures_util::stream::iter([Bytes::from(first)]).chain(rest);
    let body = Body::from_stream(all.map(Ok::<_, std::convert::Infallible>));
    ([("content-type", "application/json")], body).into_response()
}

#[derive(Clone, Copy)]
enum Rest {
    Cut,
    Silence,
}

/// Where a new stream begins, and what wakes and ends it.
fn stream(world: &World, since: Option<&String>) -> (usize, watch::Receiver<usize>, CancellationToken) {
    let nanos = since.map(|since| {
        let (seconds, rest) = since.split_once('.').unwrap_or((since, "0"));
        seconds.parse::<i64>().expect("seconds") * 1_000_000_000 + rest.parse::<i64>().expect("nanoseconds")
    });
    let from = match nanos {
        // As the Engine has it: the event of that very moment is said again.
        Some(nanos) => world.events.iter().position(|(moment, _)| *moment >= nanos),
        None => None,
    };
    (from.unwrap_or(world.events.len()), world.bell.subscribe(), world.cut.clone())
}

fn lines(
    world: Arc<Mutex<World>>,
    from: usize,
    bell: watch::Receiver<usize>,
    cut: CancellationToken,
) -> impl futures_util::Stream<Item = std::io::Result<String>> {
    futures_util::stream::unfold((from, bell), move |(at, mut bell)| {
        let (world, cut) = (Arc::clone(&world), cut.clone());
        async move {
            let is_cut = tokio::select! {
                () = cut.cancelled() => true,
                rung = bell.wait_for(|said| *said > at) => rung.is_err(),
            };
            if is_cut {
                return Some((Err(std::io::Error::other("cut")), (at, bell)));
            }
            let world = world.lock().expect("no test panics while it holds the world");
            let said: String = world.events.iter().skip(at).map(|(_, line)| line.as_str()).collect();
            Some((Ok(said), (world.events.len(), bell)))
        }
    })
}
