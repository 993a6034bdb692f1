//! The reverse proxy that serves from outside: what labels tell it of a container, and which container it is.

use std::collections::BTreeMap;

use super::seen::{SeenContainer, bounded};
use super::workload::label;

/// Ports that a proxy's labels name, sorted: what answers there speaks HTTP.
pub fn proxied_ports(labels: &BTreeMap<String, String>) -> Vec<u16> {
    let mut ports: Vec<u16> = Vec::new();
    for (key, value) in labels {
        let value = bounded(value);
        if is_traefik_port(key) {
            ports.extend(value.trim().parse::<u16>());
        } else if key == "caddy" || key.starts_with("caddy_") || key.starts_with("caddy.") {
            ports.extend(caddy_upstreams(value));
        }
    }
    ports.retain(|port| *port != 0);
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// `traefik.http.services.<any>.loadbalancer.server.port`; Traefik reads keys in any case.
fn is_traefik_port(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.strip_prefix("traefik.http.services.")
        .and_then(|rest| rest.strip_suffix(".loadbalancer.server.port"))
        .is_some_and(|service| !service.is_empty())
}

/// `{{upstreams}}` is port 80, `{{upstreams 3000}}` and `{{upstreams http 3000}}` name one.
fn caddy_upstreams(value: &str) -> impl Iterator<Item = u16> + '_ {
    value.split("{{").skip(1).filter_map(|piece| {
        let (inside, _) = piece.split_once("}}")?;
        let mut words = inside.split_whitespace();
        if words.next() != Some("upstreams") {
            return None;
        }
        match words.next_back() {
            None | Some("http") => Some(80),
            Some("https") => Some(443),
            Some(port) => port.parse().ok(),
        }
    })
}

/// True for the reverse proxy that serves from outside, running or not.
///
/// Names, labels and images are what anybody calls himself, so they are not enough: a proxy holds the door
/// as well, which nobody can who was not let. Either a web port of the host is its own, and the host has
/// each but once; or it lives in the host's network; or it was given the Engine's socket to find its routes.
pub fn is_proxy(container: &SeenContainer) -> bool {
    says_proxy(container)
        && (holds_web_port(container) || container.network_mode == "host" || container.has_engine_socket)
}

fn says_proxy(container: &SeenContainer) -> bool {
    container.name == "coolify-proxy"
        || label(&container.labels, "coolify.proxy") == Some("true")
        || matches!(repository(&container.image), "traefik" | "caddy-docker-proxy" | "caddy")
}

/// A loopback address has ports of its own, and they serve nobody outside.
fn holds_web_port(container: &SeenContainer) -> bool {
    let ports = if container.state.has_namespace() { &container.published } else { &container.bindings };
    ports.iter().any(|port| {
        matches!(port.host_port, 80 | 443)
            && port.protocol == "tcp"
            && port.host_ip.is_none_or(|ip| !ip.to_canonical().is_loopback())
    })
}

/// The last word of an image's path, without tag and digest.
pub(super) fn repository(image: &str) -> &str {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(':').next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::container;
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn ports_are_read_from_both_proxies_labels() {
        for (key, value, expected) in [
            ("traefik.http.services.http-0-x.loadbalancer.server.port", "3000", vec![3000]),
            ("traefik.HTTP.Services.x.LoadBalancer.Server.Port", " 8080 ", vec![8080]),
            ("traefik.tcp.services.x.loadbalancer.server.port", "5432", vec![]),
            ("traefik.http.services.x.loadbalancer.server.port", "99999", vec![]),
            ("traefik.http.services.x.loadbalancer.server.port", "0", vec![]),
            ("traefik.http.services.x.loadbalancer.server.scheme", "1", vec![]),
            ("caddy_0.handle_path.0_reverse_proxy", "{{upstreams 3000}}", vec![3000]),
            ("caddy.reverse_proxy", "{{ upstreams http 9000 }}", vec![9000]),
            ("caddy.reverse_proxy", "{{upstreams}}", vec![80]),
            ("caddy.reverse_proxy", "{{upstreams https}}", vec![443]),
            ("caddy_1.reverse_proxy", "{{upstreams 1}} {{upstreams 2}}", vec![1, 2]),
            ("caddy.reverse_proxy", "{{upstreams 3000", vec![]),
            ("caddy.reverse_proxy", "{{upstreams x}}", vec![]),
            ("caddyish", "{{upstreams 3000}}", vec![]),
        ] {
            assert_eq!(proxied_ports(&labels(&[(key, value)])), expected, "{key}={value}");
        }
    }

    #[test]
    fn the_proxy_says_that_it_is_one_and_holds_the_door() {
        type Door<'a> = (&'a str, u16, &'a str);
        let named = |name: &str, image: &str| SeenContainer { image: image.into(), ..container("c1", name) };
        let labelled = SeenContainer { labels: labels(&[("coolify.proxy", "true")]), ..named("x", "evil") };
        let port = |(ip, host_port, protocol): Door| super::super::model::PublishedPort {
            host_ip: ip.parse().ok(),
            host_port,
            container_port: host_port,
            protocol: protocol.into(),
        };
        // What it says.
        for (who, says) in [
            (named("coolify-proxy", "anything"), true),
            (labelled, true),
            (named("edge", "traefik:v3.6"), true),
            (named("edge", "docker.io/library/traefik:v3@sha256:00"), true),
            (named("edge", "lucaslorentz/caddy-docker-proxy:2.8-alpine"), true),
            (named("edge", "registry:5000/caddy"), true),
            (named("app", "traefik/whoami"), false),
            (named("app", "nginx"), false),
        ] {
            assert!(!is_proxy(&who), "by its word alone: {who:?}");
            // What it holds.
            for (door, opens) in [
                (("0.0.0.0", 80, "tcp"), true),
                (("", 443, "tcp"), true),
                (("203.0.113.7", 443, "tcp"), true),
                (("127.0.0.7", 80, "tcp"), false),
                (("::ffff:127.0.0.1", 80, "tcp"), false),
                (("::1", 80, "tcp"), false),
                (("", 443, "udp"), false),
                (("", 8080, "tcp"), false),
            ] {
                let holds = SeenContainer { published: vec![port(door)], ..who.clone() };
                assert_eq!(is_proxy(&holds), says && opens, "{holds:?}");
                // One that does not run holds nothing, and still is the proxy.
                let (bindings, published) = (vec![port(door)], Vec::new());
                let state = super::super::RunState::Exited;
                let down = SeenContainer { bindings, published, state, ..holds };
                assert_eq!(is_proxy(&down), says && opens, "{down:?}");
                // One that runs without the port that it wanted does not have it.
                let without = SeenContainer { state: super::super::RunState::Running, ..down };
                assert!(!is_proxy(&without), "{without:?}");
            }
            let in_host = SeenContainer { network_mode: "host".into(), ..who.clone() };
            assert_eq!(is_proxy(&in_host), says, "{in_host:?}");
            let trusted = SeenContainer { has_engine_socket: true, ..who };
            assert_eq!(is_proxy(&trusted), says, "{trusted:?}");
        }
    }
}
