//! Reads the command line and calls one command.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use destination_exporter::cli::{Cli, Command, LogFormat, LogLevel};
use destination_exporter::commands::approved::Approved;
use destination_exporter::commands::{self, COULD_NOT};
use destination_exporter::namespace::privileges;
use destination_exporter::{heap, log};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    heap::one_for_all_threads();
    let cli = Cli::parse();
    let command = cli.command.unwrap_or_default();
    let level = cli.flags.log_level.unwrap_or_else(|| LogLevel::of(&command));
    if let Err(error) = log::init(level.as_label(), cli.flags.log_format == LogFormat::Json) {
        say(&error.to_string());
        return ExitCode::from(COULD_NOT);
    }
    if let Command::Healthcheck { url } = &command {
        // It asks and is answered: that takes no privilege.
        privileges::shed_all();
        return in_runtime(commands::healthcheck::run(&cli.flags, url.as_ref()));
    }
    let config = match commands::configuration(&cli.flags) {
        Ok(config) => config,
        Err(problems) => {
            say(&problems);
            return ExitCode::from(COULD_NOT);
        }
    };
    let trust = match commands::trust(&cli.flags) {
        Ok(trust) => trust,
        Err(problems) => {
            say(&problems);
            return ExitCode::from(COULD_NOT);
        }
    };
    if cli.flags.config_check {
        for certificate in trust.untimely() {
            say(&format!("warning: {certificate}"));
        }
        // It stops nothing: everything else is watched without it.
        if let Some(Err(why)) = Approved::of(&config, &cli.flags).map(|approved| approved.read()) {
            say(&format!("warning: drift.approved_file: {}: {why}", config.drift.approved_file));
        }
        say("the configuration is good");
        return ExitCode::SUCCESS;
    }
    if command == Command::Config {
        // A closed pipe is the reader's choice.
        std::io::stdout().lock().write_all(config.to_yaml().as_bytes()).ok();
        return ExitCode::SUCCESS;
    }
    raise_descriptor_limit();
    commands::shed_privileges(&command, &cli.flags, &config, &trust);
    in_runtime(async {
        match command {
            Command::Check { destinations, format } => {
                commands::check::run(config, &cli.flags, trust.speaks_tls(), &destinations, format).await
            }
            Command::Topology { destinations, format } => {
                commands::topology::run(config, &cli.flags, trust.speaks_tls(), &destinations, format).await
            }
            Command::Snapshot => commands::snapshot::snapshot(&config).await,
            Command::Diff { old, new, format, all } => {
                commands::snapshot::diff(&config, &old, new.as_deref(), format, all).await
            }
            Command::Serve | Command::Config | Command::Healthcheck { .. } => {
                commands::serve::run(config, cli.flags, trust).await
            }
        }
    })
}

/// One thread: the work is little and comes in small pieces, and to wake another thread for a piece costs
/// more than the piece. What takes milliseconds (a page, a report) runs beside it.
fn in_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let status = runtime.block_on(work);
            // Whoever reads a file on a mount that hangs is not waited for.
            runtime.shutdown_background();
            status
        }
        Err(error) => {
            say(&format!("starting the runtime: {error}"));
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Up to 32 sockets at once in each container's namespace do not fit into the customary 1024, and how far the limit
/// may be raised the administrator has said already.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Refused, the old limit holds: a probe that finds no descriptor is unknown, and counted.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
}

fn say(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").ok();
}
