//! How many connections each caller has.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Who is connected, and how often. Loopback is not counted: whoever is on the machine itself has
/// easier ways to harm it, and everyone there is one address.
#[derive(Clone, Debug)]
pub(super) struct Guests {
    each: usize,
    counts: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One connection of a caller, until it is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    of: Option<(Guests, IpAddr)>,
}

impl Guests {
    pub(super) fn new(each: usize) -> Self {
        Self { each, counts: Arc::default() }
    }

    /// One more connection; `None` where the caller has enough.
    pub(super) fn admit(&self, caller: IpAddr) -> Option<Guest> {
        let caller = caller.to_canonical();
        if caller.is_loopback() {
            return Some(Guest { of: None });
        }
        let caller = house(caller);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(caller).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Guest { of: Some((self.clone(), caller)) })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let Some((guests, caller)) = &self.of else { return };
        let mut counts = guests.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(caller) {
            *count -= 1;
            if *count == 0 {
                counts.remove(caller);
            }
        }
    }
}

/// Whoever has one address of IPv6 has the 2⁶⁴ beside it too.
fn house(caller: IpAddr) -> IpAddr {
    match caller {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        IpAddr::V4(_) => caller,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_caller_has_so_many_connections_and_no_more() {
        let guests = Guests::new(2);
        let (first, second) = (guests.admit(ip("10.0.0.1")), guests.admit(ip("::ffff:10.0.0.1")));
        assert!(first.is_some() && second.is_some());
        assert!(guests.admit(ip("10.0.0.1")).is_none(), "however it is written");
        assert!(guests.admit(ip("10.0.0.2")).is_some(), "another caller");
        drop(first);
        assert!(guests.admit(ip("10.0.0.1")).is_some(), "a place was given back");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_caller() {
        let guests = Guests::new(1);
        let first = guests.admit(ip("fd00::1"));
        assert!(first.is_some() && guests.admit(ip("fd00::ffff:1")).is_none());
        assert!(guests.admit(ip("fd00:0:0:1::1")).is_some());
    }

    #[test]
    fn loopback_is_not_counted_and_nothing_is_kept_of_who_left() {
        let guests = Guests::new(1);
        let callers = ["127.0.0.1", "127.0.0.1", "::1", "::1", "::ffff:127.0.0.1", "10.0.0.1"];
        let held: Vec<Option<Guest>> = callers.map(|caller| guests.admit(ip(caller))).into();
        assert!(held.iter().all(Option::is_some));
        drop(held);
        assert!(guests.counts.lock().expect("whole").is_empty());
    }
}
