//! Who is connected with whom, as a namespace's sockets tell.
//!
//! The exporter's own are among them: a socket that a probe made is in the container's namespace. They are
//! known by their inodes and left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::time::SystemTime;

use crate::netstack::{Connections, Listener, Side, Talk};

use super::inside::Inside;
use super::sockets::{self, Socket, States};

/// A busy proxy's are more than this; the rest is not read, for everyone waits for the thread that reads.
const MOST_SOCKETS: usize = 16_384;
/// Descriptors of the exporter that are looked at.
const MOST_OWN: usize = 65_536;

/// The first port that the kernel gives to whoever names none, unless somebody has set it otherwise
/// (`net.ipv4.ip_local_port_range`): below it are those that services are called by.
const FIRST_EPHEMERAL: u16 = 32768;

/// The established connections of the namespace whose listeners these are, alike ones together.
///
/// # Errors
/// What the kernel says, of the sockets or of the exporter's own descriptors: where they cannot be told apart, nothing
/// is told.
pub fn read(inside: &Inside, listeners: &[Listener]) -> io::Result<Connections> {
    // Before the list is made: nobody makes sockets in here meanwhile, and one of ours that ends is not missed.
    let own = own_sockets()?;
    let mut by_port = BTreeMap::<u16, Vec<&Listener>>::new();
    for listener in listeners {
        by_port.entry(listener.port).or_default().push(listener);
    }
    let (mut read, mut told) = (0, BTreeMap::new());
    sockets::each(inside, States::ESTABLISHED, |socket| {
        read += 1;
        let listeners = by_port.get(&socket.local.port()).map_or(&[][..], Vec::as_slice);
        if !own.contains(&socket.inode)
            && let Some(talk) = talk(&socket, listeners)
        {
            let count: &mut u32 = told.entry(talk).or_default();
            *count = count.saturating_add(1);
        }
        read < MOST_SOCKETS
    })?;
    Ok(Connections {
        at: SystemTime::now(),
        talks: told.into_iter().collect(),
        complete: read < MOST_SOCKETS,
    })
}

/// What one connection is but for the client's own port; `None` for what does not leave the namespace.
///
/// Whoever listens on the local port was called. Where nobody does any longer (a server that is to end closes its
/// door and serves whom it has), the ports tell.
fn talk(socket: &Socket, listeners: &[&Listener]) -> Option<Talk> {
    let (local, remote) = (socket.local, socket.remote);
    if local.ip().is_loopback() || local.ip() == remote.ip() {
        return None;
    }
    let takes = |listener: &&Listener| {
        let everywhere = listener.address.is_unspecified()
            && (listener.address.is_ipv4() == local.is_ipv4()
                || (listener.address.is_ipv6() && !listener.v6_only));
        listener.port == local.port() && (listener.address == local.ip() || everywhere)
    };
    let by_port = local.port() < FIRST_EPHEMERAL && remote.port() >= FIRST_EPHEMERAL;
    let (side, port) = if by_port || listeners.iter().any(takes) {
        (Side::Server, local.port())
    } else {
        (Side::Client, remote.port())
    };
    Some(Talk { local: local.ip(), remote: remote.ip(), port, side })
}

/// The inodes of this process' sockets.
fn own_sockets() -> io::Result<BTreeSet<u32>> {
    let descriptors = fs::read_dir("/proc/self/fd")?.take(MOST_OWN);
    let found = descriptors
        .filter_map(|entry| inode(fs::read_link(entry.ok()?.path()).ok()?.as_os_str().as_bytes()))
        .collect();
    Ok(found)
}

/// `socket:[4711]`.
fn inode(link: &[u8]) -> Option<u32> {
    let number = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use super::super::scratch::Scratch;
    use super::super::{Hopper, listeners};
    use super::*;

    fn end(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn listener(text: &str) -> Listener {
        Listener { address: end(text).ip(), port: end(text).port(), v6_only: false }
    }

    fn told(local: &str, remote: &str, listeners: &[Listener]) -> Option<(Side, u16)> {
        let socket =
            Socket { local: end(local), remote: end(remote), inode: 1, v6_only: false, is_over: false };
        talk(&socket, &listeners.iter().collect::<Vec<_>>()).map(|talk| (talk.side, talk.port))
    }

    #[test]
    fn whose_port_is_listened_on_was_called() {
        let mut listeners = vec![
            listener("0.0.0.0:80"),
            listener("10.0.2.9:5432"),
            listener("[::]:443"),
            listener("[::]:40443"),
        ];
        assert_eq!(told("10.0.2.2:80", "10.0.2.3:40000", &listeners), Some((Side::Server, 80)));
        assert_eq!(told("10.0.2.2:443", "10.0.2.3:40000", &listeners), Some((Side::Server, 443)));
        assert_eq!(told("10.0.2.2:40000", "10.0.2.3:80", &listeners), Some((Side::Client, 80)));
        assert_eq!(told("10.0.2.2:40443", "10.0.2.3:50000", &listeners), Some((Side::Server, 40443)));
        listeners[3].v6_only = true;
        assert_eq!(told("10.0.2.2:40443", "10.0.2.3:50000", &listeners), Some((Side::Client, 50000)));
        assert_eq!(told("[fd00::2]:40443", "[fd00::3]:50000", &listeners), Some((Side::Server, 40443)));
        // Somebody listens there on another address: this one chose the port by chance.
        assert_eq!(told("10.0.2.2:5432", "10.0.2.3:80", &listeners), Some((Side::Client, 80)));
    }

    #[test]
    fn who_closed_its_door_is_still_the_one_that_was_called() {
        assert_eq!(told("10.0.2.2:3000", "10.0.2.3:48122", &[]), Some((Side::Server, 3000)));
        assert_eq!(told("10.0.2.3:48122", "10.0.2.2:3000", &[]), Some((Side::Client, 3000)));
    }

    #[test]
    fn who_talks_to_itself_is_no_traffic() {
        assert_eq!(told("127.0.0.1:80", "127.0.0.1:40000", &[]), None);
        assert_eq!(told("10.0.2.2:80", "10.0.2.2:40000", &[]), None);
    }

    #[test]
    fn sockets_are_known_by_their_links() {
        assert_eq!(inode(b"socket:[4711]"), Some(4711));
        for other in
            [&b"pipe:[4711]"[..], b"socket:[]", b"socket:[99999999999]", b"/socket:[1]", b"socket:[1"]
        {
            assert_eq!(inode(other), None);
        }
    }

    #[tokio::test]
    async fn connections_are_told_by_both_sides_and_the_exporters_own_are_not() {
        let (client, server) = (Scratch::new(), Scratch::new());
        client.ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", server.name()]);
        for (end, address) in [(&client, "10.9.9.1/24"), (&server, "10.9.9.2/24")] {
            end.ip(&["address", "add", address, "dev", "eth0"]);
            end.ip(&["link", "set", "eth0", "up"]);
        }
        let hopper = Hopper::start().expect("starts");
        let (from, to) = (client.vantage(), server.vantage());
        let listening = hopper.hop(&to, |inside| {
            let socket = inside.tcp(Ipv4Addr::LOCALHOST.into()).expect("a socket");
            socket.bind(&end("10.9.9.2:7000").into()).expect("bound");
            socket.listen(8).expect("listens");
            socket
        });
        let _listening = listening.await.expect("enters");
        let ours = hopper.hop(&from, |inside| {
            let socket = inside.tcp(Ipv4Addr::LOCALHOST.into()).expect("a socket");
            socket.connect(&end("10.9.9.2:7000").into()).ok();
            socket
        });
        let _ours = ours.await.expect("enters");
        let mut stranger = client.enter(&["busybox", "nc", "10.9.9.2", "7000"]);
        let told = async |at: &Scratch| {
            let look = |inside: &Inside| read(inside, &listeners::read(inside).expect("read"));
            hopper.hop(&at.vantage(), look).await.expect("enters").expect("read")
        };
        let (one, other) = (end("10.9.9.1:0").ip(), end("10.9.9.2:0").ip());
        let calls = Talk { local: one, remote: other, port: 7000, side: Side::Client };
        let called = Talk { local: other, remote: one, port: 7000, side: Side::Server };
        let mut patience = 100;
        // Nobody accepted the connections: their far ends are not known for the exporter's.
        while told(&server).await.talks != [(called, 2)] && patience > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            patience -= 1;
        }
        let (at_server, at_client) = (told(&server).await, told(&client).await);
        assert_eq!((at_server.talks, at_server.complete), (vec![(called, 2)], true));
        assert_eq!((at_client.talks, at_client.complete), (vec![(calls, 1)], true));
        stranger.kill().expect("ends");
        stranger.wait().expect("ended");
    }
}
