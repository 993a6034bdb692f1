//! `dns-resolv-conf-stale`: a container's queries are passed on to name servers that the host no longer has.
//!
//! The Engine takes the host's name servers when a container starts. Where the host had none yet, or has others since, the
//! container goes on asking the old ones until it starts again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::diagnosis::scene::{ENOUGH, Look, Scene};
use crate::diagnosis::words::{container, few, few_quoted, from_inside, saw, sh};
use crate::diagnosis::{Code, Finding, Severity, Step, Subject};
use crate::inventory::{Container, ContainerId, Destination, HostFile};
use crate::outcome::ProbeKind;
use crate::state::Record;

use super::dns_upstream_failing::own_servers;
use super::{Failing, Whose, evidence};

/// Commands name so many containers; nobody has more that were started before the host had name servers.
const MOST_NAMED: usize = 100;

/// A container with servers of the past.
struct Stale<'a> {
    container: &'a Container,
    has: &'a [IpAddr],
    /// What it would be given now.
    now: Vec<IpAddr>,
    file: HostFile,
}

/// Takes the failures that old servers account for, and leaves the others.
pub(super) fn take<'a>(scene: &Scene<'a>, found: Vec<Failing<'a>>) -> (Vec<Finding>, Vec<Failing<'a>>) {
    if found.is_empty() {
        return (Vec::new(), found);
    }
    let finders = finders(scene);
    let is_stale = |one: &Failing<'a>| {
        one.looks.iter().all(|(key, _)| stale(scene, &finders, &key.destination, &key.source).is_some())
    };
    let (stale, others): (Vec<_>, Vec<_>) = found.into_iter().partition(is_stale);
    (together(stale).iter().filter_map(|one| tell(scene, &finders, one)).collect(), others)
}

/// Containers that find names outside.
type Finders<'a> = BTreeSet<&'a ContainerId>;

fn finders<'a>(scene: &Scene<'a>) -> Finders<'a> {
    let mut finders = Finders::new();
    for on in scene.destinations() {
        let steady = outside(scene, on).filter(|(_, record)| is_steady(record));
        let steady: BTreeSet<&Arc<str>> = steady.map(|(key, _)| &key.source).collect();
        let found = on.endpoints.iter().filter(|endpoint| steady.contains(&endpoint.name));
        finders.extend(found.map(|endpoint| &endpoint.container));
    }
    finders
}

/// One cause, one finding: of the host where all fail, else of each destination where several do.
fn together(stale: Vec<Failing<'_>>) -> Vec<Failing<'_>> {
    let mut by_place: BTreeMap<Option<&Arc<str>>, Failing<'_>> = BTreeMap::new();
    for one in stale {
        let on = match one.of {
            Whose::Host => None,
            Whose::Destination(on) | Whose::Container(on, _) => Some(on),
        };
        match by_place.get_mut(&on.map(|on| &on.name)) {
            Some(known) => {
                known.of = on.map_or(Whose::Host, Whose::Destination);
                known.looks.extend(one.looks);
            }
            None => drop(by_place.insert(on.map(|on| &on.name), one)),
        }
    }
    by_place.into_values().collect()
}

/// What a container has instead of the host's servers; `None` where it has these, where it is not known, and where
/// somebody chose.
fn stale<'a>(scene: &Scene<'a>, finders: &Finders<'_>, destination: &str, source: &str) -> Option<Stale<'a>> {
    let inventory = scene.inventory?;
    let endpoint = inventory.destination(destination)?.endpoint(source)?;
    let container = inventory.container(&endpoint.container)?;
    let upstream = container.upstream.as_ref()?;
    let started = container.started_at?;
    let now = match inventory.host_files.get(&upstream.file) {
        // What started since was given what is there now, or comes from elsewhere (an Engine without root has a file of
        // its own in that place).
        Some(file) => (started < file.changed_at).then(|| file.servers.clone())?,
        None => of_later(scene, finders, container, started)?,
    };
    upstream.lacks(&now).then(|| Stale {
        container,
        has: &upstream.servers,
        now: upstream.of_list(&now),
        file: upstream.file,
    })
}

/// The servers of the last that was started since and finds names, where the host's file is not seen.
fn of_later(
    scene: &Scene<'_>,
    finders: &Finders<'_>,
    container: &Container,
    started: SystemTime,
) -> Option<Vec<IpAddr>> {
    let inventory = scene.inventory?;
    let own = container.upstream.as_ref()?;
    let alike = finders.iter().filter_map(|id| inventory.container(id)).filter(|other| {
        other.started_at > Some(started)
            && other.upstream.as_ref().is_some_and(|up| (up.file, up.by_engine) == (own.file, own.by_engine))
    });
    let last = alike.max_by_key(|other| other.started_at)?;
    Some(last.upstream.as_ref()?.servers.clone())
}

fn outside<'s, 'a>(scene: &'s Scene<'a>, on: &Destination) -> impl Iterator<Item = Look<'a>> + use<'s, 'a> {
    scene.looks_of(&on.name, ProbeKind::DnsExternal).iter().copied()
}

const fn is_steady(record: &Record) -> bool {
    record.successes_in_a_row >= ENOUGH
}

/// It holds as long as one that it is about still has the old servers and was not seen to find names.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let Subject { kind, name } = &finding.subject;
    let about = |on: &Destination, source: &str| {
        finding.destination.as_ref().is_none_or(|place| *place == on.name)
            && (*kind != "container" || *source == **name)
    };
    let finders = finders(scene);
    scene.endpoints().filter(|(on, endpoint)| about(on, &endpoint.name)).any(|(on, endpoint)| {
        let mut looks = outside(scene, on).filter(|(key, _)| key.source == endpoint.name).peekable();
        looks.peek().is_some()
            && !looks.any(|(_, record)| is_steady(record))
            && stale(scene, &finders, &on.name, &endpoint.name).is_some()
    })
}

fn listed(servers: &[IpAddr]) -> String {
    few(servers.iter().map(ToString::to_string))
}

fn tell(scene: &Scene<'_>, finders: &Finders<'_>, failing: &Failing<'_>) -> Option<Finding> {
    let Failing { of, looks } = failing;
    let inventory = scene.inventory?;
    let mut sources: Vec<(&Arc<str>, Stale<'_>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (key, _) in looks {
        let Some(one) = stale(scene, finders, &key.destination, &key.source) else { continue };
        if seen.insert(&one.container.id) {
            sources.push((&key.source, one));
        }
    }
    let (_, first) = sources.first()?;
    let mut finding = of.draft(scene, Code::DnsResolvConfStale, looks);
    let mut names: Vec<&str> = looks.iter().map(|(key, _)| &*key.target).collect();
    names.sort_unstable();
    names.dedup();
    let who = few_quoted(sources.iter().map(|(name, _)| &***name));
    let alone = sources.len() == 1;
    finding.summary = format!(
        "{who} {} no name outside ({}): {} queries go to {}, as {} had it when {} started, and the host's servers are {} now.",
        if alone { "finds" } else { "find" },
        few(&names),
        if alone { "its" } else { "their" },
        listed(first.has),
        first.file.path(),
        if alone { "it" } else { "they" },
        listed(&first.now),
    );
    finding.evidence = sources
        .iter()
        .take(6)
        .map(|(name, one)| {
            saw(format!("name servers of {name} (its resolv.conf)"), listed(one.has), &listed(&one.now))
        })
        .collect();
    let asked = |key: &crate::outcome::ProbeKey| format!("dns from {} for {}", key.source, key.detail);
    finding.evidence.extend(evidence(looks, asked, "an answer, be it that there is no such name"));
    let others: Vec<&str> = scene
        .endpoints()
        .filter(|(_, endpoint)| !seen.contains(&endpoint.container) && finders.contains(&endpoint.container))
        .map(|(_, endpoint)| &*endpoint.name)
        .collect();
    if !others.is_empty() {
        finding.severity = Severity::Ticket;
        finding.ruled_out.push(format!("names outside are found by {}", few(others)));
    }
    let shells: Vec<String> =
        sources.iter().take(MOST_NAMED).map(|(_, one)| container(inventory, &one.container.id)).collect();
    finding.fix = vec![
        Step::when(
            "a container takes the host's name servers when it starts",
            [format!("docker restart {}", shells.join(" "))],
        ),
        Step::prose(
            "where the Engine starts before the host has name servers: systemctl edit docker, with After=network-online.target nss-lookup.target and Wants=network-online.target below [Unit]",
        ),
    ];
    finding.fix.extend(own_servers(
        scene,
        "or name servers of the Engine's own: \"dns\": [\"1.1.1.1\", \"9.9.9.9\"]",
    ));
    if let Some(shell) = shells.first() {
        finding.verify = vec![
            from_inside(shell, &format!("nslookup {}", sh(names.first().unwrap_or(&"")))),
            format!("docker exec {shell} cat /etc/resolv.conf"),
        ];
    }
    finding.verify.push(format!("cat {}", first.file.path()));
    Some(finding)
}
