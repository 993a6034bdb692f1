//! One router as a rule.

use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::super::{Doors, Labels, Rule};
use super::rule::{Read, Syntax};
use super::service::Services;
use super::tree::Node;
use super::{middleware, rule, scalar, tell};
use crate::strangers::bounded;

/// The most entry points of a router that are kept.
const ENTRY_POINTS: usize = 16;

/// What stands around a router in the labels of its container.
pub struct Around<'a> {
    /// What Traefik makes of the container's name.
    pub name: &'a str,
    pub services: &'a Services,
    pub middlewares: Option<&'a Node<'a>>,
    pub syntax: Syntax,
    /// Why Traefik takes nothing of the container.
    pub refused: Option<&'a str>,
}

/// Adds the rule of one router; `node` is what its labels say.
pub fn add(name: &str, node: &Node, around: &Around, labels: &mut Labels) {
    let written = node.text("rule");
    let read = read_rule(node, around.syntax);
    let effect = middleware::through(node.text("middlewares"), around.middlewares);
    let leads = around.services.linked(node.text("service"));
    if let Some(odd) = read.odd {
        tell(labels, format!("the router `{}`: {odd}", bounded(name)));
    }
    let names = scalar::list(node.text("entrypoints")).take(ENTRY_POINTS).map(|name| bounded(name).into());
    labels.rules.push(Rule {
        name: bounded(name).into(),
        written: bounded(written).into(),
        places: read.places,
        also: read.also,
        refused: around.refused.map(str::to_owned).or(read.refused).or(effect.refused),
        doors: Doors::EntryPoints { names: names.collect(), tls: node.on("tls").is_some() },
        redirect: effect.redirect,
        guarded: effect.guarded,
        strips: effect.strips,
        unsure: effect.unsure,
        priority: scalar::number(node.text("priority")).filter(|priority| *priority != 0),
        leads,
        settings: fingerprint(node, around),
    });
}

/// A router without a rule is given the proxy's own, in which there is no place that we know.
fn read_rule(node: &Node, known: Syntax) -> Read {
    let written = node.text("rule");
    let syntax = match node.text("rulesyntax") {
        "" => known,
        "v2" => Syntax::V2,
        _ => Syntax::V3,
    };
    if written.is_empty() { Read::default() } else { rule::read(written, syntax) }
}

/// Equal for two routers where all settings mean the same to Traefik.
fn fingerprint(node: &Node, around: &Around) -> Arc<str> {
    let mut hash = Context::new(&SHA256);
    for piece in settings(node, around) {
        hash.update(&piece.len().to_le_bytes());
        hash.update(piece.as_bytes());
    }
    let digest = hash.finish();
    digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Everything that Traefik compares when two containers have one router.
fn settings(node: &Node, around: &Around) -> Vec<String> {
    let service = match node.text("service") {
        "" => around.services.only().unwrap_or_default(),
        service => service,
    };
    let mut all = vec![
        list(node.text("entrypoints")),
        list(node.text("middlewares")),
        service.to_owned(),
        node.text("rulesyntax").to_owned(),
        scalar::number(node.text("priority")).unwrap_or(0).to_string(),
    ];
    all.extend(match node.text("rule") {
        // The proxy makes a rule of the name.
        "" => ["default".to_owned(), around.name.to_owned()],
        rule => ["rule".to_owned(), rule.to_owned()],
    });
    if let Some(tls) = node.on("tls") {
        all.extend(["tls", tls.text("options"), tls.text("certresolver")].map(str::to_owned));
        for (_, domain) in tls.at("domains").into_iter().flat_map(Node::children) {
            all.extend(["domain".to_owned(), domain.text("main").to_owned(), list(domain.text("sans"))]);
        }
    }
    if let Some(seen) = node.at("observability") {
        let said =
            |field| scalar::flag(seen.text(field)).map_or("unsaid".to_owned(), |said| said.to_string());
        all.extend(["accesslogs", "metrics", "tracing"].map(said));
        all.push(seen.at("traceverbosity").map_or("minimal", |verbosity| verbosity.value).to_owned());
    }
    all
}

fn list(value: &str) -> String {
    scalar::list(value).collect::<Vec<_>>().join(",")
}
