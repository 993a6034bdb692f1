//! The exposition, as Prometheus would read it.

#[path = "metrics/swarm.rs"]
mod swarm;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::baseline::{self, Drift, Drifted};
use destination_exporter::certificate::Moment;
use destination_exporter::diagnosis::{
    CertificateState, Code, Finding, Passage, Severity, Step, Subject, Verdict,
};
use destination_exporter::inventory::routes::{Backend, Placed, Standing};
use destination_exporter::inventory::{
    AddressPools, Container, ContainerId, Destination, Endpoint, EngineInfo, Health, Inventory, NetworkId,
    Origin, Place, Proxy, PublishedPort, Resolver, Route, Routes, RunState, Subnet,
};
use destination_exporter::metrics::{self, BuildInfo, table};
use destination_exporter::netstack::{self, Bridge, Connections, Conntrack, Forwarding, Neighbours, Way};
use destination_exporter::netstack::{Direction, Inner, Interface, Side, Talk, TcpCounters};
use destination_exporter::outcome::{
    Blindness, Detail, HttpSeen, Observation, Outcome, ProbeKey, ProbeKind, Reason, Scheme, Widths,
};
use destination_exporter::proxy::{Kind, Port};
use destination_exporter::state::{
    EchoTally, Engine, Forecasts, Growth, Histogram, Own, Record, Sight, Snapshot, Tally, Traffic, Turns,
};
use destination_exporter::strangers::printable;

const BUILD: BuildInfo = BuildInfo { version: "1.2.3", revision: "abc", rustc: "1.95" };

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The latest of one probe.
fn record(outcome: &Outcome) -> Record {
    Record {
        outcome: outcome.clone(),
        seen: Observation::default(),
        at: at(9),
        failures_in_a_row: 0,
        successes_in_a_row: 0,
        since: at(9),
        losses: 0,
        runs: 0,
    }
}

/// What the kernel of the host says.
fn kernel() -> netstack::Host {
    let uplink = Way { to: "0.0.0.0/0".parse().unwrap(), by: "eth0".into(), mtu: 1450 };
    netstack::Host {
        forwarding: Forwarding { ipv4: Some(true), ipv6: Some(false) },
        bridge_netfilter: Some(true),
        conntrack: Some(Conntrack { entries: 1234, limit: 65536, drops: Some(7) }),
        neighbours: Some(Neighbours { entries: 12, limit: 1024, refused: 0 }),
        bridges: Some([("br-shop".to_owned(), Bridge { mtu: 1500, ports: 2 })].into()),
        ways: Some(vec![uplink]),
        ..netstack::Host::default()
    }
}

/// Everything grows by one an hour, for as long as it takes to see it.
fn forecasts(inventory: &Inventory) -> Arc<Forecasts> {
    let mut inventory = inventory.clone();
    let mut growth = Growth::default();
    for hour in 0..=72 {
        inventory.pools = Some(AddressPools { used: hour, capacity: 96, configured: false });
        for subnet in inventory.destinations.iter_mut().flat_map(|on| &mut on.subnets) {
            subnet.used = hour;
        }
        growth.listed(&inventory, Duration::from_secs(hour * 3600), at(10));
    }
    growth.forecasts()
}

/// What is otherwise there than was approved.
fn drift(destination: &Arc<str>) -> Drift {
    let approved = r#"{"format": "destination-exporter snapshot", "version": 1, "taken_at": "2023-11-14T22:13:20Z",
        "engine": "", "networks": [], "proxies": [], "routes": [], "published": [], "unread": []}"#;
    let counts = [
        (("".into(), baseline::Kind::Proxy), 0),
        ((destination.clone(), baseline::Kind::Name), 2),
        ((destination.clone(), baseline::Kind::Subnet), 0),
    ];
    Drift {
        file: "/etc/approved.json".into(),
        command: "destination-exporter diff /etc/approved.json".into(),
        refused: None,
        approved: Some(Arc::new(baseline::read(approved).expect("a snapshot"))),
        found: Some(Arc::new(Drifted { counts: counts.into(), ..Drifted::default() })),
    }
}

/// A host with one destination, `names` on it, and one probe for each outcome.
struct Host {
    destination: Arc<str>,
    names: Vec<Arc<str>>,
    outcomes: Vec<(u16, Outcome)>,
}

impl Host {
    fn new(destination: &str, names: &[&str]) -> Self {
        let names = names.iter().map(|n| Arc::from(*n)).collect();
        Self { destination: destination.into(), names, outcomes: Vec::new() }
    }

    fn outcome(mut self, port: u16, outcome: Outcome) -> Self {
        self.outcomes.push((port, outcome));
        self
    }

    fn container(name: &Arc<str>) -> Container {
        Container {
            id: ContainerId::new(&format!("id-{name}")),
            name: name.clone(),
            image: "nginx:1".into(),
            workload: name.clone(),
            replica: None,
            state: RunState::Running,
            health: Health::None,
            exit_code: None,
            restarts: 0,
            out_of_memory: false,
            error: None,
            kept_running: true,
            always: false,
            place: Place::Own,
            way_in: None,
            started_at: None,
            exposed_tcp: Vec::new(),
            published: vec![PublishedPort {
                host_ip: None,
                host_port: 8080,
                container_port: 80,
                protocol: "tcp".into(),
            }],
            resolver: Resolver { servers: Vec::new(), engine: None },
            upstream: None,
            fixed_addresses: Vec::new(),
            proxied_ports: Vec::new(),
            is_proxy: true,
            task_of: None,
            stack_alias: None,
            coolify: None,
        }
    }

    fn inventory(&self) -> Inventory {
        let containers: BTreeMap<_, _> =
            self.names.iter().map(Self::container).map(|c| (c.id.clone(), c)).collect();
        let endpoints = containers
            .values()
            .map(|c| Endpoint {
                name: c.name.clone(),
                container: c.id.clone(),
                addresses: vec![IpAddr::from([10, 0, 0, 2])],
                mac: "02:42:0a:00:00:02".into(),
                names: vec!["shared".into()],
                has_more_names: false,
                is_fixed: false,
            })
            .collect();
        let subnet = Subnet {
            net: "10.0.0.0/24".parse().expect("a range"),
            range: None,
            gateway: None,
            used: 3,
            capacity: 254,
        };
        let destination = Destination {
            name: self.destination.clone(),
            display_name: self.destination.clone(),
            id: NetworkId::new("0123456789abcdef"),
            driver: "bridge".into(),
            scope: "local".into(),
            bridge: Some("br-shop".into()),
            origin: Origin::Plain,
            internal: false,
            keeps_apart: false,
            mtu: Some(1450),
            subnets: vec![subnet],
            endpoints,
            detached: Vec::new(),
            stopped: Vec::new(),
            ghosts: Vec::new(),
            overlay: Some(swarm::overlay()),
        };
        let other = Destination {
            name: "other".into(),
            overlay: None,
            id: NetworkId::new("another"),
            endpoints: Vec::new(),
            subnets: Vec::new(),
            ..destination.clone()
        };
        let id = containers.keys().next().cloned().expect("a container");
        Inventory {
            engine: EngineInfo::default(),
            taken_at: at(5),
            destinations: vec![destination, other],
            elsewhere: Vec::new(),
            containers,
            pools: Some(AddressPools { used: 3, capacity: 31, configured: false }),
            proxies: vec![self.proxy(&id)],
            routes: Routes { served: vec![self.route(&id)], ..Routes::default() },
            host_files: Default::default(),
            swarm: Some(swarm::swarm()),
            absent: vec!["gone".into()],
            oddities: Vec::new(),
        }
    }

    fn proxy(&self, id: &ContainerId) -> Proxy {
        Proxy { kind: Some(Kind::Traefik), has_file: true, ..Proxy::new(id.clone(), self.names[0].clone()) }
    }

    /// A site that is called as the destination is.
    fn route(&self, id: &ContainerId) -> Route {
        let backend = Backend {
            container: id.clone(),
            name: self.names[0].clone(),
            router: "web".into(),
            standing: Standing::Served,
            place: Placed::Nowhere,
            port: Some(80),
            said: Port::Named(80),
            tls: false,
            path: "/".into(),
            started_at: None,
        };
        Route {
            site: format!("{}/", self.destination).into(),
            domain: self.destination.clone(),
            path: "/".into(),
            kind: Kind::Traefik,
            proxy: Some(id.clone()),
            destination: Some(self.destination.clone()),
            workload: self.names[0].clone(),
            doors: Vec::new(),
            also: None,
            unsure: Vec::new(),
            backends: vec![backend],
            rivals: Vec::new(),
        }
    }

    fn probes(&self) -> BTreeMap<ProbeKey, Record> {
        let (source, target) = (self.names[0].clone(), self.names[self.names.len() - 1].clone());
        let key = |port| ProbeKey {
            destination: self.destination.clone(),
            kind: ProbeKind::Tcp,
            source: source.clone(),
            target: target.clone(),
            detail: Detail::Port(IpAddr::from([10, 0, 0, 2]), port),
        };
        let beyond = |kind, target: &str, detail| ProbeKey {
            destination: self.destination.clone(),
            kind,
            source: source.clone(),
            target: target.into(),
            detail,
        };
        let there = Detail::Port(IpAddr::from([10, 0, 9, 2]), 80);
        let door = Detail::Port(IpAddr::from([192, 0, 2, 7]), 8080);
        let at: SocketAddr = ([192, 0, 2, 7], 443).into();
        let site = Detail::Door(Scheme::Https, format!("{}/", self.destination).into(), at);
        let mut answered = record(&Outcome::Success(Duration::ZERO));
        answered.seen.http = Some(HttpSeen { status: 200, ..HttpSeen::default() });
        let leak = record(&Outcome::Failure(Reason::Reachable));
        let up = record(&Outcome::Success(Duration::ZERO));
        let mut narrow = record(&Outcome::Failure(Reason::TooBig));
        let widths = Widths { mtu: 1500, passed: 1400, failed: Some(1401), told: false };
        narrow.seen.widths = Some(widths);
        let outcomes = self.outcomes.iter().map(|(port, outcome)| (key(*port), record(outcome)));
        outcomes
            .chain([
                (beyond(ProbeKind::Isolation, "other/x", there), leak),
                (beyond(ProbeKind::PublishedPort, &target, door), up.clone()),
                (beyond(ProbeKind::PathMtu, "192.0.2.1", Detail::Address([192, 0, 2, 1].into())), narrow),
                (beyond(ProbeKind::Proxy, &target, Detail::Port(IpAddr::from([10, 0, 0, 2]), 80)), up),
                (beyond(ProbeKind::Route, &target, site), answered),
            ])
            .chain(swarm::probes(&self.destination, &source))
            .collect()
    }

    fn inner(&self) -> Inner {
        let interface = |name: &str, number| Interface {
            name: name.into(),
            mac: Some([2, 0x42, 10, 0, 0, number]),
            addresses: Vec::new(),
            receive: Direction { bytes: 7, ..Direction::default() },
            transmit: Direction::default(),
        };
        let outside = IpAddr::from([192, 0, 2, 1]);
        let talk = Talk { local: [10, 0, 0, 2].into(), remote: outside, port: 443, side: Side::Client };
        Inner {
            resolver_drops: Some(1),
            lost_queries: None,
            interfaces: vec![interface("lo", 0), interface("eth0", 2)],
            connections: Some(Arc::new(Connections { at: at(9), talks: vec![(talk, 2)], complete: true })),
            tcp: Some(TcpCounters::default()),
            ..Inner::default()
        }
    }

    fn verdict(&self) -> Verdict {
        let inventory = self.inventory();
        let mut durations = Histogram::default();
        durations.observe(Duration::from_micros(70));
        let tally = Tally {
            attempts: 2,
            failures: BTreeMap::from([(Reason::Refused, 1)]),
            durations: durations.clone(),
            planned: 2,
            last_run: Some(at(9)),
        };
        let pair = (self.destination.clone(), self.names[0].clone(), self.names[0].clone());
        let mut own = Own {
            external_url: "https://status.example.com/destinations".into(),
            unknown: BTreeMap::from([(Blindness::Vanished, 4)]),
            docker_durations: BTreeMap::from([("containers", durations.clone())]),
            docker_failures: BTreeMap::from([(("containers", "timeout"), 1)]),
            inventory_last_success: Some(at(5)),
            config_reload: (true, Some(at(1))),
            round_last_completed: Some(at(9)),
            round_interval: Duration::from_secs(30),
            turns: Arc::new(BTreeMap::from([(
                self.destination.clone(),
                Turns { peers: 1, within: Duration::from_secs(60), taken: false },
            )])),
            ..Own::default()
        };
        swarm::looked_at(&mut own, &self.destination, at(9));
        let sight = Sight {
            engine: Engine::Up { back_since: None, broke_at: None, asked_at: at(5) },
            namespaces: Some(Ok(())),
            icmp: Some(Err("EPERM".into())),
            host: Some(Arc::new(kernel())),
            ..Sight::default()
        };
        let finding = Finding {
            code: Code::ContainerUnreachable,
            severity: Severity::Page,
            subject: Subject { kind: "container", name: self.names[0].clone() },
            destination: Some(self.destination.clone()),
            summary: String::new(),
            evidence: Vec::new(),
            explains: Vec::new(),
            ruled_out: Vec::new(),
            fix: vec![Step::command("docker start web")],
            verify: Vec::new(),
            since: at(9),
            runbook: String::new(),
            after: Vec::new(),
        };
        let snapshot = Snapshot {
            at: at(10),
            forecasts: forecasts(&inventory),
            containers: Arc::new(inventory.containers.keys().map(|id| (id.clone(), self.inner())).collect()),
            inventory: Some(Arc::new(inventory)),
            changing: false,
            traffic: Traffic::default(),
            restarts: Arc::default(),
            drift: Some(Arc::new(drift(&self.destination))),
            sight,
            probes: Arc::new(self.probes()),
            tallies: Arc::new(BTreeMap::from(
                [ProbeKind::Tcp, ProbeKind::Dns, ProbeKind::DnsExternal]
                    .map(|kind| ((self.destination.clone(), kind), tally.clone())),
            )),
            echoes: Arc::new(BTreeMap::from([(pair, EchoTally { requests: 3, replies: 2, duplicates: 0 })])),
            rtts: Arc::new(BTreeMap::from([(self.destination.clone(), durations)])),
            own,
        };
        // The same finding twice: the page must not hold its series twice, nor say two things of it.
        let other = Finding { fix: vec![Step::command("docker restart web")], ..finding.clone() };
        Verdict {
            snapshot: Arc::new(snapshot),
            findings: vec![finding, other],
            pending: 0,
            passages: vec![Passage { up: Some(true), hops: Vec::new(), backends: vec![Some(true)] }],
            certificates: vec![CertificateState {
                domain: self.destination.clone(),
                not_before: Moment(1_700_000_000),
                not_after: Moment(1_707_776_000),
                valid: true,
            }],
        }
    }

    fn page(&self) -> String {
        metrics::encode(&self.verdict(), &BUILD)
    }
}

fn samples(page: &str) -> Vec<&str> {
    page.split('\n').filter(|l| !l.is_empty() && !l.starts_with('#')).collect()
}

/// A sample's series (all before the value) and its value, by Prometheus' own escaping.
fn split(line: &str) -> (&str, f64) {
    let (mut quoted, mut escaped, mut end) = (false, false, None);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => end = Some(at),
            _ => {}
        }
    }
    assert!(!quoted, "a label value that does not end: {line:.200}");
    let end = end.expect("a value");
    (&line[..end], line[end + 1..].parse().expect("a number"))
}

fn promtool(page: &str) {
    lab::check_metrics(page).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn promtool_has_no_complaint() {
    promtool(&Host::new("shop", &["web", "db"]).outcome(80, Outcome::Failure(Reason::Refused)).page());
}

#[test]
fn no_containers_name_makes_a_long_label() {
    let page = Host::new("shop", &[&"x".repeat(1000), "db"]).page();
    let label =
        |line: &str| line.split("container=\"").nth(1).and_then(|l| l.split('"').next()).map(str::len);
    let lengths: Vec<usize> = samples(&page).into_iter().filter_map(label).collect();
    assert!(lengths.contains(&128) && lengths.iter().all(|bytes| *bytes <= 128), "{lengths:?}");
}

#[test]
fn hostile_values_survive() {
    let long = "x\"\n\\".repeat(5 * 1024);
    for hostile in
        ["a\"b", "a\nb", "a\\", "\\\"", "\\n", "a\r\nb", "} 1\nup 1", "{", "ü\u{0}\u{7f}", &long, ""]
    {
        let names = [hostile, "db"];
        let page = Host::new(hostile, &names).outcome(80, Outcome::Success(Duration::ZERO)).page();
        let plain = Host::new("d", &["web", "db"]).outcome(80, Outcome::Success(Duration::ZERO)).page();
        if !hostile.is_empty() {
            assert_eq!(samples(&page).len(), samples(&plain).len(), "{hostile:.20?}");
        }
        for line in samples(&page) {
            assert!(line.starts_with("destination_") || line.starts_with("process_"), "{line:.200}");
            split(line);
        }
        // What would be a line of its own in an alert, or steers a terminal, is made visible first.
        let shown = printable(hostile);
        let escaped = shown.replace('\\', "\\\\").replace('"', "\\\"");
        let series = format!(
            "destination_container_network_receive_packets_total{{container=\"db\",destination=\"{escaped}\""
        );
        let other = format!(
            "destination_container_network_receive_packets_total{{destination=\"{escaped}\",container=\"db\""
        );
        assert!(page.contains(&series) || page.contains(&other), "{hostile:.20?} is not there");
        promtool(&page);
    }
}

#[test]
fn every_family_comes_from_the_table_and_no_series_is_twice() {
    let page = Host::new("shop", &["web", "db"]).outcome(80, Outcome::Success(Duration::ZERO)).page();
    let rows: BTreeMap<&str, &table::Row> = table::ALL.iter().map(|r| (r.name, r)).collect();
    assert_eq!(rows.len(), table::ALL.len(), "a name stands in the table twice");
    let mut given = BTreeSet::new();
    for line in page.lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a type");
        assert_eq!(rows.get(name).map(|r| r.kind.as_label()), Some(kind), "{name}");
        assert!(given.insert(name.to_owned()), "{name} twice");
    }
    let missing: Vec<_> = rows.keys().filter(|name| !given.contains(**name)).collect();
    assert!(missing.is_empty(), "this host has everything, and the page lacks {missing:?}");
    let mut series = BTreeSet::new();
    for line in samples(&page) {
        assert!(series.insert(split(line).0), "twice: {line}");
    }
}

/// In the busiest hours of the last day 69 of 96 and of 254 were taken, and it is one more an hour.
#[test]
fn the_day_of_the_end_is_told_while_one_can_be_named() {
    let mut verdict = Host::new("shop", &["web"]).verdict();
    let page = metrics::encode(&verdict, &BUILD);
    let told: Vec<(&str, f64)> =
        samples(&page).into_iter().filter(|l| l.contains("_exhaustion_")).map(split).collect();
    let pools = ("destination_address_pools_exhaustion_timestamp_seconds", 10.0 + 27.0 * 3600.0);
    let shop = (
        r#"destination_addresses_exhaustion_timestamp_seconds{destination="shop",subnet="10.0.0.0/24"}"#,
        10.0 + 185.0 * 3600.0,
    );
    assert_eq!(told, [pools, shop]);
    let snapshot = Arc::make_mut(&mut verdict.snapshot);
    snapshot.forecasts = Arc::default();
    let page = metrics::encode(&verdict, &BUILD);
    assert!(!page.contains("_exhaustion_"), "{page}");
}

#[test]
fn lookups_are_told_by_who_answers() {
    let page = Host::new("shop", &["web"]).page();
    for resolver in ["embedded", "upstream"] {
        let wanted = format!(
            "destination_dns_lookup_duration_seconds_count{{destination=\"shop\",resolver=\"{resolver}\"}} 1"
        );
        assert!(page.contains(&wanted), "{wanted} is not in {page}");
    }
    assert_eq!(page.matches("destination_dns_lookup_duration_seconds_count").count(), 2);
}

#[test]
fn a_finding_says_what_it_is_and_what_repairs_it() {
    let page = Host::new("shop", &["web"]).page();
    let said: Vec<_> = page.lines().filter(|line| line.starts_with("destination_finding_info{")).collect();
    let wanted = r#"destination_finding_info{destination="shop",code="container-unreachable",severity="page",subject="web",title="Nobody reaches the container",command="docker start web"} 1"#;
    assert_eq!(said, [wanted]);
}

#[test]
fn who_is_expected_and_not_there_is_told() {
    let page = Host::new("shop", &["web"]).page();
    assert!(page.contains("destination_present{destination=\"shop\"} 1"), "{page}");
    assert!(page.contains("destination_present{destination=\"gone\"} 0"), "{page}");
    assert!(!page.contains("destination_healthy{destination=\"gone\"}"), "what is not there is not healthy");
}

#[test]
fn traffic_stands_under_the_destination_that_the_interface_leads_to() {
    let page = Host::new("shop", &["web"]).page();
    let line = samples(&page).into_iter().find(|l| l.contains("receive_bytes_total{")).expect("a sample");
    assert!((split(line).1 - 7.0).abs() < f64::EPSILON, "{line}");
    assert!(page.contains("destination_traffic_source{source=\"kernel\"} 1"), "{page}");
}

#[test]
fn the_documentation_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let wanted = metrics::docs::render().expect("a page");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("docs can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == wanted, "docs/metrics.md is old: UPDATE_DOCS=1 cargo test --test metrics");
}

#[test]
fn what_was_not_compared_has_no_drift_of_0() {
    let lines = |change: fn(Drift) -> Option<Drift>| -> Vec<String> {
        let mut verdict = Host::new("shop", &["web"]).verdict();
        Arc::make_mut(&mut verdict.snapshot).drift = change(drift(&"shop".into())).map(Arc::new);
        let page = metrics::encode(&verdict, &BUILD);
        page.lines().filter(|line| line.starts_with("destination_drift")).map(str::to_owned).collect()
    };
    let found = [
        r#"destination_drift{destination="",kind="proxy"} 0"#,
        r#"destination_drift{destination="shop",kind="name"} 2"#,
        r#"destination_drift{destination="shop",kind="subnet"} 0"#,
    ];
    let (good, broken) = ("destination_drift_baseline_readable 1", "destination_drift_baseline_readable 0");
    let at = "destination_drift_baseline_timestamp_seconds 1700000000";
    let has = |lines: Vec<String>, wanted: &[&str]| {
        let (mut lines, mut wanted) = (lines, wanted.to_vec());
        lines.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(lines, wanted);
    };
    has(lines(|_| None), &[]);
    has(lines(Some), &[&found[..], &[good, at]].concat());
    has(
        lines(|drift| Some(Drift { refused: Some("cut off".into()), ..drift })),
        &[&found[..], &[broken, at]].concat(),
    );
    let none = |drift| Some(Drift { refused: Some("cut off".into()), approved: None, found: None, ..drift });
    has(lines(none), &[broken]);
}
