//! What is asked and what an answer is worth: pure, so that every case is a line of a table.
//!
//! An answer is a stranger's. It is bounded here before anyone keeps it, and never followed.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::outcome::{QueryType, Reason};
use crate::probe::visit::Expect;

/// The most addresses of one answer that are kept. All of them are judged.
const KEPT_ANSWERS: usize = 64;
/// The most characters of a note.
const NOTE_CHARS: usize = 200;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// It is wrong.
    Is(Reason),
    /// It was cut before the record: the record may stand in the whole one.
    Cut,
    /// It may be right: whose it is has more names than are known here.
    Unsure,
}

/// What an answer is worth.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    /// What is wrong with it, if anything.
    pub fault: Option<Fault>,
    /// The addresses in it.
    pub answers: Vec<IpAddr>,
    /// What a person should know.
    pub note: Option<String>,
}

/// The question for a name, or `None` for one that no DNS message can hold.
pub(super) fn question(name: &str, qtype: QueryType) -> Option<Query> {
    let name = match (qtype, name.parse::<IpAddr>()) {
        (QueryType::Ptr, Ok(address)) => Name::from(address),
        // Built from raw labels: a backslash in an alias is a backslash, not an escape.
        _ => Name::from_labels(name.strip_suffix('.').unwrap_or(name).split('.').map(str::as_bytes)).ok()?,
    };
    Some(Query::query(name, record_type(qtype)))
}

/// The bytes of a query.
pub(super) fn encode(id: u16, question: &Query) -> Option<Vec<u8>> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(question.clone());
    message.to_vec().ok()
}

/// Whether a message answers this question. A server that could not read the query may leave it out.
pub(super) fn answers_question(message: &Message, question: &Query) -> bool {
    if message.metadata.message_type != MessageType::Response {
        return false;
    }
    match message.queries.as_slice() {
        [] => !matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain),
        [asked] => {
            asked.query_type == question.query_type
                && asked.query_class == question.query_class
                && asked.name == question.name
        }
        _ => false,
    }
}

/// Judges an answer. A truncated one is judged by what is in it, but not by what is not.
pub(super) fn judge(expect: &Expect, qtype: QueryType, name: &Name, message: &Message) -> Verdict {
    let rcode = match message.metadata.response_code {
        ResponseCode::NoError => None,
        ResponseCode::NXDomain => Some(Reason::Nxdomain),
        ResponseCode::ServFail => Some(Reason::Servfail),
        _ => Some(Reason::DnsRefused),
    };
    if let Some(fault) = rcode {
        let note = bounded(format!("the resolver answered {}", message.metadata.response_code));
        let will_do = *expect == Expect::Whatever && fault == Reason::Nxdomain;
        let fault = Some(Fault::Is(fault)).filter(|_| !will_do);
        return Verdict { fault, answers: Vec::new(), note: Some(note) };
    }
    let (addresses, names) = records(qtype, name, message);
    let nothing = addresses.is_empty() && names.is_empty();
    let (fault, mut note) = match expect {
        Expect::Addresses { right, .. } if right.is_empty() && nothing => (None, None),
        Expect::Whatever => (None, None),
        _ if nothing => (Some(Reason::EmptyAnswer), Some("the answer holds no such record".to_owned())),
        Expect::Any => (None, None),
        Expect::Addresses { right, unsure, beyond } => {
            let has_own = addresses.iter().any(|a| right.contains(a));
            let is_right = |a: &IpAddr| right.contains(a) || (has_own && beyond.binary_search(a).is_ok());
            let strangers = || addresses.iter().filter(|a| !is_right(a));
            match strangers().find(|a| !unsure.contains(a)).or_else(|| strangers().next()) {
                Some(stranger) if unsure.contains(stranger) => {
                    let note = format!("{stranger} is of a container whose names are not all known");
                    return Verdict {
                        fault: Some(Fault::Unsure),
                        answers: kept(addresses),
                        note: Some(note),
                    };
                }
                Some(stranger) => {
                    (Some(Reason::WrongAnswer), Some(format!("{stranger} does not belong to this name")))
                }
                None if addresses.is_empty() => (Some(Reason::EmptyAnswer), None),
                None => (None, None),
            }
        }
        Expect::Names(right) => match names.iter().find(|n| !right.iter().any(|r| same_name(n, r))) {
            Some(stranger) => {
                (Some(Reason::WrongAnswer), Some(format!("{stranger} is no name of this address")))
            }
            None if names.is_empty() => (Some(Reason::EmptyAnswer), None),
            None => (None, None),
        },
    };
    let mut fault = fault.map(Fault::Is);
    if message.metadata.truncation {
        if matches!(fault, Some(Fault::Is(Reason::EmptyAnswer))) || nothing {
            fault = Some(Fault::Cut);
        }
        note = Some(note.map_or_else(|| "truncated".to_owned(), |n| format!("truncated; {n}")));
    }
    Verdict { fault, answers: kept(addresses), note: note.map(bounded) }
}

fn kept(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.truncate(KEPT_ANSWERS);
    addresses
}

/// The records of the type that belong to the name or to an alias (CNAME) of it.
fn records(qtype: QueryType, name: &Name, message: &Message) -> (Vec<IpAddr>, Vec<String>) {
    // Each round adds one link of the chain at least, so eight bound both the chain and the work.
    let mut owners = vec![name];
    for _ in 0..8 {
        let before = owners.len();
        for record in &message.answers {
            if let RData::CNAME(alias) = &record.data
                && owners.len() < 16
                && owners.contains(&&record.name)
                && !owners.contains(&&alias.0)
            {
                owners.push(&alias.0);
            }
        }
        if owners.len() == before {
            break;
        }
    }
    let mut addresses = Vec::new();
    let mut names = Vec::new();
    for record in message.answers.iter().filter(|r| owners.contains(&&r.name)) {
        match (&record.data, qtype) {
            (RData::A(a), QueryType::A) => addresses.push(IpAddr::V4(a.0)),
            (RData::AAAA(a), QueryType::Aaaa) => addresses.push(IpAddr::V6(a.0)),
            (RData::PTR(p), QueryType::Ptr) => names.push(p.0.to_ascii()),
            _ => {}
        }
    }
    (addresses, names)
}

/// Docker answers `container.network`, Podman the bare name. A name may itself have dots in it.
fn same_name(answered: &str, right: &str) -> bool {
    let answered = answered.trim_end_matches('.');
    let right = right.trim_end_matches('.');
    match answered.split_at_checked(right.len()) {
        Some((name, domain)) => {
            name.eq_ignore_ascii_case(right) && (domain.is_empty() || domain.starts_with('.'))
        }
        None => false,
    }
}

const fn record_type(qtype: QueryType) -> RecordType {
    match qtype {
        QueryType::A => RecordType::A,
        QueryType::Aaaa => RecordType::AAAA,
        QueryType::Ptr => RecordType::PTR,
    }
}

pub(super) fn bounded(note: String) -> String {
    note.chars().filter(|c| !c.is_control()).take(NOTE_CHARS).collect()
}
