//! Requests of callers: `METHOD PATH`, headers a line each, an empty line, a body. The first byte says from where.
#![no_main]

use std::cell::LazyCell;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::http::response::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use destination_exporter::docker::fuzzing::seen;
use destination_exporter::monitor::{Handle, Message};
use destination_exporter::timeline::History;
use destination_exporter::web::fuzzing::said;
use destination_exporter::web::{Actions, App, Caller, Trust, gzip, router};
use destination_exporter_fuzz::line;
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tower_service::Service as _;

struct Stand {
    runtime: Runtime,
    router: Router,
    /// Something was set in motion.
    acted: Arc<AtomicBool>,
    _publish: watch::Sender<u64>,
}

thread_local! {
    static STAND: LazyCell<Stand> = LazyCell::new(stand);
}

fn stand() -> Stand {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let acted = Arc::new(AtomicBool::new(false));
    let (messages, mut told) = mpsc::channel(8);
    let (reload, mut reloads) = mpsc::channel(8);
    let (by_message, by_reload) = (Arc::clone(&acted), Arc::clone(&acted));
    runtime.spawn(async move {
        while let Some(message) = told.recv().await {
            by_message.store(true, Ordering::Relaxed);
            // Nothing of the kind is planned.
            if let Message::ProbeNow(_, answer) = message {
                drop(answer);
            }
        }
    });
    runtime.spawn(async move {
        while let Some(answer) = reloads.recv().await {
            by_reload.store(true, Ordering::Relaxed);
            let answer: destination_exporter::web::Reload = answer;
            answer.send(Ok(())).ok();
        }
    });
    let network =
        |id: &str, name: &str| json!({"Id": id, "Name": name, "Driver": "bridge", "Scope": "local"});
    let networks = vec![network("0123456789abcdef", "shop"), network("fedcba9876543210", "a b/c")];
    let inspection = json!({"State": {"Status": "running", "Pid": 7}});
    let row = json!({"Id": "aaaaaaaaaaaaaaaa", "Names": ["/web"], "State": "running",
        "NetworkSettings": {"Networks": {"shop": {"NetworkID": "0123456789abcdef", "IPAddress": "10.0.0.2"}}}});
    let (inventory, plan) = line::picture(&seen(networks, vec![(row, inspection)]));
    let verdict = Arc::new(ArcSwap::from_pointee(line::verdict(inventory, &plan)));
    let (publish, published) = watch::channel(0);
    let history: Arc<ArcSwap<History>> = Arc::default();
    let handle = Handle { messages, verdict: Arc::clone(&verdict), published, history: Arc::clone(&history) };
    let mut actions = Actions::new(handle, reload, false);
    actions.patience = Duration::ZERO;
    let telemetry_path = "/metrics".into();
    let app = App { actions, verdict, history, build: line::BUILD, telemetry_path, trust: Trust::everyone() };
    Stand { runtime, router: router(app), acted, _publish: publish }
}

fn caller(choice: u8) -> Caller {
    let address = match choice % 4 {
        0 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        1 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        2 => IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
        _ => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    };
    Caller { address, encrypted: false, certified: false, door: 0 }
}

fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (bytes.get(..at)?, bytes.get(at + 2..)?),
        None => (bytes, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, path) = first.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(path);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        request = request.header(name, value.get(1..)?.trim_ascii());
    }
    request.body(Body::from(body.to_vec())).ok()
}

/// Whether a page of another site, or somebody behind a proxy, may have made a browser here send this.
fn is_suspicious(caller: Caller, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text("host").unwrap_or_default();
    let of_another =
        text("origin").is_some_and(|origin| origin.split_once("://").is_none_or(|(_, own)| own != host));
    let sent_by = text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    let passed_on = headers.contains_key("forwarded")
        || headers.contains_key("via")
        || headers.contains_key("x-forwarded-for");
    let bare = host.split_once(':').map_or(host, |(name, _)| name);
    let is_here = bare.is_empty()
        || bare.eq_ignore_ascii_case("localhost")
        || host.starts_with("127.")
        || host.starts_with('[');
    of_another || sent_by || passed_on || !is_here || !caller.address.to_canonical().is_loopback()
}

fn check(response: &Parts, body: &[u8]) {
    let Parts { status, headers, .. } = response;
    assert_ne!(*status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(body));
    for name in ["x-content-type-options", "content-security-policy", "cache-control"] {
        assert!(headers.contains_key(name), "{status} without {name}");
    }
    if *status == StatusCode::METHOD_NOT_ALLOWED {
        assert!(headers.contains_key(header::ALLOW));
    }
    if (status.is_client_error() || status.is_server_error()) && !body.is_empty() {
        // A browser is told by a page.
        let is_page =
            headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if is_page {
            let is_plain = !headers.contains_key(header::CONTENT_ENCODING);
            assert!(!is_plain || body.starts_with(b"<!DOCTYPE html>"), "{}", String::from_utf8_lossy(body));
            return;
        }
        let told: Value = serde_json::from_slice(body).expect("JSON");
        for part in ["code", "message", "hint"] {
            assert!(told["error"][part].is_string(), "{status}: {told}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let Some(mut request) = request(bytes) else { return };
    let caller = caller(*choice);
    let headers = request.headers().clone();
    request.extensions_mut().insert(caller);
    gzip::wanted(&headers);
    if let Some((user, _)) = said(&headers) {
        assert!(!user.contains(':'));
    }
    STAND.with(|stand| {
        stand.acted.store(false, Ordering::Relaxed);
        let (response, body) = stand.runtime.block_on(async {
            let mut router = stand.router.clone();
            let answer: Result<Response, Infallible> = router.call(request).await;
            let Ok(response) = answer;
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            // Who was told something has a turn to hear it.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            (head, body)
        });
        check(&response, &body);
        if stand.acted.load(Ordering::Relaxed) {
            assert!(!is_suspicious(caller, &headers), "{headers:?} of {caller:?} set something in motion");
        }
    });
});
