//! Nearly all `unsafe` there is (the rest is in `heap`): what the kernel tells of a socket and no safe crate hands on.
//!
//! Three calls (`recvmsg`, `getsockopt`, `setsockopt`) and a socket's registration with the runtime
//! stand here, each behind a safe function; what they return is taken apart as bytes, not by pointer.
//! Nothing here may decide what an answer means, and nothing may block: every receive carries `MSG_DONTWAIT`.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libc::c_int;
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Which of a socket's two queues is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// What peers sent.
    Data,
    /// What went wrong with what we sent (`MSG_ERRQUEUE`); the bytes are those of our own packet.
    Errors,
}

/// One message of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes that were written to the buffer.
    pub length: usize,
    /// Who sent it; in [`Queue::Errors`]: to whom we had sent.
    pub peer: Option<IpAddr>,
    /// What the control messages said.
    pub notes: Notes,
}

/// What the kernel wrote beside a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// When the network stack received it, by `CLOCK_REALTIME` ([`stamp_arrivals`]).
    pub at: Option<SystemTime>,
    /// The error, in [`Queue::Errors`] ([`queue_errors`]).
    pub fault: Option<Fault>,
}

/// `struct sock_extended_err`, without what nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The errno that the kernel made of it.
    pub errno: i32,
    /// Who said so: one of `libc::SO_EE_ORIGIN_*`.
    pub origin: u8,
    /// The ICMP type, where an ICMP message said so.
    pub kind: u8,
    /// The ICMP code, likewise.
    pub code: u8,
    /// Of `EMSGSIZE`: the largest packet that would have gone, where that is known; else 0.
    pub info: u32,
}

/// What `TCP_INFO` says that a probe wants to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// The handshake is complete and nobody has closed.
    pub established: bool,
    /// Smoothed round-trip time; zero while the kernel has no sample.
    pub rtt: Duration,
    /// Segments that were sent again since the socket was made; before any data these are SYNs.
    pub retransmits: u32,
    /// The largest segment that the peer takes in one packet, bytes.
    pub segment: u32,
}

/// Room for the control messages of one message. The kernel aligns them to a word.
#[repr(C, align(8))]
struct Control([u8; 256]);

/// Room for any `sockaddr`.
#[repr(C, align(8))]
struct Name([u8; 128]);

/// Asks for the kernel's receive time on every message.
///
/// # Errors
/// What the kernel says.
pub fn stamp_arrivals(socket: &impl AsFd) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Asks for the errors of what is sent, with the ICMP message behind each.
///
/// # Errors
/// What the kernel says.
pub fn queue_errors(socket: &impl AsFd, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
    } else {
        set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
    }
}

/// Has every packet leave whole, as large as the interface takes: nobody may cut it ("don't fragment"), and what is known
/// of the path does not count.
///
/// # Errors
/// What the kernel says.
pub fn send_whole(socket: &impl AsFd, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE)
    } else {
        set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)
    }
}

/// The next message of a queue; [`io::ErrorKind::WouldBlock`] where there is none.
///
/// # Errors
/// What the kernel says. On [`Queue::Data`] that may be the pending error of an earlier send.
pub fn receive(socket: &impl AsFd, queue: Queue, buffer: &mut [u8]) -> io::Result<Received> {
    let mut name = Name([0; 128]);
    let mut control = Control([0; 256]);
    let mut slice = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` is a C struct of integers and pointers, for which all zeroes are a valid value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_name = name.0.as_mut_ptr().cast();
    message.msg_namelen = name.0.len() as libc::socklen_t;
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    let flags = libc::MSG_DONTWAIT | if queue == Queue::Errors { libc::MSG_ERRQUEUE } else { 0 };
    // SAFETY: the descriptor is borrowed for the call; each pointer in `message` leads to a local (or
    // to the caller's exclusively borrowed buffer) that outlives it, with its true length beside it.
    let got = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, flags) };
    let length = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    Ok(Received {
        length: length.min(buffer.len()),
        peer: address(&name.0),
        // What the kernel left untouched is zero, and a length of zero ends the walk.
        notes: notes(&control.0),
    })
}

/// The kernel's view of a TCP socket.
///
/// # Errors
/// What the kernel says.
pub fn tcp_info(socket: &impl AsFd) -> io::Result<TcpInfo> {
    // From <net/tcp_states.h>; libc does not name it.
    const ESTABLISHED: u8 = 1;
    // SAFETY: `tcp_info` is a C struct of integers, for which all zeroes are a valid value.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = mem::size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is borrowed for the call; the kernel writes at most `length` bytes, the
    // size of the local that the pointer leads to. A shorter answer leaves zeroes.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(TcpInfo {
        established: info.tcpi_state == ESTABLISHED,
        rtt: Duration::from_micros(u64::from(info.tcpi_rtt)),
        retransmits: info.tcpi_total_retrans,
        segment: info.tcpi_snd_mss,
    })
}

/// How many messages the kernel threw away since the socket was made, for want of room in its queue.
///
/// # Errors
/// What the kernel says: `ENOPROTOOPT` before Linux 4.12.
pub fn dropped(socket: &impl AsFd) -> io::Result<u32> {
    // From <linux/sock_diag.h>; libc does not name them.
    const SK_MEMINFO_DROPS: usize = 8;
    const SK_MEMINFO_VARS: usize = 9;
    let mut info = [0_u32; SK_MEMINFO_VARS];
    let mut length = mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: the descriptor is borrowed for the call; the kernel writes at most `length` bytes, the
    // size of the local that the pointer leads to.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(info[SK_MEMINFO_DROPS]) } else { Err(io::Error::last_os_error()) }
}

/// Hands a socket to the runtime, which then tells when it is ready.
///
/// # Errors
/// What `epoll` says.
pub fn watch(socket: Socket, interest: Interest) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns its descriptor and answers with the same one as long as it lives, and
    // the `AsyncFd` that takes it over gives it up only together with the registration.
    let watched = unsafe { AsyncFd::register_with_interest(socket, interest) };
    watched.map_err(|refused| refused.into_parts().1)
}

fn set(socket: &impl AsFd, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed for the call; the kernel reads one `c_int` from a local that
    // outlives it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            mem::size_of::<c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The address in a `sockaddr`.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match c_int::from(u16::from_ne_bytes(array(bytes, 0)?)) {
        libc::AF_INET => Some(Ipv4Addr::from(array::<4>(bytes, 4)?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(array::<16>(bytes, 8)?).into()),
        _ => None,
    }
}

/// Walks the control messages: `size_t` length (header included), `int` level, `int` type, data, and
/// padding up to a word. The walk is done on bytes so that a wrong length ends it and no more.
fn notes(mut control: &[u8]) -> Notes {
    const WORD: usize = mem::size_of::<usize>();
    const HEADER: usize = WORD + 8;
    let mut notes = Notes::default();
    while let (Some(length), Some(level), Some(kind)) = (
        array(control, 0).map(usize::from_ne_bytes),
        array(control, WORD).map(c_int::from_ne_bytes),
        array(control, WORD + 4).map(c_int::from_ne_bytes),
    ) {
        let Some(data) = control.get(HEADER..length) else { break };
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS) => notes.at = time(data),
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
                notes.fault = fault(data);
            }
            _ => {}
        }
        let Some(rest) = control.get(length.next_multiple_of(WORD)..) else { break };
        control = rest;
    }
    notes
}

/// `struct timespec`: two words.
fn time(data: &[u8]) -> Option<SystemTime> {
    let (seconds, nanos) = if data.len() >= 16 {
        (i64::from_ne_bytes(array(data, 0)?), i64::from_ne_bytes(array(data, 8)?))
    } else {
        (i32::from_ne_bytes(array(data, 0)?).into(), i32::from_ne_bytes(array(data, 4)?).into())
    };
    let since = Duration::from_secs(u64::try_from(seconds).ok()?)
        .checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?))?;
    UNIX_EPOCH.checked_add(since)
}

/// `struct sock_extended_err`: u32 errno, u8 origin, u8 type, u8 code, u8, u32 info, …
fn fault(data: &[u8]) -> Option<Fault> {
    let errno = i32::try_from(u32::from_ne_bytes(array(data, 0)?)).ok()?;
    let [origin, kind, code] = array(data, 4)?;
    let info = array(data, 8).map_or(0, u32::from_ne_bytes);
    Some(Fault { errno, origin, kind, code, info })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn control(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
        let header = mem::size_of::<usize>() + 8;
        let mut bytes = (header + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(mem::size_of::<usize>()), 0);
        bytes
    }

    #[test]
    fn control_messages_are_read_in_any_order() {
        let stamp = [7i64.to_ne_bytes(), 5i64.to_ne_bytes()].concat();
        let error = [113u32.to_ne_bytes().as_slice(), &[2, 3, 1, 0], &1400u32.to_ne_bytes()].concat();
        let stamp = control(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &stamp);
        let error = control(libc::IPPROTO_IP, libc::IP_RECVERR, &error);
        let other = control(99, 1, &[1, 2, 3]);
        let want = Notes {
            at: Some(UNIX_EPOCH + Duration::new(7, 5)),
            fault: Some(Fault { errno: 113, origin: 2, kind: 3, code: 1, info: 1400 }),
        };
        assert_eq!(notes(&[stamp.clone(), other.clone(), error.clone()].concat()), want);
        assert_eq!(notes(&[other, error, stamp].concat()), want);
        assert_eq!(notes(&[]), Notes::default());
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        let mut four = (libc::AF_INET as u16).to_ne_bytes().to_vec();
        four.extend([0, 0, 10, 1, 2, 3]);
        assert_eq!(address(&four), Some("10.1.2.3".parse().unwrap()));
        let mut six = (libc::AF_INET6 as u16).to_ne_bytes().to_vec();
        six.extend([0; 6]);
        six.extend(Ipv6Addr::LOCALHOST.octets());
        assert_eq!(address(&six), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(address(&six[..20]), None);
        assert_eq!(address(&[]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_trip_the_walk(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (notes(&bytes), address(&bytes), time(&bytes), fault(&bytes));
        }

        #[test]
        fn no_length_trips_the_walk(length in any::<usize>(), rest in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = notes(&[length.to_ne_bytes().as_slice(), &rest].concat());
        }
    }
}
