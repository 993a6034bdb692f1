//! The catalogue of codes and the folder of runbooks are one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use destination_exporter::diagnosis::Code;

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
    let wanted: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{}.md", code.as_label())).collect();
    assert_eq!(files, wanted);
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
    for code in Code::ALL {
        for link in code.runbook().split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(folder().join(link).is_file(), "{}: {link}", code.as_label());
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
