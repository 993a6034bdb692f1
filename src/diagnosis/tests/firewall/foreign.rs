//! Rules of somebody else's, that lose what containers send.

use super::*;

#[test]
fn somebody_elses_rule_is_told_where_something_fails_for_it() {
    let reject: fn(&mut Firewall) = |f| {
        named(f, "filter", "FORWARD").rules.as_mut().expect("read").insert(0, all(Action::Reject));
    };
    let policy: fn(&mut Firewall) = |f| {
        let established = Rule { of_connections: true, ..all(Action::Accept) };
        let other = Rule { input: Some("wg0".into()), ..all(Action::Accept) };
        let mut foreign = chain("filter", "forward", Some((Hook::Forward, true)), vec![established, other]);
        foreign.family = Family::Inet;
        f.chains.push(foreign);
    };
    let accepts: fn(&mut Firewall) = |f| {
        let rules = vec![to("filter_FORWARD_POLICIES"), all(Action::Reject)];
        f.chains.push(chain("firewalld", "filter_FORWARD", Some((Hook::Forward, false)), rules));
    };
    let cases: [Filtered<'_>; 11] = [
        ("rejects, and nothing fails", reject, |_| {}, &[]),
        ("rejects", reject, |s| outside(s, TIMEOUT), &[BLOCKING]),
        ("rejects neighbours", reject, alone, &[BLOCKING]),
        ("a policy", policy, |s| outside(s, TIMEOUT), &[BLOCKING]),
        ("a policy, and nothing fails", policy, |_| {}, &[]),
        (
            "an Engine with a table of its own, under the policy of iptables",
            |f| {
                f.chains.retain(|chain| chain.name == "FORWARD");
                empty(f, "filter", "FORWARD");
                for (name, hook) in [("filter-FORWARD", Hook::Forward), ("nat-PREROUTING", Hook::Prerouting)]
                {
                    let rules = vec![all(Action::Other)];
                    f.chains.push(chain("docker-bridges", name, Some((hook, false)), rules));
                }
            },
            |s| outside(s, TIMEOUT),
            &[BLOCKING],
        ),
        (
            "firewalld accepts, and the Internet is away",
            accepts,
            |s| outside(s, TIMEOUT),
            &["egress-blocked host"],
        ),
        (
            "the one container that fails has another reason",
            policy,
            |s| {
                let detail = Detail::Address([192, 0, 2, 1].into());
                s.probe(key(ProbeKind::IcmpExternal, "db", "192.0.2.1", detail), TIMEOUT, 3);
            },
            &["egress-blocked db"],
        ),
        (
            "bridged packets pass by",
            reject,
            |s| {
                host(s).bridge_netfilter = Some(false);
                alone(s);
            },
            &["container-unreachable api", "container-unreachable db", "container-unreachable web"],
        ),
        ("somebody gets through", reject, |s| s.mesh(&["web"]), &["container-unreachable web"]),
        (
            "somebody gets through since it was read",
            reject,
            |s| {
                s.mesh(&["web"]);
                filter(s).read_at = Some(at(50));
            },
            &[BLOCKING],
        ),
    ];
    for (name, now, breaks, expected) in cases {
        let mut sample = town(now);
        breaks(&mut sample);
        assert_eq!(faults(&sample), *expected, "{name}");
    }
    let mut sample = town(policy);
    outside(&mut sample, TIMEOUT);
    let verdict = verdict(&sample);
    let summary = &verdict.findings[0].summary;
    assert!(summary.contains("chain forward of table inet filter: its policy drops"), "{summary}");
    let bridges = r#"nft insert rule inet filter forward iifname '{ "br-shop", "br-blog" }' accept"#;
    assert_eq!(verdict.findings[0].fix[0].commands()[0], bridges);
}

/// Where nothing outside is tried, neighbours tell.
#[test]
fn a_rule_of_somebody_elses_is_told_until_a_neighbour_gets_through() {
    let mut sample = town(|f| {
        named(f, "filter", "FORWARD").rules.as_mut().expect("read").insert(0, all(Action::Drop));
    });
    sample.probes.retain(|key, _| key.kind != ProbeKind::IcmpExternal);
    alone(&mut sample);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [BLOCKING]);
    let failing = sample.probes.clone();
    for record in sample.probes.values_mut() {
        record.outcome = Outcome::Unknown(Blindness::Overrun);
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [BLOCKING]);
    sample.probes = failing;
    for source in ["api", "db", "web"] {
        for target in ["api", "db", "web"] {
            if source != target {
                sample.icmp(source, target, OK);
                sample.tcp(source, target, 80, OK);
            }
        }
    }
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
}
