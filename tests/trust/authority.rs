//! Certificates of a test's own, and a caller that shows one.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// One that signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub certificate: String,
}

/// What it gives out, in PEM.
#[derive(Clone)]
pub struct Paper {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Names are DNS names, addresses or URIs.
    pub fn issue(&self, names: &[&str]) -> Paper {
        let (uris, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("://"));
        let others: Vec<String> = others.into_iter().map(str::to_owned).collect();
        let mut params = CertificateParams::new(others).expect("names");
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.try_into().expect("a URI")));
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Paper { certificate, key: key.serialize_pem() }
    }

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

impl Paper {
    /// Writes `NAME.crt` and `NAME.key`.
    pub fn write(&self, folder: &Path, name: &str) -> [PathBuf; 2] {
        let files = ["crt", "key"].map(|kind| folder.join(format!("{name}.{kind}")));
        for (file, text) in files.iter().zip([&self.certificate, &self.key]) {
            std::fs::write(file, text).expect("written");
        }
        files
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
