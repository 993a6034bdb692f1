//! The pages, over loopback, as a caller sees them.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::get;
use destination_exporter::diagnosis::{Code, Finding, Severity, Subject, Verdict};
use destination_exporter::metrics::BuildInfo;
use destination_exporter::monitor::Handle;
use destination_exporter::state::{Own, Sight, Snapshot};
use destination_exporter::web::{self, Actions, App, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// What takes longer than this on a busy machine does not come.
const PATIENCE: Duration = Duration::from_secs(60);

fn verdict(round: Option<SystemTime>, findings: Vec<Finding>) -> Verdict {
    let snapshot = Snapshot {
        at: SystemTime::UNIX_EPOCH,
        inventory: None,
        changing: false,
        sight: Sight::default(),
        probes: Arc::default(),
        tallies: Arc::default(),
        echoes: Arc::default(),
        rtts: Arc::default(),
        containers: Arc::default(),
        own: Own { round_last_completed: round, ..Own::default() },
    };
    Verdict { snapshot: Arc::new(snapshot), findings, pending: 0 }
}

/// Actions that nobody carries out: a test that needs them carried out listens itself.
fn idle() -> Actions {
    let (messages, _) = mpsc::channel(1);
    let (_, published) = watch::channel(0);
    let verdict = Arc::new(ArcSwap::from_pointee(verdict(None, Vec::new())));
    Actions::new(Handle { messages, verdict, published }, mpsc::channel(1).0, false)
}

fn app(telemetry_path: &str, verdict: Verdict) -> App {
    App {
        actions: idle(),
        verdict: Arc::new(ArcSwap::from_pointee(verdict)),
        build: BuildInfo { version: "1.2.3", revision: "", rustc: "" },
        telemetry_path: telemetry_path.into(),
    }
}

/// A server that stops when its sender is used or dropped.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(web::serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    #[expect(clippy::disallowed_methods, reason = "the caller of the test is meant to be here, on loopback")]
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server listens")
    }

    /// Asks `METHOD PATH`. Gives the status line and headers in lower case, and the body.
    async fn ask(&self, request: &str) -> (String, Vec<u8>) {
        self.ask_with(request, "accept: */*").await
    }

    async fn ask_with(&self, request: &str, header: &str) -> (String, Vec<u8>) {
        let mut stream = self.connect().await;
        let text = format!("{request} HTTP/1.1\r\nhost: localhost\r\n{header}\r\nconnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.expect("written");
        read(stream).await
    }
}

async fn read(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.expect("an answer");
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").expect("an end of the headers");
    (String::from_utf8_lossy(&all[..end]).to_lowercase(), all[end + 4..].to_vec())
}

fn hostile() -> Finding {
    Finding {
        code: Code::ContainerUnreachable,
        severity: Severity::Page,
        subject: Subject { kind: "container", name: "<script>alert('x')</script>".into() },
        destination: Some("\"><img src=x>".into()),
        summary: "a & b".into(),
        evidence: Vec::new(),
        explains: Vec::new(),
        ruled_out: Vec::new(),
        fix: Vec::new(),
        verify: Vec::new(),
        since: SystemTime::UNIX_EPOCH,
        runbook: String::new(),
    }
}

#[tokio::test]
async fn every_path_has_its_answer() {
    let router = web::router(app("/metrics", verdict(None, Vec::new())));
    let server = Server::start(router, Limits::default()).await;
    for (request, status, inside) in [
        ("GET /metrics", "200", "destination_exporter_build_info{"),
        ("GET /-/healthy", "200", "healthy"),
        ("GET /-/ready", "503", "\"code\":\"not_ready\""),
        ("GET /", "200", "Status: <strong>unknown</strong>"),
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
async fn a_name_that_was_made_to_point_here_reads_nothing() {
    let mut known = verdict(None, Vec::new());
    Arc::make_mut(&mut known.snapshot).own.external_url = "https://status.example:8443/x".into();
    let server = Server::start(web::router(app("/metrics", known)), Limits::default()).await;
    for (host, status) in [
        ("localhost:10061", "200"),
        ("server-1:10061", "200"),
        ("10.0.0.1", "200"),
        ("status.example", "200"),
        ("STATUS.example:8443", "200"),
        ("evil.example:10061", "403"),
        ("x.status.example", "403"),
        ("localhost\r\nhost: evil.example", "403"),
        ("\u{ff}", "403"),
    ] {
        for path in ["/diagnostics", "/metrics", "/", "/diagnostics?severity=page"] {
            let mut stream = server.connect().await;
            let text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            stream.write_all(text.as_bytes()).await.expect("written");
            let (head, body) = read(stream).await;
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{host} {path}: {head}");
            assert_eq!(
                body.starts_with(b"{\"error\":{\"code\":\"forbidden\""),
                status == "403",
                "{host} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_reverse_proxy_on_this_machine_lets_nobody_act() {
    let server =
        Server::start(web::router(app("/metrics", verdict(None, Vec::new()))), Limits::default()).await;
    let probe = "GET /probe?destination=a&source=b&target=c&kind=icmp";
    for request in ["POST /diagnostics/run", "POST /-/reload", probe] {
        let refused = server.ask_with(request, "x-forwarded-for: 203.0.113.9").await;
        assert!(refused.0.starts_with("http/1.1 403"), "{request}: {refused:?}");
        // Nobody carries it out, but it was let in.
        let admitted = server.ask(request).await;
        assert!(admitted.0.starts_with("http/1.1 500"), "{request}: {admitted:?}");
    }
}

#[tokio::test]
async fn who_may_not_act_is_told_before_the_body_is_read() {
    let server =
        Server::start(web::router(app("/metrics", verdict(None, Vec::new()))), Limits::default()).await;
    let mut stream = server.connect().await;
    let head =
        "POST /diagnostics/run HTTP/1.1\r\nhost: localhost\r\nvia: x\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    // Not one byte of the body is sent.
    let mut answer = [0; 12];
    let told = tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await;
    told.expect("an answer without a body").expect("read");
    assert_eq!(&answer, b"HTTP/1.1 403");
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
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)") && page.contains("a &amp; b"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(page.contains("<strong>failing</strong>"), "{page}");
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
        let link = asked.replace("GET ", "href=\"") + "\"";
        assert!(String::from_utf8_lossy(&landing).contains(&link), "{path}: {link}");
    }
}

#[tokio::test]
async fn a_caller_that_sends_nothing_is_cut_off_and_gives_its_place_back() {
    let router = web::router(app("/metrics", verdict(None, Vec::new())));
    let limits = Limits { connections: 1, header_read: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(router, limits).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HT").await.expect("written");
    let began = Instant::now();
    assert!(server.ask("GET /-/healthy").await.0.starts_with("http/1.1 200"));
    assert!(began.elapsed() >= Duration::from_millis(100), "there was one place, and it was taken");
}

/// An answer that no socket's buffer takes.
async fn flood() -> Vec<u8> {
    vec![b'x'; 64 << 20]
}

/// Reads until the other side ends it; gives how much came, or the error.
async fn read_slowly(stream: &mut TcpStream, pause: Duration) -> std::io::Result<usize> {
    let (mut all, mut chunk) = (0, vec![0; 64 << 10]);
    loop {
        match stream.read(&mut chunk).await? {
            0 => return Ok(all),
            some => all += some,
        }
        tokio::time::sleep(pause).await;
    }
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_cut_off_and_gives_its_place_back() {
    let router = Router::new().route("/", get(flood));
    for (stall, answer) in [(200, 600_000), (600_000, 200)] {
        let (stall, answer) = (Duration::from_millis(stall), Duration::from_millis(answer));
        let limits = Limits { connections: 1, stall, answer, ..Limits::default() };
        let server = Server::start(router.clone(), limits).await;
        let mut deaf = server.connect().await;
        deaf.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
        let (head, _) = tokio::time::timeout(PATIENCE, server.ask("GET /nowhere")).await.expect("a place");
        assert!(head.starts_with("http/1.1 404"), "{head}");
        let cut = read_slowly(&mut deaf, Duration::ZERO).await;
        assert!(cut.is_err(), "reset, so that the kernel keeps nothing: {cut:?}");
    }
}

#[tokio::test]
async fn a_caller_that_reads_a_little_now_and_then_is_cut_off_too() {
    let router = Router::new().route("/", get(flood));
    let limits = Limits { answer: Duration::from_millis(500), ..Limits::default() };
    let server = Server::start(router, limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
    let cut = tokio::time::timeout(PATIENCE, read_slowly(&mut slow, Duration::from_millis(5))).await;
    assert!(cut.expect("cut off").is_err(), "reset");
}

#[tokio::test]
async fn a_long_answer_reaches_who_reads_it() {
    let router = Router::new().route("/", get(flood));
    let limits = Limits { stall: PATIENCE, answer: PATIENCE, ..Limits::default() };
    let server = Server::start(router, limits).await;
    assert_eq!(server.ask("GET /").await.1.len(), 64 << 20);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let router = web::router(app("/metrics", verdict(None, Vec::new())));
    let server = Server::start(router, Limits::default()).await;
    let fits = format!("x-padding: {}", "a".repeat(8 << 10));
    assert!(server.ask_with("GET /-/healthy", &fits).await.0.starts_with("http/1.1 200"));
    let long = format!("x-padding: {}", "a".repeat(20 << 10));
    let mut stream = server.connect().await;
    let request = format!("GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n{long}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    // What was not read of the request makes a reset of the end: the answer comes before it.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn what_is_under_way_ends_and_what_is_stuck_is_dropped() {
    let slow = get(async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    });
    let stuck = get(std::future::pending::<&'static str>);
    let router = Router::new().route("/slow", slow).route("/stuck", stuck);
    let limits = Limits { drain: Duration::from_secs(1), ..Limits::default() };
    let server = Server::start(router, limits).await;
    let (mut slow, mut stuck) = (server.connect().await, server.connect().await);
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
    stuck.write_all(b"GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.stop.send(()).expect("it runs");
    let (head, body) = read(slow).await;
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(body, b"done");
    server.task.await.expect("it ends");
    assert!(began.elapsed() < Duration::from_secs(3), "the drain is bounded");
}
