//! What the Engine says besides its listings: events, statistics, its version, variables. And how long a listing may be: any JSON
//! of a common size is passed on as it is, in whatever pieces it comes.
#![no_main]

use destination_exporter::docker::fuzzing::{cut, environment, event, statistics, version};
use destination_exporter::inventory::ContainerId;
use destination_exporter::inventory::seen::LONGEST;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    if let Some(change) = event(text) {
        assert!(change.container.iter().chain(&change.network).all(|id| text.len() >= id.len()));
        let told = change.told.iter().flat_map(|told| told.container.iter().chain(&told.network));
        assert!(told.into_iter().all(|id| id.len() <= LONGEST));
    }
    if let Some(interfaces) = statistics(text, &ContainerId::new("abc")) {
        assert!(interfaces.len() <= 256);
        assert!(interfaces.iter().all(|one| one.mac.is_none() && one.addresses.is_empty()));
    }
    if let Some(engine) = version(text) {
        assert!(engine.version.len() <= LONGEST && engine.api_version.len() <= LONGEST);
    }
    let variables: Vec<String> = text.lines().map(str::to_owned).collect();
    let kept = environment(&variables);
    assert!(kept.len() <= 64);
    for (name, address) in kept {
        // Nothing but the name of a variable, and an address that stands in its value.
        assert!(
            name.len() <= 128
                && variables.iter().any(|one| one.split_once('=').is_some_and(|(n, _)| n == name))
        );
        assert!(!address.is_loopback());
    }
    let whole = cut(text.as_bytes(), text.len());
    assert_eq!(cut(text.as_bytes(), 3), whole);
    if serde_json::from_str::<Value>(text).is_ok() && text.len() <= 1000 {
        assert_eq!(whole, text.as_bytes());
    }
});
