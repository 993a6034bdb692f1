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
/// `INET_DIAG_REQ_BYTECODE`, `INET_DIAG_BC_S_GE` and `INET_DIAG_BC_S_LE`.
const BYTECODE: u16 = 1;
const SOURCE_AT_LEAST: u8 = 2;
const SOURCE_AT_MOST: u8 = 3;
/// Two comparisons, each with its port.
const PROGRAM: usize = 16;

/// A set of the states of `net/tcp_states.h` that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States(u32);

/// The last that the other end may be late for: the connection is over, and its port still taken.
const TIME_WAIT: u8 = 6;

impl States {
    /// Both ends are there.
    pub const ESTABLISHED: Self = Self(1 << 1);
    /// Waits for connections.
    pub const LISTEN: Self = Self(1 << 10);
    /// Whatever has another end and a port of its own: from `SYN_SENT` to `TIME_WAIT`.
    pub const CONNECTIONS: Self =
        Self(1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << TIME_WAIT | 1 << 8 | 1 << 9 | 1 << 11);

    /// Whether a state is among them.
    pub const fn has(self, state: u8) -> bool {
        state < 32 && self.0 & (1 << state) != 0
    }
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
    /// `TIME_WAIT`: nobody has it any more, and its port is still taken.
    pub is_over: bool,
}

/// Hands the namespace's sockets in these states to `take` until that has enough.
///
/// # Errors
/// What the kernel says, of either family.
pub fn each(inside: &Inside, states: States, take: impl FnMut(Socket) -> bool) -> io::Result<()> {
    ask(inside, |family| request(family, states).to_vec(), states, take)
}

/// As [`each`], of those alone whose own port is one of these: the kernel passes over the others.
///
/// # Errors
/// What the kernel says, of either family.
pub fn each_from(
    inside: &Inside,
    states: States,
    ports: (u16, u16),
    take: impl FnMut(Socket) -> bool,
) -> io::Result<()> {
    let question = |family| [&request(family, states)[..], &with_port(ports)].concat();
    ask(inside, question, states, take)
}

fn ask(
    inside: &Inside,
    question: impl Fn(u8) -> Vec<u8>,
    states: States,
    mut take: impl FnMut(Socket) -> bool,
) -> io::Result<()> {
    let mut wants_more = true;
    for (family, sequence) in [(libc::AF_INET, 1), (libc::AF_INET6, 2)] {
        if !wants_more {
            break;
        }
        let family = u8::try_from(family).map_err(io::Error::other)?;
        // One that was not read to its end is of no further use.
        let socket = inside.netlink(libc::NETLINK_SOCK_DIAG)?;
        netlink::dump(&socket, SOCK_DIAG_BY_FAMILY, &question(family), sequence, |kind, message| {
            if let Some(found) = (kind == SOCK_DIAG_BY_FAMILY).then(|| read(message, states)).flatten() {
                wants_more = take(found);
            }
            wants_more
        })?;
    }
    Ok(())
}

/// `struct inet_diag_req_v2`.
fn request(family: u8, states: States) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    bytes[0] = family;
    bytes[1] = 6; // IPPROTO_TCP
    bytes[4..8].copy_from_slice(&states.0.to_ne_bytes());
    // The socket's identity (8..56) is left empty: any.
    bytes
}

/// `INET_DIAG_REQ_BYTECODE`: a program that the kernel runs for each socket, of `struct inet_diag_bc_op`: what to do,
/// how far to go where it holds, and how far where it does not. Who goes on to the very end is told of.
fn with_port((first, last): (u16, u16)) -> [u8; 4 + PROGRAM] {
    // A port is in the operation that follows the one that compares with it; beyond the end is a no.
    let compare = |code: u8, port: u16, left: u16| {
        let [no, port] = [left + 4, port].map(u16::to_ne_bytes);
        [code, 8, no[0], no[1], 0, 0, port[0], port[1]]
    };
    let mut bytes = [0; 4 + PROGRAM];
    bytes[..2].copy_from_slice(&(4 + PROGRAM as u16).to_ne_bytes());
    bytes[2..4].copy_from_slice(&BYTECODE.to_ne_bytes());
    bytes[4..12].copy_from_slice(&compare(SOURCE_AT_LEAST, first, 16));
    bytes[12..].copy_from_slice(&compare(SOURCE_AT_MOST, last, 8));
    bytes
}

/// `struct inet_diag_msg` and its attributes; `None` for another state than was asked for.
pub(super) fn read(message: &[u8], asked: States) -> Option<Socket> {
    let rest = message.get(MESSAGE..)?;
    let (family, state) = (*message.first()?, *message.get(1)?);
    if !asked.has(state) {
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
    Some(Socket {
        local,
        remote,
        inode: u32_at(message, 68)?,
        v6_only: v6_only && local.is_ipv6(),
        is_over: state == TIME_WAIT,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = read(&bytes, States::LISTEN);
        }

        #[test]
        fn no_attributes_break_the_parser(
            family in prop_oneof![Just(2_u8), Just(10_u8)],
            rest in proptest::collection::vec(any::<u8>(), 0..160),
        ) {
            let mut message = vec![family, 10];
            message.extend(rest);
            let _ = read(&message, States::LISTEN);
        }
    }
}
