//! A network namespace for tests, gone when dropped.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

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
