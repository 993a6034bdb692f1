//! `commands::watch`: listings are the truth and events are hints, whatever the stream does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use destination_exporter::commands::watch::watch;
use destination_exporter::inventory::seen::Seen;
use destination_exporter::inventory::told::{Deed, Told};
use destination_exporter::monitor::Message;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::settings;
use super::fake::{Fake, Fault, PATIENCE};
use super::things::{container, event, id};

/// A watch under way, and what it tells.
struct Watch {
    told: mpsc::Receiver<Message>,
    stop: CancellationToken,
}

impl Watch {
    /// With the shortest refresh interval there is, or with one that never comes.
    fn start(fake: &Fake, refresh_interval: Duration) -> Self {
        Self::start_within(fake, refresh_interval, Duration::from_secs(20))
    }

    fn start_within(fake: &Fake, refresh_interval: Duration, timeout: Duration) -> Self {
        let settings = destination_exporter::config::Docker { refresh_interval, ..settings(fake, timeout) };
        let (monitor, told) = mpsc::channel(1024);
        let stop = CancellationToken::new();
        tokio::spawn(watch(settings, monitor, stop.clone()));
        Self { told, stop }
    }

    async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        next.expect("nothing is told").expect("the watch goes on")
    }

    /// The next listing, on the way to which nothing may be called lost.
    async fn listing(&mut self) -> Seen {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next().await {
                Message::Listed { seen, .. } => return Seen::clone(&seen),
                Message::Lost(why) => panic!("the Engine answers, yet: {why}"),
                _ => assert!(Instant::now() < deadline, "no listing comes"),
            }
        }
    }

    /// The first listing of which it holds; returns how many it took.
    async fn listing_with(&mut self, holds: impl Fn(&Seen) -> bool) -> usize {
        let deadline = Instant::now() + PATIENCE;
        for count in 1.. {
            if holds(&self.listing().await) {
                return count;
            }
            assert!(Instant::now() < deadline, "no such listing");
        }
        unreachable!("the deadline comes first")
    }

    /// The next of what is told of events.
    async fn telling(&mut self) -> Message {
        loop {
            if let message @ (Message::Told(_) | Message::Touched { .. }) = self.next().await {
                return message;
            }
        }
    }

    /// Waits until something is called touched that bears this id.
    async fn touched(&mut self, wanted: &str) {
        loop {
            if let Message::Touched { names, .. } = self.next().await
                && names.iter().any(|name| name == wanted)
            {
                return;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_secs(1);

fn has(name: &str) -> impl Fn(&Seen) -> bool {
    move |seen| seen.containers.iter().any(|c| c.name == name)
}

/// Something new that only a listing tells.
fn add(fake: &Fake, short: &str, name: &str) {
    fake.world().containers.push(container(short, name, "shop", "10.213.1.7"));
}

async fn following(fake: &Fake, refresh_interval: Duration) -> Watch {
    let mut watch = Watch::start(fake, refresh_interval);
    watch.listing().await;
    fake.until("it follows the events", |fake| fake.asked("/events") == 1).await;
    watch
}

/// Asked for from the present moment on.
fn is_of_now(since: &Option<String>) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    since.as_deref().and_then(|s| s.parse().ok()).is_some_and(|s: f64| (now - s).abs() < 120.0)
}

#[tokio::test]
async fn a_stream_that_is_cut_is_taken_up_where_it_ended() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    let moment = fake.say(event("container", "start", "before"));
    watch.touched("before").await;
    fake.fail("/events", Fault::Says(503, "not now".into()));
    fake.cut_events();
    fake.until("it tries again", |fake| fake.asked("/events") >= 3).await;
    fake.say(event("container", "start", "between"));
    add(&fake, "dd", "new");
    fake.heal();
    watch.touched("between").await;
    watch.listing_with(has("new")).await;
    let since = fake.since();
    let expected = format!("{}.{:09}", moment / 1_000_000_000, moment % 1_000_000_000);
    assert!(is_of_now(&since[0]), "what came before it, the first listing shows: {since:?}");
    assert!(since.iter().skip(1).all(|since| since.as_deref() == Some(&*expected)), "{since:?}");
}

#[tokio::test]
async fn nonsense_on_the_stream_costs_nothing_that_comes_after_it() {
    let all = [
        "<html>504 Gateway Timeout</html>",
        r#"{"Type": "moonbeam", "Action": "shine", "Actor": {"ID": "x"}, "timeNano": 1790000000000000002}"#,
        r#"{"Type": "container", "scope": "galaxy", "timeNano": 1790000000000000002}"#,
        r#"{"Type": "container", "Action": 7}"#,
        "[]",
        "\u{0}\u{1}\u{2}",
    ];
    join_all(all.map(async |nonsense| {
        let fake = Fake::start().await;
        let mut watch = following(&fake, SOON).await;
        fake.say(event("container", "start", "before"));
        watch.touched("before").await;
        // Asked for what came since then, an Engine says the nonsense again, each time.
        fake.say_raw(nonsense);
        fake.until("the stream begins anew", |fake| {
            fake.asked("/events") >= 2 && fake.since().last().is_some_and(is_of_now)
        })
        .await;
        fake.say(event("container", "start", "after"));
        watch.touched("after").await;
    }))
    .await;
}

#[tokio::test]
async fn what_was_missed_behind_nonsense_is_listed() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    add(&fake, "dd", "new");
    fake.say_raw("nonsense");
    watch.listing_with(has("new")).await;
}

#[tokio::test]
async fn a_moment_that_cannot_be_is_not_asked_for() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    for (number, moment) in [i64::MIN, -1, 0].into_iter().enumerate() {
        let who = format!("c{number}");
        let odd = json!({"Type": "container", "Action": "start", "Actor": {"ID": who}, "timeNano": moment});
        fake.say_raw(&odd.to_string());
        watch.touched(&who).await;
        let asked = fake.asked("/events");
        fake.cut_events();
        fake.until("it follows again", |fake| fake.asked("/events") > asked).await;
    }
    assert!(fake.since().iter().all(is_of_now), "{:?}", fake.since());
}

#[tokio::test]
async fn actions_that_nobody_knows_are_hints_and_the_noise_of_health_checks_is_none() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    for noise in ["exec_create: curl", "exec_start: curl", "exec_die", "exec", "exec_died", "top"] {
        fake.say(event("container", noise, "noise"));
    }
    fake.say(event("container", "levitate", "container-hint"));
    fake.say(event("network", "levitate", "network-hint"));
    let mut heard = Vec::new();
    while !heard.iter().any(|name| name == "network-hint") {
        if let Message::Touched { names, .. } = watch.next().await {
            heard.extend(names);
        }
    }
    assert_eq!(heard, ["container-hint", "network-hint"]);
}

#[tokio::test]
async fn what_happened_is_told_before_it_is_said_to_be_old_and_a_signal_makes_nothing_old() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    let listings = fake.asked("/networks");
    let mut kill = event("container", "kill", "signalled");
    kill["Actor"]["Attributes"]["signal"] = json!("15");
    fake.say(kill);
    let signalled = Message::Told(Box::new(Told {
        at: Some(UNIX_EPOCH + Duration::from_secs(1_790_000_000)),
        deed: Deed::Signalled("SIGTERM"),
        container: Some("signalled".into()),
        network: None,
    }));
    assert_eq!(format!("{:?}", watch.telling().await), format!("{signalled:?}"));
    // So long a change would have to wait at most.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(fake.asked("/networks"), listings);
    fake.say(event("container", "start", "started"));
    assert!(matches!(watch.telling().await, Message::Told(told) if told.deed == Deed::Started));
    assert!(matches!(watch.telling().await, Message::Touched { names, .. } if names == ["started"]));
    watch.listing().await;
}

#[tokio::test]
async fn a_burst_of_events_is_a_handful_of_listings() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    for _ in 0..10_000 {
        fake.say(event("container", "start", "burst"));
    }
    add(&fake, "dd", "new");
    fake.say(event("container", "start", "last"));
    watch.listing_with(has("new")).await;
    // What is still on its way has its listings too; then it is quiet.
    let quiet = Duration::from_secs(2);
    while tokio::time::timeout(quiet, watch.next()).await.is_ok() {}
    let listings = fake.asked("/networks");
    assert!(listings <= 60, "{listings} listings for 10,000 events");
    assert_eq!(fake.asked("/events"), 1, "the stream was not lost over it");
}

#[tokio::test]
async fn that_a_start_failed_is_seen_though_no_event_tells_of_it() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    let mut created = container("dd", "new", "shop", "10.213.1.9");
    created.row["State"] = json!("created");
    created.inspected["State"] = json!({"Status": "created", "Running": false, "Pid": 0, "ExitCode": 0});
    fake.world().containers.push(created);
    fake.say(event("container", "create", &id("dd")));
    watch.listing_with(has("new")).await;
    fake.world().container("new").inspected["State"]["ExitCode"] = json!(128);
    let failed = |seen: &Seen| seen.containers.iter().any(|c| c.name == "new" && c.exit_code == Some(128));
    watch.listing_with(failed).await;
}

#[tokio::test]
async fn an_event_of_a_container_that_does_not_exist_is_a_listing_without_it() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    let ghost = id("9");
    fake.say(event("container", "start", &ghost));
    watch.touched(&ghost).await;
    let seen = watch.listing().await;
    assert_eq!(seen.containers.len(), 3);
    assert!(seen.oddities.is_empty(), "{:?}", seen.oddities);
}

#[tokio::test]
async fn without_events_the_listings_alone_do() {
    let faults = [
        None,
        Some(Fault::Silence),
        Some(Fault::HeadThenSilence),
        Some(Fault::Says(403, "Forbidden".into())),
        Some(Fault::Says(500, "{}".into())),
        Some(Fault::Says(200, "<html>".into())),
    ];
    join_all(faults.map(async |fault| {
        let fake = Fake::start().await;
        if let Some(fault) = fault.clone() {
            fake.fail("/events", fault);
        }
        let mut watch = Watch::start(&fake, SOON);
        watch.listing().await;
        add(&fake, "dd", "new");
        watch.listing_with(has("new")).await;
        let (asked, listed) = (fake.asked("/events"), fake.asked("/networks"));
        assert!(asked <= 2 * listed + 4, "{fault:?}: asked {asked} times over {listed} listings");
    }))
    .await;
}

/// A socket that outlives the daemon (systemd's `docker.socket`) refuses nobody: that the stream ended is all
/// there is to see of a restart, and the next one may have other settings.
#[tokio::test]
async fn behind_a_socket_that_stays_the_end_of_the_stream_may_be_another_engine() {
    let fake = Fake::start().await;
    let mut watch = following(&fake, NEVER).await;
    // One that never stood is no sign of anything.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    fake.world().version["Version"] = json!("29.0.0");
    fake.world().info = json!({"DefaultAddressPools": [{"Base": "10.64.0.0/12", "Size": 24}]});
    fake.cut_events();
    let base = |seen: &Seen| seen.pools.as_ref().map(|pools| pools[0].base.clone());
    let repaired =
        |seen: &Seen| seen.engine.version == "29.0.0" && base(seen).as_deref() == Some("10.64.0.0/12");
    watch.listing_with(repaired).await;
    assert_eq!((fake.asked("/version"), fake.asked("/info")), (2, 2), "of two Engines, once each");
}

/// What is asked of an Engine that ends meanwhile says nothing of the next one.
#[tokio::test]
async fn an_engine_that_ends_in_the_middle_of_a_listing_is_not_taken_for_the_one_that_listed() {
    let fake = Fake::start().await;
    let mut watch = Watch::start_within(&fake, NEVER, Duration::from_secs(2));
    watch.listing().await;
    fake.until("it follows the events", |fake| fake.asked("/events") == 1).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let path = format!("/containers/{}/json", id("bb"));
    let asked = fake.asked(&path);
    fake.fail(&path, Fault::Silence);
    fake.say(event("container", "start", "x"));
    fake.until("it waits for an inspection", |fake| fake.asked(&path) > asked).await;
    fake.world().version["Version"] = json!("29.0.0");
    fake.cut_events();
    fake.heal();
    assert_eq!(watch.listing().await.engine.version, "28.5.2", "it was asked before");
    watch.listing_with(|seen| seen.engine.version == "29.0.0").await;
}
