//! `path-mtu-blackhole`: small packets pass, large ones vanish, and nobody says so.

use std::collections::BTreeSet;

use crate::diagnosis::network::{for_networks_to_come, narrower_uplink};
use crate::diagnosis::scene::{Look, Scene, fails};
use crate::diagnosis::words::{container, few, few_quoted, from_inside, saw, sh};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, Reason, Widths};
use crate::state::Record;

use super::{Failing, Whose, failing};

/// Links that carry less are rarer than firewalls that drop long echo requests (IPv6 asks for 1280 of each link; an
/// overlay over a VPN of that size is left with 1230).
const LEAST: u32 = 1200;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let inside: Vec<Failing<'_>> = scene.destinations().filter_map(|on| within(scene, on)).collect();
    let holed: BTreeSet<&str> =
        inside.iter().filter_map(|one| one.looks.first()).map(|(k, _)| &*k.destination).collect();
    // Where not even a neighbour is reached by large packets, nothing is known of what lies beyond.
    let beyond = |(key, record): &Look<'_>| {
        !holed.contains(&*key.destination) && tells(scene, key, record) && is_outside(scene, key)
    };
    let outside = failing(scene, ProbeKind::PathMtu, beyond, is_hole);
    let told = inside.iter().map(|one| tell(scene, one, true));
    told.chain(outside.iter().map(|one| tell(scene, one, false))).collect()
}

/// Whether a probe goes to a peer on its destination. One that bears an address for a name is no address outside.
fn is_peer(on: &Destination, key: &ProbeKey) -> bool {
    let Detail::Address(address) = key.detail else { return false };
    on.endpoint(&key.target).is_some_and(|peer| peer.addresses.contains(&address)) || is_elsewhere(on, key)
}

/// Or to a container on another node of a Swarm.
fn is_elsewhere(on: &Destination, key: &ProbeKey) -> bool {
    let Detail::Address(address) = key.detail else { return false };
    let mut elsewhere = on.overlay.iter().flat_map(|overlay| overlay.elsewhere());
    elsewhere.any(|(_, task)| task.name == key.target && task.address == address)
}

/// Whether it goes to an address that is configured: it is called by it.
fn is_outside(scene: &Scene<'_>, key: &ProbeKey) -> bool {
    let Detail::Address(address) = key.detail else { return false };
    let on = scene.inventory.and_then(|inventory| inventory.destination(&key.destination));
    address.to_string() == *key.target && on.is_some_and(|on| !is_peer(on, key))
}

fn is_hole(record: &Record) -> bool {
    fails(record) && record.outcome == Outcome::Failure(Reason::TooBig)
}

/// Whether a look says anything of the way: not of a firewall for long echo requests, nor what the host's own way out
/// accounts for.
pub(super) fn tells(scene: &Scene<'_>, key: &ProbeKey, record: &Record) -> bool {
    match (&record.outcome, record.seen.widths) {
        (Outcome::Success(_), _) => true,
        (Outcome::Failure(_), Some(widths)) => widths.passed >= LEAST && !is_of_uplink(scene, key, widths),
        _ => false,
    }
}

/// The host's way out carries less than the network, and so much passes: `network-mtu-mismatch` is the cause. Who would
/// have to say so is the host itself.
fn is_of_uplink(scene: &Scene<'_>, key: &ProbeKey, widths: Widths) -> bool {
    let on = scene.inventory.and_then(|inventory| inventory.destination(&key.destination));
    let narrow = on.filter(|_| is_outside(scene, key)).and_then(|on| narrower_uplink(scene, on));
    narrow.is_some_and(|(_, uplink)| widths.failed.is_none_or(|failed| failed > uplink.mtu))
}

/// What of a destination's failing looks `network-mtu-mismatch` accounts for.
pub(in crate::diagnosis) fn of_uplink<'a>(scene: &Scene<'a>, on: &Destination) -> Vec<Look<'a>> {
    let accounted = |(key, record): &Look<'a>| {
        is_hole(record) && record.seen.widths.is_some_and(|widths| is_of_uplink(scene, key, widths))
    };
    scene.looks_of(&on.name, ProbeKind::PathMtu).iter().copied().filter(accounted).collect()
}

/// A finding from before the host's way out was known to be narrower.
pub(in crate::diagnosis) fn is_accounted_for(scene: &Scene<'_>, finding: &Finding) -> bool {
    let here = |on: &&Destination| finding.destination.as_ref().is_none_or(|name| *name == on.name);
    let holes = scene.destinations().filter(here).flat_map(|on| scene.looks_of(&on.name, ProbeKind::PathMtu));
    let mut holes = holes.filter(|(_, record)| is_hole(record)).peekable();
    holes.peek().is_some()
        && holes.all(|(key, record)| record.seen.widths.is_some_and(|w| is_of_uplink(scene, key, w)))
}

/// Large packets vanish between two neighbours already.
fn within<'a>(scene: &Scene<'a>, on: &'a Destination) -> Option<Failing<'a>> {
    let is_hole = |(key, record): &Look<'a>| {
        is_peer(on, key)
            && is_hole(record)
            && tells(scene, key, record)
            && ![&key.source, &key.target].into_iter().any(|end| scene.is_away(&on.name, end))
    };
    let looks: Vec<Look<'a>> =
        scene.looks_of(&on.name, ProbeKind::PathMtu).iter().copied().filter(is_hole).collect();
    (!looks.is_empty()).then_some(Failing { of: Whose::Destination(on), looks })
}

fn tell(scene: &Scene<'_>, one: &Failing<'_>, inside: bool) -> Finding {
    let Failing { of, looks } = one;
    let mut finding = of.draft(scene, Code::PathMtuBlackhole, looks);
    let widths = || looks.iter().filter_map(|(_, record)| record.seen.widths);
    let passed = widths().map(|widths| widths.passed).min().unwrap_or_default();
    let mut targets: Vec<&str> = looks.iter().map(|(key, _)| &*key.target).collect();
    targets.sort_unstable();
    targets.dedup();
    let sources = || {
        let mut names: Vec<&str> = looks.iter().map(|(key, _)| &*key.source).collect();
        names.sort_unstable();
        names.dedup();
        few_quoted(names)
    };
    finding.summary = if inside {
        format!(
            "Packets of more than {passed} bytes vanish on the way from {} to {}, a neighbour on the same network, and nobody says so: large answers hang.",
            sources(),
            few_quoted(&targets)
        )
    } else {
        format!(
            "{} gets packets of up to {passed} bytes to {} and back, larger ones vanish, and nobody says so: large answers hang.",
            of.name(),
            few(&targets)
        )
    };
    let told = looks.iter().take(6).filter_map(|(key, record)| {
        let Widths { mtu, passed, failed, .. } = record.seen.widths?;
        let failed = failed.unwrap_or(mtu);
        Some(saw(
            format!("echo requests from {} on {} to {}", key.source, key.destination, key.target),
            format!("{passed} bytes pass, {failed} do not, {} times in a row", record.failures_in_a_row),
            &format!("{mtu} bytes pass, as large as the interface takes, or a notice comes back (fragmentation needed)"),
        ))
    });
    finding.evidence = told.collect();
    finding.ruled_out.push("small packets to the same address pass, all of them".to_owned());
    if !inside {
        let host = scene.snapshot.sight.host.as_deref();
        if let Some(uplink) = host.and_then(|host| host.uplink()).filter(|uplink| uplink.mtu > passed) {
            finding.ruled_out.push(format!("the host's own way out ({}) carries {}", uplink.by, uplink.mtu));
        }
    }
    let far = |(key, _): &Look<'_>| {
        let on = scene.inventory.and_then(|inventory| inventory.destination(&key.destination));
        on.is_some_and(|on| is_elsewhere(on, key))
    };
    finding.fix = if inside && looks.iter().all(far) {
        between_nodes(passed)
    } else if inside {
        between_neighbours(scene, looks)
    } else {
        beyond(scene, passed, looks)
    };
    finding.verify = by_hand(scene, looks);
    finding
}

/// VXLAN puts 50 bytes around each packet (RFC 7348, over IPv4), encryption more: of a wire of 1400 bytes 1350 are left.
fn between_nodes(passed: u32) -> Vec<Step> {
    vec![
        Step::when(
            "an overlay's MTU is fixed when it is made: on a manager make one that fits, and move its services there",
            [format!(
                "docker network create --driver overlay --attachable -o com.docker.network.driver.mtu={passed} NEW"
            )],
        ),
        Step::prose(
            "the network between the hosts (a VPN, a cloud's or a provider's virtual switch) carries less than the overlay takes it to: the overlay needs 50 bytes less than that network, with --opt encrypted some 80",
        ),
        Step::look("what that network's interfaces are set to, on both hosts", ["ip -br link".to_owned()]),
    ]
}

/// TCP over IPv4 takes 40 bytes of each packet for itself, over IPv6 60.
fn beyond(scene: &Scene<'_>, passed: u32, looks: &[Look<'_>]) -> Vec<Step> {
    let uplink = scene.snapshot.sight.host.as_deref().and_then(|host| host.uplink());
    let by = |flag: &str| uplink.map(|way| format!("{flag} {} ", sh(&way.by))).unwrap_or_default();
    let six = looks.iter().any(|(key, _)| matches!(key.detail, Detail::Address(ip) if ip.is_ipv6()));
    let four = looks.iter().any(|(key, _)| matches!(key.detail, Detail::Address(ip) if ip.is_ipv4()));
    let mut clamps = Vec::new();
    for (tool, headers) in [("iptables", 40), ("ip6tables", 60)] {
        if (tool == "iptables" && !four) || (tool == "ip6tables" && !six) {
            continue;
        }
        // What each end announces is what the other sends: both ways.
        let ways = if uplink.is_some() { &["-o", "-i"][..] } else { &[""] };
        clamps.extend(ways.iter().map(|way| {
            let by = if way.is_empty() { String::new() } else { by(way) };
            let most = passed.saturating_sub(headers);
            format!(
                "{tool} -t mangle -I FORWARD {by}-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {most}"
            )
        }));
    }
    let mut steps = vec![
        Step::at_once(
            "at once, for TCP, until the host starts anew (--clamp-mss-to-pmtu does not help: nobody tells the kernel what passes)",
            clamps,
        ),
        Step::when(
            "for good: a network's MTU is fixed when it is made, so make one that fits and redeploy onto it",
            [format!("docker network create --attachable -o com.docker.network.driver.mtu={passed} NEW")],
        ),
    ];
    steps.extend(for_networks_to_come(scene, passed));
    steps.push(Step::prose(
        "or have whoever drops it let the notice pass: ICMP type 3 code 4, ICMPv6 type 2; a provider's firewall, a VPN, a router of your own",
    ));
    steps
}

fn between_neighbours(scene: &Scene<'_>, looks: &[Look<'_>]) -> Vec<Step> {
    let on = looks.first().and_then(|(key, _)| scene.inventory?.destination(&key.destination));
    let bridge = on.and_then(|on| on.bridge.as_deref());
    let ports = bridge
        .map_or_else(|| "ip -o link".to_owned(), |bridge| format!("ip -o link show master {}", sh(bridge)));
    let both = looks.iter().take(2).flat_map(|(key, _)| [&key.source, &key.target]);
    let shells = both.filter_map(|end| Some(container(scene.inventory?, &on?.endpoint(end)?.container)));
    let inside = shells.map(|shell| from_inside(&shell, "ip -o link"));
    vec![
        Step::look("which interface takes less than the others (mtu), on the bridge", [ports]),
        Step::look("and in the containers", inside),
        Step::prose(
            "give it the others' (ip link set dev NAME mtu N), or redeploy: a container's interfaces are made anew with it",
        ),
        Step::when(
            "where all take the same, a rule of a firewall drops what is large",
            ["iptables -S DOCKER-USER".to_owned()],
        ),
    ]
}

fn by_hand(scene: &Scene<'_>, looks: &[Look<'_>]) -> Vec<String> {
    let one = |(key, record): &Look<'_>| {
        let Detail::Address(address) = key.detail else { return None };
        let widths = record.seen.widths?;
        let endpoint = scene.inventory?.destination(&key.destination)?.endpoint(&key.source)?;
        let shell = container(scene.inventory?, &endpoint.container);
        // What ping is told is without the headers of IP and ICMP.
        let headers = if address.is_ipv4() { 28 } else { 48 };
        let ping = |size: u32| {
            let data = size.saturating_sub(headers);
            format!(
                "nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {shell}) -n ping -c 3 -W 1 -M probe -s {data} {address}"
            )
        };
        Some([ping(widths.passed), ping(widths.failed.unwrap_or(widths.mtu))])
    };
    looks.iter().take(1).filter_map(one).flatten().collect()
}
