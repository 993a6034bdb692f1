//! The Engine's statistics, right and wrong: what cannot be meant is left out and costs nobody else his, and
//! no scrape ever asks for them.

use serde_json::{Value, json};

use super::exporter::{Exporter, IMPATIENT, NO_PROBES, Page};
use super::fake::{Fake, Fault};
use super::things::{container, id};

/// What the first version 28 gives, but for what nobody reads.
fn statistics(short: &str, networks: Value) -> String {
    json!({"id": id(short), "name": "/x", "pids_stats": {"current": 1}, "networks": networks}).to_string()
}

fn interface(received: Value) -> Value {
    json!({
        "rx_bytes": received, "rx_packets": 2, "rx_errors": 0, "rx_dropped": 1,
        "tx_bytes": 3, "tx_packets": 4, "tx_errors": 0, "tx_dropped": 0,
    })
}

fn path(short: &str) -> String {
    format!("/containers/{}/stats", id(short))
}

fn received(page: &Page, container: &str) -> Option<f64> {
    page.get(&["destination_container_network_receive_bytes_total{", &format!("container=\"{container}\"")])
}

async fn start(fake: &Fake, traffic: &str) -> Exporter {
    Exporter::start(fake, &format!("{IMPATIENT}{NO_PROBES}{traffic}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_left_out_and_costs_nobody_else_his() {
    let fake = Fake::start().await;
    let good = |short: &str| Fault::Says(200, statistics(short, json!({"eth0": interface(json!(1234))})));
    let says = |received| Fault::Says(200, statistics("h", json!({"eth0": interface(received)})));
    fake.fail(&path("aa"), good("aa"));
    fake.fail(&path("bb"), good("bb"));
    fake.fail(&path("cc"), good("cc"));
    let wrong = [
        Fault::Says(200, statistics("another", json!({"eth0": interface(json!(1))}))),
        says(json!(-1)),
        says(json!(0.5)),
        says(json!(1e300)),
        says(json!("NaN")),
        says(json!(null)),
        says(json!([1])),
        Fault::Says(200, statistics("h", json!({"eth0": interface(json!(1)), "eth1": interface(json!(1))}))),
        Fault::Says(200, statistics("h", json!({}))),
        Fault::Says(200, statistics("h", json!([]))),
        Fault::Says(200, "null".into()),
        Fault::Says(200, "<html>".into()),
        Fault::Says(200, String::new()),
        Fault::Says(404, json!({"message": "No such container"}).to_string()),
        Fault::Says(500, json!({"message": "cgroup deleted"}).to_string()),
        Fault::Endless("{\"id\":\"", "{"),
        Fault::HeadThenSilence,
        Fault::HalfThenSilence,
        Fault::Silence,
    ];
    for (n, fault) in wrong.iter().enumerate() {
        let short = format!("f{n:02}");
        let address = format!("10.213.1.{}", 100 + n);
        fake.world().containers.push(container(&short, &format!("hostile-{n}"), "shop", &address));
        let as_its_own = match fault {
            Fault::Says(200, body) => Fault::Says(200, body.replace(&id("h"), &id(&short))),
            other => other.clone(),
        };
        fake.fail(&path(&short), as_its_own);
    }
    let exporter = start(&fake, "").await;
    let all_asked = |fake: &Fake| (0..wrong.len()).all(|n| fake.asked(&path(&format!("f{n:02}"))) > 0);
    fake.until("everyone is asked for", all_asked).await;
    let told = |page: &Page| ["api", "web", "db"].iter().all(|name| received(page, name) == Some(1234.0));
    let page = exporter.until("the three are told", told).await;
    for (n, fault) in wrong.iter().enumerate() {
        assert_eq!(received(&page, &format!("hostile-{n}")), None, "{fault:?}");
    }
    assert_eq!(page.get(&["destination_traffic_source{source=\"engine\"}"]), Some(1.0));
    assert_eq!(page.up(), Some(true), "one container is not the Engine");
    for reason in ["bad_answer", "server_error", "timeout", "too_large"] {
        exporter.until(reason, |page| page.failures(reason) >= 1.0).await;
    }

    // One falls silent: its counters must not seem to stand still. The others go on.
    fake.heal();
    fake.fail(&path("aa"), Fault::Says(500, json!({"message": "cgroup deleted"}).to_string()));
    fake.fail(&path("bb"), Fault::Says(200, statistics("bb", json!({"eth0": interface(json!(9999))}))));
    let next = |page: &Page| received(page, "api").is_none() && received(page, "web") == Some(9999.0);
    exporter.until("the next round", next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_scrape_asks_for_statistics_and_the_last_ones_stay_while_the_engine_is_away() {
    let mut fake = Fake::start().await;
    for short in ["aa", "bb", "cc"] {
        fake.fail(&path(short), Fault::Says(200, statistics(short, json!({"eth0": interface(json!(5))}))));
    }
    let exporter = start(&fake, "traffic: {source: engine}\n").await;
    exporter.until("it is told", |page| received(page, "db") == Some(5.0)).await;
    for _ in 0..200 {
        exporter.page().await;
    }
    assert!(fake.asked(&path("cc")) <= 2, "{} times in a moment", fake.asked(&path("cc")));
    fake.die().await;
    let page = exporter.until("it is away", |page| page.up() == Some(false)).await;
    assert_eq!(received(&page, "db"), Some(5.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_counters_are_the_kernels_alone_asks_the_engine_for_none() {
    let fake = Fake::start().await;
    let exporter = start(&fake, "traffic: {source: kernel}\n").await;
    exporter.until("it has listed", |page| page.knows("db")).await;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(fake.asked(&path("cc")), 0);
    assert!(!exporter.page().await.has(&["destination_container_network_"]), "nobody counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_forbids_statistics_costs_nothing_else() {
    let fake = Fake::start().await;
    for short in ["aa", "bb", "cc"] {
        fake.fail(&path(short), Fault::Says(403, "<html>Forbidden".into()));
    }
    let exporter = start(&fake, "").await;
    let page = exporter.until("it is counted", |page| page.failures("forbidden") >= 1.0).await;
    assert!(page.knows("api") && page.up() == Some(true) && !page.is_blind());
    assert!(!page.has(&["destination_container_network_"]), "nobody counted");
}
