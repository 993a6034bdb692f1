//! The values.

use std::sync::Arc;

use serde::Serialize;

/// The proxies whose labels are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Traefik, 2 and 3.
    Traefik,
    /// Caddy with caddy-docker-proxy.
    Caddy,
}

impl Kind {
    /// The value of the label `kind`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
        }
    }
}

/// What the labels of one container ask of one kind of proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// `traefik.enable`; `None` where it is not said. Caddy has no such label.
    pub enabled: Option<bool>,
    /// The network that the proxy is to take the container's address from: `traefik.docker.network`,
    /// `caddy_ingress_network`.
    pub network: Option<Arc<str>>,
    /// By name.
    pub rules: Vec<Rule>,
    /// Why the proxy takes none of the rules, in words; each of them is [refused](Rule::refused) for it then.
    pub refused: Option<String>,
    /// A service that names no port, whether a rule leads there or not: Traefik takes none of the rules of a container
    /// that exposes no port then.
    pub portless: Option<Arc<str>>,
    /// What could not be read, in words, each bounded.
    pub oddities: Vec<String>,
}

/// One router of Traefik, or one directive of a Caddy site that leads to containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The router's name; for Caddy the label's prefix, as `caddy_0`.
    pub name: Arc<str>,
    /// The rule as it was written, cut to [`LONGEST`](crate::strangers::LONGEST) bytes: Traefik's rule, Caddy's site address.
    /// Empty where a router of Traefik has none: the proxy makes one of the container's name.
    pub written: Arc<str>,
    /// The hosts and paths that it names and that can be asked for, without doubles, in the order of the rule.
    pub places: Vec<Place>,
    /// What else a request must have (a method, a header, an expression), in words: one of ours may not match.
    pub also: Option<String>,
    /// Why the proxy does not take the rule, in words.
    pub refused: Option<String>,
    /// Where the proxy listens for it.
    pub doors: Doors,
    /// It answers with a redirect instead of leading on.
    pub redirect: Option<Redirect>,
    /// It asks for a login before it leads on: 401 and 403 are right answers.
    pub guarded: bool,
    /// Prefixes of the path that it takes away before it leads on.
    pub strips: Vec<Arc<str>>,
    /// What may change the answer and cannot be told from these labels, in words: a middleware of another provider or
    /// container, one that rewrites the path. A redirect, a 401, 403 or 404 proves nothing then.
    pub unsure: Vec<String>,
    /// The priority that somebody gave it; else Traefik takes the rule's length.
    pub priority: Option<i64>,
    /// Where it leads.
    pub leads: Leads,
    /// A fingerprint of every setting of the router: two containers that give one router's name different settings
    /// lose both (Traefik). Empty for Caddy.
    pub settings: Arc<str>,
}

/// One host and path that a rule names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Lower case, without port.
    pub host: Arc<str>,
    /// Begins with a slash.
    pub path: Arc<str>,
    /// This path and no longer one.
    pub exact: bool,
}

/// Where a proxy listens for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doors {
    /// Traefik.
    EntryPoints {
        /// By name; none: the proxy's own choice.
        names: Vec<Arc<str>>,
        /// The router takes TLS and nothing else.
        tls: bool,
    },
    /// Caddy.
    Site {
        /// It speaks TLS.
        tls: bool,
        /// The port, inside the proxy.
        port: u16,
    },
}

/// What a redirect changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// To another scheme, `https` as a rule, and a port where one is named.
    Scheme(Arc<str>, Option<u16>),
    /// To wherever a pattern says.
    Elsewhere,
}

/// Where a rule leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the container that has the labels.
    Here(Upstream),
    /// To something that these labels do not define: `api@internal`, a service of a file or of another container, a URL.
    Elsewhere(Arc<str>),
    /// Nowhere: why, in words.
    Nowhere(String),
}

/// How the container is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Traefik's service; empty for Caddy.
    pub service: Arc<str>,
    /// Which port.
    pub port: Port,
    /// TLS towards the container.
    pub tls: bool,
}

/// Which port of a container a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// This.
    Named(u16),
    /// None: the lowest that the container exposes (Traefik).
    Unnamed,
    /// What stands there is no port.
    Bad(Arc<str>),
}
