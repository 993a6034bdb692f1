//! `host-forwarding-disabled`: the kernel passes on no packet that is not for the host itself.

use ipnet::IpNet;

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{few_quoted, saw, sh};
use crate::diagnosis::{Code, Finding, Severity, Step};
use crate::inventory::Destination;
use crate::netstack::Host;

use super::of_host;

/// One family: its setting, whether it is off, and who has addresses of it.
struct Family {
    name: &'static str,
    setting: &'static str,
    is_off: bool,
    is_of: fn(&IpNet) -> bool,
}

pub(super) fn find(scene: &Scene<'_>, host: &Host) -> Option<Finding> {
    let families = [
        Family {
            name: "IPv4",
            setting: "net.ipv4.ip_forward",
            is_off: host.forwarding.ipv4 == Some(false),
            is_of: |net| matches!(net, IpNet::V4(_)),
        },
        Family {
            name: "IPv6",
            setting: "net.ipv6.conf.all.forwarding",
            is_off: host.forwarding.ipv6 == Some(false),
            is_of: |net| matches!(net, IpNet::V6(_)),
        },
    ];
    let crosses = |destination: &&Destination, family: &Family| {
        // An internal network leads nowhere, and packets between its containers are not forwarded.
        destination.bridge.is_some()
            && !destination.internal
            && destination.subnets.iter().any(|s| (family.is_of)(&s.net))
    };
    let hit = families.iter().find(|family| {
        family.is_off && scene.destinations().any(|destination| crosses(&destination, family))
    })?;
    let names: Vec<_> = scene.destinations().filter(|d| crosses(d, hit)).map(|d| &*d.name).collect();
    let mut finding = of_host(scene, Code::HostForwardingDisabled);
    let Family { name, setting, .. } = hit;
    let is_ipv6 = *name == "IPv6";
    finding.summary = if is_ipv6 {
        // What has IPv4 as well goes on by that.
        finding.severity = Severity::Ticket;
        format!(
            "The host forwards no {name} packets ({setting} is 0): by {name} containers on {} reach nothing outside, and nobody reaches their published ports.",
            few_quoted(&names)
        )
    } else {
        format!(
            "The host forwards no {name} packets ({setting} is 0): containers on {} reach nothing outside, and nobody reaches their published ports.",
            few_quoted(&names)
        )
    };
    finding.evidence = vec![saw(format!("sysctl {setting}"), "0", "1, as the Engine sets it")];
    finding.explains = vec![
        "containers that time out on everything outside their network".to_owned(),
        "published ports that answer on the host at most, and to nobody else".to_owned(),
    ];
    finding.ruled_out = vec!["packets between containers of one network are bridged, and pass".to_owned()];
    if is_ipv6 {
        // A host that forwards takes no default route from a router's advertisements, unless it is told to.
        finding.fix.push(Step::when(
            "where the host's own default route comes from router advertisements (`proto ra`), first, or it goes",
            ["ip -6 route show default".to_owned(), format!("sysctl -w net.ipv6.conf.{}.accept_ra=2", uplink(host))],
        ));
    }
    // The kernel has two names for that of IPv4.
    let written = if is_ipv6 {
        "ipv6[./]conf[./]all[./]forwarding"
    } else {
        "ip_forward|ipv4[./]conf[./]all[./]forwarding"
    };
    let file = if is_ipv6 { "zz-docker-ipv6" } else { "zz-docker" };
    finding.fix.extend([
        Step::command(format!("sysctl -w {setting}=1")),
        Step::when(
            "so that it stays, change each `= 0` that this shows, for hardening scripts and network managers write it, and what is read last counts",
            [format!("grep -rsE '{written}' /etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d")],
        ),
        Step::when(
            "then, in a file that is read late, and check",
            [
                format!("echo '{setting} = 1' > /etc/sysctl.d/{file}.conf"),
                "sysctl --system >/dev/null".to_owned(),
                format!("sysctl {setting}"),
            ],
        ),
    ]);
    finding.verify = vec![format!("sysctl {setting}")];
    Some(finding)
}

/// The interface that leads out by IPv6.
fn uplink(host: &Host) -> String {
    let default = host.ways.iter().flatten().find(|way| way.to.prefix_len() == 0 && way.to.addr().is_ipv6());
    default.map_or_else(|| "UPLINK".to_owned(), |way| sh(&way.by))
}
