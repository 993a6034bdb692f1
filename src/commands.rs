//! The commands: each wires the rooms for one job.

pub mod check;
pub mod meter;
pub mod serve;
pub mod watch;

use crate::cli::Flags;
use crate::config::{self, Config};

/// Exit status of a command that could not do its work.
pub const COULD_NOT: u8 = 2;

/// Reads the effective configuration: the file, and what the command line says before it.
///
/// # Errors
/// Every problem of the file, a line each.
pub fn configuration(flags: &Flags) -> Result<Config, String> {
    let config = match &flags.config_file {
        Some(path) => config::load_file(path).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(|p| format!("{}: {p}", path.display())).collect();
            lines.join("\n")
        })?,
        None => Config::default(),
    };
    flags.over(config).map_err(|problem| problem.to_string())
}
