//! Ten megabytes cross `shop` and are told of there alone, by whoever counts.

use lab::{Exporter, Result};

use crate::counted::{Counted, agrees, sources, told, truth};
use crate::page::{holds, until};
use crate::town::Town;

const PAYLOAD: f64 = 10_000_000.0;

/// Nobody but the test sends anything.
const QUIET: &str = "probes: {dns: {enabled: false}, icmp: {enabled: false}, tcp: {enabled: false}, http: {enabled: false}, path_mtu: {enabled: false}}\n";

pub fn by_kernel(town: &Town) -> Result<()> {
    let mut exporter = town.exporter(QUIET)?;
    exporter.wait_ready()?;
    let before = agree(town, &exporter, "api")?;
    send(town)?;
    let api = agree(town, &exporter, "api")?;
    let db = agree(town, &exporter, "db")?;
    assert_eq!(sources(&exporter.metrics()?), ["kernel\"} 1"]);
    let more = api["shop"][0] - before["shop"][0];
    assert!((PAYLOAD..PAYLOAD * 1.1).contains(&more), "{before:?}, then {api:?}");
    assert!((PAYLOAD..PAYLOAD * 1.1).contains(&db["shop"][1]), "{db:?}");
    assert!(api["blog"].iter().all(|bytes| *bytes < PAYLOAD / 20.0), "{api:?}");
    assert!(!db.contains_key("blog"), "{db:?}");
    println!("by the kernel: db sent {} and api received {more} for {PAYLOAD}", db["shop"][1]);
    Ok(())
}

/// The Engine names interfaces and not where they lead: what is on two networks is unknown.
pub fn by_engine(town: &Town) -> Result<()> {
    let mut exporter = town.exporter(&format!("{QUIET}traffic: {{source: engine}}\n"))?;
    exporter.wait_ready()?;
    let before = agree(town, &exporter, "db")?;
    send(town)?;
    let db = agree(town, &exporter, "db")?;
    let page = exporter.metrics()?;
    assert_eq!(sources(&page), ["engine\"} 1"]);
    assert_eq!(told(&page, "api"), Counted::new());
    let more = db["shop"][1] - before["shop"][1];
    assert!((PAYLOAD..PAYLOAD * 1.1).contains(&more), "{before:?}, then {db:?}");
    println!("by the Engine: db sent {more} for {PAYLOAD}");
    Ok(())
}

/// The payload, from `db` to `api` over `shop`.
fn send(town: &Town) -> Result<()> {
    let send = format!("head -c {PAYLOAD} /dev/zero | nc 10.1.0.11 9000");
    town.lab.docker(&["exec", "db", "sh", "-c", &send]).map(drop)
}

/// Waits until the exporter says of a container what the other ends of its wires say, within 1 %.
fn agree(town: &Town, exporter: &Exporter, container: &str) -> Result<Counted> {
    let look = || {
        let truth = truth(&town.lab, container, &["shop", "blog"])?;
        let told = told(&exporter.metrics()?, container);
        holds(agrees(&truth, &told), || format!("told {told:?}, and it is {truth:?}\n{}", exporter.log()))?;
        Ok(told)
    };
    until(&format!("{container} is counted as the kernel counts it"), look).map(|(told, _)| told)
}
