//! Chains that a server presents: certificates in DER, one behind the other, as far as their lengths say; what is behind
//! the last whole one is one more.
#![no_main]

use std::cell::LazyCell;
use std::time::{Duration, SystemTime};

use destination_exporter::certificate::{Examiner, Fault, Host, Settings, facts, judge};
use destination_exporter_fuzz::is_plain;
use libfuzzer_sys::fuzz_target;

const HOST: &str = "shop.example.com";

thread_local! {
    static EXAMINER: LazyCell<Examiner> = LazyCell::new(Examiner::default);
}

/// The pieces that begin as a SEQUENCE of two bytes of length does, which is how every certificate begins.
fn pieces(mut data: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let [0x30, 0x82, high, low, ..] = *data {
        let Some((piece, rest)) = data.split_at_checked(4 + usize::from(u16::from_be_bytes([high, low])))
        else {
            break;
        };
        pieces.push(piece);
        data = rest;
    }
    if !data.is_empty() {
        pieces.push(data);
    }
    pieces
}

fuzz_target!(|data: &[u8]| {
    let chain = pieces(data);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000);
    let read = |examiner: &Examiner| examiner.read(&chain, now);
    let Some(certificate) = EXAMINER.with(|examiner| read(examiner)) else {
        return assert!(chain.is_empty());
    };
    // Who remembers tells the same as who sees it for the first time.
    assert_eq!(Some(&certificate), read(&Examiner::default()).as_ref());
    assert_eq!(certificate.presented, chain.len());

    let settings = Settings::default();
    for host in [HOST, "10.0.0.7", "xn--bcher-kva.example."] {
        let facts = facts(&certificate, host, now, &settings);
        let verdicts = judge(&certificate, host, now, &settings);
        assert!(!(facts.expired && facts.expiring), "{facts:?}");
        assert!(verdicts.is_sorted_by_key(|verdict| verdict.fault), "{verdicts:?}");
        let has = |fault| verdicts.iter().any(|verdict| verdict.fault == fault);
        assert!(!has(Fault::Default) || verdicts.len() == 1, "{verdicts:?}");
        assert!(!facts.unreadable || has(Fault::Untrusted), "{verdicts:?}");
        // No authority's key is at hand, so nobody is believed, if judged at all.
        assert!(!facts.self_signed || facts.untrusted || !facts.expired || has(Fault::Expired), "{facts:?}");
        for verdict in &verdicts {
            let lines = verdict.evidence.iter().flat_map(|line| [&line.observed, &line.expected]);
            for text in lines.chain([&verdict.summary]) {
                assert!(is_plain(text) && text.len() < 8000, "{text:?}");
            }
            assert!(!verdict.evidence.is_empty(), "{verdict:?}");
        }
    }
    if let Ok(read) = &certificate.read {
        let paper = &read.paper;
        assert!(is_plain(&paper.subject) && is_plain(&paper.issuer) && is_plain(&paper.title()), "{paper:?}");
        assert!(paper.names.dns.len() + paper.names.addresses.len() <= 500, "{paper:?}");
        // Whoever bears a name in full is for it, unless it is no name.
        for name in paper.names.dns.iter().filter(|name| !name.starts_with("*.") && !name.ends_with('.')) {
            if let Some(host @ Host::Name(_)) = Host::read(name).filter(|_| !name.contains(':')) {
                assert_eq!(paper.names.are_for(&host), Some(true), "{name} of {paper:?}");
            }
        }
    }
});
