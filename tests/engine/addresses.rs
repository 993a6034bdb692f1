//! Addresses as an Engine of API 1.52 counts them: each network is asked about on its own, no more often than there is
//! something to learn, and whatever becomes of one question costs that network's count alone.
//!
//! None of Debian's Engines is so new. What this one says is what moby's source says.

use std::time::{Duration, SystemTime};

use destination_exporter::config::Selection;
use destination_exporter::docker::Engine;
use destination_exporter::inventory::{Inventory, build};
use serde_json::{Value, json};

use super::answers::settings;
use super::exporter::{Exporter, NO_PROBES, PATIENT};
use super::fake::{Fake, Fault};
use super::things::{container, event, network, network_id, version_29};

/// With the networks `shop`, of three containers, and `blog`, of none; it counts more of both than is seen.
async fn counting() -> (Fake, Engine) {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        world.version = version_29();
        world.networks.push(network("blog", 2));
        world.counts.insert(network_id("shop"), counts(1, 9));
        world.counts.insert(network_id("blog"), counts(2, 4));
    }
    let engine = Engine::new(&settings(&fake, Duration::from_secs(2)));
    (fake, engine)
}

/// Of a /24, whose network and broadcast address are among those in use.
fn counts(third: u8, in_use: u64) -> Value {
    let (subnet, available) = (format!("10.213.{third}.0/24"), 256 - in_use);
    json!({subnet: {"IPsInUse": in_use, "DynamicIPsAvailable": available}})
}

fn path(name: &str) -> String {
    format!("/networks/{}", network_id(name))
}

async fn listed(engine: &Engine) -> Inventory {
    let seen = engine.list(None, false).await.expect("a listing");
    assert!(seen.oddities.is_empty(), "{:?}", seen.oddities);
    build::build(&seen, &Selection::default(), SystemTime::now())
}

fn used(inventory: &Inventory, name: &str) -> u64 {
    inventory.destination(name).expect("a destination").subnets[0].used
}

fn failures(engine: &Engine) -> Vec<(&'static str, &'static str)> {
    engine.requests().iter().filter_map(|request| Some((request.endpoint, request.failure?))).collect()
}

#[tokio::test]
async fn the_engines_count_is_what_is_told() {
    let (_fake, engine) = counting().await;
    let inventory = listed(&engine).await;
    assert_eq!((used(&inventory, "shop"), used(&inventory, "blog")), (7, 2));
    assert_eq!(inventory.destination("shop").unwrap().subnets[0].capacity, 254);
    assert_eq!(engine.requests().iter().filter(|request| request.endpoint == "network").count(), 2);
}

#[tokio::test]
async fn it_is_asked_for_when_it_changed_and_else_seldom() {
    let (fake, engine) = counting().await;
    let asked = || (fake.asked(&path("shop")), fake.asked(&path("blog")));
    for _ in 0..3 {
        assert_eq!(used(&listed(&engine).await, "shop"), 7);
    }
    assert_eq!(asked(), (1, 1));
    {
        let mut world = fake.world();
        world.containers.push(container("dd", "new", "shop", "10.213.1.5"));
        world.counts.insert(network_id("shop"), counts(1, 10));
    }
    assert_eq!(used(&listed(&engine).await, "shop"), 8);
    assert_eq!(asked(), (2, 1), "nothing happened on the other one");
    fake.world().counts.insert(network_id("shop"), counts(1, 256));
    for (later, expected, times) in [(55, 8, (2, 1)), (6, 254, (3, 2))] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(later)).await;
        tokio::time::resume();
        assert_eq!(used(&listed(&engine).await, "shop"), expected);
        assert_eq!(asked(), times);
    }
    engine.may_be_another();
    listed(&engine).await;
    assert_eq!(asked(), (4, 3));
}

#[tokio::test]
async fn who_does_not_count_is_not_asked() {
    for (api, expected) in
        [("1.51", 0), ("1.41", 0), ("1.5", 0), ("", 0), ("two", 0), ("1.52", 1), ("1.100", 1), ("2.0", 1)]
    {
        let (fake, engine) = counting().await;
        fake.world().version["ApiVersion"] = json!(api);
        let by_endpoints = if api == "1.52" || api == "1.100" { 7 } else { 4 };
        assert_eq!(used(&listed(&engine).await, "shop"), by_endpoints, "{api:?}");
        assert_eq!(fake.asked(&path("shop")), expected, "{api:?}");
    }
}

#[tokio::test]
async fn only_networks_that_can_be_destinations_are_asked_about_and_only_by_what_can_be_an_id() {
    let (fake, engine) = counting().await;
    {
        let mut world = fake.world();
        for (name, key, value) in [
            ("ingress", "Ingress", json!(true)),
            ("host", "Driver", json!("host")),
            ("lan", "Driver", json!("macvlan")),
            ("bare", "IPAM", json!({"Driver": "null", "Config": []})),
            ("up", "Id", json!("../containers/json")),
            ("odd", "Id", json!("a?b")),
            ("short", "Id", json!("a")),
        ] {
            let mut network = network(name, 9);
            network[key] = value;
            world.networks.push(network);
        }
    }
    listed(&engine).await;
    let own = ["/version", "/networks", "/info", "/containers/json"].map(|path| fake.asked(path));
    assert_eq!(own, [1; 4]);
    assert_eq!(fake.asked_in_all(), 4 + 3 + 2, "and three containers, and two networks");
}

/// In a Swarm the whole id would tell of this node alone.
#[tokio::test]
async fn of_a_network_of_the_swarm_the_managers_are_asked() {
    let (fake, engine) = counting().await;
    let mut overlay = network("over", 3);
    let id = "s1v2aevdmrlzkbcsm0l2u4hx8";
    overlay["Id"] = json!(id);
    overlay["Driver"] = json!("overlay");
    overlay["Scope"] = json!("swarm");
    {
        let mut world = fake.world();
        world.networks.push(overlay);
        world.counts.insert(id.to_owned(), counts(3, 4));
        world.counts.insert(id[..24].to_owned(), counts(3, 200));
    }
    assert_eq!(used(&listed(&engine).await, "over"), 198);
}

#[tokio::test]
async fn where_it_cannot_be_had_that_network_is_counted_from_its_endpoints() {
    let word = |word: &str| Fault::Says(200, word.replace("ID", &network_id("shop")));
    let subnets = |of: &str| word(&format!(r#"{{"Id": "ID", "Status": {{"IPAM": {{"Subnets": {of}}}}}}}"#));
    for (fault, failure) in [
        (Fault::Says(403, "Forbidden".into()), Some("forbidden")),
        (Fault::Says(500, json!({"message": "no leader"}).to_string()), Some("server_error")),
        (word("<html>login</html>"), Some("bad_answer")),
        (word("[]"), Some("bad_answer")),
        (word("{}"), Some("bad_answer")),
        (subnets(r#"{"10.213.1.0/24": {"IPsInUse": -1, "DynamicIPsAvailable": 9}}"#), Some("bad_answer")),
        (
            subnets(r#"{"10.213.1.0/24": {"IPsInUse": 18446744073709551616, "DynamicIPsAvailable": 9}}"#),
            Some("bad_answer"),
        ),
        (subnets(r#"{"10.213.1.0/24": {"IPsInUse": 9}}"#), Some("bad_answer")),
        (word(r#"{"Id": "of another", "Status": null}"#), Some("bad_answer")),
        (Fault::HalfThenCut, Some("connection")),
        (Fault::HalfThenSilence, Some("timeout")),
        (Fault::Silence, Some("timeout")),
        (Fault::Endless(r#"{"Containers": {"a": ""#, "a"), Some("too_large")),
        // These are answers.
        (Fault::Says(404, json!({"message": "network shop not found"}).to_string()), None),
        (word(r#"{"Id": "ID"}"#), None),
        (word(r#"{"Id": "ID", "Status": null}"#), None),
        (word(r#"{"Id": "ID", "Status": {"IPAM": {}}}"#), None),
        (subnets("{}"), None),
        (
            subnets(
                r#"{"10.213.7.0/24": {"IPsInUse": 9, "DynamicIPsAvailable": 247}, "all": {"IPsInUse": 9, "DynamicIPsAvailable": 9}}"#,
            ),
            None,
        ),
    ] {
        let (fake, engine) = counting().await;
        fake.fail(&path("shop"), fault.clone());
        for _ in 0..2 {
            let inventory = listed(&engine).await;
            assert_eq!((used(&inventory, "shop"), used(&inventory, "blog")), (4, 2), "{fault:?}");
        }
        assert_eq!(fake.asked(&path("shop")), 1, "not all the time: {fault:?}");
        let expected: Vec<_> = failure.map(|reason| ("network", reason)).into_iter().collect();
        assert_eq!(failures(&engine), expected, "{fault:?}");
    }
}

/// What was told of the same addresses holds where it cannot be asked for anew; of others it does not.
#[tokio::test]
async fn what_was_told_before_is_not_forgotten_for_one_failure() {
    let (fake, engine) = counting().await;
    assert_eq!(used(&listed(&engine).await, "shop"), 7);
    fake.fail(&path("shop"), Fault::Says(500, String::new()));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    assert_eq!(used(&listed(&engine).await, "shop"), 7);
    assert_eq!(failures(&engine), [("network", "server_error")]);
    fake.world().containers.pop();
    assert_eq!(used(&listed(&engine).await, "shop"), 3);
}

#[tokio::test]
async fn a_count_that_cannot_be_is_told_and_not_used() {
    let (fake, engine) = counting().await;
    fake.world()
        .counts
        .insert(network_id("shop"), json!({"10.213.1.0/24": {"IPsInUse": 300, "DynamicIPsAvailable": 0}}));
    let inventory = listed(&engine).await;
    assert_eq!((used(&inventory, "shop"), used(&inventory, "blog")), (4, 2));
    let told: Vec<&str> = inventory.oddities.iter().map(|oddity| &**oddity).collect();
    let words = "network \"shop\": subnet 10.213.1.0/24: 300 addresses in use and 0 available cannot be";
    assert_eq!(told, [words]);
}

/// Three hundred that do not answer, a dozen at once, would take twelve seconds: they delay a listing by its deadline at most.
#[tokio::test]
async fn networks_that_hang_do_not_hold_up_a_listing_for_longer_than_it_may_take() {
    let (fake, _) = counting().await;
    let names: Vec<String> = (0..300).map(|n| format!("net{n}")).collect();
    fake.world().networks.extend(names.iter().map(|name| network(name, 3)));
    for name in &names {
        fake.fail(&path(name), Fault::Silence);
    }
    let engine = Engine::new(&settings(&fake, Duration::from_millis(500)));
    let began = std::time::Instant::now();
    let inventory = listed(&engine).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(inventory.destinations.len(), 302);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_network_is_found_that_has_few_containers() {
    let (fake, _) = counting().await;
    let exporter = Exporter::start(&fake, &format!("{PATIENT}{NO_PROBES}")).await;
    let used = ["destination_addresses_used{", "destination=\"shop\""];
    exporter.until("the Engine's count", |page| page.get(&used) == Some(7.0)).await;
    {
        let mut world = fake.world();
        world.containers.push(container("dd", "last", "shop", "10.213.1.5"));
        world.counts.insert(network_id("shop"), counts(1, 256));
    }
    fake.say(event("network", "connect", &network_id("shop")));
    let full = ["destination_finding{", "code=\"network-addresses-exhausted\"", "destination=\"shop\""];
    let page = exporter.until("it is full", |page| page.has(&full)).await;
    assert_eq!(page.get(&used), Some(254.0));
    assert_eq!(page.get(&["destination_addresses_capacity{", "destination=\"shop\""]), Some(254.0));
}
