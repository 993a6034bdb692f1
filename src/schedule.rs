//! When each errand runs.
//!
//! The next start is `epoch + phase + n · interval`: no drift, whatever a run takes, and no
//! thundering herd, since the phase is a hash of the vantage. All kinds of one vantage start together: one
//! wake-up, and one way into the namespace that is warm for all of them, which saves a sixth of all CPU
//! where probes are few (20 ms apart they save nothing). A new plan keeps the phase of what stays. What an
//! Engine event touched runs at once, and again in its own time. Pure: the caller brings the time, so
//! tests need no clock.

mod budget;

pub use budget::Budget;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::ProbeKind;
use crate::plan::{Errand, Plan, mesh};

/// Identity of an errand: destination, kind, source.
pub type Identity = (Arc<str>, ProbeKind, Arc<str>);

/// Time since the schedule's epoch.
pub type Moment = Duration;

/// The schedule: which errand is due when.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    errands: BTreeMap<Identity, Errand>,
    /// Soonest first; entries whose moment is not the errand's own are leftovers and passed over.
    queue: BinaryHeap<Reverse<(Moment, Identity)>>,
    due: BTreeMap<Identity, Moment>,
}

/// An errand that is to start.
#[derive(Clone, Debug)]
pub struct Start {
    /// What to do.
    pub errand: Errand,
    /// When it should have started.
    pub due: Moment,
    /// True where something asked for it before its own time: a new plan, an event, a doubt, a person.
    pub out_of_turn: bool,
    /// True where the budget let it start later than it was due.
    pub postponed: bool,
}

impl Schedule {
    /// Takes a new plan. An errand that is new, or whose jobs changed, is due at once; one that
    /// stays as it was keeps its moment; one that is no longer planned never starts again.
    pub fn replan(&mut self, plan: Plan, now: Moment) {
        self.take_in(plan, now, |_| false);
    }

    /// As [`Schedule::replan`], where the pairs of destinations have taken turns: whose are others now keeps its moment
    /// all the same, or they would all run at once.
    pub fn turn(&mut self, plan: Plan, now: Moment) {
        self.take_in(plan, now, |errand| errand.kind == ProbeKind::Isolation);
    }

    fn take_in(&mut self, plan: Plan, now: Moment, waits: impl Fn(&Errand) -> bool) {
        let mut fresh = BTreeSet::new();
        let mut errands = BTreeMap::new();
        for errand in plan.errands {
            let identity = errand.identity();
            let before = self.errands.get(&identity);
            if before != Some(&errand) && !(before.is_some() && waits(&errand)) {
                fresh.insert(identity.clone());
            }
            errands.insert(identity, errand);
        }
        self.errands = errands;
        let known = &self.errands;
        self.due.retain(|identity, _| known.contains_key(identity));
        for identity in fresh {
            self.start_at(identity, now);
        }
        self.queue = self.due.iter().map(|(identity, at)| Reverse((*at, identity.clone()))).collect();
    }

    /// Brings the next start of everything that `touched` says forward to `at`, never back; gives what
    /// that is.
    pub fn hasten(&mut self, at: Moment, touched: impl Fn(&Errand) -> bool) -> Vec<Identity> {
        let soon: Vec<Identity> =
            self.errands.iter().filter(|(_, e)| touched(e)).map(|(identity, _)| identity.clone()).collect();
        for identity in &soon {
            self.again(identity, at);
        }
        soon
    }

    /// Brings one errand's next start forward, never back.
    pub fn again(&mut self, identity: &Identity, at: Moment) {
        if self.due.get(identity).is_some_and(|due| at < *due) {
            self.start_at(identity.clone(), at);
        }
    }

    /// Errands whose moment has come, at most `most` and while the budget is open; each gets its next
    /// moment on the grid.
    pub fn take(&mut self, now: Moment, most: usize, budget: &mut Budget) -> Vec<Start> {
        let mut starts = Vec::new();
        while starts.len() < most {
            if self.next_due().is_none_or(|at| at > now) || !budget.is_open(now) {
                break;
            }
            let Some(Reverse((at, identity))) = self.queue.pop() else { break };
            let Some(errand) = self.errands.get(&identity).cloned() else { continue };
            let interval = errand.interval.max(Duration::from_millis(1));
            let errand = errand.in_run(run(&identity, interval, at));
            budget.spend(errand.jobs.len());
            let just_before = at.saturating_sub(Duration::from_nanos(1));
            let out_of_turn = following(&identity, interval, just_before) != at;
            self.start_at(identity.clone(), following(&identity, interval, now));
            starts.push(Start { errand, due: at, out_of_turn, postponed: budget.put_off(at) });
        }
        starts
    }

    /// When the next errand is due; `None` where nothing is planned.
    pub fn next_due(&mut self) -> Option<Moment> {
        while let Some(Reverse((at, identity))) = self.queue.peek() {
            if self.due.get(identity) == Some(at) {
                return Some(*at);
            }
            self.queue.pop();
        }
        None
    }

    /// One that is planned.
    pub fn errand(&self, identity: &Identity) -> Option<&Errand> {
        self.errands.get(identity)
    }

    /// Everything that is planned.
    pub fn errands(&self) -> impl Iterator<Item = &Errand> {
        self.errands.values()
    }

    /// How many errands there are.
    pub fn len(&self) -> usize {
        self.errands.len()
    }

    /// True where nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.errands.is_empty()
    }

    fn start_at(&mut self, identity: Identity, at: Moment) {
        self.due.insert(identity.clone(), at);
        self.queue.push(Reverse((at, identity)));
    }
}

/// The first moment after `now` on the errand's grid.
fn following(identity: &Identity, interval: Duration, now: Moment) -> Moment {
    let phase = phase(identity, interval);
    let runs = now.checked_sub(phase).map_or(0, |since| since.as_nanos() / interval.as_nanos() + 1);
    let nanos = phase.as_nanos() + runs * interval.as_nanos();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Which one it is of the errand's own runs, by its grid; one in between is the one before it again.
fn run(identity: &Identity, interval: Duration, at: Moment) -> u64 {
    let since = at.saturating_sub(phase(identity, interval));
    u64::try_from(since.as_nanos() / interval.as_nanos()).unwrap_or(u64::MAX)
}

/// When the errand's grid begins.
fn phase((destination, _, source): &Identity, interval: Duration) -> Duration {
    let hash = u128::from(mesh::fnv1a_of([destination, "\0", source]));
    Duration::from_nanos(u64::try_from(hash % interval.as_nanos()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ContainerId;
    use crate::namespace::Vantage;
    use proptest::prelude::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    fn errand(source: &str) -> Errand {
        Errand {
            destination: "shop".into(),
            kind: ProbeKind::Icmp,
            source: source.into(),
            container: Some(ContainerId::new(source)),
            vantage: Vantage::Own,
            interval: INTERVAL,
            timeout: Duration::from_secs(1),
            jobs: Vec::new().into(),
        }
    }

    fn plan(sources: &[&str]) -> Plan {
        Plan { errands: sources.iter().map(|source| errand(source)).collect(), ..Plan::default() }
    }

    /// With a budget for everything.
    fn take(schedule: &mut Schedule, now: Moment, most: usize) -> Vec<Start> {
        schedule.take(now, most, &mut Budget::new(1000, now))
    }

    fn seconds(s: f64) -> Moment {
        Duration::from_secs_f64(s)
    }

    #[test]
    fn what_is_new_runs_at_once_and_what_stays_keeps_its_time() {
        let mut schedule = Schedule::default();
        schedule.replan(plan(&["a"]), seconds(100.0));
        assert_eq!(take(&mut schedule, seconds(100.0), 10).len(), 1);
        let next = schedule.next_due();
        schedule.replan(plan(&["a", "b"]), seconds(101.0));
        let started = take(&mut schedule, seconds(101.0), 10);
        let started: Vec<&str> = started.iter().map(|s| &*s.errand.source).collect();
        assert_eq!(started, ["b"]);
        assert!(next.is_some_and(|at| at > seconds(101.0)));
        schedule.replan(plan(&["b"]), seconds(102.0));
        let started = take(&mut schedule, seconds(200.0), 10);
        assert!(started.iter().all(|s| &*s.errand.source == "b"));
    }

    #[test]
    fn whose_turn_it_is_runs_in_its_own_time_and_the_rest_goes_on() {
        let across = |peer: &str| {
            let key = crate::outcome::ProbeKey {
                destination: "shop".into(),
                kind: ProbeKind::Isolation,
                source: "a".into(),
                target: peer.into(),
                detail: crate::outcome::Detail::Address([10, 0, 0, 2].into()),
            };
            let spec = crate::probe::Spec::Tcp { peer: ([10, 0, 0, 2], 80).into() };
            let jobs = vec![crate::probe::Job::new(key, spec)].into();
            let errands = vec![Errand { kind: ProbeKind::Isolation, jobs, ..errand("a") }, errand("b")];
            Plan { errands, ..Plan::default() }
        };
        let mut schedule = Schedule::default();
        schedule.turn(across("one/x"), seconds(0.0));
        assert_eq!(take(&mut schedule, seconds(0.0), 10).len(), 2, "what is new does not wait");
        let due = schedule.due.clone();
        schedule.turn(across("two/x"), seconds(0.1));
        assert_eq!(schedule.due, due);
        let next = take(&mut schedule, seconds(20.0), 10);
        let targets = next.iter().flat_map(|s| s.errand.jobs.iter().map(|job| job.key.target.to_string()));
        assert_eq!(targets.collect::<Vec<_>>(), ["two/x"]);
        schedule.replan(across("three/x"), seconds(20.0));
        assert_eq!(take(&mut schedule, seconds(20.0), 10).len(), 1, "another address is tried at once");
    }

    #[test]
    fn who_takes_turns_has_them_by_the_errands_own_grid() {
        let key = crate::outcome::ProbeKey {
            destination: "shop".into(),
            kind: ProbeKind::Overlay,
            source: "a".into(),
            target: String::new().into(),
            detail: crate::outcome::Detail::Address([10, 0, 0, 2].into()),
        };
        let spec = crate::probe::Spec::Tcp { peer: ([10, 0, 0, 2], 80).into() };
        let job = |(at, turn): (usize, crate::probe::Turn)| {
            let key = crate::outcome::ProbeKey { target: format!("web/{at}").into(), ..key.clone() };
            crate::probe::Job { turn, ..crate::probe::Job::new(key, spec.clone()) }
        };
        let jobs = crate::probe::Turn::each(3, 1).enumerate().map(job).collect();
        let errands = vec![Errand { kind: ProbeKind::Overlay, jobs, interval: seconds(40.0), ..errand("a") }];
        let mut schedule = Schedule::default();
        schedule.replan(Plan { errands, ..Plan::default() }, seconds(0.0));
        let mut next = || {
            let due = schedule.next_due().expect("planned");
            let tried: Vec<String> = take(&mut schedule, due, 1)
                .iter()
                .flat_map(|start| start.errand.jobs.iter().map(|job| job.key.target.to_string()))
                .collect();
            // Who was in doubt is asked again by the one that looked.
            schedule.hasten(due + seconds(1.0), |_| true);
            let again = take(&mut schedule, due + seconds(1.0), 1);
            let again: Vec<String> = again
                .iter()
                .flat_map(|start| start.errand.jobs.iter().map(|job| job.key.target.to_string()))
                .collect();
            assert_eq!(tried, again);
            tried
        };
        next();
        let turns: Vec<String> = (0..6).flat_map(|_| next()).collect();
        assert_eq!(turns[..3], turns[3..], "{turns:?}");
        let all: BTreeSet<&String> = turns.iter().collect();
        assert_eq!(all.len(), 3, "{turns:?}");
    }

    #[test]
    fn what_an_event_touched_runs_at_once_and_then_in_its_own_time() {
        let mut schedule = Schedule::default();
        schedule.replan(plan(&["a", "b"]), seconds(0.0));
        take(&mut schedule, seconds(0.0), 10);
        let grid = schedule.due.clone();
        let now = schedule.next_due().map_or(seconds(0.0), |at| at / 2);
        schedule.hasten(now, |errand| &*errand.source == "b");
        let started = take(&mut schedule, now, 10);
        assert_eq!(started.iter().map(|s| s.out_of_turn).collect::<Vec<_>>(), [true]);
        assert_eq!(schedule.due, grid);
        let next = schedule.next_due().map(|at| take(&mut schedule, at, 1));
        assert_eq!(next.iter().flatten().map(|s| s.out_of_turn).collect::<Vec<_>>(), [false]);
    }

    #[test]
    fn a_turn_ends_and_forgets_nothing() {
        let mut schedule = Schedule::default();
        schedule.replan(plan(&["a", "b", "c"]), seconds(0.0));
        assert_eq!(take(&mut schedule, seconds(0.0), 2).len(), 2);
        assert_eq!(take(&mut schedule, seconds(0.0), 2).len(), 1);
        assert_eq!(take(&mut schedule, seconds(0.0), 2).len(), 0);
    }

    #[test]
    fn the_budget_puts_off_and_forgets_nothing() {
        let mut schedule = Schedule::default();
        schedule.replan(plan(&["a", "b", "c"]), seconds(0.0));
        // An errand without a job counts as one probe. The second one's is a debt that the third waits for.
        let mut budget = Budget::new(1, seconds(0.0));
        let mut started = Vec::new();
        for tenth in 0..30 {
            let now = seconds(f64::from(tenth) / 10.0);
            let turn = schedule.take(now, 10, &mut budget);
            started.extend(turn.into_iter().map(|s| (tenth, s.postponed)));
        }
        assert_eq!(started, [(0, false), (1, true), (11, true)]);
    }

    #[test]
    fn an_exporter_that_slept_does_not_catch_up() {
        let mut schedule = Schedule::default();
        schedule.replan(plan(&["a"]), seconds(0.0));
        assert_eq!(take(&mut schedule, seconds(61.0), 10).len(), 1);
        assert!(take(&mut schedule, seconds(61.0), 10).is_empty());
    }

    #[test]
    fn the_kinds_of_one_vantage_start_together_and_vantages_are_spread() {
        let first = |kind, source: &str| {
            following(&("shop".into(), kind, source.into()), INTERVAL, seconds(1e6)).as_secs_f64()
        };
        let starts = ["a", "b", "c", "d"].map(|source| {
            let [one, others @ ..] = ProbeKind::ALL.map(|kind| first(kind, source));
            assert!(others.iter().all(|other| (other - one).abs() < 1e-6), "{source}: {one} {others:?}");
            one
        });
        let apart = |a: &f64, b: &f64| (a - b).abs() > 0.2;
        assert!(starts.iter().enumerate().all(|(i, a)| starts.iter().skip(i + 1).all(|b| apart(a, b))));
    }

    proptest! {
        #[test]
        fn no_drift_whatever_a_run_takes(late in proptest::collection::vec(0.0_f64..14.0, 1..40)) {
            let mut schedule = Schedule::default();
            schedule.replan(plan(&["a"]), seconds(0.0));
            take(&mut schedule, seconds(0.0), 1);
            let first = schedule.next_due().expect("planned");
            for (turn, late) in late.iter().enumerate() {
                let due = schedule.next_due().expect("planned");
                prop_assert_eq!(due, first + INTERVAL * u32::try_from(turn).expect("few"));
                take(&mut schedule, due + seconds(*late), 1);
            }
        }
    }
}
