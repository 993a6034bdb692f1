//! Whatever an Engine writes, it becomes a picture: no shape of JSON is a panic, and what is odd about
//! one thing takes no other thing along.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use bollard::models::{ContainerSummary, Network};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::allowance::{Allowance, LISTING};
use super::{fuzzing, lenient, wire};
use crate::config::Selection;
use crate::inventory::seen::{LONGEST, Seen};
use crate::inventory::told::Deed;
use crate::inventory::{Health, Inventory, build};

fn strange_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "\\PC{0,12}",
        "[\\x00-\\x1f\"'\\\\é\u{202e}名]{1,8}",
        Just("é".repeat(LONGEST)),
        prop::sample::select(vec![
            "shop",
            "blog",
            "bridge",
            "host",
            "none",
            "default",
            "container:a",
            "container:",
            "overlay",
            "running",
            "paused",
            "exited",
            "zombified",
            "10.0.1.2",
            "10.0.1.2/24",
            "10.0.1.0/24",
            "0.0.0.0/0",
            "::/0",
            "fd00::/64",
            "10.0.1.0/99",
            "-1",
            "99999999999999999999",
            "80/tcp",
            "99999/tcp",
            "/tcp",
            "2026-01-01T00:00:00Z",
            "a",
            "b",
        ])
        .prop_map(str::to_owned),
    ]
}

fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(1e300)),
        strange_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(strange_text(), inner, 0..4).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

/// Mostly what it should be; sometimes nothing, sometimes anything.
fn mostly(usual: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![8 => usual, 1 => Just(Value::Null), 1 => junk()].boxed()
}

fn text() -> BoxedStrategy<Value> {
    mostly(strange_text().prop_map(Value::from))
}

fn texts() -> BoxedStrategy<Value> {
    mostly(vec(text(), 0..4).prop_map(Value::from))
}

fn map_of(value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    mostly(hash_map(strange_text(), value, 0..4).prop_map(|fields| Value::Object(Map::from_iter(fields))))
}

/// Each field is there or not.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| {
            prop::option::weighted(0.85, value).prop_map(move |v| v.map(|v| (name.to_owned(), v)))
        })
        .collect();
    fields.prop_map(|fields| Value::Object(Map::from_iter(fields.into_iter().flatten()))).boxed()
}

fn network() -> BoxedStrategy<Value> {
    let entry = object(vec![("Subnet", text()), ("IPRange", text()), ("Gateway", text())]);
    let ipam = mostly(object(vec![("Config", mostly(vec(mostly(entry), 0..3).prop_map(Value::from)))]));
    let driver = prop::sample::select(vec!["bridge", "overlay", "macvlan"]).prop_map(Value::from);
    mostly(object(vec![
        ("Id", text()),
        ("Name", text()),
        ("Driver", mostly(driver)),
        ("Scope", text()),
        ("IPAM", ipam),
        ("Options", map_of(text())),
        ("Labels", map_of(text())),
        ("Internal", mostly(any::<bool>().prop_map(Value::from))),
        ("Ingress", mostly(any::<bool>().prop_map(Value::from))),
    ]))
}

fn networks() -> BoxedStrategy<Value> {
    let endpoint = object(vec![
        ("NetworkID", text()),
        ("IPAddress", text()),
        ("GlobalIPv6Address", text()),
        ("MacAddress", text()),
        ("Aliases", texts()),
        ("DNSNames", texts()),
    ]);
    mostly(object(vec![("Networks", map_of(mostly(endpoint)))]))
}

fn state() -> BoxedStrategy<Value> {
    mostly(prop::sample::select(vec!["running", "paused", "exited", "stopping", ""]).prop_map(Value::from))
}

fn row() -> BoxedStrategy<Value> {
    mostly(object(vec![
        ("Id", text()),
        ("Names", texts()),
        ("Image", text()),
        ("Labels", map_of(text())),
        ("State", state()),
        ("Ports", junk().boxed()),
        ("Mounts", junk().boxed()),
        ("Created", junk().boxed()),
        ("HostConfig", mostly(object(vec![("NetworkMode", text())]))),
        ("NetworkSettings", networks()),
    ]))
}

fn inspection() -> BoxedStrategy<Value> {
    let number = || mostly(any::<i64>().prop_map(Value::from));
    let binding = object(vec![("HostIp", text()), ("HostPort", text())]);
    let ports = map_of(mostly(vec(mostly(binding), 0..3).prop_map(Value::from)));
    let told = object(vec![
        ("Status", state()),
        ("Pid", number()),
        ("ExitCode", number()),
        ("StartedAt", text()),
        ("Health", mostly(object(vec![("Status", text())]))),
    ]);
    let config = object(vec![
        ("Image", text()),
        ("Labels", map_of(text())),
        ("ExposedPorts", mostly(map_of(Just(json!({})).boxed()))),
    ]);
    let settings = (networks(), object(vec![("SandboxKey", text()), ("Ports", ports)]));
    let settings = settings.prop_map(|(networks, mut settings)| {
        settings["Networks"] = networks.get("Networks").cloned().unwrap_or_default();
        settings
    });
    mostly(object(vec![
        ("Name", text()),
        ("State", mostly(told)),
        ("Config", mostly(config)),
        ("HostConfig", mostly(object(vec![("NetworkMode", text()), ("RestartPolicy", junk().boxed())]))),
        ("NetworkSettings", mostly(settings)),
    ]))
}

fn picture(networks: Vec<Value>, containers: Vec<(Value, Value)>) -> (Seen, Inventory) {
    let seen = fuzzing::seen(networks, containers);
    let inventory = build::build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH);
    (seen, inventory)
}

#[tokio::test]
async fn a_real_engine_says_the_same_whole_and_entry_by_entry() {
    let lab = lab::Lab::start().expect("a private Engine");
    let image = lab.busybox_image().expect("an image");
    lab.docker(&["network", "create", "shop"]).expect("a network");
    for name in ["api", "web"] {
        let run = ["run", "-d", "--name", name, "--network", "shop", "-p", "80", &image, "sleep", "600"];
        lab.docker(&run).expect("a container");
    }
    let host = format!("unix://{}", lab.socket().display());
    let docker = wire::client(&host, || Allowance::of(LISTING)).expect("a client");
    let all = bollard::query_parameters::ListContainersOptions { all: true, ..Default::default() };
    let mut whole = docker.list_containers(Some(all)).await.expect("containers");
    let path = "/containers/json?all=true";
    let (mut entries, oddities) =
        lenient::listing::<ContainerSummary>(&host, path).await.expect("containers");
    assert!(oddities.is_empty(), "{oddities:?}");
    // The uptime in words may have moved on between the two.
    for row in whole.iter_mut().chain(&mut entries) {
        row.status = None;
    }
    assert_eq!(whole.len(), 2);
    assert_eq!(entries, whole);
    let whole =
        docker.list_networks(None::<bollard::query_parameters::ListNetworksOptions>).await.expect("networks");
    let (mut entries, _) = lenient::listing::<Network>(&host, "/networks").await.expect("networks");
    assert!(whole.iter().any(|network| network.name.as_deref() == Some("shop")));
    // The Engine lists networks in no order.
    entries.sort_by_key(|network| whole.iter().position(|other| other.id == network.id));
    assert_eq!(entries, whole);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_shape_is_a_picture(
        networks in vec(network(), 0..5),
        containers in vec((row(), inspection()), 0..5),
    ) {
        let ids: BTreeSet<String> = containers
            .iter()
            .filter_map(|(row, _)| row.get("Id")?.as_str())
            .filter(|id| !id.is_empty())
            .map(|id| crate::inventory::seen::bounded(id).to_owned())
            .collect();
        let (seen, inventory) = picture(networks, containers);
        let known: BTreeSet<String> = inventory.containers.keys().map(ToString::to_string).collect();
        prop_assert_eq!(known, ids, "who has an id is in the picture, whatever else is wrong");
        let names: BTreeSet<_> = inventory.destinations.iter().map(|d| &d.name).collect();
        prop_assert_eq!(names.len(), inventory.destinations.len(), "two destinations of one name");
        let texts = seen.containers.iter().flat_map(|c| {
            let labels = c.labels.iter().flat_map(|(key, value)| [key, value]);
            let endpoints = c.endpoints.iter().flat_map(|e| [&e.network, &e.network_id, &e.ipv4, &e.ipv6]);
            let names = c.endpoints.iter().flat_map(|e| e.aliases.iter().chain(&e.dns_names));
            [&c.id, &c.name, &c.image, &c.network_mode, &c.sandbox_key].into_iter().chain(labels).chain(endpoints).chain(names)
        });
        let networks = seen.networks.iter().flat_map(|n| [&n.id, &n.name, &n.driver, &n.scope]);
        for text in texts.chain(networks) {
            prop_assert!(text.len() <= LONGEST, "{} bytes", text.len());
        }
        // A sentence of ours, around two texts at most, each with its signs escaped.
        for oddity in &inventory.oddities {
            prop_assert!(oddity.len() <= 12 * LONGEST, "{} bytes", oddity.len());
        }
    }

    #[test]
    fn what_the_client_reads_whole_is_read_alike_entry_by_entry(rows in vec(row(), 0..4)) {
        if let Ok(whole) = serde_json::from_value::<Vec<ContainerSummary>>(json!(rows)) {
            let (entries, oddities) = lenient::entries::<ContainerSummary>(Some(rows), &[]);
            // The client takes a list for an object, field by field; here it is told.
            if oddities.is_empty() {
                prop_assert_eq!(entries, whole);
            }
        }
    }
}

#[test]
fn what_happened_is_read_of_either_engine_and_a_signal_calls_for_no_listing() {
    let of = |kind: &str, action: &str, attributes: Value| {
        let line = json!({"Type": kind, "Action": action, "Actor": {"ID": "i", "Attributes": attributes},
            "timeNano": 1_790_000_000_123_456_789_i64});
        fuzzing::event(&line.to_string())
    };
    for (kind, action, attributes, expected) in [
        ("container", "start", json!({}), Some(Deed::Started)),
        ("container", "kill", json!({"signal": "15"}), Some(Deed::Signalled("SIGTERM"))),
        ("container", "oom", json!({}), Some(Deed::OutOfMemory)),
        ("container", "die", json!({"exitCode": "137"}), Some(Deed::Died { exit_code: Some(137) })),
        ("container", "died", json!({"containerExitCode": "1"}), Some(Deed::Died { exit_code: Some(1) })),
        ("container", "die", json!({"exitCode": "many"}), Some(Deed::Died { exit_code: None })),
        ("container", "destroy", json!({}), Some(Deed::Destroyed)),
        ("container", "health_status: unhealthy", json!({}), Some(Deed::Checked(Health::Unhealthy))),
        ("container", "health_status: odd", json!({}), None),
        ("container", "rename", json!({"oldName": "/web"}), Some(Deed::Renamed { from: "web".into() })),
        ("container", "levitate", json!({}), None),
        ("network", "connect", json!({"container": "c"}), Some(Deed::Connected)),
        ("network", "remove", json!({}), Some(Deed::NetworkRemoved)),
    ] {
        let change = of(kind, action, attributes).expect("a hint");
        let signals = matches!(expected, Some(Deed::Signalled(_) | Deed::OutOfMemory));
        assert_eq!(change.is_to_be_listed(), !signals, "{action}");
        let told = change.told.map(|told| *told);
        assert_eq!(told.as_ref().map(|told| &told.deed), expected.as_ref(), "{action}");
        let Some(told) = told else { continue };
        let (container, network) = if kind == "network" { (None, Some("i")) } else { (Some("i"), None) };
        let container = if action == "connect" { Some("c") } else { container };
        assert_eq!((told.container.as_deref(), told.network.as_deref()), (container, network), "{action}");
        let at = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_790_000_000_123_456_789);
        assert_eq!(told.at, Some(at), "{action}");
    }
    // A Swarm's task that is to end has no names any more.
    let task = json!({"signal": "15", "com.docker.swarm.task.id": "06a1dzp0fs633vslycvmdyyn5"});
    assert!(of("container", "kill", task).is_some_and(|change| change.is_to_be_listed()));
    let task = json!({"signal": "10", "com.docker.swarm.task.id": "06a1dzp0fs633vslycvmdyyn5"});
    assert_eq!(of("container", "kill", task), None);
    // Programs are sent others all the time.
    for attributes in [json!({"signal": "1"}), json!({"signal": "10"}), json!({}), json!(null)] {
        assert_eq!(of("container", "kill", attributes), None);
    }
    assert_eq!(of("image", "pull", json!({})), None);
}
