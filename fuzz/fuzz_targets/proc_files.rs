//! Files of `/proc`, and the table of mounts.
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;

use destination_exporter::namespace::fuzzing::{counted, local_ports, names, resolver_drops, tcp};
use destination_exporter::namespace::mounts::{Mount, parse, view};
use libfuzzer_sys::fuzz_target;

/// As the kernel writes it.
fn escaped(path: &str) -> String {
    path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

fn line(mount: &Mount) -> String {
    let Mount { id, parent, root, point, follows, kind } = mount;
    let (root, point) = (escaped(root), escaped(&point.to_string_lossy()));
    let optional = if *follows { "master:1 " } else { "" };
    format!("{id} {parent} 0:1 {root} {point} rw {optional}- {kind} none rw")
}

fuzz_target!(|text: &str| {
    assert!(names(text).iter().all(|name| name.trim() == name && !name.contains(':')));
    tcp(text, text, text);
    let drops = resolver_drops(text);
    // Who reads a part of the lines knows no more drops than who reads all.
    let half: String = text.lines().step_by(2).flat_map(|line| [line, "\n"]).collect();
    assert!(resolver_drops(&half) <= drops);
    let first = text.lines().next().and_then(|line| line.split_ascii_whitespace().next()).unwrap_or("drop");
    // A CPU more has counted no less.
    assert!(counted(text, first) <= counted(&format!("{text}\nff ff ff"), first));
    let (range, reserved) = text.split_once('\n').unwrap_or((text, text));
    if let Some(((first, last), room)) = local_ports(range, reserved, &BTreeSet::new()) {
        let all = u32::from(last - first) + 1;
        assert!(room <= all);
        // What is listened on takes one at the most.
        let one = local_ports(range, reserved, &BTreeSet::from([first])).expect("as before").1;
        assert!(one == room || one + 1 == room);
    }
    let mounts: Vec<Mount> = text.lines().filter_map(parse).collect();
    for mount in &mounts {
        assert_eq!(parse(&line(mount)).as_ref(), Some(mount));
    }
    view(&mounts, Path::new("/var/run/docker/netns"));
});
