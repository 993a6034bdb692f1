//! Which series a verdict gives.
//!
//! What is known is exported at 0 before anything happens, so that the first failure is a step that
//! `increase()` sees. What is not known has no series.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::diagnosis::{Severity, Verdict};
use crate::inventory::{Destination, Inventory, Origin, part};
use crate::outcome::{Blindness, Outcome, ProbeKind, Reason};
use crate::state::{Engine, Forecast, Snapshot};

use super::BuildInfo;
use super::exposition::Exposition;
use super::table::{self, Metric};

/// The exporter's own figures.
pub fn exporter(page: &mut Exposition, snapshot: &Snapshot, build: &BuildInfo) {
    page.put(&table::BUILD_INFO, [build.version, build.revision, build.rustc], 1.0);
    page.put(&table::EXPORTER_INFO, [&*snapshot.own.external_url], 1.0);
    let sight = &snapshot.sight;
    let engine = match sight.engine {
        Engine::NotAsked => None,
        Engine::Up { .. } => Some(true),
        Engine::Down { .. } => Some(false),
    };
    if let Some(up) = engine {
        page.put_bool(&table::DOCKER_UP, [], up);
    }
    let capabilities = [
        ("docker_api", engine),
        ("network_namespaces", sight.enters_namespaces()),
        ("icmp", sight.icmp.as_ref().map(Result::is_ok)),
        ("socket_diagnostics", sight.socket_diagnostics.as_ref().map(Result::is_ok)),
        ("host_network", sight.host_network),
        ("firewall", sight.reads_firewall()),
    ];
    for (name, can) in capabilities {
        if let Some(can) = can {
            page.put_bool(&table::CAPABILITY, [name], can);
        }
    }

    let own = &snapshot.own;
    for (endpoint, durations) in &own.docker_durations {
        page.put_histogram(&table::DOCKER_DURATION, [endpoint], durations);
    }
    for ((endpoint, reason), count) in &own.docker_failures {
        page.put_count(&table::DOCKER_FAILURES, [endpoint, reason], *count);
    }
    put_time(page, &table::INVENTORY_LAST_SUCCESS, [], own.inventory_last_success);
    page.put_histogram(&table::PROBE_LAG, [], &own.lag);
    page.put_count(&table::PROBES_IN_FLIGHT, [], own.in_flight);
    page.put_count(&table::PROBES_POSTPONED, [], own.postponed);
    for reason in Blindness::ALL {
        let count = own.unknown.get(&reason).copied().unwrap_or(0);
        page.put_count(&table::PROBES_UNKNOWN, [reason.as_label()], count);
    }
    let (good, last_good) = own.config_reload;
    page.put_bool(&table::CONFIG_RELOAD_SUCCESSFUL, [], good);
    put_time(page, &table::CONFIG_RELOAD_SUCCESS_AT, [], last_good);
    put_time(page, &table::ROUND_COMPLETED, [], own.round_last_completed);
    page.put(&table::ROUND_INTERVAL, [], own.round_interval.as_secs_f64());
}

/// What there is.
pub fn inventory(page: &mut Exposition, inventory: &Inventory, snapshot: &Snapshot) {
    for name in &inventory.absent {
        page.put_bool(&table::PRESENT, [name], false);
    }
    if let Some(pools) = inventory.pools {
        page.put_count(&table::POOLS_USED, [], pools.used);
        page.put_count(&table::POOLS_CAPACITY, [], pools.capacity);
    }
    let forecasts = &snapshot.forecasts;
    let ends = |forecast: Option<Forecast>| forecast.and_then(|forecast| forecast.ends(snapshot.at));
    put_time(page, &table::POOLS_END, [], ends(forecasts.pools()));
    for destination in &inventory.destinations {
        let name = &*destination.name;
        let internal = if destination.internal { "true" } else { "false" };
        page.put(
            &table::INFO,
            [
                name,
                &destination.display_name,
                destination.id.as_str(),
                &destination.driver,
                &destination.scope,
                origin(destination.origin),
                internal,
            ],
            1.0,
        );
        page.put(&table::PRESENT, [name], 1.0);
        page.put_count(&table::CONTAINERS, [name], destination.endpoints.len() as u64);
        if let Some(mtu) = destination.mtu {
            page.put_count(&table::MTU, [name], mtu.into());
        }
        for subnet in &destination.subnets {
            let net = subnet.net.to_string();
            page.put_count(&table::ADDRESSES_USED, [name, &net], subnet.used);
            page.put_count(&table::ADDRESSES_CAPACITY, [name, &net], subnet.capacity);
            let forecast = forecasts.subnet(&destination.id, subnet.net);
            put_time(page, &table::ADDRESSES_END, [name, &net], ends(forecast));
        }
        endpoints(page, inventory, destination);
        for proxy in inventory.containers.values().filter(|c| c.is_proxy && c.state.has_namespace()) {
            let attached = destination.endpoints.iter().any(|e| e.container == proxy.id);
            page.put_bool(&table::PROXY_ATTACHED, [name, &part(&proxy.name)], attached);
        }
    }
}

fn endpoints(page: &mut Exposition, inventory: &Inventory, destination: &Destination) {
    // As the resolver has it: whatever the case.
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for endpoint in &destination.endpoints {
        let Some(container) = inventory.container(&endpoint.container) else { continue };
        for name in &endpoint.names {
            owners.entry(name.to_ascii_lowercase()).or_default().insert(container.whose());
        }
        let ip = endpoint.addresses.first().map(ToString::to_string).unwrap_or_default();
        let coolify = container.coolify.as_ref();
        page.put(
            &table::CONTAINER_INFO,
            [
                &destination.name,
                &part(&container.name),
                &endpoint.name,
                container.id.as_str(),
                &container.workload,
                &container.image,
                &ip,
                coolify.map_or("", |c| &c.project),
                coolify.map_or("", |c| &c.environment),
                coolify.map_or("", |c| &c.resource),
            ],
            1.0,
        );
    }
    for (name, owners) in owners.into_iter().filter(|(_, owners)| owners.len() > 1) {
        page.put_count(&table::NAME_OWNERS, [&destination.name, &name], owners.len() as u64);
    }
}

const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::CoolifyDestination => "coolify_destination",
        Origin::CoolifyStack => "coolify_stack",
        Origin::Compose => "compose",
        Origin::DefaultBridge => "default_bridge",
        Origin::Plain => "plain",
    }
}

/// What probes saw.
pub fn probes(page: &mut Exposition, snapshot: &Snapshot) {
    // The worst over a pair's details. A detail that could not be looked at says nothing, so a pair
    // of which nothing is known has no series: unknown is not down.
    let mut pairs: BTreeMap<[&str; 4], bool> = BTreeMap::new();
    for (key, record) in &*snapshot.probes {
        let good = match record.outcome {
            Outcome::Success(_) => true,
            Outcome::Failure(_) => false,
            Outcome::Unknown(_) => continue,
        };
        // Whose turn it is changes all the time, and so would the series: those that fail stay.
        if good && key.kind == ProbeKind::Isolation && takes_turns(snapshot, &key.destination) {
            continue;
        }
        let pair = [&*key.destination, key.kind.as_label(), &*key.source, &*key.target];
        *pairs.entry(pair).or_insert(true) &= good;
    }
    for (pair, good) in pairs {
        page.put_bool(&table::PROBE_SUCCESS, pair, good);
    }

    for ((destination, kind), tally) in &*snapshot.tallies {
        let labels = [&**destination, kind.as_label()];
        page.put_count(&table::PROBES_PLANNED, labels, tally.planned);
        page.put_count(&table::PROBE_ATTEMPTS, labels, tally.attempts);
        // Success is silence there: it takes no time.
        if *kind != ProbeKind::Isolation {
            page.put_histogram(&table::PROBE_DURATION, labels, &tally.durations);
        }
        put_time(page, &table::PROBE_LAST_RUN, labels, tally.last_run);
        for reason in Reason::ALL {
            let count = tally.failures.get(&reason).copied();
            // What a kind does not fail by has no series, unless it did all the same.
            let Some(count) = count.or_else(|| reason.is_of(*kind).then_some(0)) else { continue };
            page.put_count(&table::PROBE_FAILURES, [destination, kind.as_label(), reason.as_label()], count);
        }
        let resolver = match kind {
            ProbeKind::Dns => "embedded",
            ProbeKind::DnsExternal => "upstream",
            _ => continue,
        };
        page.put_histogram(&table::DNS_LOOKUP_DURATION, [destination, resolver], &tally.durations);
    }
    for ((destination, source, target), tally) in &*snapshot.echoes {
        let labels = [&**destination, &**source, &**target];
        page.put_count(&table::ICMP_REQUESTS, labels, tally.requests);
        page.put_count(&table::ICMP_REPLIES, labels, tally.replies);
        page.put_count(&table::ICMP_DUPLICATES, labels, tally.duplicates);
    }
    for (destination, rtts) in &*snapshot.rtts {
        page.put_histogram(&table::ICMP_RTT, [destination], rtts);
    }
}

fn takes_turns(snapshot: &Snapshot, destination: &str) -> bool {
    snapshot.own.turns.get(destination).is_some_and(|turns| turns.taken)
}

/// A longer command has no place in a notification; the report has it.
const MOST_COMMAND: usize = 256;

/// What it means.
pub fn verdicts(page: &mut Exposition, verdict: &Verdict) {
    let mut counts: BTreeMap<(&str, Severity), u64> = BTreeMap::new();
    let mut told = BTreeSet::new();
    // The empty destination is the host's and the exporter's own.
    let mut destinations = BTreeSet::from([""]);
    if let Some(inventory) = verdict.snapshot.inventory.as_deref() {
        destinations.extend(inventory.destinations.iter().map(|d| &*d.name));
    }
    for finding in &verdict.findings {
        let destination = finding.destination.as_deref().unwrap_or("");
        destinations.insert(destination);
        *counts.entry((destination, finding.severity)).or_default() += 1;
        page.put(
            &table::FINDING,
            [
                destination,
                finding.code.as_label(),
                finding.severity.as_label(),
                &finding.subject.name,
                finding.subject.kind,
            ],
            1.0,
        );
        // Whoever joins the two finds one text, whatever is called the same.
        let (code, severity) = (finding.code.as_label(), finding.severity.as_label());
        let subject = &*finding.subject.name;
        if told.insert((destination, code, severity, subject)) {
            let command = finding.first_command(MOST_COMMAND);
            page.put(
                &table::FINDING_INFO,
                [destination, code, severity, subject, finding.code.title(), &command],
                1.0,
            );
        }
    }
    for destination in destinations {
        let count = |severity| counts.get(&(destination, severity)).copied().unwrap_or(0);
        for severity in Severity::ALL {
            page.put_count(&table::FINDINGS, [destination, severity.as_label()], count(severity));
        }
        if !destination.is_empty() {
            let healthy = count(Severity::Page) + count(Severity::Ticket) == 0;
            page.put_bool(&table::HEALTHY, [destination], healthy);
        }
    }
}

pub(super) fn put_time<const N: usize>(
    page: &mut Exposition,
    metric: &Metric<N>,
    labels: [&str; N],
    at: Option<SystemTime>,
) {
    if let Some(since) = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
        page.put(metric, labels, since.as_secs_f64());
    }
}
