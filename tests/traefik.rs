//! What is read in labels and flags, against a real Traefik that reads the same ones.

#[path = "traefik/flags.rs"]
mod flags;
#[path = "traefik/generated.rs"]
mod generated;
#[path = "traefik/predicted.rs"]
mod predicted;
#[path = "traefik/samples.rs"]
mod samples;
#[path = "traefik/town.rs"]
mod town;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use destination_exporter::proxy::traefik::Settings;
use destination_exporter::proxy::{Leads, Place, Redirect};
use lab::{Error, Result};
use serde_json::Value;

use predicted::{Predicted, Router, predict};
use town::{FLAGS, Town};

/// A router of the samples that is there once Traefik has read them.
const SENTINEL: &str = "one-of-one@docker";

#[test]
fn labels_are_read_as_traefik_reads_them() -> Result<()> {
    let samples: Vec<_> = samples::all().into_iter().chain(generated::all()).collect();
    assert!(samples.len() >= 60, "{} containers", samples.len());
    let began = Instant::now();
    let town = Town::build(&samples)?;
    let built = began.elapsed();
    let routers = town.api("routers", SENTINEL)?;
    let services = town.api("services", SENTINEL)?;
    let flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    let predicted = predict(&town.inspected()?, &Settings::of(&flags, &[]));
    let mut wrong = differing_routers(&routers, &predicted);
    wrong.extend(differing_services(&services, &predicted));
    let (asked, answers) = differing_answers(&town, &predicted)?;
    wrong.extend(answers);
    let of_status = |status| predicted.routers.values().filter(|router| router.status == status).count();
    println!(
        "{} containers in {built:?}, {} routers taken, {} refused, {} services, {asked} places asked for",
        samples.len(),
        of_status("enabled"),
        of_status("disabled"),
        predicted.services.len(),
    );
    assert!(
        of_status("enabled") > 60 && of_status("disabled") > 60 && asked > 60,
        "the test compares too little"
    );
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// Of one provider, by name.
fn of_docker(all: &[Value]) -> BTreeMap<&str, &Value> {
    let ours = all.iter().filter(|one| one["provider"] == "docker");
    ours.filter_map(|one| Some((one["name"].as_str()?, one))).collect()
}

fn differing_routers(seen: &[Value], predicted: &Predicted) -> Vec<String> {
    let seen = of_docker(seen);
    let mut wrong = Vec::new();
    for name in seen.keys().filter(|name| !predicted.routers.contains_key(**name)) {
        wrong.push(format!("{name} was not predicted: {}", seen[name]));
    }
    for (name, router) in &predicted.routers {
        let Some(seen) = seen.get(name.as_str()) else {
            wrong.push(format!("{name} is not there: {router:?}"));
            continue;
        };
        let entries = seen["entryPoints"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let same = router.entry_points == entries.map(str::to_owned).collect::<BTreeSet<_>>()
            && seen["status"] == router.status
            && seen["tls"].is_object() == router.tls
            && is_service(router, seen["service"].as_str().unwrap_or_default())
            && (router.rule.written.is_empty() || seen["rule"].as_str() == Some(&*router.rule.written))
            && router.rule.priority.is_none_or(|priority| seen["priority"].as_i64() == Some(priority));
        if !same {
            wrong.push(format!("{name} is another:\n  {seen}\n  {router:?}"));
        }
    }
    wrong
}

/// A service by URL has a name in Traefik that does not matter here.
fn is_service(router: &Router, seen: &str) -> bool {
    let own = seen.trim_end_matches("@docker");
    router.service.starts_with("http") || seen == router.service || own == router.service
}

fn differing_services(seen: &[Value], predicted: &Predicted) -> Vec<String> {
    let seen = of_docker(seen);
    let mut wrong = Vec::new();
    for (name, servers) in &predicted.services {
        let service = seen.get(format!("{name}@docker").as_str()).copied().unwrap_or(&Value::Null);
        let list = service["loadBalancer"]["servers"].as_array().into_iter().flatten();
        let urls: BTreeSet<String> = list.filter_map(|server| server["url"].as_str()).map(plain).collect();
        let fits = |may: &BTreeSet<String>| may.iter().any(|url| urls.contains(url));
        let known = |url: &String| servers.iter().any(|may| may.contains(url));
        if urls.len() != servers.len() || !servers.iter().all(fits) || !urls.iter().all(known) {
            wrong.push(format!("the service {name} is another:\n  {service}\n  {servers:?}"));
        }
    }
    wrong
}

/// Without what says the same: `h2c` is no TLS, zeros before a port and what stands behind it.
fn plain(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (host, port) = rest.rsplit_once(':').unwrap_or_default();
    let scheme = if scheme == "h2c" { "http" } else { scheme };
    let port = port.split('/').next().unwrap_or_default();
    format!(
        "{scheme}://{host}:{}",
        port.parse::<u32>().map_or_else(|_| port.to_owned(), |port| port.to_string())
    )
}

/// Asks Traefik for every place that a rule names without a condition: that router must answer, in the way that its
/// middlewares say, and where the path goes on, unless it is exact.
fn differing_answers(town: &Town, predicted: &Predicted) -> Result<(usize, Vec<String>)> {
    let mut wrong = Vec::new();
    let mut wanted: BTreeMap<String, (&str, bool)> = BTreeMap::new();
    for (name, router) in &predicted.routers {
        let is_asked = router.status != "disabled" && router.entry_points.contains("web") && !router.tls;
        if !is_asked || router.rule.also.is_some() {
            continue;
        }
        for place in &router.rule.places {
            let status = town.status(&place.host, &place.path)?;
            if !is_fitting(router, status) {
                wrong.push(format!("{name} answers {status} at {place:?}: {router:?}"));
            }
            // What Traefik answers itself is not in its access log.
            if router.service.ends_with("@internal") {
                continue;
            }
            wanted.insert(format!("{}{}", place.host, place.path), (name, true));
            let longer = format!("{}/on", place.path.trim_end_matches('/'));
            let covers =
                |other: &Place| !other.exact && other.host == place.host && longer.starts_with(&*other.path);
            town.status(&place.host, &longer)?;
            let is_its = router.rule.places.iter().any(covers);
            wanted.insert(format!("{}{longer}", place.host), (name, is_its));
        }
    }
    let served = town.served(|served| {
        let seen: BTreeSet<&String> = served.iter().map(|(at, _)| at).collect();
        wanted.keys().all(|at| seen.contains(at))
    })?;
    for (place, (name, is_its)) in &wanted {
        let by = served.iter().find(|(at, _)| at == place).map(|(_, by)| by.as_str());
        let by = by.ok_or_else(|| Error::new(format!("{place} is not in the access log")))?;
        if (by == *name) != *is_its {
            wrong.push(format!("{place} is served by {by:?}; by {name}: {is_its}"));
        }
    }
    Ok((wanted.len(), wrong))
}

/// Nobody listens in the containers: what comes through is a 502.
fn is_fitting(router: &Router, status: u16) -> bool {
    let rule = &router.rule;
    let through = matches!(&rule.leads, Leads::Elsewhere(to) if &**to == "api@internal");
    match status {
        200 | 302 | 404 if through => true,
        301 | 302 | 307 | 308 => matches!(rule.redirect, Some(Redirect::Scheme(..) | Redirect::Elsewhere)),
        401 | 403 => rule.guarded || !rule.unsure.is_empty(),
        500 | 502 => rule.redirect.is_none() && !rule.guarded,
        _ => false,
    }
}
