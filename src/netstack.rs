//! What the kernel tells of one network namespace: plain values.
//!
//! Read by `namespace`, kept by `state`, judged by `diagnosis`.

pub mod firewall;
mod host;
mod ports;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

pub use host::{Bridge, Conntrack, Forwarding, Host, Neighbours, Way};
pub use ports::{Crowd, Level, LocalPorts};

/// What a container's namespace told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inner {
    /// Sockets in LISTEN; `None` where they could not be read.
    pub listeners: Option<Vec<Listener>>,
    /// Datagrams that the embedded resolver's socket dropped since it was made.
    pub resolver_drops: Option<u64>,
    /// When these last became more, and by how many.
    pub lost_queries: Option<LostQueries>,
    /// Its interfaces; empty where they could not be read.
    pub interfaces: Vec<Interface>,
    /// Its established connections; `None` where they could not be read, or were not yet.
    pub connections: Option<Arc<Connections>>,
    /// The ports that its connections hold; `None` where they could not be read yet.
    pub local_ports: Option<LocalPorts>,
    /// `/proc/net/snmp`, `netstat` and `sockstat`.
    pub tcp: Option<TcpCounters>,
    /// When it was read.
    pub at: Option<SystemTime>,
}

/// Queries that the embedded resolver's socket dropped between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostQueries {
    /// When the second look was.
    pub at: SystemTime,
    /// How many.
    pub queries: u64,
}

/// A listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listener {
    /// Local address; unspecified means every address (`::` takes IPv4 too unless `v6_only`).
    pub address: IpAddr,
    /// Local port.
    pub port: u16,
    /// `IPV6_V6ONLY`; false for IPv4 sockets, and where the kernel does not say.
    pub v6_only: bool,
}

impl Listener {
    /// Whether it takes connections to this address of its namespace.
    pub fn takes(&self, address: IpAddr) -> bool {
        let of_family =
            self.address.is_ipv4() == address.is_ipv4() || (self.address.is_ipv6() && !self.v6_only);
        self.address == address || (self.address.is_unspecified() && of_family)
    }
}

/// The established TCP connections of a namespace, without those that do not leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// When they were read.
    pub at: SystemTime,
    /// Alike ones together, sorted; and how many they are.
    pub talks: Vec<(Talk, u32)>,
    /// False where there are more than are read.
    pub complete: bool,
}

/// What connections have in common that differ in the client's port alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Talk {
    /// The address of the end in this namespace.
    pub local: IpAddr,
    /// The address of the other end, as it is seen from here.
    pub remote: IpAddr,
    /// The server's port.
    pub port: u16,
    /// Which end is in this namespace.
    pub side: Side,
}

/// Who called and who was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Called.
    Client,
    /// Was called.
    Server,
}

/// One interface of a container and what it counted, in the container's own directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Name in the container.
    pub name: String,
    /// Its MAC; `None` for `lo`, and where nobody tells.
    pub mac: Option<[u8; 6]>,
    /// Its addresses, as far as they are told.
    pub addresses: Vec<IpAddr>,
    /// Counters.
    pub receive: Direction,
    /// Counters.
    pub transmit: Direction,
}

/// One direction's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Errors.
    pub errors: u64,
    /// Drops.
    pub drops: u64,
}

/// TCP counters of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// `Tcp: CurrEstab`.
    pub established: u64,
    /// `Tcp: RetransSegs`.
    pub retransmits: u64,
    /// `TcpExt: ListenOverflows`.
    pub listen_overflows: u64,
    /// `sockstat: TCP: tw`.
    pub time_wait: u64,
}
