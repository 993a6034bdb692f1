//! `network-duplicate-name`: two networks have one name, and who asks for it by name gets either, or an error.

use std::collections::BTreeMap;

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{counted, quoted, saw, sh};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;

use super::of_destination;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut by_name: BTreeMap<&str, Vec<&Destination>> = BTreeMap::new();
    for destination in scene.destinations() {
        by_name.entry(given(destination)).or_default().push(destination);
    }
    by_name.retain(|_, all| all.len() > 1);
    by_name.into_iter().filter_map(|(name, all)| tell(scene, name, &all)).collect()
}

/// What the network is called: the label has the short id behind it where it is not the only one.
fn given(destination: &Destination) -> &str {
    let name = &*destination.name;
    name.strip_suffix(&format!(" ({})", destination.id.short())).unwrap_or(name)
}

fn tell(scene: &Scene<'_>, name: &str, all: &[&Destination]) -> Option<Finding> {
    // One that nobody is on is the one to remove.
    let empty = all.iter().min_by_key(|on| on.endpoints.len() + on.stopped.len() + on.detached.len())?;
    let mut finding = of_destination(scene, Code::NetworkDuplicateName, empty);
    finding.summary = format!(
        "{} networks are called {}: whatever is deployed to it by name gets one of them, or an error.",
        all.len(),
        quoted(name)
    );
    finding.evidence = all
        .iter()
        .map(|on| {
            saw(
                format!("docker network inspect {}", sh(on.id.as_str())),
                format!(
                    "{name}, {} {}, here with {}",
                    on.scope,
                    on.driver,
                    counted(on.endpoints.len(), "container")
                ),
                "one network of the name",
            )
        })
        .collect();
    finding.explains = vec![
        "deployments that end in \"network … is ambiguous\" or \"not in the right scope\"".to_owned(),
        "containers of one project that do not find each other".to_owned(),
    ];
    finding.fix = vec![
        Step::look(
            "who needs which, running or not (of an overlay: on the other nodes too)",
            all.iter().map(|on| format!("docker ps -a --filter network={}", sh(on.id.as_str()))),
        ),
        Step::when(
            "the one that nobody needs, by its id",
            [format!("docker network rm {}", sh(empty.id.as_str()))],
        ),
        Step::prose("where both have containers: redeploy those of one of them first"),
    ];
    finding.verify = vec![format!("docker network ls --no-trunc --filter name={}", sh(name))];
    Some(finding)
}
