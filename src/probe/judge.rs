//! What an error means: the same for every kind of probe.
//!
//! Two rules. What the exporter lacks is [`Blindness`]; what the network refuses is a [`Reason`]. And
//! who refused is told: the kernel of the vantage itself, or somebody on the way. A socket that could
//! not be *made* never says anything of the target.

use std::io::{self, BufRead};
use std::net::IpAddr;
use std::os::fd::AsFd;

use crate::namespace::Inside;
use crate::namespace::sys::{self, Fault, Queue};
use crate::outcome::{Blindness, Observation, Outcome, Reason};

/// The most bytes of a list of addresses that are read: the thread that enters namespaces waits.
const ADDRESSES: u64 = 64 * 1024;

/// Why the network refused, and who said so.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What it means.
    pub outcome: Outcome,
    /// What was seen, in a person's words.
    pub note: String,
    /// It was the vantage's own kernel.
    pub local: bool,
}

impl Refusal {
    /// Of a socket that could not be made: that says nothing of any peer.
    pub fn of_making(error: &io::Error) -> Self {
        let note = format!("no socket: {error}");
        Self { outcome: Outcome::Unknown(no_socket(error)), note, local: false }
    }

    /// Of a call that is about `peer`, where no ICMP message can stand behind the errno.
    pub fn of_call(error: &io::Error, peer: IpAddr, ipv6: bool) -> Self {
        let errno = error.raw_os_error().unwrap_or(0);
        let outcome = refused_by_kernel(errno, peer, ipv6);
        let local = matches!(outcome, Outcome::Failure(_)) && said_at_home(errno);
        Self { outcome, note: error.to_string(), local }
    }

    /// Of a socket's connection to `peer`. The errno of "administratively prohibited" is that of
    /// "unreachable"; the error queue (`sys::queue_errors`) knows, and knows who said it.
    pub fn of_connection(socket: &impl AsFd, error: &io::Error, peer: IpAddr, ipv6: bool) -> Self {
        let told = sys::receive(socket, Queue::Errors, &mut [0; 256]).ok().and_then(|got| got.notes.fault);
        let told = told.and_then(|fault| Some((fault, reason(fault, peer)?)));
        match told {
            Some((fault, reason)) => Self {
                outcome: Outcome::Failure(reason),
                note: words(fault, peer),
                local: fault.origin == libc::SO_EE_ORIGIN_LOCAL,
            },
            None => {
                let refusal = Self::of_call(error, peer, ipv6);
                Self { note: format!("connecting to {peer}: {error}"), ..refusal }
            }
        }
    }

    /// As a run tells it.
    pub fn tell(self) -> (Outcome, Observation) {
        let seen = Observation { note: Some(self.note), local: self.local, ..Observation::default() };
        (self.outcome, seen)
    }
}

/// What a kernel answers of its own firewall and routes. The others need a peer that says something.
const fn said_at_home(errno: i32) -> bool {
    matches!(
        errno,
        libc::EPERM
            | libc::EACCES
            | libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::EINVAL
            | libc::EMSGSIZE
    )
}

/// Why no socket could be made.
pub fn no_socket(error: &io::Error) -> Blindness {
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => Blindness::NoSocket,
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::EADDRNOTAVAIL) => Blindness::NoAddress,
        _ => Blindness::Resources,
    }
}

/// Whether this namespace has an IPv6 address; where the list cannot be read, a failure stays one.
pub fn ipv6_here(_: &Inside) -> bool {
    match std::fs::File::open("/proc/thread-self/net/if_inet6") {
        Ok(list) => has_ipv6(io::BufReader::new(list)),
        // A kernel without IPv6 has no list.
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Whether a list as `/proc/net/if_inet6` has it names an address that reaches beyond one link: a
/// container of a network without IPv6 has none, and there the kernel knows no route either. Reads no
/// further than the first. A list without end is like one that cannot be read.
fn has_ipv6(list: impl BufRead) -> bool {
    let mut list = list.take(ADDRESSES);
    let mut line = Vec::new();
    loop {
        line.clear();
        match list.read_until(b'\n', &mut line) {
            Ok(0) => return list.limit() == 0,
            // address, interface number, prefix length, scope, flags, name; scope 00 is global (and ULA).
            Ok(_) => {
                let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                if words.nth(3) == Some(b"00") {
                    return true;
                }
            }
            Err(_) => return true,
        }
    }
}

/// What it means that the kernel would not send to `peer`, or gave up on it; `ipv6`: the namespace
/// has an address of that family.
pub fn refused_by_kernel(errno: i32, peer: IpAddr, ipv6: bool) -> Outcome {
    match errno {
        // Without an address every IPv6 peer is "unreachable", though nothing is broken.
        libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EACCES if peer.is_ipv6() && !ipv6 => {
            Outcome::Unknown(Blindness::NoAddress)
        }
        libc::ECONNREFUSED => Outcome::Failure(Reason::Refused),
        libc::ETIMEDOUT => Outcome::Failure(Reason::Timeout),
        libc::ECONNRESET => Outcome::Failure(Reason::Reset),
        libc::EMSGSIZE => Outcome::Failure(Reason::TooBig),
        // EPERM: a firewall of this namespace dropped it on the way out; EACCES: a `prohibit` route.
        libc::EPERM | libc::EACCES => Outcome::Failure(Reason::Prohibited),
        // EINVAL is what a `blackhole` route answers.
        libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN | libc::EINVAL => {
            Outcome::Failure(Reason::Unreachable)
        }
        libc::EAFNOSUPPORT => Outcome::Unknown(Blindness::NoAddress),
        // With IPv6 the kernel finds no source of the scope; with IPv4 it has run out of ports.
        libc::EADDRNOTAVAIL if peer.is_ipv6() => Outcome::Unknown(Blindness::NoAddress),
        _ => Outcome::Unknown(Blindness::Resources),
    }
}

/// What an entry of the error queue means; `None`: it is not about a failure.
pub fn reason(fault: Fault, peer: IpAddr) -> Option<Reason> {
    match (fault.origin, fault.kind, fault.code) {
        (libc::SO_EE_ORIGIN_ICMP, 3, 9 | 10 | 13) => Some(Reason::Prohibited),
        (libc::SO_EE_ORIGIN_ICMP, 3, 4) => Some(Reason::TooBig),
        (libc::SO_EE_ORIGIN_ICMP, 3, 2 | 3) => Some(Reason::Refused),
        // 11: the packet went round until it was too old.
        (libc::SO_EE_ORIGIN_ICMP, 3 | 11, _) => Some(Reason::Unreachable),
        (libc::SO_EE_ORIGIN_ICMP, 12, _) => Some(Reason::Protocol),
        (libc::SO_EE_ORIGIN_ICMP6, 1, 1 | 5 | 6) => Some(Reason::Prohibited),
        (libc::SO_EE_ORIGIN_ICMP6, 1, 4) => Some(Reason::Refused),
        (libc::SO_EE_ORIGIN_ICMP6, 1 | 3, _) => Some(Reason::Unreachable),
        (libc::SO_EE_ORIGIN_ICMP6, 2, _) => Some(Reason::TooBig),
        (libc::SO_EE_ORIGIN_ICMP6, 4, _) => Some(Reason::Protocol),
        (libc::SO_EE_ORIGIN_LOCAL, _, _) => refused_by_kernel(fault.errno, peer, true).reason(),
        // Redirects and source quench tell of a path, not of a failure.
        _ => None,
    }
}

/// What was seen, in a person's words.
pub fn words(fault: Fault, peer: IpAddr) -> String {
    let cause = io::Error::from_raw_os_error(fault.errno);
    match fault.origin {
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => {
            let family = if fault.origin == libc::SO_EE_ORIGIN_ICMP { "ICMP" } else { "ICMPv6" };
            format!("{family} type {} code {} came back for {peer}: {cause}", fault.kind, fault.code)
        }
        _ => format!("the kernel gave up on {peer}: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn icmp_errors_have_their_reasons() {
        let (four, six) = (libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6);
        let local = libc::SO_EE_ORIGIN_LOCAL;
        let peer = "10.0.0.1".parse().unwrap();
        for (origin, kind, code, errno, want) in [
            (four, 3, 0, libc::ENETUNREACH, Some(Reason::Unreachable)),
            (four, 3, 1, libc::EHOSTUNREACH, Some(Reason::Unreachable)),
            (four, 3, 3, libc::ECONNREFUSED, Some(Reason::Refused)),
            (four, 3, 4, libc::EMSGSIZE, Some(Reason::TooBig)),
            (four, 3, 9, libc::ENETUNREACH, Some(Reason::Prohibited)),
            (four, 3, 10, libc::EHOSTUNREACH, Some(Reason::Prohibited)),
            (four, 3, 13, libc::EHOSTUNREACH, Some(Reason::Prohibited)),
            (four, 5, 1, 0, None),
            (four, 11, 0, libc::EHOSTUNREACH, Some(Reason::Unreachable)),
            (six, 1, 0, libc::ENETUNREACH, Some(Reason::Unreachable)),
            (six, 1, 1, libc::EACCES, Some(Reason::Prohibited)),
            (six, 1, 3, libc::EHOSTUNREACH, Some(Reason::Unreachable)),
            (six, 1, 4, libc::ECONNREFUSED, Some(Reason::Refused)),
            (six, 2, 0, libc::EMSGSIZE, Some(Reason::TooBig)),
            (local, 0, 0, libc::EMSGSIZE, Some(Reason::TooBig)),
            (local, 0, 0, libc::EHOSTUNREACH, Some(Reason::Unreachable)),
            (4, 0, 0, libc::ENOMSG, None),
        ] {
            let fault = Fault { errno, origin, kind, code, info: 0 };
            assert_eq!(reason(fault, peer), want, "{fault:?}");
        }
    }

    #[test]
    fn what_the_exporter_lacks_is_no_failure() {
        let (four, six): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap());
        for (errno, peer, want) in [
            (libc::ECONNREFUSED, four, Outcome::Failure(Reason::Refused)),
            (libc::EHOSTUNREACH, four, Outcome::Failure(Reason::Unreachable)),
            (libc::ENETUNREACH, four, Outcome::Failure(Reason::Unreachable)),
            (libc::ETIMEDOUT, four, Outcome::Failure(Reason::Timeout)),
            (libc::EPERM, four, Outcome::Failure(Reason::Prohibited)),
            (libc::EMSGSIZE, four, Outcome::Failure(Reason::TooBig)),
            (libc::EADDRNOTAVAIL, six, Outcome::Unknown(Blindness::NoAddress)),
            (libc::EADDRNOTAVAIL, four, Outcome::Unknown(Blindness::Resources)),
            (libc::ENOBUFS, four, Outcome::Unknown(Blindness::Resources)),
            (libc::EMFILE, six, Outcome::Unknown(Blindness::Resources)),
        ] {
            assert_eq!(refused_by_kernel(errno, peer, true), want, "errno {errno} for {peer}");
        }
        let none = Outcome::Unknown(Blindness::NoAddress);
        assert_eq!(refused_by_kernel(libc::ENETUNREACH, six, false), none);
        assert_eq!(refused_by_kernel(libc::ENETUNREACH, six, true), Outcome::Failure(Reason::Unreachable));
        assert_eq!(refused_by_kernel(libc::ENETUNREACH, four, false), Outcome::Failure(Reason::Unreachable));
        for (errno, want) in [
            (libc::EACCES, Blindness::NoSocket),
            (libc::EPERM, Blindness::NoSocket),
            (libc::EMFILE, Blindness::Resources),
            (libc::EAFNOSUPPORT, Blindness::NoAddress),
        ] {
            assert_eq!(no_socket(&io::Error::from_raw_os_error(errno)), want);
        }
    }

    #[test]
    fn loopback_and_link_local_are_no_ipv6() {
        let lo = "00000000000000000000000000000001 01 80 10 80       lo\n";
        let link = "fe80000000000000a8bbccfffe000001 02 40 20 80     eth0\n";
        let ula = "fd990000000000000000000000000001 02 40 00 82     eth0\n";
        assert!(!has_ipv6(&b""[..]));
        assert!(!has_ipv6([lo, link].concat().as_bytes()));
        assert!(has_ipv6([lo, link, ula].concat().as_bytes()));
    }

    #[test]
    fn a_list_is_read_to_its_first_address_and_never_without_end() {
        let ula = b"fd990000000000000000000000000001 02 40 00 82     eth0\n".to_vec();
        let many = ula.repeat(100_000);
        let mut rest = many.as_slice();
        assert!(has_ipv6(&mut rest));
        assert_eq!(rest.len(), many.len() - ula.len(), "the second line was not read");
        let link = b"fe80000000000000a8bbccfffe000001 02 40 20 80     eth0\n".to_vec();
        let many = link.repeat(100_000);
        let mut rest = many.as_slice();
        assert!(has_ipv6(&mut rest), "who cannot read to the end cannot say that there is none");
        assert_eq!((many.len() - rest.len()) as u64, ADDRESSES);
        let mut endless = io::repeat(b'0').take(u64::MAX);
        assert!(has_ipv6(io::BufReader::new(&mut endless)));
        assert!(u64::MAX - endless.limit() <= 2 * ADDRESSES);
    }

    #[test]
    fn a_socket_that_was_not_made_says_nothing_of_the_peer() {
        for errno in [libc::EPERM, libc::EACCES, libc::EMFILE, libc::ENETUNREACH, libc::ECONNREFUSED] {
            let refusal = Refusal::of_making(&io::Error::from_raw_os_error(errno));
            assert!(matches!(refusal.outcome, Outcome::Unknown(_)) && !refusal.local, "errno {errno}");
        }
    }

    #[test]
    fn who_refused_is_told() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        for (errno, want) in [
            (libc::EPERM, true),
            (libc::EACCES, true),
            (libc::ENETUNREACH, true),
            (libc::EINVAL, true),
            (libc::ECONNREFUSED, false),
            (libc::ECONNRESET, false),
            (libc::ETIMEDOUT, false),
            (libc::EMFILE, false),
        ] {
            let refusal = Refusal::of_call(&io::Error::from_raw_os_error(errno), peer, true);
            assert_eq!(refusal.local, want, "errno {errno}: {refusal:?}");
        }
        let six = "fd00::1".parse().unwrap();
        let refusal = Refusal::of_call(&io::Error::from_raw_os_error(libc::ENETUNREACH), six, false);
        assert!(!refusal.local, "what nobody could look at is nobody's fault");
    }
}
