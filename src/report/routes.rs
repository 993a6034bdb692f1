//! The public routes of one destination, as the report tells them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::diagnosis::{Finding, Passage, Verdict};
use crate::inventory::{self, Inventory};
use crate::outcome::{Detail, HttpSeen, ProbeKey, ProbeKind};
use crate::state::Record;

use super::model::{Backend, Certificate, Door, Hop, Route, Status};

/// Those that are told of a destination; `here` are its probes, `findings` its findings.
pub(super) fn routes(
    verdict: &Verdict,
    inventory: &Inventory,
    destination: &str,
    here: &[(&ProbeKey, &Record)],
    findings: &[Finding],
) -> Vec<Route> {
    let all = inventory.routes.served.iter().zip(&verdict.passages);
    let its = all.filter(|(route, _)| route.destination.as_deref() == Some(destination));
    let mut doors: BTreeMap<&str, Vec<Door>> = BTreeMap::new();
    for (key, record) in here.iter().filter(|(key, _)| key.kind == ProbeKind::Route) {
        if let Detail::Door(scheme, site, address) = &key.detail {
            doors.entry(site).or_default().push(door(scheme.as_label(), *address, record));
        }
    }
    its.map(|(route, passage)| {
        let title = route.title();
        let of_it = |finding: &&Finding| finding.subject.kind == "route" && finding.subject.name == title;
        let status = Status::of(findings.iter().filter(of_it)).worse(match passage.up {
            Some(true) => Status::Healthy,
            Some(false) => Status::Failing,
            None => Status::Unknown,
        });
        let proxy = route.proxy.as_ref().and_then(|id| inventory.proxies.iter().find(|p| p.container == *id));
        Route {
            domain: route.domain.to_string(),
            path: route.path.to_string(),
            workload: route.workload.clone(),
            port: route.backends.iter().find_map(|backend| backend.port),
            kind: route.kind.as_label(),
            proxy: proxy.map(|proxy| proxy.name.clone()),
            status,
            up: passage.up,
            hops: hops(passage),
            doors: doors.remove(&*route.site).unwrap_or_default(),
            backends: route.backends.iter().zip(&passage.backends).map(|(of, up)| backend(of, *up)).collect(),
            certificate: certificate(verdict, &route.domain),
        }
    })
    .collect()
}

fn hops(passage: &Passage) -> Vec<Hop> {
    let hop = |state: &crate::diagnosis::HopState| Hop {
        hop: state.hop,
        status: match state.passed {
            Some(true) => Status::Healthy,
            Some(false) => Status::Failing,
            None => Status::Unknown,
        },
        detail: state.detail.clone(),
    };
    passage.hops.iter().map(hop).collect()
}

/// The table is in the order of domains.
fn certificate(verdict: &Verdict, domain: &str) -> Option<Certificate> {
    let all = &verdict.certificates;
    let of = all.get(all.binary_search_by(|one| (*one.domain).cmp(domain)).ok()?)?;
    Some(Certificate { not_before: of.not_before, not_after: of.not_after, valid: of.valid })
}

fn backend(of: &inventory::routes::Backend, up: Option<bool>) -> Backend {
    let address = of.spot().zip(of.port).map(|(spot, port)| SocketAddr::new(spot.address, port));
    Backend { name: of.name.clone(), address, up }
}

fn door(scheme: &'static str, address: SocketAddr, record: &Record) -> Door {
    Door {
        scheme,
        address,
        status_code: record.seen.http.map(|http| http.status),
        location: record.seen.answer.as_ref().and_then(|answer| answer.location.clone()),
        outcome: record.outcome.as_word(),
        reason: record.outcome.reason().map(|reason| reason.as_label()),
        seconds: record.seen.http.into_iter().flat_map(HttpSeen::phases).collect(),
    }
}
