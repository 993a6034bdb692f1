//! Requests that are odd, and rounds on request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use destination_exporter::diagnosis::Verdict;
use destination_exporter::inventory::{
    Container, ContainerId, Destination, Endpoint, EngineInfo, Health, Inventory, NetworkId, Origin, Place,
    Resolver, RunState,
};
use destination_exporter::monitor::{Handle, Message};
use destination_exporter::outcome::{Detail, Observation, Outcome, ProbeKey, ProbeKind};
use destination_exporter::state::{Record, Tally};
use destination_exporter::web::{self, Actions, App, Limits};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use crate::stand::{PATIENCE, Server, app, read, verdict};

const NAMES: [(&str, &str); 4] =
    [("a b/c", "a b/c"), ("k7x2", "Shop of \u{202e}Ann"), ("run", "run"), ("shop", "shop")];

/// Destinations without a container.
pub fn listed() -> Verdict {
    let mut verdict = verdict(None, Vec::new());
    let destination = |(name, called): (&str, &str)| Destination {
        name: name.into(),
        display_name: called.into(),
        id: NetworkId::new(name),
        driver: "bridge".into(),
        scope: "local".into(),
        bridge: None,
        origin: Origin::Plain,
        internal: false,
        keeps_apart: false,
        mtu: None,
        subnets: Vec::new(),
        endpoints: Vec::new(),
        detached: Vec::new(),
        stopped: Vec::new(),
        ghosts: Vec::new(),
        overlay: None,
    };
    let inventory = Inventory {
        engine: EngineInfo { version: String::new(), api_version: String::new(), podman: false },
        taken_at: SystemTime::UNIX_EPOCH,
        destinations: NAMES.into_iter().map(destination).collect(),
        elsewhere: Vec::new(),
        containers: BTreeMap::new(),
        pools: None,
        proxies: Vec::new(),
        routes: Default::default(),
        host_files: Default::default(),
        swarm: None,
        absent: Vec::new(),
        oddities: Vec::new(),
    };
    Arc::make_mut(&mut verdict.snapshot).inventory = Some(Arc::new(inventory));
    verdict
}

/// The second replica of `web` on `shop` and on `run`.
fn peopled() -> Verdict {
    let mut verdict = listed();
    let snapshot = Arc::make_mut(&mut verdict.snapshot);
    let inventory = snapshot.inventory.as_mut().map(Arc::make_mut).expect("a picture");
    let id = ContainerId::new("0123456789abcdef");
    let web = Container {
        id: id.clone(),
        name: "shop-web-2".into(),
        image: "nginx:1".into(),
        workload: "web".into(),
        replica: Some(2),
        state: RunState::Running,
        health: Health::None,
        exit_code: None,
        restarts: 0,
        out_of_memory: false,
        error: None,
        kept_running: true,
        always: false,
        place: Place::Own,
        way_in: None,
        started_at: None,
        exposed_tcp: Vec::new(),
        published: Vec::new(),
        resolver: Resolver { servers: Vec::new(), engine: None },
        upstream: None,
        fixed_addresses: Vec::new(),
        proxied_ports: Vec::new(),
        is_proxy: false,
        task_of: None,
        stack_alias: None,
        coolify: None,
    };
    inventory.containers.insert(id.clone(), web);
    for on in inventory.destinations.iter_mut().filter(|on| ["shop", "run"].contains(&&*on.name)) {
        on.endpoints.push(Endpoint {
            name: "web/2".into(),
            container: id.clone(),
            addresses: vec![[10, 0, 2, 2].into()],
            mac: String::new(),
            names: Vec::new(),
            has_more_names: false,
            is_fixed: false,
        });
    }
    verdict
}

/// One probe is planned on `shop`; it ran, or did not yet.
fn planned(ran: Option<SystemTime>) -> Verdict {
    let mut verdict = listed();
    let snapshot = Arc::make_mut(&mut verdict.snapshot);
    let tally = Tally { planned: 1, ..Tally::default() };
    snapshot.tallies = Arc::new(BTreeMap::from([(("shop".into(), ProbeKind::Icmp), tally)]));
    let key = ProbeKey {
        destination: "shop".into(),
        kind: ProbeKind::Icmp,
        source: "web".into(),
        target: "db".into(),
        detail: Detail::Address(std::net::Ipv4Addr::LOCALHOST.into()),
    };
    let record = |at| Record {
        outcome: Outcome::Success(Duration::ZERO),
        seen: Observation::default(),
        at,
        failures_in_a_row: 0,
        successes_in_a_row: 1,
        since: at,
        losses: 0,
        runs: 1,
    };
    snapshot.probes = Arc::new(ran.map(|at| (key, record(at))).into_iter().collect());
    verdict
}

/// A loop that the test is.
struct Loop {
    verdict: Arc<ArcSwap<Verdict>>,
    published: watch::Sender<u64>,
    inbox: mpsc::Receiver<Message>,
}

impl Loop {
    /// The loop and a server in front of it, which waits so long for a round.
    async fn start(first: Verdict, patience: Duration) -> (Self, Server) {
        let (messages, inbox) = mpsc::channel(8);
        let (published, seen) = watch::channel(0);
        let verdict = Arc::new(ArcSwap::from_pointee(first));
        let handle =
            Handle { messages, verdict: Arc::clone(&verdict), published: seen, history: Arc::default() };
        let mut actions = Actions::new(handle, mpsc::channel(1).0, false);
        actions.patience = patience;
        let app = App { actions, verdict: Arc::clone(&verdict), ..app("/metrics", listed()) };
        (Self { verdict, published, inbox }, Server::start(web::router(app), Limits::default()).await)
    }

    fn publish(&self, verdict: Verdict) {
        self.verdict.store(Arc::new(verdict));
        self.published.send_modify(|count| *count += 1);
    }

    async fn is_asked(&mut self) -> Option<Arc<str>> {
        match self.inbox.recv().await {
            Some(Message::RunNow(destination)) => destination,
            other => panic!("{other:?}"),
        }
    }
}

async fn post(server: &Server, headers: &str, body: &str) -> (String, Value) {
    let mut stream = server.connect().await;
    let request = format!(
        "POST /diagnostics/run HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let (head, body) = read(stream).await;
    (head, serde_json::from_slice(&body).expect("JSON"))
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn whatever_is_wrong_is_told_in_one_form() {
    let server = Server::start(web::router(app("/metrics", listed())), Limits::default()).await;
    for (request, status, code) in [
        ("GET /probe", 400, "bad_request"),
        ("GET /probe?destination=a&source=b&target=c&kind=telepathy", 400, "bad_request"),
        ("GET /diagnostics?severity=page&severity=info", 400, "bad_request"),
        ("GET /diagnostics/%ff", 400, "bad_request"),
        ("GET /runbooks/%ff", 400, "bad_request"),
        ("GET /diagnostics/nowhere", 404, "unknown_destination"),
        ("GET /diagnostic/shop/x/y", 404, "not_found"),
        ("PUT /diagnostics/run", 405, "method_not_allowed"),
        ("POST /diagnostics/shop", 405, "method_not_allowed"),
        ("GET /-/reload", 405, "method_not_allowed"),
    ] {
        let (head, body) = server.ask(request).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{request}: {head}");
        assert!(head.contains("content-type: application/json"), "{request}: {head}");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["error"]["code"], code, "{request}: {body}");
        assert!(body["error"]["message"].is_string() && body["error"]["hint"].is_string(), "{body}");
    }
}

/// As `check` shows it in a terminal, and nothing of others where one destination is asked for.
#[tokio::test]
async fn the_report_is_there_in_words() {
    let server = Server::start(web::router(app("/metrics", listed())), Limits::default()).await;
    for (path, has_other) in [("/diagnostics?format=text", true), ("/diagnostics/shop?format=text", false)] {
        let (head, body) = server.ask(&format!("GET {path}")).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/plain; charset=utf-8\r\n"), "{head}");
        let text = String::from_utf8(body).expect("UTF-8");
        assert!(text.contains("shop  bridge, 0 containers"), "{text}");
        assert_eq!(text.contains("a b/c  bridge"), has_other, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[tokio::test]
async fn a_hint_is_about_the_page_that_was_asked_for() {
    let server = Server::start(web::router(app("/metrics", listed())), Limits::default()).await;
    for (request, hint, reason) in [
        (
            "GET /topology?format=png",
            "/topology takes format (json, mermaid, dot, svg, html)",
            "unknown variant `png`",
        ),
        ("GET /topology?format=dot&format=dot", "/topology takes format", "duplicate field `format`"),
        ("GET /topology?destination=a&destination=b", "/topology takes format", "duplicate field"),
        (
            "GET /diagnostics?code=proxy-missing&code=proxy-missing",
            "/diagnostics takes severity, code",
            "duplicate field `code`",
        ),
        // An empty list would say that all is well.
        ("GET /diagnostics?code=proxy-mising", "/diagnostics takes severity, code", "`proxy-missing`"),
        ("GET /diagnostics?severity=fatal", "/diagnostics takes severity, code", "`page`, `ticket`, `info`"),
        ("GET /diagnostics/shop?severity=", "/diagnostics takes severity, code", "`page`, `ticket`, `info`"),
        ("GET /diagnostics?format=yaml", "/diagnostics takes severity, code", "unknown variant `yaml`"),
        (
            "GET /diagnostics/shop?code=proxy-missing&code=proxy-missing",
            "/diagnostics takes",
            "duplicate field `code`",
        ),
        ("GET /probe?kind=tcp", "/probe takes destination, source, target and kind", "missing field"),
        ("GET /diagnostics/%ff", "a name in the path is UTF-8", ""),
    ] {
        let (head, body) = server.ask(request).await;
        assert!(head.starts_with("http/1.1 400"), "{request}: {head}");
        let error = serde_json::from_slice::<Value>(&body).expect("JSON")["error"].take();
        let told = |what: &str| error[what].as_str().expect("text").to_owned();
        assert!(told("hint").starts_with(hint), "{request}: {error}");
        assert!(told("message").contains(reason), "{request}: {error}");
        let others = ["/topology", "/diagnostics takes", "/probe"].into_iter();
        assert!(others.filter(|page| told("hint").contains(page)).count() <= 1, "{request}: {error}");
    }
    // What a page does not know it passes over, on each alike.
    for page in ["/topology", "/diagnostics", "/metrics", "/diagnostics/shop", "/events"] {
        let (head, _) = server.ask(&format!("GET {page}?fromat=svg&fromat=dot")).await;
        assert!(head.starts_with("http/1.1 200"), "{page}: {head}");
    }
    let (_, body) = server.ask("GET /probe?fromat=svg").await;
    assert!(String::from_utf8_lossy(&body).contains("missing field `destination`"), "passed over there, too");
}

#[tokio::test]
async fn a_body_is_small_and_json() {
    let (mut watched, server) = Loop::start(planned(None), PATIENCE).await;
    let large = format!("{{\"destination\": \"{}\"}}", "x".repeat(5000));
    let shop = r#"{"destination": "shop"}"#;
    for (headers, body, status) in [
        ("", shop, 415),
        ("content-type: text/plain\r\n", shop, 415),
        ("content-type: application/x-www-form-urlencoded\r\n", shop, 415),
        ("content-type: application/json\r\ncontent-type: text/plain\r\n", shop, 415),
        (JSON, "{", 400),
        (JSON, r#"{"destinations": []}"#, 400),
        (JSON, r#"{"destination": "nowhere"}"#, 404),
        (JSON, &large, 413),
    ] {
        let (head, answer) = post(&server, headers, body).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{headers}{body}: {head}");
        let hint = answer["error"]["hint"].as_str().expect("text");
        assert!(status != 400 || hint.starts_with("the body is {\"destination\""), "{answer}");
    }
    assert!(watched.inbox.try_recv().is_err(), "and nothing was set in motion");
    let typed = "Content-Type: Application/JSON; charset=utf-8\r\n";
    let (answer, asked) = tokio::join!(post(&server, typed, shop), async {
        let asked = watched.is_asked().await;
        watched.publish(planned(Some(SystemTime::now())));
        asked
    });
    assert!(answer.0.starts_with("http/1.1 200"), "{answer:?}");
    assert_eq!(asked.as_deref(), Some("shop"));
}

#[tokio::test]
async fn a_round_is_answered_when_what_is_planned_ran_and_not_before() {
    let (mut watched, server) = Loop::start(planned(None), PATIENCE).await;
    let asked = tokio::spawn(async move { post(&server, "", "").await });
    assert_eq!(watched.is_asked().await, None);
    // What is shown for another reason, with a probe that has not run or ran before, ends no wait.
    for early in [planned(None), planned(Some(SystemTime::UNIX_EPOCH)), planned(None)] {
        watched.publish(early);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!asked.is_finished());
    }
    watched.publish(planned(Some(SystemTime::now())));
    let (head, report) = tokio::time::timeout(PATIENCE, asked).await.expect("answered").expect("whole");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(report["destinations"][3]["probes"][0]["outcome"], "success", "{report}");
}

#[tokio::test]
async fn a_round_that_takes_long_gives_what_there_is_so_far() {
    let (watched, server) = Loop::start(planned(None), Duration::from_millis(100)).await;
    watched.publish(planned(None));
    let (head, report) = post(&server, "", "").await;
    assert!(head.starts_with("http/1.1 202"), "{head}");
    assert!(report["hint"].as_str().is_some_and(|hint| hint.contains("not complete")), "{report}");
    assert_eq!(report["destinations"].as_array().map(Vec::len), Some(NAMES.len()), "{report}");
    drop(watched);
}

#[tokio::test]
async fn a_round_before_the_engine_answered_is_not_healthy() {
    let (watched, server) = Loop::start(verdict(None, Vec::new()), Duration::from_millis(200)).await;
    // Nothing is planned, and nothing is known either.
    watched.publish(verdict(None, Vec::new()));
    let answer = post(&server, "", "").await;
    assert!(answer.0.starts_with("http/1.1 503"), "{answer:?}");
    assert_eq!(answer.1["error"]["code"], "not_ready");
}

#[tokio::test]
async fn every_name_has_its_page_however_it_is_spelt() {
    let server = Server::start(web::router(app("/metrics", listed())), Limits::default()).await;
    for (path, name) in [
        ("/diagnostics/shop", "shop"),
        ("/diagnostics/shop/", "shop"),
        ("/diagnostics/%73hop?severity=page", "shop"),
        ("/diagnostics/a%20b%2Fc", "a b/c"),
        ("/diagnostics/a%20b%2fc/", "a b/c"),
        ("/diagnostics/run", "run"),
        ("/diagnostics/run/", "run"),
        ("/diagnostics/k7x2", "k7x2"),
    ] {
        let (head, body) = server.ask(&format!("GET {path}")).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["name"], name, "{path}");
    }
    let (_, whole) = server.ask("GET /diagnostics").await;
    assert_eq!(server.ask("GET /diagnostics/").await.1, whole);
    // What people call it is no name of a page, and is told to who asks for it; harmlessly.
    let (head, body) = server.ask("GET /diagnostics/Shop%20of%20Ann").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["error"]["hint"], "there are: a b/c, k7x2 (Shop of \\u{202e}Ann), run, shop");
}

#[tokio::test]
async fn head_and_options_tell_what_get_and_the_others_would() {
    let server = Server::start(web::router(app("/metrics", listed())), Limits::default()).await;
    for path in ["/diagnostics", "/diagnostics/shop", "/diagnostics/nowhere", "/", "/-/healthy"] {
        let (got, body) = server.ask(&format!("GET {path}")).await;
        let (told, nothing) = server.ask(&format!("HEAD {path}")).await;
        assert_eq!(told.lines().next(), got.lines().next(), "{path}");
        assert!(
            nothing.is_empty() && told.contains(&format!("content-length: {}", body.len())),
            "{path}: {told}"
        );
    }
    for (path, allow) in [
        ("/diagnostics", "allow: get,head\r"),
        ("/diagnostics/run", "allow: get,head,post\r"),
        ("/-/reload", "allow: post\r"),
    ] {
        let (head, body) = server.ask(&format!("OPTIONS {path}")).await;
        assert!(head.starts_with("http/1.1 204") && head.contains(allow), "{path}: {head}");
        assert!(body.is_empty() && !head.contains("access-control"), "{path}: {head}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_in_time() {
    let (_watched, server) = Loop::start(planned(None), PATIENCE).await;
    let mut stream = server.connect().await;
    let head = "POST /diagnostics/run HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut answer = [0; 12];
    let told = tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await;
    told.expect("an answer").expect("read");
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn the_map_is_written_as_it_is_asked_for() {
    let server = Server::start(web::router(app("/metrics", peopled())), Limits::default()).await;
    for (path, kind, begins) in [
        ("/topology", "application/json", "{\n  \"generated_at\""),
        ("/topology?format=json", "application/json", "{\n"),
        ("/topology?format=mermaid", "text/plain; charset=utf-8", "flowchart LR\n"),
        ("/topology?format=dot&destination=shop", "text/vnd.graphviz; charset=utf-8", "digraph "),
        ("/topology?format=svg&destination=shop", "image/svg+xml", "<svg xmlns="),
        ("/topology?format=html&destination=shop", "text/html; charset=utf-8", "<!DOCTYPE html>"),
    ] {
        let (head, body) = server.ask(&format!("GET {path}")).await;
        assert!(
            head.starts_with("http/1.1 200") && head.contains(&format!("content-type: {kind}")),
            "{head}"
        );
        assert!(body.starts_with(begins.as_bytes()), "{path}: {}", String::from_utf8_lossy(&body));
    }
    for (path, status, told) in [
        (
            "/topology?format=png",
            "400",
            "unknown variant `png`, expected one of `json`, `mermaid`, `dot`, `svg`",
        ),
        ("/topology?destination=shp", "404", "there are: a b/c, "),
    ] {
        let (head, body) = server.ask(&format!("GET {path}")).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{path}: {head}");
        assert!(String::from_utf8_lossy(&body).contains(told), "{path}: {}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn a_container_has_its_page_however_it_is_spelt() {
    let server = Server::start(web::router(app("/metrics", peopled())), Limits::default()).await;
    for path in ["/diagnostics/shop/web/2", "/diagnostics/shop/web%2F2", "/diagnostics/run/web/2"] {
        let (head, body) = server.ask(&format!("GET {path}")).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!((&body["name"], &body["addresses"][0]), (&json!("web/2"), &json!("10.0.2.2")), "{path}");
        assert_eq!((&body["traffic"], &body["connections"]), (&Value::Null, &Value::Null), "nobody looked");
    }
    for (path, code, hint) in [
        ("/diagnostics/shop/web", "unknown_container", "there are: web/2"),
        ("/diagnostics/k7x2/web", "unknown_container", "there are none"),
        ("/diagnostics/shp/web", "unknown_destination", "there are: a b/c, "),
    ] {
        let (head, body) = server.ask(&format!("GET {path}")).await;
        assert!(head.starts_with("http/1.1 404"), "{path}: {head}");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["error"]["code"], code, "{path}");
        assert!(body["error"]["hint"].as_str().is_some_and(|told| told.starts_with(hint)), "{path}: {body}");
    }
}
