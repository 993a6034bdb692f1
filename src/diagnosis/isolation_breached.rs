//! `isolation-breached`: packets pass between destinations that share nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::inventory::{Destination, Inventory};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::Record;

use super::firewall::is_of_old_rules;
use super::scene::{Look, Scene, fails};
use super::words::{container, draft, few, from_inside, listed, network, quoted, saw, symptom};
use super::{Code, Evidence, Finding, Step};

/// More pairs than this are one fault of the host's, and one finding.
const MOST_PAIRS: usize = 3;

/// Two destinations, the lesser name first.
type Pair<'a> = (&'a str, &'a str);

/// One finding a pair, whichever direction is open; one for all where they are many.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Where the Engine's rules are gone that keep them apart, that is the finding.
    if scene.filter.is_some_and(|filter| filter.keeps_none_apart()) {
        return Vec::new();
    }
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut open: BTreeMap<Pair<'_>, Vec<Look<'_>>> = BTreeMap::new();
    let mut shut: BTreeSet<Pair<'_>> = BTreeSet::new();
    // Once is a doubt: it opens no finding, but counts to how many there are.
    let mut doubtful: BTreeSet<Pair<'_>> = BTreeSet::new();
    for (key, record) in looks(scene) {
        let Some(pair) = pair(inventory, key) else { continue };
        match record.outcome {
            Outcome::Success(_) => drop(shut.insert(pair)),
            Outcome::Failure(Reason::Reachable) => drop(doubtful.insert(pair)),
            _ => {}
        }
        if fails(record) {
            open.entry(pair).or_default().push((key, record));
        }
    }
    shut.retain(|pair| !doubtful.contains(pair));
    if open.is_empty() {
        return Vec::new();
    }
    if doubtful.len() > MOST_PAIRS {
        return vec![of_all(scene, inventory, &open, &doubtful, shut.len())];
    }
    open.iter().filter_map(|(pair, looks)| of_pair(scene, inventory, *pair, looks, shut.len())).collect()
}

fn looks<'a>(scene: &Scene<'a>) -> impl Iterator<Item = Look<'a>> {
    let counts = |(_, record): &Look<'a>| !is_of_old_rules(scene.snapshot, record);
    scene.everywhere(ProbeKind::Isolation).filter(counts)
}

/// What got through more than once between destinations that share nothing.
pub(super) fn symptoms<'a>(scene: &Scene<'a>) -> Vec<Look<'a>> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    looks(scene).filter(|(key, record)| fails(record) && pair(inventory, key).is_some()).collect()
}

fn pair<'a>(inventory: &'a Inventory, key: &'a ProbeKey) -> Option<Pair<'a>> {
    let (from, to) = (&*key.destination, &*inventory.beyond(&key.target)?.0.name);
    Some(if from < to { (from, to) } else { (to, from) })
}

fn name((one, other): Pair<'_>) -> Arc<str> {
    format!("{one} ↔ {other}").into()
}

fn of_pair(
    scene: &Scene<'_>,
    inventory: &Inventory,
    pair: Pair<'_>,
    looks: &[Look<'_>],
    apart: usize,
) -> Option<Finding> {
    let (one, other) = (inventory.destination(pair.0)?, inventory.destination(pair.1)?);
    let mut finding = draft(Code::IsolationBreached, "pair", &name(pair), since(scene, looks));
    finding.destination = Some(Arc::clone(&one.name));
    let from: BTreeSet<&str> = looks.iter().map(|(key, _)| &*key.destination).collect();
    let (first, second) = (quoted(pair.0), quoted(pair.1));
    finding.summary = match (from.contains(pair.0), from.contains(pair.1)) {
        (true, false) => {
            format!("The network {first} reaches the network {second}, though no container is on both.")
        }
        (false, true) => {
            format!("The network {second} reaches the network {first}, though no container is on both.")
        }
        _ => {
            format!("The networks {first} and {second} reach each other, though no container is on both.")
        }
    };
    finding.evidence = evidence(looks);
    finding.explains = listed(looks.iter().map(|(key, record)| symptom(key, record)));
    finding.ruled_out = vec![
        "no container is on both but a proxy".to_owned(),
        "isolation.shared does not name the two".to_owned(),
    ];
    if apart > 0 {
        finding.ruled_out.push(format!("{apart} other pairs of destinations are apart"));
    }
    finding.fix = fix([one, other].map(network));
    finding.verify = verify(scene, inventory, looks);
    Some(finding)
}

fn of_all(
    scene: &Scene<'_>,
    inventory: &Inventory,
    open: &BTreeMap<Pair<'_>, Vec<Look<'_>>>,
    doubtful: &BTreeSet<Pair<'_>>,
    apart: usize,
) -> Finding {
    let looks: Vec<Look<'_>> = open.values().filter_map(|looks| looks.first().copied()).collect();
    let mut finding = draft(Code::IsolationBreached, "engine", &"engine".into(), since(scene, &looks));
    let pairs: Vec<Arc<str>> = doubtful.iter().map(|pair| name(*pair)).collect();
    let all = doubtful.len() + apart;
    finding.summary = format!(
        "{} of {all} pairs of destinations that were tried reach each other, though they share no container: {}.",
        pairs.len(),
        few(&pairs)
    );
    finding.evidence = evidence(&looks);
    let every = open.values().flatten();
    finding.explains = listed(every.map(|(key, record)| symptom(key, record)));
    finding.ruled_out = vec!["isolation.shared names none of them".to_owned()];
    if apart > 0 {
        finding.ruled_out.push(format!("{apart} pairs of destinations are apart"));
    }
    let some = doubtful.first().map(|(one, other)| [*one, *other]).into_iter().flatten();
    finding.fix = fix(some.filter_map(|name| inventory.destination(name)).map(network));
    finding.verify = verify(scene, inventory, &looks);
    finding
}

fn since(scene: &Scene<'_>, looks: &[Look<'_>]) -> std::time::SystemTime {
    looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at)
}

fn evidence(looks: &[Look<'_>]) -> Vec<Evidence> {
    let told = |(key, record): &Look<'_>| {
        let (what, seen) = match key.detail {
            Detail::Port(..) => ("handshake", "the connection stood"),
            _ => ("echo", "it was answered"),
        };
        let source =
            format!("{what} from {} on {} to {} ({})", key.source, key.destination, key.target, key.detail);
        saw(source, seen_in(record).unwrap_or_else(|| seen.to_owned()), "no answer")
    };
    looks.iter().take(6).map(told).collect()
}

/// How fast it was, where the kernel says.
fn seen_in(record: &Record) -> Option<String> {
    let rtt = record.seen.handshake.map(|handshake| handshake.rtt).filter(|rtt| !rtt.is_zero());
    let rtt = rtt.or_else(|| record.seen.echo.as_ref()?.rtts.first().copied())?;
    Some(format!("an answer in {:.1} ms", rtt.as_secs_f64() * 1000.0))
}

fn fix(networks: impl IntoIterator<Item = String>) -> Vec<Step> {
    let networks: Vec<String> = networks.into_iter().collect();
    vec![
        Step::look(
            "where a rule of your own accepts what crosses from bridge to bridge, take it away",
            ["iptables -S DOCKER-USER".to_owned(), "iptables -S FORWARD".to_owned()],
        ),
        Step::restart(
            "where the Engine's own chains are not there or are empty, which the reload of another firewall leaves, have it make them anew",
        ),
        Step::when(
            "where a network has a gateway_mode of routed or nat-unprotected, or was made by options that open it, make it anew without",
            [format!("docker network inspect -f '{{{{.Name}}}} {{{{.Options}}}}' {}", networks.join(" "))],
        ),
        Step::prose("where they are meant to reach each other, say so: name them in isolation.shared"),
    ]
}

fn verify(scene: &Scene<'_>, inventory: &Inventory, looks: &[Look<'_>]) -> Vec<String> {
    let by_hand = |(key, _): &Look<'_>| {
        let place: &Destination = inventory.destination(&key.destination)?;
        let from = container(scene.inventory?, &place.endpoint(&key.source)?.container);
        let command = match key.detail {
            Detail::Port(address, port) => format!("nc -w 1 {address} {port} </dev/null && echo open"),
            Detail::Address(address) => format!("ping -c 1 -W 1 {address}"),
            _ => return None,
        };
        Some(from_inside(&from, &command))
    };
    let mut commands: Vec<String> = looks.iter().filter_map(by_hand).take(2).collect();
    commands.push("iptables-save | grep -E 'DOCKER|FORWARD'".to_owned());
    commands
}

/// Whether a finding that the rule does not see now still holds: until its pairs were seen shut, which the plan
/// remembers. The pairs of a server take turns, and a redeploy leaves some without a record for a moment.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let Some(inventory) = scene.inventory else { return true };
    let known = scene.snapshot.own.breached.iter().map(|(from, to)| {
        let (from, to) = (&**from, &**to);
        if from < to { (from, to) } else { (to, from) }
    });
    let mut open: BTreeSet<Pair<'_>> = known.collect();
    // Not seen shut: nobody could look since.
    let failing = looks(scene).filter(|(_, record)| record.failures_in_a_row > 0);
    open.extend(failing.filter_map(|(key, _)| pair(inventory, key)));
    if finding.subject.kind == "pair" {
        open.iter().any(|pair| *name(*pair) == *finding.subject.name)
    } else {
        open.len() > MOST_PAIRS
    }
}
