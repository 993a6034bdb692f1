use super::*;
use crate::inventory::EngineInfo;
use crate::netstack::LocalPorts;
use crate::outcome::{Blindness, Detail, Echo, Observation};
use std::net::{IpAddr, Ipv4Addr};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

fn key(target: &str) -> ProbeKey {
    ProbeKey {
        destination: "shop".into(),
        kind: ProbeKind::Icmp,
        source: "web".into(),
        target: target.into(),
        detail: Detail::Address(ADDRESS),
    }
}

fn run(target: &str, outcome: Outcome) -> Run {
    Run { key: key(target), outcome, seen: Observation::default() }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn recorder(targets: &[&str]) -> Recorder {
    let mut recorder = Recorder::default();
    let keys: Vec<ProbeKey> = targets.iter().map(|target| key(target)).collect();
    recorder.planned(keys.iter(), Duration::from_secs(15));
    recorder
}

const GOOD: Outcome = Outcome::Success(Duration::from_micros(60));
const BAD: Outcome = Outcome::Failure(Reason::Timeout);
const BLIND: Outcome = Outcome::Unknown(Blindness::NoPrivilege);

#[test]
fn what_is_taken_is_followed_from_picture_to_picture() {
    let mut recorder = Recorder::default();
    recorder.followed(Duration::ZERO, at(0));
    let mut inventory = crate::diagnosis::sample::Sample::shop(&["web"]).inventory;
    inventory.pools = Some(crate::inventory::AddressPools { used: 3, capacity: 31, configured: false });
    recorder.listed(Arc::new(inventory), at(1));
    for (minute, watched) in [(1, None), (59, None), (60, Some(1)), (119, Some(1)), (120, Some(2))] {
        recorder.followed(Duration::from_secs(minute * 60), at(1));
        let known = recorder.snapshot(at(1)).forecasts.pools();
        assert_eq!(known.map(|known| known.watched), watched, "minute {minute}");
    }
}

#[test]
fn rows_are_counted_and_blindness_neither_ends_nor_lengthens_one() {
    let mut recorder = recorder(&["db"]);
    let lossy = Outcome::Failure(Reason::PacketLoss);
    for (second, outcome) in [GOOD, lossy, BLIND, BAD].into_iter().enumerate() {
        recorder.record(vec![run("db", outcome)], at(second as u64));
    }
    let snapshot = recorder.snapshot(at(9));
    let record = &snapshot.probes[&key("db")];
    assert_eq!((record.failures_in_a_row, record.successes_in_a_row), (2, 0));
    assert_eq!((record.since, record.at), (at(1), at(3)));
    assert_eq!((record.losses, record.runs), (0b010, 3), "a loss is not a silence");
    let tally = &snapshot.tallies[&("shop".into(), ProbeKind::Icmp)];
    assert_eq!((tally.attempts, tally.failures[&Reason::Timeout]), (3, 1));
    assert_eq!(snapshot.own.unknown[&Blindness::NoPrivilege], 1);
}

#[test]
fn series_go_with_the_plan_and_counters_of_what_stays_go_on() {
    let mut recorder = recorder(&["db", "cache"]);
    recorder.record(vec![run("db", GOOD), run("cache", BAD)], at(1));
    let db = key("db");
    recorder.planned(std::iter::once(&db), Duration::from_secs(15));
    recorder.record(vec![run("cache", BAD)], at(2));
    let snapshot = recorder.snapshot(at(3));
    assert_eq!(snapshot.probes.keys().collect::<Vec<_>>(), [&db]);
    assert_eq!(snapshot.echoes.len(), 1);
    let tally = &snapshot.tallies[&("shop".into(), ProbeKind::Icmp)];
    assert_eq!((tally.attempts, tally.planned), (2, 1));
}

#[test]
fn known_things_stand_at_zero_before_anything_happens() {
    let snapshot = recorder(&["db"]).snapshot(at(0));
    assert_eq!(snapshot.tallies[&("shop".into(), ProbeKind::Icmp)].attempts, 0);
    assert_eq!(snapshot.echoes[&pair(&key("db"))], EchoTally::default());
    assert_eq!(snapshot.own.round_last_completed, None);
}

#[test]
fn a_round_is_complete_when_every_planned_probe_ran() {
    let mut recorder = recorder(&["db", "cache"]);
    recorder.record(vec![run("db", GOOD)], at(1));
    assert_eq!(recorder.snapshot(at(1)).own.round_last_completed, None);
    recorder.record(vec![run("cache", BLIND)], at(2));
    assert_eq!(recorder.snapshot(at(2)).own.round_last_completed, Some(at(1)));
    // One more is planned: the round that was complete stays the last one that was.
    let keys = [key("db"), key("cache"), key("web")];
    recorder.planned(keys.iter(), Duration::from_secs(15));
    assert_eq!(recorder.snapshot(at(3)).own.round_last_completed, Some(at(1)));
}

#[test]
fn what_is_rare_does_not_keep_a_round_open() {
    let rare = |target: &str| ProbeKey { kind: ProbeKind::PathMtu, ..key(target) };
    let mut recorder = Recorder::default();
    let keys = [key("db"), rare("db")];
    recorder.planned(keys.iter(), Duration::from_secs(15));
    recorder.record(vec![run("db", GOOD)], at(1));
    assert_eq!(recorder.snapshot(at(1)).own.round_last_completed, None, "the first one is waited for");
    recorder.record(vec![Run { key: rare("db"), ..run("", GOOD) }], at(2));
    assert_eq!(recorder.snapshot(at(2)).own.round_last_completed, Some(at(1)));
    recorder.record(vec![run("db", GOOD)], at(16));
    assert_eq!(recorder.snapshot(at(16)).own.round_last_completed, Some(at(16)));
    let keys = [key("db"), rare("db"), rare("web")];
    recorder.planned(keys.iter(), Duration::from_secs(15));
    recorder.record(vec![run("db", GOOD)], at(31));
    assert_eq!(recorder.snapshot(at(31)).own.round_last_completed, Some(at(31)));
}

#[test]
fn whose_turn_has_just_begun_does_not_keep_a_round_open() {
    let across = |target: &str| ProbeKey { kind: ProbeKind::Isolation, ..key(target) };
    let mut recorder = Recorder::default();
    let turns = super::super::Turns { peers: 9, within: Duration::from_secs(120), taken: true };
    recorder.own().turns = Arc::new(BTreeMap::from([("shop".into(), turns)]));
    let plan = |target: &str| [key("db"), across(target)];
    recorder.planned(plan("blog/x").iter(), Duration::from_secs(60));
    recorder.record(vec![run("db", GOOD)], at(1));
    assert_eq!(recorder.snapshot(at(1)).own.round_last_completed, None, "the first one is waited for");
    recorder.record(vec![Run { key: across("blog/x"), ..run("", GOOD) }], at(2));
    assert_eq!(recorder.snapshot(at(2)).own.round_last_completed, Some(at(1)));
    recorder.planned(plan("wiki/x").iter(), Duration::from_secs(60));
    recorder.record(vec![run("db", GOOD)], at(16));
    assert_eq!(recorder.snapshot(at(16)).own.round_last_completed, Some(at(16)));
}

#[test]
fn whose_turn_comes_later_keeps_no_round_open_and_stays_known() {
    let over = |target: &str| ProbeKey { kind: ProbeKind::Overlay, ..key(target) };
    let mut recorder = Recorder::default();
    let keys = [key("db"), over("web/1@198.51.100.2"), over("web/2@198.51.100.2")];
    recorder.planned(keys.iter(), Duration::from_secs(15));
    recorder.in_turns(keys[1..].iter());
    recorder.record(vec![run("db", GOOD)], at(1));
    assert_eq!(recorder.snapshot(at(1)).own.round_last_completed, None, "the first part is waited for");
    recorder.record(vec![Run { key: keys[1].clone(), ..run("", GOOD) }], at(2));
    assert_eq!(recorder.snapshot(at(2)).own.round_last_completed, Some(at(1)));
    recorder.record(vec![Run { key: keys[2].clone(), ..run("", GOOD) }], at(17));
    recorder.record(vec![run("db", GOOD)], at(31));
    let snapshot = recorder.snapshot(at(31));
    assert_eq!(
        snapshot.own.round_last_completed,
        Some(at(31)),
        "how old theirs is says nothing of the round"
    );
    assert_eq!(snapshot.probes.len(), 3);
}

fn empty(taken_at: SystemTime) -> Arc<Inventory> {
    Arc::new(Inventory {
        engine: EngineInfo { version: "27.0".into(), api_version: "1.46".into(), podman: false },
        taken_at,
        destinations: Vec::new(),
        elsewhere: Vec::new(),
        containers: BTreeMap::new(),
        pools: None,
        proxies: Vec::new(),
        routes: crate::inventory::Routes::default(),
        host_files: Default::default(),
        swarm: None,
        absent: Vec::new(),
        oddities: Vec::new(),
    })
}

#[test]
fn a_picture_that_was_asked_for_before_a_change_does_not_show_it() {
    let mut recorder = Recorder::default();
    recorder.changed(at(5));
    recorder.changed(at(3));
    recorder.listed(empty(at(4)), at(9));
    assert!(recorder.snapshot(at(9)).changing, "it was under way when the change came");
    recorder.listed(empty(at(6)), at(9));
    assert!(!recorder.snapshot(at(9)).changing);
}

#[test]
fn where_nothing_is_planned_a_listing_is_a_round() {
    let empty = empty(at(1));
    let mut recorder = Recorder::default();
    recorder.listed(Arc::clone(&empty), at(1));
    assert_eq!(recorder.snapshot(at(1)).own.round_last_completed, None, "nothing is planned yet");
    recorder.planned(std::iter::empty(), Duration::ZERO);
    assert_eq!(recorder.snapshot(at(1)).own.round_last_completed, Some(at(1)));
    recorder.listed(empty, at(2));
    assert_eq!(recorder.snapshot(at(2)).own.round_last_completed, Some(at(2)));
}

#[test]
fn echoes_are_summed_by_pair() {
    let mut recorder = recorder(&["db"]);
    let rtts = vec![Duration::from_micros(40); 2];
    let echo = Echo { sent: 3, received: 2, duplicates: 1, rtts };
    let mut lossy = run("db", Outcome::Failure(Reason::PacketLoss));
    lossy.seen.echo = Some(echo);
    recorder.record(vec![lossy.clone(), lossy], at(1));
    let snapshot = recorder.snapshot(at(1));
    let expected = EchoTally { requests: 6, replies: 4, duplicates: 2 };
    assert_eq!(snapshot.echoes[&pair(&key("db"))], expected);
    assert_eq!(snapshot.rtts["shop"].count(), 4);
}

#[test]
fn a_lost_engine_keeps_its_first_moment_and_loses_nothing() {
    let mut recorder = recorder(&["db"]);
    recorder.record(vec![run("db", GOOD)], at(1));
    assert!(recorder.engine_lost("timeout", at(5)));
    assert!(recorder.engine_lost("refused", at(8)));
    assert!(!recorder.engine_lost("refused", at(9)));
    let snapshot = recorder.snapshot(at(9));
    assert_eq!(snapshot.sight.engine, Engine::Down { since: at(5), why: "refused".into() });
    assert_eq!(snapshot.probes.len(), 1);
    assert!(recorder.engine_answered(at(20)));
    assert!(!recorder.engine_answered(at(23)));
    let up = Engine::Up { back_since: Some(at(20)), broke_at: None, asked_at: at(23) };
    assert_eq!(recorder.snapshot(at(24)).sight.engine, up);
    recorder.engine_broke(at(30));
    assert!(!recorder.engine_answered(at(31)), "nobody saw it away");
    assert_eq!(recorder.snapshot(at(32)).sight.engine.may_be_back_since(), Some(at(30)));
    recorder.engine_lost("refused", at(40));
    recorder.engine_broke(at(41));
    assert!(recorder.engine_answered(at(50)));
    assert_eq!(recorder.snapshot(at(51)).sight.engine.may_be_back_since(), Some(at(50)));
}

#[test]
fn what_a_resolver_lost_is_known_while_the_engine_has_none() {
    let mut recorder = Recorder::default();
    let web = ContainerId::new("web");
    for (read, known) in [(Some(3), Some(3)), (None, Some(3)), (Some(0), Some(0))] {
        recorder.looked(web.clone(), Inner { resolver_drops: read, ..Inner::default() }, true);
        let told = recorder.snapshot(at(1)).containers.get(&web).and_then(|inner| inner.resolver_drops);
        assert_eq!(told, known, "{read:?} was read");
    }
}

#[test]
fn what_a_resolver_loses_is_told_of_two_looks() {
    let mut recorder = Recorder::default();
    let web = ContainerId::new("web");
    let lost = |queries, second| Some(LostQueries { at: at(second), queries });
    for (second, read, told) in [
        (1, Some(500), None),
        (2, Some(500), None),
        (3, Some(530), lost(30, 3)),
        (4, None, lost(30, 3)),
        (5, Some(530), lost(30, 3)),
        (6, Some(0), lost(30, 3)),
        (7, Some(4), lost(4, 7)),
    ] {
        let inner = Inner { resolver_drops: read, at: Some(at(second)), ..Inner::default() };
        recorder.looked(web.clone(), inner, true);
        let known = recorder.snapshot(at(second)).containers.get(&web).and_then(|inner| inner.lost_queries);
        assert_eq!(known, told, "second {second}");
    }
}

#[test]
fn ports_that_could_not_be_read_are_as_they_were_and_a_level_is_left_well_below() {
    let mut recorder = Recorder::default();
    let id = ContainerId::new("api");
    let inner = |held: Option<u32>| {
        let end = |held| (ADDRESS, std::net::SocketAddr::new(ADDRESS, 5432), held, 0);
        let ports = held.map(|held| LocalPorts::of((1, 1000), 1000, [end(held)]));
        Inner { local_ports: ports, ..Inner::default() }
    };
    let mut told = |held| {
        recorder.looked(id.clone(), inner(held), false);
        let snapshot = recorder.snapshot(at(1));
        let ports = snapshot.containers[&id].local_ports.clone();
        ports.and_then(|ports| ports.crowds.first().map(|crowd| (crowd.held, crowd.level)))
    };
    assert_eq!(told(Some(900)), Some((900, Level::Near)));
    assert_eq!(told(None), Some((900, Level::Near)), "unknown is not over");
    assert_eq!(told(Some(850)), Some((850, Level::Near)));
    assert_eq!(told(Some(700)), None);
    assert_eq!(told(Some(850)), Some((850, Level::Room)));
}
