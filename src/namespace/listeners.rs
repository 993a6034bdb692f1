//! What listens in a namespace.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use crate::netstack::Listener;

use super::inside::Inside;
use super::sockets::{self, States};

/// Docker's embedded resolver, which it puts into every container: not the container's own doing.
pub(super) const EMBEDDED_RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// More than this is not one container's service any more; the rest is not read.
const MOST_LISTENERS: usize = 4096;

/// Every TCP socket in LISTEN of the namespace, sorted, without the Engine's embedded resolver.
///
/// # Errors
/// What the kernel says, of either family: half a list would make a listener look absent.
pub fn read(inside: &Inside) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    sockets::each(inside, States::LISTEN, |socket| {
        let (address, port) = (socket.local.ip(), socket.local.port());
        found.push(Listener { address, port, v6_only: socket.v6_only });
        found.len() < MOST_LISTENERS
    })?;
    found.retain(|listener| listener.address != IpAddr::V4(EMBEDDED_RESOLVER));
    found.sort_unstable();
    // SO_REUSEPORT: many sockets on one port are one listener.
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

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
}
