mod bounds;
mod deeds;
mod drift;
mod turns;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::diagnosis::sample::{Sample, at, up};
use crate::diagnosis::{Code, Finding, Severity, Subject, Verdict};
use crate::inventory::RunState;
use crate::inventory::told::Deed;

/// A host whose containers come and go, and what is kept of that.
struct Stage {
    timeline: Timeline,
    sample: Sample,
    seen: Option<Arc<Inventory>>,
    millis: u64,
    history: History,
}

impl Stage {
    fn new(names: &[&str]) -> Self {
        let mut sample = Sample::shop(names);
        // Somebody looks, and sees.
        sample.mesh(&[]);
        let mut stage = Self {
            timeline: Timeline::new(Time { moment: Duration::ZERO, at: at(0) }),
            sample,
            seen: None,
            millis: 0,
            history: History::default(),
        };
        stage.lists();
        stage.judges(Vec::new());
        stage.later(100_000);
        stage
    }

    fn now(&self) -> Time {
        Time { moment: Duration::from_millis(self.millis), at: at(0) + Duration::from_millis(self.millis) }
    }

    fn later(&mut self, millis: u64) -> &mut Self {
        self.millis += millis;
        self
    }

    fn tells(&mut self, deed: Deed, name: &str) -> &mut Self {
        let container = Some(format!("id-{name}"));
        self.tell(Told { at: Some(self.now().at), deed, container, network: None })
    }

    /// Of a container's place on `shop`.
    fn places(&mut self, deed: Deed, name: &str) -> &mut Self {
        let network = Some(self.sample.on("shop").id.as_str().to_owned());
        self.tell(Told { at: None, deed, container: Some(format!("id-{name}")), network })
    }

    fn tell(&mut self, told: Told) -> &mut Self {
        let now = self.now();
        self.timeline.told(told, self.seen.as_deref(), now);
        self
    }

    fn lists(&mut self) -> &mut Self {
        let now = self.now();
        self.sample.inventory.taken_at = now.at;
        let after = Arc::new(self.sample.inventory.clone());
        let before = self.seen.replace(Arc::clone(&after));
        self.timeline.listed(before.as_deref(), &after, now);
        self
    }

    /// The container ends: it is on no network any more.
    fn ends(&mut self, name: &str) -> &mut Self {
        self.sample.container(name).state = RunState::Exited;
        let id = self.sample.container(name).id.clone();
        self.sample.on("shop").endpoints.retain(|endpoint| endpoint.container != id);
        self
    }

    /// Another container of this workload runs.
    fn begins(&mut self, name: &str, workload: &str) -> &mut Self {
        self.sample.endpoint("shop", name);
        self.sample.container(name).workload = workload.into();
        self.sample.container(name).state = RunState::Running;
        let shop = self.sample.on("shop");
        shop.endpoints.last_mut().expect("it was put there").name = workload.into();
        self
    }

    fn judges(&mut self, findings: Vec<Finding>) -> &mut Self {
        let verdict = self.verdict(findings, Vec::new());
        self.judge(&verdict)
    }

    fn verdict(&self, findings: Vec<Finding>, passages: Vec<crate::diagnosis::Passage>) -> Verdict {
        let mut snapshot = self.sample.snapshot();
        snapshot.inventory = self.seen.clone();
        Verdict { snapshot: Arc::new(snapshot), findings, pending: 0, passages, certificates: Vec::new() }
    }

    fn judge(&mut self, verdict: &Verdict) -> &mut Self {
        let now = self.now();
        self.timeline.judged(verdict, now);
        self
    }

    /// All sentences but the first, newest first.
    fn said(&mut self) -> Vec<String> {
        if let Some(history) = self.timeline.news() {
            self.history = history;
        }
        let mut said: Vec<String> = self.history.entries().map(|entry| entry.sentence.clone()).collect();
        assert_eq!(said.pop().as_deref(), Some("The exporter began to watch."));
        said
    }

    fn latest(&mut self) -> Entry {
        self.said();
        self.history.entries().next().expect("an entry").clone()
    }
}

fn finding(code: Code, kind: &'static str, name: &str, since: SystemTime) -> Finding {
    Finding {
        code,
        severity: code.severity(),
        subject: Subject { kind, name: name.into() },
        destination: Some("shop".into()),
        summary: "Nobody is there.".into(),
        evidence: Vec::new(),
        explains: Vec::new(),
        ruled_out: Vec::new(),
        fix: Vec::new(),
        verify: Vec::new(),
        since,
        runbook: String::new(),
        after: Vec::new(),
    }
}

fn died(code: i64) -> Deed {
    Deed::Died { exit_code: Some(code) }
}
