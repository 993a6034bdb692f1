//! Answers of a server to the HTTP probe. The first byte says how the network cuts them.
#![no_main]

use std::cell::LazyCell;
use std::time::Duration;

use destination_exporter::outcome::{Observation, Outcome, Reason};
use destination_exporter::probe::http::fuzzing::answer;
use destination_exporter_fuzz::{is_plain, stream::Said};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

const CAP: u64 = 512;

thread_local! {
    static RUNTIME: LazyCell<Runtime> =
        LazyCell::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));
}

fn ask(bytes: &[u8], at_a_time: usize) -> (Outcome, Observation) {
    let asked = async {
        let all = answer(Said::new(bytes, at_a_time), CAP);
        tokio::time::timeout(Duration::from_secs(5), all).await.expect("everything was said")
    };
    RUNTIME.with(|runtime| runtime.block_on(asked))
}

/// Without what the clock adds. Of an answer that breaks off and was none before, hyper says the one or the
/// other: a head that came in part it reads again when it is whole.
fn told((outcome, seen): &(Outcome, Observation)) -> (&'static str, Option<Reason>, Option<u16>) {
    let reason =
        outcome.reason().map(|reason| if reason == Reason::Reset { Reason::Protocol } else { reason });
    (outcome.as_word(), reason, seen.http.map(|http| http.status))
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let whole = ask(bytes, usize::MAX);
    let (outcome, seen) = &whole;
    assert!(seen.note.as_ref().is_none_or(|note| note.chars().count() <= 200 && is_plain(note)), "{seen:?}");
    if let Some(http) = seen.http {
        // Of those that are no answer yet, one ends the speaking of HTTP.
        assert!((200..1000).contains(&http.status) || http.status == 101, "{http:?}");
        assert!(http.body_bytes <= CAP, "{http:?}");
        if matches!(outcome, Outcome::Success(_)) {
            assert!(http.status < 500, "{http:?}");
        }
    }
    let in_pieces = ask(bytes, usize::from(*choice).max(1));
    assert_eq!(told(&in_pieces), told(&whole), "{in_pieces:?} {whole:?}");
});
