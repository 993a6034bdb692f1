//! What the kernel says of the host, and what the Engine says of networks.

use crate::inventory::{ContainerId, Ghost};
use crate::netstack::{Bridge, Conntrack, Forwarding, Host, Inner, LostQueries, Neighbours, Way};

use super::*;

pub(super) fn way(to: &str, by: &str, mtu: u32) -> Way {
    Way { to: to.parse().unwrap(), by: by.into(), mtu }
}

/// A host on which nothing is wrong, with the bridge of `shop`.
fn host() -> Host {
    Host {
        forwarding: Forwarding { ipv4: Some(true), ipv6: Some(true) },
        bridge_netfilter: Some(true),
        conntrack: Some(Conntrack { entries: 700, limit: 1000, drops: Some(3) }),
        neighbours: Some(Neighbours { entries: 900, limit: 1000, refused: 0 }),
        bridges: Some([("br-shop".to_owned(), Bridge { mtu: 1500, ports: 3 })].into()),
        ways: Some(vec![
            way("0.0.0.0/0", "eth0", 1500),
            way("10.0.2.0/24", "br-shop", 1500),
            way("192.0.2.0/24", "eth0", 1500),
            way("fe80::/64", "eth0", 1500),
            way("::/0", "tun0", 1280),
        ]),
        ..Host::default()
    }
}

pub(super) fn ways(host: &mut Host) -> &mut Vec<Way> {
    host.ways.get_or_insert_default()
}

/// On that host, changed; changes add up.
pub(super) fn on(sample: &mut Sample, change: impl FnOnce(&mut Host)) {
    sample.on("shop").bridge = Some("br-shop".into());
    change(Arc::make_mut(sample.sight.host.get_or_insert_with(|| Arc::new(host()))));
}

#[test]
fn what_the_kernel_says_of_the_host_is_one_finding_each() {
    check(&[
        ("all is well", |s| on(s, |_| {}), &[]),
        ("nothing is known", |s| on(s, |host| *host = Host::default()), &[]),
        (
            "no forwarding",
            |s| on(s, |host| host.forwarding.ipv4 = Some(false)),
            &["host-forwarding-disabled host"],
        ),
        (
            "none of IPv6, and nobody has addresses of it",
            |s| on(s, |host| host.forwarding.ipv6 = Some(false)),
            &[],
        ),
        (
            "no forwarding, and no network leads out",
            |s| {
                on(s, |host| host.forwarding.ipv4 = Some(false));
                s.on("shop").internal = true;
            },
            &[],
        ),
        (
            "bridged packets pass by, which is for your information",
            |s| on(s, |host| host.bridge_netfilter = Some(false)),
            &[],
        ),
        ("the module is not loaded", |s| on(s, |host| host.bridge_netfilter = None), &[]),
        (
            "many connections",
            |s| on(s, |host| host.conntrack = Some(Conntrack { entries: 800, limit: 1000, drops: None })),
            &["host-conntrack-near-limit host"],
        ),
        (
            "a limit of nothing",
            |s| on(s, |host| host.conntrack = Some(Conntrack { entries: 8, limit: 0, drops: None })),
            &[],
        ),
        (
            "many neighbours",
            |s| on(s, |host| host.neighbours = Some(Neighbours { entries: 950, limit: 1000, refused: 1 })),
            &["host-neighbour-table-full host"],
        ),
    ]);
}

#[test]
fn a_table_that_is_full_hits_users_now() {
    let severity = |entries| {
        let mut sample = shop();
        on(&mut sample, |host| host.conntrack = Some(Conntrack { entries, limit: 100, drops: Some(1) }));
        let verdict = settled(sample.snapshot(), &mut Ledger::default());
        verdict.findings.first().map(|finding| finding.severity)
    };
    assert_eq!([79, 80, 97, 98, 100].map(severity), {
        use Severity::{Page, Ticket};
        [None, Some(Ticket), Some(Ticket), Some(Page), Some(Page)]
    });
}

#[test]
fn a_network_that_does_not_fit_the_host_is_told() {
    check(&[
        (
            "the way out carries less",
            |s| on(s, |host| ways(host)[0].mtu = 1450),
            &["network-mtu-mismatch eth0"],
        ),
        (
            "it carries less, and nobody goes there",
            |s| {
                on(s, |host| ways(host)[0].mtu = 1450);
                s.on("shop").internal = true;
            },
            &[],
        ),
        (
            "nobody knows what the network carries",
            |s| {
                on(s, |host| {
                    ways(host)[0].mtu = 1450;
                    host.bridges = Some([("br-shop".to_owned(), Bridge { mtu: 1500, ports: 0 })].into());
                });
            },
            &[],
        ),
        (
            "a VPN holds the whole range",
            |s| on(s, |host| ways(host).push(way("10.0.0.0/8", "tun0", 1500))),
            &["network-subnet-overlap 10.0.0.0/8"],
        ),
        (
            "a part of the subnet is elsewhere",
            |s| on(s, |host| ways(host).push(way("10.0.2.128/25", "eth1", 1500))),
            &["network-subnet-overlap 10.0.2.128/25"],
        ),
        (
            "a VPN that takes everything in two halves",
            |s| {
                on(s, |host| {
                    ways(host).extend(["0.0.0.0/1", "128.0.0.0/1"].map(|half| way(half, "tun0", 1500)));
                });
            },
            &[],
        ),
        (
            "two networks in the VPN's range are one fault",
            |s| {
                on(s, |host| {
                    ways(host).push(way("10.0.0.0/8", "tun0", 1500));
                    host.bridges.get_or_insert_default().insert("br-blog".into(), Bridge::default());
                });
                s.destination("blog", 3);
                s.on("blog").bridge = Some("br-blog".into());
            },
            &["network-subnet-overlap 10.0.0.0/8"],
        ),
        (
            "a network that is cut from the host's own",
            |s| {
                on(s, |host| ways(host).push(way("2001:db8:1::/64", "eth0", 1500)));
                s.on("shop").subnets[0].net = "2001:db8:1:0:1::/80".parse().unwrap();
            },
            &[],
        ),
        (
            "the bridge is another host's",
            |s| {
                on(s, |host| ways(host).push(way("10.0.0.0/8", "tun0", 1500)));
                s.on("shop").bridge = Some("br-other".into());
            },
            &[],
        ),
        (
            "a full bridge",
            |s| {
                on(s, |host| {
                    host.bridges = Some([("br-shop".to_owned(), Bridge { mtu: 1500, ports: 1015 })].into());
                });
            },
            &["network-bridge-ports-exhausted shop"],
        ),
        (
            "a bridge with room",
            |s| {
                on(s, |host| {
                    host.bridges = Some([("br-shop".to_owned(), Bridge { mtu: 1500, ports: 1014 })].into());
                });
            },
            &[],
        ),
    ]);
}

#[test]
fn queries_that_are_lost_are_told_while_more_are() {
    let told = |queries, second| {
        let sample = shop();
        let mut snapshot = sample.snapshot();
        let lost_queries = Some(LostQueries { at: at(second), queries });
        let id = ContainerId::new("id-web");
        snapshot.containers =
            Arc::new([(id, Inner { lost_queries, at: Some(at(200)), ..Inner::default() })].into());
        snapshot.at = at(200);
        told(&settled(snapshot, &mut Ledger::default()))
    };
    assert_eq!(told(10, 190), ["dns-overloaded web"]);
    assert_eq!(told(9, 190), [""; 0]);
    assert_eq!(told(1000, 49), [""; 0], "it was a while ago");
}

#[test]
fn an_endpoint_of_nobody_is_told_and_a_container_of_its_name_keeps_its_place() {
    let mut sample = shop();
    let ghost = |name: &str| Ghost { name: name.into(), address: "10.0.2.77".into() };
    sample.on("shop").ghosts = vec![ghost("old; reboot"), ghost("web")];
    let found = settled(sample.snapshot(), &mut Ledger::default()).findings;
    assert_eq!(found.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::NetworkGhostEndpoint]);
    let fix: Vec<String> = found[0].fix.iter().map(ToString::to_string).collect();
    assert_eq!(fix[0], "docker network disconnect -f shop 'old; reboot'");
    assert!(
        fix[1].ends_with(
            ": docker rename id-web web-aside && { docker network disconnect -f shop web; docker rename id-web web; }"
        ),
        "{}",
        fix[1]
    );
    // The Engine takes the beginning of an id for the container.
    sample.on("shop").ghosts = vec![ghost("id-d")];
    let found = settled(sample.snapshot(), &mut Ledger::default()).findings;
    let fix: Vec<String> = found[0].fix.iter().map(ToString::to_string).collect();
    assert!(fix.iter().all(|step| !step.contains("disconnect")), "{fix:?}");
}

#[test]
fn networks_that_are_not_there_or_there_twice_are_told() {
    check(&[
        ("one that is not there", |s| s.inventory.absent = vec!["blog".into()], &["network-missing blog"]),
        (
            "two of one name: the one that nobody is on is to go",
            |s| {
                s.destination("shop (000000000003)", 3);
                let (first, second) =
                    (s.on("shop").id.short().to_owned(), s.on("shop (000000000003)").id.short().to_owned());
                s.on("shop (000000000003)").name = format!("shop ({second})").into();
                let key = |key: &ProbeKey| ProbeKey {
                    destination: format!("shop ({first})").into(),
                    ..key.clone()
                };
                s.probes = s.probes.iter().map(|(k, record)| (key(k), record.clone())).collect();
                s.on("shop").name = format!("shop ({first})").into();
            },
            &["network-duplicate-name shop (net000000000)"],
        ),
    ]);
}
