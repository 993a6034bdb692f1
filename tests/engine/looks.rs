//! Namespaces that are missed while the Engine may be dying: it takes its containers with it, and that is no
//! fault of the exporter's mounts.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::config::Config;
use destination_exporter::docker::Engine;
use destination_exporter::inventory::ContainerId;
use destination_exporter::monitor::{Handle, Message, Monitor};
use destination_exporter::namespace::{HopError, Hopper};
use destination_exporter::netstack::Inner;
use destination_exporter::outcome::Blindness;
use tokio_util::sync::CancellationToken;

use super::answers::settings;
use super::fake::{Fake, PATIENCE};
use super::things::id;

/// A monitor that was told of the three, and looked into them all.
async fn monitor(fake: &Fake) -> (Handle, CancellationToken) {
    let hopper = Hopper::start().expect("a thread");
    let (monitor, handle) = Monitor::new(Arc::new(Config::default()), hopper, "");
    let stop = CancellationToken::new();
    tokio::spawn(monitor.run(stop.clone()));
    let seen =
        Engine::new(&settings(fake, Duration::from_secs(20))).list(None, false).await.expect("a listing");
    tell(&handle, Message::Listed { seen: Arc::new(seen), asked_at: SystemTime::now() }).await;
    for short in ["aa", "bb", "cc"] {
        tell(&handle, looked(short, None)).await;
    }
    (handle, stop)
}

async fn tell(handle: &Handle, message: Message) {
    handle.messages.send(message).await.expect("the loop runs");
}

fn looked(short: &str, failure: Option<Blindness>) -> Message {
    let seen = match failure {
        None => Ok(Inner { listeners: Some(Vec::new()), ..Inner::default() }),
        Some(blindness) => Err(HopError { blindness, detail: "no such file".into() }),
    };
    Message::Looked { container: ContainerId::new(&id(short)), seen, sockets_too: false }
}

/// Who is found blind, when all has settled that was told so far.
async fn blind(handle: &Handle) -> Vec<String> {
    let mut published = handle.published.clone();
    let settled = async {
        // A fact is told when it has stood for a moment.
        tokio::time::sleep(Duration::from_millis(200)).await;
        while handle.verdict.load().pending > 0 {
            published.changed().await.expect("the loop runs");
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("it settles");
    let verdict = handle.verdict.load();
    verdict.findings.iter().map(|f| f.subject.name.to_string()).collect()
}

#[tokio::test]
async fn what_was_missed_since_the_last_sign_of_life_of_a_dead_engine_is_forgotten() {
    let fake = Fake::start().await;
    let (handle, _stop) = monitor(&fake).await;
    for short in ["aa", "bb", "cc"] {
        tell(&handle, looked(short, Some(Blindness::NoNamespace))).await;
    }
    tell(&handle, Message::Lost("refused".into())).await;
    assert_eq!(blind(&handle).await, ["engine"]);
    let sight = &handle.verdict.load().snapshot.sight;
    assert_eq!(sight.namespaces, Some(Ok(())), "as it was seen when the Engine lived");
}

#[tokio::test]
async fn what_was_missed_while_the_engine_lived_is_a_fault_of_the_exporters() {
    let fake = Fake::start().await;
    let (handle, _stop) = monitor(&fake).await;
    tell(&handle, looked("aa", Some(Blindness::NoNamespace))).await;
    tell(&handle, looked("bb", Some(Blindness::NoPrivilege))).await;
    assert_eq!(blind(&handle).await, ["network_namespaces"]);
    tell(&handle, Message::Alive { asked_at: SystemTime::now() }).await;
    // Missed again, and before the Engine's last word already.
    tell(&handle, looked("aa", Some(Blindness::NoNamespace))).await;
    tell(&handle, looked("cc", Some(Blindness::NoNamespace))).await;
    tell(&handle, Message::Lost("refused".into())).await;
    assert_eq!(blind(&handle).await, ["engine", "network_namespaces"]);
    let sight = handle.verdict.load().snapshot.sight.namespaces.clone();
    let why = sight.expect("it was tried").expect_err("they are missed");
    assert_eq!(why, "api: no such file (and 1 more container)");
}
