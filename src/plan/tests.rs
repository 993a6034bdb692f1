//! Plans of hosts written by hand.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use super::*;
use crate::config::Config;
use crate::inventory::Health;
use crate::inventory::build::build;
use crate::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet};
use crate::outcome::{Detail, QueryType};
use crate::probe::Spec;
use crate::probe::visit::Expect;

fn network(name: &str, third: u8) -> SeenNetwork {
    SeenNetwork {
        id: format!("id-of-{name}"),
        name: name.into(),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet {
            subnet: format!("10.0.{third}.0/24"),
            gateway: format!("10.0.{third}.1"),
            ..SeenSubnet::default()
        }],
        ..SeenNetwork::default()
    }
}

/// A running container `name` with the id `id-NAME-of-64…`, at 10.0.third.last of each network.
fn container(name: &str, last: u8, networks: &[(&str, u8)]) -> SeenContainer {
    let endpoint = |(network, third): &(&str, u8)| SeenEndpoint {
        network: (*network).into(),
        network_id: format!("id-of-{network}"),
        ipv4: format!("10.0.{third}.{last}"),
        ..SeenEndpoint::default()
    };
    SeenContainer {
        id: format!("0123456789{last:02}{name}"),
        name: name.into(),
        image: "busybox".into(),
        labels: BTreeMap::new(),
        state: RunState::Running,
        health: Health::None,
        exit_code: None,
        restart_policy: String::new(),
        network_mode: networks.first().map(|(n, _)| (*n).into()).unwrap_or_default(),
        sandbox_key: format!("/var/run/docker/netns/{name}"),
        pid: 100,
        started_at: None,
        exposed_tcp: Vec::new(),
        published: Vec::new(),
        bindings: Vec::new(),
        has_engine_socket: false,
        endpoints: networks.iter().map(endpoint).collect(),
        name_servers: Vec::new(),
        created_at: None,
    }
}

fn host(networks: Vec<SeenNetwork>, containers: Vec<SeenContainer>) -> Seen {
    Seen { networks, containers, ..Seen::default() }
}

fn planned(seen: &Seen) -> Plan {
    let config = Config::default();
    let inventory = build(seen, &config.destinations, SystemTime::UNIX_EPOCH);
    plan(&inventory, &Learned::default(), &config.probes)
}

fn jobs(plan: &Plan, kind: ProbeKind) -> Vec<&Job> {
    plan.errands.iter().filter(|e| e.kind == kind).flat_map(|e| e.jobs.iter()).collect()
}

fn reverse(plan: &Plan) -> Vec<&Job> {
    let is_ptr = |job: &&Job| matches!(job.key.detail, Detail::Name(_, QueryType::Ptr));
    jobs(plan, ProbeKind::Dns).into_iter().filter(is_ptr).collect()
}

#[test]
fn each_address_is_asked_for_its_name_once() {
    let town = |n: u8| {
        let containers = (0..n).map(|i| container(&format!("app-{i}"), 2 + i, &[("shop", 1)])).collect();
        planned(&host(vec![network("shop", 1)], containers))
    };
    for n in [0, 1, 2, 6, 7, 40] {
        let plan = town(n);
        let mut asked: Vec<String> = reverse(&plan).iter().map(|j| j.key.detail.to_string()).collect();
        asked.sort();
        asked.dedup();
        // One alone has nobody to ask for it.
        assert_eq!(asked.len(), if n < 2 { 0 } else { n.into() });
        assert_eq!(reverse(&plan).len(), asked.len(), "{n} containers");
    }
}

#[test]
fn an_address_may_be_called_by_any_name_of_its_container() {
    let mut web = container("web", 3, &[("shop", 1)]);
    web.endpoints[0].aliases = vec!["www".into()];
    web.endpoints[0].ipv6 = "fd00::3".into();
    let plan = planned(&host(vec![network("shop", 1)], vec![web, container("db", 2, &[("shop", 1)])]));
    let of_web: Vec<&Job> = reverse(&plan).into_iter().filter(|j| &*j.key.target == "web").collect();
    assert_eq!(of_web.len(), 2, "one for each address");
    for job in of_web {
        let Spec::Dns { resolver, expect: Expect::Names(names), .. } = &job.spec else { panic!("{job:?}") };
        assert_eq!(resolver.ip(), IpAddr::from([127, 0, 0, 11]));
        for name in ["web", "www", "012345678903"] {
            assert!(names.iter().any(|n| &**n == name), "{name} in {names:?}");
        }
    }
}
