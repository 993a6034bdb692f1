//! What is otherwise in a later or another snapshot.
//!
//! A container that is deployed anew has another address, another id, and with Coolify another name: whatever is
//! different for that alone is kept apart. What is left is what somebody would miss, or has not asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use super::model::{Baseline, Endpoint, Network, Proxy, Published, Route};

/// What sort of difference it is: the label `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A network.
    Network,
    /// A subnet.
    Subnet,
    /// Who is on a network.
    Endpoint,
    /// A name, and to whom it leads.
    Name,
    /// A reverse proxy, and the networks that it is on.
    Proxy,
    /// A public site.
    Route,
    /// A published port.
    Port,
    /// An address or an id: another one after each start.
    Identity,
}

/// How it is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was there and is not any more.
    Gone,
    /// It is another one.
    Changed,
    /// It was not there.
    New,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Where; `None` where it is a matter of the host.
    pub destination: Option<String>,
    /// What sort.
    pub kind: Kind,
    /// Of what.
    pub subject: String,
    /// How.
    pub change: Change,
    /// As it was; empty where it was not.
    pub before: String,
    /// As it is; empty where it is not.
    pub after: String,
    /// It is so after each start or move, and nobody depends on it.
    pub expected: bool,
}

/// All that is different, by destination. The same two snapshots give the same list.
pub fn compare(old: &Baseline, new: &Baseline) -> Vec<Difference> {
    let proxies = old.proxies.iter().chain(&new.proxies).map(|proxy| proxy.name.clone()).collect();
    let mut found = Found { proxies, ..Found::default() };
    let (before, after) = (by(&old.networks, |n| &n.name), by(&new.networks, |n| &n.name));
    for (name, pair) in pairs(&before, &after) {
        found.at = Some(name.to_owned());
        match pair {
            (Some(old), Some(new)) => found.networks(old, new),
            (Some(old), None) => found.tell(Kind::Network, name, brief(old), String::new()),
            (None, Some(new)) => found.tell(Kind::Network, name, String::new(), brief(new)),
            (None, None) => {}
        }
    }
    found.at = None;
    // What a network that is gone had is gone with it, and told with it.
    let there: BTreeSet<&str> = after.keys().copied().collect();
    found.proxies(&old.proxies, &new.proxies, &there);
    found.routes(&old.routes, &new.routes);
    found.ports(&old.published, &new.published);
    found.all.sort();
    found.all.dedup();
    found.all
}

#[derive(Default)]
struct Found {
    all: Vec<Difference>,
    /// The destination that is compared.
    at: Option<String>,
    /// Where they are is told of them.
    proxies: BTreeSet<String>,
}

impl Found {
    fn tell(&mut self, kind: Kind, subject: &str, before: String, after: String) {
        self.add(kind, subject, before, after, false);
    }

    fn expect(&mut self, kind: Kind, subject: &str, before: String, after: String) {
        self.add(kind, subject, before, after, true);
    }

    fn add(&mut self, kind: Kind, subject: &str, before: String, after: String, expected: bool) {
        if before == after {
            return;
        }
        let change = match (before.is_empty(), after.is_empty()) {
            (false, true) => Change::Gone,
            (true, _) => Change::New,
            (false, false) => Change::Changed,
        };
        let destination = self.at.clone();
        self.all.push(Difference {
            destination,
            kind,
            subject: subject.to_owned(),
            change,
            before,
            after,
            expected,
        });
    }

    fn networks(&mut self, old: &Network, new: &Network) {
        self.expect(Kind::Identity, "id of the network", old.id.clone(), new.id.clone());
        self.tell(Kind::Network, "driver", old.driver.clone(), new.driver.clone());
        self.tell(Kind::Network, "scope", old.scope.clone(), new.scope.clone());
        self.tell(Kind::Network, "internal", old.internal.to_string(), new.internal.to_string());
        for (name, (before, after)) in pairs(&texts(&old.options), &texts(&new.options)) {
            // The Engine calls a bridge by the network's id where nobody chose its name.
            let is_made_up = name == BRIDGE_NAME && [before, after].into_iter().flatten().all(is_from_id);
            let of = |text: Option<&&str>| text.map_or_else(String::new, |text| said(text));
            self.add(Kind::Network, &format!("option {name}"), of(before), of(after), is_made_up);
        }
        for (name, (before, after)) in pairs(&texts(&old.labels), &texts(&new.labels)) {
            // Labels say who made a network, and with which version: nothing goes another way for it.
            let of = |text: Option<&&str>| text.map_or_else(String::new, |text| said(text));
            self.expect(Kind::Network, &format!("label {name}"), of(before), of(after));
        }
        self.subnets(old, new);
        self.endpoints(old, new);
        self.names(old, new);
    }

    fn subnets(&mut self, old: &Network, new: &Network) {
        let told = |network: &Network| -> Vec<String> {
            network
                .subnets
                .iter()
                .map(|of| match of.range {
                    Some(range) => format!("{} (addresses of {range})", of.subnet),
                    None => of.subnet.to_string(),
                })
                .collect()
        };
        let (before, after) = (told(old), told(new));
        // Whose address was chosen in it depends on the number.
        let depends = |endpoint: &&Endpoint| {
            let lost = |ip: &IpAddr| !new.subnets.iter().any(|of| of.subnet.contains(ip));
            endpoint.is_fixed && endpoint.addresses.iter().any(lost)
        };
        let fixed: Vec<&str> = old.endpoints.iter().filter(depends).map(|endpoint| &*endpoint.name).collect();
        self.add(Kind::Subnet, "subnet", before.join(", "), after.join(", "), fixed.is_empty());
        let gateways = |network: &Network| {
            let all: Vec<String> =
                network.subnets.iter().filter_map(|of| of.gateway).map(|ip| ip.to_string()).collect();
            all.join(", ")
        };
        self.expect(Kind::Identity, "gateway", gateways(old), gateways(new));
    }

    fn endpoints(&mut self, old: &Network, new: &Network) {
        let (before, after) = (by(&old.endpoints, |e| &e.name), by(&new.endpoints, |e| &e.name));
        for (name, pair) in pairs(&before, &after) {
            if self.proxies.contains(name) && (pair.0.is_none() || pair.1.is_none()) {
                continue;
            }
            match pair {
                (Some(old), Some(new)) => {
                    self.tell(Kind::Endpoint, name, standing(old).to_owned(), standing(new).to_owned());
                    let chosen = |of: &Endpoint| if of.is_fixed { addresses(of) } else { String::new() };
                    if old.is_fixed || new.is_fixed {
                        // One that does not run now has none, and may have the same again.
                        if runs(old) && runs(new) {
                            let subject = format!("fixed address of {name}");
                            self.tell(Kind::Endpoint, &subject, chosen(old), chosen(new));
                        }
                    } else {
                        self.expect(
                            Kind::Identity,
                            &format!("address of {name}"),
                            addresses(old),
                            addresses(new),
                        );
                    }
                    let (old, new) = (old.container.clone(), new.container.clone());
                    self.expect(Kind::Identity, &format!("container of {name}"), old, new);
                }
                (Some(old), None) => self.tell(Kind::Endpoint, name, standing(old).to_owned(), String::new()),
                (None, Some(new)) => self.tell(Kind::Endpoint, name, String::new(), standing(new).to_owned()),
                (None, None) => {}
            }
        }
    }

    /// To whom each name leads. Nobody knows the names of what does not run: these are not said to be lost.
    fn names(&mut self, old: &Network, new: &Network) {
        let resting: BTreeSet<&str> = new.endpoints.iter().filter(|e| !runs(e)).map(|e| &*e.name).collect();
        let rested: BTreeSet<&str> = old.endpoints.iter().filter(|e| !runs(e)).map(|e| &*e.name).collect();
        let (before, after) = (owners(old), owners(new));
        let none = BTreeSet::new();
        for (name, (old_owners, new_owners)) in pairs(&before, &after) {
            let (old_owners, new_owners) = (old_owners.unwrap_or(&none), new_owners.unwrap_or(&none));
            let lost: BTreeSet<&str> =
                old_owners.difference(new_owners).copied().filter(|owner| !resting.contains(owner)).collect();
            let gained: BTreeSet<&str> =
                new_owners.difference(old_owners).copied().filter(|owner| !rested.contains(owner)).collect();
            if lost.is_empty() && gained.is_empty() {
                continue;
            }
            let shown = |owners: &BTreeSet<&str>| owners.iter().copied().collect::<Vec<_>>().join(", ");
            self.tell(Kind::Name, name, shown(old_owners), shown(new_owners));
        }
    }

    fn proxies(&mut self, old: &[Proxy], new: &[Proxy], there: &BTreeSet<&str>) {
        let (before, after) = (by(old, |p| &p.name), by(new, |p| &p.name));
        let brief = |proxy: &Proxy| format!("on {}", list(&proxy.networks));
        for (name, pair) in pairs(&before, &after) {
            match pair {
                (Some(old), Some(new)) => {
                    let kind = |of: &Proxy| of.kind.clone().unwrap_or_default();
                    self.tell(Kind::Proxy, &format!("kind of {name}"), kind(old), kind(new));
                    let on = |of: &Proxy| -> BTreeSet<String> { of.networks.iter().cloned().collect() };
                    let (old, new) = (on(old), on(new));
                    for network in old.difference(&new).filter(|network| there.contains(&***network)) {
                        self.tell(Kind::Proxy, name, format!("on {network}"), String::new());
                    }
                    for network in new.difference(&old) {
                        self.tell(Kind::Proxy, name, String::new(), format!("on {network}"));
                    }
                }
                (Some(old), None) => self.tell(Kind::Proxy, name, brief(old), String::new()),
                (None, Some(new)) => self.tell(Kind::Proxy, name, String::new(), brief(new)),
                (None, None) => {}
            }
        }
    }

    fn routes(&mut self, old: &[Route], new: &[Route]) {
        let sites = |routes: &[Route]| -> BTreeMap<String, String> {
            let mut sites: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for route in routes {
                let site = if route.path == "/" {
                    route.domain.clone()
                } else {
                    format!("{}{}", route.domain, route.path)
                };
                sites.entry(site).or_default().push(served(route));
            }
            sites.into_iter().map(|(site, served)| (site, served.join("; "))).collect()
        };
        let (before, after) = (sites(old), sites(new));
        for (site, (old, new)) in pairs(&texts(&before), &texts(&after)) {
            let of = |text: Option<&&str>| text.map_or_else(String::new, ToString::to_string);
            self.tell(Kind::Route, site, of(old), of(new));
        }
    }

    fn ports(&mut self, old: &[Published], new: &[Published]) {
        let ports = |ports: &[Published]| -> BTreeMap<String, String> {
            let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for port in ports {
                let at = match port.host_ip {
                    Some(IpAddr::V6(ip)) => format!("[{ip}]:{}/{}", port.host_port, port.protocol),
                    Some(ip) => format!("{ip}:{}/{}", port.host_port, port.protocol),
                    None => format!("{}/{}", port.host_port, port.protocol),
                };
                all.entry(at).or_default().insert(format!("{} port {}", port.workload, port.container_port));
            }
            all.into_iter().map(|(at, to)| (at, to.into_iter().collect::<Vec<_>>().join("; "))).collect()
        };
        let (before, after) = (ports(old), ports(new));
        for (port, (old, new)) in pairs(&texts(&before), &texts(&after)) {
            let of = |text: Option<&&str>| text.map_or_else(String::new, ToString::to_string);
            self.tell(Kind::Port, port, of(old), of(new));
        }
    }
}

const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// `br-` and twelve digits.
fn is_from_id(name: &&str) -> bool {
    name.strip_prefix("br-").is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// That there is one with nothing in it is not that there is none.
fn said(text: &str) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() }
}

fn brief(network: &Network) -> String {
    let subnets: Vec<String> = network.subnets.iter().map(|of| of.subnet.to_string()).collect();
    let names: Vec<String> = network.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
    format!("{} {}, with {}", network.driver, subnets.join(", "), list(&names))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

fn runs(endpoint: &Endpoint) -> bool {
    !endpoint.addresses.is_empty()
}

fn standing(endpoint: &Endpoint) -> &'static str {
    if runs(endpoint) { "runs" } else { "does not run" }
}

fn addresses(endpoint: &Endpoint) -> String {
    endpoint.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn served(route: &Route) -> String {
    let mut text = format!("{} by {}", route.schemes.join(" and "), route.workload);
    if let Some(port) = route.port {
        text.push_str(&format!(" port {port}"));
    }
    if let Some(destination) = &route.destination {
        text.push_str(&format!(" on {destination}"));
    }
    text
}

fn owners(network: &Network) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for endpoint in &network.endpoints {
        for name in &endpoint.names {
            owners.entry(name).or_default().insert(&endpoint.name);
        }
    }
    owners
}

/// A file that was changed by hand may have two of one name: the first counts.
fn by<'a, T>(all: &'a [T], name: impl Fn(&'a T) -> &'a str) -> BTreeMap<&'a str, &'a T> {
    let mut map = BTreeMap::new();
    for one in all {
        map.entry(name(one)).or_insert(one);
    }
    map
}

fn texts(map: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    map.iter().map(|(name, text)| (&**name, &**text)).collect()
}

/// What is under each key here and there, in order.
fn pairs<'m, 'k, T>(
    old: &'m BTreeMap<&'k str, T>,
    new: &'m BTreeMap<&'k str, T>,
) -> impl Iterator<Item = (&'k str, (Option<&'m T>, Option<&'m T>))> + use<'m, 'k, T> {
    let keys: BTreeSet<&'k str> = old.keys().chain(new.keys()).copied().collect();
    keys.into_iter().map(move |key| (key, (old.get(key), new.get(key))))
}
