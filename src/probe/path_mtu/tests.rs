//! Against a kernel: `near` and `far` on a cable, and a router between them and `beyond`.

use super::super::lab::{Lab, visit};
use super::*;
use crate::outcome::ProbeKind;

const SECOND: Duration = Duration::from_secs(1);

async fn measure(lab: &Lab, to: &[&str]) -> Vec<(Outcome, Option<Widths>)> {
    let hopper = Hopper::start().unwrap();
    let specs = to.iter().map(|to| Spec::PathMtu { address: to.parse().unwrap() }).collect();
    let runs = run(&hopper, visit(ProbeKind::PathMtu, lab.near(), 3 * SECOND, specs)).await;
    assert_eq!(runs.len(), to.len(), "a run per job");
    for (to, run) in to.iter().zip(&runs) {
        println!("{to} {:?} {:?}", run.outcome, run.seen);
    }
    runs.into_iter().map(|run| (run.outcome, run.seen.widths)).collect()
}

/// A new namespace hands out raw sockets; an Engine opens datagram sockets in each of its own.
const OPENINGS: [&[&str]; 2] =
    [&["true"], &["sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range"]];

fn iptables(lab: &Lab, tool: &str, rule: &str) {
    let words: Vec<&str> = [tool].into_iter().chain(rule.split(' ')).collect();
    lab.in_far(&words);
}

#[tokio::test]
async fn the_largest_packet_passes_a_good_way() {
    for open in OPENINGS {
        let lab = Lab::new();
        lab.in_near(open);
        for (outcome, widths) in measure(&lab, &["10.99.0.2", "fd99::2"]).await {
            assert!(matches!(outcome, Outcome::Success(rtt) if rtt < SECOND / 10), "{outcome:?}");
            assert_eq!(widths, Some(Widths { mtu: 1500, passed: 1500, failed: None, told: false }));
        }
        lab.in_near(&["ip", "link", "set", "eth0", "mtu", "1400"]);
        let [(_, widths)] = &measure(&lab, &["10.99.0.2"]).await[..] else { panic!() };
        assert_eq!(widths.map(|widths| widths.passed), Some(1400), "what the source sends, and not more");
    }
}

#[tokio::test]
async fn what_vanishes_above_a_size_is_found_to_the_byte() {
    for open in OPENINGS {
        let lab = Lab::new();
        lab.in_near(open);
        iptables(&lab, "iptables", "-I INPUT -m length --length 1401:65535 -j DROP");
        iptables(&lab, "ip6tables", "-I INPUT -m length --length 1421:65535 -j DROP");
        let found = measure(&lab, &["10.99.0.2", "fd99::2"]).await;
        for ((outcome, widths), passes) in found.into_iter().zip([1400, 1420]) {
            assert_eq!(outcome, Outcome::Failure(Reason::TooBig));
            let expected = Widths { mtu: 1500, passed: passes, failed: Some(passes + 1), told: false };
            assert_eq!(widths, Some(expected));
        }
    }
}

#[tokio::test]
async fn who_does_not_answer_small_ones_says_nothing_of_large_ones() {
    let lab = Lab::new();
    lab.in_near(OPENINGS[1]);
    let unknown = vec![(Outcome::Unknown(Blindness::NoEcho), None)];
    iptables(&lab, "iptables", "-I INPUT -p icmp -j DROP");
    assert_eq!(measure(&lab, &["10.99.0.2"]).await, unknown);
    // Some get lost.
    iptables(&lab, "iptables", "-F INPUT");
    iptables(&lab, "iptables", "-A INPUT -m length --length 1401:65535 -j DROP");
    iptables(&lab, "iptables", "-A INPUT -m statistic --mode nth --every 2 --packet 0 -j DROP");
    assert_eq!(measure(&lab, &["10.99.0.2"]).await, unknown);
    assert_eq!(measure(&lab, &["10.99.0.77"]).await, unknown, "nobody is there");
    assert_eq!(measure(&lab, &["192.0.2.1"]).await, unknown, "there is no way");
    iptables(&lab, "iptables", "-F INPUT");
    iptables(&lab, "iptables", "-A INPUT -p icmp -j REJECT --reject-with icmp-admin-prohibited");
    assert_eq!(measure(&lab, &["10.99.0.2"]).await, unknown, "a firewall says no");
    lab.in_near(&["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1"]);
    let unknown = vec![(Outcome::Unknown(Blindness::NoAddress), None)];
    assert_eq!(measure(&lab, &["fd99::2"]).await, unknown);
}

/// `far` is a router; behind it is an interface that takes less, to an address that `near` has as well.
#[tokio::test]
async fn a_router_that_says_so_is_no_hole() {
    for open in OPENINGS {
        let lab = Lab::beyond(1400);
        lab.in_near(open);
        let found = measure(&lab, &["10.98.0.2", "fd98::2"]).await;
        for (outcome, widths) in &found {
            assert!(matches!(outcome, Outcome::Success(_)), "{outcome:?}");
            let expected = Widths { mtu: 1500, passed: 1400, failed: Some(1500), told: true };
            assert_eq!(*widths, Some(expected));
        }
        // What it says is lost on the way: then it is one.
        iptables(&lab, "iptables", "-I OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP");
        let found = measure(&lab, &["10.98.0.2"]).await;
        assert_eq!(found[0].0, Outcome::Failure(Reason::TooBig));
        assert_eq!(found[0].1.map(|widths| (widths.passed, widths.told)), Some((1400, false)));
    }
}
