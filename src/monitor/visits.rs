//! Visits: started when they are due, taken in when they end, and asked again where there is doubt.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use crate::inventory::ContainerId;
use crate::namespace::Hopper;
use crate::outcome::{Blindness, Detail, Outcome, ProbeKey, ProbeKind, Reason, Run};
use crate::plan::Errand;
use crate::probe::{self, Limits, Visit};
use crate::schedule::Identity;

use super::apart::{goes_beyond, keep_those_that_fit};
use super::looks::meets_filter;
use super::{CALM, CONFIRM_AFTER, KINDS_AT_ONCE, Message, Monitor, STARTS_A_TURN, URGENT, Wanted};

/// Kinds that have few jobs and are in no hurry: so many at once. Never of a proxy.
const LARGE_AT_ONCE: usize = 1;
const DOORS_AT_ONCE: usize = 2;
/// Where large packets vanish they are sent again after this long, however rarely by the plan: that it is over is to be
/// noticed, too.
const WHILE_TOO_BIG: Duration = Duration::from_secs(30);
/// So many times longer at the most.
const MOST_WAITS: u32 = 10;

impl Monitor {
    pub(super) fn start_due(&mut self) {
        let now = self.now();
        for start in self.schedule.take(now, STARTS_A_TURN, &mut self.budget) {
            if start.postponed {
                self.recorder.own().postponed += start.errand.jobs.len() as u64;
            }
            self.recorder.own().lag.observe(now.saturating_sub(start.due));
            let identity = start.errand.identity();
            if goes_beyond(start.errand.kind) && self.recorder.is_changing() {
                self.held.insert(identity);
                continue;
            }
            if !self.running.insert(identity.clone()) {
                if start.out_of_turn {
                    // What runs may have begun before the change that asks for this look.
                    self.asked_again.insert(identity);
                    continue;
                }
                // The run before still waits for its deadlines: nobody looked this time.
                let missed = start.errand.jobs.len() as u64;
                *self.recorder.own().unknown.entry(Blindness::Overrun).or_default() += missed;
                continue;
            }
            let mut visit = Visit { out_of_turn: start.out_of_turn, ..self.visit(&start.errand) };
            keep_those_that_fit(&mut visit, self.inventory.as_deref());
            self.recorder.own().in_flight += visit.jobs.len() as u64;
            let (hopper, messages) = (self.hopper.clone(), self.messages.clone());
            let container = start.errand.container.clone();
            tokio::spawn(async move {
                let runs = whole(&hopper, visit).await;
                // The loop is gone only when the program ends.
                messages.send(Message::Ran { identity, container, runs }).await.ok();
            });
        }
    }

    /// One probe out of turn: it answers its asker and leaves the series alone. Only what is planned
    /// can be asked for, so nobody makes a relay of it.
    pub(super) fn probe_now(&self, wanted: &Wanted, answer: oneshot::Sender<Vec<Run>>) {
        let errand = self.schedule.errands().find(|errand| {
            *errand.destination == *wanted.destination
                && errand.kind == wanted.kind
                && *errand.source == *wanted.source
        });
        // Dropping the sender says that there is no such probe.
        let Some(mut visit) = errand.map(|errand| self.visit(errand)) else { return };
        visit.jobs = visit.jobs.iter().filter(|job| *job.key.target == *wanted.target).cloned().collect();
        keep_those_that_fit(&mut visit, self.inventory.as_deref());
        if visit.jobs.is_empty() {
            return;
        }
        if goes_beyond(visit.kind) && self.recorder.is_changing() {
            answer.send(visit.blind(Blindness::Overrun, "containers change just now: ask again")).ok();
            return;
        }
        let hopper = self.hopper.clone();
        // Whoever gave up waiting does not want the answer.
        tokio::spawn(async move { answer.send(probe::run(&hopper, visit).await).ok() });
    }

    pub(super) fn visit(&self, errand: &Errand) -> Visit {
        let networks = self.inventory.as_ref().map_or(1, |inventory| {
            let on = |d: &&crate::inventory::Destination| {
                d.endpoints.iter().any(|e| Some(&e.container) == errand.container.as_ref())
            };
            inventory.destinations.iter().filter(on).count().max(1)
        });
        let probes = &self.config.probes;
        let outside = [probes.external_names.is_empty(), probes.external_addresses.is_empty()];
        let others = KINDS_AT_ONCE - 1 + outside.iter().filter(|none| !**none).count();
        let all = probes.in_flight_per_namespace / networks;
        let share = (all / (others + 1)).max(1);
        // What isolation swallows is waited for in full, and a site that hangs keeps those behind it waiting: these have
        // what the others' shares leave. No container has both: pairs are never tried from a proxy.
        let left = all.saturating_sub(share * others).max(share);
        let share = match errand.kind {
            ProbeKind::Route => left,
            ProbeKind::Isolation => left.saturating_sub(LARGE_AT_ONCE + DOORS_AT_ONCE).max(1),
            ProbeKind::PathMtu => LARGE_AT_ONCE,
            ProbeKind::Hairpin => DOORS_AT_ONCE,
            _ => share,
        };
        Visit {
            kind: errand.kind,
            vantage: errand.vantage.clone(),
            jobs: Arc::clone(&errand.jobs),
            limits: Limits { timeout: errand.timeout, in_flight: share },
            out_of_turn: true,
            examiner: Arc::clone(&self.examiner),
        }
    }

    pub(super) fn ran(
        &mut self,
        identity: &Identity,
        container: Option<&ContainerId>,
        runs: Vec<Run>,
        at: SystemTime,
    ) {
        self.running.remove(identity);
        let answers = self.awaited.remove(identity) && self.awaited.is_empty();
        if self.asked_again.remove(identity) {
            let now = self.now();
            self.schedule.again(identity, now);
        }
        let own = self.recorder.own();
        own.in_flight = own.in_flight.saturating_sub(runs.len() as u64);
        let (mut runs, learned) = self.lessons.learn_from(runs, self.inventory.as_deref());
        self.doubt_what_is_old(&mut runs);
        if let Some(container) = container {
            self.eyes.visited(container, &runs);
        }
        self.eyes.tell(self.recorder.sight(), self.inventory.as_deref());
        let mut flipped = false;
        let mut doubts: Vec<ProbeKey> = Vec::new();
        let mut fell = false;
        let is_turned = self.recorder.own().turns.get(&identity.0).is_some_and(|turns| turns.taken)
            && self.recorder.own().round_last_completed.is_some();
        for run in runs.iter().filter(|run| !matches!(run.outcome, Outcome::Unknown(_))) {
            let failed = run.outcome.reason().is_some();
            let known = self.recorder.latest(&run.key);
            let was = known.and_then(|record| (record.runs > 0).then_some(record.failures_in_a_row));
            // That the next pair is apart, as the one before, is no news.
            let expected = run.key.kind == ProbeKind::Isolation && !failed && is_turned;
            flipped |= was.map_or(!expected, |row| (row > 0) != failed || (failed && row == 1));
            // The first failure of a row is a doubt, and so is the first success after one.
            if failed != was.is_some_and(|row| row > 0) {
                fell |= failed;
                doubts.push(run.key.clone());
            }
        }
        self.nodes.heard(&runs, self.inventory.as_deref());
        self.look_behind_ports(&runs);
        if let Some(container) = container {
            self.look_for_ports(container, &runs);
        }
        let is_hole = |run: &Run| run.key.kind == ProbeKind::PathMtu && run.outcome.reason().is_some();
        let narrow = runs.iter().any(is_hole);
        let rows = runs.iter().filter_map(|run| Some(self.recorder.latest(&run.key)?.failures_in_a_row));
        let rows = rows.max().unwrap_or_default();
        let through = |run: &Run| run.outcome == Outcome::Failure(Reason::Reachable);
        let pairs: Vec<(ProbeKey, bool)> = match identity.1 {
            ProbeKind::Isolation => runs.iter().map(|run| (run.key.clone(), through(run))).collect(),
            _ => Vec::new(),
        };
        self.recorder.record(runs, at);
        self.learn_pairs(identity, &pairs);
        self.plan_is_old |= learned;
        let is_news = !doubts.is_empty();
        doubts.retain(|doubt| self.may_doubt(identity, &doubt.target));
        let soon = self.now() + CONFIRM_AFTER;
        if fell || !doubts.is_empty() {
            self.schedule.again(identity, soon);
        }
        if narrow && fell {
            // The host's own way out may have become the narrow one.
            self.look_home_in(Duration::ZERO);
        }
        if narrow {
            // Less and less often: many networks may have one narrow way.
            let later = self.now() + WHILE_TOO_BIG * rows.clamp(1, MOST_WAITS);
            self.schedule.again(identity, later);
        }
        // The host may be the cause, or may have been: its own facts are to be known before anybody else is blamed.
        if is_news && meets_filter(identity.1) {
            self.look_home_in(Duration::ZERO);
        }
        if !doubts.is_empty() {
            self.schedule.hasten(soon, |errand| doubts.iter().any(|doubt| tells_apart(errand, doubt)));
        }
        self.show_after(if flipped || answers { URGENT } else { CALM });
    }

    /// Once an interval and target: who fails and succeeds by turns must not keep its neighbours busy.
    pub(super) fn may_doubt(&mut self, identity: &Identity, target: &Arc<str>) -> bool {
        let (now, Some(errand)) = (self.now(), self.schedule.errand(identity)) else { return false };
        let last = self.doubted.entry((identity.clone(), Arc::clone(target))).or_insert(now);
        let may = *last == now || now >= *last + errand.interval.mul_f64(0.9);
        if may {
            *last = now;
        }
        may
    }
}

/// Whether the host tries the same port at the same address.
fn is_door(detail: &Detail, doubt: &ProbeKey) -> bool {
    match (detail, &doubt.detail) {
        (Detail::Door(_, _, at), Detail::Port(ip, port)) => (at.ip(), at.port()) == (*ip, *port),
        (Detail::Port(..), wanted) => detail == wanted,
        _ => false,
    }
}

/// All the runs of a visit, whatever comes: strangers' bytes go through many parsers, and one that panics
/// must not cost the errand for ever.
async fn whole(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let planned = visit.clone();
    match AssertUnwindSafe(probe::run(hopper, visit)).catch_unwind().await {
        Ok(runs) => runs,
        Err(_) => planned.blind(Blindness::Resources, "the probe panicked: this is a fault of the exporter"),
    }
}

/// Whether an errand looks where a doubt does: from elsewhere at the same container, or from the same
/// container elsewhere. What it says tells a fault of one from a fault of the other.
fn tells_apart(errand: &Errand, doubt: &ProbeKey) -> bool {
    let same = || errand.jobs.iter().any(|job| job.key.detail == doubt.detail);
    match doubt.kind {
        // The other destinations, and the host.
        ProbeKind::Hairpin if errand.container.is_none() => {
            return errand.jobs.iter().any(|job| is_door(&job.key.detail, doubt));
        }
        ProbeKind::Hairpin | ProbeKind::PathMtu => return errand.kind == doubt.kind && same(),
        // The node itself, and what else is on it: by other containers too.
        ProbeKind::Overlay | ProbeKind::Node => {
            return errand.destination == doubt.destination
                && matches!(errand.kind, ProbeKind::Overlay | ProbeKind::Node);
        }
        // Everyone else who asks for the same outside: the fault may be one container's, a destination's or the host's.
        ProbeKind::IcmpExternal | ProbeKind::DnsExternal if errand.kind == doubt.kind => return same(),
        // What is heard again, or no more, is measured anew: by the plan that would take minutes.
        ProbeKind::IcmpExternal if errand.kind == ProbeKind::PathMtu => {
            return errand.destination == doubt.destination && same();
        }
        _ => {}
    }
    !goes_beyond(doubt.kind)
        && errand.destination == doubt.destination
        && matches!(errand.kind, ProbeKind::Icmp | ProbeKind::Tcp | ProbeKind::Dns)
        && (errand.source == doubt.source
            || errand.source == doubt.target
            || errand.jobs.iter().any(|job| job.key.target == doubt.target))
}
