//! What begins to be otherwise than the operator approved, and what is as approved again.

use super::*;
use crate::baseline::{Baseline, Change, Difference, Drift, Drifted, Kind as What, read};
use crate::state::Engine;

/// What is told of anything else is of no matter here.
fn told(stage: &mut Stage) -> Vec<String> {
    stage.said();
    let entries = stage.history.entries().filter(|entry| entry.kind == Kind::Drift);
    entries.map(|entry| format!("{}: {}", entry.what, entry.sentence)).collect()
}

fn approved() -> Arc<Baseline> {
    let text = r#"{"format": "destination-exporter snapshot", "version": 1, "taken_at": "", "engine": "", "networks": [],
        "proxies": [], "routes": [], "published": [], "unread": []}"#;
    Arc::new(read(text).expect("a snapshot"))
}

fn difference(kind: What, subject: &str, before: &str, after: &str) -> Difference {
    let change = match (before, after) {
        (_, "") => Change::Gone,
        ("", _) => Change::New,
        _ => Change::Changed,
    };
    let is_of_host = matches!(kind, What::Proxy | What::Route | What::Port);
    let destination = (!is_of_host).then(|| "shop".to_owned());
    let (before, after) = (before.to_owned(), after.to_owned());
    Difference { destination, kind, subject: subject.to_owned(), change, before, after, expected: false }
}

fn name() -> Difference {
    difference(What::Name, "database", "db", "")
}

/// Holds what there is against that, and finds this.
struct Held {
    stage: Stage,
    approved: Arc<Baseline>,
    up: bool,
    changing: bool,
}

impl Held {
    fn new() -> Self {
        Self { stage: Stage::new(&["api", "db"]), approved: approved(), up: true, changing: false }
    }

    fn finds(&mut self, differences: Vec<Difference>) -> &mut Self {
        let found = Drifted { differences, ..Drifted::default() };
        let drift = Drift {
            file: "/etc/approved.json".into(),
            command: "destination-exporter diff /etc/approved.json".into(),
            refused: None,
            approved: Some(Arc::clone(&self.approved)),
            found: Some(Arc::new(found)),
        };
        let mut verdict = self.stage.verdict(Vec::new(), Vec::new());
        let snapshot = Arc::make_mut(&mut verdict.snapshot);
        snapshot.drift = Some(Arc::new(drift));
        snapshot.changing = self.changing;
        if !self.up {
            snapshot.sight.engine = Engine::Down { since: at(0), why: String::new() };
        }
        self.stage.judge(&verdict);
        self
    }

    fn later(&mut self, seconds: u64) -> &mut Self {
        self.stage.later(1000 * seconds);
        self
    }

    fn said(&mut self) -> Vec<String> {
        told(&mut self.stage)
    }
}

#[test]
fn what_stays_otherwise_is_told_and_that_it_is_over() {
    let mut held = Held::new();
    held.finds(Vec::new()).later(10).stage.places(Deed::Disconnected, "db");
    held.later(1).finds(vec![name()]).later(59).finds(vec![name()]);
    assert_eq!(held.said(), [""; 0], "a redeployment may take as long");
    held.later(1).finds(vec![name()]);
    let begun = "differs: 1.0 s after db was disconnected from shop, the name database on shop is otherwise than approved: no longer leads to db.";
    assert_eq!(held.said(), [begun]);
    // That stands, whatever it comes to.
    let other = difference(What::Name, "database", "db", "db2");
    held.later(100).finds(vec![other.clone()]).later(100).finds(vec![other]);
    assert_eq!(held.said().len(), 1);
    held.later(1).finds(Vec::new()).later(60).finds(Vec::new());
    let over =
        "as_approved: The name database on shop is as approved again; it was otherwise for 4 min 21 s.";
    assert_eq!(held.said(), [over, begun]);
}

#[test]
fn a_redeployment_is_told_as_nothing_else() {
    let mut held = Held::new();
    let away = difference(What::Workload, "db", "runs", "");
    held.finds(Vec::new()).later(1).finds(vec![away.clone()]).later(30).finds(Vec::new());
    held.later(40).finds(Vec::new()).later(1).finds(vec![away]).later(40).finds(Vec::new());
    assert_eq!(held.said(), [""; 0]);
}

#[test]
fn each_network_that_a_proxy_lost_is_one() {
    let lost = |on: &str| difference(What::Proxy, "coolify-proxy", on, "");
    let mut held = Held::new();
    held.finds(Vec::new()).later(1).finds(vec![lost("on blog"), lost("on shop")]);
    held.later(60).finds(vec![lost("on blog"), lost("on shop")]);
    assert_eq!(
        held.said(),
        [
            "differs: The proxy coolify-proxy is otherwise than approved: was on shop.",
            "differs: The proxy coolify-proxy is otherwise than approved: was on blog.",
        ]
    );
    assert_eq!(held.stage.history.entries().next().and_then(|entry| entry.destination.clone()), None);
    held.later(1).finds(vec![lost("on shop")]).later(60).finds(vec![lost("on shop")]);
    assert_eq!(held.said().len(), 3);
}

#[test]
fn what_nobody_sees_is_no_flip() {
    let mut held = Held::new();
    held.finds(Vec::new()).later(1).finds(vec![name()]).up = false;
    held.later(100).finds(vec![name()]).up = true;
    // Counted from when somebody sees it again.
    held.later(1).finds(vec![name()]).later(59).finds(vec![name()]);
    assert_eq!(held.said(), [""; 0]);
    held.changing = true;
    held.later(1).finds(vec![name()]);
    assert_eq!(held.said(), [""; 0], "another picture is on its way");
    held.changing = false;
    held.later(1).finds(vec![name()]);
    assert_eq!(held.said().len(), 1);
}

#[test]
fn what_is_otherwise_from_the_beginning_is_told_as_one_and_a_flood_too() {
    let names = |n: usize| -> Vec<Difference> {
        (0..n).map(|n| difference(What::Name, &format!("n{n}"), "db", "")).collect()
    };
    let mut held = Held::new();
    held.finds(names(3));
    let first = "differs: 3 settings are otherwise than approved in /etc/approved.json: destination-exporter diff /etc/approved.json.";
    assert_eq!(held.said(), [first]);
    held.later(1).finds(names(300)).later(60).finds(names(300));
    assert_eq!(held.said().len(), 2);
    assert!(
        held.said()[0].starts_with("differs: 297 settings are otherwise than approved"),
        "{:?}",
        held.said()
    );
    held.later(1).finds(Vec::new()).later(60).finds(Vec::new());
    assert_eq!(held.said()[0], "as_approved: 300 settings are as approved again in /etc/approved.json.");
    // Something else is approved: what is otherwise than that is said at once, and that nothing is.
    held.approved = approved();
    held.later(1).finds(names(1));
    assert!(held.said()[0].starts_with("differs: 1 setting is otherwise than approved"), "{:?}", held.said());
    held.approved = approved();
    held.later(1).finds(Vec::new());
    assert_eq!(held.said()[0], "as_approved: All is as approved in /etc/approved.json.");
    assert_eq!(held.said().len(), 5);
}

#[test]
fn names_of_strangers_are_shown_and_do_nothing() {
    let evil = "\u{1b}[2J\u{202e}".repeat(200);
    let one = difference(What::Name, &evil, &evil, "");
    let mut held = Held::new();
    held.finds(Vec::new()).later(1).finds(vec![one.clone()]).later(60).finds(vec![one]);
    let said = held.said();
    assert!(said.len() == 1 && said[0].len() < 700, "{said:?}");
    assert!(!said[0].chars().any(crate::strangers::acts), "{said:?}");
}
