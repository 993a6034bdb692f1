//! Which name leads to whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{Container, Destination};

/// No more than so many names in the table.
const MOST_NAMES: usize = 100;
/// No more than so many owners of one.
const MOST_OWNERS: usize = 8;

/// The names of one destination.
#[derive(Debug)]
pub struct Names<'a> {
    /// Those that somebody should look at first, then by name.
    pub told: Vec<Named<'a>>,
    pub left_out: usize,
}

/// One name.
#[derive(Debug, Default)]
pub struct Named<'a> {
    pub name: &'a str,
    /// Whose it is.
    pub owners: Vec<&'a Container>,
    pub more_owners: usize,
    /// Of how many workloads they are.
    pub workloads: usize,
    /// How often it was asked for.
    pub asked: usize,
    pub good: usize,
    /// Why it was not answered well.
    pub reasons: BTreeSet<&'a str>,
}

impl Named<'_> {
    pub fn colour(&self) -> &'static str {
        match (self.asked, self.good) {
            (0, _) => "dark",
            (asked, good) if asked == good => "good",
            _ => "bad",
        }
    }

    pub fn words(&self) -> String {
        if self.asked == 0 {
            return "? not asked".to_owned();
        }
        let mark = if self.good == self.asked { "✓" } else { "✗" };
        let reasons = self.reasons.iter().copied().collect::<Vec<_>>().join(", ");
        let gap = if reasons.is_empty() { "" } else { ": " };
        format!("{mark} {} of {}{gap}{reasons}", self.good, self.asked)
    }

    const fn is_fine(&self) -> bool {
        self.workloads < 2 && self.good == self.asked
    }
}

impl<'a> Names<'a> {
    pub fn of(on: &'a Destination) -> Self {
        let mut all: BTreeMap<&str, Named<'a>> = BTreeMap::new();
        let mut workloads: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for container in &on.containers {
            for name in &container.names {
                let named = all.entry(name).or_insert_with(|| Named { name, ..Named::default() });
                if named.owners.len() < MOST_OWNERS {
                    named.owners.push(container);
                } else {
                    named.more_owners += 1;
                }
                workloads.entry(name).or_default().insert(&container.workload);
            }
        }
        for probe in on.probes.iter().filter(|probe| probe.probe == "dns" && probe.outcome != "unknown") {
            let name = probe.detail.rsplit_once(' ').map_or(&*probe.detail, |(name, _)| name);
            let Some(named) = all.get_mut(name.trim_end_matches('.')) else { continue };
            named.asked += 1;
            named.good += usize::from(probe.outcome == "success");
            named.reasons.extend(probe.reason);
        }
        let mut told: Vec<Named<'a>> = all.into_values().collect();
        for named in &mut told {
            named.workloads = workloads.get(named.name).map_or(0, BTreeSet::len);
        }
        // Stable: by name among each.
        told.sort_by_key(Named::is_fine);
        let left_out = told.len().saturating_sub(MOST_NAMES);
        told.truncate(MOST_NAMES);
        Self { told, left_out }
    }
}
