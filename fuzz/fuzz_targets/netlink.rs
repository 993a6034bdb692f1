//! Replies of the kernel over netlink: lengths are told twice, and either may be wrong.
#![no_main]

use destination_exporter::namespace::fuzzing::{
    States, address, attributes, chain, filter, link, of_host, reply, rule, socket,
};
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
    check_filter(bytes);
    for asked in [States::ESTABLISHED, States::LISTEN, States::CONNECTIONS] {
        if let Some(found) = socket(bytes, asked) {
            assert!(!found.v6_only || found.local.is_ipv6());
            assert!(bytes.get(1).is_some_and(|state| asked.has(*state)), "another state was asked for");
            assert_eq!(found.is_over, bytes.get(1) == Some(&6));
        }
    }
}

/// The packet filter: names are bounded, networks are what they say, and no judgement of it breaks.
fn check_filter(bytes: &[u8]) {
    if let Some(chain) = chain(bytes) {
        for name in [&chain.table, &chain.name] {
            assert!(!name.is_empty() && !name.contains('\0') && name.len() <= bytes.len() * 3);
        }
    }
    let rule = rule(bytes);
    if let Some(source) = rule.source {
        assert_eq!(source, source.trunc());
        assert!(!rule.is_for_all());
    }
    let other = bytes.get(8..).unwrap_or_default();
    let filter = filter([bytes, other], &[bytes, other]);
    let net = "10.0.0.0/24".parse().expect("a network");
    let told = (filter.own(), filter.keeps_none_apart(), filter.leads_no_port(), filter.masquerades(&net));
    let again = filter.clone().after(Some(&filter), std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(again.changed_at, None, "it is the same");
    assert_eq!(told, (again.own(), again.keeps_none_apart(), again.leads_no_port(), again.masquerades(&net)));
    if let Some(block) = filter.blocks("br0") {
        assert!(block.chain.base.is_some() && block.rule.is_none_or(|at| at < 2));
    }
    filter.bans(&net);
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
