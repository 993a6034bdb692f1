//! What listens in a namespace: a dump of the TCP sockets in LISTEN, by `NETLINK_SOCK_DIAG`.
//!
//! The kernel is asked for that one state only: it then walks its short table of listeners, and not
//! every connection of a busy proxy (`/proc/net/tcp` and a full dump do). The structures of
//! `linux/inet_diag.h` that this takes are written and read by hand, bytes in, values out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netstack::Listener;

use super::inside::Inside;
use super::netlink::{self, array, attributes};

/// Docker's embedded resolver, which it puts into every container: not the container's own doing.
pub(super) const EMBEDDED_RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// More than this is not one container's service any more; the rest is not read.
const MOST_LISTENERS: usize = 4096;
/// `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
const TCP_LISTEN: u8 = 10;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
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
    let socket = inside.netlink(libc::NETLINK_SOCK_DIAG)?;
    netlink::dump(&socket, SOCK_DIAG_BY_FAMILY, &request(family), sequence, |kind, message| {
        if kind == SOCK_DIAG_BY_FAMILY {
            found.extend(listener(message));
        }
        found.len() < MOST_LISTENERS
    })
}

/// `struct inet_diag_req_v2`.
fn request(family: u8) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let states: u32 = 1 << TCP_LISTEN;
    bytes[0] = family;
    bytes[1] = 6; // IPPROTO_TCP
    bytes[4..8].copy_from_slice(&states.to_ne_bytes());
    // The socket's identity (8..56) is left empty: any.
    bytes
}

/// `struct inet_diag_msg` and its attributes.
pub(super) fn listener(message: &[u8]) -> Option<Listener> {
    let rest = message.get(MESSAGE..)?;
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
    let v6_only =
        attributes(rest).any(|(kind, value)| kind == V6_ONLY && value.first().is_some_and(|only| *only != 0));
    Some(Listener { address, port, v6_only: v6_only && address.is_ipv6() })
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

    proptest! {
        #[test]
        fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = listener(&bytes);
        }

        #[test]
        fn no_attributes_break_the_parser(
            family in prop_oneof![Just(2_u8), Just(10_u8)],
            rest in proptest::collection::vec(any::<u8>(), 0..160),
        ) {
            let mut message = vec![family, TCP_LISTEN];
            message.extend(rest);
            let _ = listener(&message);
        }
    }
}
