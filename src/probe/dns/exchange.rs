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
use crate::probe::judge::Refusal;
use crate::probe::{Job, Spec};

use super::judge;

/// The largest datagram there is: a cut one would look like a broken answer.
const DATAGRAM: usize = 65_535;

/// A resolver may send so many datagrams a query, and so many besides, before nobody listens to it.
const DATAGRAMS_EACH: usize = 8;
const DATAGRAMS_BESIDES: usize = 64;
/// Bytes of a message before its question.
const HEADER: usize = 12;

/// How one query ended.
#[derive(Debug)]
pub(super) struct Answered {
    pub outcome: Outcome,
    pub answers: Vec<IpAddr>,
    pub note: Option<String>,
    pub local: bool,
}

impl Answered {
    fn failed(reason: Reason, note: Option<String>) -> Self {
        Self { outcome: Outcome::Failure(reason), answers: Vec::new(), note, local: false }
    }

    pub(super) fn unknown(why: Blindness, note: &str) -> Self {
        let note = Some(note.to_owned());
        Self { outcome: Outcome::Unknown(why), answers: Vec::new(), note, local: false }
    }

    /// What a refusal means.
    pub(super) fn refused(Refusal { outcome, note, local }: Refusal) -> Self {
        Self { outcome, answers: Vec::new(), note: Some(judge::bounded(note)), local }
    }
}

struct Pending {
    job: usize,
    question: Query,
    /// The question as it was sent: what answers something else is told by these bytes.
    section: Vec<u8>,
    sent: Instant,
    _slot: OwnedSemaphorePermit,
}

/// Asks the jobs at the indices `todo`, which are all for this socket's resolver; `peer`: its address,
/// and whether the namespace has one of the sixth version.
pub(super) async fn all(
    socket: &UdpSocket,
    peer: (IpAddr, bool),
    jobs: &[Job],
    todo: Vec<usize>,
    timeout: Duration,
    slots: Arc<Semaphore>,
) -> Vec<(usize, Answered)> {
    let mut done = Vec::with_capacity(todo.len());
    let mut datagrams = todo.len().saturating_mul(DATAGRAMS_EACH).saturating_add(DATAGRAMS_BESIDES);
    let mut todo = todo.into_iter().peekable();
    let mut pending: HashMap<u16, Pending> = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    while todo.peek().is_some() || !pending.is_empty() {
        if datagrams == 0 {
            let left = pending.drain().map(|(_, p)| p.job).chain(todo.by_ref());
            done.extend(left.map(|job| (job, Answered::failed(Reason::Protocol, Some(FLOOD.to_owned())))));
            break;
        }
        let next = pending.values().map(|p| p.sent + timeout).min().unwrap_or_else(Instant::now);
        // In this order: an answer that lies there counts before its deadline does. It is looked at
        // here and not when the deadline's turn comes, which a socket that is never empty puts off.
        tokio::select! {
            biased;
            received = socket.recv(&mut buffer), if !pending.is_empty() => match received {
                Ok(length) => {
                    datagrams -= 1;
                    let bytes = buffer.get(..length).unwrap_or_default();
                    if let Some(finished) = answer(bytes, jobs, &mut pending) {
                        done.push(finished);
                    } else {
                        expire(timeout, &mut pending, &mut done);
                    }
                }
                // The kernel does not say which query it was; nobody at the port is true for all.
                Err(error) => fail_all(&error, peer, &mut pending, &mut done),
            },
            () = sleep_until(next), if !pending.is_empty() => expire(timeout, &mut pending, &mut done),
            slot = slots.clone().acquire_owned(), if todo.peek().is_some() => {
                let (Ok(slot), Some(job)) = (slot, todo.next()) else { break };
                if let Some(answered) = send(socket, peer, jobs, job, slot, &mut pending, &mut done).await {
                    done.push((job, answered));
                }
            }
        }
    }
    done
}

/// What a person is told of it.
const FLOOD: &str = "the resolver sends many more datagrams than it was asked for";

/// Ends the queries whose time is up.
fn expire(timeout: Duration, pending: &mut HashMap<u16, Pending>, done: &mut Vec<(usize, Answered)>) {
    let now = Instant::now();
    for (_, late) in pending.extract_if(|_, p| p.sent + timeout <= now) {
        done.push((late.job, Answered::failed(Reason::Timeout, None)));
    }
}

/// Sends one query; gives its end where it could not be sent.
async fn send(
    socket: &UdpSocket,
    peer: (IpAddr, bool),
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
        return Some(Answered::unknown(Blindness::NoAddress, "the name does not fit into a DNS query"));
    };
    let mut sent = Instant::now();
    let mut result = socket.send(&bytes).await;
    if let Err(earlier) = &result {
        // A pending ICMP error comes back from the next call, which then sends nothing: it speaks of
        // the queries before this one.
        fail_all(earlier, peer, pending, done);
        sent = Instant::now();
        result = socket.send(&bytes).await;
    }
    match result {
        Ok(_) => {
            let section = bytes.get(HEADER..).unwrap_or_default().to_vec();
            pending.insert(id, Pending { job, question, section, sent, _slot: slot });
            None
        }
        Err(error) => Some(Answered::refused(Refusal::of_call(&error, peer.0, peer.1))),
    }
}

fn fail_all(
    error: &io::Error,
    peer: (IpAddr, bool),
    pending: &mut HashMap<u16, Pending>,
    done: &mut Vec<(usize, Answered)>,
) {
    // What was sent left the vantage, so whatever this is came back.
    let refusal = Refusal { local: false, ..Refusal::of_call(error, peer.0, peer.1) };
    done.extend(pending.drain().map(|(_, p)| (p.job, Answered::refused(refusal.clone()))));
}

/// The query that these bytes end, if they end one.
fn answer(bytes: &[u8], jobs: &[Job], pending: &mut HashMap<u16, Pending>) -> Option<(usize, Answered)> {
    let now = Instant::now();
    let id = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    // Most of a flood ends here, unread.
    let asked = pending.get(&id).filter(|asked| !of_another(bytes, &asked.section))?;
    let Ok(message) = Message::from_vec(bytes) else {
        let job = pending.remove(&id)?.job;
        return Some((job, Answered::failed(Reason::Protocol, Some("not a DNS message".to_owned()))));
    };
    if !judge::answers_question(&message, &asked.question) {
        return None;
    }
    let asked = pending.remove(&id)?;
    let Spec::Dns { qtype, expect, .. } = &jobs.get(asked.job)?.spec else { return None };
    let judge::Verdict { fault, answers, note } =
        judge::judge(expect, *qtype, &asked.question.name, &message);
    let outcome = match fault {
        None => Outcome::Success(now - asked.sent),
        Some(judge::Fault::Is(reason)) => Outcome::Failure(reason),
        Some(judge::Fault::Cut | judge::Fault::Unsure) => Outcome::Unknown(Blindness::Resources),
    };
    Some((asked.job, Answered { outcome, answers, note, local: false }))
}

/// Whether a whole message is a query, or has one question that is not this one: a look at the bytes
/// that spares the parsing. The first name of a message cannot be compressed, and letters are the only
/// bytes in a question that may come back otherwise.
fn of_another(bytes: &[u8], section: &[u8]) -> bool {
    let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return false };
    let response = header.get(2).is_some_and(|flags| flags & 0x80 != 0);
    let one = header.get(4..6) == Some(&[0, 1]);
    !response || (one && rest.get(..section.len()).is_some_and(|asked| !asked.eq_ignore_ascii_case(section)))
}

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod strangers {
    use super::*;

    /// Feeds bytes to a query under way, the id made to match: for tests.
    pub fn feed(mut bytes: Vec<u8>, job: &Job) -> Option<Answered> {
        let Spec::Dns { name, qtype, .. } = &job.spec else { return None };
        let slot = Arc::new(Semaphore::new(1)).try_acquire_owned().ok()?;
        let question = judge::question(name, *qtype)?;
        let section = judge::encode(7, &question)?.get(HEADER..)?.to_vec();
        for (byte, id) in bytes.iter_mut().zip([0, 7]) {
            *byte = id;
        }
        let mut pending =
            HashMap::from([(7, Pending { job: 0, question, section, sent: Instant::now(), _slot: slot })]);
        answer(&bytes, std::slice::from_ref(job), &mut pending).map(|(_, answered)| answered)
    }
}
