mod svg;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::diagnosis::sample::{Sample, settled};
use crate::diagnosis::{Code, Finding, Ledger, Severity, Subject, Verdict};
use crate::inventory::{ContainerId, PublishedPort};
use crate::netstack::{Connections, Inner, Side, Talk};
use crate::report::{Status, detail};

/// `names` on `shop` and the first of them on `blog` too. On `shop` the first one calls the second, the
/// outside calls the first, and the second calls port 8080 of the host, which is the first one's.
fn town(names: &[&str]) -> Verdict {
    let mut sample = Sample::shop(names);
    sample.destination("blog", 3);
    sample.endpoint("blog", names[0]);
    let port = PublishedPort { host_ip: None, host_port: 8080, container_port: 80, protocol: "tcp".into() };
    sample.container(names[0]).published = vec![port];
    sample.mesh(&[]);
    let talk = |local: u8, remote: [u8; 4], port, side| Talk {
        local: [10, 0, 2, local].into(),
        remote: remote.into(),
        port,
        side,
    };
    let said = [
        vec![(talk(2, [10, 0, 2, 3], 5432, Side::Client), 3), (talk(2, [192, 0, 2, 1], 80, Side::Server), 1)],
        vec![(talk(3, [10, 0, 2, 1], 8080, Side::Client), 1)],
    ];
    let mut snapshot = sample.snapshot();
    let told = names.iter().zip(said).map(|(name, talks)| {
        let connections = Some(Arc::new(Connections { at: snapshot.at, talks, complete: true }));
        (ContainerId::new(&format!("id-{name}")), Inner { connections, ..Inner::default() })
    });
    snapshot.containers = Arc::new(told.collect::<BTreeMap<_, _>>());
    settled(snapshot, &mut Ledger::default())
}

#[test]
fn the_map_shows_who_is_where_and_who_talks_to_whom() {
    let map = build(&town(&["api", "db", "idle"]));
    let json = serde_json::to_value(&map).unwrap();
    assert_eq!(json["status"], "healthy");
    assert_eq!(json["destinations"][0]["name"], "shop");
    assert_eq!(json["destinations"][0]["containers"][0]["published"][0]["host_port"], 8080);
    assert_eq!(json["destinations"][1]["containers"][0]["name"], "api");
    assert_eq!(json["flows_unseen"], serde_json::json!([{"destination": "shop", "name": "idle"}]));
    let flows: Vec<_> =
        map.flows.iter().map(|f| (&*f.source, &*f.target, f.port, f.way.as_label())).collect();
    assert_eq!(
        flows,
        [
            ("outside", "api", Some(80), "outside"),
            ("api", "db", Some(5432), "inside"),
            ("db", "api", Some(80), "hairpin"),
        ]
    );
    assert_eq!(json["flows"][2]["by"], "10.0.2.1:8080");
}

#[test]
fn a_part_of_the_map_keeps_what_leads_out_of_it() {
    let mut map = build(&town(&["api", "db"]));
    assert_eq!(map.narrow(&["shp".into()]), Err("shp".into()));
    map.narrow(&["blog".into()]).unwrap();
    assert_eq!((map.destinations.len(), map.flows.len()), (1, 0));
    let mut map = build(&town(&["api", "db"]));
    map.status = Status::Failing;
    map.narrow(&["shop".into()]).unwrap();
    assert_eq!((map.flows.len(), map.status), (3, Status::Healthy), "of what is shown");
}

#[test]
fn a_drawing_reads_well() {
    let map = build(&town(&["api", "db"]));
    assert_eq!(
        mermaid(&map),
        r#"flowchart LR
  subgraph d0["shop · bridge 10.0.2.0/24"]
    n0["api<br/>10.0.2.2"]
    n1["db<br/>10.0.2.3"]
  end
  subgraph d1["blog · bridge 10.0.3.0/24"]
    n2["api<br/>10.0.3.2"]
  end
  n3(["outside"])
  n3 -->|"80"| n0
  n0 -->|"5432 ×3"| n1
  n1 ==>|"80 by 10.0.2.1:8080"| n0
  n3 -.->|"8080 → 80/tcp"| n0
  n0 -. same container .- n2
  classDef failing stroke:#c0392b,stroke-width:3px
  classDef degraded stroke:#d68910,stroke-width:3px
  classDef unknown stroke-dasharray:4
"#
    );
    let drawn = dot(&map);
    assert!(drawn.contains("    n0 [label=\"api\\n10.0.2.2\", shape=box, color=\"#5d6d7e\"];\n"), "{drawn}");
    assert!(drawn.contains("  n1 -> n0 [label=\"80 by 10.0.2.1:8080\", style=bold];\n"), "{drawn}");
}

#[test]
fn who_is_in_trouble_is_marked() {
    let mut map = build(&town(&["api", "db"]));
    map.destinations[0].status = Status::Failing;
    map.destinations[0].containers[1].status = Status::Failing;
    let drawn = mermaid(&map);
    assert!(drawn.contains("  class n1 failing\n") && drawn.contains("  class d0 failing\n"), "{drawn}");
}

#[test]
fn what_cannot_be_seen_is_not_healthy() {
    let mut verdict = town(&["api", "db"]);
    Arc::make_mut(&mut verdict.snapshot).sight.namespaces = Some(Err("setns: no".into()));
    let statuses: Vec<_> = build(&verdict).destinations[0].containers.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [Status::Unknown; 2]);
}

#[test]
fn a_finding_about_something_of_the_same_name_is_not_the_containers() {
    let mut verdict = town(&["api", "db"]);
    for kind in ["name", "container"] {
        verdict.findings = vec![Finding {
            code: Code::DnsWrongAnswer,
            severity: Severity::Page,
            subject: Subject { kind, name: "db".into() },
            destination: Some("shop".into()),
            summary: String::new(),
            evidence: Vec::new(),
            explains: Vec::new(),
            ruled_out: Vec::new(),
            fix: Vec::new(),
            verify: Vec::new(),
            since: verdict.snapshot.at,
            runbook: String::new(),
            after: Vec::new(),
        }];
        let failing = build(&verdict).destinations[0].containers[1].status == Status::Failing;
        let listed = detail(&verdict, "shop", "db").expect("db").findings.len() == 1;
        assert_eq!((failing, listed), (kind == "container", kind == "container"));
    }
}

#[test]
fn many_doors_are_one_and_more_arrows_than_mermaid_draws_are_counted() {
    let mut map = build(&town(&["api", "db"]));
    let door = |host_port, container_port| PublishedPort {
        host_ip: None,
        host_port,
        container_port,
        protocol: "tcp".into(),
    };
    let range = (9000..9256).map(|port| door(port, port));
    map.destinations[0].containers[0].published =
        range.chain([door(80, 8080), door(81, 8081), door(90, 8090), door(91, 9)]).collect();
    let drawn = mermaid(&map);
    for line in [
        "  n3 -.->|\"9000-9255 → 9000-9255/tcp\"| n0\n",
        "  n3 -.->|\"80-81 → 8080-8081/tcp\"| n0\n",
        "  n3 -.->|\"90 → 8090/tcp\"| n0\n",
        "  n3 -.->|\"91 → 9/tcp\"| n0\n",
    ] {
        assert!(drawn.contains(line), "{drawn}");
    }
    map.destinations[0].containers[0].published = (0..600).map(|n| door(3 * n + 1, n + 1)).collect();
    let drawn = mermaid(&map);
    assert_eq!(drawn.matches('|').count() / 2 + drawn.matches(" -. same").count(), 450);
    assert!(drawn.contains("  %% 154 more arrows\n"), "{drawn}");
    assert_eq!(dot(&map).matches(" -> n").count(), 604, "Graphviz draws them all");
}

/// What Graphviz itself makes of a graph: the labels, a line each.
fn labels_by_graphviz(graph: &str) -> Vec<String> {
    let mut dot = Command::new("dot")
        .arg("-Tjson0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Graphviz's dot starts: make deps installs it");
    dot.stdin.take().expect("piped").write_all(graph.as_bytes()).expect("written");
    let answer = dot.wait_with_output().expect("ended");
    assert!(answer.status.success(), "{graph}");
    let read: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    let objects = read["objects"].as_array().into_iter().flatten();
    objects.filter_map(|object| object["label"].as_str().map(str::to_owned)).collect()
}

#[test]
fn graphviz_reads_what_strangers_are_called() {
    let names = [r#"a"];}evil[label=""#, r"b\", "c\\", "d&quot;<b>", "e\nf\u{1b}[31m", "<g>", "%h{{`", "\\N"];
    let map = build(&town(&names));
    let labels = labels_by_graphviz(&dot(&map));
    for name in names {
        let printed = crate::strangers::printable(name);
        let escaped = printed.replace('\\', "\\\\").replace('&', "&amp;");
        assert!(
            labels.iter().any(|label| label.starts_with(&format!("{escaped}\\n"))),
            "{escaped:?}: {labels:?}"
        );
    }
    assert_eq!(labels.len(), names.len() + 1 + 2 + 1, "a place each, one on blog, two boxes, the outside");
}

proptest! {
    #[test]
    fn no_name_ends_its_text(names in proptest::collection::hash_set("[^/]{1,20}", 2..5)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let map = build(&town(&names));
        let drawn = mermaid(&map);
        // The drawing of the same town with harmless names has the same lines, and the same signs but for the names.
        let plain: Vec<String> = (0..names.len()).map(|n| format!("x{n}")).collect();
        let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
        let plain = mermaid(&build(&town(&plain)));
        prop_assert_eq!(drawn.lines().count(), plain.lines().count());
        for line in drawn.lines() {
            prop_assert_eq!(line.matches('"').count() % 2, 0);
            let quoted = line.split('"').nth(1).unwrap_or_default().replace("<br/>", "");
            prop_assert!(!quoted.contains(['<', '>', '`', '&', '\\', '[', '{', '(', '|']), "{}", line);
        }
        for line in dot(&map).lines() {
            let quotes = line.replace(r"\\", "").replace("\\\"", "").matches('"').count();
            prop_assert_eq!(quotes % 2, 0, "{}", line);
        }
    }
}
