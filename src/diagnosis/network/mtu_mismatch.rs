//! `network-mtu-mismatch`: containers send packets that the way out of the host does not carry.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{network, saw, sh};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::netstack::Way;

use super::of_destination;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(host) = scene.snapshot.sight.host.as_deref() else { return Vec::new() };
    let Some(uplink) = host.uplink() else { return Vec::new() };
    let tell = |on: &Destination| {
        let bridge = on.bridge.as_deref()?;
        let known = host.bridges.get(bridge)?;
        // A bridge without ports has the kernel's own idea of it.
        let mtu = if known.ports > 0 { known.mtu } else { on.mtu? };
        let leaves = !on.internal && !on.endpoints.is_empty();
        (leaves && mtu > uplink.mtu && uplink.mtu > 0).then(|| told(scene, on, (bridge, mtu), uplink))
    };
    scene.destinations().filter_map(tell).collect()
}

fn told(scene: &Scene<'_>, on: &Destination, (bridge, mtu): (&str, u32), uplink: &Way) -> Finding {
    let mut finding = of_destination(scene, Code::NetworkMtuMismatch, on);
    finding.summary = format!(
        "Containers on {} send packets of up to {mtu} bytes, and the host's way out ({}) carries {}: large answers hang where the notice of it is lost on the way.",
        on.name, uplink.by, uplink.mtu
    );
    finding.evidence = vec![
        saw(format!("ip link show {}", sh(bridge)), format!("mtu {mtu}"), "at most the way out's"),
        saw(
            format!("ip link show {}", sh(&uplink.by)),
            format!("mtu {}", uplink.mtu),
            "at least the network's",
        ),
    ];
    finding.explains = vec![
        "TLS handshakes, uploads and downloads that hang while pings and small requests work".to_owned(),
    ];
    let shell = network(on);
    let fit = uplink.mtu;
    finding.fix = vec![
        Step::when(
            "at once, for TCP, until the host starts anew",
            [format!(
                "iptables -t mangle -I FORWARD -o {} -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
                sh(&uplink.by)
            )],
        ),
        Step::when(
            "for good: a network's MTU is fixed when it is made, so make one that fits and redeploy onto it",
            [format!("docker network create --attachable -o com.docker.network.driver.mtu={fit} NEW")],
        ),
        Step::prose(
            "for networks to come: \"default-network-opts\": {\"bridge\": {\"com.docker.network.driver.mtu\": \"…\"}} in /etc/docker/daemon.json (the key \"mtu\" there is of the default bridge alone)",
        ),
    ];
    finding.verify = vec![
        format!("docker network inspect {shell} --format '{{{{json .Options}}}}'"),
        format!("ip -o link show {}", sh(&uplink.by)),
    ];
    finding
}
