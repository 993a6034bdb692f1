//! Requests over TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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
