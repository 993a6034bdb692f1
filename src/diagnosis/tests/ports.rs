//! Local ports that run out.

use std::net::{IpAddr, SocketAddr};

use crate::inventory::ContainerId;
use crate::netstack::{Inner, LocalPorts};

use super::*;

const DB: ([u8; 4], u16) = ([10, 0, 2, 3], 5432);

/// `api` holds so many of its thousand ports towards this end.
fn holding(to: ([u8; 4], u16), held: u32) -> Snapshot {
    snapshot_of(&shop(), to, held)
}

fn snapshot_of(sample: &Sample, to: ([u8; 4], u16), held: u32) -> Snapshot {
    let end = (IpAddr::from([10, 0, 2, 2]), SocketAddr::from(to), held, held);
    let ports = LocalPorts::of((30_000, 30_999), 1000, [end]);
    let inner = Inner { local_ports: Some(ports), ..Inner::default() };
    let mut snapshot = sample.snapshot();
    snapshot.containers = Arc::new([(ContainerId::new("id-api"), inner)].into());
    snapshot
}

fn findings(snapshot: Snapshot) -> Vec<Finding> {
    settled(snapshot, &mut Ledger::default()).findings
}

#[test]
fn from_nine_of_ten_ports_on_it_is_told_and_without_one_it_is_a_page() {
    for (held, expected) in [
        (899, None),
        (900, Some(Severity::Ticket)),
        (989, Some(Severity::Ticket)),
        (990, Some(Severity::Page)),
        (1000, Some(Severity::Page)),
    ] {
        let found = findings(holding(DB, held));
        assert_eq!(found.first().map(|finding| finding.severity), expected, "{held}");
        assert!(found.iter().all(|finding| finding.code == Code::EphemeralPortsExhausted));
    }
}

#[test]
fn whose_address_it_is_is_told_where_it_is_known() {
    for (to, expected) in [
        (DB, "towards 10.0.2.3:5432 (`db`):"),
        (([10, 0, 2, 1], 8000), "towards 10.0.2.1:8000 (the host):"),
        (([10, 0, 3, 2], 6379), "towards 10.0.3.2:6379 (`cache` on `blog`):"),
        (([192, 0, 2, 9], 443), "towards 192.0.2.9:443:"),
    ] {
        let mut sample = shop();
        sample.destination("blog", 3);
        sample.endpoint("blog", "cache");
        let found = findings(snapshot_of(&sample, to, 1000));
        let summary = &found.first().expect("one").summary;
        assert!(
            summary.starts_with("Container `api` has 1000 of 1000 local ports in use")
                && summary.contains(expected),
            "{summary}"
        );
    }
}

#[test]
fn the_repair_names_the_container_and_does_not_take_the_ports_of_services() {
    let found = findings(holding(DB, 1000));
    let commands: Vec<&str> =
        found[0].fix.iter().flat_map(|step| step.commands()).map(String::as_str).collect();
    assert_eq!(
        commands,
        [
            "nsenter -t \"$(docker inspect -f '{{.State.Pid}}' api)\" -n sysctl -w net.ipv4.ip_local_port_range=\"10000 65535\"",
            "docker restart api",
        ]
    );
    assert_eq!(found[0].ruled_out, ["db is up: web reaches it"]);
}

/// On two destinations a container has one table, and each other end is told where it is.
#[test]
fn a_container_on_two_destinations_is_told_where_the_other_end_is() {
    let mut sample = shop();
    sample.destination("blog", 3);
    for name in ["api", "cache"] {
        sample.endpoint("blog", name);
    }
    for (to, expected) in [(DB, "shop"), (([10, 0, 3, 3], 6379), "blog"), (([192, 0, 2, 9], 443), "shop")] {
        let found = findings(snapshot_of(&sample, to, 1000));
        let on: Vec<_> = found
            .iter()
            .filter(|finding| finding.code == Code::EphemeralPortsExhausted)
            .map(|finding| finding.destination.as_deref())
            .collect();
        assert_eq!(on, [Some(expected)], "{to:?}");
    }
}
