//! What there is, held against what the operator approved: by destination and kind, as label values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::inventory::Inventory;
use crate::inventory::seen::Seen;

use super::compare::{MOST, compare};
use super::difference::{Difference, Kind};
use super::model::Baseline;
use super::take::{label_values, take};

/// The destination of what is a matter of the host, as findings have it.
const HOST: &str = "";

/// What is known of drift.
#[derive(Clone, Debug)]
pub struct Drift {
    /// The file that the operator named.
    pub file: Arc<str>,
    /// What shows all of it.
    pub command: Arc<str>,
    /// Why the file is not in force as it is now. What was read of it before is, if anything was.
    pub refused: Option<Arc<str>>,
    /// What is in force. It is the same value until something else is.
    pub approved: Option<Arc<Baseline>>,
    /// What is otherwise; `None` where nothing is in force, or nothing has been listed.
    pub found: Option<Arc<Drifted>>,
}

impl Drift {
    /// When what is in force was written down, where it says.
    pub fn approved_at(&self) -> Option<SystemTime> {
        humantime::parse_rfc3339(&self.approved.as_ref()?.taken_at).ok()
    }
}

/// What is otherwise than was approved, of what matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drifted {
    /// How many differences, by destination and kind: 0 as well, of all that could be.
    pub counts: BTreeMap<(Arc<str>, Kind), usize>,
    /// The differences, each with its destination's label value.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub left_out: usize,
}

impl Drifted {
    /// Holds a listing against what was approved.
    pub fn of(approved: &Baseline, seen: &Seen, inventory: &Inventory) -> Self {
        let found = compare(approved, &take(seen, inventory));
        let labels = label_values(seen, inventory);
        let here: BTreeSet<&Arc<str>> = labels.values().collect();
        let none = |place: &Arc<str>, kinds: &[Kind]| -> Vec<((Arc<str>, Kind), usize)> {
            kinds.iter().map(|kind| ((Arc::clone(place), *kind), 0)).collect()
        };
        let host: Arc<str> = HOST.into();
        let mut counts: BTreeMap<(Arc<str>, Kind), usize> =
            none(&host, &Kind::OF_THE_HOST).into_iter().collect();
        for place in &here {
            counts.extend(none(place, &Kind::OF_DESTINATIONS));
        }
        let mut gone = BTreeSet::new();
        for ((place, kind), count) in &found.counts {
            let place = match place {
                Some(name) => labels.get(name).cloned().unwrap_or_else(|| Arc::from(&**name)),
                None => Arc::clone(&host),
            };
            // What was approved and is not there has series too. A file may name any number: beyond a bound they are the host's.
            let is_told =
                place == host || here.contains(&place) || gone.contains(&place) || gone.len() < MOST;
            let place = if is_told { place } else { Arc::clone(&host) };
            if place != host && !here.contains(&place) && gone.insert(Arc::clone(&place)) {
                counts.extend(none(&place, &Kind::OF_DESTINATIONS));
            }
            *counts.entry((place, *kind)).or_default() += count;
        }
        let named = |one: Difference| Difference {
            destination: one.destination.map(|name| labels.get(&name).map_or(name, ToString::to_string)),
            ..one
        };
        let differences = found.differences.into_iter().filter(|one| !one.expected).map(named).collect();
        Self { counts, differences, left_out: found.left_out }
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.differences.len() + self.left_out
    }

    /// Those of one destination; of the host, and of destinations that are not there, where none is named.
    pub fn on<'a>(
        &'a self,
        destination: Option<&'a str>,
        inventory: &'a Inventory,
    ) -> impl Iterator<Item = &'a Difference> + 'a {
        self.differences.iter().filter(move |one| match (&one.destination, destination) {
            (of, Some(place)) => of.as_deref() == Some(place),
            (None, None) => true,
            (Some(of), None) => inventory.destination(of).is_none(),
        })
    }
}
