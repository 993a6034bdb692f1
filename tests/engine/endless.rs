//! Answers that never end: no more of them is read than an exporter of 24 MB can bear, what happened is
//! told, and the next good answer is taken.

use std::time::Duration;

use destination_exporter::docker::Engine;
use serde_json::json;

use super::answers::settings;
use super::exporter::{Exporter, NO_PROBES, check};
use super::fake::{Fake, Fault};
use super::things::{container, event, id};

/// What the exporter may hold at most, in KiB. A listing that is refused comes to a good part of it, since
/// it is read as far as a server full of containers would be.
const BOUND: u64 = 200 << 10;
/// Patient with the Engine: it must be the size that ends an answer, and not the clock.
const LISTS_OFTEN: &str = "docker: {timeout: 20s, refresh_interval: 1s}\n";
const HARDLY_LISTS: &str = "docker: {timeout: 20s, refresh_interval: 1h}\n";
const WHY: &str = "the answer is too large: read to its end, it would take more than";

async fn start(fake: &Fake, docker: &str) -> Exporter {
    let exporter = Exporter::start(fake, &format!("{docker}{NO_PROBES}")).await;
    exporter.until("all are known", |p| p.up() == Some(true) && p.knows("api") && p.knows("db")).await;
    exporter
}

fn is_bounded(exporter: &Exporter, what: &str) {
    let peak = exporter.peak_memory();
    println!("{what}: {} MiB at most", peak >> 10);
    assert!(peak < BOUND, "{what}: {peak} KiB");
}

/// The whole Engine is missed, what was known stays, and all is well again.
async fn told_and_forgiven(path: &'static str, fault: Fault) {
    let what = format!("{path} {fault:?}");
    let fake = Fake::start().await;
    let exporter = start(&fake, LISTS_OFTEN).await;
    fake.fail(path, fault);
    let lost =
        |p: &super::exporter::Page| p.up() == Some(false) && p.is_blind() && p.failures("too_large") >= 2.0;
    let page = exporter.until(&format!("{what} is told, time and again"), lost).await;
    assert!(page.knows("api") && page.knows("web") && page.knows("db"), "{what}: what was known stays");
    let report = exporter.report().await.to_string();
    assert!(report.contains(WHY), "{what}: in words: {report}");
    is_bounded(&exporter, &what);
    fake.world().containers.push(container("dd", "late", "shop", "10.213.1.9"));
    fake.heal();
    let well = |p: &super::exporter::Page| p.up() == Some(true) && !p.is_blind() && p.knows("late");
    exporter.until(&format!("well again after {what}"), well).await;
    is_bounded(&exporter, &what);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_never_ends_is_told_and_forgiven() {
    for (first, again) in [
        // One text; nothing but space; the smallest there is of what the client makes structs of.
        (r#"[{"Id": "a"#, "x"),
        ("[", " "),
        ("[{}", ",{}"),
        (r#"[{"Labels": {"a": "b""#, r#","a":"b""#),
        ("[0", ",0"),
    ] {
        told_and_forgiven("/containers/json", Fault::Endless(first, again)).await;
    }
    told_and_forgiven("/networks", Fault::Endless("[{}", ",{}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_never_ends_is_told_and_forgiven() {
    let fake = Fake::start().await;
    fake.fail("/_ping", Fault::Endless("OK", "K"));
    let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
    let error = engine.ping().await.expect_err("no sign of life");
    assert_eq!((error.endpoint, error.reason), ("ping", "too_large"), "{error}");
    fake.heal();
    engine.ping().await.expect("a sign of life");
    told_and_forgiven("/version", Fault::Endless(r#"{"Components": [{}"#, ",{}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inspection_that_never_ends_costs_its_container_alone() {
    let fake = Fake::start().await;
    let exporter = start(&fake, LISTS_OFTEN).await;
    for short in ["aa", "bb"] {
        let fault = Fault::Endless(r#"{"Mounts": [{}"#, ",{}");
        fake.fail(&format!("/containers/{}/json", id(short)), fault);
    }
    let page = exporter.until("it is told", |p| p.failures("too_large") >= 4.0).await;
    assert_eq!(page.up(), Some(true), "two containers are not the Engine");
    assert!(!page.is_blind() && page.knows("api") && page.knows("web") && page.knows("db"));
    let told = exporter.report().await["host"]["oddities"].to_string();
    assert!(told.contains(&format!("inspect: {WHY} 4 MiB")), "{told}");
    is_bounded(&exporter, "inspections");
    fake.heal();
    let deadline = tokio::time::Instant::now() + super::fake::PATIENCE;
    while exporter.report().await["host"]["oddities"].to_string().contains(WHY) {
        assert!(tokio::time::Instant::now() < deadline, "the next good answer is not taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_never_ends_is_told_and_the_next_one_is_heard() {
    for (first, again) in [(r#"{"Type": "container", "Action": ""#, "x"), ("", "\n"), ("{", "\n")] {
        let fake = Fake::start().await;
        let exporter = start(&fake, HARDLY_LISTS).await;
        fake.until("it follows the events", |fake| fake.asked("/events") == 1).await;
        fake.fail("/events", Fault::Endless(first, again));
        fake.cut_events();
        let of_events = ["request_failures_total{", "endpoint=\"events\"", "reason=\"too_large\""];
        let told = |p: &super::exporter::Page| p.get(&of_events) >= Some(2.0);
        let page = exporter.until(&format!("{first:?} {again:?} is told"), told).await;
        assert!(page.up() == Some(true) && page.knows("api"), "a hint that is lost is not the Engine");
        is_bounded(&exporter, "events");
        fake.heal();
        let asked = fake.asked("/events");
        fake.until("it follows again", |fake| fake.asked("/events") > asked).await;
        fake.world().containers.push(container("dd", "late", "shop", "10.213.1.9"));
        fake.say(event("container", "start", &id("dd")));
        exporter.until("an event is heard", |p| p.knows("late")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_that_an_answer_is_too_large() {
    for fake in [Fake::start().await, Fake::over_tcp().await] {
        fake.fail("/containers/json", Fault::Endless("[{}", ",{}"));
        let ended = check(&fake, LISTS_OFTEN, &[]).await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        let words = format!("the Engine does not answer: containers: {WHY} 48 MiB");
        assert!(said.contains(&words), "{said}");
    }
}

/// What is too much of one is not too much of many: a server full of containers is read.
#[tokio::test]
async fn a_full_server_is_listed() {
    let fake = Fake::start().await;
    for number in 0..1000 {
        let name = format!("shop-{number}");
        let mut thing = container(&format!("{number:04}f"), &name, "shop", "");
        let mut labels = serde_json::Map::new();
        for label in 0..40 {
            labels
                .insert(format!("traefik.http.routers.http-{label}-{name}.rule"), json!("Host(`a.example`)"));
        }
        thing.row["Labels"] = json!(labels);
        fake.world().containers.push(thing);
    }
    let engine = Engine::new(&settings(&fake, Duration::from_secs(60)));
    let began = tokio::time::Instant::now();
    let seen = engine.list(None, false).await.expect("a listing");
    println!("1003 containers: {:?}", began.elapsed());
    assert_eq!((seen.containers.len(), seen.oddities), (1003, Vec::new()));
}

/// Whoever deploys can label a container as he likes, and the listing repeats it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_of_megabytes_costs_no_other_container_its_place() {
    let fake = Fake::start().await;
    let exporter = start(&fake, LISTS_OFTEN).await;
    let mut vast = container("dd", "vast", "shop", "10.213.1.9");
    vast.row["Labels"] = json!({"a": ",".repeat(20_000_000), "com.docker.compose.service": "late"});
    vast.inspected["Config"]["Labels"] = vast.row["Labels"].clone();
    fake.world().containers.push(vast);
    let page = exporter.until("it is known", |p| p.knows("vast")).await;
    assert_eq!(page.up(), Some(true), "a label is not the Engine");
    assert!(!page.is_blind() && page.knows("api") && page.knows("web") && page.knows("db"));
    let told = exporter.report().await["host"]["oddities"].to_string();
    assert!(told.contains(r#"\"vast\": the Engine lists more of it than is read"#), "{told}");
    is_bounded(&exporter, "a label");
}

/// The Engine keeps five times 4 KiB of what a health check prints, whatever that is.
#[tokio::test]
async fn what_a_health_check_prints_hides_no_container() {
    for printed in ["{", "{}", ",{", ",{}", "{\"a\":{}},"] {
        let fake = Fake::start().await;
        let output = printed.repeat(4096 / printed.len());
        let run = json!({"Start": "2026-01-01T00:00:00Z", "End": "2026-01-01T00:00:01Z", "ExitCode": 0, "Output": output});
        let health = json!({"Status": "healthy", "FailingStreak": 0, "Log": vec![run; 5]});
        fake.world().container("web").inspected["State"]["Health"] = health;
        let seen = Engine::new(&settings(&fake, Duration::from_secs(60))).list(None, false).await;
        assert_eq!(seen.expect("a listing").oddities, Vec::<String>::new(), "{printed}");
    }
}

/// What just may be read is read, whatever it is made of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_as_large_as_may_be_is_borne() {
    const MOST: usize = 48 << 20;
    for (what, each, costs, odd) in [
        ("rows without anything", "{},", 3 + 512 + 64, false),
        ("rows that are numbers", "0,", 2 + 64, true),
        ("a text", "x", 1, false),
        ("an odd text", "x", 1, true),
    ] {
        let many = each.repeat(MOST / costs * 99 / 100);
        let odd = if odd { r#"{"State": "zombified"}"# } else { "{}" };
        let list = match each {
            "x" => format!(r#"[{{"Id": "a", "Image": "{many}"}},{odd}]"#),
            _ => format!("[{many}{odd}]"),
        };
        let fake = Fake::start().await;
        let exporter = start(&fake, LISTS_OFTEN).await;
        fake.fail("/containers/json", Fault::Says(200, list));
        exporter.until(what, |p| p.up() == Some(true) && !p.knows("api")).await;
        is_bounded(&exporter, what);
    }
}
