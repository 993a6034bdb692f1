//! Keeps the monitor told of what the Engine has: listings are the truth, events say when to list.
//!
//! Every request that the exporter makes to the Engine on its own starts here, one listing at a time,
//! beside the event stream. Between listings the Engine is asked for a sign of life: it is the resolver of
//! every container, and what they cannot resolve while it is silent is no fault of theirs.

mod pace;

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::RngExt as _;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::Docker;
use crate::docker::{Change, Engine, EngineError, Request, now};
use crate::inventory::seen::Seen;
use crate::monitor::Message;
use pace::Pace;

/// Events that come this close together are one change: a redeploy is a dozen of them.
const GATHER: Duration = Duration::from_millis(50);
/// The first wait after a failure; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// A stream that ends sooner is ended by something between, again and again, and not by an Engine that restarts.
const SHORT_LIVED: Duration = Duration::from_secs(30);
/// The longest wait after a failure: an Engine that is back is seen within this time.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Time between two signs of life that are asked for.
const PING_INTERVAL: Duration = Duration::from_secs(3);

/// Lists at once, after every change, and every `refresh_interval`; until `stop` or until nobody
/// listens any more.
pub async fn watch(settings: Docker, monitor: mpsc::Sender<Message>, stop: CancellationToken) {
    let engine = Engine::new(&settings);
    let (changes, changed) = mpsc::channel(256);
    let events = tokio::spawn(follow(engine.clone(), changes, monitor.clone(), stop.clone()));
    let (before, the_same_engine, lost) = (None, false, false);
    let pace = Pace::new(settings.refresh_interval);
    let mut watcher = Watcher { engine, before, the_same_engine, lost, pace, monitor, changed };
    stop.run_until_cancelled(watcher.run()).await;
    events.abort();
}

struct Watcher {
    engine: Engine,
    /// What was seen the last time.
    before: Option<Arc<Seen>>,
    /// Nothing happened since that may have put another Engine in its place.
    the_same_engine: bool,
    /// It did not answer, and no listing came since: one that is alive and cannot list is away all the same.
    lost: bool,
    pace: Pace,
    monitor: mpsc::Sender<Message>,
    changed: mpsc::Receiver<Change>,
}

impl Watcher {
    /// Ends when nobody listens any more.
    async fn run(&mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            let (asked_at, began) = (SystemTime::now(), Instant::now());
            let Continue((listed, changes)) = self.list().await else { return };
            let took = began.elapsed();
            let flow = match self.requests().await {
                Break(()) => return,
                Continue(()) => match listed {
                    Ok(seen) => {
                        wait = FIRST_WAIT;
                        let seen = Arc::new(seen);
                        self.pace.saw(self.before.as_deref(), &seen);
                        self.before = Some(Arc::clone(&seen));
                        self.lost = false;
                        match self.tell(Message::Listed { seen, asked_at }).await {
                            Break(()) => Break(()),
                            Continue(()) => {
                                let apart = self.pace.apart(took);
                                self.rest(began + apart, changes).await
                            }
                        }
                    }
                    Err(error) => {
                        let flow = self.lost(&error).await;
                        sleep(jittered(wait)).await;
                        wait = (wait * 2).min(LONGEST_WAIT);
                        flow
                    }
                },
            };
            if flow.is_break() {
                return;
            }
        }
    }

    /// A listing, and whether anything changed while it was under way: it may not show that. One that takes long is
    /// no sign of life: each of its requests has a deadline of its own, and an Engine that freezes among the
    /// inspections would be missed after all of them.
    async fn list(&mut self) -> ControlFlow<(), (Result<Seen, EngineError>, bool)> {
        let Self { engine, before, the_same_engine, lost, monitor, changed, .. } = self;
        // Until something says otherwise, also while it lists.
        let as_before = std::mem::replace(the_same_engine, true);
        let listing = engine.list(before.as_deref(), as_before);
        let sign = Notify::new();
        let silence = silence(engine, (!*lost).then_some(&*monitor), &sign);
        tokio::pin!(listing, silence);
        let mut changes = false;
        loop {
            tokio::select! {
                listed = &mut listing => {
                    if listed.is_ok() && engine.has_missed_an_answer() {
                        // It froze among the inspections, or a container hangs: the sign that is asked for tells.
                        tokio::select! {
                            error = &mut silence => return Continue((Err(error), changes)),
                            () = sign.notified() => {}
                        }
                    }
                    return Continue((listed, changes));
                }
                error = &mut silence => return Continue((Err(error), changes)),
                Some(change) = changed.recv() => {
                    changes |= change.is_to_be_listed();
                    if change.stream_ended {
                        *the_same_engine = false;
                        engine.may_be_another();
                    }
                    if pass_on(monitor, change).await.is_break() {
                        return Break(());
                    }
                }
            }
        }
    }

    /// Until it is time for the next listing: something changed (but not before `earliest`), the last
    /// one is old, or the Engine gives no sign of life.
    async fn rest(&mut self, earliest: Instant, mut changes: bool) -> ControlFlow<()> {
        let now = Instant::now();
        let mut list_at = if changes { (now + GATHER).max(earliest) } else { now + self.pace.again() };
        let mut ping_at = now + PING_INTERVAL;
        loop {
            tokio::select! {
                () = sleep_until(list_at) => break,
                Some(change) = self.changed.recv() => {
                    if change.is_to_be_listed() {
                        changes = true;
                        list_at = list_at.min((Instant::now() + GATHER).max(earliest));
                    }
                    if change.stream_ended {
                        self.the_same_engine = false;
                        self.engine.may_be_another();
                    }
                    // At once: until the listing comes, what is known is known to be old.
                    pass_on(&self.monitor, change).await?;
                }
                () = self.engine.pools_told() => {
                    changes = true;
                    list_at = list_at.min(earliest);
                }
                () = sleep_until(ping_at) => {
                    ping_at = Instant::now() + PING_INTERVAL;
                    let asked_at = SystemTime::now();
                    let answer = self.engine.ping().await;
                    self.requests().await?;
                    match answer {
                        Ok(()) => self.tell(Message::Alive { asked_at }).await?,
                        Err(error) => return self.lost(&error).await,
                    }
                }
            }
        }
        // Where it is not because of a change, who answers is asked again too.
        self.the_same_engine &= changes;
        Continue(())
    }

    async fn lost(&mut self, error: &EngineError) -> ControlFlow<()> {
        self.the_same_engine = false;
        self.lost = true;
        self.engine.may_be_another();
        self.tell(Message::Lost(error.to_string())).await
    }

    /// Tells of the requests that were made.
    async fn requests(&self) -> ControlFlow<()> {
        for request in self.engine.requests() {
            self.tell(Message::Asked(request)).await?;
        }
        Continue(())
    }

    async fn tell(&self, message: Message) -> ControlFlow<()> {
        if self.monitor.send(message).await.is_ok() { Continue(()) } else { Break(()) }
    }
}

/// Asks for signs of life, and ends where there is none. Tells of them whoever is to know.
async fn silence(engine: &Engine, monitor: Option<&mpsc::Sender<Message>>, sign: &Notify) -> EngineError {
    loop {
        sleep(PING_INTERVAL).await;
        let asked_at = SystemTime::now();
        match engine.ping().await {
            Ok(()) => {
                sign.notify_waiters();
                if let Some(monitor) = monitor {
                    // Where nobody listens any more, whoever lists learns it too.
                    monitor.send(Message::Alive { asked_at }).await.ok();
                }
            }
            Err(error) => return error,
        }
    }
}

/// Follows the event stream, and takes it up again where it ended. That it broke is no verdict on
/// the Engine: the next listing is.
async fn follow(
    engine: Engine,
    changes: mpsc::Sender<Change>,
    monitor: mpsc::Sender<Message>,
    stop: CancellationToken,
) {
    let mut wait = FIRST_WAIT;
    // From now on, however late the stream comes to be: what comes before it, the first listing shows.
    let mut since = now();
    while !stop.is_cancelled() {
        let began = Instant::now();
        let ended = engine.events(&mut since, &changes).await;
        if changes.is_closed() {
            return;
        }
        tracing::debug!(error = %ended, "the Engine's event stream ended");
        if began.elapsed() > LONGEST_WAIT {
            // One that stood and stands no more is the first sign of an Engine that ended: the listing that this
            // brings about is refused, or shows what was missed. Behind a socket that systemd holds nobody is refused.
            let stream_broke = began.elapsed() > SHORT_LIVED;
            let ended = Change { stream_ended: true, stream_broke, ..Change::default() };
            if changes.send(ended).await.is_err() {
                return;
            }
        }
        let failure = Some(ended.reason);
        let failed = Request { endpoint: ended.endpoint, took: began.elapsed(), failure };
        if monitor.send(Message::Asked(failed)).await.is_err() {
            return;
        }
        wait = if began.elapsed() > LONGEST_WAIT { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(jittered(wait)) => {}
        }
    }
}

/// Tells what happened, and what is old by it.
async fn pass_on(monitor: &mpsc::Sender<Message>, mut change: Change) -> ControlFlow<()> {
    let is_to_be_listed = change.is_to_be_listed();
    let broke = change.stream_broke.then(|| Message::Broke { at: SystemTime::now() });
    let told = change.told.take().map(Message::Told);
    let touched = is_to_be_listed.then(|| {
        let names = change.container.into_iter().chain(change.network).collect();
        Message::Touched { names, at: SystemTime::now() }
    });
    for message in broke.into_iter().chain(told).chain(touched) {
        if monitor.send(message).await.is_err() {
            return Break(());
        }
    }
    Continue(())
}

/// Half to all of `wait`, so that many exporters do not knock at one moment.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..=1.0))
}
