//! Engines' answers written by hand, and the pictures that they give.

use std::net::IpAddr;
use std::time::Duration;

use super::destination::{BRIDGE_NAME, DEPLOY, MTU};
use super::resolver::EMBEDDED;
use super::*;
use crate::inventory::model::Missing;
use crate::inventory::seen::SeenSubnet;
use crate::inventory::seen::{SeenEndpoint, SeenNetwork};
use crate::inventory::{EngineInfo, Origin, PublishedPort};

/// A running container of this id and name, on no network.
pub fn container(id: &str, name: &str) -> SeenContainer {
    SeenContainer {
        id: id.into(),
        name: name.into(),
        image: "busybox".into(),
        state: RunState::Running,
        sandbox_key: format!("/var/run/docker/netns/{id}"),
        pid: 100,
        started_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)),
        ..SeenContainer::default()
    }
}

/// The same, as the picture has it.
pub fn model(one: &SeenContainer) -> Container {
    super::container(one, &Seen::default(), &Networks::new(&[], false))
}

/// A bridge of this name, with a subnet.
pub fn network(name: &str) -> SeenNetwork {
    let subnet =
        SeenSubnet { subnet: "10.0.1.0/24".into(), gateway: "10.0.1.1".into(), ..SeenSubnet::default() };
    SeenNetwork {
        id: format!("id-of-{name}"),
        name: name.into(),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![subnet],
        ..SeenNetwork::default()
    }
}

/// A container that was made for `network` and is on it.
fn on(network: &str, id: &str, name: &str, ipv4: &str) -> SeenContainer {
    SeenContainer {
        network_mode: network.into(),
        endpoints: vec![SeenEndpoint {
            network: network.into(),
            network_id: format!("id-of-{network}"),
            ipv4: ipv4.into(),
            mac: "02:42:0A:00:01:02".into(),
            ..SeenEndpoint::default()
        }],
        ..container(id, name)
    }
}

fn stopped(state: RunState, exit_code: i64, one: SeenContainer) -> SeenContainer {
    SeenContainer { state, exit_code: Some(exit_code), pid: 0, ..one }
}

fn seen(networks: Vec<SeenNetwork>, containers: Vec<SeenContainer>) -> Seen {
    Seen { networks, containers, ..Seen::default() }
}

fn built(seen: &Seen) -> Inventory {
    build(seen, &Selection::default(), SystemTime::UNIX_EPOCH)
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.destinations.iter().map(|d| &*d.name).collect()
}

fn missing_names(all: &[Missing]) -> Vec<&str> {
    all.iter().map(|m| &*m.name).collect()
}

#[test]
fn a_destination_with_its_endpoints() {
    let mut shop = network("shop");
    shop.internal = true;
    shop.options.insert(MTU.into(), "1450".into());
    let mut web = on("shop", "c1", "web", "10.0.1.2");
    web.endpoints[0].ipv6 = "fd00::2".into();
    web.endpoints[0].aliases = vec!["www".into()];
    let inventory = built(&seen(vec![shop], vec![web]));
    let shop = inventory.destination("shop").unwrap();
    assert_eq!((shop.internal, shop.mtu, shop.origin), (true, Some(1450), Origin::Plain));
    assert_eq!((shop.subnets[0].used, shop.subnets[0].capacity), (2, 254));
    let web = shop.endpoint("web").unwrap();
    assert_eq!(web.addresses, ["10.0.1.2".parse::<IpAddr>().unwrap(), "fd00::2".parse().unwrap()]);
    assert_eq!(web.mac, "02:42:0a:00:01:02");
    assert_eq!(web.names.iter().map(|n| &**n).collect::<Vec<_>>(), ["web", "www"]);
    let resolver = &inventory.container(&web.container).unwrap().resolver;
    assert!(resolver.engine.is_some());
    assert_eq!(resolver.servers, [EMBEDDED]);
}

#[test]
fn only_networks_that_workloads_are_deployed_to() {
    let mut mesh = network("ingress");
    (mesh.driver, mesh.ingress) = ("overlay".into(), true);
    let mut host = network("host");
    host.driver = "host".into();
    let all =
        vec![network("shop"), network("blog"), network("bridge"), network("docker_gwbridge"), mesh, host];
    assert_eq!(names(&built(&seen(all.clone(), vec![]))), ["blog", "shop"]);

    // The default bridge counts once somebody uses it, and it has no names.
    let mut user = on("bridge", "c1", "legacy", "10.0.1.2");
    user.network_mode = "default".into();
    let inventory = built(&seen(all.clone(), vec![user.clone()]));
    assert_eq!(names(&inventory), ["blog", "bridge", "shop"]);
    let bridge = inventory.destination("bridge").unwrap();
    assert_eq!(bridge.origin, Origin::DefaultBridge);
    assert!(bridge.endpoints[0].names.is_empty());
    assert_eq!(inventory.containers[&ContainerId::new("c1")].resolver.engine, None);
    let ended = stopped(RunState::Exited, 1, user);
    assert_eq!(names(&built(&seen(all.clone(), vec![ended]))), ["blog", "shop"]);

    let selection = Selection { exclude: vec!["b*".into()], ..Selection::default() };
    let inventory = build(&seen(all, vec![]), &selection, SystemTime::UNIX_EPOCH);
    assert_eq!(names(&inventory), ["shop"]);
}

#[test]
fn two_networks_of_one_name_are_two_destinations() {
    let twin = SeenNetwork { id: "0123456789abcdef".into(), ..network("shop") };
    let mut web = on("shop", "c1", "web", "10.0.1.2");
    let inventory = built(&seen(vec![network("shop"), twin.clone()], vec![web.clone()]));
    assert_eq!(names(&inventory), ["shop (0123456789ab)", "shop (id-of-shop)"]);
    assert_eq!(inventory.destination("shop (id-of-shop)").unwrap().endpoints.len(), 1);
    assert!(inventory.destination("shop (0123456789ab)").unwrap().endpoints.is_empty());
    // The mode is the bare name, which proves nothing: nobody is called detached for it.
    assert!(inventory.destinations.iter().all(|d| d.detached.is_empty()));
    // A name that leads to both leads to none.
    web.endpoints[0].network_id = "gone".into();
    let inventory = built(&seen(vec![network("shop"), twin], vec![web]));
    assert!(inventory.destinations.iter().all(|d| d.endpoints.is_empty()));
}

#[test]
fn podman_writes_names_for_ids() {
    let mut web = on("shop", "c1", "web", "10.0.1.2");
    web.endpoints[0].network_id = "shop".into();
    let mut answer = seen(vec![network("shop")], vec![web]);
    answer.engine = EngineInfo { podman: true, ..EngineInfo::default() };
    let inventory = built(&answer);
    assert_eq!(inventory.destination("shop").unwrap().endpoints.len(), 1);
    let resolver = &inventory.containers[&ContainerId::new("c1")].resolver;
    let gateway = "10.0.1.1".parse().unwrap();
    assert_eq!((resolver.engine, resolver.servers.as_slice()), (Some(gateway), &[gateway][..]));

    // Whatever network a container is made for, its mode is this word.
    answer.containers[0].network_mode = "bridge".into();
    answer.networks.push(network("bridge"));
    let inventory = built(&answer);
    assert_eq!(names(&inventory), ["shop"]);
}

#[test]
fn every_place_of_a_container() {
    let mode = |id: &str, mode: &str| SeenContainer { network_mode: mode.into(), ..container(id, id) };
    let owner = on("shop", "owner-id", "owner", "10.0.1.2");
    let mut isolated = mode("c3", "none");
    isolated.endpoints = vec![SeenEndpoint { network: "none".into(), ..SeenEndpoint::default() }];
    let answer = seen(
        vec![network("shop")],
        vec![
            owner,
            mode("c1", "host"),
            mode("c2", "container:owner-id"),
            isolated,
            mode("c4", "container:owner"),
            mode("c5", "container:gone"),
            mode("c6", "shop"),
        ],
    );
    let inventory = built(&answer);
    let place = |id: &str| inventory.containers[&ContainerId::new(id)].place.clone();
    let shared = |id: &str| Place::SharedWith(ContainerId::new(id));
    for (id, expected) in [
        ("owner-id", Place::Own),
        ("c1", Place::Host),
        ("c2", shared("owner-id")),
        ("c3", Place::Isolated),
        ("c4", shared("owner-id")),
        ("c5", shared("gone")),
        ("c6", Place::Own),
    ] {
        assert_eq!(place(id), expected, "{id}");
    }
    let resolver = |id: &str| &inventory.containers[&ContainerId::new(id)].resolver;
    assert!(resolver("c2").engine.is_some(), "the owner's resolver");
    assert!(resolver("c1").servers.is_empty());
    let shop = inventory.destination("shop").unwrap();
    assert_eq!(shop.endpoints.len(), 1);
    assert_eq!(missing_names(&shop.detached), ["c6"]);
}

#[test]
fn detached_is_who_runs_without_the_network_it_was_made_for() {
    for (mode, state, expected) in [
        ("shop", RunState::Running, &["app"][..]),
        ("shop", RunState::Paused, &["app"]),
        ("id-of-shop", RunState::Running, &["app"]),
        ("shop", RunState::Restarting, &[]),
        ("blog", RunState::Running, &[]),
        ("host", RunState::Running, &[]),
        ("container:shop", RunState::Running, &[]),
    ] {
        let app = SeenContainer { network_mode: mode.into(), state, ..container("c1", "app") };
        let inventory = built(&seen(vec![network("shop"), network("blog")], vec![app]));
        let shop = inventory.destination("shop").unwrap();
        assert_eq!(missing_names(&shop.detached), expected, "{mode} {state:?}");
    }
    // Attached elsewhere only: still missed where it belongs.
    let mut app = on("blog", "c1", "app", "10.0.1.2");
    app.network_mode = "shop".into();
    let inventory = built(&seen(vec![network("shop"), network("blog")], vec![app]));
    assert_eq!(missing_names(&inventory.destination("shop").unwrap().detached), ["app"]);
    assert!(inventory.destination("blog").unwrap().detached.is_empty());
}

#[test]
fn stopped_is_a_workload_that_nobody_runs() {
    let app = || on("shop", "c1", "app", "");
    let kept = || SeenContainer { restart_policy: "unless-stopped".into(), ..app() };
    let old_network = || {
        let mut one = app();
        one.network_mode = String::new();
        one.endpoints[0].network_id = "id of the network before".into();
        one
    };
    for (what, one, expected) in [
        ("failed", stopped(RunState::Exited, 1, app()), true),
        ("killed", stopped(RunState::Exited, 137, app()), true),
        ("a finished job", stopped(RunState::Exited, 0, app()), false),
        (
            "policy no",
            SeenContainer { restart_policy: "no".into(), ..stopped(RunState::Exited, 0, app()) },
            false,
        ),
        ("kept and stopped", stopped(RunState::Exited, 0, kept()), true),
        ("dead", stopped(RunState::Dead, 0, app()), true),
        ("restarting", stopped(RunState::Restarting, 0, app()), true),
        ("never started", stopped(RunState::Created, 0, app()), true),
        ("unknown word", stopped(RunState::Other, 0, app()), true),
        ("going", stopped(RunState::Removing, 137, app()), false),
        ("network made anew", stopped(RunState::Exited, 1, old_network()), true),
        ("runs", app(), false),
    ] {
        let inventory = built(&seen(vec![network("shop")], vec![one]));
        let shop = inventory.destination("shop").unwrap();
        assert_eq!(!shop.stopped.is_empty(), expected, "{what}");
        assert_eq!(!shop.endpoints.is_empty(), what == "runs", "{what}");
        assert!(shop.detached.is_empty(), "{what}");
    }
}

#[test]
fn a_workload_is_stopped_once_and_only_where_none_lives() {
    let labelled = |one: SeenContainer, start: u64| {
        let labels = [("coolify.resourceName", "app")].map(|(k, v)| (k.to_string(), v.to_string()));
        let started_at = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(start));
        SeenContainer { labels: labels.into(), started_at, ..one }
    };
    let old = labelled(stopped(RunState::Exited, 1, on("shop", "old", "app-1", "")), 1);
    let new = labelled(stopped(RunState::Exited, 1, on("shop", "new", "app-2", "")), 2);
    let live = labelled(on("shop", "live", "app-3", "10.0.1.2"), 0);

    let inventory = built(&seen(vec![network("shop")], vec![new.clone(), old.clone()]));
    let shop = inventory.destination("shop").unwrap();
    assert_eq!(missing_names(&shop.stopped), ["app"]);
    assert_eq!(shop.stopped[0].container.as_str(), "new");

    let inventory = built(&seen(vec![network("shop")], vec![new, old, live]));
    let shop = inventory.destination("shop").unwrap();
    assert!(shop.stopped.is_empty());
    assert!(shop.endpoint("app").is_some());
}

#[test]
fn who_is_called_like_a_stopped_workload_elsewhere_does_not_cover_it() {
    let labelled = |one: SeenContainer, made: u64| SeenContainer {
        labels: BTreeMap::from([("coolify.resourceName".to_owned(), "shop-api".to_owned())]),
        created_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(made)),
        ..one
    };
    let networks = || vec![network("shop"), network("evil")];
    let real = |one| labelled(one, 1);
    let stranger =
        |state, made| SeenContainer { state, ..labelled(on("evil", "c2", "odd", "10.0.2.2"), made) };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    for (state, made) in [(RunState::Running, 2), (RunState::Created, 999)] {
        let gone = real(stopped(RunState::Exited, 1, on("shop", "c1", "api", "")));
        let answer = seen(networks(), vec![gone, stranger(state, made)]);
        let inventory = build(&answer, &Selection::default(), now);
        assert_eq!(missing_names(&inventory.destination("shop").unwrap().stopped), ["shop-api"], "{state:?}");
    }
    let lives = real(on("shop", "c1", "api", "10.0.1.2"));
    let inventory = built(&seen(networks(), vec![lives, stranger(RunState::Running, 2)]));
    assert!(inventory.destination("shop").unwrap().endpoint("shop-api").is_some());
    assert!(inventory.destination("evil").unwrap().endpoint("shop-api (c2)").is_some());
    // The stranger was there before: then it is the other that bears an id, and both are still told.
    let older = labelled(on("evil", "c2", "odd", "10.0.2.2"), 0);
    let gone = real(stopped(RunState::Exited, 1, on("shop", "c1", "api", "")));
    let inventory = built(&seen(networks(), vec![gone, older]));
    assert_eq!(missing_names(&inventory.destination("shop").unwrap().stopped), ["shop-api (c1)"]);
}

#[test]
fn a_resource_of_another_environment_does_not_cover_it() {
    let labelled = |one: SeenContainer, start: u64, project: &str, environment: &str| {
        let labels = [
            ("coolify.resourceName", "api"),
            ("coolify.projectName", project),
            ("coolify.environmentName", environment),
        ];
        SeenContainer {
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            started_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(start)),
            created_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(start)),
            ..one
        }
    };
    let of_shop = |containers: Vec<SeenContainer>| {
        let answer = seen(vec![network("shop")], containers);
        let inventory = build(&answer, &Selection::default(), SystemTime::UNIX_EPOCH + DEPLOY);
        inventory.destination("shop").unwrap().clone()
    };
    let gone = || labelled(stopped(RunState::Exited, 1, on("shop", "c1", "api-1", "")), 1, "p", "production");
    let made = |id: &str| on("shop", id, "api-2", "");
    let lives = |id: &str| on("shop", id, "api-2", "10.0.1.3");
    for (what, other, covers) in [
        ("staging lives", labelled(lives("c2"), 2, "p", "staging"), false),
        ("another project's lives", labelled(lives("c2"), 2, "q", "production"), false),
        ("its next one lives", labelled(lives("c2"), 2, "p", "production"), true),
        (
            "staging is deployed",
            labelled(stopped(RunState::Created, 0, made("c2")), 2, "p", "staging"),
            false,
        ),
        (
            "its next one is deployed",
            labelled(stopped(RunState::Created, 0, made("c2")), 2, "p", "production"),
            true,
        ),
    ] {
        let shop = of_shop(vec![gone(), other]);
        let told: Vec<_> = shop.stopped.iter().filter(|m| m.container.as_str() == "c1").collect();
        assert_eq!(told.is_empty(), covers, "{what}: {:?}", shop.stopped);
        assert!(shop.stopped.iter().all(|m| shop.endpoints.iter().all(|e| e.name != m.name)), "{what}");
    }
    // Each that is gone is told, by a name of its own; numbered ones have none that bears the bare name.
    for number in ["1", "2"] {
        let ended = |id: &str, environment: &str| {
            let mut one = labelled(stopped(RunState::Exited, 1, made(id)), 1, "p", environment);
            one.labels.insert("com.docker.compose.container-number".into(), number.into());
            one
        };
        let shop = of_shop(vec![ended("c1", "production"), ended("c2", "staging")]);
        let names: BTreeSet<&str> = shop.stopped.iter().map(|m| &*m.name).collect();
        assert_eq!(names.len(), 2, "{:?}", shop.stopped);
    }
}

#[test]
fn a_workload_that_is_being_deployed_is_not_missed() {
    let created = |id: &str, name: &str, at: u64| SeenContainer {
        created_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at)),
        labels: BTreeMap::from(
            [("com.docker.compose.project", "p"), ("com.docker.compose.service", "app")]
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        ),
        ..on("shop", id, name, "")
    };
    for (made_at, error, missed) in [
        (1000, "", false),
        (941, "", false),
        (940, "", true),
        (1001, "", true),
        (1000, "it does not start", true),
    ] {
        let old = stopped(RunState::Exited, 137, created("old", "p-app-1", 10));
        let new = stopped(RunState::Created, 0, created("new", "p-app-2", made_at));
        let new = SeenContainer { error: error.to_owned(), ..new };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let inventory = build(&seen(vec![network("shop")], vec![old, new]), &Selection::default(), now);
        assert_eq!(!inventory.destination("shop").unwrap().stopped.is_empty(), missed, "{made_at} {error}");
    }
}

#[test]
fn a_bridge_has_an_interface_on_the_host() {
    let id = "0123456789abcdef".to_owned();
    let named = |name: &str| BTreeMap::from([(BRIDGE_NAME.to_owned(), name.to_owned())]);
    for (driver, options, bridge) in [
        ("bridge", BTreeMap::new(), Some("br-0123456789ab")),
        ("bridge", named("docker7"), Some("docker7")),
        ("bridge", named(""), Some("br-0123456789ab")),
        ("overlay", named("docker7"), None),
    ] {
        let shop = SeenNetwork { id: id.clone(), driver: driver.into(), options, ..network("shop") };
        let inventory = built(&seen(vec![shop], vec![]));
        assert_eq!(inventory.destinations[0].bridge.as_deref(), bridge, "{driver}");
    }
}

#[test]
fn the_file_says_who_is_asked_and_the_network_who_knows_names() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    for (podman, servers, engine) in [
        (false, &["127.0.0.11"][..], Some("127.0.0.11")),
        (false, &["1.1.1.1", "127.0.0.11"], Some("127.0.0.11")),
        // Somebody overwrote the file: nobody who is asked knows containers by name.
        (false, &["1.1.1.1"], None),
        (false, &["10.0.1.1"], None),
        (true, &["1.1.1.1", "10.0.1.1"], Some("10.0.1.1")),
        (true, &["10.0.9.1"], None),
    ] {
        let mut web = on("shop", "c1", "web", "10.0.1.2");
        web.name_servers = servers.iter().map(|s| ip(s)).collect();
        let mut answer = seen(vec![network("shop")], vec![web]);
        answer.engine.podman = podman;
        let resolver = built(&answer).containers[&ContainerId::new("c1")].resolver.clone();
        assert_eq!(resolver.engine, engine.map(ip), "{podman} {servers:?}");
        assert_eq!(resolver.servers.len(), servers.len());
    }
}

#[test]
fn the_way_in_is_there_while_the_namespace_is() {
    for (state, pid, expected) in [
        (RunState::Running, 7, true),
        (RunState::Paused, 7, true),
        (RunState::Running, 0, false),
        (RunState::Exited, 0, false),
        (RunState::Exited, 7, false),
        (RunState::Restarting, 7, false),
        (RunState::Created, 0, false),
        (RunState::Other, 7, false),
    ] {
        let one = SeenContainer { state, pid, ..container("c1", "app") };
        let way = model(&one).way_in;
        assert_eq!(way.is_some(), expected, "{state:?} {pid}");
        if let Some(way) = way {
            assert_eq!(way.pid, Some(pid));
            assert_eq!(way.sandbox, Some(PathBuf::from("/var/run/docker/netns/c1")));
        }
    }
    let shares = SeenContainer { sandbox_key: String::new(), ..container("c1", "app") };
    assert_eq!(model(&shares).way_in, Some(WayIn { sandbox: None, pid: Some(100) }));
}

#[test]
fn an_odd_one_never_costs_the_rest() {
    let mut bad_address = on("shop", "c1", "odd", "10.0.0.0.1");
    bad_address.endpoints[0].aliases = (0..999).map(|n| format!("a{n}")).chain(["x".repeat(9999)]).collect();
    let mut bad_network = network("weird");
    bad_network.ipam[0].subnet = "everything".into();
    let long = SeenContainer { name: "é".repeat(9999), ..container("c3", "") };
    let answer = Seen {
        oddities: vec!["from below".into()],
        ..seen(
            vec![network("shop"), bad_network],
            vec![bad_address, container("", "nobody"), on("shop", "c2", "fine", "10.0.1.3"), long],
        )
    };
    let inventory = built(&answer);
    assert_eq!(names(&inventory), ["shop", "weird"]);
    let shop = inventory.destination("shop").unwrap();
    assert_eq!(shop.endpoint("odd").unwrap().addresses, Vec::<IpAddr>::new());
    assert_eq!(shop.endpoint("fine").unwrap().addresses.len(), 1);
    assert_eq!(inventory.oddities.len(), 5, "{:?}", inventory.oddities);
    assert!(inventory.containers[&ContainerId::new("c3")].name.len() <= 1024);
}

#[test]
fn the_order_of_the_answer_does_not_matter() {
    let port = |n| PublishedPort { host_ip: None, host_port: n, container_port: n, protocol: "tcp".into() };
    let mut containers = vec![
        on("shop", "c1", "a", "10.0.1.2"),
        on("shop", "c2", "a", "10.0.1.3"),
        on("blog", "c3", "b", "10.0.1.4"),
        SeenContainer { network_mode: "shop".into(), ..container("c4", "a") },
        stopped(RunState::Exited, 1, on("blog", "c5", "d", "")),
    ];
    containers[0].exposed_tcp = vec![80, 22, 80];
    containers[0].published = vec![port(2), port(1)];
    let mut answer = seen(vec![network("shop"), network("blog")], containers);
    let one = built(&answer);
    answer.containers.reverse();
    answer.networks.reverse();
    assert_eq!(built(&answer), one);
    assert_eq!(one.containers[&ContainerId::new("c1")].exposed_tcp, [22, 80]);
}
