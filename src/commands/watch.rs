//! Keeps the monitor told of what the Engine has: listings are the truth, events say when to list.
//!
//! Every request that the exporter makes to the Engine on its own starts here, one at a time, beside
//! the event stream. Between listings the Engine is asked for a sign of life: it is the resolver of
//! every container, and what they cannot resolve while it is silent is no fault of theirs.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, SystemTime};

use rand::RngExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::Docker;
use crate::docker::{Change, Engine, EngineError};
use crate::inventory::EngineInfo;
use crate::monitor::Message;

/// Events that come this close together are one change: a redeploy is a dozen of them.
const GATHER: Duration = Duration::from_millis(50);
/// However many events come, listings begin this far apart.
const LISTINGS_APART: Duration = Duration::from_millis(250);
/// And so many times as far as one takes: a listing is work for the Engine.
const LISTING_SHARE: u32 = 5;
/// The first wait after a failure; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
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
    let refresh = settings.refresh_interval;
    let mut watcher = Watcher { engine, known: None, refresh, monitor, changed };
    stop.run_until_cancelled(watcher.run()).await;
    events.abort();
}

struct Watcher {
    engine: Engine,
    /// Who answers, until something may have changed that.
    known: Option<EngineInfo>,
    refresh: Duration,
    monitor: mpsc::Sender<Message>,
    changed: mpsc::Receiver<Change>,
}

impl Watcher {
    /// Ends when nobody listens any more.
    async fn run(&mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            let (asked_at, began) = (SystemTime::now(), Instant::now());
            let flow = match self.engine.list(self.known.clone()).await {
                Ok(seen) => {
                    wait = FIRST_WAIT;
                    self.known = Some(seen.engine.clone());
                    let took = began.elapsed();
                    let asked = Message::Asked("list", took, None);
                    let listed = Message::Listed { seen: Box::new(seen), asked_at };
                    if self.tell([asked, listed]).await.is_break() {
                        Break(())
                    } else {
                        self.rest(began + LISTINGS_APART.max(took * LISTING_SHARE)).await
                    }
                }
                Err(error) => {
                    let flow = self.lost(&error, began.elapsed()).await;
                    sleep(jittered(wait)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    flow
                }
            };
            if flow.is_break() {
                return;
            }
        }
    }

    /// Until it is time for the next listing: something changed (but not before `earliest`), the last
    /// one is old, or the Engine gives no sign of life.
    async fn rest(&mut self, earliest: Instant) -> ControlFlow<()> {
        let list_at = Instant::now() + self.refresh;
        loop {
            let ping_at = Instant::now() + PING_INTERVAL;
            tokio::select! {
                () = sleep_until(list_at) => {
                    self.known = None;
                    return Continue(());
                }
                Some(change) = self.changed.recv() => return self.gather(change, earliest).await,
                () = sleep_until(ping_at) => {}
            }
            let (asked_at, began) = (SystemTime::now(), Instant::now());
            match self.engine.ping().await {
                Ok(()) => {
                    let asked = Message::Asked("ping", began.elapsed(), None);
                    self.tell([asked, Message::Alive { asked_at }]).await?;
                }
                Err(error) => return self.lost(&error, began.elapsed()).await,
            }
        }
    }

    async fn gather(&mut self, first: Change, earliest: Instant) -> ControlFlow<()> {
        let mut touched = names(first);
        sleep_until((Instant::now() + GATHER).max(earliest)).await;
        while let Ok(more) = self.changed.try_recv() {
            touched.extend(names(more));
        }
        self.tell([Message::Touched(touched)]).await
    }

    async fn lost(&mut self, error: &EngineError, took: Duration) -> ControlFlow<()> {
        self.known = None;
        let asked = Message::Asked(error.endpoint, took, Some(error.reason));
        self.tell([asked, Message::Lost(error.to_string())]).await
    }

    async fn tell(&self, messages: impl IntoIterator<Item = Message>) -> ControlFlow<()> {
        for message in messages {
            if self.monitor.send(message).await.is_err() {
                return Break(());
            }
        }
        Continue(())
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
    let mut since = None;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let ended = engine.events(&mut since, &changes).await;
        if changes.is_closed() {
            return;
        }
        tracing::debug!(error = %ended, "the Engine's event stream ended");
        let failed = Message::Asked(ended.endpoint, began.elapsed(), Some(ended.reason));
        if monitor.send(failed).await.is_err() {
            return;
        }
        wait = if began.elapsed() > LONGEST_WAIT { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(jittered(wait)) => {}
        }
    }
}

fn names(change: Change) -> Vec<String> {
    change.container.into_iter().chain(change.network).collect()
}

/// Half to all of `wait`, so that many exporters do not knock at one moment.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..=1.0))
}
