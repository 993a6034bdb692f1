//! Networks and containers as an Engine's API writes them.
//!
//! No container has a process: with one, the exporter would enter its namespace and send probes to the
//! addresses below, which are nobody's here.

use serde_json::{Value, json};

/// One container: its row of the listing, and its inspection.
#[derive(Clone, Debug)]
pub struct Thing {
    pub row: Value,
    pub inspected: Value,
}

/// 64 digits that begin with what is given.
pub fn id(short: &str) -> String {
    format!("{short:0<64}")
}

pub fn version() -> Value {
    json!({"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux"})
}

/// Of an Engine that counts addresses.
pub fn version_29() -> Value {
    json!({"Version": "29.0.0", "ApiVersion": "1.52", "MinAPIVersion": "1.44", "Os": "linux"})
}

/// The one field that is read, among what is not.
pub fn info() -> Value {
    json!({"ID": "e", "Containers": "many", "DefaultAddressPools": [{"Base": "10.213.0.0/16", "Size": 24}]})
}

/// A bridge; its id is made of its name.
pub fn network(name: &str, third: u8) -> Value {
    json!({
        "Name": name, "Id": network_id(name), "Created": "2026-01-01T00:00:00.000000001Z", "Scope": "local",
        "Driver": "bridge", "EnableIPv6": false, "Internal": false, "Ingress": false, "Attachable": false,
        "IPAM": {"Driver": "default", "Options": null, "Config": [
            {"Subnet": format!("10.213.{third}.0/24"), "Gateway": format!("10.213.{third}.1")},
        ]},
        "Containers": {}, "Options": {}, "Labels": {},
    })
}

pub fn network_id(name: &str) -> String {
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).take(32).collect();
    id(&digits)
}

/// A running container with one endpoint.
pub fn container(short: &str, name: &str, on: &str, address: &str) -> Thing {
    let endpoint = json!({
        "NetworkID": network_id(on), "EndpointID": id("e0"), "Gateway": "10.213.0.1", "IPAddress": address,
        "IPPrefixLen": 24, "MacAddress": "02:42:0A:D5:00:02", "GlobalIPv6Address": "", "Aliases": null,
        "DNSNames": [name, &short],
    });
    let networks = json!({on: endpoint});
    Thing {
        row: json!({
            "Id": id(short), "Names": [format!("/{name}")], "Image": "busybox", "State": "running",
            "Status": "Up 2 minutes", "Created": 1_790_000_000, "Labels": {}, "Ports": [], "Mounts": [],
            "HostConfig": {"NetworkMode": on}, "NetworkSettings": {"Networks": networks},
        }),
        inspected: json!({
            "Id": id(short), "Name": format!("/{name}"), "RestartCount": 0,
            "State": {
                "Status": "running", "Running": true, "Pid": 0, "ExitCode": 0,
                "StartedAt": "2026-01-01T00:00:00.000000001Z",
            },
            "Config": {"Image": "busybox:inspected", "Labels": {}, "ExposedPorts": {"80/tcp": {}}},
            "HostConfig": {"NetworkMode": on, "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}},
            "NetworkSettings": {"SandboxKey": "", "Ports": {}, "Networks": networks},
        }),
    }
}

/// The three that most tests begin with, on the network `shop`.
pub fn three() -> Vec<Thing> {
    [("aa", "api", "10.213.1.2"), ("bb", "web", "10.213.1.3"), ("cc", "db", "10.213.1.4")]
        .map(|(short, name, address)| container(short, name, "shop", address))
        .to_vec()
}

/// An event of the stream; without a moment of its own it gets the next one.
pub fn event(kind: &str, action: &str, id: &str) -> Value {
    json!({"Type": kind, "Action": action, "Actor": {"ID": id, "Attributes": {"name": "x"}}, "scope": "local"})
}
