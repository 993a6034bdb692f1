//! The loop that everything meets in: what was heard of the Engine and what probes saw goes in, a
//! [`Verdict`] that every face shows comes out.
//!
//! One task owns the recorder, the schedule and the ledger of findings, so nothing here is locked.
//! It never waits for the Engine or for a probe: those run in tasks of their own and report by
//! message. Messages are bounded; a probe that reports to a full queue waits, and is late by that.

mod apart;
mod approved;
mod eyes;
mod learn;
mod looks;
mod message;
mod nodes;
mod pictures;
mod tasks;
mod visits;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::certificate::Examiner;
use crate::config::Config;
use crate::diagnosis::{Ledger, OPENS_AFTER, Verdict, judge};
use crate::docker::Request;
use crate::inventory::Inventory;
use crate::namespace::Hopper;
use crate::plan::{self, Errand, Plan, plan};
use crate::schedule::{Budget, Identity, Moment, Schedule};
use crate::state::{self, Engine, Recorder};
use crate::timeline::{History, STANDS, Time, Timeline};

use approved::Approval;
use eyes::Eyes;
use learn::Lessons;
use nodes::Nodes;
use pictures::asks_names;
use tasks::Tasks;

pub use message::{Message, Wanted};

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
/// Kinds that may visit a container's namespace at the same time: routes and ports are few containers' errands.
const KINDS_AT_ONCE: usize = 6;
/// Namespaces are looked at (listeners, counters) this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);

/// What others hold of the loop.
#[derive(Clone, Debug)]
pub struct Handle {
    /// To tell it something.
    pub messages: mpsc::Sender<Message>,
    /// The latest verdict.
    pub verdict: Arc<ArcSwap<Verdict>>,
    /// Counts the verdicts, for those who wait for a newer one.
    pub published: watch::Receiver<u64>,
    /// What happened of late.
    pub history: Arc<ArcSwap<History>>,
}

/// The loop.
pub struct Monitor {
    config: Arc<Config>,
    hopper: Hopper,
    /// Remembers the certificates that were presented, and knows whom the operator believes.
    examiner: Arc<Examiner>,
    recorder: Recorder,
    ledger: Ledger,
    timeline: Timeline,
    schedule: Schedule,
    budget: Budget,
    lessons: Lessons,
    /// Who was on an overlay.
    nodes: Nodes,
    /// Who is told to end.
    tasks: Tasks,
    eyes: Eyes,
    approval: Approval,
    inventory: Option<Arc<Inventory>>,
    /// Where the namespaces are; looked at for a mount that shows only the past.
    namespaces: PathBuf,
    /// Ids and names that events named, and that no listing was asked for since.
    touched: BTreeMap<String, SystemTime>,
    running: BTreeSet<Identity>,
    /// Due, and not started because the picture is known to be old.
    held: BTreeSet<Identity>,
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
    history: Arc<ArcSwap<History>>,
    epoch: Instant,
    publish_at: Option<Instant>,
    published_at: Instant,
    look_at: Instant,
    /// When the host is looked at out of turn, and when it last was.
    home_at: Option<Instant>,
    homed_at: Instant,
    /// How often everyone was looked at.
    rounds: u32,
    /// When every name is asked for out of turn.
    ask_names_at: Option<Instant>,
    /// When it is the next pairs' turn.
    turn_at: Instant,
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
        recorder.own().certificates = config.certificates.settings();
        recorder.own().public_addresses.clone_from(&config.probes.public_addresses);
        recorder.counts_by(config.traffic.source);
        let snapshot = Arc::new(recorder.snapshot(SystemTime::now()));
        let verdict = Arc::new(ArcSwap::from_pointee(Verdict {
            snapshot,
            findings: Vec::new(),
            pending: 0,
            passages: Vec::new(),
            certificates: Vec::new(),
        }));
        let history: Arc<ArcSwap<History>> = Arc::default();
        let handle = Handle {
            messages: messages.clone(),
            verdict: Arc::clone(&verdict),
            published: seen,
            history: Arc::clone(&history),
        };
        let now = Instant::now();
        let turn_at = now + config.probes.isolation.interval;
        let budget = Budget::new(config.probes.budget_per_second, Duration::ZERO);
        let examiner = Arc::new(Examiner::new(config.certificates.roots.clone()));
        let monitor = Self {
            config,
            examiner,
            hopper,
            recorder,
            ledger: Ledger::default(),
            timeline: Timeline::new(Time { moment: Moment::ZERO, at: SystemTime::now() }),
            schedule: Schedule::default(),
            budget,
            lessons: Lessons::default(),
            nodes: Nodes::default(),
            tasks: Tasks::default(),
            eyes: Eyes::default(),
            approval: Approval::default(),
            inventory: None,
            namespaces: PathBuf::new(),
            touched: BTreeMap::new(),
            running: BTreeSet::new(),
            held: BTreeSet::new(),
            plan_is_old: false,
            asked_again: BTreeSet::new(),
            awaited: BTreeSet::new(),
            doubted: BTreeMap::new(),
            messages,
            inbox,
            verdict,
            published,
            history,
            epoch: now,
            publish_at: None,
            published_at: now,
            look_at: now + LOOK_INTERVAL,
            home_at: None,
            homed_at: now,
            rounds: 0,
            ask_names_at: None,
            turn_at,
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
            if Instant::now() >= self.turn_at {
                self.take_turn();
            }
            self.start_due();
            let now = Instant::now();
            if now >= self.look_at {
                self.look_at = now + LOOK_INTERVAL;
                self.look_home();
                self.look_around();
            } else if self.home_at.is_some_and(|at| now >= at) {
                self.look_home();
            }
            if self.publish_at.is_some_and(|at| now >= at) {
                self.publish();
            }
        }
    }

    fn now(&self) -> Moment {
        self.epoch.elapsed()
    }

    /// By both clocks.
    fn time(&self) -> Time {
        Time { moment: self.now(), at: SystemTime::now() }
    }

    fn wake_at(&mut self) -> Instant {
        // What is due waits until the budget lets it start.
        let due = self.schedule.next_due().map(|due| self.epoch + due.max(self.budget.opens_at()));
        [due, self.publish_at, self.ask_names_at, self.home_at, Some(self.turn_at)]
            .into_iter()
            .flatten()
            .fold(self.look_at, Instant::min)
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
                self.listed(&seen, asked_at, at);
            }
            Message::Alive { asked_at } => self.answered(asked_at),
            Message::Lost(why) => {
                // It may have taken its containers with it, before it was missed itself.
                if let Engine::Up { asked_at, .. } = self.recorder.sight().engine {
                    self.eyes.engine_lost(asked_at);
                }
                // Said once, and again where it is something else: it is asked every few seconds.
                if self.recorder.engine_lost(&why, at) {
                    tracing::warn!(%why, "the Engine does not answer");
                    self.timeline.engine_lost(&why, self.time());
                }
                self.eyes.tell(self.recorder.sight(), self.inventory.as_deref());
                self.show_after(URGENT);
            }
            Message::Broke { at } => self.broke(at),
            Message::Touched { names, at } => {
                if self.touched.len() < MOST_TOUCHED {
                    self.touched.extend(names.into_iter().map(|name| (name, at)));
                }
                self.recorder.changed(at);
            }
            Message::Told(told) => {
                let now = self.time();
                self.tasks.told(&told);
                self.timeline.told(*told, self.inventory.as_deref(), now);
            }
            Message::Asked(Request { endpoint, took, failure }) => {
                let own = self.recorder.own();
                match failure {
                    Some(reason) => *own.docker_failures.entry((endpoint, reason)).or_default() += 1,
                    None => own.docker_durations.entry(endpoint).or_default().observe(took),
                }
            }
            Message::Ran { identity, container, runs } => self.ran(&identity, container.as_ref(), runs, at),
            Message::Looked { container, seen, sockets_too } => self.looked(container, seen, sockets_too, at),
            Message::Metered(container, interfaces) => self.metered(container, interfaces),
            Message::Home(home) => self.looked_home(*home, at),
            Message::RunNow(destination) => {
                let now = self.now();
                let wanted = |e: &Errand| destination.as_ref().is_none_or(|d| *d == e.destination);
                self.awaited.extend(self.schedule.hasten(now, wanted));
                self.look_at_all_on(destination.as_deref());
                self.show_after(URGENT);
            }
            Message::ProbeNow(wanted, answer) => self.probe_now(&wanted, answer),
            Message::Approved { file, command, read } => self.approved(&file, &command, read),
            Message::Configured(config) => {
                let reload = &mut self.recorder.own().config_reload;
                *reload = (config.is_ok(), if config.is_ok() { Some(at) } else { reload.1 });
                if let Ok(config) = config {
                    // Others are believed now: what was found of each chain no longer holds.
                    self.recorder.own().certificates = config.certificates.settings();
                    self.recorder.own().public_addresses.clone_from(&config.probes.public_addresses);
                    if config.certificates.roots != *self.examiner.roots() {
                        self.examiner = Arc::new(Examiner::new(config.certificates.roots.clone()));
                    }
                    self.config = config;
                    self.reapprove();
                    self.timeline.reloaded(self.time());
                    self.budget.set(self.config.probes.budget_per_second);
                    self.recorder.counts_by(self.config.traffic.source);
                    self.replan();
                }
                self.show_after(URGENT);
            }
        }
    }

    fn replan(&mut self) {
        self.replan_with(Schedule::replan);
    }

    fn replan_with(&mut self, schedule: fn(&mut Schedule, Plan, Moment)) {
        self.plan_is_old = false;
        let Some(inventory) = &self.inventory else { return };
        let plan = plan(inventory, self.lessons.learned(), &self.config.probes);
        self.note_turns(&plan);
        let of_rounds = plan.errands.iter().filter(|errand| !errand.kind.is_rare());
        let round = of_rounds.map(|errand| errand.interval).max().unwrap_or_default();
        self.recorder.planned(plan.keys(), round);
        self.recorder.in_turns(plan.keys_in_turns());
        let covers = plan.covers.iter().map(|(on, cover)| {
            let plan::Cover { targets, within } = cover.clone();
            (Arc::clone(on), state::Cover { targets, within })
        });
        self.recorder.to_cover(covers.collect());
        let is_planned =
            |identity: &Identity| plan.errands.binary_search_by_key(identity, Errand::identity).is_ok();
        self.awaited.retain(is_planned);
        // Names of containers that are gone must not stay for as long as their neighbours do.
        let is_asked = |identity: &Identity, target: &Arc<str>| {
            let at = plan.errands.binary_search_by_key(identity, Errand::identity);
            let errand = at.ok().and_then(|at| plan.errands.get(at));
            errand.is_some_and(|errand| errand.jobs.iter().any(|job| job.key.target == *target))
        };
        self.doubted.retain(|(identity, target), _| is_asked(identity, target));
        self.held.retain(is_planned);
        let now = self.now();
        schedule(&mut self.schedule, plan, now);
    }

    fn publish(&mut self) {
        self.publish_at = None;
        self.published_at = Instant::now();
        let snapshot = Arc::new(self.recorder.snapshot(SystemTime::now()));
        let mut verdict = judge(snapshot, &mut self.ledger);
        if verdict.pending > 0 {
            self.show_after(OPENS_AFTER);
        }
        self.timeline.judged(&verdict, self.time());
        self.timeline.date(&mut verdict.findings);
        if self.timeline.waits() {
            self.show_after(STANDS);
        }
        if let Some(history) = self.timeline.news() {
            self.history.store(Arc::new(history));
        }
        self.verdict.store(Arc::new(verdict));
        self.published.send_modify(|count| *count += 1);
    }
}
