//! One connection, one request, one answer.

use std::error::Error as _;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::outcome::{Blindness, HttpSeen, Outcome, Reason};

use super::tls;

/// The most bytes of a header that are read.
const HEADER_CAP: usize = 64 * 1024;
const AGENT: &str = concat!("destination-exporter/", env!("CARGO_PKG_VERSION"));

/// Whom to ask for what.
pub(super) struct Target<'a> {
    pub peer: SocketAddr,
    pub host: &'a str,
    pub path: &'a str,
    pub tls: bool,
    pub body_cap: u64,
}

/// How a probe ended that did not get an answer.
#[derive(Debug)]
pub(super) struct Ended {
    pub outcome: Outcome,
    pub note: String,
}

impl Ended {
    pub(super) fn failed(reason: Reason, note: impl ToString) -> Self {
        Self { outcome: Outcome::Failure(reason), note: note.to_string() }
    }

    pub(super) fn unknown(why: Blindness, note: impl ToString) -> Self {
        Self { outcome: Outcome::Unknown(why), note: note.to_string() }
    }

    /// What the kernel's refusal means.
    pub(super) fn from_io(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ECONNREFUSED) => Self::failed(Reason::Refused, error),
            Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN) => {
                Self::failed(Reason::Unreachable, error)
            }
            Some(libc::ETIMEDOUT) => Self::failed(Reason::Timeout, error),
            Some(libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED) => Self::failed(Reason::Reset, error),
            Some(libc::EPERM | libc::EACCES) => Self::failed(Reason::Prohibited, error),
            Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL) => Self::unknown(Blindness::NoAddress, error),
            Some(_) => Self::unknown(Blindness::Resources, error),
            // Not the kernel's: the stream ended, or TLS above it gave up.
            None if tls_error(error) => Self::failed(Reason::Tls, error),
            None => Self::failed(Reason::Reset, error),
        }
    }

    fn from_hyper(error: &hyper::Error) -> Self {
        if let Some(io) = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
            return Self::from_io(io);
        }
        if error.is_parse() {
            return Self::failed(Reason::Protocol, error);
        }
        Self::failed(Reason::Reset, error)
    }
}

fn tls_error(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// Connects, asks and reads; writes each phase into `seen` when it is over.
pub(super) async fn get(
    socket: std::net::TcpStream,
    target: &Target<'_>,
    seen: &mut HttpSeen,
) -> Result<(), Ended> {
    let request = request(target)?;
    let began = Instant::now();
    let stream = TcpSocket::from_std_stream(socket)
        .connect(target.peer)
        .await
        .map_err(|error| Ended::from_io(&error))?;
    seen.connect = began.elapsed();
    if !target.tls {
        return exchange(stream, request, target.body_cap, seen).await;
    }
    let config = tls::config().map_err(|error| Ended::unknown(Blindness::Resources, error))?;
    let began = Instant::now();
    let stream = TlsConnector::from(config).connect(server_name(target), stream).await.map_err(|error| {
        // Cut in the middle of the handshake without a reset: the peer did not want this TLS.
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Ended::failed(Reason::Tls, error)
        } else {
            Ended::from_io(&error)
        }
    })?;
    seen.tls = began.elapsed();
    exchange(stream, request, target.body_cap, seen).await
}

fn request(target: &Target<'_>) -> Result<Request<Empty<Bytes>>, Ended> {
    let path = if target.path.starts_with('/') { target.path } else { "/" };
    Request::get(path)
        .header(HOST, target.host)
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::new())
        // A label's host or path that no request can hold: nothing was asked, so nothing is known.
        .map_err(|error| Ended::unknown(Blindness::NoAddress, error))
}

/// The name for SNI, the address where the host is none.
fn server_name(target: &Target<'_>) -> ServerName<'static> {
    let name = match target.host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => target.host,
    };
    ServerName::try_from(name.to_owned()).unwrap_or_else(|_| ServerName::from(target.peer.ip()))
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Empty<Bytes>>,
    body_cap: u64,
    seen: &mut HttpSeen,
) -> Result<(), Ended> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_CAP)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Ended::from_hyper(&error))?;
    // The connection only moves the bytes: what goes wrong in it comes out of the exchange.
    let moving = pin!(async {
        let _ = connection.await;
        pending::<()>().await;
    });
    let asking = pin!(async {
        let began = Instant::now();
        let answer = sender.send_request(request).await.map_err(|error| Ended::from_hyper(&error))?;
        seen.first_byte = began.elapsed();
        seen.status = answer.status().as_u16();
        let began = Instant::now();
        let read = body(answer, body_cap, &mut seen.body_bytes).await;
        seen.transfer = began.elapsed();
        read
    });
    match select(asking, moving).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), _)) => Err(Ended::unknown(Blindness::Overrun, "the connection went away")),
    }
}

/// Reads the body up to the cap and keeps nothing of it.
async fn body(answer: Response<Incoming>, cap: u64, read: &mut u64) -> Result<(), Ended> {
    let framed =
        answer.headers().contains_key(CONTENT_LENGTH) || answer.headers().contains_key(TRANSFER_ENCODING);
    let mut body = answer.into_body();
    while *read < cap && !body.is_end_stream() {
        match body.frame().await {
            None => break,
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                *read = read.saturating_add(bytes).min(cap);
            }
            Some(Err(error)) => {
                let ended = Ended::from_hyper(&error);
                // A body that lasts until the end of the connection may end without TLS's goodbye.
                let hung_up = error
                    .source()
                    .and_then(|cause| cause.downcast_ref::<io::Error>())
                    .is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
                return if hung_up && !framed { Ok(()) } else { Err(ended) };
            }
        }
    }
    Ok(())
}
