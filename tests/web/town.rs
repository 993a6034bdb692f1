//! A small host with faults in it, as the exporter would judge it, and with names that try to be more than names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::baseline::{self, Change, Difference, Drift, Drifted};
use destination_exporter::certificate::Moment;
use destination_exporter::config::{Config, Selection};
use destination_exporter::diagnosis::{CertificateState, Code, Ledger, Severity, Subject, Verdict, judge};
use destination_exporter::inventory::build::build;
use destination_exporter::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet};
use destination_exporter::inventory::{ContainerId, Inventory, PublishedPort, RunState};
use destination_exporter::netstack::{Connections, Host, Inner, Listener, Side, Talk};
use destination_exporter::outcome::{
    Answer, Blindness, Detail, HttpSeen, Observation, Outcome, ProbeKey, ProbeKind, Reason, Run,
};
use destination_exporter::plan::{Learned, plan};
use destination_exporter::state::{Engine, Recorder, Snapshot};
use destination_exporter::timeline::{After, Entry, History, Kind};

const DAY: i64 = 86_400;

/// As Coolify names networks.
pub const SHOP: &str = "k7x2m9qd4w8r1t5y0u3i6o2p";
/// Names that try to be more than names.
pub const SCRIPT: &str = "<script>document.title='owned'</script>";
pub const IMAGE: &str = "\"><img src=x onerror=\"document.title='owned'\">";
pub const TURNED: &str = "safe\u{202e}gpj.exe";

/// What is known of the host, judged for the second time.
pub fn verdict(now: SystemTime) -> Verdict {
    let mut ledger = Ledger::default();
    let before = snapshot(now - Duration::from_secs(30));
    judge(Arc::new(before), &mut ledger);
    let verdict = judge(Arc::new(snapshot(now)), &mut ledger);
    // Nobody has made this host a certificate that could be read.
    let (not_before, not_after) =
        (Moment(Moment::of(now).0 - 29 * DAY), Moment(Moment::of(now).0 + 61 * DAY));
    let certificate =
        CertificateState { domain: "api.example.com".into(), not_before, not_after, valid: true };
    Verdict { certificates: vec![certificate], ..verdict }
}

/// The same host with nothing wrong on it.
#[allow(dead_code, reason = "one of those who build this needs it")]
pub fn repaired(now: SystemTime) -> Verdict {
    Verdict { findings: Vec::new(), ..judge(Arc::new(snapshot(now)), &mut Ledger::default()) }
}

/// What happened of late.
pub fn history(now: SystemTime) -> History {
    let ago = |seconds| now - Duration::from_secs(seconds);
    let entry = |seconds: u64, kind, what, who: &str, sentence: &str| Entry {
        at: ago(seconds),
        kind,
        what,
        destination: Some(SHOP.into()),
        destinations: Vec::new(),
        subject: Subject { kind: "container", name: who.into() },
        code: None,
        severity: None,
        stood_seconds: None,
        sentence: sentence.into(),
        after: Vec::new(),
    };
    let opened = Entry {
        code: Some(Code::RouteLoopbackOnly),
        severity: Some(Severity::Page),
        after: vec![
            After { seconds: 4.2, sentence: "shop-web was redeployed".into() },
            After { seconds: 6.0, sentence: "worker was restarted".into() },
        ],
        ..entry(
            1800,
            Kind::Finding,
            "opened",
            "shop.example.com",
            "4.2 s after shop-web was redeployed: shop-web listens on 127.0.0.1:3000 only.",
        )
    };
    [
        entry(1795, Kind::Destination, "failing", SHOP, "shop is failing."),
        opened,
        entry(1804, Kind::Engine, "redeployed", "shop-web", "shop-web was redeployed."),
        entry(1806, Kind::Engine, "restarted", "worker", "worker was restarted."),
        entry(7200, Kind::Engine, "oom", SCRIPT, &format!("{SCRIPT} ran out of memory.")),
    ]
    .into_iter()
    .collect()
}

fn snapshot(now: SystemTime) -> Snapshot {
    let inventory = Arc::new(build(&seen(), &Selection::default(), now));
    let host = BTreeSet::from([IpAddr::from([203, 0, 113, 7])]);
    let learned = Learned { host: Some(host.clone()), uplink: host.clone(), ..Learned::default() };
    let plan = plan(&inventory, &learned, &Config::default().probes);
    let mut recorder = Recorder::default();
    recorder.engine_answered(now);
    recorder.listed(Arc::clone(&inventory), now);
    recorder.planned(plan.keys(), Duration::from_secs(15));
    for ago in [45, 30, 15, 3] {
        recorder.record(plan.keys().map(run).collect(), now - Duration::from_secs(ago));
    }
    let mut snapshot = recorder.snapshot(now);
    snapshot.sight.engine =
        Engine::Up { back_since: None, broke_at: None, asked_at: now + Duration::from_secs(3600) };
    snapshot.sight.namespaces = Some(Ok(()));
    snapshot.sight.icmp = Some(Ok(()));
    snapshot.sight.socket_diagnostics = Some(Ok(()));
    snapshot.sight.host_network = Some(true);
    snapshot.sight.host_addresses = host;
    let unread = Some("CAP_NET_ADMIN is missing".to_owned());
    snapshot.sight.host = Some(Arc::new(Host { firewall_unread: unread, ..Host::default() }));
    snapshot.own.round_last_completed = Some(now);
    snapshot.own.external_url = "http://127.0.0.1:10061".into();
    snapshot.containers = Arc::new(listeners(&inventory, now));
    snapshot.drift = Some(Arc::new(drift()));
    snapshot
}

/// What is otherwise than was approved, of things with such names; and the file is broken by now.
fn drift() -> Drift {
    let of = |destination: Option<&str>, kind, subject: &str| Difference {
        destination: destination.map(str::to_owned),
        kind,
        subject: subject.to_owned(),
        change: Change::Gone,
        before: IMAGE.to_owned(),
        after: String::new(),
        expected: false,
    };
    let mut differences = vec![
        of(None, baseline::Kind::Proxy, SCRIPT),
        of(Some(SHOP), baseline::Kind::Name, TURNED),
        of(Some(SCRIPT), baseline::Kind::Network, SCRIPT),
    ];
    differences.extend((0..300).map(|n| of(Some(SHOP), baseline::Kind::Name, &format!("name{n}"))));
    Drift {
        file: "/etc/approved.json".into(),
        command: "destination-exporter diff /etc/approved.json".into(),
        refused: Some(SCRIPT.into()),
        approved: None,
        found: Some(Arc::new(Drifted { differences, ..Drifted::default() })),
    }
}

fn run(key: &ProbeKey) -> Run {
    let page = |status, begins: &str| Observation {
        http: Some(HttpSeen { status, first_byte: Duration::from_micros(800), ..HttpSeen::default() }),
        answer: Some(Answer { begins: begins.into(), ..Answer::default() }),
        ..Observation::default()
    };
    let dead = [&*key.source, &*key.target].contains(&"worker");
    let (outcome, seen) = match (&key.kind, &key.detail, &*key.target) {
        (ProbeKind::Route, Detail::Backend(..), "shop-web") => {
            (Outcome::Failure(Reason::Refused), Observation::default())
        }
        (ProbeKind::Route, _, "shop-web") => (Outcome::Failure(Reason::HttpStatus), page(502, "Bad Gateway")),
        (ProbeKind::Route | ProbeKind::Http, ..) => {
            (Outcome::Success(Duration::from_micros(1900)), page(200, "<!doctype html>"))
        }
        (ProbeKind::Icmp | ProbeKind::Tcp, ..) if dead => {
            (Outcome::Failure(Reason::Timeout), Observation::default())
        }
        (ProbeKind::PathMtu, ..) => (Outcome::Unknown(Blindness::NoPrivilege), Observation::default()),
        _ => (Outcome::Success(Duration::from_micros(90)), Observation::default()),
    };
    Run { key: key.clone(), outcome, seen }
}

fn listeners(inventory: &Inventory, now: SystemTime) -> BTreeMap<ContainerId, Inner> {
    let listener = |address: IpAddr, port| Listener { address, port, v6_only: false };
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let of = |name: &str| match name {
        "shop-web" => vec![listener(Ipv4Addr::LOCALHOST.into(), 3000)],
        "coolify-proxy" => vec![listener(any, 80), listener(any, 443)],
        "postgres" => vec![listener(any, 5432)],
        "mysql" => vec![listener(any, 3306)],
        "redis" => vec![listener(any, 6379)],
        _ => vec![listener(any, 3000)],
    };
    let containers = inventory.containers.values().filter(|one| &*one.name != "worker");
    let inner =
        |name: &str| Inner { listeners: Some(of(name)), connections: talks(name, now), ..Inner::default() };
    containers.map(|one| (one.id.clone(), inner(&one.name))).collect()
}

/// Who has connections to whom.
fn talks(name: &str, now: SystemTime) -> Option<Arc<Connections>> {
    let own = |last: u8| IpAddr::from([10, 0, 2, last]);
    let calls =
        |from: u8, to: u8, port, n| (Talk { local: own(from), remote: own(to), port, side: Side::Client }, n);
    let talks = match name {
        "coolify-proxy" => vec![calls(250, 11, 3000, 4)],
        "api" => vec![calls(11, 12, 5432, 10), calls(11, 13, 3306, 2)],
        "shop-web" => vec![calls(10, 11, 3000, 1)],
        // Of one it could not be read.
        "redis" => return None,
        _ => Vec::new(),
    };
    Some(Arc::new(Connections { at: now, talks, complete: true }))
}

fn seen() -> Seen {
    let networks = [(SHOP, 2), ("coolify", 3), ("tools", 4)];
    let network = |(name, third): (&str, u8)| SeenNetwork {
        id: format!("{third:0>64}"),
        name: name.into(),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet {
            subnet: format!("10.0.{third}.0/24"),
            gateway: format!("10.0.{third}.1"),
            ..SeenSubnet::default()
        }],
        ..SeenNetwork::default()
    };
    let shop = [(SHOP, 2)];
    let mut proxy = container("coolify-proxy", &networks[..2], 250, &[]);
    proxy.image = "traefik:v3.6".into();
    proxy.has_engine_socket = true;
    proxy.published = [80, 443]
        .map(|port| PublishedPort {
            host_ip: None,
            host_port: port,
            container_port: port,
            protocol: "tcp".into(),
        })
        .to_vec();
    proxy.labels.insert("coolify.proxy".into(), "true".into());
    proxy.command = [
        "--entrypoints.http.address=:80",
        "--entrypoints.https.address=:443",
        "--providers.docker=true",
        "--providers.docker.exposedbydefault=false",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut containers = vec![
        proxy,
        served("shop-web", &shop, 10, "shop.example.com"),
        served("api", &shop, 11, "api.example.com"),
        container("postgres", &shop, 12, &["db"]),
        container("mysql", &shop, 13, &["db"]),
        container("worker", &shop, 14, &[]),
        served("blog", &[("coolify", 3)], 10, "blog.example.com"),
        container("redis", &[("coolify", 3)], 11, &["cache"]),
        container(SCRIPT, &[("tools", 4)], 10, &[]),
        container(TURNED, &[("tools", 4)], 12, &["turned"]),
    ];
    let mut image = container("image", &[("tools", 4)], 11, &[]);
    image.image = IMAGE.into();
    for label in ["coolify.managed", "coolify.resourceName", "coolify.projectName", "coolify.environmentName"]
    {
        let value = if label == "coolify.managed" { "true" } else { IMAGE };
        image.labels.insert(label.into(), value.into());
    }
    containers.push(image);
    for one in containers.iter_mut().filter(|one| one.endpoints.iter().any(|on| on.network == SHOP)) {
        if one.name != "coolify-proxy" {
            one.labels.insert("coolify.managed".into(), "true".into());
            one.labels.insert("coolify.projectName".into(), "shop".into());
            one.labels.insert("coolify.environmentName".into(), "production".into());
            one.labels.insert("coolify.resourceName".into(), one.name.clone());
        }
    }
    Seen { networks: networks.into_iter().map(network).collect(), containers, ..Seen::default() }
}

fn served(name: &str, networks: &[(&str, u8)], last: usize, domain: &str) -> SeenContainer {
    let mut app = container(name, networks, last, &[]);
    let router = format!("traefik.http.routers.{name}");
    app.labels.extend([
        ("traefik.enable".to_owned(), "true".to_owned()),
        (format!("{router}.rule"), format!("Host(`{domain}`) && PathPrefix(`/`)")),
        (format!("{router}.entryPoints"), "http".to_owned()),
        (format!("{router}.service"), name.to_owned()),
        (format!("traefik.http.services.{name}.loadbalancer.server.port"), "3000".to_owned()),
    ]);
    app
}

fn container(name: &str, networks: &[(&str, u8)], last: usize, aliases: &[&str]) -> SeenContainer {
    let endpoint = |(network, third): &(&str, u8)| SeenEndpoint {
        network: (*network).to_owned(),
        network_id: format!("{third:0>64}"),
        ipv4: format!("10.0.{third}.{last}"),
        dns_names: aliases.iter().map(|alias| (*alias).to_owned()).chain([name.to_owned()]).collect(),
        ..SeenEndpoint::default()
    };
    SeenContainer {
        id: format!(
            "{:0<64}",
            format!("{:016x}", name.bytes().fold(7u64, |id, b| id.wrapping_mul(0x100_0193) ^ u64::from(b)))
        ),
        name: name.to_owned(),
        image: "app:1".into(),
        state: RunState::Running,
        restart_policy: "unless-stopped".into(),
        network_mode: networks.first().map(|(name, _)| (*name).to_owned()).unwrap_or_default(),
        sandbox_key: format!("/var/run/docker/netns/{last}"),
        pid: 100,
        exposed_tcp: vec![3000],
        endpoints: networks.iter().map(endpoint).collect(),
        ..SeenContainer::default()
    }
}
