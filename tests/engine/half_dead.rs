//! An Engine that is there and does not work: it is one outage, for as long as it lasts.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::exporter::{Exporter, NO_PROBES, Page};
use super::fake::{Fake, Fault};
use super::things::{event, id};

/// A listing that hangs takes longer than it takes to ask for a sign of life.
const SLOW: &str = "docker: {timeout: 4s, refresh_interval: 1s}\n";

fn since(report: &Value) -> String {
    let findings = report["host"]["findings"].as_array().cloned().unwrap_or_default();
    let blind = findings.iter().find(|f| f["code"] == "exporter-blind" && f["subject"]["name"] == "engine");
    blind.unwrap_or_else(|| panic!("exporter-blind is gone: {report:#}"))["since"].to_string()
}

/// As a daemon that has locked itself out of its containers: to `/_ping` it answers as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_pings_and_hangs_on_listings_is_away_until_a_listing_comes() {
    let fake = Fake::start().await;
    let exporter = Exporter::start(&fake, &format!("{SLOW}{NO_PROBES}")).await;
    exporter.until("the Engine answers", |page| page.up() == Some(true) && page.knows("db")).await;
    fake.fail("/containers/json", Fault::Silence);
    fake.say(event("network", "connect", "x"));
    let missed = |page: &Page| page.up() == Some(false) && page.is_blind();
    exporter.until("it is missed", missed).await;
    let (first, asked) = (since(&exporter.report().await), fake.asked("/containers/json"));

    let began = Instant::now();
    let pinged = fake.asked("/_ping");
    while began.elapsed() < Duration::from_secs(14) {
        let page = exporter.page().await;
        assert!(missed(&page), "after {:?} it is up, though it lists nothing", began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(fake.asked("/_ping") > pinged && fake.asked("/containers/json") > asked, "it was asked on");
    assert_eq!(since(&exporter.report().await), first, "one outage");
    let told = exporter.log().matches("the Engine does not answer").count();
    assert_eq!(told, 1, "{}", exporter.log());

    fake.heal();
    exporter.until("well again", |page| page.up() == Some(true) && !page.is_blind()).await;
}

/// A ping that fails still ends the listing that is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_to_answer_pings_too_is_still_asked_and_found_again() {
    let fake = Fake::start().await;
    let exporter = Exporter::start(&fake, &format!("{SLOW}{NO_PROBES}")).await;
    exporter.until("the Engine answers", |page| page.up() == Some(true) && page.knows("db")).await;
    fake.fail("/containers/json", Fault::Silence);
    fake.say(event("network", "connect", "x"));
    exporter.until("it is missed", |page| page.up() == Some(false)).await;
    fake.fail("/_ping", Fault::Says(500, r#"{"message": "out of threads"}"#.into()));
    let word = |page: &Page| page.failures("server_error") >= 1.0;
    exporter.until("its own word is told", word).await;
    let report = exporter.report().await.to_string();
    exporter.until("it is away all the time", |page| page.up() == Some(false)).await;
    assert!(report.contains("out of threads"), "{report}");
    fake.heal();
    exporter.until("well again", |page| page.up() == Some(true) && !page.is_blind()).await;
}

/// What it still said of some containers is no listing, and the outage begins before the next sign of life is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_freezes_among_the_inspections_has_listed_nothing() {
    let fake = Fake::start().await;
    let settings = "docker: {timeout: 4s, refresh_interval: 1h}\n";
    let exporter = Exporter::start(&fake, &format!("{settings}{NO_PROBES}")).await;
    exporter.until("the Engine answers", |page| page.up() == Some(true) && page.knows("db")).await;
    let listed = |page: &Page| page.get(&["destination_exporter_inventory_last_success_timestamp_seconds"]);
    let before = listed(&exporter.page().await);
    for path in ["bb", "cc"].map(|short| format!("/containers/{}/json", id(short))) {
        fake.fail(&path, Fault::Silence);
    }
    fake.fail("/_ping", Fault::Silence);
    fake.say(event("network", "connect", "x"));
    let page = exporter.until("it is missed", |page| page.up() == Some(false) && page.is_blind()).await;
    assert!(before.is_some());
    assert_eq!(listed(&page), before, "what it said of one container was taken for a listing");
    assert!(page.knows("api") && page.knows("web") && page.knows("db"), "what was known stays");
    fake.heal();
    exporter.until("well again", |page| page.up() == Some(true) && !page.is_blind()).await;
}
