//! `container-static-address-refused`: the Engine gives an address that was asked for only of a subnet that was asked for.

use crate::inventory::{Container, Destination, Missing};

use super::scene::Scene;
use super::words::{container, draft, network, saw};
use super::{Code, Finding, Step};

/// What the Engine says (`ipamutils` of its network library), in small letters.
const WORDS: &str =
    "user specified ip address is supported only when connecting to networks with user configured subnets";

/// Whether that is why it does not run.
pub(super) fn is_refused(container: &Container) -> bool {
    let said = container.error.as_deref().map(str::to_ascii_lowercase);
    !container.state.has_namespace() && said.is_some_and(|said| said.contains(WORDS))
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let all = scene.destinations().flat_map(|on| on.stopped.iter().map(move |missing| (on, missing)));
    all.filter_map(|(on, missing)| tell(scene, on, missing)).collect()
}

fn tell(scene: &Scene<'_>, on: &Destination, missing: &Missing) -> Option<Finding> {
    let inventory = scene.inventory?;
    let known = inventory.container(&missing.container).filter(|known| is_refused(known))?;
    let (id, net) = (container(inventory, &known.id), network(on));
    let name = &missing.name;
    let mut finding = draft(Code::ContainerStaticAddressRefused, "container", name, scene.snapshot.at);
    finding.destination = Some(on.name.clone());
    finding.summary = format!(
        "{name} does not start: it asks for an address of its own on {}, whose subnet the Engine chose itself.",
        on.name
    );
    finding.evidence = vec![
        saw(format!("docker inspect {id}"), known.error.as_deref().unwrap_or_default(), "no error"),
        saw("Engine", inventory.engine.version.clone(), "29 and later refuse what earlier ones allowed"),
    ];
    finding.explains = scene.symptoms(&on.name, |key| key.target == *name);
    finding.fix = vec![
        Step::prose(
            "take the fixed address (ipv4_address, --ip) out and let others use its name; then redeploy it",
        ),
        Step::when(
            "or make the network anew with a subnet of your own, while nothing runs on it",
            [
                format!("docker network rm {net}"),
                format!("docker network create --attachable --subnet 10.x.0.0/24 {net}"),
            ],
        ),
    ];
    finding.verify = vec![
        format!("docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {id}"),
        format!("docker network inspect -f '{{{{json .IPAM.Config}}}}' {net}"),
    ];
    Some(finding)
}
