//! The table, and the page that it stands on.

use std::fmt::Write as _;
use std::path::Path;

use lab::{Result, figures};

use crate::blackbox;

pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/performance.md");

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
    machine: figures::Machine,
    pub engine: String,
    blackbox: String,
}

impl Machine {
    pub fn here() -> Result<Self> {
        Ok(Self { machine: figures::Machine::here()?, engine: String::new(), blackbox: blackbox::version()? })
    }
}

pub fn table(machine: &Machine, rows: &[Row]) -> String {
    let programs =
        [format!("Docker Engine {}", machine.engine), format!("blackbox_exporter {}", machine.blackbox)];
    let mut text = machine.machine.with(&programs);
    text.push_str("\n\n| work | goal | measured | |\n| --- | --- | --- | --- |\n");
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

pub fn write(table: &str) -> Result<()> {
    figures::put(Path::new(PATH), "make bench", table)
}
