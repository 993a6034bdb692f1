//! What the kernel tells of the host's own namespace, which every destination's packets cross.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::firewall::Firewall;

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
    pub bridges: Option<BTreeMap<String, Bridge>>,
    /// Where its packets go, the default route too, by the kernel's order.
    pub ways: Option<Vec<Way>>,
    /// Its packet filter.
    pub firewall: Option<Firewall>,
    /// Why that could not be read the last time; `None` where it could.
    pub firewall_unread: Option<String>,
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
    /// The way of everything else, IPv4 first.
    pub fn uplink(&self) -> Option<&Way> {
        self.ways
            .iter()
            .flatten()
            .filter(|way| way.to.prefix_len() == 0)
            .min_by_key(|way| way.to.addr().is_ipv6())
    }

    /// The bridge of this name.
    pub fn bridge(&self, name: &str) -> Option<Bridge> {
        self.bridges.as_ref()?.get(name).copied()
    }

    /// What could not be read now is as it was before: nothing is over because nobody could look.
    #[must_use]
    pub fn or(self, before: &Self) -> Self {
        Self {
            forwarding: Forwarding {
                ipv4: self.forwarding.ipv4.or(before.forwarding.ipv4),
                ipv6: self.forwarding.ipv6.or(before.forwarding.ipv6),
            },
            // A module that is not loaded any more is no setting.
            bridge_netfilter: self.bridge_netfilter,
            conntrack: self.conntrack.or(before.conntrack),
            neighbours: self.neighbours.or(before.neighbours),
            bridges: self.bridges.or_else(|| before.bridges.clone()),
            ways: self.ways.or_else(|| before.ways.clone()),
            firewall: self.firewall.or_else(|| before.firewall.clone()),
            // It says how the last look went.
            firewall_unread: self.firewall_unread,
        }
    }
}
