//! `swarm-vip-unreachable`: a service's virtual address leads nowhere, though its tasks answer.
//!
//! A service's name resolves to one address that the kernel balances over its tasks (IPVS, `ip_vs`), unless it was made
//! with `--endpoint-mode dnsrr`. Where the kernel has no IPVS the Engine only logs it, and every service is deaf by name.

use crate::diagnosis::scene::Look;
use crate::diagnosis::words::{few_quoted, listed, quoted, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::swarm::{Overlay, Service};
use crate::inventory::{Destination, Inventory};
use crate::outcome::{Detail, ProbeKind};
use crate::plan::overlay::VIP;

use super::Of;
use super::sight::{Way, together};

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let Some(inventory) = of.scene.inventory else { return Vec::new() };
    let mut findings = Vec::new();
    for (on, overlay) in of.overlays() {
        let tried: Vec<(&Service, Vec<Look<'_>>, Way)> = tried(of, inventory, on, overlay);
        let deaf: Vec<&(&Service, Vec<Look<'_>>, Way)> = tried
            .iter()
            .filter(|(service, _, way)| way.is_shut() && is_served(of, inventory, on, overlay, service))
            .collect();
        if deaf.len() > 1 && tried.iter().all(|(_, _, way)| !way.is_open()) {
            findings.push(tell(of, on, "destination", &on.name, &deaf));
        } else {
            findings.extend(deaf.iter().map(|one| tell(of, on, "service", &one.0.name, &[*one])));
        }
    }
    findings
}

/// Whether none of those that it tells of has been seen to answer.
pub(super) fn holds(of: &Of<'_, '_>, finding: &Finding) -> bool {
    let Some(inventory) = of.scene.inventory else { return true };
    let mut overlays = of.overlays().filter(|(on, _)| Some(&on.name) == finding.destination.as_ref());
    let Some((on, overlay)) = overlays.next() else { return false };
    let is_told = |name: &str| finding.subject.kind != "service" || *finding.subject.name == *name;
    let has_vip = overlay.services.iter().any(|service| service.vip.is_some() && is_told(&service.name));
    let mut tried = tried(of, inventory, on, overlay);
    tried.retain(|(service, ..)| is_told(&service.name));
    // It may be the others' turn.
    has_vip && !tried.iter().any(|(_, _, way)| way.is_open())
}

/// Every service whose virtual address was tried.
fn tried<'a>(
    of: &Of<'_, 'a>,
    inventory: &Inventory,
    on: &'a Destination,
    overlay: &'a Overlay,
) -> Vec<(&'a Service, Vec<Look<'a>>, Way)> {
    let all = of.scene.looks_of(&on.name, ProbeKind::Overlay);
    let services = overlay.services.iter().filter_map(|service| {
        let is_of = |(key, _): &Look<'a>| key.target.strip_suffix(VIP) == Some(&*service.name);
        let looks: Vec<Look<'a>> = all.iter().copied().filter(is_of).collect();
        let way = together(inventory, looks.iter().copied());
        (!looks.is_empty()).then_some((service, looks, way))
    });
    services.collect()
}

/// Somebody of it answers when asked directly, on this node or on another.
fn is_served(
    of: &Of<'_, '_>,
    inventory: &Inventory,
    on: &Destination,
    overlay: &Overlay,
    service: &Service,
) -> bool {
    let elsewhere = overlay.elsewhere().filter(|(_, task)| service.addresses.contains(&task.address));
    let elsewhere: Vec<&str> = elsewhere.map(|(_, task)| &*task.name).collect();
    let here = on.endpoints.iter().filter(|e| e.addresses.iter().any(|ip| service.addresses.contains(ip)));
    let here: Vec<&str> = here.map(|endpoint| &*endpoint.name).collect();
    let answers = |kind: ProbeKind, names: &[&str]| {
        let looks = of.scene.looks_of(&on.name, kind).iter().copied();
        let mut tried =
            looks.filter(|(key, _)| names.contains(&&*key.target) && matches!(key.detail, Detail::Port(..)));
        tried.any(|look| super::sight::way(inventory, look).is_open())
    };
    answers(ProbeKind::Overlay, &elsewhere) || answers(ProbeKind::Tcp, &here)
}

fn tell(
    of: &Of<'_, '_>,
    on: &Destination,
    kind: &'static str,
    subject: &str,
    deaf: &[&(&Service, Vec<Look<'_>>, Way)],
) -> Finding {
    let mut finding = of.draft(Code::SwarmVipUnreachable, kind, subject, Some(on));
    finding.since = deaf.iter().filter_map(|(_, _, way)| way.since()).min().unwrap_or(finding.since);
    let names = few_quoted(deaf.iter().map(|(service, ..)| &*service.name));
    finding.summary = if deaf.len() > 1 {
        format!(
            "No service's virtual address on the overlay {} answers from {} ({names}), though their tasks do: this host's kernel does not balance (IPVS).",
            quoted(&on.name),
            quoted(&of.own()),
        )
    } else {
        format!(
            "The virtual address of service {names} on the overlay {} does not answer from {}, though its tasks do: whoever calls it by name gets nothing.",
            quoted(&on.name),
            quoted(&of.own()),
        )
    };
    let looks = || deaf.iter().flat_map(|(_, looks, _)| looks);
    finding.explains = listed(looks().map(|(key, record)| symptom(key, record)));
    finding.evidence = looks()
        .take(3)
        .map(|(key, record)| {
            let how = record.outcome.reason().map_or("", |reason| reason.as_label());
            saw(
                format!("handshake from {} with {} ({})", key.source, key.target, key.detail),
                how,
                "a connection",
            )
        })
        .collect();
    finding.ruled_out = vec!["the tasks: asked directly, they answer".to_owned()];
    let quickest = deaf.first().map(|(service, ..)| crate::diagnosis::words::operand(&service.written));
    finding.fix = vec![
        Step::look(
            "whether the kernel balances: the file is there",
            ["cat /proc/net/ip_vs; lsmod | grep ip_vs".to_owned()],
        ),
        Step::when(
            "where it is not; the Engine looks for it once, when it starts, so that it has to start anew: this node's containers stop, and its tasks start again, here or elsewhere",
            ["modprobe -a ip_vs ip_vs_rr".to_owned(), "systemctl restart docker".to_owned()],
        ),
        Step::prose(
            "modules that are loaded by hand are gone after a reboot: name them in /etc/modules-load.d/ipvs.conf",
        ),
        Step::when(
            "on a kernel without them, have names lead to the tasks themselves; on a manager, and not for services with published ports in the mesh",
            quickest.map(|name| format!("docker service update --endpoint-mode dnsrr {name}")),
        ),
        Step::prose("or call it as tasks.NAME, which resolves to every task"),
    ];
    finding.verify =
        vec!["cat /proc/net/ip_vs".to_owned(), "journalctl -u docker | grep -i ipvs | tail".to_owned()];
    finding
}
