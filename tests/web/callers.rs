//! Who may read and who may act.

use std::sync::Arc;

use destination_exporter::web::{self, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stand::{PATIENCE, Server, app, read, verdict};

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
