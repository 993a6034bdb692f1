//! How soon the Engine is listed again.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::inventory::RunState;
use crate::inventory::seen::Seen;

/// However many events come, listings begin this far apart.
const LISTINGS_APART: Duration = Duration::from_millis(250);
/// And so many times as far as one takes: a listing is work for the Engine.
const LISTING_SHARE: u32 = 5;
/// The quickest of so many tells what one takes: one may wait for a container that is being started, and that is no work.
const LISTINGS_COMPARED: usize = 8;
/// But no further than this, or containers that are gone would be taken for dead.
const LISTINGS_FAR_APART: Duration = Duration::from_secs(2);
/// What is created is started next, and no event tells that this failed: it is looked at again after this time, and
/// then after twice as long each time.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What happens on another node of a Swarm is told by no event here.
const IN_A_SWARM: Duration = Duration::from_secs(10);

pub(super) struct Pace {
    /// Where nothing is told.
    refresh: Duration,
    /// The longest time until the next listing.
    again: Duration,
    /// How long the last ones took.
    took: VecDeque<Duration>,
}

impl Pace {
    pub(super) fn new(refresh: Duration) -> Self {
        Self { refresh, again: refresh, took: VecDeque::new() }
    }

    /// How far apart this listing, which took so long, and the next begin.
    pub(super) fn apart(&mut self, took: Duration) -> Duration {
        self.took.truncate(LISTINGS_COMPARED - 1);
        self.took.push_front(took);
        let work = self.took.iter().min().copied().unwrap_or_default();
        (work * LISTING_SHARE).clamp(LISTINGS_APART, LISTINGS_FAR_APART)
    }

    /// Takes what a listing showed, and what the one before it did.
    pub(super) fn saw(&mut self, before: Option<&Seen>, seen: &Seen) {
        let known: HashSet<&str> = before.map(waiting).unwrap_or_default();
        let now = waiting(seen);
        let refresh = if seen.swarm.is_some() { self.refresh.min(IN_A_SWARM) } else { self.refresh };
        self.again = if now.is_empty() {
            refresh
        } else if now.is_subset(&known) {
            (self.again * 2).min(refresh)
        } else {
            LOOK_AGAIN.min(refresh)
        };
    }

    /// The longest time until the next listing.
    pub(super) const fn again(&self) -> Duration {
        self.again
    }
}

/// Who was created and is yet to be started.
fn waiting(seen: &Seen) -> HashSet<&str> {
    let created = seen.containers.iter().filter(|container| container.state == RunState::Created);
    created.map(|container| &*container.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::seen::SeenContainer;

    const REFRESH: Duration = Duration::from_secs(30);

    fn millis(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn seen(containers: &[(&str, RunState)]) -> Seen {
        let container = |&(id, state): &(&str, RunState)| SeenContainer {
            id: id.to_owned(),
            state,
            ..Default::default()
        };
        Seen { containers: containers.iter().map(container).collect(), ..Default::default() }
    }

    #[test]
    fn listings_are_a_share_of_the_time_that_they_take() {
        for (took, apart) in [(2, 250), (50, 250), (100, 500), (390, 1950), (500, 2000), (9000, 2000)] {
            assert_eq!(Pace::new(REFRESH).apart(millis(took)), millis(apart), "{took} ms");
        }
    }

    #[test]
    fn a_listing_that_waited_for_one_container_holds_up_nothing_and_an_engine_that_became_slow_is_spared() {
        let mut pace = Pace::new(REFRESH);
        pace.apart(millis(20));
        for _ in 1..LISTINGS_COMPARED {
            assert_eq!(pace.apart(millis(300)), millis(250));
        }
        assert_eq!(pace.apart(millis(300)), millis(1500));
    }

    #[test]
    fn what_is_created_is_looked_at_again_and_more_and_more_seldom() {
        let mut pace = Pace::new(REFRESH);
        let (mut before, mut soon) = (None, Vec::new());
        let mut look = |containers: &[(&str, RunState)]| {
            let now = seen(containers);
            pace.saw(before.as_ref(), &now);
            before = Some(now);
            soon.push(pace.again());
        };
        look(&[("a", RunState::Running)]);
        (0..8).for_each(|_| look(&[("a", RunState::Running), ("b", RunState::Created)]));
        // One more begins anew; fewer do not.
        look(&[("b", RunState::Created), ("c", RunState::Created)]);
        look(&[("c", RunState::Created)]);
        look(&[("c", RunState::Running)]);
        // One that ran and is created again is another in all but its id.
        look(&[("c", RunState::Created)]);
        let expected = [30000, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 500, 1000, 30000, 500];
        assert_eq!(soon, expected.map(millis));
    }
}
