//! The differences, for a person.

use std::fmt::Write as _;

use crate::strangers::printable;

use super::compare::called;
use super::difference::{Change, Comparison, Difference, Kind};
use super::model::Baseline;

/// What is different, by destination; what was to be expected is counted, and listed where `all` is wanted.
pub fn text(old: &Baseline, new: &Baseline, found: &Comparison, all: bool) -> String {
    let mut out = String::new();
    let told = found.differences.iter().filter(|one| !one.expected).count();
    let expected = found.differences.len() - told + found.expected_left_out;
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
        let (change, kind, subject) = (one.change.as_label(), one.kind.as_label(), printable(&one.subject));
        let _ = writeln!(out, "  {change:8} {kind:9} {subject}: {}{note}", words(one));
    }
    let left_out = found.left_out(all);
    if left_out > 0 {
        let _ = writeln!(out, "\nand {left_out} more, which are not told here");
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

/// How it is otherwise, in words.
pub fn words(one: &Difference) -> String {
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
