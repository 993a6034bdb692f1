//! `deploy/stack.yaml` runs an exporter on each node of a Swarm that sees its node and the ways to the others, and a
//! Prometheus with `deploy/prometheus-swarm.yml` finds them all.

#[path = "trust/authority.rs"]
mod authority;
#[path = "stack/prometheus.rs"]
mod prometheus;
#[path = "stack/town.rs"]
mod town;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lab::{Engine, Result};

use town::Town;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `instance` and `node` of what an answer of Prometheus has, as `a → b`.
const WAYS: [&str; 6] = [
    "node-1 → node-2",
    "node-1 → node-3",
    "node-2 → node-1",
    "node-2 → node-3",
    "node-3 → node-1",
    "node-3 → node-2",
];

#[test]
fn each_node_has_one_that_sees_it_and_the_ways_to_the_others() -> Result<()> {
    watches_all(&Engine::of_machine())
}

#[test]
fn likewise_with_the_engine_of_the_next_release() -> Result<()> {
    watches_all(&Engine::docker_of(&project(""), "trixie")?)
}

fn watches_all(engine: &Engine) -> Result<()> {
    let town = Town::found(engine)?;
    town.deploys()?;
    let prometheus = town.prometheus()?;
    let nodes = ["node-1", "node-2", "node-3"];
    let all = |query: &str| prometheus.until(query, &["instance"], &nodes);

    all("up{job=\"destination-exporter\"} == 1")?;
    for sight in ["docker_api", "network_namespaces", "icmp", "socket_diagnostics", "host_network"] {
        all(&format!("destination_exporter_capability{{capability=\"{sight}\"}} == 1"))?;
    }
    all("destination_healthy{destination=\"shop\"} == 1")?;
    let named = town::documented("```promql\n")?.replace("_up *", "_up{destination=\"shop\"} *");
    prometheus.until(&format!("{named} == 1"), &["instance", "node"], &WAYS)?;
    // From host to host, which takes the host's network.
    let host = "count by (instance) (destination_probe_success{probe=\"node\"} == 1) == 2";
    all(host)?;

    let links: Vec<String> = nodes.iter().map(|node| format!("https://{node}:10061")).collect();
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    prometheus.until("destination_exporter_info", &["external_url"], &links)?;
    town.is_shut_to_strangers()?;
    let standing =
        prometheus.labels("destination_finding{severity!=\"info\"}", &["instance", "code", "subject"])?;
    assert_eq!(standing, BTreeSet::new());
    Ok(())
}
