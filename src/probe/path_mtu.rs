//! How large a packet gets there and back, and whether who does not let one pass says so.
//!
//! Small and large echo requests leave together, whole ("don't fragment"), whatever the kernel knows of the path. Where
//! the small ones are answered, all of them, and of the large ones none, the way is too narrow for what the interface
//! takes; a few more find out how wide it is. A router that does not pass on a packet owes its sender a notice (ICMP
//! "fragmentation needed", ICMPv6 "packet too big"): with it, connections find their size, and nothing is wrong. Without it they
//! hang, and that is the failure. A target that does not answer small ones tells nothing about large ones.

mod search;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use socket2::SockAddr;

use crate::namespace::Hopper;
use crate::namespace::sys::{self, Fault, Queue};
use crate::outcome::{Blindness, Observation, Outcome, Reason, Run, Widths};

use self::search::{Answer, Search};
use super::icmp::lane::{self, Lane};
use super::icmp::packet::{self, Stamp};
use super::icmp::{flow, tally};
use super::judge::{self, Refusal, ipv6_here};
use super::{Job, Spec, Visit};

/// Small ones and large ones that leave together: that none of the large ones is answered is no chance then.
const EACH: usize = 3;
/// How far apart they leave.
const SPACING: Duration = Duration::from_millis(20);
/// A message that no interface takes but a loopback: the kernel says what it takes.
const HUGE: usize = 65_000;
/// Beyond twice what small ones took: a large one is on its way for longer.
const GRACE: Duration = Duration::from_millis(50);
/// Messages that are read in one go: who floods the socket must not hold the thread.
const GULP: usize = 512;

/// Runs the visit: one job after the other, for none of them is in a hurry.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let mut runs = Vec::with_capacity(visit.jobs.len());
    let identifier = flow::identifier(&visit);
    for job in visit.jobs.iter() {
        let (outcome, seen) = match aim(job) {
            Some(to) => measure(hopper, &visit, to, identifier).await,
            None => blind(Blindness::Overrun, "not a job for large packets"),
        };
        runs.push(Run { key: job.key.clone(), outcome, seen });
    }
    runs
}

const fn aim(job: &Job) -> Option<IpAddr> {
    if let Spec::PathMtu { address } = job.spec { Some(address) } else { None }
}

async fn measure(hopper: &Hopper, visit: &Visit, to: IpAddr, identifier: u16) -> (Outcome, Observation) {
    let made = hopper
        .hop(&visit.vantage, move |inside| {
            let socket = lane::open(inside, to, identifier).and_then(|made| {
                sys::send_whole(&made.socket, to.is_ipv6())?;
                Ok(made)
            });
            (socket, to.is_ipv6() && ipv6_here(inside))
        })
        .await;
    let (socket, ipv6) = match made {
        Ok(made) => made,
        Err(error) => return blind(error.blindness, &error.detail),
    };
    match socket.and_then(|socket| Lane::new(socket, to.is_ipv6())) {
        Ok(lane) => Walk::new(lane, to, identifier, ipv6).go(visit.limits.timeout).await,
        Err(error) => blind(judge::no_socket(&error), &format!("no ICMP socket: {error}")),
    }
}

fn blind(why: Blindness, note: &str) -> (Outcome, Observation) {
    (Outcome::Unknown(why), Observation { note: Some(note.to_owned()), ..Observation::default() })
}

/// One request.
struct Request {
    wall: SystemTime,
    clock: Instant,
    answered: Option<Duration>,
    /// Somebody said that it is too large, and how large it may be.
    told: Option<u32>,
}

/// What is sent to one target, and what comes back.
struct Walk {
    lane: Lane,
    to: IpAddr,
    identifier: u16,
    /// The vantage has an address of IPv6.
    ipv6: bool,
    cookie: u64,
    /// The serial of the first request.
    first: u32,
    sent: Vec<Request>,
    /// What the kernel said that the interface takes.
    mtu: Option<u32>,
    /// What else was said of the small ones.
    note: Option<String>,
    buffer: Vec<u8>,
}

impl Walk {
    fn new(lane: Lane, to: IpAddr, identifier: u16, ipv6: bool) -> Self {
        let (cookie, first) = (rand::random(), rand::random());
        let (sent, buffer) = (Vec::new(), vec![0; 2048]);
        Self { lane, to, identifier, ipv6, cookie, first, sent, mtu: None, note: None, buffer }
    }

    /// The IP header.
    const fn header(&self) -> u32 {
        if self.to.is_ipv6() { 40 } else { 20 }
    }

    async fn go(mut self, timeout: Duration) -> (Outcome, Observation) {
        let deadline = Instant::now() + timeout;
        let mtu = match self.own_mtu() {
            Ok(mtu) => mtu,
            Err((why, note)) => return blind(why, &note),
        };
        let least = self.header() + packet::LENGTH as u32;
        if mtu <= least {
            return blind(Blindness::Resources, "the interface takes small packets alone");
        }
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for _ in 0..EACH {
            small.push(self.send(least));
            large.push(self.send(mtu));
            let next = Instant::now() + SPACING;
            self.settle(next.min(deadline), |walk| walk.passed(&large)).await;
            if self.passed(&large) {
                break;
            }
        }
        let all = |walk: &Self| small.iter().all(|place| walk.took(*place).is_some());
        let silence = Instant::now() + timeout / 3;
        self.settle(silence.min(deadline), |walk| walk.passed(&large) || all(walk)).await;
        if let Some(rtt) = large.iter().find_map(|place| self.took(*place)) {
            return whole(rtt, mtu);
        }
        if !all(&self) {
            let answered = small.iter().filter(|place| self.took(**place).is_some()).count();
            let note =
                format!("{answered} of {} small echo requests to {} were answered", small.len(), self.to);
            return blind(Blindness::NoEcho, &self.note.take().unwrap_or(note));
        }
        let rtt = small.iter().filter_map(|place| self.took(*place)).max().unwrap_or_default();
        let patience = 2 * rtt + GRACE;
        let until = Instant::now() + patience;
        if until > deadline {
            return blind(Blindness::Overrun, "small echo requests took too long for the time that there is");
        }
        self.settle(until, |walk| walk.answer(&large).is_some()).await;
        let first = self.answer(&large).unwrap_or(Answer::Silent);
        if first == Answer::Passed {
            return whole(rtt, mtu);
        }
        let mut search = Search::new(least, mtu, first);
        while let Some(size) = search.next() {
            let until = Instant::now() + patience;
            if until > deadline {
                break;
            }
            let place = self.send(size);
            self.settle(until, |walk| walk.answer(&[place]).is_some()).await;
            search.answered(size, self.answer(&[place]).unwrap_or(Answer::Silent));
        }
        narrow(rtt, search.widths())
    }

    /// What the interface takes that the way begins with, as the kernel says of a packet that is too large.
    fn own_mtu(&mut self) -> Result<u32, (Blindness, String)> {
        match self.try_to_send(HUGE) {
            Ok(()) => Ok(self.header() + HUGE as u32),
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                self.drain();
                let unsaid = "the kernel does not say what the interface takes";
                self.mtu.ok_or_else(|| (Blindness::Resources, unsaid.to_owned()))
            }
            Err(error) => {
                let refusal = Refusal::of_call(&error, self.to, self.ipv6);
                let why = if let Outcome::Unknown(why) = refusal.outcome { why } else { Blindness::NoEcho };
                Err((why, format!("the kernel would not send to {}: {error}", self.to)))
            }
        }
    }

    /// Sends a packet of this size; gives its place in the book. One that the kernel does not send is never answered.
    fn send(&mut self, size: u32) -> usize {
        let length = size.saturating_sub(self.header()) as usize;
        // The error of an earlier request is pending on the socket until the next call.
        for _ in 0..3 {
            match self.try_to_send(length) {
                Ok(()) => break,
                Err(error) => {
                    let _ = self.lane.socket.get_ref().take_error();
                    self.note.get_or_insert(format!("the kernel would not send to {}: {error}", self.to));
                }
            }
        }
        self.sent.len() - 1
    }

    fn try_to_send(&mut self, length: usize) -> io::Result<()> {
        let stamp = Stamp { cookie: self.cookie, serial: self.first.wrapping_add(self.sent.len() as u32) };
        let bytes = packet::request_of(length, self.lane.form, self.identifier, stamp);
        let peer = SockAddr::from(SocketAddr::new(self.to, 0));
        let (wall, clock) = (SystemTime::now(), Instant::now());
        self.sent.push(Request { wall, clock, answered: None, told: None });
        self.lane.socket.get_ref().send_to(&bytes, &peer).map(drop)
    }

    fn took(&self, place: usize) -> Option<Duration> {
        self.sent.get(place)?.answered
    }

    fn passed(&self, places: &[usize]) -> bool {
        places.iter().any(|place| self.took(*place).is_some())
    }

    /// What became of packets of one size.
    fn answer(&self, places: &[usize]) -> Option<Answer> {
        if self.passed(places) {
            return Some(Answer::Passed);
        }
        places.iter().find_map(|place| self.sent.get(*place)?.told).map(Answer::Told)
    }

    /// Reads what comes until there is nothing more to wait for.
    async fn settle(&mut self, until: Instant, done: impl Fn(&Self) -> bool) {
        loop {
            let more = self.drain();
            if done(self) || Instant::now() >= until {
                return;
            }
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = Lane::wait(Some(&self.lane)) => {}
                () = tokio::time::sleep_until(until.into()) => {}
            }
        }
    }

    /// Reads both queues. Says whether it stopped before their end.
    fn drain(&mut self) -> bool {
        let errors = (0..GULP).all(|_| self.read(Queue::Errors));
        (0..GULP).all(|_| self.read(Queue::Data)) || errors
    }

    /// Reads one message. Says whether there may be another.
    fn read(&mut self, queue: Queue) -> bool {
        let got = match sys::receive(self.lane.socket.get_ref(), queue, &mut self.buffer) {
            Ok(got) => got,
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        };
        let bytes = self.buffer.get(..got.length).unwrap_or_default();
        if queue == Queue::Data {
            let stamp = packet::reply(self.lane.form, bytes).filter(|stamp| stamp.cookie == self.cookie);
            let at = stamp.map(|stamp| stamp.serial.wrapping_sub(self.first) as usize);
            if let (true, Some(request)) =
                (got.peer == Some(self.to), at.and_then(|at| self.sent.get_mut(at)))
            {
                let passed = request.clock.elapsed();
                request.answered.get_or_insert(tally::round_trip(request.wall, got.notes.at, passed));
            }
        } else if let Some(fault) = got.notes.fault {
            let head = packet::quoted_head(self.lane.form, bytes);
            self.fault(fault, head);
        }
        true
    }

    /// An error came: of the kernel here, or of somebody on the way about a request of which this was quoted. That is
    /// little where a router quotes no more than it must, so it is not asked for the cookie: who makes one up hides a
    /// fault of its own way, and can name none of another's.
    fn fault(&mut self, fault: Fault, head: Option<(u16, u16)>) {
        let too_big = judge::reason(fault, self.to) == Some(Reason::TooBig);
        if fault.origin == libc::SO_EE_ORIGIN_LOCAL {
            self.mtu = self.mtu.or(Some(fault.info).filter(|mtu| too_big && *mtu > 0));
            return;
        }
        let Some((identifier, sequence)) = head else { return };
        // A datagram socket gets what is about its own requests alone, by an identifier that the kernel may have chosen.
        if self.lane.form.raw && identifier != self.identifier {
            return;
        }
        let at = usize::from(sequence.wrapping_sub(self.first as u16));
        match self.sent.get_mut(at) {
            Some(request) if too_big => request.told = Some(fault.info),
            Some(_) => self.note = Some(judge::words(fault, self.to)),
            None => {}
        }
    }
}

/// The largest of all gets through.
fn whole(rtt: Duration, mtu: u32) -> (Outcome, Observation) {
    let widths = Widths { mtu, passed: mtu, failed: None, told: false };
    (Outcome::Success(rtt), Observation { widths: Some(widths), ..Observation::default() })
}

fn narrow(rtt: Duration, widths: Widths) -> (Outcome, Observation) {
    let Widths { mtu, passed, failed, told } = widths;
    let failed = failed.unwrap_or(mtu);
    let (outcome, note) = if told {
        let note = format!("{passed} of {mtu} bytes get through; who does not let more pass says so");
        (Outcome::Success(rtt), note)
    } else {
        let note =
            format!("packets of {passed} bytes get through and of {failed} do not, and nobody says so");
        (Outcome::Failure(Reason::TooBig), note)
    };
    (outcome, Observation { note: Some(note), widths: Some(widths), ..Observation::default() })
}

#[cfg(test)]
mod tests;
