//! What is otherwise in a verdict than in the ones before: findings, routes, destinations, and what was approved.
//!
//! What cannot be seen is no flip: a route, a backend or a destination that nobody can look at stays what it was seen to be
//! last, and is compared again when somebody can. Findings are judged already, and are taken as they are.

mod drift;
mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::diagnosis::{After, Code, Finding, Severity, Status, Subject, Verdict, is_blind};

use super::Time;
use super::entry::{Entry, Kind};
use super::join::Concern;
use super::words::{begun, cut, name, seconds, sentence, span};

use drift::Drifts;
pub use routes::STANDS;
use routes::Ways;

/// Something that flipped.
#[derive(Clone, Debug)]
pub struct Flip {
    kind: Kind,
    what: &'static str,
    subject: Subject,
    code: Option<Code>,
    severity: Option<Severity>,
    /// How long what is over stood.
    stood: Option<Duration>,
    /// What happened; more of it; each begins small.
    clause: String,
    more: String,
    /// When it began: it is told a little later.
    pub onset: Duration,
    /// What may have come before it.
    pub concern: Concern,
}

impl Flip {
    /// As it is shown.
    pub fn entry(self, at: SystemTime, after: Vec<After>) -> Entry {
        let clause = match after.first() {
            Some(After { seconds, sentence }) if *seconds < 0.05 => {
                format!("right after {sentence}, {}", self.clause)
            }
            Some(After { seconds, sentence }) => {
                format!("{} after {sentence}, {}", span(Duration::from_secs_f64(*seconds)), self.clause)
            }
            None => self.clause,
        };
        Entry {
            at,
            kind: self.kind,
            what: self.what,
            destination: self.concern.place,
            destinations: Vec::new(),
            subject: self.subject,
            code: self.code,
            severity: self.severity,
            stood_seconds: self.stood.map(seconds),
            sentence: sentence(begun(&clause) + &self.more),
            after,
        }
    }
}

/// What one finding is the same as itself by.
type Identity = (Code, Option<Arc<str>>, Subject);

/// An open finding.
#[derive(Clone, Debug)]
struct Open {
    severity: Severity,
    since: Duration,
    concern: Concern,
    /// What the Engine told just before it.
    after: Vec<After>,
}

/// What was known when it was last compared.
#[derive(Clone, Debug, Default)]
pub struct Known {
    findings: BTreeMap<Identity, Open>,
    /// The same as the verdict listed them, for a quick look.
    listed: Vec<(Identity, Severity)>,
    destinations: BTreeMap<Arc<str>, (Status, Duration)>,
    ways: Ways,
    drifts: Drifts,
}

impl Known {
    /// Takes a verdict; gives what is otherwise.
    pub fn take(&mut self, verdict: &Verdict, now: Time) -> Vec<Flip> {
        let mut flips = Vec::new();
        if !self.is_listed(&verdict.findings) {
            self.findings(verdict, now, &mut flips);
        }
        let findings = flips.len();
        self.ways.take(verdict, now, &mut flips);
        self.destinations(verdict, now, &mut flips, findings);
        self.drifts.take(verdict, now, &mut flips);
        flips
    }

    /// Something is told if it stands until [`STANDS`] is over.
    pub fn waits(&self) -> bool {
        self.ways.wait()
    }

    /// An open finding came after these.
    pub fn came_after(&mut self, flip: &Flip, after: Vec<After>) {
        let Some(code) = flip.code.filter(|_| flip.what == "opened") else { return };
        let identity = (code, flip.concern.place.clone(), flip.subject.clone());
        if let Some(open) = self.findings.get_mut(&identity) {
            open.after = after;
        }
    }

    /// After what it came.
    pub fn after(&self, finding: &Finding) -> &[After] {
        self.findings.get(&identity(finding)).map_or(&[], |open| &open.after)
    }

    /// Whether these findings are open and no others: most pictures are like the one before.
    fn is_listed(&self, findings: &[Finding]) -> bool {
        self.listed.len() == findings.len()
            && self.listed.iter().zip(findings).all(|(((code, on, subject), severity), finding)| {
                *code == finding.code
                    && *severity == finding.severity
                    && *on == finding.destination
                    && *subject == finding.subject
            })
    }

    fn findings(&mut self, verdict: &Verdict, now: Time, flips: &mut Vec<Flip>) {
        let inventory = verdict.snapshot.inventory.as_deref();
        self.listed = verdict.findings.iter().map(|finding| (identity(finding), finding.severity)).collect();
        let here: BTreeSet<&Identity> = self.listed.iter().map(|(identity, _)| identity).collect();
        let mut closed = Vec::new();
        self.findings.retain(|identity, open| {
            let stays = here.contains(identity);
            if !stays {
                closed.push((identity.clone(), open.clone()));
            }
            stays
        });
        for ((code, destination, subject), open) in closed {
            let stood = now.moment.saturating_sub(open.since);
            flips.push(Flip {
                kind: Kind::Finding,
                what: "closed",
                clause: format!(
                    "the finding {} closed for {}",
                    code.as_label(),
                    whom(&subject, destination.as_deref())
                ),
                more: format!("; it had stood for {}.", span(stood)),
                subject,
                code: Some(code),
                severity: Some(open.severity),
                stood: Some(stood),
                onset: now.moment,
                concern: open.concern,
            });
        }
        for finding in &verdict.findings {
            let identity = identity(finding);
            let before = self.findings.get(&identity).map(|open| open.severity);
            if before == Some(finding.severity) {
                continue;
            }
            let whom = whom(&finding.subject, finding.destination.as_deref());
            let (label, severity) = (finding.code.as_label(), finding.severity.as_label());
            // The graver is the lesser value.
            let (what, clause, onset) = match before {
                None => (
                    "opened",
                    format!("the finding {label} ({severity}) opened for {whom}"),
                    now.back_to(finding.since).moment,
                ),
                Some(before) => (
                    if finding.severity < before { "worsened" } else { "eased" },
                    format!("the finding {label} for {whom} went from {} to {severity}", before.as_label()),
                    now.moment,
                ),
            };
            let concern = Concern::of(finding, inventory);
            let fresh = Open {
                severity: finding.severity,
                since: onset,
                concern: concern.clone(),
                after: Vec::new(),
            };
            self.findings.entry(identity).or_insert(fresh).severity = finding.severity;
            flips.push(Flip {
                kind: Kind::Finding,
                what,
                subject: finding.subject.clone(),
                code: Some(finding.code),
                severity: Some(finding.severity),
                stood: None,
                clause,
                more: format!(": {}", cut(&finding.summary)),
                onset,
                concern,
            });
        }
    }

    /// `findings`: so many of the flips are theirs.
    fn destinations(&mut self, verdict: &Verdict, now: Time, flips: &mut Vec<Flip>, findings: usize) {
        let snapshot = &*verdict.snapshot;
        let Some(inventory) = snapshot.inventory.as_deref() else { return };
        let mut worst: BTreeMap<&str, Status> = BTreeMap::new();
        for finding in &verdict.findings {
            if let Some(on) = finding.destination.as_deref() {
                let before = worst.entry(on).or_insert(Status::Healthy);
                *before = before.worse(Status::of([finding]));
            }
        }
        if self.destinations.len() > inventory.destinations.len() {
            let names: BTreeSet<&str> = inventory.destinations.iter().map(|on| &*on.name).collect();
            self.destinations.retain(|name, _| names.contains(&**name));
        }
        for on in &inventory.destinations {
            let status = worst.get(&*on.name).copied().unwrap_or(Status::Healthy);
            let before = self.destinations.get(&on.name).copied();
            if before.is_some_and(|(before, _)| before == status)
                || (status != Status::Failing && is_blind(snapshot, &on.name))
            {
                continue;
            }
            // It is what its findings made of it.
            let of_it =
                flips.iter().take(findings).filter(|flip| flip.concern.place.as_ref() == Some(&on.name));
            let onset = of_it.clone().map(|flip| flip.onset).min().unwrap_or(now.moment);
            let names = of_it.flat_map(|flip| flip.concern.names.iter().cloned()).collect();
            self.destinations.insert(Arc::clone(&on.name), (status, onset));
            let Some((before, since)) = before else { continue };
            let stood = onset.saturating_sub(since);
            flips.push(Flip {
                kind: Kind::Destination,
                what: status.as_label(),
                subject: Subject { kind: "destination", name: Arc::clone(&on.name) },
                code: None,
                severity: None,
                stood: Some(stood),
                clause: format!(
                    "the destination {} went from {} to {}",
                    name(&on.display_name),
                    before.as_label(),
                    status.as_label()
                ),
                more: format!(" (it had been {} for {}).", before.as_label(), span(stood)),
                onset,
                concern: Concern {
                    place: Some(Arc::clone(&on.name)),
                    names,
                    is_proxied: true,
                    is_of_networks: false,
                },
            });
        }
    }
}

fn identity(finding: &Finding) -> Identity {
    (finding.code, finding.destination.clone(), finding.subject.clone())
}

/// `shop-api on shop`.
fn whom(subject: &Subject, destination: Option<&str>) -> String {
    let who = name(&subject.name);
    match destination.filter(|on| *on != &*subject.name) {
        Some(on) => format!("{who} on {}", name(on)),
        None => who,
    }
}
