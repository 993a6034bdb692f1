//! `published-port-unreachable`: the host itself does not get through to a port that it publishes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{Container, Destination, Endpoint, Health, PublishedPort, RunState};
use crate::netstack::Listener;
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind};

use super::firewall::is_of_old_ways_in;
use super::scene::{Look, Scene, fails};
use super::words::{container as shell, draft, few, from_inside, listed, quoted, saw, symptom};
use super::{Code, Finding, Severity, Step};

/// A process takes its time from its container's start to its first connection.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// More ports than this are one fault of the host's, and one finding.
const MOST_PORTS: usize = 3;

/// What is known of a port behind one that does not answer.
enum Behind {
    /// Somebody takes connections there.
    Open,
    /// Nobody does; who listens elsewhere.
    Closed(Vec<Listener>),
    /// It could not be read.
    Unknown,
}

/// One published port that does not answer.
struct Port<'a> {
    destination: &'a Destination,
    endpoint: &'a Endpoint,
    container: &'a Container,
    published: &'a PublishedPort,
    looks: Vec<Look<'a>>,
}

/// One finding a port of a container, whichever of the host's addresses it is bound to. Where many do not answer though
/// somebody listens behind them, it is one for all.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let ports = failing(scene);
    // Once is a doubt: it opens no finding, but counts to how many there are.
    let is_sure = |port: &Port<'_>| port.looks.iter().any(|(_, record)| fails(record));
    let (open, others): (Vec<_>, Vec<_>) = ports
        .into_iter()
        .map(|port| (behind(scene, &port), port))
        // Where the Engine's rules are gone that led there, that is the finding.
        .filter(|(behind, port)| match behind {
            Behind::Closed(listeners) => is_told(scene, port, listeners),
            Behind::Open | Behind::Unknown => !is_told_of_rules(scene),
        })
        .partition(|(behind, _)| matches!(behind, Behind::Open));
    let told = |all: &[(Behind, Port<'_>)]| -> Vec<Finding> {
        let sure = all.iter().filter(|(_, port)| is_sure(port));
        sure.map(|(behind, port)| tell(scene, behind, port)).collect()
    };
    let mut findings = told(&others);
    if open.len() <= MOST_PORTS {
        findings.extend(told(&open));
    } else if open.iter().any(|(_, port)| is_sure(port)) {
        let ports: Vec<&Port<'_>> = open.iter().map(|(_, port)| port).collect();
        findings.push(of_all(scene, &ports));
    }
    findings
}

/// Whether a port behind which nobody listens is told. Of a container with many of them one is; and none where it answers
/// at another: a range from which an app takes one when it needs it (passive FTP, media relays) is no fault.
fn is_told(scene: &Scene<'_>, port: &Port<'_>, listeners: &[Listener]) -> bool {
    let is_closed = |p: &&PublishedPort| {
        p.protocol == "tcp" && p.host_port != 0 && !is_taken(port.endpoint, p.container_port, listeners)
    };
    let closed: BTreeSet<u16> =
        port.container.published.iter().filter(is_closed).map(|p| p.host_port).collect();
    closed.len() <= MOST_PORTS || (closed.first() == Some(&port.published.host_port) && !answers(scene, port))
}

/// The container answers at one of its ports that are published.
fn answers(scene: &Scene<'_>, port: &Port<'_>) -> bool {
    scene.looks_of(&port.destination.name, ProbeKind::PublishedPort).iter().any(|(key, record)| {
        key.target == port.endpoint.name && matches!(record.outcome, Outcome::Success(_))
    })
}

fn is_told_of_rules(scene: &Scene<'_>) -> bool {
    scene.filter.is_some_and(|filter| filter.leads_no_port())
}

/// What failed more than once of ports that are not known to be shut behind: whether the host itself answered, and the
/// looks.
pub(super) fn symptoms<'a>(scene: &Scene<'a>) -> (bool, Vec<Look<'a>>) {
    let ports = failing(scene);
    let open = ports.iter().filter(|port| !matches!(behind(scene, port), Behind::Closed(_)));
    let looks: Vec<Look<'a>> =
        open.flat_map(|port| port.looks.iter().copied()).filter(|(_, record)| fails(record)).collect();
    (is_answered_here(&looks), looks)
}

fn failing<'a>(scene: &Scene<'a>) -> Vec<Port<'a>> {
    let mut ports: BTreeMap<(&str, &str, u16), Port<'_>> = BTreeMap::new();
    for (key, record) in scene.everywhere(ProbeKind::PublishedPort) {
        let failed =
            matches!(record.outcome, Outcome::Failure(_)) && !is_of_old_ways_in(scene.snapshot, record);
        if !failed {
            continue;
        }
        let Some(port) = port(scene, key) else { continue };
        let at = (&*key.destination, &*key.target, port.published.host_port);
        ports.entry(at).or_insert(port).looks.push((key, record));
    }
    ports.into_values().collect()
}

/// The port that a probe is about, where its container is there and has had time to start.
fn port<'a>(scene: &Scene<'a>, key: &ProbeKey) -> Option<Port<'a>> {
    let inventory = scene.inventory?;
    let destination = inventory.destination(&key.destination)?;
    let endpoint = destination.endpoint(&key.target)?;
    // A proxy's are told of by the routes that they lead to.
    let container = inventory.container(&endpoint.container).filter(|container| !container.is_proxy)?;
    let Detail::Port(address, host_port) = key.detail else { return None };
    let is_it = |p: &&PublishedPort| {
        let bound = p.host_ip.is_none_or(|ip| ip == address || ip.is_unspecified());
        p.protocol == "tcp" && p.host_port == host_port && bound
    };
    let published = container.published.iter().find(is_it)?;
    let up = container.started_at.and_then(|at| scene.snapshot.at.duration_since(at).ok());
    let is_starting = container.health == Health::Starting || up.is_some_and(|up| up < STARTS_WITHIN);
    // Who is away or not reached by anybody is told of by that.
    let is_told = scene.is_away(&destination.name, &endpoint.name)
        || scene.is_lost(&destination.name, &endpoint.name)
        || container.state != RunState::Running;
    (!is_starting && !is_told).then_some(Port {
        destination,
        endpoint,
        container,
        published,
        looks: Vec::new(),
    })
}

fn behind(scene: &Scene<'_>, port: &Port<'_>) -> Behind {
    let inside = port.published.container_port;
    // What peers see now goes before what was read a while ago.
    let seen = scene.looks_of(&port.destination.name, ProbeKind::Tcp).iter().filter(|(key, _)| {
        key.target == port.endpoint.name && matches!(key.detail, Detail::Port(_, at) if at == inside)
    });
    let mut seen = seen.filter(|(_, record)| !matches!(record.outcome, Outcome::Unknown(_))).peekable();
    if seen.peek().is_some() && seen.all(|(_, record)| matches!(record.outcome, Outcome::Success(_))) {
        return Behind::Open;
    }
    let inner = scene.snapshot.containers.get(&port.container.id);
    let Some(listeners) = inner.and_then(|inner| inner.listeners.as_ref()) else { return Behind::Unknown };
    if is_taken(port.endpoint, inside, listeners) { Behind::Open } else { Behind::Closed(listeners.clone()) }
}

/// Somebody takes connections at an address of the container's on this port.
fn is_taken(endpoint: &Endpoint, port: u16, listeners: &[Listener]) -> bool {
    listeners.iter().any(|l| l.port == port && endpoint.addresses.iter().any(|at| l.takes(*at)))
}

/// As a person names it, and the same whatever address it is bound to.
fn name(endpoint: &str, host_port: u16) -> Arc<str> {
    format!("{endpoint} {host_port}/tcp").into()
}

/// Whether a probe decides about a finding of this code.
pub(super) fn is_about(key: &ProbeKey, finding: &Finding) -> bool {
    key.kind == ProbeKind::PublishedPort
        && matches!(key.detail, Detail::Port(_, port) if *name(&key.target, port) == *finding.subject.name)
}

/// Whether what was told of all ports still holds: nobody could look since.
pub(super) fn many_fail(scene: &Scene<'_>) -> bool {
    let tried = scene.everywhere(ProbeKind::PublishedPort);
    let failing = tried.filter(|(_, record)| record.failures_in_a_row > 0);
    let ports: BTreeSet<_> = failing
        .filter_map(|(key, _)| port(scene, key))
        // Behind these there is nobody to get through to.
        .filter(|port| !matches!(behind(scene, port), Behind::Closed(_)))
        .map(|port| (&port.destination.name, &port.endpoint.name, port.published.host_port))
        .collect();
    ports.len() > MOST_PORTS
}

fn tell(scene: &Scene<'_>, behind: &Behind, port: &Port<'_>) -> Finding {
    let Port { endpoint, container, published, looks, .. } = port;
    let (outside, inside) = (published.host_port, published.container_port);
    let since = looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let mut finding = draft(Code::PublishedPortUnreachable, "port", &name(&endpoint.name, outside), since);
    finding.destination = Some(Arc::clone(&port.destination.name));
    finding.evidence = tries(looks);
    finding.explains = listed(looks.iter().map(|(key, record)| symptom(key, record)));
    let id = scene.inventory.map_or_else(String::new, |inventory| shell(inventory, &endpoint.container));
    match behind {
        Behind::Open => {
            let answered = is_answered_here(looks);
            if answered {
                // Where the Engine hands over, people are served, as if they came from the host; else they hang.
                finding.severity = Severity::Ticket;
            }
            finding.summary = if answered {
                format!(
                    "Port {outside} of the host is answered by the host itself and not by the container {}: the Engine's rule that led there is gone.",
                    quoted(&endpoint.name)
                )
            } else {
                format!(
                    "Port {outside} of the host does not answer, though the container {} takes connections on {inside} behind it.",
                    quoted(&endpoint.name)
                )
            };
            finding.ruled_out =
                vec![format!("{} listens on {inside}, and not on loopback alone", endpoint.name)];
            finding.fix = rules_anew();
        }
        Behind::Closed(listeners) => {
            finding.severity = Severity::Ticket;
            finding.summary = format!(
                "Port {outside} of the host leads to port {inside} of the container {}, where nothing takes connections.",
                quoted(&endpoint.name)
            );
            finding.evidence.push(saw(
                format!("listeners in {}", endpoint.name),
                listening(listeners),
                "one on the published port, at all addresses",
            ));
            finding.fix = vec![
                Step::prose(
                    "have the app listen at 0.0.0.0 on the port that is published, or publish the one that it listens on",
                ),
                Step::prose("a port that nobody needs: publish it no longer"),
            ];
        }
        Behind::Unknown => {
            finding.severity = Severity::Ticket;
            finding.summary = format!(
                "Port {outside} of the host does not answer; whether the container {} listens on {inside} could not be read.",
                quoted(&endpoint.name)
            );
            finding.fix = rules_anew();
        }
    }
    let others = container.published.iter().filter(|p| p.protocol != "tcp" && p.host_port != 0);
    let others: Vec<String> = others.map(|p| format!("{}/{}", p.host_port, p.protocol)).collect();
    if !others.is_empty() {
        finding.ruled_out.push(format!("not tried: {} (silence says nothing there)", few(&others)));
    }
    if finding.ruled_out.is_empty() {
        finding.ruled_out.push(format!("{} runs and is reached on {}", endpoint.name, port.destination.name));
    }
    finding.verify = vec![format!("docker port {id}"), from_inside(&id, "netstat -lnt")];
    finding.verify.extend(by_hand(looks));
    finding
}

/// All that answers is on the host.
fn is_answered_here(looks: &[Look<'_>]) -> bool {
    looks.iter().all(|(_, record)| record.seen.local && record.seen.handshake.is_some())
}

fn of_all(scene: &Scene<'_>, ports: &[&Port<'_>]) -> Finding {
    let looks: Vec<Look<'_>> = ports.iter().flat_map(|port| port.looks.iter().copied()).collect();
    let since = looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let mut finding = draft(Code::PublishedPortUnreachable, "engine", &"engine".into(), since);
    let names = ports.iter().map(|port| name(&port.endpoint.name, port.published.host_port));
    finding.summary = format!(
        "{} published ports of the host do not answer, though somebody takes connections behind each: {}.",
        ports.len(),
        few(names)
    );
    finding.evidence = tries(&looks);
    finding.explains = listed(looks.iter().map(|(key, record)| symptom(key, record)));
    finding.ruled_out = vec!["the containers listen on the ports behind them".to_owned()];
    if is_answered_here(&looks) {
        finding.severity = Severity::Ticket;
        finding.summary = format!(
            "{} published ports are answered by the host itself and not by their containers: the Engine's rules that led there are gone: {}.",
            ports.len(),
            few(ports.iter().map(|port| name(&port.endpoint.name, port.published.host_port)))
        );
    }
    finding.fix = rules_anew();
    finding.verify = by_hand(&looks);
    finding
}

fn tries(looks: &[Look<'_>]) -> Vec<super::Evidence> {
    let told = |(key, record): &Look<'_>| {
        let reason = record.outcome.reason().map_or("failure", |reason| reason.as_label());
        let note = record.seen.note.clone().filter(|_| record.seen.handshake.is_some());
        saw(
            format!("handshake from the host with {}", key.detail),
            note.unwrap_or_else(|| reason.to_owned()),
            "a connection",
        )
    };
    looks.iter().take(6).map(told).collect()
}

fn listening(listeners: &[Listener]) -> String {
    if listeners.is_empty() {
        return "nobody listens".to_owned();
    }
    few(listeners.iter().map(|l| std::net::SocketAddr::new(l.address, l.port).to_string()))
}

fn rules_anew() -> Vec<Step> {
    vec![
        Step::look(
            "where a rule of your own refuses it, take that away",
            ["iptables -S DOCKER-USER".to_owned(), "iptables -S INPUT".to_owned()],
        ),
        Step::restart(
            "where the Engine's rules are gone, by another firewall's reload, `iptables -F` or a restored rule set, have it make them anew",
        ),
    ]
}

fn by_hand(looks: &[Look<'_>]) -> Vec<String> {
    let mut commands: Vec<String> = looks
        .iter()
        .filter_map(|(key, _)| match key.detail {
            Detail::Port(address, port) => Some(format!("nc -w 1 {address} {port} </dev/null && echo open")),
            _ => None,
        })
        .take(2)
        .collect();
    commands.push("iptables -t nat -S DOCKER".to_owned());
    commands
}
