//! What is told of other nodes, and what is not: the three witnesses in every combination that matters.

mod addresses;
mod managers;
mod mismatch;
mod nodes;
mod services;
mod stale;
mod whole;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnosis::sample::swarm::{REFUSED, away, node};
use crate::diagnosis::sample::{OK, Sample, TIMEOUT, at, settled};
use crate::diagnosis::{Finding, Ledger, Severity, Verdict, judge};
use crate::inventory::swarm::{Control, RefusedTask};
use crate::outcome::{Blindness, Outcome};
use crate::state::{Engine, Snapshot};

const BLIND: Outcome = Outcome::Unknown(Blindness::NoPrivilege);

/// `code subject` of everything above `info`.
fn told(verdict: &Verdict) -> Vec<String> {
    let faults = verdict.findings.iter().filter(|f| f.severity != Severity::Info);
    faults.map(|f| format!("{} {}", f.code.as_label(), f.subject.name)).collect()
}

/// What is told once it has stood for as long as what managers say has to.
fn stood(sample: &Sample) -> Verdict {
    let (now, mut ledger) = (sample.snapshot(), Ledger::default());
    let before = Snapshot { at: now.at - Duration::from_secs(16), ..now.clone() };
    assert!(judge(Arc::new(before), &mut ledger).findings.is_empty(), "it may pass");
    judge(Arc::new(now), &mut ledger)
}

fn faults(sample: &Sample) -> Vec<String> {
    told(&settled(sample.snapshot(), &mut Ledger::default()))
}

fn only(sample: &Sample) -> Finding {
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    assert_eq!(verdict.findings.len(), 1, "{:?}", told(&verdict));
    verdict.findings[0].clone()
}

/// `shop` spans three nodes, and everything answers.
fn well() -> Sample {
    let mut sample = Sample::mesh_of_nodes();
    for last in [2, 3] {
        sample.peer("shop", last, 2);
        sample.over("shop", node(last), OK);
        sample.beside("shop", node(last), OK, OK);
    }
    sample
}

/// A second overlay, in the clear, to node 2.
fn blog(sample: &mut Sample, outcome: Outcome) {
    sample.destination("blog", 3);
    sample.endpoint("blog", "web");
    sample.spans("blog");
    sample.peer("blog", 2, 1);
    sample.over("blog", node(2), outcome);
}

/// A name for the case, what is otherwise where all is well, and what is told of it.
type Case<'a> = (&'a str, fn(&mut Sample), &'a [&'a str]);

fn check(cases: &[Case<'_>]) {
    for (name, breaks, expected) in cases {
        let mut sample = well();
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}
