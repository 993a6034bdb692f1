//! What is otherwise than was approved, in the report.

use std::sync::Arc;

use super::*;
use crate::baseline::{Change, Drift as Held, Drifted, Kind};

fn gone(destination: Option<&str>, kind: Kind, subject: &str, before: &str) -> Difference {
    Difference {
        destination: destination.map(str::to_owned),
        kind,
        subject: subject.to_owned(),
        change: Change::Gone,
        before: before.to_owned(),
        after: String::new(),
        expected: false,
    }
}

fn held(found: Option<Vec<Difference>>, refused: Option<&str>) -> Report {
    let mut snapshot = shop(&[]).snapshot();
    snapshot.drift = Some(Arc::new(Held {
        file: "/etc/approved.json".into(),
        command: "destination-exporter diff /etc/approved.json".into(),
        refused: refused.map(Into::into),
        approved: None,
        found: found.map(|differences| Arc::new(Drifted { differences, ..Drifted::default() })),
    }));
    report(snapshot)
}

fn lines(report: &Report) -> Vec<String> {
    let text = plainly(report);
    let lines = text.lines().skip_while(|line| !line.contains("drift   "));
    lines.filter(|line| line.contains("drift   ") || line.contains("approved")).map(str::to_owned).collect()
}

#[test]
fn a_destination_says_what_of_it_is_otherwise_and_the_host_the_rest() {
    let found = vec![
        gone(None, Kind::Proxy, "coolify-proxy", "on blog"),
        gone(Some("shop"), Kind::Name, "database", "db"),
        gone(Some("away"), Kind::Network, "away", "bridge"),
    ];
    let of = held(Some(found), None);
    assert_eq!(
        lines(&of),
        [
            "  drift   otherwise than approved: proxy coolify-proxy: was on blog; network away: was bridge",
            "  drift   3 settings are otherwise than in /etc/approved.json. All of it:",
            "                  destination-exporter diff /etc/approved.json",
            "  drift   otherwise than approved: name database: no longer leads to db",
        ]
    );
    assert_eq!(of.status, Status::Healthy, "it is no fault");
    let json = serde_json::to_value(&of).expect("JSON");
    assert_eq!(json["drift"]["differences"], 3);
    assert_eq!(json["drift"]["host"][1]["destination"], "away");
    assert_eq!(json["destinations"][0]["drift"][0]["subject"], "database");
    assert!(json["destinations"][1]["drift"].as_array().is_some_and(Vec::is_empty));
    let many = (0..9).map(|n| gone(Some("shop"), Kind::Name, &format!("n{n}"), "db")).collect();
    assert!(plainly(&held(Some(many), None)).contains("and 6 more"));
}

#[test]
fn what_was_not_compared_is_not_the_same() {
    let same = held(Some(Vec::new()), None);
    assert_eq!(lines(&same), [""; 0]);
    let broken = held(None, Some("cut off"));
    let json = serde_json::to_value(&broken).expect("JSON");
    assert!(json["drift"]["differences"].is_null() && json["destinations"][0]["drift"].is_null(), "{json}");
    let text = plainly(&broken);
    assert!(
        text.contains("drift   not compared with what was approved, for /etc/approved.json cannot be read"),
        "{text}"
    );
    let text = plainly(&held(Some(Vec::new()), Some("cut off")));
    assert!(text.contains("drift   compared with what was approved before, for"), "{text}");
    let nothing = serde_json::to_value(report(shop(&[]).snapshot())).expect("JSON");
    assert!(nothing["drift"].is_null() && nothing["destinations"][0]["drift"].is_null());
}

#[test]
fn a_hostile_name_does_nothing_to_the_terminal() {
    let evil = "x\u{1b}]0;owned\u{7}\r\n  repair  rm\u{202e}";
    let found = vec![gone(None, Kind::Route, evil, evil), gone(Some("shop"), Kind::Name, evil, evil)];
    let text = plainly(&held(Some(found), Some(evil)));
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("repair  ")), "{text}");
}
