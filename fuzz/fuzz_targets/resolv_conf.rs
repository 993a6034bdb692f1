//! A container's `resolv.conf`.
#![no_main]

use destination_exporter::docker::fuzzing::resolv_conf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let servers = resolv_conf(text);
    assert!(servers.len() <= 3);
    let written: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    assert_eq!(resolv_conf(&written), servers);
    // What comes first wins.
    if servers.len() == 3 || servers.is_empty() {
        let more = resolv_conf(&format!("{text}\nnameserver 192.0.2.1\n"));
        assert!(more.starts_with(&servers) && more.len() == servers.len().max(1), "{more:?}");
    }
});
