//! What the Engine told, as it is told on.

use super::*;
use crate::inventory::Health;

#[test]
fn a_container_that_is_stopped_is_one_event_of_the_four_that_the_engine_tells() {
    let mut stage = Stage::new(&["api", "db"]);
    stage.tells(Deed::Signalled("SIGTERM"), "api").later(2000);
    assert_eq!(stage.said(), ["api was sent SIGTERM."]);
    stage.places(Deed::Disconnected, "api").later(5);
    stage.tells(died(143), "api").later(5).places(Deed::Disconnected, "api");
    assert_eq!(stage.said(), ["api was stopped (exit code 143)."]);
    stage.ends("api").lists().later(3000).tells(Deed::Destroyed, "api");
    assert_eq!(stage.said(), ["api was stopped (exit code 143) and was removed."]);
    let entry = stage.latest();
    assert_eq!((entry.kind, entry.what, entry.destination.as_deref()), (Kind::Engine, "died", Some("shop")));
    assert_eq!(*entry.subject.name, *"api");
    assert_eq!(entry.at, at(102) + Duration::from_millis(5), "when it ended");
}

#[test]
fn a_redeploy_is_one_event_however_it_is_done() {
    // Recreated: the old one goes first.
    let mut stage = Stage::new(&["api", "db"]);
    stage.tells(Deed::Signalled("SIGTERM"), "api").later(10).tells(died(0), "api").ends("api").lists();
    stage.later(40).tells(Deed::Destroyed, "api").later(2000);
    stage.places(Deed::Connected, "api2").tells(Deed::Started, "api2").later(50);
    stage.begins("api2", "api").lists();
    assert_eq!(stage.said(), ["api was redeployed; its place was empty for 2.0 s."]);
    assert_eq!(stage.latest().what, "redeployed");
    // Rolling: the new one comes first, and its coming is known only by the listing.
    let mut stage = Stage::new(&["api", "db"]);
    stage.places(Deed::Connected, "api2").tells(Deed::Started, "api2").later(50);
    stage.begins("api2", "api").lists();
    assert_eq!(stage.said(), ["api was started."]);
    stage.later(8000).tells(Deed::Signalled("SIGTERM"), "api").later(10).tells(died(0), "api");
    stage.places(Deed::Disconnected, "api").ends("api").lists().later(50).tells(Deed::Destroyed, "api");
    assert_eq!(stage.said(), ["api was redeployed."]);
    // And recreated at once: who rolled out before is nobody who comes.
    stage.later(100).tells(died(137), "api2").ends("api2").lists().tells(Deed::Destroyed, "api2");
    stage.later(500).tells(Deed::Started, "api3").begins("api3", "api").later(50).lists();
    assert_eq!(stage.said(), ["api was redeployed; its place was empty for 0.5 s.", "api was redeployed."]);
    // Each of three in a row takes the place of the one before.
    let mut stage = Stage::new(&["api", "db"]);
    for (old, new) in [("api", "api2"), ("api2", "api3"), ("api3", "api4")] {
        stage.tells(Deed::Started, new).begins(new, "api").later(500).lists();
        stage.later(500).tells(died(0), old).ends(old).lists().later(10).tells(Deed::Destroyed, old);
    }
    assert_eq!(stage.said(), ["api was redeployed."; 3]);
    // A minute apart they are two things.
    let mut stage = Stage::new(&["api", "db"]);
    stage.tells(died(0), "api").ends("api").lists().later(61_000);
    stage.tells(Deed::Started, "api2").begins("api2", "api").later(50).lists();
    assert_eq!(stage.said(), ["api was started.", "api ended (exit code 0)."]);
    // Another replica takes nobody's place.
    let mut stage = Stage::new(&["api", "db"]);
    stage.tells(died(0), "api").ends("api").lists().later(1000);
    stage.tells(Deed::Started, "api2").begins("api2", "api").later(50);
    stage.sample.container("api2").replica = Some(2);
    stage.lists();
    assert_eq!(stage.said(), ["api was started.", "api ended (exit code 0)."]);
}

#[test]
fn one_that_starts_again_and_again_is_told_once() {
    let mut stage = Stage::new(&["api", "db"]);
    for n in 1..=7 {
        stage.tells(died(1), "api").later(100).tells(Deed::Started, "api").later(60_000);
        let times = if n == 1 { String::new() } else { format!(", {n} times by now") };
        let expected =
            format!("api ended (exit code 1) and was started again{times}; it did not run for 0.1 s.");
        assert_eq!(stage.said(), [expected]);
    }
    let mut stage = Stage::new(&["api", "db"]);
    stage
        .tells(Deed::Signalled("SIGTERM"), "api")
        .tells(died(143), "api")
        .later(300)
        .tells(Deed::Started, "api");
    assert_eq!(stage.said(), ["api was restarted; it did not run for 0.3 s."]);
    let mut stage = Stage::new(&["api", "db"]);
    stage
        .tells(Deed::Signalled("SIGTERM"), "api")
        .tells(died(143), "api")
        .later(9000)
        .tells(Deed::Started, "api");
    assert_eq!(stage.said(), ["api was started.", "api was stopped (exit code 143)."]);
    let mut stage = Stage::new(&["api", "db"]);
    stage.tells(Deed::OutOfMemory, "api").later(1001).tells(Deed::OutOfMemory, "api");
    assert_eq!(stage.said(), ["api ran out of memory, 2 times by now."]);
    stage.tells(died(137), "api");
    assert_eq!(stage.said(), ["api ended for want of memory (exit code 137)."]);
}

#[test]
fn what_happens_is_told_in_the_words_of_the_inventory() {
    let mut stage = Stage::new(&["api", "db"]);
    let shop = stage.sample.on("shop").id.as_str().to_owned();
    let network = |deed| Told { at: None, deed, container: None, network: Some(shop.clone()) };
    for (told, expected) in [
        (stage.timeline_told(Deed::Paused), "api was paused."),
        (stage.timeline_told(Deed::Unpaused), "api was unpaused."),
        (stage.timeline_told(Deed::Checked(Health::Unhealthy)), "api became unhealthy by its own check."),
        (
            stage.timeline_told(Deed::Renamed { from: "ap\u{1b}i".into() }),
            "api was renamed (it was ap\\u{1b}i).",
        ),
        (stage.timeline_told(Deed::Destroyed), "api was removed."),
        (network(Deed::NetworkRemoved), "The network shop was removed."),
    ] {
        stage.later(1000).tell(told);
        assert_eq!(stage.said()[0], expected);
    }
    stage.later(1000).places(Deed::Disconnected, "db");
    assert_eq!(stage.said()[0], "db was disconnected from shop.");
    let now = stage.now();
    stage.timeline.engine_lost("nobody listens", now);
    assert_eq!(stage.said()[0], "The Engine stopped answering: nobody listens.");
    let now = stage.later(1000).now();
    stage.timeline.engine_back(now);
    assert_eq!(stage.said()[0], "The Engine answered again.");
}

impl Stage {
    fn timeline_told(&self, deed: Deed) -> Told {
        Told { at: None, deed, container: Some("id-api".into()), network: None }
    }
}

#[test]
fn who_is_on_no_destination_is_nobodys_business() {
    let mut stage = Stage::new(&["api", "db"]);
    stage.sample.container("job");
    stage.lists();
    for deed in [Deed::Started, died(0), Deed::Destroyed] {
        stage.tells(deed.clone(), "job").tells(deed, "stranger").lists();
    }
    let elsewhere = Told {
        at: None,
        deed: Deed::Connected,
        container: Some("id-api".into()),
        network: Some("another".into()),
    };
    stage.tell(elsewhere).later(20_000).lists();
    assert_eq!(stage.said(), [""; 0]);
}

#[test]
fn what_is_told_twice_happened_once() {
    // Docker tells twice that a container was disconnected.
    let mut stage = Stage::new(&["api", "db"]);
    stage.places(Deed::Disconnected, "api").later(3).places(Deed::Disconnected, "api");
    assert_eq!(stage.said(), ["api was disconnected from shop."]);
    stage.places(Deed::Connected, "api").later(3).places(Deed::Disconnected, "api");
    let said = ["api was disconnected from shop, 2 times by now.", "api was connected to shop."];
    assert_eq!(stage.said(), said, "that was another time");
    // A stream that is taken up again begins with what was heard last.
    let mut stage = Stage::new(&["api", "db"]);
    let told =
        |at: SystemTime, deed| Told { at: Some(at), deed, container: Some("id-api".into()), network: None };
    let (ended, began) = (stage.now().at, stage.now().at + Duration::from_millis(100));
    stage.tell(told(ended, died(1))).later(100).tell(told(began, Deed::Started)).later(5000);
    stage.tell(told(ended, died(1))).tell(told(began, Deed::Started));
    assert_eq!(stage.said(), ["api ended (exit code 1) and was started again; it did not run for 0.1 s."]);
}

#[test]
fn an_event_that_comes_late_stands_where_it_happened() {
    let mut stage = Stage::new(&["api", "db"]);
    let before = stage.now().at;
    stage.later(5000).tells(Deed::Paused, "db");
    stage.tell(Told {
        at: Some(before),
        deed: Deed::Paused,
        container: Some("id-api".into()),
        network: None,
    });
    assert_eq!(stage.said(), ["db was paused.", "api was paused."]);
    // One that is ahead of us is now.
    let ahead = Some(at(1_000_000));
    stage.tell(Told { at: ahead, deed: Deed::Unpaused, container: Some("id-api".into()), network: None });
    assert_eq!(stage.latest().at, stage.now().at);
}
