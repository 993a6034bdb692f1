//! Echo requests: is the other end there, how far, and does anything get lost.
//!
//! One socket a family and visit carries the requests of all its jobs. Round-trip times end at the
//! kernel's receive stamp: on a veth the reply is there before the send returns, and user space would
//! measure its own wake-up. ICMP errors are read from the socket's error queue, where each stands
//! beside the request that it is about. A reply counts only with the visit's cookie in it.

pub mod judge;
mod lane;
pub mod packet;
mod tally;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use socket2::SockAddr;

use crate::namespace::Hopper;
use crate::namespace::inside::IcmpSocket;
use crate::namespace::sys::{self, Queue};
use crate::outcome::{Blindness, Observation, Outcome, Run};

pub(super) use self::lane::ipv6_here;
use self::lane::{Lane, open};
use self::packet::{Form, Stamp};
use self::tally::Tally;
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
    let made = hopper
        .hop(&visit.vantage, move |inside| {
            let sockets = [four, six].map(|to| to.map(|to| open(inside, to)));
            (sockets, six.is_some() && ipv6_here(inside))
        })
        .await;
    match made {
        Err(error) => visit.blind(error.blindness, &error.detail),
        Ok((sockets, ipv6)) => Engine::new(&visit.jobs, visit.limits, sockets, ipv6).run().await,
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
    cookie: u64,
    identifier: u16,
    serial: u32,
    /// Sequence number → job and the place in its book; a number that comes round again is the newer's.
    open: HashMap<u16, (u32, usize, usize)>,
    waiting: std::ops::Range<usize>,
    flights: Vec<Flight>,
    tallies: Vec<Tally>,
}

impl<'a> Engine<'a> {
    fn new(
        jobs: &'a [Job],
        limits: Limits,
        sockets: [Option<io::Result<IcmpSocket>>; 2],
        ipv6: bool,
    ) -> Self {
        let [four, six] = sockets;
        let lane = |made: Option<io::Result<IcmpSocket>>, ipv6| {
            made.map(|made| made.and_then(|socket| Lane::new(socket, ipv6)))
                .transpose()
                .map_err(|error| (judge::no_socket(&error), format!("no ICMP socket: {error}")))
        };
        Self {
            jobs,
            limits,
            lanes: [lane(four, false), lane(six, true)],
            ipv6,
            cookie: rand::random(),
            identifier: rand::random(),
            serial: rand::random::<u16>().into(),
            open: HashMap::new(),
            waiting: 0..jobs.len(),
            flights: Vec::new(),
            tallies: vec![Tally::default(); jobs.len()],
        }
    }

    async fn run(mut self) -> Vec<Run> {
        let mut buffer = vec![0; 2048];
        loop {
            self.admit();
            let mut more = self.transmit(&mut buffer);
            more |= self.drain(&mut buffer);
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
        jobs.iter()
            .zip(self.tallies)
            .map(|(job, tally)| {
                let (outcome, seen) = if aim(job).is_some() {
                    tally.close()
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
                tally.refused(&Outcome::Unknown(*why), note.clone());
                continue;
            }
            // All requests leave in the first half of the time, so that the last can still be answered.
            let spacing = spacing.min(self.limits.timeout / 2 / u32::from(packets));
            let now = Instant::now();
            let deadline = now + self.limits.timeout;
            self.flights.push(Flight { index, to, left: packets, spacing, next: now, deadline });
        }
    }

    /// Sends what is due. Says whether there may be more to read than was read.
    fn transmit(&mut self, buffer: &mut [u8]) -> bool {
        let mut more = false;
        for turn in 0..self.flights.len() {
            let due = |flight: &Flight| flight.left > 0 && flight.next <= Instant::now();
            if self.flights.get(turn).is_some_and(due) {
                self.send(turn);
                more |= self.drain(buffer);
            }
        }
        more
    }

    fn send(&mut self, turn: usize) {
        let Some(flight) = self.flights.get(turn) else { return };
        let (to, index) = (flight.to, flight.index);
        self.serial = self.serial.wrapping_add(1);
        let Some(lane) = self.lane(to.is_ipv6()) else { return };
        let stamp = Stamp { cookie: self.cookie, serial: self.serial };
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
                self.open.insert(stamp.serial as u16, (stamp.serial, index, place));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Requests that wait for ARP fill the buffer; the deadline bounds the wait.
                flight.next = clock + PAUSE;
                return;
            }
            Err(error) => {
                let outcome = judge::refused_by_kernel(error.raw_os_error().unwrap_or(0), to, self.ipv6);
                tally.refused(&outcome, format!("the kernel would not send to {to}: {error}"));
            }
        }
        flight.left -= 1;
        flight.next += flight.spacing;
    }

    /// Reads both queues of both lanes. Says whether it stopped before their end.
    fn drain(&mut self, buffer: &mut [u8]) -> bool {
        let mut more = false;
        for lane in self.lanes.iter().filter_map(|lane| lane.as_ref().ok()?.as_ref()) {
            for queue in [Queue::Errors, Queue::Data] {
                more |= !(0..GULP).any(|_| match sys::receive(lane.socket.get_ref(), queue, buffer) {
                    Ok(got) => {
                        let bytes = buffer.get(..got.length).unwrap_or_default();
                        match queue {
                            Queue::Data => {
                                Self::reply(
                                    &self.open,
                                    &mut self.tallies,
                                    self.cookie,
                                    lane.form,
                                    bytes,
                                    got,
                                );
                            }
                            Queue::Errors => {
                                let mine = (self.cookie, self.identifier);
                                Self::error(&self.open, &mut self.tallies, mine, lane.form, bytes, got);
                            }
                        }
                        false
                    }
                    // On the data queue this may be an earlier request's error, which the error queue
                    // tells better; the next turn of the loop goes on.
                    Err(error) => error.kind() == io::ErrorKind::WouldBlock,
                });
            }
        }
        more
    }

    fn reply(
        open: &HashMap<u16, (u32, usize, usize)>,
        tallies: &mut [Tally],
        cookie: u64,
        form: Form,
        bytes: &[u8],
        got: sys::Received,
    ) {
        let Some(stamp) = packet::reply(form, bytes).filter(|stamp| stamp.cookie == cookie) else { return };
        let Some((serial, index, place)) = open.get(&(stamp.serial as u16)).copied() else { return };
        if let (true, Some(tally)) = (serial == stamp.serial, tallies.get_mut(index)) {
            tally.answered(place, got.notes.at, Instant::now());
        }
    }

    fn error(
        open: &HashMap<u16, (u32, usize, usize)>,
        tallies: &mut [Tally],
        (cookie, identifier): (u64, u16),
        form: Form,
        bytes: &[u8],
        got: sys::Received,
    ) {
        let (Some(fault), Some(to)) = (got.notes.fault, got.peer) else { return };
        let Some(reason) = judge::reason(fault, to) else { return };
        // A raw socket is told of everybody's requests, a datagram socket of its own alone.
        let ours = |quoted: &packet::Quoted| match quoted.cookie {
            Some(there) => there == cookie,
            None => !form.raw || quoted.identifier == identifier,
        };
        let Some(quoted) = packet::quoted(form, bytes).filter(ours) else { return };
        let Some((_, index, place)) = open.get(&quoted.sequence).copied() else { return };
        if let Some(tally) = tallies.get_mut(index) {
            tally.faulted(place, reason, judge::words(fault, to));
        }
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
mod tests;
