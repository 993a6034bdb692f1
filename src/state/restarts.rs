//! Which containers the Engine started again by itself, and when.
//!
//! Its own count is of a container's whole life; what matters is how often of late.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::inventory::{ContainerId, Inventory};

/// For how long a start is remembered.
const LATELY: Duration = Duration::from_secs(600);
/// More of them tell nothing more.
const MOST: usize = 16;

/// By container.
#[derive(Clone, Debug, Default)]
pub struct Restarts {
    /// The Engine's count as it was last told.
    counts: BTreeMap<ContainerId, u64>,
    /// When it grew, oldest first: never empty.
    pub of_late: BTreeMap<ContainerId, Vec<SystemTime>>,
}

impl Restarts {
    /// A new picture, taken at that moment. What is seen for the first time has not grown.
    pub fn listed(&mut self, inventory: &Inventory, at: SystemTime) {
        for (id, container) in &inventory.containers {
            let before = self.counts.get(id).copied().unwrap_or(container.restarts);
            for _ in before..container.restarts.min(before.saturating_add(MOST as u64)) {
                self.of_late.entry(id.clone()).or_default().push(at);
            }
        }
        self.counts = inventory.containers.iter().map(|(id, one)| (id.clone(), one.restarts)).collect();
        self.of_late.retain(|id, times| {
            // A clock that was set back leaves times in the future: those are not of late either.
            times.retain(|time| at.duration_since(*time).is_ok_and(|age| age <= LATELY));
            times.drain(..times.len().saturating_sub(MOST));
            inventory.containers.contains_key(id) && !times.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::build::{build, tests::container};
    use crate::inventory::seen::Seen;

    #[test]
    fn what_grew_of_late_is_known_and_what_was_before_is_not() {
        let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        let mut restarts = Restarts::default();
        let id = ContainerId::new("a");
        for (second, count, expected) in [
            (1, 40, 0),
            (2, 40, 0),
            (3, 41, 1),
            (4, 44, 4),
            // Started by hand, it is counted anew.
            (5, 0, 4),
            (6, 1, 5),
            (604, 1, 4),
            (607, 1, 0),
            (700, 1000, MOST),
            (600, 1000, 0),
        ] {
            let mut one = container("a", "web");
            one.restarts = count;
            let seen = Seen { containers: vec![one], ..Seen::default() };
            restarts.listed(&build(&seen, &crate::config::Selection::default(), at(second)), at(second));
            assert_eq!(restarts.of_late.get(&id).map_or(0, Vec::len), expected, "second {second}");
        }
        restarts.listed(&build(&Seen::default(), &crate::config::Selection::default(), at(701)), at(701));
        assert!(restarts.of_late.is_empty() && restarts.counts.is_empty());
    }
}
