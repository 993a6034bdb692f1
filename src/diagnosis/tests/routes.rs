//! Routes: each fault its own code, once, whatever else follows from it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::inventory::routes::*;
use crate::inventory::{ContainerId, Health, PublishedPort, RunState};
use crate::netstack::{Inner, Listener};
use crate::proxy::{Kind, Port};
use crate::state::Record;

mod asleep;
/// What holds, what is over, and what was never a fault.
mod honest;

/// A host with a proxy on `shop` and a site that `web` serves at port 3000.
struct Host {
    sample: Sample,
    listeners: Option<Vec<Listener>>,
}

const DIRECT: &str = "direct";
const HTTP: &str = "http";
const HTTPS: &str = "https";

impl Host {
    fn new() -> Self {
        let mut sample = Sample::shop(&["coolify-proxy", "web"]);
        sample.container("coolify-proxy").is_proxy = true;
        let proxy = Proxy {
            kind: Some(Kind::Traefik),
            version: Some("3.6.1".into()),
            serves_all: Some(false),
            ..Proxy::new(ContainerId::new("id-coolify-proxy"), "coolify-proxy".into())
        };
        sample.inventory.proxies.push(proxy);
        let mut host = Self { sample, listeners: Some(vec![listener([0, 0, 0, 0], 3000)]) };
        host.site("shop.example.com", "web");
        host
    }

    fn site(&mut self, domain: &str, name: &str) {
        let endpoint = self.sample.on("shop").endpoint(name).unwrap().clone();
        let backend = Backend {
            container: endpoint.container.clone(),
            name: endpoint.name.clone(),
            router: name.into(),
            standing: Standing::Served,
            place: Placed::On(Spot {
                network: "shop".into(),
                destination: Some("shop".into()),
                address: endpoint.addresses[0],
                attached: true,
                apart: Vec::new(),
                choice: Choice::Only,
            }),
            port: Some(3000),
            said: Port::Named(3000),
            tls: false,
            path: "/".into(),
        };
        let door = |tls, port| Door { tls, port, guarded: false };
        self.sample.inventory.routes.served.push(Route {
            site: format!("{domain}/").into(),
            domain: domain.into(),
            path: "/".into(),
            kind: Kind::Traefik,
            proxy: Some(ContainerId::new("id-coolify-proxy")),
            destination: Some("shop".into()),
            workload: name.into(),
            doors: vec![door(false, 80), door(true, 443)],
            also: None,
            unsure: Vec::new(),
            backends: vec![backend],
            rivals: Vec::new(),
        });
        for way in [DIRECT, HTTP, HTTPS] {
            self.saw_of(domain, way, OK).seen = page(200, "<html>", None);
        }
    }

    fn route(&mut self) -> &mut Route {
        &mut self.sample.inventory.routes.served[0]
    }

    fn spot(&mut self) -> &mut Spot {
        match &mut self.route().backends[0].place {
            Placed::On(spot) => spot,
            other => panic!("{other:?}"),
        }
    }

    /// What the probe of this way saw, three times.
    fn saw_of(&mut self, domain: &str, way: &str, outcome: Outcome) -> &mut Record {
        let route =
            self.sample.inventory.routes.served.iter().find(|route| *route.domain == *domain).unwrap();
        let (site, name) = (Arc::clone(&route.site), Arc::clone(&route.backends[0].name));
        let at: SocketAddr = match route.backends[0].spot() {
            Some(spot) => (spot.address, 3000).into(),
            None => "10.0.2.3:3000".parse().unwrap(),
        };
        let door = |port| SocketAddr::from(([203, 0, 113, 7], port));
        let (source, detail) = match way {
            DIRECT => ("coolify-proxy", Detail::Backend(site, at)),
            HTTP => ("host", Detail::Door(Scheme::Http, site, door(80))),
            _ => ("host", Detail::Door(Scheme::Https, site, door(443))),
        };
        self.sample.probe(key(ProbeKind::Route, source, &name, detail), outcome, 3)
    }

    fn saw(&mut self, way: &str, outcome: Outcome) -> &mut Record {
        self.saw_of("shop.example.com", way, outcome)
    }

    /// Through the proxy, by both doors.
    fn through(&mut self, reason: Reason, status: u16, begins: &str) {
        for way in [HTTP, HTTPS] {
            self.saw(way, Outcome::Failure(reason)).seen = page(status, begins, None);
        }
    }

    fn refused(&mut self) {
        self.saw(DIRECT, Outcome::Failure(Reason::Refused)).seen.stopped_at = Some(Phase::Connect);
        self.through(Reason::HttpStatus, 502, "Bad Gateway");
    }

    fn told(&self) -> Vec<String> {
        let mut snapshot = self.sample.snapshot();
        let inner = Inner { listeners: self.listeners.clone(), ..Inner::default() };
        snapshot.containers = Arc::new([(ContainerId::new("id-web"), inner)].into());
        let findings = settled(snapshot, &mut Ledger::default()).findings;
        findings
            .iter()
            .map(|f| format!("{} {} {}", f.severity.as_label(), f.code.as_label(), f.subject.name))
            .collect()
    }
}

fn listener(address: [u8; 4], port: u16) -> Listener {
    Listener { address: address.into(), port, v6_only: false }
}

fn page(status: u16, begins: &str, location: Option<&str>) -> Observation {
    if status == 0 {
        return Observation { stopped_at: Some(Phase::Connect), ..Observation::default() };
    }
    let http = HttpSeen { status, body_bytes: begins.len() as u64, ..HttpSeen::default() };
    let location = location.map(str::to_owned);
    let answer = Answer { location, begins: begins.into(), ..Answer::default() };
    Observation { http: Some(http), answer: Some(answer), ..Observation::default() }
}

/// A way to break the host.
type Breaks = fn(&mut Host);

#[test]
fn each_fault_of_a_route_is_one_finding() {
    let table: &[(&str, Breaks, &[&str])] = &[
        ("nothing", |_| {}, &[]),
        (
            "wrong port",
            |h| {
                h.listeners = Some(vec![listener([0, 0, 0, 0], 8080)]);
                h.refused();
            },
            &["page route-port-not-listening shop.example.com"],
        ),
        (
            "nothing listens",
            |h| {
                h.listeners = Some(Vec::new());
                h.refused();
            },
            &["page route-port-not-listening shop.example.com"],
        ),
        (
            "loopback",
            |h| {
                h.listeners = Some(vec![listener([127, 0, 0, 1], 3000)]);
                h.refused();
            },
            &["page route-loopback-only shop.example.com"],
        ),
        (
            "unread listeners",
            |h| {
                h.listeners = None;
                h.refused();
            },
            &["page route-port-not-listening shop.example.com"],
        ),
        (
            "unhealthy",
            |h| {
                h.route().backends[0].standing = Standing::Unhealthy;
                h.through(Reason::HttpStatus, 404, "404 page not found\\n");
            },
            &["page route-container-unhealthy shop.example.com"],
        ),
        (
            "starting",
            |h| {
                h.route().backends[0].standing = Standing::Starting;
                h.through(Reason::HttpStatus, 404, "404 page not found\\n");
            },
            &["ticket route-container-starting shop.example.com"],
        ),
        (
            "starting just now",
            |h| {
                h.route().backends[0].standing = Standing::Starting;
                h.sample.container("web").started_at = Some(at(55));
            },
            &[],
        ),
        (
            "not attached",
            |h| {
                h.spot().attached = false;
                h.saw(DIRECT, TIMEOUT).seen.stopped_at = Some(Phase::Connect);
                h.through(Reason::HttpStatus, 504, "Gateway Timeout");
            },
            &["page proxy-not-attached coolify-proxy"],
        ),
        (
            "not attached yet",
            |h| {
                h.spot().attached = false;
                h.sample.container("web").started_at = Some(at(55));
            },
            &[],
        ),
        (
            "ambiguous and lucky",
            |h| {
                h.spot().choice = Choice::Any(vec!["own".into(), "shop".into()]);
                h.spot().apart = vec!["own".into()];
            },
            &["ticket route-network-ambiguous shop.example.com"],
        ),
        (
            "ambiguous and not",
            |h| {
                h.spot().choice = Choice::Any(vec!["own".into(), "shop".into()]);
                h.spot().apart = vec!["own".into()];
                h.through(Reason::HttpStatus, 504, "Gateway Timeout");
            },
            &["page route-network-ambiguous shop.example.com"],
        ),
        ("any of the proxy's own", |h| h.spot().choice = Choice::Any(vec!["own".into(), "shop".into()]), &[]),
        (
            "mismatch",
            |h| h.spot().choice = Choice::Mislabelled("typo".into(), vec!["shop".into()]),
            &["ticket route-network-mismatch shop.example.com"],
        ),
        (
            "two workloads",
            |h| h.route().rivals = vec![rival(Clash::TwoWorkloads)],
            &["page route-conflict shop.example.com"],
        ),
        (
            "two settings",
            |h| {
                h.route().rivals = vec![rival(Clash::TwoSettings)];
                h.through(Reason::HttpStatus, 404, "404 page not found");
            },
            &["page route-conflict shop.example.com"],
        ),
        (
            "hangs",
            |h| {
                h.saw(DIRECT, TIMEOUT).seen.stopped_at = Some(Phase::Answer);
                for way in [HTTP, HTTPS] {
                    h.saw(way, TIMEOUT).seen.stopped_at = Some(Phase::Answer);
                }
            },
            &["page route-backend-timeout shop.example.com"],
        ),
        (
            "never ends",
            |h| {
                h.saw(DIRECT, TIMEOUT).seen.stopped_at = Some(Phase::Body);
            },
            &["page route-backend-timeout shop.example.com"],
        ),
        (
            "fails by itself",
            |h| {
                h.saw(DIRECT, Outcome::Failure(Reason::HttpStatus)).seen = page(500, "oh", None);
                h.through(Reason::HttpStatus, 500, "oh");
            },
            &["page route-not-served shop.example.com"],
        ),
        (
            "garbage",
            |h| {
                h.saw(DIRECT, Outcome::Failure(Reason::Protocol));
                h.through(Reason::HttpStatus, 502, "Bad Gateway");
            },
            &["page route-not-served shop.example.com"],
        ),
        (
            "stale",
            |h| h.through(Reason::HttpStatus, 502, "Bad Gateway"),
            &["page route-stale-backend shop.example.com"],
        ),
        (
            "unknown to the proxy",
            |h| h.through(Reason::HttpStatus, 404, "404 page not found\\n"),
            &["page route-not-served shop.example.com"],
        ),
        (
            "unknown, but perhaps by a middleware",
            |h| {
                h.route().unsure = vec!["m@file".into()];
                for way in [HTTP, HTTPS] {
                    h.saw(way, OK).seen = page(404, "404 page not found", None);
                }
            },
            &[],
        ),
        (
            "a page that the app has not",
            |h| {
                for way in [DIRECT, HTTP, HTTPS] {
                    h.saw(way, OK).seen = page(404, "no such page", None);
                }
            },
            &[],
        ),
        (
            "a loop",
            |h| h.saw(HTTPS, OK).seen = page(301, "", Some("https://shop.example.com/")),
            &["page route-redirect-loop shop.example.com"],
        ),
        (
            "a cookie first",
            |h| {
                let seen = &mut h.saw(HTTPS, OK).seen;
                *seen = page(302, "", Some("https://shop.example.com/"));
                seen.answer.get_or_insert_default().sets_cookie = true;
            },
            &[],
        ),
        (
            "there and back",
            |h| {
                h.saw(HTTP, OK).seen = page(301, "", Some("https://shop.example.com/"));
                h.saw(HTTPS, OK).seen = page(302, "", Some("http://shop.example.com/"));
            },
            &["page route-redirect-loop shop.example.com"],
        ),
        ("to https", |h| h.saw(HTTP, OK).seen = page(301, "", Some("https://shop.example.com/")), &[]),
        ("to a login", |h| h.saw(HTTPS, OK).seen = page(302, "", Some("/login")), &[]),
        (
            "the host's network",
            |h| h.route().backends[0].place = Placed::Host,
            &["ticket route-host-network shop.example.com"],
        ),
        (
            "the door is shut",
            |h| h.through(Reason::Refused, 0, ""),
            &["page proxy-unreachable coolify-proxy"],
        ),
        (
            "a proxy that ended",
            |h| {
                h.sample.container("coolify-proxy").state = RunState::Exited;
                h.sample.on("shop").endpoints.remove(0);
                h.through(Reason::Refused, 0, "");
            },
            &["page proxy-not-running coolify-proxy"],
        ),
        (
            "a proxy whose port is taken",
            |h| {
                h.sample.container("coolify-proxy").state = RunState::Created;
                h.sample.on("shop").endpoints.remove(0);
                h.sample.inventory.proxies[0].error =
                    Some("Bind for 0.0.0.0:80 failed: port is already allocated".into());
            },
            &["page host-port-conflict 80/tcp"],
        ),
        (
            "no proxy",
            |h| {
                h.sample.inventory.proxies.clear();
                h.route().proxy = None;
            },
            &["page proxy-missing proxy"],
        ),
        (
            "a proxy that is no container",
            |h| {
                h.sample.inventory.proxies.clear();
                h.route().proxy = None;
                h.sample.sight.host_ports = Some([80].into());
            },
            &[],
        ),
        (
            "an unhealthy proxy",
            |h| h.sample.container("coolify-proxy").health = Health::Unhealthy,
            &["ticket proxy-unhealthy coolify-proxy"],
        ),
        (
            "around the proxy",
            |h| {
                let port = PublishedPort {
                    host_ip: None,
                    host_port: 3001,
                    container_port: 3000,
                    protocol: "tcp".into(),
                };
                h.sample.container("web").published.push(port);
            },
            &["info route-host-port-published shop.example.com"],
        ),
        ("once is no fault", |h| h.saw(DIRECT, Outcome::Failure(Reason::Refused)).failures_in_a_row = 1, &[]),
        (
            "nobody could look",
            |h| {
                for way in [DIRECT, HTTP, HTTPS] {
                    h.saw(way, Outcome::Unknown(Blindness::NoPrivilege));
                }
            },
            &[],
        ),
        (
            "an app that has just started",
            |h| {
                h.refused();
                h.saw(HTTP, OK);
                h.saw(HTTPS, OK);
                h.sample.container("web").started_at = Some(at(55));
            },
            &[],
        ),
    ];
    for (what, breaks, expected) in table {
        let mut host = Host::new();
        breaks(&mut host);
        assert_eq!(host.told(), *expected, "{what}");
    }
}

/// What was seen of it, and through the proxy, in the first seconds counts where it is good.
#[test]
fn an_app_that_starts_is_judged_when_it_has_settled() {
    let mut host = Host::new();
    host.listeners = Some(Vec::new());
    let told = |host: &mut Host, started: u64| {
        host.sample.container("web").started_at = Some(at(started));
        host.told()
    };
    host.refused();
    assert_eq!(told(&mut host, 51), Vec::<String>::new());
    assert_eq!(told(&mut host, 50), ["page route-port-not-listening shop.example.com"]);
    // The proxy has not heard of it yet.
    host.saw(DIRECT, OK).seen = page(200, "<html>", None);
    host.through(Reason::HttpStatus, 404, "404 page not found\n");
    assert_eq!(told(&mut host, 51), Vec::<String>::new());
    assert_eq!(told(&mut host, 50), ["page route-not-served shop.example.com"]);
    // The proxy itself has just started.
    host.sample.container("coolify-proxy").started_at = Some(at(51));
    assert_eq!(told(&mut host, 0), Vec::<String>::new());
}

/// A site that fails through the proxy may fail for what its container is about to be asked.
#[test]
fn a_backend_is_asked_before_the_proxy_is_blamed() {
    let mut host = Host::new();
    let silent = |host: &mut Host, way: &str, times: u32| {
        let record = host.saw(way, Outcome::Failure(Reason::Timeout));
        record.failures_in_a_row = times;
        record.seen.stopped_at = Some(Phase::Answer);
    };
    for way in [HTTP, HTTPS] {
        silent(&mut host, way, 2);
    }
    silent(&mut host, DIRECT, 1);
    assert_eq!(host.told(), Vec::<String>::new());
    silent(&mut host, DIRECT, 2);
    assert_eq!(host.told(), ["page route-backend-timeout shop.example.com"]);
}

/// In a rolling deployment the proxy leads to the old container for a moment.
#[test]
fn an_old_address_is_a_fault_when_it_lasts() {
    let mut host = Host::new();
    let told = |host: &mut Host, since: u64| {
        for way in [HTTP, HTTPS] {
            let record = host.saw(way, Outcome::Failure(Reason::Timeout));
            record.seen.stopped_at = Some(Phase::Answer);
            record.since = at(since);
        }
        host.told()
    };
    assert_eq!(told(&mut host, 46), Vec::<String>::new());
    assert_eq!(told(&mut host, 45), ["page route-stale-backend shop.example.com"]);
}

/// Not as a container and as the proxy.
#[test]
fn a_proxy_that_does_not_run_is_told_once() {
    let mut host = Host::new();
    host.sample.container("coolify-proxy").state = RunState::Exited;
    let missing = host.sample.missing("coolify-proxy");
    host.sample.on("shop").stopped.push(missing);
    assert_eq!(host.told(), ["page proxy-not-running coolify-proxy"]);
}

fn rival(clash: Clash) -> Rival {
    Rival { workload: "other".into(), container: ContainerId::new("id-other"), router: "other".into(), clash }
}

#[test]
fn a_proxy_that_knows_no_rule_is_one_fault() {
    let mut host = Host::new();
    host.sample.endpoint("shop", "blog");
    host.site("blog.example.com", "blog");
    for domain in ["shop.example.com", "blog.example.com"] {
        for way in [HTTP, HTTPS] {
            host.saw_of(domain, way, Outcome::Failure(Reason::HttpStatus)).seen =
                page(404, "404 page not found", None);
        }
    }
    assert_eq!(host.told(), ["page proxy-provider-broken coolify-proxy"]);
    // One that it does know tells that the others are its rules' own.
    for way in [HTTP, HTTPS] {
        host.saw_of("blog.example.com", way, OK).seen = page(200, "<html>", None);
    }
    assert_eq!(host.told(), ["page route-not-served shop.example.com"]);
}

#[test]
fn one_backend_of_two_is_told_when_it_stays_away() {
    let mut host = Host::new();
    host.sample.endpoint("shop", "web/2");
    let second = host.sample.on("shop").endpoint("web/2").unwrap().clone();
    let mut backend = host.route().backends[0].clone();
    backend.container = second.container.clone();
    backend.name = second.name.clone();
    if let Placed::On(spot) = &mut backend.place {
        spot.address = second.addresses[0];
    }
    host.route().backends.push(backend);
    let detail = Detail::Backend("shop.example.com/".into(), (second.addresses[0], 3000).into());
    let key = key(ProbeKind::Route, "coolify-proxy", "web/2", detail);
    let refused = |host: &mut Host, since: u64| {
        let record = host.sample.probe(key.clone(), Outcome::Failure(Reason::Refused), 3);
        record.since = at(since);
        host.told()
    };
    // It is being stopped, or started.
    assert_eq!(refused(&mut host, 45), Vec::<String>::new());
    assert_eq!(refused(&mut host, 20), ["page route-port-not-listening shop.example.com"]);
}

#[test]
fn what_is_told_goes_when_it_is_served_and_stays_while_nobody_can_look() {
    let mut ledger = Ledger::default();
    let mut host = Host::new();
    let judged = |host: &Host, ledger: &mut Ledger| {
        let findings = settled(host.sample.snapshot(), ledger).findings;
        findings.iter().map(|f| f.code.as_label()).collect::<Vec<_>>()
    };
    host.listeners = None;
    host.refused();
    assert_eq!(judged(&host, &mut ledger), ["route-port-not-listening"]);
    for way in [DIRECT, HTTP, HTTPS] {
        host.saw(way, Outcome::Unknown(Blindness::NoPrivilege));
    }
    assert_eq!(judged(&host, &mut ledger), ["route-port-not-listening"]);
    // It answers now, and wrongly: another cause takes the place of the first.
    host.saw(DIRECT, Outcome::Failure(Reason::HttpStatus)).seen = page(500, "oh", None);
    assert_eq!(judged(&host, &mut ledger), ["route-not-served"]);
    for way in [DIRECT, HTTP, HTTPS] {
        host.saw(way, OK).seen = page(200, "<html>", None);
    }
    assert_eq!(judged(&host, &mut ledger), Vec::<&str>::new());
}

#[test]
fn a_domain_that_leads_elsewhere_is_told_where_it_is_asked_for() {
    let told = |own: &[[u8; 4]], answers: &[[u8; 4]], outcome: Outcome| {
        let mut host = Host::new();
        let detail = Detail::Name("shop.example.com".into(), QueryType::A);
        let key = key(ProbeKind::DnsExternal, "coolify-proxy", "shop.example.com", detail);
        host.sample.probe(key, outcome, 3).seen.answers = answers.iter().map(|a| (*a).into()).collect();
        let mut snapshot = host.sample.snapshot();
        snapshot.own.public_addresses = own.iter().map(|a| (*a).into()).collect();
        let findings = settled(snapshot, &mut Ledger::default()).findings;
        findings.iter().map(|f| f.code.as_label()).collect::<Vec<_>>()
    };
    let (here, there) = ([203, 0, 113, 7], [198, 51, 100, 9]);
    assert_eq!(told(&[here], &[there], OK), ["domain-points-elsewhere"]);
    assert_eq!(told(&[here], &[there, here], OK), [""; 0]);
    assert_eq!(told(&[here], &[], OK), [""; 0]);
    // Nobody asked, or nobody could answer.
    assert_eq!(told(&[], &[there], OK), [""; 0]);
    assert_eq!(told(&[here], &[], Outcome::Failure(Reason::Servfail)), [""; 0]);
}

#[test]
fn an_empty_page_of_caddys_is_none_of_an_application_that_says_more() {
    let told = |says: &str| {
        let mut host = Host::new();
        host.route().kind = Kind::Caddy;
        host.saw(DIRECT, OK).seen = page(200, says, None);
        for way in [HTTP, HTTPS] {
            let record = host.saw(way, OK);
            record.seen = page(200, "", None);
            record.seen.answer = Some(Answer { server: Some("Caddy".into()), ..Answer::default() });
        }
        host.told()
    };
    assert_eq!(told("<html>"), ["page route-not-served shop.example.com"]);
    assert_eq!(told(""), [""; 0]);
}
