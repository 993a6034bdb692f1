//! What looking and probing teaches, for the next plan.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::{ContainerId, Inventory};
use crate::netstack::Listener;
use crate::outcome::{Blindness, Detail, Outcome, ProbeKind, Reason, Run};
use crate::plan::Learned;
use crate::plan::isolation::MOST_PEERS;

/// A port that never spoke HTTP and is silent so many times is no web server; a slow start is silent once.
const SILENCES: u8 = 3;

/// Whoever takes more bytes in one packet is on the host itself: a loopback carries 64 KiB, a bridge 1500 bytes or 9000.
const BEYOND_A_BRIDGE: u32 = 16 * 1024;

/// What was learned, and what is sure: a port that spoke HTTP once and does not now is a fault, one
/// that never did is no web server.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    learned: Learned,
    speaks_http: BTreeSet<(ContainerId, u16)>,
    /// How often ports that never spoke HTTP gave no answer.
    silent: BTreeMap<(ContainerId, u16), u8>,
    /// Published ports at which the container itself has answered, by the Engine's rules, and not somebody on the host.
    led: BTreeSet<(ContainerId, IpAddr, u16)>,
}

impl Lessons {
    /// For the plan.
    pub(super) const fn learned(&self) -> &Learned {
        &self.learned
    }

    /// Forgets containers that are gone or do not run; gives those that were never looked at.
    pub(super) fn forget_all_but(&mut self, inventory: &Inventory) -> BTreeSet<ContainerId> {
        let runs = |id: &ContainerId| inventory.container(id).is_some_and(|c| c.state.has_namespace());
        self.learned.listeners.retain(|id, _| runs(id));
        self.learned.not_http.retain(|(id, _)| runs(id));
        self.speaks_http.retain(|(id, _)| runs(id));
        self.silent.retain(|(id, _), _| runs(id));
        self.led.retain(|(id, ..)| runs(id));
        self.learned.unseen.retain(runs);
        let unread = |id: &&ContainerId| runs(id) && !self.learned.listeners.contains_key(*id);
        inventory.containers.keys().filter(unread).cloned().collect()
    }

    /// Takes the listeners of a container; true where that changes the plan.
    pub(super) fn listeners(&mut self, container: &ContainerId, seen: Option<Vec<Listener>>) -> bool {
        let Some(listeners) = seen else { return false };
        if self.learned.listeners.get(container) == Some(&listeners) {
            return false;
        }
        // A process that listens anew may speak otherwise than the one before; the others are known.
        let before = self.learned.listeners.get(container);
        let stayed = |port: u16| {
            let at = |all: &[Listener]| all.iter().any(|listener| listener.port == port);
            at(&listeners) && before.is_some_and(|before| at(before))
        };
        self.learned.not_http.retain(|(id, port)| id != container || stayed(*port));
        self.silent.retain(|(id, port), _| id != container || stayed(*port));
        self.learned.listeners.insert(container.clone(), listeners);
        true
    }

    /// A container could be looked into, or could not; true where that changes the plan.
    pub(super) fn looked_into(&mut self, container: &ContainerId, seen: bool) -> bool {
        if seen {
            self.learned.unseen.remove(container)
        } else {
            self.learned.unseen.insert(container.clone())
        }
    }

    /// It is the next ones' turn, of the pairs of destinations.
    pub(super) const fn turn(&mut self) {
        self.learned.turn = self.learned.turn.wrapping_add(1);
    }

    /// Something got through between these two, or the way was seen shut; true where that changes the plan. Of one
    /// destination no more are kept than are tried besides those whose turn it is.
    pub(super) fn pair(&mut self, from: &Arc<str>, to: &Arc<str>, open: bool) -> bool {
        let pair = (Arc::clone(from), Arc::clone(to));
        if !open {
            return self.learned.breached.remove(&pair);
        }
        let known = self.learned.breached.iter().filter(|(source, _)| source == from).count();
        known < MOST_PEERS && self.learned.breached.insert(pair)
    }

    /// Forgets the others.
    pub(super) fn keep_pairs(&mut self, kept: impl Fn(&str, &str) -> bool) {
        self.learned.breached.retain(|(from, to)| kept(from, to));
    }

    /// Takes the host's addresses, and those of its way out; true where that changes the plan. Where there is no way out
    /// for a moment, what was known of it stands, as far as the host still has it.
    pub(super) fn host(&mut self, addresses: Option<BTreeSet<IpAddr>>, uplink: BTreeSet<IpAddr>) -> bool {
        let before = (self.learned.host.clone(), self.learned.uplink.clone());
        if !uplink.is_empty() {
            self.learned.uplink = uplink;
        }
        self.learned.uplink.retain(|ip| addresses.as_ref().is_some_and(|all| all.contains(ip)));
        self.learned.host = addresses;
        before != (self.learned.host.clone(), self.learned.uplink.clone())
    }

    /// An Engine keeps its published ports for itself: with a listener that hands over to the container, or one that nobody
    /// ever takes connections from. It answers the host where the rule is gone that led to the container before.
    fn who_answers(&mut self, run: &mut Run, inventory: &Inventory) {
        let (Outcome::Success(_), Some(handshake)) = (&run.outcome, run.seen.handshake) else { return };
        let Detail::Port(address, port) = run.key.detail else { return };
        let place = inventory.destination(&run.key.destination);
        let Some(endpoint) = place.and_then(|d| d.endpoint(&run.key.target)) else { return };
        let door = (endpoint.container.clone(), address, port);
        if handshake.segment <= BEYOND_A_BRIDGE {
            self.led.insert(door);
        } else if self.led.contains(&door) {
            run.outcome = Outcome::Failure(Reason::Unreachable);
            run.seen.local = true;
            run.seen.note = Some(
                "somebody on the host answered in place of the container: the rule that led there is gone"
                    .into(),
            );
        }
    }

    /// Learns who speaks HTTP. Gives the runs that count, and whether the plan changes: the first
    /// question to a port that turns out to be no web server was ours to ask, and is no failure; where it is
    /// silent, nobody knows yet.
    /// A port that a proxy's labels name is a web server by its owner's word.
    pub(super) fn learn_from(&mut self, runs: Vec<Run>, inventory: Option<&Inventory>) -> (Vec<Run>, bool) {
        let mut learned = false;
        let counts = runs
            .into_iter()
            .filter_map(|mut run| {
                if run.key.kind == ProbeKind::PublishedPort {
                    self.who_answers(&mut run, inventory?);
                    return Some(run);
                }
                let (ProbeKind::Http, Detail::Port(address, port)) = (run.key.kind, &run.key.detail) else {
                    return Some(run);
                };
                let Some(inventory) = inventory else { return Some(run) };
                let endpoint =
                    inventory.destination(&run.key.destination).and_then(|d| d.endpoint(&run.key.target));
                // A run that began before a redeploy tells of the container that was there then.
                let endpoint = endpoint.filter(|e| e.addresses.contains(address));
                let Some(container) = endpoint.and_then(|e| inventory.container(&e.container)) else {
                    return Some(run);
                };
                let port = (container.id.clone(), *port);
                match run.outcome {
                    Outcome::Success(_) | Outcome::Failure(Reason::HttpStatus) => {
                        self.speaks_http.insert(port);
                    }
                    Outcome::Failure(
                        reason @ (Reason::Protocol | Reason::Reset | Reason::Tls | Reason::Timeout),
                    ) if !self.speaks_http.contains(&port) && !container.proxied_ports.contains(&port.1) => {
                        let silences = self.silent.entry(port.clone()).or_default();
                        *silences = silences.saturating_add(1);
                        if reason != Reason::Timeout || *silences >= SILENCES {
                            learned |= self.learned.not_http.insert(port);
                            return None;
                        }
                        run.outcome = Outcome::Unknown(Blindness::NoHttpYet);
                    }
                    _ => {}
                }
                Some(run)
            })
            .collect();
        (counts, learned)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;
    use crate::diagnosis::sample::Sample;
    use crate::outcome::{Observation, ProbeKey};

    const DB: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 2, 3));

    fn run(address: IpAddr, port: u16, outcome: Outcome) -> Vec<Run> {
        let key = ProbeKey {
            destination: "shop".into(),
            kind: ProbeKind::Http,
            source: "api".into(),
            target: "db".into(),
            detail: Detail::Port(address, port),
        };
        vec![Run { key, outcome, seen: Observation::default() }]
    }

    fn listener(port: u16) -> Listener {
        Listener { address: Ipv4Addr::UNSPECIFIED.into(), port, v6_only: false }
    }

    #[test]
    fn who_never_spoke_http_is_left_in_peace_and_who_did_is_not() {
        let inventory = Sample::shop(&["api", "db"]).inventory;
        let failure = |reason| Outcome::Failure(reason);
        let mut lessons = Lessons::default();
        let mut learn = |port, outcome| {
            let (counts, learned) = lessons.learn_from(run(DB, port, outcome), Some(&inventory));
            let known = counts.iter().filter(|run| !matches!(run.outcome, Outcome::Unknown(_))).count();
            (known, counts.len() - known, learned)
        };
        // The first question was ours to ask.
        assert_eq!(learn(5432, failure(Reason::Protocol)), (0, 0, true));
        // A web server that starts slowly is asked again, and until then nobody waits for what it says.
        assert_eq!(learn(8080, failure(Reason::Timeout)), (0, 1, false));
        assert_eq!(learn(8080, failure(Reason::Timeout)), (0, 1, false));
        assert_eq!(learn(8080, failure(Reason::Timeout)), (0, 0, true));
        assert_eq!(learn(80, failure(Reason::Timeout)), (0, 1, false));
        assert_eq!(learn(80, Outcome::Success(Duration::ZERO)), (1, 0, false));
        for reason in [Reason::Timeout, Reason::Reset, Reason::HttpStatus, Reason::Refused] {
            assert_eq!(learn(80, failure(reason)), (1, 0, false), "{reason:?}");
        }
    }

    #[test]
    fn who_answers_in_place_of_a_container_is_known_by_what_it_did_before() {
        let inventory = Sample::shop(&["api", "db"]).inventory;
        let mut lessons = Lessons::default();
        let mut ends = |segment, outcome| {
            let key = ProbeKey {
                destination: "shop".into(),
                kind: ProbeKind::PublishedPort,
                source: "host".into(),
                target: "db".into(),
                detail: Detail::Port([192, 0, 2, 7].into(), 5432),
            };
            let handshake = Some(crate::outcome::Handshake { segment, ..Default::default() });
            let seen = Observation { handshake, ..Observation::default() };
            let (runs, _) = lessons.learn_from(vec![Run { key, outcome, seen }], Some(&inventory));
            runs.into_iter().next().map(|run| (run.outcome, run.seen.local))
        };
        const GOOD: Outcome = Outcome::Success(Duration::ZERO);
        let gone = Some((Outcome::Failure(Reason::Unreachable), true));
        // A forwarder that always was there is the operator's choice.
        assert_eq!(ends(65_483, GOOD), Some((GOOD, false)));
        assert_eq!(ends(1448, GOOD), Some((GOOD, false)));
        assert_eq!(ends(65_483, GOOD), gone);
        assert_eq!(ends(8948, GOOD), Some((GOOD, false)));
        let refused = Outcome::Failure(Reason::Refused);
        assert_eq!(ends(0, refused.clone()), Some((refused, false)));
    }

    #[test]
    fn a_run_at_an_old_address_says_nothing_of_the_new_container() {
        let inventory = Sample::shop(&["api", "db"]).inventory;
        let mut lessons = Lessons::default();
        let old = IpAddr::V4(Ipv4Addr::new(10, 0, 2, 99));
        let (counts, learned) =
            lessons.learn_from(run(old, 80, Outcome::Failure(Reason::Protocol)), Some(&inventory));
        assert_eq!((counts.len(), learned), (1, false));
    }

    #[test]
    fn a_port_that_comes_or_goes_says_nothing_of_the_others() {
        let inventory = Sample::shop(&["api", "db"]).inventory;
        let db = inventory.destinations[0].endpoints[1].container.clone();
        let mut lessons = Lessons::default();
        assert!(lessons.listeners(&db, Some(vec![listener(5432), listener(8080)])));
        for port in [5432, 8080] {
            lessons.learn_from(run(DB, port, Outcome::Failure(Reason::Protocol)), Some(&inventory));
        }
        assert!(lessons.listeners(&db, Some(vec![listener(5432), listener(40_000)])));
        let left: Vec<u16> = lessons.learned().not_http.iter().map(|(_, port)| *port).collect();
        assert_eq!(left, [5432]);
    }

    #[test]
    fn the_way_out_is_known_for_as_long_as_the_host_has_its_address() {
        let [bridge, outer]: [IpAddr; 2] = [[172, 17, 0, 1].into(), [203, 0, 113, 7].into()];
        let mut lessons = Lessons::default();
        let both: BTreeSet<IpAddr> = [bridge, outer].into();
        assert!(lessons.host(Some(both.clone()), [outer].into()));
        assert!(!lessons.host(Some(both.clone()), BTreeSet::new()), "no default route for a moment");
        assert_eq!(lessons.learned().uplink, [outer].into());
        assert!(lessons.host(Some([bridge].into()), BTreeSet::new()));
        assert_eq!(lessons.learned().uplink, BTreeSet::new());
        assert!(lessons.host(Some(both), [outer].into()) && lessons.host(None, BTreeSet::new()));
        assert!(lessons.learned().uplink.is_empty(), "the exporter is not on the host's network");
    }

    #[test]
    fn pairs_that_leak_are_bounded_by_where_they_begin() {
        let mut lessons = Lessons::default();
        let from: [Arc<str>; 2] = ["shop".into(), "blog".into()];
        let to: Vec<Arc<str>> = (0..20).map(|n| format!("net{n}").into()).collect();
        for source in &from {
            let learned = to.iter().filter(|target| lessons.pair(source, target, true)).count();
            assert_eq!(learned, MOST_PEERS);
        }
        assert!(!lessons.pair(&from[0], &to[0], true), "it was known");
        assert!(lessons.pair(&from[0], &to[0], false) && !lessons.pair(&from[0], &to[0], false));
        assert!(lessons.pair(&from[0], &to[19], true), "there is room again");
        lessons.keep_pairs(|source, _| source == "blog");
        assert_eq!(lessons.learned().breached.len(), MOST_PEERS);
    }
}
