//! The loop that everything meets in: what was heard of the Engine and what probes saw goes in, a
//! [`Verdict`] that every face shows comes out.
//!
//! One task owns the recorder, the schedule and the ledger of findings, so nothing here is locked.
//! It never waits for the Engine or for a probe: those run in tasks of their own and report by
//! message. Messages are bounded; a probe that reports to a full queue waits, and is late by that.

mod eyes;
mod learn;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::diagnosis::{AFTER_ABSENCE, Ledger, OPENS_AFTER, Verdict, judge};
use crate::docker::Request;
use crate::inventory::seen::Seen;
use crate::inventory::{ContainerId, Inventory, build};
use crate::namespace::{HopError, Hopper, Vantage};
use crate::netstack::Inner;
use crate::outcome::{Blindness, Outcome, ProbeKey, ProbeKind, Run};
use crate::plan::{Errand, plan};
use crate::probe::{self, Limits, Visit};
use crate::schedule::{Budget, Identity, Moment, Schedule};
use crate::state::Recorder;

use eyes::Eyes;
use learn::Lessons;

/// What is known is shown this often while nothing changes its sense.
const CALM: Duration = Duration::from_secs(2);
/// What changes the sense of things is shown after this long, so that a burst is one change.
const URGENT: Duration = Duration::from_millis(20);
/// However much changes, two verdicts are this far apart: each costs a look at everything.
const VERDICTS_APART: Duration = Duration::from_millis(100);
/// A probe that failed for the first time is asked again after this long: one lost packet is no fault.
const CONFIRM_AFTER: Duration = Duration::from_millis(500);
/// Names that are kept of one burst of events; who is not among them is probed in its own time.
const MOST_TOUCHED: usize = 512;
/// Errands started before the loop looks at its messages again.
const STARTS_A_TURN: usize = 64;
/// Kinds that may visit one namespace at the same time.
const KINDS_AT_ONCE: usize = ProbeKind::ALL.len();
/// Namespaces are looked at (listeners, counters) this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);

/// What comes in.
#[derive(Debug)]
pub enum Message {
    /// A complete listing, asked for at this moment.
    Listed {
        /// What there is.
        seen: Arc<Seen>,
        /// When it was asked for.
        asked_at: SystemTime,
    },
    /// The Engine gave the sign of life that it was asked for at this moment.
    Alive {
        /// When.
        asked_at: SystemTime,
    },
    /// The Engine did not answer, and why.
    Lost(String),
    /// An event touched these containers (ids) and networks (ids or names): probe them at once.
    Touched(Vec<String>),
    /// A request to the Engine was made.
    Asked(Request),
    /// A visit ended.
    Ran {
        /// Of which errand.
        identity: Identity,
        /// Where it looked from.
        container: ContainerId,
        /// What it saw.
        runs: Vec<Run>,
    },
    /// A namespace was looked at.
    Looked(ContainerId, Result<Inner, HopError>),
    /// The exporter's own namespace has these interfaces.
    Home(BTreeSet<String>),
    /// Someone wants a round now, of all destinations or of one.
    RunNow(Option<Arc<str>>),
    /// Someone wants to see one planned probe now, and waits for the answer.
    ProbeNow(Wanted, oneshot::Sender<Vec<Run>>),
    /// A new configuration, or that there was one that could not be taken.
    Configured(Result<Arc<Config>, ()>),
}

/// Which planned probes are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The destination's label value.
    pub destination: String,
    /// The kind.
    pub kind: ProbeKind,
    /// Endpoint name of the vantage.
    pub source: String,
    /// Endpoint name of the target.
    pub target: String,
}

/// What others hold of the loop.
#[derive(Clone, Debug)]
pub struct Handle {
    /// To tell it something.
    pub messages: mpsc::Sender<Message>,
    /// The latest verdict.
    pub verdict: Arc<ArcSwap<Verdict>>,
    /// Counts the verdicts, for those who wait for a newer one.
    pub published: watch::Receiver<u64>,
}

/// The loop.
pub struct Monitor {
    config: Arc<Config>,
    hopper: Hopper,
    recorder: Recorder,
    ledger: Ledger,
    schedule: Schedule,
    budget: Budget,
    lessons: Lessons,
    eyes: Eyes,
    inventory: Option<Arc<Inventory>>,
    /// Where the namespaces are; looked at for a mount that shows only the past.
    namespaces: PathBuf,
    /// Ids and names that events named since the last listing.
    touched: BTreeSet<String>,
    running: BTreeSet<Identity>,
    /// Something was learned since the last plan.
    plan_is_old: bool,
    /// Of those that run, the ones that were asked for again meanwhile: they start anew when they end.
    asked_again: BTreeSet<Identity>,
    /// What somebody asked for and waits for.
    awaited: BTreeSet<Identity>,
    /// When each errand last had others look at a target that it doubted.
    doubted: BTreeMap<(Identity, Arc<str>), Moment>,
    messages: mpsc::Sender<Message>,
    inbox: mpsc::Receiver<Message>,
    verdict: Arc<ArcSwap<Verdict>>,
    published: watch::Sender<u64>,
    epoch: Instant,
    publish_at: Option<Instant>,
    published_at: Instant,
    look_at: Instant,
    /// When every name is asked for out of turn.
    ask_names_at: Option<Instant>,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("errands", &self.schedule.len()).finish_non_exhaustive()
    }
}

impl Monitor {
    /// Makes the loop and the handle on it; nothing runs yet. Links in findings begin with `external_url`.
    pub fn new(config: Arc<Config>, hopper: Hopper, external_url: &str) -> (Self, Handle) {
        let (messages, inbox) = mpsc::channel(1024);
        let (published, seen) = watch::channel(0);
        let mut recorder = Recorder::default();
        recorder.own().config_reload = (true, Some(SystemTime::now()));
        recorder.own().external_url = external_url.into();
        let snapshot = Arc::new(recorder.snapshot(SystemTime::now()));
        let verdict = Arc::new(ArcSwap::from_pointee(Verdict { snapshot, findings: Vec::new(), pending: 0 }));
        let handle = Handle { messages: messages.clone(), verdict: Arc::clone(&verdict), published: seen };
        let now = Instant::now();
        let budget = Budget::new(config.probes.budget_per_second, Duration::ZERO);
        let monitor = Self {
            config,
            hopper,
            recorder,
            ledger: Ledger::default(),
            schedule: Schedule::default(),
            budget,
            lessons: Lessons::default(),
            eyes: Eyes::default(),
            inventory: None,
            namespaces: PathBuf::new(),
            touched: BTreeSet::new(),
            running: BTreeSet::new(),
            plan_is_old: false,
            asked_again: BTreeSet::new(),
            awaited: BTreeSet::new(),
            doubted: BTreeMap::new(),
            messages,
            inbox,
            verdict,
            published,
            epoch: now,
            publish_at: None,
            published_at: now,
            look_at: now + LOOK_INTERVAL,
            ask_names_at: None,
        };
        (monitor, handle)
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let wake = self.wake_at();
            tokio::select! {
                () = stop.cancelled() => return,
                message = self.inbox.recv() => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
                () = tokio::time::sleep_until(wake) => {}
            }
            // What else has come meanwhile is one change.
            for _ in 0..256 {
                match self.inbox.try_recv() {
                    Ok(message) => self.take(message),
                    Err(_) => break,
                }
            }
            if self.ask_names_at.is_some_and(|at| Instant::now() >= at) {
                self.ask_names_at = None;
                let now = self.now();
                self.schedule.hasten(now, asks_names);
            }
            if self.plan_is_old {
                self.replan();
            }
            self.start_due();
            let now = Instant::now();
            if now >= self.look_at {
                self.look_at = now + LOOK_INTERVAL;
                self.look_home();
                self.look(|_| true);
            }
            if self.publish_at.is_some_and(|at| now >= at) {
                self.publish();
            }
        }
    }

    fn now(&self) -> Moment {
        self.epoch.elapsed()
    }

    fn wake_at(&mut self) -> Instant {
        // What is due waits until the budget lets it start.
        let due = self.schedule.next_due().map(|due| self.epoch + due.max(self.budget.opens_at()));
        [due, self.publish_at, self.ask_names_at].into_iter().flatten().fold(self.look_at, Instant::min)
    }

    fn show_after(&mut self, patience: Duration) {
        let at = (Instant::now() + patience).max(self.published_at + VERDICTS_APART);
        self.publish_at = Some(self.publish_at.map_or(at, |before| before.min(at)));
    }

    fn take(&mut self, message: Message) {
        let at = SystemTime::now();
        match message {
            Message::Listed { seen, asked_at } => {
                self.answered(asked_at);
                self.listed(&seen, at);
            }
            Message::Alive { asked_at } => self.answered(asked_at),
            Message::Lost(why) => {
                // Said once, and again where it is something else: it is asked every few seconds.
                if self.recorder.engine_lost(&why, at) {
                    tracing::warn!(%why, "the Engine does not answer");
                }
                self.show_after(URGENT);
            }
            Message::Touched(names) => {
                if self.touched.len() < MOST_TOUCHED {
                    self.touched.extend(names);
                }
                self.recorder.changing();
            }
            Message::Asked(Request { endpoint, took, failure }) => {
                let own = self.recorder.own();
                match failure {
                    Some(reason) => *own.docker_failures.entry((endpoint, reason)).or_default() += 1,
                    None => own.docker_durations.entry(endpoint).or_default().observe(took),
                }
            }
            Message::Ran { identity, container, runs } => self.ran(&identity, &container, runs, at),
            Message::Looked(container, seen) => self.looked(container, seen),
            Message::Home(interfaces) => self.looked_home(&interfaces),
            Message::RunNow(destination) => {
                let now = self.now();
                let wanted = |e: &Errand| destination.as_ref().is_none_or(|d| *d == e.destination);
                self.awaited.extend(self.schedule.hasten(now, wanted));
                self.show_after(URGENT);
            }
            Message::ProbeNow(wanted, answer) => self.probe_now(&wanted, answer),
            Message::Configured(config) => {
                let reload = &mut self.recorder.own().config_reload;
                *reload = (config.is_ok(), if config.is_ok() { Some(at) } else { reload.1 });
                if let Ok(config) = config {
                    self.config = config;
                    self.budget.set(self.config.probes.budget_per_second);
                    self.replan();
                }
                self.show_after(URGENT);
            }
        }
    }

    fn answered(&mut self, asked_at: SystemTime) {
        if !self.recorder.engine_answered(asked_at) {
            return;
        }
        tracing::info!("the Engine answers");
        // It is the containers' resolver too: what it left unanswered while it was away says nothing now.
        let now = self.now();
        self.schedule.hasten(now, asks_names);
        // And once more when what it left unanswered counts against nobody any longer.
        self.ask_names_at = Some(Instant::now() + AFTER_ABSENCE);
        self.show_after(URGENT);
    }

    fn listed(&mut self, seen: &Seen, at: SystemTime) {
        let inventory = Arc::new(build::build(seen, &self.config.destinations, at));
        self.recorder.listed(Arc::clone(&inventory), at);
        self.look_at_mount(&inventory);
        let unread = self.lessons.forget_all_but(&inventory);
        self.eyes.forget_all_but(&inventory);
        self.eyes.tell(self.recorder.sight(), Some(&inventory));
        let changed = self.inventory.as_ref().is_none_or(|before| !same(before, &inventory));
        self.inventory = Some(inventory);
        if changed {
            self.replan();
            self.look_home();
            self.show_after(URGENT);
        } else {
            self.show_after(CALM);
        }
        let touched = std::mem::take(&mut self.touched);
        if !touched.is_empty() {
            let now = self.now();
            let known = self.inventory.clone();
            self.schedule.hasten(now, |errand| concerns(errand, &touched, known.as_deref()));
        }
        self.look(|id| unread.contains(id));
    }

    fn replan(&mut self) {
        self.plan_is_old = false;
        let Some(inventory) = &self.inventory else { return };
        let plan = plan(inventory, self.lessons.learned(), &self.config.probes);
        let round = plan.errands.iter().map(|errand| errand.interval).max().unwrap_or_default();
        self.recorder.planned(plan.keys(), round);
        let is_planned =
            |identity: &Identity| plan.errands.binary_search_by_key(identity, Errand::identity).is_ok();
        self.awaited.retain(is_planned);
        self.doubted.retain(|(identity, _), _| is_planned(identity));
        let now = self.now();
        self.schedule.replan(plan, now);
    }

    fn start_due(&mut self) {
        let now = self.now();
        for start in self.schedule.take(now, STARTS_A_TURN, &mut self.budget) {
            if start.postponed {
                self.recorder.own().postponed += start.errand.jobs.len() as u64;
            }
            self.recorder.own().lag.observe(now.saturating_sub(start.due));
            let identity = start.errand.identity();
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
            self.recorder.own().in_flight += start.errand.jobs.len() as u64;
            let visit = self.visit(&start.errand);
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
    fn probe_now(&self, wanted: &Wanted, answer: oneshot::Sender<Vec<Run>>) {
        let errand = self.schedule.errands().find(|errand| {
            *errand.destination == *wanted.destination
                && errand.kind == wanted.kind
                && *errand.source == *wanted.source
        });
        // Dropping the sender says that there is no such probe.
        let Some(mut visit) = errand.map(|errand| self.visit(errand)) else { return };
        visit.jobs = visit.jobs.iter().filter(|job| *job.key.target == *wanted.target).cloned().collect();
        if visit.jobs.is_empty() {
            return;
        }
        let hopper = self.hopper.clone();
        // Whoever gave up waiting does not want the answer.
        tokio::spawn(async move { answer.send(probe::run(&hopper, visit).await).ok() });
    }

    fn visit(&self, errand: &Errand) -> Visit {
        let networks = self.inventory.as_ref().map_or(1, |inventory| {
            let on = |d: &&crate::inventory::Destination| {
                d.endpoints.iter().any(|e| e.container == errand.container)
            };
            inventory.destinations.iter().filter(on).count().max(1)
        });
        let share = self.config.probes.in_flight_per_namespace / (KINDS_AT_ONCE * networks);
        Visit {
            kind: errand.kind,
            vantage: errand.vantage.clone(),
            jobs: Arc::clone(&errand.jobs),
            limits: Limits { timeout: errand.timeout, in_flight: share.max(1) },
        }
    }

    fn ran(&mut self, identity: &Identity, container: &ContainerId, runs: Vec<Run>, at: SystemTime) {
        self.running.remove(identity);
        let answers = self.awaited.remove(identity) && self.awaited.is_empty();
        if self.asked_again.remove(identity) {
            let now = self.now();
            self.schedule.again(identity, now);
        }
        let own = self.recorder.own();
        own.in_flight = own.in_flight.saturating_sub(runs.len() as u64);
        let (runs, learned) = self.lessons.learn_from(runs, self.inventory.as_deref());
        self.eyes.visited(container, &runs);
        self.eyes.tell(self.recorder.sight(), self.inventory.as_deref());
        let mut flipped = false;
        let mut doubts: Vec<ProbeKey> = Vec::new();
        let mut fell = false;
        for run in runs.iter().filter(|run| !matches!(run.outcome, Outcome::Unknown(_))) {
            let failed = run.outcome.reason().is_some();
            let known = self.recorder.latest(&run.key);
            let was = known.and_then(|record| (record.runs > 0).then_some(record.failures_in_a_row));
            flipped |= was.is_none_or(|row| (row > 0) != failed || (failed && row == 1));
            // The first failure of a row is a doubt, and so is the first success after one.
            if failed != was.is_some_and(|row| row > 0) {
                fell |= failed;
                doubts.push(run.key.clone());
            }
        }
        self.recorder.record(runs, at);
        self.plan_is_old |= learned;
        doubts.retain(|doubt| self.may_doubt(identity, &doubt.target));
        let soon = self.now() + CONFIRM_AFTER;
        if fell || !doubts.is_empty() {
            self.schedule.again(identity, soon);
        }
        self.schedule.hasten(soon, |errand| doubts.iter().any(|doubt| tells_apart(errand, doubt)));
        self.show_after(if flipped || answers { URGENT } else { CALM });
    }

    /// Once an interval and target: who fails and succeeds by turns must not keep its neighbours busy.
    fn may_doubt(&mut self, identity: &Identity, target: &Arc<str>) -> bool {
        let (now, Some(errand)) = (self.now(), self.schedule.errand(identity)) else { return false };
        let last = self.doubted.entry((identity.clone(), Arc::clone(target))).or_insert(now);
        let may = *last == now || now >= *last + errand.interval.mul_f64(0.9);
        if may {
            *last = now;
        }
        may
    }

    fn looked(&mut self, container: ContainerId, seen: Result<Inner, HopError>) {
        let here = |inventory: &Arc<Inventory>| inventory.endpoints().any(|(_, e)| e.container == container);
        if !self.inventory.as_ref().is_some_and(here) {
            // It was taken off the last destination meanwhile.
            return;
        }
        self.eyes.looked(&container, seen.as_ref());
        self.eyes.tell(self.recorder.sight(), self.inventory.as_deref());
        match seen {
            Ok(inner) => {
                self.plan_is_old |= self.lessons.listeners(&container, inner.listeners.clone());
                self.recorder.looked(container, inner);
                self.show_after(CALM);
            }
            Err(_) => self.show_after(URGENT),
        }
    }

    /// The mount that the namespaces are in is judged once, as soon as a container tells where it is:
    /// nothing fails before one is missed.
    fn look_at_mount(&mut self, inventory: &Inventory) {
        let ways = inventory.containers.values().filter_map(|c| c.way_in.as_ref());
        let mut folders = ways.filter_map(|way| way.sandbox.as_deref()?.parent());
        let Some(folder) = folders.next().filter(|folder| **folder != *self.namespaces) else { return };
        folder.clone_into(&mut self.namespaces);
        let frozen = crate::namespace::mounts::frozen(folder);
        if let Some(why) = &frozen {
            tracing::error!(%why, "cannot look into containers that start from now on");
        }
        self.recorder.sight().frozen = frozen;
    }

    /// The exporter is on the host's network where the networks' bridges are.
    fn looked_home(&mut self, interfaces: &BTreeSet<String>) {
        let Some(inventory) = &self.inventory else { return };
        let bridges: Vec<_> = inventory.destinations.iter().filter_map(|d| d.bridge.as_deref()).collect();
        self.recorder.sight().host_network =
            (!bridges.is_empty()).then(|| bridges.iter().any(|bridge| interfaces.contains(*bridge)));
        self.show_after(CALM);
    }

    fn look_home(&self) {
        let (hopper, messages) = (self.hopper.clone(), self.messages.clone());
        tokio::spawn(async move {
            // What cannot be read is not said: the next look tells more.
            let Ok(interfaces) = hopper.hop(&Vantage::Own, crate::namespace::Inside::interfaces).await else {
                return;
            };
            messages.send(Message::Home(interfaces)).await.ok();
        });
    }

    /// Reads listeners and counters in the namespaces of running containers on destinations.
    fn look(&self, wanted: impl Fn(&ContainerId) -> bool) {
        let Some(inventory) = &self.inventory else { return };
        let on: BTreeSet<&ContainerId> =
            inventory.destinations.iter().flat_map(|d| &d.endpoints).map(|e| &e.container).collect();
        for id in on.into_iter().filter(|id| wanted(id)) {
            let Some(way) = inventory.container(id).and_then(|c| c.way_in.clone()) else { continue };
            let (hopper, messages, id) = (self.hopper.clone(), self.messages.clone(), id.clone());
            tokio::spawn(async move {
                let seen = hopper.hop(&Vantage::Container(way), crate::namespace::Inside::look).await;
                messages.send(Message::Looked(id, seen)).await.ok();
            });
        }
    }

    fn publish(&mut self) {
        self.publish_at = None;
        self.published_at = Instant::now();
        let snapshot = Arc::new(self.recorder.snapshot(SystemTime::now()));
        let verdict = judge(snapshot, &mut self.ledger);
        if verdict.pending > 0 {
            self.show_after(OPENS_AFTER);
        }
        self.verdict.store(Arc::new(verdict));
        self.published.send_modify(|count| *count += 1);
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

const fn asks_names(errand: &Errand) -> bool {
    matches!(errand.kind, ProbeKind::Dns | ProbeKind::DnsExternal)
}

/// Whether an errand looks where a doubt does: from elsewhere at the same container, or from the same
/// container elsewhere. What it says tells a fault of one from a fault of the other.
fn tells_apart(errand: &Errand, doubt: &ProbeKey) -> bool {
    errand.destination == doubt.destination
        && matches!(errand.kind, ProbeKind::Icmp | ProbeKind::Tcp | ProbeKind::Dns)
        && (errand.source == doubt.source
            || errand.source == doubt.target
            || errand.jobs.iter().any(|job| job.key.target == doubt.target))
}

/// Whether two listings say the same but for the time.
fn same(before: &Inventory, after: &Inventory) -> bool {
    before.destinations == after.destinations
        && before.absent == after.absent
        && before.containers == after.containers
        && before.engine == after.engine
        && before.oddities == after.oddities
}

/// Whether an errand looks from or at something that an event named.
fn concerns(errand: &Errand, touched: &BTreeSet<String>, inventory: Option<&Inventory>) -> bool {
    if touched.contains(errand.container.as_str()) || touched.contains(&*errand.destination) {
        return true;
    }
    let Some(destination) = inventory.and_then(|i| i.destination(&errand.destination)) else { return false };
    touched.contains(destination.id.as_str())
        || errand.jobs.iter().any(|job| {
            destination.endpoint(&job.key.target).is_some_and(|e| touched.contains(e.container.as_str()))
        })
}
