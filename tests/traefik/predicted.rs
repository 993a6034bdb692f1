//! What Traefik should make of containers: by the labels as they are read, and by what the Engine inspects.

use std::collections::{BTreeMap, BTreeSet};

use destination_exporter::proxy::traefik::{Settings, Syntax, default_name, read_as};
use destination_exporter::proxy::{Doors, Labels, Leads, Port, Rule};
use serde_json::Value;

use super::town::HOST;

/// A router, as it is to be.
#[derive(Clone, Debug)]
pub struct Router {
    pub rule: Rule,
    pub entry_points: BTreeSet<String>,
    /// `enabled`, `warning` or `disabled`.
    pub status: &'static str,
    pub service: String,
    pub tls: bool,
}

/// What Traefik should make.
#[derive(Debug, Default)]
pub struct Predicted {
    pub routers: BTreeMap<String, Router>,
    /// For each server of a service, the URLs of which it has one.
    pub services: BTreeMap<String, Vec<BTreeSet<String>>>,
}

/// One container.
struct Seen<'a> {
    inspected: &'a Value,
    labels: Labels,
}

pub fn predict(inspected: &[Value], settings: &Settings) -> Predicted {
    let provider = settings.docker.as_ref().expect("the test's flags set the provider");
    let all: Vec<Seen> = inspected.iter().map(seen).collect();
    let mut predicted = Predicted::default();
    let mut rules: BTreeMap<String, Vec<&Rule>> = BTreeMap::new();
    for container in &all {
        let asked = container.labels.enabled.unwrap_or(provider.exposed_by_default);
        let Some(services) = servers(container, &all) else { continue };
        if !asked || container.labels.refused.is_some() {
            continue;
        }
        for (name, urls) in services {
            predicted.services.entry(name).or_default().push(urls);
        }
        for rule in &container.labels.rules {
            rules.entry(rule.name.to_string()).or_default().push(rule);
        }
    }
    for (name, rules) in rules {
        // Two containers that say different things of one router lose both.
        let agree = rules.iter().all(|rule| rule.settings == rules[0].settings);
        if agree && !matches!(rules[0].leads, Leads::Nowhere(_)) {
            add_routers(&name, rules[0], settings, inspected, &mut predicted);
        }
    }
    predicted
}

fn seen(inspected: &Value) -> Seen<'_> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = inspected["Config"]["Labels"].as_object().into_iter().flatten();
    let labels: BTreeMap<String, String> = labels.map(|(key, value)| (key.clone(), text(value))).collect();
    let name = default_name(&labels, &text(&inspected["Name"]));
    Seen { inspected, labels: read_as(&labels, &name, Syntax::V3) }
}

/// The URLs that each of a container's services may have; none where Traefik leaves the container out.
fn servers(container: &Seen, all: &[Seen]) -> Option<BTreeMap<String, BTreeSet<String>>> {
    if container.labels.portless.is_some() {
        lowest_exposed(container.inspected)?;
    }
    let mut services = BTreeMap::new();
    for rule in &container.labels.rules {
        let Leads::Here(upstream) = &rule.leads else { continue };
        let port = match &upstream.port {
            Port::Named(port) => port.to_string(),
            Port::Bad(text) => text.to_string(),
            Port::Unnamed => lowest_exposed(container.inspected)?.to_string(),
        };
        let scheme = if upstream.tls { "https" } else { "http" };
        let urls: BTreeSet<String> =
            addresses(container, all).iter().map(|ip| format!("{scheme}://{ip}:{port}")).collect();
        if urls.is_empty() {
            return None;
        }
        services.insert(upstream.service.to_string(), urls);
    }
    Some(services)
}

fn lowest_exposed(inspected: &Value) -> Option<u16> {
    let ports = inspected["NetworkSettings"]["Ports"].as_object()?;
    ports.keys().filter_map(|key| key.split('/').next()?.parse().ok()).min()
}

/// Of which Traefik takes one: that on the network of the label, else any.
fn addresses(container: &Seen, all: &[Seen]) -> BTreeSet<String> {
    let mode = container.inspected["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
    if mode == "host" {
        return BTreeSet::from([HOST.to_owned()]);
    }
    if let Some(id) = mode.strip_prefix("container:") {
        let other = all.iter().find(|other| other.inspected["Id"] == id).expect("the other one runs");
        return addresses(other, all);
    }
    let networks = container.inspected["NetworkSettings"]["Networks"].as_object();
    let address = |value: &Value| value["IPAddress"].as_str().filter(|ip| !ip.is_empty()).map(str::to_owned);
    let on: BTreeMap<&str, Option<String>> =
        networks.into_iter().flatten().map(|(name, value)| (name.as_str(), address(value))).collect();
    match container.labels.network.as_deref().and_then(|network| on.get(network)) {
        Some(address) => address.iter().cloned().collect(),
        None => on.into_values().flatten().collect(),
    }
}

/// A router on an entry point that has settings of its own becomes one router for each.
fn add_routers(name: &str, rule: &Rule, settings: &Settings, inspected: &[Value], predicted: &mut Predicted) {
    let Doors::EntryPoints { names, tls } = &rule.doors else { panic!("a rule of Traefik has entry points") };
    let service = match &rule.leads {
        Leads::Here(upstream) => upstream.service.to_string(),
        Leads::Elsewhere(other) => other.to_string(),
        Leads::Nowhere(why) => panic!("{why}"),
    };
    let defaults: Vec<String>;
    let named: Vec<String> = names.iter().map(ToString::to_string).collect();
    let wanted = if named.is_empty() {
        defaults = settings.of_names(&[]).map(|entry| entry.name.to_string()).collect();
        &defaults
    } else {
        &named
    };
    let known: Vec<&str> = settings.entry_points.iter().map(|entry| &*entry.name).collect();
    let secure = |entry: &str| settings.entry_points.iter().any(|known| &*known.name == entry && known.tls);
    let (own, shared): (Vec<&String>, Vec<&String>) = wanted.iter().partition(|entry| secure(entry));
    let mut add = |name: String, entries: Vec<&String>, tls: bool| {
        let there = entries.iter().filter(|entry| known.contains(&entry.as_str())).count();
        let status = match there {
            _ if is_refused(rule, inspected, predicted) => "disabled",
            0 => "disabled",
            there if there < entries.len() => "warning",
            _ => "enabled",
        };
        let entry_points = entries.into_iter().cloned().collect();
        let router = Router { rule: rule.clone(), entry_points, status, service: service.clone(), tls };
        predicted.routers.insert(format!("{name}@docker"), router);
    };
    for entry in &own {
        let name = if wanted.len() > 1 { format!("{entry}-{name}") } else { name.to_owned() };
        add(name, vec![entry], true);
    }
    if !shared.is_empty() {
        add(name.to_owned(), shared, *tls);
    }
}

fn is_refused(rule: &Rule, inspected: &[Value], predicted: &Predicted) -> bool {
    let is_lost = match &rule.leads {
        // No port of a URL.
        Leads::Here(upstream) => {
            matches!(&upstream.port, Port::Bad(port) if !port.bytes().all(|b| b.is_ascii_digit()))
        }
        Leads::Elsewhere(other) if other.starts_with("http") => false,
        Leads::Elsewhere(other) => {
            !other.ends_with("@internal") && !predicted.services.contains_key(&**other)
        }
        Leads::Nowhere(_) => true,
    };
    // A middleware that no container defines.
    let is_gone = rule.unsure.iter().any(|why| {
        let name = why.split('`').nth(1).unwrap_or_default();
        let key = format!("traefik.http.middlewares.{name}.");
        let defined = |container: &Value| {
            container["Config"]["Labels"]
                .as_object()
                .into_iter()
                .flatten()
                .any(|(known, _)| known.starts_with(&key))
        };
        why.contains("not defined by these labels") && !inspected.iter().any(defined)
    });
    rule.refused.is_some() || is_lost || is_gone
}
