//! The accept loop: bounded in connections, in the wait for a request, in the wait for whoever reads the
//! answer, and in the drain.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guests::Guests;
use super::reader::Reader;

/// Who asks: an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller(pub IpAddr);

/// Most bytes of a request's head. Ours are a few hundred; a longer one is answered 431.
const MOST_HEAD: usize = 16 << 10;

/// How much callers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time; more wait in the kernel's queue.
    pub connections: usize,
    /// Of them, those from one address (one /64 of IPv6) that is not loopback; more are closed at once.
    pub connections_each: usize,
    /// From a connection's start, or its last answer, to the end of the next request's head.
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
        let (router, stop) = (router.clone().layer(Extension(Caller(caller))), stop.clone());
        tasks.spawn(async move {
            connection(stream, router, limits, stop).await;
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

async fn connection(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_read).max_buf_size(MOST_HEAD);
    let service = TowerToHyperService::new(router);
    let stream = Reader::new(stream, limits.stall, limits.answer);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
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
