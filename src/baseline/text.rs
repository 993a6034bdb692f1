//! The differences, for a person.

use std::fmt::Write as _;

use crate::strangers::printable;

use super::compare::{Change, Comparison, Difference, Kind, called};
use super::model::Baseline;

/// What is different, by destination; what was to be expected is counted, and listed where `all` is wanted.
pub fn text(old: &Baseline, new: &Baseline, found: &Comparison, all: bool) -> String {
    let mut out = String::new();
    let expected = found.differences.iter().filter(|one| one.expected).count();
    let told = found.differences.len() - expected;
    let _ = writeln!(
        out,
        "{} since {}, as of {}; {expected} that a new start or a move brings with it.",
        counted(told),
        printable(&old.taken_at),
        printable(&new.taken_at)
    );
    let known = |name: &str| new.networks.iter().chain(&old.networks).find(|network| network.name == name);
    let heading = |name: &String| {
        let name = known(name).map_or_else(|| printable(name), |network| printable(&called(network)));
        format!("on {name}")
    };
    let mut last: Option<&Option<String>> = None;
    for one in found.differences.iter().filter(|one| all || !one.expected) {
        if last != Some(&one.destination) {
            let place = one.destination.as_ref().map_or_else(|| "of the host".to_owned(), heading);
            let _ = writeln!(out, "\n{place}");
            last = Some(&one.destination);
        }
        let note = if one.expected { "  (expected)" } else { "" };
        let (change, kind, subject) = (change(one.change), kind(one.kind), printable(&one.subject));
        let _ = writeln!(out, "  {change:8} {kind:9} {subject}: {}{note}", words(one));
    }
    if found.left_out > 0 {
        let _ = writeln!(out, "\nand {} more, which are not compared here", found.left_out);
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
        (Kind::Workload, Change::Gone) => "is not on it any more".to_owned(),
        (Kind::Workload, Change::New) => format!("is new on it, and {after}"),
        (Kind::Workload, Change::Changed) => format!("then {before}, now {after}"),
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
        Kind::Workload => "workload",
        Kind::Name => "name",
        Kind::Proxy => "proxy",
        Kind::Route => "route",
        Kind::Port => "port",
        Kind::Identity => "identity",
    }
}
