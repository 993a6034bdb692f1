//! Against a kernel, on a cable of their own.

use super::super::lab::{Lab, visit};
use super::*;
use crate::outcome::{ProbeKind, Reason};

const SECOND: Duration = Duration::from_secs(1);

fn echo(to: &str) -> Spec {
    Spec::Icmp { address: to.parse().unwrap(), packets: 3, spacing: Duration::from_millis(10) }
}

async fn ping(lab: &Lab, timeout: Duration, to: &[&str]) -> Vec<Run> {
    let hopper = Hopper::start().unwrap();
    let specs = to.iter().map(|to| echo(to)).collect();
    let runs = run(&hopper, visit(ProbeKind::Icmp, lab.near(), timeout, specs)).await;
    assert_eq!(runs.len(), to.len(), "a run per job");
    for (number, run) in runs.iter().enumerate() {
        assert_eq!(&*run.key.target, format!("job {number}"), "in the order of the jobs");
        println!("{} {:?} {:?}", to[number], run.outcome, run.seen);
    }
    runs
}

#[tokio::test]
async fn both_families_and_both_kinds_of_socket_are_answered() {
    let lab = Lab::new();
    // A new namespace hands out raw sockets; an Engine opens datagram sockets in each of its own. The
    // value has a blank in it, hence the script.
    for open in [&["true"][..], &["sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range"]] {
        lab.in_near(open);
        let runs = ping(&lab, SECOND, &["10.99.0.2", "fd99::2", "10.99.0.2", "127.0.0.1"]).await;
        for run in runs {
            let seen = run.seen.echo.unwrap();
            assert!(matches!(run.outcome, Outcome::Success(rtt) if rtt < SECOND / 10), "{:?}", run.outcome);
            assert_eq!((seen.sent, seen.received, seen.duplicates, seen.rtts.len()), (3, 3, 0, 3));
        }
    }
}

/// Two destinations of one container, or a round out of turn: each visit has its own replies.
#[tokio::test]
async fn visits_that_want_the_same_identifier_do_not_take_each_others_replies() {
    let lab = Lab::new();
    lab.in_near(&["sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range"]);
    let hopper = Hopper::start().unwrap();
    for to in ["10.99.0.2", "fd99::2"] {
        let slow = Spec::Icmp { address: to.parse().unwrap(), packets: 5, spacing: SECOND / 20 };
        let visit = || visit(ProbeKind::Icmp, lab.near(), SECOND, vec![slow.clone()]);
        let runs = futures_util::future::join_all((0..4).map(|_| run(&hopper, visit()))).await;
        for run in runs.concat() {
            assert_eq!(run.seen.echo.as_ref().map(|echo| echo.received), Some(5), "{run:?}");
        }
    }
}

#[tokio::test]
async fn silence_is_a_timeout_and_gaps_are_loss() {
    let lab = Lab::new();
    lab.in_far(&[
        "iptables",
        "-A",
        "INPUT",
        "-p",
        "icmp",
        "-m",
        "statistic",
        "--mode",
        "nth",
        "--every",
        "3",
        "--packet",
        "0",
        "-j",
        "DROP",
    ]);
    let runs = ping(&lab, SECOND / 4, &["10.99.0.2"]).await;
    assert_eq!(runs[0].outcome, Outcome::Failure(Reason::PacketLoss));
    assert_eq!(runs[0].seen.echo.as_ref().map(|seen| (seen.sent, seen.received)), Some((3, 2)));
    lab.in_far(&["iptables", "-I", "INPUT", "-p", "icmp", "-j", "DROP"]);
    let runs = ping(&lab, SECOND / 4, &["10.99.0.2", "fd99::2"]).await;
    assert_eq!(runs[0].outcome, Outcome::Failure(Reason::Timeout));
    assert!(matches!(runs[1].outcome, Outcome::Success(_)), "the other family is untouched");
}

#[tokio::test]
async fn what_a_firewall_answers_is_told() {
    let lab = Lab::new();
    lab.in_far(&[
        "iptables",
        "-A",
        "INPUT",
        "-p",
        "icmp",
        "-j",
        "REJECT",
        "--reject-with",
        "icmp-admin-prohibited",
    ]);
    let runs = ping(&lab, SECOND / 2, &["10.99.0.2"]).await;
    assert_eq!(runs[0].outcome, Outcome::Failure(Reason::Prohibited));
    assert!(!runs[0].seen.local, "it came back");
    lab.in_near(&["iptables", "-A", "OUTPUT", "-p", "icmp", "-d", "10.99.0.2", "-j", "DROP"]);
    let runs = ping(&lab, SECOND / 2, &["10.99.0.2", "127.0.0.1"]).await;
    assert_eq!(runs[0].outcome, Outcome::Failure(Reason::Prohibited));
    assert!(runs[0].seen.local, "it never left");
    assert!(matches!(runs[1].outcome, Outcome::Success(_)));
}

#[tokio::test]
async fn a_dead_neighbour_is_unreachable_and_harms_nobody() {
    let lab = Lab::new();
    let runs = ping(&lab, 5 * SECOND, &["10.99.0.77", "10.99.0.2", "fd99::77", "192.0.2.1"]).await;
    assert_eq!(runs[0].outcome, Outcome::Failure(Reason::Unreachable));
    assert!(matches!(runs[1].outcome, Outcome::Success(_)));
    assert_eq!(runs[2].outcome, Outcome::Failure(Reason::Unreachable));
    assert_eq!(runs[3].outcome, Outcome::Failure(Reason::Unreachable), "there is no route");
}

#[tokio::test]
async fn without_the_family_nothing_is_known() {
    let lab = Lab::new();
    lab.in_near(&["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1"]);
    let runs = ping(&lab, SECOND, &["fd99::2", "10.99.0.2"]).await;
    assert_eq!(runs[0].outcome, Outcome::Unknown(Blindness::NoAddress));
    assert!(matches!(runs[1].outcome, Outcome::Success(_)));
}

#[tokio::test]
async fn a_namespace_that_is_gone_is_no_failure() {
    let lab = Lab::new();
    let (hopper, gone) = (Hopper::start().unwrap(), lab.near());
    drop(lab);
    let runs = run(&hopper, visit(ProbeKind::Icmp, gone, SECOND, vec![echo("10.99.0.2")])).await;
    assert!(matches!(runs[0].outcome, Outcome::Unknown(_)), "{:?}", runs[0].outcome);
}

#[tokio::test]
async fn more_jobs_than_may_be_under_way() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    let mut visit = visit(ProbeKind::Icmp, lab.near(), SECOND, vec![echo("10.99.0.2"); 40]);
    visit.limits.in_flight = 7;
    let runs = run(&hopper, visit).await;
    assert_eq!(runs.len(), 40);
    assert!(runs.iter().all(|run| matches!(run.outcome, Outcome::Success(_))));
}
