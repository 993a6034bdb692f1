//! `dns-resolver-unresponsive`: a container's own resolver gives no answer.

use std::sync::Arc;

use crate::inventory::{Destination, Endpoint};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::Record;

use super::scene::{Look, Places, Scene, Way, fails};
use super::words::{container, draft, few, from_inside, listed, quoted, saw, symptom};
use super::{Code, Finding, Step};

/// Containers of which every query to their own resolver goes unanswered. One finding a container,
/// however many destinations it joins: it has one resolver.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // The Engine is the resolver: when it is down, that is the finding.
    if scene.engine_down() {
        return Vec::new();
    }
    let silent = |places: &Places<'_>| {
        let runs = silent(scene, places)?;
        let is_clear = is_clear(scene, places, &runs);
        (is_clear && !is_symptom(scene, places, &runs)).then_some(runs)
    };
    scene
        .places
        .values()
        .filter_map(|at| Some((at, silent(at)?)))
        .filter_map(|(at, r)| tell(scene, at, &r))
        .collect()
}

/// How many containers' resolvers are silent while it is not known yet whether the Engine is, or the container's
/// whole network.
pub(super) fn pending(scene: &Scene<'_>) -> usize {
    if scene.engine_down() {
        return 0;
    }
    let silent =
        |places: &Places<'_>| silent(scene, places).is_some_and(|runs| !is_clear(scene, places, &runs));
    scene.places.values().filter(|at| silent(at)).count()
}

/// What the Engine does not know it asks others for, who may well be silent.
fn is_clear(scene: &Scene<'_>, places: &Places<'_>, runs: &[Look<'_>]) -> bool {
    vouched(scene, runs)
        && weighed(scene, places, runs)
        && runs.iter().any(|look| scene.is_still_named(*look))
}

/// True where the container has looked at each of its peers since its resolver fell silent, and once more where they
/// fell silent too: a handshake that nobody answers takes longer than a lookup.
fn weighed(scene: &Scene<'_>, places: &Places<'_>, runs: &[Look<'_>]) -> bool {
    let since = runs.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let mut walks = places.iter().flat_map(|(d, e)| scene.walks_of(&d.name, &e.name));
    walks.all(|(_, record)| record.at >= since && record.failures_in_a_row != 1)
}

/// True where the rest of the container's network is gone with its resolver: it reaches nobody or nobody reaches
/// it, or its own kernel forbids it the one as well as the other. That is the fault then.
fn is_symptom(scene: &Scene<'_>, places: &Places<'_>, runs: &[Look<'_>]) -> bool {
    let forbidden = runs.iter().all(|(_, record)| record.outcome == Outcome::Failure(Reason::Prohibited));
    places.iter().any(|(d, e)| {
        scene.is_cut_off(&d.name, &e.name)
            || scene.is_lost(&d.name, &e.name)
            || (forbidden && !scene.barred(&d.name, &e.name).is_empty())
    })
}

/// As [`is_symptom`], of the container that an open finding is about.
pub(super) fn is_accounted_for(scene: &Scene<'_>, finding: &Finding) -> bool {
    let is_it = |(d, e): &(&Destination, &Endpoint)| {
        Some(&d.name) == finding.destination.as_ref() && *e.name == *finding.subject.name
    };
    scene
        .places
        .values()
        .find(|places| places.iter().any(is_it))
        .is_some_and(|places| silent(scene, places).is_some_and(|runs| is_symptom(scene, places, &runs)))
}

fn vouched(scene: &Scene<'_>, runs: &[Look<'_>]) -> bool {
    runs.iter().all(|(_, record)| scene.engine_vouches(record))
}

/// True where the outcome means that nobody answers, rather than that the answer is wrong.
pub(super) const fn is_silence(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Timeout
            | Reason::Refused
            | Reason::Unreachable
            | Reason::Reset
            | Reason::Prohibited
            | Reason::Servfail
            | Reason::DnsRefused
            | Reason::Protocol
    )
}

/// The lookups of a container, where all of them go unanswered.
fn silent<'a>(scene: &Scene<'a>, places: &Places<'_>) -> Option<Vec<Look<'a>>> {
    // Nearly always none of them fails.
    let asked = |key: &ProbeKey| key.kind == ProbeKind::Dns;
    places.iter().find_map(|(d, e)| scene.failing(&d.name, &e.name, asked).next())?;
    let lookups = places.iter().flat_map(|(d, e)| scene.lookups(&d.name, &e.name));
    let runs: Vec<Look<'_>> =
        lookups.filter(|(_, record)| !matches!(record.outcome, Outcome::Unknown(_))).collect();
    let silent = |record: &Record| fails(record) && record.outcome.reason().is_some_and(is_silence);
    (!runs.is_empty() && runs.iter().all(|(_, record)| silent(record))).then_some(runs)
}

fn tell(scene: &Scene<'_>, places: &Places<'_>, runs: &[Look<'_>]) -> Option<Finding> {
    let (destination, endpoint) = *places.first()?;
    let inventory = scene.inventory?;
    let known = inventory.container(&endpoint.container);
    let embedded = known.is_none_or(|c| c.resolver.engine.is_some_and(|server| server.is_loopback()));
    let name = &endpoint.name;
    let since = runs.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let mut finding = draft(Code::DnsResolverUnresponsive, "container", name, since);
    finding.destination = Some(Arc::clone(&destination.name));
    let server = known
        .and_then(|c| c.resolver.engine)
        .map_or_else(|| "its resolver".to_owned(), |address| format!("its resolver {address}"));
    let reasons: std::collections::BTreeSet<&str> =
        runs.iter().filter_map(|(_, r)| r.outcome.reason()).map(Reason::as_label).collect();
    finding.summary = format!(
        "Container {} finds nobody by name: {server} answers no query ({}).",
        quoted(name),
        few(&reasons)
    );
    finding.evidence = runs
        .iter()
        .take(6)
        .map(|(key, record)| {
            saw(
                format!("dns from {name} for {}", key.detail),
                format!(
                    "{}, {} times in a row",
                    record.outcome.reason().map_or("failure", |r| r.as_label()),
                    record.failures_in_a_row
                ),
                "an answer",
            )
        })
        .collect();
    finding.explains = listed(runs.iter().map(|(key, record)| symptom(key, record)));
    if scene.ways_from(&destination.name, name).iter().any(|(_, path)| path.way == Way::Open) {
        finding.ruled_out.push(format!("{name} reaches its peers by address"));
    }
    finding.ruled_out.push("the Engine answers".to_owned());
    let id = container(inventory, &endpoint.container);
    finding.fix = vec![Step::command(format!("docker restart {id}"))];
    if embedded {
        finding.fix.push(Step::restart("where several containers are hit"));
    }
    let asked = runs.iter().find_map(|(key, _)| match &key.detail {
        crate::outcome::Detail::Name(asked, _) => Some(super::words::sh(asked)),
        _ => None,
    });
    finding.verify = vec![
        from_inside(&id, &format!("nslookup {}", asked.unwrap_or_else(|| id.clone()))),
        format!("docker exec {id} cat /etc/resolv.conf"),
    ];
    Some(finding)
}
