//! What begins to be otherwise than the operator approved, and what is as approved again.
//!
//! A redeployment takes a workload away for a moment, or has two of it: that is told of as a redeployment. So what is otherwise
//! has to stay so before it is told, and what is as approved again likewise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::baseline::{Baseline, Change, Difference, Drift, Drifted, Kind as What, words};
use crate::diagnosis::{Subject, Verdict, counted};

use super::{Concern, Flip, Kind, Time, cut, name, span};

/// What is seen the other way for so long is the other way.
const STAYS: Duration = Duration::from_secs(60);
/// More at once have one cause, and are told as one.
const MOST_AT_ONCE: usize = 5;

/// What a difference is the same by as long as it stands, whatever becomes of it meanwhile: where, of what sort, of what, and of
/// a proxy on which network.
type Matter = (Option<String>, What, String, String);

/// What was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Drifts {
    /// By what it was held against.
    approved: Option<Arc<Baseline>>,
    /// What was compared last.
    found: Option<Arc<Drifted>>,
    /// What is known to be otherwise, and since when.
    told: BTreeMap<Matter, (Difference, Duration)>,
    /// What is seen the other way, and since when.
    turning: BTreeMap<Matter, Duration>,
}

impl Drifts {
    /// Takes a verdict. What nobody could compare is no flip.
    pub(super) fn take(&mut self, verdict: &Verdict, now: Time, flips: &mut Vec<Flip>) {
        let Some(drift) = verdict.snapshot.drift.as_deref() else {
            *self = Self::default();
            return;
        };
        let (Some(approved), Some(found)) = (&drift.approved, &drift.found) else { return };
        if !self.approved.as_ref().is_some_and(|before| Arc::ptr_eq(before, approved)) {
            self.begin(approved, found, drift, now, flips);
            return;
        }
        if !verdict.snapshot.sight.engine.is_up() {
            // Nobody sees whether it stays so: what it comes to is counted from when somebody does.
            self.turning.clear();
            self.found = None;
            return;
        }
        let is_known = self.found.as_ref().is_some_and(|before| Arc::ptr_eq(before, found));
        // Beyond that bound the list does not say what is not in it.
        if verdict.snapshot.changing || found.left_out > 0 || (is_known && self.turning.is_empty()) {
            return;
        }
        self.found = Some(Arc::clone(found));
        let here = by_matter(found);
        let is_turned = |told: &BTreeMap<Matter, _>, matter: &Matter| {
            told.contains_key(matter) != here.contains_key(matter)
        };
        self.turning.retain(|matter, _| is_turned(&self.told, matter));
        for matter in here.keys().chain(self.told.keys()) {
            if is_turned(&self.told, matter) && !self.turning.contains_key(matter) {
                self.turning.insert(matter.clone(), now.moment);
            }
        }
        let (mut begun, mut over) = (Vec::new(), Vec::new());
        for (matter, onset) in
            self.turning.extract_if(.., |_, onset| now.moment.saturating_sub(*onset) >= STAYS)
        {
            if let Some((one, since)) = self.told.remove(&matter) {
                over.push((one, onset, Some(onset.saturating_sub(since))));
            } else if let Some(one) = here.get(&matter) {
                self.told.insert(matter, ((*one).clone(), onset));
                begun.push(((*one).clone(), onset, None));
            }
        }
        for (all, what) in [(begun, DIFFERS), (over, AS_APPROVED)] {
            if all.len() > MOST_AT_ONCE {
                let onset = all.iter().map(|(_, onset, _)| *onset).min().unwrap_or(now.moment);
                flips.push(together(all.len(), what, drift, onset));
            } else {
                flips.extend(all.into_iter().map(|(one, onset, stood)| flip(&one, what, onset, stood)));
            }
        }
    }

    /// Something else was approved: what is otherwise than that is known from now on, and said as one.
    fn begin(
        &mut self,
        approved: &Arc<Baseline>,
        found: &Arc<Drifted>,
        drift: &Drift,
        now: Time,
        flips: &mut Vec<Flip>,
    ) {
        let was_otherwise = !self.told.is_empty();
        let told = by_matter(found).into_iter().map(|(matter, one)| (matter, (one.clone(), now.moment)));
        self.told = told.collect();
        self.turning.clear();
        (self.approved, self.found) = (Some(Arc::clone(approved)), Some(Arc::clone(found)));
        match found.total() {
            0 if was_otherwise => flips.push(together(0, AS_APPROVED, drift, now.moment)),
            0 => {}
            many => flips.push(together(many, DIFFERS, drift, now.moment)),
        }
    }
}

const DIFFERS: &str = "differs";
const AS_APPROVED: &str = "as_approved";

fn by_matter(found: &Drifted) -> BTreeMap<Matter, &Difference> {
    found.differences.iter().map(|one| (matter(one), one)).collect()
}

fn matter(one: &Difference) -> Matter {
    let on = match (one.kind, one.change) {
        (What::Proxy, Change::Gone) => one.before.clone(),
        (What::Proxy, Change::New) => one.after.clone(),
        _ => String::new(),
    };
    (one.destination.clone(), one.kind, one.subject.clone(), on)
}

fn flip(one: &Difference, what: &'static str, onset: Duration, stood: Option<Duration>) -> Flip {
    let thing = thing(one);
    let (clause, more) = match stood {
        None => (format!("{thing} is otherwise than approved"), format!(": {}.", cut(&words(one)))),
        Some(stood) => {
            (format!("{thing} is as approved again"), format!("; it was otherwise for {}.", span(stood)))
        }
    };
    let is_proxied = matches!(one.kind, What::Proxy | What::Route);
    Flip {
        kind: Kind::Drift,
        what,
        subject: Subject { kind: one.kind.as_label(), name: name(&one.subject).into() },
        code: None,
        severity: None,
        stood,
        clause,
        more,
        onset,
        concern: Concern {
            place: one.destination.as_deref().map(Arc::from),
            names: whom(one),
            is_proxied,
            is_of_networks: one.kind == What::Network,
        },
    }
}

/// Many at once.
fn together(many: usize, what: &'static str, drift: &Drift, onset: Duration) -> Flip {
    let file = cut(&drift.file);
    let (clause, more) = match (what, many) {
        (DIFFERS, many) => {
            let is = if many == 1 { "is" } else { "are" };
            let things = counted(many, "setting");
            (
                format!("{things} {is} otherwise than approved in {file}"),
                format!(": {}.", cut(&drift.command)),
            )
        }
        (_, 0) => (format!("all is as approved in {file}"), ".".to_owned()),
        (_, many) => {
            (format!("{} are as approved again in {file}", counted(many, "setting")), ".".to_owned())
        }
    };
    Flip {
        kind: Kind::Drift,
        what,
        subject: Subject { kind: "file", name: name(&drift.file).into() },
        code: None,
        severity: None,
        stood: None,
        clause,
        more,
        onset,
        concern: Concern { is_of_networks: true, is_proxied: true, ..Concern::default() },
    }
}

/// `the name database on shop`.
fn thing(one: &Difference) -> String {
    let (kind, subject) = (one.kind.as_label(), name(&one.subject));
    let what = if subject == kind { format!("the {kind}") } else { format!("the {kind} {subject}") };
    match &one.destination {
        Some(on) if one.kind != What::Network || *on != one.subject => format!("{what} on {}", name(on)),
        _ => what,
    }
}

/// Whose doing it may be.
fn whom(one: &Difference) -> Vec<Arc<str>> {
    let both = [&*one.before, &*one.after];
    match one.kind {
        What::Workload | What::Proxy => vec![one.subject.as_str().into()],
        What::Name => both
            .iter()
            .flat_map(|text| text.split(", "))
            .filter(|name| !name.is_empty())
            .map(Arc::from)
            .collect(),
        What::Port => {
            both.iter().filter_map(|text| text.split_once(" port ")).map(|(name, _)| name.into()).collect()
        }
        _ => Vec::new(),
    }
}
