//! What the operator approved, and what there is held against it: once for each picture that is another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::baseline::{Baseline, Drift, Drifted};
use crate::inventory::Inventory;
use crate::inventory::seen::Seen;
use crate::strangers::printable;

use super::{Monitor, URGENT};

impl Monitor {
    /// The file was read, or could not be.
    pub(super) fn approved(
        &mut self,
        file: &Arc<str>,
        command: &Arc<str>,
        read: Result<Arc<Baseline>, String>,
    ) {
        // Whoever reads another file than is configured now has not heard of it yet.
        if **file == *self.config.drift.approved_file {
            self.approval.read(file, command, read);
            self.hold_against();
            self.show_after(URGENT);
        }
    }

    /// Other settings are in force.
    pub(super) fn reapprove(&mut self) {
        self.approval.configured(&self.config.drift.approved_file);
        self.hold_against();
    }

    /// Tells what is otherwise in the picture that there is.
    pub(super) fn hold_against(&mut self) {
        self.recorder.drifted(self.approval.compare(self.inventory.as_deref()).cloned());
    }
}

/// What is in force, and what it was held against.
#[derive(Debug, Default)]
pub(super) struct Approval {
    /// What the faces are told; `None` until the file was read, or could not be, for the first time.
    drift: Option<Drift>,
    /// The latest listing.
    seen: Option<Arc<Seen>>,
    /// It was held against what is in force.
    is_held: bool,
    /// It could not be: what is refused was read all the same.
    is_faulty: bool,
}

/// What is said where holding a listing against it fails.
const FAULT: &str = "comparing what there is with it failed, which is a fault of the exporter";

impl Approval {
    /// What is in force stays until something better is.
    fn read(&mut self, file: &Arc<str>, command: &Arc<str>, read: Result<Arc<Baseline>, String>) {
        let drift = self.drift.get_or_insert_with(|| Drift {
            file: Arc::clone(file),
            command: Arc::clone(command),
            refused: None,
            approved: None,
            found: None,
        });
        match read {
            Ok(approved) => {
                tracing::info!(%file, taken_at = %printable(&approved.taken_at), "the approved snapshot is in force");
                if !self.is_faulty {
                    drift.refused = None;
                }
                // Read anew and the same, nothing is to be said anew.
                if drift.approved.as_ref() != Some(&approved) {
                    drift.approved = Some(approved);
                    drift.found = None;
                    (drift.refused, self.is_faulty, self.is_held) = (None, false, false);
                }
            }
            Err(why) => {
                let stays = match drift.approved {
                    Some(_) => "what was approved before stays in force",
                    None => "nothing is compared",
                };
                tracing::error!(%file, %why, "the approved snapshot cannot be read: {stays}");
                drift.refused = Some(why.into());
                self.is_faulty = false;
            }
        }
    }

    /// With another file named, or none, what was approved is in force no longer.
    fn configured(&mut self, file: &str) {
        if self.drift.as_ref().is_some_and(|drift| *drift.file != *file) {
            self.drift = None;
        }
    }

    /// A new listing; `changed` where the inventory that was made of it is another.
    pub(super) fn listed(&mut self, seen: &Arc<Seen>, changed: bool) {
        // How a network is set up, and what a container that does not run is to be called, is in no inventory. Nobody asks for it
        // where nothing was approved.
        let is_other = || self.seen.as_ref().is_none_or(|before| **before != **seen);
        if self.drift.is_none() || changed || is_other() {
            self.is_held = false;
        }
        self.seen = Some(Arc::clone(seen));
    }

    /// What is known, of the inventory that was made of the latest listing.
    fn compare(&mut self, inventory: Option<&Inventory>) -> Option<&Drift> {
        self.compare_by(inventory, Drifted::of)
    }

    /// Whatever a file says, and whatever is wrong with comparing it: everything else goes on.
    fn compare_by(
        &mut self,
        inventory: Option<&Inventory>,
        by: impl Fn(&Baseline, &Seen, &Inventory) -> Drifted,
    ) -> Option<&Drift> {
        let drift = self.drift.as_mut()?;
        if let (false, Some(approved), Some(seen), Some(inventory)) =
            (self.is_held, &drift.approved, &self.seen, inventory)
        {
            let found = catch_unwind(AssertUnwindSafe(|| by(approved, seen, inventory)));
            // Once for each listing, whatever comes of it.
            self.is_held = true;
            if let Ok(found) = found {
                // Whoever looks for changes looks no further where it is the same value.
                if drift.found.as_deref() != Some(&found) {
                    drift.found = Some(Arc::new(found));
                }
                if std::mem::take(&mut self.is_faulty) {
                    drift.refused = None;
                }
            } else {
                tracing::error!(file = %drift.file, "the approved snapshot: {FAULT}");
                // What was found in another listing is not what is so in this one.
                (drift.found, drift.refused, self.is_faulty) = (None, Some(FAULT.into()), true);
            }
        }
        Some(drift)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::baseline::{Kind, take};
    use crate::config::Selection;
    use crate::inventory::build::build;
    use crate::inventory::seen::SeenNetwork;

    fn network(name: &str) -> SeenNetwork {
        let id = name.repeat(16);
        SeenNetwork { id, name: name.into(), driver: "bridge".into(), ..SeenNetwork::default() }
    }

    fn listing(names: &[&str]) -> (Arc<Seen>, Inventory) {
        let networks = names.iter().map(|name| network(name)).collect();
        let seen = Seen { networks, ..Seen::default() };
        let inventory = build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH);
        (Arc::new(seen), inventory)
    }

    /// How many networks are otherwise, in all.
    fn networks(drift: Option<&Drift>) -> Option<usize> {
        let found = drift?.found.as_ref()?;
        Some(
            found.counts.iter().filter(|((_, kind), _)| *kind == Kind::Network).map(|(_, count)| count).sum(),
        )
    }

    #[test]
    fn what_was_approved_stays_in_force_until_something_better_is() {
        let (file, command): (Arc<str>, Arc<str>) = ("/a".into(), "see".into());
        let (seen, inventory) = listing(&["shop"]);
        let approved = Arc::new(take(&seen, &inventory));
        let mut approval = Approval::default();
        approval.listed(&seen, true);
        assert!(approval.compare(Some(&inventory)).is_none(), "nothing was approved");
        // Damaged from the beginning: that it is is known, and nothing else.
        approval.read(&file, &command, Err("cut off".into()));
        let drift = approval.compare(Some(&inventory)).cloned();
        assert_eq!(networks(drift.as_ref()), None);
        assert_eq!(drift.and_then(|drift| drift.refused).as_deref(), Some("cut off"));
        approval.read(&file, &command, Ok(Arc::clone(&approved)));
        assert_eq!(networks(approval.compare(Some(&inventory))), Some(0));
        let (more, with_more) = listing(&["shop", "blog"]);
        approval.listed(&more, true);
        assert_eq!(networks(approval.compare(Some(&with_more))), Some(1));
        // Damaged later, the first one counts.
        approval.read(&file, &command, Err("cut off".into()));
        let drift = approval.compare(Some(&with_more)).cloned();
        assert_eq!(networks(drift.as_ref()), Some(1));
        assert!(drift.is_some_and(|drift| drift.refused.is_some() && drift.approved.is_some()));
        approval.read(&file, &command, Ok(Arc::new(take(&more, &with_more))));
        let drift = approval.compare(Some(&with_more)).cloned();
        assert_eq!(networks(drift.as_ref()), Some(0));
        assert!(drift.is_some_and(|drift| drift.refused.is_none()));
        // The same file is named, then none.
        approval.configured("/a");
        assert!(approval.compare(Some(&with_more)).is_some());
        approval.configured("");
        assert!(approval.compare(Some(&with_more)).is_none());
    }

    #[test]
    fn what_cannot_be_compared_is_told_and_ends_nothing() {
        let (file, command): (Arc<str>, Arc<str>) = ("/a".into(), "see".into());
        let (seen, inventory) = listing(&["shop"]);
        let approved = Arc::new(take(&seen, &inventory));
        let mut approval = Approval::default();
        approval.read(&file, &command, Ok(Arc::clone(&approved)));
        approval.listed(&seen, true);
        let fails = |_: &Baseline, _: &Seen, _: &Inventory| -> Drifted { panic!("a fault") };
        let refused = |drift: Option<&Drift>| drift.and_then(|drift| drift.refused.clone());
        let drift = approval.compare_by(Some(&inventory), fails).cloned();
        assert_eq!((networks(drift.as_ref()), refused(drift.as_ref()).as_deref()), (None, Some(FAULT)));
        // Read again it is no better.
        approval.read(&file, &command, Ok(Arc::clone(&approved)));
        assert_eq!(refused(approval.compare(Some(&inventory))).as_deref(), Some(FAULT));
        // Another listing is another try.
        approval.listed(&seen, true);
        let drift = approval.compare(Some(&inventory)).cloned();
        assert_eq!((networks(drift.as_ref()), refused(drift.as_ref())), (Some(0), None));
    }

    #[test]
    fn the_same_picture_is_compared_once() {
        let (file, command): (Arc<str>, Arc<str>) = ("/a".into(), "see".into());
        let (seen, inventory) = listing(&["shop"]);
        let mut approval = Approval::default();
        approval.read(&file, &command, Ok(Arc::new(take(&seen, &inventory))));
        approval.listed(&seen, true);
        approval.compare(Some(&inventory));
        assert!(approval.is_held);
        approval.listed(&Arc::new((*seen).clone()), false);
        assert!(approval.is_held);
        // An option of a network is in no inventory.
        let mut other = (*seen).clone();
        other.networks[0].options.insert("com.docker.network.bridge.enable_icc".into(), "false".into());
        approval.listed(&Arc::new(other), false);
        assert!(!approval.is_held);
        assert_eq!(networks(approval.compare(Some(&inventory))), Some(1));
        // Read anew and the same, it is held already.
        approval.read(&file, &command, Ok(Arc::new(take(&seen, &inventory))));
        assert!(approval.is_held);
    }
}
