//! Reports of faults that no lab can cause, for the page of findings.

use std::path::Path;
use std::sync::Arc;

use crate::diagnosis::Ledger;
use crate::diagnosis::sample::swarm::{away, node};
use crate::diagnosis::sample::{OK, Sample, TIMEOUT, settled};
use crate::inventory::Ghost;
use crate::netstack::{Host, Neighbours};
use crate::report::{Look, build, text};

/// A code, and what breaks a picture so.
type Unseen = (&'static str, fn(&mut Sample));

/// Pictures of what no lab can cause, and which finding they are.
const UNSEEN: &[Unseen] = &[
    ("host-neighbour-table-full", |sample| {
        let neighbours = Some(Neighbours { entries: 1024, limit: 1024, refused: 31 });
        sample.sight.host = Some(Arc::new(Host { neighbours, ..Host::default() }));
    }),
    ("network-ghost-endpoint", |sample| {
        let ghost = Ghost { name: "shop-old-1".into(), address: "10.0.2.9".into() };
        sample.on("shop").ghosts.push(ghost);
    }),
    ("swarm-stale-tasks", |sample| {
        *sample = Sample::mesh_of_nodes();
        sample.manages(&[(2, true), (3, true)]);
        for (last, tasks, outcome) in [(2, 2, OK), (3, 1, TIMEOUT)] {
            sample.peer("shop", last, tasks);
            sample.over("shop", node(last), outcome);
            sample.beside("shop", node(last), OK, OK);
        }
        sample.service("api", &[away(2, 1), away(3, 1)], Some(&[away(2, 1)]));
    }),
];

/// For the page of findings, as the lab writes the others.
#[test]
fn what_no_lab_can_cause_has_its_report() {
    for (code, breaks) in UNSEEN {
        let mut sample = Sample::shop(&["api", "db", "web"]);
        sample.mesh(&[]);
        breaks(&mut sample);
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        let page = text(&build(&verdict), Look { colours: false, width: 100, took: None });
        let mut lines = page.lines().skip_while(|line| line.split_whitespace().nth(1) != Some(code));
        let head = lines.next().expect("it is told").trim();
        let body = lines.map_while(|line| line.strip_prefix("        "));
        let body: Vec<&str> = body.take_while(|line| !line.starts_with("  path    ")).collect();
        let example = format!("{head}\n{}\n", body.join("\n"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/examples/{code}.txt"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &example).expect("docs/examples is there");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(there, example, "{code}.txt is old: UPDATE_DOCS=1 cargo test --lib report");
    }
}
