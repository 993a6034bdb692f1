//! What of addresses and of blocks for networks was taken, hour by hour, and what follows from it.
//!
//! In memory alone: who starts anew begins anew, and says how long has been watched. Bounded: an hour is two
//! numbers, so many hours are kept, of so many subnets; a network that goes is forgotten with the next picture, so that
//! nobody fills anything here by making networks and removing them. Hours are counted from the start, by a clock that
//! only grows: the wall's may be set back or jump, and then no day here is longer than it was.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;

use crate::inventory::{Inventory, NetworkId};

use super::forecast::{Forecast, Hour, LONGEST, forecast};

/// So many are followed, which is 1.5 MB at the most and 20 ms of reckoning an hour; of more, those that were known first.
const MOST: usize = 500;
const HOUR: u64 = 3600;

/// What is taken a little at a time. By the network's id: one that is made anew under its name is another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Store {
    Pools,
    Subnet(NetworkId, IpNet),
}

/// What is known of the days to come: nothing of what was not watched for an hour yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecasts(BTreeMap<Store, Forecast>);

impl Forecasts {
    /// Of the Engine's address pools.
    pub fn pools(&self) -> Option<Forecast> {
        self.0.get(&Store::Pools).copied()
    }

    /// Of a network's subnet.
    pub fn subnet(&self, network: &NetworkId, subnet: IpNet) -> Option<Forecast> {
        self.0.get(&Store::Subnet(network.clone(), subnet)).copied()
    }

    #[cfg(test)]
    pub(crate) fn put(&mut self, subnet: Option<(&NetworkId, IpNet)>, forecast: Forecast) {
        let store = subnet.map_or(Store::Pools, |(id, net)| Store::Subnet(id.clone(), net));
        self.0.insert(store, forecast);
    }
}

/// The hours of one store.
#[derive(Clone, Debug)]
struct Past {
    over: VecDeque<Hour>,
    /// The hour that is.
    hour: Hour,
}

impl Past {
    /// So much is taken in this hour, or in one that is over where that is what the clock says. True where another begins.
    fn take(&mut self, taken: Hour) -> bool {
        if taken.number <= self.hour.number {
            self.hour.least = self.hour.least.min(taken.least);
            return false;
        }
        self.over.push_back(self.hour);
        self.hour = taken;
        let oldest = taken.number.saturating_sub(LONGEST);
        while self.over.front().is_some_and(|hour| hour.number < oldest) {
            self.over.pop_front();
        }
        true
    }
}

/// Follows what is taken.
#[derive(Clone, Debug, Default)]
pub struct Growth {
    stores: BTreeMap<Store, Past>,
    told: Arc<Forecasts>,
}

impl Growth {
    /// A new picture, so long after the start.
    pub fn listed(&mut self, inventory: &Inventory, since_start: Duration, now: SystemTime) {
        let number = u32::try_from(since_start.as_secs() / HOUR).unwrap_or(u32::MAX);
        let here = stores(inventory);
        self.stores.retain(|store, _| here.contains_key(store));
        if self.told.0.keys().any(|store| !here.contains_key(store)) {
            Arc::make_mut(&mut self.told).0.retain(|store, _| here.contains_key(store));
        }
        for (store, (used, capacity)) in here {
            let hour = Hour { number, least: u32::try_from(used).unwrap_or(u32::MAX) };
            let Some(past) = self.stores.get_mut(&store) else {
                if self.stores.len() < MOST {
                    self.stores.insert(store, Past { over: VecDeque::new(), hour });
                }
                continue;
            };
            if past.take(hour) {
                let told = forecast(past.over.make_contiguous(), capacity, now);
                Arc::make_mut(&mut self.told).0.insert(store, told);
            }
        }
    }

    /// What follows, as of the last hour that is over.
    pub fn forecasts(&self) -> Arc<Forecasts> {
        Arc::clone(&self.told)
    }
}

/// Everything that has an end, with how much of it is taken and how much there is.
fn stores(inventory: &Inventory) -> BTreeMap<Store, (u64, u64)> {
    let pools = inventory.pools.map(|pools| (Store::Pools, (pools.used, pools.capacity)));
    let subnets = inventory.destinations.iter().flat_map(|on| {
        on.subnets.iter().map(|of| (Store::Subnet(on.id.clone(), of.net), (of.used, of.capacity)))
    });
    pools.into_iter().chain(subnets).filter(|(_, (_, capacity))| *capacity > 0).collect()
}

#[cfg(test)]
mod tests;
