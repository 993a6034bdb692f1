//! Replies of the kernel over netlink: lengths are told twice, and either may be wrong.
#![no_main]

use destination_exporter::namespace::fuzzing::{State, address, attributes, link, of_host, reply, socket};
use libfuzzer_sys::fuzz_target;

/// Bytes behind a length and a kind, filled up to four.
fn attribute((kind, value): &(u16, Vec<u8>)) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).expect("it had one");
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message((kind, payload): &(u16, Vec<u8>)) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 16).expect("it had one");
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 2]);
    bytes.extend(1_u32.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn check_payload(bytes: &[u8]) {
    let found = attributes(bytes);
    assert!(found.iter().map(|(_, value)| value.len() + 4).sum::<usize>() <= bytes.len());
    let written: Vec<u8> = found.iter().flat_map(attribute).collect();
    assert_eq!(attributes(&written), found);
    if let Some((_, interface)) = link(bytes) {
        assert!(
            interface.addresses.is_empty() && interface.mac != Some([0; 6]) && !interface.name.contains('\0')
        );
    }
    address(bytes);
    let (way, ports) = of_host([bytes, bytes.get(8..).unwrap_or_default()], bytes);
    assert!(ports <= 4, "two interfaces are ports of two bridges at the most");
    if let Some(way) = way {
        assert!(way.to == way.to.trunc() && !way.by.is_empty() && !way.by.contains('\0'));
    }
    for asked in [State::Established, State::Listen] {
        if let Some(found) = socket(bytes, asked) {
            assert!(!found.v6_only || found.local.is_ipv6());
            assert!(bytes.get(1) == Some(&(asked as u8)), "another state was asked for");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    check_payload(data);
    let Some((last, messages)) = reply(data) else { return };
    assert!(messages.len() <= data.len() / 16);
    for (_, payload) in &messages {
        check_payload(payload);
        check_payload(payload.get(16..).unwrap_or_default());
    }
    let written: Vec<u8> = messages.iter().flat_map(message).collect();
    if !last && !messages.is_empty() {
        assert_eq!(reply(&written), Some((false, messages)));
    }
});
