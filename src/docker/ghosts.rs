//! Endpoints that no container stands behind: what an Engine that ended in the middle of something leaves in a network.
//!
//! `/networks/{id}` lists the endpoints by their containers' ids, and one of nobody by `ep-` and its own (moby,
//! `daemon/network.go`); the listing of networks does not. So each network of this host is asked about on its own, and
//! seldom: a ghost stays until somebody removes it. A container that is being made or removed looks like one for a
//! moment, so that it counts when it is there again a good while later.

use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;
use std::time::Duration;

use bollard::errors::Error;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::inventory::seen::{SeenContainer, SeenGhost, SeenNetwork, bounded};
use crate::inventory::select;

use super::addresses::path;
use super::allowance::{Allowance, ONE};
use super::engine::{Engine, INSPECTIONS};
use super::error::EngineError;
use super::wire;

/// A network without ghosts is asked about this often, and first when it is known for so long.
const ASKED_EVERY: Duration = Duration::from_secs(180);
/// What is there after so long again is no container on its way.
const STAYS: Duration = Duration::from_secs(60);
/// One that is told is looked for this often, for whoever removes it.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// Networks that are asked about with one listing; the others with the next ones.
const MOST_ASKED: usize = 32;
/// Ghosts of one network that are kept.
const MOST: usize = 64;

/// What is known of one network.
#[derive(Clone, Debug)]
pub(super) struct Haunted {
    due: Instant,
    /// By their own ids.
    found: HashMap<String, Sighting>,
}

/// One that may be a ghost.
#[derive(Clone, Debug)]
struct Sighting {
    first: Instant,
    last: Instant,
    ghost: SeenGhost,
}

#[derive(Deserialize)]
struct Inspected {
    #[serde(rename = "Id", default)]
    id: String,
    #[serde(rename = "Containers", default)]
    containers: Option<HashMap<String, Attached>>,
}

#[derive(Deserialize)]
struct Attached {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "EndpointID", default)]
    endpoint: String,
    #[serde(rename = "IPv4Address", default)]
    ipv4: String,
    #[serde(rename = "IPv6Address", default)]
    ipv6: String,
}

impl Engine {
    /// Writes the ghosts into the bridges that can be destinations, until `until` at the latest. `containers` are all
    /// that there are; where not all could be read nobody is asked.
    pub(super) async fn find_ghosts(
        &self,
        networks: &mut [SeenNetwork],
        containers: Option<&[SeenContainer]>,
        until: Instant,
    ) {
        // Whoever gives up meanwhile leaves what was known.
        let mut before = self.ghosts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let most = if containers.is_some() { MOST_ASKED } else { 0 };
        let (now, mut known, mut due) = (Instant::now(), HashMap::new(), Vec::new());
        let here = |n: &&SeenNetwork| select::is_candidate(n) && n.driver == "bridge" && n.scope != "swarm";
        for network in networks.iter().filter(here) {
            let Some(path) = path(network) else { continue };
            let first = Haunted { due: now + ASKED_EVERY, found: HashMap::new() };
            let haunted = before.remove(&network.id).unwrap_or(first);
            if haunted.due <= now && due.len() < most {
                due.push((network.id.clone(), path, haunted));
            } else {
                known.insert(network.id.clone(), haunted);
            }
        }
        let ids: &BTreeSet<&str> =
            &containers.into_iter().flatten().map(|container| &*container.id).collect();
        let asked = stream::iter(due).map(|(id, path, haunted)| async move {
            let haunted = match self.attached(&id, &path, until).await {
                Some(attached) => haunted.after(ghosts(attached, ids), now),
                // What could not be seen now is as it was.
                None => Haunted { due: now + ASKED_EVERY, ..haunted },
            };
            (id, haunted)
        });
        known.extend(asked.buffer_unordered(INSPECTIONS).collect::<Vec<_>>().await);
        for network in networks {
            network.ghosts = known.get(&network.id).map(Haunted::told).unwrap_or_default();
        }
        *self.ghosts.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    async fn attached(&self, id: &str, path: &str, until: Instant) -> Option<HashMap<String, Attached>> {
        let began = Instant::now();
        let deadline = until.min(began + self.timeout);
        let (found, failure) = match timeout_at(deadline, inspected(&self.host, id, path)).await {
            Ok(Ok(found)) => (found, None),
            Ok(Err(error)) if EngineError::is_not_found(&error) => return None,
            Ok(Err(error)) => (None, Some(EngineError::of("network", &self.host, &error).reason)),
            Err(_) => (None, Some("timeout")),
        };
        let failure = failure.or_else(|| found.is_none().then_some("bad_answer"));
        self.note("network", began, failure);
        found
    }
}

async fn inspected(host: &str, id: &str, path: &str) -> Result<Option<HashMap<String, Attached>>, Error> {
    let inspected: Inspected = wire::fields(host, path, Allowance::of(ONE)).await?;
    // An answer about another network is none.
    Ok((inspected.id == id).then(|| inspected.containers.unwrap_or_default()))
}

/// Those behind which none of these containers stands. What is neither a container's nor an endpoint's id is the
/// Engine's own plumbing.
fn ghosts(attached: HashMap<String, Attached>, containers: &BTreeSet<&str>) -> HashMap<String, SeenGhost> {
    let is_id = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_ghost = |key: &str| match key.strip_prefix("ep-") {
        Some(endpoint) => is_id(endpoint),
        None => is_id(key) && !containers.contains(key),
    };
    attached
        .into_iter()
        .filter(|(key, one)| is_ghost(key) && !one.endpoint.is_empty() && !one.name.is_empty())
        .take(MOST)
        .map(|(_, one)| {
            let address = if one.ipv4.is_empty() { &one.ipv6 } else { &one.ipv4 };
            let address = bounded(address.split('/').next().unwrap_or_default()).to_owned();
            let ghost = SeenGhost { name: bounded(&one.name).to_owned(), address };
            (bounded(&one.endpoint).to_owned(), ghost)
        })
        .collect()
}

impl Haunted {
    fn after(self, ghosts: HashMap<String, SeenGhost>, now: Instant) -> Self {
        let sighting = |(endpoint, ghost): (String, SeenGhost)| {
            let first = self.found.get(&endpoint).map_or(now, |before| before.first);
            (endpoint, Sighting { first, last: now, ghost })
        };
        let found = ghosts.into_iter().map(sighting).collect();
        let mut haunted = Self { due: now + ASKED_EVERY, found };
        if !haunted.found.is_empty() {
            haunted.due = now + if haunted.told().is_empty() { STAYS } else { TOLD_EVERY };
        }
        haunted
    }

    /// Those that were seen twice, a good while apart.
    fn told(&self) -> Vec<SeenGhost> {
        let stays = |one: &&Sighting| one.last.saturating_duration_since(one.first) >= STAYS;
        let mut told: Vec<SeenGhost> =
            self.found.values().filter(stays).map(|one| one.ghost.clone()).collect();
        told.sort();
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "aa00000000000000000000000000000000000000000000000000000000000000";
    const GONE: &str = "bb00000000000000000000000000000000000000000000000000000000000000";

    fn attached(keys: &[&str]) -> HashMap<String, Attached> {
        let one = |key: &&str| {
            let attached = Attached {
                name: format!("name-{}", &key[..2]),
                endpoint: format!("e{key}"),
                ipv4: "10.0.1.5/24".into(),
                ipv6: String::new(),
            };
            ((*key).to_owned(), attached)
        };
        keys.iter().map(one).collect()
    }

    #[test]
    fn an_endpoint_of_nobody_is_known_by_its_key() {
        let of_nobody = format!("ep-{WEB}");
        let keys = [WEB, GONE, &of_nobody, "ingress-sbox", "lb-shop", "ep-1", "buildkit0123456789"];
        let found = ghosts(attached(&keys), &BTreeSet::from([WEB]));
        let mut names: Vec<&str> = found.values().map(|ghost| &*ghost.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["name-bb", "name-ep"]);
        assert!(found.values().all(|ghost| ghost.address == "10.0.1.5"));
    }

    #[test]
    fn it_counts_when_it_is_there_again_a_good_while_later() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let seen = || ghosts(attached(&[GONE]), &BTreeSet::new());
        let haunted = Haunted { due: start, found: HashMap::new() }.after(seen(), at(0));
        assert_eq!((haunted.told().len(), haunted.due), (0, at(60)));
        let haunted = haunted.after(seen(), at(60));
        assert_eq!((haunted.told().len(), haunted.due), (1, at(70)));
        let haunted = haunted.after(HashMap::new(), at(70));
        assert_eq!((haunted.told().len(), haunted.due), (0, at(250)));
        // One that comes later begins anew.
        assert_eq!(haunted.after(seen(), at(250)).told().len(), 0);
    }
}
