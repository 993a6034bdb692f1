//! What Traefik's own command line and environment say: where it listens, and how it reads labels.

mod flags;

use std::sync::Arc;

use super::rule::Syntax;
use super::scalar;
use super::tree::Node;
use crate::strangers::bounded;

/// The entry point of Traefik's own pages.
const INTERNAL: &str = "traefik";

/// Where the settings stand. Traefik takes one place alone, and looks first for a file: the one that is named, or
/// `traefik.toml`, `.yaml` or `.yml` in `/etc/traefik` and where it was started. Whether a file is there cannot be told
/// from a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// On the command line.
    Flags,
    /// In the environment, since there are no flags.
    Environment,
    /// In a file that a flag names: where it exists, the flags mean nothing, and neither do these settings.
    File(Arc<str>),
    /// Nowhere: Traefik's defaults, unless there is a file.
    Unsaid,
}

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub source: Source,
    /// By name. One called `http` on port 80 where none is set.
    pub entry_points: Vec<EntryPoint>,
    /// The provider that reads containers.
    pub docker: Option<Provider>,
    /// The provider that reads Swarm's services.
    pub swarm: Option<Provider>,
    /// Other providers, by name: more rules, services and middlewares than labels tell.
    pub others: Vec<Arc<str>>,
    pub ping: Option<Ping>,
    /// The language of rules without one of their own, where it is set (Traefik 3).
    pub syntax: Option<Syntax>,
    /// What could not be read, in words.
    pub oddities: Vec<String>,
}

/// Where Traefik listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPoint {
    pub name: Arc<str>,
    /// Inside the proxy's container; none where the address names none.
    pub port: Option<u16>,
    pub udp: bool,
    /// Routers that name no entry point are on it.
    pub default: bool,
    /// Its routers take TLS, whatever they say.
    pub tls: bool,
    /// Everything is redirected, but to routers of a higher priority.
    pub redirection: Option<Redirection>,
    /// Middlewares that all its routers pass.
    pub middlewares: Vec<Arc<str>>,
}

/// The redirection of a whole entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The name of an entry point, or `:port`.
    pub to: Arc<str>,
    pub scheme: Arc<str>,
    /// Of the entry point that is named; none where there is no such: then nothing is redirected.
    pub port: Option<u16>,
    /// None: above every router.
    pub priority: Option<i64>,
}

/// How labels are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// What does not say `traefik.enable` is taken.
    pub exposed_by_default: bool,
    /// Whose address is taken where no label says.
    pub network: Option<Arc<str>>,
    /// An expression that labels must meet. It is not evaluated: any container may be left out for it.
    pub constraints: Option<Arc<str>>,
    /// The template of the rule of routers without one; none: Traefik's own, which names no domain.
    pub default_rule: Option<Arc<str>>,
    /// The address and port that are published on the host are dialled, not those of the container.
    pub use_bind_port_ip: bool,
    /// Containers that are not healthy stay, without an address.
    pub allow_empty_services: bool,
}

/// `GET /ping`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    pub entry_point: Arc<str>,
    /// It is answered only where some router leads to `ping@internal`.
    pub manual: bool,
}

impl Settings {
    /// Reads the arguments of Traefik, its own name first or not, and the environment.
    pub fn of(args: &[String], env: &[(String, String)]) -> Self {
        let said = flags::read(args, env);
        let mut oddities = said.oddities;
        let mut root = Node::default();
        let mut pairs: Vec<&(String, String)> = said.pairs.values().collect();
        pairs.sort();
        for (key, value) in pairs {
            if let Err(why) = root.add(key, value) {
                oddities.push(format!("`{}`: {why}", bounded(key)));
            }
        }
        oddities.truncate(super::ODDITIES);
        let source = match bounded(root.text("configfile")) {
            "" => said.source,
            file => Source::File(file.into()),
        };
        let ping = root.on("ping").map(|node| Ping {
            entry_point: text(node, "entrypoint").unwrap_or_else(|| INTERNAL.into()),
            manual: is(node, "manualrouting", false),
        });
        let docker = root.on("providers.docker");
        // Traefik 2 has one provider for both.
        let is_swarm = docker.is_some_and(|node| is(node, "swarmmode", false));
        let swarm = root.on("providers.swarm").or(docker.filter(|_| is_swarm));
        let others = root.at("providers").into_iter().flat_map(Node::children);
        let settings = ["docker", "swarm", "providersthrottleduration", "precedence"];
        Self {
            source,
            entry_points: entry_points(&root, ping.as_ref()),
            docker: docker.filter(|_| !is_swarm).map(Provider::of),
            swarm: swarm.map(Provider::of),
            others: others
                .filter(|(name, _)| !settings.contains(name))
                .map(|(name, _)| name.into())
                .collect(),
            ping,
            syntax: match root.text("core.defaultrulesyntax") {
                "" => None,
                "v2" => Some(Syntax::V2),
                _ => Some(Syntax::V3),
            },
            oddities,
        }
    }

    /// The entry points of a router that names these; the defaults where it names none. Names that do not exist
    /// lead nowhere.
    pub fn of_names(&self, names: &[Arc<str>]) -> impl Iterator<Item = &EntryPoint> {
        self.entry_points
            .iter()
            .filter(move |entry| if names.is_empty() { entry.default } else { names.contains(&entry.name) })
    }
}

impl Provider {
    fn of(node: &Node) -> Self {
        Self {
            exposed_by_default: is(node, "exposedbydefault", true),
            network: text(node, "network"),
            constraints: text(node, "constraints"),
            default_rule: text(node, "defaultrule"),
            use_bind_port_ip: is(node, "usebindportip", false),
            allow_empty_services: is(node, "allowemptyservices", false),
        }
    }
}

fn entry_points(root: &Node, ping: Option<&Ping>) -> Vec<EntryPoint> {
    let nodes = || root.at("entrypoints").into_iter().flat_map(Node::children).map(|(_, node)| node);
    let port_of =
        |name: &str| nodes().find(|node| node.name == name).and_then(|node| port(node.text("address")));
    let mut all: Vec<EntryPoint> = nodes().map(|node| entry_point(node, port_of)).collect();
    let plain = |name: &str, port| EntryPoint {
        name: name.into(),
        port: Some(port),
        udp: false,
        default: false,
        tls: false,
        redirection: None,
        middlewares: Vec::new(),
    };
    if all.is_empty() {
        all.push(plain("http", 80));
    }
    if wants_internal(root, ping) && all.iter().all(|entry| &*entry.name != INTERNAL) {
        all.push(plain(INTERNAL, 8080));
    }
    // Where one is said to be a default, no other is.
    let chosen = all.iter().any(|entry| entry.default);
    for entry in &mut all {
        entry.default = (entry.default || !chosen) && !entry.udp && &*entry.name != INTERNAL;
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn entry_point(node: &Node, port_of: impl Fn(&str) -> Option<u16>) -> EntryPoint {
    let address = node.text("address");
    let to = node.text("http.redirections.entrypoint.to");
    let redirection = (!to.is_empty()).then(|| Redirection {
        to: bounded(to).into(),
        scheme: text(node, "http.redirections.entrypoint.scheme").unwrap_or_else(|| "https".into()),
        port: to.strip_prefix(':').map_or_else(|| port_of(to), |port| port.parse().ok()),
        priority: scalar::number(node.text("http.redirections.entrypoint.priority")),
    });
    EntryPoint {
        name: bounded(node.name).into(),
        port: port(address),
        udp: address.split_once('/').is_some_and(|(_, protocol)| protocol.eq_ignore_ascii_case("udp")),
        default: is(node, "asdefault", false),
        tls: node.on("http.tls").is_some(),
        redirection,
        middlewares: scalar::list(node.text("http.middlewares")).map(|name| bounded(name).into()).collect(),
    }
}

/// Whether Traefik opens its own entry point: for its API, `/ping` or its metrics.
fn wants_internal(root: &Node, ping: Option<&Ping>) -> bool {
    let metrics = root.at("metrics.prometheus").filter(|node| node.is_on());
    let is_internal = |name: Option<Arc<str>>| name.is_none_or(|name| &*name == INTERNAL);
    is(root, "api.insecure", false)
        || is(root, "providers.rest.insecure", false)
        || ping.is_some_and(|ping| !ping.manual && &*ping.entry_point == INTERNAL)
        || metrics
            .is_some_and(|node| !is(node, "manualrouting", false) && is_internal(text(node, "entrypoint")))
}

/// The port of `[host]:port[/protocol]`.
fn port(address: &str) -> Option<u16> {
    address.split('/').next()?.rsplit_once(':')?.1.parse().ok()
}

fn text(node: &Node, path: &str) -> Option<Arc<str>> {
    let text = node.text(path);
    (!text.is_empty()).then(|| bounded(text).into())
}

fn is(node: &Node, path: &str, default: bool) -> bool {
    scalar::flag(node.text(path)).unwrap_or(default)
}

#[cfg(test)]
mod tests;
