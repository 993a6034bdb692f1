//! `host-bridge-netfilter-off`: what crosses a bridge does not meet the firewall that the Engine wrote for it.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::{Code, Finding, Step};
use crate::netstack::Host;

use super::of_host;

const SETTING: &str = "net.bridge.bridge-nf-call-iptables";

pub(super) fn find(scene: &Scene<'_>, host: &Host) -> Option<Finding> {
    // Not loaded is another thing: the Engine loads the module where it needs it.
    if host.bridge_netfilter != Some(false) || !scene.destinations().any(|on| on.bridge.is_some()) {
        return None;
    }
    let mut finding = of_host(scene, Code::HostBridgeNetfilterOff);
    finding.summary = format!(
        "Packets between containers of one network do not meet the host's firewall ({SETTING} is 0): com.docker.network.bridge.enable_icc=false separates nobody, and where the Engine runs without its userland proxy a container gets no answer from a port that a neighbour publishes."
    );
    finding.evidence =
        vec![saw(format!("sysctl {SETTING}"), "0", "1, as the module br_netfilter begins with")];
    finding.ruled_out = vec!["containers reach each other at their own addresses and names".to_owned()];
    finding.fix = vec![
        Step::prose(
            "where virtual machines share a bridge of this host somebody set it to 0 for them: with 1 their packets meet the Engine's rules, which drop what they do not know",
        ),
        Step::when("else", [format!("sysctl -w {SETTING}=1")]),
        Step::when(
            "so that it stays",
            [
                "echo br_netfilter > /etc/modules-load.d/br_netfilter.conf".to_owned(),
                format!("echo '{SETTING} = 1' > /etc/sysctl.d/99-docker-bridge.conf"),
            ],
        ),
    ];
    finding.verify = vec![format!("sysctl {SETTING}")];
    Some(finding)
}
