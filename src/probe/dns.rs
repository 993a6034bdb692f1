//! The DNS probe: one query to the container's own resolver, asked as the container would ask it.
//!
//! Docker's embedded resolver answers only inside the container's namespace, so each resolver gets one
//! connected socket that is made there, and all queries of the visit share it. Connected, because then
//! the kernel drops answers of others and tells of an ICMP error. A query is never sent twice: a lost
//! one is a measurement, and a thousand at once break the embedded resolver.
//!
//! What is asked and how an answer is judged is in [`judge`]; the socket is in [`exchange`].

mod exchange;
mod judge;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::namespace::{Hopper, Inside};
use crate::outcome::{Blindness, Observation, Outcome, Run};

use super::{Job, Spec, Visit};
use exchange::Answered;

/// Runs the visit.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let resolvers = resolvers(&visit.jobs);
    let wanted = resolvers.clone();
    let made = hopper
        .hop(&visit.vantage, move |inside| wanted.iter().map(|to| socket(inside, *to)).collect::<Vec<_>>())
        .await;
    match made {
        Ok(sockets) => ask(&visit, resolvers.into_iter().zip(sockets).collect()).await,
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

fn socket(inside: &Inside, resolver: SocketAddr) -> io::Result<UdpSocket> {
    let socket = inside.udp(resolver.ip())?;
    socket.connect(&resolver.into())?;
    Ok(socket.into())
}

/// Asks every resolver at the same time; together they keep to the limit of the namespace.
async fn ask(visit: &Visit, sockets: Vec<(SocketAddr, io::Result<UdpSocket>)>) -> Vec<Run> {
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
            match made.and_then(tokio::net::UdpSocket::from_std) {
                Ok(socket) => exchange::all(&socket, &visit.jobs, jobs, visit.limits.timeout, slots).await,
                Err(error) => {
                    jobs.into_iter().map(|at| (at, Answered::from_error(&error))).collect::<Vec<_>>()
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
    let (outcome, answers, note) = match answer {
        Some(Answered { outcome, answers, note }) => (outcome, answers, note),
        // Only a job of another kind has nobody who asks for it: a fault of ours, not of the target.
        None => (Outcome::Unknown(Blindness::Overrun), Vec::new(), Some("not a DNS probe".to_owned())),
    };
    Run { key: job.key.clone(), outcome, seen: Observation { answers, note, ..Observation::default() } }
}

#[cfg(test)]
mod tests;
