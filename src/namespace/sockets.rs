//! The TCP sockets of a namespace, by `NETLINK_SOCK_DIAG`.
//!
//! The kernel is asked for some states only. Listeners are a short table of their own; connections are
//! found by walking the whole machine's, a millisecond and more however few there are.
//! The structures of `linux/inet_diag.h` that this takes are written and read by hand, bytes in, values out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::inside::Inside;
use super::netlink::{self, array, attributes, u32_at};

/// `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `struct inet_diag_msg`, after which its attributes come.
const MESSAGE: usize = 72;
/// `INET_DIAG_SKV6ONLY`: one byte, told of every listening IPv6 socket.
const V6_ONLY: u16 = 11;

/// The states of `net/tcp_states.h` that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Both ends are there.
    Established = 1,
    /// Waits for connections.
    Listen = 10,
}

/// One socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// This end.
    pub local: SocketAddr,
    /// The other end; of a listener, nothing.
    pub remote: SocketAddr,
    /// The number that `/proc/PID/fd` knows it by.
    pub inode: u32,
    /// `IPV6_V6ONLY`; false for IPv4 sockets, and where the kernel does not say.
    pub v6_only: bool,
}

/// Hands the namespace's sockets in one state to `take` until that has enough.
///
/// # Errors
/// What the kernel says, of either family.
pub fn each(inside: &Inside, state: State, mut take: impl FnMut(Socket) -> bool) -> io::Result<()> {
    let mut wants_more = true;
    for (family, sequence) in [(libc::AF_INET, 1), (libc::AF_INET6, 2)] {
        if !wants_more {
            break;
        }
        let family = u8::try_from(family).map_err(io::Error::other)?;
        // One that was not read to its end is of no further use.
        let socket = inside.netlink(libc::NETLINK_SOCK_DIAG)?;
        netlink::dump(&socket, SOCK_DIAG_BY_FAMILY, &request(family, state), sequence, |kind, message| {
            if let Some(found) = (kind == SOCK_DIAG_BY_FAMILY).then(|| read(message, state)).flatten() {
                wants_more = take(found);
            }
            wants_more
        })?;
    }
    Ok(())
}

/// `struct inet_diag_req_v2`.
fn request(family: u8, state: State) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let states: u32 = 1 << (state as u8);
    bytes[0] = family;
    bytes[1] = 6; // IPPROTO_TCP
    bytes[4..8].copy_from_slice(&states.to_ne_bytes());
    // The socket's identity (8..56) is left empty: any.
    bytes
}

/// `struct inet_diag_msg` and its attributes; `None` for another state than was asked for.
pub(super) fn read(message: &[u8], asked: State) -> Option<Socket> {
    let rest = message.get(MESSAGE..)?;
    let (family, state) = (*message.first()?, *message.get(1)?);
    if state != asked as u8 {
        return None;
    }
    let end = |address: usize, port: usize| {
        let port = u16::from_be_bytes(array(message, port)?);
        let address = match i32::from(family) {
            libc::AF_INET => IpAddr::V4(Ipv4Addr::from(array::<4>(message, address)?)),
            // A socket at ::ffff:a.b.c.d speaks IPv4 alone.
            libc::AF_INET6 => IpAddr::V6(Ipv6Addr::from(array::<16>(message, address)?)).to_canonical(),
            _ => return None,
        };
        Some(SocketAddr::new(address, port))
    };
    let (local, remote) = (end(8, 4)?, end(24, 6)?);
    let v6_only =
        attributes(rest).any(|(kind, value)| kind == V6_ONLY && value.first().is_some_and(|only| *only != 0));
    Some(Socket { local, remote, inode: u32_at(message, 68)?, v6_only: v6_only && local.is_ipv6() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = read(&bytes, State::Listen);
        }

        #[test]
        fn no_attributes_break_the_parser(
            family in prop_oneof![Just(2_u8), Just(10_u8)],
            rest in proptest::collection::vec(any::<u8>(), 0..160),
        ) {
            let mut message = vec![family, State::Listen as u8];
            message.extend(rest);
            let _ = read(&message, State::Listen);
        }
    }
}
