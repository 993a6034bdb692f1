//! Back to the host: from one container of each destination to the ports that the proxy publishes, at an address of the
//! host that others know it by.
//!
//! That is the way of an app that calls a site of this very server by its public name. Only where the exporter is on the
//! host's network: from there the same ports are tried too, and what nobody gets an answer from is another fault.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::inventory::{Place, RunState};
use crate::outcome::{Detail, ProbeKey, ProbeKind};
use crate::probe::{Job, Spec};

use super::speaker::{Speaker, networks};
use super::{Errand, View, published};

/// Ports of one proxy that are tried.
const MOST_PORTS: usize = 8;

/// One errand a destination.
pub(super) fn errands(view: &View<'_>) -> Vec<Errand> {
    let doors = doors(view);
    if doors.is_empty() {
        return Vec::new();
    }
    let networks = networks(view);
    let mut errands = Vec::new();
    // An internal network leads nowhere, the host included.
    for destination in view.inventory.destinations.iter().filter(|destination| !destination.internal) {
        let Some(speaker) = Speaker::of(view, destination, &networks) else { continue };
        let job = |(proxy, at): &(Arc<str>, SocketAddr)| {
            Job::new(
                ProbeKey {
                    destination: Arc::clone(&destination.name),
                    kind: ProbeKind::Hairpin,
                    source: Arc::clone(&speaker.endpoint.name),
                    target: Arc::clone(proxy),
                    detail: Detail::Port(at.ip(), at.port()),
                },
                Spec::Tcp { peer: *at },
            )
        };
        let reached = doors.iter().filter(|(_, at)| speaker.reaches(&[at.ip()]).next().is_some());
        let jobs = reached.map(job).collect();
        let from = (Some(&speaker.container.id), speaker.vantage.clone());
        errands.extend(view.errand(
            &destination.name,
            ProbeKind::Hairpin,
            &speaker.endpoint.name,
            from,
            jobs,
        ));
    }
    errands
}

/// The proxies' doors at addresses of the host's own, as they are tried from the host.
fn doors(view: &View<'_>) -> Vec<(Arc<str>, SocketAddr)> {
    let host = view.learned.host.as_ref();
    let gateways: Vec<IpAddr> = view.inventory.destinations.iter().flat_map(|d| d.gateways()).collect();
    let mut doors = Vec::new();
    for proxy in &view.inventory.proxies {
        let running = |id| view.inventory.container(id).filter(|c| c.state == RunState::Running);
        let Some(container) = running(&proxy.container) else { continue };
        let mut at: Vec<SocketAddr> = if container.place == Place::Host {
            let own = published::own(true, view.learned, view.inventory);
            let ports = proxy.entrances.iter().map(|entrance| entrance.port);
            ports.filter_map(|port| Some(SocketAddr::new(own?, port))).collect()
        } else {
            let tcp = container.published.iter().filter(|port| {
                let opens = proxy.entrances.iter().any(|entrance| entrance.port == port.container_port);
                port.protocol == "tcp" && port.host_port != 0 && opens
            });
            tcp.filter_map(|port| published::at(port, view.learned, view.inventory)).collect()
        };
        // A bridge's address is no way round, and a loopback is the container's own in there.
        at.retain(|at| host.is_some_and(|own| own.contains(&at.ip())) && !gateways.contains(&at.ip()));
        at.retain(|at| !at.ip().is_loopback());
        at.sort_unstable();
        at.dedup();
        doors.extend(at.into_iter().take(MOST_PORTS).map(|at| (Arc::clone(&proxy.name), at)));
    }
    doors.sort();
    doors
}

#[cfg(test)]
mod tests {
    use super::super::{Learned, plan};
    use super::*;
    use crate::config::Config;
    use crate::inventory::Inventory;
    use crate::inventory::routes::tests::{app, picture, traefik};

    fn planned(inventory: &Inventory, host: Option<&[&str]>) -> Vec<String> {
        let host = host.map(|all| all.iter().map(|ip| ip.parse().unwrap()).collect());
        let uplink = [[203, 0, 113, 7].into()].into();
        let learned = Learned { host, uplink, ..Learned::default() };
        let plan = plan(inventory, &learned, &Config::default().probes);
        let keys = plan.keys().filter(|key| key.kind == ProbeKind::Hairpin);
        keys.map(|key| format!("{} {} → {} {}", key.destination, key.source, key.target, key.detail))
            .collect()
    }

    fn town() -> Vec<crate::inventory::seen::SeenContainer> {
        vec![
            traefik(&[("shop", "10.0.2.2")]),
            app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000"),
            app("b", "post", &[("own", "10.0.3.3")], "post.example.com", "3000"),
        ]
    }

    const HOST: Option<&[&str]> = Some(&["127.0.0.1", "172.17.0.1", "203.0.113.7"]);

    #[test]
    fn one_of_each_destination_tries_the_proxys_doors_at_the_hosts_address() {
        let inventory = picture(town());
        let expected = [
            "own post → coolify-proxy 203.0.113.7:443",
            "own post → coolify-proxy 203.0.113.7:80",
            "shop web → coolify-proxy 203.0.113.7:443",
            "shop web → coolify-proxy 203.0.113.7:80",
        ];
        let mut told = planned(&inventory, HOST);
        told.sort();
        assert_eq!(told, expected);
    }

    #[test]
    fn nobody_is_sent_where_there_is_nothing_to_compare_with() {
        let inventory = picture(town());
        assert_eq!(planned(&inventory, None), [""; 0], "the exporter is not on the host's network");
        assert_eq!(planned(&inventory, Some(&["127.0.0.1"])), [""; 0], "no address that others know");
        let mut inside = town();
        for port in &mut inside[0].published {
            port.host_ip = Some([127, 0, 0, 1].into());
        }
        assert_eq!(planned(&picture(inside), HOST), [""; 0], "published to the host alone");
        let mut stopped = town();
        stopped[0].state = RunState::Exited;
        assert_eq!(planned(&picture(stopped), HOST), [""; 0]);
        assert_eq!(planned(&picture(town().split_off(1)), HOST), [""; 0], "no proxy");
    }
}
