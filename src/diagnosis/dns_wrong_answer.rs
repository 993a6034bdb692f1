//! `dns-wrong-answer`: the resolver answers, and not what the Engine says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::{Endpoint, normal};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, QueryType, Reason};
use crate::state::Record;

use super::scene::{Look, Scene};
use super::words::{
    container, draft, few, few_quoted, from_inside, listed, network, quoted, saw, sh, symptom,
};
use super::{Code, Finding, Severity, Step};

/// Names that lead elsewhere than to their owner, or nowhere. One finding a name, whoever asks.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Without the Engine there is nothing fresh to compare an answer with.
    if scene.engine_down() {
        return Vec::new();
    }
    let mut by_name: BTreeMap<(&Arc<str>, String), Vec<Look<'_>>> = BTreeMap::new();
    for (key, record) in wrong(scene).filter(|look| scene.is_still_named(*look)) {
        let Some(name) = asked(key) else { continue };
        let accounted = scene.is_away(&key.destination, &key.target)
            || scene.is_away(&key.destination, &key.source)
            || scene.is_listed_twice(&key.destination, &name)
            || scene.answered.contains_key(&(&*key.destination, name.clone()));
        if !accounted {
            by_name.entry((&key.destination, name)).or_default().push((key, record));
        }
    }
    fold_reverse(&mut by_name);
    by_name.iter().filter_map(|((d, name), runs)| tell(scene, d, name, runs)).collect()
}

/// How many lookups are answered wrongly of whom it is not known yet whether they are to be found at all.
pub(super) fn pending(scene: &Scene<'_>) -> usize {
    if scene.engine_down() {
        return 0;
    }
    wrong(scene).filter(|look| !scene.is_still_named(*look)).count()
}

/// What is answered, and wrongly.
fn wrong<'a>(scene: &Scene<'a>) -> impl Iterator<Item = Look<'a>> {
    scene.failing_everywhere(ProbeKind::Dns).filter(|(key, record)| {
        scene.engine_vouches(record)
            && match record.outcome.reason() {
                Some(Reason::WrongAnswer) => !is_right_by_now(scene, key, record),
                Some(Reason::Nxdomain | Reason::EmptyAnswer) => true,
                _ => false,
            }
    })
}

/// On an overlay: somebody on another node has started since the picture that the answer was held against, and this one
/// knows it.
fn is_right_by_now(scene: &Scene<'_>, key: &ProbeKey, record: &Record) -> bool {
    let on = scene.inventory.and_then(|inventory| inventory.destination(&key.destination));
    let Some((on, overlay)) = on.and_then(|on| Some((on, on.overlay.as_ref()?))) else { return false };
    // Of a table that was cut nobody knows what is not in it.
    if overlay.is_cut {
        return true;
    }
    let Some(name) = asked(key).filter(|_| !is_reverse(key)) else { return false };
    let bears_it = |endpoint: &&Endpoint| endpoint.names.iter().any(|known| normal(known) == name);
    let own: BTreeSet<IpAddr> =
        on.endpoints.iter().filter(bears_it).flat_map(|endpoint| &endpoint.addresses).copied().collect();
    let (answers, known) = (&record.seen.answers, overlay.bearers());
    answers.iter().any(|ip| own.contains(ip))
        && answers.iter().all(|ip| own.contains(ip) || known.contains_key(ip))
}

/// Where a container's name leads astray, that its address does too is the same fault.
fn fold_reverse(by_name: &mut BTreeMap<(&Arc<str>, String), Vec<Look<'_>>>) {
    let reverse = by_name.extract_if(.., |_, runs| runs.iter().all(|(key, _)| is_reverse(key)));
    let reverse: Vec<_> = reverse.collect();
    for ((destination, name), runs) in reverse {
        let of_same = |looks: &&mut Vec<Look<'_>>| {
            looks.iter().any(|(key, _)| runs.iter().any(|(r, _)| r.target == key.target))
        };
        let forward = by_name.iter_mut().filter(|((d, _), _)| *d == destination);
        match forward.map(|(_, looks)| looks).find(of_same) {
            Some(looks) => looks.extend(runs),
            None => drop(by_name.insert((destination, name), runs)),
        }
    }
}

/// The name that a probe asks for; for an address's name, whose address it is.
fn asked(key: &ProbeKey) -> Option<String> {
    match &key.detail {
        Detail::Name(name, _) => Some(normal(name).into_owned()),
        Detail::Address(_) | Detail::Port(..) | Detail::Backend(..) | Detail::Door(..) => None,
    }
}

/// True where the probe asks for this name.
pub(super) fn asks(key: &ProbeKey, name: &str) -> bool {
    asked(key).is_some_and(|asked| asked == name)
}

fn tell(scene: &Scene<'_>, destination: &Arc<str>, name: &str, runs: &[Look<'_>]) -> Option<Finding> {
    let (first, _) = runs.first()?;
    let inventory = scene.inventory?;
    let place = inventory.destination(destination)?;
    let target = place.endpoint(&first.target);
    let right: Vec<String> = target.into_iter().flat_map(|e| &e.addresses).map(ToString::to_string).collect();
    let since = runs.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let reverse = is_reverse(first);
    let mut finding =
        draft(Code::DnsWrongAnswer, if reverse { "address" } else { "name" }, &name.into(), since);
    if reverse {
        // Connections go by the name; the address's own name stands in logs and in lists of who may enter.
        finding.severity = Severity::Ticket;
    }
    finding.destination = Some(Arc::clone(destination));
    let sources: BTreeSet<&str> = runs.iter().map(|(key, _)| &*key.source).collect();
    let what = runs.iter().map(|(_, record)| answer(scene, record)).next().unwrap_or_default();
    let expected = if right.is_empty() { first.target.to_string() } else { right.join(", ") };
    let (who, looks_up) = (few_quoted(&sources), if sources.len() == 1 { "looks up" } else { "look up" });
    let gets = if sources.len() == 1 { "gets" } else { "get" };
    finding.summary = if reverse {
        format!(
            "{who} {looks_up} the address {name} and {gets} {what}; it is the address of {}.",
            quoted(&first.target)
        )
    } else {
        let owner = quoted(&first.target);
        let has = if right.is_empty() {
            format!("it is a name of {owner}")
        } else {
            format!("{owner} has {expected}")
        };
        format!("{who} {looks_up} the name {} and {gets} {what}; {has}.", quoted(name))
    };
    finding.evidence = runs
        .iter()
        .take(6)
        .map(|(key, record)| {
            saw(
                format!("dns from {} for {}", key.source, key.detail),
                answer(scene, record),
                if is_reverse(key) { &first.target } else { &expected },
            )
        })
        .collect();
    finding.explains = listed(runs.iter().map(|(key, record)| symptom(key, record)));
    finding.ruled_out =
        vec!["the resolver answers".to_owned(), "the name belongs to one workload alone".to_owned()];
    let net = network(place);
    finding.fix = Vec::new();
    // Where others are told right, what is wrong is with those who are not.
    let right = told_right(scene, destination, name, &sources);
    let others = !right.is_empty();
    let wrong: Vec<_> = if right.is_empty() {
        target.into_iter().collect()
    } else {
        finding.ruled_out.push(format!("others are told right: {}", few(&right)));
        sources.iter().filter_map(|source| place.endpoint(source)).take(3).collect()
    };
    let anew =
        wrong.iter().map(|endpoint| format!("docker restart {}", container(inventory, &endpoint.container)));
    finding.fix.push(Step::when(
        if others { "give it its resolver anew" } else { "have its names written anew" },
        anew,
    ));
    finding.fix.push(Step::restart("where the answer stays wrong"));
    if let Some(from) = place.endpoint(&first.source) {
        let from = container(inventory, &from.container);
        finding.verify.push(from_inside(&from, &format!("nslookup {}", sh(name))));
    }
    finding.verify.push(format!("docker network inspect {net}"));
    Some(finding)
}

/// Who asks for the same name and gets it right.
fn told_right<'a>(
    scene: &Scene<'a>,
    destination: &str,
    name: &str,
    wrong: &BTreeSet<&str>,
) -> BTreeSet<&'a str> {
    let looks = scene.looks_of(destination, ProbeKind::Dns).iter().filter(|(key, record)| {
        asks(key, name) && matches!(record.outcome, Outcome::Success(_)) && !wrong.contains(&*key.source)
    });
    looks.map(|(key, _)| &*key.source).collect()
}

fn is_reverse(key: &ProbeKey) -> bool {
    matches!(&key.detail, Detail::Name(_, QueryType::Ptr))
}

/// What was answered, in words, with the stranger's name where the inventory knows the address.
fn answer(scene: &Scene<'_>, record: &Record) -> String {
    match record.outcome.reason() {
        Some(Reason::Nxdomain) => "no such name".to_owned(),
        Some(Reason::EmptyAnswer) => "no address".to_owned(),
        _ if record.seen.answers.is_empty() => {
            record.seen.note.clone().unwrap_or_else(|| "a wrong answer".to_owned())
        }
        _ => {
            // They come in another order each time, which is no news.
            let answers: BTreeSet<&IpAddr> = record.seen.answers.iter().collect();
            let told: Vec<String> = answers
                .into_iter()
                .map(|address| {
                    let owner = scene.endpoints().find(|(_, e)| e.addresses.contains(address));
                    owner.map_or_else(
                        || address.to_string(),
                        |(d, e)| format!("{address} ({} on {})", e.name, d.name),
                    )
                })
                .collect();
            few(&told)
        }
    }
}
