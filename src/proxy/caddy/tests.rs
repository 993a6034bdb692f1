//! Labels in, rules out.

mod broken;
mod documented;
mod random;

use std::collections::BTreeMap;

use super::read;
use crate::proxy::{Doors, Labels, Leads, Port, Redirect, Rule, Upstream};

/// Labels of lines `label = value`.
fn labels(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(label, value)| (label.trim().to_owned(), value.trim().to_owned())).collect()
}

fn port(upstream: &Upstream) -> String {
    let port = match &upstream.port {
        Port::Named(port) => port.to_string(),
        Port::Unnamed => "?".to_owned(),
        Port::Bad(text) => format!("bad {text}"),
    };
    port + if upstream.tls { " tls" } else { "" }
}

/// A rule in one line: door, places, what is on the way, where it leads.
fn line(rule: &Rule) -> String {
    let Doors::Site { tls, port: door } = rule.doors else { panic!("Caddy has sites") };
    let mut out = format!("{door}{}", if tls { " tls" } else { "" });
    for place in &rule.places {
        out += &format!(" {}{}{}", place.host, place.path, if place.exact { "" } else { "*" });
    }
    for strip in &rule.strips {
        out += &format!(" -{strip}");
    }
    for unsure in &rule.unsure {
        out += if unsure == "a directive that changes the path" { " rewrites" } else { " unsure" };
    }
    if rule.guarded {
        out += " guarded";
    }
    match &rule.redirect {
        Some(Redirect::Scheme(scheme, port)) => out += &format!(" redirect {scheme} {port:?}"),
        Some(Redirect::Elsewhere) => out += " redirect",
        None => {}
    }
    out += &match &rule.leads {
        Leads::Here(upstream) => format!(" -> {}", port(upstream)),
        Leads::Elsewhere(text) => format!(" -> elsewhere {text}"),
        Leads::Nowhere(_) => " -> nowhere".to_owned(),
    };
    if let Some(also) = &rule.also {
        out += &format!(" | also {also}");
    }
    if rule.refused.is_some() {
        out += " | refused";
    }
    out
}

/// The lines of a container's rules, without those of automatic HTTPS.
fn lines(read: &Labels) -> Vec<String> {
    read.rules.iter().filter(|rule| !is_automatic(rule)).map(line).collect()
}

fn is_automatic(rule: &Rule) -> bool {
    let redirects = matches!(&rule.redirect, Some(Redirect::Scheme(scheme, _)) if **scheme == *"https");
    rule.doors == Doors::Site { tls: false, port: 80 } && redirects && matches!(rule.leads, Leads::Here(_))
}

/// Reads labels and compares.
fn check(text: &str, expected: &[&str]) {
    let read = read(&labels(text));
    assert_eq!(lines(&read), expected, "{text}\n{read:#?}");
}
