//! `container-packet-loss`: a part of the packets does not get there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::inventory::{Destination, Endpoint};
use crate::outcome::{Outcome, ProbeKey, ProbeKind, Reason};
use crate::state::Record;

use super::scene::{LOSSY, Look, Scene, Way};
use super::words::{container, draft, few_quoted, from_inside, quoted, saw, symptom};
use super::{Code, Finding, Step};

/// So many of the last eight runs must have lost something.
const LOSSY_RUNS: u32 = 3;
/// Of handshakes so many: each lost SYN has cost somebody a second.
const LOSSY_HANDSHAKES: u32 = LOSSY;
const _: () = assert!(LOSSY_RUNS >= LOSSY, "the others are not looked at");

/// Containers that packets are lost on the way to, or on the way from.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for destination in scene.destinations().filter(|on| !scene.is_kept_apart(&on.name)) {
        let mut by_target: BTreeMap<&str, BTreeMap<&str, Vec<Look<'_>>>> = BTreeMap::new();
        for (key, record) in losses(scene, &destination.name) {
            let ways = scene.ways_to(&destination.name, &key.target);
            // Where somebody gets nothing at all through, the loss is a symptom of that.
            let graver = scene.is_away(&destination.name, &key.target)
                || ways.iter().any(|(_, path)| path.way == Way::Shut)
                || scene.is_cut_off(&destination.name, &key.source);
            if !graver {
                by_target.entry(&key.target).or_default().entry(&key.source).or_default().push((key, record));
            }
        }
        // A source that loses packets to several peers, whom others reach well, is the one at fault.
        let mut alone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (target, sources) in &by_target {
            let others = scene
                .ways_to(&destination.name, target)
                .iter()
                .any(|(s, path)| path.way == Way::Open && !sources.contains_key(s));
            if let (1, true, Some((source, _))) = (sources.len(), others, sources.first_key_value()) {
                alone.entry(source).or_default().push(target);
            }
        }
        alone.retain(|_, targets| targets.len() > 1);
        let blamed: BTreeSet<(&str, &str)> =
            alone.iter().flat_map(|(s, ts)| ts.iter().map(move |t| (*s, *t))).collect();
        for source in alone.keys() {
            let runs: Vec<_> = by_target
                .iter()
                .filter(|(t, _)| blamed.contains(&(*source, **t)))
                .flat_map(|(_, sources)| sources.get(source).into_iter().flatten().copied())
                .collect();
            if let Some(endpoint) = destination.endpoint(source) {
                findings.push(tell(scene, destination, endpoint, &runs, "from"));
            }
        }
        for (target, sources) in &by_target {
            let runs: Vec<_> = sources
                .iter()
                .filter(|(s, _)| !blamed.contains(&(**s, *target)) && !alone.contains_key(*target))
                .flat_map(|(_, runs)| runs.iter().copied())
                .collect();
            if let (false, Some(endpoint)) = (runs.is_empty(), destination.endpoint(target)) {
                findings.push(tell(scene, destination, endpoint, &runs, "to"));
            }
        }
    }
    findings
}

/// The probes that lose packets: often enough, or a SYN of two of them at once.
fn losses<'a>(scene: &Scene<'a>, destination: &str) -> Vec<Look<'a>> {
    let here = || scene.lossy(destination).iter().copied();
    let mut resent: BTreeMap<&str, u32> = BTreeMap::new();
    for (key, _) in here().filter(|(key, record)| lost_syn(key, record)) {
        *resent.entry(&key.target).or_default() += 1;
    }
    // One SYN that was sent again is one lost packet. Two ports, or two peers, are a pattern; so is
    // one where echoes are lost too.
    here()
        .filter(|(key, record)| {
            lost_echoes(key, record)
                || (lost_syn(key, record)
                    && (resent.get(&*key.target).is_some_and(|n| *n > 1)
                        || here().any(|(k, r)| k.target == key.target && lost_echoes(k, r))))
        })
        .collect()
}

/// Lost something now, and often of late: runs of which nothing came back tell of another fault.
fn lost_echoes(key: &ProbeKey, record: &Record) -> bool {
    key.kind == ProbeKind::Icmp
        && record.outcome == Outcome::Failure(Reason::PacketLoss)
        && (record.losses & 0xff).count_ones() >= LOSSY_RUNS
}

/// A handshake that began while nothing got through and ended when something did has lost its SYNs to the
/// fault that is over.
fn lost_syn(key: &ProbeKey, record: &Record) -> bool {
    let just_back = record.successes_in_a_row == 1 && record.runs > 1;
    key.kind == ProbeKind::Tcp
        && !just_back
        && matches!(record.outcome, Outcome::Success(_))
        && (record.losses & 0xff).count_ones() >= LOSSY_HANDSHAKES
        && record.seen.handshake.is_some_and(|h| h.syn_retransmits > 0)
}

fn tell(
    scene: &Scene<'_>,
    destination: &Destination,
    endpoint: &Endpoint,
    runs: &[Look<'_>],
    way: &str,
) -> Finding {
    let name = &endpoint.name;
    let since = runs.iter().map(|(_, r)| r.since).min().unwrap_or(scene.snapshot.at);
    let mut finding = draft(Code::ContainerPacketLoss, "container", name, since);
    finding.destination = Some(Arc::clone(&destination.name));
    let others: BTreeSet<&str> =
        runs.iter().map(|(k, _)| if way == "to" { &*k.source } else { &*k.target }).collect();
    let back = if way == "to" { "from" } else { "to" };
    finding.summary =
        format!("Packets {way} the container {} are lost, {back} {}.", quoted(name), few_quoted(others));
    finding.evidence = runs.iter().take(6).map(|(key, record)| evidence(key, record)).collect();
    let overflows = scene
        .snapshot
        .containers
        .get(&endpoint.container)
        .and_then(|inner| inner.tcp)
        .map_or(0, |tcp| tcp.listen_overflows);
    let backlog = overflows > 0 && runs.iter().all(|(key, _)| key.kind == ProbeKind::Tcp);
    if overflows > 0 {
        finding.evidence.push(saw(
            format!("kernel counters of {name}"),
            format!("{overflows} listen overflows since it started"),
            "0",
        ));
    }
    finding.explains = super::words::listed(runs.iter().map(|(key, record)| symptom(key, record)));
    finding.ruled_out = vec![format!("{name} is reached: a part of the packets gets through")];
    let id = scene
        .inventory
        .map_or_else(|| endpoint.container.short().to_owned(), |i| container(i, &endpoint.container));
    finding.fix = if backlog {
        vec![Step::prose(
            "it accepts connections too slowly: give it more workers or a longer listen backlog",
        )]
    } else {
        vec![
            Step::look("is it at its limit of CPU", [format!("docker stats --no-stream {id}")]),
            Step::look(
                "does the host drop packets: its table of connections is full, or something shapes traffic (`dropped` grows)",
                [
                    "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max".to_owned(),
                    "tc -s qdisc show".to_owned(),
                ],
            ),
            Step::when(
                "where neither tells anything, give it an interface anew",
                [format!("docker restart {id}")],
            ),
        ]
    };
    let pair = runs.first().and_then(|(key, _)| {
        let from = destination.endpoint(&key.source)?;
        let to = destination.endpoint(&key.target)?.addresses.first()?;
        Some((container(scene.inventory?, &from.container), *to))
    });
    if let Some((from, to)) = pair {
        finding.verify = vec![from_inside(&from, &format!("ping -c 50 -i 0.2 {to}"))];
    }
    finding
}

fn evidence(key: &ProbeKey, record: &Record) -> super::Evidence {
    let source = format!("{} from {} to {}", key.kind.as_label(), key.source, key.detail);
    let lossy = (record.losses & 0xff).count_ones();
    let runs = record.runs.min(8);
    if let Some(handshake) = record.seen.handshake {
        saw(source, format!("{} SYN sent again before an answer came", handshake.syn_retransmits), "none")
    } else if let Some(echo) = &record.seen.echo {
        let observed = format!(
            "{} of {} echo requests answered; {lossy} of the last {runs} runs lost some",
            echo.received, echo.sent
        );
        saw(source, observed, "all answered")
    } else {
        saw(source, format!("{lossy} of the last {runs} runs lost packets"), "none")
    }
}
