//! What the kernel tells of the host's own namespace, which every destination's packets cross.

use std::collections::BTreeMap;

use ipnet::IpNet;

/// The host, as far as it tells: what could not be read is `None` or is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Whether it passes on packets that are not for itself.
    pub forwarding: Forwarding,
    /// `net.bridge.bridge-nf-call-iptables`: whether what crosses a bridge meets the firewall. `None` too where the
    /// module `br_netfilter` is not loaded.
    pub bridge_netfilter: Option<bool>,
    /// The table of connections.
    pub conntrack: Option<Conntrack>,
    /// The table of neighbours.
    pub neighbours: Option<Neighbours>,
    /// Bridges by name.
    pub bridges: BTreeMap<String, Bridge>,
    /// Where its packets go, the default route too, by the kernel's order.
    pub ways: Vec<Way>,
}

/// `net.ipv4.ip_forward` and `net.ipv6.conf.all.forwarding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// Of IPv4.
    pub ipv4: Option<bool>,
    /// Of IPv6.
    pub ipv6: Option<bool>,
}

/// Connections that the kernel remembers for its firewall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    /// `nf_conntrack_count`.
    pub entries: u64,
    /// `nf_conntrack_max`.
    pub limit: u64,
    /// Packets dropped since boot because there was no room, of all CPUs; `None` where it is not told.
    pub drops: Option<u64>,
}

/// Link-layer addresses that the kernel remembers, of all namespaces together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Entries.
    pub entries: u64,
    /// `net.ipv4.neigh.default.gc_thresh3`: beyond it no other is taken.
    pub limit: u64,
    /// How often one was refused since boot.
    pub refused: u64,
}

/// A bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bridge {
    /// Of its interface.
    pub mtu: u32,
    /// Interfaces that are its ports.
    pub ports: u32,
}

/// A route of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// To where; of length 0: everywhere else.
    pub to: IpNet,
    /// The interface's name.
    pub by: String,
    /// The interface's MTU.
    pub mtu: u32,
}

impl Host {
    /// The MTU of the interface that everything else leaves by, IPv4 first.
    pub fn uplink(&self) -> Option<&Way> {
        self.ways.iter().filter(|way| way.to.prefix_len() == 0).min_by_key(|way| way.to.addr().is_ipv6())
    }
}
