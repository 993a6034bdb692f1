use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::diagnosis::sample::{Sample, at};
use crate::netstack::{Connections, Inner};

/// `api` (10.0.2.2) and `db` (10.0.2.3) on `shop`, `db` (10.0.3.2) and `api` (10.0.3.3) on `blog` as well, and
/// `web` (10.0.3.4) there alone; `web` publishes its port 80 as 8080 of the host.
struct Town(Sample, BTreeMap<ContainerId, Inner>);

impl Town {
    fn new() -> Self {
        let mut sample = Sample::shop(&["api", "db"]);
        sample.destination("blog", 3);
        for name in ["db", "api", "web"] {
            sample.endpoint("blog", name);
        }
        let port =
            PublishedPort { host_ip: None, host_port: 8080, container_port: 80, protocol: "tcp".into() };
        sample.container("web").published = vec![port];
        sample.sight.host_addresses = [ip("203.0.113.7"), ip("10.0.2.1")].into();
        Self(sample, BTreeMap::new())
    }

    /// Nobody has a connection, and everybody was looked at.
    fn quiet() -> Self {
        let mut town = Self::new();
        for name in ["api", "db", "web"] {
            town.talks(name, &[]);
        }
        town
    }

    fn talks(&mut self, name: &str, talks: &[(&str, &str, u16, Side, u32)]) {
        let talk = |&(local, remote, port, side, count): &(&str, &str, u16, Side, u32)| {
            (Talk { local: ip(local), remote: ip(remote), port, side }, count)
        };
        let talks = talks.iter().map(talk).collect();
        let connections = Connections { at: at(60), talks, complete: true };
        self.1.insert(id(name), Inner { connections: Some(Arc::new(connections)), ..Inner::default() });
    }

    fn but(&mut self, name: &str, change: impl FnOnce(&mut Connections)) {
        let connections = self.1.get_mut(&id(name)).and_then(|inner| inner.connections.as_mut());
        change(Arc::make_mut(connections.expect("was looked at")));
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { containers: Arc::new(self.1.clone()), ..self.0.snapshot() }
    }

    fn told(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        conversations(&snapshot).told.iter().map(words).collect()
    }
}

/// `shop/api → shop/db:5432 inside ×3`.
fn words(of: &Conversation<'_>) -> String {
    let party = |party: &Party<'_>| format!("{}/{}", party.destination(), party.name());
    let by = of.by.map(|(address, port)| format!(" by {address}:{port}")).unwrap_or_default();
    let (source, target, way) = (party(&of.source), party(&of.target), of.way.as_label());
    let port = of.port.map_or_else(|| "other".to_owned(), |port| port.to_string());
    format!("{source} → {target}:{port} {way}{by} ×{}", of.connections)
}

fn id(name: &str) -> ContainerId {
    ContainerId::new(&format!("id-{name}"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

use Side::{Client, Server};

#[test]
fn a_connection_that_both_ends_see_is_told_once() {
    let mut town = Town::quiet();
    town.talks("api", &[("10.0.2.2", "10.0.2.3", 5432, Client, 3)]);
    town.talks("db", &[("10.0.2.3", "10.0.2.2", 5432, Server, 3)]);
    assert_eq!(town.told(), ["shop/api → shop/db:5432 inside ×3"]);
}

#[test]
fn who_cannot_be_looked_into_is_told_of_by_the_other_end() {
    let mut town = Town::new();
    town.talks("db", &[("10.0.2.3", "10.0.2.2", 5432, Server, 2)]);
    assert_eq!(town.told(), ["shop/api → shop/db:5432 inside ×2"]);
    let snapshot = town.snapshot();
    let unseen = conversations(&snapshot).unseen;
    let unseen: Vec<_> = unseen.iter().map(|(on, who)| format!("{}/{}", on.name, who.name)).collect();
    assert_eq!(unseen, ["shop/api", "blog/api", "blog/web"]);
}

#[test]
fn each_way_is_told_apart() {
    for (name, talk, told) in [
        // By its own place there: that is not across.
        ("api", ("10.0.3.3", "10.0.3.4", 80, Client, 1), "blog/api → blog/web:80 inside ×1"),
        ("db", ("10.0.2.3", "10.0.3.4", 80, Client, 1), "shop/db → blog/web:80 across ×1"),
        (
            "api",
            ("10.0.2.2", "203.0.113.7", 8080, Client, 1),
            "shop/api → blog/web:80 hairpin by 203.0.113.7:8080 ×1",
        ),
        // The gateway is an address of the host too.
        (
            "api",
            ("10.0.3.3", "10.0.3.1", 8080, Client, 1),
            "blog/api → blog/web:80 hairpin by 10.0.3.1:8080 ×1",
        ),
        ("api", ("10.0.2.2", "203.0.113.7", 22, Client, 1), "shop/api → /host:22 host ×1"),
        ("web", ("10.0.3.4", "10.0.3.1", 80, Server, 4), "/host → blog/web:80 host ×4"),
        ("api", ("10.0.2.2", "192.0.2.1", 443, Client, 2), "shop/api → /outside:443 outside ×2"),
        ("web", ("10.0.3.4", "192.0.2.1", 80, Server, 9), "/outside → blog/web:80 outside ×9"),
    ] {
        let mut town = Town::quiet();
        town.talks(name, &[talk]);
        assert_eq!(town.told(), [told]);
    }
}

#[test]
fn a_port_that_is_published_at_one_address_is_known_without_knowing_the_hosts() {
    let mut town = Town::quiet();
    town.0.sight.host_addresses.clear();
    let talk = |remote| ("10.0.2.2", remote, 8080, Client, 1);
    town.talks("api", &[talk("203.0.113.7")]);
    assert_eq!(town.told(), ["shop/api → /outside:8080 outside ×1"]);
    town.0.container("web").published[0].host_ip = Some(ip("203.0.113.7"));
    assert_eq!(town.told(), ["shop/api → blog/web:80 hairpin by 203.0.113.7:8080 ×1"]);
    town.talks("api", &[talk("203.0.113.8")]);
    assert_eq!(town.told(), ["shop/api → /outside:8080 outside ×1"]);
    town.0.container("web").published[0].protocol = "udp".into();
    town.talks("api", &[talk("203.0.113.7")]);
    assert_eq!(town.told(), ["shop/api → /outside:8080 outside ×1"]);
}

#[test]
fn what_a_container_says_to_itself_or_beside_its_destinations_is_no_conversation() {
    let mut town = Town::quiet();
    town.talks("api", &[("10.0.2.2", "10.0.3.3", 80, Client, 1), ("10.88.0.2", "10.88.0.3", 80, Client, 1)]);
    assert_eq!(town.told(), Vec::<String>::new());
}

#[test]
fn many_callers_from_outside_are_one() {
    let mut town = Town::quiet();
    let callers: Vec<String> = (1..200).map(|n| format!("192.0.2.{n}")).collect();
    let talks: Vec<_> = callers.iter().map(|from| ("10.0.3.4", from.as_str(), 80, Server, 2)).collect();
    town.talks("web", &talks);
    assert_eq!(town.told(), ["/outside → blog/web:80 outside ×398"]);
}

#[test]
fn what_is_counted_is_the_end_that_saw_more() {
    let mut town = Town::quiet();
    town.talks("api", &[("10.0.2.2", "10.0.2.3", 5432, Client, 1)]);
    town.but("api", |cut| cut.complete = false);
    town.talks("db", &[("10.0.2.3", "10.0.2.2", 5432, Server, 90)]);
    assert_eq!(town.told(), ["shop/api → shop/db:5432 inside ×90"]);
    let snapshot = town.snapshot();
    assert_eq!(conversations(&snapshot).unseen.len(), 2, "api's list was cut, on both of its destinations");
}

#[test]
fn an_address_that_nobody_here_has_is_unknown_and_not_the_world() {
    let mut town = Town::quiet();
    // A virtual address of Swarm's: who serves it sees who calls.
    town.talks("api", &[("10.0.2.2", "10.0.2.77", 80, Client, 1)]);
    town.talks("db", &[("10.0.2.3", "10.0.2.2", 80, Server, 1), ("10.0.2.3", "10.0.2.99", 80, Server, 2)]);
    assert_eq!(
        town.told(),
        [
            "shop/api → shop/db:80 inside ×1",
            "shop/api → shop/unknown:80 inside ×1",
            "shop/unknown → shop/db:80 inside ×2"
        ]
    );
}

#[test]
fn what_was_said_to_whoever_had_the_address_before_is_not_told_of_its_owner() {
    let mut town = Town::quiet();
    town.talks("api", &[("10.0.2.2", "10.0.2.3", 5432, Client, 1)]);
    town.0.container("db").started_at = Some(at(59));
    assert_eq!(town.told().len(), 1);
    town.0.container("db").started_at = Some(at(61));
    assert_eq!(town.told(), Vec::<String>::new());
}

#[test]
fn what_was_read_long_ago_is_unseen() {
    let mut town = Town::quiet();
    town.talks("api", &[("10.0.2.2", "10.0.2.3", 5432, Client, 1)]);
    town.but("api", |old| old.at -= OLD);
    assert_eq!(town.told(), Vec::<String>::new());
    let snapshot = town.snapshot();
    assert_eq!(conversations(&snapshot).unseen.len(), 2);
}

#[test]
fn who_calls_itself_by_the_host_has_no_conversation() {
    let mut town = Town::quiet();
    town.talks("web", &[("10.0.3.4", "10.0.3.1", 8080, Client, 1)]);
    assert_eq!(town.told(), Vec::<String>::new());
}

#[test]
fn who_calls_thousands_of_ports_is_told_of_by_those_that_are_known() {
    let mut town = Town::quiet();
    let talks: Vec<_> =
        (1..9000).step_by(40).map(|port| ("10.0.2.2", "192.0.2.1", port, Client, 1)).collect();
    town.talks("api", &talks);
    assert_eq!(town.told(), ["shop/api → /outside:other outside ×225"]);
    let known: Vec<_> =
        (2000..2100).chain([443, 22]).map(|port| ("10.0.2.2", "192.0.2.1", port, Client, 1)).collect();
    town.talks("api", &known);
    let mut told = town.told();
    told.sort();
    assert_eq!(
        told,
        [
            "shop/api → /outside:22 outside ×1",
            "shop/api → /outside:443 outside ×1",
            "shop/api → /outside:other outside ×100"
        ]
    );
}

#[test]
fn one_who_talks_very_much_leaves_room_for_the_others() {
    let mut town = Town::quiet();
    let loud: Vec<_> = (1000..1200).map(|port| ("10.0.2.2", "10.0.2.3", port, Client, 9)).collect();
    town.talks("api", &loud);
    town.talks("db", &[("10.0.3.2", "10.0.3.4", 80, Client, 1)]);
    let snapshot = town.snapshot();
    let told = conversations(&snapshot);
    assert_eq!((told.told.len(), told.left_out), (65, 136));
    assert!(told.told.iter().any(|one| words(one) == "blog/db → blog/web:80 inside ×1"));
}

#[test]
fn only_so_many_are_told_and_first_what_stays_here() {
    let mut town = Town::quiet();
    let names: Vec<String> = (0..20).map(|n| format!("app{n}")).collect();
    for name in &names {
        town.0.endpoint("shop", name);
        let address = town.0.on("shop").endpoints.last().expect("made").addresses[0].to_string();
        let mut talks: Vec<_> =
            (100..140).map(|port| (address.as_str(), "10.0.2.1", port, Client, 9)).collect();
        talks.push((address.as_str(), "10.0.2.3", 5432, Client, 1));
        town.talks(name, &talks);
    }
    let snapshot = town.snapshot();
    let told = conversations(&snapshot);
    assert_eq!((told.told.len(), told.left_out), (MOST_CONVERSATIONS, 20 * 41 - MOST_CONVERSATIONS));
    assert_eq!(told.told.iter().filter(|one| one.way == Way::Inside).count(), 20);
}

proptest! {
    /// Whatever the sockets say, nothing is told twice and nobody talks to itself.
    #[test]
    fn the_map_is_a_set(talks in proptest::collection::vec(
        (0_usize..6, 0_usize..12, prop_oneof![1_u16..4, Just(8080)], any::<bool>(), 1_u32..5), 0..40)
    ) {
        let local = ["10.0.2.2", "10.0.3.3", "10.0.2.3", "10.0.3.2", "10.0.3.4", "10.9.9.9"];
        let remote = ["203.0.113.7", "10.0.2.1", "10.0.3.1", "192.0.2.1", "127.0.0.1", "::1"];
        let mut town = Town::quiet();
        for name in ["api", "db", "web"] {
            let said: Vec<_> = talks.iter().map(|&(here, there, port, calls, count)| {
                let there = local.get(there).unwrap_or_else(|| &remote[there - local.len()]);
                (local[here], *there, port, if calls { Client } else { Server }, count)
            }).collect();
            town.talks(name, &said);
        }
        let snapshot = town.snapshot();
        let told = conversations(&snapshot).told;
        let keys: BTreeSet<_> = told.iter().map(key).collect();
        prop_assert_eq!(keys.len(), told.len());
        for one in &told {
            let (source, target) = (one.source, one.target);
            prop_assert!((source.destination(), source.name()) != (target.destination(), target.name()));
            prop_assert!(one.connections > 0 && (one.by.is_some() == (one.way == Way::Hairpin)));
        }
    }
}
