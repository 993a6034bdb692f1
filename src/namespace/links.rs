//! The interfaces of a namespace, by `NETLINK_ROUTE`: names, MACs, counters and addresses.
//!
//! MAC and addresses tell which of a container's interfaces leads to which network, which their names
//! do not; the counters come with them. Two short dumps, about 20 µs together.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socket2::Socket;

use crate::netstack::{Direction, Interface};

use super::inside::Inside;
use super::netlink::{self, array, attributes, u32_at};

/// A container has one interface per network, and `lo`. The rest is not read.
const MOST_INTERFACES: usize = 256;
/// Of the whole namespace; the rest is not read.
const MOST_ADDRESSES: usize = 1024;

// From linux/rtnetlink.h and linux/if_link.h; the structures are in the host's byte order.
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
/// `struct ifinfomsg`: family, type, index at 4, flags; empty: every interface.
const IFINFOMSG: usize = 16;
/// `struct ifaddrmsg`: family, prefix, flags, scope, index at 4; empty: every address.
const IFADDRMSG: usize = 8;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_STATS64: u16 = 23;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

/// Every interface of the namespace, in the kernel's order.
///
/// # Errors
/// What the kernel says of the interfaces. Where it does not tell their addresses (the list before was not
/// read to its end), MACs still tell most of them apart.
pub fn read(inside: &Inside) -> io::Result<Vec<Interface>> {
    let mut found: Vec<(u32, Interface)> = Vec::new();
    let socket = inside.netlink(libc::NETLINK_ROUTE)?;
    netlink::dump(&socket, RTM_GETLINK, &[0; IFINFOMSG], 1, |kind, message| {
        if kind == RTM_NEWLINK {
            found.extend(link(message));
        }
        found.len() < MOST_INTERFACES
    })?;
    let mut by_link = addresses(&socket).unwrap_or_default();
    for (index, interface) in &mut found {
        interface.addresses = by_link.remove(index).unwrap_or_default();
    }
    Ok(found.into_iter().map(|(_, interface)| interface).collect())
}

/// The addresses of all interfaces, by the numbers of these.
///
/// # Errors
/// What the kernel says.
pub fn own_addresses(inside: &Inside) -> io::Result<BTreeMap<u32, Vec<IpAddr>>> {
    addresses(&inside.netlink(libc::NETLINK_ROUTE)?)
}

/// Addresses by the number of their interface.
fn addresses(socket: &Socket) -> io::Result<BTreeMap<u32, Vec<IpAddr>>> {
    let (mut left, mut found) = (MOST_ADDRESSES, BTreeMap::<u32, Vec<IpAddr>>::new());
    netlink::dump(socket, RTM_GETADDR, &[0; IFADDRMSG], 2, |kind, message| {
        if let Some((index, address)) = (kind == RTM_NEWADDR).then(|| address(message)).flatten() {
            found.entry(index).or_default().push(address);
        }
        left = left.saturating_sub(1);
        left > 0
    })?;
    Ok(found)
}

/// `RTM_NEWLINK`: the interface's number and itself; `None` where its name or counters are not told.
pub(super) fn link(message: &[u8]) -> Option<(u32, Interface)> {
    let index = u32_at(message, 4)?;
    let (mut name, mut mac, mut counters) = (None, None, None);
    for (kind, value) in attributes(message.get(IFINFOMSG..)?) {
        match kind {
            IFLA_IFNAME => name = value.split(|byte| *byte == 0).next().map(String::from_utf8_lossy),
            // `lo` has an address too: of zeroes.
            IFLA_ADDRESS => mac = <[u8; 6]>::try_from(value).ok().filter(|mac| *mac != [0; 6]),
            IFLA_STATS64 => counters = statistics(value),
            _ => {}
        }
    }
    let (receive, transmit) = counters?;
    Some((index, Interface { name: name?.into_owned(), mac, addresses: Vec::new(), receive, transmit }))
}

/// `struct rtnl_link_stats64`: receive and transmit by turns. As `/proc/net/dev` has it, what was missed
/// was dropped.
fn statistics(bytes: &[u8]) -> Option<(Direction, Direction)> {
    let at = |place: usize| array(bytes, place * 8).map(u64::from_ne_bytes);
    let receive = Direction {
        packets: at(0)?,
        bytes: at(2)?,
        errors: at(4)?,
        drops: at(6)?.saturating_add(at(15).unwrap_or_default()),
    };
    Some((receive, Direction { packets: at(1)?, bytes: at(3)?, errors: at(5)?, drops: at(7)? }))
}

/// `RTM_NEWADDR`: the interface's number and one address of its own.
pub(super) fn address(message: &[u8]) -> Option<(u32, IpAddr)> {
    let index = u32_at(message, 4)?;
    let family = i32::from(*message.first()?);
    let (mut own, mut of_link) = (None, None);
    for (kind, value) in attributes(message.get(IFADDRMSG..)?) {
        let address = match family {
            libc::AF_INET => <[u8; 4]>::try_from(value).ok().map(|four| Ipv4Addr::from(four).into()),
            libc::AF_INET6 => <[u8; 16]>::try_from(value).ok().map(|six| Ipv6Addr::from(six).into()),
            _ => None,
        };
        match kind {
            IFA_LOCAL => own = address,
            // The other end's, where the link has two; else the own one again.
            IFA_ADDRESS => of_link = address,
            _ => {}
        }
    }
    own.or(of_link).map(|address| (index, address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Hopper;
    use super::super::scratch::Scratch;
    use super::*;

    #[tokio::test]
    async fn an_interface_is_read_with_its_mac_its_addresses_and_what_it_counted() {
        let scratch = Scratch::new();
        let mac = "02:42:0a:07:00:02";
        scratch.ip(&["link", "add", "eth0", "address", mac, "type", "veth", "peer", "name", "other"]);
        scratch.ip(&["address", "add", "10.7.0.2/24", "dev", "eth0"]);
        scratch.ip(&["address", "add", "fd07::2/64", "dev", "eth0", "nodad"]);
        scratch.ip(&["link", "set", "eth0", "up"]);
        scratch.ip(&["link", "set", "other", "up"]);
        let hopper = Hopper::start().expect("starts");
        let send = |count: u32| {
            move |inside: &Inside| {
                let socket = inside.udp(IpAddr::V4(Ipv4Addr::LOCALHOST)).expect("a socket");
                socket.set_broadcast(true).expect("set");
                let everyone = std::net::SocketAddr::from(([10, 7, 0, 255], 9));
                for _ in 0..count {
                    socket.send_to(&[0; 1000], &everyone.into()).expect("sent");
                }
                read(inside).expect("read")
            }
        };
        let of = |found: &[Interface], name: &str| {
            found.iter().find(|interface| interface.name == name).cloned().expect("it is there")
        };
        // A link that has just come up drops all until the kernel gets round to giving it a queue.
        let (mut before, mut patience) = (Vec::new(), 500);
        while before.is_empty() || (of(&before, "other").receive.bytes < 1000 && patience > 0) {
            before = hopper.hop(&scratch.vantage(), send(1)).await.expect("enters");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            patience -= 1;
        }
        let found = hopper.hop(&scratch.vantage(), send(20)).await.expect("enters");
        let lo = found.iter().find(|interface| interface.name == "lo").expect("lo");
        assert_eq!(lo.mac, None);
        assert!(lo.addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)), "{lo:?}");
        let eth0 = found.iter().find(|interface| interface.name == "eth0").expect("eth0");
        assert_eq!(eth0.mac, Some([2, 0x42, 10, 7, 0, 2]));
        for address in ["10.7.0.2", "fd07::2"] {
            assert!(eth0.addresses.contains(&address.parse().expect("an address")), "{eth0:?}");
        }
        // What the one sends the other receives: 20 datagrams, and what IPv6 says of itself.
        let sent = |found: &[Interface]| of(found, "eth0").transmit;
        let received = |found: &[Interface]| of(found, "other").receive;
        assert!(
            (20_000..30_000).contains(&(sent(&found).bytes - sent(&before).bytes)),
            "{before:?} {found:?}"
        );
        assert!((20..60).contains(&(sent(&found).packets - sent(&before).packets)), "{before:?} {found:?}");
        assert!((20_000..30_000).contains(&(received(&found).bytes - received(&before).bytes)), "{found:?}");
        assert!(eth0.receive.bytes < 10_000 && of(&found, "other").transmit.bytes < 10_000, "{found:?}");
    }

    #[tokio::test]
    async fn of_more_interfaces_than_a_container_has_the_first_are_read() {
        let scratch = Scratch::new();
        for n in 0..MOST_INTERFACES {
            scratch.ip(&["link", "add", &format!("b{n}"), "type", "bridge"]);
        }
        let hopper = Hopper::start().expect("starts");
        let found = hopper.hop(&scratch.vantage(), read).await.expect("enters").expect("read");
        assert_eq!(found.len(), MOST_INTERFACES);
    }

    #[test]
    fn counters_have_the_kernels_order() {
        let bytes: Vec<u8> = (1..=24_u64).flat_map(u64::to_ne_bytes).collect();
        let receive = Direction { packets: 1, bytes: 3, errors: 5, drops: 7 + 16 };
        let transmit = Direction { packets: 2, bytes: 4, errors: 6, drops: 8 };
        assert_eq!(statistics(&bytes), Some((receive, transmit)));
        assert_eq!(statistics(&bytes[..60]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_a_parser(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (link(&bytes), address(&bytes), statistics(&bytes));
        }

        #[test]
        fn no_attributes_break_a_parser(
            family in prop_oneof![Just(2_u8), Just(10_u8)],
            kind in 0_u16..24,
            value in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut message = vec![family];
            message.resize(IFINFOMSG, 0);
            message.extend(u16::try_from(value.len() + 4).expect("short").to_ne_bytes());
            message.extend(kind.to_ne_bytes());
            message.extend(value);
            let _ = (link(&message), address(&message));
        }
    }
}
