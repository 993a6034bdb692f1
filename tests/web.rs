//! The pages, over loopback, as a caller sees them.

#[path = "trust/authority.rs"]
mod authority;
#[path = "trust/caller.rs"]
mod caller;
#[path = "web/callers.rs"]
mod callers;
#[path = "web/events.rs"]
mod events;
#[path = "trust/exchange.rs"]
mod exchange;
#[path = "../examples/host/mod.rs"]
mod host;
#[path = "web/html.rs"]
mod html;
#[path = "web/limits.rs"]
mod limits;
#[path = "web/requests.rs"]
mod requests;
#[path = "web/stand.rs"]
mod stand;
#[path = "web/town.rs"]
mod town;
#[path = "web/trust.rs"]
mod trust;

use std::io::Read;
use std::sync::Arc;
use std::time::SystemTime;

use destination_exporter::web::{self, Limits};

use stand::{Server, app, hostile, verdict};

#[tokio::test]
async fn every_path_has_its_answer() {
    let router = web::router(app("/metrics", verdict(None, Vec::new())));
    let server = Server::start(router, Limits::default()).await;
    for (request, status, inside) in [
        ("GET /metrics", "200", "destination_exporter_build_info{"),
        ("GET /-/healthy", "200", "healthy"),
        ("GET /-/ready", "503", "\"code\":\"not_ready\""),
        ("GET /", "200", "<span class=\"badge dark\">? unknown</span>"),
        ("GET /events", "200", "\"events\": []"),
        ("GET /nowhere", "404", "\"code\":\"not_found\""),
        ("GET /runbooks/exporter-blind", "200", "# exporter-blind"),
        ("GET /runbooks/exporter-blind.md", "200", "# exporter-blind"),
        ("GET /runbooks/exporter", "404", "there are: exporter-blind,"),
        ("POST /metrics", "405", "\"code\":\"method_not_allowed\""),
        ("DELETE /", "405", "\"hint\":"),
        ("HEAD /metrics", "200", ""),
    ] {
        let (head, body) = server.ask(request).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{request}: {head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{request}: {head}");
        assert!(String::from_utf8_lossy(&body).contains(inside), "{request}: {body:?}");
        if status == "405" {
            assert!(head.contains("allow: get"), "{request}: {head}");
        }
        if request.starts_with("HEAD") {
            assert!(body.is_empty(), "{request} has a body");
        }
    }
}

#[tokio::test]
async fn gzip_is_given_to_who_asks() {
    let router = web::router(app("/metrics", verdict(None, Vec::new())));
    let server = Server::start(router, Limits::default()).await;
    let (head, body) = server.ask_with("GET /metrics", "accept-encoding: gzip").await;
    assert!(head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).expect("gzip");
    assert!(text.contains("destination_exporter_build_info{") && text.ends_with('\n'));
    let (head, _) = server.ask_with("GET /metrics", "accept-encoding: identity").await;
    assert!(!head.contains("content-encoding") && head.contains("version=0.0.4"), "{head}");
}

#[tokio::test]
async fn a_page_is_of_the_latest_verdict() {
    let app = app("/metrics", verdict(None, Vec::new()));
    let latest = app.verdict.clone();
    let server = Server::start(web::router(app), Limits::default()).await;
    let found = "container-unreachable";
    for is_there in [false, true, false] {
        let findings = if is_there { vec![hostile()] } else { Vec::new() };
        latest.store(Arc::new(verdict(None, findings)));
        for page in ["GET /diagnostics", "GET /metrics", "GET /diagnostics?severity=page"] {
            let (head, body) = server.ask(page).await;
            assert!(head.starts_with("http/1.1 200"), "{page}: {head}");
            let body = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(body.contains(found), is_there, "{page}: {body}");
        }
        let (head, body) = server.ask_with("GET /diagnostics", "accept-encoding: gzip").await;
        assert!(head.contains("content-encoding: gzip") && head.contains("application/json"), "{head}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).expect("gzip");
        assert_eq!(text.contains(found), is_there);
    }
}

#[tokio::test]
async fn ready_after_the_first_round() {
    let app = app("/metrics", verdict(None, Vec::new()));
    let latest = app.verdict.clone();
    let server = Server::start(web::router(app), Limits::default()).await;
    assert!(server.ask("GET /-/ready").await.0.starts_with("http/1.1 503"));
    latest.store(Arc::new(verdict(Some(SystemTime::UNIX_EPOCH), Vec::new())));
    assert!(server.ask("GET /-/ready").await.0.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn strangers_names_are_escaped() {
    let router = web::router(app("/metrics", verdict(None, vec![hostile()])));
    let server = Server::start(router, Limits::default()).await;
    let (_, body) = server.ask("GET /").await;
    let page = String::from_utf8(body).expect("text");
    assert!(page.contains("&#60;script&#62;alert(&#39;x&#39;)") && page.contains("a &#38; b"), "{page}");
    // The one script is ours.
    assert!(page.matches("<script").count() == 1 && !page.contains("<img"), "{page}");
    assert!(page.contains("<span class=\"badge bad\">✗ failing</span>"), "{page}");
}

#[tokio::test]
async fn an_odd_telemetry_path_is_no_panic() {
    for (path, asked) in [
        ("/custom/m", "GET /custom/m"),
        ("", "GET /metrics"),
        ("/", "GET /metrics"),
        ("/-/ready", "GET /metrics"),
        ("/{x", "GET /metrics"),
    ] {
        let router = web::router(app(path, verdict(None, Vec::new())));
        let server = Server::start(router, Limits::default()).await;
        assert!(server.ask(asked).await.0.starts_with("http/1.1 200"), "{path}");
        let (_, landing) = server.ask("GET /").await;
        // As seen from there, for a reverse proxy may have put all of it below a path.
        let link = asked.replace("GET /", "href=\"./") + "\"";
        assert!(String::from_utf8_lossy(&landing).contains(&link), "{path}: {link}");
    }
}
