//! Listings and events.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary, EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectContainerOptions, ListContainersOptions, ListNetworksOptions,
};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config;
use crate::inventory::build::away;
use crate::inventory::seen::{Seen, SeenContainer, bounded};
use crate::inventory::told::Told;
use crate::inventory::workload::SWARM_TASK_ID;

use super::addresses;
use super::allowance::{Allowance, LISTING, ONE, WORD};
use super::error::EngineError;
use super::ghosts::Haunted;
use super::pools::Pools;
use super::{environment, host_files, lenient, resolv_conf, swarm, told, translate, uninspected, wire};

/// Inspections under way at once: more do not make the Engine faster.
pub(super) const INSPECTIONS: usize = 12;

/// The Engine. Connects anew for each request, so there is nothing to reconnect.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) host: String,
    netns_dir: String,
    /// Whether environments are looked at for addresses.
    reads_environment: bool,
    pub(super) timeout: Duration,
    journal: Arc<Mutex<Vec<Request>>>,
    pub(super) pools: Arc<Mutex<Pools>>,
    pub(super) pools_told: Arc<Notify>,
    /// By a network's id.
    pub(super) addresses: Arc<Mutex<HashMap<String, addresses::Told>>>,
    /// By a network's id.
    pub(super) ghosts: Arc<Mutex<HashMap<String, Haunted>>>,
    pub(super) swarm: Arc<Mutex<swarm::Known>>,
}

/// One request that was made: as the metrics tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub endpoint: &'static str,
    /// How long it took.
    pub took: Duration,
    /// The bounded class of its failure.
    pub failure: Option<&'static str>,
}

/// A hint that something changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The container's id, where one is concerned.
    pub container: Option<String>,
    /// The network's id, where one is concerned.
    pub network: Option<String>,
    /// The stream itself ended: who answers from now on may be another Engine, or the same started anew.
    pub stream_ended: bool,
    /// And had stood for long: the Engine itself may have gone and come back.
    pub stream_broke: bool,
    /// What happened, where it is known what that is.
    pub told: Option<Box<Told>>,
}

impl Change {
    /// A listing may show it. A signal changes nothing yet.
    pub const fn is_to_be_listed(&self) -> bool {
        self.container.is_some() || self.network.is_some() || self.stream_ended || self.told.is_none()
    }
}

impl Engine {
    /// Takes the address; nothing is asked yet.
    pub fn new(settings: &config::Docker) -> Self {
        Self {
            host: settings.host.clone(),
            netns_dir: settings.netns_dir.clone(),
            reads_environment: settings.hard_coded_addresses,
            timeout: settings.timeout,
            journal: Arc::default(),
            pools: Arc::default(),
            pools_told: Arc::default(),
            addresses: Arc::default(),
            ghosts: Arc::default(),
            swarm: Arc::default(),
        }
    }

    /// The requests since this was last asked.
    pub fn requests(&self) -> Vec<Request> {
        self.journal.lock().map(|mut journal| std::mem::take(&mut *journal)).unwrap_or_default()
    }

    /// Whether one of the requests that [`Self::requests`] will tell of had no answer in time.
    pub fn has_missed_an_answer(&self) -> bool {
        self.journal.lock().is_ok_and(|journal| journal.iter().any(|r| r.failure == Some("timeout")))
    }

    pub(super) fn note(&self, endpoint: &'static str, began: Instant, failure: Option<&'static str>) {
        if let Ok(mut journal) = self.journal.lock() {
            journal.push(Request { endpoint, took: began.elapsed(), failure });
        }
    }

    /// `most` is what may be read for each of its requests.
    fn client(&self, endpoint: &'static str, most: usize) -> Result<Docker, EngineError> {
        self.client_within(endpoint, move || Allowance::of(most))
    }

    pub(super) fn client_within(
        &self,
        endpoint: &'static str,
        allowance: impl Fn() -> Allowance + Send + Sync + 'static,
    ) -> Result<Docker, EngineError> {
        wire::client(&self.host, allowance).map_err(|error| EngineError::of(endpoint, &self.host, &error))
    }

    pub(super) async fn ask<T>(
        &self,
        endpoint: &'static str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        let began = Instant::now();
        let patience =
            if endpoint == "networks" { self.timeout.max(self.swarm_waits()) } else { self.timeout };
        let answer = match timeout(patience, answer).await {
            Ok(answer) => answer.map_err(|error| EngineError::of(endpoint, &self.host, &error)),
            Err(_) => Err(EngineError::timeout(endpoint, patience)),
        };
        self.note(endpoint, began, answer.as_ref().err().map(|error| error.reason));
        answer
    }

    /// A sign of life. A proxy that forbids the cheap question is asked the one that a listing asks too.
    ///
    /// # Errors
    /// When there is none within the deadline.
    pub async fn ping(&self) -> Result<(), EngineError> {
        let docker = self.client("ping", WORD)?;
        match self.ask("ping", docker.ping()).await {
            Err(error) if matches!(error.reason, "forbidden" | "not_found") => {
                self.ask("ping", docker.version()).await.map(drop)
            }
            answered => answered.map(drop),
        }
    }

    /// Everything there is, completed by inspection. `before` is what was seen the last time: it says
    /// what is known of a container whose inspection fails now; and, where that is still `the_same_engine`,
    /// who answers, which the Engine runs programs to tell.
    ///
    /// # Errors
    /// When the Engine as a whole does not answer; a container that does not costs itself alone.
    pub async fn list(&self, before: Option<&Seen>, the_same_engine: bool) -> Result<Seen, EngineError> {
        let docker = self.client("version", WORD)?;
        let engine = match before.filter(|_| the_same_engine).map(|seen| seen.engine.clone()) {
            Some(engine) => engine,
            None => translate::engine(self.ask("version", docker.version()).await?),
        };
        let mut oddities = Vec::new();
        let docker = self.client("networks", LISTING)?;
        let networks = docker.list_networks(None::<ListNetworksOptions>);
        // Podman has no pools that it tells of.
        let first_answer = if engine.podman { None } else { self.ask_pools() };
        let networks = self.entries("networks", "/networks", networks, &mut oddities).await?;
        let all = ListContainersOptions { all: true, ..Default::default() };
        let summaries = docker.list_containers(Some(all));
        let path = "/containers/json?all=true";
        let summaries = self.entries("containers", path, summaries, &mut oddities).await?;
        let (named, nameless): (Vec<_>, Vec<_>) = summaries.into_iter().partition(|row| row.id.is_some());
        oddities.extend(nameless.iter().map(|_| "a container without an id".to_owned()));
        // Of what follows nothing hides a container: one that cannot be inspected is listed all the same.
        let whole = oddities.is_empty();
        let mut containers = Vec::with_capacity(named.len());
        let mut waiting = named.into_iter();
        let docker = self.client("inspect", ONE)?;
        let mut inspections = FuturesUnordered::new();
        // Each has its deadline, and all together one more: a listing must not take minutes.
        let until = Instant::now() + 2 * self.timeout;
        let (mut inspected, mut failed) = (0, None);
        loop {
            while inspections.len() < INSPECTIONS {
                let Some(summary) = waiting.next() else { break };
                inspections.push(self.inspect(&docker, summary, until));
            }
            match inspections.next().await {
                Some(Ok(container)) => {
                    inspected += 1;
                    containers.extend(container);
                }
                Some(Err((row, error))) => {
                    let id = row.id.as_deref().unwrap_or_default();
                    oddities.push(format!("container {}: {error}", bounded(id)));
                    let known = before.and_then(|seen| seen.containers.iter().find(|c| c.id == bounded(id)));
                    containers.push(uninspected::container(*row, known));
                    failed = Some(error);
                }
                None => break,
            }
        }
        if let (0, Some(error)) = (inspected, failed.filter(|error| error.reason == "timeout")) {
            // Not one of them could be looked at: that is no listing.
            return Err(error);
        }
        let pools = if engine.podman { None } else { self.pools(first_answer).await };
        let mut networks: Vec<_> = networks.into_iter().map(translate::network).collect();
        if addresses::are_told_by(&engine) {
            self.count_addresses(&mut networks, &containers, until).await;
        }
        if !engine.podman {
            self.find_ghosts(&mut networks, whole.then_some(&*containers), until).await;
        }
        let swarm = if engine.podman { None } else { self.read_swarm(&mut networks).await };
        away::labelled(&mut containers, swarm.as_ref());
        // What nobody was given is not looked at.
        let looks = containers.iter().any(|container| container.upstream.is_some());
        let host_files = if looks { tokio::task::spawn_blocking(host_files::read).await.ok() } else { None };
        let host_files = host_files.unwrap_or_default();
        Ok(Seen { engine, networks, pools, host_files, swarm, containers, oddities })
    }

    /// Another Engine may answer from now on, or the same with other settings: what is asked seldom is asked anew.
    pub fn may_be_another(&self) {
        self.ask_pools_anew();
        self.ask_swarm_anew();
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The entries of a listing. One odd value in one of them makes the whole answer unreadable for the
    /// client, and so does one that is too large; then they are read one by one.
    async fn entries<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        path: &str,
        whole: impl Future<Output = Result<Vec<T>, Error>>,
        oddities: &mut Vec<String>,
    ) -> Result<Vec<T>, EngineError> {
        let refused = match self.ask(endpoint, whole).await {
            Err(error) if matches!(error.reason, "bad_answer" | "too_large") => error,
            answered => return answered,
        };
        let began = Instant::now();
        let (entries, failure) = match timeout(self.timeout, lenient::listing(&self.host, path)).await {
            Ok(Ok((entries, odd))) => {
                oddities.extend(odd);
                (Ok(entries), None)
            }
            Ok(Err(_)) => {
                let reason = refused.reason;
                (Err(refused), Some(reason))
            }
            Err(_) => (Err(refused), Some("timeout")),
        };
        self.note(endpoint, began, failure);
        entries
    }

    /// One row completed. Nothing where the container vanished meanwhile, which is normal. Where the
    /// inspection fails otherwise the row alone still says who it is and where: to drop it would be to call
    /// a container gone that merely could not be looked at.
    async fn inspect(
        &self,
        docker: &Docker,
        summary: ContainerSummary,
        until: Instant,
    ) -> Result<Option<SeenContainer>, (Box<ContainerSummary>, EngineError)> {
        let id = summary.id.clone().unwrap_or_default();
        let began = Instant::now();
        let deadline = until.min(began + self.timeout);
        let answer = timeout_at(deadline, docker.inspect_container(&id, None::<InspectContainerOptions>));
        let error = match answer.await {
            Ok(Ok(inspected)) => {
                self.note("inspect", began, None);
                return Ok(Some(self.complete(summary, inspected).await));
            }
            Ok(Err(error)) if EngineError::is_not_found(&error) => return Ok(None),
            Ok(Err(error)) => EngineError::of("inspect", &self.host, &error),
            Err(_) => EngineError::timeout("inspect", deadline - began),
        };
        self.note("inspect", began, Some(error.reason));
        Err((Box::new(summary), error))
    }

    async fn complete(
        &self,
        summary: ContainerSummary,
        inspected: ContainerInspectResponse,
    ) -> SeenContainer {
        let path = inspected.resolv_conf_path.clone();
        let variables = inspected.config.as_ref().and_then(|config| config.env.as_deref());
        let addresses = variables.filter(|_| self.reads_environment).map(environment::addresses);
        let mut seen = translate::container(summary, inspected, &self.netns_dir);
        seen.fixed_addresses = addresses.unwrap_or_default();
        if let Some(path) = path.filter(|_| seen.state.has_namespace()) {
            let read = tokio::task::spawn_blocking(move || resolv_conf::read(&path)).await;
            let read = read.unwrap_or_default();
            (seen.name_servers, seen.upstream) = (read.servers, read.upstream);
        }
        seen
    }

    /// Follows the event stream into `changes` until it breaks, and says why it did. `since` is the
    /// moment of the last event ([`now`] where there was none): given again, nothing in between is lost.
    pub async fn events(&self, since: &mut String, changes: &mpsc::Sender<Change>) -> EngineError {
        // A stream has no end, so that a line has the allowance, and the next one has it anew.
        let allowance = Allowance::of(ONE);
        let of_a_line = allowance.clone();
        let docker = match self.client_within("events", move || of_a_line.clone()) {
            Ok(docker) => docker,
            Err(error) => return error,
        };
        let kinds = HashMap::from([("type".to_owned(), vec!["container".to_owned(), "network".to_owned()])]);
        let options = EventsOptionsBuilder::new().filters(&kinds).since(since);
        let mut events = Box::pin(docker.events(Some(options.build())));
        loop {
            let message = tokio::select! {
                message = events.next() => message,
                () = changes.closed() => None,
            };
            let error = match message {
                Some(Ok(message)) => {
                    allowance.renew();
                    if let Some(nanos) = message.time_nano.filter(|nanos| *nanos > 0) {
                        *since = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
                    }
                    if let Some(change) = change(message) {
                        // The listing that follows is the truth: a hint more or less costs nothing.
                        changes.try_send(change).ok();
                    }
                    continue;
                }
                Some(Err(error)) => EngineError::of("events", &self.host, &error),
                None => EngineError::ended("events"),
            };
            let too_large = allowance.exceeded().map(|why| EngineError::too_large("events", why));
            let error = too_large.unwrap_or(error);
            if matches!(error.reason, "bad_answer" | "too_large") {
                // Asked for what came since, the Engine would say the same again, for ever. So the stream
                // begins anew from now, and a listing shows what was missed.
                *since = now();
                changes.try_send(Change::default()).ok();
            }
            return error;
        }
    }
}

/// This moment, as the Engine takes one: seconds and nanoseconds since 1970.
pub fn now() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:09}", now.as_secs(), now.subsec_nanos())
}

/// What containers do that changes nothing of what is listed here, and may come many times a second from
/// one of them: commands run by health checks (`exec` is Podman's word), signals, memory that ran out. A Swarm's task that is
/// sent one by which it is to end has no names any more.
const NOISE: [&str; 11] = [
    "exec",
    "top",
    "kill",
    "oom",
    "attach",
    "detach",
    "resize",
    "copy",
    "export",
    "archive-path",
    "extract-to-dir",
];

/// What an event hints at; `None` for what changes nothing here.
pub(super) fn change(message: EventMessage) -> Option<Change> {
    let told = told::told(&message).map(Box::new);
    let actor = message.actor.unwrap_or_default();
    let action = message.action.unwrap_or_default();
    match message.typ? {
        EventMessageTypeEnum::CONTAINER => {
            let labels = actor.attributes.as_ref();
            let is_task = labels.is_some_and(|labels| labels.contains_key(SWARM_TASK_ID));
            let ends = action == "kill" && is_task && told.is_some();
            if action.starts_with("exec_") || (NOISE.contains(&&*action) && !ends) {
                return told.is_some().then_some(Change { told, ..Change::default() });
            }
            Some(Change { container: actor.id, told, ..Change::default() })
        }
        EventMessageTypeEnum::NETWORK => {
            let container = actor.attributes.and_then(|mut a| a.remove("container"));
            Some(Change { container, network: actor.id, told, ..Change::default() })
        }
        _ => None,
    }
}
