//! Answers of a resolver. The first byte chooses what was asked and what is right.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use destination_exporter::outcome::{Detail, Observation, Outcome, ProbeKey, ProbeKind, QueryType, Reason};
use destination_exporter::probe::visit::Expect;
use destination_exporter::probe::{Job, Spec, dns::fuzzing::answer};
use destination_exporter_fuzz::is_plain;
use hickory_proto::op::Message;
use libfuzzer_sys::fuzz_target;

fn job(choice: u8) -> Job {
    let address = |last| IpAddr::from([10, 0, 0, last]);
    let (right, unsure) = (Arc::from([address(2), address(3)]), Arc::from([address(9)]));
    let beyond: Arc<[IpAddr]> = Arc::from([address(7)]);
    let (name, qtype, expect) = match choice % 5 {
        0 => ("web", QueryType::A, Expect::Addresses { right, unsure, beyond }),
        1 => ("web", QueryType::A, Expect::Any),
        2 => ("web", QueryType::Aaaa, Expect::Addresses { right: Arc::from([]), unsure, beyond }),
        3 => ("10.0.0.2", QueryType::Ptr, Expect::Names(Arc::from([Arc::from("web"), Arc::from("a.b")]))),
        _ => ("x.y_z", QueryType::Aaaa, Expect::Any),
    };
    let resolver = (Ipv4Addr::new(127, 0, 0, 11), 53).into();
    let key = ProbeKey {
        destination: "shop".into(),
        kind: ProbeKind::Dns,
        source: "web".into(),
        target: "web".into(),
        detail: Detail::Name(name.into(), qtype),
    };
    Job::new(key, Spec::Dns { resolver, name: name.into(), qtype, expect })
}

/// Without what the clock adds.
fn told(answered: &(Outcome, Observation)) -> (&'static str, Option<Reason>, &[IpAddr]) {
    let (outcome, seen) = answered;
    (outcome.as_word(), outcome.reason(), &seen.answers)
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let job = job(*choice);
    let Some(answered) = answer(bytes, &job) else { return };
    let (outcome, seen) = &answered;
    assert!(seen.note.as_ref().is_none_or(|note| note.chars().count() <= 200 && is_plain(note)), "{seen:?}");
    assert!(seen.answers.len() <= 64, "{seen:?}");
    if let (Outcome::Success(_), Spec::Dns { expect: Expect::Addresses { right, beyond, .. }, .. }) =
        (outcome, &job.spec)
    {
        let is_right = |answer: &IpAddr| right.contains(answer) || beyond.contains(answer);
        assert!(seen.answers.iter().all(is_right), "{seen:?}");
        assert_eq!(seen.answers.is_empty(), right.is_empty(), "{seen:?}");
    }
    if let Spec::Dns { qtype, .. } = job.spec {
        let is_of_family = |answer: &IpAddr| answer.is_ipv4() == (qtype == QueryType::A);
        assert!(seen.answers.iter().all(is_of_family), "{seen:?}");
    }
    // The same message in other bytes: names are compressed otherwise.
    if let Ok(Ok(bytes)) = Message::from_vec(bytes).map(|message| message.to_vec()) {
        let again = answer(&bytes, &job);
        assert_eq!(again.as_ref().map(told), Some(told(&answered)));
    }
});
