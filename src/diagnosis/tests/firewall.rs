//! The host's packet filter: whose rules are gone, whose drop what containers send, and what that accounts for.

mod foreign;
mod gone;
mod time;

use proptest::prelude::*;

use crate::inventory::PublishedPort;
use crate::netstack::firewall::{Action, Base, Chain, Family, Firewall, Hook, Rule};
use crate::netstack::{Forwarding, Host};

use super::*;

fn to(chain: &str) -> Rule {
    Rule { action: Action::Jump(chain.into()), ..Rule::default() }
}

fn all(action: Action) -> Rule {
    Rule { action, ..Rule::default() }
}

fn chain(table: &str, name: &str, base: Option<(Hook, bool)>, rules: Vec<Rule>) -> Chain {
    let base = base.map(|(hook, drops)| Base { hook, priority: 0, drops });
    let uses = rules.len() as u32;
    Chain { family: Family::Ipv4, table: table.into(), name: name.into(), base, uses, rules: Some(rules) }
}

/// What an Engine before 28 writes for `br-shop` and `br-blog`.
fn rules() -> Firewall {
    let mut forward = vec![to("DOCKER-USER"), to("DOCKER-ISOLATION-STAGE-1")];
    let mut postrouting = Vec::new();
    for (bridge, net) in [("br-shop", "10.0.2.0/24"), ("br-blog", "10.0.3.0/24")] {
        forward.push(Rule { output: Some(bridge.into()), ..to("DOCKER") });
        forward.push(Rule { input: Some(bridge.into()), ..all(Action::Accept) });
        postrouting.push(Rule { source: net.parse().ok(), ..all(Action::Masquerade) });
    }
    let narrowed = |rule: Rule| vec![Rule { narrowed: true, ..rule }];
    let mut chains = vec![
        chain("filter", "FORWARD", Some((Hook::Forward, true)), forward),
        chain("nat", "PREROUTING", Some((Hook::Prerouting, false)), narrowed(to("DOCKER"))),
        chain("nat", "OUTPUT", Some((Hook::Output, false)), narrowed(to("DOCKER"))),
        chain("nat", "POSTROUTING", Some((Hook::Postrouting, false)), postrouting),
        chain("filter", "DOCKER-USER", None, vec![all(Action::Return)]),
    ];
    // Rules, and what leads to them.
    for (table, name, uses) in
        [("filter", "DOCKER", 4), ("filter", "DOCKER-ISOLATION-STAGE-1", 3), ("nat", "DOCKER", 5)]
    {
        chains.push(Chain { uses, rules: None, ..chain(table, name, None, Vec::new()) });
    }
    Firewall { chains, ..Firewall::default() }
}

fn named<'a>(firewall: &'a mut Firewall, table: &str, name: &str) -> &'a mut Chain {
    firewall.chains.iter_mut().find(|c| c.table == table && c.name == name).expect("there")
}

fn empty(firewall: &mut Firewall, table: &str, name: &str) {
    named(firewall, table, name).rules = Some(Vec::new());
}

/// `shop` and `blog`, which get out and have a port published each, on a host whose filter was read as `now` and was
/// whole before.
fn town(now: impl FnOnce(&mut Firewall)) -> Sample {
    let mut sample = shop();
    sample.destination("blog", 3);
    for name in ["cms", "cache"] {
        sample.endpoint("blog", name);
    }
    for (on, bridge) in [("shop", "br-shop"), ("blog", "br-blog")] {
        sample.on(on).bridge = Some(bridge.into());
    }
    let before = rules().after(None, at(0));
    let mut firewall = rules();
    now(&mut firewall);
    let host = Host {
        forwarding: Forwarding { ipv4: Some(true), ipv6: None },
        bridge_netfilter: Some(true),
        firewall: Some(Firewall { read_at: Some(at(60)), ..firewall.after(Some(&before), at(20)) }),
        ..Host::default()
    };
    sample.sight.host = Some(Arc::new(host));
    outside(&mut sample, OK);
    sample
}

fn host(sample: &mut Sample) -> &mut Host {
    Arc::make_mut(sample.sight.host.as_mut().expect("there"))
}

fn filter(sample: &mut Sample) -> &mut Firewall {
    host(sample).firewall.as_mut().expect("there")
}

/// Everyone tries an address outside.
fn outside(sample: &mut Sample, outcome: Outcome) {
    for (on, source) in [("shop", "api"), ("shop", "db"), ("shop", "web"), ("blog", "cms"), ("blog", "cache")]
    {
        let detail = Detail::Address([192, 0, 2, 1].into());
        let mut key = key(ProbeKind::IcmpExternal, source, "192.0.2.1", detail);
        key.destination = on.into();
        sample.probe(key, outcome.clone(), 3);
    }
}

/// Nobody on `shop` reaches a neighbour; the gateway answers.
fn alone(sample: &mut Sample) {
    for source in ["api", "db", "web"] {
        for target in ["api", "db", "web"] {
            if source != target {
                sample.icmp(source, target, TIMEOUT);
                sample.tcp(source, target, 80, TIMEOUT);
            }
        }
    }
}

/// Ports that are published, and how a handshake from the host ends.
fn published(sample: &mut Sample, ports: u16, outcome: &Outcome) {
    for n in 0..ports {
        let (host_port, container_port) = (8000 + n, 80 + n);
        let port = PublishedPort { host_ip: None, host_port, container_port, protocol: "tcp".into() };
        sample.container("web").published.push(port);
        let detail = Detail::Port([192, 0, 2, 7].into(), host_port);
        sample.probe(key(ProbeKind::PublishedPort, "host", "web", detail), outcome.clone(), 3);
        sample.tcp("api", "web", container_port, OK);
    }
}

/// A name for the case, how the filter was read, what is measured, and what is told.
type Filtered<'a> = (&'a str, fn(&mut Firewall), fn(&mut Sample), &'a [&'a str]);

const MISSING: &str = "host-firewall-chains-missing host";
const BLOCKING: &str = "host-firewall-blocking host";

fn verdict(sample: &Sample) -> Verdict {
    settled(sample.snapshot(), &mut Ledger::default())
}

fn flush(firewall: &mut Firewall) {
    for (table, name) in [
        ("filter", "FORWARD"),
        ("nat", "PREROUTING"),
        ("nat", "OUTPUT"),
        ("nat", "POSTROUTING"),
        ("filter", "DOCKER-USER"),
    ] {
        empty(firewall, table, name);
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let names = prop_oneof![
        Just(None),
        Just(Some("br-shop".to_owned())),
        Just(Some("*".to_owned())),
        ".{0,3}".prop_map(Some)
    ];
    let action = prop_oneof![
        Just(Action::Nothing),
        Just(Action::Return),
        Just(Action::Accept),
        Just(Action::Drop),
        Just(Action::Reject),
        Just(Action::Masquerade),
        Just(Action::Other),
        prop_oneof![Just("DOCKER"), Just("DOCKER-FORWARD"), Just("FORWARD")]
            .prop_map(|to| Action::Jump(to.into())),
    ];
    (names, any::<[bool; 2]>(), action).prop_map(|(input, [of_connections, narrowed], action)| Rule {
        input,
        of_connections,
        narrowed,
        action,
        ..Rule::default()
    })
}

proptest! {
    /// Whatever stands in it, in whatever order: one finding of each at the most, and none without a reason.
    #[test]
    fn no_filter_trips_a_rule(
        chains in prop::collection::vec(
            (0..4usize, 0..6usize, any::<Option<(u8, bool)>>(), prop::option::of(prop::collection::vec(any_rule(), 0..4)), any::<u32>()),
            0..8,
        ),
        fails in any::<bool>(),
        whole in any::<bool>(),
    ) {
        let mut sample = town(|f| {
            let made = chains.into_iter().map(|(table, name, base, rules, uses)| {
                let table = ["filter", "nat", "docker-bridges", "x"][table];
                let name = ["FORWARD", "PREROUTING", "OUTPUT", "POSTROUTING", "DOCKER", "DOCKER-FORWARD"][name];
                let hooks = [Hook::Prerouting, Hook::Forward, Hook::Output, Hook::Postrouting, Hook::Input];
                let base = base.map(|(hook, drops)| (hooks[usize::from(hook) % 5], drops));
                Chain { uses, rules, ..chain(table, name, base, Vec::new()) }
            });
            f.chains = made.collect();
        });
        if fails {
            outside(&mut sample, TIMEOUT);
            alone(&mut sample);
            published(&mut sample, 5, &TIMEOUT);
        }
        if !whole {
            filter(&mut sample).whole_at = None;
        }
        let told = faults(&sample);
        for code in [MISSING, BLOCKING] {
            prop_assert!(told.iter().filter(|one| *one == code).count() <= 1, "{told:?}");
        }
        prop_assert!(fails || !told.contains(&BLOCKING.to_owned()), "{told:?}");
    }
}
