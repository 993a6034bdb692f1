//! Listings of the Engine, `{"networks": […], "containers": [[row, inspection], …], "pools": […]}`: any JSON becomes a picture
//! and pages, and what is odd about one thing takes no other along.
#![no_main]

use std::collections::BTreeSet;

use destination_exporter::docker::fuzzing::{seen, uninspected};
use destination_exporter::inventory::seen::{LONGEST, Seen, SeenPool, bounded};
use destination_exporter_fuzz::line;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A row of the listing, and its inspection.
type Container = (Value, Value);

fn parts(answer: &Value) -> Option<(Vec<Value>, Vec<Container>)> {
    let list = |name: &str| Some(answer.get(name)?.as_array()?.iter());
    let pair = |pair: &Value| Some((pair.get(0)?.clone(), pair.get(1)?.clone()));
    Some((list("networks")?.cloned().collect(), list("containers")?.filter_map(pair).collect()))
}

fn pools(answer: &Value) -> Option<Vec<SeenPool>> {
    let pool = |pool: &Value| {
        let size = u8::try_from(pool.get("Size")?.as_u64()?).ok()?;
        Some(SeenPool { base: pool.get("Base")?.as_str()?.to_owned(), size })
    };
    Some(answer.get("pools")?.as_array()?.iter().filter_map(pool).collect())
}

fn ids(rows: &[Container]) -> Vec<String> {
    let ids = rows.iter().filter_map(|(row, _)| row.get("Id")?.as_str()).filter(|id| !id.is_empty());
    ids.map(|id| bounded(id).to_owned()).collect()
}

fn check_bounds(seen: &Seen) {
    let containers = seen.containers.iter().flat_map(|c| {
        let labels = c.labels.iter().flat_map(|(key, value)| [key, value]);
        let endpoints =
            c.endpoints.iter().flat_map(|e| [&e.network, &e.network_id, &e.ipv4, &e.ipv6, &e.mac]);
        let names = c.endpoints.iter().flat_map(|e| e.aliases.iter().chain(&e.dns_names));
        [&c.id, &c.name, &c.image, &c.network_mode, &c.sandbox_key]
            .into_iter()
            .chain(labels)
            .chain(endpoints)
            .chain(names)
    });
    let networks = seen.networks.iter().flat_map(|n| [&n.id, &n.name, &n.driver, &n.scope]);
    for text in containers.chain(networks) {
        // A MAC is written small, which makes a few letters longer.
        assert!(text.len() <= 2 * LONGEST, "{} bytes", text.len());
    }
}

fuzz_target!(|text: &str| {
    let Ok(answer) = serde_json::from_str(text) else { return };
    let Some((networks, containers)) = parts(&answer) else { return };
    let ids = ids(&containers);
    let known: BTreeSet<String> = ids.iter().cloned().collect();
    let pools = pools(&answer);
    let first = Seen { pools: pools.clone(), ..seen(networks.clone(), containers.clone()) };
    check_bounds(&first);
    for (row, _) in &containers {
        let id = row.get("Id").and_then(Value::as_str).unwrap_or_default();
        if let Some(before) = first.containers.iter().find(|one| one.id == bounded(id)) {
            uninspected(row.clone(), before);
        }
    }
    let (inventory, plan) = line::picture(&first);
    let listed: BTreeSet<String> = inventory.containers.keys().map(ToString::to_string).collect();
    assert_eq!(listed, known, "who has an id is in the picture, whatever else is wrong");
    let names: BTreeSet<_> = inventory.destinations.iter().map(|d| &d.name).collect();
    assert_eq!(names.len(), inventory.destinations.len(), "two destinations of one name");
    assert!(inventory.pools.is_none_or(|pools| pools.used <= pools.capacity), "{:?}", inventory.pools);
    // In another order it is the same picture, unless two things claim to be the same one.
    let networks_apart: BTreeSet<&str> = networks.iter().filter_map(|n| n.get("Id")?.as_str()).collect();
    if known.len() == ids.len() && networks_apart.len() == networks.len() {
        let (mut networks, mut containers) = (networks, containers);
        networks.reverse();
        containers.reverse();
        let (again, plan_again) = line::picture(&Seen { pools, ..seen(networks, containers) });
        assert_eq!(again.containers, inventory.containers);
        assert_eq!(again.destinations, inventory.destinations);
        assert_eq!(again.pools, inventory.pools);
        assert_eq!(plan_again, plan);
    }
    line::check(&line::verdict(inventory, &plan));
});
