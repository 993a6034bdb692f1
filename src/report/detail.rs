//! One container on one destination, with all that is known of it there.

use crate::diagnosis::Verdict;
use crate::netstack::TcpCounters;
use crate::traffic;

use super::build;
use super::flows::flows;
use super::model::{Counters, Detail, Tcp, Traffic};

/// The container of this endpoint name; `None` where there is no such destination, or no such name on it.
pub fn detail(verdict: &Verdict, destination: &str, name: &str) -> Option<Detail> {
    let snapshot = &*verdict.snapshot;
    let inventory = snapshot.inventory.as_deref()?;
    let place = inventory.destination(destination)?.endpoint(name)?;
    let on =
        build::destination(verdict, inventory, inventory.destination(destination)?, &flows(snapshot).told);
    let container = on.containers.into_iter().find(|one| *one.name == *name)?;
    let concerns = |one: &str, other: &str| one == name || other == name;
    let others =
        inventory.endpoints().filter(|(on, e)| e.container == place.container && *on.name != *destination);
    let traffic = traffic::flows(snapshot)
        .into_iter()
        .find(|flow| flow.container.id == place.container && *flow.destination.name == *destination);
    let tcp = snapshot.containers.get(&place.container).and_then(|inner| inner.tcp);
    Some(Detail {
        generated_at: snapshot.at,
        destination: on.name,
        elsewhere: others.map(|(on, _)| on.name.clone()).collect(),
        findings: on.findings.into_iter().filter(|finding| finding.subject.is_container(name)).collect(),
        routes: on.routes.into_iter().filter(|route| route.workload == container.workload).collect(),
        probes: on.probes.into_iter().filter(|probe| concerns(&probe.source, &probe.target)).collect(),
        flows: on.flows.into_iter().filter(|flow| flow.is_of(destination, name)).collect(),
        traffic: traffic.map(|flow| Traffic {
            source: flow.counter.as_label(),
            receive: Counters::from(flow.receive),
            transmit: Counters::from(flow.transmit),
        }),
        connections: tcp.map(|TcpCounters { established, time_wait, retransmits, listen_overflows }| Tcp {
            established,
            time_wait,
            retransmits_total: retransmits,
            listen_overflows_total: listen_overflows,
        }),
        container,
    })
}
