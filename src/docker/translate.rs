//! From the client's models to plain values. Every field may be missing, and every text is a
//! stranger's: it is bounded on its way in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum,
    EndpointIpamConfig, EndpointSettings, HealthStatusEnum, MountPoint, Network, PortMap, PortSummary,
    SystemVersion,
};

use crate::inventory::proxy::is_proxy;
use crate::inventory::seen::{SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet, bounded};
use crate::inventory::workload::is_task;
use crate::inventory::{EngineInfo, Health, PublishedPort, RunState};

/// Labels, aliases or ports of one thing that are kept.
const MOST: usize = 256;

fn text(value: Option<String>) -> String {
    value.map(|text| bounded(&text).to_owned()).unwrap_or_default()
}

fn texts(values: Option<Vec<String>>) -> Vec<String> {
    values.unwrap_or_default().into_iter().take(MOST).map(|v| bounded(&v).to_owned()).collect()
}

/// True where [`texts`] keeps a part alone.
fn is_cut(values: &Option<Vec<String>>) -> bool {
    values.as_ref().is_some_and(|values| values.len() > MOST)
}

fn map(values: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    let mut pairs: Vec<_> = values.unwrap_or_default().into_iter().collect();
    // Sorted before it is cut, so that the same labels are kept each time.
    pairs.sort();
    pairs.into_iter().take(MOST).map(|(k, v)| (bounded(&k).to_owned(), bounded(&v).to_owned())).collect()
}

/// Who answers.
pub(super) fn engine(version: SystemVersion) -> EngineInfo {
    let podman = version.components.iter().flatten().any(|c| c.name.contains("Podman"));
    EngineInfo { version: text(version.version), api_version: text(version.api_version), podman }
}

/// One network.
pub(super) fn network(network: Network) -> SeenNetwork {
    let ipam = network.ipam.unwrap_or_default();
    SeenNetwork {
        id: text(network.id),
        name: text(network.name),
        driver: text(network.driver),
        scope: text(network.scope),
        internal: network.internal.unwrap_or(false),
        ingress: network.ingress.unwrap_or(false),
        config_only: network.config_only.unwrap_or(false),
        ipam_driver: text(ipam.driver),
        ipam: ipam
            .config
            .into_iter()
            .flatten()
            .take(MOST)
            .map(|config| SeenSubnet {
                subnet: text(config.subnet),
                ip_range: text(config.ip_range),
                gateway: text(config.gateway),
                count: None,
            })
            .collect(),
        options: map(network.options),
        labels: map(network.labels),
        ghosts: Vec::new(),
        gossip: None,
    }
}

/// One container: its row of the listing, and its inspection where that says more. Its namespace is
/// looked for in `netns_dir`, where the operator names one.
pub(super) fn container(
    summary: ContainerSummary,
    inspected: ContainerInspectResponse,
    netns_dir: &str,
) -> SeenContainer {
    let name = inspected.name.or_else(|| summary.names.and_then(|names| names.into_iter().next()));
    let name = text(name);
    let state = inspected.state.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let config = inspected.config.unwrap_or_default();
    let settings = inspected.network_settings.unwrap_or_default();
    let listed_networks = summary.network_settings.and_then(|s| s.networks);
    let ended_with = summary.status.as_deref().and_then(of_status);
    let run_state = state.status.map_or_else(|| of_row(summary.state), of_inspection);
    let network_mode =
        host.network_mode.or_else(|| summary.host_config.and_then(|listed| listed.network_mode));
    let labels = map(config.labels.or(summary.labels));
    let is_task = is_task(&labels);
    let mut endpoints = endpoints(settings.networks, listed_networks);
    if is_task {
        // The managers give a task its address, and nobody chose it.
        endpoints.iter_mut().for_each(|endpoint| endpoint.is_fixed = false);
    }
    let mut seen = SeenContainer {
        id: text(summary.id),
        name: name.trim_start_matches('/').to_owned(),
        image: text(config.image.or(summary.image)),
        labels,
        state: run_state,
        health: state.health.and_then(|health| health.status).map_or(Health::None, health),
        exit_code: state.exit_code.or(ended_with).filter(|_| !run_state.has_namespace()),
        restarts: inspected.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        out_of_memory: state.oom_killed.unwrap_or(false),
        restart_policy: text(host.restart_policy.and_then(|p| p.name).map(|name| name.to_string())),
        // A task's networks are the service's: the word, `bridge` since Docker 26, says nothing of it.
        network_mode: text(network_mode.filter(|mode| !(is_task && matches!(&**mode, "default" | "bridge")))),
        sandbox_key: here(text(settings.sandbox_key), netns_dir),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        created_at: summary.created.and_then(|at| u64::try_from(at).ok()).and_then(moment),
        started_at: state.started_at.and_then(|at| humantime::parse_rfc3339(&at).ok()),
        exposed_tcp: exposed(&config.exposed_ports.unwrap_or_default()),
        published: settings.ports.map_or_else(|| of_listing(summary.ports), published),
        bindings: published(host.port_bindings.unwrap_or_default()),
        has_engine_socket: inspected.mounts.or(summary.mounts).iter().flatten().any(is_engine_socket),
        command: Vec::new(),
        environment: Vec::new(),
        fixed_addresses: Vec::new(),
        error: text(state.error),
        endpoints,
        name_servers: Vec::new(),
        upstream: None,
    };
    if is_proxy(&seen) {
        seen.command = texts(inspected.args);
        seen.environment = variables(config.env);
    }
    seen
}

/// How a proxy is set up. What else stands in an environment is a secret more often than not.
fn variables(all: Option<Vec<String>>) -> Vec<(String, String)> {
    let pair = |variable: String| {
        let (name, value) = variable.split_once('=')?;
        let is_setting = name.starts_with("TRAEFIK_") || name.starts_with("CADDY_");
        is_setting.then(|| (bounded(name).to_owned(), bounded(value).to_owned()))
    };
    all.unwrap_or_default().into_iter().filter_map(pair).take(MOST).collect()
}

/// The Engine's own path, as this process sees the folder that it is in.
fn here(sandbox_key: String, netns_dir: &str) -> String {
    match sandbox_key.rsplit_once('/') {
        Some((_, name)) if !netns_dir.is_empty() => format!("{}/{name}", netns_dir.trim_end_matches('/')),
        _ => sandbox_key,
    }
}

fn moment(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Of the inspection, else of the listing, which says where a container is and not what it is called there.
fn endpoints(
    inspected: Option<HashMap<String, EndpointSettings>>,
    listed: Option<HashMap<String, EndpointSettings>>,
) -> Vec<SeenEndpoint> {
    let names_unknown = inspected.is_none();
    let mut endpoints: Vec<SeenEndpoint> = inspected
        .or(listed)
        .unwrap_or_default()
        .into_iter()
        .map(|(network, endpoint)| SeenEndpoint {
            names_unknown,
            has_more_names: is_cut(&endpoint.aliases) || is_cut(&endpoint.dns_names),
            network: bounded(&network).to_owned(),
            network_id: text(endpoint.network_id),
            ipv4: text(endpoint.ip_address),
            ipv6: text(endpoint.global_ipv6_address),
            gateways: [endpoint.gateway, endpoint.ipv6_gateway]
                .into_iter()
                .flatten()
                .map(|g| bounded(&g).to_owned())
                .collect(),
            mac: text(endpoint.mac_address).to_lowercase(),
            aliases: texts(endpoint.aliases),
            dns_names: texts(endpoint.dns_names),
            is_fixed: endpoint.ipam_config.is_some_and(is_chosen),
        })
        .collect();
    endpoints.sort_by(|a, b| a.network.cmp(&b.network));
    endpoints
}

/// Somebody asked for the address.
fn is_chosen(config: EndpointIpamConfig) -> bool {
    [config.ipv4_address, config.ipv6_address].into_iter().flatten().any(|address| !address.is_empty())
}

/// `3000/tcp` and the like; others than TCP are not for handshakes.
fn exposed(ports: &[String]) -> Vec<u16> {
    let mut tcp: Vec<u16> = ports
        .iter()
        .filter_map(|port| {
            let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            if protocol == "tcp" { number.parse().ok() } else { None }
        })
        .take(MOST)
        .collect();
    tcp.sort_unstable();
    tcp.dedup();
    tcp
}

fn published(ports: PortMap) -> Vec<PublishedPort> {
    let mut published = Vec::new();
    for (inner, bindings) in ports {
        let (number, protocol) = inner.split_once('/').unwrap_or((&inner, "tcp"));
        let Ok(container_port) = number.parse() else { continue };
        for binding in bindings.unwrap_or_default() {
            let Some(host_port) = binding.host_port.and_then(|port| port.parse().ok()) else { continue };
            let host_ip: Option<IpAddr> = binding.host_ip.and_then(|ip| ip.parse().ok());
            let protocol = bounded(protocol).to_owned();
            published.push(PublishedPort { host_ip, host_port, container_port, protocol });
        }
    }
    published.sort();
    published.truncate(MOST);
    published
}

fn of_listing(ports: Option<Vec<PortSummary>>) -> Vec<PublishedPort> {
    let published = |port: PortSummary| {
        let host_port = port.public_port.filter(|port| *port != 0)?;
        let host_ip = port.ip.and_then(|ip| ip.parse().ok());
        let protocol = port.typ.map_or_else(|| "tcp".to_owned(), |typ| typ.to_string());
        Some(PublishedPort { host_ip, host_port, container_port: port.private_port, protocol })
    };
    let mut all: Vec<PublishedPort> = ports.into_iter().flatten().filter_map(published).collect();
    all.sort();
    all.truncate(MOST);
    all
}

/// By where it is on the host, which only who administers the host can write to: what it is called inside
/// the container is a stranger's word.
fn is_engine_socket(mount: &MountPoint) -> bool {
    let source = mount.source.as_deref().unwrap_or_default();
    mount.typ.as_deref() == Some("bind")
        && (source.starts_with("/run/") || source.starts_with("/var/run/"))
        && (source.ends_with("/docker.sock") || source.ends_with("/podman.sock"))
        && !source.contains("/../")
}

/// A row has the exit code in words alone: `Exited (137) 2 hours ago`.
fn of_status(words: &str) -> Option<i64> {
    words.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

const fn of_row(state: Option<ContainerSummaryStateEnum>) -> RunState {
    match state {
        Some(ContainerSummaryStateEnum::CREATED) => RunState::Created,
        Some(ContainerSummaryStateEnum::RUNNING) => RunState::Running,
        Some(ContainerSummaryStateEnum::PAUSED) => RunState::Paused,
        Some(ContainerSummaryStateEnum::RESTARTING) => RunState::Restarting,
        Some(ContainerSummaryStateEnum::REMOVING) => RunState::Removing,
        Some(ContainerSummaryStateEnum::EXITED) => RunState::Exited,
        Some(ContainerSummaryStateEnum::DEAD) => RunState::Dead,
        _ => RunState::Other,
    }
}

const fn of_inspection(state: ContainerStateStatusEnum) -> RunState {
    match state {
        ContainerStateStatusEnum::CREATED => RunState::Created,
        ContainerStateStatusEnum::RUNNING => RunState::Running,
        ContainerStateStatusEnum::PAUSED => RunState::Paused,
        ContainerStateStatusEnum::RESTARTING => RunState::Restarting,
        ContainerStateStatusEnum::REMOVING => RunState::Removing,
        ContainerStateStatusEnum::EXITED => RunState::Exited,
        ContainerStateStatusEnum::DEAD => RunState::Dead,
        _ => RunState::Other,
    }
}

const fn health(status: HealthStatusEnum) -> Health {
    match status {
        HealthStatusEnum::STARTING => Health::Starting,
        HealthStatusEnum::HEALTHY => Health::Healthy,
        HealthStatusEnum::UNHEALTHY => Health::Unhealthy,
        _ => Health::None,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerInspectResponse, ContainerSummary};
    use serde_json::json;

    use super::{container, here};

    #[test]
    fn the_engines_socket_is_known_by_where_it_is_on_the_host() {
        for (kind, source, expected) in [
            ("bind", "/var/run/docker.sock", true),
            ("bind", "/run/docker.sock", true),
            ("bind", "/run/user/1000/docker.sock", true),
            ("bind", "/run/podman/podman.sock", true),
            ("volume", "/var/run/docker.sock", false),
            ("bind", "/data/app/docker.sock", false),
            ("bind", "/run/../data/docker.sock", false),
            ("bind", "/var/run/docker.socket", false),
            ("bind", "", false),
        ] {
            let mount = json!([{"Type": kind, "Source": source, "Destination": "/var/run/docker.sock"}]);
            let row: ContainerSummary = serde_json::from_value(json!({"Mounts": mount})).unwrap();
            let inspected = ContainerInspectResponse {
                mounts: serde_json::from_value(mount).unwrap(),
                ..ContainerInspectResponse::default()
            };
            let nothing = ContainerSummary::default();
            assert_eq!(container(nothing, inspected, "").has_engine_socket, expected, "{kind} {source}");
            let seen = container(row, ContainerInspectResponse::default(), "");
            assert_eq!(seen.has_engine_socket, expected, "{kind} {source}, of the listing");
        }
    }

    #[test]
    fn that_names_were_cut_is_remembered() {
        for (field, count, expected) in [
            ("Aliases", 256, false),
            ("Aliases", 257, true),
            ("DNSNames", 256, false),
            ("DNSNames", 257, true),
        ] {
            let names: Vec<String> = (0..count).map(|n| format!("a{n}")).collect();
            let inspected = json!({"NetworkSettings": {"Networks": {"shop": {field: names}}}});
            let inspected: ContainerInspectResponse = serde_json::from_value(inspected).unwrap();
            let seen = container(ContainerSummary::default(), inspected, "");
            assert_eq!(seen.endpoints[0].has_more_names, expected, "{field} {count}");
        }
    }

    #[test]
    fn what_the_listing_alone_tells_of_has_unknown_names() {
        let networks = json!({"NetworkSettings": {"Networks": {"shop": {"IPAddress": "10.0.1.2"}}}});
        let row: ContainerSummary = serde_json::from_value(networks.clone()).unwrap();
        let inspected: ContainerInspectResponse = serde_json::from_value(networks).unwrap();
        for (inspected, expected) in [(ContainerInspectResponse::default(), true), (inspected, false)] {
            let seen = container(row.clone(), inspected, "");
            assert_eq!(seen.endpoints[0].names_unknown, expected);
            assert_eq!(seen.endpoints[0].ipv4, "10.0.1.2");
        }
    }

    #[test]
    fn ports_are_read_of_the_inspection_else_of_the_listing() {
        let row: ContainerSummary = serde_json::from_value(json!({"Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"PrivatePort": 443, "Type": "tcp"},
        ]}))
        .unwrap();
        let inspected: ContainerInspectResponse = serde_json::from_value(json!({
            "HostConfig": {"PortBindings": {"443/tcp": [{"HostIp": "", "HostPort": "443"}]}},
            "NetworkSettings": {"Ports": {}},
        }))
        .unwrap();
        let ports = |of: &[super::PublishedPort]| of.iter().map(|p| p.host_port).collect::<Vec<_>>();
        let seen = container(row.clone(), ContainerInspectResponse::default(), "");
        assert_eq!((ports(&seen.published), ports(&seen.bindings)), (vec![8080], vec![]));
        let seen = container(row, inspected, "");
        assert_eq!((ports(&seen.published), ports(&seen.bindings)), (vec![], vec![443]));
    }

    #[test]
    fn a_tasks_networks_are_its_services_and_not_the_default_one() {
        let task = json!({"com.docker.swarm.task.id": "06a1dzp0fs633vslycvmdyyn5"});
        for (labels, mode, expected) in [
            // Docker 20.10 says the one, and 26 the other.
            (&task, "default", ""),
            (&task, "bridge", ""),
            (&task, "host", "host"),
            (&json!({}), "default", "default"),
            (&json!({}), "bridge", "bridge"),
        ] {
            let inspected = json!({"Config": {"Labels": labels}, "HostConfig": {"NetworkMode": mode}});
            let inspected: ContainerInspectResponse = serde_json::from_value(inspected).unwrap();
            let seen = container(ContainerSummary::default(), inspected, "");
            assert_eq!(seen.network_mode, expected, "{labels} {mode}");
        }
    }

    #[test]
    fn a_namespace_is_where_the_operator_says_else_where_the_engine_does() {
        for (key, folder, expected) in [
            ("/var/run/docker/netns/1a2b", "", "/var/run/docker/netns/1a2b"),
            ("/var/run/docker/netns/1a2b", "/netns", "/netns/1a2b"),
            ("/run/netns/netns-1", "/netns/", "/netns/netns-1"),
            ("", "/netns", ""),
            ("odd", "/netns", "odd"),
        ] {
            assert_eq!(here(key.to_owned(), folder), expected);
        }
    }
}
