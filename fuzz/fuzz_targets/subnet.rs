//! One entry of a network's addresses: `subnet range gateway`, and those that are taken behind it.
#![no_main]

use std::collections::BTreeSet;
use std::net::IpAddr;

use destination_exporter::inventory::fuzzing::{Taken, subnet};
use destination_exporter::inventory::seen::{SeenCount, SeenSubnet};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;

/// Addresses that a container or the gateway may have, one by one.
fn counted(net: IpNet, range: Option<IpNet>, gateway: Option<IpAddr>) -> usize {
    let is_usable = |address: &IpAddr| match net {
        IpNet::V4(v4) => v4.prefix_len() > 30 || (*address != net.network() && *address != net.broadcast()),
        IpNet::V6(_) => *address != net.network(),
    };
    let all = match range.unwrap_or(net) {
        IpNet::V4(v4) => ipnet::Ipv4Subnets::new(v4.network(), v4.broadcast(), 32)
            .map(|n| IpAddr::V4(n.addr()))
            .collect::<BTreeSet<_>>(),
        IpNet::V6(v6) => {
            ipnet::Ipv6Subnets::new(v6.network(), v6.broadcast(), 128).map(|n| IpAddr::V6(n.addr())).collect()
        }
    };
    let usable: BTreeSet<IpAddr> = all.into_iter().filter(is_usable).collect();
    // The gateway is used up wherever it lies.
    let outside = gateway.filter(|g| net.contains(g) && range.is_some_and(|range| !range.contains(g)));
    usable.len() + usize::from(outside.is_some())
}

fuzz_target!(|text: &str| {
    let mut words = text.split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let (net, ip_range, gateway) = (word(), word(), word());
    // Both numbers or none.
    let count = word().parse().ok().zip(word().parse().ok());
    let count = count.map(|(in_use, available)| SeenCount { in_use, available });
    let seen = SeenSubnet { subnet: net, ip_range, gateway, count };
    let addresses: BTreeSet<IpAddr> = words.filter_map(|word| word.parse().ok()).collect();
    let unseen = seen.count.map_or(0, |count| count.available);
    let taken = || Taken { addresses: addresses.clone(), unseen, by_swarm: unseen % 2 == 1 };
    let mut doubts = Vec::new();
    match subnet(&seen, &BTreeSet::new(), &mut taken(), &mut doubts) {
        Err(why) => assert!(!why.is_empty()),
        Ok(None) => assert!(seen.subnet.is_empty()),
        Ok(Some(read)) => {
            assert_eq!(read.net, read.net.trunc());
            assert!(read.range.is_none_or(|range| read.net.contains(&range)));
            let is_told = seen.count.is_some() && doubts.is_empty();
            assert!(is_told || read.used <= (addresses.len() as u64 + 1).saturating_add(unseen));
            let host_bits = |net: IpNet| net.max_prefix_len() - net.prefix_len();
            if host_bits(read.range.unwrap_or(read.net)) <= 8 {
                assert_eq!(read.capacity, counted(read.net, read.range, read.gateway) as u64, "{read:?}");
            }
            let again = SeenSubnet { subnet: read.net.to_string(), ..seen };
            assert_eq!(subnet(&again, &BTreeSet::new(), &mut taken(), &mut Vec::new()), Ok(Some(read)));
        }
    }
});
