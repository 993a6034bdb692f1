//! `swarm-stale-tasks`: names of a service lead to addresses of tasks that are gone.
//!
//! The gossip's table is what names are answered by. After much coming and going it may keep entries of tasks that no
//! manager knows: of so many lookups a share leads to nobody. An address counts when no running task has it by the
//! managers' word *and* nobody answers there: two lists that are asked for one after the other may differ for a moment.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::scene::Look;
use crate::diagnosis::words::{few, listed, network, operand, quoted, saw, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::inventory::swarm::{Overlay, Service};
use crate::outcome::ProbeKind;

use super::Of;
use super::sight::{Sight, together};

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let all = of
        .overlays()
        .flat_map(|(on, overlay)| overlay.services.iter().map(move |service| (on, overlay, service)));
    let told = all.filter_map(|(on, overlay, service)| {
        let stale = stale(of, on, overlay, service);
        (!stale.is_empty() || !service.astray.is_empty()).then(|| tell(of, on, service, &stale))
    });
    told.collect()
}

/// Until nothing but running tasks is behind the name, or somebody answers at what is. While no list is fresh nobody says
/// that it is over.
pub(super) fn holds(of: &Of<'_, '_>, finding: &Finding) -> bool {
    let Some(inventory) = of.scene.inventory else { return true };
    let whole = of.swarm.control.as_ref().filter(|control| !control.is_cut);
    // While no list is fresh nobody says that it is over.
    let is_yet_to_be_told = of.swarm.is_manager && (whole.is_some() || of.swarm.control_error.is_some());
    let mut overlays = of.overlays().filter(|(on, _)| Some(&on.name) == finding.destination.as_ref());
    overlays.any(|(on, overlay)| {
        let mut named = overlay.services.iter().filter(|service| service.name == finding.subject.name);
        named.any(|service| {
            if !service.astray.is_empty() {
                return true;
            }
            let Some(running) = &service.running else { return is_yet_to_be_told };
            let mut gone = service.addresses.iter().filter(|ip| !running.contains(ip));
            gone.any(|ip| !together(inventory, looks_at(of, on, overlay, *ip)).is_open())
        })
    })
}

/// What goes to whom has this address on another node.
fn looks_at<'a>(
    of: &Of<'_, 'a>,
    on: &'a Destination,
    overlay: &'a Overlay,
    address: IpAddr,
) -> Vec<Look<'a>> {
    let tasks = overlay.elsewhere().filter(|(_, task)| task.address == address);
    let names: BTreeSet<&str> = tasks.map(|(_, task)| &*task.name).collect();
    let looks = of.scene.looks_of(&on.name, ProbeKind::Overlay).iter().copied();
    looks.filter(|(key, _)| names.contains(&*key.target)).collect()
}

/// Addresses that no running task has, and what was seen there.
fn stale<'a>(
    of: &Of<'_, 'a>,
    on: &'a Destination,
    overlay: &'a Overlay,
    service: &'a Service,
) -> Vec<(IpAddr, Vec<Look<'a>>)> {
    let (Some(inventory), Some(running)) = (of.scene.inventory, &service.running) else { return Vec::new() };
    let mut stale = Vec::new();
    for address in service.addresses.iter().filter(|ip| !running.contains(ip)) {
        let looks = looks_at(of, on, overlay, *address);
        // A whole node that is away is told as such, and of one that they do not hear of managers know nothing.
        let is_there = |sight: &Sight<'_>| sight.peer.tasks.iter().any(|task| task.address == *address);
        let is_away = of
            .sights
            .on(&on.name)
            .any(|sight| is_there(sight) && (sight.is_broken() || is_unheard(of, sight)));
        if together(inventory, looks.iter().copied()).is_shut() && !is_away {
            stale.push((*address, looks));
        }
    }
    stale
}

fn is_unheard(of: &Of<'_, '_>, sight: &Sight<'_>) -> bool {
    of.swarm.node(sight.peer.address).is_some_and(|node| !node.is_ready)
}

fn tell(of: &Of<'_, '_>, on: &Destination, service: &Service, stale: &[(IpAddr, Vec<Look<'_>>)]) -> Finding {
    let mut finding = of.draft(Code::SwarmStaleTasks, "service", &service.name, Some(on));
    let looks = || stale.iter().flat_map(|(_, looks)| looks);
    finding.since = looks().map(|(_, record)| record.since).min().unwrap_or(finding.since);
    let count = stale.len() + service.astray.len();
    let all = service.addresses.len() + service.astray.len();
    let addresses = few(stale.iter().map(|(ip, _)| ip).chain(&service.astray).map(ToString::to_string));
    finding.summary = format!(
        "On {}, {} of {} addresses behind {} on the overlay {} belong to no running task ({addresses}): that share of connections by tasks.{} fails.",
        quoted(&of.own()),
        count,
        all,
        quoted(&service.name),
        quoted(&on.name),
        service.name,
    );
    finding.explains = listed(looks().map(|(key, record)| symptom(key, record)));
    finding.evidence = vec![saw(
        "gossip of this node",
        few(service.addresses.iter().map(ToString::to_string)),
        "addresses of running tasks alone",
    )];
    if let Some(running) = &service.running {
        let running = few(running.iter().map(ToString::to_string));
        finding.evidence.push(saw("running tasks by the managers", running, ""));
    }
    if !stale.is_empty() {
        let silent = few(stale.iter().map(|(ip, _)| ip.to_string()));
        finding.evidence.push(saw(format!("echo to {silent}"), "no answer", "no such address"));
    }
    if !service.astray.is_empty() {
        let answered = few(service.astray.iter().map(ToString::to_string));
        finding.evidence.push(saw(
            format!("lookups of {}", service.tasks),
            answered,
            "addresses of running tasks alone",
        ));
    }
    let name = operand(&service.written);
    finding.fix = vec![
        Step::when(
            "start its tasks anew, one after the other, on a manager",
            [format!("docker service update --force {name}")],
        ),
        Step::restart_node("where the addresses stay, this node's Engine forgets them when it starts"),
    ];
    finding.verify = vec![
        format!("docker network inspect --verbose -f '{{{{json .Services}}}}' {}", network(on)),
        format!("docker service ps --filter desired-state=running {name}"),
    ];
    finding
}
