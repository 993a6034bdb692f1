//! All claims of all containers, sorted by site.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::inventory::ids::ContainerId;
use crate::inventory::model::{Container, Place};
use crate::inventory::seen::SeenContainer;
use crate::proxy::{self, Doors, Kind, Labels, Leads, Rule};

use super::backend::{Dialled, backend};
use super::model::{Door, Entrance, Proxy, Refused, Route, Routes};
use super::place::{Chooser, Seat};
use super::rivals::{Clashing, clashing, rivals};

/// Sites that are looked at; a host with more is told how many are left out.
const MOST_ROUTES: usize = 2000;
/// Sites of one container that are looked at: whoever writes many labels must not push out the others.
const MOST_OF_ONE: usize = 256;
/// Labels that mean nothing to a proxy, of all containers, that are told.
const MOST_ODDITIES: usize = 32;
/// Containers of one route that are looked at.
const MOST_BACKENDS: usize = 64;

/// What routes are made of.
pub struct View<'a> {
    /// Whose labels are read: the Engine's containers, and tasks on other nodes where managers tell of them.
    pub seen: Vec<&'a SeenContainer>,
    /// What became of it.
    pub containers: &'a BTreeMap<ContainerId, Container>,
    /// Endpoint names.
    pub names: &'a BTreeMap<ContainerId, Arc<str>>,
    /// Where each container is.
    pub seats: &'a BTreeMap<ContainerId, Vec<Seat>>,
    /// The proxies of this host.
    pub proxies: &'a [Proxy],
    /// Containers that ought to run and do not, and on which destination they are missed.
    pub stopped: BTreeMap<&'a ContainerId, &'a Arc<str>>,
}

/// One rule of one container.
pub(super) struct Claim<'a> {
    pub(super) container: &'a Container,
    name: &'a Arc<str>,
    proxy: Option<&'a Proxy>,
    network: Option<Arc<str>>,
    pub(super) rule: Rule,
}

/// A claim, for one of its places.
pub(super) type Sited<'a> = (&'a Claim<'a>, &'a proxy::Place);

impl<'a> View<'a> {
    pub(super) fn seats(&self, container: &Container) -> &'a [Seat] {
        // What reaches the one whose network it uses reaches it.
        let whose = if let Place::SharedWith(other) = &container.place { other } else { &container.id };
        self.seats.get(whose).map_or(&[], Vec::as_slice)
    }

    /// The proxy that reads labels of this kind: one that runs and that visitors come to, before one that does not.
    fn proxy(&self, kind: Kind) -> Option<&'a Proxy> {
        let runs =
            |proxy: &&Proxy| self.containers.get(&proxy.container).is_some_and(|c| c.state.has_namespace());
        let of_kind = || self.proxies.iter().filter(|proxy| proxy.kind == Some(kind));
        // Others may have the Engine's socket too: the one that visitors come to is at the host's web ports.
        let holds_door = |proxy: &&Proxy| {
            self.containers.get(&proxy.container).is_some_and(|c| {
                c.place == Place::Host || c.published.iter().any(|port| matches!(port.host_port, 80 | 443))
            })
        };
        let first = of_kind().find(|proxy| runs(proxy) && holds_door(proxy));
        first.or_else(|| of_kind().find(runs)).or_else(|| of_kind().next())
    }

    fn serves(&self, route: &Route) -> bool {
        let proxy = route.proxy.as_ref().and_then(|id| self.containers.get(id));
        proxy.is_some_and(|proxy| proxy.state.has_namespace())
    }
}

/// The routes that labels ask for.
pub fn routes(view: &View<'_>) -> Routes {
    let kinds = kinds(view);
    let mut claims = Vec::new();
    let mut oddities = Vec::new();
    for one in view.seen.iter().copied() {
        let container = view.containers.get(&ContainerId::new(&one.id));
        let is_wanted = |c: &&Container| c.state.has_namespace() || view.stopped.contains_key(&c.id);
        let Some(container) = container.filter(is_wanted) else { continue };
        let Some(name) = view.names.get(&container.id) else { continue };
        for kind in &kinds {
            let proxy = view.proxy(*kind);
            let labels = read(*kind, one, proxy);
            let is_on =
                labels.enabled.unwrap_or_else(|| proxy.is_none_or(|proxy| proxy.serves_all != Some(false)));
            if is_on {
                let Labels { network, mut rules, portless, oddities: odd, .. } = labels;
                let room = MOST_ODDITIES.saturating_sub(oddities.len());
                oddities.extend(
                    odd.iter().take(room).map(|odd| format!("labels of {:?}: {odd}", &*container.name)),
                );
                if let Some(service) = portless.filter(|_| container.exposed_tcp.is_empty()) {
                    // Traefik asks for a port before it looks at any rule.
                    for rule in &mut rules {
                        rule.refused.get_or_insert_with(|| {
                            format!("the service {service} names no port, and the container exposes none")
                        });
                    }
                }
                claims.extend(rules.into_iter().map(|rule| Claim {
                    container,
                    name,
                    proxy,
                    network: network.clone(),
                    rule,
                }));
            }
        }
    }
    // In one order, whatever order the Engine lists them in.
    claims.sort_by(|a, b| (&a.container.id, &a.rule.name).cmp(&(&b.container.id, &b.rule.name)));
    // No proxy knows of what does not run: it takes no site from anybody.
    let (claims, asleep): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim: &Claim<'_>| claim.container.state.has_namespace());
    let clashing = clashing(&claims);
    let mut sites: BTreeMap<(Arc<str>, Kind), Vec<Sited<'_>>> = BTreeMap::new();
    let mut refused = Vec::new();
    let mut left_out = 0;
    let mut of_one: BTreeMap<&ContainerId, usize> = BTreeMap::new();
    for claim in &claims {
        let why = claim.rule.refused.clone().or_else(|| match &claim.rule.leads {
            // Traefik drops the router; Caddy answers by itself.
            Leads::Nowhere(why) if kind_of(claim) == Kind::Traefik => Some(why.clone()),
            Leads::Here(_) | Leads::Elsewhere(_) | Leads::Nowhere(_) => None,
        });
        if let Some(why) = why {
            refused.push(refusal(view, claim, why));
            continue;
        }
        // Where it leads to nothing of this container's there is nothing to walk to.
        if !matches!(claim.rule.leads, Leads::Here(_)) {
            continue;
        }
        for place in &claim.rule.places {
            let own = of_one.entry(&claim.container.id).or_default();
            if *own == MOST_OF_ONE {
                left_out += 1;
                continue;
            }
            *own += 1;
            sites.entry((site_of(place), kind_of(claim))).or_default().push((claim, place));
        }
    }
    let awake: BTreeSet<(Arc<str>, Kind)> = sites.keys().cloned().collect();
    for claim in asleep.iter().filter(|claim| is_led_here(claim)) {
        for place in &claim.rule.places {
            let site = (site_of(place), kind_of(claim));
            let own = of_one.entry(&claim.container.id).or_default();
            match *own {
                _ if awake.contains(&site) => {}
                MOST_OF_ONE => left_out += 1,
                _ => {
                    *own += 1;
                    sites.entry(site).or_default().push((claim, place));
                }
            }
        }
    }
    left_out += sites.len().saturating_sub(MOST_ROUTES);
    let served = sites.into_iter().take(MOST_ROUTES);
    let mut served: Vec<Route> =
        served.filter_map(|((site, kind), claims)| route(view, site, kind, &claims, &clashing)).collect();
    // Of a site that one proxy serves, what the labels ask of another that does not run is left over.
    let alive: BTreeSet<Arc<str>> =
        served.iter().filter(|route| view.serves(route)).map(|route| Arc::clone(&route.site)).collect();
    served.retain(|route| view.serves(route) || !alive.contains(&route.site));
    refused.sort_by(|a: &Refused, b| (&a.router, &a.container).cmp(&(&b.router, &b.container)));
    Routes { served, refused, left_out, oddities }
}

fn site_of(place: &proxy::Place) -> Arc<str> {
    format!("{}{}", place.host, place.path).into()
}

/// The rule is one that the proxy would take, and leads to the container itself.
fn is_led_here(claim: &Claim<'_>) -> bool {
    claim.rule.refused.is_none() && matches!(claim.rule.leads, Leads::Here(_))
}

/// Whose labels count: those of the proxies that are here. Coolify writes labels for both. Without any proxy it is
/// Traefik's, else Caddy's, that tell what ought to be served.
fn kinds(view: &View<'_>) -> Vec<Kind> {
    let here: BTreeSet<Kind> = view.proxies.iter().filter_map(|proxy| proxy.kind).collect();
    if !here.is_empty() {
        return here.into_iter().collect();
    }
    let asks = |kind: Kind| view.seen.iter().any(|one| !read(kind, one, None).rules.is_empty());
    [Kind::Traefik, Kind::Caddy].into_iter().find(|kind| asks(*kind)).into_iter().collect()
}

fn read(kind: Kind, one: &SeenContainer, proxy: Option<&Proxy>) -> Labels {
    match kind {
        Kind::Traefik => {
            let name = proxy::traefik::default_name(&one.labels, &one.name);
            let syntax = proxy.and_then(|proxy| proxy.syntax).unwrap_or(proxy::traefik::Syntax::Either);
            proxy::traefik::read_as(&one.labels, &name, syntax)
        }
        Kind::Caddy => proxy::caddy::read(&one.labels),
    }
}

pub(super) const fn kind_of(claim: &Claim<'_>) -> Kind {
    match claim.rule.doors {
        Doors::EntryPoints { .. } => Kind::Traefik,
        Doors::Site { .. } => Kind::Caddy,
    }
}

fn refusal(view: &View<'_>, claim: &Claim<'_>, why: String) -> Refused {
    let seats = view.seats(claim.container);
    Refused {
        router: Arc::clone(&claim.rule.name),
        container: claim.container.id.clone(),
        name: Arc::clone(claim.name),
        destination: seats.iter().find_map(|seat| seat.destination.clone()),
        written: Arc::clone(&claim.rule.written),
        why,
    }
}

fn route(
    view: &View<'_>,
    site: Arc<str>,
    kind: Kind,
    claims: &[Sited<'_>],
    clashing: &Clashing<'_>,
) -> Option<Route> {
    let (first, place) = claims.first()?;
    let mut backends = Vec::new();
    let mut doors: Vec<Door> = Vec::new();
    for (claim, place) in claims {
        for door in self::doors(&claim.rule, claim.proxy) {
            // Two claims of one door: whoever guards it may answer.
            match doors.iter_mut().find(|known| (known.tls, known.port) == (door.tls, door.port)) {
                Some(known) => known.guarded |= door.guarded,
                None => doors.push(door),
            }
        }
        let on = claim.proxy.map(|proxy| networks_of(view, proxy));
        let chooser = Chooser {
            kind,
            on: on.as_ref().and_then(Option::as_ref),
            network: claim.proxy.and_then(|proxy| proxy.network.as_deref()),
        };
        let dialled = Dialled {
            container: claim.container,
            name: claim.name,
            rule: &claim.rule,
            path: &place.path,
            seats: view.seats(claim.container),
            label: claim.network.as_ref(),
        };
        let Some(made) = backend(&dialled, &chooser, kind) else { continue };
        let same = |known: &super::Backend| known.container == made.container && known.port == made.port;
        if backends.len() < MOST_BACKENDS && !backends.iter().any(same) {
            backends.push(made);
        }
    }
    doors.sort_by_key(|door| (door.tls, door.port));
    let rivals = rivals((first, place), claims, clashing);
    let own = backends.iter().find_map(|backend| backend.spot().and_then(|spot| spot.destination.clone()));
    let missed = || view.stopped.get(&first.container.id).map(|on| Arc::clone(on));
    // One that is on no destination is told where its proxy is.
    let near = || {
        let container = view.containers.get(&first.proxy?.container)?;
        view.seats(container).iter().find_map(|seat| seat.destination.clone())
    };
    let destination = own.or_else(missed).or_else(near);
    let constrained = first.proxy.is_some_and(|proxy| proxy.has_constraints);
    let constrained =
        constrained.then(|| "the proxy takes only containers that meet its constraints".to_owned());
    Some(Route {
        site,
        domain: Arc::clone(&place.host),
        path: Arc::clone(&place.path),
        kind,
        proxy: first.proxy.map(|proxy| proxy.container.clone()),
        destination,
        workload: Arc::clone(&first.container.workload),
        doors,
        also: claims.iter().find_map(|(claim, _)| claim.rule.also.clone()).or(constrained),
        unsure: claims.iter().flat_map(|(claim, _)| claim.rule.unsure.iter().cloned()).collect(),
        backends,
        rivals,
    })
}

/// The networks that a proxy is on; `None`: it is on the host's.
fn networks_of(view: &View<'_>, proxy: &Proxy) -> Option<BTreeSet<crate::inventory::ids::NetworkId>> {
    let container = view.containers.get(&proxy.container)?;
    let seats = view.seats(container);
    (container.place != Place::Host).then(|| seats.iter().map(|seat| seat.id.clone()).collect())
}

/// Where a rule is served, as far as the proxy says where it listens.
fn doors(rule: &Rule, proxy: Option<&Proxy>) -> Vec<Door> {
    let door = |tls: bool, port: u16| Door { tls, port, guarded: rule.guarded };
    match &rule.doors {
        Doors::Site { tls, port } => vec![door(*tls, *port)],
        Doors::EntryPoints { names, tls } => {
            let entrances = proxy.map_or(&[][..], |proxy| &proxy.entrances);
            let wanted = |entrance: &&Entrance| {
                if names.is_empty() {
                    entrance.is_default
                } else {
                    names.iter().any(|name| **name == *entrance.name)
                }
            };
            let known = entrances.iter().filter(wanted);
            known.map(|entrance| door(*tls || entrance.tls, entrance.port)).collect()
        }
    }
}
