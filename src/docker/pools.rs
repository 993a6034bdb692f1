//! The Engine's address pools, of `/info`.
//!
//! That is a long answer, for which the Engine counts containers and asks its plugins: it is read once for each Engine and
//! then seldom, of it one field alone. It is asked for beside the listings, which show what was said the last time; and
//! where it cannot be had nothing else is lost.

use std::sync::PoisonError;
use std::time::Duration;

use bollard::errors::Error;
use futures_util::FutureExt as _;
use serde::Deserialize;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout};

use crate::inventory::seen::{SeenPool, bounded};

use super::allowance::{Allowance, ONE};
use super::engine::Engine;
use super::{swarm, wire};

/// They change where the Engine is started anew, which is seen; this is for what is not.
const ASKED_EVERY: Duration = Duration::from_secs(600);
/// What fails may pass; but not where it is forbidden.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The first listing waits so long for it: whoever looks once and goes has no other.
const FIRST: Duration = Duration::from_secs(2);
/// Nobody names more.
const MOST: usize = 256;

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// What was said the last time.
    said: Option<Vec<SeenPool>>,
    /// Nobody asks before.
    rests_until: Option<Instant>,
    /// The request that is under way, if it is.
    asking: Option<AbortHandle>,
    was_asked: bool,
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "DefaultAddressPools", default)]
    pools: Option<Vec<Pool>>,
    #[serde(rename = "Swarm", default)]
    swarm: Option<swarm::Hint>,
}

#[derive(Deserialize)]
struct Pool {
    #[serde(rename = "Base", default)]
    base: String,
    #[serde(rename = "Size", default)]
    size: u8,
}

impl Engine {
    /// Asks, where it is time to, beside whatever else is asked. What it returns ends with the first answer.
    pub(super) fn ask_pools(&self) -> Option<JoinHandle<()>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asking = pools.asking.as_ref().is_some_and(|asking| !asking.is_finished());
        if is_asking || pools.rests_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let engine = self.clone();
        let asking = tokio::spawn(async move { engine.read_pools().await });
        pools.asking = Some(asking.abort_handle());
        let is_first = !std::mem::replace(&mut pools.was_asked, true);
        is_first.then_some(asking)
    }

    async fn read_pools(&self) {
        let asked_at = Instant::now();
        let answer = self.ask("info", info(&self.host)).await;
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, rest) = match answer {
            Ok((said, hint)) => {
                self.hinted(&hint);
                (Some(said), ASKED_EVERY)
            }
            Err(error) if matches!(error.reason, "forbidden" | "not_found") => (None, ASKED_EVERY),
            // Who cannot be asked now has said it before.
            Err(_) => (pools.said.clone(), ASKED_AGAIN_AFTER),
        };
        pools.rests_until = Some(asked_at + rest);
        if pools.said != said {
            pools.said = said;
            self.pools_told.notify_one();
        }
    }

    /// Those that the operator named, or none where Docker's own are in force; `None` where the Engine does not say.
    pub(super) async fn pools(&self, first: Option<JoinHandle<()>>) -> Option<Vec<SeenPool>> {
        if let Some(answer) = first {
            timeout(FIRST, answer).await.ok();
        }
        // What was told until now is taken here.
        self.pools_told().now_or_never();
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).said.clone()
    }

    /// Ends when something else was said of them than the last listing shows.
    pub async fn pools_told(&self) {
        self.pools_told.notified().await;
    }

    /// Asks with the next listing, whenever it was asked before. What was said stays until there is an answer.
    pub(super) fn ask_pools_anew(&self) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.rests_until = None;
        // An answer that is under way is of the one before.
        if let Some(asking) = pools.asking.take() {
            asking.abort();
        }
    }
}

async fn info(host: &str) -> Result<(Vec<SeenPool>, swarm::Hint), Error> {
    let info: Info = wire::fields(host, "/info", Allowance::of(ONE)).await?;
    let pools = info.pools.unwrap_or_default().into_iter().take(MOST);
    let pools = pools.map(|pool| SeenPool { base: bounded(&pool.base).to_owned(), size: pool.size });
    Ok((pools.collect(), info.swarm.unwrap_or_default()))
}
