//! Endpoints of nobody. No Engine could be made to leave one when it is wanted: what this one says is what moby's source
//! says (`daemon/network.go`, `buildContainerAttachments`).

use std::time::{Duration, SystemTime};

use destination_exporter::config::Selection;
use destination_exporter::docker::Engine;
use destination_exporter::inventory::build;
use serde_json::json;

use super::answers::settings;
use super::fake::{Fake, Fault};
use super::things::{id, network_id};

/// As an Engine lists it, of a container (or of nobody: `ep-…`).
fn attach(fake: &Fake, key: &str, name: &str) {
    let endpoint = json!({
        "Name": name, "EndpointID": id("ee"), "MacAddress": "02:42:0a:d5:01:4d", "IPv4Address": "10.213.1.77/24",
        "IPv6Address": "",
    });
    fake.world().networks[0]["Containers"][key] = endpoint;
}

async fn ghosts(engine: &Engine) -> Vec<String> {
    let seen = engine.list(None, false).await.expect("a listing");
    let inventory = build::build(&seen, &Selection::default(), SystemTime::now());
    let shop = inventory.destination("shop").expect("a destination");
    shop.ghosts.iter().map(|ghost| format!("{} {}", ghost.name, ghost.address)).collect()
}

async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

fn path() -> String {
    format!("/networks/{}", network_id("shop"))
}

#[tokio::test]
async fn what_nobody_stands_behind_is_told_when_it_is_there_twice() {
    let fake = Fake::start().await;
    attach(&fake, &id("aa"), "api");
    attach(&fake, &format!("ep-{}", id("e1")), "old-api");
    let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
    assert_eq!(ghosts(&engine).await, [""; 0]);
    assert_eq!(fake.asked(&path()), 0, "seldom");
    later(181).await;
    assert_eq!(ghosts(&engine).await, [""; 0], "once");
    assert_eq!(fake.asked(&path()), 1);
    later(30).await;
    assert_eq!(ghosts(&engine).await, [""; 0]);
    assert_eq!(fake.asked(&path()), 1);
    later(31).await;
    assert_eq!(ghosts(&engine).await, ["old-api 10.213.1.77"]);
    // What cannot be seen is as it was.
    fake.fail(&path(), Fault::Says(500, json!({"message": "busy"}).to_string()));
    later(11).await;
    assert_eq!(ghosts(&engine).await, ["old-api 10.213.1.77"]);
    fake.heal();
    fake.world().networks[0]["Containers"] = json!({});
    later(181).await;
    assert_eq!(ghosts(&engine).await, [""; 0]);
}

#[tokio::test]
async fn a_container_on_its_way_and_the_engines_plumbing_are_no_ghosts() {
    let fake = Fake::start().await;
    let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
    attach(&fake, "ingress-sbox", "gateway_ingress-sbox");
    attach(&fake, "lb-shop", "shop-endpoint");
    attach(&fake, &id("dd"), "new");
    ghosts(&engine).await;
    later(181).await;
    ghosts(&engine).await;
    fake.world().networks[0]["Containers"].as_object_mut().expect("a map").remove(&id("dd"));
    later(61).await;
    assert_eq!(ghosts(&engine).await, [""; 0]);
    attach(&fake, &id("ff"), "newer");
    later(181).await;
    assert_eq!(ghosts(&engine).await, [""; 0]);
}
