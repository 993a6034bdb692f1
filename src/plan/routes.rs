//! Public rules: from the proxy to each backend, from the host through the proxy, from the destinations to the proxy.
//!
//! A route is walked in two steps, so that a fault has a place. From the proxy's own namespace each backend is asked at the very
//! address that the proxy dials, with the site's host: what fails there is the container's or the network's. From the
//! host the site is asked of the proxy's published port: what fails there alone is the proxy's. A destination that the
//! proxy is to serve asks for it as well.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::routes::{Backend, Door};
use crate::inventory::{Container, ContainerId, Place, Proxy, Route, RunState, WayIn};
use crate::namespace::Vantage;
use crate::outcome::{Detail, ProbeKey, ProbeKind, QueryType, Scheme};
use crate::probe::visit::Expect;
use crate::probe::{Accepts, Job, Spec};

use super::{Errand, HOST, View, published};

/// The most bytes of a page that are read: enough for a proxy's own pages, and a walk costs the app little.
const BODY_CAP: u64 = 16 * 1024;
/// Domains whose addresses are asked for.
const MOST_DOMAINS: usize = 200;
/// Where a domain leads changes rarely, and whoever is asked is not ours.
const EACH_MINUTE: Duration = Duration::from_secs(60);

/// The errands of all routes.
pub(super) fn errands(view: &View<'_>) -> Vec<Errand> {
    let mut errands = to_backends(view);
    errands.extend(through_doors(view));
    errands.extend(to_proxies(view));
    errands.extend(of_domains(view));
    errands
}

/// A proxy that runs, and its container.
fn running<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a Proxy, &'a Container)> {
    let inventory = view.inventory;
    let running = |proxy: &'a Proxy| Some((proxy, inventory.container(&proxy.container)?));
    inventory.proxies.iter().filter_map(running).filter(|(_, container)| container.state == RunState::Running)
}

/// Where a proxy's sockets are made.
fn vantage(view: &View<'_>, container: &Container) -> Vantage {
    if container.place == Place::Host {
        return view.host();
    }
    Vantage::Container(container.way_in.clone().unwrap_or(WayIn { sandbox: None, pid: None }))
}

fn request(
    key: ProbeKey,
    peer: SocketAddr,
    (host, path): (&Arc<str>, &Arc<str>),
    tls: bool,
    accepts: Accepts,
) -> Job {
    let spec =
        Spec::Http { peer, host: Arc::clone(host), path: Arc::clone(path), tls, body_cap: BODY_CAP, accepts };
    Job::new(key, spec)
}

/// From each proxy to the containers that it leads to.
fn to_backends(view: &View<'_>) -> Vec<Errand> {
    let mut errands = Vec::new();
    for (proxy, container) in running(view) {
        let mut jobs: BTreeMap<Arc<str>, Vec<Job>> = BTreeMap::new();
        let routes = view.inventory.routes.served.iter();
        for route in routes.filter(|route| route.proxy.as_ref() == Some(&proxy.container)) {
            for backend in &route.backends {
                // Ports on which a connection without a login does harm are left in peace, whoever names them.
                if backend.port.is_some_and(|port| view.probes.tcp_skip_ports.contains(&port)) {
                    continue;
                }
                let Some((destination, job)) = to_backend(proxy, route, backend) else { continue };
                jobs.entry(destination).or_default().push(job);
            }
        }
        for (destination, jobs) in jobs {
            let from = (Some(&container.id), vantage(view, container));
            errands.extend(view.errand(&destination, ProbeKind::Route, &proxy.name, from, in_order(jobs)));
        }
    }
    errands
}

/// Where the proxy dials it: an address that the proxy has no way to is tried too, for it says so.
fn to_backend(proxy: &Proxy, route: &Route, backend: &Backend) -> Option<(Arc<str>, Job)> {
    let spot = backend.spot()?;
    let destination = spot.destination.clone()?;
    let at = SocketAddr::new(spot.address, backend.port?);
    let key = ProbeKey {
        destination: Arc::clone(&destination),
        kind: ProbeKind::Route,
        source: Arc::clone(&proxy.name),
        target: Arc::clone(&backend.name),
        detail: Detail::Backend(Arc::clone(&route.site), at),
    };
    Some((destination, request(key, at, (&route.domain, &backend.path), backend.tls, Accepts::NoServerError)))
}

/// From the host to the proxy's doors, as somebody outside comes by.
fn through_doors(view: &View<'_>) -> Vec<Errand> {
    let host: Arc<str> = HOST.into();
    let mut jobs: BTreeMap<&Arc<str>, Vec<Job>> = BTreeMap::new();
    let proxies: BTreeMap<&ContainerId, &Container> = running(view).map(|(p, c)| (&p.container, c)).collect();
    let mut claimed: BTreeMap<&Arc<str>, BTreeSet<&str>> = BTreeMap::new();
    for route in &view.inventory.routes.served {
        claimed.entry(&route.domain).or_default().insert(&route.workload);
    }
    for route in &view.inventory.routes.served {
        let Some(destination) = &route.destination else { continue };
        let Some(proxy) = route.proxy.as_ref().and_then(|id| proxies.get(id)) else { continue };
        // A path that one deployer writes for the domain of another is no reason to ask that one for it.
        let is_alien = &*route.path != "/" && claimed.get(&route.domain).is_some_and(|all| all.len() > 1);
        // And where the proxy leads to nobody, whoever answers is somebody else.
        if is_alien || route.served().next().is_none() {
            continue;
        }
        for door in &route.doors {
            let Some(at) = at(view, proxy, door) else { continue };
            let scheme = if door.tls { Scheme::Https } else { Scheme::Http };
            let key = ProbeKey {
                destination: Arc::clone(destination),
                kind: ProbeKind::Route,
                source: Arc::clone(&host),
                target: Arc::clone(&route.workload),
                detail: Detail::Door(scheme, Arc::clone(&route.site), at),
            };
            // Whatever a plain request of ours gets where more is asked for, the proxy's own 404 is no failure.
            let sure = route.also.is_none() && route.unsure.is_empty();
            let accepts = if sure { Accepts::Site(route.kind) } else { Accepts::NoServerError };
            let job = request(key, at, (&route.domain, &route.path), door.tls, accepts);
            jobs.entry(destination).or_default().push(job);
        }
    }
    let errand = |(destination, jobs): (&Arc<str>, Vec<Job>)| {
        view.errand(destination, ProbeKind::Route, &host, (None, view.host()), in_order(jobs))
    };
    jobs.into_iter().filter_map(errand).collect()
}

/// Where the host reaches a door of a proxy: `None` where it is not published.
fn at(view: &View<'_>, proxy: &Container, door: &Door) -> Option<SocketAddr> {
    if proxy.place == Place::Host {
        return published::own(true, view.learned, view.inventory).map(|ip| SocketAddr::new(ip, door.port));
    }
    let tcp =
        proxy.published.iter().filter(|port| port.protocol == "tcp" && port.container_port == door.port);
    // The fourth version first: it is what nearly everybody comes by.
    let mut at: Vec<SocketAddr> =
        tcp.filter_map(|port| published::at(port, view.learned, view.inventory)).collect();
    at.sort_by_key(|at| (at.is_ipv6(), at.ip().is_loopback(), at.port()));
    at.into_iter().next()
}

/// From one container of each destination that a proxy is on to the proxy.
fn to_proxies(view: &View<'_>) -> Vec<Errand> {
    let mut errands = Vec::new();
    // Where neighbours are kept from each other on purpose the proxy is one as well.
    for destination in view.inventory.destinations.iter().filter(|on| !on.keeps_apart) {
        let mut jobs = Vec::new();
        for (proxy, container) in running(view).filter(|(_, container)| container.place == Place::Own) {
            let here = destination.endpoints.iter().find(|e| e.container == container.id);
            let Some(address) = here.and_then(|e| e.addresses.first()) else { continue };
            jobs.extend(entrances(proxy, container, *address).map(|(port, spec)| {
                Job::new(
                    ProbeKey {
                        destination: Arc::clone(&destination.name),
                        kind: ProbeKind::Proxy,
                        source: Arc::from(""),
                        target: here.map_or_else(|| Arc::clone(&proxy.name), |e| Arc::clone(&e.name)),
                        detail: Detail::Port(*address, port),
                    },
                    spec,
                )
            }));
        }
        if jobs.is_empty() {
            continue;
        }
        // One asks for all: what differs from container to container the mesh tells.
        let asks = |e: &&crate::inventory::Endpoint| {
            let container = view.inventory.container(&e.container);
            container.is_some_and(|c| c.state == RunState::Running && c.place == Place::Own && !c.is_proxy)
        };
        let Some(source) = destination.endpoints.iter().find(asks) else { continue };
        let Some(container) = view.inventory.container(&source.container) else { continue };
        for job in &mut jobs {
            job.key.source = Arc::clone(&source.name);
        }
        let from = (Some(&container.id), vantage(view, container));
        errands.extend(view.errand(&destination.name, ProbeKind::Proxy, &source.name, from, in_order(jobs)));
    }
    errands
}

/// Where the domains lead, asked of the proxy's own resolver: only where the operator says where they ought to.
fn of_domains(view: &View<'_>) -> Vec<Errand> {
    if view.probes.public_addresses.is_empty() {
        return Vec::new();
    }
    let mut errands = Vec::new();
    for (proxy, container) in running(view) {
        let Some(server) = container.resolver.servers.first() else { continue };
        let resolver = SocketAddr::new(*server, 53);
        let mut jobs: BTreeMap<&Arc<str>, Vec<Job>> = BTreeMap::new();
        let routes = view.inventory.routes.served.iter();
        for route in routes.filter(|route| route.proxy.as_ref() == Some(&proxy.container)).take(MOST_DOMAINS)
        {
            // A name without a dot is none of the internet's.
            let Some(destination) = route.destination.as_ref().filter(|_| route.domain.contains('.')) else {
                continue;
            };
            for (qtype, v4) in [(QueryType::A, true), (QueryType::Aaaa, false)] {
                if !view.probes.public_addresses.iter().any(|address| address.is_ipv4() == v4) {
                    continue;
                }
                let key = ProbeKey {
                    destination: Arc::clone(destination),
                    kind: ProbeKind::DnsExternal,
                    source: Arc::clone(&proxy.name),
                    target: Arc::clone(&route.domain),
                    detail: Detail::Name(Arc::clone(&route.domain), qtype),
                };
                let name: Arc<str> = format!("{}.", route.domain).into();
                let spec = Spec::Dns { resolver, name, qtype, expect: Expect::Any };
                jobs.entry(destination).or_default().push(Job::new(key, spec));
            }
        }
        for (destination, jobs) in jobs {
            let from = (Some(&container.id), vantage(view, container));
            let errand = view.errand(destination, ProbeKind::DnsExternal, &proxy.name, from, in_order(jobs));
            errands
                .extend(errand.map(|errand| Errand { interval: errand.interval.max(EACH_MINUTE), ..errand }));
        }
    }
    errands
}

/// What a proxy is asked at its ports that the host publishes: in the clear for its sign of life, where TLS is spoken
/// for a handshake.
fn entrances<'a>(
    proxy: &'a Proxy,
    container: &'a Container,
    address: IpAddr,
) -> impl Iterator<Item = (u16, Spec)> + 'a {
    let published =
        |port: u16| container.published.iter().any(|p| p.container_port == port && p.protocol == "tcp");
    let ports: BTreeSet<u16> =
        proxy.entrances.iter().map(|e| e.port).filter(|port| published(*port)).collect();
    ports.into_iter().map(move |port| {
        let peer = SocketAddr::new(address, port);
        let clear = proxy.entrances.iter().any(|e| e.port == port && !e.tls) && port != 443;
        let spec = if clear {
            Spec::Http {
                peer,
                host: Arc::clone(&proxy.name),
                path: "/ping".into(),
                tls: false,
                body_cap: BODY_CAP,
                accepts: Accepts::Anything,
            }
        } else {
            Spec::Tcp { peer }
        };
        (port, spec)
    })
}

fn in_order(mut jobs: Vec<Job>) -> Vec<Job> {
    jobs.sort_by(|a, b| a.key.cmp(&b.key));
    jobs.dedup_by(|a, b| a.key == b.key);
    jobs
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::{Learned, plan};
    use crate::config::Config;
    use crate::inventory::routes::tests::{app, picture, traefik};
    use crate::inventory::{Inventory, Place};
    use crate::outcome::ProbeKind;

    /// `kind source → target detail`, of proxies, routes and names outside.
    fn planned(inventory: &Inventory, learned: &Learned, public: &[[u8; 4]]) -> Vec<String> {
        let mut probes = Config::default().probes;
        probes.public_addresses = public.iter().map(|address| (*address).into()).collect();
        let plan = plan(inventory, learned, &probes);
        let wanted = [ProbeKind::Proxy, ProbeKind::Route, ProbeKind::DnsExternal];
        let keys = plan.keys().filter(|key| wanted.contains(&key.kind));
        let mut told: Vec<String> = keys
            .map(|key| format!("{} {} → {} {}", key.kind.as_label(), key.source, key.target, key.detail))
            .collect();
        told.sort();
        told
    }

    fn at_home() -> Learned {
        let addresses = ["127.0.0.1", "203.0.113.7"].map(|ip| ip.parse::<IpAddr>().unwrap());
        Learned { host: Some(addresses.into()), ..Learned::default() }
    }

    #[test]
    fn a_route_is_walked_from_the_proxy_and_from_the_host() {
        let inventory = picture(vec![
            traefik(&[("shop", "10.0.2.2")]),
            app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000"),
        ]);
        let walked = [
            "proxy web → coolify-proxy 10.0.2.2:443",
            "proxy web → coolify-proxy 10.0.2.2:80",
            "route coolify-proxy → web shop.example.com/ at 10.0.2.3:3000",
            "route host → web http://shop.example.com/ at 203.0.113.7:80",
        ];
        assert_eq!(planned(&inventory, &at_home(), &[]), walked);
        // Where a domain leads is asked where somebody said where it ought to.
        let asked = ["dns_external coolify-proxy → shop.example.com shop.example.com A"];
        let with = planned(&inventory, &at_home(), &[[203, 0, 113, 7]]);
        let expected: Vec<&str> = asked.into_iter().chain(walked).collect();
        assert_eq!(with, expected);
    }

    /// What the proxy itself does not reach there is a fault of its sites; that nobody else reaches it is none.
    #[test]
    fn where_neighbours_are_kept_apart_the_proxy_alone_walks() {
        let mut inventory = picture(vec![
            traefik(&[("shop", "10.0.2.2")]),
            app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000"),
        ]);
        inventory.destinations.iter_mut().for_each(|on| on.keeps_apart = true);
        let walked = [
            "route coolify-proxy → web shop.example.com/ at 10.0.2.3:3000",
            "route host → web http://shop.example.com/ at 203.0.113.7:80",
        ];
        assert_eq!(planned(&inventory, &at_home(), &[]), walked);
    }

    #[test]
    fn nobody_is_asked_who_is_no_part_of_the_inventory() {
        let inventory = picture(vec![
            traefik(&[("shop", "10.0.2.2")]),
            app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000"),
            // On no network, at no port, and on one that the proxy is not on.
            app("b", "lost", &[], "lost.example.com", "3000"),
            app("c", "portless", &[("shop", "10.0.2.5")], "portless.example.com", "99999"),
            app("d", "apart", &[("own", "10.0.3.5")], "apart.example.com", "3000"),
        ]);
        let plan = plan(&inventory, &at_home(), &Config::default().probes);
        let known: Vec<IpAddr> = inventory
            .endpoints()
            .flat_map(|(_, endpoint)| endpoint.addresses.iter().copied())
            .chain([IpAddr::from([203, 0, 113, 7])])
            .collect();
        let mut dialled = 0;
        for job in plan.errands.iter().filter(|e| e.kind == ProbeKind::Route).flat_map(|e| e.jobs.iter()) {
            let crate::probe::Spec::Http { peer, .. } = &job.spec else { panic!("{job:?}") };
            assert!(known.contains(&peer.ip()), "{job:?}");
            dialled += 1;
        }
        assert!(dialled >= 4, "{dialled}");
    }

    #[test]
    fn a_proxy_on_the_hosts_network_is_asked_at_the_host() {
        let mut proxy = traefik(&[]);
        (proxy.network_mode, proxy.published) = ("host".into(), Vec::new());
        let inventory =
            picture(vec![proxy, app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000")]);
        assert!(inventory.containers.values().any(|container| container.place == Place::Host));
        assert_eq!(
            planned(&inventory, &at_home(), &[]),
            [
                "route coolify-proxy → web shop.example.com/ at 10.0.2.3:3000",
                "route host → web http://shop.example.com/ at 203.0.113.7:80",
            ]
        );
    }
}
