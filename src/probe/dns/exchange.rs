//! Queries and answers on one connected socket.
//!
//! Every query has its own deadline from the moment it was sent. A datagram that belongs to no query
//! under way (late, doubled, forged) is dropped and changes nothing.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query};
use tokio::net::UdpSocket;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::outcome::{Blindness, Outcome, Reason};
use crate::probe::{Job, Spec};

use super::judge;

/// The largest datagram there is: a cut one would look like a broken answer.
const DATAGRAM: usize = 65_535;

/// How one query ended.
#[derive(Debug)]
pub(super) struct Answered {
    pub outcome: Outcome,
    pub answers: Vec<IpAddr>,
    pub note: Option<String>,
}

impl Answered {
    fn failed(reason: Reason, note: Option<String>) -> Self {
        Self { outcome: Outcome::Failure(reason), answers: Vec::new(), note }
    }

    /// What the kernel's refusal means.
    pub(super) fn from_error(error: &io::Error) -> Self {
        let outcome = match error.raw_os_error() {
            Some(libc::ECONNREFUSED) => Outcome::Failure(Reason::Refused),
            Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN) => {
                Outcome::Failure(Reason::Unreachable)
            }
            Some(libc::EPERM | libc::EACCES) => Outcome::Failure(Reason::Prohibited),
            Some(libc::EMSGSIZE) => Outcome::Failure(Reason::TooBig),
            Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL) => Outcome::Unknown(Blindness::NoAddress),
            _ => Outcome::Unknown(Blindness::Resources),
        };
        Self { outcome, answers: Vec::new(), note: Some(judge::bounded(error.to_string())) }
    }
}

struct Pending {
    job: usize,
    question: Query,
    sent: Instant,
    _slot: OwnedSemaphorePermit,
}

/// Asks the jobs at the indices `todo`, which are all for this socket's resolver.
pub(super) async fn all(
    socket: &UdpSocket,
    jobs: &[Job],
    todo: Vec<usize>,
    timeout: Duration,
    slots: Arc<Semaphore>,
) -> Vec<(usize, Answered)> {
    let mut done = Vec::with_capacity(todo.len());
    let mut todo = todo.into_iter().peekable();
    let mut pending: HashMap<u16, Pending> = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    while todo.peek().is_some() || !pending.is_empty() {
        let next = pending.values().map(|p| p.sent + timeout).min().unwrap_or_else(Instant::now);
        // In this order: an answer that lies there counts before its deadline does.
        tokio::select! {
            biased;
            received = socket.recv(&mut buffer), if !pending.is_empty() => match received {
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    if let Some(finished) = answer(bytes, jobs, &mut pending) {
                        done.push(finished);
                    }
                }
                // The kernel does not say which query it was; nobody at the port is true for all.
                Err(error) => fail_all(&error, &mut pending, &mut done),
            },
            () = sleep_until(next), if !pending.is_empty() => {
                let now = Instant::now();
                for (_, late) in pending.extract_if(|_, p| p.sent + timeout <= now) {
                    done.push((late.job, Answered::failed(Reason::Timeout, None)));
                }
            }
            slot = slots.clone().acquire_owned(), if todo.peek().is_some() => {
                let (Ok(slot), Some(job)) = (slot, todo.next()) else { break };
                if let Some(answered) = send(socket, jobs, job, slot, &mut pending, &mut done).await {
                    done.push((job, answered));
                }
            }
        }
    }
    done
}

/// Sends one query; gives its end where it could not be sent.
async fn send(
    socket: &UdpSocket,
    jobs: &[Job],
    job: usize,
    slot: OwnedSemaphorePermit,
    pending: &mut HashMap<u16, Pending>,
    done: &mut Vec<(usize, Answered)>,
) -> Option<Answered> {
    let Some(Spec::Dns { name, qtype, .. }) = jobs.get(job).map(|j| &j.spec) else { return None };
    let mut id: u16 = rand::random();
    while pending.contains_key(&id) {
        id = rand::random();
    }
    let Some((question, bytes)) =
        judge::question(name, *qtype).and_then(|q| judge::encode(id, &q).map(|bytes| (q, bytes)))
    else {
        // Nobody can ask for such a name, so nothing is known about it.
        return Some(Answered {
            outcome: Outcome::Unknown(Blindness::NoAddress),
            answers: Vec::new(),
            note: Some("the name does not fit into a DNS query".to_owned()),
        });
    };
    let mut sent = Instant::now();
    let mut result = socket.send(&bytes).await;
    if let Err(earlier) = &result {
        // A pending ICMP error comes back from the next call, which then sends nothing: it speaks of
        // the queries before this one.
        fail_all(earlier, pending, done);
        sent = Instant::now();
        result = socket.send(&bytes).await;
    }
    match result {
        Ok(_) => {
            pending.insert(id, Pending { job, question, sent, _slot: slot });
            None
        }
        Err(error) => Some(Answered::from_error(&error)),
    }
}

fn fail_all(error: &io::Error, pending: &mut HashMap<u16, Pending>, done: &mut Vec<(usize, Answered)>) {
    done.extend(pending.drain().map(|(_, p)| (p.job, Answered::from_error(error))));
}

/// The query that these bytes end, if they end one.
fn answer(bytes: &[u8], jobs: &[Job], pending: &mut HashMap<u16, Pending>) -> Option<(usize, Answered)> {
    let now = Instant::now();
    let id = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    let asked = pending.get(&id)?;
    let Ok(message) = Message::from_vec(bytes) else {
        let job = pending.remove(&id)?.job;
        return Some((job, Answered::failed(Reason::Protocol, Some("not a DNS message".to_owned()))));
    };
    if !judge::answers_question(&message, &asked.question) {
        return None;
    }
    let asked = pending.remove(&id)?;
    let Spec::Dns { qtype, expect, .. } = &jobs.get(asked.job)?.spec else { return None };
    let verdict = judge::judge(expect, *qtype, &asked.question.name, &message);
    let outcome = verdict.fault.map_or(Outcome::Success(now - asked.sent), Outcome::Failure);
    Some((asked.job, Answered { outcome, answers: verdict.answers, note: verdict.note }))
}

#[cfg(test)]
pub(super) mod strangers {
    use super::*;

    /// Feeds bytes to a query under way, the id made to match: for tests.
    pub fn feed(mut bytes: Vec<u8>, job: &Job) -> Option<Answered> {
        let Spec::Dns { name, qtype, .. } = &job.spec else { return None };
        let slot = Arc::new(Semaphore::new(1)).try_acquire_owned().ok()?;
        let question = judge::question(name, *qtype)?;
        for (byte, id) in bytes.iter_mut().zip([0, 7]) {
            *byte = id;
        }
        let mut pending =
            HashMap::from([(7, Pending { job: 0, question, sent: Instant::now(), _slot: slot })]);
        answer(&bytes, std::slice::from_ref(job), &mut pending).map(|(_, answered)| answered)
    }
}
