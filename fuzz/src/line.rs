//! The whole pure line: from what the Engine said to every page that tells of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::config::Config;
use destination_exporter::diagnosis::{Ledger, Verdict, judge};
use destination_exporter::inventory::seen::Seen;
use destination_exporter::inventory::{ContainerId, Inventory, build::build};
use destination_exporter::metrics::{self, BuildInfo};
use destination_exporter::netstack::{Connections, Inner, Listener, Side, Talk};
use destination_exporter::outcome::{Blindness, Observation, Outcome, ProbeKey, Reason, Run};
use destination_exporter::plan::{Learned, Plan, plan};
use destination_exporter::report::{self, Look};
use destination_exporter::state::Recorder;
use destination_exporter::topology;
use destination_exporter::web::fuzzing;

use crate::{drawing, is_plain, page};

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
    recorder.listed(Arc::new(inventory.clone()), at(0));
    recorder.engine_answered(at(0));
    recorder.planned(plan.keys(), Duration::from_secs(15));
    for (n, (one, other)) in neighbours(&inventory).into_iter().enumerate() {
        recorder.looked(one.0, inside(one.1, other, n), true);
    }
    let mut ledger = Ledger::default();
    for round in 1..4 {
        let runs = plan.keys().enumerate().map(|(n, key)| run(n, key)).collect();
        recorder.record(runs, at(round));
        recorder.engine_answered(at(round));
        judge(Arc::new(recorder.snapshot(at(round))), &mut ledger);
    }
    judge(Arc::new(recorder.snapshot(at(60))), &mut ledger)
}

/// Every container with an address, and the address of the next one.
fn neighbours(inventory: &Inventory) -> Vec<((ContainerId, IpAddr), IpAddr)> {
    let endpoints = inventory.destinations.iter().flat_map(|destination| &destination.endpoints);
    let ends: Vec<_> = endpoints.filter_map(|e| Some((e.container.clone(), *e.addresses.first()?))).collect();
    let next = ends.iter().map(|(_, address)| *address).cycle().skip(1);
    ends.clone().into_iter().zip(next).collect()
}

/// One listens on port 80, calls its neighbour there, and somebody outside.
fn inside(local: IpAddr, neighbour: IpAddr, n: usize) -> Inner {
    let outside = IpAddr::from([192, 0, 2, 1]);
    let called = |remote, port| (Talk { local, remote, port, side: Side::Client }, 3);
    Inner {
        listeners: Some(vec![Listener { address: local, port: 80, v6_only: false }]),
        connections: Some(Arc::new(Connections {
            at: at(0),
            talks: vec![called(neighbour, 80), called(outside, 443)],
            complete: n.is_multiple_of(2),
        })),
        ..Inner::default()
    }
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
    page::check(&metrics::encode(verdict, &BUILD));

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

    for destination in &report.destinations {
        for container in &destination.containers {
            let detail = report::detail(verdict, &destination.name, &container.name);
            serde_json::to_string(&detail.expect("it is in the report")).expect("JSON");
        }
    }

    let map = topology::build(verdict);
    serde_json::to_string(&map).expect("JSON");
    drawing::check_mermaid(&topology::mermaid(&map), map.destinations.len());
    drawing::check_dot(&topology::dot(&map), map.destinations.len());

    for html in fuzzing::pages(verdict).expect("pages") {
        for tag in html.split('<').skip(1) {
            let tag = tag.strip_prefix('/').unwrap_or(tag);
            let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(TAGS.contains(&name.as_str()), "<{name}> is not ours: {html}");
        }
    }
}

const TAGS: &[&str] = &[
    "", "html", "head", "meta", "title", "link", "style", "body", "header", "nav", "main", "footer",
    "script", "h1", "h2", "h3", "h4", "p", "b", "bdi", "span", "ul", "ol", "li", "dl", "dt", "dd", "a",
    "code", "pre", "div", "section", "article", "details", "summary", "table", "thead", "tbody", "tr", "th",
    "td", "time", "svg", "rect", "text", "path", "polygon", "g",
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
