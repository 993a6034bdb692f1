//! Routes: each fault its own code, once, whatever else follows from it.

mod time;

use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::inventory::routes::*;
use crate::inventory::{ContainerId, Health, PublishedPort, RunState};
use crate::netstack::{Inner, Listener, LocalPorts};
use crate::proxy::{Kind, Port};
use crate::state::Record;

mod asleep;
/// What holds, what is over, and what was never a fault.
mod honest;

/// A host with a proxy on `shop` and a site that `web` serves at port 3000.
struct Host {
    sample: Sample,
    listeners: Option<Vec<Listener>>,
    /// The proxy's.
    ports: Option<LocalPorts>,
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
        let mut host = Self { sample, listeners: Some(vec![listener([0, 0, 0, 0], 3000)]), ports: None };
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
            started_at: None,
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

    fn found(&self) -> Vec<Finding> {
        let mut snapshot = self.sample.snapshot();
        let inner = Inner { listeners: self.listeners.clone(), ..Inner::default() };
        let proxy = Inner { local_ports: self.ports.clone(), ..Inner::default() };
        let proxy = (ContainerId::new("id-coolify-proxy"), proxy);
        snapshot.containers = Arc::new([(ContainerId::new("id-web"), inner), proxy].into());
        settled(snapshot, &mut Ledger::default()).findings
    }

    fn told(&self) -> Vec<String> {
        self.found()
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
            "no proxy here, of a service's task: it may be on any node",
            |h| {
                h.sample.inventory.proxies.clear();
                h.route().proxy = None;
                h.sample.container("web").task_of = Some("web".into());
            },
            &[],
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
