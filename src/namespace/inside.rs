//! The socket factory: only who is inside a namespace holds one.

use std::io;
use std::marker::PhantomData;
use std::net::IpAddr;

use socket2::{Domain, Protocol, Socket, Type};

/// Proof that the current thread is inside the namespace that was asked for.
///
/// It cannot be sent to another thread: there it would prove nothing.
#[derive(Debug)]
pub struct Inside {
    _this_thread: PhantomData<*const ()>,
}

/// How the kernel hands out ICMP: what a reader finds in front of the echo reply depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    /// `SOCK_DGRAM`: no IP header; the kernel chooses the identifier and filters by it.
    Datagram,
    /// `SOCK_RAW`: IPv4 comes with its IP header, and every echo reply of the namespace arrives.
    Raw,
}

/// A non-blocking ICMP socket.
#[derive(Debug)]
pub struct IcmpSocket {
    /// The socket.
    pub socket: Socket,
    /// What it delivers.
    pub kind: IcmpKind,
}

impl Inside {
    pub(super) const fn new() -> Self {
        Self { _this_thread: PhantomData }
    }

    /// A non-blocking TCP socket for the family of `peer`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn tcp(&self, peer: IpAddr) -> io::Result<Socket> {
        Self::socket(domain(peer), Type::STREAM, Protocol::TCP)
    }

    /// A non-blocking UDP socket for the family of `peer`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn udp(&self, peer: IpAddr) -> io::Result<Socket> {
        Self::socket(domain(peer), Type::DGRAM, Protocol::UDP)
    }

    /// A non-blocking ICMP (or ICMPv6) socket for the family of `peer`.
    ///
    /// A datagram socket needs no capability but the namespace's `ping_group_range`, which an Engine
    /// opens and other makers of namespaces may not; then a raw one is tried (`CAP_NET_RAW`).
    ///
    /// # Errors
    /// What the kernel said of the raw one.
    pub fn icmp(&self, peer: IpAddr) -> io::Result<IcmpSocket> {
        let protocol = if peer.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        match Self::socket(domain(peer), Type::DGRAM, protocol) {
            Ok(socket) => Ok(IcmpSocket { socket, kind: IcmpKind::Datagram }),
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EACCES | libc::EPERM | libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT)
                ) =>
            {
                let socket = Self::socket(domain(peer), Type::RAW, protocol)?;
                Ok(IcmpSocket { socket, kind: IcmpKind::Raw })
            }
            Err(error) => Err(error),
        }
    }

    /// A non-blocking netlink socket, such as `libc::NETLINK_SOCK_DIAG`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn netlink(&self, protocol: i32) -> io::Result<Socket> {
        Self::socket(Domain::from(libc::AF_NETLINK), Type::RAW, Protocol::from(protocol))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where sockets are made: the caller is inside"
    )]
    fn socket(domain: Domain, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        Socket::new(domain, kind.nonblocking(), Some(protocol))
    }
}

fn domain(peer: IpAddr) -> Domain {
    if peer.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::super::scratch::Scratch;
    use super::super::{Hopper, Vantage};
    use super::*;

    #[tokio::test]
    async fn every_kind_of_socket_is_made_and_none_blocks() {
        let hopper = Hopper::start().expect("starts");
        let made = hopper
            .hop(&Vantage::Own, |inside| {
                let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
                [inside.tcp(peer), inside.udp(peer), inside.netlink(libc::NETLINK_SOCK_DIAG)]
            })
            .await
            .expect("at home");
        for socket in made {
            assert!(socket.expect("made").nonblocking().expect("told"));
        }
    }

    #[tokio::test]
    async fn icmp_falls_back_to_raw_where_datagrams_are_not_allowed() {
        // A fresh namespace has an empty ping_group_range.
        let scratch = Scratch::new();
        let hopper = Hopper::start().expect("starts");
        for peer in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let made = hopper.hop(&scratch.vantage(), move |inside| inside.icmp(peer)).await.expect("enters");
            assert_eq!(made.expect("as root").kind, IcmpKind::Raw);
        }
    }
}
