//! Against a kernel, on a cable of their own.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::super::lab::{Lab, visit};
use super::*;
use crate::outcome::ProbeKind;

const SECOND: Duration = Duration::from_secs(1);

/// A listener in `far`.
async fn listener(hopper: &Hopper, lab: &Lab, address: &'static str) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap();
    let far = lab.far();
    let made = hopper.hop(&far, move |inside| {
        let socket = inside.tcp(address.ip())?;
        socket.bind(&address.into())?;
        socket.listen(8)?;
        socket.set_nonblocking(false)?;
        io::Result::Ok(TcpListener::from(socket))
    });
    made.await.unwrap().unwrap()
}

async fn connect_all(hopper: &Hopper, lab: &Lab, timeout: Duration, peers: &[&str]) -> Vec<Run> {
    let specs = peers.iter().map(|peer| Spec::Tcp { peer: peer.parse().unwrap() }).collect();
    let runs = run(hopper, visit(ProbeKind::Tcp, lab.near(), timeout, specs)).await;
    assert_eq!(runs.len(), peers.len(), "a run per job");
    for (run, peer) in runs.iter().zip(peers) {
        println!("{peer} {:?} {:?}", run.outcome, run.seen);
    }
    runs
}

#[tokio::test]
async fn a_listener_succeeds_and_a_closed_port_refuses() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    let _four = listener(&hopper, &lab, "10.99.0.2:80").await;
    let _six = listener(&hopper, &lab, "[fd99::2]:80").await;
    let peers = ["10.99.0.2:80", "10.99.0.2:81", "[fd99::2]:80", "[fd99::2]:81", "192.0.2.1:80"];
    let runs = connect_all(&hopper, &lab, SECOND, &peers).await;
    for open in [0, 2] {
        assert!(matches!(runs[open].outcome, Outcome::Success(took) if took < SECOND / 10));
        let seen = runs[open].seen.handshake.unwrap();
        assert_eq!(seen.syn_retransmits, 0);
        assert_eq!(runs[open].outcome, Outcome::Success(seen.rtt), "the kernel's clock");
    }
    assert_eq!(runs[1].outcome, Outcome::Failure(Reason::Refused));
    assert_eq!(runs[3].outcome, Outcome::Failure(Reason::Refused));
    assert_eq!(runs[4].outcome, Outcome::Failure(Reason::Unreachable), "there is no route");
}

#[tokio::test]
async fn what_a_firewall_does_is_told() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    let input = |port, rest: &[&'static str]| {
        lab.in_far(&[&["iptables", "-A", "INPUT", "-p", "tcp", "--dport", port, "-j"], rest].concat());
    };
    input("80", &["DROP"]);
    input("81", &["REJECT", "--reject-with", "icmp-admin-prohibited"]);
    input("82", &["REJECT"]);
    input("83", &["REJECT", "--reject-with", "icmp-host-unreachable"]);
    let peers = ["10.99.0.2:80", "10.99.0.2:81", "10.99.0.2:82", "10.99.0.2:83"];
    let runs = connect_all(&hopper, &lab, 3 * SECOND / 2, &peers).await;
    assert_eq!(runs[0].outcome, Outcome::Failure(Reason::Timeout));
    assert_eq!(runs[0].seen.handshake.unwrap().syn_retransmits, 1, "after a second");
    assert_eq!(runs[1].outcome, Outcome::Failure(Reason::Prohibited));
    assert_eq!(runs[2].outcome, Outcome::Failure(Reason::Refused));
    assert_eq!(runs[3].outcome, Outcome::Failure(Reason::Unreachable));
}

#[tokio::test]
async fn a_dead_neighbour_is_unreachable_and_a_missing_family_unknown() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    lab.in_near(&["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1"]);
    let runs = connect_all(&hopper, &lab, 5 * SECOND, &["10.99.0.77:80", "[fd99::2]:80"]).await;
    assert_eq!(runs[0].outcome, Outcome::Failure(Reason::Unreachable));
    assert_eq!(runs[1].outcome, Outcome::Unknown(Blindness::NoAddress));
}

#[tokio::test]
async fn a_server_that_greets_sees_a_proper_end() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    let server = listener(&hopper, &lab, "10.99.0.2:22").await;
    let seen_by_server = std::thread::spawn(move || {
        let (mut stream, _) = server.accept()?;
        std::thread::sleep(Duration::from_millis(20));
        stream.write_all(b"SSH-2.0-lab\r\n")?;
        let mut end = [0; 8];
        stream.read(&mut end)
    });
    let runs = connect_all(&hopper, &lab, SECOND, &["10.99.0.2:22"]).await;
    assert!(matches!(runs[0].outcome, Outcome::Success(_)));
    assert_eq!(seen_by_server.join().unwrap().unwrap(), 0, "a FIN, no reset");
}

#[tokio::test]
async fn more_jobs_than_may_be_under_way() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    let spec = Spec::Tcp { peer: "10.99.0.2:9".parse().unwrap() };
    let mut visit = visit(ProbeKind::Tcp, lab.near(), SECOND, vec![spec; 20]);
    visit.limits.in_flight = 3;
    let runs = run(&hopper, visit).await;
    assert_eq!(runs.len(), 20);
    assert!(runs.iter().all(|run| run.outcome == Outcome::Failure(Reason::Refused)));
}

#[tokio::test]
async fn a_target_that_says_nothing_holds_up_nobody_else() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    lab.in_far(&["ip", "addr", "add", "10.99.0.3/24", "dev", "eth0"]);
    lab.in_far(&["iptables", "-A", "INPUT", "-p", "tcp", "-d", "10.99.0.3", "-j", "DROP"]);
    let server = listener(&hopper, &lab, "10.99.0.2:80").await;
    let began = Instant::now();
    let accepted = std::thread::spawn(move || {
        (0..20).map(|_| server.accept().map(|_| began.elapsed())).collect::<Result<Vec<_>, _>>()
    });
    // The silent one's first, and more than may be under way.
    let peer = |peer: &str| Spec::Tcp { peer: peer.parse().unwrap() };
    let specs = [vec![peer("10.99.0.3:80"); 20], vec![peer("10.99.0.2:80"); 20]].concat();
    let mut visit = visit(ProbeKind::Tcp, lab.near(), 4 * SECOND, specs);
    visit.limits.in_flight = 10;
    let runs = run(&hopper, visit).await;
    assert!(runs[..20].iter().all(|run| run.outcome == Outcome::Failure(Reason::Timeout)));
    assert!(runs[20..].iter().all(|run| matches!(run.outcome, Outcome::Success(_))));
    let accepted = accepted.join().unwrap().unwrap();
    assert!(accepted.iter().all(|at| *at < 3 * SECOND), "{accepted:?}");
}

#[tokio::test]
async fn never_more_are_open_than_the_limit() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    let server = listener(&hopper, &lab, "10.99.0.2:80").await;
    // Accepts, and never closes: each holds its place until it was waited for long enough.
    let _held = std::thread::spawn(move || (0..12).map(|_| server.accept()).collect::<Vec<_>>());
    let spec = Spec::Tcp { peer: "10.99.0.2:80".parse().unwrap() };
    let mut visit = visit(ProbeKind::Tcp, lab.near(), 5 * SECOND, vec![spec; 12]);
    visit.limits.in_flight = 3;
    let began = Instant::now();
    let runs = run(&hopper, visit).await;
    assert!(
        began.elapsed() >= 4 * SECOND / 10,
        "four times three, each waits for a goodbye that never comes"
    );
    assert!(runs.iter().all(|run| matches!(run.outcome, Outcome::Success(_))));
}

#[tokio::test]
async fn a_route_that_forbids_is_the_sources_own() {
    let lab = Lab::new();
    let hopper = Hopper::start().unwrap();
    lab.in_near(&["ip", "route", "add", "prohibit", "10.99.0.77"]);
    lab.in_far(&[
        "iptables",
        "-A",
        "INPUT",
        "-p",
        "tcp",
        "-j",
        "REJECT",
        "--reject-with",
        "icmp-admin-prohibited",
    ]);
    let runs = connect_all(&hopper, &lab, 5 * SECOND, &["10.99.0.77:80", "10.99.0.2:80"]).await;
    for (run, local) in runs.iter().zip([true, false]) {
        assert_eq!((run.outcome.reason(), run.seen.local), (Some(Reason::Prohibited), local));
    }
}

#[test]
fn the_kernels_clock_is_taken_where_it_has_a_sample() {
    let (rtt, wall) = (Duration::from_micros(30), Duration::from_millis(1));
    for (rtt, syn_retransmits, want) in [(rtt, 0, rtt), (rtt, 1, wall), (Duration::ZERO, 0, wall)] {
        assert_eq!(duration(Handshake { rtt, syn_retransmits, ..Handshake::default() }, wall), want);
    }
}
