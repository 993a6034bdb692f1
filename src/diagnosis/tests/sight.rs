//! What the exporter itself cannot see.

use super::*;

#[test]
fn each_blindness_is_one_finding() {
    check(&[
        (
            "the Engine is the resolver",
            |s| {
                s.dns("api", "db", TIMEOUT);
                s.dns("web", "db", TIMEOUT);
                s.sight.engine = Engine::Down { since: at(1), why: "connection refused".into() };
            },
            &["exporter-blind engine"],
        ),
        (
            "no privilege costs one finding",
            |s| {
                s.sight.namespaces = Some(Err("EPERM".into()));
                s.sight.icmp = Some(Err("EPERM".into()));
                s.sight.socket_diagnostics = Some(Err("EPERM".into()));
                for record in s.probes.values_mut() {
                    record.outcome = BLIND;
                }
            },
            &["exporter-blind network_namespaces"],
        ),
        (
            "a private mount is told while all that is there can be entered",
            |s| s.sight.frozen = Some("mounted private".into()),
            &["exporter-blind network_namespaces"],
        ),
        (
            "a private mount and a container that is missed are one finding",
            |s| {
                s.sight.frozen = Some("mounted private".into());
                s.sight.namespaces = Some(Err("no namespace".into()));
            },
            &["exporter-blind network_namespaces"],
        ),
    ]);
}

#[test]
fn who_cannot_look_neither_hides_a_fault_nor_makes_one() {
    let mut sample = shop();
    sample.mesh(&["db"]);
    let look = |sample: &Sample| told(&settled(sample.snapshot(), &mut Ledger::default()));
    sample.icmp("web", "db", BLIND).successes_in_a_row = 0;
    assert_eq!(look(&sample), ["container-unreachable db"], "never saw it");
    sample.icmp("web", "db", BLIND).successes_in_a_row = 9;
    assert_eq!(look(&sample), ["container-unreachable db"], "saw it before it went blind");
}

#[test]
fn nobody_is_blamed_before_the_engine_was_heard() {
    let mut sample = shop();
    sample.dns("api", "db", TIMEOUT);
    let began = at(100);
    let second = std::time::Duration::from_secs(1);
    let cases = [
        ("asked before the lookups failed", began - second, None, None, false),
        ("asked since", began, None, None, true),
        ("asked since, and just back", began + second, Some(began - second), None, false),
        ("asked since, and back for long", began + second, Some(began - 60 * second), None, true),
        ("its events broke just before", began + second, None, Some(began - second), false),
        (
            "back for long, and its events broke again",
            began + second,
            Some(began - 60 * second),
            Some(began),
            false,
        ),
        ("its events broke long ago", began + second, None, Some(began - 60 * second), true),
    ];
    for (case, asked_at, back_since, broke_at, told_of) in cases {
        sample.sight.engine = Engine::Up { back_since, broke_at, asked_at };
        for record in sample.probes.values_mut() {
            (record.since, record.at) = (began, began + second);
        }
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        assert_eq!(told(&verdict) == ["dns-resolver-unresponsive api"], told_of, "{case}");
        assert_eq!(verdict.pending, usize::from(!told_of), "{case}");
    }
}

#[test]
fn of_a_private_mount_the_finding_says_what_is_seen_and_which_option_mends_it() {
    let mut sample = shop();
    sample.sight.frozen = Some("mounted private".into());
    assert_eq!(sample.sight.enters_namespaces(), Some(false), "though the last visit was good");
    sample.sight.namespaces = Some(Err("x is no namespace".into()));
    let snapshot = sample.snapshot();
    let findings = super::exporter_blind::find(&Scene::of(&snapshot));
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    let observed: Vec<&str> = finding.evidence.iter().map(|e| &*e.observed).collect();
    assert_eq!(observed, ["mounted private", "x is no namespace"]);
    assert!(finding.fix[0].to_string().contains(":ro,rslave"), "{:?}", finding.fix);
}
