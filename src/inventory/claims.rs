//! Who bears which endpoint name.
//!
//! An endpoint name is a workload's name, so that a redeploy does not start new series; yet two
//! containers never share one. Labels make a workload, and whoever deploys writes labels: to be called
//! like another must not take anything from that one. So containers of one workload are one *family*
//! only where they share a network, and where Coolify does not say that they are of two environments.
//! Within a family the newest bears the name, as in a rolling deploy; between families the one that was
//! made first keeps it. All is decided by values (times, then ids): the same host gives the same names, in
//! whatever order the Engine lists.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::ids::ContainerId;
use super::model::Container;
use super::names::with_short;

/// Words that mean a vantage or target which is no container.
pub const RESERVED: &[&str] = &["gateway", "proxy", "host"];

/// Where a container belongs, and what weight its claim to a name has.
#[derive(Clone, Debug, Default)]
pub struct Home<'a> {
    /// Ids of the networks that it is on or was made for.
    pub networks: BTreeSet<&'a str>,
    /// When it was made. A restart does not change that, so nobody loses a name by crashing.
    pub made_at: Option<SystemTime>,
    /// True for one that does not run and ought to: it keeps its name while it is away.
    pub is_missed: bool,
}

/// The home of each container.
pub type Homes<'a> = BTreeMap<ContainerId, Home<'a>>;

/// True where one of the two may stand for the other: they are of one workload and one environment, and
/// they are on, or were made for, one network.
pub fn is_kin(homes: &Homes<'_>, one: &Container, other: &Container) -> bool {
    let share = match (homes.get(&one.id), homes.get(&other.id)) {
        (Some(one), Some(other)) => !one.networks.is_disjoint(&other.networks),
        _ => false,
    };
    share && one.whose() == other.whose()
}

/// The endpoint name of every container.
pub fn endpoint_names(
    containers: &BTreeMap<ContainerId, Container>,
    homes: &Homes<'_>,
) -> BTreeMap<ContainerId, Arc<str>> {
    let claims = |c: &Container| is_live(c) || homes.get(&c.id).is_some_and(|home| home.is_missed);
    let mut families = families(containers, homes);
    families.sort_by_cached_key(|family| family.iter().filter(|c| claims(c)).map(|c| age(c, homes)).min());
    let mut order: Vec<(usize, bool, &Container)> = Vec::new();
    for (rank, family) in families.iter().enumerate() {
        let numbers: BTreeSet<u32> = family.iter().filter(|c| is_live(c)).filter_map(|c| c.replica).collect();
        order.extend(family.iter().map(|c| (rank, numbers.len() > 1, *c)));
    }
    // What is over and done comes last and takes nothing; within a family, who lives comes first.
    order.sort_by_cached_key(|(rank, _, c)| {
        (Reverse(claims(c)), *rank, Reverse(is_live(c)), Reverse((c.started_at, c.id.clone())))
    });

    let mut taken: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut names = BTreeMap::new();
    for (_, several, container) in order {
        let name = free_name(&base_name(container, several), &container.id, &taken);
        taken.insert(Arc::clone(&name));
        names.insert(container.id.clone(), name);
    }
    names
}

fn is_live(container: &Container) -> bool {
    container.state.has_namespace()
}

/// Lower is older. Of whom nobody knows the age displaces nobody.
fn age<'a>(container: &'a Container, homes: &Homes<'_>) -> (bool, Option<SystemTime>, &'a ContainerId) {
    let made_at = homes.get(&container.id).and_then(|home| home.made_at).or(container.started_at);
    (made_at.is_none(), made_at, &container.id)
}

/// The containers of each workload, apart where no network joins them.
fn families<'a>(
    containers: &'a BTreeMap<ContainerId, Container>,
    homes: &Homes<'_>,
) -> Vec<Vec<&'a Container>> {
    let all: Vec<&Container> = containers.values().collect();
    let mut joined: Vec<usize> = (0..all.len()).collect();
    let mut first_on: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for (at, container) in all.iter().enumerate() {
        let whose = container.whose();
        for network in homes.get(&container.id).into_iter().flat_map(|home| &home.networks) {
            let first = *first_on.entry((whose.clone(), network)).or_insert(at);
            let (one, other) = (root(&mut joined, first), root(&mut joined, at));
            if let Some(to) = joined.get_mut(one.max(other)) {
                *to = one.min(other);
            }
        }
    }
    let mut families: BTreeMap<usize, Vec<&Container>> = BTreeMap::new();
    for (at, container) in all.into_iter().enumerate() {
        families.entry(root(&mut joined, at)).or_default().push(container);
    }
    families.into_values().collect()
}

/// The one that stands for all that are joined with `at`; the way there is made shorter on the way.
fn root(joined: &mut [usize], mut at: usize) -> usize {
    while let Some(next) = joined.get(at).copied().filter(|next| *next != at) {
        let beyond = joined.get(next).copied().unwrap_or(next);
        if let Some(to) = joined.get_mut(at) {
            *to = beyond;
        }
        at = beyond;
    }
    at
}

/// The workload, with its number where it is one of several.
fn base_name(container: &Container, several: bool) -> Arc<str> {
    match container.replica {
        Some(number) if several || number > 1 => format!("{}/{number}", container.workload).into(),
        _ if RESERVED.contains(&&*container.workload) => format!("{}/1", container.workload).into(),
        _ => Arc::clone(&container.workload),
    }
}

/// The name, else with the short id, else with the whole id, else with that and a number: somebody may
/// have called a container like another's name with its id.
fn free_name(base: &Arc<str>, id: &ContainerId, taken: &BTreeSet<Arc<str>>) -> Arc<str> {
    let with_id = [Arc::clone(base), with_short(base, id.short()), with_short(base, id.as_str())];
    if let Some(free) = with_id.into_iter().find(|name| !taken.contains(name)) {
        return free;
    }
    let mut number = 2_u64;
    loop {
        let name = with_short(base, &format!("{id} {number}"));
        if !taken.contains(&name) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests;
