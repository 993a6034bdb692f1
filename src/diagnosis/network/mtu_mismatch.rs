//! `network-mtu-mismatch`: containers send packets that the way out of the host does not carry. One finding, whatever
//! many networks there are: the way out is one.

use std::sync::Arc;

use crate::diagnosis::outside::path_mtu_blackhole;
use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{draft, few_quoted, listed, network, quoted, saw, sh, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::netstack::Way;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let narrower = scene.destinations().filter_map(|on| Some((on, narrower_uplink(scene, on)?)));
    let (found, uplinks): (Vec<(&Destination, u32)>, Vec<&Way>) =
        narrower.map(|(on, (mtu, uplink))| ((on, mtu), uplink)).unzip();
    uplinks.first().map(|uplink| told(scene, &found, uplink)).into_iter().collect()
}

/// What a network carries, and the host's way out, where that carries less.
pub(in crate::diagnosis) fn narrower_uplink<'a>(
    scene: &Scene<'a>,
    on: &Destination,
) -> Option<(u32, &'a Way)> {
    let host = scene.snapshot.sight.host.as_deref()?;
    let uplink = host.uplink().filter(|uplink| uplink.mtu > 0)?;
    let known = host.bridge(on.bridge.as_deref()?)?;
    // A bridge without ports has the kernel's own idea of it.
    let mtu = if known.ports > 0 { known.mtu } else { on.mtu? };
    (!on.internal && !on.endpoints.is_empty() && mtu > uplink.mtu).then_some((mtu, uplink))
}

fn told(scene: &Scene<'_>, found: &[(&Destination, u32)], uplink: &Way) -> Finding {
    let interface: Arc<str> = uplink.by.as_str().into();
    let mut finding = draft(Code::NetworkMtuMismatch, "host", &interface, scene.snapshot.at);
    if let [(on, _)] = found {
        finding.destination = Some(on.name.clone());
    }
    let names: Vec<&str> = found.iter().map(|(on, _)| &*on.name).collect();
    let largest = found.iter().map(|(_, mtu)| *mtu).max().unwrap_or_default();
    finding.summary = format!(
        "Containers on {} send packets of up to {largest} bytes, and the host's way out (interface {}) carries {}: large answers hang where the notice of it is lost on the way.",
        few_quoted(&names),
        quoted(&uplink.by),
        uplink.mtu
    );
    finding.evidence = found
        .iter()
        .take(6)
        .filter_map(|(on, mtu)| {
            let bridge = on.bridge.as_deref()?;
            Some(saw(format!("ip link show {}", sh(bridge)), format!("mtu {mtu}"), "at most the way out's"))
        })
        .collect();
    finding.evidence.push(saw(
        format!("ip link show {}", sh(&uplink.by)),
        format!("mtu {}", uplink.mtu),
        "at least the networks'",
    ));
    finding.explains = vec![
        "TLS handshakes, uploads and downloads that hang while pings and small requests work".to_owned(),
    ];
    // Seen, and not only to be feared: of what the host drops nobody hears.
    let vanish = found.iter().flat_map(|(on, _)| path_mtu_blackhole::of_uplink(scene, on));
    finding.explains.extend(listed(vanish.map(|(key, record)| symptom(key, record))));
    finding.fix = vec![
        Step::at_once(
            "at once, for TCP, until the host starts anew",
            [format!(
                "iptables -t mangle -I FORWARD -o {} -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
                sh(&uplink.by)
            )],
        ),
        Step::when(
            "for good: a network's MTU is fixed when it is made, so make one that fits and redeploy onto it",
            [format!(
                "docker network create --attachable -o com.docker.network.driver.mtu={} NEW",
                uplink.mtu
            )],
        ),
    ];
    finding.fix.extend(for_networks_to_come(scene, uplink.mtu));
    let shells: Vec<String> = found.iter().take(6).map(|(on, _)| network(on)).collect();
    finding.verify = vec![
        format!("docker network inspect --format '{{{{.Name}}}} {{{{json .Options}}}}' {}", shells.join(" ")),
        format!("ip -o link show {}", sh(&uplink.by)),
    ];
    finding
}

/// The Engine's setting. Before Engine 24 there was none: a file that has it keeps an older one from starting.
pub(in crate::diagnosis) fn for_networks_to_come(scene: &Scene<'_>, mtu: u32) -> Option<Step> {
    let engine = &scene.inventory?.engine;
    let setting = Step::filled(
        "for networks to come: \"default-network-opts\": {\"bridge\": {\"com.docker.network.driver.mtu\": \"{}\"}} (the key \"mtu\" is of the default bridge alone)",
        &[&mtu],
    );
    (engine.docker_major() >= Some(24)).then(|| setting.in_daemon_json(engine))
}
