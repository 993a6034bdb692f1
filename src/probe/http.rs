//! The HTTP probe: one `GET` over a connection of its own, with the time of each phase.
//!
//! No pool, no redirect, no second try: whatever stands between the probe and the socket would be
//! measured as the target's. The body is read to a cap and thrown away. What answers is a stranger:
//! its header is bounded in bytes, all of it in time. Any certificate will do (see [`tls`]); the one that came is read
//! after the last phase, so that it costs none of them, and is given back with the run, however that ended.

mod bounded;
mod exchange;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod tls;

pub(crate) use tls::config as any_certificate;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::timeout;

use crate::certificate::Examiner;
use crate::namespace::{Hopper, Inside, sys};
use crate::outcome::{Answer, Blindness, Observation, Outcome, Reason, Run};
use crate::proxy::pages;

use super::judge::{Refusal, ipv6_here};
use super::{Accepts, Job, Limits, Spec, Visit};
use exchange::{Ended, Progress, Target};
use tls::Presented;

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
            let ipv6 = peers.iter().flatten().any(SocketAddr::is_ipv6) && ipv6_here(inside);
            let sockets = peers.into_iter().map(|peer| peer.map(|peer| open(inside, peer)));
            (sockets.collect::<Vec<_>>(), ipv6)
        })
        .await;
    match made {
        Ok((sockets, ipv6)) => ask(&visit, sockets, ipv6).await,
        Err(error) => visit.blind(error.blindness, &error.detail),
    }
}

fn open(inside: &Inside, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = inside.tcp(peer.ip())?;
    sys::queue_errors(&socket, peer.is_ipv6())?;
    Ok(socket.into())
}

/// Probes the targets, some at a time, each with the socket that was made for it.
async fn ask(visit: &Visit, sockets: Vec<Option<io::Result<TcpStream>>>, ipv6: bool) -> Vec<Run> {
    let limits = visit.limits;
    let jobs: Vec<_> = visit.jobs.iter().cloned().zip(sockets).collect();
    stream::iter(jobs)
        .map(|(job, socket)| one(job, socket, limits, ipv6, &visit.examiner))
        .buffered(limits.in_flight.max(1))
        .collect()
        .await
}

async fn one(
    job: Job,
    socket: Option<io::Result<TcpStream>>,
    limits: Limits,
    ipv6: bool,
    examiner: &Examiner,
) -> Run {
    let mut seen = Progress::default();
    let presented = Arc::new(Presented::default());
    let mut accepts = Accepts::NoServerError;
    let ended = match (&job.spec, socket) {
        (Spec::Http { peer, host, path, tls, body_cap, accepts: asked }, Some(Ok(socket))) => {
            accepts = *asked;
            let target = Target { peer: *peer, host, path, tls: *tls, body_cap: *body_cap, ipv6 };
            seen.remark = target.remark();
            match timeout(limits.timeout, exchange::get(socket, &target, &mut seen, &presented)).await {
                Ok(ended) => ended,
                Err(_) => Err(Ended::failed(Reason::Timeout, "")),
            }
        }
        (_, Some(Err(error))) => Err(Ended::refused(Refusal::of_making(&error))),
        _ => Err(Ended::unknown(Blindness::Overrun, "not an HTTP probe")),
    };
    let (outcome, mut seen) = told(ended, seen, accepts);
    seen.certificate = examiner.read(&presented.chain(), SystemTime::now());
    Run { key: job.key, outcome, seen }
}

fn is_failure(status: u16, answer: &Answer, accepts: Accepts) -> bool {
    match accepts {
        Accepts::Anything => false,
        Accepts::NoServerError => status >= 500,
        Accepts::Site(kind) => {
            status >= 500 || pages::own(kind, status, &answer.begins, answer.server.is_some()).is_some()
        }
    }
}

/// What the end of an exchange means.
fn told(ended: Result<(), Ended>, seen: Progress, accepts: Accepts) -> (Outcome, Observation) {
    let Progress { phase, http: seen, answer, remark } = seen;
    let stopped_at = ended.is_err().then_some(phase);
    let (outcome, note, local) = match ended {
        Ok(()) if is_failure(seen.status, &answer, accepts) => {
            (Outcome::Failure(Reason::HttpStatus), Some(format!("status {}", seen.status)), false)
        }
        Ok(()) => (Outcome::Success(seen.connect + seen.tls + seen.first_byte + seen.transfer), None, false),
        Err(Ended { outcome, note, local }) => (outcome, Some(note).filter(|n| !n.is_empty()), local),
    };
    let note = match (note, remark) {
        (Some(note), Some(remark)) => Some(format!("{note}; {remark}")),
        (note, remark) => note.or(remark),
    };
    let note = note.map(|n| n.chars().filter(|c| !c.is_control()).take(NOTE_CHARS).collect());
    // Without a status there was no answer, and phases of none would only mislead.
    let http = (seen.status != 0).then_some(seen);
    let answer = http.is_some().then_some(answer);
    (outcome, Observation { note, http, answer, stopped_at, local, ..Observation::default() })
}

#[cfg(test)]
mod tests;
