//! The Engine as a whole does not answer: what people see of it, and that it passes.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::exporter::{Exporter, IMPATIENT, NO_PROBES, PATIENT, check};
use super::fake::{Fake, Fault};
use super::things::{container, event};

/// What is known, what is unknown, and why: the same on every face.
async fn told_as_blind(exporter: &Exporter, why: &str, containers: usize) {
    let page = exporter.page().await;
    for name in ["api", "web", "db"] {
        assert!(page.knows(name), "{name} is not known any more, though nobody said that it is gone");
    }
    assert_eq!(page.get(&["destination_exporter_capability{", "docker_api"]), Some(0.0));
    assert!(page.has(&["destination_exporter_inventory_last_success_timestamp_seconds"]));
    let report = exporter.report().await;
    assert_eq!(report["status"], "unknown", "{report:#}");
    assert_eq!(report["destinations"][0]["status"], "unknown", "{report:#}");
    assert_eq!(
        report["destinations"][0]["containers"].as_array().map(Vec::len),
        Some(containers),
        "{report:#}"
    );
    let finding = blindness(&report).expect("exporter-blind is in the report");
    let evidence = finding["evidence"][0]["observed"].as_str().unwrap_or_default();
    assert!(evidence.contains(why), "{why:?} is not in {evidence:?}");
    for path in ["/-/healthy", "/-/ready", "/"] {
        assert_eq!(exporter.get(path).await.0, 200, "{path}");
    }
}

fn blindness(report: &Value) -> Option<&Value> {
    let findings = report["host"]["findings"].as_array()?;
    findings.iter().find(|f| f["code"] == "exporter-blind" && f["subject"]["name"] == "engine")
}

/// An event, on the stream that an outage does not cut: the exporter lists at once.
fn look(fake: &Fake) {
    fake.say(event("network", "connect", "x"));
}

/// Each outage in turn, before one exporter: it says so, keeps what it knows, and gets well.
async fn outages(fake: Fake, outages: &[(Fault, &str, &str)]) {
    let exporter = Exporter::start(&fake, &format!("{IMPATIENT}{NO_PROBES}")).await;
    exporter.until("the Engine answers", |page| page.up() == Some(true) && page.knows("db")).await;
    let before = exporter.report().await;
    assert_eq!(before["status"], "healthy", "{before:#}");
    for (number, (fault, reason, why)) in outages.iter().enumerate() {
        let counted = exporter.page().await.failures(reason);
        fake.fail("*", fault.clone());
        look(&fake);
        let what = format!("{fault:?} is told as {reason}");
        let blind = |page: &super::exporter::Page| {
            page.up() == Some(false) && page.is_blind() && page.failures(reason) > counted
        };
        exporter.until(&what, blind).await;
        told_as_blind(&exporter, why, 3).await;

        let late = format!("late{number}");
        let made = container(&format!("f{number}"), &late, "shop", "10.213.1.9");
        fake.world().containers.push(made);
        fake.heal();
        let well = |page: &super::exporter::Page| page.up() == Some(true) && !page.is_blind();
        let page = exporter.until(&format!("well again after {fault:?}"), well).await;
        assert!(page.knows(&late) && page.knows("api"), "what came meanwhile is known now");
        let after = exporter.report().await;
        assert_eq!(after["status"], "healthy", "{after:#}");
        fake.world().containers.retain(|thing| thing.row["Names"][0] != json!(format!("/{late}")));
        look(&fake);
        exporter.until("what went is gone", |page| !page.knows(&late)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_falls_silent_is_told_and_forgiven() {
    let faults = [
        (Fault::Silence, "timeout", "no complete answer within 300ms"),
        (Fault::HeadThenSilence, "timeout", "no complete answer within 300ms"),
        (Fault::HalfThenSilence, "timeout", "no complete answer within 300ms"),
        (Fault::HalfThenCut, "connection", "before message completed"),
    ];
    outages(Fake::start().await, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_answers_nonsense_is_told_and_forgiven() {
    let faults = [
        (Fault::Says(200, "<html><h1>It works!</h1></html>".into()), "bad_answer", "expected value"),
        (Fault::Says(500, json!({"message": "out of memory"}).to_string()), "server_error", "out of memory"),
        (Fault::Says(403, "<html>403 Forbidden</html>".into()), "forbidden", "A socket proxy must allow GET"),
    ];
    outages(Fake::start().await, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_over_tcp() {
    let faults = [
        (Fault::Silence, "timeout", "no complete answer within 300ms"),
        (Fault::Says(403, "Forbidden".into()), "forbidden", "A socket proxy must allow GET"),
    ];
    outages(Fake::over_tcp().await, &faults).await;
}

/// The stream of events ends with the Engine; nobody waits for the next sign of life.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_ends_is_missed_at_once() {
    let mut fake = Fake::start().await;
    let exporter = Exporter::start(&fake, &format!("{PATIENT}{NO_PROBES}")).await;
    exporter.until("the Engine answers", |page| page.up() == Some(true) && page.knows("db")).await;
    fake.until("it follows the events", |fake| fake.asked("/events") == 1).await;
    // A stream must have stood for a while. Then the next sign of life is more than a second and a half away.
    let asked = fake.asked("/_ping");
    fake.until("it asks for a sign of life", |fake| fake.asked("/_ping") > asked).await;
    let began = std::time::Instant::now();
    fake.die().await;
    exporter.until("it is missed", |page| page.up() == Some(false)).await;
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_millis(1500), "{took:?}");
}

/// Every deadline that a listing has comes later than the next sign of life would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_freezes_in_the_middle_of_a_listing_is_not_missed_later() {
    let fake = Fake::start().await;
    // More than are looked at at once: they would be waited for twice.
    for number in 0..20 {
        let (short, name) = (format!("f{number:02}"), format!("app{number}"));
        fake.world().containers.push(container(&short, &name, "shop", "10.213.1.9"));
    }
    let exporter =
        Exporter::start(&fake, &format!("docker: {{timeout: 4s, refresh_interval: 1h}}\n{NO_PROBES}")).await;
    exporter.until("the Engine answers", |page| page.up() == Some(true) && page.knows("app19")).await;
    // One is answered yet, so that what comes is a listing, of containers that could not be looked at.
    let silent =
        fake.world().containers.iter().skip(1).map(|thing| thing.row["Id"].clone()).collect::<Vec<_>>();
    for id in silent {
        fake.fail(&format!("/containers/{}/json", id.as_str().expect("an id")), Fault::Silence);
    }
    fake.fail("/_ping", Fault::Silence);
    look(&fake);
    let began = std::time::Instant::now();
    exporter.until("it is missed", |page| page.up() == Some(false) && page.is_blind()).await;
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(9), "it was asked after 3 s, and given 4: {took:?}");
    told_as_blind(&exporter, "no complete answer within 4s", 23).await;
}

/// Not there at the start: nothing is known, and that is said; then there.
async fn begins_blind(mut fake: Fake, reason: &str, why: &str) {
    let exporter = Exporter::start(&fake, IMPATIENT).await;
    let page = exporter.until("the Engine is missed", |p| p.up() == Some(false) && p.is_blind()).await;
    assert!(page.failures(reason) >= 1.0, "not told as {reason}:\n{}", exporter.log());
    let report = exporter.report().await;
    assert_eq!(report["status"], "unknown", "{report:#}");
    assert!(report["exporter"]["engine"].is_null(), "{report:#}");
    let evidence = blindness(&report).expect("it is told")["evidence"][0]["observed"].to_string();
    assert!(evidence.contains(why), "{why:?} is not in {evidence}");
    assert_eq!(exporter.get("/-/healthy").await.0, 200);
    assert_eq!(exporter.get("/-/ready").await.0, 503, "no round was ever complete");

    fake.revive().await;
    let well = |p: &super::exporter::Page| p.up() == Some(true) && !p.is_blind() && p.knows("web");
    exporter.until("the Engine that came is seen", well).await;
    let round =
        |p: &super::exporter::Page| p.has(&["destination_exporter_round_last_completed_timestamp_seconds"]);
    exporter.until("a round is complete", round).await;
    assert_eq!(exporter.get("/-/ready").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_made_later_is_found() {
    begins_blind(Fake::absent(), "no_socket", "Is Docker installed and running?").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_nobody_listens_on_is_tried_again() {
    let mut fake = Fake::start().await;
    fake.die().await;
    begins_blind(fake, "refused", "The Engine does not run").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_nobody_listens_on_is_tried_again() {
    let mut fake = Fake::over_tcp().await;
    fake.die().await;
    begins_blind(fake, "refused", "The Engine does not run").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_may_not_be_opened_is_told_as_that() {
    assert!(rustix::process::geteuid().is_root(), "run as root: a process of another user is started");
    let fake = Fake::start().await;
    let open_to = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a file of our own");
    };
    // What that user starts with lies elsewhere: the folder of the socket may be closed to it.
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    open_to(elsewhere.path(), 0o755);
    let program = elsewhere.path().join("exporter");
    std::fs::copy(env!("CARGO_BIN_EXE_destination-exporter"), &program).expect("room for a copy");
    let drops = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    let started = async || {
        let settings = elsewhere.path().join("exporter.yml");
        std::fs::write(&settings, IMPATIENT).expect("a file in a folder of our own");
        Exporter::start_program(&drops, &program, &fake, &settings).await
    };
    for (folder, socket) in [(0o755, 0o600), (0o700, 0o666)] {
        open_to(fake.folder(), folder);
        open_to(&fake.socket(), socket);
        let exporter = started().await;
        let page = exporter.until("the Engine is missed", |p| p.up() == Some(false) && p.is_blind()).await;
        assert!(page.failures("permission") >= 1.0, "{}", exporter.log());
        let report = exporter.report().await.to_string();
        assert!(report.contains("run it as root or in the group docker"), "{report}");
        open_to(fake.folder(), 0o755);
        open_to(&fake.socket(), 0o666);
        exporter.until("it may, now", |p| p.up() == Some(true) && !p.is_blind() && p.knows("api")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_dies_in_the_middle_of_an_answer_is_replaced_by_the_next() {
    for mut fake in [Fake::start().await, Fake::over_tcp().await] {
        let exporter = Exporter::start(&fake, "docker: {timeout: 60s, refresh_interval: 1s}\n").await;
        exporter.until("the first one is seen", |p| p.up() == Some(true) && p.knows("api")).await;
        let listed = fake.asked("/networks");
        fake.fail("/networks", Fault::HalfThenSilence);
        fake.until("it is in the middle of an answer", |fake| fake.asked("/networks") > listed).await;
        fake.die().await;
        let page = exporter.until("it is missed", |p| p.up() == Some(false) && p.is_blind()).await;
        assert!(page.knows("api") && page.failures("connection") >= 1.0, "{}", exporter.log());
        fake.heal();
        fake.world().containers.remove(0);
        fake.world().version["Version"] = json!("29.0.0");
        fake.revive().await;
        let next = |p: &super::exporter::Page| p.up() == Some(true) && !p.is_blind() && !p.knows("api");
        let page = exporter.until("the next one is seen", next).await;
        assert!(page.knows("web") && page.knows("db"));
        assert_eq!(exporter.report().await["exporter"]["engine"]["version"], "29.0.0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_that_it_could_not_look_and_why() {
    let html = || Fault::Says(200, "<html>".into());
    let mut closed = Fake::start().await;
    closed.die().await;
    for (fake, path, fault, words) in [
        (Fake::absent(), "", None, "there is no socket"),
        (closed, "", None, "The Engine does not run"),
        (Fake::start().await, "*", Some(Fault::Silence), "no complete answer within 300ms"),
        (Fake::start().await, "/networks", Some(Fault::Silence), "networks: no complete answer"),
        (Fake::start().await, "/networks", Some(Fault::HalfThenCut), "networks: "),
        (Fake::start().await, "/containers/json", Some(html()), "containers: "),
        (Fake::over_tcp().await, "*", Some(Fault::Says(403, "no".into())), "A socket proxy must allow GET"),
    ] {
        if let Some(fault) = fault.clone() {
            fake.fail(path, fault);
        }
        let (text, json) = tokio::join!(
            check(&fake, IMPATIENT, &["--format", "text"]),
            check(&fake, IMPATIENT, &["--format", "json"]),
        );
        for ended in [text, json] {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(2), "{path} {fault:?}: {said}");
            let reason = said.split("destination-exporter: the Engine does not answer: ").nth(1);
            assert!(reason.is_some_and(|reason| reason.contains(words)), "{words:?} is not in {said}");
            assert!(ended.stdout.is_empty(), "{}", String::from_utf8_lossy(&ended.stdout));
        }
    }
    let ended = check(&Fake::start().await, &format!("{IMPATIENT}{NO_PROBES}"), &[]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("3 containers"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_makes_the_exporter_ask_the_engine() {
    let fake = Fake::start().await;
    let exporter = Exporter::start(&fake, PATIENT).await;
    exporter.until("it has listed", |p| p.up() == Some(true) && p.knows("db")).await;
    fake.until("it follows the events", |fake| fake.asked("/events") == 1).await;
    let before = fake.asked_in_all();
    for _ in 0..25 {
        for path in ["/metrics", "/diagnostics", "/diagnostics/shop", "/", "/-/ready", "/-/healthy"] {
            assert_eq!(exporter.get(path).await.0, 200, "{path}");
        }
    }
    assert_eq!(fake.asked_in_all(), before, "150 readers, no request");
    // It would have been heard of: an event has it list at once.
    look(&fake);
    fake.until("an event has it list", |fake| fake.asked_in_all() > before).await;
}
