//! The certificates that servers present, and the names that are sent to them.

use super::*;

/// A server that presents this chain and signs with this key, which need not be the chain's.
async fn tls_server(
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: &rcgen::KeyPair,
) -> (SocketAddr, tokio::task::JoinHandle<Option<String>>) {
    #[derive(Debug)]
    struct Always(Arc<rustls::sign::CertifiedKey>);
    impl rustls::server::ResolvesServerCert for Always {
        fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = ring::default_provider().key_provider.load_private_key(key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(Arc::new(rustls::sign::CertifiedKey::new(chain, key)))));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.ok()?;
        let name = stream.get_ref().1.server_name().map(str::to_owned);
        serve(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
        name
    });
    (at, served)
}

fn for_host(at: SocketAddr, host: &str) -> Visit {
    let mut visit = visit(&[at], true, 3000, "/");
    let mut job = visit.jobs[0].clone();
    if let Spec::Http { host: asked, .. } = &mut job.spec {
        *asked = host.into();
    }
    visit.jobs = [job].into();
    visit
}

#[tokio::test]
async fn what_was_presented_comes_back_with_the_run() {
    let (one, two) = (issued("app.test"), issued("behind.test"));
    let chain = vec![one.cert.der().clone(), two.cert.der().clone()];
    let (at, _served) = tls_server(chain, &one.signing_key).await;
    let run = ask_here(for_host(at, "app.test")).await.remove(0);
    assert!(matches!(run.outcome, Outcome::Success(_)) && run.seen.note.is_none(), "{run:?}");
    let certificate = run.seen.certificate.expect("a certificate");
    assert_eq!(certificate.presented, 2);
    assert_eq!(certificate.fingerprint, crate::certificate::Fingerprint::of(one.cert.der()));
    assert_eq!(&*certificate.read.as_ref().expect("read").paper.names.dns, ["app.test".into()]);
    // Without TLS there is none.
    let run = probe(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
    assert!(matches!(run.outcome, Outcome::Success(_)) && run.seen.certificate.is_none(), "{run:?}");
}

/// Who does not hold the key of what it presents is no server of that name; what it presented is known all the same.
#[tokio::test]
async fn a_handshake_that_fails_leaves_the_certificate() {
    let (real, thief) = (issued("app.test"), issued("thief.test"));
    let broken = rustls::pki_types::CertificateDer::from(b"no certificate".to_vec());
    for (chain, readable) in [(real.cert.der().clone(), true), (broken, false)] {
        let (at, _served) = tls_server(vec![chain], &thief.signing_key).await;
        let run = ask_here(for_host(at, "app.test")).await.remove(0);
        assert_eq!(run.outcome, Outcome::Failure(Reason::Tls), "{run:?}");
        let certificate = run.seen.certificate.expect("a certificate");
        assert_eq!((certificate.presented, certificate.read.is_ok()), (1, readable));
    }
}

#[tokio::test]
async fn a_name_is_sent_where_there_is_one() {
    let paper = issued("app.test");
    for (host, sent, noted) in [
        ("app.test", Some("app.test"), false),
        ("App.Test.:8443", Some("app.test"), false),
        ("10.0.0.7", None, false),
        ("[fd00::7]:8443", None, false),
        ("b%C3%BCcher_.-", None, true),
        ("a..b", None, true),
    ] {
        let (at, served) = tls_server(vec![paper.cert.der().clone()], &paper.signing_key).await;
        let run = ask_here(for_host(at, host)).await.remove(0);
        assert!(matches!(run.outcome, Outcome::Success(_)), "{host}: {run:?}");
        assert_eq!(served.await.expect("served").as_deref(), sent, "{host}");
        let expected = format!("no server name was sent (SNI): {host:?} cannot be one");
        assert_eq!(run.seen.note, noted.then_some(expected), "{host}");
    }
}

#[tokio::test]
async fn that_no_name_was_sent_is_told_beside_a_failure() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let run = ask_here(for_host(free, &"x.".repeat(300))).await.remove(0);
    assert_eq!(run.outcome, Outcome::Failure(Reason::Refused));
    let note = run.seen.note.expect("a note");
    assert!(note.contains("refused") && note.contains("; no server name was sent"), "{note}");
    assert!(note.chars().count() <= NOTE_CHARS, "{note}");
}

fn issued(name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate")
}
