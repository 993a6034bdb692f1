//! `swarm-task-rejected`: a service has too few tasks, because nodes refuse them or none is fit for them.

use crate::diagnosis::words::{operand, quoted, saw};
use crate::diagnosis::{Code, Finding, Severity, Step, network_addresses_exhausted};
use crate::inventory::swarm::RefusedTask;

use super::Of;

pub(super) fn find(of: &Of<'_, '_>) -> Vec<Finding> {
    let refused = of.swarm.control.iter().flat_map(|control| &control.refused);
    let refused = refused.filter(|task| !network_addresses_exhausted::accounts_for(of.scene, task));
    refused.map(|task| tell(of, task)).collect()
}

fn tell(of: &Of<'_, '_>, task: &RefusedTask) -> Finding {
    let mut finding = of.draft(Code::SwarmTaskRejected, "service", &task.service, None);
    finding.severity = if task.running == 0 { Severity::Page } else { Severity::Ticket };
    let how = match task.running {
        0 => "None of its tasks runs".to_owned(),
        1 => "One of its tasks runs, and it is to have more".to_owned(),
        running => format!("{running} of its tasks run, and it is to have more"),
    };
    let is_pending = &*task.state == "pending";
    let ends = &*task.state == "failed";
    finding.summary = if is_pending {
        format!("No node takes a task of service {}: {}. {how}.", quoted(&task.service), task.error)
    } else if ends {
        format!(
            "Tasks of service {} end as soon as they are started, the last on node {}: {}. {how}.",
            quoted(&task.service),
            quoted(&task.node),
            task.error
        )
    } else {
        format!(
            "Node {} refuses a task of service {}: {}. {how}.",
            quoted(&task.node),
            quoted(&task.service),
            task.error
        )
    };
    finding.evidence =
        vec![saw("task, by the managers", format!("{}: {}", task.state, task.error), "running")];
    let name = operand(&task.service);
    finding.fix = mend(task);
    finding.fix.push(Step::when(
        "once that is mended the Swarm tries again by itself; at once, on a manager",
        [format!("docker service update --force {name}")],
    ));
    finding.verify = vec![
        format!("docker service ps --no-trunc {name}"),
        format!("docker service inspect --pretty {name}"),
    ];
    finding
}

/// What is known to help, by the Engine's words.
fn mend(task: &RefusedTask) -> Vec<Step> {
    let says = |word: &str| task.error.contains(word);
    if says("bind source path does not exist") || says("invalid mount config") {
        return vec![Step::prose(
            "make the folder on that node: a bind mount of a service is on every node that may run it",
        )];
    }
    if says("No such image")
        || says("manifest")
        || says("pull access denied")
        || says("could not be accessed")
    {
        return vec![Step::prose(
            "the node cannot get the image: docker login there, or deploy with --with-registry-auth; an image that was built on one node is on that one alone",
        )];
    }
    if says("vxlan") || says("file exists") || says("sandbox join") {
        return vec![
            Step::look(
                "on that node: links that are left over, of networks that are gone",
                ["ip -d link show type vxlan; ls /var/run/docker/netns".to_owned()],
            ),
            Step::restart_node("there: the Engine makes them anew when it starts"),
        ];
    }
    if says("address already in use") || says("port is already allocated") {
        return vec![Step::prose(
            "another process or container of that node has the port that it publishes there: free it, or publish another",
        )];
    }
    if network_addresses_exhausted::wants_an_address(task) {
        return vec![Step::prose(
            "a network of the service has no address left: each task takes one, a service one for its virtual address, and each node one more; take away what is not needed, or make it anew with a larger --subnet",
        )];
    }
    if says("no suitable node") {
        return vec![Step::prose(
            "no node meets the service's constraints, resources or published ports: docker service inspect says what it asks for, docker node ls what there is",
        )];
    }
    if says("network") && says("not found") {
        return vec![Step::prose(
            "the network does not exist, or is none of the Swarm's: docker network create --driver overlay --attachable, on a manager",
        )];
    }
    vec![Step::prose("mend what the Engine says, on that node")]
}
