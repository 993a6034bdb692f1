//! `dns-alias-collision`: one name, containers of two workloads behind it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::inventory::{Container, Destination, Endpoint, Inventory, normal};
use crate::outcome::ProbeKind;

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

fn workload(inventory: &Inventory, endpoint: &Endpoint) -> String {
    inventory.container(&endpoint.container).map_or_else(|| endpoint.name.to_string(), Container::whose)
}

/// Names that lead to either of several workloads.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    scene
        .destinations()
        .flat_map(|destination| {
            let here = scene.collisions.iter().filter(move |((d, _), _)| *d == &*destination.name);
            here.map(move |((_, name), workloads)| (destination, name, workloads))
        })
        .map(|(destination, name, workloads)| tell(scene, destination, name, workloads))
        .collect()
}

fn tell(scene: &Scene<'_>, destination: &Destination, name: &str, workloads: &BTreeSet<String>) -> Finding {
    let owners: Vec<&Endpoint> =
        destination.endpoints.iter().filter(|e| e.names.iter().any(|n| normal(n) == name)).collect();
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
    let asked = scene.looks_of(&destination.name, ProbeKind::Dns).iter();
    let failing = asked.filter(|(key, record)| fails(record) && super::dns_wrong_answer::asks(key, name));
    finding.explains = listed(failing.map(|(key, record)| symptom(key, record)));
    finding.explains.push(format!("connections to {name} that end at the wrong service now and then"));
    finding.ruled_out = vec!["these are not replicas of one workload".to_owned()];
    let net = network(destination);
    let id = |e: &Endpoint| {
        scene.inventory.map_or_else(|| sh(e.container.short()), |i| container(i, &e.container))
    };
    let mut full: Vec<&str> = owners.iter().map(|e| own_name(scene, e)).collect();
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
    if let Some(last) = owners.iter().rev().find(|e| !is_coolifys(e)) {
        finding.fix.push(Step::when(
            "only where neither can be done now: this takes the name from one of them, which one is a guess. Its connections are cut, and whoever still calls the shared name gets the other's from then on, apps of its own project as well",
            reconnect(&net, &id(last), last, Some(name)),
        ));
    }
    if let Some(first) = owners.first() {
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
