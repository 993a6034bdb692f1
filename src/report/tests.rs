//! What a report of a small host says.

use crate::diagnosis::Ledger;
use crate::diagnosis::sample::{OK, Sample, at, settled};
use crate::inventory::RunState;
use crate::outcome::{Blindness, Outcome};
use crate::state::{Engine, Snapshot};

use super::*;

fn report(snapshot: Snapshot) -> Report {
    build(&settled(snapshot, &mut Ledger::default()))
}

fn shop(dead: &[&str]) -> Sample {
    let mut sample = Sample::shop(&["api", "db", "web"]);
    sample.mesh(dead);
    sample.destination("blog", 3);
    sample.endpoint("blog", "ghost");
    sample
}

#[test]
fn the_status_is_the_worst() {
    assert_eq!(report(shop(&[]).snapshot()).status, Status::Healthy);
    let failing = report(shop(&["db"]).snapshot());
    assert_eq!(failing.status, Status::Failing);
    let by_name: Vec<_> = failing.destinations.iter().map(|d| (&*d.name, d.status)).collect();
    assert_eq!(by_name, [("shop", Status::Failing), ("blog", Status::Healthy)]);

    let mut full = shop(&[]);
    full.on("blog").subnets[0].used = 254;
    assert_eq!(report(full.snapshot()).status, Status::Degraded);
}

#[test]
fn what_is_not_seen_is_unknown() {
    let mut sample = shop(&[]);
    sample.sight.engine = Engine::Down { since: at(1), why: "gone".into() };
    let down = report(sample.snapshot());
    assert_eq!(down.status, Status::Unknown);
    assert_eq!(down.host.findings.len(), 1);
    assert_eq!(down.exporter.capabilities["docker_api"], Some(false));

    let mut snapshot = shop(&[]).snapshot();
    snapshot.inventory = None;
    snapshot.sight.engine = Engine::NotAsked;
    assert_eq!(report(snapshot).status, Status::Unknown);

    let mut blind = shop(&[]);
    for record in blind.probes.values_mut() {
        record.outcome = Outcome::Unknown(Blindness::NoPrivilege);
    }
    assert_eq!(report(blind.snapshot()).destinations[0].status, Status::Unknown);
}

#[test]
fn the_json_has_the_promised_fields() {
    let json = serde_json::to_value(report(shop(&["db"]).snapshot())).unwrap();
    assert_eq!(json["status"], "failing");
    assert_eq!(json["generated_at"], "2023-11-14T22:14:20.000Z");
    assert_eq!(json["exporter"]["engine"]["api_version"], "1.46");
    let shop = &json["destinations"][0];
    assert_eq!(shop["path"][1]["hop"], "container");
    assert_eq!(shop["path"][1]["status"], "failing");
    assert_eq!(shop["containers"][0]["addresses"][0], "10.0.2.2");
    assert!(shop["routes"].as_array().is_some_and(Vec::is_empty));
    let finding = &shop["findings"][0];
    assert_eq!(finding["code"], "container-unreachable");
    assert_eq!(finding["subject"]["kind"], "container");
    let probe = shop["probes"].as_array().unwrap().iter().find(|p| p["outcome"] == "failure").unwrap();
    assert_eq!(probe["reason"], "timeout");
    assert!(probe["duration_seconds"].is_null());
    assert!(json["host"]["findings"].as_array().is_some_and(Vec::is_empty));
}

/// As a pipe gets it.
fn plainly(report: &Report) -> String {
    text(report, Look { colours: false, width: 100, took: None })
}

#[test]
fn the_text_names_the_fault_and_the_repair() {
    let text = plainly(&report(shop(&["db"]).snapshot()));
    for part in [
        "shop  bridge 10.0.2.0/24, 3 containers",
        "FAILING\n",
        "page    container-unreachable  db\n",
        "repair  docker restart db\n",
        "                  docker network disconnect shop db && docker network connect shop db\n",
        "path    network ✓ → container ✗\n",
        "HEALTHY\n",
        "1 page, 0 tickets.",
        "Not looked at: the internet (no targets configured).",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn prose_is_folded_and_commands_can_be_pasted() {
    let text = text(&report(shop(&["db"]).snapshot()), Look { colours: false, width: 60, took: None });
    let (commands, prose): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| l.contains("docker "));
    let long: Vec<&&str> = prose.iter().filter(|l| l.chars().count() > 60).collect();
    assert!(long.is_empty(), "{long:#?} of:\n{text}");
    let lines: Vec<&str> = commands.iter().map(|line| line.trim_start()).collect();
    let broken = ["docker network disconnect shop db &&", "docker network connect shop db"];
    assert!(lines.windows(2).any(|two| two == broken), "{text}");
}

#[test]
fn a_fault_on_two_destinations_is_told_once() {
    let mut sample = shop(&[]);
    let missing = sample.missing("db");
    sample.container("db").state = RunState::Exited;
    for name in ["shop", "blog"] {
        let on = sample.on(name);
        on.endpoints.retain(|e| &*e.name != "db");
        on.stopped.push(missing.clone());
    }
    let text = plainly(&report(sample.snapshot()));
    assert_eq!(text.matches("container-unreachable  db\n").count(), 2, "{text}");
    assert_eq!(text.matches("docker start db\n").count(), 1, "{text}");
    assert!(text.contains("The same as on shop, above.\n"), "{text}");
}

#[test]
fn a_hostile_name_does_nothing_to_the_terminal() {
    let evil = "x\u{1b}]0;owned\u{7}\r\u{202e}";
    let mut sample = Sample::shop(&["api", "web", evil]);
    sample.mesh(&[evil]);
    sample.icmp("api", "web", OK);
    sample.inventory.oddities.push(evil.to_owned());
    let text = plainly(&report(sample.snapshot()));
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    assert!(text.contains(r"x\u{1b}]0;owned\u{7}\r\u{202e}"), "{text}");
}

#[test]
fn colours_only_when_asked() {
    let report = report(shop(&["db"]).snapshot());
    let painted = text(&report, Look { colours: true, width: 100, took: None });
    assert!(painted.contains("\u{1b}[1;31m"));
    assert!(!plainly(&report).contains('\u{1b}'));
}
