//! Handshakes: does the port accept a connection.
//!
//! The kernel is the clock and the witness: the duration is `tcpi_rtt`, which is free of this
//! process's wake-ups, and SYNs that had to be sent again are told beside it. Not a byte is sent, and
//! a connection ends with a FIN: a reset would stand in the peer's log as a fault.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{SockAddr, Socket};
use tokio::io::Interest;

use crate::namespace::sys::{self, TcpInfo};
use crate::namespace::{Hopper, Inside};
use crate::outcome::{Blindness, Handshake, Observation, Outcome, Reason, Run};

use super::judge::{self, Refusal, ipv6_here};
use super::{Job, Spec, Visit};

/// How long the peer's own FIN is waited for.
const FAREWELL: Duration = Duration::from_millis(100);
/// Most bytes of a greeting that are read, to be thrown away.
const GREETING: usize = 16 * 1024;

/// Runs the visit.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let mut runs = Vec::with_capacity(visit.jobs.len());
    for group in visit.jobs.chunks(visit.limits.in_flight.max(1)) {
        let peers: Vec<Option<SocketAddr>> = group.iter().map(peer).collect();
        let made = hopper
            .hop(&visit.vantage, move |inside| {
                let ipv6 = peers.iter().flatten().any(SocketAddr::is_ipv6) && ipv6_here(inside);
                let sockets = peers.into_iter().map(|peer| peer.map(|peer| open(inside, peer)));
                (sockets.collect::<Vec<_>>(), ipv6)
            })
            .await;
        match made {
            Ok((sockets, ipv6)) => {
                let under_way = group
                    .iter()
                    .zip(sockets)
                    .map(|(job, socket)| handshake(job, socket, visit.limits.timeout, ipv6));
                runs.extend(futures_util::future::join_all(under_way).await);
            }
            Err(error) => {
                let rest = Visit { jobs: group.into(), ..visit.clone() };
                runs.extend(rest.blind(error.blindness, &error.detail));
            }
        }
    }
    runs
}

fn peer(job: &Job) -> Option<SocketAddr> {
    if let Spec::Tcp { peer } = job.spec { Some(peer) } else { None }
}

fn open(inside: &Inside, peer: SocketAddr) -> io::Result<Socket> {
    let socket = inside.tcp(peer.ip())?;
    sys::queue_errors(&socket, peer.is_ipv6())?;
    Ok(socket)
}

async fn handshake(job: &Job, socket: Option<io::Result<Socket>>, timeout: Duration, ipv6: bool) -> Run {
    let (outcome, seen) = match (peer(job), socket) {
        (Some(peer), Some(Ok(socket))) => connect(socket, peer, timeout, ipv6).await,
        (_, Some(Err(error))) => {
            (Outcome::Unknown(judge::no_socket(&error)), noted(format!("no TCP socket: {error}")))
        }
        _ => (Outcome::Unknown(Blindness::Resources), noted("not a job for a handshake".to_owned())),
    };
    Run { key: job.key.clone(), outcome, seen }
}

async fn connect(socket: Socket, peer: SocketAddr, timeout: Duration, ipv6: bool) -> (Outcome, Observation) {
    let started = Instant::now();
    match socket.connect(&SockAddr::from(peer)) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            return Refusal::of_connection(&socket, &error, peer.ip(), ipv6).tell();
        }
        _ => {}
    }
    // On a veth the answer came while the call was still under way.
    if let Some(ended) = state(&socket).transpose() {
        return judged(socket, ended, peer, started.elapsed(), ipv6).await;
    }
    let socket = match sys::watch(socket, Interest::WRITABLE) {
        Ok(socket) => socket,
        Err(error) => {
            return (
                Outcome::Unknown(Blindness::Resources),
                noted(format!("the socket could not be watched: {error}")),
            );
        }
    };
    let settled = tokio::time::timeout(timeout.saturating_sub(started.elapsed()), async {
        loop {
            let mut guard = socket.writable().await?;
            if let Some(info) = state(socket.get_ref())? {
                return Ok(info);
            }
            guard.clear_ready();
        }
    })
    .await;
    let elapsed = started.elapsed();
    let socket = socket.into_inner();
    match settled {
        Ok(ended) => judged(socket, ended, peer, elapsed, ipv6).await,
        Err(_) => {
            let handshake = sys::tcp_info(&socket).ok().map(counters);
            let note = match handshake {
                Some(Handshake { syn_retransmits: again @ 1.., .. }) => {
                    format!("no answer from {peer} to {} SYNs", u64::from(again) + 1)
                }
                _ => format!("no answer from {peer}"),
            };
            (Outcome::Failure(Reason::Timeout), Observation { handshake, ..noted(note) })
        }
    }
}

/// `None` while the handshake is under way.
fn state(socket: &Socket) -> io::Result<Option<TcpInfo>> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    let info = sys::tcp_info(socket)?;
    // A peer that accepts and closes at once has left `ESTABLISHED` before anyone looks.
    Ok((info.established || socket.peer_addr().is_ok()).then_some(info))
}

async fn judged(
    socket: Socket,
    ended: io::Result<TcpInfo>,
    peer: SocketAddr,
    elapsed: Duration,
    ipv6: bool,
) -> (Outcome, Observation) {
    match ended {
        Ok(info) => {
            part(socket).await;
            let handshake = counters(info);
            let observation = Observation { handshake: Some(handshake), ..Observation::default() };
            (Outcome::Success(duration(handshake, elapsed)), observation)
        }
        Err(error) => Refusal::of_connection(&socket, &error, peer.ip(), ipv6).tell(),
    }
}

/// The kernel's time where it has a sample: none is taken of a SYN that was sent again, for nobody
/// knows which of them was answered.
fn duration(handshake: Handshake, elapsed: Duration) -> Duration {
    if handshake.rtt.is_zero() || handshake.syn_retransmits > 0 { elapsed } else { handshake.rtt }
}

fn counters(info: TcpInfo) -> Handshake {
    Handshake { rtt: info.rtt, syn_retransmits: info.retransmits }
}

/// Closes with a FIN. A greeting that nobody read, or that comes after the end, makes the kernel send
/// a reset instead: so the peer's end is waited for, briefly, and what it says is thrown away.
async fn part(socket: Socket) {
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let Ok(stream) = tokio::net::TcpStream::from_std(socket.into()) else { return };
    let _ = tokio::time::timeout(FAREWELL, async {
        let mut left = GREETING;
        let mut buffer = [0; 1024];
        while left > 0 && stream.readable().await.is_ok() {
            match stream.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(n) => left = left.saturating_sub(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    })
    .await;
}

fn noted(note: String) -> Observation {
    Observation { note: Some(note), ..Observation::default() }
}

#[cfg(test)]
mod tests;
