//! A container's `resolv.conf`.
#![no_main]

use destination_exporter::docker::fuzzing::resolv_conf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (servers, upstream) = resolv_conf(text);
    assert!(servers.len() <= 3);
    let written: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    assert_eq!(resolv_conf(&written), (servers.clone(), None));
    // What comes first wins.
    if servers.len() == 3 || servers.is_empty() {
        let (more, _) = resolv_conf(&format!("{text}\nnameserver 192.0.2.1\n"));
        assert!(more.starts_with(&servers) && more.len() == servers.len().max(1), "{more:?}");
    }
    let Some(upstream) = upstream else { return };
    assert!(!upstream.servers.is_empty() && upstream.servers.len() <= 16);
    assert!(!upstream.lacks(&upstream.servers));
    let listed: Vec<String> = upstream.servers.iter().map(ToString::to_string).collect();
    let path = upstream.file.path();
    // The Engine's remarks hold only beside its own server, and nobody else's.
    assert!(servers.len() == 1);
    let written = format!(
        "nameserver 127.0.0.11\n# Based on host file: '{path}' (internal resolver)\n# ExtServers: [{}]\n# Overrides: []\n",
        listed.join(" ")
    );
    assert_eq!(resolv_conf(&written).1.map(|again| again.servers), Some(upstream.servers));
});
