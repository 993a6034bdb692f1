//! Traefik's labels, as its Docker provider reads them, and what its own command line says.
//!
//! Traefik reads the labels of a container as one whole: a single label below `traefik.http` that it cannot read costs
//! all of the container's rules. Labels of `traefik.tcp` and `traefik.udp` are not looked into.

mod check;
mod fields;
mod middleware;
mod router;
mod rule;
mod scalar;
mod service;
mod settings;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Labels;
use crate::strangers::bounded;
use router::Around;
use service::Services;
use tree::Node;

pub use rule::Syntax;
pub use settings::{EntryPoint, Ping, Provider, Redirection, Settings, Source};

/// The most rules of one container.
const RULES: usize = 64;
/// The most oddities that are told of one container.
const ODDITIES: usize = 16;

/// Reads a container's labels. `name` is what Traefik makes of the container's name where nothing else is said
/// ([`default_name`]). Rules that either of Traefik's languages takes are taken.
pub fn read(labels: &BTreeMap<String, String>, name: &str) -> Labels {
    read_as(labels, name, Syntax::Either)
}

/// As [`read`], by a Traefik whose language of rules is known.
pub fn read_as(labels: &BTreeMap<String, String>, name: &str, syntax: Syntax) -> Labels {
    let mut out = Labels::default();
    let mut root = Node::default();
    let mut said = false;
    let mut refused = None;
    for (key, value) in labels {
        match Kept::of(key) {
            Kept::No => continue,
            Kept::Unknown => tell(&mut out, format!("Traefik 2 and 3 read no label `{}`", bounded(key))),
            Kept::Swarm => {}
            Kept::Yes => {
                if let Err(why) = root.add(key, value) {
                    refused.get_or_insert(format!("the label `{}`: {why}", bounded(key)));
                }
            }
        }
        said = true;
    }
    if !said {
        return out;
    }
    if let Some((_, wrong)) = root.children().find(|(_, node)| node.name != "traefik") {
        refused.get_or_insert(format!("`{}` is to be written `traefik`", wrong.name));
    }
    let empty = Node::default();
    let traefik = root.named("traefik").unwrap_or(&empty);
    if let Err(why) = check::check(fields::ROOT, traefik, true) {
        refused.get_or_insert(why);
    }
    out.enabled = scalar::flag(traefik.text("enable"));
    out.network = network(traefik, labels, &mut out);
    add_rules(traefik, name, syntax, refused, &mut out);
    if let Some(why) = &out.refused {
        let told = format!("Traefik takes none of the container's labels: {why}");
        out.oddities.insert(0, bounded(&told).to_owned());
        out.oddities.truncate(ODDITIES);
    }
    out
}

/// What Traefik calls a container in the services and routers that it makes itself: its Compose service and project,
/// else its name; without what is neither a letter nor a digit.
pub fn default_name(labels: &BTreeMap<String, String>, container: &str) -> String {
    let compose = |what: &str| {
        labels
            .get(&format!("com.docker.compose.{what}"))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let name = match (compose("service"), compose("project")) {
        (Some(service), Some(project)) => format!("{service}_{project}"),
        _ => container.to_owned(),
    };
    let words: Vec<&str> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// What becomes of a label.
enum Kept {
    /// It is none of Traefik's.
    No,
    Yes,
    /// The Swarm provider's.
    Swarm,
    /// Traefik reads none of that name.
    Unknown,
}

impl Kept {
    /// By the beginning of its key, in any case.
    fn of(key: &str) -> Self {
        let begins = |with: &str| key.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        let read = ["traefik.enable", "traefik.docker.", "traefik.http", "traefik.tcp", "traefik.udp"];
        match () {
            () if read.into_iter().any(begins) || begins("traefik.tls.stores.default") => Self::Yes,
            () if begins("traefik.swarm.") => Self::Swarm,
            () if begins("traefik.") => Self::Unknown,
            () => Self::No,
        }
    }
}

/// The network to take addresses from. The provider of Swarm's services has a label of its own for it.
fn network(traefik: &Node, labels: &BTreeMap<String, String>, out: &mut Labels) -> Option<Arc<str>> {
    let of_swarm = |what: &str| {
        let wanted = format!("traefik.swarm.{what}");
        labels.iter().find(|(key, _)| key.eq_ignore_ascii_case(&wanted))
    };
    if let Some((key, _)) = of_swarm("network").or_else(|| of_swarm("lbswarm")) {
        tell(out, format!("`{key}` is read of a service of Swarm, not of a container"));
    }
    let of_docker = traefik.at("docker.network").map(|node| node.value);
    let value = of_docker.or_else(|| of_swarm("network").map(|(_, value)| value.as_str()));
    value.map(|network| bounded(network).into())
}

fn add_rules(traefik: &Node, name: &str, syntax: Syntax, refused: Option<String>, out: &mut Labels) {
    let http = traefik.at("http");
    let services = Services::of(traefik.at("http.services"), name);
    let refused = refused.or_else(|| services.refused.clone());
    out.refused = refused.map(|why| bounded(&why).to_owned());
    let refused = out.refused.clone();
    out.portless = services.portless();
    for odd in &services.odd {
        tell(out, odd.clone());
    }
    let around = Around {
        name,
        services: &services,
        middlewares: traefik.at("http.middlewares"),
        syntax,
        refused: refused.as_deref(),
    };
    let routers = traefik.at("http.routers").filter(|node| !node.is_leaf());
    if let Some(routers) = routers {
        for (_, router) in routers.children().take(RULES) {
            router::add(router.name, router, &around, out);
        }
        if routers.children().len() > RULES {
            tell(out, format!("of {} routers, {RULES} are looked at", routers.children().len()));
        }
    } else if http.is_none() && (traefik.at("tcp").is_some() || traefik.at("udp").is_some()) {
        // Rules of other kinds alone: Traefik makes no router of its own then.
    } else if services.len() > 1 {
        tell(out, format!("Traefik makes no router of {} services", services.len()));
    } else {
        router::add(name, &Node::default(), &around, out);
    }
}

/// Adds an oddity, within the bounds.
fn tell(labels: &mut Labels, what: String) {
    if labels.oddities.len() < ODDITIES {
        labels.oddities.push(bounded(&what).to_owned());
    }
}

#[cfg(test)]
mod tests;
