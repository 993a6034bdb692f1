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
    /// `None` where the tests may not make one (no root, no `ip`).
    pub(super) fn new() -> Option<Self> {
        let name = format!("dxNS-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        if !ip(&["netns", "add", &name]) {
            eprintln!("skipped: no namespace can be made here");
            return None;
        }
        let scratch = Self { name };
        assert!(ip(&["-n", &scratch.name, "link", "set", "lo", "up"]), "lo is there");
        Some(scratch)
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
