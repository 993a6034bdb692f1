//! The Swarm that the Engine is in: of `/info`, of each overlay's gossip, and where the Engine is a manager of `/nodes`,
//! `/services` and `/tasks`.
//!
//! An Engine that is in no Swarm has no network of the scope `swarm`, and is asked nothing of this. What cannot be had is
//! left out, or as it was: a manager without a quorum still tells its gossip, and a worker is never asked what managers
//! alone may say.

pub(super) mod control;
pub(super) mod gossip;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::inventory::seen::{SeenGossip, SeenNetwork, SeenSwarm, bounded};
use crate::inventory::select;

use super::addresses::is_whole_id;
use super::allowance::{Allowance, ONE};
use super::engine::{Engine, INSPECTIONS};
use super::error::EngineError;
use super::wire;

/// `/info` counts containers and runs programs, and its part on the Swarm changes when somebody joins, leaves or is
/// promoted.
const INTRODUCED_EVERY: Duration = Duration::from_secs(30);
/// One that could not say what managers know is asked again soon: a quorum comes back within seconds.
const INTRODUCED_AGAIN: Duration = Duration::from_secs(5);
/// The tasks of a large Swarm are megabytes, and all managers have them.
const CONTROLLED_EVERY: Duration = Duration::from_secs(10);
/// A manager waits so long for a leader, and a moment more.
const LEADERLESS: Duration = Duration::from_secs(25);
/// Managers that are named.
const MOST_MANAGERS: usize = 32;

/// What was said the last time.
#[derive(Debug, Default)]
pub(super) struct Known {
    swarm: Option<SeenSwarm>,
    /// Somebody who asked for something else heard that there is one: one that is locked has no networks.
    is_hinted: bool,
    /// The managers' answer was late the last time.
    was_late: bool,
    /// What each overlay's gossip said, by its id.
    gossip: HashMap<String, SeenGossip>,
    introduced_until: Option<Instant>,
    controlled_until: Option<Instant>,
}

#[derive(Deserialize)]
pub(super) struct Info {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Swarm", default)]
    swarm: Option<Part>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Part {
    #[serde(rename = "NodeID")]
    node_id: String,
    node_addr: String,
    local_node_state: String,
    control_available: bool,
    error: String,
    remote_managers: Option<Vec<Manager>>,
    cluster: Option<Cluster>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Manager {
    addr: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Cluster {
    data_path_port: u16,
}

/// Whether there is a Swarm, by an answer that was asked for otherwise.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Hint {
    local_node_state: String,
}

/// What is kept of it; `None` of one that is in no Swarm. What managers know is as it was.
pub(super) fn introduction(info: Info, known: Option<SeenSwarm>) -> Option<SeenSwarm> {
    let part = info.swarm.filter(|part| !matches!(&*part.local_node_state, "" | "inactive"))?;
    let text = |text: &str| bounded(text).to_owned();
    let (control, control_error) =
        known.map(|known| (known.control, known.control_error)).unwrap_or_default();
    let mut managers: Vec<String> =
        part.remote_managers.iter().flatten().map(|one| text(&one.addr)).collect();
    managers.sort();
    managers.dedup();
    managers.truncate(MOST_MANAGERS);
    Some(SeenSwarm {
        node_id: text(&part.node_id),
        name: text(&info.name),
        address: text(&part.node_addr),
        state: text(&part.local_node_state),
        is_manager: part.control_available,
        error: text(&part.error),
        managers,
        data_port: part.cluster.unwrap_or_default().data_path_port,
        control,
        control_error,
    })
}

impl Engine {
    /// Takes what another answer says.
    pub(super) fn hinted(&self, hint: &Hint) {
        let mut known = self.swarm.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_hinted = !matches!(&*hint.local_node_state, "" | "inactive");
    }

    /// It may be another, or have been promoted: it introduces itself anew. What was said stays until then.
    pub(super) fn ask_swarm_anew(&self) {
        let mut known = self.swarm.lock().unwrap_or_else(PoisonError::into_inner);
        (known.introduced_until, known.controlled_until) = (None, None);
    }

    /// For how long it may wait for a leader before it answers: of networks a manager asks the others, and answers with its
    /// own where they say nothing (moby, `daemon/cluster`: `swarmRequestTimeout`). Signs of life are asked for meanwhile.
    pub(super) fn swarm_waits(&self) -> Duration {
        let known = self.swarm.lock().unwrap_or_else(PoisonError::into_inner);
        if known.swarm.as_ref().is_some_and(|swarm| swarm.is_manager) { LEADERLESS } else { Duration::ZERO }
    }

    /// The Swarm, where there is one; writes what the gossip knows into the overlays.
    pub(super) async fn read_swarm(&self, networks: &mut [SeenNetwork]) -> Option<SeenSwarm> {
        let (mut known, is_hinted, due) = {
            let known = self.swarm.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let is_due = |at: Option<Instant>| at.is_none_or(|at| at <= now);
            (
                known.swarm.clone(),
                known.is_hinted,
                (is_due(known.introduced_until), is_due(known.controlled_until)),
            )
        };
        // What was a Swarm's member and has no such network any more (it is locked, say) is asked once more.
        if !networks.iter().any(|network| network.scope == "swarm") && known.is_none() && !is_hinted {
            return None;
        }
        // A listing that took long has used up its time: this has one of its own.
        let until = Instant::now() + 2 * self.timeout;
        if due.0 {
            known = self.introduced(known, until).await;
        }
        // Heard of before anything that takes longer where things are bad.
        self.listen(networks, until).await;
        let mut swarm = known?;
        if swarm.is_manager && due.1 {
            self.ask_managers(&mut swarm).await;
        }
        if !swarm.is_manager {
            (swarm.control, swarm.control_error) = (None, String::new());
        }
        self.keep(&swarm, due);
        if !due.1
            && let Some(control) = &mut swarm.control
        {
            control.is_fresh = false;
        }
        Some(swarm)
    }

    /// What managers know. An answer that is late once says nothing of them.
    async fn ask_managers(&self, swarm: &mut SeenSwarm) {
        let answer = self.control(Instant::now() + self.timeout).await;
        let late = matches!(&answer, Err(error) if error.reason == "timeout");
        let was_late = {
            let mut known = self.swarm.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut known.was_late, late)
        };
        match answer {
            Ok(control) => (swarm.control, swarm.control_error) = (Some(control), String::new()),
            Err(_) if late && !was_late => {}
            // What was known is known to be old: nobody leads any more, or nobody answers. How long that took is no news.
            Err(error) if late => swarm.control_error = format!("{}: no complete answer", error.endpoint),
            Err(error) => {
                swarm.control_error = bounded(&format!("{}: {}", error.endpoint, error.detail)).to_owned();
            }
        }
    }

    fn keep(&self, swarm: &SeenSwarm, (introduced, controlled): (bool, bool)) {
        let mut known = self.swarm.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if introduced {
            let is_well = swarm.state == "active" && swarm.control_error.is_empty();
            known.introduced_until = Some(now + if is_well { INTRODUCED_EVERY } else { INTRODUCED_AGAIN });
        }
        if controlled {
            let is_well = swarm.control_error.is_empty();
            known.controlled_until = Some(now + if is_well { CONTROLLED_EVERY } else { INTRODUCED_AGAIN });
        }
        known.swarm = Some(swarm.clone());
    }

    /// Who it is in the Swarm. `known` stays where there is no answer; an Engine that has left is in none.
    async fn introduced(&self, known: Option<SeenSwarm>, until: Instant) -> Option<SeenSwarm> {
        let answer = wire::fields::<Info>(&self.host, "/info", Allowance::of(ONE));
        let Ok(info) = self.within("info", answer, until).await else { return known };
        let swarm = introduction(info, known);
        if swarm.is_none() {
            *self.swarm.lock().unwrap_or_else(PoisonError::into_inner) = Known::default();
        }
        swarm
    }

    /// Writes into each overlay what this node's gossip knows of it. One that is not on this node has none.
    async fn listen(&self, networks: &mut [SeenNetwork], until: Instant) {
        let overlay = |n: &&SeenNetwork| n.scope == "swarm" && select::is_candidate(n) && is_whole_id(&n.id);
        let due: Vec<String> = networks.iter().filter(overlay).map(|network| network.id.clone()).collect();
        let asked = stream::iter(due).map(|id| async move {
            let path = format!("/networks/{id}?verbose=true");
            let answer =
                wire::fields::<gossip::Inspected>(&self.host, &path, Allowance::of(gossip::MOST_READ));
            (id, self.within("network", answer, until).await.map(gossip::read))
        });
        let heard: Vec<(String, Result<Option<SeenGossip>, EngineError>)> =
            asked.buffer_unordered(INSPECTIONS).collect().await;
        let mut known = self.swarm.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut known.gossip);
        for (id, answer) in heard {
            let network = networks.iter_mut().find(|network| network.id == id);
            // What cannot be had now is as it was; and a network that is gone is no failure.
            let gossip = match answer {
                Ok(gossip) => gossip,
                Err(error) if error.reason == "not_found" => None,
                Err(_) => before.remove(&id),
            };
            if let (Some(network), Some(gossip)) = (network, gossip) {
                network.gossip = Some(gossip.clone());
                known.gossip.insert(id, gossip);
            }
        }
    }

    /// An answer until `until`, and no longer than any other may take; noted.
    async fn within<T>(
        &self,
        endpoint: &'static str,
        answer: impl Future<Output = Result<T, bollard::errors::Error>>,
        until: Instant,
    ) -> Result<T, EngineError> {
        let began = Instant::now();
        let deadline = until.min(began + self.timeout);
        let answer = match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(EngineError::of(endpoint, &self.host, &error)),
            Err(_) => Err(EngineError::timeout(endpoint, deadline.saturating_duration_since(began))),
        };
        self.note(endpoint, began, answer.as_ref().err().map(|error| error.reason));
        answer
    }
}
