//! A network namespace for tests, gone when dropped.

use std::fs::read_link;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::inventory::WayIn;

use super::Vantage;

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(super) struct Scratch {
    name: String,
}

impl Scratch {
    /// As root, with `ip` (iproute2): a test that could not look must not pass.
    pub(super) fn new() -> Self {
        let name = format!("dxNS-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        assert!(
            ip(&["netns", "add", &name]),
            "no namespace can be made: run the tests as root, after make deps"
        );
        let scratch = Self { name };
        assert!(ip(&["-n", &scratch.name, "link", "set", "lo", "up"]), "lo is there");
        scratch
    }

    /// `ip` in the namespace.
    pub(super) fn ip(&self, arguments: &[&str]) {
        assert!(ip(&[&["-n", &self.name], arguments].concat()), "ip {arguments:?}");
    }

    /// As `ip netns` knows it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A program in the namespace, whose input stays open.
    pub(super) fn enter(&self, command: &[&str]) -> Child {
        let mut nsenter = Command::new("nsenter");
        nsenter.arg(format!("--net=/run/netns/{}", self.name)).args(command);
        nsenter.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("nsenter (util-linux) starts")
    }

    pub(super) fn vantage(&self) -> Vantage {
        Vantage::Container(WayIn { sandbox: Some(PathBuf::from("/run/netns").join(&self.name)), pid: None })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).status().is_ok_and(|status| status.success())
}

/// A process in a network namespace of its own, as a container has; ends when dropped.
pub(super) struct Resident {
    process: Child,
}

impl Resident {
    /// As root, with `unshare` (util-linux).
    pub(super) fn new() -> Self {
        let separate = Command::new("unshare").args(["-n", "sleep", "60"]).spawn();
        let resident = Self { process: separate.expect("unshare (util-linux) starts") };
        let own = read_link("/proc/self/ns/net").expect("there");
        // unshare needs a moment until it is in its new namespace.
        for _ in 0..500 {
            if read_link(format!("/proc/{}/ns/net", resident.pid())).is_ok_and(|link| link != own) {
                return resident;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("unshare -n made no network namespace: run the tests as root");
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
