//! The page of findings is the catalogue's, with a report of each from the lab.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use destination_exporter::diagnosis::Code;

const INTRODUCTION: &str = "\
# Findings

Every fault that is named: its code, how bad it usually is, what it means, where people met it, and how `check` shows
it. The order is that of precedence: of two that could account for the same symptoms the upper one is told.

`page`: users are hit now. `ticket`: it will hit them, or hits a part of them. `info`: a choice that somebody may want to
know of.

The reports are those of the fault lab (`make faults`; [fault-matrix.md](fault-matrix.md) has how soon each is told), where
apps are called `web`, `api`, `db` and `blog`, on the networks `shop` and `blog`.
";

/// What no lab can cause, and why. The report is of a picture of such a host, written down in the rules' tests.
const UNSEEN: &[(&str, &str)] = &[
    (
        "host-neighbour-table-full",
        "the table is one of the whole machine: to fill it would break whatever else runs there",
    ),
    (
        "network-ghost-endpoint",
        "Docker 20.10 and later remove such endpoints when they start; answers of an Engine that keeps one are in the tests of listings",
    ),
    (
        "swarm-stale-tasks",
        "nobody knows how to make a gossip keep what is gone; tables of one that does are in the rules' tests",
    ),
];

/// Where the report is of a case that is less bad, or worse, than the code usually is: what makes the difference.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "host-firewall-chains-missing",
        "a ticket here: the ports are still answered, by docker-proxy; a page where containers are cut off, or ports lead nowhere",
    ),
    ("route-host-network", "a page here: the site is not served; a ticket where it is"),
    (
        "ephemeral-ports-exhausted",
        "a page here: no port is left, and connections fail; a ticket while there still are some",
    ),
    (
        "dns-resolv-conf-stale",
        "a ticket here: it is one container, others find names outside; a page where nobody does",
    ),
    (
        "egress-blocked",
        "a ticket here: it is one container; a page where a destination or the whole host gets no answer",
    ),
    (
        "published-port-unreachable",
        "a ticket here: nobody listens behind the port; a page where somebody does, and is not reached",
    ),
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for code in Code::ALL {
        let label = code.as_label();
        let _ = write!(
            page,
            "\n## `{label}`\n\n**{}** (`{}`). {}\n",
            code.title(),
            code.severity().as_label(),
            code.meaning()
        );
        let _ = write!(page, "How to repair it: [runbook](runbooks/{label}.md).");
        let met: Vec<String> = code
            .met()
            .iter()
            .filter_map(|one| {
                one.split_once('#').map(|(of, n)| format!("[{one}](https://github.com/{of}/issues/{n})"))
            })
            .collect();
        if !met.is_empty() {
            let _ = write!(page, " Met at: {}.", met.join(", "));
        }
        page.push('\n');
        if let Some((_, why)) = UNSEEN.iter().find(|(unseen, _)| *unseen == label) {
            let _ = writeln!(page, "\nNo lab causes it: {why}.");
        }
        let example = fs::read_to_string(docs().join(format!("examples/{label}.txt"))).unwrap_or_default();
        if let Some((_, why)) = OTHERWISE.iter().find(|(other, _)| *other == label) {
            let _ = writeln!(page, "\nIt is {why}.");
        }
        let _ = write!(page, "\n```text\n{example}```\n");
    }
    page
}

#[test]
fn the_page_of_findings_is_current() {
    let (path, page) = (docs().join("findings.md"), page());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("docs is there");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/findings.md is old: UPDATE_DOCS=1 cargo test --test findings");
}

/// An example is a report of the very code, and has all that a reader needs.
#[test]
fn every_code_has_its_report_and_no_report_is_left_over() {
    let files: BTreeSet<String> = fs::read_dir(docs().join("examples"))
        .expect("docs/examples is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let wanted: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{}.txt", code.as_label())).collect();
    assert_eq!(files, wanted);
    for code in Code::ALL {
        let label = code.as_label();
        let example = fs::read_to_string(docs().join(format!("examples/{label}.txt"))).expect("it is there");
        let head = example.lines().next().unwrap_or_default();
        let words: Vec<&str> = head.split_whitespace().collect();
        assert!(["page", "ticket", "info"].contains(words.first().unwrap_or(&"")), "{label}: {head}");
        assert_eq!(words.get(1), Some(&label), "{head}");
        let is_usual = words.first() == Some(&code.severity().as_label());
        let why = OTHERWISE.iter().find(|(other, _)| *other == label);
        assert_eq!(why.is_none(), is_usual, "{label}: the report is a {head:?}, the code is usually another");
        assert!(words.first() == Some(&"info") || example.contains("\n  repair  "), "{label}:\n{example}");
    }
}
