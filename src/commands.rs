//! The commands: each wires the rooms for one job.

pub mod approved;
pub mod check;
pub mod healthcheck;
pub mod meter;
mod round;
pub mod serve;
pub mod snapshot;
pub mod topology;
pub mod watch;

use crate::cli::{Command, Flags};
use crate::config::{self, Config};
use crate::namespace::privileges::{self, Needs};
use crate::web::Trust;

/// Exit status of a command that could not do its work.
pub const COULD_NOT: u8 = 2;

/// Reads who may read, and the certificates for it. Blocks.
///
/// # Errors
/// Every problem, a line each.
pub fn trust(flags: &Flags) -> Result<Trust, String> {
    flags.web_config_file.as_deref().map_or_else(|| Ok(Trust::everyone()), Trust::load)
}

/// Gives up every privilege that the work does not take. For the first thread, while it is alone.
pub fn shed_privileges(command: &Command, flags: &Flags, config: &Config, trust: &Trust) {
    let mut files = trust.files();
    if let Command::Diff { old, new, .. } = command {
        files.extend([Some(old), new.as_ref()].into_iter().flatten().cloned());
    }
    files.extend(flags.config_file.clone());
    if !config.drift.approved_file.is_empty() {
        files.push(config.drift.approved_file.clone().into());
    }
    if !config.docker.netns_dir.is_empty() {
        files.push(config.docker.netns_dir.clone().into());
    }
    let low_port = flags.listen_addresses.iter().any(|address| (1..1024).contains(&address.port()));
    let needs = Needs { files, socket: privileges::socket_of(&config.docker.host), low_port };
    match privileges::shed(&needs) {
        Ok(kept) => tracing::info!(%kept, "privileges"),
        // What confines the process so may as well be left to it.
        Err(error) => tracing::warn!(%error, "privileges that are not needed could not be given up"),
    }
}

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
