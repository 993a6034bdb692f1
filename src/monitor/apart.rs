//! Probes that go beyond a destination: to others, and to the host's own ports.
//!
//! What is said at an address that has gone to somebody else meanwhile would be told of the wrong one: as a breach that
//! is none. So nothing is sent while the picture is known to be old, nor to an address that the picture does not hold,
//! and what comes back while it has become old says nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::inventory::{Inventory, Place};
use crate::outcome::{Blindness, Detail, Outcome, ProbeKey, ProbeKind, Reason, Run};
use crate::plan::Plan;
use crate::probe::Visit;
use crate::schedule::Identity;
use crate::state::Turns;

use super::Monitor;

/// A breach is over once every way between the two was seen shut so many times in a row.
const SHUT: u32 = 2;

/// True for the kinds that go beyond a destination.
pub(super) const fn goes_beyond(kind: ProbeKind) -> bool {
    matches!(kind, ProbeKind::Isolation | ProbeKind::PublishedPort | ProbeKind::Hairpin)
}

/// Leaves the jobs whose target is where the picture says.
pub(super) fn keep_those_that_fit(visit: &mut Visit, inventory: Option<&Inventory>) {
    if goes_beyond(visit.kind) && !visit.jobs.iter().all(|job| fits(&job.key, inventory)) {
        let jobs = visit.jobs.iter().filter(|job| fits(&job.key, inventory)).cloned();
        visit.jobs = jobs.collect::<Vec<_>>().into();
    }
}

fn fits(key: &ProbeKey, inventory: Option<&Inventory>) -> bool {
    let Some(inventory) = inventory else { return false };
    match (key.kind, &key.detail) {
        (ProbeKind::Isolation, Detail::Address(address) | Detail::Port(address, _)) => {
            let target = inventory.beyond(&key.target);
            target.and_then(|(d, name)| d.endpoint(name)).is_some_and(|e| e.addresses.contains(address))
        }
        (ProbeKind::PublishedPort, Detail::Port(_, port)) => {
            let endpoint = inventory.destination(&key.destination).and_then(|d| d.endpoint(&key.target));
            let container = endpoint.and_then(|e| inventory.container(&e.container));
            container.is_some_and(|c| c.published.iter().any(|p| p.host_port == *port))
        }
        (ProbeKind::Hairpin, Detail::Port(_, port)) => {
            let proxy = inventory.proxies.iter().find(|proxy| proxy.name == key.target);
            let container = proxy.and_then(|proxy| inventory.container(&proxy.container));
            container
                .is_some_and(|c| c.place == Place::Host || c.published.iter().any(|p| p.host_port == *port))
        }
        _ => true,
    }
}

impl Monitor {
    /// What waits for a picture that is not old may start now.
    pub(super) fn release(&mut self) {
        if !self.recorder.is_changing() {
            let now = self.now();
            for identity in std::mem::take(&mut self.held) {
                self.schedule.again(&identity, now);
            }
        }
    }

    /// The next pairs' turn. Who waits for a round waits for those that were planned when it was asked for.
    pub(super) fn take_turn(&mut self) {
        let interval = self.config.probes.isolation.interval;
        let takes_turns = self.recorder.own().turns.values().any(|turns| turns.taken);
        if !self.awaited.is_empty() {
            self.turn_at = Instant::now() + interval / 10;
            return;
        }
        self.turn_at = Instant::now() + interval;
        self.lessons.turn();
        if takes_turns {
            self.replan_with(super::Schedule::turn);
        }
    }

    /// How the pairs of a plan take turns, for whoever reads what is known.
    pub(super) fn note_turns(&mut self, plan: &Plan) {
        let turns = plan.peers.iter().map(|(destination, peers)| {
            let taken = peers.take_turns();
            (Arc::clone(destination), Turns { peers: peers.count, within: peers.within, taken })
        });
        self.recorder.own().turns = Arc::new(turns.collect());
        // A pair that nobody can try any more is no pair.
        let inventory = self.inventory.as_deref();
        let errands = plan.errands.iter().filter(|errand| errand.kind == ProbeKind::Isolation);
        let jobs = errands.flat_map(|e| e.jobs.iter().map(move |job| (&e.destination, &job.key.target)));
        let tried: BTreeSet<(&str, &str)> =
            jobs.filter_map(|(from, to)| Some((&**from, &*inventory?.beyond(to)?.0.name))).collect();
        self.lessons.keep_pairs(|from, to| tried.contains(&(from, to)));
        self.recorder.own().breached = Arc::new(self.lessons.learned().breached.clone());
    }

    /// What came back while the picture has become old says nothing.
    pub(super) fn doubt_what_is_old(&self, runs: &mut [Run]) {
        let changing = self.recorder.is_changing();
        let failed = |run: &&mut Run| goes_beyond(run.key.kind) && run.outcome.reason().is_some();
        for run in runs.iter_mut().filter(failed) {
            if changing || !fits(&run.key, self.inventory.as_deref()) {
                run.outcome = Outcome::Unknown(Blindness::Vanished);
                run.seen.note = Some("the containers changed meanwhile".to_owned());
            }
        }
    }

    /// Learns which pairs are to be tried every time. Called when the runs are recorded.
    pub(super) fn learn_pairs(&mut self, identity: &Identity, keys: &[(ProbeKey, bool)]) {
        let (from, kind, _) = identity;
        let Some(inventory) = self.inventory.clone().filter(|_| *kind == ProbeKind::Isolation) else {
            return;
        };
        let peer = |key: &ProbeKey| inventory.beyond(&key.target).map(|(d, _)| Arc::clone(&d.name));
        let open: BTreeSet<Arc<str>> =
            keys.iter().filter(|(_, through)| *through).filter_map(|(key, _)| peer(key)).collect();
        for to in &open {
            self.plan_is_old |= self.lessons.pair(from, to, true);
        }
        // Every way of the pair, whoever looks: one that was not seen yet is not seen shut.
        let known: Vec<Arc<str>> = self
            .lessons
            .learned()
            .breached
            .iter()
            .filter(|(source, to)| source == from && !open.contains(to))
            .map(|(_, to)| Arc::clone(to))
            .collect();
        for to in known {
            let errands = self.schedule.errands().filter(|e| e.kind == *kind && e.destination == *from);
            let mut ways = errands.flat_map(|e| e.jobs.iter()).map(|job| &job.key).peekable();
            let any = ways.peek().is_some();
            let shut = ways
                .filter(|key| peer(key).as_ref() == Some(&to))
                .all(|key| self.recorder.latest(key).is_some_and(|record| record.successes_in_a_row >= SHUT));
            if any && shut {
                self.plan_is_old |= self.lessons.pair(from, &to, false);
            }
        }
    }

    /// Who is said to listen on ports that fail is asked anew: what was read last may be of before a restart.
    pub(super) fn look_behind_ports(&self, runs: &[Run]) {
        let Some(inventory) = &self.inventory else { return };
        let failed = runs.iter().filter(|run| {
            run.key.kind == ProbeKind::PublishedPort
                && matches!(run.outcome, Outcome::Failure(reason) if reason != Reason::Prohibited)
        });
        let behind: BTreeSet<_> = failed
            .filter_map(|run| inventory.destination(&run.key.destination)?.endpoint(&run.key.target))
            .map(|endpoint| endpoint.container.clone())
            .collect();
        if !behind.is_empty() {
            self.look(|_| false, |id| behind.contains(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::Sample;
    use crate::inventory::PublishedPort;
    use crate::namespace::Vantage;
    use crate::probe::{Job, Limits, Spec};

    fn key(kind: ProbeKind, target: &str, last: u8, port: u16) -> ProbeKey {
        ProbeKey {
            destination: "shop".into(),
            kind,
            source: "web".into(),
            target: target.into(),
            detail: Detail::Port([10, 0, 3, last].into(), port),
        }
    }

    fn town() -> Inventory {
        let mut sample = Sample::shop(&["web"]);
        let port =
            PublishedPort { host_ip: None, host_port: 8080, container_port: 80, protocol: "tcp".into() };
        sample.container("web").published.push(port);
        sample.destination("blog", 3);
        sample.endpoint("blog", "post");
        sample.inventory
    }

    #[test]
    fn nothing_goes_to_an_address_that_the_picture_does_not_hold() {
        let inventory = town();
        let keys = [
            (key(ProbeKind::Isolation, "blog/post", 2, 80), true),
            (key(ProbeKind::Isolation, "blog/post", 3, 80), false),
            (key(ProbeKind::Isolation, "blog/gone", 2, 80), false),
            (key(ProbeKind::Isolation, "wiki/post", 2, 80), false),
            (key(ProbeKind::PublishedPort, "web", 2, 8080), true),
            (key(ProbeKind::PublishedPort, "web", 2, 8081), false),
            (key(ProbeKind::PublishedPort, "gone", 2, 8080), false),
        ];
        for (key, expected) in &keys {
            assert_eq!(fits(key, Some(&inventory)), *expected, "{key:?}");
            assert!(!fits(key, None));
        }
        let jobs =
            keys.iter().map(|(key, _)| Job::new(key.clone(), Spec::Tcp { peer: ([10, 0, 3, 2], 80).into() }));
        let mut visit = Visit {
            kind: ProbeKind::Isolation,
            vantage: Vantage::Own,
            jobs: jobs.collect(),
            limits: Limits { timeout: std::time::Duration::from_secs(1), in_flight: 1 },
            out_of_turn: false,
            examiner: Arc::default(),
        };
        keep_those_that_fit(&mut visit, Some(&inventory));
        let left: Vec<&ProbeKey> = visit.jobs.iter().map(|job| &job.key).collect();
        assert_eq!(left, keys.iter().filter(|(_, fits)| *fits).map(|(key, _)| key).collect::<Vec<_>>());
    }
}
