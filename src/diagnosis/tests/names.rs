//! Names that lead astray, or nowhere.

use std::time::Duration;

use super::*;

#[test]
fn each_name_that_leads_astray_is_one_finding() {
    check(&[
        (
            "silent resolver",
            |s| {
                s.dns("api", "db", TIMEOUT);
                s.dns("api", "web", Outcome::Failure(Reason::Refused));
                s.dns("web", "db", OK);
            },
            &["dns-resolver-unresponsive api"],
        ),
        (
            "one of two queries answered",
            |s| {
                s.dns("api", "db", TIMEOUT);
                s.dns("api", "web", OK);
            },
            &[],
        ),
        (
            "wrong answer",
            |s| {
                s.dns("api", "db", Outcome::Failure(Reason::WrongAnswer)).seen.answers =
                    vec![IpAddr::from([10, 0, 2, 4])];
            },
            &["dns-wrong-answer db"],
        ),
        (
            "an address that is called like a stranger",
            |s| {
                s.dns("api", "db", OK);
                s.ptr("api", "db", Outcome::Failure(Reason::WrongAnswer));
            },
            &["dns-wrong-answer 10.0.2.3"],
        ),
        (
            "a name and its address lead astray",
            |s| {
                s.dns("api", "db", Outcome::Failure(Reason::Nxdomain));
                s.ptr("api", "db", Outcome::Failure(Reason::Nxdomain));
            },
            &["dns-wrong-answer db"],
        ),
        (
            "two workloads, one name, and its wrong answers",
            |s| {
                s.on("shop").endpoints[1].names.push("redis".into());
                s.on("shop").endpoints[2].names.push("Redis".into());
                s.dns("api", "redis", Outcome::Failure(Reason::WrongAnswer));
            },
            &["dns-alias-collision redis"],
        ),
        (
            "one name, however it is written",
            |s| {
                s.on("shop").endpoints[1].names.push("redis.".into());
                s.on("shop").endpoints[2].names.push("Redis".into());
                let asked = Detail::Name("REDIS.".into(), QueryType::A);
                s.probe(key(ProbeKind::Dns, "api", "redis", asked), Outcome::Failure(Reason::WrongAnswer), 3);
            },
            &["dns-alias-collision redis"],
        ),
        (
            "replicas share a name",
            |s| {
                s.on("shop").endpoints[1].names.push("redis".into());
                s.on("shop").endpoints[2].names.push("redis".into());
                s.container("db").workload = "redis".into();
                s.container("web").workload = "redis".into();
            },
            &[],
        ),
    ]);
}

#[test]
fn one_name_in_two_environments_is_two_workloads() {
    let mut sample = shop();
    for (name, environment) in [("api", "production"), ("db", "staging")] {
        let container = sample.container(name).id.clone();
        let made = sample.inventory.containers.get_mut(&container).expect("there");
        made.workload = "api/redis".into();
        made.coolify = Some(crate::inventory::Coolify {
            project: "shop".into(),
            environment: environment.into(),
            resource: "api".into(),
        });
    }
    sample.on("shop").endpoints[0].names.push("redis".into());
    sample.on("shop").endpoints[1].names.push("redis".into());
    let verdict = settled(sample.snapshot(), &mut Ledger::default());
    assert_eq!(told(&verdict), ["dns-alias-collision redis"]);
    // To take the name from one cuts its connections, and which one is a guess: nobody is told that without being told so.
    let last = verdict.findings[0].fix.last().expect("steps");
    assert!(last.to_string().starts_with("only where neither can be done now"), "{last}");
    assert_eq!(last.commands().len(), 2, "{last}");
    assert_eq!(verdict.findings[0].first_command(usize::MAX), "");
}

#[test]
fn one_who_is_told_wrong_among_others_is_the_one_to_look_at() {
    let mut sample = shop();
    sample.dns("web", "db", Outcome::Failure(Reason::WrongAnswer));
    let fix = |sample: &Sample| -> String {
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        let finding = verdict.findings.iter().find(|f| f.code == Code::DnsWrongAnswer).expect("told");
        serde_json::to_string(&finding.fix).expect("JSON")
    };
    assert!(fix(&sample).contains("docker restart db"), "nobody else asks");
    sample.dns("api", "db", OK);
    assert!(fix(&sample).contains("docker restart web"), "{}", fix(&sample));
    assert!(!fix(&sample).contains("docker restart db"), "{}", fix(&sample));
}

#[test]
fn a_task_is_looked_for_by_name_as_long_as_a_young_picture_names_it() {
    const NXDOMAIN: Outcome = Outcome::Failure(Reason::Nxdomain);
    for (what, is_task, seconds, outcome, expected) in [
        ("it is to end in a moment, and nobody says so", true, 4, NXDOMAIN, ""),
        ("it goes on", true, 5, NXDOMAIN, "dns-wrong-answer db"),
        ("no task is", false, 0, NXDOMAIN, "dns-wrong-answer db"),
        ("the Engine asks others for it, who are silent", true, 4, TIMEOUT, ""),
        ("the Engine is the one who is silent", true, 5, TIMEOUT, "dns-resolver-unresponsive api"),
        ("as of no task", false, 0, TIMEOUT, "dns-resolver-unresponsive api"),
    ] {
        let mut sample = shop();
        let since = sample.dns("api", "db", outcome).since;
        sample.container("db").task_of = is_task.then(|| "db".into());
        sample.inventory.taken_at = since + Duration::from_secs(seconds);
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        assert_eq!(told(&verdict).join(", "), expected, "{what}");
        assert_eq!(verdict.pending > 0, expected.is_empty(), "{what}");
    }
}
