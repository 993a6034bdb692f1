//! Keeps the monitor told of what the Engine has: listings are the truth, events say when to list.
//!
//! Every request that the exporter makes to the Engine on its own starts here, one listing at a time.

use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::Docker;
use crate::docker::{Change, Engine, EngineError};
use crate::monitor::Message;

/// Events that come this close together are one change: a redeploy is a dozen of them.
const GATHER: Duration = Duration::from_millis(50);
/// The first wait after a failure; it doubles up to the refresh interval.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Lists at once, after every change, and every `refresh_interval`; until `stop` or until nobody
/// listens any more.
pub async fn watch(settings: Docker, monitor: mpsc::Sender<Message>, stop: CancellationToken) {
    let engine = Engine::new(&settings);
    let (changes, mut changed) = mpsc::channel(256);
    let events = tokio::spawn(follow(engine.clone(), changes, settings.refresh_interval, stop.clone()));
    let mut wait = FIRST_WAIT;
    loop {
        let began = Instant::now();
        let listed = tokio::select! {
            () = stop.cancelled() => break,
            listed = engine.list() => listed,
        };
        let next = match listed {
            Ok(seen) => {
                wait = FIRST_WAIT;
                let asked = Message::Asked("list", began.elapsed(), None);
                if !tell(&monitor, [asked, Message::Listed(Box::new(seen))]).await {
                    break;
                }
                settings.refresh_interval
            }
            Err(error) => {
                if !tell(&monitor, lost(&error, began.elapsed())).await {
                    break;
                }
                wait = (wait * 2).min(settings.refresh_interval);
                jittered(wait)
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep_until(Instant::now() + next) => {}
            Some(change) = changed.recv() => {
                let mut touched = names(change);
                sleep(GATHER).await;
                while let Ok(more) = changed.try_recv() {
                    touched.extend(names(more));
                }
                if !tell(&monitor, [Message::Touched(touched)]).await {
                    break;
                }
            }
        }
    }
    events.abort();
}

/// Follows the event stream, and takes it up again where it ended. That it broke is no verdict on
/// the Engine: the next listing is.
async fn follow(
    engine: Engine,
    changes: mpsc::Sender<Change>,
    longest_wait: Duration,
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
        wait = if began.elapsed() > longest_wait { FIRST_WAIT } else { (wait * 2).min(longest_wait) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(jittered(wait)) => {}
        }
    }
}

fn lost(error: &EngineError, took: Duration) -> [Message; 2] {
    let asked = Message::Asked(error.endpoint, took, Some(error.reason));
    [asked, Message::Lost(error.to_string())]
}

fn names(change: Change) -> Vec<String> {
    change.container.into_iter().chain(change.network).collect()
}

/// Half to all of `wait`, so that many exporters do not knock at one moment.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..=1.0))
}

async fn tell(monitor: &mpsc::Sender<Message>, messages: impl IntoIterator<Item = Message>) -> bool {
    for message in messages {
        if monitor.send(message).await.is_err() {
            return false;
        }
    }
    true
}
