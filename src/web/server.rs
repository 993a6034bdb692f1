//! The accept loop: bounded in connections, in the wait for a request, in the wait for whoever reads the
//! answer, and in the drain.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guests::Guests;
use super::reader::Reader;
use super::trust::Trust;

/// Who asks: an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub address: IpAddr,
    /// Over TLS.
    pub encrypted: bool,
    /// With a certificate that was taken.
    pub certified: bool,
    /// By what was asked of certificates then, by number.
    pub door: u64,
}

/// Most bytes of a request's head. Ours are a few hundred; a longer one is answered 431.
const MOST_HEAD: usize = 16 << 10;

/// How much callers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time; more wait in the kernel's queue.
    pub connections: usize,
    /// Of them, those from one address (one /64 of IPv6) that is not loopback; more are closed at once.
    pub connections_each: usize,
    /// From a connection's start to the end of its TLS handshake.
    pub handshake: Duration,
    /// From there, or a connection's start, or its last answer, to the end of the next request's head.
    pub header_read: Duration,
    /// A caller that takes nothing of its answer for this long is cut off.
    pub stall: Duration,
    /// And so is one that has not taken all of it after this long.
    pub answer: Duration,
    /// A connection's whole life, after which it may end what it is at.
    pub lifetime: Duration,
    /// How long connections may take to end once they were asked to.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_each: 16,
            handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            lifetime: Duration::from_secs(600),
            drain: Duration::from_secs(5),
        }
    }
}

/// Answers on the listener until `shutdown` is done, then lets what is under way end, within
/// [`Limits::drain`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    trust: Trust,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let guests = Guests::new(limits.connections_each);
    loop {
        let (stream, caller, place) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = accept(&listener, &places) => match next {
                Some(next) => next,
                None => continue,
            },
        };
        let Some(guest) = guests.admit(caller) else {
            tracing::debug!(%caller, "has enough connections");
            continue;
        };
        let (router, trust, stop) = (router.clone(), trust.clone(), stop.clone());
        tasks.spawn(async move {
            connection(stream, caller, router, trust, limits, stop).await;
            drop((place, guest));
        });
    }
    // New callers are refused at once, not left in a queue that nobody empties.
    drop(listener);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, caller)) => Some((stream, caller.ip(), place)),
        Err(error) => {
            // Out of descriptors, mostly: at once again would be a loop that eats a processor.
            tracing::warn!(%error, "accepting a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    address: IpAddr,
    router: Router,
    trust: Trust,
    limits: Limits,
    stop: CancellationToken,
) {
    let door = trust.current().await;
    let own_machine = address.to_canonical().is_loopback()
        || stream.local_addr().is_ok_and(|own| own.ip().to_canonical() == address.to_canonical());
    let closed = door.closed();
    let plain = Caller { address, encrypted: false, certified: false, door: door.number() };
    let Some(acceptor) = door.acceptor(own_machine).cloned() else {
        drop(door);
        let stream = Reader::new(stream, limits.stall, limits.answer);
        return talk(stream, router.layer(Extension(plain)), limits, stop, closed).await;
    };
    drop(door);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(limits.handshake, shake(stream, &acceptor, limits)) => shaken,
        () = stop.cancelled() => return,
    };
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(caller = %address, %error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!(caller = %address, "a TLS handshake took too long"),
    };
    let certified = stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty());
    let caller = Caller { encrypted: true, certified, ..plain };
    talk(stream, router.layer(Extension(caller)), limits, stop, closed).await;
}

/// The first byte of a handshake of TLS.
const HANDSHAKE: u8 = 22;
/// As Go's servers answer, in words: what a caller sees of TLS itself is a riddle to a person.
const TLS_ALONE: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    this is served over TLS alone: ask by https\n";

async fn shake(
    mut stream: TcpStream,
    acceptor: &TlsAcceptor,
    limits: Limits,
) -> io::Result<TlsStream<Reader>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
        stream.write_all(TLS_ALONE).await?;
        stream.shutdown().await?;
        // What was not read of the request would make a reset of the end, and nobody would see the answer.
        tokio::io::copy(&mut stream.take(MOST_HEAD as u64), &mut tokio::io::sink()).await?;
        return Err(io::Error::other("no TLS was spoken"));
    }
    acceptor.accept(Reader::new(stream, limits.stall, limits.answer)).await
}

/// Answers what is asked on one connection.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    closed: impl Future<Output = ()>,
) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_read).max_buf_size(MOST_HEAD);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = closed => None,
        () = tokio::time::sleep(limits.lifetime) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(limits.drain, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // A caller that goes away or is too slow is the caller's affair.
        tracing::debug!(%error, "a connection ended early");
    }
}
