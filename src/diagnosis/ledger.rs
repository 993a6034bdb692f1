//! What is remembered from round to round: since when, and that blindness heals nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::inventory::normal;
use crate::inventory::routes::Refused;
use crate::outcome::{Outcome, ProbeKey, ProbeKind};
use crate::state::Record;

use super::dns_resolver_unresponsive::is_silence;
use super::scene::{ENOUGH, Look, Scene, Way, path, walks};
use super::{Code, Finding, Subject};

/// What one finding is the same as itself by.
type Identity = (Code, Option<Arc<str>>, Subject);

/// One open finding.
#[derive(Clone, Debug)]
struct Open {
    finding: Finding,
    /// The inventory says so, and will say when it is over; else probes do.
    fact: bool,
}

/// What the Engine says must stand this long before it is a fault: a redeploy passes through states
/// that would be one if they stayed.
pub const OPENS_AFTER: Duration = Duration::from_millis(750);

/// While events say that the picture is old, it founds nothing new; but somewhere events never end.
const CHANGES_END: Duration = Duration::from_secs(5);

/// A fact that comes back within this time after it was over is the same fault: it comes and goes.
const COMES_BACK: Duration = Duration::from_secs(300);
/// And is over only when it has been away for so long: a container that starts again and again runs in between.
const STAYS_AWAY: Duration = Duration::from_secs(120);

/// So often in a row makes a fault that comes and goes.
const FLAPS: u32 = 3;

/// A fact that was seen before.
#[derive(Clone, Debug)]
struct Past {
    since: SystemTime,
    /// When it was last seen to hold.
    last: SystemTime,
    /// How often it has come.
    times: u32,
}

/// The open findings.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    open: BTreeMap<Identity, Open>,
    /// Facts that hold, or held not long ago.
    past: BTreeMap<Identity, Past>,
    /// Seen first at this moment, and not told yet.
    waiting: BTreeMap<Identity, SystemTime>,
}

impl Ledger {
    /// Takes what the rules see now and gives what holds, worst first.
    pub(super) fn enter(&mut self, scene: &Scene<'_>, seen: Vec<Finding>) -> Vec<Finding> {
        let before = std::mem::take(&mut self.open);
        let waiting = std::mem::take(&mut self.waiting);
        let now = scene.snapshot.at;
        for mut finding in seen {
            let identity = identity(&finding);
            let is_away = |on: &str| scene.is_away(on, &finding.subject.name);
            let of_answers = super::dns_alias_collision::is_of_answers(scene, &finding);
            let fact = !(is_measured(finding.code) || of_answers)
                || (finding.code == Code::ContainerUnreachable
                    && finding.destination.as_deref().is_some_and(is_away));
            if let Some(known) = before.get(&identity) {
                finding.since = known.finding.since;
            } else {
                // A clock that was set back starts the wait anew.
                let first = waiting.get(&identity).copied().filter(|first| *first <= now);
                let first = first.unwrap_or(now);
                let stands = now.duration_since(first).unwrap_or_default();
                // A listing that was taken since the wait is over says so again, whatever else changes.
                let confirmed = scene.inventory.is_some_and(|i| i.taken_at >= first + OPENS_AFTER);
                // What the exporter cannot see is no part of the picture: a blind one would wait for a listing in vain.
                let pictured = finding.code != Code::ExporterBlind;
                let waits = pictured && scene.snapshot.changing && !confirmed && stands < CHANGES_END;
                let waits = waits || super::firewall::is_yet_to_be_read(scene, &finding);
                // An address changes hands on another node, and no event tells of that: both pictures are to say whose it is.
                let waits = waits || (of_answers && !confirmed);
                if (fact && stands < super::swarm::opens_after(scene, &finding)) || waits {
                    self.waiting.insert(identity, first);
                    continue;
                }
                finding.since = finding.since.min(first);
            }
            if fact {
                self.remember(&identity, &mut finding, now, before.contains_key(&identity));
            }
            self.open.entry(identity).or_insert(Open { finding, fact });
        }
        let known = |past: &Past| now.duration_since(past.last).is_ok_and(|away| away < COMES_BACK);
        self.past.retain(|_, past| known(past));
        for (identity, open) in before {
            if !self.open.contains_key(&identity)
                && !self.is_swallowed(scene, &open.finding)
                && (holds(scene, &open) || self.comes_and_goes(scene, &identity, &open))
            {
                self.open.insert(identity, open);
            }
        }
        let mut findings: Vec<Finding> = self.open.values().map(|open| open.finding.clone()).collect();
        findings.sort_by(|a, b| {
            (a.severity, a.code, &a.destination, &a.subject).cmp(&(
                b.severity,
                b.code,
                &b.destination,
                &b.subject,
            ))
        });
        findings
    }

    /// Counts how often a fact has come; one that comes and goes is one fault, and says so.
    fn remember(&mut self, identity: &Identity, finding: &mut Finding, now: SystemTime, stays: bool) {
        let fresh = Past { since: finding.since, last: now, times: 0 };
        let past = self.past.entry(identity.clone()).or_insert(fresh);
        past.last = now;
        if !stays {
            past.times += 1;
        }
        if past.times >= FLAPS {
            finding.since = past.since;
            let _ = write!(finding.summary, " It comes and goes: {} times so far.", past.times);
        }
    }

    /// True for a fact that has come several times and is not away for long. Whose subject is gone is over.
    fn comes_and_goes(&self, scene: &Scene<'_>, identity: &Identity, open: &Open) -> bool {
        let now = scene.snapshot.at;
        let destination = open.finding.destination.as_deref().unwrap_or_default();
        open.fact
            && is_there(scene, destination, &open.finding)
            && self.past.get(identity).is_some_and(|past| {
                past.times >= FLAPS && now.duration_since(past.last).is_ok_and(|away| away < STAYS_AWAY)
            })
    }

    /// How many faults have not stood long enough to be told.
    pub(super) fn pending(&self) -> usize {
        self.waiting.len()
    }

    /// A graver finding of the same subject has come: the old one is a symptom of it now.
    fn is_swallowed(&self, scene: &Scene<'_>, finding: &Finding) -> bool {
        if super::firewall::accounts_for(scene, finding) {
            return true;
        }
        if finding.subject.kind == "address" {
            return self.names_lead_astray(scene, finding);
        }
        if matches!(finding.code, Code::PublishedPortUnreachable | Code::IsolationBreached) {
            return self.is_told_otherwise(finding);
        }
        if super::outside::is_of(finding.code) {
            let by_uplink = finding.code == Code::PathMtuBlackhole
                && super::outside::path_mtu_blackhole::is_accounted_for(scene, finding);
            return by_uplink || self.is_told_wider(finding);
        }
        if finding.code == Code::DnsResolverUnresponsive {
            return super::dns_resolver_unresponsive::is_accounted_for(scene, finding);
        }
        if super::route::is_route(finding.code) {
            return super::route::is_told_otherwise(scene, finding);
        }
        let container = matches!(
            finding.code,
            Code::ContainerUnreachable | Code::ContainerPartitioned | Code::ContainerPacketLoss
        );
        container
            && (finding.destination.as_deref().is_some_and(|d| scene.is_away(d, &finding.subject.name))
                || self.open.keys().any(|(code, destination, subject)| {
                    matches!(code, Code::ContainerUnreachable | Code::ContainerPartitioned)
                        && *destination == finding.destination
                        && *subject == finding.subject
                }))
    }
}

impl Ledger {
    /// What was many is told as one, or what was one as some.
    fn is_told_otherwise(&self, finding: &Finding) -> bool {
        self.open.iter().any(|((code, _, subject), open)| {
            // A port behind which nobody listens is told alone whatever the others do.
            let of_one_sort = *code == Code::IsolationBreached || open.finding.fix == finding.fix;
            *code == finding.code && subject.kind != finding.subject.kind && of_one_sort
        })
    }

    /// What one container or one destination failed at, all of its destination or of the host fail at by now; or what
    /// all failed at is left to some; or another cause of the same is known.
    fn is_told_wider(&self, finding: &Finding) -> bool {
        self.open.keys().any(|(code, destination, subject)| {
            super::outside::are_alike(*code, finding.code)
                && (subject.kind != finding.subject.kind
                    || *code != finding.code && *subject == finding.subject)
                && (destination.is_none()
                    || finding.destination.is_none()
                    || *destination == finding.destination)
        })
    }

    /// A name of the container whose address the finding is about leads astray as well.
    fn names_lead_astray(&self, scene: &Scene<'_>, finding: &Finding) -> bool {
        self.open.keys().any(|(code, destination, subject)| {
            (*code, subject.kind) == (Code::DnsWrongAnswer, "name")
                && *destination == finding.destination
                && scene.endpoints().any(|(d, e)| {
                    Some(&d.name) == finding.destination.as_ref()
                        && e.addresses.iter().any(|a| a.to_string() == *finding.subject.name)
                        && e.names.iter().any(|n| normal(n) == normal(&subject.name))
                })
        })
    }
}

fn identity(finding: &Finding) -> Identity {
    (finding.code, finding.destination.clone(), finding.subject.clone())
}

/// True for what probes measure. The rest the Engine says, and the rules see that at once.
const fn is_measured(code: Code) -> bool {
    matches!(
        code,
        Code::ContainerUnreachable
            | Code::ContainerPartitioned
            | Code::ContainerPacketLoss
            | Code::DnsResolverUnresponsive
            | Code::DnsWrongAnswer
            | Code::RoutePortNotListening
            | Code::RouteLoopbackOnly
            | Code::RouteBackendTimeout
            | Code::RouteStaleBackend
            | Code::RouteRedirectLoop
            | Code::RouteNotServed
            | Code::ProxyUnreachable
            | Code::ProxyProviderBroken
            | Code::CertificateDefault
            | Code::CertificateExpired
            | Code::CertificateNameMismatch
            | Code::CertificateUntrusted
            | Code::CertificateExpiring
            | Code::DomainPointsElsewhere
            | Code::PublishedPortUnreachable
            | Code::IsolationBreached
            | Code::DnsUpstreamFailing
            | Code::DnsResolvConfStale
            | Code::EgressBlocked
            | Code::EgressIpv6Missing
            | Code::PathMtuBlackhole
            | Code::HairpinBlocked
            | Code::HostFirewallChainsMissing
            | Code::HostFirewallBlocking
    ) || super::swarm::is_of(code)
}

/// Whether a finding that no rule sees any more still holds: until successes say otherwise.
fn holds(scene: &Scene<'_>, open: &Open) -> bool {
    let (snapshot, finding) = (scene.snapshot, &open.finding);
    if snapshot.inventory.is_none() {
        return finding.code != Code::ExporterBlind;
    }
    // While the Engine is silent the rules go on seeing its last words.
    if open.fact {
        return false;
    }
    if super::route::is_route(finding.code) {
        return super::route::holds(scene, finding);
    }
    if finding.code == Code::DomainPointsElsewhere {
        return super::route::domain_holds(scene, finding);
    }
    if super::certificates::is_of(finding.code) {
        return super::certificates::holds(scene, finding);
    }
    if super::outside::is_of(finding.code) {
        return super::outside::holds(scene, finding);
    }
    if super::swarm::is_of(finding.code) {
        return super::swarm::holds(scene, finding);
    }
    if finding.code == Code::DnsAliasCollision {
        return super::dns_alias_collision::holds(scene, finding);
    }
    if matches!(finding.code, Code::ProxyUnreachable | Code::ProxyProviderBroken) {
        return super::proxy::holds(scene, finding);
    }
    if matches!(finding.code, Code::HostFirewallChainsMissing | Code::HostFirewallBlocking) {
        return super::host::firewall_holds(scene, finding);
    }
    let engine_up = snapshot.sight.engine.is_up();
    let destination = finding.destination.as_deref().unwrap_or_default();
    match (finding.code, finding.subject.kind) {
        (Code::IsolationBreached, _) => return super::isolation_breached::holds(scene, finding),
        (Code::PublishedPortUnreachable, "engine") => {
            return super::published_port_unreachable::many_fail(scene);
        }
        _ => {}
    }
    if engine_up && !is_there(scene, destination, finding) {
        return false;
    }
    let planned = scene.looks(destination).iter().copied().filter(|(key, _)| concerns(key, finding));
    let planned: Vec<Look<'_>> = planned.collect();
    if planned.is_empty() {
        // Nobody is to look any more: that is an end only where looking would be possible.
        return !(engine_up && scene.sees(destination));
    }
    let looks: Vec<Look<'_>> = planned
        .iter()
        .copied()
        .filter(|(_, record)| !matches!(record.outcome, Outcome::Unknown(_)))
        .collect();
    if looks.is_empty() {
        return true;
    }
    let subject = &finding.subject.name;
    let steady = |record: &Record| record.successes_in_a_row >= ENOUGH;
    let good = looks.iter().any(|(_, record)| steady(record));
    match finding.code {
        // One way that works twice is enough: it is reached. An answer that is not a success is one too.
        Code::ContainerUnreachable => {
            let is_reached = |(key, record): &Look<'_>| {
                steady(record) || (record.failures_in_a_row > 0 && path(key, record).way == Way::Open)
            };
            // One that drops pings, and has no port any more that anybody could be refused at, says no more than that.
            let only_pings = !planned.iter().any(|(key, _)| key.kind == ProbeKind::Tcp)
                && scene.is_unreachable(destination, subject)
                && scene.only_drops_ping(destination, subject);
            !looks.iter().any(is_reached) && !only_pings
        }
        // Whatever else the subject's peers fail at among themselves is not about it.
        Code::ContainerPartitioned => {
            let ways = scene.ways_to(destination, subject);
            !good
                || ways.iter().any(|(_, path)| path.way != Way::Open)
                || scene.is_cut_off(destination, subject)
        }
        Code::DnsResolverUnresponsive => {
            let answered = |record: &Record| record.outcome.reason().is_none_or(|reason| !is_silence(reason));
            !looks.iter().any(|(_, record)| answered(record))
        }
        Code::ContainerPacketLoss => {
            !good || looks.iter().any(|(_, r)| (r.losses & 0xff).count_ones() >= ENOUGH)
        }
        _ => !good || looks.iter().any(|(_, record)| record.failures_in_a_row > 0),
    }
}

/// The subject still is where the finding says. A name's owner is asked of the name table.
fn is_there(scene: &Scene<'_>, destination: &str, finding: &Finding) -> bool {
    let name = &*finding.subject.name;
    match finding.subject.kind {
        "proxy" => {
            return scene.inventory.is_some_and(|i| i.proxies.iter().any(|proxy| *proxy.name == *name));
        }
        // An outage of the Engine that is over is over, however often there was one.
        "host" | "network" => return scene.inventory.is_some(),
        "destination" => {
            let absent =
                |inventory: &crate::inventory::Inventory| inventory.absent.iter().any(|n| **n == *name);
            return scene.destinations().any(|on| *on.name == *name) || scene.inventory.is_some_and(absent);
        }
        "route" => {
            let refused = |router: &Refused| *router.router == *name;
            return scene.walk(name).is_some()
                || scene.inventory.is_some_and(|i| i.routes.refused.iter().any(refused));
        }
        _ => {}
    }
    scene.endpoints().any(|(d, e)| {
        &*d.name == destination
            && match finding.subject.kind {
                "name" => e.names.iter().any(|n| normal(n) == normal(name)),
                "port" => name.strip_prefix(&*e.name).is_some_and(|rest| rest.starts_with(' ')),
                "address" => e.addresses.iter().any(|a| a.to_string() == name),
                _ => &*e.name == name,
            }
    })
}

/// The probes that decide about a finding.
fn concerns(key: &ProbeKey, finding: &Finding) -> bool {
    let subject = &finding.subject.name;
    match finding.code {
        Code::ContainerUnreachable | Code::ContainerPartitioned => walks(key.kind) && key.target == *subject,
        // The subject may be the one on the way to whom, or from whom, packets are lost.
        Code::ContainerPacketLoss => walks(key.kind) && (key.target == *subject || key.source == *subject),
        Code::DnsResolverUnresponsive => key.kind == ProbeKind::Dns && key.source == *subject,
        Code::PublishedPortUnreachable => super::published_port_unreachable::is_about(key, finding),
        Code::DnsWrongAnswer => key.kind == ProbeKind::Dns && super::dns_wrong_answer::asks(key, subject),
        _ => false,
    }
}
