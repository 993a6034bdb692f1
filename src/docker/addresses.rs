//! Addresses in use as the Engine itself counts them: of `/networks/{id}`, since API 1.52.
//!
//! The listing of networks does not tell them, so each network is asked about on its own: when it is new, when
//! other addresses than before are seen on it, and else seldom, for what cannot be seen from here (an endpoint that
//! no container stands behind, another node of a Swarm). Where the answer cannot be had that network's
//! addresses are counted from its endpoints, and nothing else is lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::PoisonError;
use std::time::Duration;

use bollard::errors::Error;
use futures_util::stream::{self, StreamExt as _};
use ipnet::IpNet;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::inventory::EngineInfo;
use crate::inventory::seen::{SeenContainer, SeenCount, SeenNetwork};
use crate::inventory::select;

use super::allowance::{Allowance, ONE};
use super::engine::{Engine, INSPECTIONS};
use super::error::EngineError;
use super::wire;

/// How old a count may be while the addresses that are seen stay the same. For each network that it is asked about
/// the Engine looks through all of them: of a hundred, 28.5 takes 0.6 ms of its processor's time for each, twice
/// as much as for a container. With every listing, and a redeploy is many, that would be 65 ms each; so rarely it is
/// a thousandth of a core.
const ASKED_EVERY: Duration = Duration::from_secs(60);

/// What was told of a network, and of which moment.
#[derive(Debug)]
pub(super) struct Told {
    asked_at: Instant,
    /// The addresses of its containers then.
    seen: BTreeSet<String>,
    counts: Counts,
}

type Counts = BTreeMap<IpNet, SeenCount>;

#[derive(Deserialize)]
struct Inspected {
    #[serde(rename = "Id", default)]
    id: String,
    #[serde(rename = "Status", default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "IPAM", default)]
    ipam: Option<Ipam>,
}

#[derive(Deserialize)]
struct Ipam {
    #[serde(rename = "Subnets", default)]
    subnets: Option<HashMap<String, Subnet>>,
}

#[derive(Deserialize)]
struct Subnet {
    #[serde(rename = "IPsInUse")]
    in_use: u64,
    #[serde(rename = "DynamicIPsAvailable")]
    available: u64,
}

/// True for an Engine that counts them.
pub(super) fn are_told_by(engine: &EngineInfo) -> bool {
    let version = engine.api_version.split_once('.');
    let version = version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    version.is_some_and(|version: (u32, u32)| version >= (1, 52))
}

impl Engine {
    /// Writes the Engine's counts into those networks that can be destinations, until `until` at the latest.
    pub(super) async fn count_addresses(
        &self,
        networks: &mut [SeenNetwork],
        containers: &[SeenContainer],
        until: Instant,
    ) {
        let mut before = std::mem::take(&mut *self.addresses.lock().unwrap_or_else(PoisonError::into_inner));
        let mut seen = addresses(containers);
        let mut told = HashMap::new();
        let mut due = Vec::new();
        for network in networks.iter().filter(|n| select::is_candidate(n) && !n.ipam.is_empty()) {
            let Some(path) = path(network) else { continue };
            let seen = seen.remove(&*network.id).unwrap_or_default();
            match before.remove(&network.id).filter(|told| told.seen == seen) {
                Some(still) if still.asked_at.elapsed() < ASKED_EVERY => {
                    told.insert(network.id.clone(), still);
                }
                // Who cannot be asked now has said it of the same addresses before.
                last => due.push((network.id.clone(), path, seen, last.map(|told| told.counts))),
            }
        }
        let asked = stream::iter(due).map(|(id, path, seen, last)| async move {
            let asked_at = Instant::now();
            let counts = self.counts(&id, &path, until).await.or(last).unwrap_or_default();
            (id, Told { asked_at, seen, counts })
        });
        told.extend(asked.buffer_unordered(INSPECTIONS).collect::<Vec<_>>().await);
        for network in networks {
            let Some(told) = told.get(&network.id) else { continue };
            for subnet in &mut network.ipam {
                let net = subnet.subnet.parse::<IpNet>().ok();
                subnet.count = net.and_then(|net| told.counts.get(&net.trunc())).copied();
            }
        }
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    /// Nothing where there is no answer. A network that vanished meanwhile is no failure.
    async fn counts(&self, id: &str, path: &str, until: Instant) -> Option<Counts> {
        let began = Instant::now();
        let deadline = until.min(began + self.timeout);
        let (counts, failure) = match timeout_at(deadline, inspected(&self.host, id, path)).await {
            Ok(Ok(counts)) => (counts, None),
            Ok(Err(error)) if EngineError::is_not_found(&error) => return None,
            Ok(Err(error)) => (None, Some(EngineError::of("network", &self.host, &error).reason)),
            Err(_) => (None, Some("timeout")),
        };
        // An answer about another network is none.
        let failure = failure.or_else(|| counts.is_none().then_some("bad_answer"));
        self.note("network", began, failure);
        counts
    }
}

async fn inspected(host: &str, id: &str, path: &str) -> Result<Option<Counts>, Error> {
    let inspected: Inspected = wire::fields(host, path, Allowance::of(ONE)).await?;
    if inspected.id != id {
        return Ok(None);
    }
    let subnets = inspected.status.and_then(|status| status.ipam).and_then(|ipam| ipam.subnets);
    let count = |(net, subnet): (String, Subnet)| {
        let count = SeenCount { in_use: subnet.in_use, available: subnet.available };
        Some((net.parse::<IpNet>().ok()?.trunc(), count))
    };
    Ok(Some(subnets.unwrap_or_default().into_iter().filter_map(count).collect()))
}

/// What is asked for; nothing where the id is none.
///
/// An Engine in a Swarm answers a whole id with what this node alone gave out, where it has a part of the network. Of
/// one that is a little shorter it tells what the managers know, if it is one of them: the addresses of services, and
/// of containers on every node. So what a worker's tells of an overlay is the least: where gossip knows of more, that counts.
pub(super) fn path(network: &SeenNetwork) -> Option<String> {
    let id = &network.id;
    let kept = id.len().saturating_sub(usize::from(network.scope == "swarm"));
    id.get(..kept).filter(|_| is_whole_id(id)).map(|id| format!("/networks/{id}"))
}

/// True for what can be put into a path.
pub(super) fn is_whole_id(id: &str) -> bool {
    id.len() > 1 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Of the containers on each network, by its id.
fn addresses(containers: &[SeenContainer]) -> HashMap<&str, BTreeSet<String>> {
    let mut addresses: HashMap<&str, BTreeSet<String>> = HashMap::new();
    for endpoint in containers.iter().flat_map(|container| &container.endpoints) {
        let of = [&endpoint.ipv4, &endpoint.ipv6].into_iter().filter(|address| !address.is_empty());
        addresses.entry(&endpoint.network_id).or_default().extend(of.cloned());
    }
    addresses
}
