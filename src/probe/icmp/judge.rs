//! What an error means: pure, and the same for ICMP and TCP.
//!
//! Two rules. What the exporter lacks is [`Blindness`]; what the network refuses is a [`Reason`].

use std::io;
use std::net::IpAddr;

use crate::namespace::sys::Fault;
use crate::outcome::{Blindness, Outcome, Reason};

/// Why no socket could be made.
pub fn no_socket(error: &io::Error) -> Blindness {
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => Blindness::NoSocket,
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::EADDRNOTAVAIL) => Blindness::NoAddress,
        _ => Blindness::Resources,
    }
}

/// Whether a list as `/proc/net/if_inet6` has it names an address that reaches beyond one link: a
/// container of a network without IPv6 has none, and there the kernel knows no route either.
pub fn has_ipv6(list: &str) -> bool {
    // address, interface number, prefix length, scope, flags, name; scope 00 is global (and ULA).
    list.lines().any(|line| line.split_ascii_whitespace().nth(3) == Some("00"))
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
            let fault = Fault { errno, origin, kind, code };
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
        assert!(!has_ipv6(""));
        assert!(!has_ipv6(&[lo, link].concat()));
        assert!(has_ipv6(&[lo, link, ula].concat()));
    }
}
