//! How many local ports the connections of a namespace hold, towards one other end at a time.
//!
//! Sources: Linux `Documentation/networking/ip-sysctl.rst` (`ip_local_port_range`, `ip_local_reserved_ports`,
//! `tcp_tw_reuse`) and `linux/inet_diag.h`. The settings are those of the namespace of whoever reads.
//!
//! Few namespaces have as many sockets as would be needed to fill the range, and the kernel's own count says which:
//! in all others none is walked. Of 28,232 that are over the walk takes 28 ms, in a build for debugging.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::netstack::{Listener, LocalPorts};

use super::inside::Inside;
use super::procnet::{self, setting};
use super::sockets::{self, States};

/// The rest is not read: more than any range has, and no more than a dump may be long.
const MOST_SOCKETS: u32 = 60_000;
/// Other ends that are counted. Who has connections with more is not at the end of its ports towards one of them, or
/// that one is met early: the kernel's order is none.
const MOST_ENDS: usize = 1024;

/// The ports of the namespace whose listeners these are; `None` where they cannot be read.
pub fn read(inside: &Inside, listeners: &[Listener], sockstat: &str) -> Option<LocalPorts> {
    let range = range(&setting("ipv4/ip_local_port_range")?)?;
    let listened_on: BTreeSet<u16> = listeners.iter().map(|listener| listener.port).collect();
    let room = room(range, &setting("ipv4/ip_local_reserved_ports")?, &listened_on);
    let held = held(sockstat, &procnet::read("sockstat6").unwrap_or_default())?;
    if !LocalPorts::may_crowd(room, held) {
        return Some(LocalPorts { range, room, crowds: Vec::new() });
    }
    // 1: a port of a connection that is over is given to a new one; 2: of such as do not leave the namespace.
    let reuse = setting("ipv4/tcp_tw_reuse").and_then(|text| text.trim().parse::<u8>().ok()).unwrap_or(0);
    let mut ends: BTreeMap<(IpAddr, SocketAddr), (u32, u32)> = BTreeMap::new();
    let (mut walked, mut is_whole) = (0, true);
    sockets::each_from(inside, States::CONNECTIONS, range, |socket| {
        walked += 1;
        let (local, remote) = (socket.local, socket.remote);
        let is_free = socket.is_over && (reuse == 1 || (reuse == 2 && remote.ip().is_loopback()));
        // Whoever listens there was called, and gave no port of this range away.
        if !is_free && !listened_on.contains(&local.port()) {
            let end = (local.ip(), remote);
            if ends.len() < MOST_ENDS || ends.contains_key(&end) {
                let (held, over) = ends.entry(end).or_default();
                *held += 1;
                *over += u32::from(socket.is_over);
            } else {
                is_whole = false;
            }
        }
        walked < MOST_SOCKETS
    })
    .ok()?;
    let held = ends.into_iter().map(|((local, remote), (held, over))| (local, remote, held, over));
    let ports = LocalPorts::of(range, room, held);
    // Of a part nobody can say that there is room.
    ((is_whole && walked < MOST_SOCKETS) || !ports.crowds.is_empty()).then_some(ports)
}

/// `sockstat` and `sockstat6`: every TCP socket that may hold a port.
pub(super) fn held(sockstat: &str, sockstat6: &str) -> Option<u64> {
    let inuse = procnet::paired(sockstat, "TCP:", "inuse")?;
    let inuse6 = procnet::paired(sockstat6, "TCP6:", "inuse").unwrap_or(0);
    Some(inuse.saturating_add(inuse6).saturating_add(procnet::paired(sockstat, "TCP:", "tw")?))
}

/// `net.ipv4.ip_local_port_range`: two numbers.
pub(super) fn range(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_ascii_whitespace().map(str::parse::<u16>);
    let (first, last) = (words.next()?.ok()?, words.next()?.ok()?);
    (first <= last && words.next().is_none()).then_some((first, last))
}

/// How many of them are given away: `reserved` is `net.ipv4.ip_local_reserved_ports`, `8080,9148-9150`.
pub(super) fn room((first, last): (u16, u16), reserved: &str, listened_on: &BTreeSet<u16>) -> u32 {
    let among = |port: u16| (first..=last).contains(&port);
    let mut taken: BTreeSet<u16> = listened_on.iter().copied().filter(|port| among(*port)).collect();
    for part in reserved.trim().split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(from), Ok(to)) = (from.parse::<u16>(), to.parse::<u16>()) {
            taken.extend((from.max(first)..=to.min(last)).filter(|port| among(*port)));
        }
    }
    let all = u32::from(last).saturating_sub(u32::from(first)) + 1;
    all.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use proptest::prelude::*;
    use socket2::Socket;

    use super::super::scratch::Scratch;
    use super::super::{Hopper, listeners};
    use super::*;
    use crate::netstack::Level;

    #[test]
    fn a_range_is_two_numbers() {
        for (text, expected) in [
            ("32768\t60999\n", Some((32768, 60999))),
            ("7 7", Some((7, 7))),
            ("60999 32768", None),
            ("32768", None),
            ("32768 99999", None),
            ("1 2 3", None),
            ("", None),
        ] {
            assert_eq!(range(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_reserved_or_listened_on_is_given_to_nobody() {
        let listened_on = BTreeSet::from([80, 40_000, 40_005]);
        for (reserved, expected) in [
            ("", 18),
            ("\n", 18),
            ("40003\n", 17),
            ("39000-40004,40005,40019-50000\n", 13),
            ("40004-40003,x,-,40003-", 18),
            ("1-65535", 0),
        ] {
            assert_eq!(room((40_000, 40_019), reserved, &listened_on), expected, "{reserved:?}");
        }
        assert_eq!(room((0, u16::MAX), "", &BTreeSet::new()), 65_536);
    }

    #[test]
    fn sockets_of_both_families_are_held_and_those_that_are_over() {
        let four = "sockets: used 25\nTCP: inuse 3 orphan 0 tw 7 alloc 9 mem 2\n";
        assert_eq!(held(four, "TCP6: inuse 5\n"), Some(15));
        assert_eq!(held(four, ""), Some(10), "a kernel without IPv6");
        assert_eq!(held("", "TCP6: inuse 5\n"), None);
    }

    /// A namespace with 20 ports, and a peer whose port 7000 takes connections.
    struct Town {
        client: Scratch,
        server: Scratch,
        hopper: Hopper,
        _listening: Socket,
    }

    const PEER: &str = "10.9.8.2:7000";

    fn end(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    async fn town(settings: &[&str]) -> Town {
        let (client, server) = (Scratch::new(), Scratch::new());
        client.ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", server.name()]);
        for (end, address) in [(&client, "10.9.8.1/24"), (&server, "10.9.8.2/24")] {
            end.ip(&["address", "add", address, "dev", "eth0"]);
            end.ip(&["link", "set", "eth0", "up"]);
        }
        for setting in settings {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", client.name(), "sysctl", "-q", "-w", setting]);
            assert!(command.status().expect("ip (iproute2) starts").success(), "{setting}");
        }
        let hopper = Hopper::start().expect("starts");
        let at = server.vantage();
        let listening = hopper.hop(&at, |inside| {
            let socket = inside.tcp(end(PEER).ip()).expect("a socket");
            socket.bind(&end(PEER).into()).expect("bound");
            socket.listen(64).expect("listens");
            socket
        });
        let listening = listening.await.expect("enters");
        Town { client, server, hopper, _listening: listening }
    }

    impl Town {
        /// Connections to the peer, and with what the kernel refused the first that it refused.
        async fn connect(&self, count: usize) -> (Vec<Socket>, Option<i32>) {
            let connect = move |inside: &Inside| {
                let (mut open, mut refused) = (Vec::new(), None);
                for _ in 0..count {
                    let socket = inside.tcp(end(PEER).ip()).expect("a socket");
                    match socket.connect(&end(PEER).into()).map_err(|error| error.raw_os_error()) {
                        Ok(()) | Err(Some(libc::EINPROGRESS)) => open.push(socket),
                        Err(errno) => refused = refused.or(errno),
                    }
                }
                (open, refused)
            };
            self.hopper.hop(&self.client.vantage(), connect).await.expect("enters")
        }

        async fn look(&self, at: &Scratch) -> LocalPorts {
            let look = |inside: &Inside| {
                let listeners = listeners::read(inside).expect("read");
                read(inside, &listeners, &procnet::read("sockstat").expect("read"))
            };
            self.hopper.hop(&at.vantage(), look).await.expect("enters").expect("read")
        }
    }

    const NARROW: &str = "net.ipv4.ip_local_port_range=40000 40019";

    #[tokio::test]
    async fn ports_that_are_used_up_are_told_as_the_kernel_refuses() {
        let town = town(&[NARROW]).await;
        let (mut open, refused) = town.connect(15).await;
        assert_eq!((open.len(), refused), (15, None));
        let seen = town.look(&town.client).await;
        assert_eq!((seen.range, seen.room, seen.crowds), ((40_000, 40_019), 20, Vec::new()));
        let (more, refused) = town.connect(8).await;
        assert_eq!((more.len(), refused), (5, Some(libc::EADDRNOTAVAIL)));
        open.extend(more);
        let seen = town.look(&town.client).await;
        let crowd = seen.crowds.first().expect("one");
        assert_eq!((crowd.remote, crowd.held, crowd.over), (end(PEER), 20, 0));
        assert_eq!((crowd.local, crowd.level), (end("10.9.8.1:0").ip(), Level::Full));
        // Whoever is called gives no port away, however many call.
        assert_eq!(town.look(&town.server).await.crowds, []);
        // What is over holds its port for a minute still.
        drop(open);
        let over = || async { town.look(&town.client).await.crowds.first().map(|crowd| crowd.held) };
        assert_eq!(over().await, Some(20));
    }

    #[tokio::test]
    async fn what_is_reserved_is_no_room() {
        let town = town(&[NARROW, "net.ipv4.ip_local_reserved_ports=40000-40009"]).await;
        let (open, refused) = town.connect(11).await;
        assert_eq!((open.len(), refused), (10, Some(libc::EADDRNOTAVAIL)));
        let seen = town.look(&town.client).await;
        assert_eq!((seen.room, seen.crowds.first().map(|crowd| crowd.held)), (10, Some(10)));
    }

    /// As many as the usual range has, nearly all of them over.
    #[tokio::test]
    #[ignore = "takes a time, and tells it"]
    async fn what_it_costs() {
        let town = town(&[]).await;
        let server = town._listening.try_clone().expect("another");
        std::thread::spawn(move || {
            // Whoever closes first waits: the other end hears of it, and goes.
            server.set_nonblocking(false).expect("set");
            while let Ok((taken, _)) = server.accept() {
                std::io::Read::read(&mut &taken, &mut [0; 8]).ok();
            }
        });
        let mut refused = None;
        for _ in 0..2000 {
            let (open, errno) = town.connect(32).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            drop(open);
            refused = refused.or(errno);
            if refused.is_some() {
                break;
            }
        }
        let before = std::time::Instant::now();
        let seen = town.look(&town.client).await;
        println!("{:?}: {seen:?}, first refused with {refused:?}", before.elapsed());
        assert!(seen.crowds.first().is_some_and(|crowd| crowd.held > 20_000));
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_parser(text in "[ -~\n\t]{0,200}", first in any::<u16>(), last in any::<u16>()) {
            let _ = range(&text);
            let _ = held(&text, &text);
            let all = u32::from(last).saturating_sub(u32::from(first)) + 1;
            prop_assert!(room((first, last), &text, &BTreeSet::new()) <= all);
        }
    }
}
