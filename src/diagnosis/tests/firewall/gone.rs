//! Rules of the Engine's that are gone.

use super::*;

#[test]
fn rules_of_the_engine_that_are_gone_are_one_finding_whatever_fails_for_it() {
    let cases: [Filtered<'_>; 15] = [
        ("all is well", |_| {}, |_| {}, &[]),
        (
            "nobody gets out, and the rules are there",
            |_| {},
            |s| outside(s, TIMEOUT),
            &["egress-blocked host"],
        ),
        ("flushed, and nobody noticed yet", flush, |_| {}, &[MISSING]),
        (
            "flushed, and everything fails",
            flush,
            |s| {
                outside(s, TIMEOUT);
                published(s, 1, &TIMEOUT);
                alone(s);
            },
            &[MISSING],
        ),
        ("all of it is gone", |f| f.chains.clear(), |s| outside(s, TIMEOUT), &[MISSING]),
        ("all of it is gone, and nobody tries", |f| f.chains.clear(), |_| {}, &[MISSING]),
        ("two ports", |f| empty(f, "nat", "OUTPUT"), |s| published(s, 2, &TIMEOUT), &[MISSING]),
        (
            "the chain of ports is empty, and nothing is published",
            |f| named(f, "nat", "DOCKER").uses = 2,
            |_| {},
            &[],
        ),
        (
            "the chain of ports is empty",
            |f| named(f, "nat", "DOCKER").uses = 2,
            |s| published(s, 5, &TIMEOUT),
            &[MISSING],
        ),
        ("no address is translated", |f| empty(f, "nat", "POSTROUTING"), |s| outside(s, TIMEOUT), &[MISSING]),
        ("no address is translated, and all get out", |f| empty(f, "nat", "POSTROUTING"), |_| {}, &[]),
        (
            "somebody else may translate",
            |f| {
                empty(f, "nat", "POSTROUTING");
                f.chains.push(chain(
                    "mine",
                    "out",
                    Some((Hook::Postrouting, false)),
                    vec![all(Action::Other)],
                ));
            },
            |s| outside(s, TIMEOUT),
            &["egress-blocked host"],
        ),
        (
            "too many rules to read",
            |f| named(f, "filter", "FORWARD").rules = None,
            |s| outside(s, TIMEOUT),
            &["egress-blocked host"],
        ),
        (
            "it cannot be read",
            flush,
            |s| {
                (host(s).firewall, host(s).firewall_unread) = (None, Some("CAP_NET_ADMIN is missing".into()));
                outside(s, TIMEOUT);
            },
            &["egress-blocked host"],
        ),
        (
            "Podman has rules of its own",
            |f| f.chains.clear(),
            |s| {
                s.inventory.engine.podman = true;
                outside(s, TIMEOUT);
            },
            &["egress-blocked host"],
        ),
    ];
    for (name, now, breaks, expected) in cases {
        let mut sample = town(now);
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
}

#[test]
fn what_is_gone_is_told_by_name_with_what_it_means() {
    let mut sample = town(flush);
    outside(&mut sample, TIMEOUT);
    alone(&mut sample);
    let verdict = verdict(&sample);
    let [finding] = verdict.findings.as_slice() else { panic!("{:#?}", verdict.findings) };
    assert_eq!(finding.severity, Severity::Page);
    assert!(
        finding.summary.starts_with("A part of the Engine's firewall rules is gone (FORWARD leads to none"),
        "{}",
        finding.summary
    );
    assert!(finding.summary.contains("DOCKER-ISOLATION-STAGE-1"), "{}", finding.summary);
    assert!(
        finding.summary.contains("containers on `shop`, `blog` get no answer from outside"),
        "{}",
        finding.summary
    );
    assert_eq!(finding.fix[0].commands(), ["systemctl restart docker"]);
    assert!(finding.fix[0].to_string().contains("with live-restore they run on"), "{:?}", finding.fix);
    assert_eq!(finding.first_command(usize::MAX), "", "what it costs is told with it or it is not told");
    assert!(finding.explains.iter().any(|line| line.starts_with("icmp_external")), "{:?}", finding.explains);
}

/// One look, and nothing fails: whoever took them away may be about to have them written anew.
#[test]
fn for_a_moment_they_may_be_gone() {
    let mut sample = town(flush);
    filter(&mut sample).lacking_since = Some(at(52));
    assert_eq!(faults(&sample), [""; 0]);
    outside(&mut sample, TIMEOUT);
    assert_eq!(faults(&sample), [MISSING], "somebody is hit");
}

/// `"iptables": false`: there never were any.
#[test]
fn an_engine_that_writes_no_rules_is_not_told_of_what_fails_not() {
    let mut sample = town(|f| f.chains.clear());
    filter(&mut sample).whole_at = None;
    assert_eq!(faults(&sample), [""; 0]);
    filter(&mut sample).whole_at = Some(at(10));
    sample.sight.engine = Engine::Up { back_since: Some(at(15)), broke_at: None, asked_at: at(1_000_000) };
    assert_eq!(faults(&sample), [""; 0], "it was started anew, perhaps to write none");
    sample.sight.engine = Engine::Up { back_since: Some(at(50)), broke_at: None, asked_at: at(1_000_000) };
    filter(&mut sample).read_at = Some(at(49));
    assert_eq!(faults(&sample), [MISSING], "nobody looked since it was");
    filter(&mut sample).read_at = Some(at(60));
    filter(&mut sample).legacy = true;
    outside(&mut sample, TIMEOUT);
    assert_eq!(faults(&sample), ["egress-blocked host"], "they are where nobody reads");
}

#[test]
fn an_engine_that_starts_takes_its_rules_down_itself() {
    let mut sample = town(flush);
    filter(&mut sample).lacking_since = Some(at(40));
    sample.sight.engine = Engine::Down { since: at(38), why: "gone".into() };
    assert_eq!(faults(&sample), ["exporter-blind engine"]);
    sample.sight.engine = Engine::Up { back_since: Some(at(39)), broke_at: None, asked_at: at(1_000_000) };
    let before = Snapshot { at: at(45), ..sample.snapshot() };
    assert_eq!(told(&settled(before, &mut Ledger::default())), [""; 0], "it is just back");
    assert_eq!(faults(&sample), [MISSING], "and still there are none");
    filter(&mut sample).lacking_since = Some(at(30));
    sample.sight.engine = Engine::Down { since: at(38), why: "gone".into() };
    assert_eq!(faults(&sample), ["exporter-blind engine", MISSING], "they were gone before");
}

#[test]
fn what_keeps_networks_apart_is_a_ticket() {
    let mut sample = town(|f| {
        let forward = named(f, "filter", "FORWARD");
        forward.rules.as_mut().expect("read").remove(1);
    });
    let key = ProbeKey {
        destination: "shop".into(),
        kind: ProbeKind::Isolation,
        source: "api".into(),
        target: "blog/cms".into(),
        detail: Detail::Port([10, 0, 3, 2].into(), 80),
    };
    sample.probe(key, Outcome::Failure(Reason::Reachable), 3);
    let verdict = verdict(&sample);
    assert_eq!(told(&verdict), [MISSING]);
    assert_eq!(verdict.findings[0].severity, Severity::Ticket);
    assert!(
        verdict.findings[0].summary.contains("FORWARD does not lead to DOCKER-ISOLATION-STAGE-1"),
        "{}",
        verdict.findings[0].summary
    );
    assert!(
        verdict.findings[0].summary.ends_with("nothing keeps networks apart."),
        "{}",
        verdict.findings[0].summary
    );
}
