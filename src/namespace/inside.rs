//! The socket factory: only who is inside a namespace holds one.

use std::io;
use std::net::IpAddr;

use socket2::{Domain, Protocol, Socket, Type};

/// Proof that the current thread is inside the namespace that was asked for.
#[derive(Debug)]
pub struct Inside {
    _private: (),
}

impl Inside {
    pub(super) const fn new() -> Self {
        Self { _private: () }
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

    #[expect(clippy::disallowed_methods, reason = "the one place that may: the thread is inside")]
    fn socket(domain: Domain, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        Socket::new(domain, kind.nonblocking(), Some(protocol))
    }
}

fn domain(peer: IpAddr) -> Domain {
    if peer.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }
}
