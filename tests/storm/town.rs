//! A server of 60 destinations, as the exporter itself would see and judge it: its own inventory, plan, rules and metrics,
//! of an Engine and probes that are made up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::config::{Config, Selection};
use destination_exporter::diagnosis::{Ledger, judge};
use destination_exporter::inventory::build::build;
use destination_exporter::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet};
use destination_exporter::inventory::{Inventory, RunState};
use destination_exporter::metrics::{self, BuildInfo};
use destination_exporter::outcome::{Observation, Outcome, ProbeKey, ProbeKind, Reason, Run};
use destination_exporter::plan::{Learned, Plan, plan};
use destination_exporter::state::Recorder;

pub const DESTINATIONS: usize = 60;
const CONTAINERS: usize = 3;
const BUILD: BuildInfo = BuildInfo { version: "1.2.3", revision: "abc", rustc: "1.95" };

/// The server, and what happens to it.
pub struct Town {
    recorder: Recorder,
    ledger: Ledger,
    inventory: Arc<Inventory>,
    plan: Plan,
    /// The Engine answers.
    pub engine: bool,
    /// The destinations that the proxy is not on.
    pub detached: BTreeSet<usize>,
    /// How often each destination's first container was deployed.
    pub deployed: Vec<usize>,
    dirty: bool,
}

impl Town {
    pub fn new(external_url: &str, now: SystemTime) -> Self {
        let inventory =
            Arc::new(build(&host(&BTreeSet::new(), &[0; DESTINATIONS]), &Selection::default(), now));
        let plan = plan(&inventory, &Learned::default(), &Config::default().probes);
        let mut recorder = Recorder::default();
        recorder.own().external_url = external_url.into();
        recorder.own().config_reload = (true, Some(now));
        Self {
            recorder,
            ledger: Ledger::default(),
            inventory,
            plan,
            engine: true,
            detached: BTreeSet::new(),
            deployed: vec![0; DESTINATIONS],
            dirty: true,
        }
    }

    /// Something changed that the Engine will tell.
    pub fn changed(&mut self) {
        self.dirty = true;
    }

    /// One round: the Engine is asked, and every probe is run.
    pub fn round(&mut self, now: SystemTime) {
        if self.engine {
            self.recorder.engine_answered(now);
            if self.dirty {
                let seen = host(&self.detached, &self.deployed);
                self.inventory = Arc::new(build(&seen, &Selection::default(), now));
                self.plan = plan(&self.inventory, &Learned::default(), &Config::default().probes);
                self.dirty = false;
            }
            // The same listing again is as good as a new one.
            let mut inventory = (*self.inventory).clone();
            inventory.taken_at = now;
            self.inventory = Arc::new(inventory);
            self.recorder.listed(Arc::clone(&self.inventory), now);
            self.recorder.planned(self.plan.keys(), Duration::from_secs(1));
        } else {
            self.recorder.engine_lost("connection refused", now);
        }
        let runs = self.plan.keys().map(|key| Run {
            key: key.clone(),
            outcome: self.outcome(key),
            seen: Observation::default(),
        });
        let runs = runs.collect();
        self.recorder.record(runs, now);
    }

    /// Without the Engine nobody resolves a name.
    fn outcome(&self, key: &ProbeKey) -> Outcome {
        match key.kind {
            ProbeKind::Dns if !self.engine => Outcome::Failure(Reason::Timeout),
            // Nothing gets there.
            ProbeKind::Isolation => Outcome::Success(Duration::ZERO),
            _ => Outcome::Success(Duration::from_micros(90)),
        }
    }

    /// What a scrape gets.
    pub fn page(&mut self, now: SystemTime) -> String {
        let mut snapshot = self.recorder.snapshot(now);
        snapshot.sight.namespaces = Some(Ok(()));
        metrics::encode(&judge(Arc::new(snapshot), &mut self.ledger), &BUILD)
    }
}

pub fn name(n: usize) -> String {
    format!("stack-{n}")
}

fn host(detached: &BTreeSet<usize>, deployed: &[usize]) -> Seen {
    let network = |n: usize| SeenNetwork {
        id: format!("id-of-{}", name(n)),
        name: name(n),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet {
            subnet: format!("10.0.{n}.0/24"),
            gateway: format!("10.0.{n}.1"),
            ..SeenSubnet::default()
        }],
        ..SeenNetwork::default()
    };
    let attached: Vec<usize> = (0..DESTINATIONS).filter(|n| !detached.contains(n)).collect();
    let mut proxy = container("coolify-proxy", "coolify-proxy", &attached, 250);
    proxy.image = "traefik:v3.6".into();
    proxy.has_engine_socket = true;
    proxy.labels.insert("coolify.proxy".into(), "true".into());
    proxy.command = [
        "--entrypoints.http.address=:80",
        "--providers.docker=true",
        "--providers.docker.exposedbydefault=false",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut containers = vec![proxy];
    for (n, times) in deployed.iter().enumerate() {
        for i in 0..CONTAINERS {
            let called = format!("app-{n}-{i}");
            let id = if i == 0 { format!("{called}-{times}") } else { called.clone() };
            let mut app = container(&called, &id, &[n], i + 2);
            if i == 0 {
                let router = format!("traefik.http.routers.{called}");
                let labels = [
                    ("traefik.enable".to_owned(), "true".to_owned()),
                    (format!("{router}.rule"), format!("Host(`{called}.example.com`) && PathPrefix(`/`)")),
                    (format!("{router}.entryPoints"), "http".to_owned()),
                    (format!("{router}.service"), called.clone()),
                    (format!("traefik.http.services.{called}.loadbalancer.server.port"), "3000".to_owned()),
                ];
                app.labels.extend(labels);
            }
            containers.push(app);
        }
    }
    Seen { networks: (0..DESTINATIONS).map(network).collect(), containers, ..Seen::default() }
}

fn container(called: &str, id: &str, on: &[usize], last: usize) -> SeenContainer {
    let endpoint = |n: &usize| SeenEndpoint {
        network: name(*n),
        network_id: format!("id-of-{}", name(*n)),
        ipv4: format!("10.0.{n}.{last}"),
        ..SeenEndpoint::default()
    };
    SeenContainer {
        id: format!("{id:0>64}"),
        name: called.to_owned(),
        image: "app:1".into(),
        state: RunState::Running,
        restart_policy: "unless-stopped".into(),
        network_mode: on.first().map(|n| name(*n)).unwrap_or_default(),
        sandbox_key: format!("/var/run/docker/netns/{called}"),
        pid: 100,
        exposed_tcp: vec![3000],
        endpoints: on.iter().map(endpoint).collect(),
        ..SeenContainer::default()
    }
}
