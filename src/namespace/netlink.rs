//! Dumps over netlink: the question, the frames of the answer, and the attributes in them.
//!
//! Bytes in, values out; nothing here may trust a length that it was told, or wait.

use std::io::{self, Read};

use socket2::Socket;

/// Replies per dump, each of up to [`REPLY`] bytes: a bound against a kernel that never ends.
const MOST_REPLIES: usize = 256;
/// The largest reply that the kernel makes (it fits them to the reader's buffer, up to 32 KiB).
const REPLY: usize = 32 * 1024;

/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const FLAGS: u16 = 0x001 | 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// Asks for a list, and hands its entries (kind and payload) to `take` until that has enough. A socket
/// whose list was not read to its end is of no further use.
///
/// # Errors
/// What the kernel says.
pub(super) fn dump(
    mut socket: &Socket,
    kind: u16,
    body: &[u8],
    sequence: u32,
    mut take: impl FnMut(u16, &[u8]) -> bool,
) -> io::Result<()> {
    // Non-blocking, and still nothing to wait for: the kernel makes each reply while the one before
    // it is read.
    socket.send(&question(kind, body, sequence))?;
    let mut reply = vec![0; REPLY];
    for _ in 0..MOST_REPLIES {
        let length = socket.read(&mut reply)?;
        if parse(reply.get(..length).unwrap_or_default(), sequence, &mut take)? {
            return Ok(());
        }
    }
    Err(io::Error::other("the kernel's list does not end"))
}

fn question(kind: u16, body: &[u8], sequence: u32) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(FLAGS.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    // The sender is for the kernel to fill in.
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}

/// Reads one reply; true where there is no more to read.
pub(super) fn parse(
    mut bytes: &[u8],
    sequence: u32,
    take: &mut impl FnMut(u16, &[u8]) -> bool,
) -> io::Result<bool> {
    if bytes.is_empty() {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    while let (Some(length), Some(kind), Some(answers)) =
        (u32_at(bytes, 0), u16_at(bytes, 4), u32_at(bytes, 8))
    {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(payload) = bytes.get(HEADER..length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a netlink message is cut short"));
        };
        // Whoever administrates the namespace could send to this socket too: only answers count.
        if answers == sequence {
            match kind {
                NLMSG_DONE | NLMSG_ERROR => return ended(payload),
                _ if !take(kind, payload) => return Ok(true),
                _ => {}
            }
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// Both ends of a dump carry a negative error number, or zero.
fn ended(payload: &[u8]) -> io::Result<bool> {
    match u32_at(payload, 0).map(u32::cast_signed) {
        Some(errno) if errno < 0 => Err(io::Error::from_raw_os_error(errno.saturating_neg())),
        _ => Ok(true),
    }
}

/// The attributes (kind and value) of a message's rest; a wrong length ends them.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let found = (u16_at(bytes, 2)?, bytes.get(4..length)?);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(found)
    })
}

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_ne_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENTRY: u16 = 20;

    /// The entries of one reply, and whether it was the last.
    fn read(bytes: &[u8]) -> io::Result<(bool, Vec<Vec<u8>>)> {
        let mut found = Vec::new();
        let end = parse(bytes, 1, &mut |_, payload| {
            found.push(payload.to_vec());
            found.len() < 3
        });
        Ok((end?, found))
    }

    #[test]
    fn the_end_of_a_dump_says_whether_it_failed() {
        assert!(read(&question(NLMSG_DONE, &0_i32.to_ne_bytes(), 1)).expect("ends").0);
        let refused = read(&question(NLMSG_ERROR, &(-libc::ENOENT).to_ne_bytes(), 1));
        assert_eq!(refused.expect_err("told").raw_os_error(), Some(libc::ENOENT));
        assert!(read(&[]).is_err(), "an empty reply would be asked for again for ever");
    }

    #[test]
    fn what_is_no_answer_does_not_count_and_who_has_enough_reads_no_more() {
        let (stranger, entry) = (question(ENTRY, b"nay.", 7), question(ENTRY, b"yes!", 1));
        let (end, found) = read(&[stranger, entry.clone()].concat()).expect("read");
        assert_eq!((end, found), (false, vec![b"yes!".to_vec()]));
        let (end, found) = read(&entry.repeat(5)).expect("read");
        assert_eq!((end, found.len()), (true, 3));
    }

    #[test]
    fn attributes_end_where_their_lengths_are_wrong() {
        let bytes = |numbers: [u16; 6]| numbers.map(u16::to_ne_bytes).concat();
        // Five bytes and three of padding, then one of a length that is not there.
        let first = u16::from_ne_bytes([9, 0]);
        let found =
            attributes(&bytes([5, 1, first, 0, 200, 2])).map(|(k, v)| (k, v.to_vec())).collect::<Vec<_>>();
        assert_eq!(found, [(1, vec![9])]);
        assert_eq!(attributes(&[0; 8]).count(), 0, "a length of zero would never end");
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = read(&bytes);
            let _ = attributes(&bytes).count();
        }

        #[test]
        fn no_payload_breaks_the_parser(
            kind in prop_oneof![Just(NLMSG_DONE), Just(NLMSG_ERROR), Just(ENTRY)],
            payload in proptest::collection::vec(any::<u8>(), 0..160),
            cut in 0_usize..200,
        ) {
            let bytes = question(kind, &payload, 1);
            let _ = read(bytes.get(..cut).unwrap_or(&bytes));
            let _ = read(&bytes);
        }
    }
}
