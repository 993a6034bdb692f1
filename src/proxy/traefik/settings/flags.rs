//! Flags and variables as pairs of a path and a value, as Traefik reads them.

use std::collections::BTreeMap;

use super::Source;
use crate::strangers::bounded;

/// The most flags that are read.
const MOST: usize = 4096;

/// Flags that are `true` by themselves and never take the next argument for their value. Only those that we read:
/// of others, the next argument is the value where it is none of them.
const ALONE: &[&str] = &[
    "api",
    "api.insecure",
    "api.dashboard",
    "ping",
    "ping.manualrouting",
    "metrics.prometheus",
    "metrics.prometheus.manualrouting",
    "providers.docker",
    "providers.docker.exposedbydefault",
    "providers.docker.usebindportip",
    "providers.docker.allowemptyservices",
    "providers.docker.swarmmode",
    "providers.docker.watch",
    "providers.swarm",
    "providers.swarm.exposedbydefault",
    "providers.swarm.allowemptyservices",
    "providers.rest.insecure",
];

/// Below a name that the user chose, no flag takes the next argument: `--entrypoints.web.address :80` is the address
/// `true`, and a Traefik that does not start.
const ABOVE_ALONE: &[&str] = &["entrypoints.", "certificatesresolvers.", "experimental.plugins."];

/// What was said.
pub struct Said {
    pub source: Source,
    /// By the name in lower case.
    pub pairs: BTreeMap<String, (String, String)>,
    pub oddities: Vec<String>,
}

/// Reads the flags; the variables where there are none.
pub fn read(args: &[String], env: &[(String, String)]) -> Said {
    // What stands before the flags is the program.
    let first = args.iter().position(|arg| arg.starts_with('-'));
    let Some(first) = first else { return variables(env) };
    let mut said = Said { source: Source::Flags, pairs: BTreeMap::new(), oddities: Vec::new() };
    let mut rest = args.iter().skip(first).take(MOST).map(String::as_str).peekable();
    while let Some(arg) = rest.next() {
        let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).unwrap_or_default();
        if !arg.starts_with('-') || name.is_empty() || name.starts_with(['-', '=']) {
            said.oddities.push(format!("no flag: `{}`; what follows is not read", bounded(arg)));
            break;
        }
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, value),
            None if stands_alone(name) => (name, "true"),
            None => (name, rest.next_if(|next| !next.starts_with('-')).unwrap_or("true")),
        };
        said.add(name, value);
    }
    said
}

fn stands_alone(name: &str) -> bool {
    let name = name.to_lowercase();
    ALONE.contains(&name.as_str()) || ABOVE_ALONE.iter().any(|above| name.starts_with(above))
}

fn variables(env: &[(String, String)]) -> Said {
    let mut said = Said { source: Source::Unsaid, pairs: BTreeMap::new(), oddities: Vec::new() };
    for (key, value) in env.iter().take(MOST) {
        let key = key.to_lowercase().replace('_', ".");
        if let Some(key) = key.strip_prefix("traefik.") {
            said.source = Source::Environment;
            said.add(key, value);
        }
    }
    said
}

impl Said {
    /// The last value of a name counts; lists go on.
    fn add(&mut self, name: &str, value: &str) {
        let key = name.to_lowercase();
        let is_list = key.ends_with(".middlewares");
        let (_, last) = self.pairs.entry(key).or_insert_with(|| (name.to_owned(), String::new()));
        if is_list && !last.is_empty() {
            last.push(',');
            last.push_str(value);
        } else {
            value.clone_into(last);
        }
    }
}
