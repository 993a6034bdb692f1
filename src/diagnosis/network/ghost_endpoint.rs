//! `network-ghost-endpoint`: an endpoint is left in the network, and no container stands behind it.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{few_quoted, network, operand, quoted, saw, sh};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::{Destination, Ghost};

use super::of_destination;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    scene.destinations().filter(|on| !on.ghosts.is_empty()).map(|on| tell(scene, on)).collect()
}

fn tell(scene: &Scene<'_>, on: &Destination) -> Finding {
    let mut finding = of_destination(scene, Code::NetworkGhostEndpoint, on);
    let names = few_quoted(on.ghosts.iter().map(|ghost| &*ghost.name));
    let (it, stands) = if on.ghosts.len() == 1 { ("it", "an endpoint") } else { ("them", "endpoints") };
    finding.summary = format!(
        "The network {} has {stands} that no container stands behind ({names}): the network cannot be removed, and no container called like {it} starts on it.",
        quoted(&on.name)
    );
    finding.evidence = on
        .ghosts
        .iter()
        .take(12)
        .map(|ghost| {
            saw(
                format!("docker network inspect {}: Containers", network(on)),
                format!("{} at {}, of a container that is not there", ghost.name, ghost.address),
                "endpoints of containers that are there",
            )
        })
        .collect();
    finding.explains = vec![
        "docker network rm: \"has active endpoints\"".to_owned(),
        format!("docker run --name {}: \"endpoint with name … already exists\"", sh(first(on))),
    ];
    finding.ruled_out = vec![
        "it is no container that is being made or removed: it was there twice, a minute apart".to_owned(),
    ];
    finding.fix = on.ghosts.iter().take(12).map(|ghost| repair(scene, on, ghost)).collect();
    finding.fix.push(Step::restart("what stays all the same goes when the Engine starts again"));
    finding.verify = vec![format!("docker network inspect -f '{{{{json .Containers}}}}' {}", network(on))];
    finding
}

fn first(on: &Destination) -> &str {
    on.ghosts.first().map_or("", |ghost| &ghost.name)
}

/// The Engine takes what it is told for a container where it can, by its name or by the beginning of its id: that one would
/// lose its place. A name can be put aside for a moment; an id cannot.
fn repair(scene: &Scene<'_>, on: &Destination, ghost: &Ghost) -> Step {
    let disconnect = format!("docker network disconnect -f {} {}", network(on), operand(&ghost.name));
    let mut containers = scene.inventory.into_iter().flat_map(|inventory| inventory.containers.values());
    if containers.clone().any(|one| one.id.as_str().starts_with(&*ghost.name)) {
        return Step::prose(
            "a container's id begins like the endpoint's name, and that container would be taken off in its place: leave it to a start of the Engine",
        );
    }
    match containers.find(|one| one.name == ghost.name) {
        None => Step::command(disconnect),
        Some(namesake) => {
            let (id, name) = (namesake.id.short(), &namesake.name);
            let aside = sh(&format!("{name}-aside"));
            Step::when(
                "a container is called the same: another name for the moment, or it is the one that is taken off",
                // Whatever comes of it, the name comes back.
                [format!(
                    "docker rename {id} {aside} && {{ {disconnect}; docker rename {id} {}; }}",
                    operand(name)
                )],
            )
        }
    }
}
