//! Probes per CPU-second, ours and `blackbox_exporter`'s, on the same containers.

use std::thread::sleep;
use std::time::Duration;

use lab::{Error, Result};

use crate::blackbox::Blackbox;
use crate::exporter::Exporter;
use crate::floor;
use crate::page::Row;
use crate::town::Town;
use crate::{Options, say};

/// How many times cheaper ours is to be.
const GOAL: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Icmp,
    Tcp,
    Dns,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Icmp, Self::Tcp, Self::Dns];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Dns => "dns",
        }
    }
}

/// Successful probes and what they cost.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub probes: f64,
    pub cpu: Duration,
}

impl Rate {
    pub fn per_second(self) -> f64 {
        self.probes / self.cpu.as_secs_f64().max(0.01)
    }

    /// What one costs.
    pub fn micros(self) -> f64 {
        1e6 / self.per_second()
    }
}

pub fn measure(town: &Town, options: &Options, kind: Kind) -> Result<[Row; 2]> {
    say(&format!("{} probes: a bare loop of the system calls", kind.label()));
    let floor = floor::measure(town, kind, options.seconds(10))?;
    say(&format!("{} probes: blackbox_exporter", kind.label()));
    let theirs = Blackbox::start(town, kind)?.measure(options.seconds(10))?;
    say(&format!("{} probes: destination-exporter", kind.label()));
    let ours = ours(town, options, kind)?;
    let ratio = ours.per_second() / theirs.per_second();
    let name = kind.label().to_uppercase();
    let rivals = Row {
        work: format!("{name} probes per CPU-second, against blackbox_exporter's"),
        goal: format!("≥ {GOAL}×"),
        figure: format!("**{ratio:.1}×**: {:.0} against {:.0}", ours.per_second(), theirs.per_second()),
        holds: ratio >= GOAL,
    };
    let above = ours.micros() - floor.micros();
    let floor = Row::told(
        format!("{name}, the floor: a bare blocking loop of the system calls, from the same vantage"),
        format!(
            "{:.0} per CPU-second: {:.0} µs each are the kernel's; all of ours {above:+.0} µs",
            floor.per_second(),
            floor.micros()
        ),
    );
    Ok([rivals, floor])
}

/// The configuration for much of one kind: everyone probes everyone, once a second, one packet a probe.
pub fn config(kind: Kind) -> String {
    let mut config =
        "probes:\n  full_mesh_up_to: 64\n  budget_per_second: 100000\n  icmp_packets: 1\n".to_owned();
    for other in ["icmp", "tcp", "dns", "http", "path_mtu"] {
        config += &if other == kind.label() {
            format!("  {other}: {{interval: 1s}}\n")
        } else {
            format!("  {other}: {{enabled: false}}\n")
        };
    }
    config
}

fn ours(town: &Town, options: &Options, kind: Kind) -> Result<Rate> {
    let exporter = Exporter::serve(town, &options.exporter, &config(kind))?;
    sleep(Duration::from_secs(3));
    let counted = exporter.count(kind.label())?;
    let used = exporter.process.cpu()?;
    sleep(Duration::from_secs(options.seconds(30)));
    let cpu = exporter.process.cpu()?.since(used);
    let now = exporter.count(kind.label())?;
    let failures = now.failures - counted.failures;
    let attempts = now.attempts - counted.attempts;
    if failures > attempts / 100.0 {
        return Err(Error::new(format!("{failures} of our {attempts} probes failed")));
    }
    Ok(Rate { probes: attempts - failures, cpu })
}
