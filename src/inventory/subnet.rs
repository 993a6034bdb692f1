//! How many addresses a network has, and how many are gone.
//!
//! Both are of what the Engine gives out by itself: the subnet, or its range where it was made with one; and the
//! gateway, wherever it lies. So the two are equal where the next container gets none.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::model::Subnet;
use super::seen::{SeenCount, SeenSubnet};

/// What is known to be taken of a network.
#[derive(Debug, Default)]
pub struct Taken {
    /// The addresses of its endpoints; of an overlay those of every node, and of services.
    pub addresses: BTreeSet<IpAddr>,
    /// So many more, whose addresses nobody here is told.
    pub unseen: u64,
    /// They are the Swarm's to give out: what an Engine counts may be its own node's part.
    pub by_swarm: bool,
}

/// Reads one IPAM entry; `gateways` are those of the network's endpoints. What is `taken` is counted where the Engine tells
/// no count of its own, or one that cannot be: `doubts` has it in words. Of what is unseen so much is taken out as is
/// counted here: which subnet it lies in nobody knows, but that together they are full.
///
/// An entry without a range is how some drivers say "none": no subnet, and no fault either.
pub fn read(
    seen: &SeenSubnet,
    gateways: &BTreeSet<IpAddr>,
    taken: &mut Taken,
    doubts: &mut Vec<String>,
) -> Result<Option<Subnet>, String> {
    if seen.subnet.is_empty() {
        return Ok(None);
    }
    let net = parse_net(&seen.subnet)?;
    let range = match seen.ip_range.as_str() {
        "" => None,
        text => Some(parse_net(text)?).filter(|range| *range != net && net.contains(range)),
    };
    // Some versions write the gateway with the prefix's length behind it.
    let gateway = match seen.gateway.split('/').next().unwrap_or_default() {
        "" => gateways.iter().copied().find(|gateway| net.contains(gateway)),
        text => Some(text.parse::<IpAddr>().map_err(|e| format!("gateway {text:?}: {e}"))?),
    };
    let capacity = capacity(&net, range, gateway);
    // So many are available that the Engine cannot write it: what is left of them is not what is used.
    let count = seen.count.filter(|count| range.is_none() || count.available < u64::MAX);
    let told = count.and_then(|count| told(count, &net, range, capacity));
    if let (Some(SeenCount { in_use, available }), None) = (count, told) {
        doubts.push(format!("subnet {net}: {in_use} addresses in use and {available} available cannot be"));
    }
    let counted = taken.of(&net, range, gateway, capacity);
    let used = match told {
        Some(told) if taken.by_swarm => told.max(counted),
        told => told.unwrap_or(counted),
    };
    Ok(Some(Subnet { net, range, gateway, used: saturated(used), capacity: saturated(capacity) }))
}

impl Taken {
    fn of(&mut self, net: &IpNet, range: Option<IpNet>, gateway: Option<IpAddr>, capacity: u128) -> u128 {
        let given_out = range.unwrap_or(*net);
        let gateway = gateway.filter(|g| net.contains(g));
        let seen = self.addresses.iter().copied().filter(|a| given_out.contains(a));
        let seen = seen.chain(gateway).collect::<BTreeSet<_>>().len() as u128;
        let room = saturated(capacity.saturating_sub(seen));
        let unseen = self.unseen.min(room);
        self.unseen -= unseen;
        seen + u128::from(unseen)
    }
}

/// Those used by the Engine's count; nothing where that cannot be.
fn told(count: SeenCount, net: &IpNet, range: Option<IpNet>, capacity: u128) -> Option<u128> {
    let (in_use, available) = (u128::from(count.in_use), u128::from(count.available));
    let used = match range {
        None => in_use.checked_sub(reserved(net)),
        // Those in use are of the whole subnet: one that was asked for by its address may lie outside of the range.
        Some(_) => capacity.checked_sub(available),
    };
    used.filter(|_| (reserved(net)..=size(net)).contains(&in_use))
}

fn parse_net(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>().map(|net| net.trunc()).map_err(|e| format!("subnet {text:?}: {e}"))
}

/// Addresses that no container can ever get, and that the Engine counts among those in use: IPv4's own of the network
/// and for broadcast, but on a link of two (RFC 3021); IPv6's first one, which is anycast (RFC 4291, 2.6.1).
fn reserved(net: &IpNet) -> u128 {
    match net {
        IpNet::V4(v4) if v4.prefix_len() <= 30 => 2,
        IpNet::V4(_) => 0,
        IpNet::V6(_) => 1,
    }
}

fn capacity(net: &IpNet, range: Option<IpNet>, gateway: Option<IpAddr>) -> u128 {
    let Some(range) = range else { return size(net).saturating_sub(reserved(net)) };
    let unusable = match reserved(net) {
        0 => 0,
        1 => u128::from(range.contains(&net.network())),
        _ => u128::from(range.contains(&net.network())) + u128::from(range.contains(&net.broadcast())),
    };
    // The gateway is counted as used, so it has to be counted here, also where it lies outside the range.
    let outside = gateway.is_some_and(|g| net.contains(&g) && !range.contains(&g));
    size(&range).saturating_sub(unusable).saturating_add(u128::from(outside))
}

fn size(net: &IpNet) -> u128 {
    let host_bits = u32::from(net.max_prefix_len() - net.prefix_len());
    1_u128.checked_shl(host_bits).unwrap_or(u128::MAX)
}

fn saturated(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(subnet: &str, range: &str, gateway: &str, count: Option<(u64, u64)>) -> SeenSubnet {
        let count = count.map(|(in_use, available)| SeenCount { in_use, available });
        SeenSubnet { subnet: subnet.into(), ip_range: range.into(), gateway: gateway.into(), count }
    }

    fn taken(addresses: &[&str]) -> Taken {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Taken { addresses, ..Taken::default() }
    }

    /// Used, capacity, and doubts.
    fn judged(seen: &SeenSubnet, addresses: &[&str]) -> (u64, u64, Vec<String>) {
        let mut doubts = Vec::new();
        let read = read(seen, &BTreeSet::new(), &mut taken(addresses), &mut doubts).unwrap().unwrap();
        (read.used, read.capacity, doubts)
    }

    #[test]
    fn capacity_and_use_by_endpoints() {
        let taken = ["10.0.1.2", "10.0.1.3", "10.0.9.9", "fd00::2"];
        for (net, range, gateway, used, capacity) in [
            ("10.0.1.0/24", "", "10.0.1.1", 3, 254),
            ("10.0.1.0/24", "", "10.0.1.1/24", 3, 254),
            ("10.0.1.0/24", "", "", 2, 254),
            ("10.0.1.0/24", "", "10.0.1.2", 2, 254),
            // What lies outside of the range takes nothing of it, but for the gateway, which is in both.
            ("10.0.1.0/24", "10.0.1.128/25", "10.0.1.1", 1, 128),
            ("10.0.1.0/24", "10.0.1.64/26", "10.0.1.65", 1, 64),
            ("10.0.1.0/24", "10.0.1.0/29", "10.0.1.254", 3, 8),
            ("10.0.1.0/24", "10.0.1.0/24", "10.0.1.1", 3, 254),
            ("10.0.1.0/30", "", "10.0.1.1", 3, 2),
            ("10.0.1.2/31", "", "", 2, 2),
            ("10.0.1.2/32", "", "", 1, 1),
            ("172.17.0.0/16", "", "172.17.0.1", 1, 65534),
            ("fd00::/64", "", "fd00::1", 2, u64::MAX),
            ("fd00::/120", "", "fd00::1", 2, 255),
            ("fd00::2/127", "", "", 1, 1),
            ("::/0", "", "", 1, u64::MAX),
        ] {
            let seen = subnet(net, range, gateway, None);
            assert_eq!(judged(&seen, &taken), (used, capacity, vec![]), "{seen:?}");
        }
    }

    /// The counts are those that the Engine's own tests expect of it (moby's integration/network, of 29).
    #[test]
    fn capacity_and_use_by_the_engines_count() {
        let (gateway, range) = ("192.168.0.1", "192.168.0.64/31");
        for (net, range, gateway, in_use, available, used, capacity) in [
            // Network, broadcast, gateway; two reserved by the operator, one of them in the range; then a container in
            // it, and one outside.
            ("192.168.0.0/24", range, gateway, 5, 1, 2, 3),
            ("192.168.0.0/24", range, gateway, 6, 0, 3, 3),
            ("192.168.0.0/24", range, gateway, 7, 0, 3, 3),
            // The same of IPv6: its gateway and its anycast address are in the range.
            ("2001:db8:abcd::/64", "2001:db8:abcd::/120", "2001:db8:abcd::1", 4, 253, 2, 255),
            ("2001:db8:abcd::/64", "2001:db8:abcd::/120", "2001:db8:abcd::1", 6, 252, 3, 255),
            ("2001:db8:abcd::/56", "", "2001:db8:abcd::1", 2, u64::MAX, 1, u64::MAX),
            // An overlay: network and broadcast, a gateway, a service's address, two tasks, a balancer.
            ("192.168.0.0/24", "192.168.0.0/25", gateway, 7, 122, 5, 127),
            // No range, or one that is all of it.
            ("192.168.0.0/24", "", gateway, 5, 251, 3, 254),
            ("192.168.0.0/24", "192.168.0.0/24", gateway, 256, 0, 254, 254),
            ("192.168.0.0/30", "", gateway, 3, 1, 1, 2),
            ("192.168.0.0/31", "", "", 2, 0, 2, 2),
            ("192.168.0.0/31", "", "", 0, 2, 0, 2),
            ("fd00::/64", "", "fd00::1", 2, u64::MAX - 1, 1, u64::MAX),
            ("fd00::/127", "", "", 1, 1, 0, 1),
            ("fd00::/64", "", "", u64::MAX, 1, u64::MAX - 1, u64::MAX),
            // More is available than can be written, of a range: that of endpoints.
            ("fd00::/48", "fd00::/56", "fd00::1", 9, u64::MAX, 2, u64::MAX),
        ] {
            let seen = subnet(net, range, gateway, Some((in_use, available)));
            assert_eq!(judged(&seen, &["192.168.0.130", "fd00::2"]), (used, capacity, vec![]), "{seen:?}");
        }
    }

    /// Tasks and services whose addresses are known, and the balancers of nodes, whose are not.
    #[test]
    fn what_the_swarm_gave_out() {
        let seen = ["10.0.1.2", "10.0.1.3", "10.0.2.2"];
        for (nets, unseen, count, used) in [
            (&["10.0.1.0/28"][..], 0, None, &[3][..]),
            (&["10.0.1.0/28"], 2, None, &[5]),
            (&["10.0.1.0/28"], 11, None, &[14]),
            // Never above what there is.
            (&["10.0.1.0/28"], 99, None, &[14]),
            // What one subnet has no room for is in the next.
            (&["10.0.1.0/29", "10.0.2.0/29"], 2, None, &[5, 2]),
            (&["10.0.1.0/29", "10.0.2.0/29"], 4, None, &[6, 3]),
            (&["10.0.1.0/29", "10.0.2.0/29"], 7, None, &[6, 6]),
            // A worker's Engine counts what is on its own node, and a manager's knows of all.
            (&["10.0.1.0/28"], 2, Some((4, 12)), &[5]),
            (&["10.0.1.0/28"], 2, Some((12, 4)), &[10]),
        ] {
            let mut taken = Taken { unseen, by_swarm: true, ..taken(&seen) };
            let mut read = |net: &&str| {
                let seen = subnet(net, "", &net.replace("0/2", "1/2"), count);
                read(&seen, &BTreeSet::new(), &mut taken, &mut Vec::new()).unwrap().unwrap().used
            };
            assert_eq!(nets.iter().map(&mut read).collect::<Vec<_>>(), used, "{nets:?} {unseen} {count:?}");
        }
    }

    #[test]
    fn a_count_that_cannot_be_is_told_and_not_used() {
        for (net, range, in_use, available) in [
            ("10.0.1.0/24", "", 1, 255),
            ("10.0.1.0/24", "", 257, 0),
            ("10.0.1.0/24", "", u64::MAX, 0),
            ("10.0.1.0/24", "10.0.1.64/26", 5, 66),
            ("10.0.1.0/24", "10.0.1.64/26", 257, 3),
            ("fd00::/120", "", 0, 256),
            ("fd00::/120", "", 257, 0),
        ] {
            let seen = subnet(net, range, "10.0.1.1", Some((in_use, available)));
            let (used, _, doubts) = judged(&seen, &["10.0.1.66", "fd00::2"]);
            assert_eq!(used, judged(&SeenSubnet { count: None, ..seen }, &["10.0.1.66", "fd00::2"]).0);
            let words =
                format!("subnet {net}: {in_use} addresses in use and {available} available cannot be");
            assert_eq!(doubts, [words]);
        }
    }

    #[test]
    fn the_containers_know_a_gateway_that_the_network_does_not_list() {
        let seen = |gateway: &str| SeenSubnet {
            subnet: "10.0.1.0/24".into(),
            gateway: gateway.into(),
            ..SeenSubnet::default()
        };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let theirs = BTreeSet::from([ip("10.0.0.1"), ip("10.0.1.1"), ip("fd00::1")]);
        for (listed, gateways, expected) in [
            ("", &theirs, Some("10.0.1.1")),
            ("10.0.1.254", &theirs, Some("10.0.1.254")),
            ("", &BTreeSet::new(), None),
        ] {
            let read = read(&seen(listed), gateways, &mut Taken::default(), &mut Vec::new());
            let subnet = read.unwrap().unwrap();
            assert_eq!(subnet.gateway, expected.map(ip));
            assert_eq!(subnet.used, u64::from(expected.is_some()));
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let seen = |subnet: &str, gateway: &str| SeenSubnet {
            subnet: subnet.into(),
            gateway: gateway.into(),
            ..SeenSubnet::default()
        };
        let read = |of| read(&of, &BTreeSet::new(), &mut Taken::default(), &mut Vec::new());
        assert_eq!(read(seen("", "")), Ok(None));
        assert!(read(seen("10.0.0.0/33", "")).is_err());
        assert!(read(seen("10.0.0.0/24", "gateway")).is_err());
    }
}
