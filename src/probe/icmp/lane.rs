//! One family's socket: made inside the namespace, watched from the runtime.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::namespace::Inside;
use crate::namespace::inside::{IcmpKind, IcmpSocket};
use crate::namespace::sys;

use super::packet::Form;

/// Makes a family's socket, with this identifier where it is free.
pub fn open(inside: &Inside, to: IpAddr, identifier: u16) -> io::Result<IcmpSocket> {
    let made = inside.icmp(to)?;
    if made.kind == IcmpKind::Datagram {
        let here =
            if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        // The families share the identifiers of a namespace.
        let identifier = if to.is_ipv4() { identifier } else { identifier ^ 1 };
        // These sockets are born to share theirs, and the one that came last gets all the replies. Where somebody
        // else in there has it, the kernel gives another one with the first request.
        made.socket.set_reuse_address(false)?;
        let _ = made.socket.bind(&SocketAddr::new(here, identifier).into());
    }
    sys::stamp_arrivals(&made.socket)?;
    sys::queue_errors(&made.socket, to.is_ipv6())?;
    Ok(made)
}

/// One family's socket, on the runtime.
pub struct Lane {
    /// The socket.
    pub socket: AsyncFd<Socket>,
    /// What its packets look like.
    pub form: Form,
}

impl Lane {
    /// Hands the socket to the runtime.
    pub fn new(made: IcmpSocket, ipv6: bool) -> io::Result<Self> {
        let form = Form { ipv6, raw: made.kind == IcmpKind::Raw };
        let socket = sys::watch(made.socket, Interest::READABLE | Interest::ERROR)?;
        Ok(Self { socket, form })
    }

    /// Waits until either queue has something, and arms the next wait: read both queues to the end.
    pub async fn wait(lane: Option<&Self>) {
        if let Some(lane) = lane
            && let Ok(mut guard) = lane.socket.ready(Interest::READABLE | Interest::ERROR).await
        {
            guard.clear_ready();
            return;
        }
        std::future::pending().await
    }
}
