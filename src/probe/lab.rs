//! Two network namespaces and a cable, for tests; gone when dropped.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::inventory::WayIn;
use crate::namespace::Vantage;
use crate::outcome::{Detail, ProbeKey, ProbeKind};

use super::{Job, Limits, Spec, Visit};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// `near` has 10.99.0.1 and fd99::1, `far` has 10.99.0.2 and fd99::2.
pub struct Lab {
    near: String,
    far: String,
}

impl Lab {
    /// As root, with `ip` (iproute2): a test that could not look must not pass.
    pub fn new() -> Self {
        let name = format!("dxPR-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let lab = Self { near: format!("{name}-near"), far: format!("{name}-far") };
        let made = run(&["ip", "netns", "add", &lab.near]);
        assert!(made, "no namespace can be made: run the tests as root, after make deps");
        let (near, far) = (lab.near.as_str(), lab.far.as_str());
        must(&["ip", "netns", "add", far]);
        must(&[
            "ip", "link", "add", "eth0", "netns", near, "type", "veth", "peer", "name", "eth0", "netns", far,
        ]);
        for (side, number) in [(near, 1), (far, 2)] {
            must(&["ip", "-n", side, "link", "set", "lo", "up"]);
            must(&["ip", "-n", side, "link", "set", "eth0", "up"]);
            must(&["ip", "-n", side, "addr", "add", &format!("10.99.0.{number}/24"), "dev", "eth0"]);
            must(&["ip", "-n", side, "addr", "add", &format!("fd99::{number}/64"), "dev", "eth0", "nodad"]);
        }
        lab
    }

    pub fn near(&self) -> Vantage {
        vantage(&self.near)
    }

    pub fn far(&self) -> Vantage {
        vantage(&self.far)
    }

    /// Runs a command in `near`.
    pub fn in_near(&self, command: &[&str]) {
        within(&self.near, command);
    }

    /// Runs a command in `far`.
    pub fn in_far(&self, command: &[&str]) {
        within(&self.far, command);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        run(&["ip", "netns", "del", &self.near]);
        run(&["ip", "netns", "del", &self.far]);
    }
}

/// A visit of `near`, with a job per spec.
pub fn visit(kind: ProbeKind, vantage: Vantage, timeout: Duration, specs: Vec<Spec>) -> Visit {
    let job = |(number, spec)| Job {
        key: ProbeKey {
            destination: "lab".into(),
            kind,
            source: "near".into(),
            target: Arc::from(format!("job {number}")),
            detail: Detail::Address([0, 0, 0, 0].into()),
        },
        spec,
    };
    Visit {
        kind,
        vantage,
        jobs: specs.into_iter().enumerate().map(job).collect(),
        limits: Limits { timeout, in_flight: 16 },
        out_of_turn: false,
        examiner: Arc::default(),
    }
}

fn vantage(name: &str) -> Vantage {
    Vantage::Container(WayIn { sandbox: Some(PathBuf::from("/run/netns").join(name)), pid: None })
}

fn within(name: &str, command: &[&str]) {
    let mut words = vec!["ip", "netns", "exec", name];
    words.extend(command);
    must(&words);
}

fn must(words: &[&str]) {
    assert!(run(words), "{}", words.join(" "));
}

fn run(words: &[&str]) -> bool {
    Command::new(words[0])
        .args(&words[1..])
        .stdout(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
