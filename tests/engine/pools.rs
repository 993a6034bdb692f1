//! `/info` is a long answer for one figure: it is asked for seldom, and whatever becomes of it costs nothing else.

use std::time::Duration;

use destination_exporter::config::Selection;
use destination_exporter::docker::Engine;
use destination_exporter::inventory::{AddressPools, build};
use serde_json::json;

use super::answers::settings;
use super::exporter::{Exporter, NO_PROBES, PATIENT};
use super::fake::{Fake, Fault};

async fn pools(engine: &Engine) -> Option<AddressPools> {
    let seen = engine.list(None, false).await.expect("a listing");
    assert_eq!(seen.containers.len(), 3, "all the rest");
    assert!(seen.oddities.is_empty(), "{:?}", seen.oddities);
    build::build(&seen, &Selection::default(), std::time::SystemTime::now()).pools
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
    assert_eq!(pools(&engine).await, Some(AddressPools { used: 0, capacity: 31, configured: false }));
    assert_eq!(fake.asked("/info"), 2);
}

#[tokio::test]
async fn where_it_cannot_be_had_the_pools_alone_are_unknown_and_it_is_not_asked_for_all_the_time() {
    for (fault, reason) in [
        (Fault::Says(403, "Forbidden".into()), "forbidden"),
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
        let engine = Engine::new(&settings(&fake, Duration::from_secs(2)));
        for _ in 0..2 {
            assert_eq!(pools(&engine).await, None, "{fault:?}");
        }
        assert_eq!(fake.asked("/info"), 1, "{fault:?}");
        let failures: Vec<_> =
            engine.requests().iter().filter_map(|r| Some((r.endpoint, r.failure?))).collect();
        assert_eq!(failures, [("info", reason)], "{fault:?}");
    }
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
