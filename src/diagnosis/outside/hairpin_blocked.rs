//! `hairpin-blocked`: from inside nobody gets to the proxy by the host's own address, and the host does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use ipnet::IpNet;

use crate::diagnosis::scene::{Look, Scene, fails};
use crate::diagnosis::words::{container, few, few_quoted, from_inside, quoted};
use crate::diagnosis::{Code, Finding, Step};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind};
use crate::state::Record;

use super::{Failing, Whose, evidence, failing};

/// Commands for so many networks.
const MOST_NETWORKS: usize = 6;
/// More destinations than this are one fault of the host's, and one finding, though others get through.
const MOST_DESTINATIONS: usize = 3;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Where the Engine leads packets to the proxy, that takes forwarding.
    let host = scene.snapshot.sight.host.as_deref();
    if host.is_some_and(|host| host.forwarding.ipv4 == Some(false)) {
        return Vec::new();
    }
    let open = open(scene);
    let doors: BTreeSet<SocketAddr> =
        scene.everywhere(ProbeKind::Hairpin).filter_map(|(key, _)| at(key)).collect();
    let mut found: BTreeMap<(&str, &str), Failing<'_>> = BTreeMap::new();
    // Each door by itself: a firewall may let one through and not the other.
    for door in doors {
        let host = open.get(&door).copied();
        // What its own kernel forbids a container is about the container.
        let tried = |(key, record): &Look<'_>| {
            at(key) == Some(door) && !(record.seen.local && matches!(record.outcome, Outcome::Failure(_)))
        };
        // It counts where the host got a connection at the very door, after the container had begun to get none: else it may
        // be the proxy that is down.
        let shut = |record: &Record| fails(record) && host.is_some_and(|host| host >= record.since);
        for one in failing(scene, ProbeKind::Hairpin, tried, shut) {
            let identity = match one.of {
                Whose::Host => ("host", ""),
                Whose::Destination(on) => ("destination", &*on.name),
                Whose::Container(_, name) => ("container", &**name),
            };
            match found.get_mut(&identity) {
                Some(known) => known.looks.extend(one.looks),
                None => drop(found.insert(identity, one)),
            }
        }
    }
    let (many, mut others): (Vec<Failing<'_>>, Vec<Failing<'_>>) =
        found.into_values().partition(|one| matches!(one.of, Whose::Destination(_)));
    if many.len() > MOST_DESTINATIONS {
        let looks = many.into_iter().flat_map(|one| one.looks).collect();
        others.push(Failing { of: Whose::Host, looks });
    } else {
        others.extend(many);
    }
    others.iter().map(|one| tell(scene, one)).collect()
}

/// The door that a container tries.
fn at(key: &ProbeKey) -> Option<SocketAddr> {
    match (key.kind, &key.detail) {
        (ProbeKind::Hairpin, Detail::Port(ip, port)) => Some(SocketAddr::new(*ip, *port)),
        _ => None,
    }
}

/// Whether a failure may be one on the way: not what its own kernel forbids a container, nor a door that the host was
/// seen to get no connection at either.
pub(super) fn tells(scene: &Scene<'_>, open: &Open, key: &ProbeKey, record: &Record) -> bool {
    let Some(door) = at(key) else { return false };
    let is_shut = || {
        tries_of_host(scene).any(|(key, record)| {
            door_of_host(key) == Some(door) && matches!(record.outcome, Outcome::Failure(_))
        })
    };
    !record.seen.local && (open.contains_key(&door) || !is_shut())
}

/// Where the host itself tries doors.
fn tries_of_host<'a>(scene: &Scene<'a>) -> impl Iterator<Item = Look<'a>> {
    scene.everywhere(ProbeKind::PublishedPort).chain(scene.everywhere(ProbeKind::Route))
}

/// The door that the host tries.
fn door_of_host(key: &ProbeKey) -> Option<SocketAddr> {
    match (key.kind, &key.detail) {
        (ProbeKind::PublishedPort, Detail::Port(ip, port)) => Some(SocketAddr::new(*ip, *port)),
        (ProbeKind::Route, Detail::Door(_, _, at)) => Some(*at),
        _ => None,
    }
}

/// Doors that the host gets a connection at, and when it last did.
pub(super) type Open = BTreeMap<SocketAddr, SystemTime>;

/// When the host last got a connection at each door, of those that it gets one at now.
pub(super) fn open(scene: &Scene<'_>) -> Open {
    let mut open = Open::new();
    for (key, record) in tries_of_host(scene) {
        let Some(door) = door_of_host(key) else { continue };
        if matches!(record.outcome, Outcome::Success(_)) {
            let latest = open.entry(door).or_insert(record.at);
            *latest = record.at.max(*latest);
        }
    }
    open
}

fn tell(scene: &Scene<'_>, one: &Failing<'_>) -> Finding {
    let Failing { of, looks } = one;
    let mut finding = of.draft(scene, Code::HairpinBlocked, looks);
    let doors: BTreeSet<SocketAddr> = looks.iter().filter_map(|(key, _)| at(key)).collect();
    let proxies: BTreeSet<&str> = looks.iter().map(|(key, _)| &*key.target).collect();
    let destinations: BTreeSet<&str> = looks.iter().map(|(key, _)| &*key.destination).collect();
    let who = match of {
        Whose::Host if scene.destinations().any(|on| !on.internal && !destinations.contains(&*on.name)) => {
            format!("Nobody on {} gets a connection", few_quoted(&destinations))
        }
        Whose::Host => "No destination gets a connection".to_owned(),
        Whose::Destination(on) => format!("Nobody on the network {} gets a connection", quoted(&on.name)),
        Whose::Container(_, name) => format!("Container {} gets no connection", quoted(name)),
    };
    finding.summary = format!(
        "{} to {} at the host's own address ({}), and the host itself does: apps that call a site of this server by its public name time out.",
        who,
        few_quoted(&proxies),
        few(doors.iter().map(ToString::to_string))
    );
    let tried =
        |key: &ProbeKey| format!("handshake from {} on {} with {}", key.source, key.destination, key.detail);
    finding.evidence = evidence(looks, tried, "a connection");
    finding.ruled_out =
        vec!["the proxy runs and serves: the host gets a connection at the same address and port".to_owned()];
    finding.fix = vec![
        Step::prose(
            "where an app calls another: by the container's name and port on their network (http://NAME:PORT), not by the public name; that takes no way out",
        ),
        Step::when(
            "or let the host's firewall take in what comes from the networks, until the next reboot",
            rules(scene, looks).into_iter().map(|Rule { tool, subnet, ports }| {
                let ports = match &*ports {
                    [port] => format!("--dport {port}"),
                    many => format!("-m multiport --dports {}", listed(many)),
                };
                format!("{tool} -I INPUT -s {subnet} -p tcp {ports} -j ACCEPT")
            }),
        ),
        Step::when(
            "where ufw keeps it, so that it stays",
            rules(scene, looks).into_iter().map(|Rule { subnet, ports, .. }| {
                format!("ufw allow from {subnet} to any port {} proto tcp", listed(&ports))
            }),
        ),
        Step::restart(
            "where /etc/docker/daemon.json has \"userland-proxy\": false, the Engine keeps networks from each other's published ports: remove that line and restart it",
        ),
        Step::prose(
            "where no app here calls a site of this server by its public name, nothing is amiss: probes.hairpin.enabled: false in the exporter's settings",
        ),
    ];
    finding.verify = by_hand(scene, looks);
    finding
}

struct Rule {
    tool: &'static str,
    subnet: IpNet,
    ports: Vec<u16>,
}

fn listed(ports: &[u16]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// One for each subnet of the networks that fail.
fn rules(scene: &Scene<'_>, looks: &[Look<'_>]) -> Vec<Rule> {
    let mut ports: BTreeMap<IpNet, BTreeSet<u16>> = BTreeMap::new();
    for (key, _) in looks {
        let Some(on) = scene.inventory.and_then(|i| i.destination(&key.destination)) else { continue };
        let Some(door) = at(key) else { continue };
        let of_family = |net: &IpNet| {
            matches!((net, door.ip()), (IpNet::V4(_), IpAddr::V4(_)) | (IpNet::V6(_), IpAddr::V6(_)))
        };
        for net in on.subnets.iter().map(|subnet| subnet.net).filter(of_family) {
            ports.entry(net).or_default().insert(door.port());
        }
    }
    let rule = |(subnet, ports): (IpNet, BTreeSet<u16>)| Rule {
        tool: if matches!(subnet, IpNet::V4(_)) { "iptables" } else { "ip6tables" },
        subnet,
        ports: ports.into_iter().collect(),
    };
    ports.into_iter().take(MOST_NETWORKS).map(rule).collect()
}

fn by_hand(scene: &Scene<'_>, looks: &[Look<'_>]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    if let Some((key, _)) = looks.first()
        && let Some(door) = at(key)
    {
        let (ip, port) = (door.ip(), door.port());
        let endpoint =
            scene.inventory.and_then(|i| Some((i, i.destination(&key.destination)?.endpoint(&key.source)?)));
        commands.extend(endpoint.map(|(inventory, endpoint)| {
            from_inside(&container(inventory, &endpoint.container), &format!("nc -v -w 3 {ip} {port}"))
        }));
        commands.push(format!("nc -v -w 3 {ip} {port} </dev/null"));
    }
    commands.push("iptables -S INPUT".to_owned());
    commands
}
