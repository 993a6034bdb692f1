//! What is otherwise in a later or another snapshot.
//!
//! A container that is deployed anew has another address, another id, and with Coolify another name: whatever is
//! different for that alone is kept apart. What is left is what somebody would miss, or has not asked for.
//!
//! What a Swarm's managers choose is neither: of a service nothing is missed, and nothing is new, where its tasks are on this
//! node in one of the two snapshots only, nor is it ever how many they are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::difference::{Change, Comparison, Difference, Kind};
use super::model::{Baseline, Network, Proxy, Published, Route, Workload};

/// More differences than anybody reads: two files of strangers may have any number. So many of those that matter, and so many
/// of the others: with time everything has been deployed anew, and what matters must have room beside that.
pub(super) const MOST: usize = 1000;
/// And so many of a list are named in one.
const NAMED: usize = 100;

/// What is different, by destination. The same two snapshots give the same list.
pub fn compare(old: &Baseline, new: &Baseline) -> Comparison {
    let proxies = old.proxies.iter().chain(&new.proxies).map(|proxy| &*proxy.name).collect();
    let mut found = Found {
        told: Comparison::default(),
        at: None,
        proxies,
        tasks: Tasks::of(old, new),
        room: MOST,
        expected_room: MOST,
    };
    let (before, after) = (by(&old.networks, |n| &n.name), by(&new.networks, |n| &n.name));
    for (name, pair) in pairs(&before, &after) {
        found.at = Some(name);
        match pair {
            (Some(old), Some(new)) => found.networks(old, new),
            (Some(old), None) => {
                let expected = found.tasks.are_alone_on(old);
                found.add(Kind::Network, name, brief(old), String::new(), expected);
            }
            (None, Some(new)) => {
                let expected = found.tasks.are_alone_on(new);
                found.add(Kind::Network, name, String::new(), brief(new), expected);
            }
            (None, None) => {}
        }
    }
    found.at = None;
    // What a network that is gone had is gone with it, and told with it.
    found.proxies(old, new, &before, &after);
    found.sites(old, new);
    found.ports(&old.published, &new.published);
    found.told.differences.sort();
    found.told
}

struct Found<'a> {
    told: Comparison,
    /// So many more are kept that matter.
    room: usize,
    /// And so many that do not.
    expected_room: usize,
    /// The destination that is compared.
    at: Option<&'a str>,
    /// Where they are is told of them.
    proxies: BTreeSet<&'a str>,
    /// What managers chose.
    tasks: Tasks<'a>,
}

/// Services of a Swarm, by where their tasks are.
struct Tasks<'a> {
    /// On this node, in one of the two at least.
    any: BTreeSet<&'a str>,
    /// In both.
    both: BTreeSet<&'a str>,
}

impl<'a> Tasks<'a> {
    fn of(old: &'a Baseline, new: &'a Baseline) -> Self {
        let here = |of: &'a Baseline| -> BTreeSet<&'a str> {
            of.swarm.iter().flat_map(|node| &node.tasks).map(|name| &**name).collect()
        };
        let (then, now) = (here(old), here(new));
        Self { any: then.union(&now).copied().collect(), both: then.intersection(&now).copied().collect() }
    }

    fn is_task(&self, name: &str) -> bool {
        self.any.contains(name)
    }

    /// Managers have its tasks elsewhere, in one of the two.
    fn are_elsewhere(&self, name: &str) -> bool {
        self.any.contains(name) && !self.both.contains(name)
    }

    /// An overlay is on a node while something is on it there: with nobody but tasks on it that is the managers' choice.
    fn are_alone_on(&self, network: &Network) -> bool {
        network.scope == SWARM && network.workloads.iter().all(|of| self.is_task(&of.name))
    }
}

impl<'a> Found<'a> {
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
        let (room, left_out) = if expected {
            (&mut self.expected_room, &mut self.told.expected_left_out)
        } else {
            *self.told.counts.entry((self.at.map(str::to_owned), kind)).or_default() += 1;
            (&mut self.room, &mut self.told.left_out)
        };
        let Some(less) = room.checked_sub(1) else {
            *left_out += 1;
            return;
        };
        *room = less;
        let change = match (before.is_empty(), after.is_empty()) {
            (false, true) => Change::Gone,
            (true, _) => Change::New,
            (false, false) => Change::Changed,
        };
        let (destination, subject) = (self.at.map(str::to_owned), subject.to_owned());
        self.told.differences.push(Difference {
            destination,
            kind,
            subject,
            change,
            before,
            after,
            expected,
        });
    }

    fn networks(&mut self, old: &'a Network, new: &'a Network) {
        self.expect(Kind::Identity, "id of the network", old.id.clone(), new.id.clone());
        self.tell(Kind::Network, "driver", old.driver.clone(), new.driver.clone());
        self.tell(Kind::Network, "scope", old.scope.clone(), new.scope.clone());
        self.tell(Kind::Network, "internal", old.internal.to_string(), new.internal.to_string());
        for (name, (before, after)) in pairs(&texts(&old.options), &texts(&new.options)) {
            // The Engine calls a bridge by the network's id where nobody chose its name, and numbers overlays as they come.
            let is_made_up = name == VXLAN_IDS
                || name == BRIDGE_NAME && [before, after].into_iter().flatten().all(is_from_id);
            let of = |text: Option<&&str>| text.map_or_else(String::new, |text| said(text));
            self.add(Kind::Network, &format!("option {name}"), of(before), of(after), is_made_up);
        }
        for (name, (before, after)) in pairs(&texts(&old.labels), &texts(&new.labels)) {
            // Labels say who made a network, and with which version: nothing goes another way for it.
            let of = |text: Option<&&str>| text.map_or_else(String::new, |text| said(text));
            self.expect(Kind::Network, &format!("label {name}"), of(before), of(after));
        }
        self.subnets(old, new);
        self.workloads(old, new);
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
        let families = |network: &Network| -> BTreeSet<bool> {
            network.subnets.iter().map(|of| of.subnet.addr().is_ipv4()).collect()
        };
        // Who chose an address in it depends on the number. Of one that does not run it is not known which.
        let lost = |ip: &IpAddr| !new.subnets.iter().any(|of| of.subnet.contains(ip));
        let depends = |of: &Workload| of.is_fixed && (of.stopped > 0 || of.addresses.iter().any(lost));
        let expected = families(old) == families(new) && !old.workloads.iter().any(depends);
        self.add(Kind::Subnet, "subnet", before.join(", "), after.join(", "), expected);
        let gateways = |network: &Network| {
            let all: Vec<String> =
                network.subnets.iter().filter_map(|of| of.gateway).map(|ip| ip.to_string()).collect();
            all.join(", ")
        };
        self.expect(Kind::Identity, "gateway", gateways(old), gateways(new));
    }

    fn workloads(&mut self, old: &'a Network, new: &'a Network) {
        let (before, after) = (by(&old.workloads, |of| &of.name), by(&new.workloads, |of| &of.name));
        for (name, pair) in pairs(&before, &after) {
            match pair {
                (Some(old), Some(new)) => {
                    // That one lost its network is nobody's choice.
                    let is_choice = self.tasks.is_task(name) && (old.detached == 0) == (new.detached == 0);
                    self.add(Kind::Workload, name, standing(old), standing(new), is_choice);
                    // Of who does not run, or of whom not all could be read, that is not known.
                    let is_known = |of: &Workload| of.running > 0 && !of.has_more_names;
                    if (old.is_fixed || new.is_fixed) && is_known(old) && is_known(new) {
                        let chosen = |of: &Workload| if of.is_fixed { addresses(of) } else { String::new() };
                        let subject = format!("fixed address of {name}");
                        self.tell(Kind::Workload, &subject, chosen(old), chosen(new));
                    } else {
                        let subject = format!("address of {name}");
                        self.expect(Kind::Identity, &subject, addresses(old), addresses(new));
                    }
                    let subject = format!("container of {name}");
                    let (old, new) = (list(&old.containers), list(&new.containers));
                    self.expect(Kind::Identity, &subject, old, new);
                }
                // Where a proxy is is told of it.
                _ if self.proxies.contains(name) => {}
                (Some(old), None) => {
                    let is_choice = self.tasks.are_elsewhere(name);
                    self.add(Kind::Workload, name, standing(old), String::new(), is_choice);
                }
                (None, Some(new)) => {
                    let is_choice = self.tasks.are_elsewhere(name);
                    self.add(Kind::Workload, name, String::new(), standing(new), is_choice);
                }
                (None, None) => {}
            }
        }
    }

    /// To whom each name leads. Whose names could not be read has lost none, and gained none; and the names of who is gone are
    /// gone with it, and told with it, unless they lead to another one.
    fn names(&mut self, old: &Network, new: &Network) {
        let unclear = |network: &'_ Network| -> BTreeSet<String> {
            let is_unclear = |of: &&Workload| of.has_more_names || of.running == 0 && of.stopped == 0;
            network.workloads.iter().filter(is_unclear).map(|of| of.name.clone()).collect()
        };
        let (then, now) = (unclear(old), unclear(new));
        let (before, after) = (owners(old), owners(new));
        let all = |network: &'_ Network| -> BTreeSet<String> {
            network.workloads.iter().map(|of| of.name.clone()).collect()
        };
        let (there, later) = (all(old), all(new));
        let none = BTreeSet::new();
        for (name, (was, is)) in pairs(&before, &after) {
            let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
            let is_alone = was.is_empty() || is.is_empty();
            let counts = |owner: &str| {
                !self.tasks.are_elsewhere(owner)
                    && (!is_alone || (there.contains(owner) && later.contains(owner)))
            };
            let lost = was.difference(is).any(|owner| !now.contains(*owner) && counts(owner));
            let gained = is.difference(was).any(|owner| !then.contains(*owner) && counts(owner));
            if lost || gained {
                self.tell(Kind::Name, name, list(was), list(is));
            }
        }
    }

    fn proxies(
        &mut self,
        old: &'a Baseline,
        new: &'a Baseline,
        was: &BTreeMap<&str, &Network>,
        is: &BTreeMap<&str, &Network>,
    ) {
        let (before, after) = (by(&old.proxies, |p| &p.name), by(&new.proxies, |p| &p.name));
        let on = |network: &str, networks: &BTreeMap<&str, &Network>| {
            networks.get(network).map_or_else(|| network.to_owned(), |known| called(known))
        };
        let brief = |proxy: &Proxy, networks: &BTreeMap<&str, &Network>| {
            if proxy.networks.is_empty() {
                return "on no network".to_owned();
            }
            let all: Vec<String> = proxy.networks.iter().map(|network| on(network, networks)).collect();
            format!("on {}", list(&all))
        };
        for (name, pair) in pairs(&before, &after) {
            let is_choice = self.tasks.are_elsewhere(name);
            let mut add = |subject: &str, before: String, after: String| {
                self.add(Kind::Proxy, subject, before, after, is_choice);
            };
            match pair {
                (Some(old), Some(new)) => {
                    let kind = |of: &Proxy| of.kind.clone().unwrap_or_default();
                    add(&format!("kind of {name}"), kind(old), kind(new));
                    let all = |of: &'a Proxy| -> BTreeSet<&'a str> {
                        of.networks.iter().map(|network| &**network).collect()
                    };
                    let (old, new) = (all(old), all(new));
                    for network in old.difference(&new).filter(|network| is.contains_key(**network)) {
                        add(name, format!("on {}", on(network, was)), String::new());
                    }
                    for network in new.difference(&old) {
                        add(name, String::new(), format!("on {}", on(network, is)));
                    }
                }
                (Some(old), None) => add(name, brief(old, was), String::new()),
                (None, Some(new)) => add(name, String::new(), brief(new, is)),
                (None, None) => {}
            }
        }
    }

    fn sites(&mut self, old: &Baseline, new: &Baseline) {
        // A node sees what services ask for where managers tell it, and where the proxy is that leads there.
        let leads = |of: &Baseline, route: &Route| {
            let is_on =
                |proxy: &Proxy| route.destination.as_ref().is_none_or(|on| proxy.networks.contains(on));
            of.swarm.as_ref().is_none_or(|node| node.knows_services) && of.proxies.iter().any(is_on)
        };
        let counts = |route: &Route| {
            if route.of_services {
                return leads(old, route) && leads(new, route);
            }
            let mut servers = route.servers.iter().map(|server| &*server.workload);
            servers.len() == 0 || servers.any(|name| !self.tasks.are_elsewhere(name))
        };
        let sites = |routes: &[Route]| {
            grouped(routes.iter().map(|route| {
                let path = if route.path == "/" { "" } else { &*route.path };
                (format!("{}{path}", route.domain), served(route), counts(route))
            }))
        };
        let (before, after) = (sites(&old.routes), sites(&new.routes));
        self.lists(Kind::Route, &before, &after);
    }

    fn ports(&mut self, old: &[Published], new: &[Published]) {
        let ports = |ports: &[Published]| {
            grouped(ports.iter().map(|port| {
                let Published { host_ip, host_port, protocol, workload, container_port } = port;
                let counts = !self.tasks.are_elsewhere(workload);
                let at = host_ip.map_or_else(String::new, |ip| match ip {
                    IpAddr::V6(ip) => format!("[{ip}]:"),
                    IpAddr::V4(ip) => format!("{ip}:"),
                });
                match host_port {
                    Some(host_port) => (
                        format!("{at}{host_port}/{protocol}"),
                        format!("{workload} port {container_port}"),
                        counts,
                    ),
                    // Whichever is free: it is known by where it leads.
                    None => (
                        format!("{workload} port {container_port}/{protocol}"),
                        format!("{at}any port of the host"),
                        counts,
                    ),
                }
            }))
        };
        let (before, after) = (ports(old), ports(new));
        self.lists(Kind::Port, &before, &after);
    }

    fn lists(&mut self, kind: Kind, before: &BTreeMap<String, Listed>, after: &BTreeMap<String, Listed>) {
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let none = Listed::default();
        for name in keys {
            let (old, new) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
            let is_choice = old.counting == new.counting;
            self.add(kind, name, list(&old.all), list(&new.all), is_choice);
        }
    }
}

/// What is said of one thing.
#[derive(Default)]
struct Listed {
    all: BTreeSet<String>,
    /// Without what managers chose.
    counting: BTreeSet<String>,
}

/// All of it, by what it is said of.
fn grouped(all: impl Iterator<Item = (String, String, bool)>) -> BTreeMap<String, Listed> {
    let mut map: BTreeMap<String, Listed> = BTreeMap::new();
    for (name, text, counts) in all {
        let of = map.entry(name).or_default();
        if counts {
            of.counting.insert(text.clone());
        }
        of.all.insert(text);
    }
    map
}

/// The scope of what spans hosts.
pub(super) const SWARM: &str = "swarm";
const VXLAN_IDS: &str = "com.docker.network.driver.overlay.vxlanid_list";
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// `br-` and twelve digits.
fn is_from_id(name: &&str) -> bool {
    name.strip_prefix("br-").is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// That there is one with nothing in it is not that there is none.
fn said(text: &str) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() }
}

/// As alerts and reports write it: what a person calls it stands behind the label value.
pub(super) fn called(network: &Network) -> String {
    if network.display_name == network.name {
        network.name.clone()
    } else {
        format!("{} ({})", network.name, network.display_name)
    }
}

fn brief(network: &Network) -> String {
    let subnets: Vec<String> = network.subnets.iter().map(|of| of.subnet.to_string()).collect();
    let names: Vec<&str> = network.workloads.iter().map(|of| &*of.name).collect();
    let who = if names.is_empty() { "nobody".to_owned() } else { list(&names) };
    format!("{} {}, with {who}", network.driver, list(&subnets))
}

/// The first few, and how many more.
fn list<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> String {
    let mut all = all.into_iter();
    let mut text = String::new();
    for one in all.by_ref().take(NAMED) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(one.as_ref());
    }
    match all.count() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// `2 run, 1 does not`.
fn standing(of: &Workload) -> String {
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(one.to_owned()),
        _ => Some(format!("{count} {many}")),
    };
    let parts = [
        counted(of.running, "runs", "run"),
        counted(of.stopped, "does not run", "do not run"),
        counted(of.detached, "runs and is not attached", "run and are not attached"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn addresses(of: &Workload) -> String {
    list(of.addresses.iter().map(ToString::to_string))
}

fn served(route: &Route) -> String {
    let servers = route.servers.iter().map(|server| match server.port {
        Some(port) => format!("{} port {port}", server.workload),
        None => server.workload.clone(),
    });
    let (schemes, servers) = (route.schemes.join(" and "), list(servers));
    let on = route.destination.as_ref().map_or_else(String::new, |on| format!(" on {on}"));
    if schemes.is_empty() { format!("by {servers}{on}") } else { format!("{schemes} by {servers}{on}") }
}

fn owners(network: &Network) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for of in &network.workloads {
        for name in &of.names {
            owners.entry(name).or_default().insert(&of.name);
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
