//! What is there, and what everybody on it sees of the others.

use std::collections::{BTreeMap, BTreeSet};

use lab::{Error, Exporter, Result};
use serde_json::Value;

use crate::page::{holds, until, value, with};
use crate::town::{ALIAS, ON_BLOG, Town};

/// No finding but that `api` is on both destinations, and nothing that could not be read.
pub fn nothing_is_wrong(exporter: &Exporter) -> Result<()> {
    let shared = BTreeSet::from(["info isolation-shared-container api".to_owned()]);
    let look = || {
        let (found, oddities) = findings(&exporter.report()?);
        assert!(oddities.is_empty(), "what is odd: {oddities:?}");
        assert!(found.is_subset(&shared), "found {found:?}\n{}", exporter.log());
        holds(found == shared, || format!("found {found:?}"))
    };
    until("nothing is wrong, and that api is shared is told", look).map(drop)
}

/// Severity, code and subject of every finding; and what could not be read.
pub fn findings(report: &Value) -> (BTreeSet<String>, Vec<String>) {
    let of = |findings: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let one = |f: &Value| [&f["severity"], &f["code"], &f["subject"]["name"]].map(text).join(" ");
        findings.as_array().into_iter().flatten().map(one).collect::<Vec<_>>()
    };
    let destinations = report["destinations"].as_array().into_iter().flatten();
    let found = destinations.flat_map(|d| of(&d["findings"])).chain(of(&report["host"]["findings"]));
    let oddities = report["host"]["oddities"].as_array().into_iter().flatten().map(Value::to_string);
    (found.collect(), oddities.collect())
}

pub fn what_there_is(town: &Town, exporter: &Exporter) -> Result<()> {
    let page = exporter.metrics()?;
    lab::check_metrics(&page)?;
    for (destination, containers) in [
        ("shop", &[("web", "10.1.0.10"), ("api", "10.1.0.11"), ("db", "10.1.0.12")][..]),
        ("blog", &[("blog", "10.2.0.10"), ("api", ON_BLOG)]),
    ] {
        let here = ("destination", destination);
        let id = town.lab.docker(&["network", "inspect", "-f", "{{.Id}}", destination])?;
        let network = [here, ("network_id", &id), ("driver", "bridge"), ("scope", "local")];
        assert_eq!(value(&page, "destination_info", &network)?, 1.0);
        let count = containers.len() as f64;
        assert_eq!(value(&page, "destination_containers", &[here])?, count);
        assert_eq!(with(&page, "destination_container_info", &[here]).len(), containers.len());
        for (container, address) in containers {
            let id = town.lab.docker(&["inspect", "-f", "{{.Id}}", container])?;
            let one = [here, ("container", container), ("container_id", &id), ("ip", address)];
            assert_eq!(value(&page, "destination_container_info", &one)?, 1.0);
        }
        // A /24 without its first and its last; the gateway has one of them.
        assert_eq!(value(&page, "destination_addresses_used", &[here])?, count + 1.0);
        assert_eq!(value(&page, "destination_addresses_capacity", &[here])?, 254.0);
        assert_eq!(value(&page, "destination_healthy", &[here])?, 1.0);
    }
    // Nothing else is a destination: the Engine's default network has nobody on it.
    assert_eq!(with(&page, "destination_info", &[]).len(), 2, "{page}");
    for capability in ["docker_api", "network_namespaces", "icmp", "socket_diagnostics"] {
        let can = value(&page, "destination_exporter_capability", &[("capability", capability)])?;
        assert_eq!(can, 1.0, "{capability}");
    }
    Ok(())
}

/// From everywhere by every kind of probe to everyone, with success; by all names, the alias among them.
pub fn from_every_vantage(exporter: &Exporter) -> Result<()> {
    // What does not speak HTTP is asked three times before that is known.
    let (report, _) = until("everybody reaches everybody", || {
        let report = exporter.report()?;
        reaches(&report, "shop", &["api", "db", "web"])?;
        reaches(&report, "blog", &["api", "blog"])?;
        Ok(report)
    })?;
    let mut count = BTreeMap::<String, usize>::new();
    for probe in probes(&report, "shop")?.iter().chain(probes(&report, "blog")?) {
        *count.entry(probe["probe"].to_string()).or_default() += 1;
    }
    println!("probes that succeed: {count:?}");
    let unknown = with(&exporter.metrics()?, "destination_exporter_probes_unknown_total", &[])
        .into_iter()
        .filter(|line| !line.ends_with(" 0") && !line.contains("no_http_yet"))
        .map(str::to_owned)
        .collect::<Vec<_>>();
    holds(unknown.is_empty(), || format!("what could not be looked at: {unknown:?}"))
}

fn reaches(report: &Value, destination: &str, all: &[&str]) -> Result<()> {
    let probes = probes(report, destination)?;
    let failed: Vec<_> = probes.iter().filter(|p| p["outcome"] == "failure").collect();
    holds(failed.is_empty(), || format!("{failed:#?}"))?;
    let succeeds = |kind: &str, source: &str, target: &str, detail: &str| {
        let is_it = |p: &&Value| {
            p["outcome"] == "success"
                && [("probe", kind), ("source", source), ("target", target)].iter().all(|(k, v)| p[*k] == *v)
                && p["detail"]
                    .as_str()
                    .is_some_and(|d| d.split([' ', ':']).any(|word| word == detail || detail.is_empty()))
        };
        holds(probes.iter().any(|p| is_it(&p)), || {
            format!("no success of {kind} from {source} to {target} {detail} in {probes:#?}")
        })
    };
    for source in all {
        for target in all.iter().filter(|target| *target != source) {
            for (kind, detail) in [("dns", *target), ("icmp", ""), ("tcp", "")] {
                succeeds(kind, source, target, detail)?;
            }
            if destination == "shop" && *target == "api" {
                succeeds("dns", source, target, ALIAS)?;
            }
        }
        succeeds("icmp", source, "gateway", "")?;
    }
    Ok(())
}

fn probes<'a>(report: &'a Value, destination: &str) -> Result<&'a Vec<Value>> {
    let destinations = report["destinations"].as_array().into_iter().flatten();
    let mut here = destinations.filter(|d| d["name"] == destination);
    let probes = here.next().and_then(|d| d["probes"].as_array());
    probes.ok_or_else(|| Error::new(format!("no probes of {destination} in {report:#}")))
}
