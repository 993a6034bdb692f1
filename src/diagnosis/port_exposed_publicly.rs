//! `port-exposed-publicly`: a database or a back door of the host, published to everybody.

mod services;

use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::{Container, ContainerId, Destination, Endpoint, PublishedPort};

use super::scene::Scene;
use super::words::{container as shell, draft, few, quoted, saw, sh};
use super::{Code, Finding, Severity, Step};
use services::Service;

/// Who can come by an address that a port is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// The host alone.
    Host,
    /// Whoever is on a private network of the host's.
    Private,
    /// Whoever reaches any address of the host.
    All,
}

/// One finding a port of the host, whatever addresses it is bound to.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory else { return Vec::new() };
    let mut findings = Vec::new();
    for container in inventory.containers.values().filter(|c| c.state.has_namespace() && !c.is_proxy) {
        let mut ports: Vec<&PublishedPort> =
            container.published.iter().filter(|p| p.host_port != 0 && reach(p) > Reach::Host).collect();
        ports.sort_by_key(|port| (port.host_port, port.protocol.clone()));
        let same =
            |a: &&PublishedPort, b: &&PublishedPort| (a.host_port, &a.protocol) == (b.host_port, &b.protocol);
        for bound in ports.chunk_by(|a, b| same(a, b)) {
            let Some(port) = bound.first() else { continue };
            let place = scene.endpoints().find(|(_, e)| e.container == container.id);
            if let Some(service) = services::of(port, &container.image) {
                findings.push(tell(scene, container, bound, service, place));
            } else if let Some(database) = database_behind(scene, container) {
                findings.push(on_purpose(scene, container, bound, database, place));
            }
        }
    }
    findings
}

/// A port without an address is bound to all.
fn reach(port: &PublishedPort) -> Reach {
    match port.host_ip {
        Some(ip) if ip.is_loopback() => Reach::Host,
        Some(ip) if is_private(ip) => Reach::Private,
        _ => Reach::All,
    }
}

/// RFC 1918, RFC 6598 (carriers, and overlay VPNs), RFC 4193, and link-local addresses.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Coolify makes a database public by a container of nginx beside it, on the operator's own word.
fn database_behind<'a>(scene: &Scene<'a>, container: &Container) -> Option<&'a Container> {
    let name = container.name.strip_suffix("-proxy")?;
    let id = name.len() >= 7 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let forwards = services::base(&container.image) == "nginx" && container.coolify.is_none();
    let mut all = scene.inventory?.containers.values();
    all.find(|c| id && forwards && &*c.name == name)
}

type Place<'a> = Option<(&'a Destination, &'a Endpoint)>;

fn subject(container: &Container, port: &PublishedPort, place: Place<'_>) -> Arc<str> {
    let name = place.map_or(&container.name, |(_, endpoint)| &endpoint.name);
    format!("{name} {}/{}", port.host_port, port.protocol).into()
}

fn tell(
    scene: &Scene<'_>,
    container: &Container,
    bound: &[&PublishedPort],
    service: &Service,
    place: Place<'_>,
) -> Finding {
    let widest = bound.iter().map(|port| reach(port)).max().unwrap_or(Reach::Host);
    let mut finding = drafted(scene, container, bound, place);
    let first = bound.first().map_or(0, |port| port.host_port);
    finding.summary = if widest == Reach::All {
        format!(
            "{} of the container {} is open to whoever reaches the host: port {first} is bound to {}.",
            service.name,
            quoted(&container.name),
            addresses(bound)
        )
    } else {
        finding.severity = Severity::Info;
        format!(
            "{} of the container {} is open to the host's private network: port {first} is bound to {}.",
            service.name,
            quoted(&container.name),
            addresses(bound)
        )
    };
    finding.evidence.push(saw(
        format!("what is known of port {}", bound.first().map_or(0, |port| port.container_port)),
        format!("{}: {}", service.name, service.why),
        "nobody but its own apps",
    ));
    finding.ruled_out = ruled_out(scene, widest);
    finding.fix = vec![
        Step::prose(
            "where apps of this server alone need it: publish it no longer (remove the mapping, in Compose ports:, in Coolify Ports Mappings, and redeploy it), and call it by its name on a shared network",
        ),
        to_loopback(bound),
        Step::prose(
            "where others need it: through a VPN or an SSH tunnel, or held by the provider's firewall; rules of ufw or firewalld do not hold for published ports (DOCKER-USER does)",
        ),
        Step::prose(
            "it was open: set a password, and look whether somebody was in, by its log and by users, jobs and data that are not yours",
        ),
    ];
    finding
}

/// The port for the host alone, and where that is written.
fn to_loopback(bound: &[&PublishedPort]) -> Step {
    let Some(port) = bound.first() else { return Step::default() };
    let (host, inside) = (&port.host_port, &port.container_port);
    if port.protocol == "tcp" {
        Step::filled(
            "where it is needed from the host itself: publish it to loopback, in Compose ports: [\"127.0.0.1:{}:{}\"], in Coolify Ports Mappings 127.0.0.1:{}:{}, and redeploy it",
            &[host, inside, host, inside],
        )
    } else {
        let protocol = &port.protocol;
        Step::filled(
            "where it is needed from the host itself: publish it to loopback, in Compose ports: [\"127.0.0.1:{}:{}/{}\"], in Coolify Ports Mappings 127.0.0.1:{}:{}/{}, and redeploy it",
            &[host, inside, protocol, host, inside, protocol],
        )
    }
}

/// The operator has said so: it is told, and alarms nobody.
fn on_purpose(
    scene: &Scene<'_>,
    container: &Container,
    bound: &[&PublishedPort],
    database: &Container,
    place: Place<'_>,
) -> Finding {
    let mut finding = drafted(scene, container, bound, place);
    finding.severity = Severity::Info;
    let first = bound.first().map_or(0, |port| port.host_port);
    finding.summary = format!(
        "The database {} was made public in Coolify: port {first} of the host, bound to {}, leads to it.",
        quoted(&database.workload),
        addresses(bound)
    );
    finding.ruled_out = vec!["it is no slip: Coolify makes this proxy where somebody ticks it".to_owned()];
    finding.fix = vec![Step::prose(
        "nothing, where it is wanted; else take the tick from \"Make it publicly available\" on the database's page in Coolify",
    )];
    finding
}

fn drafted(scene: &Scene<'_>, container: &Container, bound: &[&PublishedPort], place: Place<'_>) -> Finding {
    let name =
        bound.first().map_or_else(|| Arc::clone(&container.name), |port| subject(container, port, place));
    let mut finding = draft(Code::PortExposedPublicly, "port", &name, scene.snapshot.at);
    finding.destination = place.map(|(destination, _)| Arc::clone(&destination.name));
    finding.evidence = bound
        .iter()
        .map(|port| {
            saw(
                format!("published port of {}", container.name),
                format!("{} → {}/{}", door(port), port.container_port, port.protocol),
                "none, or one at 127.0.0.1",
            )
        })
        .collect();
    let id: &ContainerId = &container.id;
    let id = scene.inventory.map_or_else(|| sh(id.short()), |inventory| shell(inventory, id));
    finding.verify = vec![
        format!("docker port {id}"),
        format!("ss -lntu 'sport = :{}'", bound.first().map_or(0, |port| port.host_port)),
    ];
    finding
}

fn door(port: &PublishedPort) -> String {
    let all = std::net::Ipv4Addr::UNSPECIFIED.into();
    std::net::SocketAddr::new(port.host_ip.unwrap_or(all), port.host_port).to_string()
}

fn addresses(bound: &[&PublishedPort]) -> String {
    let told = |port: &&PublishedPort| match port.host_ip {
        Some(ip) if !ip.is_unspecified() => ip.to_string(),
        Some(IpAddr::V6(_)) => "every IPv6 address".to_owned(),
        _ => "every IPv4 address".to_owned(),
    };
    few(bound.iter().map(told))
}

/// What the host's own addresses say of who can come by.
fn ruled_out(scene: &Scene<'_>, widest: Reach) -> Vec<String> {
    let mut told = vec!["it is bound to more than loopback".to_owned()];
    let own = &scene.snapshot.sight.host_addresses;
    let mut outer = own.iter().filter(|ip| !ip.is_loopback()).peekable();
    if widest == Reach::All && outer.peek().is_some() && outer.all(|ip| is_private(*ip)) {
        told.push(
            "the host's own addresses are all private: whether the internet gets to it is up to the router, or the cloud, in front of it"
                .to_owned(),
        );
    }
    told
}
