//! Pages behind TLS, certificates and passwords.

use std::path::Path;
use std::time::{Duration, Instant};

use destination_exporter::web::{self, Limits, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::authority::Authority;
use crate::exchange::get;
use crate::stand::{PATIENCE, Server, app, read, verdict};

const ALICE: &str = "authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n";
const WRONG: &str = "authorization: Basic YWxpY2U6bG9va2luZy1nbGFzcw==\r\n";

/// alice, and the password `wonderland`.
fn users() -> String {
    format!("basic_auth_users:\n  alice: {}\n", bcrypt::hash("wonderland", 4).expect("hashed"))
}

fn trust(folder: &Path, text: &str) -> Trust {
    let path = folder.join("web.yml");
    std::fs::write(&path, text).expect("written");
    Trust::load(&path).expect("good")
}

async fn start(trust: Trust, limits: Limits) -> Server {
    let mut app = app("/metrics", verdict(None, Vec::new()));
    app.trust = trust.clone();
    Server::start_with(web::router(app), trust, limits).await
}

/// The page of a refusal for whom nobody knows: no more is done for them, and nothing is told them of the exporter.
fn is_short(head: &str, body: &[u8], told: &str) {
    let page = String::from_utf8_lossy(body);
    assert!(
        head.contains("content-type: text/html; charset=utf-8") && head.contains("vary: accept"),
        "{head}"
    );
    assert!(page.contains(&format!("<h1>{told}</h1>")) && page.len() < 1024, "{page}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(!page.contains(version) && !page.contains("<script") && !page.contains("<a "), "{page}");
}

/// Every path that there is, and one that is not.
const PATHS: [&str; 11] = [
    "/",
    "/metrics",
    "/diagnostics",
    "/diagnostics/shop",
    "/diagnostics/run",
    "/events",
    "/probe",
    "/runbooks/exporter-blind",
    "/-/ready",
    "/-/reload",
    "/nowhere",
];

#[tokio::test]
async fn without_a_password_nothing_answers_but_whether_it_lives() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(trust(folder.path(), &users()), Limits::default()).await;
    let bare = "accept: */*\r\n";
    for method in ["GET", "HEAD", "POST", "OPTIONS", "DELETE"] {
        for path in PATHS {
            for header in [bare, WRONG, "authorization: Basic !\r\n", "authorization: Bearer x\r\n"] {
                let (head, body) = server.ask_with(&format!("{method} {path}"), header.trim_end()).await;
                assert!(head.starts_with("http/1.1 401"), "{method} {path} {header}: {head}");
                assert!(head.contains("www-authenticate: basic realm="), "{head}");
                assert!(head.contains("x-content-type-options: nosniff"), "{head}");
                let told = String::from_utf8_lossy(&body);
                assert!(
                    method == "HEAD" || told.starts_with("{\"error\":{\"code\":\"unauthorized\""),
                    "{told}"
                );
            }
        }
    }
    // A browser is told in some words, which nothing of the exporter stands in.
    for path in PATHS {
        let (head, body) =
            server.ask_with(&format!("GET {path}"), format!("accept: text/html\r\n{WRONG}").trim_end()).await;
        assert!(
            head.starts_with("http/1.1 401") && head.contains("www-authenticate: basic realm="),
            "{head}"
        );
        is_short(&head, &body, "401: this asks for a user and a password");
    }
    assert!(server.ask("GET /-/healthy").await.0.starts_with("http/1.1 200"));
    for path in ["//-/healthy", "/-/healthy/", "/-/../metrics", "/%2d/healthy"] {
        assert!(server.ask(&format!("GET {path}")).await.0.starts_with("http/1.1 401"), "{path}");
    }
    for (path, status) in
        [("/metrics", "200"), ("/diagnostics", "200"), ("/nowhere", "404"), ("/-/ready", "503")]
    {
        let (head, _) = server.ask_with(&format!("GET {path}"), ALICE.trim_end()).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{path}: {head}");
    }
}

#[tokio::test]
async fn who_has_shown_a_password_may_act_from_wherever_and_a_strangers_page_may_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(trust(folder.path(), &users()), Limits::default()).await;
    let ask = async |header: &str| {
        let (head, _) = server.ask_with("POST /-/reload", &format!("{ALICE}{header}")).await;
        head.get(9..12).map(str::to_owned).expect("a status")
    };
    // Nobody carries it out, but it was let in: a proxy passes for a remote caller.
    assert_eq!(ask("x-forwarded-for: 203.0.113.9").await, "500");
    assert_eq!(ask("origin: http://evil.example").await, "403");
    assert_eq!(ask("sec-fetch-site: cross-site").await, "403");
}

#[tokio::test]
async fn the_operators_headers_go_before_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: sameorigin\n    \
        Strict-Transport-Security: max-age=31536000\n    Content-Security-Policy: ''\n";
    let server = start(trust(folder.path(), text), Limits::default()).await;
    for path in ["GET /", "GET /nowhere"] {
        let (head, _) = server.ask(path).await;
        assert!(head.contains("x-frame-options: sameorigin") && !head.contains("deny"), "{head}");
        assert!(head.contains("strict-transport-security: max-age=31536000"), "{head}");
        assert!(!head.contains("content-security-policy") && head.contains("nosniff"), "{head}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let server =
        start(trust(folder.path(), "rate_limit: {interval: 1h, burst: 2}\n"), Limits::default()).await;
    for status in ["200", "200", "429", "429"] {
        let (head, _) = server.ask("GET /metrics").await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
    }
    let (head, body) = server.ask_with("GET /", "accept: text/html").await;
    assert!(head.starts_with("http/1.1 429"), "{head}");
    is_short(&head, &body, "429: more requests than the rate limit allows");
    assert!(server.ask("GET /-/healthy").await.0.starts_with("http/1.1 200"));
}

/// Serves TLS with these settings more; the authority signs for both sides.
async fn tls(folder: &Path, authority: &Authority, more: &str, behind: &str, limits: Limits) -> Server {
    authority.issue(&["127.0.0.1"]).write(folder, "server");
    std::fs::write(folder.join("ca.crt"), &authority.certificate).expect("written");
    let text = format!("tls_server_config: {{cert_file: server.crt, key_file: server.key{more}}}\n{behind}");
    start(trust(folder, &text), limits).await
}

const BOTH: &str = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt";

#[tokio::test]
async fn over_tls_with_a_certificate_and_a_password_each_asked_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let known = authority.issue(&["prometheus"]);
    let folder = tempfile::tempdir().expect("a folder");
    for (more, behind, paper, header, status) in [
        ("", "", None, "", "200"),
        (BOTH, "", Some(&known), "", "200"),
        (BOTH, "", None, "", "403"),
        ("", users().as_str(), None, ALICE, "200"),
        ("", users().as_str(), Some(&known), "", "401"),
        (BOTH, users().as_str(), Some(&known), ALICE, "200"),
        (BOTH, users().as_str(), Some(&known), WRONG, "401"),
        (BOTH, users().as_str(), None, ALICE, "403"),
    ] {
        let server = tls(folder.path(), &authority, more, behind, Limits::default()).await;
        for path in PATHS.into_iter().filter(|_| status != "200").chain(["/metrics"]) {
            let answer = get(server.address, authority.caller(paper), path, header).await.expect("answered");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{more} {behind} {path}: {answer}");
        }
        let lives = get(server.address, authority.caller(None), "/-/healthy", "").await.expect("answered");
        assert!(lives.starts_with("HTTP/1.1 200"), "{lives}");
        if !more.is_empty() {
            let other = stranger.issue(&["prometheus"]);
            let refused = get(server.address, authority.caller(Some(&other)), "/-/healthy", "").await;
            assert!(refused.is_err(), "a stranger's certificate: {refused:?}");
        }
        // Plain HTTP gets a word.
        let mut plain = server.connect().await;
        plain.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
        let mut answer = Vec::new();
        plain.read_to_end(&mut answer).await.expect("an answer, and no reset");
        let told = String::from_utf8_lossy(&answer);
        assert!(told.starts_with("HTTP/1.1 400") && told.ends_with("TLS alone: ask by https\n"), "{told}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_verified_lets_nobody_act() {
    let authority = Authority::new();
    let paper = authority.issue(&["x"]);
    let folder = tempfile::tempdir().expect("a folder");
    let given = ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt";
    let any = ", client_auth_type: RequireAnyClientCert";
    for (more, paper, status) in [
        (BOTH, Some(&paper), "404"),
        (given, Some(&paper), "404"),
        (given, None, "403"),
        (any, Some(&paper), "403"),
    ] {
        let server = tls(folder.path(), &authority, more, "", Limits::default()).await;
        let header = "x-forwarded-for: 203.0.113.9\r\n";
        let path = "/probe?destination=a&source=b&target=c&kind=icmp";
        let answer = get(server.address, authority.caller(paper), path, header).await.expect("answered");
        // Nobody carries it out, but it was let in.
        let let_in = !answer.starts_with("HTTP/1.1 403");
        assert_eq!(let_in, status != "403", "{more}: {answer}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_come_gives_its_place_back() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { connections: 1, handshake: Duration::from_millis(300), ..Limits::default() };
    let server = tls(folder.path(), &authority, "", "", limits).await;
    let mut idle = server.connect().await;
    idle.write_all(&[22, 3, 1]).await.expect("written");
    let began = Instant::now();
    let answer =
        tokio::time::timeout(PATIENCE, get(server.address, authority.caller(None), "/-/healthy", ""));
    assert!(answer.await.expect("a place").expect("answered").starts_with("HTTP/1.1 200"));
    assert!(began.elapsed() >= Duration::from_millis(200), "there was one place, and it was taken");
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap_or(0), 0, "cut off");
}

#[tokio::test]
async fn who_came_before_a_change_is_asked_to_leave() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.yml");
    let trust = trust(folder.path(), "# everyone\n");
    let server = start(trust.clone(), Limits::default()).await;
    let mut kept = server.connect().await;
    let request = b"GET /-/ready HTTP/1.1\r\nhost: localhost\r\n\r\n";
    kept.write_all(request).await.expect("written");
    let mut some = [0; 12];
    kept.read_exact(&mut some).await.expect("an answer");
    assert_eq!(&some, b"HTTP/1.1 503");
    std::fs::write(&path, users()).expect("written");
    trust.reload().expect("good");
    // Nothing more is asked on it, and it ends.
    tokio::time::timeout(PATIENCE, read(kept)).await.expect("it ends");
    assert!(server.ask("GET /metrics").await.0.starts_with("http/1.1 401"));
}
