//! Names that lead to tasks that are gone.

use super::*;

/// `api` with a task on each node, of which the managers know the first; and what is at the other's address.
pub(super) fn stale(outcome: Outcome) -> Sample {
    let mut sample = well();
    sample.manages(&[(2, true), (3, true)]);
    sample.overlay("shop").peers.pop();
    sample.peer("shop", 3, 1);
    sample.over("shop", node(3), outcome);
    sample.service("api", &[away(2, 1), away(3, 1)], Some(&[away(2, 1)]));
    sample
}

/// By the managers these tasks of it run.
fn listed(sample: &mut Sample, running: Option<Vec<IpAddr>>) {
    let service = &mut sample.overlay("shop").services[0];
    (service.running, service.listed) = (running.clone(), running);
}

#[test]
fn an_address_is_stale_that_no_running_task_has_and_where_nobody_answers() {
    let api = ["swarm-stale-tasks api"];
    assert_eq!(
        faults(&stale(TIMEOUT)),
        api,
        "and the node that has nothing else is not called broken for it"
    );
    assert_eq!(faults(&stale(OK)), [""; 0], "somebody answers: the managers are behind");
    assert_eq!(faults(&stale(BLIND)), [""; 0]);
    let otherwise = |change: fn(&mut Sample)| {
        let mut sample = stale(TIMEOUT);
        change(&mut sample);
        faults(&sample)
    };
    assert_eq!(otherwise(|s| s.inventory.taken_at = at(20)), [""; 0], "the picture is older than that");
    assert_eq!(otherwise(|s| listed(s, None)), [""; 0], "nobody says which tasks run");
    assert_eq!(
        otherwise(|s| listed(s, Some(vec![away(2, 1), away(3, 1)]))),
        [""; 0],
        "it runs, and may be one that drops echoes"
    );
    // Nothing gets to a node at all: that is what is told.
    let whole = |is_ready| {
        let mut sample = stale(TIMEOUT);
        sample.manages(&[(2, true), (3, is_ready)]);
        sample.overlay("shop").peers.pop();
        sample.peer("shop", 3, 3);
        sample.over("shop", node(3), TIMEOUT);
        faults(&sample)
    };
    assert_eq!(whole(true), ["swarm-data-path-broken 198.51.100.3"]);
    assert_eq!(whole(false), ["swarm-data-path-broken 198.51.100.3"]);
    assert_eq!(
        otherwise(|s| s.manages(&[(2, true), (3, false)])),
        [""; 0],
        "of a node that they do not hear of managers know nothing"
    );
    // The node was removed, and its entry stays.
    assert_eq!(otherwise(|s| s.manages(&[(2, true)])), api);
}

#[test]
fn what_is_said_of_stale_addresses_is_what_was_seen() {
    let finding = only(&stale(TIMEOUT));
    assert!(finding.summary.contains("1 of 2 addresses behind `api`"), "{}", finding.summary);
    assert!(finding.summary.contains("10.0.2.31"), "{}", finding.summary);
    let evidence: Vec<String> = finding.evidence.iter().map(|one| format!("{one:?}")).collect();
    assert!(evidence.iter().any(|one| one.contains("echo to 10.0.2.31")), "{evidence:?}");
    assert_eq!((finding.explains.len(), finding.since), (1, at(30)));
    // By a worker: a name was answered with what its gossip does not know. Nothing was sent there.
    let mut sample = well();
    sample.service("api", &[away(2, 1)], None);
    sample.overlay("shop").services[0].astray = vec![away(7, 7)];
    let finding = only(&sample);
    assert_eq!((finding.code.as_label(), &*finding.subject.name), ("swarm-stale-tasks", "api"));
    let evidence: Vec<String> = finding.evidence.iter().map(|one| format!("{one:?}")).collect();
    assert!(
        evidence.iter().any(|one| one.contains("tasks.api") && one.contains("10.0.2.77")),
        "{evidence:?}"
    );
    assert!(evidence.iter().all(|one| !one.contains("echo") && !one.contains("managers")), "{evidence:?}");
}

#[test]
fn a_stale_address_is_told_until_it_is_gone_runs_or_answers() {
    let api = ["swarm-stale-tasks api"];
    let then = |change: fn(&mut Sample)| {
        let mut ledger = Ledger::default();
        let mut sample = stale(TIMEOUT);
        assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), api);
        change(&mut sample);
        told(&settled(sample.snapshot(), &mut ledger))
    };
    assert_eq!(then(|s| s.over("shop", node(3), BLIND)), api, "nobody can look");
    assert_eq!(
        then(|s| s.probes.retain(|key, _| !key.target.contains(".100.3"))),
        api,
        "nor does, for a moment"
    );
    let quorum = |s: &mut Sample| {
        listed(s, None);
        s.over("shop", node(3), BLIND);
    };
    assert_eq!(then(quorum), api, "managers say nothing any more");
    assert_eq!(then(|s| s.overlay("shop").services[0].running = None), api, "nor do they for a moment");
    assert_eq!(then(|s| s.over("shop", node(3), OK)), [""; 0], "it answers");
    let forgotten = |s: &mut Sample| {
        s.overlay("shop").services[0].addresses = vec![away(2, 1)];
        s.overlay("shop").peers[1].tasks.clear();
    };
    assert_eq!(then(forgotten), [""; 0]);
    let removed = |s: &mut Sample| {
        s.overlay("shop").services.clear();
        s.overlay("shop").peers[1].tasks.clear();
    };
    assert_eq!(then(removed), [""; 0], "the service is gone");
    assert_eq!(then(|s| s.on("shop").overlay = None), [""; 0]);
    let runs = |s: &mut Sample| {
        listed(s, Some(vec![away(2, 1), away(3, 1)]));
        s.over("shop", node(3), OK);
    };
    assert_eq!(then(runs), [""; 0]);
    // What was answered by name alone, to a worker, ends with the next answer.
    let mut ledger = Ledger::default();
    let mut sample = well();
    sample.service("api", &[away(2, 1)], None);
    for (astray, expected) in [(vec![away(7, 7)], 1), (vec![], 0)] {
        sample.overlay("shop").services[0].astray = astray;
        assert_eq!(settled(sample.snapshot(), &mut ledger).findings.len(), expected);
    }
}
