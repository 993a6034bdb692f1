//! Hosts before and after they were moved, and files that somebody broke.

mod drift;
mod swarm;

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::model::{FORMAT, VERSION};
use super::*;
use crate::config::Selection;
use crate::inventory::build::build;
use crate::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet};
use crate::inventory::{EngineInfo, PublishedPort, RunState};

const THEN: Duration = Duration::from_secs(1_700_000_000);

fn network(name: &str, subnet: u8) -> SeenNetwork {
    SeenNetwork {
        id: format!("{subnet:02}").repeat(32),
        name: name.into(),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet {
            subnet: format!("10.0.{subnet}.0/24"),
            gateway: format!("10.0.{subnet}.1"),
            ..SeenSubnet::default()
        }],
        options: [("com.docker.network.driver.mtu".into(), "1450".into())].into(),
        labels: [("com.docker.compose.version".into(), "2.39".into())].into(),
        ..SeenNetwork::default()
    }
}

/// A container of Coolify's resource, as its deployment `times` has it.
fn app(resource: &str, times: u8, on: &str, subnet: u8, aliases: &[&str]) -> SeenContainer {
    let port = PublishedPort {
        host_ip: None,
        host_port: 8000 + u16::try_from(resource.len()).unwrap_or(0),
        container_port: 3000,
        protocol: "tcp".into(),
    };
    SeenContainer {
        id: format!("{times:02x}").repeat(31) + &format!("{:02x}", resource.len()),
        name: format!("{resource}-1732{times:04}"),
        image: format!("{resource}:1"),
        state: RunState::Running,
        pid: 100,
        sandbox_key: format!("/var/run/docker/netns/{resource}"),
        network_mode: on.into(),
        labels: [
            ("coolify.managed".to_owned(), "true".to_owned()),
            ("coolify.resourceName".to_owned(), resource.to_owned()),
            ("traefik.enable".to_owned(), "true".to_owned()),
            (format!("traefik.http.routers.{resource}.rule"), format!("Host(`{resource}.example.com`)")),
            (format!("traefik.http.routers.{resource}.entryPoints"), "https".to_owned()),
            (format!("traefik.http.routers.{resource}.tls"), "true".to_owned()),
            (format!("traefik.http.services.{resource}.loadbalancer.server.port"), "3000".to_owned()),
        ]
        .into(),
        published: vec![port.clone()],
        bindings: vec![port],
        endpoints: vec![SeenEndpoint {
            network: on.into(),
            network_id: format!("{subnet:02}").repeat(32),
            ipv4: format!("10.0.{subnet}.{}", 10 + times),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            ..SeenEndpoint::default()
        }],
        ..SeenContainer::default()
    }
}

fn proxy(on: &[(&str, u8)]) -> SeenContainer {
    let endpoint = |(network, subnet): &(&str, u8)| SeenEndpoint {
        network: (*network).to_owned(),
        network_id: format!("{subnet:02}").repeat(32),
        ipv4: format!("10.0.{subnet}.2"),
        ..SeenEndpoint::default()
    };
    SeenContainer {
        id: "f".repeat(64),
        name: "coolify-proxy".into(),
        image: "traefik:v3.6".into(),
        state: RunState::Running,
        has_engine_socket: true,
        labels: [("coolify.proxy".to_owned(), "true".to_owned())].into(),
        command: ["--entrypoints.http.address=:80", "--entrypoints.https.address=:443", "--providers.docker"]
            .map(str::to_owned)
            .to_vec(),
        endpoints: on.iter().map(endpoint).collect(),
        network_mode: on.first().map(|(name, _)| (*name).to_owned()).unwrap_or_default(),
        ..SeenContainer::default()
    }
}

fn taken(networks: Vec<SeenNetwork>, containers: Vec<SeenContainer>) -> Baseline {
    let engine = EngineInfo { version: "26.1.5".into(), ..EngineInfo::default() };
    let seen = Seen { engine, networks, containers, ..Seen::default() };
    take(&seen, &build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH + THEN))
}

/// The shop as it was, with its database, and as it is: the same is deployed to another host.
fn before() -> Baseline {
    taken(
        vec![network("shop", 1)],
        vec![
            app("web", 1, "shop", 1, &["web"]),
            app("db", 1, "shop", 1, &["db", "database"]),
            proxy(&[("shop", 1)]),
        ],
    )
}

fn told(old: &Baseline, new: &Baseline) -> Vec<String> {
    let differences = compare(old, new);
    let matters = differences.differences.iter().filter(|one| !one.expected);
    matters
        .map(|one| format!("{:?} {:?} {}: {} → {}", one.kind, one.change, one.subject, one.before, one.after))
        .collect()
}

#[test]
fn a_snapshot_has_what_a_move_may_lose() {
    let before = before();
    let text = serde_json::to_value(&before).expect("JSON");
    assert_eq!((&text["format"], &text["version"]), (&FORMAT.into(), &VERSION.into()));
    assert_eq!(text["taken_at"], "2023-11-14T22:13:20Z");
    let network = &text["networks"][0];
    assert_eq!((&network["name"], &network["driver"]), (&"shop".into(), &"bridge".into()));
    assert_eq!(network["options"]["com.docker.network.driver.mtu"], "1450");
    assert_eq!(network["subnets"][0]["subnet"], "10.0.1.0/24");
    let workloads = network["workloads"].as_array().expect("a list");
    let names: Vec<_> = workloads.iter().map(|of| of["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["coolify-proxy", "db", "web"]);
    // The container's own name is another one after each deployment.
    assert_eq!(workloads[1]["names"], serde_json::json!(["database", "db"]));
    assert_eq!(text["proxies"][0]["networks"], serde_json::json!(["shop"]));
    assert_eq!(text["routes"][0]["domain"], "db.example.com");
    assert_eq!(
        (&text["routes"][1]["servers"][0]["port"], &text["routes"][1]["schemes"][0]),
        (&3000.into(), &"https".into())
    );
    assert_eq!(text["published"][1]["host_port"], 8003);
    assert_eq!(read(&text.to_string()).expect("read again"), before);
}

#[test]
fn what_a_move_brings_with_it_is_no_difference_that_matters() {
    let after = taken(
        vec![network("shop", 7)],
        vec![
            proxy(&[("shop", 7)]),
            app("db", 2, "shop", 7, &["database", "db"]),
            app("web", 3, "shop", 7, &["web"]),
        ],
    );
    assert_eq!(told(&before(), &after), [""; 0]);
    let expected = compare(&before(), &after);
    for subject in ["subnet", "gateway", "id of the network", "address of db", "container of web"] {
        assert!(expected.differences.iter().any(|one| one.subject == subject), "{subject}: {expected:#?}");
    }
    let page = text(&before(), &after, &expected, false);
    assert!(page.starts_with("Nothing that matters is different since 2023-11-14T22:13:20Z"), "{page}");
    assert!(!page.contains("10.0.7."), "{page}");
    assert!(text(&before(), &after, &expected, true).contains("was 10.0.1.0/24, is 10.0.7.0/24  (expected)"));
}

#[test]
fn what_was_lost_is_told_and_nothing_else() {
    let shop = || vec![network("shop", 1)];
    let web = || app("web", 1, "shop", 1, &["web"]);
    let db = || app("db", 1, "shop", 1, &["db", "database"]);
    let traefik = || proxy(&[("shop", 1)]);
    let (another_port, mut stopped) = (PublishedPort { host_port: 9, ..web().published[0].clone() }, db());
    stopped.state = RunState::Exited;
    stopped.exit_code = Some(137);
    stopped.restart_policy = "unless-stopped".into();
    stopped.endpoints[0].ipv4.clear();
    stopped.published.clear();
    let mut narrow = network("shop", 1);
    narrow.options.clear();
    let mut moved = app("web", 1, "shop", 1, &["web"]);
    moved.labels.insert("traefik.http.services.web.loadbalancer.server.port".into(), "8080".into());
    for (what, networks, containers, expected) in [
        (
            "an alias",
            shop(),
            vec![web(), app("db", 2, "shop", 1, &["db"]), traefik()],
            vec!["Name Gone database: db → "],
        ),
        (
            "a name that leads to somebody else",
            shop(),
            vec![app("web", 1, "shop", 1, &["web", "database"]), app("db", 1, "shop", 1, &["db"]), traefik()],
            vec!["Name Changed database: db → web"],
        ),
        (
            "the way of the proxy",
            shop(),
            vec![web(), db(), proxy(&[])],
            vec!["Proxy Gone coolify-proxy: on shop → "],
        ),
        (
            "an option",
            vec![narrow],
            vec![web(), db(), traefik()],
            vec!["Network Gone option com.docker.network.driver.mtu: 1450 → "],
        ),
        (
            "a route's port",
            shop(),
            vec![moved, db(), traefik()],
            vec![
                "Route Changed web.example.com: https by web port 3000 on shop → https by web port 8080 on shop",
            ],
        ),
        (
            "a published port",
            shop(),
            vec![
                SeenContainer {
                    published: vec![another_port.clone()],
                    bindings: vec![another_port],
                    ..web()
                },
                db(),
                traefik(),
            ],
            vec!["Port Gone 8003/tcp: web port 3000 → ", "Port New 9/tcp:  → web port 3000"],
        ),
        // Its names are gone with it.
        (
            "a workload",
            shop(),
            vec![web(), traefik()],
            vec![
                "Workload Gone db: runs → ",
                "Port Gone 8002/tcp: db port 3000 → ",
                "Route Gone db.example.com: https by db port 3000 on shop → ",
            ],
        ),
        // Its names and its port are its own, for when it runs again.
        (
            "that it runs",
            shop(),
            vec![web(), stopped, traefik()],
            vec!["Workload Changed db: runs → does not run"],
        ),
    ] {
        let mut expected: Vec<&str> = expected;
        let mut found = told(&before(), &taken(networks, containers));
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn a_network_that_is_gone_is_told_once_and_its_sites_with_it() {
    let found = told(&before(), &taken(Vec::new(), Vec::new()));
    let of = |word: &str| found.iter().filter(|one| one.starts_with(word)).count();
    assert_eq!(
        (of("Network Gone shop"), of("Workload"), of("Name"), of("Route Gone")),
        (1, 0, 0, 2),
        "{found:#?}"
    );
    let back = told(&taken(Vec::new(), Vec::new()), &before());
    assert_eq!(back.len(), found.len(), "{back:#?}");
}

#[test]
fn who_has_an_address_of_his_own_depends_on_the_subnet() {
    let fixed = |subnet: u8| {
        let mut db = app("db", 1, "shop", subnet, &["db"]);
        db.endpoints[0].is_fixed = true;
        taken(vec![network("shop", subnet)], vec![db])
    };
    let found = told(&fixed(1), &fixed(7));
    assert!(found.contains(&"Subnet Changed subnet: 10.0.1.0/24 → 10.0.7.0/24".to_owned()), "{found:#?}");
    assert!(
        found.contains(&"Workload Changed fixed address of db: 10.0.1.11 → 10.0.7.11".to_owned()),
        "{found:#?}"
    );
    // Also of one that does not run just now: it will not start later.
    let resting = |subnet: u8| {
        let mut db = app("db", 1, "shop", subnet, &["db"]);
        (db.state, db.exit_code, db.restart_policy) = (RunState::Exited, Some(137), "unless-stopped".into());
        db.endpoints[0].is_fixed = true;
        db.endpoints[0].ipv4.clear();
        taken(vec![network("shop", subnet)], vec![db])
    };
    assert_eq!(told(&resting(1), &resting(7)), ["Subnet Changed subnet: 10.0.1.0/24 → 10.0.7.0/24"]);
}

#[test]
fn a_broken_file_says_what_is_wrong_with_it() {
    let whole = serde_json::to_string_pretty(&before()).expect("JSON");
    let cut = whole.split_at(whole.len() / 2).0;
    let newer = whole.replace("\"version\": 1", "\"version\": 2");
    let older = whole.replace("\"version\": 1", "\"version\": 0");
    let mut doubled = before();
    doubled.proxies.extend(doubled.proxies.clone());
    let twice = serde_json::to_string(&doubled).expect("JSON");
    let long = whole.replace("\"26.1.5\"", &format!("\"{}\"", "x".repeat(1 << 20)));
    let by_hand = whole.replace("\"10.0.1.0/24\"", "\"10.0.1.0/99\"");
    let unsaid = whole.replace("\"version\": 1,", "");
    let endless = whole.replacen("\"stopped\": 0", "\"stopped\": 18446744073709551615", 1);
    let more = whole.replacen("\"running\": 1", "\"running\": 20001", 1);
    let versions = ["\"1\"", "1.0", "1e30", "-1", "[1]", "null"]
        .map(|version| whole.replace("\"version\": 1", &format!("\"version\": {version}")));
    let deep = "[".repeat(100_000);
    for (text, told) in [
        (&*versions[0], "the snapshot's field \"version\" is the text `1`; it is a whole number"),
        (&versions[1], "\"version\" is 1.0; it is a whole number, and this version reads 1"),
        (&versions[2], "\"version\" is 1e30; it is"),
        (&versions[3], "\"version\" is -1; it is"),
        (&versions[4], "\"version\" is a list; it is"),
        (&versions[5], "does not say of which version"),
        (&deep, "recursion limit"),
        ("", "the file is empty"),
        ("\u{feff} \n", "the file is empty"),
        (cut, "it is cut off: the file ends at line"),
        ("{}", "this is no snapshot of destination-exporter"),
        ("[1, 2]", "this is no snapshot of destination-exporter"),
        ("[1, ", "it is cut off: the file ends at line"),
        ("{\"format\": \"another\"}", "this is no snapshot"),
        (&newer, "the snapshot is of format 2, and this version reads 1"),
        (&older, "there is no format 0"),
        (&twice, "two proxies are called `coolify-proxy`"),
        (&long, "a text of more than 1024 bytes"),
        (&unsaid, "does not say of which version"),
        (&by_hand, "invalid"),
        (&endless, "the workload `coolify-proxy` on the network `shop` has more than 20000 containers"),
        (&more, "has more than 20000 containers: none has"),
        ("\u{1b}[31mred", "it is not as a snapshot is written: expected value at line 1"),
    ] {
        let error = read(text).expect_err(told);
        assert!(error.contains(told), "{error}");
        assert!(!error.contains('\u{1b}') && error.len() < 2000, "{error:?}");
    }
    assert_eq!(read(&format!("\u{feff}{whole}")), Ok(before()), "as editors of another system write it");
}

#[test]
fn a_field_that_is_not_known_is_not_read_and_that_is_said() {
    let whole = serde_json::to_string_pretty(&before()).expect("JSON");
    let misspelt = whole.replacen("\"host_port\"", "\"host_prt\"", 1);
    // As a later version may write it, and as nobody does.
    let later = misspelt.replacen('{', "{\"later\": [[{\"a\": 1}], {\"b\": {}}],\"\\u001b\": 0,", 1);
    let read = read(&later).expect("it is one all the same");
    assert_eq!(
        read.unread,
        ["later", "\\u{1b}", "published.host_prt"]
            .map(|field| format!("the snapshot's field {field}, which this version does not know"))
    );
    // Under options and labels anything may be called anything.
    assert_eq!(super::read(&whole), Ok(before()));
}

#[test]
fn every_field_that_is_written_is_known() {
    fn fields(value: &serde_json::Value, form: walk::Form, at: &str) {
        match (value, form) {
            (serde_json::Value::Array(list), _) => list.iter().for_each(|one| fields(one, form, at)),
            (serde_json::Value::Object(table), walk::Form::Table(known)) => {
                let written: Vec<&str> = table.keys().map(|name| &**name).collect();
                let mut names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                names.sort_unstable();
                assert_eq!(written, names, "{at}");
                for (name, form) in known {
                    fields(&table[*name], *form, name);
                }
            }
            (_, walk::Form::Any) => {}
            (other, walk::Form::Table(_)) => panic!("{at}: {other}"),
        }
    }
    let mut full = before();
    let (net, ip) = ("10.0.0.0/8".parse().ok(), "10.0.0.1".parse().ok());
    full.networks[0].subnets[0].range = net;
    full.networks[0].subnets[0].gateway = ip;
    full.published.truncate(1);
    full.published[0].host_ip = ip;
    for route in &mut full.routes {
        route.of_services = true;
    }
    full.swarm = Some(Node { tasks: Vec::new(), knows_services: true });
    let mut value = serde_json::to_value(&full).expect("JSON");
    value["networks"][0]["options"] = serde_json::json!({});
    fields(&value, walk::FILE, "the file");
    let text = serde_json::to_string(&full).expect("JSON");
    assert_eq!(walk::walk(&text).expect("JSON").unknown, [""; 0]);
}

#[test]
fn what_the_engine_chooses_anew_at_each_start_is_no_difference() {
    let shop = |subnet: u8, containers: Vec<SeenContainer>| taken(vec![network("shop", subnet)], containers);
    // A port that nobody chose.
    let any_port = |host_port: u16| {
        let mut web = app("web", 1, "shop", 1, &["web"]);
        web.published[0].host_port = host_port;
        web.bindings[0].host_port = 0;
        shop(1, vec![web])
    };
    assert_eq!(told(&any_port(32_768), &any_port(32_771)), [""; 0]);
    // Which of two resources of one name was deployed last.
    let of = |environment: &str, times: u8, made: u64| {
        let mut api = app("api", times, "shop", 1, &[environment]);
        api.id = format!("{times:02x}").repeat(32);
        api.labels.insert("coolify.projectName".into(), "shop".into());
        api.labels.insert("coolify.environmentName".into(), environment.into());
        api.labels.retain(|name, _| !name.starts_with("traefik"));
        api.created_at = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(made));
        (api.published, api.bindings) = (Vec::new(), Vec::new());
        api
    };
    let before = shop(1, vec![of("production", 1, 10), of("staging", 2, 20)]);
    let after = shop(1, vec![of("production", 3, 30), of("staging", 2, 20)]);
    assert_eq!(told(&before, &after), [""; 0]);
    // Names that could not be read.
    let mut unread = app("web", 1, "shop", 1, &[]);
    unread.endpoints[0].names_unknown = true;
    unread.endpoints[0].has_more_names = true;
    let read = app("web", 1, "shop", 1, &["web", "frontend"]);
    assert_eq!(told(&shop(1, vec![read]), &shop(1, vec![unread])), [""; 0]);
    // The number of an overlay.
    let numbered = |number: &str| {
        let mut overlay = network("shop", 1);
        overlay.options.insert("com.docker.network.driver.overlay.vxlanid_list".into(), number.into());
        taken(vec![overlay], vec![app("web", 1, "shop", 1, &["web"])])
    };
    assert_eq!(told(&numbered("4097"), &numbered("4098")), [""; 0]);
}

#[test]
fn a_family_of_addresses_that_is_gone_matters() {
    let with = |more: bool| {
        let mut shop = network("shop", 1);
        if more {
            shop.ipam.push(SeenSubnet { subnet: "fd00:1::/64".into(), ..SeenSubnet::default() });
        }
        taken(vec![shop], vec![app("web", 1, "shop", 1, &["web"])])
    };
    assert_eq!(
        told(&with(true), &with(false)),
        ["Subnet Changed subnet: 10.0.1.0/24, fd00:1::/64 → 10.0.1.0/24"]
    );
}

#[test]
fn names_that_steer_a_terminal_are_shown_and_do_nothing() {
    let evil = "a\u{1b}[2J\nhost";
    let after = taken(vec![network("shop", 1)], vec![app(evil, 1, "shop", 1, &[evil])]);
    let differences = compare(&before(), &after);
    let page = text(&before(), &after, &differences, true);
    assert!(!page.contains('\u{1b}') && !page.contains("\nhost:"), "{page}");
}

/// The first of each name.
fn unique<T>(all: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let mut known = std::collections::BTreeSet::new();
    all.into_iter().filter(|one| known.insert(name(one))).collect()
}

fn any_baseline() -> impl Strategy<Value = Baseline> {
    let name = || "[a-c]{1,2}";
    let place = |name: &str| -> Subnet {
        let last = name.len();
        Subnet { subnet: format!("10.0.{last}.0/24").parse().expect("a range"), range: None, gateway: None }
    };
    let workload =
        (name(), proptest::collection::vec(name(), 0..3), 0usize..3, 0usize..2, any::<(bool, bool)>())
            .prop_map(|(name, mut names, running, stopped, (is_fixed, has_more_names))| {
                names.sort();
                names.dedup();
                let addresses =
                    (0..running).map(|at| [10, 0, 1, u8::try_from(at).unwrap_or(0)].into()).collect();
                Workload {
                    containers: vec![format!("{name}-1")],
                    name,
                    running,
                    stopped,
                    detached: 0,
                    names,
                    has_more_names,
                    is_fixed,
                    addresses,
                }
            });
    let network = (name(), proptest::collection::vec(workload, 0..4), any::<bool>(), name()).prop_map(
        move |(name, workloads, internal, more)| Network {
            display_name: more.clone(),
            id: more.clone(),
            driver: "bridge".into(),
            scope: if internal { "swarm" } else { "local" }.into(),
            internal,
            options: [(more.clone(), String::new())].into(),
            labels: [(name.clone(), more.clone())].into(),
            subnets: vec![place(&more)],
            workloads: unique(workloads, |of| of.name.clone()),
            name,
        },
    );
    let route = (
        name(),
        proptest::collection::vec((name(), proptest::option::of(1u16..4)), 0..3),
        proptest::option::of(name()),
        any::<bool>(),
    )
        .prop_map(|(domain, servers, destination, of_services)| Route {
            domain,
            path: "/".into(),
            destination,
            servers: servers.into_iter().map(|(workload, port)| Server { workload, port }).collect(),
            schemes: vec!["http".into()],
            of_services,
        });
    let proxy = (name(), proptest::collection::vec(name(), 0..3)).prop_map(|(name, networks)| Proxy {
        name,
        kind: None,
        networks,
    });
    let port = (proptest::option::of(1u16..4), name()).prop_map(|(host_port, workload)| Published {
        host_ip: None,
        host_port,
        protocol: "tcp".into(),
        workload,
        container_port: 1,
    });
    (
        proptest::collection::vec(network, 0..3),
        proptest::collection::vec(route, 0..3),
        proptest::collection::vec(proxy, 0..3),
        proptest::collection::vec(port, 0..3),
        proptest::option::of((proptest::collection::vec(name(), 0..4), any::<bool>())),
    )
        .prop_map(|(networks, routes, proxies, published, tasks)| Baseline {
            format: FORMAT.into(),
            version: VERSION,
            taken_at: String::new(),
            engine: String::new(),
            networks: unique(networks, |of| of.name.clone()),
            proxies: unique(proxies, |of| of.name.clone()),
            routes,
            published,
            swarm: tasks.map(|(tasks, knows_services)| Node { tasks, knows_services }),
            unread: Vec::new(),
        })
}

proptest! {
    #[test]
    fn nothing_differs_from_itself_and_what_is_written_is_read(one in any_baseline()) {
        prop_assert_eq!(compare(&one, &one), Comparison::default());
        let written = serde_json::to_string(&one).expect("JSON");
        prop_assert_eq!(read(&written).expect("read"), one);
    }

    #[test]
    fn no_number_is_too_large_to_be_compared(one in any_baseline(), counts in any::<[usize; 3]>()) {
        let mut wild = one.clone();
        for of in wild.networks.iter_mut().flat_map(|network| &mut network.workloads) {
            [of.running, of.stopped, of.detached] = counts;
        }
        for (old, new) in [(&one, &wild), (&wild, &one)] {
            let found = compare(old, new);
            drop(text(old, new, &found, true));
        }
        let written = serde_json::to_string(&wild).expect("JSON");
        let is_read = wild.networks.iter().all(|network| network.workloads.is_empty())
            || counts.iter().all(|count| *count <= 20_000);
        prop_assert_eq!(read(&written).is_ok(), is_read);
    }

    #[test]
    fn what_is_gone_one_way_is_new_the_other(a in any_baseline(), b in any_baseline()) {
        // Whether a subnet matters is said by those who were on it.
        let mirrors = |one: &Difference| !matches!(one.kind, Kind::Proxy | Kind::Subnet);
        let mirrored = |all: Vec<Difference>| -> Vec<Difference> {
            let turned = all.into_iter().map(|one| Difference {
                change: match one.change {
                    Change::Gone => Change::New,
                    Change::New => Change::Gone,
                    Change::Changed => Change::Changed,
                },
                before: one.after,
                after: one.before,
                ..one
            });
            // A proxy's place on a network that is gone is told with the network, and its place on a new one is told.
            let mut all: Vec<Difference> = turned.filter(mirrors).collect();
            all.sort();
            all
        };
        let there: Vec<Difference> =
            compare(&a, &b).differences.into_iter().filter(mirrors).collect();
        prop_assert_eq!(there, mirrored(compare(&b, &a).differences));
    }

    #[test]
    fn a_file_that_somebody_changed_is_read_or_refused(one in any_baseline(), at in any::<prop::sample::Index>(), other in "\\PC") {
        let mut text: Vec<char> = serde_json::to_string(&one).expect("JSON").chars().collect();
        let at = at.index(text.len());
        text.splice(at..=at, other.chars());
        match read(&text.into_iter().collect::<String>()) {
            Ok(changed) => drop(compare(&one, &changed)),
            Err(why) => prop_assert!(why.len() < 2000 && !why.chars().any(char::is_control), "{}", why),
        }
    }
}
