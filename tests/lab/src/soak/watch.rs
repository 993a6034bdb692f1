//! What the exporter's process holds, by the kernel.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use crate::{Error, Result};

use super::evidence::{Sample, now};
use super::gate::Gate;

const INTERVAL: Duration = Duration::from_secs(1);

pub struct Watch {
    pid: u32,
    samples: Mutex<Vec<Sample>>,
}

impl Watch {
    pub const fn of(pid: u32) -> Self {
        Self { pid, samples: Mutex::new(Vec::new()) }
    }

    pub fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last, for a line of progress.
    pub fn latest(&self) -> String {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.last().map_or_else(String::new, |sample| {
            let kinds: Vec<_> = sample.descriptors.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
            format!(
                "{:.1} MB, {} threads, descriptors: {}",
                sample.resident as f64 / 1e6,
                sample.threads,
                kinds.join(", ")
            )
        })
    }

    /// Until it is over.
    pub fn run(&self, gate: &Gate) -> Result<()> {
        while !gate.is_over() {
            let sample = self.sample().inspect_err(|_| gate.end())?;
            self.samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
            sleep(INTERVAL);
        }
        Ok(())
    }

    fn sample(&self) -> Result<Sample> {
        let folder = format!("/proc/{}", self.pid);
        let gone = |e| Error::io("looking at the exporter's process; has it ended?", e);
        let status = fs::read_to_string(format!("{folder}/status")).map_err(gone)?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
                .ok_or_else(|| Error::new(format!("no {name} in {folder}/status")))
        };
        let mut descriptors = BTreeMap::new();
        for entry in fs::read_dir(format!("{folder}/fd")).map_err(gone)?.flatten() {
            // One that was closed meanwhile is none.
            if let Ok(target) = fs::read_link(entry.path()) {
                *descriptors.entry(kind(&target.to_string_lossy())).or_default() += 1;
            }
        }
        let (resident, threads) = (field("VmRSS")? * 1024, field("Threads")?);
        Ok(Sample { at: now(), resident, threads, descriptors })
    }
}

/// `socket:[1234]` is a socket.
fn kind(target: &str) -> String {
    let kind = match target.split_once(':') {
        Some(("net", _)) => "namespace",
        Some(("anon_inode", what)) => what.trim_matches(['[', ']']),
        Some((kind, _)) => kind,
        None => "file",
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn descriptors_are_of_a_kind() {
        for (target, kind) in [
            ("socket:[12]", "socket"),
            ("net:[4026531840]", "namespace"),
            ("anon_inode:[eventpoll]", "eventpoll"),
            ("pipe:[3]", "pipe"),
            ("/dev/null", "file"),
        ] {
            assert_eq!(super::kind(target), kind);
        }
    }
}
