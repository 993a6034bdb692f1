//! What listens in a namespace: a dump of the TCP sockets in LISTEN, by `NETLINK_SOCK_DIAG`.
//!
//! The kernel is asked for that one state only: it then walks its short table of listeners, and not
//! every connection of a busy proxy (`/proc/net/tcp` and a full dump do). The three structures of
//! `linux/inet_diag.h` that this takes are written and read by hand, bytes in, values out; the
//! parser must never trust a length that it was told.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netstack::Listener;

use super::inside::Inside;

/// Docker's embedded resolver, which it puts into every container: not the container's own doing.
pub(super) const EMBEDDED_RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// More than this is not one container's service any more; the rest is not read.
const MOST_LISTENERS: usize = 4096;
/// Replies per dump, each of up to [`REPLY`] bytes: a bound against a kernel that never ends.
const MOST_REPLIES: usize = 256;
/// The largest reply that the kernel makes (it fits them to the reader's buffer, up to 32 KiB).
const REPLY: usize = 32 * 1024;

const HEADER: usize = 16;
const REQUEST: usize = 56;
const TCP_LISTEN: u8 = 10;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const FLAGS: u16 = 0x001 | 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `struct inet_diag_msg`, after which its attributes come.
const MESSAGE: usize = 72;
/// `INET_DIAG_SKV6ONLY`: one byte, told of every listening IPv6 socket.
const V6_ONLY: u16 = 11;

/// Every TCP socket in LISTEN of the namespace, sorted, without the Engine's embedded resolver.
///
/// # Errors
/// What the kernel says, of either family: half a list would make a listener look absent.
pub fn read(inside: &Inside) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    for (family, sequence) in [(libc::AF_INET, 1), (libc::AF_INET6, 2)] {
        dump(inside, u8::try_from(family).map_err(io::Error::other)?, sequence, &mut found)?;
    }
    found.retain(|listener| listener.address != IpAddr::V4(EMBEDDED_RESOLVER));
    found.sort_unstable();
    // SO_REUSEPORT: many sockets on one port are one listener.
    found.dedup();
    Ok(found)
}

fn dump(inside: &Inside, family: u8, sequence: u32, found: &mut Vec<Listener>) -> io::Result<()> {
    // Non-blocking, and still nothing to wait for: the kernel makes each reply while the one before
    // it is read.
    let socket = inside.netlink(libc::NETLINK_SOCK_DIAG)?;
    socket.send(&request(family, sequence))?;
    let mut reply = vec![0; REPLY];
    for _ in 0..MOST_REPLIES {
        let length = (&socket).read(&mut reply)?;
        let end = parse(reply.get(..length).unwrap_or_default(), sequence, found)?;
        if end || found.len() >= MOST_LISTENERS {
            return Ok(());
        }
    }
    Err(io::Error::other("the kernel's list of sockets does not end"))
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn request(family: u8, sequence: u32) -> [u8; HEADER + REQUEST] {
    let mut bytes = [0; HEADER + REQUEST];
    let length: u32 = 72;
    let states: u32 = 1 << TCP_LISTEN;
    bytes[0..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&FLAGS.to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    // The sender (12..16) is for the kernel to fill in.
    bytes[16] = family;
    bytes[17] = 6; // IPPROTO_TCP
    bytes[20..24].copy_from_slice(&states.to_ne_bytes());
    // The socket's identity (24..72) is left empty: any.
    bytes
}

/// Reads one reply; true where it ends the dump.
fn parse(mut bytes: &[u8], sequence: u32, found: &mut Vec<Listener>) -> io::Result<bool> {
    if bytes.is_empty() {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    while let (Some(length), Some(kind), Some(answers)) =
        (u32_at(bytes, 0), u16_at(bytes, 4), u32_at(bytes, 8))
    {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(payload) = bytes.get(HEADER..length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a netlink message is cut short"));
        };
        // Whoever administrates the namespace could send to this socket too: only answers count.
        if answers == sequence {
            match kind {
                NLMSG_DONE | NLMSG_ERROR => return ended(payload),
                SOCK_DIAG_BY_FAMILY if found.len() < MOST_LISTENERS => found.extend(listener(payload)),
                _ => {}
            }
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// Both ends of a dump carry a negative error number, or zero.
fn ended(payload: &[u8]) -> io::Result<bool> {
    match u32_at(payload, 0).map(u32::cast_signed) {
        Some(errno) if errno < 0 => Err(io::Error::from_raw_os_error(errno.saturating_neg())),
        _ => Ok(true),
    }
}

/// `struct inet_diag_msg` and its attributes.
fn listener(message: &[u8]) -> Option<Listener> {
    let mut attributes = message.get(MESSAGE..)?;
    let (family, state) = (*message.first()?, *message.get(1)?);
    if state != TCP_LISTEN {
        return None;
    }
    let port = u16::from_be_bytes(array(message, 4)?);
    let address = match i32::from(family) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::from(array::<4>(message, 8)?)),
        // A socket bound to ::ffff:a.b.c.d listens on IPv4 alone.
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::from(array::<16>(message, 8)?)).to_canonical(),
        _ => return None,
    };
    let mut v6_only = false;
    while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let length = usize::from(length);
        let Some(value) = attributes.get(4..length) else { break };
        if kind == V6_ONLY {
            v6_only = value.first().is_some_and(|only| *only != 0);
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Listener { address, port, v6_only: v6_only && address.is_ipv6() })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use proptest::prelude::*;

    use super::super::scratch::Scratch;
    use super::super::{Hopper, Vantage};
    use super::*;

    /// Listens at `address` of the namespace where it is called.
    fn listen(inside: &Inside, address: &str, v6_only: bool) -> socket2::Socket {
        let address: SocketAddr = address.parse().expect("an address");
        let socket = inside.tcp(address.ip()).expect("a socket");
        if address.is_ipv6() {
            socket.set_only_v6(v6_only).expect("set");
        }
        socket.bind(&address.into()).expect("bound");
        socket.listen(8).expect("listens");
        socket
    }

    fn seen(address: &str, v6_only: bool) -> Listener {
        let address: SocketAddr = address.parse().expect("an address");
        Listener { address: address.ip(), port: address.port(), v6_only }
    }

    #[tokio::test]
    async fn a_hop_sees_the_listeners_of_its_namespace_and_no_others() {
        let (one, other) = (Scratch::new(), Scratch::new());
        let hopper = Hopper::start().expect("starts");
        let at_home = TcpListener::bind("127.0.0.1:0").expect("bound");
        let at_home = (at_home.local_addr().expect("told").to_string(), at_home);
        let _there = hopper
            .hop(&one.vantage(), |inside| {
                [
                    listen(inside, "0.0.0.0:8080", false),
                    listen(inside, "127.0.0.1:9000", false),
                    listen(inside, "[::]:3000", false),
                    listen(inside, "[::]:3001", true),
                    listen(inside, "[::ffff:127.0.0.1]:3002", false),
                    // The embedded resolver's place.
                    listen(inside, "127.0.0.11:40000", false),
                ]
            })
            .await
            .expect("enters");
        let _elsewhere = hopper.hop(&other.vantage(), |inside| listen(inside, "0.0.0.0:7000", false)).await;
        assert_eq!(
            hopper.hop(&one.vantage(), read).await.expect("enters").expect("read"),
            [
                seen("0.0.0.0:8080", false),
                seen("127.0.0.1:3002", false),
                seen("127.0.0.1:9000", false),
                seen("[::]:3000", false),
                seen("[::]:3001", true),
            ]
        );
        let elsewhere = hopper.hop(&other.vantage(), read).await.expect("enters").expect("read");
        assert_eq!(elsewhere, [seen("0.0.0.0:7000", false)]);
        let home = hopper.hop(&Vantage::Own, read).await.expect("at home").expect("read");
        assert!(home.contains(&seen(&at_home.0, false)), "{home:?}");
        assert!(!home.contains(&seen("[::]:3001", true)), "{home:?}");
    }

    #[tokio::test]
    async fn a_long_list_takes_several_replies() {
        let scratch = Scratch::new();
        let hopper = Hopper::start().expect("starts");
        let made = |inside: &Inside| -> Vec<_> {
            (1000..1600).map(|port| listen(inside, &format!("0.0.0.0:{port}"), false)).collect()
        };
        let _sockets = hopper.hop(&scratch.vantage(), made).await.expect("enters");
        assert_eq!(hopper.hop(&scratch.vantage(), read).await.expect("enters").expect("read").len(), 600);
    }

    fn message(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER + payload.len()).expect("short").to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn the_end_of_a_dump_says_whether_it_failed() {
        let mut found = Vec::new();
        assert!(parse(&message(NLMSG_DONE, 1, &0_i32.to_ne_bytes()), 1, &mut found).expect("ends"));
        let refused = parse(&message(NLMSG_ERROR, 1, &(-libc::ENOENT).to_ne_bytes()), 1, &mut found);
        assert_eq!(refused.expect_err("told").raw_os_error(), Some(libc::ENOENT));
        assert!(parse(&[], 1, &mut found).is_err(), "an empty reply would be asked for again for ever");
    }

    #[test]
    fn what_is_no_answer_does_not_count() {
        let mut socket = [0; MESSAGE];
        socket[0] = 2;
        socket[1] = TCP_LISTEN;
        let mut found = Vec::new();
        assert!(!parse(&message(SOCK_DIAG_BY_FAMILY, 7, &socket), 1, &mut found).expect("read"));
        assert_eq!(found, []);
        parse(&message(SOCK_DIAG_BY_FAMILY, 1, &socket), 1, &mut found).expect("read");
        assert_eq!(found.len(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = parse(&bytes, 1, &mut Vec::new());
            let _ = listener(&bytes);
        }

        #[test]
        fn no_payload_breaks_the_parser(
            kind in prop_oneof![Just(NLMSG_DONE), Just(NLMSG_ERROR), Just(SOCK_DIAG_BY_FAMILY)],
            family in prop_oneof![Just(2_u8), Just(10_u8)],
            rest in proptest::collection::vec(any::<u8>(), 0..160),
            cut in 0_usize..200,
        ) {
            let mut payload = vec![family, TCP_LISTEN];
            payload.extend(rest);
            let bytes = message(kind, 1, &payload);
            let _ = parse(bytes.get(..cut).unwrap_or(&bytes), 1, &mut Vec::new());
            let _ = parse(&bytes, 1, &mut Vec::new());
        }
    }
}
