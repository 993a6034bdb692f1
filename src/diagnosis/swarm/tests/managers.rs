//! What managers say, and whether they can.

use super::*;

#[test]
fn what_managers_say() {
    let refused = |state: &str, error: &str, running| RefusedTask {
        service: "api".into(),
        node: "node-2".into(),
        state: state.into(),
        error: error.into(),
        running,
        networks: Vec::new(),
    };
    for (state, error, running, severity, words) in [
        ("rejected", "No such image: api:1", 0, Severity::Page, "docker login"),
        (
            "rejected",
            "invalid mount config for type \"bind\": bind source path does not exist: /x",
            1,
            Severity::Ticket,
            "bind mount",
        ),
        ("failed", "task: non-zero exit (1)", 2, Severity::Ticket, "on that node"),
        ("pending", "no suitable node (insufficient resources on 3 nodes)", 0, Severity::Page, "constraints"),
        ("rejected", "network sandbox join failed: vxlan interface: file exists", 0, Severity::Page, "vxlan"),
        ("rejected", "could not find an available IP while allocating VIP", 1, Severity::Ticket, "--subnet"),
        (
            "rejected",
            "node is missing network attachments, ip addresses may be exhausted",
            9,
            Severity::Ticket,
            "--subnet",
        ),
        ("rejected", "network mesh not found", 0, Severity::Page, "--attachable"),
    ] {
        let mut sample = well();
        sample.manages(&[(2, true), (3, true)]);
        sample.swarm().control.as_mut().unwrap().refused = vec![refused(state, error, running)];
        let finding = stood(&sample).findings.remove(0);
        assert_eq!((finding.code.as_label(), &*finding.subject.name), ("swarm-task-rejected", "api"));
        assert_eq!(finding.severity, severity, "{error}");
        let fix: String = finding.fix.iter().map(|step| format!("{step:?}")).collect();
        assert!(fix.contains(words), "{words} in {fix}");
        assert!(finding.summary.contains(error), "{}", finding.summary);
    }
}

#[test]
fn managers_that_cannot_decide() {
    let leaderless = "nodes: rpc error: code = Unknown desc = The swarm does not have a leader.";
    for (what, change, expected) in [
        ("a worker says nothing of it", (|_| ()) as fn(&mut Sample), None),
        ("well", |s: &mut Sample| s.manages(&[(2, true)]), None),
        ("locked", |s| s.swarm().state = "locked".into(), Some((Severity::Page, "locked manager"))),
        (
            "it has no part in it",
            |s| (s.swarm().state, s.swarm().error) = ("error".into(), Some("certificate has expired".into())),
            Some((Severity::Page, "certificate has expired")),
        ),
        (
            "another error than that nobody leads",
            |s| {
                s.manages(&[(2, true)]);
                s.swarm().control_error = Some("tasks: status 403".into());
            },
            None,
        ),
        (
            "one of three is away",
            |s| {
                s.manages(&[(2, true), (3, false)]);
                let control = s.swarm().control.as_mut().unwrap();
                control.managers = (3, 2);
                control.nodes[1].is_manager = true;
            },
            Some((Severity::Ticket, "(not node-3 (198.51.100.3)): one more lost")),
        ),
        (
            "half of four are away: who leads has not noticed yet",
            |s| {
                s.manages(&[(2, true)]);
                s.swarm().control = Some(Control { managers: (4, 2), ..Control::default() });
            },
            Some((Severity::Page, "no quorum")),
        ),
        (
            "one of five is away",
            |s| {
                s.manages(&[(2, true)]);
                s.swarm().control = Some(Control { managers: (5, 4), ..Control::default() });
            },
            Some((Severity::Ticket, "fewer than it was made for")),
        ),
    ] {
        let mut sample = well();
        change(&mut sample);
        let verdict = stood(&sample);
        let found = verdict.findings.first().map(|finding| (finding.severity, finding.summary.clone()));
        assert_eq!(found.is_some(), expected.is_some(), "{what}: {found:?}");
        if let (Some((severity, summary)), Some((wanted, words))) = (found, expected) {
            assert_eq!(severity, wanted, "{what}");
            assert!(summary.contains(words), "{what}: {summary}");
        }
    }
    for error in [leaderless, "nodes: deadline exceeded", "nodes: no complete answer within 2s", "no quorum"]
    {
        let mut sample = well();
        sample.manages(&[(2, true)]);
        sample.swarm().control_error = Some(error.into());
        let finding = stood(&sample).findings.remove(0);
        assert_eq!(
            (finding.code.as_label(), finding.severity),
            ("swarm-no-quorum", Severity::Page),
            "{error}"
        );
        assert!(finding.summary.contains("no quorum"), "{}", finding.summary);
    }
}

/// One fault, one finding: who hears nobody does not know whether the others have a leader.
#[test]
fn a_manager_that_hears_nobody_is_cut_off_and_says_nothing_of_the_others_quorum() {
    let leaderless = "nodes: rpc error: code = Unknown desc = The swarm does not have a leader.";
    let mut sample = well();
    sample.manages(&[(2, true), (3, true)]);
    sample.swarm().control_error = Some(leaderless.into());
    sample.swarm().control.as_mut().unwrap().managers = (3, 3);
    // It hears the others: two of three may be at odds with each other, and it cannot know.
    let finding = stood(&sample).findings.remove(0);
    assert!(finding.summary.contains("no quorum, as far as this one sees"), "{}", finding.summary);
    let first = finding.fix.first().map(|step| format!("{step:?}")).unwrap_or_default();
    assert!(first.contains("on each other manager") && first.contains("docker node ls"), "{first}");
    // It hears one of them.
    sample.beside("shop", node(2), TIMEOUT, TIMEOUT);
    sample.over("shop", node(2), TIMEOUT);
    assert!(faults(&sample).contains(&"swarm-data-path-broken 198.51.100.2".to_owned()));
    // It hears nobody.
    sample.beside("shop", node(3), TIMEOUT, TIMEOUT);
    sample.over("shop", node(3), TIMEOUT);
    let finding = only(&sample);
    assert_eq!(&*finding.subject.name, "198.51.100.1");
    assert!(finding.summary.contains("as a manager it decides nothing"), "{}", finding.summary);
    assert!(finding.evidence.iter().any(|saw| saw.observed.contains("does not have a leader")));
    assert!(!format!("{:?}", finding.fix).contains("force-new-cluster"));
}

/// The majority's side: that the node is away is told once, with what is left, and with what takes a manager out.
#[test]
fn a_manager_that_is_out_of_reach_is_one_finding_and_is_demoted_before_it_is_removed() {
    let mut sample = well();
    sample.manages(&[(2, true), (3, false)]);
    let control = sample.swarm().control.as_mut().unwrap();
    (control.managers, control.nodes[1].is_manager) = ((3, 2), true);
    let alone = stood(&sample).findings.remove(0);
    assert_eq!(alone.code.as_label(), "swarm-no-quorum", "nobody else tells it");
    assert!(format!("{:?}", alone.fix).contains("docker node demote n3"), "{:?}", alone.fix);
    sample.beside("shop", node(3), TIMEOUT, TIMEOUT);
    sample.over("shop", node(3), TIMEOUT);
    let finding = only(&sample);
    assert_eq!(finding.code.as_label(), "swarm-data-path-broken");
    let commands: Vec<&String> = finding.fix.iter().flat_map(crate::diagnosis::Step::commands).collect();
    assert!(
        commands.ends_with(&[&"docker node demote n3".to_owned(), &"docker node rm --force n3".to_owned()])
    );
    assert!(finding.evidence.iter().any(|saw| saw.observed == "2 of 3 reachable"));
}
