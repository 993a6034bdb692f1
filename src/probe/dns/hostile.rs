//! A resolver that floods, and a kernel that refuses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, OpCode};

use super::super::lab::{Lab, visit};
use super::tests::{addresses, ask_here, job, loopback};
use super::*;
use crate::outcome::{Outcome, ProbeKind, QueryType, Reason};
use crate::probe::visit::Expect;

/// Answers the first query for as long as `go_on` says, always with the right id: the question of the
/// query, or another.
fn flood(other_question: bool, go_on: Arc<AtomicBool>) -> SocketAddr {
    let socket = loopback();
    socket.set_nonblocking(false).expect("blocking");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let at = socket.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = socket.recv_from(&mut buffer).expect("a query");
        let mut answer = buffer[..length].to_vec();
        answer[2] |= 0x80;
        if other_question {
            answer[13] = b'z';
        } else {
            // Not even an answer: a query with this id.
            answer[2] &= 0x7f;
        }
        while go_on.load(Ordering::Relaxed) {
            let _ = socket.send_to(&answer, from);
        }
    });
    at
}

#[tokio::test]
async fn a_flood_ends_with_the_visit() {
    for other_question in [true, false] {
        let go_on = Arc::new(AtomicBool::new(true));
        let at = flood(other_question, go_on.clone());
        let jobs = (0..6).map(|n| job(at, &format!("web{n}"), addresses(&[2]))).collect();
        let ended = tokio::time::timeout(Duration::from_secs(20), ask_here(jobs, 2000, 2)).await;
        go_on.store(false, Ordering::Relaxed);
        for run in ended.expect("a visit ends") {
            assert_eq!(run.outcome, Outcome::Failure(Reason::Protocol), "{run:?}");
            assert!(run.seen.note.is_some_and(|note| note.contains("datagrams")));
        }
    }
}

#[tokio::test]
async fn a_cut_answer_without_the_record_says_nothing_of_the_name() {
    for (records, want) in
        [(0, Outcome::Unknown(Blindness::Resources)), (1, Outcome::Failure(Reason::WrongAnswer))]
    {
        let socket = tokio::net::UdpSocket::from_std(loopback()).expect("registers");
        let at = socket.local_addr().expect("an address");
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            let (length, from) = socket.recv_from(&mut buffer).await.expect("a query");
            let query = Message::from_vec(&buffer[..length]).expect("a query");
            let mut answer = Message::response(query.metadata.id, OpCode::Query);
            answer.add_query(query.queries[0].clone());
            answer.metadata.truncation = true;
            answer.add_answers((0..records).map(|_| super::tests::a("web.", 9)));
            socket.send_to(&answer.to_vec().expect("bytes"), from).await.expect("sends");
        });
        let runs = ask_here(vec![job(at, "web", addresses(&[2]))], 2000, 2).await;
        assert_eq!(runs[0].outcome, want, "{runs:?}");
        assert!(runs[0].seen.note.as_ref().is_some_and(|note| note.contains("truncated")), "{runs:?}");
    }
}

#[tokio::test]
async fn what_the_vantage_itself_refuses_is_told() {
    let lab = Lab::new();
    let hopper = Hopper::start().expect("starts");
    lab.in_near(&["iptables", "-A", "OUTPUT", "-p", "udp", "-d", "10.99.0.2", "-j", "DROP"]);
    let ask = |resolver: &str| Spec::Dns {
        resolver: resolver.parse().expect("an address"),
        name: "web".into(),
        qtype: QueryType::A,
        expect: Expect::Any,
    };
    let specs = vec![ask("10.99.0.2:53"), ask("10.99.0.1:53"), ask("192.0.2.1:53")];
    let runs = run(&hopper, visit(ProbeKind::Dns, lab.near(), Duration::from_secs(2), specs)).await;
    let ends: Vec<_> = runs.iter().map(|run| (run.outcome.reason(), run.seen.local)).collect();
    let want = [(Reason::Prohibited, true), (Reason::Refused, false), (Reason::Unreachable, true)];
    assert_eq!(ends, want.map(|(reason, local)| (Some(reason), local)), "{runs:?}");
}
