//! The rules together: what they say of small snapshots, and what they keep silent about. One file a subject.

mod addresses;
mod beyond;
mod firewall;
mod hairpin;
mod host;
mod hostile;
mod loss;
mod names;
mod outside;
mod pairs;
mod ports;
mod reach;
mod routes;
mod sight;
mod time;
mod widths;

use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::RunState;
use crate::outcome::*;
use crate::state::{Engine, Snapshot};

use super::sample::{OK, Sample, TIMEOUT, at, key, settled, up};
use super::*;

/// `code subject` of everything above `info`.
fn faults(sample: &Sample) -> Vec<String> {
    told(&settled(sample.snapshot(), &mut Ledger::default()))
}

fn told(verdict: &Verdict) -> Vec<String> {
    verdict
        .findings
        .iter()
        .filter(|f| f.severity != Severity::Info)
        .map(|f| format!("{} {}", f.code.as_label(), f.subject.name))
        .collect()
}

fn shop() -> Sample {
    let mut sample = Sample::shop(&["api", "db", "web"]);
    sample.mesh(&[]);
    sample
}

const BLIND: Outcome = Outcome::Unknown(Blindness::NoPrivilege);

/// A name for the case, what is broken in a shop that is well, and what is told of it.
type Case<'a> = (&'a str, fn(&mut Sample), &'a [&'a str]);

fn check(cases: &[Case<'_>]) {
    for (name, breaks, expected) in cases {
        let mut sample = shop();
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}

#[test]
fn every_finding_says_what_to_do() {
    let mut sample = shop();
    sample.mesh(&["db"]);
    sample.destination("blog", 3);
    sample.endpoint("blog", "web");
    sample.on("shop").subnets[0].used = 254;
    sample.inventory.pools = Some(crate::inventory::AddressPools { used: 4, capacity: 4, configured: true });
    sample.on("shop").endpoints[0].names.push("web".into());
    sample.dns("web", "api", TIMEOUT);
    let missing = sample.missing("gone; reboot");
    sample.on("shop").detached.push(missing);
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    assert!(verdict.findings.len() >= 7);
    for finding in &verdict.findings {
        assert!(!finding.summary.is_empty() && !finding.evidence.is_empty(), "{finding:?}");
        assert!(
            !finding.ruled_out.is_empty()
                || !finding.explains.is_empty()
                || finding.code == Code::NetworkAddressesExhausted
        );
        assert!(!finding.fix.is_empty() && !finding.verify.is_empty(), "{finding:?}");
        assert_eq!(finding.runbook, format!("http://127.0.0.1:10061/runbooks/{}", finding.code.as_label()));
    }
    let gone = verdict.findings.iter().find(|f| &*f.subject.name == "gone; reboot").unwrap();
    assert_eq!(gone.fix[0].to_string(), "docker network connect shop 'gone; reboot'");
}
