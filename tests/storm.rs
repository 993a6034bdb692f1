//! Whom a real Prometheus and a real Alertmanager wake, with the project's own files, for a server of 60 destinations: one
//! notification a fault, and none where there is no fault.

#[path = "storm/stage.rs"]
mod stage;
#[path = "storm/town.rs"]
mod town;

use std::thread;
use std::time::{Duration, Instant};

use stage::{Notification, Stage, lock};
use town::{DESTINATIONS, name};

/// Of a minute four seconds are left.
const FASTER: u32 = 15;

/// So many minutes, as the scaled rules count.
fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60) / FASTER
}

fn words(sent: &[Notification]) -> Vec<String> {
    sent.iter().map(|one| format!("{} {} {:?}", one.to, one.body["status"], one.alerts())).collect()
}

#[test]
fn a_dead_engine_is_one_page_however_many_destinations_there_are() {
    let stage = Stage::new(FASTER);
    stage.warm_up(8);
    assert_eq!(words(&stage.sent()), [""; 0], "before anything happened");
    lock(&stage.town).engine = false;
    thread::sleep(minutes(8));
    let pages = stage.pages(1, minutes(1));
    assert_eq!(pages.len(), 1, "{:?}", words(&pages));
    assert_eq!(pages[0].alerts(), ["DestinationEngineSilent"]);
    assert!(pages[0].text("description").contains("systemctl restart docker"), "{}", pages[0].body);
    // Names do not resolve anywhere meanwhile: every destination burns its objective, and the Engine accounts for it.
    let failing = "count(destination:destination_probe_failures_per_attempts:ratio_rate5m%20%3E%200.0144)";
    let failing = stage.ask(failing);
    let failing = failing["data"]["result"][0]["value"][1].as_str().map(str::to_owned);
    assert_eq!(failing.as_deref().and_then(|n| n.parse().ok()), Some(DESTINATIONS), "{failing:?}");
    assert_eq!(words(&stage.sent()).len(), 1, "nobody else hears of it: {:?}", words(&stage.sent()));
    // What failed lingers in the windows when it is back, and longer than the alert of the Engine stays.
    lock(&stage.town).engine = true;
    thread::sleep(minutes(12));
    let (firing, over): (Vec<_>, Vec<_>) = stage.sent().into_iter().partition(Notification::is_firing);
    assert_eq!((firing.len(), over.len()), (1, 1), "{:?} {:?}", words(&firing), words(&over));
}

#[test]
fn a_detached_proxy_is_one_page_that_names_it_within_two_minutes() {
    let stage = Stage::new(1);
    stage.warm_up(2);
    lock(&stage.town).detached.insert(7);
    lock(&stage.town).changed();
    let began = Instant::now();
    let pages = stage.pages(1, Duration::from_secs(120));
    assert_eq!(pages.len(), 1, "{:?}", words(&stage.sent()));
    let page = &pages[0];
    assert!(page.at.duration_since(began) < Duration::from_secs(120), "{:?}", page.at.duration_since(began));
    eprintln!("told after {:?}", page.at.duration_since(began));
    assert_eq!(page.alerts(), ["DestinationFault"], "{}", page.body);
    let text = page.text("description");
    for wanted in [
        &name(7),
        "The proxy is not on the network",
        &format!("\nRun first: docker network connect {} coolify-proxy", name(7)),
    ] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    assert!(page.text("diagnostics_url").contains(&format!("/diagnostics/{}#proxy-not-attached-", name(7))));
    assert!(page.text("runbook_url").ends_with("/runbooks/proxy-not-attached"));
}

#[test]
fn a_fault_is_told_once_through_restarts_of_prometheus_and_when_it_is_over() {
    let mut stage = Stage::new(FASTER);
    stage.warm_up(8);
    lock(&stage.town).detached.extend([3, 4]);
    lock(&stage.town).changed();
    let pages = stage.pages(2, minutes(10));
    assert_eq!(pages.iter().filter(|page| page.is_firing()).count(), 2, "{:?}", words(&stage.sent()));
    stage.restart_prometheus();
    thread::sleep(minutes(6));
    assert_eq!(stage.pages(9, Duration::ZERO).len(), 2, "{:?}", words(&stage.sent()));
    lock(&stage.town).detached.clear();
    lock(&stage.town).changed();
    let pages = stage.pages(4, minutes(20));
    let over: Vec<bool> = pages.iter().map(Notification::is_firing).collect();
    assert_eq!(over, [true, true, false, false], "{:?}", words(&stage.sent()));
}

#[test]
fn deployments_all_the_time_wake_nobody() {
    let stage = Stage::new(FASTER);
    stage.warm_up(4);
    let began = Instant::now();
    let mut next = 0;
    while began.elapsed() < minutes(10) {
        let mut town = lock(&stage.town);
        town.deployed[next % DESTINATIONS] += 1;
        town.changed();
        drop(town);
        next += 1;
        thread::sleep(Duration::from_millis(300));
    }
    assert!(next > 50, "{next} deployments");
    assert_eq!(words(&stage.sent()), [""; 0]);
    assert!(
        stage.alive() >= 1,
        "the watchdog is heard of {} times: {}\n{}",
        stage.alive(),
        stage.ask("ALERTS"),
        stage.logs()
    );
}
