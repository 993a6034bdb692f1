//! A door for the crate `fuzz`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::netstack::firewall::{Chain, Firewall, Rule};
use crate::netstack::{Interface, TcpCounters, Way};

pub use super::sockets::{Socket, States};
use super::{firewall, host, links, netlink, ports, procnet, sockets};

/// A message, or an attribute in one: its kind, and what it holds.
pub type Part = (u16, Vec<u8>);

/// The messages of one reply to the dump with the number 1, and whether it was the last.
pub fn reply(bytes: &[u8]) -> Option<(bool, Vec<Part>)> {
    let mut messages = Vec::new();
    let take = &mut |kind, payload: &[u8]| {
        messages.push((kind, payload.to_vec()));
        true
    };
    let last = netlink::parse(bytes, 1, take).ok()?;
    Some((last, messages))
}

/// The attributes of a message's rest.
pub fn attributes(bytes: &[u8]) -> Vec<Part> {
    netlink::attributes(bytes).map(|(kind, value)| (kind, value.to_vec())).collect()
}

/// `RTM_NEWLINK`.
pub fn link(message: &[u8]) -> Option<(u32, Interface)> {
    links::link(message)
}

/// `RTM_NEWADDR`.
pub fn address(message: &[u8]) -> Option<(u32, IpAddr)> {
    links::address(message)
}

/// Two messages as `RTM_NEWLINK` of a host, and a third as `RTM_NEWROUTE`: its way, and the ports of all bridges.
pub fn of_host(links: [&[u8]; 2], route: &[u8]) -> (Option<Way>, u32) {
    let links: Vec<_> = links.into_iter().filter_map(host::link).collect();
    let ports = host::bridges(&links).values().map(|bridge| bridge.ports).sum();
    (host::way(route, &links), ports)
}

/// `NFT_MSG_NEWCHAIN`.
pub fn chain(message: &[u8]) -> Option<Chain> {
    firewall::chain(message)
}

/// `NFT_MSG_NEWRULE`.
pub fn rule(message: &[u8]) -> Rule {
    firewall::rule(message)
}

/// What is made of two chains with these rules.
pub fn filter(chains: [&[u8]; 2], rules: &[&[u8]]) -> Firewall {
    let read = |message: &[u8]| {
        let rules = rules.iter().map(|message| firewall::rule(message)).collect();
        Some(Chain { rules: Some(rules), ..firewall::chain(message)? })
    };
    Firewall { chains: chains.into_iter().filter_map(read).collect(), ..Firewall::default() }
}

/// A column of `/proc/net/stat/nf_conntrack` or of `arp_cache`, over all CPUs.
pub fn counted(text: &str, name: &str) -> Option<u64> {
    host::counted(text, name)
}

/// `struct inet_diag_msg`.
pub fn socket(message: &[u8], asked: States) -> Option<Socket> {
    sockets::read(message, asked)
}

/// The names in `/proc/net/dev`.
pub fn names(dev: &str) -> BTreeSet<String> {
    procnet::names(dev)
}

/// `snmp`, `netstat` and `sockstat`.
pub fn tcp(snmp: &str, netstat: &str, sockstat: &str) -> Option<TcpCounters> {
    procnet::tcp(snmp, netstat, sockstat)
}

/// `/proc/net/udp`.
pub fn resolver_drops(udp: &str) -> Option<u64> {
    procnet::resolver_drops(udp)
}

/// `net.ipv4.ip_local_port_range`, and how many of its ports `net.ipv4.ip_local_reserved_ports` and these leave.
pub fn local_ports(range: &str, reserved: &str, listened_on: &BTreeSet<u16>) -> Option<((u16, u16), u32)> {
    let range = ports::range(range)?;
    Some((range, ports::room(range, reserved, listened_on)))
}
