//! Names that lead astray, or nowhere.

use std::time::Duration;

use super::*;
use crate::diagnosis::sample::{at as at_, swarm};
use crate::inventory::swarm::{Elsewhere, Peer};

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

/// `cache` of this host with that alias, `look` beside it, and on another node this container.
fn cache(elsewhere: &str) -> Sample {
    let mut sample = Sample::shop(&["cache-2", "look"]);
    sample.spans("shop");
    sample.on("shop").endpoints[0].names.push("cache".into());
    let (address, at) = (swarm::node(3), swarm::away(3, 1));
    let name = format!("{elsewhere}@{address}").into();
    let task = Elsewhere { name, workload: elsewhere.into(), address: at, ports: Vec::new() };
    sample.overlay("shop").peers.push(Peer { address, tasks: vec![task], lost: None });
    sample.inventory.taken_at = at_(45);
    sample
}

/// The name `cache`, answered so.
fn answers(sample: &mut Sample, outcome: Outcome, answers: &[IpAddr]) {
    let asked = Detail::Name("cache".into(), QueryType::A);
    sample.probe(key(ProbeKind::Dns, "look", "cache-2", asked), outcome, 3).seen.answers = answers.to_vec();
}

const OWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 2, 2));

#[test]
fn a_name_that_is_shared_with_another_node_is_no_wrong_answer() {
    const WRONG: Outcome = Outcome::Failure(Reason::WrongAnswer);
    let there = swarm::away(3, 1);
    let stranger = swarm::away(9, 9);
    let collision = "dns-alias-collision cache";
    let wrong = "dns-wrong-answer cache";
    for (what, elsewhere, outcome, answered, taken_at, expected) in [
        ("its replica", "cache-3", OK, vec![there, OWN], 45, ""),
        ("another deployment of it", "cache-20260101", OK, vec![OWN, there], 45, ""),
        ("another workload", "proxy", OK, vec![there, OWN], 45, collision),
        ("one that ends in a number by itself", "cache3", OK, vec![OWN, there], 45, collision),
        ("a number is no name", "2", OK, vec![OWN, there], 45, collision),
        ("nobody is asked for twice", "proxy", OK, vec![there], 45, ""),
        ("whose it is nobody knows", "proxy", WRONG, vec![OWN, stranger], 45, wrong),
        (
            "it has started since the answer was held against a picture",
            "cache-3",
            WRONG,
            vec![there, OWN],
            45,
            "",
        ),
        ("another's alone", "cache-3", WRONG, vec![there], 45, wrong),
        ("the picture is as old as that", "cache-3", WRONG, vec![OWN, stranger], 34, ""),
        ("it was not asked for since the picture", "cache-3", WRONG, vec![OWN, stranger], 61, ""),
    ] {
        let mut sample = cache(elsewhere);
        answers(&mut sample, outcome, &answered);
        sample.inventory.taken_at = at_(taken_at);
        assert_eq!(told(&agreed(&sample)).join(", "), expected, "{what}");
    }
    // Of a table that was cut nobody knows what is not in it.
    let mut sample = cache("cache-3");
    answers(&mut sample, WRONG, &[OWN, stranger]);
    sample.overlay("shop").is_cut = true;
    assert_eq!(told(&agreed(&sample)), [""; 0]);
}

/// The verdict once another picture says the same.
fn agreed(sample: &Sample) -> Verdict {
    let mut ledger = Ledger::default();
    let before = Snapshot { at: sample.inventory.taken_at - Duration::from_secs(1), ..sample.snapshot() };
    judge(Arc::new(before), &mut ledger);
    judge(Arc::new(sample.snapshot()), &mut ledger)
}

#[test]
fn what_a_wrong_answer_holds_is_told_in_one_order() {
    let summary = |answered: &[IpAddr]| {
        let mut sample = cache("proxy");
        answers(&mut sample, Outcome::Failure(Reason::WrongAnswer), answered);
        let finding = agreed(&sample).findings.remove(0);
        (finding.summary, finding.evidence.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>())
    };
    let (one, other) = (swarm::away(9, 9), swarm::away(9, 8));
    assert_eq!(summary(&[one, OWN, other]), summary(&[other, one, OWN]));
}

#[test]
fn a_name_that_services_share_is_told_until_it_is_answered_otherwise() {
    let mut sample = cache("unused");
    let two = [swarm::away(2, 1), swarm::away(3, 2)];
    for (name, address) in [("s1_web", two[0]), ("s2_web", two[1])] {
        sample.service(name, &[address], None);
    }
    let asked = |sample: &mut Sample, name: &str, outcome: Outcome, answers: &[IpAddr]| {
        let detail = Detail::Name(name.into(), QueryType::A);
        sample.probe(key(ProbeKind::Dns, "look", name, detail), outcome, 3).seen.answers = answers.to_vec();
    };
    asked(&mut sample, "tasks.web", OK, &two);
    asked(&mut sample, "tasks.s1_web", OK, &two[..1]);
    let web = ["dns-alias-collision web"];
    let mut ledger = Ledger::default();
    // One picture alone: the address may have changed hands since the answer.
    assert_eq!(told(&judge(Arc::new(sample.snapshot()), &mut ledger)), [""; 0]);
    sample.inventory.taken_at = at_(61);
    let verdict = judge(Arc::new(sample.snapshot()), &mut ledger);
    assert_eq!(told(&verdict), web);
    let finding = &verdict.findings[0];
    assert!(finding.summary.contains("2 workloads (`s1_web`, `s2_web`)"), "{}", finding.summary);
    assert!(finding.fix[0].to_string().contains("s1_web or s2_web"), "{}", finding.fix[0]);
    assert!(finding.fix.iter().all(|step| step.commands().is_empty()), "{:?}", finding.fix);
    assert!(format!("{:?}", finding.verify).contains("nslookup web"), "{:?}", finding.verify);
    let blind = Outcome::Unknown(crate::outcome::Blindness::NoPrivilege);
    for (what, outcome, answers, expected) in [
        ("nobody can look", blind, vec![], 1),
        ("its order is no news", OK, vec![two[1], two[0]], 1),
        ("it is one's alone", OK, vec![two[0]], 0),
        ("both have it again", OK, two.to_vec(), 0),
        ("and by two pictures", OK, two.to_vec(), 1),
        ("it is no name any more", Outcome::Failure(Reason::Nxdomain), vec![], 0),
    ] {
        asked(&mut sample, "tasks.web", outcome, &answers);
        sample.inventory.taken_at += Duration::from_secs(10);
        let now = Snapshot { at: sample.inventory.taken_at + Duration::from_secs(1), ..sample.snapshot() };
        assert_eq!(judge(Arc::new(now), &mut ledger).findings.len(), expected, "{what}");
    }
}

#[test]
fn a_plain_container_that_took_a_services_name_is_another_workload() {
    let mut sample = cache("unused");
    let service = [swarm::away(2, 1), swarm::away(3, 2)];
    sample.service("cache", &service, None);
    answers(&mut sample, OK, &[service[0], OWN, service[1]]);
    // Its own tasks are its own, on this host too.
    let verdict = agreed(&sample);
    assert_eq!(told(&verdict), ["dns-alias-collision cache"]);
    let finding = &verdict.findings[0];
    assert!(finding.summary.contains("(`cache`, `cache-2`)"), "{}", finding.summary);
    let take = finding.fix.last().expect("steps").commands().join("; ");
    assert!(take.contains("cache-2"), "{take}");
    sample.container("cache-2").task_of = Some("cache".into());
    sample.container("cache-2").workload = "cache".into();
    assert_eq!(told(&agreed(&sample)), [""; 0]);
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
