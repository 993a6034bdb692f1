//! A server of the pages, and a caller.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use axum::Router;
use destination_exporter::diagnosis::{Code, Finding, Severity, Subject, Verdict};
use destination_exporter::metrics::BuildInfo;
use destination_exporter::monitor::Handle;
use destination_exporter::state::{Own, Sight, Snapshot, Traffic};
use destination_exporter::web::{self, Actions, App, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// What takes longer than this on a busy machine does not come.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn verdict(round: Option<SystemTime>, findings: Vec<Finding>) -> Verdict {
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
        traffic: Traffic::default(),
        restarts: Arc::default(),
        forecasts: Arc::default(),
        drift: None,
        own: Own { round_last_completed: round, ..Own::default() },
    };
    Verdict {
        snapshot: Arc::new(snapshot),
        findings,
        pending: 0,
        passages: Vec::new(),
        certificates: Vec::new(),
    }
}

/// Actions that nobody carries out: a test that needs them carried out listens itself.
pub fn idle() -> Actions {
    let (messages, _) = mpsc::channel(1);
    let (_, published) = watch::channel(0);
    let verdict = Arc::new(ArcSwap::from_pointee(verdict(None, Vec::new())));
    Actions::new(Handle { messages, verdict, published, history: Arc::default() }, mpsc::channel(1).0, false)
}

pub fn app(telemetry_path: &str, verdict: Verdict) -> App {
    App {
        actions: idle(),
        verdict: Arc::new(ArcSwap::from_pointee(verdict)),
        history: Arc::default(),
        build: BuildInfo { version: "1.2.3", revision: "", rustc: "" },
        telemetry_path: telemetry_path.into(),
        trust: web::Trust::everyone(),
    }
}

/// A server that stops when its sender is used or dropped.
pub struct Server {
    pub address: SocketAddr,
    pub stop: oneshot::Sender<()>,
    pub task: JoinHandle<()>,
}

impl Server {
    pub async fn start(router: Router, limits: Limits) -> Self {
        Self::start_with(router, web::Trust::everyone(), limits).await
    }

    pub async fn start_with(router: Router, trust: web::Trust, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(web::serve(listener, router, trust, limits, async {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    #[expect(clippy::disallowed_methods, reason = "the caller of the test is meant to be here, on loopback")]
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server listens")
    }

    /// Asks `METHOD PATH`. Gives the status line and headers in lower case, and the body.
    pub async fn ask(&self, request: &str) -> (String, Vec<u8>) {
        self.ask_with(request, "accept: */*").await
    }

    pub async fn ask_with(&self, request: &str, header: &str) -> (String, Vec<u8>) {
        let mut stream = self.connect().await;
        let text = format!("{request} HTTP/1.1\r\nhost: localhost\r\n{header}\r\nconnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.expect("written");
        read(stream).await
    }
}

pub async fn read(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.expect("an answer");
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").expect("an end of the headers");
    (String::from_utf8_lossy(&all[..end]).to_lowercase(), all[end + 4..].to_vec())
}

pub fn hostile() -> Finding {
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
        after: Vec::new(),
    }
}
