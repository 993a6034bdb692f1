//! Plans of hosts written by hand.

use std::net::IpAddr;
use std::time::SystemTime;

use super::*;
use crate::config::{Config, Selection};
use crate::inventory::build::build;
use crate::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet};
use crate::outcome::{Detail, QueryType};
use crate::probe::Spec;
use crate::probe::visit::Expect;

pub(super) fn network(name: &str, third: u8) -> SeenNetwork {
    SeenNetwork {
        id: format!("id-of-{name}"),
        name: name.into(),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet {
            subnet: format!("10.0.{third}.0/24"),
            gateway: format!("10.0.{third}.1"),
            ..SeenSubnet::default()
        }],
        ..SeenNetwork::default()
    }
}

/// A running container `name` with the id `id-NAME-of-64…`, at 10.0.third.last of each network.
pub(super) fn container(name: &str, last: u8, networks: &[(&str, u8)]) -> SeenContainer {
    let endpoint = |(network, third): &(&str, u8)| SeenEndpoint {
        network: (*network).into(),
        network_id: format!("id-of-{network}"),
        ipv4: format!("10.0.{third}.{last}"),
        ..SeenEndpoint::default()
    };
    SeenContainer {
        id: format!("0123456789{last:02}{name}"),
        name: name.into(),
        image: "busybox".into(),
        state: RunState::Running,
        network_mode: networks.first().map(|(n, _)| (*n).into()).unwrap_or_default(),
        sandbox_key: format!("/var/run/docker/netns/{name}"),
        pid: 100,
        endpoints: networks.iter().map(endpoint).collect(),
        ..SeenContainer::default()
    }
}

pub(super) fn host(networks: Vec<SeenNetwork>, containers: Vec<SeenContainer>) -> Seen {
    Seen { networks, containers, ..Seen::default() }
}

fn planned(seen: &Seen) -> Plan {
    planned_where(seen, &Selection::default())
}

fn planned_where(seen: &Seen, selection: &Selection) -> Plan {
    let inventory = build(seen, selection, SystemTime::UNIX_EPOCH);
    plan(&inventory, &Learned::default(), &Config::default().probes)
}

/// Who has echoes switched off wants nobody looked at by them.
#[test]
fn who_ought_to_be_looked_at_follows_what_is_switched_on() {
    let seen = host(
        vec![network("shop", 2)],
        vec![container("web", 2, &[("shop", 2)]), container("db", 3, &[("shop", 2)])],
    );
    let inventory = build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH);
    let mut probes = Config::default().probes;
    let covers = |probes: &_| {
        let covers = plan(&inventory, &Learned::default(), probes).covers;
        covers.values().map(|cover| cover.targets.iter().map(|name| name.to_string()).collect()).collect()
    };
    let both: Vec<Vec<String>> = covers(&probes);
    assert_eq!(both, [["db", "web"]]);
    probes.icmp.enabled = false;
    let none: Vec<Vec<String>> = covers(&probes);
    assert!(none.is_empty(), "{none:?}");
}

/// `--icc=false`: neighbours find each other's names, the gateway and what lies outside, and not each other.
#[test]
fn neighbours_that_are_kept_from_each_other_on_purpose_are_not_tried() {
    let planned = |icc: &str| {
        let mut network = network("shop", 2);
        network.options.insert("com.docker.network.bridge.enable_icc".into(), icc.into());
        let mut web = container("web", 2, &[("shop", 2)]);
        web.exposed_tcp = vec![80];
        planned(&host(vec![network], vec![web, container("db", 3, &[("shop", 2)])]))
    };
    let targets = |plan: &Plan, kind| -> BTreeSet<String> {
        jobs(plan, kind).iter().map(|job| job.key.target.to_string()).collect()
    };
    let (open, apart) = (planned("true"), planned("false"));
    assert!(targets(&open, ProbeKind::Icmp).contains("db") && targets(&open, ProbeKind::Tcp).contains("web"));
    assert!(
        targets(&open, ProbeKind::PathMtu).contains("db")
            || targets(&open, ProbeKind::PathMtu).contains("web")
    );
    assert_eq!(targets(&apart, ProbeKind::Icmp), BTreeSet::from(["gateway".to_owned()]));
    for kind in [ProbeKind::Tcp, ProbeKind::Http, ProbeKind::PathMtu] {
        assert_eq!(targets(&apart, kind), BTreeSet::new(), "{kind:?}");
    }
    assert_eq!(targets(&apart, ProbeKind::Dns), targets(&open, ProbeKind::Dns));
}

fn jobs(plan: &Plan, kind: ProbeKind) -> Vec<&Job> {
    plan.errands.iter().filter(|e| e.kind == kind).flat_map(|e| e.jobs.iter()).collect()
}

fn reverse(plan: &Plan) -> Vec<&Job> {
    let is_ptr = |job: &&Job| matches!(job.key.detail, Detail::Name(_, QueryType::Ptr));
    jobs(plan, ProbeKind::Dns).into_iter().filter(is_ptr).collect()
}

#[test]
fn each_address_is_asked_for_its_name_once() {
    let town = |n: u8| {
        let containers = (0..n).map(|i| container(&format!("app-{i}"), 2 + i, &[("shop", 1)])).collect();
        planned(&host(vec![network("shop", 1)], containers))
    };
    for n in [0, 1, 2, 6, 7, 40] {
        let plan = town(n);
        let mut asked: Vec<String> = reverse(&plan).iter().map(|j| j.key.detail.to_string()).collect();
        asked.sort();
        asked.dedup();
        // One alone has nobody to ask for it.
        assert_eq!(asked.len(), if n < 2 { 0 } else { n.into() });
        assert_eq!(reverse(&plan).len(), asked.len(), "{n} containers");
    }
}

#[test]
fn an_address_may_be_called_by_any_name_of_its_container() {
    let mut web = container("web", 3, &[("shop", 1)]);
    web.endpoints[0].aliases = vec!["www".into()];
    web.endpoints[0].ipv6 = "fd00::3".into();
    let plan = planned(&host(vec![network("shop", 1)], vec![web, container("db", 2, &[("shop", 1)])]));
    let of_web: Vec<&Job> = reverse(&plan).into_iter().filter(|j| &*j.key.target == "web").collect();
    assert_eq!(of_web.len(), 2, "one for each address");
    for job in of_web {
        let Spec::Dns { resolver, expect: Expect::Names(names), .. } = &job.spec else { panic!("{job:?}") };
        assert_eq!(resolver.ip(), IpAddr::from([127, 0, 0, 11]));
        for name in ["web", "www", "012345678903"] {
            assert!(names.iter().any(|n| &**n == name), "{name} in {names:?}");
        }
    }
}

#[test]
fn nobody_asks_for_the_name_of_an_address_that_bears_none() {
    let seen = host(
        vec![network("shop", 1)],
        (0..3).map(|i| container(&format!("app-{i}"), 2 + i, &[("shop", 1)])).collect(),
    );
    let config = Config::default();
    let mut inventory = build(&seen, &config.destinations, SystemTime::UNIX_EPOCH);
    for (more, expected) in [(false, 2), (true, 3)] {
        let one = &mut inventory.destinations[0].endpoints[0];
        one.names.clear();
        one.has_more_names = more;
        let plan = plan(&inventory, &Learned::default(), &config.probes);
        assert_eq!(reverse(&plan).len(), expected, "has more names: {more}");
        let of_it = jobs(&plan, ProbeKind::Icmp).iter().filter(|job| &*job.key.target == "app-0").count();
        assert_eq!(of_it, 2, "it is there all the same");
    }
}

/// `n` containers on one network, each with `aliases` names of its own and as many that all of them bear.
fn named_town(n: u16, aliases: usize) -> Seen {
    let one = |i: u16| {
        let mut one = container(&format!("app-{i}"), 0, &[("shop", 1)]);
        one.id = format!("{i:012}-and-more");
        one.endpoints[0].ipv4 = format!("10.1.{}.{}", i / 250, i % 250 + 2);
        one.endpoints[0].aliases =
            (0..aliases).flat_map(|a| [format!("a{a}-all"), format!("a{a}-own-{i}")]).collect();
        one
    };
    host(vec![network("shop", 1)], (0..n).map(one).collect())
}

/// How long it takes is printed and not judged: `cargo test --lib names_that_many_bear -- --nocapture`.
#[test]
fn names_that_many_bear_are_planned_with_all_their_owners() {
    let town = named_town(300, 64);
    let config = Config::default();
    let inventory = build(&town, &config.destinations, SystemTime::UNIX_EPOCH);
    let begun = std::time::Instant::now();
    let plan = plan(&inventory, &Learned::default(), &config.probes);
    println!("planned {} measurements in {:?}", plan.keys().count(), begun.elapsed());
    let mut shared = 0;
    for job in jobs(&plan, ProbeKind::Dns) {
        let Spec::Dns { name, qtype, expect: Expect::Addresses { right: addresses, .. }, .. } = &job.spec
        else {
            continue;
        };
        let owners = if name.ends_with("-all") { 300 } else { 1 };
        shared += usize::from(owners > 1);
        assert_eq!(addresses.len(), if *qtype == QueryType::A { owners } else { 0 }, "{name}");
    }
    assert!(shared > 1000, "{shared} of many");
}

#[test]
fn a_name_leads_to_its_owners_on_every_destination_of_who_asks() {
    let aliased = |name, last, networks: &[(&str, u8)]| {
        let mut one = container(name, last, networks);
        for endpoint in &mut one.endpoints {
            endpoint.aliases = vec!["DB".into()];
            endpoint.ipv6 = format!("fd00::{last}");
        }
        one
    };
    let containers = vec![
        aliased("one", 2, &[("shop", 1)]),
        aliased("two", 3, &[("blog", 2)]),
        aliased("far", 4, &[("else", 3)]),
        container("both", 5, &[("shop", 1), ("blog", 2)]),
        container("shopper", 6, &[("shop", 1)]),
    ];
    let plan = planned(&host(vec![network("shop", 1), network("blog", 2), network("else", 3)], containers));
    let expected = |source: &str, wanted: QueryType| {
        let mut told: Vec<Vec<String>> = Vec::new();
        for job in jobs(&plan, ProbeKind::Dns).into_iter().filter(|job| &*job.key.source == source) {
            match &job.spec {
                Spec::Dns { name, qtype, expect: Expect::Addresses { right: all, .. }, .. }
                    if &**name == "db" && *qtype == wanted =>
                {
                    told.push(all.iter().map(ToString::to_string).collect());
                }
                _ => {}
            }
        }
        told.dedup();
        told
    };
    assert_eq!(expected("both", QueryType::A), [["10.0.1.2", "10.0.2.3"]]);
    assert_eq!(expected("both", QueryType::Aaaa), [["fd00::2", "fd00::3"]]);
    assert_eq!(expected("shopper", QueryType::A), [["10.0.1.2"]]);
}

#[test]
fn who_was_never_inspected_may_bear_any() {
    let mut bare = container("bare", 2, &[("shop", 1)]);
    bare.endpoints[0].names_unknown = true;
    let all = vec![bare, container("web", 3, &[("shop", 1)]), container("api", 4, &[("shop", 1)])];
    let seen = host(vec![network("shop", 1)], all);
    let plan = planned(&seen);
    let mut about_bare = 0;
    for job in jobs(&plan, ProbeKind::Dns) {
        match &job.spec {
            Spec::Dns { expect: Expect::Addresses { unsure, .. }, .. } => {
                assert_eq!(**unsure, [IpAddr::from([10, 0, 1, 2])], "{job:?}");
            }
            Spec::Dns { expect: Expect::Any, .. } => about_bare += 1,
            Spec::Dns { expect: Expect::Names(_), .. } => assert_ne!(&*job.key.target, "bare"),
            spec => panic!("{spec:?}"),
        }
    }
    assert_eq!(about_bare, 1, "what its address is called");
    let oddities = build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH).oddities;
    let [oddity] = &*oddities else { panic!("{oddities:?}") };
    let words = r#"container "bare" could not be inspected, so its names on "shop" are not known"#;
    assert!(oddity.starts_with(words), "{oddity}");
}

#[test]
fn a_name_leads_to_its_owners_on_networks_that_are_not_watched_too() {
    let called_db = |name, last, networks: &[(&str, u8)]| {
        let mut one = container(name, last, networks);
        one.endpoints[0].aliases = vec!["db".into()];
        one
    };
    let mut many = container("many", 6, &[("blog", 2)]);
    many.endpoints[0].aliases = (0..200).map(|n| format!("a{n}")).collect();
    let lan = SeenNetwork { driver: "macvlan".into(), ..network("lan", 3) };
    let mut networks = vec![network("shop", 1), network("blog", 2), lan, network("else", 4)];
    let mut containers = vec![
        called_db("one", 2, &[("shop", 1)]),
        called_db("two", 3, &[("blog", 2)]),
        called_db("three", 4, &[("lan", 3)]),
        called_db("far", 5, &[("else", 4)]),
        many,
        container("traefik", 7, &[("shop", 1), ("blog", 2), ("lan", 3)]),
        container("shopper", 8, &[("shop", 1)]),
    ];
    let include = Selection { include: vec!["shop".into()], ..Selection::default() };
    let exclude = Selection { exclude: vec!["blog".into(), "else".into()], ..Selection::default() };
    let text = |all: &[IpAddr]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    for selection in [&include, &exclude, &include] {
        let plan = planned_where(&host(networks.clone(), containers.clone()), selection);
        let asks = |source: &str| {
            let asked = jobs(&plan, ProbeKind::Dns).into_iter().filter(|job| &*job.key.source == source);
            let mut told: Vec<[Vec<String>; 2]> = Vec::new();
            for job in asked {
                if let Spec::Dns { name, qtype: QueryType::A, expect, .. } = &job.spec
                    && &**name == "db"
                    && let Expect::Addresses { right, unsure, .. } = expect
                {
                    told.push([text(right), text(unsure)]);
                }
            }
            told
        };
        let all = vec!["10.0.1.2".to_owned(), "10.0.2.3".to_owned(), "10.0.3.4".to_owned()];
        assert_eq!(asks("traefik"), [[all.clone(), vec!["10.0.2.6".to_owned()]]]);
        assert_eq!(asks("shopper"), [[vec!["10.0.1.2".to_owned()], vec![]]]);
        assert!(plan.errands.iter().all(|e| &*e.destination == "shop"), "nothing is measured elsewhere");
        networks.reverse();
        containers.reverse();
    }
    let inventory = build(&host(networks, containers), &include, SystemTime::UNIX_EPOCH);
    assert_eq!(inventory.elsewhere.len(), 2, "nobody of shop is on the last one");
}

#[test]
fn who_has_more_names_than_are_kept_may_bear_any() {
    let mut many = container("many", 2, &[("shop", 1)]);
    many.endpoints[0].aliases = (0..200).map(|n| format!("a{n}")).collect();
    let plan = planned(&host(
        vec![network("shop", 1), network("blog", 2)],
        vec![
            many,
            container("web", 3, &[("shop", 1)]),
            container("db", 4, &[("shop", 1)]),
            container("far", 5, &[("blog", 2)]),
            container("away", 6, &[("blog", 2)]),
        ],
    ));
    let (mut forward, mut reverse) = (0, 0);
    for job in jobs(&plan, ProbeKind::Dns) {
        let Spec::Dns { expect, .. } = &job.spec else { panic!("{job:?}") };
        match expect {
            Expect::Addresses { unsure, .. } => {
                let here: &[&str] = if &*job.key.destination == "shop" { &["10.0.1.2"] } else { &[] };
                assert_eq!(unsure.iter().map(ToString::to_string).collect::<Vec<_>>(), here, "{job:?}");
                forward += 1;
            }
            Expect::Any => {
                assert_eq!(&*job.key.target, "many");
                reverse += 1;
            }
            Expect::Names(_) => assert_ne!(&*job.key.target, "many"),
            Expect::Whatever => panic!("{job:?}"),
        }
    }
    assert!(forward > 4 && reverse == 1, "{forward} {reverse}");
}

#[test]
fn a_port_that_a_proxys_labels_name_is_looked_at_whatever_else_listens() {
    let mut web = container("web", 3, &[("shop", 1)]);
    web.exposed_tcp = (1..100).chain([3000]).collect();
    let port = "traefik.http.services.web.loadbalancer.server.port";
    web.labels.insert(port.into(), "3000".into());
    let plan = planned(&host(vec![network("shop", 1)], vec![web, container("db", 2, &[("shop", 1)])]));
    let of_web = |kind| {
        let ports = |job: &Job| match job.key.detail {
            Detail::Port(_, port) => port,
            _ => 0,
        };
        jobs(&plan, kind).into_iter().filter(|j| &*j.key.target == "web").map(ports).collect::<Vec<u16>>()
    };
    let tcp = of_web(ProbeKind::Tcp);
    assert_eq!(tcp.len(), 16);
    assert!(tcp.contains(&3000) && tcp.contains(&1), "{tcp:?}");
    assert!(of_web(ProbeKind::Http).contains(&3000));
}

/// Whoever asks for them waits in vain: that is no fault of anybody's.
#[test]
fn names_that_nobody_can_ask_for_are_not_asked_for() {
    let mut odd = container("odd", 2, &[("shop", 1)]);
    odd.endpoints[0].aliases =
        ["fine-1_a.b", "quo\"te", "white space", "münchen", "back\\slash", "*"].map(Into::into).into();
    let plan = planned(&host(vec![network("shop", 1)], vec![odd, container("peer", 3, &[("shop", 1)])]));
    let asked: std::collections::BTreeSet<&str> = jobs(&plan, ProbeKind::Dns)
        .into_iter()
        .filter(|job| &*job.key.target == "odd")
        .filter_map(|job| match &job.key.detail {
            Detail::Name(name, QueryType::A) => Some(&**name),
            _ => None,
        })
        .collect();
    assert!(asked.contains("fine-1_a.b"), "{asked:?}");
    assert!(asked.iter().all(|name| !name.contains(['"', ' ', 'ü', '\\', '*'])), "{asked:?}");
}
