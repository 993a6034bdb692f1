//! How many addresses a network has, and how many are gone.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::model::Subnet;
use super::seen::SeenSubnet;

/// Reads one IPAM entry; `gateways` and `taken` are those of the network's endpoints.
///
/// An entry without a range is how some drivers say "none": no subnet, and no fault either.
pub fn read(
    seen: &SeenSubnet,
    gateways: &BTreeSet<IpAddr>,
    taken: &BTreeSet<IpAddr>,
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
    let used = match seen.in_use {
        Some(count) => count.saturating_sub(reserved(&net)),
        None => {
            let gateway = gateway.filter(|g| net.contains(g));
            let both: BTreeSet<_> =
                taken.iter().copied().filter(|a| net.contains(a)).chain(gateway).collect();
            both.len() as u64
        }
    };
    Ok(Some(Subnet { net, range, gateway, used, capacity: capacity(&net, range, gateway) }))
}

fn parse_net(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>().map(|net| net.trunc()).map_err(|e| format!("subnet {text:?}: {e}"))
}

/// Addresses that no container can ever get: the network's own, and the broadcast address. The Engine
/// counts them among those in use.
fn reserved(net: &IpNet) -> u64 {
    match net {
        IpNet::V4(v4) if v4.prefix_len() <= 30 => 2,
        IpNet::V6(v6) if v6.prefix_len() <= 126 => 1,
        _ => 0,
    }
}

fn capacity(net: &IpNet, range: Option<IpNet>, gateway: Option<IpAddr>) -> u64 {
    let Some(range) = range else { return size(net).saturating_sub(reserved(net)) };
    let unusable = match reserved(net) {
        0 => 0,
        1 => u64::from(range.contains(&net.network())),
        _ => u64::from(range.contains(&net.network())) + u64::from(range.contains(&net.broadcast())),
    };
    // The gateway is counted as used, so it has to be counted here, also where it lies outside the range.
    let outside = gateway.is_some_and(|g| net.contains(&g) && !range.contains(&g));
    size(&range).saturating_sub(unusable).saturating_add(u64::from(outside))
}

fn size(net: &IpNet) -> u64 {
    let host_bits = u32::from(net.max_prefix_len() - net.prefix_len());
    1_u64.checked_shl(host_bits).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_and_use() {
        let taken: BTreeSet<IpAddr> =
            ["10.0.1.2", "10.0.1.3", "10.0.9.9", "fd00::2"].iter().map(|a| a.parse().unwrap()).collect();
        for (subnet, ip_range, gateway, in_use, used, capacity) in [
            ("10.0.1.0/24", "", "10.0.1.1", None, 3, 254),
            ("10.0.1.0/24", "", "10.0.1.1/24", None, 3, 254),
            ("10.0.1.0/24", "", "", None, 2, 254),
            ("10.0.1.0/24", "", "10.0.1.1", Some(5), 3, 254),
            ("10.0.1.0/24", "", "10.0.1.2", None, 2, 254),
            ("10.0.1.0/24", "10.0.1.128/25", "10.0.1.1", None, 3, 128),
            ("10.0.1.0/24", "10.0.1.64/26", "10.0.1.65", None, 3, 64),
            ("10.0.1.0/24", "10.0.1.0/24", "10.0.1.1", None, 3, 254),
            ("10.0.1.0/30", "", "10.0.1.1", None, 3, 2),
            ("10.0.1.2/31", "", "", None, 2, 2),
            ("10.0.1.2/32", "", "", None, 1, 1),
            ("172.17.0.0/16", "", "172.17.0.1", None, 1, 65534),
            ("fd00::/64", "", "fd00::1", None, 2, u64::MAX - 1),
            ("fd00::/120", "", "fd00::1", None, 2, 255),
            ("::/0", "", "", None, 1, u64::MAX - 1),
        ] {
            let seen = SeenSubnet {
                subnet: subnet.into(),
                ip_range: ip_range.into(),
                gateway: gateway.into(),
                in_use,
            };
            let read = read(&seen, &BTreeSet::new(), &taken).unwrap().unwrap();
            assert_eq!((read.used, read.capacity), (used, capacity), "{seen:?}");
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
            let subnet = read(&seen(listed), gateways, &BTreeSet::new()).unwrap().unwrap();
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
        assert_eq!(read(&seen("", ""), &BTreeSet::new(), &BTreeSet::new()), Ok(None));
        assert!(read(&seen("10.0.0.0/33", ""), &BTreeSet::new(), &BTreeSet::new()).is_err());
        assert!(read(&seen("10.0.0.0/24", "gateway"), &BTreeSet::new(), &BTreeSet::new()).is_err());
    }
}
