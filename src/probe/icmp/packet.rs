//! Echo requests as bytes, and back.
//!
//! Every request carries a [`Stamp`]: a cookie drawn for its job, which nobody knows but the target, so
//! that no other can answer for it, and a serial, so that a reply is counted for the request that it
//! answers.

use std::net::{Ipv4Addr, Ipv6Addr};

use socket2::Type;
use surge_ping::{Icmpv4Packet, Icmpv6Packet};

const HEADER: usize = 8;
const STAMP: usize = 12;

/// Length of a request: 56 bytes of data, as `ping` has it.
pub const LENGTH: usize = 64;

/// What makes a request ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Drawn once a job.
    pub cookie: u64,
    /// Counted up with every request of the visit; its low half is the sequence number.
    pub serial: u32,
}

/// How a socket hands its packets over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// ICMPv6 instead of ICMP.
    pub ipv6: bool,
    /// A raw socket: it sees everybody's packets, and for IPv4 the IP header before them.
    pub raw: bool,
}

/// The bytes of an echo request.
pub fn request(form: Form, identifier: u16, stamp: Stamp) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    write(&mut bytes, form, identifier, stamp);
    bytes
}

/// One of this length, [`LENGTH`] at the least.
pub fn request_of(length: usize, form: Form, identifier: u16, stamp: Stamp) -> Vec<u8> {
    let mut bytes = vec![0; length.max(LENGTH)];
    write(&mut bytes, form, identifier, stamp);
    bytes
}

fn write(bytes: &mut [u8], form: Form, identifier: u16, stamp: Stamp) {
    let [high, low] = identifier.to_be_bytes();
    let [_, _, sequence @ ..] = stamp.serial.to_be_bytes();
    bytes[..HEADER].copy_from_slice(&[
        if form.ipv6 { 128 } else { 8 },
        0,
        0,
        0,
        high,
        low,
        sequence[0],
        sequence[1],
    ]);
    bytes[HEADER..HEADER + 8].copy_from_slice(&stamp.cookie.to_be_bytes());
    bytes[HEADER + 8..HEADER + STAMP].copy_from_slice(&stamp.serial.to_be_bytes());
    if !form.ipv6 {
        // The kernel fills it in for ICMPv6 and for datagram sockets, not for raw IPv4 ones.
        let sum = checksum(bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The stamp of an echo reply; `None` for anything else.
pub fn reply(form: Form, bytes: &[u8]) -> Option<Stamp> {
    let message =
        if form.raw && !form.ipv6 { bytes.get(usize::from(bytes.first()? & 0x0f) * 4..)? } else { bytes };
    let sequence = if form.ipv6 {
        let packet = Icmpv6Packet::decode(message, Ipv6Addr::UNSPECIFIED).ok()?;
        (packet.get_icmpv6_type().0 == 129).then(|| packet.get_sequence().into_u16())?
    } else {
        let none = Ipv4Addr::UNSPECIFIED;
        let packet = Icmpv4Packet::decode(message, Type::DGRAM, none, none).ok()?;
        (packet.get_icmp_type().0 == 0).then(|| packet.get_sequence().into_u16())?
    };
    stamp(message).filter(|stamp| stamp.serial as u16 == sequence)
}

/// The stamp of our own request as an error quotes it. A quote that ends before the cookie is nobody's:
/// whoever gets one request can guess the first bytes of the others. Linux quotes the whole of ours, on
/// both kinds of socket and of both families; a router that quotes less leaves a timeout.
pub fn quoted(form: Form, bytes: &[u8]) -> Option<Stamp> {
    if *bytes.first()? != if form.ipv6 { 128 } else { 8 } {
        return None;
    }
    stamp(bytes)
}

/// Identifier and sequence number of an echo request as an error quotes it, be the quote as short as a router may make
/// it (RFC 792: eight bytes).
pub fn quoted_head(form: Form, bytes: &[u8]) -> Option<(u16, u16)> {
    let [kind, _, _, _, id_high, id_low, high, low] = *bytes.first_chunk::<HEADER>()?;
    let is_request = kind == if form.ipv6 { 128 } else { 8 };
    is_request.then(|| (u16::from_be_bytes([id_high, id_low]), u16::from_be_bytes([high, low])))
}

fn stamp(message: &[u8]) -> Option<Stamp> {
    let data = message.get(HEADER..HEADER + STAMP)?;
    Some(Stamp {
        cookie: u64::from_be_bytes(data.get(..8)?.try_into().ok()?),
        serial: u32::from_be_bytes(data.get(8..)?.try_into().ok()?),
    })
}

/// RFC 1071; a last byte without a second one has a zero beside it.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAMPED: Stamp = Stamp { cookie: 0x0123_4567_89ab_cdef, serial: 0x0001_0002 };

    /// How the socket hands over our request with this type in its place.
    fn arriving(form: Form, kind: u8) -> Vec<u8> {
        let mut bytes = request(form, 9, STAMPED).to_vec();
        bytes[0] = kind;
        if form.raw && !form.ipv6 {
            // With one word of options.
            let mut header = vec![0x46];
            header.resize(24, 0);
            header.extend(bytes);
            return header;
        }
        bytes
    }

    #[test]
    fn a_reply_gives_the_stamp_back_and_nothing_else_does() {
        for (ipv6, raw) in [(false, false), (false, true), (true, false), (true, true)] {
            let form = Form { ipv6, raw };
            let answer = if ipv6 { 129 } else { 0 };
            for kind in 0..=255 {
                let want = (kind == answer).then_some(STAMPED);
                assert_eq!(reply(form, &arriving(form, kind)), want, "{form:?} type {kind}");
            }
        }
    }

    #[test]
    fn a_sequence_number_that_is_not_the_serials_is_nobodys() {
        let form = Form { ipv6: false, raw: false };
        let mut bytes = arriving(form, 0);
        bytes[7] ^= 1;
        assert_eq!(reply(form, &bytes), None);
    }

    #[test]
    fn a_quote_that_ends_before_the_cookie_is_nobodys() {
        let form = Form { ipv6: false, raw: true };
        let bytes = request(form, 9, STAMPED);
        assert_eq!(quoted(form, &bytes), Some(STAMPED));
        assert_eq!(quoted(form, &bytes[..HEADER + STAMP]), Some(STAMPED));
        for length in 0..HEADER + STAMP {
            assert_eq!(quoted(form, &bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn eight_bytes_of_a_quote_name_the_request() {
        let form = Form { ipv6: true, raw: false };
        let bytes = request(form, 9, STAMPED);
        assert_eq!(quoted_head(form, &bytes[..HEADER]), Some((9, 2)));
        assert_eq!(quoted_head(form, &bytes[..HEADER - 1]), None);
        assert_eq!(quoted_head(Form { ipv6: false, raw: false }, &bytes), None, "of the other family");
    }

    #[test]
    fn the_checksum_of_a_checked_packet_is_zero() {
        let form = Form { ipv6: false, raw: true };
        assert_eq!(checksum(&request(form, 77, STAMPED)), 0);
        for length in [0, LENGTH, LENGTH + 1, 1479, 1480] {
            let bytes = request_of(length, form, 77, STAMPED);
            assert_eq!((checksum(&bytes), bytes.len()), (0, length.max(LENGTH)));
            assert_eq!(stamp(&bytes), Some(STAMPED));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_trip_the_reader(
            ipv6 in any::<bool>(), raw in any::<bool>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let form = Form { ipv6, raw };
            let _ = (reply(form, &bytes), quoted(form, &bytes), quoted_head(form, &bytes));
        }
    }
}
