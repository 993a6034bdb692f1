//! `container-static-address-refused`: the Engine gives an address that was asked for only of a subnet that was asked for.

use std::collections::BTreeSet;

use crate::inventory::{Container, Destination, Missing};

use super::scene::Scene;
use super::words::{container, draft, quoted, saw};
use super::{Code, Finding, Step};

/// What the Engine says when it starts the container, in small letters.
const WORDS: &str =
    "user specified ip address is supported only when connecting to networks with user configured subnets";

/// Whether that is why it does not run.
pub(super) fn is_refused(container: &Container) -> bool {
    let said = container.error.as_deref().map(str::to_ascii_lowercase);
    !container.state.has_namespace() && said.is_some_and(|said| said.contains(WORDS))
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Of the networks that it is missed on the Engine does not say which refuses it.
    let mut told = BTreeSet::new();
    let all = scene.destinations().flat_map(|on| on.stopped.iter().map(move |missing| (on, missing)));
    let all = all.filter(|(_, missing)| told.insert(&missing.container));
    all.filter_map(|(on, missing)| tell(scene, on, missing)).collect()
}

fn tell(scene: &Scene<'_>, on: &Destination, missing: &Missing) -> Option<Finding> {
    let inventory = scene.inventory?;
    let known = inventory.container(&missing.container).filter(|known| is_refused(known))?;
    let id = container(inventory, &known.id);
    let name = &missing.name;
    let mut finding = draft(Code::ContainerStaticAddressRefused, "container", name, scene.snapshot.at);
    finding.destination = Some(on.name.clone());
    finding.summary = format!(
        "Container {} does not start: it asks for an address of its own on a network whose subnet the Engine chose itself.",
        quoted(name)
    );
    finding.evidence =
        vec![saw(format!("docker inspect {id}"), known.error.as_deref().unwrap_or_default(), "no error")];
    let version = &inventory.engine.version;
    let refuses_more = ["29.0.0", "29.0.1", "29.0.2", "29.0.3"].iter().any(|bad| is_release(version, bad));
    if refuses_more {
        finding.evidence.push(saw(
            "Engine",
            version.clone(),
            "not 29.0.0 to 29.0.3, which refuse what others allow",
        ));
        finding.fix.push(Step::prose("update the Engine: 29.0.4 and later allow it again"));
    } else {
        finding.ruled_out.push(format!("Engine {version} is none of those that refuse what others allow"));
    }
    finding.explains = scene.symptoms(&on.name, name, |key| key.target == *name);
    finding.fix.push(Step::prose(
        "take the fixed address (ipv4_address, --ip) out, let others use its name, and redeploy it; or give the network a subnet of your own (Compose: ipam, config, subnet) and redeploy all that belongs on it",
    ));
    finding.verify = vec![format!("docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {id}")];
    Some(finding)
}

/// Whether a version is this release, whatever a distribution writes behind it.
fn is_release(version: &str, release: &str) -> bool {
    version.strip_prefix(release).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}
