//! An Engine by hand. What it has is set by the test and may change while it runs; how it misbehaves is
//! turned on and off by path. It counts what it is asked.

mod answer;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::things::{self, Thing};
use answer::serve;

/// Longer than anything that goes well takes, on whatever machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// How an answer goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Read, and never answered.
    Silence,
    /// The head of the answer, and nothing more.
    HeadThenSilence,
    /// Half of the body, then the connection is closed.
    HalfThenCut,
    /// Half of the body, and nothing more.
    HalfThenSilence,
    /// This status and this body.
    Says(u16, String),
    /// A body that begins with the one and goes on with the other for ever, as fast as it is read.
    Endless(&'static str, &'static str),
}

/// Everything that a test sets and reads.
pub struct World {
    pub version: Value,
    pub info: Value,
    pub networks: Vec<Value>,
    /// What it counts of a subnet of the network, by what it is asked for.
    pub counts: BTreeMap<String, Value>,
    pub containers: Vec<Thing>,
    faults: Vec<(String, Fault)>,
    asked: BTreeMap<(Method, String), usize>,
    /// The `since` of each request for events.
    since: Vec<Option<String>>,
    /// Lines of the event stream, with their moments.
    events: Vec<(i64, String)>,
    /// Ends the streams that are under way.
    cut: CancellationToken,
    bell: watch::Sender<usize>,
}

#[derive(Clone)]
enum Place {
    Unix(PathBuf),
    Tcp(Option<std::net::SocketAddr>),
}

/// A running Engine. Dropping it ends it, and fails the test if anything but GET was ever asked.
pub struct Fake {
    world: Arc<Mutex<World>>,
    place: Place,
    running: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

impl Fake {
    /// On a Unix socket, with the network `shop` and [`things::three`] on it.
    pub async fn start() -> Self {
        let mut fake = Self::absent();
        fake.revive().await;
        fake
    }

    /// The same, without a socket yet: [`Fake::revive`] makes it.
    pub fn absent() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Place::Unix(folder.path().join("docker.sock"));
        Self { world: Arc::new(Mutex::new(World::new())), place, running: None, folder }
    }

    /// Over TCP, as a socket proxy is reached.
    pub async fn over_tcp() -> Self {
        let mut fake = Self::absent();
        fake.place = Place::Tcp(None);
        fake.revive().await;
        fake
    }

    /// What `--docker.host` is given.
    pub fn host(&self) -> String {
        match &self.place {
            Place::Unix(path) => format!("unix://{}", path.display()),
            Place::Tcp(address) => format!("tcp://{}", address.expect("it was started")),
        }
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// For files of the test that are to go with it.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Dies as by SIGKILL: connections are reset in the middle of whatever they carry, and the socket's
    /// file stays with nobody behind it.
    pub async fn die(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            running.await.ok();
        }
    }

    /// A new one takes the address.
    pub async fn revive(&mut self) {
        let world = Arc::clone(&self.world);
        self.running = Some(match &mut self.place {
            Place::Unix(path) => {
                std::fs::remove_file(&path).ok();
                let listener = UnixListener::bind(path).expect("a socket in a folder of our own");
                tokio::spawn(async move {
                    let mut connections = JoinSet::new();
                    while let Ok((stream, _)) = listener.accept().await {
                        connections.spawn(serve(stream, Arc::clone(&world)));
                    }
                })
            }
            Place::Tcp(place) => {
                let address = place.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
                let listener = TcpListener::bind(address).await.expect("loopback");
                *place = Some(listener.local_addr().expect("an address"));
                tokio::spawn(async move {
                    let mut connections = JoinSet::new();
                    while let Ok((stream, _)) = listener.accept().await {
                        connections.spawn(serve(stream, Arc::clone(&world)));
                    }
                })
            }
        });
    }

    /// What it has, to read and to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panics while it holds the world")
    }

    /// From now on, requests for `path` (`*` for all) go wrong.
    pub fn fail(&self, path: &str, fault: Fault) {
        self.world().faults.push((path.to_owned(), fault));
    }

    /// All is well again.
    pub fn heal(&self) {
        self.world().faults.clear();
    }

    /// How often `path` was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.world().asked.iter().filter(|((_, asked), _)| asked == path).map(|(_, n)| n).sum()
    }

    /// How often anything was asked for, but for `/_ping`: whether and how often the exporter feels the
    /// Engine's pulse is no matter here.
    pub fn asked_in_all(&self) -> usize {
        self.world().asked.iter().filter(|((_, asked), _)| asked != "/_ping").map(|(_, n)| n).sum()
    }

    /// The `since` of each request for events so far.
    pub fn since(&self) -> Vec<Option<String>> {
        self.world().since.clone()
    }

    /// Says an event; returns its moment in nanoseconds.
    pub fn say(&self, mut event: Value) -> i64 {
        let mut world = self.world();
        let moment = 1_790_000_000_000_000_000 + world.events.len() as i64 * 1_000_001;
        event["time"] = json!(moment / 1_000_000_000);
        event["timeNano"] = json!(moment);
        world.line(moment, event.to_string());
        moment
    }

    /// Says anything at all on the event stream, as it is.
    pub fn say_raw(&self, line: &str) {
        let mut world = self.world();
        let moment = world.events.last().map_or(1, |(moment, _)| moment + 1);
        world.line(moment, line.to_owned());
    }

    /// Ends the event streams that are under way.
    pub fn cut_events(&self) {
        let mut world = self.world();
        std::mem::take(&mut world.cut).cancel();
    }

    /// Waits until it holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let all = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            panic!("in {PATIENCE:?} not: {what}; asked so far: {:?}", self.world().asked);
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
        if std::thread::panicking() {
            return;
        }
        let world = self.world();
        let writes: Vec<_> = world.asked.keys().filter(|(method, _)| method != Method::GET).collect();
        assert!(writes.is_empty(), "the exporter asked for more than to read: {writes:?}");
    }
}

impl World {
    fn new() -> Self {
        Self {
            version: things::version(),
            info: things::info(),
            networks: vec![things::network("shop", 1)],
            counts: BTreeMap::new(),
            containers: things::three(),
            faults: Vec::new(),
            asked: BTreeMap::new(),
            since: Vec::new(),
            events: Vec::new(),
            cut: CancellationToken::new(),
            bell: watch::channel(0).0,
        }
    }

    /// The container of this name.
    pub fn container(&mut self, name: &str) -> &mut Thing {
        let is = |thing: &&mut Thing| thing.row["Names"][0] == json!(format!("/{name}"));
        self.containers.iter_mut().find(is).expect("a container of the world")
    }

    fn line(&mut self, moment: i64, line: String) {
        self.events.push((moment, line + "\n"));
        self.bell.send_replace(self.events.len());
    }

    fn fault(&self, path: &str) -> Option<Fault> {
        self.faults.iter().find(|(on, _)| on == "*" || on == path).map(|(_, fault)| fault.clone())
    }

    /// By the whole of its id or the beginning. As moby's router has it (daemon/server/router/network, of 29), only
    /// here, and since API 1.52, with a status; that has no subnets where nobody counts.
    fn network(&self, term: &str) -> (u16, String) {
        let is = |network: &&Value| network["Id"].as_str().is_some_and(|id| id.starts_with(term));
        let Some(mut network) = self.networks.iter().find(is).cloned() else {
            return (404, json!({"message": format!("network {term} not found")}).to_string());
        };
        let minor = self.version["ApiVersion"].as_str().and_then(|api| api.strip_prefix("1."));
        if minor.and_then(|minor| minor.parse().ok()).is_some_and(|minor: u32| minor >= 52) {
            let subnets = self.counts.get(term).map(|counts| json!({"Subnets": counts}));
            network["Status"] = json!({"IPAM": subnets.unwrap_or_else(|| json!({}))});
        }
        (200, network.to_string())
    }

    /// What a healthy Engine would say.
    fn honest(&self, path: &str, query: &HashMap<String, String>) -> (u16, String) {
        let container = |id: &str| self.containers.iter().find(|c| c.row["Id"] == json!(id));
        match path {
            "/_ping" => (200, "OK".into()),
            "/version" => (200, self.version.to_string()),
            "/info" => (200, self.info.to_string()),
            "/networks" => (200, json!(self.networks).to_string()),
            "/containers/json" => {
                let all = query.get("all").is_some_and(|all| all == "true" || all == "1");
                let runs = |c: &&Thing| all || c.row["State"] == "running";
                let rows: Vec<&Value> = self.containers.iter().filter(runs).map(|c| &c.row).collect();
                (200, json!(rows).to_string())
            }
            other if other.starts_with("/networks/") => self.network(&other["/networks/".len()..]),
            other => {
                let id = other.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix("/json"));
                match id.map(|id| (id, container(id))) {
                    Some((_, Some(thing))) => (200, thing.inspected.to_string()),
                    Some((id, None)) => {
                        (404, json!({"message": format!("No such container: {id}")}).to_string())
                    }
                    None => (404, json!({"message": "page not found"}).to_string()),
                }
            }
        }
    }
}
