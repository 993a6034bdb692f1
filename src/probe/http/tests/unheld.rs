//! That the request is not held back behind the handshake.

use super::*;

/// One that has nothing to say between the handshake and the answer, as Go's has not: its kernel acknowledges late.
#[tokio::test]
async fn a_request_does_not_wait_for_the_handshake_to_be_acknowledged() {
    let issued = rcgen::generate_simple_self_signed(vec!["site.test".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .expect("a configuration");
    config.send_tls13_tickets = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            let mut request = [0; 1024];
            stream.read(&mut request).await.expect("a request");
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("an answer");
            stream.shutdown().await.ok();
        }
    });
    // The kernel holds an acknowledgement back for 40 ms. A busy machine may be late too, and not five times in a row.
    let mut waited = Vec::new();
    for _ in 0..5 {
        let run = ask_here(visit(&[at], true, 2000, "/")).await.remove(0);
        waited.push(run.seen.http.expect("an answer").first_byte);
    }
    assert!(waited.iter().min() < Some(&Duration::from_millis(30)), "{waited:?}");
}
