//! Small snapshots for tests.

pub(crate) mod swarm;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::diagnosis::{Ledger, Verdict, judge};
use crate::inventory::*;
use crate::outcome::*;
use crate::state::*;

/// A snapshot under construction. One destination `shop` unless told otherwise.
pub(crate) struct Sample {
    pub(crate) inventory: Inventory,
    pub(crate) probes: BTreeMap<ProbeKey, Record>,
    pub(crate) sight: Sight,
    pub(crate) restarts: Restarts,
    pub(crate) forecasts: Forecasts,
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

/// Has not been away, and was asked after everything else.
pub(crate) fn up() -> Engine {
    Engine::Up { back_since: None, broke_at: None, asked_at: at(1_000_000) }
}

/// The verdict on what has stood for a second.
pub(crate) fn settled(snapshot: Snapshot, ledger: &mut Ledger) -> Verdict {
    let before = Snapshot { at: snapshot.at - Duration::from_secs(1), ..snapshot.clone() };
    judge(Arc::new(before), ledger);
    judge(Arc::new(snapshot), ledger)
}

pub(crate) const OK: Outcome = Outcome::Success(Duration::from_micros(90));
pub(crate) const TIMEOUT: Outcome = Outcome::Failure(Reason::Timeout);

impl Sample {
    /// Containers `names` on `shop`, 10.0.2.2 and up.
    pub(crate) fn shop(names: &[&str]) -> Self {
        let mut sample = Self {
            inventory: Inventory {
                engine: EngineInfo { version: "27.0".into(), api_version: "1.46".into(), podman: false },
                taken_at: at(0),
                destinations: Vec::new(),
                elsewhere: Vec::new(),
                containers: BTreeMap::new(),
                pools: None,
                proxies: Vec::new(),
                routes: Routes::default(),
                host_files: Default::default(),
                swarm: None,
                absent: Vec::new(),
                oddities: Vec::new(),
            },
            probes: BTreeMap::new(),
            sight: Sight {
                engine: up(),
                namespaces: Some(Ok(())),
                frozen: None,
                icmp: Some(Ok(())),
                socket_diagnostics: Some(Ok(())),
                host_network: None,
                host_addresses: Default::default(),
                host_ports: None,
                host: None,
            },
            restarts: Restarts::default(),
            forecasts: Forecasts::default(),
        };
        sample.destination("shop", 2);
        for name in names {
            sample.endpoint("shop", name);
        }
        sample
    }

    pub(crate) fn destination(&mut self, name: &str, third: u8) {
        self.inventory.destinations.push(Destination {
            name: name.into(),
            display_name: name.into(),
            id: NetworkId::new(&format!("net{third:061}")),
            driver: "bridge".into(),
            scope: "local".into(),
            bridge: None,
            origin: Origin::Plain,
            internal: false,
            keeps_apart: false,
            mtu: None,
            subnets: vec![Subnet {
                net: format!("10.0.{third}.0/24").parse().unwrap(),
                range: None,
                gateway: Some(IpAddr::from([10, 0, third, 1])),
                used: 3,
                capacity: 254,
            }],
            endpoints: Vec::new(),
            detached: Vec::new(),
            stopped: Vec::new(),
            ghosts: Vec::new(),
            overlay: None,
        });
    }

    pub(crate) fn on(&mut self, destination: &str) -> &mut Destination {
        self.inventory.destinations.iter_mut().find(|d| &*d.name == destination).unwrap()
    }

    pub(crate) fn container(&mut self, name: &str) -> &mut Container {
        let id = ContainerId::new(&format!("id-{name}"));
        self.inventory.containers.entry(id.clone()).or_insert_with(|| Container {
            id,
            name: name.into(),
            image: "busybox".into(),
            workload: name.into(),
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
            published: Vec::new(),
            resolver: Resolver {
                servers: vec![IpAddr::from([127, 0, 0, 11])],
                engine: Some(IpAddr::from([127, 0, 0, 11])),
            },
            upstream: None,
            fixed_addresses: Vec::new(),
            proxied_ports: Vec::new(),
            is_proxy: false,
            task_of: None,
            stack_alias: None,
            coolify: None,
        })
    }

    pub(crate) fn endpoint(&mut self, destination: &str, name: &str) {
        let container = self.container(name).id.clone();
        let destination = self.on(destination);
        let Some(IpAddr::V4(gateway)) = destination.subnets[0].gateway else { panic!("IPv4") };
        let last = 2 + destination.endpoints.len() as u8;
        let [a, b, c, _] = gateway.octets();
        destination.endpoints.push(Endpoint {
            name: name.into(),
            container,
            addresses: vec![IpAddr::from([a, b, c, last])],
            mac: String::new(),
            names: vec![name.into()],
            has_more_names: false,
            is_fixed: false,
        });
    }

    /// The Engine started it again at these seconds.
    pub(crate) fn restarted(&mut self, name: &str, seconds: &[u64]) {
        let id = self.container(name).id.clone();
        self.restarts.of_late.insert(id, seconds.iter().map(|second| at(*second)).collect());
    }

    pub(crate) fn missing(&mut self, name: &str) -> Missing {
        let container = self.container(name).id.clone();
        Missing { name: name.into(), container }
    }

    /// A probe on `shop` that has ended this way `times` in a row.
    pub(crate) fn probe(&mut self, key: ProbeKey, outcome: Outcome, times: u32) -> &mut Record {
        let failed = matches!(outcome, Outcome::Failure(_));
        let lossy = outcome == Outcome::Failure(Reason::PacketLoss);
        let record = Record {
            failures_in_a_row: if failed { times } else { 0 },
            successes_in_a_row: if matches!(outcome, Outcome::Success(_)) { times } else { 0 },
            outcome,
            seen: Observation::default(),
            at: at(60),
            since: at(30),
            losses: if lossy { 2u32.saturating_pow(times).saturating_sub(1) } else { 0 },
            runs: times.min(32) as u8,
        };
        self.probes.insert(key.clone(), record);
        self.probes.get_mut(&key).unwrap()
    }

    fn address(&mut self, target: &str) -> IpAddr {
        let shop = self.on("shop");
        shop.endpoint(target).map_or(IpAddr::from([10, 0, 2, 1]), |e| e.addresses[0])
    }

    pub(crate) fn icmp(&mut self, source: &str, target: &str, outcome: Outcome) -> &mut Record {
        let detail = Detail::Address(self.address(target));
        self.probe(key(ProbeKind::Icmp, source, target, detail), outcome, 3)
    }

    pub(crate) fn tcp(&mut self, source: &str, target: &str, port: u16, outcome: Outcome) -> &mut Record {
        let detail = Detail::Port(self.address(target), port);
        self.probe(key(ProbeKind::Tcp, source, target, detail), outcome, 3)
    }

    /// What the target's address is called.
    pub(crate) fn ptr(&mut self, source: &str, target: &str, outcome: Outcome) -> &mut Record {
        let detail = Detail::Name(self.address(target).to_string().into(), QueryType::Ptr);
        self.probe(key(ProbeKind::Dns, source, target, detail), outcome, 3)
    }

    pub(crate) fn dns(&mut self, source: &str, target: &str, outcome: Outcome) -> &mut Record {
        let detail = Detail::Name(format!("{target}.").into(), QueryType::A);
        self.probe(key(ProbeKind::Dns, source, target, detail), outcome, 3)
    }

    /// Everyone pings everyone and the gateway; what is named `dead` answers nobody and hears nobody.
    pub(crate) fn mesh(&mut self, dead: &[&str]) {
        let names: Vec<String> = self.on("shop").endpoints.iter().map(|e| e.name.to_string()).collect();
        for source in &names {
            for target in names.iter().map(String::as_str).chain(["gateway"]) {
                if source != target {
                    let gone = dead.contains(&&**source) || dead.contains(&target);
                    self.icmp(source, target, if gone { TIMEOUT } else { OK });
                }
            }
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            at: at(60),
            inventory: Some(Arc::new(self.inventory.clone())),
            changing: false,
            sight: self.sight.clone(),
            probes: Arc::new(self.probes.clone()),
            tallies: Arc::default(),
            echoes: Arc::default(),
            rtts: Arc::default(),
            containers: Arc::default(),
            traffic: Traffic::default(),
            restarts: Arc::new(self.restarts.clone()),
            forecasts: Arc::new(self.forecasts.clone()),
            drift: None,
            own: Own { external_url: "http://127.0.0.1:10061".into(), ..Own::default() },
        }
    }
}

pub(crate) fn key(kind: ProbeKind, source: &str, target: &str, detail: Detail) -> ProbeKey {
    ProbeKey { destination: "shop".into(), kind, source: source.into(), target: target.into(), detail }
}
