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
    beyond: Option<String>,
}

impl Lab {
    /// As root, with `ip` (iproute2): a test that could not look must not pass.
    pub fn new() -> Self {
        let name = format!("dxPR-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let lab = Self { near: format!("{name}-near"), far: format!("{name}-far"), beyond: None };
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

    /// With `far` for a router, and behind it 10.98.0.2 and fd98::2 on a cable that carries so much.
    pub fn beyond(mtu: u32) -> Self {
        let mut lab = Self::new();
        let beyond = lab.far.replace("-far", "-beyond");
        must(&["ip", "netns", "add", &beyond]);
        let (far, mtu) = (lab.far.clone(), mtu.to_string());
        // Until their link-local addresses are known to be nobody else's they ask for no neighbour.
        for side in [&far, &beyond] {
            within(side, &["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]);
        }
        let cable = ["type", "veth", "peer", "name", "eth0", "netns", &beyond];
        must(&[&["ip", "link", "add", "eth1", "netns", &far][..], &cable].concat());
        for (side, link, number) in [(&far, "eth1", 1), (&beyond, "eth0", 2)] {
            must(&["ip", "-n", side, "link", "set", link, "mtu", &mtu, "up"]);
            must(&["ip", "-n", side, "addr", "add", &format!("10.98.0.{number}/24"), "dev", link]);
            must(&["ip", "-n", side, "addr", "add", &format!("fd98::{number}/64"), "dev", link, "nodad"]);
        }
        for setting in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            lab.in_far(&["sysctl", "-qw", setting]);
        }
        for (side, four, six) in [(&lab.near, "10.99.0.2", "fd99::2"), (&beyond, "10.98.0.1", "fd98::1")] {
            must(&["ip", "-n", side, "route", "add", "default", "via", four]);
            must(&["ip", "-n", side, "-6", "route", "add", "default", "via", six]);
        }
        lab.beyond = Some(beyond);
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
        if let Some(beyond) = &self.beyond {
            run(&["ip", "netns", "del", beyond]);
        }
    }
}

/// A visit of `near`, with a job per spec.
pub fn visit(kind: ProbeKind, vantage: Vantage, timeout: Duration, specs: Vec<Spec>) -> Visit {
    let job = |(number, spec)| {
        Job::new(
            ProbeKey {
                destination: "lab".into(),
                kind,
                source: "near".into(),
                target: Arc::from(format!("job {number}")),
                detail: Detail::Address([0, 0, 0, 0].into()),
            },
            spec,
        )
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
