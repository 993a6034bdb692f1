//! The book of one job: what was sent, what came back, and what that amounts to. Pure.

use std::time::{Duration, Instant, SystemTime};

use crate::outcome::{Blindness, Echo, Observation, Outcome, Reason};
use crate::probe::judge::Refusal;

/// One request that the kernel took.
#[derive(Clone, Copy, Debug)]
struct Request {
    wall: SystemTime,
    clock: Instant,
    settled: bool,
    answered: bool,
}

/// The book.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    requests: Vec<Request>,
    rtts: Vec<Duration>,
    duplicates: u32,
    fault: Option<Reason>,
    /// The fault was said by the vantage's own kernel.
    local: bool,
    blind: Option<Blindness>,
    note: Option<String>,
}

impl Tally {
    /// A request left; gives its place in the book.
    pub fn sent(&mut self, wall: SystemTime, clock: Instant) -> usize {
        self.requests.push(Request { wall, clock, settled: false, answered: false });
        self.requests.len() - 1
    }

    /// The reply to the request at `place` was received at `at` and read at `now`.
    pub fn answered(&mut self, place: usize, at: Option<SystemTime>, now: Instant) {
        let Some(request) = self.requests.get_mut(place) else { return };
        if request.answered {
            self.duplicates = self.duplicates.saturating_add(1);
            return;
        }
        request.settled = true;
        request.answered = true;
        self.rtts.push(round_trip(request.wall, at, now.saturating_duration_since(request.clock)));
    }

    /// An error came back for the request at `place`.
    pub fn faulted(&mut self, place: usize, reason: Reason, note: String) {
        if let Some(request) = self.requests.get_mut(place) {
            request.settled = true;
        }
        self.fault.get_or_insert(reason);
        self.note.get_or_insert(note);
    }

    /// The kernel would not send.
    pub fn refused(&mut self, refusal: Refusal) {
        match refusal.outcome {
            Outcome::Failure(reason) if self.fault.is_none() => {
                self.fault = Some(reason);
                self.local = refusal.local;
            }
            Outcome::Unknown(why) => {
                self.blind.get_or_insert(why);
            }
            _ => {}
        }
        self.note.get_or_insert(refusal.note);
    }

    /// Nothing more is to come.
    pub fn settled(&self) -> bool {
        self.requests.iter().all(|request| request.settled)
    }

    /// What it amounts to; `dropped`: messages that the socket had no room for. What they were nobody
    /// knows, so a request without an answer says nothing then, unless its own target doubles replies:
    /// who fills the socket may not excuse itself so.
    pub fn close(self, dropped: u32) -> (Outcome, Observation) {
        let sent = u32::try_from(self.requests.len()).unwrap_or(u32::MAX);
        let received = u32::try_from(self.rtts.len()).unwrap_or(u32::MAX);
        let mut outcome = outcome(sent, &self.rtts, self.fault, self.blind);
        let mut note = if matches!(outcome, Outcome::Success(_)) { None } else { self.note };
        let silent = self.requests.iter().any(|request| !request.settled);
        if dropped > 0 && silent && self.fault.is_none() && self.duplicates == 0 {
            outcome = Outcome::Unknown(Blindness::Resources);
            note = Some(format!("the socket had no room for {dropped} messages: replies may be among them"));
        }
        let local = self.local && outcome.reason().is_some_and(|reason| Some(reason) == self.fault);
        let echo = Echo { sent, received, duplicates: self.duplicates, rtts: self.rtts };
        (outcome, Observation { note, echo: Some(echo), local, ..Observation::default() })
    }
}

/// All answered: success, with the median. Some: loss, whatever the others met. None: the error that
/// came back, else why nothing could be sent, else silence.
fn outcome(sent: u32, rtts: &[Duration], fault: Option<Reason>, blind: Option<Blindness>) -> Outcome {
    match (median(rtts), fault, blind) {
        (Some(rtt), None, _) if rtts.len() >= sent as usize => Outcome::Success(rtt),
        (Some(_), ..) => Outcome::Failure(Reason::PacketLoss),
        (None, Some(reason), _) => Outcome::Failure(reason),
        (None, None, Some(why)) if sent == 0 => Outcome::Unknown(why),
        (None, None, None) if sent == 0 => Outcome::Unknown(Blindness::Overrun),
        (None, None, _) => Outcome::Failure(Reason::Timeout),
    }
}

/// The lower one of two middles: the first request of a run may have waited for ARP.
fn median(rtts: &[Duration]) -> Option<Duration> {
    let mut sorted = rtts.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// The kernel's receive time minus the clock before the send.
///
/// Both are of the wall clock, which may be stepped in between. The monotonic clock cannot, and what
/// passed on it until the reply was *read* is never less than the truth: a difference beyond it, or
/// below zero, is a step, and the monotonic time is taken instead.
pub fn round_trip(sent: SystemTime, received: Option<SystemTime>, elapsed: Duration) -> Duration {
    received.and_then(|at| at.duration_since(sent).ok()).map_or(elapsed, |rtt| rtt.min(elapsed))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn outcomes() {
        let three = [3 * MS, MS, 2 * MS];
        let (fault, blind) = (Some(Reason::Unreachable), Some(Blindness::NoAddress));
        for (sent, rtts, fault, blind, want) in [
            (3, &three[..], None, None, Outcome::Success(2 * MS)),
            (2, &three[..2], None, None, Outcome::Success(MS)),
            (3, &three[..1], None, None, Outcome::Failure(Reason::PacketLoss)),
            (3, &three[..1], fault, None, Outcome::Failure(Reason::PacketLoss)),
            (1, &three[..1], fault, None, Outcome::Failure(Reason::PacketLoss)),
            (3, &[], None, None, Outcome::Failure(Reason::Timeout)),
            (3, &[], fault, None, Outcome::Failure(Reason::Unreachable)),
            (0, &[], fault, None, Outcome::Failure(Reason::Unreachable)),
            (0, &[], None, blind, Outcome::Unknown(Blindness::NoAddress)),
            (1, &[], None, blind, Outcome::Failure(Reason::Timeout)),
            (0, &[], None, None, Outcome::Unknown(Blindness::Overrun)),
        ] {
            assert_eq!(outcome(sent, rtts, fault, blind), want, "{sent} {rtts:?} {fault:?} {blind:?}");
        }
    }

    #[test]
    fn a_stepped_clock_does_not_make_a_round_trip() {
        let sent = UNIX_EPOCH + Duration::from_secs(1000);
        for (received, want) in [
            (Some(sent + MS), MS),
            (Some(sent), Duration::ZERO),
            (Some(sent + Duration::from_secs(3600)), 5 * MS),
            (Some(sent - Duration::from_secs(3600)), 5 * MS),
            (None, 5 * MS),
        ] {
            assert_eq!(round_trip(sent, received, 5 * MS), want);
        }
    }

    #[test]
    fn what_the_socket_dropped_excuses_everyone_but_who_filled_it() {
        let (wall, clock) = (SystemTime::now(), Instant::now());
        let silent = |replies: u32| {
            let mut tally = Tally::default();
            let place = tally.sent(wall, clock);
            tally.sent(wall, clock);
            (0..replies).for_each(|_| tally.answered(place, Some(wall + MS), clock + 2 * MS));
            tally
        };
        let (unknown, loss) = (Outcome::Unknown(Blindness::Resources), Outcome::Failure(Reason::PacketLoss));
        for (tally, dropped, want) in [
            (silent(0), 0, Outcome::Failure(Reason::Timeout)),
            (silent(1), 0, loss.clone()),
            (silent(0), 1, unknown.clone()),
            (silent(1), 1, unknown),
            (silent(2), 1, loss.clone()),
        ] {
            assert_eq!(tally.clone().close(dropped).0, want, "{tally:?} dropped {dropped}");
        }
        let mut faulted = silent(0);
        faulted.faulted(0, Reason::Unreachable, "gone".into());
        assert_eq!(faulted.close(1).0, Outcome::Failure(Reason::Unreachable));
    }

    #[test]
    fn a_second_reply_is_a_duplicate_and_no_success() {
        let (wall, clock) = (SystemTime::now(), Instant::now());
        let mut tally = Tally::default();
        let first = tally.sent(wall, clock);
        let second = tally.sent(wall, clock);
        tally.answered(first, Some(wall + MS), clock + 2 * MS);
        tally.answered(first, Some(wall + MS), clock + 2 * MS);
        assert!(!tally.settled());
        tally.faulted(second, Reason::Unreachable, "gone".into());
        assert!(tally.settled());
        let (outcome, seen) = tally.close(0);
        assert_eq!(outcome, Outcome::Failure(Reason::PacketLoss));
        assert_eq!(seen.echo, Some(Echo { sent: 2, received: 1, duplicates: 1, rtts: vec![MS] }));
        assert_eq!(seen.note.as_deref(), Some("gone"));
    }
}
