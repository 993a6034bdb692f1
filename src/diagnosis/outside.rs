//! What lies beyond the destinations: addresses and names that the operator asked to be tried from inside each of them
//! (`probes.external_addresses`, `probes.external_names`), and the host's own address.
//!
//! What fails for one container is that container's, for all of a destination that destination's, and for all
//! destinations the host's: one finding each, never one for each pair.

mod dns_resolv_conf_stale;
mod dns_upstream_failing;
mod egress_blocked;
mod egress_ipv6_missing;
mod hairpin_blocked;
pub(super) mod path_mtu_blackhole;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::SystemTime;

use crate::inventory::Destination;
use crate::outcome::{Outcome, ProbeKey, ProbeKind};
use crate::state::Record;

use super::firewall::{Culprit, is_of_old_rules};
use super::scene::{ENOUGH, Look, Scene};
use super::words::{draft, listed, quoted, saw, symptom};
use super::{Code, Evidence, Finding, Subject};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = egress_blocked::find(scene);
    findings.extend(egress_ipv6_missing::find(scene));
    findings.extend(dns_upstream_failing::find(scene));
    findings.extend(path_mtu_blackhole::find(scene));
    findings.extend(hairpin_blocked::find(scene));
    findings
}

/// Whether a code speaks of what lies beyond.
pub(super) const fn is_of(code: Code) -> bool {
    let is_of_packets = matches!(
        code,
        Code::EgressBlocked | Code::EgressIpv6Missing | Code::PathMtuBlackhole | Code::HairpinBlocked
    );
    is_of_packets || is_of_names(code)
}

/// Whether two codes tell of the same failures: of one failure one of them is told.
pub(super) fn are_alike(one: Code, other: Code) -> bool {
    one == other || (is_of_names(one) && is_of_names(other))
}

const fn is_of_names(code: Code) -> bool {
    matches!(code, Code::DnsUpstreamFailing | Code::DnsResolvConfStale)
}

/// Who fails, and all that failed.
struct Failing<'a> {
    of: Whose<'a>,
    looks: Vec<Look<'a>>,
}

/// How far it goes.
#[derive(Clone, Copy)]
enum Whose<'a> {
    /// Every destination of the host.
    Host,
    /// Everyone on a destination.
    Destination(&'a Destination),
    /// One container.
    Container(&'a Destination, &'a Arc<str>),
}

impl Whose<'_> {
    fn name(self) -> String {
        match self {
            Self::Host => "Every destination".to_owned(),
            Self::Destination(on) => format!("Everyone on the network {}", quoted(&on.name)),
            Self::Container(_, name) => format!("Container {}", quoted(name)),
        }
    }

    fn draft(self, scene: &Scene<'_>, code: Code, looks: &[Look<'_>]) -> Finding {
        let since = looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
        let host: Arc<str> = "host".into();
        let mut finding = match self {
            Self::Host => draft(code, "host", &host, since),
            Self::Destination(on) => draft(code, "destination", &on.name, since),
            Self::Container(_, name) => draft(code, "container", name, since),
        };
        if let Self::Destination(on) | Self::Container(on, _) = self {
            finding.destination = Some(Arc::clone(&on.name));
        }
        finding.explains = listed(looks.iter().map(|(key, record)| symptom(key, record)));
        finding
    }
}

/// The first few of what failed; `sent` says what each was.
fn evidence(looks: &[Look<'_>], sent: impl Fn(&ProbeKey) -> String, expected: &str) -> Vec<Evidence> {
    let told = |(key, record): &Look<'_>| {
        let reason = record.outcome.reason().map_or("failure", |reason| reason.as_label());
        saw(sent(key), format!("{reason}, {} times in a row", record.failures_in_a_row), expected)
    };
    looks.iter().take(6).map(told).collect()
}

/// What one container saw of everything that it tried.
struct Source<'a> {
    name: &'a Arc<str>,
    looks: Vec<Look<'a>>,
    state: State,
    /// Since when it is so, and when that was last seen.
    since: SystemTime,
    at: SystemTime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything failed, more than once.
    Fails,
    /// Something got through.
    Open,
    /// Neither is sure yet.
    Unclear,
}

impl<'a> Source<'a> {
    fn of(name: &'a Arc<str>, looks: Vec<Look<'a>>, is_fault: &dyn Fn(&Record) -> bool) -> Self {
        let open: Vec<&Record> = looks
            .iter()
            .map(|(_, record)| *record)
            .filter(|record| matches!(record.outcome, Outcome::Success(_)))
            .collect();
        let records = || looks.iter().map(|(_, record)| *record);
        let never = SystemTime::UNIX_EPOCH;
        let (state, since, at) = if records().all(is_fault) {
            (State::Fails, records().map(|r| r.since).max(), records().map(|r| r.at).min())
        } else if open.is_empty() {
            (State::Unclear, None, None)
        } else {
            (State::Open, open.iter().map(|r| r.since).min(), open.iter().map(|r| r.at).max())
        };
        Self { name, looks, state, since: since.unwrap_or(never), at: at.unwrap_or(never) }
    }

    /// One fails and the other does not *at the same time*: each was seen so after the other had become so. Else it is
    /// only that one of them has not been asked since.
    fn differs_from(&self, other: &Self) -> bool {
        self.at >= other.since && other.at >= self.since
    }
}

/// One destination's containers, by what they saw.
struct Place<'a> {
    on: &'a Destination,
    fails: Vec<Source<'a>>,
    open: Vec<Source<'a>>,
    unclear: bool,
}

impl Place<'_> {
    fn is_whole(&self) -> bool {
        !self.fails.is_empty() && self.open.is_empty() && !self.unclear
    }

    fn differs_from(&self, other: &Self) -> bool {
        self.fails.iter().all(|fails| other.open.iter().all(|open| fails.differs_from(open)))
    }
}

/// Those of them for whom the host's packet filter does not account.
fn left<'a>(scene: &Scene<'a>, found: Vec<Failing<'a>>) -> Vec<Failing<'a>> {
    found.into_iter().filter(|one| one.is_kept_in(scene).is_none()).collect()
}

/// What everyone on a destination, or on all of them, failed at on the way out, and what of the packet filter does it.
pub(super) fn kept_in<'a>(scene: &Scene<'a>) -> Vec<(Culprit<'a>, Vec<Look<'a>>)> {
    let found = egress_blocked::failing(scene).into_iter().chain(dns_upstream_failing::failing(scene));
    found.filter_map(|one| Some((one.is_kept_in(scene)?, one.looks))).collect()
}

impl<'a> Failing<'a> {
    /// What loses what all of these send, where the packet filter does.
    fn is_kept_in(&self, scene: &Scene<'a>) -> Option<Culprit<'a>> {
        let filter = scene.filter?;
        match self.of {
            Whose::Container(..) => None,
            Whose::Destination(on) => filter.on_the_way_out(on),
            Whose::Host => {
                let names: BTreeSet<&str> = self.looks.iter().map(|(key, _)| &*key.destination).collect();
                let all = scene.destinations().filter(|on| names.contains(&*on.name));
                let culprits: Option<Vec<Culprit<'a>>> = all.map(|on| filter.on_the_way_out(on)).collect();
                culprits?.into_iter().next()
            }
        }
    }
}

/// Who fails at what is `wanted` of a kind, in everything that was tried: `is_fault` says of one look whether it is such a failure.
fn failing<'a>(
    scene: &Scene<'a>,
    kind: ProbeKind,
    wanted: impl Fn(&Look<'a>) -> bool,
    is_fault: impl Fn(&Record) -> bool,
) -> Vec<Failing<'a>> {
    let tried = scene.destinations().filter_map(|on| place(scene, on, kind, &wanted, &is_fault));
    let (whole, others): (Vec<_>, Vec<_>) = tried.partition(Place::is_whole);
    if whole.len() > 1 && others.is_empty() {
        let looks = whole.into_iter().flat_map(|place| place.fails).flat_map(|source| source.looks).collect();
        return vec![Failing { of: Whose::Host, looks }];
    }
    let mut found = Vec::new();
    // An Engine that starts writes its rules network by network: for a moment some get out and others do not.
    let is_settled = |looks: &[Look<'_>]| looks.iter().all(|(_, record)| scene.engine_vouches(record));
    for place in whole {
        // As long as it may be the host's it is not told as this one's.
        if others.iter().all(|other| !other.open.is_empty() && !other.unclear && place.differs_from(other)) {
            let looks: Vec<Look<'a>> = place.fails.into_iter().flat_map(|source| source.looks).collect();
            if is_settled(&looks) {
                found.push(Failing { of: Whose::Destination(place.on), looks });
            }
        }
    }
    for place in others {
        if !place.unclear && place.differs_from(&place) {
            let of = |source: Source<'a>| Failing {
                of: Whose::Container(place.on, source.name),
                looks: source.looks,
            };
            let settled = place.fails.into_iter().filter(|source| is_settled(&source.looks));
            found.extend(settled.map(of));
        }
    }
    found
}

/// What was tried from a destination; `None` where nothing was.
fn place<'a>(
    scene: &Scene<'a>,
    on: &'a Destination,
    kind: ProbeKind,
    wanted: &impl Fn(&Look<'a>) -> bool,
    is_fault: &impl Fn(&Record) -> bool,
) -> Option<Place<'a>> {
    let mut sources: BTreeMap<&Arc<str>, Vec<Look<'a>>> = BTreeMap::new();
    for (key, record) in scene.looks_of(&on.name, kind).iter().copied().filter(wanted) {
        // Who is away or reaches not even a neighbour says nothing of the world.
        let counts = !matches!(record.outcome, Outcome::Unknown(_))
            && !scene.is_away(&on.name, &key.source)
            && !scene.is_cut_off(&on.name, &key.source)
            && on.endpoint(&key.source).is_some();
        if counts {
            sources.entry(&key.source).or_default().push((key, record));
        }
    }
    if sources.is_empty() {
        return None;
    }
    let mut place = Place { on, fails: Vec::new(), open: Vec::new(), unclear: false };
    for (name, looks) in sources {
        // What was tried before the packet filter was changed is to be tried anew.
        let is_fault = |record: &Record| is_fault(record) && !is_of_old_rules(scene.snapshot, record);
        let source = Source::of(name, looks, &is_fault);
        match source.state {
            State::Fails => place.fails.push(source),
            State::Open => place.open.push(source),
            State::Unclear => place.unclear = true,
        }
    }
    Some(place)
}

/// A finding that no rule sees any more holds until somebody whom it is about got through twice.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let Subject { kind, name } = &finding.subject;
    let destinations: BTreeSet<&str> = scene.destinations().map(|on| &*on.name).collect();
    let is_there = |key: &ProbeKey| {
        scene.destinations().any(|on| on.name == key.destination && on.endpoint(&key.source).is_some())
    };
    let about = |key: &ProbeKey| {
        is_about(finding.code, key)
            && is_there(key)
            && (*kind == "host" || finding.destination.as_ref() == Some(&key.destination))
            && (*kind != "container" || key.source == *name)
    };
    let here = finding.destination.as_deref().is_none_or(|on| destinations.contains(on));
    let looks: Vec<Look<'_>> = scene.snapshot.probes.iter().filter(|(key, _)| about(key)).collect();
    let engine_up = scene.snapshot.sight.engine.is_up();
    if !here || looks.is_empty() {
        // Nobody is to try any more: that is an end only where trying would be possible.
        let sees = match finding.destination.as_deref() {
            Some(on) => scene.sees(on),
            None => scene.destinations().all(|on| scene.sees(&on.name)),
        };
        return !(engine_up && sees);
    }
    if finding.code == Code::DnsResolvConfStale {
        return dns_resolv_conf_stale::holds(scene, finding);
    }
    // Who got through once and cannot be seen now says nothing.
    let gets_out = |(_, record): &Look<'_>| {
        matches!(record.outcome, Outcome::Success(_)) && record.successes_in_a_row >= ENOUGH
    };
    let doors = match finding.code {
        Code::HairpinBlocked => hairpin_blocked::open(scene),
        _ => hairpin_blocked::Open::new(),
    };
    // One door, or one address, that is reached says nothing of the other where each is a fault by itself.
    let still = |(key, record): &Look<'_>| {
        record.failures_in_a_row > 0
            && match (finding.code, &record.outcome) {
                (Code::PathMtuBlackhole, Outcome::Failure(_)) => {
                    path_mtu_blackhole::tells(scene, key, record)
                }
                (Code::HairpinBlocked, Outcome::Failure(_)) => {
                    hairpin_blocked::tells(scene, &doors, key, record)
                }
                (Code::PathMtuBlackhole | Code::HairpinBlocked, Outcome::Unknown(_)) => true,
                _ => false,
            }
    };
    looks.iter().any(still) || !looks.iter().any(gets_out)
}

fn is_about(code: Code, key: &ProbeKey) -> bool {
    match code {
        Code::EgressBlocked => is_echo(key, IpAddr::is_ipv4),
        Code::EgressIpv6Missing => is_echo(key, IpAddr::is_ipv6),
        Code::PathMtuBlackhole => key.kind == ProbeKind::PathMtu,
        Code::HairpinBlocked => key.kind == ProbeKind::Hairpin,
        _ => key.kind == ProbeKind::DnsExternal,
    }
}

/// An echo to an address of the family outside.
fn is_echo(key: &ProbeKey, family: impl Fn(&IpAddr) -> bool) -> bool {
    key.kind == ProbeKind::IcmpExternal
        && family(&key.target.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}
