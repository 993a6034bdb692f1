//! The DNS probe: one query to the container's own resolver, asked as the container would ask it.
//!
//! Docker's embedded resolver answers only inside the container's namespace, so each resolver gets one
//! connected socket that is made there, and all queries of the visit share it. Connected, because then
//! the kernel drops answers of others and tells of an ICMP error. A query is never sent twice: a lost
//! one is a measurement, and a thousand at once break the embedded resolver.
//!
//! What is asked and how an answer is judged is in [`judge`]; the socket is in [`exchange`]. A truncated
//! answer that lacks the record is unknown: a libc would ask again over TCP, and this does not.

mod exchange;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod judge;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::namespace::{Hopper, Inside};
use crate::outcome::{Blindness, Observation, Run};

use super::judge::{Refusal, ipv6_here};
use super::{Job, Spec, Visit};
use exchange::Answered;

/// Runs the visit.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let resolvers = resolvers(&visit.jobs);
    let wanted = resolvers.clone();
    let made = hopper
        .hop(&visit.vantage, move |inside| {
            let ipv6 = wanted.iter().any(SocketAddr::is_ipv6) && ipv6_here(inside);
            (wanted.iter().map(|to| socket(inside, *to, ipv6)).collect::<Vec<_>>(), ipv6)
        })
        .await;
    match made {
        Ok((sockets, ipv6)) => ask(&visit, resolvers.into_iter().zip(sockets).collect(), ipv6).await,
        Err(error) => visit.blind(error.blindness, &error.detail),
    }
}

/// The resolvers of the visit, each once.
fn resolvers(jobs: &[Job]) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = jobs
        .iter()
        .filter_map(|job| if let Spec::Dns { resolver, .. } = &job.spec { Some(*resolver) } else { None })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn socket(inside: &Inside, resolver: SocketAddr, ipv6: bool) -> Result<UdpSocket, Refusal> {
    let socket = inside.udp(resolver.ip()).map_err(|error| Refusal::of_making(&error))?;
    let connected = socket.connect(&resolver.into());
    connected.map_err(|error| Refusal::of_call(&error, resolver.ip(), ipv6))?;
    Ok(socket.into())
}

/// Asks every resolver at the same time; together they keep to the limit of the namespace.
async fn ask(visit: &Visit, sockets: Vec<(SocketAddr, Result<UdpSocket, Refusal>)>, ipv6: bool) -> Vec<Run> {
    let slots = Arc::new(Semaphore::new(visit.limits.in_flight.max(1)));
    let asked = sockets.into_iter().map(|(resolver, made)| {
        let jobs: Vec<usize> = (0..visit.jobs.len())
            .filter(|at| {
                visit
                    .jobs
                    .get(*at)
                    .is_some_and(|job| matches!(&job.spec, Spec::Dns { resolver: to, .. } if *to == resolver))
            })
            .collect();
        let slots = slots.clone();
        async move {
            let watched =
                |socket| tokio::net::UdpSocket::from_std(socket).map_err(|e| Refusal::of_making(&e));
            match made.and_then(watched) {
                Ok(socket) => {
                    let peer = (resolver.ip(), ipv6);
                    exchange::all(&socket, peer, &visit.jobs, jobs, visit.limits.timeout, slots).await
                }
                Err(refusal) => {
                    jobs.into_iter().map(|at| (at, Answered::refused(refusal.clone()))).collect::<Vec<_>>()
                }
            }
        }
    });
    let mut answered: Vec<Option<Answered>> = visit.jobs.iter().map(|_| None).collect();
    for (at, answer) in join_all(asked).await.into_iter().flatten() {
        if let Some(place) = answered.get_mut(at) {
            *place = Some(answer);
        }
    }
    visit.jobs.iter().zip(answered).map(|(job, answer)| finish(job, answer)).collect()
}

fn finish(job: &Job, answer: Option<Answered>) -> Run {
    // Only a job of another kind has nobody who asks for it: a fault of ours, not of the target.
    let Answered { outcome, answers, note, local } =
        answer.unwrap_or_else(|| Answered::unknown(Blindness::Overrun, "not a DNS probe"));
    Run {
        key: job.key.clone(),
        outcome,
        seen: Observation { answers, note, local, ..Observation::default() },
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
