//! What the Engine says besides its listings: events, statistics, its version.
#![no_main]

use destination_exporter::docker::fuzzing::{event, statistics, version};
use destination_exporter::inventory::ContainerId;
use destination_exporter::inventory::seen::LONGEST;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(change) = event(text) {
        assert!(change.container.iter().chain(&change.network).all(|id| text.len() >= id.len()));
    }
    if let Some(interfaces) = statistics(text, &ContainerId::new("abc")) {
        assert!(interfaces.len() <= 256);
        assert!(interfaces.iter().all(|one| one.mac.is_none() && one.addresses.is_empty()));
    }
    if let Some(engine) = version(text) {
        assert!(engine.version.len() <= LONGEST && engine.api_version.len() <= LONGEST);
    }
});
