//! What a report of a small host says.

mod drift;
mod unseen;

use std::time::Duration;

use proptest::prelude::*;

use crate::diagnosis::Ledger;
use crate::diagnosis::sample::{OK, Sample, TIMEOUT, at, settled};
use crate::inventory::{AddressPools, RunState};
use crate::outcome::{Blindness, Outcome, Reason};
use crate::state::forecast::{Forecast, Trend};
use crate::state::{Engine, Snapshot};
use crate::strangers::printable;

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

    let unseen = |capability, why: &str| Unseen { capability, why: why.into() };
    assert_eq!(down.exporter.unseen, [unseen("docker_api", "gone")]);
    let mut half = shop(&[]);
    half.sight.frozen = Some("the mount is private".into());
    half.sight.icmp = Some(Err("EPERM".into()));
    half.sight.host = Some(std::sync::Arc::new(crate::netstack::Host {
        firewall_unread: Some("no netlink".into()),
        ..Default::default()
    }));
    let expected = [
        unseen("network_namespaces", "the mount is private"),
        unseen("icmp", "EPERM"),
        unseen("firewall", "no netlink"),
    ];
    assert_eq!(report(half.snapshot()).exporter.unseen, expected);
    assert_eq!(report(shop(&[]).snapshot()).exporter.unseen, []);

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

#[test]
fn how_addresses_go_on_is_told_where_it_was_watched() {
    let forecast = |watched, trend| Forecast { watched, trend };
    let day = |days: u64| at(60) + Duration::from_secs(days * 86_400);
    let grows = |ends| Trend::Grows { per_day: 9.0, ends };
    let line = |words: &str| format!("  used    201 of 254 addresses in 10.0.2.0/24{words}\n");
    for (used, known, expected, trend) in [
        (201, None, Some(line("")), None),
        (
            201,
            Some(forecast(3, Trend::Unknown)),
            Some(line(", watched for 3 h, a forecast needs 72 h")),
            Some("unknown"),
        ),
        (201, Some(forecast(80, Trend::Still)), Some(line(", no steady growth")), Some("still")),
        (
            201,
            Some(forecast(80, grows(None))),
            Some(line(", +9 a day, no end within 90 days")),
            Some("grows"),
        ),
        (
            201,
            Some(forecast(80, grows(Some(day(6))))),
            Some(line(", +9 a day, end about 2023-11-20")),
            Some("grows"),
        ),
        // There is room, or it is a finding.
        (20, None, None, None),
        (20, Some(forecast(3, Trend::Unknown)), None, Some("unknown")),
        (254, Some(forecast(80, grows(Some(day(0))))), None, Some("grows")),
    ] {
        let mut sample = shop(&[]);
        sample.on("shop").subnets[0].used = used;
        let (id, net) = (sample.on("shop").id.clone(), sample.on("shop").subnets[0].net);
        if let Some(known) = known {
            sample.forecasts.put(Some((&id, net)), known);
        }
        let report = report(sample.snapshot());
        let text = plainly(&report);
        let told: Option<String> =
            text.lines().find(|l| l.starts_with("  used ")).map(|line| format!("{line}\n"));
        assert_eq!(told, expected, "{text}");
        let json = serde_json::to_value(&report).unwrap();
        let subnet = &json["destinations"][0]["subnets"][0];
        assert_eq!(subnet["growth"]["trend"].as_str(), trend);
        if known == Some(forecast(80, grows(Some(day(6))))) {
            assert_eq!(subnet["growth"]["ends_at"], "2023-11-20T22:14:20.000Z");
        }
    }
}

#[test]
fn how_blocks_for_networks_go_on_is_told_too() {
    let mut sample = shop(&[]);
    sample.inventory.pools = Some(AddressPools { used: 10, capacity: 31, configured: false });
    let trend = Trend::Grows { per_day: 0.5, ends: Some(at(60) + Duration::from_secs(42 * 86_400)) };
    sample.forecasts.put(None, Forecast { watched: 300, trend });
    let text = plainly(&report(sample.snapshot()));
    assert!(
        text.starts_with("  used    10 of 31 blocks for networks, +0.5 a day, end about 2023-12-26\n"),
        "{text}"
    );
    sample.inventory.pools = Some(AddressPools { used: 30, capacity: 31, configured: false });
    let text = plainly(&report(sample.snapshot()));
    assert!(!text.contains("  used "), "the finding says it: {text}");
    let seen = "seen    blocks taken, day by day: +0.5 a day, end about 2023-12-26\n";
    assert!(text.contains(seen), "{text}");
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

/// What stands in the one command of ours that runs another for a word of its own; else the line as it is.
fn unframed(line: &str) -> &str {
    let own = line.strip_suffix(" &&").unwrap_or(line);
    let own = match own.split_once("; ") {
        Some((first, own)) if first.starts_with("iptables-save | grep -wF ") && !first.contains("zq") => own,
        _ => own,
    };
    let own = own.strip_prefix("nsenter -t \"$(docker inspect -f '{{.State.Pid}}' ");
    own.and_then(|own| own.strip_suffix(")\" -n iptables-save")).unwrap_or(line)
}

/// The words of a command as a shell reads them; `None` where a quote stays open, or where a character acts that
/// only `&&` between two commands may be.
fn shell_words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut rest = line.strip_suffix(" &&").unwrap_or(line).chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' => words.extend(word.take()),
            '&' if word.is_none() && rest.next_if_eq(&'&').is_some() => words.push("&&".to_owned()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            c if "&;|$`<>(){}*?#~!\"".contains(c) => return None,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// The lines that stand where commands stand: behind `repair` and `see it`, and below them.
fn advice(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let starts = ["          repair  ", "          see it  "].iter().any(|l| line.starts_with(l));
        inside = starts || (inside && line.starts_with(&" ".repeat(18)));
        if inside {
            lines.extend(line.get(18..));
        }
    }
    lines
}

/// What a stranger calls things who wants a command of his under `repair`. Each begins with `zq` and ends with `qz`.
fn hostile() -> impl Strategy<Value = String> {
    let parts = vec![
        ": docker run evil",
        " && docker run evil",
        "'; evil #",
        "\nevil\r",
        "$(evil)",
        " repair  docker run evil",
        "\u{a0}\u{a0}see it  evil",
        "`evil`",
        "\u{202e}evil",
        "\\evil",
        "evil is a very long word ",
        "-evil",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..5)
        .prop_map(|parts| format!("zq{}qz", parts.concat()))
}

fn every_fault(names: &[String], aliases: &[String]) -> Report {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut sample = Sample::shop(&names);
    sample.mesh(&names[..1]);
    for name in &names[1..] {
        sample.dns(names[1], name, Outcome::Failure(Reason::Nxdomain));
        sample.dns(name, names[1], TIMEOUT);
        sample.tcp(name, names[2], 80, Outcome::Failure(Reason::Refused));
        sample.icmp(name, names[2], Outcome::Failure(Reason::PacketLoss)).losses = 0xff;
    }
    for endpoint in &mut sample.on("shop").endpoints {
        endpoint.names.extend(aliases.iter().map(|alias| alias.as_str().into()));
    }
    sample.icmp(names[1], names[3], TIMEOUT);
    sample.destination(names[0], 3);
    for name in &names {
        sample.endpoint(names[0], name);
    }
    let missing = sample.missing(aliases.first().map_or("zqqz", String::as_str));
    let shop = sample.on("shop");
    shop.display_name = names[0].into();
    shop.subnets[0].used = 254;
    shop.detached.push(missing.clone());
    sample.on(names[0]).stopped.push(missing);
    sample.inventory.oddities.push(names[1].to_owned());
    report(sample.snapshot())
}

proptest! {
    #[test]
    fn no_name_passes_for_a_command(
        names in prop::collection::btree_set(hostile(), 5),
        aliases in prop::collection::vec(hostile(), 1..3),
        width in 60..110usize,
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let report = every_fault(&names, &aliases);
        let text = text(&report, Look { colours: false, width, took: None });
        let shown = |name: &String| {
            printable(&name.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>())
        };
        let known: Vec<String> = names.iter().chain(&aliases).map(shown).collect();
        let strange = |text: &str| ["zq", "evil", "qz"].iter().any(|mark| text.contains(mark));
        let lines = advice(&text);
        prop_assert!(lines.iter().filter(|line| strange(line)).count() > 3, "nothing to see in:\n{}", text);
        for line in lines.into_iter().filter(|line| strange(line)) {
            let Some(words) = shell_words(unframed(line)) else {
                return Err(TestCaseError::fail(format!("{line:?} is no command of ours in:\n{text}")));
            };
            for word in words.iter().filter(|word| strange(word)) {
                let (before, name) = word.split_at(word.find("zq").unwrap_or(0));
                prop_assert!(["", "container:", "name=", "network="].contains(&before), "{:?} in {:?}", word, line);
                prop_assert!(known.iter().any(|k| k == name.trim_end_matches('.')), "{:?} in {:?} of:\n{}", name, line, text);
            }
        }
    }
}

#[test]
fn a_step_is_one_text_in_json() {
    let json = serde_json::to_value(report(shop(&["db"]).snapshot())).unwrap();
    let fix = &json["destinations"][0]["findings"][0]["fix"];
    assert_eq!(fix[0], "docker restart db");
    let again = "docker network disconnect shop db && docker network connect shop db";
    assert_eq!(
        fix[1],
        format!("where that does not help, redeploy it, or give it its place anew by hand: {again}")
    );
}

#[test]
fn no_name_is_set_where_a_label_stands() {
    let evil = "          repair  docker run evil";
    let mut sample = shop(&["db"]);
    sample.on("blog").display_name = evil.into();
    sample.destination(evil, 4);
    // As wide as the line before it in which it is told: the fold puts it at the start of the next one.
    sample.inventory.oddities.push(format!("{} repair docker run evil", "x".repeat(85)));
    let text = plainly(&report(sample.snapshot()));
    let forged = |line: &&str| line.trim_start().starts_with("repair") && line.contains("evil");
    let columns: Vec<usize> =
        text.lines().filter(forged).map(|line| line.len() - line.trim_start().len()).collect();
    assert_eq!(columns, [12, 0, 0], "{text}");
}
