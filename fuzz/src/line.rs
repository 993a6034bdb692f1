//! The whole pure line: from what the Engine said to every page that tells of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::config::Config;
use destination_exporter::diagnosis::{Ledger, Verdict, judge};
use destination_exporter::inventory::seen::Seen;
use destination_exporter::inventory::{Inventory, build::build};
use destination_exporter::metrics::{self, BuildInfo};
use destination_exporter::outcome::{Blindness, Observation, Outcome, ProbeKey, Reason, Run};
use destination_exporter::plan::{Learned, Plan, plan};
use destination_exporter::report::{self, Look};
use destination_exporter::state::Recorder;
use destination_exporter::web::landing;

use crate::{is_plain, page};

pub const BUILD: BuildInfo = BuildInfo { version: "1.2.3", revision: "abc", rustc: "1.95" };

/// Some moment.
pub fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

/// What is there, and what is probed of it.
pub fn picture(seen: &Seen) -> (Inventory, Plan) {
    let config = Config::default();
    let inventory = build(seen, &config.destinations, at(0));
    let plan = plan(&inventory, &Learned::default(), &config.probes);
    (inventory, plan)
}

/// What is wrong after some rounds in which the probes ended in every way.
pub fn verdict(inventory: Inventory, plan: &Plan) -> Verdict {
    let mut recorder = Recorder::default();
    recorder.listed(Arc::new(inventory), at(0));
    recorder.engine_answered(at(0));
    recorder.planned(plan.keys(), Duration::from_secs(15));
    let mut ledger = Ledger::default();
    for round in 1..4 {
        let runs = plan.keys().enumerate().map(|(n, key)| run(n, key)).collect();
        recorder.record(runs, at(round));
        recorder.engine_answered(at(round));
        judge(Arc::new(recorder.snapshot(at(round))), &mut ledger);
    }
    judge(Arc::new(recorder.snapshot(at(60))), &mut ledger)
}

fn run(n: usize, key: &ProbeKey) -> Run {
    let outcome = match n % 7 {
        0 | 1 => Outcome::Success(Duration::from_micros(90)),
        2 => Outcome::Failure(Reason::WrongAnswer),
        3 => Outcome::Failure(Reason::Nxdomain),
        4 => Outcome::Unknown(Blindness::Resources),
        _ => Outcome::Failure(Reason::Timeout),
    };
    Run {
        key: key.clone(),
        outcome,
        seen: Observation { note: Some("seen".into()), ..Observation::default() },
    }
}

/// Panics where a page of this verdict is not what it should be.
pub fn check(verdict: &Verdict) {
    page::check(&metrics::encode(verdict, &BUILD).expect("an exposition"));

    let report = report::build(verdict);
    let json = serde_json::to_string(&report).expect("JSON");
    serde_json::from_str::<serde_json::Value>(&json).expect("the same");
    for width in [60, 110] {
        let text = report::text(&report, Look { colours: false, width, took: None });
        for line in text.lines() {
            assert!(is_plain(line), "a terminal would act on {line:?}");
        }
    }
    let findings = report.destinations.iter().flat_map(|d| &d.findings).chain(&report.host.findings);
    for finding in findings {
        for command in &finding.verify {
            assert!(is_plain(command), "{command:?}");
            assert!(is_quoted(command), "a shell reads more than words: {command}");
        }
    }

    let html = landing::render(verdict, &BUILD, "/metrics").expect("a page");
    for tag in html.split('<').skip(1) {
        let tag = tag.strip_prefix('/').unwrap_or(tag);
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(TAGS.contains(&name.as_str()), "<{name}> is not ours: {html}");
    }
}

const TAGS: [&str; 15] = [
    "", "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "ul", "li", "a", "code",
];

/// True where every single quote is closed again.
fn is_quoted(command: &str) -> bool {
    let mut inside = false;
    let mut signs = command.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\'' => inside = !inside,
            '\\' if !inside => drop(signs.next()),
            '`' | '$' | ';' | '\n' if !inside => return false,
            _ => {}
        }
    }
    !inside
}
