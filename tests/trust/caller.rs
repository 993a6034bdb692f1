//! A caller over TLS, that may show a certificate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::authority::{Authority, Paper};

impl Authority {
    /// A caller that trusts this authority and shows this paper.
    pub fn caller(&self, paper: Option<&Paper>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("a certificate");
        roots.add(own).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder =
            builder.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots);
        let Some(paper) = paper else { return builder.with_no_client_auth() };
        let certificate =
            CertificateDer::from_pem_slice(paper.certificate.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(paper.key.as_bytes()).expect("a key");
        builder.with_client_auth_cert(vec![certificate], key).expect("they fit")
    }
}

/// `GET path` over TLS, with one more header where one is given: the whole answer.
pub async fn get(at: SocketAddr, caller: ClientConfig, path: &str, header: &str) -> io::Result<String> {
    ask(at, caller, &format!("GET {path}"), header).await
}

/// `METHOD path`, likewise.
#[expect(clippy::disallowed_methods, reason = "the caller of the test is meant to be here, on loopback")]
pub async fn ask(at: SocketAddr, caller: ClientConfig, request: &str, header: &str) -> io::Result<String> {
    let stream = TcpStream::connect(at).await?;
    let name = ServerName::IpAddress(at.ip().into());
    let mut stream = TlsConnector::from(Arc::new(caller)).connect(name, stream).await?;
    let text =
        format!("{request} HTTP/1.1\r\nhost: {at}\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        // An end without TLS's own goodbye.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
