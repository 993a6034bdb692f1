//! When a round that somebody asked for is done.
//!
//! Told by what is published, for nothing else leaves the loop: the plan, as the counts of planned
//! probes, and the latest of each. Wall clocks step, so the moment of asking is told by both clocks.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::monitor::Handle;
use crate::outcome::ProbeKey;
use crate::state::Snapshot;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every planned probe ran.
    Done,
    /// Some still run.
    Late,
    /// There is no picture of the Engine yet, and so no plan.
    Blind,
    /// The loop has ended: so does the program.
    Over,
}

/// A round from the moment at which it was asked for.
pub(super) struct Round<'a> {
    monitor: &'a Handle,
    /// Counted from before the asking: what is shown after it is no older than it.
    published: watch::Receiver<u64>,
    before: std::sync::Arc<crate::diagnosis::Verdict>,
    asked: SystemTime,
    clock: Instant,
}

impl<'a> Round<'a> {
    pub(super) fn begins(monitor: &'a Handle) -> Self {
        let mut published = monitor.published.clone();
        published.borrow_and_update();
        Self {
            published,
            before: monitor.verdict.load_full(),
            asked: SystemTime::now(),
            clock: Instant::now(),
            monitor,
        }
    }

    /// Waits until every probe that is planned, of one destination or of all, ran since.
    pub(super) async fn ends(mut self, destination: Option<&str>, patience: Duration) -> End {
        let until = self.clock + patience;
        loop {
            match timeout_at(until, self.published.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Over,
                Err(_) if self.monitor.verdict.load().snapshot.inventory.is_none() => return End::Blind,
                Err(_) => return End::Late,
            }
            let now = self.monitor.verdict.load_full();
            let asked = asked(self.asked, SystemTime::now(), self.clock.elapsed());
            if is_done(&self.before.snapshot, &now.snapshot, destination, asked) {
                return End::Done;
            }
        }
    }
}

/// The moment of asking in the terms of a wall clock that may have been set since. Set forward, the
/// records from before the step carry the old time: the earlier one counts.
fn asked(then: SystemTime, now: SystemTime, passed: Duration) -> SystemTime {
    now.checked_sub(passed).map_or(then, |asked| asked.min(then))
}

/// Whether everything that is planned now has a record that is not from before, but for what waits for its turn. A record
/// that was known then is from before whatever its time says: the clock may have been set back since.
fn is_done(before: &Snapshot, now: &Snapshot, destination: Option<&str>, asked: SystemTime) -> bool {
    if now.inventory.is_none() {
        return false;
    }
    let wanted = |name: &str| destination.is_none_or(|only| only == name);
    let planned: u64 =
        now.tallies.iter().filter(|((name, _), _)| wanted(name)).map(|(_, tally)| tally.planned).sum();
    let is_new = |key: &ProbeKey| {
        now.probes.get(key).is_some_and(|record| {
            let known = before.probes.get(key).is_some_and(|before| before.at == record.at);
            !known && record.at >= asked
        })
    };
    let mut each_time = now.probes.keys().filter(|key| wanted(&key.destination) && !now.own.is_in_turns(key));
    let mut ran = 0;
    if !each_time.all(|key| {
        ran += 1;
        is_new(key)
    }) {
        return false;
    }
    let in_turns = now.own.in_turns.iter().filter(|key| wanted(&key.destination)).count() as u64;
    ran + in_turns >= planned && now.own.turns_begun(|key| !wanted(&key.destination) || is_new(key))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inventory::{EngineInfo, Inventory};
    use crate::outcome::{Detail, Observation, Outcome, ProbeKind, Run};
    use crate::state::Recorder;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn key(destination: &str, target: &str) -> ProbeKey {
        ProbeKey {
            destination: destination.into(),
            kind: ProbeKind::Tcp,
            source: "web".into(),
            target: target.into(),
            detail: Detail::Address(std::net::Ipv4Addr::LOCALHOST.into()),
        }
    }

    /// Of these keys, planned all, those with a time ran then.
    fn snapshot(keys: &[(ProbeKey, Option<u64>)], listed: bool) -> Snapshot {
        let mut recorder = Recorder::default();
        if listed {
            let engine = EngineInfo { version: String::new(), api_version: String::new(), podman: false };
            let inventory = Inventory {
                engine,
                taken_at: at(0),
                destinations: Vec::new(),
                elsewhere: Vec::new(),
                containers: std::collections::BTreeMap::new(),
                pools: None,
                proxies: Vec::new(),
                routes: crate::inventory::Routes::default(),
                host_files: Default::default(),
                swarm: None,
                absent: Vec::new(),
                oddities: Vec::new(),
            };
            recorder.listed(Arc::new(inventory), at(0));
        }
        recorder.planned(keys.iter().map(|(key, _)| key), Duration::from_secs(15));
        for (key, ran) in keys {
            let Some(ran) = ran else { continue };
            let outcome = Outcome::Success(Duration::ZERO);
            let run = Run { key: key.clone(), outcome, seen: Observation::default() };
            recorder.record(vec![run], at(*ran));
        }
        recorder.snapshot(at(0))
    }

    #[test]
    fn a_round_is_done_when_everything_planned_ran_since() {
        let (a, b, other) = (key("shop", "a"), key("shop", "b"), key("blog", "c"));
        let before = snapshot(&[(a.clone(), Some(5)), (other.clone(), Some(5))], true);
        for (what, keys, listed, expected) in [
            ("all ran", vec![(a.clone(), Some(11)), (b.clone(), Some(12))], true, true),
            (
                "the other destination is not asked for",
                vec![(a.clone(), Some(11)), (other, Some(5))],
                true,
                true,
            ),
            ("one is from before", vec![(a.clone(), Some(5)), (b.clone(), Some(12))], true, false),
            ("one that was shown late", vec![(a.clone(), Some(9)), (b.clone(), Some(12))], true, false),
            ("one is planned and never ran", vec![(a.clone(), Some(11)), (b.clone(), None)], true, false),
            ("nothing of it ran yet", vec![(a, None), (b, None)], true, false),
            ("nothing to run", vec![], true, true),
            ("nothing known", vec![], false, false),
        ] {
            let now = snapshot(&keys, listed);
            assert_eq!(is_done(&before, &now, Some("shop"), at(10)), expected, "{what}");
        }
    }

    #[test]
    fn what_waits_for_a_later_turn_is_not_waited_for_and_a_turn_is() {
        let (a, b, other) = (key("shop", "a"), key("shop", "b"), key("shop", "c"));
        let before = snapshot(&[], true);
        for (what, turned, expected) in [
            ("the first part ran", [Some(11), None], true),
            ("neither did", [None, None], false),
            ("one is from before", [Some(9), None], false),
        ] {
            let mut now =
                snapshot(&[(other.clone(), Some(11)), (a.clone(), turned[0]), (b.clone(), turned[1])], true);
            now.own.in_turns = Arc::new([a.clone(), b.clone()].into());
            assert_eq!(is_done(&before, &now, None, at(10)), expected, "{what}");
        }
    }

    #[test]
    fn a_clock_that_is_set_neither_holds_a_round_up_nor_ends_it() {
        let a = key("shop", "a");
        let before = snapshot(&[(a.clone(), Some(1000))], true);
        let since = Duration::from_secs(3);
        // (what, time at the asking, time now, the record's time, done)
        for (what, then, now, ran, expected) in [
            ("nothing was set", 1010, 1013, 1012, true),
            ("nothing was set, and an old one is shown late", 1010, 1013, 1009, false),
            ("back, and it ran since", 1010, 13, 12, true),
            ("back, and it ran before that", 1010, 13, 1011, true),
            ("back, and nothing ran", 1010, 13, 1000, false),
            ("forward, and it ran since", 1010, 9013, 9012, true),
            ("forward, and it ran before that", 1010, 9013, 1011, true),
        ] {
            let seen = snapshot(&[(a.clone(), Some(ran))], true);
            let asked = asked(at(then), at(now), since);
            assert_eq!(is_done(&before, &seen, None, asked), expected, "{what}");
        }
    }
}
