//! Pairs of hosts written by hand, and of any.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::SystemTime;

use proptest::prelude::*;

use super::super::tests::{container, host, network};
use super::super::{Learned, Plan, plan};
use super::*;
use crate::config::{Config, Override, Probes, Selection};
use crate::inventory::Inventory;
use crate::inventory::build::build;
use crate::inventory::seen::{Seen, SeenContainer, SeenNetwork};
use crate::netstack::Listener;

fn pictured(seen: &Seen) -> Inventory {
    build(seen, &Selection::default(), SystemTime::UNIX_EPOCH)
}

fn probes() -> Probes {
    Config::default().probes
}

/// Source's destination, source, and target.
fn tried(plan: &Plan) -> BTreeSet<[String; 3]> {
    let errands = plan.errands.iter().filter(|e| e.kind == ProbeKind::Isolation);
    let jobs = errands.flat_map(|e| e.jobs.iter());
    jobs.map(|job| [&job.key.destination, &job.key.source, &job.key.target].map(ToString::to_string))
        .collect()
}

fn text(all: &[[&str; 3]]) -> BTreeSet<[String; 3]> {
    all.iter().map(|one| one.map(str::to_owned)).collect()
}

fn seen_proxy(name: &str, last: u8, networks: &[(&str, u8)]) -> SeenContainer {
    SeenContainer { has_engine_socket: true, ..container(name, last, networks) }
}

#[test]
fn pairs_that_share_nobody_are_tried_both_ways() {
    let seen = host(
        vec![network("shop", 1), network("blog", 2), network("wiki", 3)],
        vec![
            container("web", 2, &[("shop", 1)]),
            container("post", 2, &[("blog", 2)]),
            container("both", 3, &[("blog", 2), ("wiki", 3)]),
            seen_proxy("coolify-proxy", 9, &[("shop", 1), ("blog", 2), ("wiki", 3)]),
        ],
    );
    let plan = plan(&pictured(&seen), &Learned::default(), &probes());
    assert_eq!(
        tried(&plan),
        text(&[
            ["shop", "web", "blog/post"],
            ["shop", "web", "wiki/both"],
            ["blog", "post", "shop/web"],
            ["wiki", "both", "shop/web"],
        ])
    );
    let apart = |name: &str| plan.peers.get(name).map(|peers| (peers.count, peers.within.as_secs()));
    assert_eq!([apart("shop"), apart("blog"), apart("wiki")], [Some((2, 60)), Some((1, 60)), Some((1, 60))]);
}

#[test]
fn who_is_meant_to_reach_another_is_not_tried_nor_is_whom_packets_would_leave_the_host_for() {
    let overlay = SeenNetwork { driver: "overlay".into(), scope: "swarm".into(), ..network("swarm", 3) };
    let networks = vec![network("shop", 1), network("blog", 2), overlay];
    let containers = vec![
        container("web", 2, &[("shop", 1)]),
        container("post", 2, &[("blog", 2)]),
        container("task", 2, &[("swarm", 3)]),
    ];
    let mut seen = host(networks, containers);
    let mut probes = probes();
    let both = tried(&plan(&pictured(&seen), &Learned::default(), &probes));
    assert!(both.iter().all(|[_, _, target]| !target.starts_with("swarm/")), "{both:?}");
    assert!(both.contains(&["swarm", "task", "shop/web"].map(str::to_owned)), "{both:?}");
    probes.shared = vec![vec!["shop".into(), "*".into()]];
    let left = tried(&plan(&pictured(&seen), &Learned::default(), &probes));
    assert_eq!(left, text(&[["swarm", "task", "blog/post"]]));
    // Where networks are kept apart on demand alone, that they are not is no fault.
    seen.engine.podman = true;
    assert_eq!(tried(&plan(&pictured(&seen), &Learned::default(), &Config::default().probes)), text(&[]));
}

#[test]
fn who_looks_out_is_on_one_network_alone_and_can_be_looked_into() {
    let seen = host(
        vec![network("shop", 1), network("blog", 2), network("back", 3)],
        vec![
            container("a", 2, &[("shop", 1), ("back", 3)]),
            container("b", 3, &[("shop", 1)]),
            container("c", 4, &[("shop", 1)]),
            container("post", 2, &[("blog", 2)]),
        ],
    );
    let inventory = pictured(&seen);
    let mut learned = Learned::default();
    let source = |learned: &Learned| {
        let all = tried(&plan(&inventory, learned, &probes()));
        all.into_iter().find(|[from, _, to]| from == "shop" && to == "blog/post").map(|[_, source, _]| source)
    };
    let id = |name: &str| inventory.containers.values().find(|c| &*c.name == name).map(|c| c.id.clone());
    let first = source(&learned).expect("somebody");
    assert_ne!(first, "a");
    learned.unseen.extend(id(&first));
    let second = source(&learned).expect("somebody");
    assert!(second != first && second != "a", "{second}");
    learned.unseen.extend(id(&second));
    assert_eq!(source(&learned).as_deref(), Some("a"));
    // And not from where the target is meant to be reached.
    let probes = Probes { shared: vec![vec!["back".into(), "blog".into()]], ..probes() };
    let all = tried(&plan(&inventory, &learned, &probes));
    assert!(!all.iter().any(|[_, source, to]| source == "a" && to == "blog/post"), "{all:?}");
}

#[test]
fn a_port_that_is_known_to_be_open_is_tried() {
    let mut post = container("post", 2, &[("blog", 2)]);
    post.endpoints[0].ipv6 = "fd00:2::2".into();
    let mut web = container("web", 2, &[("shop", 1)]);
    web.endpoints[0].ipv6 = "fd00:1::2".into();
    let seen = host(
        vec![network("shop", 1), network("blog", 2)],
        vec![web, post, container("idle", 3, &[("blog", 2)])],
    );
    let inventory = pictured(&seen);
    let post = inventory.containers.values().find(|c| &*c.name == "post").expect("there");
    let listener = |address: &str, port| Listener {
        address: address.parse().expect("an address"),
        port,
        v6_only: false,
    };
    let listeners = vec![
        listener("127.0.0.1", 80),
        listener("0.0.0.0", 3306),
        listener("0.0.0.0", 8080),
        listener("::", 9000),
    ];
    let learned = Learned { listeners: BTreeMap::from([(post.id.clone(), listeners)]), ..Learned::default() };
    let plan = plan(&inventory, &learned, &probes());
    let errand = plan.errands.iter().find(|e| e.kind == ProbeKind::Isolation && &*e.destination == "shop");
    let details: Vec<String> =
        errand.iter().flat_map(|e| e.jobs.iter()).map(|job| job.key.detail.to_string()).collect();
    assert_eq!(details, ["10.0.2.2", "10.0.2.2:8080", "fd00:2::2", "[fd00:2::2]:9000"]);
}

#[test]
fn who_runs_less_often_passes_over_nobody() {
    let minute = Duration::from_secs(60);
    let turns: Vec<u64> = (0..10).map(|turn| own_turn(turn, minute, 3 * minute)).collect();
    assert_eq!(turns, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
    assert_eq!(own_turn(7, minute, minute), 7);
}

#[test]
fn a_pair_that_leaks_is_tried_every_time_and_no_more_than_eight_of_them() {
    let (networks, containers) = town(30, |_| Vec::new());
    let inventory = pictured(&host(networks, containers));
    let name = |n: usize| -> Arc<str> { format!("net-{n:02}").into() };
    for leaks in [1, 8, 29] {
        let breached = (1..=leaks).map(|n| (name(0), name(n))).collect();
        let learned = Learned { breached, ..Learned::default() };
        for turn in 0..4 {
            let plan = plan(&inventory, &Learned { turn, ..learned.clone() }, &probes());
            let peers = peers_of(&plan, "net-00");
            assert!(peers.len() <= 2 * MOST_PEERS, "{}", peers.len());
            if leaks <= MOST_PEERS {
                assert!((1..=leaks).all(|n| peers.contains(&*name(n))), "{leaks}, turn {turn}: {peers:?}");
            }
        }
    }
}

fn peers_of(plan: &Plan, destination: &str) -> BTreeSet<String> {
    let from = tried(plan).into_iter().filter(|[from, ..]| from == destination);
    from.filter_map(|[_, _, to]| to.split_once('/').map(|(peer, _)| peer.to_owned())).collect()
}

/// `n` networks with two containers each, and containers that join some.
fn town(n: u8, joins: impl Fn(u8) -> Vec<u8>) -> (Vec<SeenNetwork>, Vec<SeenContainer>) {
    let names: Vec<String> = (0..n).map(|at| format!("net-{at:02}")).collect();
    let networks = (0..n).map(|at| network(&names[usize::from(at)], at)).collect();
    let mut containers = Vec::new();
    for at in 0..n {
        let mut places = vec![(&*names[usize::from(at)], at)];
        containers.push(container(&format!("a-{at}"), 2, &places));
        places.extend(joins(at).iter().map(|to| (&*names[usize::from(*to)], *to)));
        containers.push(container(&format!("b-{at}"), 10 + at, &places));
    }
    (networks, containers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn every_pair_that_shares_nobody_is_tried_in_time_and_no_other(
        n in 2_u8..28,
        joins in prop::collection::vec((0_u8..28, 0_u8..28), 0..12),
        start in 0_u64..1_000_000,
        slow in any::<bool>(),
    ) {
        let to = |at: u8| joins.iter().filter(|(from, to)| *from == at && *to < n && *to != at).map(|(_, to)| *to).collect::<BTreeSet<_>>();
        let (networks, containers) = town(n, |at| to(at).into_iter().collect());
        let inventory = pictured(&host(networks, containers));
        let mut probes = probes();
        if slow {
            probes.overrides.push(Override {
                destination: "net-00".into(), kind: ProbeKind::Isolation,
                enabled: None, interval: Some(Duration::from_secs(150)), timeout: None,
            });
        }
        let shares = |one: &Destination, other: &Destination| {
            one.endpoints.iter().any(|e| other.endpoints.iter().any(|o| o.container == e.container))
        };
        let own: BTreeSet<IpAddr> = inventory.endpoints().flat_map(|(_, e)| e.addresses.clone()).collect();
        let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let within = |name: &str, plan: &Plan| plan.peers.get(name).map(|p| p.within.as_secs() / 60);
        let mut longest = 0;
        for turn in 0..12 {
            let learned = Learned { turn: start + turn, ..Learned::default() };
            let plan = plan(&inventory, &learned, &probes);
            for d in &inventory.destinations {
                let peers = peers_of(&plan, &d.name);
                prop_assert!(peers.len() <= MOST_PEERS);
                for peer in &peers {
                    let peer = inventory.destination(peer).expect("one of the picture");
                    prop_assert!(peer.name != d.name && !shares(d, peer), "{} {}", d.name, peer.name);
                }
                // As long as it is said to take at the most; one turn more where they do not begin together.
                let turns = within(&d.name, &plan).unwrap_or(0);
                longest = longest.max(turns);
                if turn <= turns {
                    seen.entry(d.name.to_string()).or_default().extend(peers);
                }
            }
            for job in plan.errands.iter().filter(|e| e.kind == ProbeKind::Isolation).flat_map(|e| e.jobs.iter()) {
                let (Detail::Address(address) | Detail::Port(address, _)) = job.key.detail else { panic!("{job:?}") };
                prop_assert!(own.contains(&address));
                let (there, endpoint) = inventory.beyond(&job.key.target).expect("a target");
                prop_assert!(there.endpoint(endpoint).is_some_and(|e| e.addresses.contains(&address)));
                match &job.spec {
                    Spec::Icmp { address: at, .. } => prop_assert_eq!(*at, address),
                    Spec::Tcp { peer } => prop_assert_eq!(peer.ip(), address),
                    other => panic!("{other:?}"),
                }
            }
        }
        prop_assert!(longest < 12, "{longest} turns");
        for d in &inventory.destinations {
            let apart = inventory.destinations.iter().filter(|o| o.name != d.name && !shares(d, o));
            let apart: BTreeSet<String> = apart.map(|o| o.name.to_string()).collect();
            prop_assert_eq!(seen.remove(&*d.name).unwrap_or_default(), apart, "{}", &d.name);
        }
    }

    #[test]
    fn nobody_dials_a_near_address(third in 0_u8..4) {
        // Two networks of one range, as an overlay and a bridge may be.
        let (mut networks, containers) = town(2, |_| Vec::new());
        networks[1].ipam[0].subnet = format!("10.0.{third}.0/24");
        let plan = plan(&pictured(&host(networks, containers)), &Learned::default(), &probes());
        let is_near = |address: IpAddr, from: u8| match address {
            IpAddr::V4(v4) => v4.octets()[2] == from,
            IpAddr::V6(_) => false,
        };
        for errand in plan.errands.iter().filter(|e| e.kind == ProbeKind::Isolation) {
            let from = if &*errand.destination == "net-00" { 0 } else { third };
            for job in errand.jobs.iter() {
                let Detail::Address(address) = job.key.detail else { continue };
                prop_assert!(!is_near(address, from), "{} dials {address}", errand.destination);
                prop_assert_ne!(address, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            }
        }
    }
}
