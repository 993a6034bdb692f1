//! The host's own namespace: sysctls, connection tracking, neighbours, bridges and routes. The packet filter is next door.
//!
//! Sources: Linux `Documentation/networking/ip-sysctl.rst` and `nf_conntrack-sysctl.rst`, `linux/rtnetlink.h`.
//! `/proc/sys/net` shows the settings of the namespace of whoever reads, `/proc/thread-self/net/stat` the tables'
//! counters; files that are of the whole machine alone are missing elsewhere, and then nothing is said.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::netstack::{Bridge, Conntrack, Forwarding, Host, Neighbours, Way};

use super::inside::Inside;
use super::netlink::{self, attributes, u32_at};
use super::procnet;

/// A host has a bridge and a pair of interfaces for each container.
const MOST_LINKS: usize = 8192;
/// More than a host has that does not take part in routing for the Internet.
const MOST_WAYS: usize = 1024;

// From linux/rtnetlink.h and linux/if_link.h.
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const IFINFOMSG: usize = 16;
/// `struct rtmsg`: family, length of the destination, …, table at 4, protocol, scope, type at 7, flags.
const RTMSG: usize = 12;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTN_UNICAST: u8 = 1;
const RT_TABLE_MAIN: u8 = 254;

impl Inside {
    /// This namespace as a host; what cannot be read is left out.
    pub fn host(&self) -> Host {
        self.host_and_uplinks().0
    }

    /// And the numbers of the interfaces that packets leave by for everywhere else.
    pub(super) fn host_and_uplinks(&self) -> (Host, Vec<u32>) {
        let links = links(self).ok();
        let (firewall, firewall_unread) = match self.firewall() {
            Ok(firewall) => (Some(firewall), None),
            Err(error) => (None, Some(why(&error))),
        };
        let host = Host {
            forwarding: Forwarding {
                ipv4: setting("ipv4/ip_forward").map(is_on),
                ipv6: setting("ipv6/conf/all/forwarding").map(is_on),
            },
            bridge_netfilter: setting("bridge/bridge-nf-call-iptables").map(is_on),
            conntrack: conntrack(),
            neighbours: neighbours(),
            bridges: links.as_deref().map(bridges),
            ways: links.as_deref().and_then(|links| ways(self, links).ok()),
            firewall,
            firewall_unread,
        };
        let out = host.ways.iter().flatten().filter(|way| way.to.prefix_len() == 0);
        let number =
            |way: &Way| links.iter().flatten().find(|link| link.name == way.by).map(|link| link.index);
        let uplinks = out.filter_map(number).collect();
        (host, uplinks)
    }
}

fn why(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "CAP_NET_ADMIN is missing".to_owned(),
        _ => error.to_string(),
    }
}

const fn is_on(value: u64) -> bool {
    value != 0
}

/// One number of `/proc/sys/net`.
fn setting(path: &str) -> Option<u64> {
    procnet::setting(path)?.trim().parse().ok()
}

fn conntrack() -> Option<Conntrack> {
    Some(Conntrack {
        entries: setting("netfilter/nf_conntrack_count")?,
        limit: setting("netfilter/nf_conntrack_max")?,
        // Of entries that were taken for dead to make room nobody loses a packet.
        drops: procnet::read("stat/nf_conntrack").ok().and_then(|text| counted(&text, "drop")),
    })
}

fn neighbours() -> Option<Neighbours> {
    let text = procnet::read("stat/arp_cache").ok()?;
    Some(Neighbours {
        // The same in each line: the table is one.
        entries: column(&text, "entries").next()?,
        limit: setting("ipv4/neigh/default/gc_thresh3")?,
        refused: counted(&text, "table_fulls").unwrap_or_default(),
    })
}

/// The sum of a column over all CPUs; `None` where there is none of the name.
pub(super) fn counted(text: &str, name: &str) -> Option<u64> {
    column(text, name).reduce(u64::saturating_add)
}

/// A line of names, then a line of hexadecimal numbers for each CPU.
fn column<'a>(text: &'a str, name: &str) -> impl Iterator<Item = u64> + 'a {
    let mut lines = text.lines();
    let place = lines.next().and_then(|names| names.split_ascii_whitespace().position(|word| word == name));
    lines.filter_map(move |line| u64::from_str_radix(line.split_ascii_whitespace().nth(place?)?, 16).ok())
}

/// An interface as a part of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    index: u32,
    name: String,
    mtu: u32,
    /// The number of the bridge that it is a port of.
    master: Option<u32>,
    is_bridge: bool,
}

fn links(inside: &Inside) -> io::Result<Vec<Link>> {
    let socket = inside.netlink(libc::NETLINK_ROUTE)?;
    let mut found = Vec::new();
    netlink::dump(&socket, RTM_GETLINK, &[0; IFINFOMSG], 1, |kind, message| {
        if kind == RTM_NEWLINK {
            found.extend(link(message));
        }
        found.len() < MOST_LINKS
    })?;
    Ok(found)
}

/// `RTM_NEWLINK`.
pub(super) fn link(message: &[u8]) -> Option<Link> {
    let mut link = Link { index: u32_at(message, 4)?, ..Link::default() };
    for (kind, value) in attributes(message.get(IFINFOMSG..)?) {
        match kind {
            IFLA_IFNAME => link.name = text(value),
            IFLA_MTU => link.mtu = u32_at(value, 0)?,
            IFLA_MASTER => link.master = u32_at(value, 0),
            IFLA_LINKINFO => {
                link.is_bridge =
                    attributes(value).any(|(kind, value)| kind == IFLA_INFO_KIND && text(value) == "bridge");
            }
            _ => {}
        }
    }
    (!link.name.is_empty()).then_some(link)
}

/// Up to the zero that ends it.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

pub(super) fn bridges(links: &[Link]) -> BTreeMap<String, Bridge> {
    let mut ports: BTreeMap<u32, u32> = BTreeMap::new();
    for master in links.iter().filter_map(|link| link.master) {
        *ports.entry(master).or_default() += 1;
    }
    let bridge = |link: &Link| Bridge { mtu: link.mtu, ports: ports.get(&link.index).copied().unwrap_or(0) };
    links.iter().filter(|link| link.is_bridge).map(|link| (link.name.clone(), bridge(link))).collect()
}

fn ways(inside: &Inside, links: &[Link]) -> io::Result<Vec<Way>> {
    let socket = inside.netlink(libc::NETLINK_ROUTE)?;
    let mut found = Vec::new();
    netlink::dump(&socket, RTM_GETROUTE, &[0; RTMSG], 1, |kind, message| {
        if kind == RTM_NEWROUTE {
            found.extend(way(message, links));
        }
        found.len() < MOST_WAYS
    })?;
    Ok(found)
}

/// `RTM_NEWROUTE` of the table that ordinary packets meet, to somewhere else than the host itself.
pub(super) fn way(message: &[u8], links: &[Link]) -> Option<Way> {
    let (family, length) = (i32::from(*message.first()?), *message.get(1)?);
    let (table, kind) = (*message.get(4)?, *message.get(7)?);
    if table != RT_TABLE_MAIN || kind != RTN_UNICAST {
        return None;
    }
    let (mut to, mut by) = (None, None);
    for (kind, value) in attributes(message.get(RTMSG..)?) {
        match kind {
            RTA_DST => to = Some(value),
            RTA_OIF => by = u32_at(value, 0),
            _ => {}
        }
    }
    let address: IpAddr = match (family, to) {
        (libc::AF_INET, Some(to)) => <[u8; 4]>::try_from(to).ok()?.into(),
        (libc::AF_INET6, Some(to)) => <[u8; 16]>::try_from(to).ok()?.into(),
        (libc::AF_INET, None) => [0_u8; 4].into(),
        (libc::AF_INET6, None) => [0_u8; 16].into(),
        _ => return None,
    };
    let link = links.iter().find(|link| Some(link.index) == by)?;
    Some(Way { to: IpNet::new(address, length).ok()?.trunc(), by: link.name.clone(), mtu: link.mtu })
}

#[cfg(test)]
mod tests {
    use super::super::Hopper;
    use super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn counters_of_all_cpus_are_one_and_hexadecimal() {
        let text = "entries  searched found new drop early_drop\n00000107 0 0 0 0000000a 1\n00000107 0 0 0 00000006 0\n";
        assert_eq!(counted(text, "drop"), Some(16));
        assert_eq!(column(text, "entries").next(), Some(0x107));
        assert_eq!(counted(text, "insert"), None, "a kernel that has no such column");
        assert_eq!(counted("", "drop"), None);
        assert_eq!(counted("drop\nnothing\n", "drop"), None);
    }

    /// What the kernel says of a host that was made for it.
    #[tokio::test]
    async fn a_host_is_read_as_it_is() {
        let host = Scratch::new();
        host.ip(&["link", "add", "br-shop", "type", "bridge"]);
        host.ip(&["link", "add", "eth0", "mtu", "1450", "type", "veth", "peer", "name", "far"]);
        host.ip(&["link", "add", "one", "type", "veth", "peer", "name", "two"]);
        for port in ["one", "two"] {
            host.ip(&["link", "set", port, "mtu", "1400", "master", "br-shop"]);
        }
        host.ip(&["addr", "add", "10.8.1.1/24", "dev", "br-shop"]);
        host.ip(&["addr", "add", "192.0.2.9/24", "dev", "eth0"]);
        for link in ["br-shop", "eth0"] {
            host.ip(&["link", "set", link, "up"]);
        }
        host.ip(&["route", "add", "default", "via", "192.0.2.1"]);
        host.ip(&["route", "add", "10.0.0.0/8", "via", "192.0.2.2"]);
        host.ip(&["route", "add", "unreachable", "10.99.0.0/16"]);
        let hopper = Hopper::start().expect("starts");
        let home = hopper.hop(&host.vantage(), Inside::home).await.expect("inside");
        let addresses: Vec<String> = home.uplink.iter().map(ToString::to_string).collect();
        assert!(addresses.contains(&"192.0.2.9".to_owned()), "{addresses:?}");
        assert!(!addresses.contains(&"10.8.1.1".to_owned()), "{addresses:?}");
        assert!(home.addresses.is_superset(&home.uplink) && home.addresses.len() > home.uplink.len());
        let seen = home.host;
        assert_eq!(seen.forwarding, Forwarding { ipv4: Some(false), ipv6: Some(false) });
        let bridge = seen.bridge("br-shop");
        assert_eq!(seen.bridges.as_ref().map(BTreeMap::len), Some(1));
        assert_eq!(bridge.map(|bridge| bridge.ports), Some(2));
        // The kernel makes it what its ports have.
        assert_eq!(bridge.map(|bridge| bridge.mtu), Some(1400));
        let uplink = seen.uplink().expect("a way out");
        assert_eq!((uplink.by.as_str(), uplink.mtu), ("eth0", 1450));
        let ways: Vec<String> = seen
            .ways
            .iter()
            .flatten()
            .filter(|way| way.to.addr().is_ipv4())
            .map(|way| way.to.to_string())
            .collect();
        assert_eq!(ways, ["0.0.0.0/0", "10.0.0.0/8", "10.8.1.0/24", "192.0.2.0/24"]);
        assert!(
            !seen.ways.iter().flatten().any(|way| way.to.to_string() == "10.99.0.0/16"),
            "it leads nowhere"
        );
    }

    #[tokio::test]
    async fn a_namespace_that_forwards_says_so() {
        let host = Scratch::new();
        let sysctl =
            host.enter(&["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"]).wait().expect("sysctl (procps) ran");
        assert!(sysctl.success());
        let hopper = Hopper::start().expect("starts");
        let seen = hopper.hop(&host.vantage(), Inside::host).await.expect("inside");
        assert_eq!(seen.forwarding.ipv4, Some(true));
        assert!(
            seen.bridges.is_some_and(|all| all.is_empty()) && seen.ways.is_some_and(|all| all.is_empty())
        );
    }
}
