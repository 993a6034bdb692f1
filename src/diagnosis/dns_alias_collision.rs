//! `dns-alias-collision`: one name, containers of two workloads behind it.
//!
//! Who bears a name on this host the Engine lists. Of other nodes of an overlay it tells addresses and whose they are, and
//! no names; nor does it list the aliases of a service. There the answers say it: those that lead to several workloads.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::swarm::{Bearer, TASKS};
use crate::inventory::{Container, Destination, Endpoint, Inventory, normal};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, QueryType};
use crate::state::Record;

use super::scene::{Scene, fails};
use super::words::{
    container, draft, few_quoted, from_inside, listed, network, quoted, reconnect, saw, sh, symptom,
};
use super::{Code, Finding, Step};

/// Destination and name (in its normal form), to the workloads that answer to it.
pub(super) type Collisions<'a> = BTreeMap<(&'a str, String), BTreeSet<String>>;

/// The names with two workloads or more behind them. Replicas of one workload share names by
/// design, and so do the old and the new container of a rolling deploy.
pub(super) fn collisions(inventory: &Inventory) -> Collisions<'_> {
    let mut collisions = Collisions::new();
    for destination in &inventory.destinations {
        let mut owners: BTreeMap<Cow<'_, str>, Vec<&Endpoint>> = BTreeMap::new();
        for endpoint in &destination.endpoints {
            for name in &endpoint.names {
                owners.entry(normal(name)).or_default().push(endpoint);
            }
        }
        for (name, owners) in owners.into_iter().filter(|(_, owners)| owners.len() > 1) {
            let workloads: BTreeSet<String> = owners.into_iter().map(|e| workload(inventory, e)).collect();
            if workloads.len() > 1 {
                collisions.insert((&destination.name, name.into_owned()), workloads);
            }
        }
    }
    collisions
}

/// Destination and name (in its normal form), to the addresses that it was answered with on an overlay, and whose each is.
pub(super) type Answered<'a> = BTreeMap<(&'a str, String), BTreeMap<IpAddr, Bearer<'a>>>;

/// The names that were answered with addresses of several workloads of an overlay.
pub(super) fn answered<'a>(scene: &Scene<'a>) -> Answered<'a> {
    let mut answered = Answered::new();
    let Some(inventory) = scene.inventory else { return answered };
    for on in &inventory.destinations {
        let Some(overlay) = &on.overlay else { continue };
        let several: Vec<_> =
            lookups(scene, &on.name).filter(|(_, record, _)| record.seen.answers.len() > 1).collect();
        if several.is_empty() {
            continue;
        }
        let mut known = overlay.bearers();
        for endpoint in &on.endpoints {
            known.extend(endpoint.addresses.iter().map(|ip| (*ip, called(inventory, endpoint))));
        }
        for (_, record, name) in several {
            let whose = record.seen.answers.iter().filter_map(|ip| Some((*ip, *known.get(ip)?)));
            let whose: BTreeMap<IpAddr, Bearer<'_>> = whose.collect();
            if workloads(inventory, on, &whose).len() > 1 {
                answered.entry((&*on.name, name)).or_default().extend(whose);
            }
        }
    }
    answered
}

/// What was looked up on a destination, with the name that it is about. A service's tasks have a name of their own, which it
/// lends to the aliases of the service as well.
fn lookups<'a>(
    scene: &Scene<'a>,
    on: &str,
) -> impl Iterator<Item = (&'a ProbeKey, &'a Record, String)> + use<'a> {
    let on: Arc<str> = on.into();
    scene.snapshot.probes.iter().filter_map(move |(key, record)| match &key.detail {
        Detail::Name(name, QueryType::A | QueryType::Aaaa)
            if key.kind == ProbeKind::Dns && key.destination == on =>
        {
            let name = normal(name);
            Some((key, record, name.strip_prefix(TASKS).unwrap_or(&name).to_owned()))
        }
        _ => None,
    })
}

/// A container of this host as the overlay's gossip knows it.
fn called<'a>(inventory: &'a Inventory, endpoint: &'a Endpoint) -> Bearer<'a> {
    match inventory.container(&endpoint.container) {
        Some(container) => match &container.task_of {
            Some(service) => Bearer::Service(service),
            None => Bearer::Container(&container.name),
        },
        None => Bearer::Container(&endpoint.name),
    }
}

/// Whose addresses these are. Nobody tells the labels of a container on another node: those that are called alike but for
/// a number are one workload, as replicas are, and a deployment and the next.
pub(super) fn workloads(
    inventory: &Inventory,
    on: &Destination,
    answered: &BTreeMap<IpAddr, Bearer<'_>>,
) -> BTreeSet<String> {
    let bearers: BTreeSet<Bearer<'_>> = answered.values().copied().collect();
    let mut beyond: BTreeMap<Bearer<'_>, &str> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for bearer in bearers {
        let here = |is: &dyn Fn(Bearer<'_>) -> bool| on.endpoints.iter().find(|e| is(called(inventory, e)));
        let own = here(&|own| own == bearer).or_else(|| here(&|own| unnumbered(own) == unnumbered(bearer)));
        match own {
            Some(endpoint) => drop(all.insert(workload(inventory, endpoint))),
            None => drop(beyond.entry(unnumbered(bearer)).or_insert_with(|| bearer.name())),
        }
    }
    all.extend(beyond.into_values().map(str::to_owned));
    all
}

/// The same for all that are called alike but for a number at the end.
fn unnumbered(bearer: Bearer<'_>) -> Bearer<'_> {
    let stem = |name| {
        let number = |c: char| c.is_ascii_digit();
        let stem = str::trim_end_matches(name, number);
        let separated = stem.strip_suffix(['-', '_', '.']).filter(|stem| !stem.is_empty());
        if stem.len() < name.len() { separated.unwrap_or(name) } else { name }
    };
    match bearer {
        Bearer::Service(name) => Bearer::Service(stem(name)),
        Bearer::Container(name) => Bearer::Container(stem(name)),
    }
}

/// True where lookups alone say so. A picture that is younger than the first of them is to agree.
pub(super) fn is_of_answers(scene: &Scene<'_>, finding: &Finding) -> bool {
    let on = finding.destination.as_deref().unwrap_or_default();
    finding.code == Code::DnsAliasCollision && !scene.is_listed_twice(on, &finding.subject.name)
}

/// Until the name is answered otherwise, or nobody is there to ask for it.
pub(super) fn holds(scene: &Scene<'_>, finding: &Finding) -> bool {
    let on = finding.destination.as_deref().unwrap_or_default();
    let asked = lookups(scene, on).filter(|(.., name)| *name == *finding.subject.name);
    let asked: Vec<&Record> = asked.map(|(_, record, _)| record).collect();
    if asked.is_empty() {
        return !(scene.snapshot.sight.engine.is_up() && scene.sees(on));
    }
    asked.iter().all(|record| matches!(record.outcome, Outcome::Unknown(_)))
}

fn workload(inventory: &Inventory, endpoint: &Endpoint) -> String {
    inventory.container(&endpoint.container).map_or_else(|| endpoint.name.to_string(), Container::whose)
}

/// Names that lead to either of several workloads.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let of_one = |destination: &Destination| {
        let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for ((_, name), listed) in scene.collisions.iter().filter(|((on, _), _)| *on == &*destination.name) {
            names.entry(name).or_default().extend(listed.iter().cloned());
        }
        for ((_, name), told) in scene.answered.iter().filter(|((on, _), _)| *on == &*destination.name) {
            names.entry(name).or_default().extend(workloads(inventory, destination, told));
        }
        let told = names.iter().map(|(name, workloads)| tell(scene, destination, name, workloads));
        told.collect::<Vec<Finding>>()
    };
    scene.destinations().flat_map(of_one).collect()
}

fn tell(scene: &Scene<'_>, destination: &Destination, name: &str, workloads: &BTreeSet<String>) -> Finding {
    let owners: Vec<&Endpoint> =
        destination.endpoints.iter().filter(|e| e.names.iter().any(|n| normal(n) == name)).collect();
    let answered = scene.answered.get(&(&*destination.name, name.to_owned()));
    let mut finding = draft(Code::DnsAliasCollision, "name", &name.into(), scene.snapshot.at);
    finding.destination = Some(Arc::clone(&destination.name));
    finding.summary = format!(
        "The name {} on the network {} leads to {} workloads ({}): connections go to any of them.",
        quoted(name),
        quoted(&destination.name),
        workloads.len(),
        few_quoted(workloads)
    );
    finding.evidence = owners
        .iter()
        .take(8)
        .map(|e| {
            let addresses: Vec<String> = e.addresses.iter().map(ToString::to_string).collect();
            saw(
                format!("names of {}, container {}", e.name, own_name(scene, e)),
                format!("{name} → {}", addresses.join(", ")),
                "one workload a name",
            )
        })
        .collect();
    let mut asks: Option<&ProbeKey> = None;
    if let Some(answered) = answered {
        asks = lookups(scene, &destination.name).find(|(.., asked)| asked == name).map(|(key, ..)| key);
        let led: Vec<String> =
            answered.iter().map(|(ip, whose)| format!("{ip} ({})", whose.name())).collect();
        let source = asks.map_or_else(
            || "lookups".to_owned(),
            |key| format!("dns from {} for {}", key.source, key.detail),
        );
        finding.evidence.push(saw(source, led.join(", "), "one workload a name"));
    }
    let asked = scene.looks_of(&destination.name, ProbeKind::Dns).iter();
    let failing = asked.filter(|(key, record)| fails(record) && super::dns_wrong_answer::asks(key, name));
    finding.explains = listed(failing.map(|(key, record)| symptom(key, record)));
    finding.explains.push(format!("connections to {name} that end at the wrong service now and then"));
    finding.ruled_out = vec!["these are not replicas of one workload".to_owned()];
    let net = network(destination);
    let id = |e: &Endpoint| {
        scene.inventory.map_or_else(|| sh(e.container.short()), |i| container(i, &e.container))
    };
    // A service is called by its own name, whichever of its tasks is there.
    let mut full: Vec<&str> = match answered {
        Some(answered) => {
            answered.values().map(|whose| whose.name()).collect::<BTreeSet<&str>>().into_iter().collect()
        }
        None => owners.iter().map(|e| own_name(scene, e)).collect(),
    };
    full.dedup();
    finding.fix = vec![match full.as_slice() {
        [one, other] => Step::filled(
            "have each app call its own container by the full name ({} or {}) and redeploy the app",
            &[one, other],
        ),
        _ => Step::prose(
            "have each app call its own container by the full name, as it stands above, and redeploy the app",
        ),
    }];
    finding.fix.push(Step::prose(
        "for good: give each service a name of its own (in Compose: rename the service) and redeploy it",
    ));
    // Nothing tells which is the intruder: the command names a container, the person decides which. Coolify itself needs
    // what its own are called.
    let is_coolifys = |e: &Endpoint| {
        let own = own_name(scene, e);
        own == "coolify" || own.starts_with("coolify-")
    };
    // From a task nothing can be taken: its service is what has the alias.
    let is_task = |e: &Endpoint| {
        let known = scene.inventory.and_then(|inventory| inventory.container(&e.container));
        known.is_some_and(|known| known.task_of.is_some())
    };
    if let Some(last) = owners.iter().rev().find(|e| !is_coolifys(e) && !is_task(e)) {
        finding.fix.push(Step::when(
            "only where neither can be done now: this takes the name from one of them, which one is a guess. Its connections are cut, and whoever still calls the shared name gets the other's from then on, apps of its own project as well",
            reconnect(&net, &id(last), last, Some(name)),
        ));
    }
    let looks_up = asks.and_then(|key| destination.endpoint(&key.source));
    if let Some(first) = looks_up.or_else(|| owners.first().copied()) {
        finding.verify.push(from_inside(&id(first), &format!("nslookup {}", sh(name))));
    }
    finding.verify.push(format!("docker network inspect {net}"));
    finding
}

/// What the container itself is called: nobody else is.
fn own_name<'a>(scene: &Scene<'a>, endpoint: &'a Endpoint) -> &'a str {
    let known = scene.inventory.and_then(|inventory| inventory.container(&endpoint.container));
    known.map_or(&endpoint.name, |known| &known.name)
}
