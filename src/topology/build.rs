//! From a verdict to the map.

use std::sync::Arc;

use crate::diagnosis::{Finding, Verdict};
use crate::inventory::{self, Inventory};
use crate::report::{self, Flow, Status};

use super::model::{Container, Destination, Topology};

/// The map of a verdict.
pub fn build(verdict: &Verdict) -> Topology {
    let report = report::build(verdict);
    let mut flows = Vec::new();
    let mut destinations = Vec::new();
    for seen in report.destinations {
        // A flow between two destinations is listed on both.
        let begins = |flow: &&Flow| {
            let on = flow.source_destination.as_ref().or(flow.target_destination.as_ref());
            on == Some(&seen.name)
        };
        flows.extend(seen.flows.iter().filter(begins).cloned());
        destinations.extend(destination(verdict, seen));
    }
    Topology {
        generated_at: humantime::format_rfc3339_millis(report.generated_at).to_string(),
        status: report.status,
        destinations,
        flows,
        flows_left_out: report.flows_left_out,
        flows_unseen: report.flows_unseen,
    }
}

/// The map of one destination, as a report of the same verdict has it.
pub fn of(verdict: &Verdict, seen: &report::Destination) -> Topology {
    Topology {
        generated_at: humantime::format_rfc3339_millis(verdict.snapshot.at).to_string(),
        status: seen.status,
        flows: seen.flows.clone(),
        destinations: destination(verdict, seen.clone()).into_iter().collect(),
        flows_left_out: 0,
        flows_unseen: Vec::new(),
    }
}

fn destination(verdict: &Verdict, seen: report::Destination) -> Option<Destination> {
    let inventory = verdict.snapshot.inventory.as_deref()?;
    let sight = &verdict.snapshot.sight;
    // What cannot be seen is not healthy.
    let blind = !sight.engine.is_up() || sight.enters_namespaces() == Some(false);
    let unseen = if blind { Status::Unknown } else { Status::Healthy };
    let of = inventory.destination(&seen.name)?;
    let containers = of.endpoints.iter();
    Some(Destination {
        containers: containers.filter_map(|e| container(inventory, e, &seen.findings, unseen)).collect(),
        name: seen.name,
        display_name: seen.display_name,
        driver: seen.driver,
        scope: seen.scope,
        internal: of.internal,
        status: seen.status,
        subnets: seen.subnets,
        routes: seen.routes,
    })
}

fn container(
    inventory: &Inventory,
    of: &inventory::Endpoint,
    findings: &[Finding],
    unseen: Status,
) -> Option<Container> {
    let known = inventory.container(&of.container)?;
    let mine = findings.iter().filter(|finding| finding.subject.is_container(&of.name));
    Some(Container {
        name: Arc::clone(&of.name),
        id: of.container.short().to_owned(),
        workload: Arc::clone(&known.workload),
        state: known.state,
        health: known.health,
        status: Status::of(mine).worse(unseen),
        addresses: of.addresses.clone(),
        is_proxy: known.is_proxy,
        published: known.published.clone(),
    })
}

impl Topology {
    /// Leaves these destinations and what has to do with them; all where none is named.
    ///
    /// # Errors
    /// The first name that is no destination's, neither as a label nor as a person would call it.
    pub fn narrow(&mut self, wanted: &[String]) -> Result<(), String> {
        let is = |of: &Destination, name: &String| *of.name == **name || *of.display_name == **name;
        if let Some(unknown) = wanted.iter().find(|name| !self.destinations.iter().any(|of| is(of, name))) {
            return Err(unknown.clone());
        }
        if wanted.is_empty() {
            return Ok(());
        }
        self.destinations.retain(|of| wanted.iter().any(|name| is(of, name)));
        let here = |name: &str| self.destinations.iter().any(|of| *of.name == *name);
        self.flows.retain(|flow| {
            [&flow.source_destination, &flow.target_destination].into_iter().flatten().any(|on| here(on))
        });
        self.flows_unseen.retain(|place| here(&place.destination));
        self.status = self.destinations.iter().fold(Status::Healthy, |worst, of| worst.worse(of.status));
        Ok(())
    }
}
