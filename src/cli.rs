//! The command line: flags and commands, each checked before anything starts.
//!
//! Flags are named as Prometheus' own programs name them. What the operator says here goes before the
//! file; what neither says has a default that works.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use axum::http::Uri;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Config, Problem, engine_address};

/// The whole command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "destination-exporter",
    version,
    long_version = concat!(
        env!("CARGO_PKG_VERSION"),
        " (revision ",
        env!("REVISION"),
        ", rustc ",
        env!("RUSTC_VERSION"),
        ")"
    ),
    about = "Watches Docker destination networks from the inside: probes, diagnoses, Prometheus metrics",
    after_help = EXAMPLES,
)]
pub struct Cli {
    /// The flags, of whatever command.
    #[command(flatten)]
    pub flags: Flags,
    /// What is to be done; nothing said is the default, [`Command::Serve`].
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  Watch the local Engine, metrics on http://127.0.0.1:10061/metrics:
    destination-exporter

  What is wrong right now, on all destinations or on one:
    destination-exporter check
    destination-exporter check coolify

  In a script (status 0 healthy, 1 findings, 2 could not look):
    destination-exporter check --format json > report.json

  Who talks to whom, as a picture:
    destination-exporter topology --format dot | dot -Tsvg > map.svg

  Before a server is moved, and after:
    destination-exporter snapshot > before.json
    destination-exporter diff before.json

  Check a file before it is used, and see what it amounts to:
    destination-exporter --config.file exporter.yml --config.check
    destination-exporter --config.file exporter.yml config

  With TLS and passwords, and whether it lives:
    destination-exporter --web.config.file web.yml
    destination-exporter healthcheck

  Two addresses, behind a reverse proxy:
    destination-exporter --web.listen-address 127.0.0.1:10061 --web.listen-address '[::1]:10061' \\
      --web.external-url https://status.example.com/destinations";

const BEFORE_A_MOVE: &str = "\
Examples:
  destination-exporter snapshot > before.json

  Of a container:
    docker exec destination-exporter /destination-exporter snapshot > before.json

It is one listing of the Engine; nothing is probed. It has the networks' labels and options, and no variables of
containers. docs/moving.md tells more.";

const AFTER_A_MOVE: &str = "\
What matters: networks, who is on them, to whom names lead, the proxy's attachments, sites, published ports, addresses
that somebody chose. What a new start or a move brings with it does not: other addresses, ids, container names.

Examples:
  What is different now:
    destination-exporter diff before.json

  Of a container, whose files are not the host's:
    docker exec -i destination-exporter /destination-exporter diff - < before.json

  Two files, for a program:
    destination-exporter diff before.json after.json --format json";

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Discover, probe on schedule and serve HTTP (the default)
    #[default]
    Serve,
    /// Run one full round, print a report and exit: 0 healthy, 1 findings, 2 could not look
    Check {
        /// Only these destinations, by name [default: all]
        #[arg(value_name = "DESTINATION")]
        destinations: Vec<String>,
        /// How the report is written
        #[arg(long, value_enum, default_value_t)]
        format: ReportFormat,
    },
    /// Look once, print the map and exit: destinations, containers, who talks to whom
    Topology {
        /// Only these destinations, by name [default: all]
        #[arg(value_name = "DESTINATION")]
        destinations: Vec<String>,
        /// How the map is written
        #[arg(long, value_enum, default_value_t)]
        format: MapFormat,
    },
    /// Print how the networks are configured, as JSON: who is on which, names, routes, published ports
    #[command(after_help = BEFORE_A_MOVE)]
    Snapshot,
    /// Tell what is different from a snapshot, and exit: 0 nothing that matters, 1 something, 2 could not look
    #[command(after_help = AFTER_A_MOVE)]
    Diff {
        /// A file that `snapshot` wrote; - is standard input
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// Another one [default: what there is now]
        #[arg(value_name = "NEW")]
        new: Option<PathBuf>,
        /// How the differences are written
        #[arg(long, value_enum, default_value_t)]
        format: ReportFormat,
        /// Tell what is different after each start and each move as well: addresses, ids, labels
        #[arg(long)]
        all: bool,
    },
    /// Print the effective configuration, as a file that loads again
    Config,
    /// Ask a running exporter whether it lives, for containers: 0 healthy, 1 not
    Healthcheck {
        /// Where it serves [default: the first --web.listen-address, by HTTP or HTTPS, whichever it speaks]
        #[arg(value_name = "URL", value_parser = url)]
        url: Option<Uri>,
    },
}

/// How `check` writes its report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// How `topology` writes its map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    /// For programs
    #[default]
    Json,
    /// A flowchart for <https://mermaid.js.org>, which GitHub and many wikis draw
    Mermaid,
    /// A graph for Graphviz: `dot -Tsvg`
    Dot,
}

/// The flags, which stand before or behind a command.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// Read settings from this YAML file; without one every default holds
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,

    /// Check the configuration, print every error in it, and exit
    #[arg(long = "config.check", global = true)]
    pub config_check: bool,

    /// Serve HTTP here: IP:PORT, or :PORT for every address; may be given again
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:10061",
        value_parser = listen_address,
        global = true
    )]
    pub listen_addresses: Vec<SocketAddr>,

    /// Ask callers for TLS, certificates or passwords: a file in the grammar of Prometheus' exporters
    #[arg(long = "web.config.file", value_name = "FILE", global = true)]
    pub web_config_file: Option<PathBuf>,

    /// Path of the metrics
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics",
        value_parser = telemetry_path,
        global = true
    )]
    pub telemetry_path: String,

    /// The URL under which people reach this exporter, for links in what it writes
    /// [default: http:// and the first listen address]
    // The variable is for a Swarm's tasks: there each node's name can stand in it, and not in a command.
    #[arg(
        long = "web.external-url",
        value_name = "URL",
        env = "EXPORTER_URL",
        value_parser = external_url,
        global = true
    )]
    pub external_url: Option<String>,

    /// Let callers beyond loopback start probes and reload: everyone who reaches the port may. Who has
    /// shown a password or a certificate may without it
    #[arg(long = "web.enable-remote-actions", global = true)]
    pub enable_remote_actions: bool,

    /// Where the Engine answers, before `docker.host` of the file
    // Checked in `over` and not by clap, whose errors and help repeat the value: an address with a user in
    // it may hold a password.
    #[arg(
        long = "docker.host",
        value_name = "ADDRESS",
        env = "DOCKER_HOST",
        hide_env_values = true,
        global = true
    )]
    pub docker_host: Option<String>,

    /// How much is logged [default: info; of commands that look once and say what they saw: error]
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, global = true)]
    pub log_level: Option<LogLevel>,

    /// How it is logged
    #[arg(long = "log.format", value_name = "FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What needs a person
    Error,
    /// And what may need one
    Warn,
    /// And what changed
    Info,
    /// And what was decided
    Debug,
    /// And every probe
    Trace,
}

impl LogLevel {
    /// Of a command, where the operator says nothing: what `check` found it tells itself.
    pub const fn of(command: &Command) -> Self {
        match command {
            Command::Check { .. } | Command::Topology { .. } | Command::Snapshot | Command::Diff { .. } => {
                Self::Error
            }
            Command::Serve | Command::Config | Command::Healthcheck { .. } => Self::Info,
        }
    }

    /// The level as filters name it.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How it is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// key=value
    #[default]
    Logfmt,
    /// One JSON object a line
    Json,
}

impl Flags {
    /// The file's configuration with what the flags say put before it. An empty `DOCKER_HOST` is an unset
    /// one, as the Docker client has it.
    ///
    /// # Errors
    /// When the flag or the variable names no Engine.
    pub fn over(&self, mut config: Config) -> Result<Config, Problem> {
        if let Some(host) = self.docker_host.as_deref().filter(|host| !host.is_empty()) {
            config.docker.host = engine_address(host).map_err(|message| Problem {
                at: None,
                path: "--docker.host (DOCKER_HOST)".into(),
                message,
            })?;
        }
        Ok(config)
    }
}

/// The base of links where the operator names none: true for whoever is on the host.
pub fn local_url(listening: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    match listening.ip() {
        ip if ip.is_unspecified() => format!("{scheme}://localhost:{}", listening.port()),
        _ => format!("{scheme}://{listening}"),
    }
}

fn url(text: &str) -> Result<Uri, String> {
    let url: Option<Uri> = text.parse().ok();
    let good = |url: &Uri| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    };
    url.filter(good).ok_or_else(|| "expected a URL like https://127.0.0.1:10061, without user".into())
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let expected = || "expected IP:PORT like 127.0.0.1:10061 or [::1]:10061, or :PORT for every address";
    // Port 0 is allowed: the kernel chooses one, which tests want.
    let port = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits).ok_or_else(|| expected().to_owned())
    };
    if let Some(bare) = text.strip_prefix(':') {
        return Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port(bare)?));
    }
    if let Some(bare) = text.strip_prefix("localhost:") {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port(bare)?));
    }
    text.parse().map_err(|_| expected().to_owned())
}

/// First segments that the exporter serves something else under.
const TAKEN: [&str; 8] = ["", "-", "diagnostics", "probe", "runbooks", "topology", "events", "sd"];

fn telemetry_path(text: &str) -> Result<String, String> {
    let good = |sign: u8| sign.is_ascii_alphanumeric() || b"/-_.~".contains(&sign);
    let Some(rest) = text.strip_prefix('/').filter(|rest| rest.bytes().all(good)) else {
        return Err("expected a path like /metrics, of letters, digits and - _ . ~".into());
    };
    if rest.split('/').any(|part| matches!(part, "" | "." | "..")) && !rest.is_empty() {
        return Err("expected a path without empty, `.` or `..` segments".into());
    }
    let first = rest.split('/').next().unwrap_or_default();
    if TAKEN.contains(&first) {
        return Err("expected a path of its own, found one that serves something else".into());
    }
    Ok(text.to_owned())
}

fn external_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let good = |rest: &&str| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty()
            && !host.starts_with(':')
            && !host.contains('@')
            && rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&b))
    };
    match rest.filter(good) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => {
            Err("expected a URL like https://status.example.com/destinations, without user, ? or #".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    // DOCKER_HOST of the machine must not leak in: each line names the Engine itself.
    fn parse(line: &str) -> Result<Cli, clap::Error> {
        let words = std::iter::once("destination-exporter").chain(line.split_whitespace());
        Cli::try_parse_from(words)
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_word_it_serves_on_loopback() {
        let cli = parse("--docker.host unix:///x").unwrap();
        assert_eq!(cli.command.unwrap_or_default(), Command::Serve);
        assert_eq!(cli.flags.listen_addresses, ["127.0.0.1:10061".parse().unwrap()]);
        assert_eq!(cli.flags.telemetry_path, "/metrics");
        assert!(!cli.flags.enable_remote_actions);
        assert_eq!((cli.flags.log_level, cli.flags.log_format), (None, LogFormat::Logfmt));
    }

    #[test]
    fn links_lead_to_where_it_listens() {
        for (listening, url) in [
            ("127.0.0.1:10061", "http://127.0.0.1:10061"),
            ("[::1]:1", "http://[::1]:1"),
            ("[::]:2", "http://localhost:2"),
            ("0.0.0.0:3", "http://localhost:3"),
        ] {
            assert_eq!(local_url(listening.parse().unwrap(), false), url);
        }
        assert_eq!(local_url("[::]:2".parse().unwrap(), true), "https://localhost:2");
    }

    #[test]
    fn flags_stand_before_and_behind_a_command() {
        for line in [
            "--config.file a.yml check coolify --format json",
            "check --format json coolify --config.file a.yml",
        ] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.flags.config_file, Some("a.yml".into()), "{line}");
            let check = Command::Check { destinations: vec!["coolify".into()], format: ReportFormat::Json };
            assert_eq!(cli.command.unwrap_or_default(), check, "{line}");
        }
        let cli = parse("--web.listen-address :1 --web.listen-address [::1]:2 serve").unwrap();
        assert_eq!(cli.flags.listen_addresses, ["[::]:1".parse().unwrap(), "[::1]:2".parse().unwrap()]);
        let cli = parse("config --web.listen-address localhost:3").unwrap();
        assert_eq!(cli.flags.listen_addresses, ["127.0.0.1:3".parse().unwrap()]);
    }

    #[test]
    fn the_flag_goes_before_the_file_and_an_empty_one_does_not() {
        let over =
            |host: &str| parse(&format!("--docker.host={host}")).unwrap().flags.over(Config::default());
        assert_eq!(over("tcp://engine:2375").unwrap().docker.host, "tcp://engine:2375");
        assert_eq!(over("").unwrap(), Config::default());
        for wrong in
            ["ssh://me@there", "tcp://me:geheim@there:1", "unix://relative", "tcp://there", "tcp://[::1:1"]
        {
            let told = over(wrong).expect_err(wrong).to_string();
            assert!(told.contains("DOCKER_HOST): expected `unix://") && !told.contains("geheim"), "{told}");
        }
    }

    #[test]
    fn wrong_values_are_refused_with_what_was_expected() {
        let table = [
            ("--web.listen-address 10061", "expected IP:PORT"),
            ("--web.listen-address :99999", "expected IP:PORT"),
            ("--web.listen-address :+1", "expected IP:PORT"),
            ("--web.telemetry-path metrics", "expected a path like"),
            ("--web.telemetry-path /{all}", "expected a path like"),
            ("--web.telemetry-path /", "serves something else"),
            ("--web.telemetry-path /diagnostics", "serves something else"),
            ("--web.telemetry-path /-/ready", "serves something else"),
            ("--web.telemetry-path /a//b", "without empty"),
            ("--web.external-url status.example.com", "expected a URL like"),
            ("--web.external-url https://u:p@example.com", "expected a URL like"),
            ("--web.external-url https://", "expected a URL like"),
            ("healthcheck ftp://a", "expected a URL like"),
            ("healthcheck 127.0.0.1:1", "expected a URL like"),
            ("healthcheck http://a:b@c", "expected a URL like"),
            ("--log.level loud", "possible values: error, warn, info, debug, trace"),
            ("--log.format xml", "possible values: logfmt, json"),
            ("check --format yaml", "possible values: text, json"),
            ("chekc", "check"),
            ("--web.listen-adress :1", "--web.listen-address"),
        ];
        for (line, expected) in table {
            let told = parse(line).expect_err(line).to_string();
            assert!(told.contains(expected), "{line}:\n{told}");
        }
    }

    #[test]
    fn the_examples_of_the_help_parse() {
        let joined = EXAMPLES.replace("\\\n", " ");
        let lines = joined.lines().filter_map(|line| line.trim().strip_prefix("destination-exporter"));
        let mut seen = 0;
        for line in lines {
            let line = line.split(['>', '|']).next().unwrap_or_default().replace('\'', "");
            assert!(parse(&line).is_ok(), "{line}");
            seen += 1;
        }
        assert!(seen >= 9, "{seen} examples");
    }
}
