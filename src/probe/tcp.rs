//! Handshakes: does the port accept a connection.
//!
//! The kernel is the clock and the witness: the duration is `tcpi_rtt`, which is free of this
//! process's wake-ups, and SYNs that had to be sent again are told beside it. Not a byte is sent, and
//! a connection ends with a FIN: a reset would stand in the peer's log as a fault. As many connections
//! are open at once as the limit says, never more; a target that lets its own hang holds up nobody.

mod farewell;
mod turns;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use socket2::{SockAddr, Socket};
use tokio::io::Interest;

use crate::namespace::sys::{self, TcpInfo};
use crate::namespace::{Hopper, Inside};
use crate::outcome::{Blindness, Handshake, Observation, Outcome, Reason, Run};

use self::farewell::Farewell;
use self::turns::Turns;
use super::judge::{Refusal, ipv6_here};
use super::{Job, Spec, Visit};

/// Runs the visit.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let mut engine = Engine::new(&visit);
    let mut under_way = FuturesUnordered::new();
    loop {
        let open = under_way.len() + engine.farewell.len();
        let batch = engine.batch(visit.limits.in_flight.max(1).saturating_sub(open));
        if !batch.is_empty() {
            let peers: Vec<SocketAddr> = batch.iter().map(|(_, peer)| *peer).collect();
            let made = hopper
                .hop(&visit.vantage, move |inside| {
                    let ipv6 = peers.iter().any(SocketAddr::is_ipv6) && ipv6_here(inside);
                    (peers.into_iter().map(|peer| open_for(inside, peer)).collect::<Vec<_>>(), ipv6)
                })
                .await;
            match made {
                Ok((sockets, ipv6)) => {
                    engine.ipv6 = ipv6;
                    for ((job, peer), socket) in batch.into_iter().zip(sockets) {
                        if let Some(waiting) = engine.begin(job, peer, socket) {
                            under_way.push(waiting.settle(visit.limits.timeout));
                        }
                    }
                }
                Err(error) => {
                    for (job, peer) in batch {
                        let seen = noted(error.detail.clone());
                        engine.end(job, peer, (Outcome::Unknown(error.blindness), seen));
                    }
                }
            }
            continue;
        }
        let look = engine.farewell.due();
        tokio::select! {
            Some(settled) = under_way.next(), if !under_way.is_empty() => engine.settled(settled),
            () = tokio::time::sleep_until(look.unwrap_or_else(Instant::now).into()), if look.is_some() => {
                engine.look();
            }
            else => break,
        }
    }
    engine.close()
}

fn open_for(inside: &Inside, peer: SocketAddr) -> io::Result<Socket> {
    let socket = inside.tcp(peer.ip())?;
    sys::queue_errors(&socket, peer.is_ipv6())?;
    Ok(socket)
}

/// What is left to do, and what came of the rest.
struct Engine<'a> {
    jobs: &'a [Job],
    ends: Vec<Option<(Outcome, Observation)>>,
    turns: Turns,
    farewell: Farewell,
    ipv6: bool,
}

impl<'a> Engine<'a> {
    fn new(visit: &'a Visit) -> Self {
        let mut turns = Turns::default();
        for (job, peer) in visit.jobs.iter().map(peer).enumerate() {
            if let Some(peer) = peer {
                turns.add(peer.ip(), job);
            }
        }
        let ends = visit.jobs.iter().map(|_| None).collect();
        Self { jobs: &visit.jobs, ends, turns, farewell: Farewell::default(), ipv6: false }
    }

    /// The jobs that are next, no more than there is room for.
    fn batch(&mut self, room: usize) -> Vec<(usize, SocketAddr)> {
        let next = (0..room).map_while(|_| self.turns.next());
        next.filter_map(|job| Some((job, peer(self.jobs.get(job)?)?))).collect()
    }

    /// Starts a handshake; gives it back where it did not end at once.
    fn begin(&mut self, job: usize, peer: SocketAddr, socket: io::Result<Socket>) -> Option<Waiting> {
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => {
                self.end(job, peer, Refusal::of_making(&error).tell());
                return None;
            }
        };
        let started = Instant::now();
        let begun = match socket.connect(&SockAddr::from(peer)) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            // On a veth the answer came while the call was still under way.
            _ => state(&socket),
        };
        let waiting = Waiting { job, peer, socket, started };
        match begun.transpose() {
            None => return Some(waiting),
            Some(ended) => self.judge(waiting, ended, started.elapsed()),
        }
        None
    }

    fn settled(&mut self, settled: Settled) {
        match settled {
            Settled::Ended(waiting, ended, took) => self.judge(waiting, ended, took),
            Settled::Silent(waiting) => {
                let peer = waiting.peer;
                let handshake = sys::tcp_info(&waiting.socket).ok().map(counters);
                let note = match handshake {
                    Some(Handshake { syn_retransmits: again @ 1.., .. }) => {
                        format!("no answer from {peer} to {} SYNs", u64::from(again) + 1)
                    }
                    _ => format!("no answer from {peer}"),
                };
                let seen = Observation { handshake, ..noted(note) };
                self.end(waiting.job, peer, (Outcome::Failure(Reason::Timeout), seen));
            }
            Settled::Unwatched(job, peer, error) => {
                let seen = noted(format!("the socket could not be watched: {error}"));
                self.end(job, peer, (Outcome::Unknown(Blindness::Resources), seen));
            }
        }
    }

    fn judge(&mut self, waiting: Waiting, ended: io::Result<TcpInfo>, took: Duration) {
        let Waiting { job, peer, socket, .. } = waiting;
        match ended {
            Ok(info) => {
                let handshake = counters(info);
                let seen = Observation { handshake: Some(handshake), ..Observation::default() };
                self.note(job, (Outcome::Success(duration(handshake, took)), seen));
                self.farewell.part(socket, peer.ip(), Instant::now());
            }
            Err(error) => {
                let refusal = Refusal::of_connection(&socket, &error, peer.ip(), self.ipv6);
                self.end(job, peer, refusal.tell());
            }
        }
    }

    fn note(&mut self, job: usize, end: (Outcome, Observation)) {
        if let Some(place) = self.ends.get_mut(job) {
            *place = Some(end);
        }
    }

    /// A job has its outcome and no connection.
    fn end(&mut self, job: usize, peer: SocketAddr, end: (Outcome, Observation)) {
        self.note(job, end);
        self.turns.ended(peer.ip());
    }

    fn look(&mut self) {
        let turns = &mut self.turns;
        self.farewell.look(Instant::now(), |peer| turns.ended(peer));
    }

    fn close(self) -> Vec<Run> {
        let run = |(job, end): (&Job, Option<_>)| {
            let (outcome, seen) = end.unwrap_or_else(|| {
                (Outcome::Unknown(Blindness::Overrun), noted("not a job for a handshake".to_owned()))
            });
            Run { key: job.key.clone(), outcome, seen }
        };
        self.jobs.iter().zip(self.ends).map(run).collect()
    }
}

fn peer(job: &Job) -> Option<SocketAddr> {
    if let Spec::Tcp { peer } = job.spec { Some(peer) } else { None }
}

/// A handshake under way.
struct Waiting {
    job: usize,
    peer: SocketAddr,
    socket: Socket,
    started: Instant,
}

/// How the wait for a handshake ended.
enum Settled {
    Ended(Waiting, io::Result<TcpInfo>, Duration),
    Silent(Waiting),
    Unwatched(usize, SocketAddr, io::Error),
}

impl Waiting {
    async fn settle(self, timeout: Duration) -> Settled {
        let Self { job, peer, socket, started } = self;
        let socket = match sys::watch(socket, Interest::WRITABLE) {
            Ok(socket) => socket,
            Err(error) => return Settled::Unwatched(job, peer, error),
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
        let took = started.elapsed();
        let waiting = Self { job, peer, socket: socket.into_inner(), started };
        match settled {
            Ok(ended) => Settled::Ended(waiting, ended, took),
            Err(_) => Settled::Silent(waiting),
        }
    }
}

/// `None` while the handshake is under way.
fn state(socket: &Socket) -> io::Result<Option<TcpInfo>> {
    let info = sys::tcp_info(socket)?;
    if info.established {
        return Ok(Some(info));
    }
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    // A peer that accepts and closes at once has left `ESTABLISHED` before anyone looks.
    Ok(socket.peer_addr().is_ok().then_some(info))
}

/// The kernel's time where it has a sample: none is taken of a SYN that was sent again, for nobody
/// knows which of them was answered.
fn duration(handshake: Handshake, elapsed: Duration) -> Duration {
    if handshake.rtt.is_zero() || handshake.syn_retransmits > 0 { elapsed } else { handshake.rtt }
}

fn counters(info: TcpInfo) -> Handshake {
    Handshake { rtt: info.rtt, syn_retransmits: info.retransmits, segment: info.segment }
}

fn noted(note: String) -> Observation {
    Observation { note: Some(note), ..Observation::default() }
}

#[cfg(test)]
mod tests;
