//! A snapshot of the networks: another host's, an older version's, cut off, or changed by hand.
#![no_main]

use destination_exporter::baseline::{Baseline, Workload, compare, read, text};
use libfuzzer_sys::fuzz_target;

/// Whatever is said of two snapshots steers no terminal, and looks like nothing but what it is.
fn page(old: &Baseline, new: &Baseline) {
    let found = compare(old, new);
    for all in [false, true] {
        let page = text(old, new, &found, all);
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
        let headings = page.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("  "));
        for line in headings {
            let own = ["on ", "of the host", "and ", "not read ", "--all "];
            assert!(own.iter().any(|own| line.starts_with(own)), "{line:?}");
        }
    }
}

/// The same with less in it.
fn poorer(of: &Baseline) -> Baseline {
    let mut of = of.clone();
    for network in &mut of.networks {
        network.options.clear();
        network.labels.clear();
        network.subnets.pop();
        network.internal = !network.internal;
        network.workloads.pop();
        for workload in &mut network.workloads {
            let Workload { running, names, addresses, has_more_names, .. } = workload;
            (*running, *has_more_names) = (running.saturating_add(1), !*has_more_names);
            names.pop();
            addresses.pop();
        }
    }
    for proxy in &mut of.proxies {
        proxy.networks.pop();
    }
    for route in &mut of.routes {
        route.servers.pop();
    }
    of.published.pop();
    of.unread.pop();
    of
}

/// The same with as many containers as a number can say.
fn fuller(of: &Baseline) -> Baseline {
    let mut of = of.clone();
    for workload in of.networks.iter_mut().flat_map(|network| &mut network.workloads) {
        (workload.running, workload.stopped, workload.detached) = (usize::MAX, usize::MAX, usize::MAX);
    }
    of
}

fuzz_target!(|text: &str| {
    let Ok(one) = read(text) else { return };
    assert!(compare(&one, &one).is_same());
    let written = serde_json::to_string(&one).expect("what was read can be written");
    assert_eq!(read(&written).as_ref(), Ok(&one));
    for other in [poorer(&one), fuller(&one)] {
        page(&one, &other);
        page(&other, &one);
    }
});
