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
