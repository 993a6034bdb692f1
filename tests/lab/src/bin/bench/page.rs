//! The table, and the page that it stands on.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use lab::{Error, Result};

use crate::blackbox;

pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/performance.md");
const BEGIN: &str = "<!-- figures: make bench -->\n";
const END: &str = "<!-- end of figures -->\n";

/// One line of the table.
pub struct Row {
    pub work: String,
    pub goal: String,
    pub figure: String,
    pub holds: bool,
}

impl Row {
    /// A figure to compare with, which has no goal.
    pub const fn told(work: String, figure: String) -> Self {
        Self { work, goal: String::new(), figure, holds: true }
    }

    pub const fn holds(&self) -> bool {
        self.holds
    }
}

/// What it was measured on.
pub struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    pub engine: String,
    blackbox: String,
    date: String,
}

impl Machine {
    pub fn here() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).map_err(|e| Error::io(path, e));
        let cpuinfo = read("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Self {
            processor: model.map_or("an unnamed processor", |(_, model)| model).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            engine: String::new(),
            blackbox: blackbox::version()?,
            date: lab::run(Command::new("date").args(["-u", "+%F"]))?,
        })
    }
}

pub fn table(machine: &Machine, rows: &[Row]) -> String {
    let mut text = format!(
        "{}, {} cores; Linux {}; Docker Engine {}; blackbox_exporter {}; {}.\n\n| work | goal | measured | |\n\
         | --- | --- | --- | --- |\n",
        machine.processor, machine.cores, machine.kernel, machine.engine, machine.blackbox, machine.date
    );
    for Row { work, goal, figure, holds } in rows {
        let mark = match (goal.is_empty(), holds) {
            (true, _) => "",
            (false, true) => "✓",
            (false, false) => "missed",
        };
        let _ = writeln!(text, "| {work} | {goal} | {figure} | {mark} |");
    }
    text
}

/// Puts the table between the marks and leaves the rest of the page as it is.
pub fn write(table: &str) -> Result<()> {
    let page = fs::read_to_string(PATH).map_err(|e| Error::io(PATH, e))?;
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| Error::new(format!("{PATH} has lost its marks")))?;
    fs::write(PATH, format!("{before}{BEGIN}{table}{END}{after}")).map_err(|e| Error::io(PATH, e))
}
