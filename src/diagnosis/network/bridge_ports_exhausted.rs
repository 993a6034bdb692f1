//! `network-bridge-ports-exhausted`: the bridge takes no further interface.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{network, quoted, saw, sh};
use crate::diagnosis::{Code, Finding, Step};

use super::of_destination;

/// `BR_MAX_PORTS`, `1 << BR_PORT_BITS` of `net/bridge/br_private.h`; number 0 is none.
const MOST: u32 = 1023;
/// Deployments begin the new before they end the old.
const SPARE: u32 = 8;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(host) = scene.snapshot.sight.host.as_deref() else { return Vec::new() };
    let tell = |destination| -> Option<Finding> {
        let on: &crate::inventory::Destination = destination;
        let bridge = on.bridge.as_deref()?;
        let ports = host.bridge(bridge)?.ports;
        let left = MOST.saturating_sub(ports);
        if left > SPARE {
            return None;
        }
        let mut finding = of_destination(scene, Code::NetworkBridgePortsExhausted, on);
        finding.summary = format!(
            "The bridge of the network {} has {ports} of {MOST} ports in use: {}.",
            quoted(&on.name),
            match left {
                0 => "the next container on it will not start".to_owned(),
                1 => "room is left for one more container".to_owned(),
                left => format!("room is left for {left} more containers"),
            }
        );
        finding.evidence = vec![saw(
            format!("interfaces whose master is {bridge}"),
            ports.to_string(),
            "below the kernel's 1024, less one",
        )];
        finding.explains = vec![
            "containers that end in \"adding interface … to bridge … failed: exchange full\"".to_owned(),
        ];
        finding.fix = vec![
            Step::look("remove what is not needed", [format!("docker ps --filter network={}", network(on))]),
            Step::prose("a bridge cannot grow: spread the containers over several networks"),
        ];
        finding.verify = vec![format!("ip -o link show master {} | wc -l", sh(bridge))];
        Some(finding)
    };
    scene.destinations().filter_map(tell).collect()
}
