//! Certificates of public domains: what a visitor's browser would refuse, or will soon.
//!
//! The certificate is the one that the proxy presented when the host asked for the site over TLS. It is judged and not
//! trusted; nothing was sent over the connection that depends on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::certificate::{Certificate, Fault, Moment, Verdict, judge};
use crate::inventory::{ContainerId, Route};
use crate::outcome::{Detail, Scheme};

use super::scene::Scene;
use super::words::{draft, saw, sh};
use super::{Code, Finding, Step};

/// A domain whose proxy presented something, and what is wrong with that.
pub(super) struct Shown<'a> {
    route: &'a Route,
    certificate: &'a Arc<Certificate>,
    address: std::net::SocketAddr,
    since: SystemTime,
    verdicts: Vec<Verdict>,
    /// A default certificate of which nothing is said yet.
    is_waiting: bool,
}

/// The certificate of each domain, by destination: all of its paths have one. Judged here, once a look.
pub(super) fn shown<'a>(scene: &Scene<'a>) -> Vec<Shown<'a>> {
    let mut domains: BTreeMap<(Option<&str>, &str), Shown<'a>> = BTreeMap::new();
    // A proxy that knows no such site may show any certificate.
    for walk in scene.walks.iter().filter(|walk| !walk.is_asleep()) {
        let https = walk.entries.iter().find(|entry| entry.scheme == Scheme::Https);
        let Some((key, record)) = https.map(|entry| entry.look) else { continue };
        let (Some(certificate), Detail::Door(_, _, address)) =
            (record.seen.certificate.as_ref(), &key.detail)
        else {
            continue;
        };
        let route = walk.route;
        domains.entry((route.destination.as_deref(), &route.domain)).or_insert_with(|| {
            let (at, settings) = (scene.snapshot.at, &scene.snapshot.own.certificates);
            let mut verdicts = judge(certificate, &route.domain, at, settings);
            // A domain that is new gets its certificate while it is served already.
            let is_default = |verdict: &Verdict| verdict.fault == Fault::Default;
            let is_waiting = verdicts.iter().any(is_default) && is_new(scene, route);
            verdicts.retain(|verdict| !is_waiting || !is_default(verdict));
            Shown { route, certificate, address: *address, since: record.at, verdicts, is_waiting }
        });
    }
    domains.into_values().collect()
}

/// A domain's certificate in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateState {
    /// Whose.
    pub domain: Arc<str>,
    /// The first second of its time.
    pub not_before: Moment,
    /// The last second of its time.
    pub not_after: Moment,
    /// Whether visitors believe it: in its time, for this name, by somebody known.
    pub valid: bool,
}

/// Of every domain whose certificate could be read.
pub(super) fn states(scene: &Scene<'_>) -> Vec<CertificateState> {
    let state = |shown: &Shown<'_>| {
        let paper = &shown.certificate.read.as_ref().ok()?.paper;
        let faults = shown.verdicts.iter().any(|verdict| verdict.fault != Fault::Expiring);
        Some(CertificateState {
            domain: Arc::clone(&shown.route.domain),
            not_before: paper.not_before,
            not_after: paper.not_after,
            valid: !faults && !shown.is_waiting,
        })
    };
    let mut states: Vec<CertificateState> = scene.certificates.iter().filter_map(state).collect();
    states.sort_by(|a, b| a.domain.cmp(&b.domain));
    states.dedup_by(|a, b| a.domain == b.domain);
    states
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let told = |shown: &Shown<'_>| -> Vec<Finding> {
        shown.verdicts.iter().map(|verdict| tell(scene, shown, verdict)).collect()
    };
    scene.certificates.iter().flat_map(told).collect()
}

/// So long an authority may take to hand out a domain's first certificate.
const ISSUED_WITHIN: Duration = Duration::from_secs(30);

/// All that serve the domain have just started, or the proxy has, which reads what certificates it has after its rules.
fn is_new(scene: &Scene<'_>, route: &Route) -> bool {
    let started = |id: &ContainerId| scene.inventory?.container(id)?.started_at;
    let first = route.backends.iter().filter_map(|backend| started(&backend.container)).min();
    let proxy = route.proxy.as_ref().and_then(started);
    let new = |at: SystemTime| scene.snapshot.at.duration_since(at).is_ok_and(|age| age < ISSUED_WITHIN);
    first.is_some_and(new) || proxy.is_some_and(new)
}

/// Whether a code speaks of certificates.
pub(super) const fn is_of(code: Code) -> bool {
    matches!(
        code,
        Code::CertificateDefault
            | Code::CertificateExpired
            | Code::CertificateNameMismatch
            | Code::CertificateUntrusted
            | Code::CertificateExpiring
    )
}

/// Whether a finding that the rule does not see any more still holds: nobody was shown another certificate since, and
/// the domain is still one that is served.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let domain = &*finding.subject.name;
    let engine_up = scene.snapshot.sight.engine.is_up();
    scene.domains.get(domain).map_or(!engine_up, |judged| !judged)
}

/// Every domain that is served, and whether a certificate of it was shown that the rule says something of.
pub(super) fn domains<'a>(scene: &Scene<'a>) -> BTreeMap<&'a str, bool> {
    let mut domains: BTreeMap<&str, bool> =
        scene.walks.iter().map(|walk| (&*walk.route.domain, false)).collect();
    for shown in &scene.certificates {
        *domains.entry(&shown.route.domain).or_default() |= !shown.is_waiting;
    }
    domains
}

const fn code(fault: Fault) -> Code {
    match fault {
        Fault::Default => Code::CertificateDefault,
        Fault::Expired => Code::CertificateExpired,
        Fault::Untrusted => Code::CertificateUntrusted,
        Fault::NameMismatch => Code::CertificateNameMismatch,
        Fault::Expiring => Code::CertificateExpiring,
    }
}

fn tell(scene: &Scene<'_>, shown: &Shown<'_>, verdict: &Verdict) -> Finding {
    let domain = &shown.route.domain;
    let mut finding = draft(code(verdict.fault), "domain", domain, shown.since);
    finding.destination.clone_from(&shown.route.destination);
    finding.summary = format!("{}.", capital(&verdict.summary));
    let at = shown.address;
    let from = || format!("TLS handshake with {at} for {domain}");
    finding.evidence =
        verdict.evidence.iter().map(|line| saw(from(), &*line.observed, &line.expected)).collect();
    let proxy = shown.route.proxy.as_ref().zip(scene.inventory);
    let proxy = proxy
        .map_or_else(|| "coolify-proxy".to_owned(), |(id, inventory)| super::words::container(inventory, id));
    let log = format!("docker logs --tail 200 {proxy} 2>&1 | grep -i -E 'acme|certificate'");
    let again = |when| Step::when(when, [format!("docker restart {proxy}")]);
    finding.fix = match verdict.fault {
        Fault::Default => vec![
            Step::look("why it got none of its own", [log]),
            Step::prose(
                "the authority must reach the domain at port 80 of this host: look at its DNS records, the firewall, and whether Cloudflare stands before it (then a DNS challenge, or Cloudflare's own certificate)",
            ),
            Step::prose(
                "after five failures an hour the authority refuses for a while: mend the cause before it is tried again",
            ),
            again("then have it ask again; all sites are away for seconds"),
        ],
        Fault::Expired | Fault::Expiring => vec![
            Step::look("why it was not renewed", [log]),
            again("mend the cause, then have it ask again; all sites are away for seconds"),
            Step::when(
                "one that was put there by hand: put the new one in its place, and have Traefik read the file that names it",
                ["touch /data/coolify/proxy/dynamic/FILE.yaml".to_owned()],
            ),
        ],
        Fault::NameMismatch => vec![
            Step::prose(
                "have a certificate made for this domain, or enter the domain that the certificate is for",
            ),
            Step::look("what the proxy says of it", [log]),
        ],
        Fault::Untrusted => vec![
            Step::prose(
                "have a public authority sign it, or put the whole chain in the file (fullchain.pem)",
            ),
            Step::prose(
                "an authority of your own is believed where its certificate is in the file of certificates.ca_file",
            ),
        ],
    };
    let name = sh(domain);
    finding.verify = vec![format!(
        "openssl s_client -connect {at} -servername {name} -showcerts </dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName"
    )];
    finding
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
