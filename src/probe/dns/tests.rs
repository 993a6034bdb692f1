//! The table of judgements, and the exchange against resolvers on the loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, PTR};
use hickory_resolver::proto::rr::{Name, RData, Record};
use proptest::prelude::*;

use super::*;
use crate::namespace::Vantage;
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, QueryType, Reason};
use crate::probe::visit::{Expect, Limits};

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 600, data)
}

pub(super) fn a(owner: &str, last: u8) -> Record {
    record(owner, RData::A(A(Ipv4Addr::new(10, 0, 0, last))))
}

fn with_unsure(right: &[u8], unsure: &[u8]) -> Expect {
    let all = |last: &[u8]| last.iter().map(|n| IpAddr::V4(Ipv4Addr::new(10, 0, 0, *n))).collect();
    Expect::Addresses { right: all(right), unsure: all(unsure), beyond: all(&[]) }
}

pub(super) fn addresses(last: &[u8]) -> Expect {
    with_unsure(last, &[])
}

fn names(all: &[&str]) -> Expect {
    Expect::Names(all.iter().map(|n| Arc::from(*n)).collect())
}

fn ptr(target: &str) -> Record {
    record("2.0.0.10.in-addr.arpa.", RData::PTR(PTR(name(target))))
}

type Case = (&'static str, Expect, QueryType, ResponseCode, Vec<Record>, Option<Reason>);

#[test]
fn answers_are_judged() {
    use QueryType::{A as V4, Aaaa as V6, Ptr};
    let ok = ResponseCode::NoError;
    let six = || record("web.", RData::AAAA(AAAA("fd00::2".parse().expect("v6"))));
    let alias = || record("web.", RData::CNAME(CNAME(name("real."))));
    let table: Vec<Case> = vec![
        ("right", addresses(&[2]), V4, ok, vec![a("web.", 2)], None),
        ("one of two", addresses(&[2, 3]), V4, ok, vec![a("WEB.", 3)], None),
        ("stranger", addresses(&[2]), V4, ok, vec![a("web.", 2), a("web.", 9)], Some(Reason::WrongAnswer)),
        ("missing", addresses(&[2]), V4, ok, vec![], Some(Reason::EmptyAnswer)),
        ("other type", addresses(&[2]), V4, ok, vec![six()], Some(Reason::EmptyAnswer)),
        ("other owner", addresses(&[2]), V4, ok, vec![a("db.", 2)], Some(Reason::EmptyAnswer)),
        ("alias", addresses(&[2]), V4, ok, vec![a("real.", 2), alias()], None),
        ("no v6", addresses(&[]), V6, ok, vec![], None),
        ("unexpected v6", addresses(&[]), V6, ok, vec![six()], Some(Reason::WrongAnswer)),
        ("no v6 but nxdomain", addresses(&[]), V6, ResponseCode::NXDomain, vec![], Some(Reason::Nxdomain)),
        ("servfail", addresses(&[2]), V4, ResponseCode::ServFail, vec![], Some(Reason::Servfail)),
        ("refused", addresses(&[2]), V4, ResponseCode::Refused, vec![], Some(Reason::DnsRefused)),
        ("formerr", Expect::Any, V4, ResponseCode::FormErr, vec![], Some(Reason::DnsRefused)),
        ("any", Expect::Any, V4, ok, vec![a("web.", 77)], None),
        ("any, nothing", Expect::Any, V4, ok, vec![], Some(Reason::EmptyAnswer)),
        ("whatever", Expect::Whatever, V4, ok, vec![a("web.", 77)], None),
        ("whatever, nothing", Expect::Whatever, V4, ok, vec![], None),
        ("no such name, whatever", Expect::Whatever, V4, ResponseCode::NXDomain, vec![], None),
        ("no answer at all", Expect::Whatever, V4, ResponseCode::ServFail, vec![], Some(Reason::Servfail)),
        ("ptr first label", names(&["web-1"]), Ptr, ok, vec![ptr("WEB-1.shop.")], None),
        ("ptr dots", names(&["web.1"]), Ptr, ok, vec![ptr("web.1.my.shop.")], None),
        ("ptr longer", names(&["web"]), Ptr, ok, vec![ptr("web-2.shop.")], Some(Reason::WrongAnswer)),
        ("ptr shorter", names(&["web.1"]), Ptr, ok, vec![ptr("web.")], Some(Reason::WrongAnswer)),
        ("ptr bare", names(&["web"]), Ptr, ok, vec![ptr("web.")], None),
        ("ptr two", names(&["web"]), Ptr, ok, vec![ptr("web."), ptr("db.")], Some(Reason::WrongAnswer)),
        ("ptr whole", names(&["web.shop"]), Ptr, ok, vec![ptr("web.shop.")], None),
        ("ptr stranger", names(&["web"]), Ptr, ok, vec![ptr("db.shop.")], Some(Reason::WrongAnswer)),
        ("ptr missing", names(&["web"]), Ptr, ok, vec![], Some(Reason::EmptyAnswer)),
    ];
    for (case, expect, qtype, rcode, records, fault) in table {
        let asked = if qtype == Ptr { "10.0.0.2" } else { "web" };
        let question = judge::question(asked, qtype).expect("a question");
        let mut message = Message::response(1, OpCode::Query);
        message.metadata.response_code = rcode;
        message.add_answers(records);
        // PTR: the reverse name is made from the address.
        let owner = if qtype == Ptr { name("2.0.0.10.in-addr.arpa.") } else { name("web.") };
        assert_eq!(question.name, owner, "{case}");
        assert_eq!(
            judge::judge(&expect, qtype, &question.name, &message).fault,
            fault.map(judge::Fault::Is),
            "{case}"
        );
    }
}

#[test]
fn who_may_bear_the_name_is_not_called_a_stranger() {
    let is = |reason| Some(judge::Fault::Is(reason));
    for (answered, fault) in [
        (&[2][..], None),
        (&[7], Some(judge::Fault::Unsure)),
        (&[2, 7], Some(judge::Fault::Unsure)),
        (&[7, 9], is(Reason::WrongAnswer)),
        (&[9], is(Reason::WrongAnswer)),
        (&[], is(Reason::EmptyAnswer)),
    ] {
        let mut message = Message::response(1, OpCode::Query);
        message.add_answers(answered.iter().map(|last| a("web.", *last)));
        let verdict = judge::judge(&with_unsure(&[2], &[7]), QueryType::A, &name("web."), &message);
        assert_eq!(verdict.fault, fault, "{answered:?}");
        assert_eq!(verdict.answers.len(), answered.len());
    }
}

#[test]
fn who_is_on_another_host_is_right_beside_one_that_bears_the_name_here() {
    let address = |last: u8| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
    let expect = Expect::Addresses {
        right: Arc::from([address(2), address(3)]),
        unsure: Arc::from([]),
        beyond: Arc::from([address(7), address(8)]),
    };
    let wrong = Some(judge::Fault::Is(Reason::WrongAnswer));
    for (answered, fault) in [
        (&[2, 7][..], None),
        (&[8, 7, 3], None),
        (&[7], wrong),
        (&[7, 8], wrong),
        (&[2, 7, 9], wrong),
        (&[2, 9], wrong),
    ] {
        let mut message = Message::response(1, OpCode::Query);
        message.add_answers(answered.iter().map(|last| a("web.", *last)));
        let verdict = judge::judge(&expect, QueryType::A, &name("web."), &message);
        assert_eq!(verdict.fault, fault, "{answered:?}");
    }
}

#[test]
fn a_loop_of_aliases_ends() {
    let mut message = Message::response(1, OpCode::Query);
    message.add_answers([
        record("web.", RData::CNAME(CNAME(name("b.")))),
        record("b.", RData::CNAME(CNAME(name("web.")))),
    ]);
    let verdict = judge::judge(&Expect::Any, QueryType::A, &name("web."), &message);
    assert_eq!(verdict.fault, Some(judge::Fault::Is(Reason::EmptyAnswer)));
}

#[test]
fn names_that_fit_nowhere_are_no_question() {
    for bad in ["", "a..b", &"x".repeat(64), &"abc.".repeat(80)] {
        assert!(
            judge::question(bad, QueryType::A).is_none_or(|q| bad.is_empty() && q.name.is_root()),
            "{bad}"
        );
    }
    assert!(judge::question("my_app\\1.", QueryType::A).is_some());
}

pub(super) fn job(resolver: SocketAddr, asked: &str, expect: Expect) -> Job {
    let asked: Arc<str> = asked.into();
    Job::new(
        ProbeKey {
            destination: "net".into(),
            kind: ProbeKind::Dns,
            source: "a".into(),
            target: "b".into(),
            detail: Detail::Name(asked.clone(), QueryType::A),
        },
        Spec::Dns { resolver, name: asked, qtype: QueryType::A, expect },
    )
}

#[expect(clippy::disallowed_methods, reason = "the loopback of the test is where it wants to be")]
pub(super) fn loopback() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_nonblocking(true).expect("non-blocking");
    socket
}

pub(super) fn visit(timeout: u64, in_flight: usize) -> Visit {
    Visit {
        kind: ProbeKind::Dns,
        vantage: Vantage::Own,
        jobs: [].into(),
        limits: Limits { timeout: Duration::from_millis(timeout), in_flight },
        out_of_turn: false,
        examiner: Arc::default(),
    }
}

/// Asks as `run` does, with a socket of the test's own namespace.
pub(super) async fn ask_here(jobs: Vec<Job>, timeout: u64, in_flight: usize) -> Vec<Run> {
    let visit = Visit { jobs: jobs.into(), ..visit(timeout, in_flight) };
    let sockets = resolvers(&visit.jobs)
        .into_iter()
        .map(|to| {
            let socket = loopback();
            socket.connect(to).expect("connects");
            (to, Ok(socket))
        })
        .collect();
    ask(&visit, sockets, true).await
}

/// A resolver: first labels choose what it does. Gives its address.
fn resolver() -> SocketAddr {
    let socket = tokio::net::UdpSocket::from_std(loopback()).expect("registers");
    let at = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..length]).expect("a query");
            let asked = query.queries[0].name.to_ascii();
            let mut reply = Message::response(query.metadata.id, OpCode::Query);
            reply.add_query(query.queries[0].clone());
            reply.add_answer(a(&asked, 2));
            let mut bytes = match asked.as_str() {
                "silent." => continue,
                "otherid." => {
                    reply.metadata.id = !query.metadata.id;
                    reply.to_vec().expect("bytes")
                }
                "otherquestion." => {
                    reply.queries[0].name = name("evil.");
                    reply.to_vec().expect("bytes")
                }
                _ => reply.to_vec().expect("bytes"),
            };
            if asked == "garbage." {
                bytes.truncate(20);
            }
            socket.send_to(&bytes, from).await.expect("sends");
        }
    });
    at
}

#[tokio::test]
async fn runs_come_in_the_order_of_the_jobs() {
    let at = resolver();
    let mut jobs: Vec<Job> = (0..50).map(|n| job(at, &format!("web{n}"), addresses(&[2]))).collect();
    jobs.push(job(at, "silent", addresses(&[2])));
    jobs.push(job(at, "otherid", addresses(&[2])));
    jobs.push(job(at, "otherquestion", addresses(&[2])));
    jobs.push(job(at, "garbage", addresses(&[2])));
    jobs.push(job(at, "stranger", addresses(&[3])));
    jobs.push(job(at, &"x".repeat(70), addresses(&[2])));
    let keys: Vec<_> = jobs.iter().map(|j| j.key.clone()).collect();
    let runs = ask_here(jobs, 300, 4).await;
    assert_eq!(runs.iter().map(|r| r.key.clone()).collect::<Vec<_>>(), keys);
    assert!(runs[..50].iter().all(|r| matches!(r.outcome, Outcome::Success(_)) && r.seen.answers.len() == 1));
    let ends: Vec<_> = runs[50..].iter().map(|r| r.outcome.clone()).collect();
    assert_eq!(
        ends,
        [
            Outcome::Failure(Reason::Timeout),
            Outcome::Failure(Reason::Timeout),
            Outcome::Failure(Reason::Timeout),
            Outcome::Failure(Reason::Protocol),
            Outcome::Failure(Reason::WrongAnswer),
            Outcome::Unknown(Blindness::NoAddress),
        ]
    );
}

#[tokio::test]
async fn nobody_at_the_port_is_refused() {
    let at = loopback().local_addr().expect("a port that is free again");
    let runs = ask_here((0..5).map(|n| job(at, &format!("web{n}"), Expect::Any)).collect(), 2000, 2).await;
    assert!(runs.iter().all(|r| r.outcome == Outcome::Failure(Reason::Refused)), "{runs:?}");
}

#[tokio::test]
async fn the_hopper_makes_the_sockets() {
    let visit = Visit {
        kind: ProbeKind::Dns,
        vantage: Vantage::Own,
        jobs: [job(resolver(), "web", addresses(&[2])), job(resolver(), "db", addresses(&[3]))].into(),
        limits: Limits { timeout: Duration::from_secs(2), in_flight: 8 },
        out_of_turn: false,
        examiner: Arc::default(),
    };
    let runs = run(&Hopper::start().expect("starts"), visit).await;
    assert!(matches!(runs[0].outcome, Outcome::Success(_)), "{runs:?}");
    assert_eq!(runs[1].outcome, Outcome::Failure(Reason::WrongAnswer));
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let at = SocketAddr::from(([127, 0, 0, 1], 53));
        if let Some(answered) = exchange::strangers::feed(bytes, &job(at, "web", addresses(&[2]))) {
            prop_assert!(answered.note.is_none_or(|n| n.chars().count() <= 200));
        }
    }

    #[test]
    fn a_damaged_answer_is_an_answer(damage in proptest::collection::vec((0_usize..90, any::<u8>()), 0..6), end in 0_usize..90) {
        let mut message = Message::response(7, OpCode::Query);
        message.add_query(judge::question("web", QueryType::A).expect("a question"));
        message.add_answers([record("web.", RData::CNAME(CNAME(name("real.")))), a("real.", 2), a("web.", 9)]);
        let mut bytes = message.to_vec().expect("bytes");
        for (at, byte) in damage {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(end);
        let at = SocketAddr::from(([127, 0, 0, 1], 53));
        if let Some(answered) = exchange::strangers::feed(bytes, &job(at, "web", addresses(&[2]))) {
            prop_assert!(answered.note.is_none_or(|n| n.chars().count() <= 200));
        }
    }
}
