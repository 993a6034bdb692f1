//! What the host's packet filter accounts for: rules of the Engine's that are gone, and rules of others that lose what
//! containers send.
//!
//! Facts alone are no fault: only the Engine knows whether it is to write rules at all, and a chain that drops by its
//! policy may accept before. So a cause is told where it fits what was measured, or where the Engine's rules were there
//! before. What it accounts for is not told again by those who see its symptoms.

use std::time::{Duration, SystemTime};

use crate::inventory::{Destination, Endpoint, Inventory, PublishedPort};
use crate::netstack::Host;
use crate::netstack::firewall::{Block, Firewall, Own};
use crate::outcome::{Outcome, ProbeKey, ProbeKind};
use crate::state::{Engine, Record, Snapshot};

use super::scene::{AFTER_ABSENCE, Path, Scene, Way, fails};
use super::{Code, Finding};

/// Another firewall's reload takes the Engine's rules away for the moment that the Engine needs to write them anew.
pub(super) const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// An Engine that is not heard of for longer is not just starting.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// It is read oftener than this, or cannot be any more.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// The packet filter, judged.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    pub(super) firewall: &'a Firewall,
    /// What crosses a bridge meets it as well.
    bridged: bool,
    /// What is gone of the Engine's rules, where that is known.
    pub(super) lost: Option<Lost>,
    /// And whether it may be told: the Engine is not about to write them.
    pub(super) is_settled: bool,
    /// It was read of late, and nothing has kept it from being read since.
    pub(super) is_fresh: bool,
    /// A container on a bridge has a port of the host's by IPv4.
    publishes: bool,
}

/// What is gone of the Engine's rules.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    /// They were there, or the others are: nothing else has to speak for it.
    pub(super) sure: bool,
    /// All of them.
    pub(super) all: bool,
    /// Those that take what is forwarded.
    pub(super) forward: bool,
    /// Those that keep networks apart.
    pub(super) isolation: bool,
    /// Those that lead to published ports.
    pub(super) ports: bool,
}

/// What loses packets.
#[derive(Clone, Copy)]
pub(super) enum Culprit<'a> {
    /// The Engine's rules that would let them pass are gone.
    Gone,
    /// This does.
    Block(Block<'a>),
}

impl<'a> Filter<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Option<Self> {
        let inventory = snapshot.inventory.as_deref()?;
        let host: &'a Host = snapshot.sight.host.as_deref()?;
        let firewall = host.firewall.as_ref()?;
        // Podman's rules are another program's, with chains of their own.
        (!inventory.engine.podman && inventory.destinations.iter().any(|on| on.bridge.is_some())).then(|| {
            Self {
                firewall,
                bridged: host.bridge_netfilter == Some(true),
                lost: lost(snapshot, firewall),
                is_settled: is_settled(&snapshot.sight.engine, firewall, snapshot.at),
                is_fresh: host.firewall_unread.is_none()
                    && firewall.read_at.is_some_and(|read| snapshot.at <= read + READ_WITHIN),
                publishes: publishes(inventory),
            }
        })
    }

    /// What loses the packets that containers send by this bridge.
    pub(super) fn on_the_way(&self, destination: &Destination) -> Option<Culprit<'a>> {
        let chain = self.firewall.chain("filter", "FORWARD");
        let drops = chain.and_then(|chain| chain.base).is_some_and(|base| base.drops);
        if self.is_lost(|lost| lost.forward) && drops {
            return Some(Culprit::Gone);
        }
        self.firewall.blocks(destination.bridge.as_deref()?).map(Culprit::Block)
    }

    /// What keeps what leaves this destination from coming back with an answer.
    pub(super) fn on_the_way_out(&self, destination: &Destination) -> Option<Culprit<'a>> {
        let own = self.on_the_way(destination);
        own.or_else(|| self.keeps_its_address(destination).then_some(Culprit::Gone))
    }

    /// No rule gives what leaves this destination one of the host's addresses.
    pub(super) fn keeps_its_address(&self, destination: &Destination) -> bool {
        let mut nets =
            destination.subnets.iter().map(|subnet| subnet.net).filter(|net| net.addr().is_ipv4()).peekable();
        self.is_lost(|_| true)
            && destination.bridge.is_some()
            && nets.peek().is_some()
            // A network may be made to keep its addresses: one that never had such a rule misses none.
            && nets.all(|net| self.firewall.masquerades(&net) == Some(false) && self.firewall.gave(&net))
    }

    /// What keeps neighbours from each other. Whether anybody got through is not asked.
    pub(super) fn between_neighbours(&self, destination: &Destination) -> Option<Culprit<'a>> {
        self.on_the_way(destination).filter(|_| self.bridged)
    }

    /// Whether published ports lead nowhere.
    pub(super) fn leads_no_port(&self) -> bool {
        self.publishes && self.is_lost(|lost| lost.ports)
    }

    /// Whether nothing keeps networks apart. That there never was anything is not told.
    pub(super) fn keeps_none_apart(&self) -> bool {
        self.is_lost(|lost| lost.isolation && (lost.sure || !lost.all))
    }

    /// Whether this is gone by the latest reading, and that reading may be gone by: one into the moment of somebody's reload
    /// that could not be repeated since accounts for nothing.
    fn is_lost(&self, what: impl Fn(Lost) -> bool) -> bool {
        let Firewall { read_at, lacking_since, .. } = *self.firewall;
        let stood = lacking_since.and_then(|since| read_at?.duration_since(since).ok());
        self.lost.is_some_and(what) && (self.is_fresh || stood.is_some_and(|stood| stood >= WRITTEN_WITHIN))
    }
}

/// Whether there is anything for the rules that lead to published ports to lead to.
fn publishes(inventory: &Inventory) -> bool {
    let is_led_to = |port: &PublishedPort| port.host_port != 0 && port.host_ip.is_none_or(|ip| ip.is_ipv4());
    let bridged = inventory.destinations.iter().filter(|on| on.bridge.is_some());
    let ids = bridged.flat_map(|on| on.endpoints.iter().map(|endpoint| &endpoint.container));
    ids.filter_map(|id| inventory.container(id)).any(|one| one.published.iter().any(is_led_to))
}

/// Whether what is not there is missing, and not on its way: an Engine that starts takes its rules down itself.
fn is_settled(engine: &Engine, firewall: &Firewall, now: SystemTime) -> bool {
    let before = |at: SystemTime| firewall.lacking_since.is_some_and(|since| since < at);
    match engine {
        Engine::NotAsked => false,
        Engine::Down { since, .. } => {
            let long = firewall.lacking_since.is_some_and(|since| now > since + STARTS_WITHIN);
            before(*since) || long
        }
        Engine::Up { .. } => {
            let back = engine.may_be_back_since();
            back.is_none_or(|back| before(back) || now > back + AFTER_ABSENCE)
        }
    }
}

fn lost(snapshot: &Snapshot, firewall: &Firewall) -> Option<Lost> {
    match firewall.own() {
        Own::Unknown => None,
        Own::Whole => Some(Lost {
            isolation: firewall.keeps_none_apart(),
            ports: firewall.leads_no_port(),
            ..Lost::default()
        }),
        Own::Lacking(lack) => Some(Lost {
            sure: true,
            all: false,
            forward: lack.forward,
            isolation: lack.forward || lack.isolation || firewall.keeps_none_apart(),
            ports: lack.ports || firewall.leads_no_port(),
        }),
        // An Engine that was started without a word about rules since may be told to write none.
        Own::None => {
            let back = match snapshot.sight.engine {
                Engine::Up { back_since, .. } => back_since,
                Engine::NotAsked | Engine::Down { .. } => None,
            };
            let is_new = |back: SystemTime| firewall.read_at.is_some_and(|read| read > back + AFTER_ABSENCE);
            let sure = firewall.whole_at.is_some_and(|at| back.is_none_or(|back| at > back || !is_new(back)));
            Some(Lost { sure, all: true, forward: true, isolation: true, ports: true })
        }
    }
}

/// What failed before the rules were changed, and was not tried for a while since, says nothing of those that are in
/// force now.
pub(super) fn is_of_old_rules(snapshot: &Snapshot, record: &Record) -> bool {
    is_older_than(record, filter(snapshot).and_then(|filter| filter.changed_at))
}

/// The same of what failed at one of the host's own addresses, from where rules lead to containers.
pub(super) fn is_of_old_ways_in(snapshot: &Snapshot, record: &Record) -> bool {
    let changed = filter(snapshot).and_then(|filter| filter.changed_at.max(filter.ports_changed_at));
    is_older_than(record, changed)
}

fn filter(snapshot: &Snapshot) -> Option<&Firewall> {
    snapshot.sight.host.as_deref()?.firewall.as_ref()
}

fn is_older_than(record: &Record, changed: Option<SystemTime>) -> bool {
    changed.is_some_and(|changed| {
        matches!(record.outcome, Outcome::Failure(_))
            && record.since <= changed
            && record.at <= changed + AFTER_ABSENCE
    })
}

/// Whether the filter keeps the containers of this destination from each other: as it was read, nobody was seen to get
/// through since it is so. Who gets through after it was read tells that it is to be read anew, and until then nothing.
pub(super) fn keeps_apart<'a>(scene: &Scene<'a>, destination: &'a Destination) -> Option<Culprit<'a>> {
    let filter = scene.filter?;
    let culprit = filter.between_neighbours(destination)?;
    let Firewall { changed_at, read_at, .. } = *filter.firewall;
    let is_old = read_at.is_some_and(|read| scene.snapshot.at > read + READ_WITHIN);
    let contradicts = |path: &Path| {
        path.way == Way::Open
            && changed_at.is_none_or(|changed| path.at() > changed)
            && (is_old || read_at.is_none_or(|read| path.at() <= read))
    };
    let gets_through = |endpoint: &Endpoint| {
        let ways = scene.ways_from(&destination.name, &endpoint.name);
        ways.iter().any(|(target, path)| destination.endpoint(target).is_some() && contradicts(path))
    };
    (!destination.endpoints.iter().any(gets_through)).then_some(culprit)
}

/// The failing ways between neighbours.
pub(super) fn between<'a>(
    scene: &Scene<'a>,
    destination: &'a Destination,
) -> impl Iterator<Item = (&'a ProbeKey, &'a Record)> {
    let looks =
        [ProbeKind::Icmp, ProbeKind::Tcp].map(|kind| scene.looks_of(&destination.name, kind).to_vec());
    let is_neighbour = move |key: &ProbeKey| {
        destination.endpoint(&key.source).is_some() && destination.endpoint(&key.target).is_some()
    };
    looks.into_iter().flatten().filter(move |(key, record)| fails(record) && is_neighbour(key))
}

/// Whether rules may account for it of which the latest reading is older than the fault: the next one is under way.
pub(super) fn is_yet_to_be_read(scene: &Scene<'_>, finding: &Finding) -> bool {
    let may_be_symptom = matches!(
        finding.code,
        Code::PublishedPortUnreachable
            | Code::ProxyUnreachable
            | Code::IsolationBreached
            | Code::EgressBlocked
            | Code::DnsUpstreamFailing
    );
    let Some(filter) = scene.filter.filter(|filter| may_be_symptom && filter.is_fresh) else { return false };
    filter.firewall.read_at.is_some_and(|read| read < finding.since)
}

/// Whether what was told as a fault of its own is a symptom by now.
pub(super) fn accounts_for(scene: &Scene<'_>, finding: &Finding) -> bool {
    let Some(filter) = scene.filter else { return false };
    match (finding.code, finding.destination.as_deref()) {
        (Code::PublishedPortUnreachable, _) | (Code::ProxyUnreachable, None) => filter.leads_no_port(),
        (Code::IsolationBreached, _) => filter.keeps_none_apart(),
        (Code::EgressBlocked | Code::DnsUpstreamFailing, place) if finding.subject.kind != "container" => {
            let mut all =
                scene.destinations().filter(|on| place.is_none_or(|place| *on.name == *place)).peekable();
            all.peek().is_some() && all.all(|destination| filter.on_the_way_out(destination).is_some())
        }
        (
            Code::ContainerUnreachable
            | Code::ContainerPartitioned
            | Code::ContainerPacketLoss
            | Code::ProxyUnreachable,
            Some(place),
        ) => scene.is_kept_apart(place) && !scene.is_away(place, &finding.subject.name),
        _ => false,
    }
}
