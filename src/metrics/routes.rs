//! Series of proxies and public routes.

use std::collections::BTreeMap;

use crate::diagnosis::Verdict;
use crate::inventory::{Inventory, RunState, part};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind};
use crate::state::Record;

use super::exposition::Exposition;
use super::table;

/// Everything of proxies and routes.
pub fn routes(page: &mut Exposition, inventory: &Inventory, verdict: &Verdict) {
    proxies(page, inventory);
    page.put_count(&table::ROUTES_LEFT_OUT, [], inventory.routes.left_out as u64);
    let mut doors: BTreeMap<(&str, &str), Vec<(&'static str, &Record)>> = BTreeMap::new();
    for (key, record) in &*verdict.snapshot.probes {
        match (&key.detail, key.kind) {
            (Detail::Door(scheme, site, _), ProbeKind::Route) => {
                doors.entry((&key.destination, site)).or_default().push((scheme.as_label(), record));
            }
            (Detail::Port(_, port), ProbeKind::Proxy) => reachable(page, inventory, key, *port, record),
            _ => {}
        }
    }
    for state in &verdict.certificates {
        page.put(&table::CERTIFICATE_NOT_BEFORE, [&*state.domain], state.not_before.0 as f64);
        page.put(&table::CERTIFICATE_NOT_AFTER, [&*state.domain], state.not_after.0 as f64);
        page.put_bool(&table::CERTIFICATE_VALID, [&*state.domain], state.valid);
    }
    for (route, passage) in inventory.routes.served.iter().zip(&verdict.passages) {
        let destination = route.destination.as_deref().unwrap_or_default();
        let labels = [destination, &*route.domain, &*route.path, &*route.workload];
        if let Some(up) = passage.up {
            page.put_bool(&table::ROUTE_UP, labels, up);
        }
        let [destination, domain, path, workload] = labels;
        for (backend, up) in route.backends.iter().zip(&passage.backends) {
            if let Some(up) = up {
                page.put_bool(
                    &table::ROUTE_BACKEND_UP,
                    [destination, domain, path, workload, &backend.name],
                    *up,
                );
            }
        }
        for (scheme, record) in doors.get(&(destination, &*route.site)).into_iter().flatten() {
            let Some(http) = record.seen.http else { continue };
            let labels = [destination, domain, path, workload, scheme];
            page.put_count(&table::ROUTE_STATUS, labels, http.status.into());
            for (phase, seconds) in http.phases() {
                page.put(
                    &table::ROUTE_DURATION,
                    [destination, domain, path, workload, scheme, phase],
                    seconds,
                );
            }
        }
    }
}

fn proxies(page: &mut Exposition, inventory: &Inventory) {
    for proxy in &inventory.proxies {
        let Some(container) = inventory.container(&proxy.container) else { continue };
        let runs = container.state == RunState::Running;
        let kind = proxy.kind.map_or("unknown", crate::proxy::Kind::as_label);
        page.put_bool(&table::PROXY_UP, [&part(&container.name), kind], runs);
    }
}

fn reachable(page: &mut Exposition, inventory: &Inventory, key: &ProbeKey, port: u16, record: &Record) {
    let good = match record.outcome {
        Outcome::Success(_) => true,
        Outcome::Failure(_) => false,
        Outcome::Unknown(_) => return,
    };
    // As `destination_proxy_attached` calls it.
    let endpoint = inventory.destination(&key.destination).and_then(|on| on.endpoint(&key.target));
    let Some(container) = endpoint.and_then(|e| inventory.container(&e.container)) else { return };
    let labels = [&*key.destination, &part(&container.name), &port.to_string()];
    page.put_bool(&table::PROXY_REACHABLE, labels, good);
}
