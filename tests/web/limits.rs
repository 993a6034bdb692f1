//! Callers that are slow, greedy or silent.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use destination_exporter::web::{self, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stand::{PATIENCE, Server, app, read, verdict};

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
async fn what_is_no_request_is_refused_with_an_empty_body() {
    let router = web::router(app("/metrics", verdict(None, Vec::new())));
    let server = Server::start(router, Limits::default()).await;
    for nonsense in ["SSH-2.0-OpenSSH_9.9\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "G{T / HTTP/1.1\r\n\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(nonsense.as_bytes()).await.expect("written");
        let (head, body) = read(stream).await;
        assert!(head.starts_with("http/1.1 400") && body.is_empty(), "{nonsense:?}: {head}");
    }
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
