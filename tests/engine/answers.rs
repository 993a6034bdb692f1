//! What `docker::Engine::list` makes of answers: one odd container costs itself at most, and what is the
//! Engine's fault is told by endpoint and reason.

use std::time::{Duration, SystemTime};

use destination_exporter::config::{self, Selection};
use destination_exporter::docker::Engine;
use destination_exporter::inventory::seen::{Seen, SeenContainer};
use destination_exporter::inventory::{RunState, build};
use serde_json::json;
use tokio::time::Instant;

use super::fake::{Fake, Fault};
use super::things::{container, id, network};

pub fn settings(fake: &Fake, timeout: Duration) -> config::Docker {
    config::Docker {
        host: fake.host(),
        timeout,
        refresh_interval: Duration::from_secs(1),
        ..config::Config::default().docker
    }
}

/// A listing with a deadline that only a machine in trouble misses.
async fn list(fake: &Fake) -> Seen {
    Engine::new(&settings(fake, Duration::from_secs(20))).list(None, false).await.expect("a listing")
}

fn names(seen: &Seen) -> Vec<&str> {
    let mut names: Vec<&str> = seen.containers.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn one<'a>(seen: &'a Seen, name: &str) -> &'a SeenContainer {
    seen.containers.iter().find(|c| c.name == name).expect("it is listed")
}

fn inspection(short: &str) -> String {
    format!("/containers/{}/json", id(short))
}

#[tokio::test]
async fn a_healthy_engine_is_read_in_full_and_asked_little() {
    let fake = Fake::start().await;
    let seen = list(&fake).await;
    assert_eq!(names(&seen), ["api", "db", "web"]);
    assert_eq!(seen.engine.version, "28.5.2");
    assert!(seen.oddities.is_empty(), "{:?}", seen.oddities);
    let api = one(&seen, "api");
    assert_eq!((api.state, api.image.as_str()), (RunState::Running, "busybox:inspected"));
    assert_eq!(api.endpoints[0].ipv4, "10.213.1.2");
    assert_eq!(fake.asked_in_all(), 7, "version, info, networks, containers and one for each container");
}

#[tokio::test]
async fn a_request_that_fails_is_told_by_endpoint_and_reason() {
    let html = || Fault::Says(200, "<html>login</html>".into());
    let error = |status, message: &str| Fault::Says(status, json!({"message": message}).to_string());
    for (path, fault, endpoint, reason) in [
        ("*", Fault::Silence, "version", "timeout"),
        ("/networks", Fault::Silence, "networks", "timeout"),
        ("/networks", Fault::HeadThenSilence, "networks", "timeout"),
        ("/networks", Fault::HalfThenSilence, "networks", "timeout"),
        ("/networks", Fault::HalfThenCut, "networks", "connection"),
        ("/networks", html(), "networks", "bad_answer"),
        ("/networks", error(500, "no space left"), "networks", "server_error"),
        ("/networks", error(503, "starting"), "networks", "server_error"),
        ("/networks", error(404, "page not found"), "networks", "not_found"),
        ("/networks", Fault::Says(403, "Forbidden".into()), "networks", "forbidden"),
        ("/containers/json", Fault::HalfThenCut, "containers", "connection"),
        ("/containers/json", html(), "containers", "bad_answer"),
        ("/containers/json", Fault::Says(200, "[{\"Id\":\"a".into()), "containers", "bad_answer"),
        ("/containers/json", Fault::Says(200, "{}".into()), "containers", "bad_answer"),
        ("/containers/json", Fault::Says(200, String::new()), "containers", "bad_answer"),
        ("/containers/json", error(500, "database is locked"), "containers", "server_error"),
    ] {
        for fake in [Fake::start().await, Fake::over_tcp().await] {
            fake.fail(path, fault.clone());
            let error = Engine::new(&settings(&fake, Duration::from_millis(300))).list(None, false).await;
            let error = error.expect_err("no listing");
            assert_eq!((error.endpoint, error.reason), (endpoint, reason), "{path} {fault:?}: {error}");
            fake.heal();
            assert_eq!(names(&list(&fake).await), ["api", "db", "web"], "well again");
        }
    }
}

#[tokio::test]
async fn a_container_that_vanished_between_list_and_inspection_is_absent_without_noise() {
    for status in [404, 409] {
        let fake = Fake::start().await;
        fake.fail(&inspection("bb"), Fault::Says(status, json!({"message": "gone"}).to_string()));
        let seen = list(&fake).await;
        assert_eq!(names(&seen), ["api", "db"]);
        assert!(seen.oddities.is_empty(), "{:?}", seen.oddities);
    }
}

#[tokio::test]
async fn a_container_that_cannot_be_inspected_stays_as_its_row_has_it_and_that_is_told() {
    let odd_state = {
        let mut thing = container("bb", "web", "shop", "10.213.1.3");
        thing.inspected["State"]["Status"] = json!("zombified");
        thing.inspected.to_string()
    };
    for (fault, why) in [
        (Fault::Says(500, json!({"message": "layer not known"}).to_string()), "layer not known"),
        (Fault::Says(200, odd_state), "zombified"),
        (Fault::Says(200, "<html>".into()), "expected value"),
        (Fault::HalfThenCut, "inspect"),
    ] {
        for fake in [Fake::start().await, Fake::over_tcp().await] {
            fake.fail(&inspection("bb"), fault.clone());
            let seen = list(&fake).await;
            assert_eq!(names(&seen), ["api", "db", "web"], "{fault:?}");
            let web = one(&seen, "web");
            assert_eq!((web.state, web.image.as_str()), (RunState::Running, "busybox"), "{fault:?}");
            assert_eq!(web.endpoints[0].ipv4, "10.213.1.3", "{fault:?}");
            let [oddity] = &*seen.oddities else { panic!("{fault:?}: {:?}", seen.oddities) };
            assert!(oddity.contains(why) && oddity.contains(&id("bb")), "{oddity}");
        }
    }
}

/// On the first sight and later, whether or not its row says how it ended.
#[tokio::test]
async fn a_finished_job_that_cannot_be_inspected_is_not_missed() {
    for (status, code, missed) in [
        ("Exited (0) 2 hours ago", 0, [false, false]),
        ("Exited (3) 2 hours ago", 3, [true, true]),
        ("", 0, [false, false]),
        ("", 3, [false, true]),
    ] {
        let fake = Fake::start().await;
        let mut job = container("dd", "job", "shop", "");
        job.row["State"] = json!("exited");
        job.row["Status"] = json!(status);
        job.inspected["State"] = json!({"Status": "exited", "Pid": 0, "ExitCode": code});
        job.inspected["HostConfig"]["RestartPolicy"]["Name"] = json!("no");
        fake.world().containers.push(job);
        let before = list(&fake).await;
        fake.fail(&inspection("dd"), Fault::Says(500, json!({"message": "layer not known"}).to_string()));
        for (before, missed) in [None, Some(&before)].into_iter().zip(missed) {
            let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
            let seen = engine.list(before, false).await.expect("a listing");
            assert_eq!(seen.oddities.len(), 1, "{:?}", seen.oddities);
            let picture = build::build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH);
            let stopped = &picture.destinations[0].stopped;
            assert_eq!(!stopped.is_empty(), missed, "{status:?} {code}, known: {}", before.is_some());
        }
    }
}

#[tokio::test]
async fn an_inspection_that_hangs_costs_no_other_container_its_own() {
    let fake = Fake::start().await;
    let more =
        (0..40u8).map(|n| container(&format!("{:02x}", n + 1), &format!("c{n}"), "shop", "10.213.1.99"));
    fake.world().containers.extend(more.collect::<Vec<_>>());
    fake.fail(&inspection("bb"), Fault::Silence);
    let began = Instant::now();
    let seen =
        Engine::new(&settings(&fake, Duration::from_secs(3))).list(None, false).await.expect("a listing");
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "one deadline, not one for each: {:?}",
        began.elapsed()
    );
    assert_eq!(seen.containers.len(), 43);
    let inspected = seen.containers.iter().filter(|c| c.image == "busybox:inspected").count();
    assert_eq!(inspected, 42, "all but one were completed");
    // It runs, as far as anybody knows: with its row it keeps its place, its series and its findings.
    assert_eq!(one(&seen, "web").endpoints[0].ipv4, "10.213.1.3");
    let [oddity] = &*seen.oddities else { panic!("{:?}", seen.oddities) };
    assert!(oddity.contains(&id("bb")) && oddity.contains("within 3s"), "{oddity}");
}

#[tokio::test]
async fn a_word_that_this_version_does_not_know_costs_no_more_than_itself() {
    for (field, odd) in [
        ("State", json!("zombified")),
        ("Mounts", json!([{"Type": {"Depth": 3}}])),
        ("Ports", json!([{"PrivatePort": 80, "Type": "quic"}])),
        ("Health", json!({"Status": "sleepy"})),
        ("Labels", json!({"a": 1})),
        ("Created", json!("yesterday")),
    ] {
        for fake in [Fake::start().await, Fake::over_tcp().await] {
            fake.world().container("web").row[field] = odd.clone();
            let seen = list(&fake).await;
            assert_eq!(names(&seen), ["api", "db", "web"], "{field}");
            for name in ["api", "db", "web"] {
                let found = one(&seen, name);
                assert_eq!(found.state, RunState::Running, "{field}: the inspection knows better");
                assert_eq!((found.endpoints.len(), found.image.as_str()), (1, "busybox:inspected"));
            }
            let [oddity] = &*seen.oddities else { panic!("{field}: {:?}", seen.oddities) };
            assert!(oddity.contains(field) && oddity.contains("web"), "{oddity}");
        }
    }
}

/// What is asked twice is counted twice.
#[tokio::test]
async fn reading_entry_by_entry_is_a_request_of_its_own() {
    let fake = Fake::start().await;
    let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
    let asked = async || {
        let whole = engine.list(None, false).await.is_ok();
        let of_containers = engine.requests().into_iter().filter(|request| request.endpoint == "containers");
        (whole, of_containers.map(|request| request.failure).collect::<Vec<_>>())
    };
    assert_eq!(asked().await, (true, vec![None]));
    fake.world().container("web").row["State"] = json!("zombified");
    assert_eq!(asked().await, (true, vec![Some("bad_answer"), None]));
    fake.fail("/containers/json", Fault::Says(200, "<html>".into()));
    assert_eq!(asked().await, (false, vec![Some("bad_answer"); 2]));
}

#[tokio::test]
async fn entries_that_are_nothing_are_told_and_left_out() {
    let fake = Fake::start().await;
    fake.fail("/containers/json", {
        let good = fake.world().container("db").row.clone();
        let without_id = json!({"Names": ["/nameless"]});
        Fault::Says(200, json!([null, "x", 7, [], without_id, good]).to_string())
    });
    let seen = list(&fake).await;
    assert_eq!(names(&seen), ["db"]);
    assert_eq!(seen.oddities.len(), 5, "{:?}", seen.oddities);
}

#[tokio::test]
async fn an_odd_network_costs_no_more_than_itself() {
    let fake = Fake::start().await;
    let mut odd = network("odd", 2);
    odd["Options"] = json!({"com.docker.network.driver.mtu": 1400});
    fake.world().networks.extend([odd, json!([]), network("blog", 3)]);
    let seen = list(&fake).await;
    let networks: Vec<&str> = seen.networks.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(networks, ["shop", "odd", "blog"]);
    assert_eq!(seen.oddities.len(), 2, "{:?}", seen.oddities);
    assert!(seen.oddities.iter().any(|o| o.contains("Options") && o.contains("odd")), "{:?}", seen.oddities);
}

#[tokio::test]
async fn nothing_at_all_is_an_empty_picture() {
    for nothing in ["[]", "null"] {
        let fake = Fake::start().await;
        fake.fail("/networks", Fault::Says(200, nothing.into()));
        fake.fail("/containers/json", Fault::Says(200, nothing.into()));
        let seen = list(&fake).await;
        assert!(
            seen.containers.is_empty() && seen.networks.is_empty() && seen.oddities.is_empty(),
            "{seen:?}"
        );
        let picture = build::build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH);
        assert!(picture.destinations.is_empty());
    }
}

#[tokio::test]
async fn an_old_and_a_future_engine_are_read_alike() {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        world.version = json!({"Version": "20.10.24", "ApiVersion": "1.41", "Moon": {"Phase": 3}});
        for thing in &mut world.containers {
            for face in [&mut thing.row, &mut thing.inspected] {
                face["NetworkSettings"]["Networks"]["shop"].as_object_mut().expect("one").remove("DNSNames");
                face["Telepathy"] = json!({"Strength": [1, 2, {"a": null}]});
            }
        }
    }
    let seen = list(&fake).await;
    assert_eq!(names(&seen), ["api", "db", "web"]);
    assert!(seen.oddities.is_empty(), "{:?}", seen.oddities);
}
