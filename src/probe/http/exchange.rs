//! One connection, one request, one answer.

use std::error::Error as _;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, LOCATION, SERVER, SET_COOKIE,
    TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::certificate::Host;
use crate::outcome::{Answer, Blindness, HttpSeen, Outcome, Phase, Reason};
use crate::probe::judge::Refusal;
use crate::strangers::{bounded, printable};

use super::bounded::{Allowance, Bounded};
use super::tls::{self, Presented};

/// The most bytes of a header that are read.
const HEADER_CAP: usize = 64 * 1024;
/// The most bytes that are read before the final status is seen: a header, and what of the body came
/// with it in hyper's buffer, which is no larger.
const BEFORE_THE_ANSWER: usize = 2 * HEADER_CAP;
/// How much of a body is kept: enough to know a proxy's own pages by.
const FIRST_BYTES: usize = 64;
const AGENT: &str = concat!("destination-exporter/", env!("CARGO_PKG_VERSION"));

/// Whom to ask for what.
pub(super) struct Target<'a> {
    pub peer: SocketAddr,
    pub host: &'a str,
    pub path: &'a str,
    pub tls: bool,
    pub body_cap: u64,
    /// The vantage has an address of the sixth version.
    pub ipv6: bool,
}

impl Target<'_> {
    /// What is to be known of this handshake, in words.
    pub(super) fn remark(&self) -> Option<String> {
        let nameless = self.tls && server_name(self).is_none();
        // As much of it as a note has room for.
        let host = || self.host.chars().take(80).collect::<String>();
        nameless.then(|| format!("no server name was sent (SNI): {:?} cannot be one", host()))
    }
}

/// How far an exchange has come, and what it saw.
#[derive(Debug)]
pub(super) struct Progress {
    /// What it waits for now.
    pub phase: Phase,
    /// Status and phases.
    pub http: HttpSeen,
    /// What was said.
    pub answer: Answer,
    /// What is to be known whatever the end, in words.
    pub remark: Option<String>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { phase: Phase::Connect, http: HttpSeen::default(), answer: Answer::default(), remark: None }
    }
}

/// How a probe ended that did not get an answer.
#[derive(Debug)]
pub(super) struct Ended {
    pub outcome: Outcome,
    pub note: String,
    pub local: bool,
}

impl Ended {
    pub(super) fn failed(reason: Reason, note: impl ToString) -> Self {
        Self { outcome: Outcome::Failure(reason), note: note.to_string(), local: false }
    }

    pub(super) fn unknown(why: Blindness, note: impl ToString) -> Self {
        Self { outcome: Outcome::Unknown(why), note: note.to_string(), local: false }
    }

    /// What a refusal means.
    pub(super) fn refused(Refusal { outcome, note, local }: Refusal) -> Self {
        Self { outcome, note, local }
    }

    /// What it means that a connection that stood has ended.
    fn from_io(error: &io::Error, peer: IpAddr) -> Self {
        match error.raw_os_error() {
            Some(libc::EPIPE | libc::ECONNABORTED) => Self::failed(Reason::Reset, error),
            Some(_) => Self { local: false, ..Self::refused(Refusal::of_call(error, peer, true)) },
            // Not the kernel's: the stream ended, or TLS above it gave up.
            None if tls_error(error) => Self::failed(Reason::Tls, error),
            None => Self::failed(Reason::Reset, error),
        }
    }

    fn from_hyper(error: &hyper::Error, peer: IpAddr) -> Self {
        if let Some(io) = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
            return Self::from_io(io, peer);
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
    seen: &mut Progress,
    presented: &Arc<Presented>,
) -> Result<(), Ended> {
    let request = request(target)?;
    let began = Instant::now();
    let stream = connect(socket, target).await?;
    seen.http.connect = began.elapsed();
    if !target.tls {
        return exchange(stream, request, target, seen).await;
    }
    // Nagle's algorithm (RFC 9293, section 3.7.4) would hold the request back until the peer acknowledges the end of the
    // handshake, which Linux does 40 ms late where the peer has nothing to say.
    stream.set_nodelay(true).map_err(|error| Ended::unknown(Blindness::Resources, error))?;
    seen.phase = Phase::Tls;
    let config = tls::keeping(presented).map_err(|error| Ended::unknown(Blindness::Resources, error))?;
    // With an address, which no handshake names, none is sent.
    let name = server_name(target).unwrap_or_else(|| ServerName::from(target.peer.ip()));
    let began = Instant::now();
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
        // Cut in the middle of the handshake without a reset: the peer did not want this TLS.
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Ended::failed(Reason::Tls, error)
        } else {
            Ended::from_io(&error, target.peer.ip())
        }
    })?;
    seen.http.tls = began.elapsed();
    exchange(stream, request, target, seen).await
}

async fn connect(socket: std::net::TcpStream, target: &Target<'_>) -> Result<TcpStream, Ended> {
    match SockRef::from(&socket).connect(&target.peer.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            return Err(Ended::refused(Refusal::of_connection(
                &socket,
                &error,
                target.peer.ip(),
                target.ipv6,
            )));
        }
        _ => {}
    }
    let unwatched = |error| Ended::unknown(Blindness::Resources, error);
    let stream = TcpStream::from_std(socket).map_err(unwatched)?;
    stream.writable().await.map_err(unwatched)?;
    match stream.take_error().map_err(unwatched)? {
        None => Ok(stream),
        Some(error) => {
            Err(Ended::refused(Refusal::of_connection(&stream, &error, target.peer.ip(), target.ipv6)))
        }
    }
}

pub(super) fn request(target: &Target<'_>) -> Result<Request<Empty<Bytes>>, Ended> {
    let path = if target.path.starts_with('/') { target.path } else { "/" };
    Request::get(path)
        .header(HOST, target.host)
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::new())
        // A label's host or path that no request can hold: nothing was asked, so nothing is known.
        .map_err(|error| Ended::unknown(Blindness::NoAddress, error))
}

/// Whom the handshake is with; `None` where the host can be nobody's name. Addresses are not sent (RFC 6066 section 3).
fn server_name(target: &Target<'_>) -> Option<ServerName<'static>> {
    match Host::read(target.host)? {
        Host::Name(name) => ServerName::try_from(name.into_string()).ok(),
        Host::Address(address) => Some(ServerName::from(address)),
    }
}

pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Empty<Bytes>>,
    target: &Target<'_>,
    seen: &mut Progress,
) -> Result<(), Ended> {
    let peer = target.peer.ip();
    seen.phase = Phase::Answer;
    let allowance = Allowance::of(BEFORE_THE_ANSWER);
    let stream = Bounded { stream, allowance: allowance.clone() };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_CAP)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Ended::from_hyper(&error, peer))?;
    // The connection only moves the bytes: what goes wrong in it comes out of the exchange.
    let moving = pin!(async {
        let _ = connection.await;
        pending::<()>().await;
    });
    let asking = pin!(async {
        let began = Instant::now();
        let answer = sender.send_request(request).await.map_err(|error| {
            if allowance.spent() {
                Ended::failed(Reason::Protocol, "too much came before the answer")
            } else {
                Ended::from_hyper(&error, peer)
            }
        })?;
        allowance.lift();
        seen.phase = Phase::Body;
        seen.http.first_byte = began.elapsed();
        seen.http.status = answer.status().as_u16();
        seen.answer.location = said(&answer, &LOCATION);
        seen.answer.server = said(&answer, &SERVER);
        seen.answer.sets_cookie = answer.headers().contains_key(SET_COOKIE);
        if is_endless(&answer) {
            return Ok(());
        }
        let began = Instant::now();
        let mut first = Vec::new();
        let read = body(answer, target, &mut seen.http.body_bytes, &mut first).await;
        seen.answer.begins = printable(&String::from_utf8_lossy(&first));
        seen.http.transfer = began.elapsed();
        read
    });
    match select(asking, moving).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), _)) => Err(Ended::unknown(Blindness::Overrun, "the connection went away")),
    }
}

/// A header, where it is text.
fn said(answer: &Response<Incoming>, header: &HeaderName) -> Option<String> {
    let value = answer.headers().get(header)?;
    Some(printable(bounded(&String::from_utf8_lossy(value.as_bytes()))))
}

/// A body that is meant to go on: events of a server, pictures of a camera. That it begins is all that can be seen of it.
fn is_endless(answer: &Response<Incoming>) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    let begins = |with: &str| kind.as_ref().is_some_and(|kind| kind.starts_with(with.as_bytes()));
    begins("text/event-stream") || begins("multipart/x-mixed-replace")
}

/// Reads the body up to the cap and keeps its first bytes.
async fn body(
    answer: Response<Incoming>,
    target: &Target<'_>,
    read: &mut u64,
    first: &mut Vec<u8>,
) -> Result<(), Ended> {
    let cap = target.body_cap;
    let framed =
        answer.headers().contains_key(CONTENT_LENGTH) || answer.headers().contains_key(TRANSFER_ENCODING);
    let mut body = answer.into_body();
    while *read < cap && !body.is_end_stream() {
        match body.frame().await {
            None => break,
            Some(Ok(frame)) => {
                let data: &[u8] = frame.data_ref().map_or(&[], |data| data);
                first.extend(data.iter().take(FIRST_BYTES.saturating_sub(first.len())));
                *read = read.saturating_add(data.len() as u64).min(cap);
            }
            Some(Err(error)) => {
                let ended = Ended::from_hyper(&error, target.peer.ip());
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
