//! The alerts: their rules as Prometheus' own tool takes them, each one's cases, and that its changes are noticed.

#[path = "alerts/alertmanager.rs"]
mod alertmanager;
#[path = "alerts/blind.rs"]
mod blind;
#[path = "alerts/blocks.rs"]
mod blocks;
#[path = "alerts/case.rs"]
mod case;
#[path = "alerts/drift.rs"]
mod drift;
#[path = "alerts/endings.rs"]
mod endings;
#[path = "alerts/found.rs"]
mod found;
#[path = "alerts/mutants.rs"]
mod mutants;
#[path = "alerts/promtool.rs"]
mod promtool;
#[path = "alerts/receivers.rs"]
mod receivers;
#[path = "alerts/records.rs"]
mod records;
#[path = "alerts/resources.rs"]
mod resources;
#[path = "alerts/slo.rs"]
mod slo;
#[path = "alerts/swarm.rs"]
mod swarm;
#[path = "alerts/swarms.rs"]
mod swarms;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use case::{Case, Kind};
use destination_exporter::diagnosis::Code;
use destination_exporter::diagnosis::runbooks::ALERTS;
use lab::rules::Severity;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts")
}

fn cases() -> Vec<Case> {
    let calm = [resources::cases(), endings::cases(), drift::cases()].concat();
    [found::cases(), slo::cases(), blind::cases(), swarm::cases(), calm].concat()
}

#[test]
fn the_rule_files_are_what_the_list_says() {
    for file in lab::rules::files() {
        let there = fs::read_to_string(folder().join(file.name)).unwrap_or_default();
        assert!(there == file.render(), "alerts/{} is old: make rules", file.name);
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    for file in lab::rules::files() {
        let mut command = Command::new("promtool");
        command.args(["check", "rules", "--lint=all", "--lint-fatal"]).arg(folder().join(file.name));
        let out = command.output().expect("promtool (make deps)");
        let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
    }
}

/// Which alert has no case of which kind, and why that is well.
const NO_CASE: [(&str, Kind, &str); 1] = [("DestinationWatchdog", Kind::Below, "it always fires")];

#[test]
fn every_alert_has_a_case_that_fires_one_just_below_and_a_failed_scrape() {
    let cases = cases();
    for alert in lab::rules::alerts() {
        let window = alert.window();
        let of = |kind| {
            cases
                .iter()
                .filter(move |case| case.alert == alert.name && case.window == window && case.kind == kind)
        };
        for kind in [Kind::Fires, Kind::Below, Kind::Lost] {
            let is_needed = !NO_CASE.iter().any(|(name, without, _)| *name == alert.name && *without == kind);
            assert_eq!(of(kind).next().is_some(), is_needed, "{} {window}: {kind:?}", alert.name);
        }
        assert!(of(Kind::Fires).all(Case::is_firing), "{} {window}", alert.name);
        assert!(of(Kind::Lost).all(Case::loses), "{} {window}", alert.name);
        assert!(!of(Kind::Below).any(Case::is_firing), "{} {window}", alert.name);
    }
}

/// Whatever is found, one alert tells of it: that the Engine is silent has an alert that needs no finding.
#[test]
fn every_finding_of_every_severity_is_one_alert() {
    // What parts the nodes of a Swarm, and that it has no quorum, is one alert each, whatever it is found of; while it is parted, that
    // a manager is missing is no second one.
    let parts = |code: &str| matches!(code, "swarm-data-path-broken" | "swarm-peer-missing");
    let of_quorum = |code: &str, severity: &str| (code, severity) == ("swarm-no-quorum", "page");
    told_once(&|code, _| !parts(code), &of_quorum, "DestinationSwarmNoQuorum");
    told_once(
        &|code, severity| parts(code) || of_quorum(code, severity),
        &|_, _| true,
        "DestinationSwarmPartitioned",
    );
}

/// Those of the findings of which it is so `are` there; of some, `together`, this alert tells.
fn told_once(are: &dyn Fn(&str, &str) -> bool, together: &dyn Fn(&str, &str) -> bool, alert: &str) {
    let mut series = String::new();
    let mut wanted = 0;
    for code in Code::ALL.iter().map(|code| code.as_label()) {
        for severity in ["page", "ticket"].into_iter().filter(|severity| are(code, severity)) {
            for destination in ["", "shop"] {
                wanted += i32::from(!together(code, severity));
                series += &format!(
                    "      - {{series: 'destination_finding{{job=\"a\",instance=\"b\",destination=\"{destination}\",code=\"{code}\",severity=\"{severity}\",subject=\"{severity} {destination}\",subject_kind=\"x\"}}', values: '1x60'}}\n"
                );
            }
        }
    }
    let blocks = blocks::read(&folder());
    let rules: Vec<_> = blocks.iter().filter(|rule| rule.text.contains("destination_finding")).collect();
    let each = "count by (code, subject) (ALERTS{alertstate=\"firing\",code!=\"\"})";
    let of_all = "count by (alertname) (ALERTS{alertstate=\"firing\",code=\"\",scope=\"swarm\"})";
    let tests = format!(
        "rule_files: [rules.yml]\nevaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:\n{series}    promql_expr_test:\n      - {{expr: 'count({each}) or vector(0)', eval_time: 10m, exp_samples: [{{labels: '{{}}', value: {wanted}}}]}}\n      - {{expr: '{each} != 1', eval_time: 10m, exp_samples: []}}\n      - {{expr: '{of_all}', eval_time: 10m, exp_samples: [{{labels: '{{alertname=\"{alert}\"}}', value: 1}}]}}\n"
    );
    let said = promtool::run(&blocks::file(rules), &tests);
    assert!(said.is_none(), "{}", said.unwrap_or_default());
}

#[test]
fn the_page_of_alerts_has_each_with_its_runbook() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md");
    let page = fs::read_to_string(&path).expect("docs/alerts.md");
    let (head, rest) = page.split_once(BEGIN).expect(BEGIN);
    let (_, tail) = rest.split_once(END).expect(END);
    let wanted = format!("{head}{BEGIN}\n{}{END}{tail}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).expect("docs can be written");
    } else {
        assert!(page == wanted, "docs/alerts.md is old: UPDATE_DOCS=1 cargo test --test alerts");
    }
}

const BEGIN: &str = "<!-- Written by `UPDATE_DOCS=1 cargo test --test alerts`. -->";
const END: &str = "<!-- So far. -->";

fn table() -> String {
    let mut text = String::from(
        "\n| alert | wakes | scope | waits | stays | means |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for alert in lab::rules::alerts() {
        let (name, window) = (alert.name, alert.window());
        let (_, book) = ALERTS.iter().find(|(of, _)| *of == name).expect("each has a runbook");
        let meaning = book.lines().nth(2).unwrap_or_default();
        let of = if window.is_empty() { String::new() } else { format!(" ({window})") };
        let wakes = match alert.severity {
            Severity::Critical => "somebody",
            Severity::Warning => "nobody: a ticket",
            Severity::None => "nobody",
        };
        let or_none = |time: &str| if time.is_empty() { "—".to_owned() } else { time.to_owned() };
        let (scope, waits, stays) = (alert.scope.as_label(), or_none(alert.hold()), or_none(alert.keep()));
        text += &format!(
            "| [`{name}`](runbooks/{name}.md){of} | {wakes} | {scope} | {waits} | {stays} | {meaning} |\n"
        );
    }
    text + "\n"
}

/// What the page says of how soon an objective tells: so many of 40 probes in 30 seconds fail, after six hours in which none did.
#[test]
fn the_page_of_alerts_says_how_soon_an_objective_tells() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md")).expect("there");
    let blocks = blocks::read(&folder());
    let rules = blocks::file(blocks.iter().filter(|rule| rule.text.contains("destination:")));
    for (failures, severity, seconds, row) in [
        (
            40.0,
            "critical",
            270,
            "| every probe of a destination fails, and no finding says why | `DestinationBudgetBurn` | 4 min 30 s |",
        ),
        (8.0, "critical", 510, "| a fifth of them | `DestinationBudgetBurn` | 8 min 30 s |"),
        (0.8, "warning", 2160, "| one in fifty | `DestinationBudgetBurn`, a ticket | 36 min |"),
        (0.8, "critical", 6720, "| one in fifty | `DestinationBudgetBurn` | 1 h 52 min |"),
    ] {
        assert!(page.contains(row), "{row}");
        let on = |what: &str, more: &str| {
            format!(
                "destination_probe_{what}_total{{job='a',instance='b',destination='shop',probe='tcp'{more}}}"
            )
            .replace('\'', "\\\"")
        };
        let (made, lost) = (on("attempts", ""), on("failures", ",reason='timeout'"));
        let check = |at: u32, samples: &str| {
            format!(
                "      - {{expr: 'count(ALERTS{{alertname=\"DestinationBudgetBurn\",alertstate=\"firing\",severity=\"{severity}\"}})', eval_time: {at}s, exp_samples: [{samples}]}}\n"
            )
        };
        // The first that fails is seen at 21630 seconds.
        let tests = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 30s\ntests:\n  - interval: 30s\n    input_series:\n      - {{series: \"{made}\", values: '0+40x960'}}\n      - {{series: \"{lost}\", values: '0x720 {failures}+{failures}x240'}}\n    promql_expr_test:\n{}{}",
            check(21630 + seconds - 30, ""),
            check(21630 + seconds, "{labels: '{}', value: 1}")
        );
        let said = promtool::run(&rules, &tests);
        assert!(said.is_none(), "{row}: {}", said.unwrap_or_default());
    }
}

#[test]
fn every_case_comes_out_as_it_is_written() {
    let (rules, cases) = (blocks::read(&folder()), cases());
    let suites = promtool::suites(&rules, &cases);
    let failed = promtool::side_by_side(&suites, |suite| suite.complaint(&rules));
    assert!(failed.is_empty(), "{} of {} suites:\n{}", failed.len(), suites.len(), failed.join("\n"));
}

#[test]
fn every_change_of_a_rule_is_noticed() {
    let (rules, cases) = (blocks::read(&folder()), cases());
    let suites = promtool::suites(&rules, &cases);
    let suites: Vec<_> = suites.chunk_by(|a, b| a.alert.text == b.alert.text).collect();
    let mut found = promtool::side_by_side(&suites, |suites| Some(promtool::survivors(suites, &rules)));
    let is_recorded = |rule: &&blocks::Block| !rule.is_alert && records::knows(&rule.name);
    let recorded: Vec<_> = rules.iter().filter(is_recorded).collect();
    let of_records = promtool::side_by_side(&recorded, |record| Some(records::survivors(record)));
    found.extend(of_records.into_iter().map(|result| result.unwrap_or_else(|said| panic!("{said}"))));
    // Where several suites try a change, one that notices it is enough.
    let mut changes: BTreeMap<&str, bool> = BTreeMap::new();
    for (tried, survived) in &found {
        for what in tried {
            *changes.entry(what).or_default() |= !survived.contains(what);
        }
    }
    println!("{} changes", changes.len());
    assert!(changes.len() > 500, "{} changes", changes.len());
    let is_harmless = |what: &str| HARMLESS.iter().any(|(harmless, _)| *harmless == what);
    let unnoticed: Vec<_> = changes
        .iter()
        .filter(|(what, noticed)| !**noticed && !is_harmless(what))
        .map(|(what, _)| what)
        .collect();
    assert!(unnoticed.is_empty(), "{} of {}:\n{unnoticed:#?}", unnoticed.len(), changes.len());
    for (what, why) in HARMLESS {
        assert_eq!(changes.get(what), Some(&false), "{what} ({why}) is noticed, or is none any more");
    }
}

/// Changes that change nothing, and why.
const HARMLESS: &[(&str, &str)] = &[
    ("DestinationWatchdog : 1→2 in line 1", "whatever is there fires"),
    ("DestinationWatchdog : 1→0 in line 1", "whatever is there fires"),
    ("DestinationManyFaults : 5m→600s in line 10", "what is found is not held any longer than that"),
];

/// What a panel calls near is what an alert begins at: two numbers for one thing are one too many.
#[test]
fn the_dashboards_colours_begin_where_the_alerts_do() {
    use lab::rules::endings::WEEK;
    use lab::rules::resources::{ADDRESSES, CERTIFICATE, CONNTRACK};
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (board, title, limit) in [
        ("traffic", "Addresses", ADDRESSES),
        ("traffic", "Until addresses end", WEEK.into()),
        ("traffic", "Connections the kernel tracks", CONNTRACK),
        ("routes", "Life left", CERTIFICATE),
    ] {
        let text = fs::read_to_string(root.join(format!("dashboards/{board}.json"))).expect("there");
        let board: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let mut panels = board["panels"].as_array().expect("panels").iter();
        let panel = panels.find(|panel| panel["title"] == title).expect(title);
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().expect("steps");
        assert!(steps.iter().any(|step| step["value"].as_f64() == Some(limit)), "{title}: {steps:?}");
    }
}
