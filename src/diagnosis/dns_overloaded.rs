//! `dns-overloaded`: a container asks faster than the Engine's resolver takes, and queries are lost.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::outcome::Outcome;

use super::scene::{Look, Scene};
use super::words::{container, draft, from_inside, quoted, saw};
use super::{Code, Finding, Step};

/// Sockets are read once a minute: what is lost goes on while each time more are.
const LATELY: Duration = Duration::from_secs(150);
/// A few that are lost in a burst are asked again.
const MANY: u64 = 10;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    // One finding a container, however many destinations it joins: it has one resolver.
    for (on, endpoint) in scene.endpoints() {
        let Some(inner) = scene.snapshot.containers.get(&endpoint.container) else { continue };
        let Some(lost) = inner.lost_queries else { continue };
        // As of the last look: while nobody looks nothing is over.
        let is_late = !inner.at.is_some_and(|at| at.duration_since(lost.at).is_ok_and(|age| age <= LATELY));
        if lost.queries < MANY || is_late || !told.insert(&endpoint.container) {
            continue;
        }
        let (name, id) = (&endpoint.name, container(inventory, &endpoint.container));
        let mut finding = draft(Code::DnsOverloaded, "container", name, lost.at);
        finding.destination = Some(on.name.clone());
        finding.summary = format!(
            "Container {} asks for names faster than the Engine's resolver takes, or the Engine stood still: {} queries were lost between two looks.",
            quoted(name),
            lost.queries
        );
        finding.evidence = vec![saw(
            "/proc/net/udp of the container: drops of the resolver's socket",
            format!(
                "{} more than before, {} in all",
                lost.queries,
                inner.resolver_drops.unwrap_or(lost.queries)
            ),
            "none",
        )];
        finding.explains = vec!["lookups that take five seconds or fail, now and then".to_owned()];
        let answered =
            |(_, record): Look<'_>| record.at >= lost.at && matches!(record.outcome, Outcome::Success(_));
        if scene.lookups(&on.name, name).any(answered) {
            finding.ruled_out.push("the Engine's resolver has answered since".to_owned());
        }
        finding.fix = vec![
            Step::prose(
                "let the application remember answers (a cache in its resolver or pool), and keep connections open",
            ),
            Step::when("is ndots above 0 in it", [from_inside(&id, "cat /etc/resolv.conf")]),
            Step::prose(
                "then each short name is asked for with every search domain first: dns_opt: [ndots:0] in Compose, as the Engine has it by itself",
            ),
        ];
        finding.verify = vec![from_inside(&id, "cat /proc/net/udp")];
        findings.push(finding);
    }
    findings
}
