//! An overlay without a free address, and who is refused for it.

use super::*;
use crate::inventory::NetworkId;

const MISSING: &str = "node is missing network attachments, ip addresses may be exhausted";

/// `shop` is full, and these are refused: an error, how many run, and whether the service is on it.
fn full(refused: &[(&str, usize, bool)]) -> Sample {
    let mut sample = well();
    sample.overlay("shop").heard = true;
    sample.on("shop").subnets[0].used = 254;
    sample.manages(&[(2, true), (3, true)]);
    let shop = sample.on("shop").id.clone();
    let task = |(error, running, is_on): &(&str, usize, bool)| RefusedTask {
        service: "api".into(),
        node: "node-2".into(),
        state: "rejected".into(),
        error: (*error).into(),
        running: *running,
        networks: vec![if *is_on { shop.clone() } else { NetworkId::new("other") }],
    };
    sample.swarm().control.as_mut().unwrap().refused = refused.iter().map(task).collect();
    sample
}

#[test]
fn who_is_refused_for_want_of_an_address_is_told_with_the_network() {
    let alone = &["network-addresses-exhausted shop"][..];
    let both = &["network-addresses-exhausted shop", "swarm-task-rejected api"][..];
    for (refused, expected, severity) in [
        (&[][..], alone, Severity::Ticket),
        (&[(MISSING, 3, true)], alone, Severity::Ticket),
        (&[(MISSING, 0, true)], alone, Severity::Page),
        (&[("could not find an available IP", 1, true)], alone, Severity::Ticket),
        (&[(MISSING, 3, false)], both, Severity::Ticket),
        (&[("No such image: api:1", 3, true)], both, Severity::Ticket),
        (&[("No such image: api:1", 0, true)], both, Severity::Ticket),
    ] {
        let verdict = stood(&full(refused));
        let mut now = told(&verdict);
        now.sort();
        assert_eq!(now, expected, "{refused:?}");
        let one = verdict.findings.iter().find(|one| one.code.as_label() == "network-addresses-exhausted");
        assert_eq!(one.unwrap().severity, severity, "{refused:?}");
    }
    let one = stood(&full(&[(MISSING, 3, true)])).findings.remove(0);
    assert!(
        one.explains.iter().any(|line| *line == format!("service `api`, with 3 running tasks: {MISSING}"))
    );
    let fix: String = one.fix.iter().map(|step| format!("{step:?}")).collect();
    assert!(fix.contains("--driver overlay") && fix.contains("--endpoint-mode dnsrr"), "{fix}");
    // `web` here and two on each of two nodes.
    assert!(one.evidence[1].observed.starts_with("5 containers, 0 services"), "{:?}", one.evidence);
    assert!(one.evidence[1].observed.contains("3 nodes by a load balancer"), "{:?}", one.evidence);
}

/// Another node's task takes the last one for a moment, and a list may be ten seconds old.
#[test]
fn it_has_to_stand_and_of_several_subnets_all_have_to_be_full() {
    let sample = full(&[]);
    let now = sample.snapshot();
    let mut ledger = Ledger::default();
    for ago in [14, 10] {
        let before = Snapshot { at: now.at - Duration::from_secs(ago), ..now.clone() };
        assert!(judge(Arc::new(before), &mut ledger).findings.is_empty());
    }
    let mut sample = full(&[]);
    let mut second = sample.on("shop").subnets[0].clone();
    second.used = 9;
    sample.on("shop").subnets.push(second);
    assert!(stood(&sample).findings.is_empty(), "a Swarm takes an address of either");
    sample.on("shop").overlay = None;
    assert_eq!(faults(&sample), ["network-addresses-exhausted shop"], "and a container here one of both");
    // Refused, and not full by what is known here: it has a step of its own.
    let mut sample = full(&[(MISSING, 3, true)]);
    sample.on("shop").subnets[0].used = 250;
    let one = stood(&sample).findings.remove(0);
    assert_eq!(one.code.as_label(), "swarm-task-rejected");
    assert!(format!("{:?}", one.fix[0]).contains("has no address left"), "{:?}", one.fix);
}
