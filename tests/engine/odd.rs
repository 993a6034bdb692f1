//! One thing among many is odd: it is told, it costs itself at most, and the page of metrics stands.

use serde_json::{Value, json};

use super::exporter::{Exporter, IMPATIENT, NO_PROBES, check};
use super::fake::{Fake, Fault};
use super::things::{container, event, id, network, network_id};

async fn start(fake: &Fake) -> Exporter {
    let exporter = Exporter::start(fake, &format!("{IMPATIENT}{NO_PROBES}")).await;
    exporter.until("it has listed", |p| p.up() == Some(true)).await;
    exporter
}

fn oddities(report: &Value) -> Vec<&str> {
    report["host"]["oddities"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Waits for a report whose oddities hold this, or none of which does.
async fn until_told(exporter: &Exporter, words: &str, told: bool) {
    let deadline = tokio::time::Instant::now() + super::fake::PATIENCE;
    loop {
        let report = exporter.report().await;
        let found = oddities(&report);
        if found.iter().any(|oddity| oddity.contains(words)) == told {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{words:?} told: {}, {found:?}", !told);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_odd_container_among_three_is_told_and_the_page_has_all_three() {
    let fake = Fake::start().await;
    let exporter = start(&fake).await;
    let inspection = format!("/containers/{}/json", id("bb"));
    let mut zombie = container("bb", "web", "shop", "10.213.1.3").inspected;
    zombie["State"]["Status"] = json!("zombified");
    for (fault, words) in [
        (None, "State cannot be read: unknown variant `zombified`"),
        (Some(Fault::Says(200, zombie.to_string())), "unknown variant `zombified`"),
        (Some(Fault::Says(500, json!({"message": "layer not known"}).to_string())), "layer not known"),
        (Some(Fault::Silence), "no complete answer within 300ms"),
    ] {
        match fault {
            Some(fault) => fake.fail(&inspection, fault),
            None => fake.world().container("web").row["State"] = json!("zombified"),
        }
        fake.say(event("container", "rename", "x"));
        until_told(&exporter, words, true).await;
        let page = exporter.page().await;
        assert_eq!(page.up(), Some(true), "one container is not the Engine");
        assert!(!page.is_blind());
        assert!(page.knows("api") && page.knows("db") && page.knows("web"), "{words}");
        fake.heal();
        fake.world().container("web").row["State"] = json!("running");
        fake.say(event("container", "rename", "x"));
        until_told(&exporter, words, false).await;
    }
    let ended = check(&fake, &format!("{IMPATIENT}{NO_PROBES}"), &[]).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_vanished_between_is_simply_absent() {
    let fake = Fake::start().await;
    let exporter = start(&fake).await;
    exporter.until("all three are known", |p| p.knows("web")).await;
    fake.fail(
        &format!("/containers/{}/json", id("bb")),
        Fault::Says(404, json!({"message": "No such container"}).to_string()),
    );
    let page = exporter.until("it is gone", |p| !p.knows("web")).await;
    assert!(page.knows("api") && page.up() == Some(true) && !page.is_blind());
    let report = exporter.report().await;
    assert!(oddities(&report).is_empty(), "{report:#}");
    assert_eq!(report["status"], "healthy", "{report:#}");
    assert!(!exporter.log().contains("No such container"), "{}", exporter.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_that_vanish_take_their_series_along() {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        world.networks.push(network("blog", 2));
        world.containers.push(container("dd", "ghost", "blog", "10.213.2.2"));
    }
    let exporter = start(&fake).await;
    let present = |name: &str| ["destination_present{".to_owned(), format!("destination=\"{name}\"")];
    let is = |p: &super::exporter::Page, name: &str| {
        let [metric, label] = present(name);
        p.get(&[&metric, &label])
    };
    exporter.until("both are there", |p| is(p, "shop") == Some(1.0) && is(p, "blog") == Some(1.0)).await;
    // Removed under a container that still speaks of it: missed. With the container: forgotten.
    fake.world().networks.pop();
    let page = exporter.until("it is missed", |p| is(p, "blog") == Some(0.0)).await;
    assert!(!page.has(&["destination_info{", "destination=\"blog\""]));
    assert_eq!(is(&page, "shop"), Some(1.0));
    fake.world().containers.pop();
    exporter.until("it is forgotten", |p| is(p, "blog").is_none() && is(p, "shop") == Some(1.0)).await;
    fake.world().networks.clear();
    fake.world().containers.clear();
    let page = exporter.until("there is nothing", |p| is(p, "shop").is_none()).await;
    assert_eq!(page.up(), Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_networks_of_one_name_are_told_apart() {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        let mut twin = network("shop", 3);
        twin["Id"] = json!(id("7e"));
        world.networks.push(twin);
        let mut on_it = container("dd", "other", "shop", "10.213.3.2");
        for face in [&mut on_it.row, &mut on_it.inspected] {
            face["NetworkSettings"]["Networks"]["shop"]["NetworkID"] = json!(id("7e"));
        }
        world.containers.push(on_it);
    }
    let exporter = start(&fake).await;
    let page = exporter.until("all are known", |p| p.knows("other") && p.knows("api")).await;
    let first = format!("destination=\"shop ({})\"", &network_id("shop")[..12]);
    let second = format!("destination=\"shop ({})\"", &id("7e")[..12]);
    assert!(page.has(&["destination_container_info{", &first, "container=\"api\""]));
    assert!(page.has(&["destination_container_info{", &second, "container=\"other\""]));
    assert_eq!(page.get(&["destination_containers{", &first]), Some(3.0));
    assert_eq!(page.get(&["destination_containers{", &second]), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_or_null_is_unknown_and_nothing_else() {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        let hollow = |thing: &Value| match thing {
            Value::Object(fields) => fields.keys().map(|key| (key.clone(), Value::Null)).collect(),
            _ => serde_json::Map::new(),
        };
        let (empty, mut nothing) = (json!({}), Value::Object(hollow(&network("x", 9))));
        world.networks.extend([empty.clone(), nothing.clone()]);
        nothing["Name"] = json!("hollow");
        nothing["Driver"] = json!("bridge");
        world.networks.push(nothing.clone());
        // Two without an id, and a name each: which is whose, nobody can say.
        nothing["Name"] = json!("hollow2");
        world.networks.push(nothing);
        for (short, inspected) in [("d1", empty), ("d2", Value::Null)] {
            let mut thing = container(short, short, "shop", "10.213.1.8");
            thing.row = Value::Object(hollow(&thing.row));
            thing.row["Id"] = json!(id(short));
            thing.inspected = match inspected {
                Value::Null => Value::Object(hollow(&thing.inspected)),
                empty => empty,
            };
            world.containers.push(thing);
        }
    }
    let exporter = start(&fake).await;
    let page = exporter.until("the three are known", |p| p.knows("api") && p.knows("db")).await;
    assert_eq!(page.up(), Some(true));
    let report = exporter.report().await;
    let names: Vec<&str> =
        report["destinations"].as_array().into_iter().flatten().filter_map(|d| d["name"].as_str()).collect();
    assert_eq!(names, ["shop"], "without an id a network is no destination");
    let told = report["host"]["oddities"].to_string();
    assert!(told.contains("hollow\\") && told.contains("hollow2\\"), "yet it is told: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_proxy_that_forbids_the_events_alone_costs_time_and_nothing_else() {
    let fake = Fake::over_tcp().await;
    fake.fail("/events", Fault::Says(403, "<html>403 Forbidden</html>".into()));
    let exporter = start(&fake).await;
    fake.until("it asked for events more than once", |fake| fake.asked("/events") > 1).await;
    fake.world().containers.push(container("dd", "new", "shop", "10.213.1.7"));
    let page = exporter.until("what is new is known", |p| p.knows("new")).await;
    assert!(page.up() == Some(true) && !page.is_blind());
    assert_eq!(exporter.report().await["status"], "healthy");
}
