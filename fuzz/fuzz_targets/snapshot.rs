//! A snapshot of the networks: another host's, an older version's, cut off, or changed by hand.
#![no_main]

use destination_exporter::baseline::{Baseline, compare, read, text};
use libfuzzer_sys::fuzz_target;

/// No line begins with what a stranger wrote, and nothing steers a terminal.
fn page(old: &Baseline, new: &Baseline) {
    let differences = compare(old, new);
    for all in [false, true] {
        let page = text(old, new, &differences, all);
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
    }
}

fuzz_target!(|text: &str| {
    let Ok(one) = read(text) else { return };
    assert_eq!(compare(&one, &one), vec![]);
    let written = serde_json::to_string(&one).expect("what was read can be written");
    assert_eq!(read(&written).as_ref(), Ok(&one));
    let nothing = Baseline {
        networks: Vec::new(),
        proxies: Vec::new(),
        routes: Vec::new(),
        published: Vec::new(),
        unread: Vec::new(),
        ..one.clone()
    };
    page(&one, &nothing);
    page(&nothing, &one);
});
