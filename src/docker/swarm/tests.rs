//! Answers as Engines of 20.10 and 28 write them, odd ones, and ones that are too long.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Hint, Info, control, gossip};
use crate::inventory::seen::{LONGEST, SeenControl, SeenGossip, SeenNode, bounded};

fn heard(answer: Value) -> SeenGossip {
    gossip::read(serde_json::from_value(answer).unwrap()).expect("it takes part")
}

fn known(nodes: Value, services: Value, tasks: Value) -> SeenControl {
    let [nodes, services, tasks] = [nodes, services, tasks].map(|list| list.to_string());
    control::read([nodes.as_bytes(), services.as_bytes(), tasks.as_bytes()]).unwrap()
}

/// Docker 20.10: a service with a virtual address, one with `--endpoint-mode dnsrr`, one that is global, and a container that
/// somebody ran by hand. The addresses of the virtual ones are among the peers of no node.
const GOSSIP: &str = r#"{
  "Name": "mesh", "Id": "k2d8x6m1s0n9", "Created": "2026-01-01T00:00:00.000000001Z", "Scope": "swarm", "Driver": "overlay",
  "EnableIPv6": false, "IPAM": {"Driver": "default", "Options": null, "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
  "Internal": false, "Attachable": true, "Ingress": false, "ConfigFrom": {"Network": ""}, "ConfigOnly": false,
  "Containers": {"lb-mesh": {"Name": "mesh-endpoint", "EndpointID": "5f", "MacAddress": "02:42:0a:00:01:04", "IPv4Address": "10.0.1.4/24", "IPv6Address": ""}},
  "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"}, "Labels": {},
  "Peers": [{"Name": "b5f1c0de", "IP": "198.51.100.3"}, {"Name": "a4e0b9cd", "IP": "198.51.100.2"}],
  "Services": {
    "": {"VIP": "<nil>", "Ports": [], "LocalLBIndex": 0, "Tasks": [
      {"Name": "tool", "EndpointID": "77", "EndpointIP": "10.0.1.9", "Info": null}]},
    "web": {"VIP": "10.0.1.2", "Ports": ["Target: 80, Publish: 8080"], "LocalLBIndex": 257, "Tasks": [
      {"Name": "web.2.s0m3task", "EndpointID": "bb", "EndpointIP": "10.0.1.6", "Info": {"Host IP": "198.51.100.3"}},
      {"Name": "web.1.0th3rtask", "EndpointID": "aa", "EndpointIP": "10.0.1.5", "Info": {"Host IP": "198.51.100.2"}}]},
    "cache": {"VIP": "<nil>", "Ports": [], "LocalLBIndex": 258, "Tasks": [
      {"Name": "cache.n0de.t4sk", "EndpointID": "cc", "EndpointIP": "10.0.1.7", "Info": {"Host IP": "198.51.100.3"}}]},
    "idle": {"VIP": "10.0.1.8", "Ports": null, "LocalLBIndex": 259, "Tasks": null}
  }
}"#;

#[test]
fn what_the_gossip_knows() {
    let gossip = heard(serde_json::from_str(GOSSIP).unwrap());
    assert_eq!(gossip.peers, ["198.51.100.2", "198.51.100.3"]);
    assert!(!gossip.is_cut);
    assert_eq!(gossip.balancer, "10.0.1.4");
    let groups: Vec<(&str, &str, usize)> =
        gossip.services.iter().map(|group| (&*group.name, &*group.vip, group.members.len())).collect();
    assert_eq!(groups, [("", "", 1), ("cache", "", 1), ("idle", "10.0.1.8", 0), ("web", "10.0.1.2", 2)]);
    let member = |group: usize, at: usize| {
        let one = &gossip.services[group].members[at];
        [&*one.name, &*one.address, &*one.node]
    };
    assert_eq!(member(0, 0), ["tool", "10.0.1.9", ""]);
    assert_eq!(member(3, 0), ["web.1.0th3rtask", "10.0.1.5", "198.51.100.2"]);
    assert_eq!(member(3, 1), ["web.2.s0m3task", "10.0.1.6", "198.51.100.3"]);
}

#[test]
fn an_overlay_on_which_nothing_is_here_has_no_gossip() {
    // Before its first container on a node the Engine there tells neither field, or `null`; so does a manager of one that is
    // on other nodes alone.
    for answer in [json!({"Name": "mesh"}), json!({"Peers": null, "Services": null}), json!({})] {
        assert_eq!(gossip::read(serde_json::from_value(answer).unwrap()), None);
    }
}

#[test]
fn addresses_come_with_and_without_a_prefix() {
    let gossip = heard(json!({
        "Peers": [{"IP": "198.51.100.2/32"}, {"IP": " 198.51.100.2 "}, {"IP": ""}, {}],
        "Services": {"web": {"VIP": "10.0.1.2/24", "Tasks": [
            {"Name": "web.1.t", "EndpointIP": "10.0.1.5/24", "Info": {"Host IP": "198.51.100.3", "Else": "x"}}]}},
    }));
    assert_eq!(gossip.peers, ["", "198.51.100.2"]);
    assert_eq!((&*gossip.services[0].vip, &*gossip.services[0].members[0].address), ("10.0.1.2", "10.0.1.5"));
}

#[test]
fn a_table_that_is_too_long_is_cut_and_says_so() {
    let tasks = |n: usize| -> Vec<Value> {
        (0..n).map(|at| json!({"Name": format!("web.{at}.t"), "EndpointIP": "10.0.1.5"})).collect()
    };
    for (each, is_cut) in [(5_000, false), (5_001, true)] {
        let group = json!({"VIP": "<nil>", "Tasks": tasks(each)});
        let gossip = heard(json!({"Peers": [{"IP": "198.51.100.2"}], "Services": {"a": group, "b": group}}));
        let kept: usize = gossip.services.iter().map(|group| group.members.len()).sum();
        assert_eq!((kept, gossip.is_cut), (10_000, is_cut), "{each}");
    }
    let many: serde_json::Map<String, Value> = (0..10_001).map(|at| (format!("s{at}"), json!({}))).collect();
    let gossip = heard(json!({"Peers": [{"IP": "198.51.100.2"}], "Services": many}));
    assert_eq!((gossip.services.len(), gossip.is_cut), (10_000, true));
    let long = "é".repeat(LONGEST);
    let gossip = heard(
        json!({"Peers": [{"IP": long}], "Services": {&*long: {"VIP": long, "Tasks": [{"Name": long}]}}}),
    );
    let group = &gossip.services[0];
    for text in [&gossip.peers[0], &group.name, &group.vip, &group.members[0].name] {
        assert_eq!(text, bounded(&long));
    }
}

const NODES: &str = r#"[
  {"ID": "w0rker", "Version": {"Index": 12}, "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-02T00:00:00Z",
   "Spec": {"Labels": {"zone": "b"}, "Role": "worker", "Availability": "drain"},
   "Description": {"Hostname": "node-2", "Platform": {"Architecture": "x86_64", "OS": "linux"}, "Engine": {"EngineVersion": "28.1.1"}},
   "Status": {"State": "down", "Message": "heartbeat failure", "Addr": "198.51.100.3"}},
  {"ID": "l3ader", "Spec": {"Labels": {}, "Role": "manager", "Availability": "active"},
   "Description": {"Hostname": "node-1"}, "Status": {"State": "ready", "Addr": "0.0.0.0"},
   "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "198.51.100.2:2377"}},
  {"ID": "s1x", "Spec": {"Role": "manager", "Availability": "pause"}, "Description": {"Hostname": "node-3"},
   "Status": {"State": "ready", "Addr": "127.0.0.1"},
   "ManagerStatus": {"Reachability": "unreachable", "Addr": "[2001:db8::4]:2377"}}]"#;

const SERVICES: &str = r#"[
  {"ID": "svc-w", "Version": {"Index": 40},
   "Spec": {"Name": "web", "Labels": {"traefik.http.services.web.loadbalancer.server.port": "3000"},
    "TaskTemplate": {"ContainerSpec": {"Image": "web:1", "Env": ["PASSWORD=secret"]}, "Networks": [{"Target": "mesh-id"}]},
    "Mode": {"Replicated": {"Replicas": 2}},
    "EndpointSpec": {"Mode": "vip", "Ports": [
      {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
      {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 53, "PublishMode": "ingress"},
      {"Protocol": "tcp", "TargetPort": 70000, "PublishedPort": 1, "PublishMode": "ingress"}]}},
   "Endpoint": {"Spec": {"Mode": "vip"}, "VirtualIPs": [
     {"NetworkID": "ingress-id", "Addr": "10.255.0.8/16"}, {"NetworkID": "mesh-id", "Addr": "10.0.1.2/24"}, {"NetworkID": "bare"}]},
   "UpdateStatus": {"State": "completed"}},
  {"ID": "svc-c", "Spec": {"Name": "cache", "Labels": null, "TaskTemplate": {}, "Mode": {"Global": {}}}}]"#;

const TASKS: &str = r#"[
  {"ID": "t2", "ServiceID": "svc-w", "Slot": 2, "NodeID": "w0rker", "DesiredState": "running",
   "Status": {"Timestamp": "2026-01-02T03:04:05.678901234Z", "State": "rejected", "Message": "preparing", "Err": "No such image: web:1"},
   "NetworksAttachments": null},
  {"ID": "t1", "ServiceID": "svc-w", "Slot": 1, "NodeID": "l3ader", "DesiredState": "running",
   "Status": {"Timestamp": "2026-01-02T03:04:05Z", "State": "running", "Message": "started",
    "ContainerStatus": {"ContainerID": "ab", "PID": 7, "ExitCode": 0}},
   "NetworksAttachments": [
     {"Network": {"ID": "ingress-id", "Spec": {"Name": "ingress"}}, "Addresses": ["10.255.0.9/16"]},
     {"Network": {"ID": "mesh-id", "Spec": {"Name": "mesh"}}, "Addresses": ["10.0.1.5/24", "10.0.1.99/24"]},
     {"Network": {"ID": "empty"}, "Addresses": []}, {"Network": {"ID": "none"}}]},
  {"ID": "t3", "ServiceID": "svc-c", "NodeID": "w0rker", "DesiredState": "shutdown",
   "Status": {"Timestamp": "never", "State": "failed"}}]"#;

#[test]
fn what_managers_know() {
    let read = |text: &str| serde_json::from_str(text).unwrap();
    let control = known(read(NODES), read(SERVICES), read(TASKS));
    assert!(!control.is_cut);
    let node = |one: &SeenNode| {
        [&one.id, &one.name, &one.address, &one.role, &one.availability, &one.state].map(ToString::to_string)
    };
    assert_eq!(
        control.nodes.iter().map(node).collect::<Vec<_>>(),
        [
            ["l3ader", "node-1", "198.51.100.2", "manager", "active", "ready"],
            ["s1x", "node-3", "2001:db8::4", "manager", "pause", "ready"],
            ["w0rker", "node-2", "198.51.100.3", "worker", "drain", "down"],
        ],
        "a manager that says 0.0.0.0 of itself is where others dial it"
    );
    let reach: Vec<(&str, bool)> = control.nodes.iter().map(|n| (&*n.reachability, n.is_leader)).collect();
    assert_eq!(reach, [("reachable", true), ("unreachable", false), ("", false)]);
    assert_eq!(control.nodes[2].message, "heartbeat failure");
    let services: Vec<(&str, &str, &[u16], Option<u64>)> =
        control.services.iter().map(|s| (&*s.name, &*s.id, &*s.ports, s.replicas)).collect();
    assert_eq!(services, [("cache", "svc-c", &[][..], None), ("web", "svc-w", &[80, 3000], Some(2))]);
    let on = |id: &str, address: &str| (id.to_owned(), address.to_owned());
    assert_eq!(control.services[1].networks, ["mesh-id"]);
    assert_eq!(
        control.services[1].vips,
        [on("ingress-id", "10.255.0.8"), on("mesh-id", "10.0.1.2"), on("bare", "")]
    );
    let [one, two, three] = &*control.tasks else { panic!("{:?}", control.tasks) };
    assert_eq!((&*one.id, one.slot, &*one.state, &*one.desired), ("t1", 1, "running", "running"));
    assert_eq!(one.addresses, [on("ingress-id", "10.255.0.9"), on("mesh-id", "10.0.1.5")]);
    assert_eq!((&*two.state, &*two.error), ("rejected", "No such image: web:1"));
    assert_eq!(two.at.unwrap().duration_since(one.at.unwrap()).unwrap(), Duration::from_nanos(678_901_234));
    assert_eq!((three.slot, three.at), (0, None));
}

#[test]
fn lists_that_were_never_filled_are_empty() {
    for empty in [Value::Null, json!([])] {
        let bare = known(empty.clone(), empty.clone(), empty);
        assert_eq!(bare, SeenControl { is_fresh: true, ..SeenControl::default() });
    }
    let bare = known(json!([{}]), json!([{}]), json!([{}]));
    assert_eq!((bare.nodes.len(), bare.services.len(), bare.tasks.len()), (1, 1, 1));
}

#[test]
fn one_that_cannot_be_read_costs_no_other_and_is_said_to_be_missing() {
    let odd = json!([{"ID": "a", "Slot": -1}, {"ID": "b", "Slot": 1}]);
    let control = known(json!([]), json!([]), odd);
    let ids: Vec<&str> = control.tasks.iter().map(|task| &*task.id).collect();
    assert_eq!((ids, control.is_cut), (vec!["b"], true));
    for answer in ["{\"message\": \"no\"}", "[{}", "<html>"] {
        assert!(control::read([b"[]", b"[]", answer.as_bytes()]).is_err(), "{answer}");
    }
}

#[test]
fn lists_that_are_too_long_are_cut_and_say_so() {
    let many = |n: usize, of: Value| Value::Array(vec![of; n]);
    for (nodes, services, tasks, is_cut) in
        [(1024, 4096, 50_000, false), (1025, 1, 1, true), (1, 4097, 1, true), (1, 1, 50_001, true)]
    {
        let control = known(many(nodes, json!({})), many(services, json!({})), many(tasks, json!({})));
        assert_eq!(control.is_cut, is_cut, "{nodes} {services} {tasks}");
        assert!(
            control.nodes.len() <= 1024 && control.services.len() <= 4096 && control.tasks.len() <= 50_000
        );
    }
    let labels: serde_json::Map<String, Value> = (0..1000)
        .map(|n| (format!("caddy_{n}.reverse_proxy"), json!(format!("{{{{upstreams {n}}}}}"))))
        .collect();
    let ports = many(1000, json!({"Protocol": "tcp", "TargetPort": 9}));
    let long = "x".repeat(2 * LONGEST);
    let attached = many(1000, json!({"Network": {"ID": long}, "Addresses": [long]}));
    let control = known(
        json!([]),
        json!([{"Spec": {"Name": long, "Labels": labels, "EndpointSpec": {"Ports": ports}}}]),
        json!([{"ID": long, "Status": {"Err": long}, "NetworksAttachments": attached}]),
    );
    let (service, task) = (&control.services[0], &control.tasks[0]);
    assert_eq!((service.labels.len(), task.addresses.len()), (256, 256));
    assert!(service.ports.len() <= 512, "{}", service.ports.len());
    for text in [&service.name, &task.id, &task.error, &task.addresses[0].0, &task.addresses[0].1] {
        assert_eq!(text.len(), LONGEST);
    }
}

#[test]
fn who_it_is_in_the_swarm() {
    let info =
        |swarm: Value| serde_json::from_value::<Info>(json!({"Name": "node-1", "Swarm": swarm})).unwrap();
    let worker = info(json!({
        "NodeID": "w0rker", "NodeAddr": "198.51.100.3", "LocalNodeState": "active", "ControlAvailable": false, "Error": "",
        "RemoteManagers": [{"NodeID": "l3ader", "Addr": "198.51.100.2:2377"}]})).swarm.unwrap();
    assert!(!worker.control_available && worker.cluster.is_none());
    assert_eq!(worker.remote_managers.unwrap()[0].addr, "198.51.100.2:2377");
    let manager = info(json!({"LocalNodeState": "active", "ControlAvailable": true, "RemoteManagers": null,
        "Nodes": 3, "Managers": 1, "Cluster": {"ID": "c", "DataPathPort": 7789, "DefaultAddrPool": ["10.0.0.0/8"]}}));
    assert_eq!(manager.swarm.unwrap().cluster.unwrap().data_path_port, 7789);
    for nothing in
        [json!(null), json!({}), json!({"LocalNodeState": "inactive", "NodeID": "", "RemoteManagers": null})]
    {
        let part = info(nothing).swarm.unwrap_or_default();
        assert!(matches!(&*part.local_node_state, "" | "inactive"));
    }
    let hint: Hint = serde_json::from_value(json!({"LocalNodeState": "locked"})).unwrap();
    assert_eq!(hint.local_node_state, "locked");
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[\\x00-\\x1f/.<>:\\[\\]é\u{202e}]{0,8}",
        prop::sample::select(vec![
            "<nil>",
            "10.0.1.5/24",
            "198.51.100.2",
            "web",
            "web.1.t",
            "running",
            "0.0.0.0",
            ":",
            "[::1]:2377"
        ])
        .prop_map(str::to_owned),
        Just("名".repeat(LONGEST)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_written_is_kept_within_bounds_and_in_one_order(
        tasks in prop::collection::vec((any_text(), any_text(), any_text(), any_text()), 0..12),
        peers in prop::collection::vec(any_text(), 1..6),
    ) {
        let of = |tasks: &[(String, String, String, String)], peers: &[String]| {
            let mut services: serde_json::Map<String, Value> = serde_json::Map::new();
            for (name, task, address, node) in tasks {
                let group = services.entry(name.clone()).or_insert_with(|| json!({"VIP": address, "Tasks": []}));
                let task = json!({"Name": task, "EndpointIP": address, "Info": {"Host IP": node}});
                if let Some(list) = group["Tasks"].as_array_mut() { list.push(task) }
            }
            let peers: Vec<Value> = peers.iter().map(|peer| json!({"IP": peer})).collect();
            heard(json!({"Peers": peers, "Services": services}))
        };
        let gossip = of(&tasks, &peers);
        let members = gossip.services.iter().flat_map(|g| &g.members).flat_map(|m| [&m.name, &m.address, &m.node]);
        let texts = members.chain(gossip.services.iter().flat_map(|g| [&g.name, &g.vip])).chain(&gossip.peers);
        for text in texts {
            prop_assert!(text.len() <= LONGEST);
        }
        prop_assert!(gossip.services.iter().all(|g| g.vip != "<nil>" && g.members.is_sorted()));
        let (mut turned, mut back) = (tasks.clone(), peers.clone());
        turned.reverse();
        back.reverse();
        let again = of(&turned, &back);
        prop_assert_eq!(&again.peers, &gossip.peers);
        let members = |gossip: &SeenGossip| gossip.services.iter().map(|g| g.members.clone()).collect::<Vec<_>>();
        prop_assert_eq!(members(&again), members(&gossip));
        // Managers write the same words in other places.
        let rows: Vec<Value> = tasks.iter().map(|(a, b, c, d)| json!({"ID": a, "ServiceID": b, "NodeID": c, "DesiredState": d,
            "Status": {"State": a, "Err": b, "Timestamp": c}, "NetworksAttachments": [{"Network": {"ID": d}, "Addresses": [a]}]})).collect();
        let nodes: Vec<Value> = tasks.iter().map(|(a, b, c, d)| json!({"ID": a, "Spec": {"Role": b, "Availability": c},
            "Description": {"Hostname": d}, "Status": {"State": a, "Addr": b}, "ManagerStatus": {"Addr": c, "Reachability": d}})).collect();
        let control = known(Value::Array(nodes), Value::Null, Value::Array(rows));
        prop_assert!(control.nodes.is_sorted() && control.tasks.is_sorted());
        prop_assert!(control.tasks.iter().all(|task| task.error.len() <= LONGEST && task.id.len() <= LONGEST));
        prop_assert!(control.tasks.iter().all(|task| task.at.is_none_or(|at| at >= SystemTime::UNIX_EPOCH)));
    }
}
