//! How many networks the Engine can still give a subnet: the blocks of its address pools, and those that are taken.
//!
//! A network that is created without a subnet gets the first block that overlaps none of the Engine's networks.
//! Counted are blocks of IPv4, which every such network needs one of; the pools of IPv6 are beyond counting. What
//! the Engine does not say it is not asked to guess: an address of the server itself makes a block useless too.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::seen::{Seen, SeenNetwork, SeenPool};

/// Where `default-address-pools` names none: `172.17.0.0` to `172.31.0.0` as they are, and one /16 in blocks of /20.
/// Source: `localScopeDefaultNetworks` of moby's `libnetwork/ipamutils`; Docker's documentation of dockerd says the same.
const BUILT_IN: [(Ipv4Addr, u8, u8); 7] = [
    (Ipv4Addr::new(172, 17, 0, 0), 16, 16),
    (Ipv4Addr::new(172, 18, 0, 0), 16, 16),
    (Ipv4Addr::new(172, 19, 0, 0), 16, 16),
    (Ipv4Addr::new(172, 20, 0, 0), 14, 16),
    (Ipv4Addr::new(172, 24, 0, 0), 14, 16),
    (Ipv4Addr::new(172, 28, 0, 0), 14, 16),
    (Ipv4Addr::new(192, 168, 0, 0), 16, 20),
];

/// The Engine's address pools, all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPools {
    /// Blocks that a network of the Engine lies in or over.
    pub used: u64,
    /// All blocks.
    pub capacity: u64,
    /// The operator chose them; else they are Docker's own.
    pub configured: bool,
}

impl AddressPools {
    /// Networks that can still be created.
    pub const fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}

/// Of what was seen; `None` where that does not say: the Engine was not asked, or it is Podman, whose pools are its own.
pub(super) fn read(seen: &Seen) -> Option<AddressPools> {
    let named = seen.pools.as_ref().filter(|_| !seen.engine.podman)?;
    let pools: Vec<Pool> = match &**named {
        [] => BUILT_IN.iter().filter_map(|(base, length, size)| Pool::new(*base, *length, *size)).collect(),
        named => named.iter().filter_map(Pool::read).collect(),
    };
    let networks: Vec<Ipv4Net> =
        seen.networks.iter().filter(|n| takes_a_block(n)).flat_map(subnets).collect();
    Some(AddressPools {
        used: pools.iter().map(|pool| pool.used(&networks)).sum(),
        capacity: pools.iter().map(Pool::capacity).sum(),
        configured: !named.is_empty(),
    })
}

/// Overlays have pools of the Swarm's, and another driver of addresses keeps its own books.
fn takes_a_block(network: &SeenNetwork) -> bool {
    network.scope == "local" && matches!(network.ipam_driver.as_str(), "default" | "")
}

fn subnets(network: &SeenNetwork) -> impl Iterator<Item = Ipv4Net> {
    // What cannot be read is told where the network's addresses are counted.
    network.ipam.iter().filter_map(|entry| match entry.subnet.parse() {
        Ok(IpNet::V4(net)) => Some(net.trunc()),
        _ => None,
    })
}

/// A range that is cut into blocks of one size.
struct Pool {
    base: Ipv4Net,
    /// Prefix length of a block, not below that of the base.
    size: u8,
}

impl Pool {
    fn new(base: Ipv4Addr, length: u8, size: u8) -> Option<Self> {
        let base = Ipv4Net::new(base, length).ok()?.trunc();
        (length <= size && size <= 32).then_some(Self { base, size })
    }

    fn read(seen: &SeenPool) -> Option<Self> {
        match seen.base.parse().ok()? {
            IpNet::V4(base) => Self::new(base.network(), base.prefix_len(), seen.size),
            IpNet::V6(_) => None,
        }
    }

    fn capacity(&self) -> u64 {
        1 << (self.size - self.base.prefix_len())
    }

    /// The number of the block that an address of the base lies in.
    fn block(&self, address: Ipv4Addr) -> u64 {
        u64::from(u32::from(address) - u32::from(self.base.network())) >> (32 - self.size)
    }

    /// Two networks never overlap, but may share a block; so what is counted are blocks, first to last.
    fn used(&self, networks: &[Ipv4Net]) -> u64 {
        let mut taken: Vec<(u64, u64)> = networks.iter().filter_map(|net| self.taken(net)).collect();
        taken.sort_unstable();
        let mut used = 0;
        let mut next = 0;
        for (first, last) in taken {
            let first = first.max(next);
            if last >= first {
                used += last - first + 1;
                next = last + 1;
            }
        }
        used
    }

    fn taken(&self, net: &Ipv4Net) -> Option<(u64, u64)> {
        let first = net.network().max(self.base.network());
        let last = net.broadcast().min(self.base.broadcast());
        (first <= last).then(|| (self.block(first), self.block(last)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::seen::SeenSubnet;
    use super::*;

    fn network(subnet: &str) -> SeenNetwork {
        SeenNetwork {
            driver: "bridge".into(),
            scope: "local".into(),
            ipam_driver: "default".into(),
            ipam: vec![SeenSubnet { subnet: subnet.into(), ..SeenSubnet::default() }],
            ..SeenNetwork::default()
        }
    }

    fn seen(pools: &[(&str, u8)], subnets: &[&str]) -> Seen {
        let pools = pools.iter().map(|(base, size)| SeenPool { base: (*base).into(), size: *size }).collect();
        Seen { pools: Some(pools), networks: subnets.iter().map(|s| network(s)).collect(), ..Seen::default() }
    }

    fn counted(pools: &[(&str, u8)], subnets: &[&str]) -> (u64, u64) {
        let pools = read(&seen(pools, subnets)).expect("known");
        (pools.used, pools.capacity)
    }

    #[test]
    fn blocks_are_counted() {
        const TINY: &[(&str, u8)] = &[("10.99.0.0/24", 26)];
        for (pools, subnets, expected) in [
            (TINY, &[][..], (0, 4)),
            (TINY, &["10.99.0.0/26"], (1, 4)),
            (TINY, &["10.99.0.0/26", "10.99.0.64/26", "10.99.0.128/26", "10.99.0.192/26"], (4, 4)),
            // Two in one block, one over two, one over all, one beside.
            (TINY, &["10.99.0.0/28", "10.99.0.16/28"], (1, 4)),
            (TINY, &["10.99.0.0/25"], (2, 4)),
            (TINY, &["10.0.0.0/8", "10.99.0.0/26"], (4, 4)),
            (TINY, &["10.99.1.0/26", "10.98.255.0/24", "192.168.0.0/16"], (0, 4)),
            (TINY, &["", "everything", "fd00::/64"], (0, 4)),
            // As Coolify's installer has it.
            (&[("10.0.0.0/8", 24)], &["10.0.0.0/24", "10.0.1.0/24", "172.17.0.0/16"], (2, 65_536)),
            (&[("10.0.0.7/8", 24)], &["10.0.1.0/24"], (1, 65_536)),
            (&[("10.1.0.0/16", 24), ("10.2.0.0/16", 20), ("fd00::/48", 64)], &["10.2.0.0/24"], (1, 272)),
            (&[("0.0.0.0/0", 32)], &["0.0.0.0/0"], (1 << 32, 1 << 32)),
            // What no Engine starts with.
            (&[("10.0.0.0/24", 16), ("10.0.0.0/24", 33), ("all", 24)], &["10.0.0.0/24"], (0, 0)),
            // Docker's own.
            (&[], &["172.17.0.0/16"], (1, 31)),
            (&[], &["172.17.0.0/16", "172.31.0.0/16", "192.168.16.0/20", "10.0.0.0/24"], (3, 31)),
            (&[], &["172.16.0.0/12", "192.168.0.0/16"], (31, 31)),
        ] {
            assert_eq!(counted(pools, subnets), expected, "{pools:?} {subnets:?}");
        }
    }

    #[test]
    fn other_books_are_not_these() {
        let full = seen(&[("10.99.0.0/24", 26)], &["10.99.0.0/24"]);
        let one = |change: fn(&mut SeenNetwork)| {
            let mut seen = full.clone();
            change(&mut seen.networks[0]);
            read(&seen).map(|pools| pools.used)
        };
        assert_eq!(one(|_| ()), Some(4));
        assert_eq!(one(|n| n.scope = "swarm".into()), Some(0));
        assert_eq!(one(|n| n.ipam_driver = "infoblox".into()), Some(0));
        assert_eq!(one(|n| n.driver = "macvlan".into()), Some(4), "of whatever kind it is");
        let mut podman = full.clone();
        podman.engine.podman = true;
        assert_eq!(read(&podman), None);
        assert_eq!(read(&Seen { pools: None, ..full }), None, "it was not asked");
    }

    fn anywhere(base: Ipv4Net) -> impl Strategy<Value = Ipv4Net> {
        // Around the base, so that most of them meet it.
        let start = u32::from(base.network()).saturating_sub(1 << 10);
        (0..4096_u32, 18..=32_u8).prop_map(move |(at, length)| {
            Ipv4Net::new((start + at).into(), length).expect("a length").trunc()
        })
    }

    proptest! {
        /// One by one, as the Engine itself looks for a free one.
        #[test]
        fn as_many_as_there_are(size in 22..=30_u8, nets in vec(anywhere("10.99.4.0/22".parse().unwrap()), 0..8)) {
            let pool = Pool::new(Ipv4Addr::new(10, 99, 4, 0), 22, size).unwrap();
            let blocks: Vec<Ipv4Net> = pool.base.subnets(size).unwrap().collect();
            let overlap = |a: &Ipv4Net, b: &Ipv4Net| a.contains(b) || b.contains(a);
            let used = blocks.iter().filter(|block| nets.iter().any(|net| overlap(net, block))).count();
            prop_assert_eq!(pool.capacity(), blocks.len() as u64);
            prop_assert_eq!(pool.used(&nets), used as u64);
        }

        #[test]
        fn whatever_is_named_there_is_never_more_used_than_there_is(
            pools in vec(("[0-9./:a-f]{0,18}", any::<u8>()), 0..4),
            subnets in vec("[0-9./:a-f]{0,18}", 0..4),
        ) {
            let pools: Vec<(&str, u8)> = pools.iter().map(|(base, size)| (base.as_str(), *size)).collect();
            let subnets: Vec<&str> = subnets.iter().map(String::as_str).collect();
            let (used, capacity) = counted(&pools, &subnets);
            prop_assert!(used <= capacity);
        }
    }
}
