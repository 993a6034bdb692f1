//! Large hosts, for the bench and for tests.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::config::{Config, Selection};
use destination_exporter::inventory::RunState;
use destination_exporter::inventory::build::build;
use destination_exporter::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet};
use destination_exporter::outcome::{Observation, Outcome, ProbeKey, Reason, Run};
use destination_exporter::plan::{Learned, plan};
use destination_exporter::state::{Engine, Recorder, Snapshot};

/// Whose containers are reached by nobody, on a host that is not well.
pub const SICK: &str = "destination-7";

/// So many destinations with so many containers each, half of them behind a proxy. Every planned probe has been run twice.
pub fn snapshot(destinations: usize, containers: usize, now: SystemTime, is_sick: bool) -> Snapshot {
    let inventory = Arc::new(build(&seen(destinations, containers), &Selection::default(), now));
    let plan = plan(&inventory, &Learned::default(), &Config::default().probes);
    let mut recorder = Recorder::default();
    recorder.engine_answered(now);
    recorder.listed(Arc::clone(&inventory), now);
    recorder.planned(plan.keys(), Duration::from_secs(15));
    for _ in 0..2 {
        let run = |key: &ProbeKey| Run {
            key: key.clone(),
            outcome: if is_sick && &*key.destination == SICK && key.target.starts_with("app") {
                Outcome::Failure(Reason::Timeout)
            } else {
                Outcome::Success(Duration::from_micros(90))
            },
            seen: Observation::default(),
        };
        recorder.record(plan.keys().map(run).collect(), now);
    }
    let mut snapshot = recorder.snapshot(now);
    snapshot.sight.engine =
        Engine::Up { back_since: None, broke_at: None, asked_at: now + Duration::from_secs(3600) };
    snapshot.sight.namespaces = Some(Ok(()));
    snapshot
}

fn seen(destinations: usize, per_destination: usize) -> Seen {
    let names: Vec<String> = (0..destinations).map(|n| format!("destination-{n}")).collect();
    let network = |(n, name): (usize, &String)| SeenNetwork {
        id: format!("id-of-{name}"),
        name: name.clone(),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet {
            subnet: format!("10.0.{n}.0/24"),
            gateway: format!("10.0.{n}.1"),
            ..SeenSubnet::default()
        }],
        ..SeenNetwork::default()
    };
    let mut containers = vec![container("coolify-proxy", &names, 250)];
    if let [proxy] = &mut containers[..] {
        proxy.image = "traefik:v3.6".into();
        proxy.has_engine_socket = true;
        proxy.labels.insert("coolify.proxy".into(), "true".into());
        proxy.command = [
            "--entrypoints.http.address=:80",
            "--entrypoints.https.address=:443",
            "--providers.docker=true",
            "--providers.docker.exposedbydefault=false",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    for (n, name) in names.iter().enumerate() {
        for i in 0..per_destination {
            let called = format!("app-{n}-{i}");
            let mut app = container(&called, std::slice::from_ref(name), i + 2);
            if i % 2 == 0 {
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
    let networks = names.iter().enumerate().map(network).collect();
    Seen { networks, containers, ..Seen::default() }
}

/// As ids are: 64 digits of a hash, which differ from the first on.
fn id(name: &str) -> String {
    (0..4).fold(String::new(), |id, part| {
        let mut hash = DefaultHasher::new();
        (name, part).hash(&mut hash);
        format!("{id}{:016x}", hash.finish())
    })
}

fn container(name: &str, networks: &[String], last: usize) -> SeenContainer {
    let endpoint = |network: &String| SeenEndpoint {
        network: network.clone(),
        network_id: format!("id-of-{network}"),
        ipv4: format!("10.0.{}.{last}", network.rsplit('-').next().unwrap_or_default()),
        ..SeenEndpoint::default()
    };
    SeenContainer {
        id: id(name),
        name: name.to_owned(),
        image: "app:1".into(),
        state: RunState::Running,
        restart_policy: "unless-stopped".into(),
        network_mode: networks.first().cloned().unwrap_or_default(),
        sandbox_key: format!("/var/run/docker/netns/{name}"),
        pid: 100,
        exposed_tcp: vec![3000],
        endpoints: networks.iter().map(endpoint).collect(),
        ..SeenContainer::default()
    }
}
