//! Against servers on the loopback that answer byte for byte what a case needs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::lab::Lab;
use super::*;
use crate::namespace::Vantage;
use crate::outcome::{Detail, ProbeKey, ProbeKind};

/// Certificates and server names.
mod presented;
/// No request waits behind its handshake.
mod unheld;

#[derive(Clone, Copy)]
enum Then {
    Close,
    Hang,
    Reset,
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, answer: &[u8], then: Then) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => request.push(byte[0]),
            _ => break,
        }
    }
    let _ = stream.write_all(answer).await;
    let _ = stream.flush().await;
    match then {
        Then::Hang => tokio::time::sleep(Duration::from_secs(20)).await,
        Then::Close | Then::Reset => {}
    }
    String::from_utf8_lossy(&request).into_owned()
}

async fn server(answer: Vec<u8>, then: Then) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        if matches!(then, Then::Reset) {
            let std = stream.into_std().expect("a stream");
            socket2::SockRef::from(&std).set_linger(Some(Duration::ZERO)).expect("linger");
            return String::new();
        }
        serve(&mut stream, &answer, then).await
    });
    (at, served)
}

fn visit(peers: &[SocketAddr], tls: bool, timeout: u64, path: &str) -> Visit {
    let jobs = peers.iter().map(|peer| {
        Job::new(
            ProbeKey {
                destination: "net".into(),
                kind: ProbeKind::Http,
                source: "a".into(),
                target: "b".into(),
                detail: Detail::Port(peer.ip(), peer.port()),
            },
            Spec::Http {
                peer: *peer,
                host: "app.test".into(),
                path: path.into(),
                tls,
                body_cap: 1000,
                accepts: Accepts::NoServerError,
            },
        )
    });
    Visit {
        kind: ProbeKind::Http,
        vantage: Vantage::Own,
        jobs: jobs.collect(),
        limits: Limits { timeout: Duration::from_millis(timeout), in_flight: 2 },
        out_of_turn: false,
        examiner: Arc::default(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the loopback of the test is where it wants to be")]
fn loopback() -> TcpStream {
    let socket = socket2::Socket::new(
        socket2::Domain::IPV4,
        socket2::Type::STREAM.nonblocking(),
        Some(socket2::Protocol::TCP),
    );
    socket.expect("a socket").into()
}

/// Asks as `run` does, with sockets of the test's own namespace.
async fn ask_here(visit: Visit) -> Vec<Run> {
    let sockets = visit.jobs.iter().map(|_| Some(Ok(loopback()))).collect();
    ask(&visit, sockets, true).await
}

async fn probe(answer: &[u8], then: Then) -> Run {
    let (at, _served) = server(answer.to_vec(), then).await;
    ask_here(visit(&[at], false, 500, "/")).await.remove(0)
}

/// Events go on for as long as somebody listens.
#[tokio::test]
async fn an_answer_that_is_meant_never_to_end_is_one() {
    let events = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n: hello\n\n";
    let run = probe(events, Then::Hang).await;
    assert!(matches!(run.outcome, Outcome::Success(_)), "{run:?}");
    let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\n\r\n<html>";
    let run = probe(page, Then::Hang).await;
    assert_eq!(run.outcome, Outcome::Failure(Reason::Timeout));
    assert!(run.seen.answer.is_some_and(|answer| answer.sets_cookie));
}

#[tokio::test]
async fn the_request_is_what_it_should_be() {
    let (at, served) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec(), Then::Close).await;
    let run = ask_here(visit(&[at], false, 2000, "/health?x=1")).await.remove(0);
    assert!(matches!(run.outcome, Outcome::Success(_)), "{run:?}");
    let http = run.seen.http.expect("an answer");
    assert_eq!((http.status, http.body_bytes, http.tls), (200, 2, Duration::ZERO));
    let request = served.await.expect("served").to_lowercase();
    assert!(request.starts_with("get /health?x=1 http/1.1\r\n"), "{request}");
    for header in ["host: app.test\r\n", "user-agent: destination-exporter/", "connection: close\r\n"] {
        assert!(request.contains(header), "{request}");
    }
}

type Case = (&'static str, Vec<u8>, Then, Option<Reason>, u16);

#[tokio::test]
async fn answers_have_their_outcome() {
    let ok = None;
    let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(200_000)).into_bytes();
    let table: Vec<Case> = vec![
        (
            "redirect is an answer",
            b"HTTP/1.1 302 F\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Then::Close,
            ok,
            302,
        ),
        ("404", b"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Close, ok, 404),
        ("until the end", b"HTTP/1.0 200 OK\r\n\r\nhello".to_vec(), Then::Close, ok, 200),
        (
            "503",
            b"HTTP/1.1 503 S\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Then::Close,
            Some(Reason::HttpStatus),
            503,
        ),
        ("not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Then::Close, Some(Reason::Protocol), 0),
        ("endless header", huge, Then::Hang, Some(Reason::Protocol), 0),
        ("closes at once", Vec::new(), Then::Close, Some(Reason::Reset), 0),
        ("resets", Vec::new(), Then::Reset, Some(Reason::Reset), 0),
        ("says nothing", Vec::new(), Then::Hang, Some(Reason::Timeout), 0),
        (
            "half a body",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi".to_vec(),
            Then::Close,
            Some(Reason::Reset),
            200,
        ),
        (
            "body that hangs",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi".to_vec(),
            Then::Hang,
            Some(Reason::Timeout),
            200,
        ),
    ];
    for (case, answer, then, reason, status) in table {
        let run = probe(&answer, then).await;
        assert_eq!(run.outcome.reason(), reason, "{case}: {run:?}");
        assert_eq!(reason.is_none(), matches!(run.outcome, Outcome::Success(_)), "{case}: {run:?}");
        assert_eq!(run.seen.http.map_or(0, |h| h.status), status, "{case}: {run:?}");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_not_read_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await.is_ok() {}
    });
    let run = ask_here(visit(&[at], false, 20_000, "/")).await.remove(0);
    assert_eq!(run.outcome, Outcome::Failure(Reason::Protocol), "{run:?}");
}

#[tokio::test]
async fn a_long_body_behind_a_long_header_is_an_answer() {
    let header = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 900000\r\n\r\n", "x".repeat(50_000));
    let answer = [header.into_bytes(), vec![b'x'; 900_000]].concat();
    let (at, _served) = server(answer, Then::Hang).await;
    let mut visit = visit(&[at], false, 20_000, "/");
    let mut job = visit.jobs[0].clone();
    if let Spec::Http { body_cap, .. } = &mut job.spec {
        *body_cap = 900_000;
    }
    visit.jobs = [job].into();
    let run = ask_here(visit).await.remove(0);
    assert!(matches!(run.outcome, Outcome::Success(_)), "{run:?}");
    assert_eq!(run.seen.http.expect("an answer").body_bytes, 900_000);
}

#[tokio::test]
async fn a_socket_that_cannot_be_made_is_no_failure() {
    for (errno, want) in [
        (libc::EPERM, Blindness::NoSocket),
        (libc::EACCES, Blindness::NoSocket),
        (libc::EMFILE, Blindness::Resources),
    ] {
        let at = SocketAddr::from(([127, 0, 0, 1], 80));
        let refused = vec![Some(Err(io::Error::from_raw_os_error(errno)))];
        let runs = ask(&visit(&[at], false, 2000, "/"), refused, false).await;
        assert_eq!(runs[0].outcome, Outcome::Unknown(want), "errno {errno}");
    }
}

#[tokio::test]
async fn a_firewall_that_answers_and_one_at_home_are_told_apart() {
    let lab = Lab::new();
    lab.in_far(&[
        "iptables",
        "-A",
        "INPUT",
        "-p",
        "tcp",
        "-j",
        "REJECT",
        "--reject-with",
        "icmp-admin-prohibited",
    ]);
    lab.in_near(&["ip", "route", "add", "prohibit", "10.99.0.77"]);
    let peers = ["10.99.0.2:80", "10.99.0.77:80", "192.0.2.1:80"].map(|peer| peer.parse().expect("a peer"));
    let visit = Visit { vantage: lab.near(), ..visit(&peers, false, 5000, "/") };
    let runs = run(&Hopper::start().expect("starts"), visit).await;
    let ends: Vec<_> = runs.iter().map(|run| (run.outcome.reason(), run.seen.local)).collect();
    let want = [(Reason::Prohibited, false), (Reason::Prohibited, true), (Reason::Unreachable, true)];
    assert_eq!(ends, want.map(|(reason, local)| (Some(reason), local)), "{runs:?}");
}

#[tokio::test]
async fn a_body_is_read_to_its_cap() {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    answer.extend(vec![b'x'; 5000]);
    let run = probe(&answer, Then::Hang).await;
    assert!(matches!(run.outcome, Outcome::Success(_)), "{run:?}");
    assert_eq!(run.seen.http.expect("an answer").body_bytes, 1000);
}

#[tokio::test]
async fn nobody_at_the_port_is_refused() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let run = ask_here(visit(&[free], false, 2000, "/")).await.remove(0);
    assert_eq!(run.outcome, Outcome::Failure(Reason::Refused));
}

#[tokio::test]
async fn a_path_that_no_request_can_hold_is_unknown() {
    let (at, _served) = server(Vec::new(), Then::Hang).await;
    let run = ask_here(visit(&[at], false, 2000, "/a b\r\nX: y")).await.remove(0);
    assert!(matches!(run.outcome, Outcome::Unknown(_)), "{run:?}");
}

#[tokio::test]
async fn no_more_than_the_limit_at_once_and_in_order() {
    let mut peers = Vec::new();
    for _ in 0..4 {
        peers.push(server(Vec::new(), Then::Hang).await.0);
    }
    let began = Instant::now();
    let runs = ask_here(visit(&peers, false, 200, "/")).await;
    assert!(began.elapsed() >= Duration::from_millis(390), "four of 200 ms, two at once");
    let order: Vec<_> = runs.iter().map(|r| r.key.detail.clone()).collect();
    assert_eq!(order, peers.iter().map(|p| Detail::Port(p.ip(), p.port())).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_certificate_of_its_own_is_no_failure() {
    let issued = rcgen::generate_simple_self_signed(vec!["other.test".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.expect("a handshake");
        // Ends without TLS's goodbye, as many servers do.
        serve(&mut stream, b"HTTP/1.1 200 OK\r\n\r\nhello", Then::Close).await;
    });
    let run = ask_here(visit(&[at], true, 3000, "/")).await.remove(0);
    assert!(matches!(run.outcome, Outcome::Success(_)), "{run:?}");
    let http = run.seen.http.expect("an answer");
    assert!(http.tls > Duration::ZERO && http.body_bytes == 5, "{http:?}");
}

#[tokio::test]
async fn plain_http_behind_tls_is_a_tls_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut hello = [0; 4096];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let run = ask_here(visit(&[at], true, 3000, "/")).await.remove(0);
    assert_eq!(run.outcome, Outcome::Failure(Reason::Tls), "{run:?}");
}

#[tokio::test]
async fn the_hopper_makes_the_sockets() {
    let (at, _served) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Close).await;
    let runs = run(&Hopper::start().expect("starts"), visit(&[at], false, 2000, "/")).await;
    assert!(matches!(runs[0].outcome, Outcome::Success(_)), "{runs:?}");
}
