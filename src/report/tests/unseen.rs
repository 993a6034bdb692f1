//! Reports of faults that no lab can cause, for the page of findings.

use std::path::Path;
use std::sync::Arc;

use crate::diagnosis::Ledger;
use crate::diagnosis::sample::{Sample, settled};
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
        let body: Vec<&str> = body.take_while(|line| !line.starts_with("  path ")).collect();
        let example = format!("{head}\n{}\n", body.join("\n"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/examples/{code}.txt"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &example).expect("docs/examples is there");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(there, example, "{code}.txt is old: UPDATE_DOCS=1 cargo test --lib report");
    }
}
