//! `domain-points-elsewhere`: who asks for the domain does not come here.
//!
//! Told only where the operator says which addresses are this server's (`routes.addresses`): behind NAT, a tunnel or a
//! content network a domain leads elsewhere by intent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::diagnosis::scene::{Look, Scene};
use crate::diagnosis::words::{draft, few, saw, sh};
use crate::diagnosis::{Code, Finding, Step};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};

pub(in crate::diagnosis) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let own: BTreeSet<IpAddr> = scene.snapshot.own.public_addresses.iter().copied().collect();
    let Some(inventory) = scene.inventory.filter(|_| !own.is_empty()) else { return Vec::new() };
    let domains: BTreeSet<(&str, &str)> = inventory
        .routes
        .served
        .iter()
        .filter_map(|route| Some((route.destination.as_deref()?, &*route.domain)))
        .collect();
    let mut looks: BTreeMap<(&str, &str), Vec<Look<'_>>> = BTreeMap::new();
    for (key, record) in scene.everywhere(ProbeKind::DnsExternal) {
        let of = (&*key.destination, &*key.target);
        if domains.contains(&of) {
            looks.entry(of).or_default().push((key, record));
        }
    }
    looks.into_iter().filter_map(|(of, looks)| tell(scene, of, &looks, &own)).collect()
}

fn is_answered((_, record): &Look<'_>) -> bool {
    matches!(record.outcome, Outcome::Success(_)) || record.outcome.reason() == Some(Reason::EmptyAnswer)
}

/// Whether a finding that the rule does not see any more still holds: the domain is served, it is still asked where it
/// leads, and the resolver does not say.
pub(in crate::diagnosis) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let of_it = |key: &ProbeKey| {
        Some(&key.destination) == finding.destination.as_ref() && key.target == finding.subject.name
    };
    let is_served = scene.walks.iter().any(|walk| walk.route.domain == finding.subject.name);
    let mut looks = scene.everywhere(ProbeKind::DnsExternal).filter(|(key, _)| of_it(key)).peekable();
    is_served && looks.peek().is_some() && !looks.all(|look| is_answered(&look))
}

fn tell(
    scene: &Scene<'_>,
    (destination, domain): (&str, &str),
    looks: &[Look<'_>],
    own: &BTreeSet<IpAddr>,
) -> Option<Finding> {
    // A name of which one kind of address could not be asked for may lead here by that.
    if !looks.iter().all(is_answered) {
        return None;
    }
    let answers: BTreeSet<IpAddr> =
        looks.iter().flat_map(|(_, record)| record.seen.answers.iter().copied()).collect();
    if answers.is_empty() || !answers.is_disjoint(own) {
        return None;
    }
    let since = looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let name: Arc<str> = domain.into();
    let mut finding = draft(Code::DomainPointsElsewhere, "domain", &name, since);
    finding.destination = Some(destination.into());
    let told = few(answers.iter().map(ToString::to_string));
    finding.summary = format!("{domain} leads to {told}, which is none of this server's addresses.");
    let source = looks.first().map_or_else(String::new, |(key, _)| format!("DNS, asked from {}", key.source));
    let expected = few(own.iter().map(ToString::to_string));
    finding.evidence = vec![saw(source, told, &expected)];
    finding.fix = vec![
        Step::prose(
            "have the domain's A and AAAA records name this server, at whoever hosts its DNS; a change takes as long as the old record's TTL",
        ),
        Step::prose(
            "where a content network or a tunnel stands before it by intent: name its addresses in routes.addresses too, or leave that setting empty",
        ),
    ];
    finding.verify = vec![format!("dig +short {0} A; dig +short {0} AAAA", sh(domain))];
    Some(finding)
}
