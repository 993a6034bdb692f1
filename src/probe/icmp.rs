//! Echo requests: is the other end there, how far, and does anything get lost.
//!
//! One socket a family and visit carries the requests of all its jobs. Round-trip times end at the
//! kernel's receive stamp: on a veth the reply is there before the send returns, and user space would
//! measure its own wake-up. ICMP errors are read from the socket's error queue, where each stands
//! beside the request that it is about. A reply or an error counts only for the address that was asked, and
//! with the cookie that only its job's requests hold: all targets share the socket, and none may speak
//! for another. Nor may one that fills the socket make the others lose: what it had no room for is asked
//! of the kernel, and then silence is unknown.

pub(super) mod flow;
pub(super) mod lane;
pub mod packet;
pub(super) mod tally;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use socket2::SockAddr;

use crate::namespace::Hopper;
use crate::namespace::inside::IcmpSocket;
use crate::namespace::sys::{self, Queue};
use crate::outcome::{Blindness, Observation, Outcome, Run};

use self::lane::{Lane, open};
use self::packet::Stamp;
use self::tally::Tally;
use super::judge::{self, Refusal, ipv6_here};
use super::{Job, Limits, Spec, Visit};

/// Messages that are read in one go: who floods the socket must not hold the thread.
const GULP: usize = 512;
/// How long a full send buffer is left to empty.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs the visit.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let aims: Vec<IpAddr> = visit.jobs.iter().filter_map(|job| aim(job).map(|(to, ..)| to)).collect();
    let four = aims.iter().find(|to| to.is_ipv4()).copied();
    let six = aims.iter().find(|to| to.is_ipv6()).copied();
    let identifier = flow::identifier(&visit);
    let made = hopper
        .hop(&visit.vantage, move |inside| {
            let sockets = [four, six].map(|to| to.map(|to| open(inside, to, identifier)));
            (sockets, six.is_some() && ipv6_here(inside))
        })
        .await;
    match made {
        Err(error) => visit.blind(error.blindness, &error.detail),
        Ok((sockets, ipv6)) => Engine::new(&visit, identifier, sockets, ipv6).run().await,
    }
}

fn aim(job: &Job) -> Option<(IpAddr, u16, Duration)> {
    match job.spec {
        Spec::Icmp { address, packets, spacing } => Some((address, packets.max(1), spacing)),
        _ => None,
    }
}

/// One job under way.
struct Flight {
    index: usize,
    to: IpAddr,
    left: u16,
    spacing: Duration,
    next: Instant,
    deadline: Instant,
}

struct Engine<'a> {
    jobs: &'a [Job],
    limits: Limits,
    lanes: [Result<Option<Lane>, (Blindness, String)>; 2],
    ipv6: bool,
    identifier: u16,
    /// The serial of the first request.
    first: u32,
    /// Requests in the order of their serials: the job, and the place in its book.
    sent: Vec<(usize, usize)>,
    cookies: Vec<u64>,
    waiting: std::ops::Range<usize>,
    flights: Vec<Flight>,
    tallies: Vec<Tally>,
}

impl<'a> Engine<'a> {
    fn new(
        visit: &'a Visit,
        identifier: u16,
        sockets: [Option<io::Result<IcmpSocket>>; 2],
        ipv6: bool,
    ) -> Self {
        let jobs = &*visit.jobs;
        let [four, six] = sockets;
        let lane = |made: Option<io::Result<IcmpSocket>>, ipv6| {
            made.map(|made| made.and_then(|socket| Lane::new(socket, ipv6)))
                .transpose()
                .map_err(|error| (judge::no_socket(&error), format!("no ICMP socket: {error}")))
        };
        Self {
            jobs,
            limits: visit.limits,
            lanes: [lane(four, false), lane(six, true)],
            ipv6,
            identifier,
            first: rand::random(),
            sent: Vec::with_capacity(jobs.len()),
            cookies: jobs.iter().map(|_| rand::random()).collect(),
            waiting: 0..jobs.len(),
            flights: Vec::new(),
            tallies: vec![Tally::default(); jobs.len()],
        }
    }

    async fn run(mut self) -> Vec<Run> {
        let mut buffer = vec![0; 2048];
        loop {
            self.admit();
            self.transmit(&mut buffer);
            let more = self.drain(&mut buffer);
            self.land();
            if self.flights.is_empty() && self.waiting.is_empty() {
                break;
            }
            if more || self.flights.is_empty() {
                tokio::task::yield_now().await;
                continue;
            }
            let wake = self.wake();
            tokio::select! {
                () = Lane::wait(self.lane(false)) => {}
                () = Lane::wait(self.lane(true)) => {}
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
        let jobs = self.jobs;
        let dropped = [false, true]
            .map(|ipv6| self.lane(ipv6).map_or(0, |lane| sys::dropped(lane.socket.get_ref()).unwrap_or(0)));
        jobs.iter()
            .zip(self.tallies)
            .map(|(job, tally)| {
                let (outcome, seen) = if let Some((to, ..)) = aim(job) {
                    tally.close(dropped[usize::from(to.is_ipv6())])
                } else {
                    let note = Some("not a job for echo requests".to_owned());
                    (Outcome::Unknown(Blindness::Resources), Observation { note, ..Default::default() })
                };
                Run { key: job.key.clone(), outcome, seen }
            })
            .collect()
    }

    fn lane(&self, ipv6: bool) -> Option<&Lane> {
        self.lanes[usize::from(ipv6)].as_ref().ok().and_then(Option::as_ref)
    }

    /// Starts jobs while there is room.
    fn admit(&mut self) {
        while self.flights.len() < self.limits.in_flight.max(1) {
            let Some(index) = self.waiting.next() else { return };
            let Some((to, packets, spacing)) = self.jobs.get(index).and_then(aim) else { continue };
            if let (Err((why, note)), Some(tally)) =
                (&self.lanes[usize::from(to.is_ipv6())], self.tallies.get_mut(index))
            {
                let outcome = Outcome::Unknown(*why);
                tally.refused(Refusal { outcome, note: note.clone(), local: false });
                continue;
            }
            // All requests leave in the first half of the time, so that the last can still be answered.
            let spacing = spacing.min(self.limits.timeout / 2 / u32::from(packets));
            let now = Instant::now();
            let deadline = now + self.limits.timeout;
            self.flights.push(Flight { index, to, left: packets, spacing, next: now, deadline });
        }
    }

    /// Sends what is due, and reads one message after each: on a veth that is the reply.
    fn transmit(&mut self, buffer: &mut [u8]) {
        for turn in 0..self.flights.len() {
            let due = |flight: &Flight| flight.left > 0 && flight.next <= Instant::now();
            if self.flights.get(turn).is_some_and(due) {
                self.send(turn);
                let ipv6 = self.flights.get(turn).is_some_and(|flight| flight.to.is_ipv6());
                self.read(ipv6, Queue::Data, buffer);
            }
        }
    }

    fn send(&mut self, turn: usize) {
        let Some(flight) = self.flights.get(turn) else { return };
        let (to, index) = (flight.to, flight.index);
        let Some(lane) = self.lane(to.is_ipv6()) else { return };
        let Some(cookie) = self.cookies.get(index).copied() else { return };
        // As many as there are requests: a visit has fewer than four thousand million.
        let stamp = Stamp { cookie, serial: self.first.wrapping_add(self.sent.len() as u32) };
        let bytes = packet::request(lane.form, self.identifier, stamp);
        let peer = SockAddr::from(SocketAddr::new(to, 0));
        // The error of an earlier request is pending on the socket until the next call, whomever that
        // one is for: only what is said three times is about this one.
        let (mut wall, mut clock, mut result);
        let mut tries = 3;
        loop {
            (wall, clock) = (SystemTime::now(), Instant::now());
            result = lane.socket.get_ref().send_to(&bytes, &peer);
            tries -= 1;
            match &result {
                Err(error) if tries > 0 && error.kind() != io::ErrorKind::WouldBlock => {
                    let _ = lane.socket.get_ref().take_error();
                }
                _ => break,
            }
        }
        let Some(flight) = self.flights.get_mut(turn) else { return };
        let Some(tally) = self.tallies.get_mut(index) else { return };
        match result {
            Ok(_) => {
                let place = tally.sent(wall, clock);
                self.sent.push((index, place));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Requests that wait for ARP fill the buffer; the deadline bounds the wait.
                flight.next = clock + PAUSE;
                return;
            }
            Err(error) => {
                let refusal = Refusal::of_call(&error, to, self.ipv6);
                let note = format!("the kernel would not send to {to}: {error}");
                tally.refused(Refusal { note, ..refusal });
            }
        }
        flight.left -= 1;
        flight.next += flight.spacing;
    }

    /// Reads both queues of both lanes. Says whether it stopped before their end.
    fn drain(&mut self, buffer: &mut [u8]) -> bool {
        let mut more = false;
        for ipv6 in [false, true] {
            for queue in [Queue::Errors, Queue::Data] {
                more |= (0..GULP).all(|_| self.read(ipv6, queue, buffer));
            }
        }
        more
    }

    /// Reads one message. Says whether there may be another.
    fn read(&mut self, ipv6: bool, queue: Queue, buffer: &mut [u8]) -> bool {
        let Some(lane) = self.lane(ipv6) else { return false };
        let got = match sys::receive(lane.socket.get_ref(), queue, buffer) {
            Ok(got) => got,
            // On the data queue this may be an earlier request's error, which the error queue tells
            // better; the next turn goes on.
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        };
        let bytes = buffer.get(..got.length).unwrap_or_default();
        let stamp = match queue {
            Queue::Data => packet::reply(lane.form, bytes),
            Queue::Errors => packet::quoted(lane.form, bytes),
        };
        let (Some(stamp), Some(peer)) = (stamp, got.peer) else { return true };
        let request = self.sent.get(stamp.serial.wrapping_sub(self.first) as usize);
        let Some((index, place)) = request.copied() else { return true };
        let asked = self.jobs.get(index).and_then(aim).is_some_and(|(to, ..)| to == peer);
        let known = self.cookies.get(index) == Some(&stamp.cookie);
        if let (true, true, Some(tally)) = (asked, known, self.tallies.get_mut(index)) {
            match queue {
                Queue::Data => tally.answered(place, got.notes.at, Instant::now()),
                Queue::Errors => {
                    if let Some(fault) = got.notes.fault
                        && let Some(reason) = judge::reason(fault, peer)
                    {
                        tally.faulted(place, reason, judge::words(fault, peer));
                    }
                }
            }
        }
        true
    }

    /// Ends the jobs that have all they can get, or whose time is up.
    fn land(&mut self) {
        let now = Instant::now();
        let tallies = &self.tallies;
        self.flights.retain(|flight| {
            let complete = flight.left == 0 && tallies.get(flight.index).is_none_or(Tally::settled);
            !complete && now < flight.deadline
        });
    }

    /// When something is to be done though nothing comes.
    fn wake(&self) -> Instant {
        self.flights
            .iter()
            .map(|flight| if flight.left > 0 { flight.next.min(flight.deadline) } else { flight.deadline })
            .min()
            .unwrap_or_else(Instant::now)
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
