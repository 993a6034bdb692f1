//! The values.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::inventory::ids::ContainerId;
use crate::proxy::traefik::Syntax;
use crate::proxy::{Kind, Port};

/// A reverse proxy of this host.
#[derive(Clone, Debug, PartialEq)]
pub struct Proxy {
    /// Its container.
    pub container: ContainerId,
    /// Its endpoint name.
    pub name: Arc<str>,
    /// What it is, where that can be told.
    pub kind: Option<Kind>,
    /// The version that its image names.
    pub version: Option<Arc<str>>,
    /// Where it listens, by port.
    pub entrances: Vec<Entrance>,
    /// More is said in a file, which cannot be seen.
    pub has_file: bool,
    /// The language of Traefik's rules, where it is set.
    pub syntax: Option<Syntax>,
    /// It takes only containers that meet an expression, which is not evaluated here.
    pub has_constraints: bool,
    /// Containers that do not say `traefik.enable` are served; `None`: not known.
    pub serves_all: Option<bool>,
    /// The network that it takes addresses from where a label names none.
    pub network: Option<Arc<str>>,
    /// Why the Engine could not start it, in the Engine's words.
    pub error: Option<Arc<str>>,
}

/// A port that a proxy listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// What labels call it.
    pub name: Arc<str>,
    /// Inside the proxy.
    pub port: u16,
    /// All that comes in speaks TLS.
    pub tls: bool,
    /// A rule that names none is served here.
    pub is_default: bool,
}

/// One site, as `shop.example.com/api`, and who serves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Domain and path, as they stand in the keys of probes.
    pub site: Arc<str>,
    /// Host name.
    pub domain: Arc<str>,
    /// Path, or its beginning.
    pub path: Arc<str>,
    /// Whose labels.
    pub kind: Kind,
    /// The proxy that serves it; `None` where there is none of the kind.
    pub proxy: Option<ContainerId>,
    /// The destination that the proxy takes the first backend's address from.
    pub destination: Option<Arc<str>>,
    /// Who serves it.
    pub workload: Arc<str>,
    /// Where it is asked for.
    pub doors: Vec<Door>,
    /// What else a request must have: what a plain one of ours gets proves nothing.
    pub also: Option<String>,
    /// What may change the answer and cannot be told from the labels: a redirect or a 404 proves nothing.
    pub unsure: Vec<String>,
    /// By container.
    pub backends: Vec<Backend>,
    /// Others that claim the same, where they do: workload and router.
    pub rivals: Vec<Rival>,
}

/// One more claim of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Whose.
    pub workload: Arc<str>,
    /// Its container.
    pub container: ContainerId,
    /// By which router or site label.
    pub router: Arc<str>,
    /// What is wrong with there being two.
    pub clash: Clash,
}

/// Why two claims do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clash {
    /// Two workloads want one site.
    TwoWorkloads,
    /// One router's name has two settings: Traefik drops both.
    TwoSettings,
    /// One container has two routers for the site, with two ports.
    TwoPorts,
}

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// TLS is spoken.
    pub tls: bool,
    /// The port inside the proxy.
    pub port: u16,
    /// It asks for a login.
    pub guarded: bool,
}

/// One container of a route.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// Which.
    pub container: ContainerId,
    /// Its endpoint name.
    pub name: Arc<str>,
    /// By which router or site label.
    pub router: Arc<str>,
    /// Whether the proxy counts it in.
    pub standing: Standing,
    /// Where the proxy dials it.
    pub place: Placed,
    /// The port; `None` where there is none to be told.
    pub port: Option<u16>,
    /// What the labels say of it.
    pub said: Port,
    /// TLS is spoken to it.
    pub tls: bool,
    /// The path that it is asked for.
    pub path: Arc<str>,
    /// When it was started; of a task on another node this is all that is known of its life.
    pub started_at: Option<SystemTime>,
}

/// Whether a proxy counts a container in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Served,
    /// No: its own check has not decided.
    Starting,
    /// No: its own check says no.
    Unhealthy,
    /// No: it does not run.
    Stopped,
}

/// Where a proxy dials a container.
#[derive(Clone, Debug, PartialEq)]
pub enum Placed {
    /// At an address of a network.
    On(Spot),
    /// Through the host, whose network it uses.
    Host,
    /// Nowhere: it is on no network.
    Nowhere,
}

/// An address on a network, and why this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// The network's name.
    pub network: Arc<str>,
    /// The destination that this is; `None` for one that the operator leaves out.
    pub destination: Option<Arc<str>>,
    /// The address.
    pub address: IpAddr,
    /// The proxy has a way there.
    pub attached: bool,
    /// Of all that it may be, the networks to which the proxy has no way.
    pub apart: Vec<Arc<str>>,
    /// Why.
    pub choice: Choice,
}

/// Why a proxy takes a container's address from a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A label names it.
    Labelled,
    /// The proxy's settings name it.
    Configured,
    /// There is no other.
    Only,
    /// The proxy is on it itself (Caddy).
    Shared,
    /// Any of these will do, and it changes.
    Any(Vec<Arc<str>>),
    /// The label names one that the container is not on; so any of these.
    Mislabelled(Arc<str>, Vec<Arc<str>>),
}

/// A rule that the proxy does not take.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The router.
    pub router: Arc<str>,
    /// Whose.
    pub container: ContainerId,
    /// Its endpoint name.
    pub name: Arc<str>,
    /// Where it is.
    pub destination: Option<Arc<str>>,
    /// As it was written.
    pub written: Arc<str>,
    /// Why, in words.
    pub why: String,
}

/// All that labels ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routes {
    /// By site and kind.
    pub served: Vec<Route>,
    /// By router.
    pub refused: Vec<Refused>,
    /// Sites that are not looked at, because there are too many.
    pub left_out: usize,
    /// What of the labels means nothing to the proxy, in words.
    pub oddities: Vec<String>,
}

impl Proxy {
    /// One of which nothing more is known.
    pub const fn new(container: ContainerId, name: Arc<str>) -> Self {
        Self {
            container,
            name,
            kind: None,
            version: None,
            entrances: Vec::new(),
            has_file: false,
            syntax: None,
            has_constraints: false,
            serves_all: None,
            network: None,
            error: None,
        }
    }
}

impl Route {
    /// What a person calls it: without the path where it is all of the domain.
    pub fn title(&self) -> Arc<str> {
        if &*self.path == "/" { Arc::clone(&self.domain) } else { Arc::clone(&self.site) }
    }

    /// Those that the proxy leads to.
    pub fn served(&self) -> impl Iterator<Item = &Backend> {
        self.backends.iter().filter(|backend| backend.standing == Standing::Served)
    }
}

impl Backend {
    /// Where the proxy dials it, on a network.
    pub const fn spot(&self) -> Option<&Spot> {
        match &self.place {
            Placed::On(spot) => Some(spot),
            Placed::Host | Placed::Nowhere => None,
        }
    }
}
