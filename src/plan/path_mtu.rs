//! Large packets: from one container of each destination to one peer, and to the addresses outside that are configured.
//!
//! All packets of a bridge cross the same interfaces but for the containers' own, so that one pair says what there is to
//! say. Where the proxy is on the destination it is the peer: what is served goes that way.

use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::{Endpoint, Place, RunState};
use crate::outcome::{Detail, ProbeKey, ProbeKind};
use crate::probe::{Job, Spec};

use super::speaker::{Speaker, networks};
use super::{Errand, View, overlay};

/// Addresses outside that are tried, the first of the list: each tells of the same way out.
const MOST_OUTSIDE: usize = 4;

/// Other nodes of a Swarm that are tried.
const MOST_NODES: usize = 8;

/// One errand a destination.
pub(super) fn errands(view: &View<'_>) -> Vec<Errand> {
    let networks = networks(view);
    let mut errands = Vec::new();
    for destination in &view.inventory.destinations {
        let Some(speaker) = Speaker::of(view, destination, &networks) else { continue };
        let source = &speaker.endpoint.name;
        let job = |target: Arc<str>, address: IpAddr| {
            Job::new(
                ProbeKey {
                    destination: Arc::clone(&destination.name),
                    kind: ProbeKind::PathMtu,
                    source: Arc::clone(source),
                    target,
                    detail: Detail::Address(address),
                },
                Spec::PathMtu { address },
            )
        };
        let mut jobs: Vec<Job> = Vec::new();
        let peers = destination.endpoints.iter().filter(|peer| peer.name != *source);
        let peer =
            peers.filter_map(|peer| Some((!is_proxy(view, peer)?, peer))).min_by_key(|(last, _)| *last);
        if let Some((_, peer)) = peer.filter(|_| !destination.keeps_apart) {
            let addresses = speaker.reaches(&peer.addresses);
            jobs.extend(addresses.map(|address| job(Arc::clone(&peer.name), address)));
        }
        // Between nodes each pair has a way of its own, which carries less by what VXLAN adds.
        let next = destination
            .overlay
            .iter()
            .flat_map(|overlay| overlay::neighbours(overlay, view.probes.ring, view.probes.full_mesh_up_to));
        let first = next.filter_map(|peer| peer.tasks.first()).take(MOST_NODES);
        jobs.extend(first.flat_map(|task| {
            speaker
                .reaches([&task.address])
                .map(|address| job(Arc::clone(&task.name), address))
                .collect::<Vec<_>>()
        }));
        if !destination.internal {
            let outside = speaker.reaches(&view.probes.external_addresses);
            jobs.extend(outside.take(MOST_OUTSIDE).map(|address| job(address.to_string().into(), address)));
        }
        jobs.sort_by(|a, b| a.key.cmp(&b.key));
        jobs.dedup_by(|a, b| a.key == b.key);
        let from = (Some(&speaker.container.id), speaker.vantage.clone());
        errands.extend(view.errand(&destination.name, ProbeKind::PathMtu, source, from, jobs));
    }
    errands
}

/// Whether a peer is the proxy; `None` for one that does not run, or not in a network stack of its own.
fn is_proxy(view: &View<'_>, peer: &Endpoint) -> Option<bool> {
    let container = view.inventory.container(&peer.container)?;
    (container.state == RunState::Running && container.place == Place::Own).then_some(container.is_proxy)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::{Duration, SystemTime};

    use super::super::tests::{container, host, network};
    use super::super::{Learned, Plan, plan};
    use crate::config::{Config, Selection};
    use crate::inventory::build::build;
    use crate::inventory::seen::Seen;
    use crate::outcome::ProbeKind;

    fn planned(seen: &Seen, outside: &[&str]) -> Plan {
        let mut probes = Config::default().probes;
        probes.external_addresses = outside.iter().map(|at| at.parse::<IpAddr>().unwrap()).collect();
        plan(&build(seen, &Selection::default(), SystemTime::UNIX_EPOCH), &Learned::default(), &probes)
    }

    fn told(plan: &Plan) -> Vec<String> {
        let keys = plan.keys().filter(|key| key.kind == ProbeKind::PathMtu);
        keys.map(|key| format!("{} {} → {} {}", key.destination, key.source, key.target, key.detail))
            .collect()
    }

    #[test]
    fn one_of_each_destination_asks_one_peer_and_whoever_is_configured() {
        let mut proxy = container("coolify-proxy", 9, &[("shop", 1)]);
        (proxy.image, proxy.has_engine_socket) = ("traefik:v3.1".into(), true);
        let town = host(
            vec![network("blog", 2), network("shop", 1)],
            vec![
                // On two networks: its way out is only one of them.
                container("api", 2, &[("shop", 1), ("blog", 2)]),
                container("db", 3, &[("shop", 1)]),
                container("web", 4, &[("shop", 1)]),
                proxy,
            ],
        );
        let expected = [
            "blog api → 192.0.2.1 192.0.2.1",
            "shop db → 192.0.2.1 192.0.2.1",
            "shop db → coolify-proxy 10.0.1.9",
        ];
        let many: Vec<String> = (1..9).map(|last| format!("192.0.2.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(told(&planned(&town, &many)).len(), 2 * 4 + 1);
        // An address of a family that nobody there has is nobody's.
        let plan = planned(&town, &["192.0.2.1", "2001:db8::1"]);
        assert_eq!(told(&plan), expected);
        let errand = plan.errands.iter().find(|errand| errand.kind == ProbeKind::PathMtu).unwrap();
        assert_eq!(errand.interval, Duration::from_secs(300));
    }

    #[test]
    fn an_internal_network_is_tried_inside_alone() {
        let mut closed = network("shop", 1);
        closed.internal = true;
        let one = container("db", 3, &[("shop", 1)]);
        let town = host(vec![closed, network("blog", 2)], vec![one, container("web", 4, &[("shop", 1)])]);
        assert_eq!(told(&planned(&town, &["192.0.2.1"])), ["shop db → web 10.0.1.4"]);
        let alone = host(vec![network("shop", 1)], vec![container("db", 3, &[("shop", 1)])]);
        assert_eq!(told(&planned(&alone, &[])), [""; 0]);
    }
}
