//! The catalogue of codes, the list of alerts and the folder of runbooks are one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use destination_exporter::diagnosis::Code;
use destination_exporter::diagnosis::runbooks::{ALERTS, runbook};

/// A person reads it at three in the morning.
const MOST_LINES: usize = 60;

const CHAPTERS: [&str; 5] =
    ["Impact", "See it by hand", "Repair", "Which Coolify action causes it", "Neighbours"];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks")
}

#[test]
fn every_code_has_its_runbook_and_no_runbook_is_left_over() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .expect("docs/runbooks is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let codes = Code::ALL.iter().map(|code| code.as_label());
    let names: Vec<&str> = codes.chain(ALERTS.iter().map(|(alert, _)| *alert)).collect();
    let wanted: BTreeSet<String> = names.iter().map(|name| format!("{name}.md")).collect();
    assert_eq!(files, wanted);
    // Each is served, and nothing else.
    for name in names {
        assert!(runbook(name).is_some_and(|text| text.starts_with(&format!("# {name}\n"))), "{name}");
    }
    assert_eq!(runbook("destinationfault"), None);
}

#[test]
fn the_alerts_with_a_runbook_are_those_of_the_rules() {
    let of_rules: BTreeSet<&str> = lab::rules::alerts().iter().map(|alert| alert.name).collect();
    assert_eq!(ALERTS.iter().map(|(alert, _)| *alert).collect::<BTreeSet<_>>(), of_rules);
}

#[test]
fn an_alerts_runbook_says_whom_it_wakes_and_all_the_rest() {
    let chapters: Vec<&str> = CHAPTERS.into_iter().chain(["False alarms"]).collect();
    for (name, text) in ALERTS {
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= MOST_LINES, "{name}: {} lines", lines.len());
        assert!(lines.get(2).is_some_and(|line| line.ends_with('.')), "{name} begins with its meaning");
        let found: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(found, chapters, "{name}");
        assert!(text.contains("```sh\n"), "{name} has no command to see it by hand");
        let said = lines.get(4).copied().unwrap_or_default();
        for alert in lab::rules::alerts().iter().filter(|alert| alert.name == *name) {
            let scope = format!("Scope: {}.", alert.scope.as_label());
            assert!(
                said.starts_with("Severity: ") && said.contains(alert.severity.as_label()),
                "{name}: {said}"
            );
            assert!(said.contains(&scope), "{name}: {said} and not {scope}");
        }
    }
}

#[test]
fn a_runbook_says_what_the_catalogue_says_and_all_the_rest() {
    for code in Code::ALL {
        let (label, text) = (code.as_label(), code.runbook());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= MOST_LINES, "{label}: {} lines", lines.len());
        assert_eq!(lines.first(), Some(&&*format!("# {label}")));
        assert_eq!(lines.get(2), Some(&code.meaning()), "{label}");
        let severity = format!("Severity: {}", code.severity().as_label());
        assert!(lines.get(4).is_some_and(|line| line.starts_with(&severity)), "{label}: {severity}");
        let chapters: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(chapters, CHAPTERS, "{label}");
        assert!(text.contains("```sh\n"), "{label} has no command to see it by hand");
    }
}

#[test]
fn links_between_runbooks_lead_somewhere() {
    let codes = Code::ALL.iter().map(|code| (code.as_label(), code.runbook()));
    for (name, text) in codes.chain(ALERTS.iter().copied()) {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(folder().join(link).is_file(), "{name}: {link}");
        }
    }
}

/// A number of a list that the reader does not have (`F12`) tells nothing.
#[test]
fn no_runbook_speaks_of_a_list_that_is_not_here() {
    let is_number = |word: &str| {
        word.strip_prefix('F').is_some_and(|n| n.len() == 2 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    for code in Code::ALL {
        let words = code.runbook().split(|c: char| !c.is_alphanumeric());
        let found: Vec<&str> = words.filter(|word| is_number(word)).collect();
        assert!(found.is_empty(), "{}: {found:?}", code.as_label());
    }
}
