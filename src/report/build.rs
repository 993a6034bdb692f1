//! From a verdict to the report.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::baseline::Drifted;
use crate::diagnosis::{Code, Finding, Severity, Verdict, counted, is_blind};
use crate::inventory::{self, Inventory};
use crate::outcome::{Outcome, ProbeKey, ProbeKind};
use crate::state::forecast::{Forecast, NEEDED, Trend};
use crate::state::{self, Record, Sight, Snapshot};

use super::flows::flows;
use super::model::{
    Container, Destination, Drift, Engine, Exporter, Flow, Flows, Growth, Hop, Host, Pools, Probe, Report,
    Status, Subnet, Unseen,
};
use super::routes::routes;

/// The report of a verdict.
pub fn build(verdict: &Verdict) -> Report {
    let snapshot = &*verdict.snapshot;
    let inventory = snapshot.inventory.as_deref();
    let Flows { told, left_out, unseen } = flows(snapshot);
    let told = &told;
    let destinations: Vec<Destination> = inventory
        .into_iter()
        .flat_map(|i| i.destinations.iter().map(move |d| destination(verdict, i, d, told)))
        .collect();
    // A finding of a destination that is gone from the inventory is not lost.
    let listed = |f: &&Finding| {
        f.destination.as_ref().is_some_and(|name| destinations.iter().any(|d| d.name == *name))
    };
    let host: Vec<Finding> = verdict.findings.iter().filter(|f| !listed(f)).cloned().collect();
    let mut status = Status::of(&host);
    if inventory.is_none() || !snapshot.sight.engine.is_up() {
        status = status.worse(Status::Unknown);
    }
    status = destinations.iter().fold(status, |worst, d| worst.worse(d.status));
    Report {
        generated_at: snapshot.at,
        status,
        exporter: exporter(snapshot),
        host: Host {
            findings: host,
            oddities: inventory.map_or_else(Vec::new, |i| i.oddities.clone()),
            address_pools: inventory.and_then(|i| i.pools).map(|pools| Pools {
                used: pools.used,
                capacity: pools.capacity,
                growth: growth(snapshot.forecasts.pools(), snapshot),
            }),
        },
        destinations,
        drift: drift(snapshot),
        flows_left_out: left_out,
        flows_unseen: unseen,
    }
}

fn growth(forecast: Option<Forecast>, snapshot: &Snapshot) -> Option<Growth> {
    let forecast = forecast?;
    let (trend, per_day) = match forecast.trend {
        Trend::Unknown => ("unknown", None),
        Trend::Still => ("still", None),
        Trend::Grows { per_day, .. } => ("grows", Some(per_day)),
    };
    Some(Growth {
        trend,
        words: forecast.words(snapshot.at),
        watched_hours: forecast.watched,
        needed_hours: NEEDED,
        per_day,
        ends_at: forecast.ends(snapshot.at),
    })
}

fn drift(snapshot: &Snapshot) -> Option<Drift> {
    let drift = snapshot.drift.as_deref()?;
    let (found, inventory) = (drift.found.as_deref(), snapshot.inventory.as_deref());
    let host = found.zip(inventory).map(|(found, inventory)| found.on(None, inventory).cloned().collect());
    Some(Drift {
        approved_file: Arc::clone(&drift.file),
        approved_at: drift.approved_at(),
        refused: drift.refused.clone(),
        command: Arc::clone(&drift.command),
        differences: found.map(Drifted::total),
        host: host.unwrap_or_default(),
    })
}

fn exporter(snapshot: &Snapshot) -> Exporter {
    let sight = &snapshot.sight;
    let tried = |sense: &Option<Result<(), String>>| sense.as_ref().map(Result::is_ok);
    let api = match sight.engine {
        state::Engine::NotAsked => None,
        state::Engine::Up { .. } => Some(true),
        state::Engine::Down { .. } => Some(false),
    };
    Exporter {
        version: env!("CARGO_PKG_VERSION"),
        capabilities: BTreeMap::from([
            ("docker_api", api),
            ("network_namespaces", sight.enters_namespaces()),
            ("icmp", tried(&sight.icmp)),
            ("host_network", sight.host_network),
            ("firewall", sight.reads_firewall()),
            ("socket_diagnostics", tried(&sight.socket_diagnostics)),
        ]),
        unseen: unseen(sight),
        engine: snapshot.inventory.as_ref().map(|i| Engine {
            version: i.engine.version.clone(),
            api_version: i.engine.api_version.clone(),
            seen_at: i.taken_at,
        }),
    }
}

/// Why a capability is missing, in the order in which they build on each other.
fn unseen(sight: &Sight) -> Vec<Unseen> {
    let why =
        |tried: &Option<Result<(), String>>| tried.as_ref().and_then(|tried| tried.as_ref().err().cloned());
    let engine = match &sight.engine {
        state::Engine::Down { why, .. } => Some(why.clone()),
        _ => None,
    };
    let elsewhere = "the exporter is not on the host's network: the host's firewall, kernel settings and published ports are not looked at";
    let firewall = sight.host.as_ref().and_then(|host| host.firewall_unread.clone());
    let all = [
        ("docker_api", engine),
        ("network_namespaces", sight.frozen.clone().or_else(|| why(&sight.namespaces))),
        ("icmp", why(&sight.icmp)),
        ("socket_diagnostics", why(&sight.socket_diagnostics)),
        ("host_network", (sight.host_network == Some(false)).then(|| elsewhere.to_owned())),
        ("firewall", firewall),
    ];
    all.into_iter().filter_map(|(capability, why)| Some(Unseen { capability, why: why? })).collect()
}

pub(super) fn destination(
    verdict: &Verdict,
    inventory: &Inventory,
    of: &inventory::Destination,
    flows: &[Flow],
) -> Destination {
    let snapshot = &*verdict.snapshot;
    let findings: Vec<Finding> =
        verdict.findings.iter().filter(|f| f.destination.as_ref() == Some(&of.name)).cloned().collect();
    let here: Vec<(&ProbeKey, &Record)> =
        snapshot.probes.iter().filter(|(key, _)| key.destination == of.name).collect();
    let seen = if is_blind(snapshot, &of.name) { Status::Unknown } else { Status::Healthy };
    let compared = snapshot.drift.as_deref().and_then(|drift| drift.found.as_deref());
    Destination {
        name: of.name.clone(),
        display_name: of.display_name.clone(),
        network_id: of.id.to_string(),
        driver: of.driver.clone(),
        scope: of.scope.clone(),
        origin: of.origin,
        status: Status::of(&findings).worse(seen),
        path: path(inventory, of, &findings, &here, seen),
        subnets: of
            .subnets
            .iter()
            .map(|s| Subnet {
                subnet: s.net.to_string(),
                used: s.used,
                capacity: s.capacity,
                growth: growth(snapshot.forecasts.subnet(&of.id, s.net), snapshot),
            })
            .collect(),
        containers: of.endpoints.iter().filter_map(|e| container(snapshot, inventory, e)).collect(),
        routes: routes(verdict, inventory, &of.name, &here, &findings),
        probes: here.into_iter().map(|(key, record)| probe(key, record)).collect(),
        findings,
        flows: flows.iter().filter(|flow| flow.is_on(&of.name)).cloned().collect(),
        drift: compared.map(|found| found.on(Some(&of.name), inventory).cloned().collect()),
    }
}

/// The way of a request: through the proxy, over the network, to the containers.
fn path(
    inventory: &Inventory,
    of: &inventory::Destination,
    findings: &[Finding],
    here: &[(&ProbeKey, &Record)],
    seen: Status,
) -> Vec<Hop> {
    let proxies: Vec<&inventory::Endpoint> = of
        .endpoints
        .iter()
        .filter(|e| inventory.container(&e.container).is_some_and(|c| c.is_proxy))
        .collect();
    let is_proxy =
        |f: &&Finding| f.subject.kind == "proxy" || proxies.iter().any(|p| f.subject.is_container(&p.name));
    let on_network =
        |f: &&Finding| matches!(f.code, Code::NetworkAddressesExhausted | Code::DnsAliasCollision);
    let mut hops = Vec::new();
    if let Some(proxy) = proxies.first() {
        let mine: Vec<&Finding> = findings.iter().filter(is_proxy).collect();
        let detail = mine.first().map_or_else(|| format!("{} attached", proxy.name), |f| f.summary.clone());
        hops.push(Hop { hop: "proxy", status: Status::of(mine).worse(seen), detail });
    }
    let echoes = here.iter().filter(|(k, _)| k.kind == ProbeKind::Icmp && &*k.target == "gateway");
    let (answered, asked) = echoes.fold((0, 0), |(yes, all), (_, r)| match r.outcome {
        Outcome::Success(_) => (yes + 1, all + 1),
        Outcome::Failure(_) => (yes, all + 1),
        Outcome::Unknown(_) => (yes, all),
    });
    let net: Vec<&Finding> = findings.iter().filter(on_network).collect();
    let detail = net.first().map_or_else(
        || match asked {
            0 => "gateway not asked".to_owned(),
            _ => format!("gateway answers {answered} of {asked}"),
        },
        |f| f.summary.clone(),
    );
    hops.push(Hop { hop: "network", status: Status::of(net).worse(seen), detail });
    let rest: Vec<&Finding> =
        findings.iter().filter(|f| f.severity != Severity::Info && !is_proxy(f) && !on_network(f)).collect();
    let detail = rest
        .first()
        .map_or_else(|| counted(of.endpoints.len() - proxies.len(), "container"), |f| f.summary.clone());
    hops.push(Hop { hop: "container", status: Status::of(rest).worse(seen), detail });
    hops
}

fn container(snapshot: &Snapshot, inventory: &Inventory, of: &inventory::Endpoint) -> Option<Container> {
    let known = inventory.container(&of.container)?;
    Some(Container {
        name: of.name.clone(),
        id: of.container.short().to_owned(),
        workload: known.workload.clone(),
        image: known.image.clone(),
        state: known.state,
        health: known.health,
        addresses: of.addresses.clone(),
        names: of.names.clone(),
        listeners: snapshot.containers.get(&of.container).and_then(|inner| inner.listeners.clone()),
        coolify: known.coolify.clone(),
    })
}

fn probe(key: &ProbeKey, record: &Record) -> Probe {
    let (reason, duration) = match &record.outcome {
        Outcome::Success(took) => (None, Some(took.as_secs_f64())),
        Outcome::Failure(reason) => (Some(reason.as_label()), None),
        Outcome::Unknown(why) => (Some(why.as_label()), None),
    };
    Probe {
        probe: key.kind.as_label(),
        source: key.source.clone(),
        target: key.target.clone(),
        detail: key.detail.to_string(),
        outcome: record.outcome.as_word(),
        reason,
        duration_seconds: duration,
        note: record.seen.note.clone(),
        at: record.at,
    }
}
