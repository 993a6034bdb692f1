//! Which interface of a container leads to which of its places.

use crate::inventory::Endpoint;
use crate::netstack::Interface;

/// For each place the interface that leads there: the one that has most of the place's MAC and addresses,
/// the MAC first. `None` where there is none, where two are alike, or where one has the MAC and another one the
/// address: unknown is better than guessed.
///
/// A container may give its interfaces what MACs and addresses it likes, and make more of them: a VLAN has
/// the MAC of the interface below it, and no address of the Engine's.
pub(super) fn by_address<'a>(
    places: &[&Endpoint],
    interfaces: &'a [Interface],
) -> Vec<Option<&'a Interface>> {
    let choices: Vec<_> = places.iter().map(|place| best(place, interfaces)).collect();
    let leads = choices.iter().enumerate().map(|(at, choice)| {
        let (interface, likeness) = (*choice)?;
        // Two places of one MAC: the interface leads to the one whose address it has too.
        let taken = choices.iter().enumerate().any(|(other, choice)| {
            other != at && choice.is_some_and(|(one, more)| one == interface && more >= likeness)
        });
        if taken { None } else { interfaces.get(interface) }
    });
    leads.collect()
}

/// The Engine names interfaces and does not say where they lead: only one interface leads to only one
/// place for certain.
pub(super) fn alone(places: usize, interfaces: &[Interface]) -> Vec<Option<&Interface>> {
    let mut real = interfaces.iter().filter(|interface| interface.name != "lo");
    match (places, real.next(), real.next()) {
        (1, Some(interface), None) => vec![Some(interface)],
        _ => vec![None; places],
    }
}

/// What it counts for to have the place's address, or its MAC.
const ADDRESS: u8 = 1;
const MAC: u8 = 2;

/// The number of the interface that is most like the place, and how much.
fn best(place: &Endpoint, interfaces: &[Interface]) -> Option<(usize, u8)> {
    let mac = mac(&place.mac);
    let likeness = |interface: &Interface| {
        let same_mac = mac.is_some() && interface.mac == mac;
        let same_address = interface.addresses.iter().any(|address| place.addresses.contains(address));
        MAC * u8::from(same_mac) + ADDRESS * u8::from(same_address)
    };
    let likenesses = || interfaces.iter().map(likeness).enumerate();
    let most = likenesses().map(|(_, likeness)| likeness).max().filter(|most| *most > 0)?;
    // One has the MAC and another one the address: somebody has changed them about, and who carries what nobody knows.
    if most == MAC && likenesses().any(|(_, likeness)| likeness == ADDRESS) {
        return None;
    }
    let mut alike = likenesses().filter(|(_, likeness)| *likeness == most);
    match (alike.next(), alike.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

/// `02:42:ac:11:00:02`.
fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        *byte = parts
            .next()
            .filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|p| u8::from_str_radix(p, 16).ok())?;
    }
    parts.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::inventory::ContainerId;

    fn place(mac: u8, address: u8) -> Endpoint {
        Endpoint {
            name: "api".into(),
            container: ContainerId::new("id"),
            addresses: vec![IpAddr::from([10, 0, 0, address])],
            mac: if mac == 0 { String::new() } else { format!("02:42:0a:00:00:{mac:02x}") },
            names: Vec::new(),
            has_more_names: false,
            is_fixed: false,
        }
    }

    fn interface(name: &str, mac: u8, address: u8) -> Interface {
        Interface {
            name: name.into(),
            mac: (mac != 0).then_some([2, 0x42, 10, 0, 0, mac]),
            addresses: vec![IpAddr::from([10, 0, 0, address])],
            ..Interface::default()
        }
    }

    fn names(places: &[Endpoint], interfaces: &[Interface]) -> Vec<Option<String>> {
        let leads = by_address(&places.iter().collect::<Vec<_>>(), interfaces);
        leads.into_iter().map(|interface| Some(interface?.name.clone())).collect()
    }

    fn some(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[test]
    fn the_mac_goes_first_and_the_address_decides_between_equals() {
        for (case, places, interfaces, expected) in [
            (
                "both",
                vec![place(1, 1), place(2, 2)],
                vec![("eth0", 2, 2), ("eth1", 1, 1)],
                vec![some("eth1"), some("eth0")],
            ),
            ("address changed", vec![place(1, 1)], vec![("lo", 0, 99), ("eth0", 1, 9)], vec![some("eth0")]),
            ("MAC changed", vec![place(1, 1)], vec![("lo", 0, 99), ("eth0", 9, 1)], vec![some("eth0")]),
            ("no MAC is told", vec![place(0, 1)], vec![("lo", 0, 99), ("eth0", 9, 1)], vec![some("eth0")]),
            ("a VLAN on top", vec![place(1, 1)], vec![("eth0", 1, 1), ("eth0.7", 1, 77)], vec![some("eth0")]),
            (
                "one MAC, two places",
                vec![place(1, 1), place(1, 2)],
                vec![("a", 1, 1), ("b", 1, 2)],
                vec![some("a"), some("b")],
            ),
            ("one MAC, one left", vec![place(1, 1), place(1, 2)], vec![("a", 1, 1)], vec![some("a"), None]),
            (
                "changed about",
                vec![place(1, 1), place(2, 2)],
                vec![("eth0", 2, 1), ("eth1", 1, 2)],
                vec![None, None],
            ),
            ("the MAC was given away", vec![place(1, 1)], vec![("eth0", 9, 1), ("veth", 1, 9)], vec![None]),
            ("indistinct", vec![place(1, 1)], vec![("a", 1, 8), ("b", 1, 9)], vec![None]),
            ("indistinct places", vec![place(1, 1), place(1, 2)], vec![("a", 1, 9)], vec![None, None]),
            ("another's", vec![place(1, 1)], vec![("lo", 0, 99), ("eth0", 2, 2)], vec![None]),
            ("none", vec![place(1, 1)], vec![], vec![None]),
            ("nothing is told", vec![place(0, 1)], vec![("lo", 0, 99)], vec![None]),
        ] {
            let interfaces: Vec<_> = interfaces.into_iter().map(|(n, m, a)| interface(n, m, a)).collect();
            assert_eq!(names(&places, &interfaces), expected, "{case}");
        }
    }

    #[test]
    fn the_engines_names_lead_somewhere_only_where_there_is_one_way() {
        let (lo, eth0, eth1) = (interface("lo", 0, 9), interface("eth0", 0, 9), interface("eth1", 0, 9));
        for (places, interfaces, leads) in [
            (1, vec![&eth0], true),
            (1, vec![&lo, &eth0], true),
            // Macvlan and overlays' gateways are no destinations, and have interfaces.
            (1, vec![&eth0, &eth1], false),
            (2, vec![&eth0], false),
            (2, vec![&eth0, &eth1], false),
            (1, vec![&lo], false),
            (1, vec![], false),
        ] {
            let interfaces: Vec<_> = interfaces.into_iter().cloned().collect();
            let found = alone(places, &interfaces);
            assert_eq!(found.len(), places);
            assert_eq!(found.iter().flatten().count(), usize::from(leads), "{places} {interfaces:?}");
        }
    }

    #[test]
    fn what_is_no_mac_is_none() {
        assert_eq!(mac("02:42:0a:00:00:fF"), Some([2, 0x42, 10, 0, 0, 255]));
        for odd in
            ["", "02:42:0a:00:00", "02:42:0a:00:00:01:02", "02:42:0a:00:00:1", "02:42:0a:00:00:+1", "ä"]
        {
            assert_eq!(mac(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_interface_is_counted_twice_and_none_leads_where_nothing_is_alike(
            places in proptest::collection::vec((0_u8..4, 1_u8..4), 0..4),
            interfaces in proptest::collection::vec((0_u8..4, 1_u8..4), 0..5),
        ) {
            let places: Vec<_> = places.into_iter().map(|(m, a)| place(m, a)).collect();
            let interfaces: Vec<_> =
                interfaces.iter().enumerate().map(|(n, (m, a))| interface(&n.to_string(), *m, *a)).collect();
            let leads = by_address(&places.iter().collect::<Vec<_>>(), &interfaces);
            prop_assert_eq!(leads.len(), places.len());
            let mut names: Vec<_> = leads.iter().flatten().map(|interface| &interface.name).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), all);
            for (place, interface) in places.iter().zip(&leads) {
                if let Some(interface) = interface {
                    let same_mac = interface.mac.is_some() && interface.mac == mac(&place.mac);
                    prop_assert!(same_mac || interface.addresses == place.addresses);
                }
            }
        }

        #[test]
        fn no_text_breaks_a_mac(text in ".{0,24}") {
            let _ = mac(&text);
        }
    }
}
