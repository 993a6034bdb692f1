//! A process on the lab's host, and what the kernel says that it costs.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

/// A process on the lab's host. Dropping it ends it.
pub struct Process {
    /// `nsenter`, which waits for the process.
    nsenter: Child,
    /// The process, as the machine counts.
    pid: u32,
}

/// What a process used: itself and the children that it waited for.
#[derive(Clone, Copy, Debug)]
pub struct Cpu(Duration);

impl Cpu {
    /// Of a process by its number, or of `self`.
    pub fn of(pid: &str) -> Result<Self> {
        let stat = read(pid, "stat")?;
        // After the name, which is in brackets and may hold anything: state is the first field.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        let ticks: Option<u64> = [11, 12, 13, 14].iter().map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
        // The kernel tells times to user space in hundredths of a second on every machine (USER_HZ).
        ticks
            .map(|ticks| Self(Duration::from_millis(ticks * 10)))
            .ok_or_else(|| Error::new("an odd /proc stat"))
    }

    pub fn since(self, before: Self) -> Duration {
        self.0.saturating_sub(before.0)
    }
}

impl Process {
    /// Starts a command that was made by `Lab::on_host`.
    pub fn start(command: &mut Command) -> Result<Self> {
        let nsenter = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| Error::io("starting a process on the lab's host", e))?;
        let started = Instant::now();
        loop {
            if let Some(pid) = only_child(nsenter.id()) {
                return Ok(Self { nsenter, pid });
            }
            if started.elapsed() > Duration::from_secs(5) {
                return Err(Error::new("nsenter started no process"));
            }
            sleep(Duration::from_millis(1));
        }
    }

    /// CPU time so far: user and system, of the process and of the children that it waited for.
    pub fn cpu(&self) -> Result<Cpu> {
        Cpu::of(&self.pid.to_string())
    }

    /// A figure of `/proc/PID/status`, in KiB.
    pub fn status_kib(&self, name: &str) -> Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .ok_or_else(|| Error::new(format!("no {name} in /proc status")))
    }

    /// The same in megabytes.
    pub fn status_megabytes(&self, name: &str) -> Result<f64> {
        Ok(self.status_kib(name)? as f64 * 1024.0 / 1e6)
    }

    fn read(&self, file: &str) -> Result<String> {
        read(&self.pid.to_string(), file)
    }
}

fn read(pid: &str, file: &str) -> Result<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}"))
        .map_err(|e| Error::io("reading what a measured process used; has it ended?", e))
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is our child's child and not waited for yet, so the number is nobody else's.
        if only_child(self.nsenter.id()) == Some(self.pid) {
            let _ = Command::new("kill").args(["-TERM", &self.pid.to_string()]).status();
        }
        let started = Instant::now();
        while matches!(self.nsenter.try_wait(), Ok(None)) && started.elapsed() < Duration::from_secs(10) {
            sleep(Duration::from_millis(10));
        }
    }
}

fn only_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
