//! Who gets how much of the page: whoever deploys a container decides whom it calls, and how many.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Conversation, MOST_CONVERSATIONS, Party, Way, key};

/// The most that are told of one container.
const MOST_OF_ONE: usize = 64;
/// Ports of the world that one container calls, and that stand for themselves.
const MOST_PORTS: usize = 16;
/// Below it are the ports that services are known by ("system ports", RFC 6335).
const FIRST_USER_PORT: u16 = 1024;

/// As many as a page takes, by source, target and port, and how many more there are. What stays on this server goes
/// first, then what has the most connections.
pub(super) fn share(all: Vec<Conversation<'_>>) -> (Vec<Conversation<'_>>, usize) {
    let mut all = fold_ports(all);
    let count = all.len();
    all.sort_by_key(|one| (one.way, Reverse(one.connections), key(one)));
    let mut of_one = BTreeMap::<_, usize>::new();
    all.retain(|one| {
        let told = of_one.entry(whose(one)).or_default();
        *told += 1;
        *told <= MOST_OF_ONE
    });
    all.truncate(MOST_CONVERSATIONS);
    all.sort_by_key(key);
    let left_out = count - all.len();
    (all, left_out)
}

/// The container that a conversation is on the account of: the one that calls, or else the one that is called.
fn whose<'a>(of: &Conversation<'a>) -> (&'a str, &'a str) {
    let one = if matches!(of.source, Party::Container(..)) { of.source } else { of.target };
    (one.destination(), one.name())
}

/// Of one who calls more ports of the world than are told, those that nothing is known by are one: a client that
/// talks to thousands of strangers would be told as others every minute.
fn fold_ports(all: Vec<Conversation<'_>>) -> Vec<Conversation<'_>> {
    let to_world = |one: &Conversation<'_>| one.way == Way::Outside && matches!(one.target, Party::Outside);
    let (mut every, mut known) = (BTreeMap::<_, usize>::new(), BTreeMap::<_, usize>::new());
    for one in all.iter().filter(|one| to_world(one)) {
        *every.entry(whose(one)).or_default() += 1;
        if one.port < Some(FIRST_USER_PORT) {
            *known.entry(whose(one)).or_default() += 1;
        }
    }
    let mut folded = BTreeMap::<_, Conversation<'_>>::new();
    for mut one in all {
        let more = |counts: &BTreeMap<_, usize>| counts.get(&whose(&one)).is_some_and(|n| *n > MOST_PORTS);
        let is_known = one.port < Some(FIRST_USER_PORT);
        if to_world(&one) && more(&every) && (!is_known || more(&known)) {
            one.port = None;
        }
        let connections = one.connections;
        folded
            .entry(key(&one))
            .and_modify(|sum| sum.connections = sum.connections.saturating_add(connections))
            .or_insert(one);
    }
    folded.into_values().collect()
}
