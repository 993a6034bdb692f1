//! `/info` is a long answer for one figure: it is asked for seldom, and whatever becomes of it costs nothing else.

use std::time::Duration;

use destination_exporter::config::Selection;
use destination_exporter::docker::Engine;
use destination_exporter::inventory::{AddressPools, build};
use serde_json::json;
use tokio::time::Instant;

use super::answers::settings;
use super::exporter::{Exporter, NO_PROBES, PATIENT};
use super::fake::{Fake, Fault, PATIENCE};

async fn pools(engine: &Engine) -> Option<AddressPools> {
    let seen = engine.list(None, false).await.expect("a listing");
    assert_eq!(seen.containers.len(), 3, "all the rest");
    assert!(seen.oddities.is_empty(), "{:?}", seen.oddities);
    build::build(&seen, &Selection::default(), std::time::SystemTime::now()).pools
}

/// What the first listing shows that shows something else.
async fn changed(engine: &Engine, before: Option<AddressPools>) -> Option<AddressPools> {
    let other = async {
        loop {
            let now = pools(engine).await;
            if now != before {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, other).await.expect("another answer is shown")
}

#[tokio::test]
async fn it_is_asked_for_once_and_anew_of_another_engine() {
    let fake = Fake::start().await;
    let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
    let named = Some(AddressPools { used: 1, capacity: 256, configured: true });
    for _ in 0..3 {
        assert_eq!(pools(&engine).await, named);
    }
    assert_eq!(fake.asked("/info"), 1);
    fake.world().info = json!({"DefaultAddressPools": null});
    assert_eq!(pools(&engine).await, named);
    engine.may_be_another();
    let dockers = Some(AddressPools { used: 0, capacity: 31, configured: false });
    assert_eq!(changed(&engine, named).await, dockers);
    assert_eq!(fake.asked("/info"), 2);
}

#[tokio::test]
async fn where_it_cannot_be_had_the_pools_alone_are_unknown_and_it_is_not_asked_for_all_the_time() {
    for (fault, reason) in [
        (Fault::Says(403, "Forbidden".into()), "forbidden"),
        (Fault::Says(404, "page not found".into()), "not_found"),
        (Fault::Says(500, json!({"message": "plugin"}).to_string()), "server_error"),
        (Fault::Says(200, "<html>login</html>".into()), "bad_answer"),
        (Fault::Says(200, r#"{"DefaultAddressPools": "all"}"#.into()), "bad_answer"),
        (
            Fault::Says(200, r#"{"DefaultAddressPools": [{"Base": "10.0.0.0/8", "Size": 999}]}"#.into()),
            "bad_answer",
        ),
        (Fault::HalfThenCut, "connection"),
        (Fault::Silence, "timeout"),
        (Fault::Endless(r#"{"Warnings": [""#, "a"), "too_large"),
    ] {
        let fake = Fake::start().await;
        fake.fail("/info", fault.clone());
        let engine = Engine::new(&settings(&fake, Duration::from_secs(1)));
        for _ in 0..2 {
            assert_eq!(pools(&engine).await, None, "{fault:?}");
        }
        assert_eq!(fake.asked("/info"), 1, "{fault:?}");
        let failures: Vec<_> =
            engine.requests().iter().filter_map(|r| Some((r.endpoint, r.failure?))).collect();
        assert_eq!(failures, [("info", reason)], "{fault:?}");
        // Who forbids it does so tomorrow too; the rest may pass.
        let forbids = matches!(reason, "forbidden" | "not_found");
        let waits = if forbids { [590, 20] } else { [25, 10] };
        fake.heal();
        for (seconds, asked) in waits.into_iter().zip([1, 2]) {
            later(seconds).await;
            pools(&engine).await;
            fake.until("it is asked, or not", |fake| fake.asked("/info") == asked).await;
        }
        assert!(changed(&engine, None).await.is_some(), "{fault:?}");
    }
}

/// So much later, with nothing under way.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn no_listing_is_held_up_by_it() {
    let fake = Fake::start().await;
    let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
    fake.fail("/info", Fault::Silence);
    let began = Instant::now();
    assert_eq!(pools(&engine).await, None);
    assert!(began.elapsed() < Duration::from_secs(10), "the first one waits a moment: {:?}", began.elapsed());
    for _ in 0..3 {
        engine.may_be_another();
        let began = Instant::now();
        assert_eq!(pools(&engine).await, None);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    // An answer that no listing waited for is news, once, and the next one has it.
    fake.heal();
    fake.fail("/networks", Fault::Says(500, "{}".into()));
    engine.may_be_another();
    engine.list(None, false).await.expect_err("no listing");
    tokio::time::timeout(PATIENCE, engine.pools_told()).await.expect("it is told");
    fake.heal();
    assert!(pools(&engine).await.is_some());
    let again = tokio::time::timeout(Duration::from_millis(300), engine.pools_told()).await;
    again.expect_err("it is told once");
}

#[tokio::test]
async fn what_was_said_stays_when_it_cannot_be_had_and_goes_when_it_is_forbidden() {
    let fake = Fake::start().await;
    let engine = Engine::new(&settings(&fake, Duration::from_secs(20)));
    let known = pools(&engine).await;
    assert!(known.is_some());
    for (fault, reason) in [
        (Fault::Says(500, json!({"message": "plugin"}).to_string()), "server_error"),
        (Fault::HalfThenCut, "connection"),
    ] {
        fake.fail("/info", fault);
        engine.may_be_another();
        for _ in 0..3 {
            assert_eq!(pools(&engine).await, known, "{reason}");
        }
        let failed = || engine.requests().iter().any(|r| (r.endpoint, r.failure) == ("info", Some(reason)));
        fake.until("it failed", |_| failed()).await;
        assert_eq!(pools(&engine).await, known, "{reason}");
        fake.heal();
    }
    fake.fail("/info", Fault::Says(403, "Forbidden".into()));
    engine.may_be_another();
    assert_eq!(changed(&engine, known).await, None, "it is not told any more");
}

#[tokio::test]
async fn podman_is_not_asked() {
    let fake = Fake::start().await;
    fake.world().version = json!({"Version": "5.4.0", "ApiVersion": "1.41", "Components": [
        {"Name": "Podman Engine", "Version": "5.4.0"},
    ]});
    assert_eq!(pools(&Engine::new(&settings(&fake, Duration::from_secs(20)))).await, None);
    assert_eq!(fake.asked("/info"), 0);
}

#[tokio::test]
async fn an_engine_that_comes_back_is_asked_what_it_has_now() {
    let mut fake = Fake::start().await;
    let exporter = Exporter::start(&fake, &format!("{PATIENT}{NO_PROBES}")).await;
    let capacity = |wanted: f64| {
        move |page: &super::exporter::Page| page.get(&["destination_address_pools_capacity"]) == Some(wanted)
    };
    exporter.until("its pools", capacity(256.0)).await;
    fake.die().await;
    exporter.until("it is missed", |page| page.up() == Some(false)).await;
    assert!(exporter.page().await.has(&["destination_address_pools_capacity"]), "what was known stays");
    fake.world().info = json!({});
    fake.revive().await;
    exporter.until("Docker's own", capacity(31.0)).await;
}

/// The fact stays while nobody says otherwise: it must not resolve because one answer was missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_that_are_used_up_stay_so_through_a_restart_whose_first_answer_fails() {
    let mut fake = Fake::start().await;
    fake.world().info = json!({"DefaultAddressPools": [{"Base": "10.213.0.0/23", "Size": 24}]});
    let exporter = Exporter::start(&fake, &format!("docker: {{refresh_interval: 1s}}\n{NO_PROBES}")).await;
    let told = |page: &super::exporter::Page| {
        page.has(&["destination_finding{", "address-pools-exhausted"])
            && page.get(&["destination_address_pools_capacity"]) == Some(2.0)
    };
    exporter.until("one block is left", told).await;
    fake.die().await;
    exporter.until("it is missed", |page| page.up() == Some(false)).await;
    fake.fail("/info", Fault::Says(500, json!({"message": "plugin"}).to_string()));
    let (asked, failed) = (fake.asked("/info"), exporter.page().await.failures("server_error"));
    fake.revive().await;
    exporter.until("it is back", |page| page.up() == Some(true)).await;
    exporter.until("/info failed", |page| page.failures("server_error") > failed).await;
    let listed = fake.asked("/networks");
    while fake.asked("/networks") < listed + 3 {
        assert!(told(&exporter.page().await), "nobody said that it is otherwise");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(fake.asked("/info"), asked + 1, "and not all the time");
}
