//! The differences, for a person.

use std::fmt::Write as _;

use crate::strangers::printable;

use super::compare::{Change, Difference, Kind};
use super::model::Baseline;

/// What is different, by destination; what was to be expected is counted, and listed where `all` is wanted.
pub fn text(old: &Baseline, new: &Baseline, differences: &[Difference], all: bool) -> String {
    let mut out = String::new();
    let expected = differences.iter().filter(|one| one.expected).count();
    let told = differences.len() - expected;
    let _ = writeln!(
        out,
        "{} since {}, as of {}; {expected} that a new start or a move brings with it.",
        counted(told),
        printable(&old.taken_at),
        printable(&new.taken_at)
    );
    let shown = |one: &&Difference| all || !one.expected;
    let mut last: Option<&Option<String>> = None;
    for one in differences.iter().filter(shown) {
        if last != Some(&one.destination) {
            let name = one.destination.as_deref().map_or_else(|| "the host".to_owned(), printable);
            let _ = writeln!(out, "\n{name}");
            last = Some(&one.destination);
        }
        let note = if one.expected { "  (expected)" } else { "" };
        let _ = writeln!(
            out,
            "  {:8} {:9} {}: {}{note}",
            change(one.change),
            kind(one.kind),
            printable(&one.subject),
            words(one)
        );
    }
    for (when, unread) in [("then", &old.unread), ("now", &new.unread)] {
        if !unread.is_empty() {
            let _ = writeln!(out, "\nnot read {when}, so it may be there all the same:");
            for one in unread {
                let _ = writeln!(out, "  {}", printable(one));
            }
        }
    }
    if expected > 0 && !all {
        let _ = writeln!(out, "\n--all lists what was to be expected as well.");
    }
    out
}

fn counted(told: usize) -> String {
    match told {
        0 => "Nothing that matters is different".to_owned(),
        1 => "1 difference".to_owned(),
        many => format!("{many} differences"),
    }
}

fn words(one: &Difference) -> String {
    let (before, after) = (printable(&one.before), printable(&one.after));
    match (one.kind, one.change) {
        (Kind::Name, Change::Gone) => format!("no longer leads to {before}"),
        (Kind::Name, Change::New) => format!("leads to {after}"),
        (Kind::Name, Change::Changed) => format!("led to {before}, leads to {after}"),
        (_, Change::Gone) => format!("was {before}"),
        (_, Change::New) => after,
        (_, Change::Changed) => format!("was {before}, is {after}"),
    }
}

const fn change(of: Change) -> &'static str {
    match of {
        Change::Gone => "gone",
        Change::Changed => "changed",
        Change::New => "new",
    }
}

const fn kind(of: Kind) -> &'static str {
    match of {
        Kind::Network => "network",
        Kind::Subnet => "subnet",
        Kind::Endpoint => "container",
        Kind::Name => "name",
        Kind::Proxy => "proxy",
        Kind::Route => "route",
        Kind::Port => "port",
        Kind::Identity => "identity",
    }
}
