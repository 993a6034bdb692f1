//! The HTTP probe: one `GET` over a connection of its own, with the time of each phase.
//!
//! No pool, no redirect, no second try: whatever stands between the probe and the socket would be
//! measured as the target's. The body is read to a cap and thrown away. What answers is a stranger:
//! its header is bounded in bytes, all of it in time. The certificate is not judged here (see [`tls`]).

mod exchange;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpStream};

use futures_util::stream::{self, StreamExt as _};
use tokio::time::timeout;

use crate::namespace::Hopper;
use crate::outcome::{Blindness, HttpSeen, Observation, Outcome, Reason, Run};

use super::{Job, Limits, Spec, Visit};
use exchange::{Ended, Target};

/// The most characters of a note.
const NOTE_CHARS: usize = 200;

/// Runs the visit.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let peers: Vec<Option<SocketAddr>> = visit
        .jobs
        .iter()
        .map(|job| if let Spec::Http { peer, .. } = &job.spec { Some(*peer) } else { None })
        .collect();
    let made = hopper
        .hop(&visit.vantage, move |inside| {
            let make = |peer: SocketAddr| inside.tcp(peer.ip()).map(TcpStream::from);
            peers.into_iter().map(|peer| peer.map(make)).collect::<Vec<_>>()
        })
        .await;
    match made {
        Ok(sockets) => ask(&visit, sockets).await,
        Err(error) => visit.blind(error.blindness, &error.detail),
    }
}

/// Probes the targets, some at a time, each with the socket that was made for it.
async fn ask(visit: &Visit, sockets: Vec<Option<io::Result<TcpStream>>>) -> Vec<Run> {
    let limits = visit.limits;
    let jobs: Vec<_> = visit.jobs.iter().cloned().zip(sockets).collect();
    stream::iter(jobs)
        .map(|(job, socket)| one(job, socket, limits))
        .buffered(limits.in_flight.max(1))
        .collect()
        .await
}

async fn one(job: Job, socket: Option<io::Result<TcpStream>>, limits: Limits) -> Run {
    let mut seen = HttpSeen::default();
    let ended = match (&job.spec, socket) {
        (Spec::Http { peer, host, path, tls, body_cap }, Some(Ok(socket))) => {
            let target = Target { peer: *peer, host, path, tls: *tls, body_cap: *body_cap };
            match timeout(limits.timeout, exchange::get(socket, &target, &mut seen)).await {
                Ok(ended) => ended,
                Err(_) => Err(Ended::failed(Reason::Timeout, "")),
            }
        }
        (_, Some(Err(error))) => Err(Ended::from_io(&error)),
        _ => Err(Ended::unknown(Blindness::Overrun, "not an HTTP probe")),
    };
    let (outcome, note) = match ended {
        Ok(()) if seen.status >= 500 => {
            (Outcome::Failure(Reason::HttpStatus), Some(format!("status {}", seen.status)))
        }
        Ok(()) => (Outcome::Success(seen.connect + seen.tls + seen.first_byte + seen.transfer), None),
        Err(Ended { outcome, note }) => (outcome, Some(note).filter(|n| !n.is_empty())),
    };
    let note = note.map(|n| n.chars().filter(|c| !c.is_control()).take(NOTE_CHARS).collect());
    // Without a status there was no answer, and phases of none would only mislead.
    let http = (seen.status != 0).then_some(seen);
    Run { key: job.key, outcome, seen: Observation { note, http, ..Observation::default() } }
}

#[cfg(test)]
mod tests;
