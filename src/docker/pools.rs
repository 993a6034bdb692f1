//! The Engine's address pools, of `/info`.
//!
//! That is a long answer, for which the Engine counts containers and asks its plugins: it is read once for each Engine and
//! then seldom, of it one field alone, and where it cannot be had nothing else is lost.

use std::sync::PoisonError;
use std::time::Duration;

use bollard::errors::Error;
use serde::Deserialize;
use tokio::time::Instant;

use crate::inventory::seen::{SeenPool, bounded};

use super::allowance::{Allowance, ONE};
use super::engine::Engine;
use super::wire;

/// They change where the Engine is started anew, which is seen; this is for what is not.
const ASKED_EVERY: Duration = Duration::from_secs(600);
/// Nobody names more.
const MOST: usize = 256;

/// What was said the last time, and when it was asked for.
#[derive(Debug, Default)]
pub(super) struct Pools {
    said: Option<Vec<SeenPool>>,
    asked_at: Option<Instant>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "DefaultAddressPools", default)]
    pools: Option<Vec<Pool>>,
}

#[derive(Deserialize)]
struct Pool {
    #[serde(rename = "Base", default)]
    base: String,
    #[serde(rename = "Size", default)]
    size: u8,
}

impl Engine {
    /// Those that the operator named, or none where Docker's own are in force; `None` where the Engine does not say.
    pub(super) async fn pools(&self) -> Option<Vec<SeenPool>> {
        let known = {
            let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
            let is_fresh = pools.asked_at.is_some_and(|at| at.elapsed() < ASKED_EVERY);
            is_fresh.then(|| pools.said.clone())
        };
        if let Some(said) = known {
            return said;
        }
        let asked_at = Some(Instant::now());
        let answer = self.ask("info", info(&self.host)).await;
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.asked_at = asked_at;
        // Who cannot be asked now has said it before.
        if let Ok(said) = answer {
            pools.said = Some(said);
        }
        pools.said.clone()
    }

    /// Another Engine may answer from now on, or the same with other settings.
    pub fn may_be_another(&self) {
        *self.pools.lock().unwrap_or_else(PoisonError::into_inner) = Pools::default();
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn info(host: &str) -> Result<Vec<SeenPool>, Error> {
    let info: Info = wire::fields(host, "/info", Allowance::of(ONE)).await?;
    let pools = info.pools.unwrap_or_default().into_iter().take(MOST);
    Ok(pools.map(|pool| SeenPool { base: bounded(&pool.base).to_owned(), size: pool.size }).collect())
}
