//! `network-missing`: a network that containers were made for, or that the operator expects, does not exist.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{operand, quoted, saw};
use crate::diagnosis::{Code, Finding, Step};

use super::of_named;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let absent = scene.inventory.into_iter().flat_map(|inventory| &inventory.absent);
    let tell = |name| {
        let mut finding = of_named(scene, Code::NetworkMissing, name);
        let shell = operand(name);
        finding.summary = format!(
            "The network {} does not exist, though containers were made for it or the configuration expects it: whatever is deployed to it does not start.",
            quoted(name)
        );
        finding.evidence = vec![saw("docker network ls", format!("no network {name}"), "one of this name")];
        finding.explains = vec![
            "deployments that end in \"network … declared as external, but could not be found\"".to_owned(),
            "containers that end in \"network … not found\" when they are started again".to_owned(),
        ];
        finding.fix = vec![
            Step::prose(
                "where Compose made it: docker compose up -d in the project makes it anew; one made by hand has not Compose's labels, and Compose refuses it",
            ),
            Step::when("else", [format!("docker network create --attachable {shell}")]),
            Step::prose(
                "then redeploy what belongs on it: a container that was made for the old network keeps its id, and does not find the new one",
            ),
            Step::prose(
                "where nothing belongs on it any more: remove the stopped containers that were made for it",
            ),
        ];
        finding.verify = vec![format!("docker network inspect {shell}")];
        finding
    };
    absent.map(tell).collect()
}
