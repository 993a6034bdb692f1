//! What happened of late, over HTTP.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::diagnosis::{Code, Severity, Subject};
use destination_exporter::timeline::{After, Entry, History, Kind};
use destination_exporter::web::{self, Limits};
use serde_json::{Value, json};

use crate::requests::listed;
use crate::stand::{Server, app};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn redeployed(seconds: u64, on: &str) -> Entry {
    Entry {
        at: at(seconds),
        kind: Kind::Engine,
        what: "redeployed",
        destination: Some(on.into()),
        destinations: Vec::new(),
        subject: Subject { kind: "container", name: "shop-api".into() },
        code: None,
        severity: None,
        stood_seconds: None,
        sentence: "shop-api was redeployed.".into(),
        after: Vec::new(),
    }
}

fn opened(seconds: u64) -> Entry {
    Entry {
        kind: Kind::Finding,
        what: "opened",
        subject: Subject { kind: "route", name: "<script>alert('x')</script>".into() },
        code: Some(Code::RouteNotServed),
        severity: Some(Severity::Page),
        sentence: "3.0 s after shop-api was redeployed, \"><img src=x> went down.".into(),
        after: vec![
            After { seconds: 3.0, sentence: "shop-api was redeployed".into() },
            After { seconds: 3.25, sentence: "<b>db</b> was paused".into() },
        ],
        ..redeployed(seconds, "shop")
    }
}

fn watching() -> Entry {
    Entry {
        kind: Kind::Exporter,
        what: "watching",
        destination: None,
        sentence: "The exporter began to watch.".into(),
        ..redeployed(0, "")
    }
}

/// Four entries: of `shop`, of a destination that is gone, and of all.
async fn server() -> Server {
    let mut app = app("/metrics", listed());
    let history: History =
        [opened(33), redeployed(30, "shop"), redeployed(20, "gone"), watching()].into_iter().collect();
    app.history = Arc::new(arc_swap::ArcSwap::from_pointee(history));
    Server::start(web::router(app), Limits::default()).await
}

async fn told(server: &Server, path: &str) -> Value {
    let (head, body) = server.ask(&format!("GET {path}")).await;
    assert!(
        head.starts_with("http/1.1 200") && head.contains("content-type: application/json"),
        "{path}: {head}"
    );
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test]
async fn what_happened_is_told_newest_first_with_what_came_before() {
    let all = told(&server().await, "/events").await;
    assert_eq!(
        all["events"][0],
        json!({
            "at": "2023-11-14T22:13:53.000Z", "kind": "finding", "what": "opened", "destination": "shop",
            "subject": {"kind": "route", "name": "<script>alert('x')</script>"},
            "code": "route-not-served", "severity": "page",
            "sentence": "3.0 s after shop-api was redeployed, \"><img src=x> went down.",
            "after": [
                {"seconds": 3.0, "sentence": "shop-api was redeployed"},
                {"seconds": 3.25, "sentence": "<b>db</b> was paused"},
            ],
        })
    );
    assert_eq!(
        all["events"][3],
        json!({
            "at": "2023-11-14T22:13:20.000Z", "kind": "exporter", "what": "watching", "destination": null,
            "subject": {"kind": "container", "name": "shop-api"}, "sentence": "The exporter began to watch.",
            "after": [],
        })
    );
    assert_eq!((all["events"].as_array().map(Vec::len), &all["left_out"]), (Some(4), &json!(0)));
}

#[tokio::test]
async fn some_of_it_is_told_to_who_asks_for_that() {
    let server = server().await;
    for (query, whats, left_out) in [
        ("limit=1", vec!["opened"], 3),
        ("limit=500", vec!["opened", "redeployed", "redeployed", "watching"], 0),
        ("destination=shop", vec!["opened", "redeployed", "watching"], 0),
        // It is not there any more, and was.
        ("destination=gone", vec!["redeployed", "watching"], 0),
        ("destination=run", vec!["watching"], 0),
        ("since=2023-11-14T22:13:50Z", vec!["opened", "redeployed"], 0),
        ("since=2023-11-14T23:13:50%2B01:00&limit=1&destination=shop", vec!["opened"], 1),
        ("since=2030-01-01T00:00:00Z", vec![], 0),
        ("format=json&what=ever", vec!["opened", "redeployed", "redeployed", "watching"], 0),
    ] {
        let told = told(&server, &format!("/events?{query}")).await;
        let events = told["events"].as_array().expect("a list");
        let seen: Vec<&str> = events.iter().filter_map(|event| event["what"].as_str()).collect();
        assert_eq!((seen, &told["left_out"]), (whats, &json!(left_out)), "{query}");
    }
    for (query, status, code, message) in [
        ("limit=0", 400, "bad_request", "limit"),
        ("limit=501", 400, "bad_request", "limit"),
        ("limit=many", 400, "bad_request", "limit"),
        ("since=yesterday", 400, "bad_request", "since"),
        ("since=1700000000", 400, "bad_request", "since"),
        ("since=", 400, "bad_request", "since"),
        ("format=svg", 400, "bad_request", "unknown variant `svg`"),
        ("limit=1&limit=2", 400, "bad_request", "duplicate field `limit`"),
        ("destination=shp", 404, "unknown_destination", "no such destination"),
    ] {
        let (head, body) = server.ask(&format!("GET /events?{query}")).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{query}: {head}");
        let error = serde_json::from_slice::<Value>(&body).expect("JSON")["error"].take();
        assert_eq!(error["code"], code, "{query}: {error}");
        assert!(error["message"].as_str().is_some_and(|told| told.contains(message)), "{query}: {error}");
        let hint = if status == 400 { "/events takes destination, since" } else { "there are: " };
        assert!(error["hint"].as_str().is_some_and(|told| told.starts_with(hint)), "{query}: {error}");
    }
}

#[tokio::test]
async fn a_browser_is_given_a_page_and_no_stranger_writes_in_it() {
    let server = server().await;
    let browser = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (request, header) in [("GET /events", browser), ("GET /events?format=html", "accept: */*")] {
        let (head, body) = server.ask_with(request, header).await;
        assert!(
            head.starts_with("http/1.1 200") && head.contains("content-type: text/html; charset=utf-8"),
            "{head}"
        );
        assert!(
            head.contains("vary: accept") && head.contains("content-security-policy: default-src 'none'"),
            "{head}"
        );
        let page = String::from_utf8(body).expect("text");
        for inside in [
            "<li class=\"bad\"><p><span class=\"word\">finding opened</span> <time datetime=\"2023-11-14T22:13:53Z\">",
            "2023-11-14 22:13:53</time>",
            "3.0 s after shop-api was redeployed, &#34;&#62;&#60;img src=x&#62; went down.",
            "3.2 s before: &#60;b&#62;db&#60;/b&#62; was paused",
            "<a href=\"./runbooks/route-not-served\">",
        ] {
            assert!(page.contains(inside), "{inside}: {page}");
        }
        assert!(page.matches("<script").count() == 1, "ours alone: {page}");
        assert!(!page.contains("<img") && !page.contains("<b>"), "{page}");
    }
    let asked = "GET /events?format=html&limit=1&destination=gone&since=1970-01-02T00:00:00%2B00:00";
    let (_, body) = server.ask(asked).await;
    let page = String::from_utf8_lossy(&body);
    let all = "<a href=\"./events?limit=500&#38;destination=gone&#38;since=1970-01-02T00%3A00%3A00%2B00%3A00\">all</a>";
    assert!(page.contains(all), "{page}");
    let (head, _) = server.ask_with("GET /events?format=json", browser).await;
    assert!(head.contains("content-type: application/json"), "{head}");
    let (head, body) = server.ask_with("HEAD /events", browser).await;
    assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{head}");
    let (head, _) = server.ask("POST /events").await;
    assert!(head.starts_with("http/1.1 405") && head.contains("allow: get"), "{head}");
    let (_, body) = server.ask("GET /").await;
    assert!(String::from_utf8_lossy(&body).contains("<a href=\"./events\">"));
}
