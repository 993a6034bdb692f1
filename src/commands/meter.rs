//! Has the Engine tell of the traffic of those whom the kernel's counters do not tell of.
//!
//! In the background, a few at a time, and not while the Engine is silent: its statistics take an old
//! Engine a second each. Nobody is asked where every container can be looked into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::stream::{StreamExt as _, iter};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::Docker;
use crate::diagnosis::Verdict;
use crate::docker::{Engine, EngineError};
use crate::inventory::ContainerId;
use crate::monitor::{Handle, Message};
use crate::traffic::wants_engine;

/// How often it is looked whether somebody is to be asked for.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// As often as the kernel's counters are read.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// Requests under way at once.
const AT_ONCE: usize = 4;

/// Until `stop`, or until nobody listens any more.
pub async fn meter(settings: Docker, monitor: Handle, stop: CancellationToken) {
    let mut meter = Meter { engine: Engine::new(&settings), monitor, asked: BTreeMap::new() };
    stop.run_until_cancelled(meter.run()).await;
}

struct Meter {
    engine: Engine,
    monitor: Handle,
    /// When each was last asked for.
    asked: BTreeMap<ContainerId, Instant>,
}

impl Meter {
    async fn run(&mut self) {
        while !self.monitor.messages.is_closed() {
            let due = self.due();
            if !due.is_empty() {
                self.ask(due).await;
            }
            sleep(WATCH_EVERY).await;
        }
    }

    /// Who is wanted, and was not asked for lately.
    fn due(&mut self) -> BTreeSet<ContainerId> {
        let snapshot = Arc::clone(&self.monitor.verdict.load().snapshot);
        if !snapshot.sight.engine.is_up() {
            return BTreeSet::new();
        }
        let mut wanted = wants_engine(&snapshot);
        self.asked.retain(|container, _| wanted.contains(container));
        let now = Instant::now();
        wanted.retain(|container| self.asked.get(container).is_none_or(|at| now - *at >= ASK_EVERY));
        self.asked.extend(wanted.iter().map(|container| (container.clone(), now)));
        wanted
    }

    async fn ask(&self, due: BTreeSet<ContainerId>) {
        let (engine, verdict) = (&self.engine, &self.monitor.verdict);
        let answers = iter(due).map(|container| async move {
            let answer = if is_up(verdict) { Some(engine.counters(&container).await) } else { None };
            (container, answer)
        });
        let mut answers = Box::pin(answers.buffer_unordered(AT_ONCE));
        while let Some((container, answer)) = answers.next().await {
            for request in self.engine.requests() {
                self.monitor.messages.send(Message::Asked(request)).await.ok();
            }
            let interfaces = match answer {
                Some(Ok(interfaces)) => interfaces,
                // What it said last stays, as everything does that the Engine said: it will be back.
                None => continue,
                Some(Err(error)) if concerns_all(&error) => {
                    tracing::debug!(%error, "the Engine tells nothing of traffic");
                    return;
                }
                // It stays silent on this one alone: its counters must not seem to stand still.
                Some(Err(error)) => {
                    tracing::debug!(%container, %error, "the Engine tells nothing of a container's traffic");
                    Vec::new()
                }
            };
            self.monitor.messages.send(Message::Metered(container, interfaces)).await.ok();
        }
    }
}

fn is_up(verdict: &ArcSwap<Verdict>) -> bool {
    verdict.load().snapshot.sight.engine.is_up()
}

/// Whoever is asked for next would be refused alike. A connection that breaks may do so at one answer alone.
fn concerns_all(error: &EngineError) -> bool {
    matches!(error.reason, "forbidden" | "refused" | "no_socket" | "permission")
}
