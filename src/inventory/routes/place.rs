//! On which network a proxy looks for a container.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::inventory::ids::NetworkId;
use crate::proxy::Kind;

use super::model::{Choice, Placed, Spot};

/// A container's place on one network, destination or not.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The network's id.
    pub id: NetworkId,
    /// Its name.
    pub network: Arc<str>,
    /// The destination that it is; `None` for one that is none.
    pub destination: Option<Arc<str>>,
    /// The container's address there.
    pub address: Option<IpAddr>,
}

/// What a proxy knows when it chooses.
pub(super) struct Chooser<'a> {
    pub(super) kind: Kind,
    /// Networks of the proxy; `None`: it is on the host's, and reaches all.
    pub(super) on: Option<&'a BTreeSet<NetworkId>>,
    /// The network of its own settings.
    pub(super) network: Option<&'a str>,
}

impl Chooser<'_> {
    fn reaches(&self, seat: &Seat) -> bool {
        self.on.is_none_or(|on| on.contains(&seat.id))
    }

    /// The choice among a container's seats, by name; `label` is the network that its labels name.
    pub(super) fn choose(&self, seats: &[Seat], label: Option<&Arc<str>>) -> Placed {
        let seats: Vec<&Seat> = seats.iter().filter(|seat| seat.address.is_some()).collect();
        let named = |name: &str| seats.iter().copied().find(|seat| *seat.network == *name);
        let names = || seats.iter().map(|seat| Arc::clone(&seat.network)).collect::<Vec<_>>();
        let apart = || {
            let apart = seats.iter().filter(|seat| !self.reaches(seat));
            apart.map(|seat| Arc::clone(&seat.network)).collect()
        };
        // Which of several it will be changes; that one is looked at which would work, so that what fails is certain.
        let any = || seats.iter().copied().find(|seat| self.reaches(seat)).or_else(|| seats.first().copied());
        let configured = self.network.filter(|_| label.is_none());
        let (seat, choice) = match (label, configured.and_then(named), seats.as_slice()) {
            (_, _, []) => return Placed::Nowhere,
            (Some(label), _, _) => match named(label) {
                Some(seat) => (Some(seat), Choice::Labelled),
                // Caddy finds no upstream then.
                None => (any(), Choice::Mislabelled(Arc::clone(label), names())),
            },
            (None, Some(seat), _) => (Some(seat), Choice::Configured),
            (None, None, [seat]) => (Some(*seat), Choice::Only),
            (None, None, _) if self.kind == Kind::Caddy => {
                match seats.iter().copied().find(|seat| self.reaches(seat)) {
                    Some(seat) => (Some(seat), Choice::Shared),
                    None => (any(), Choice::Any(names())),
                }
            }
            (None, None, _) => (any(), Choice::Any(names())),
        };
        match seat.and_then(|seat| Some((seat, seat.address?))) {
            Some((seat, address)) => Placed::On(Spot {
                network: Arc::clone(&seat.network),
                destination: seat.destination.clone(),
                address,
                attached: self.reaches(seat),
                apart: match &choice {
                    Choice::Any(_) | Choice::Mislabelled(..) => apart(),
                    _ => Vec::new(),
                },
                choice,
            }),
            None => Placed::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(name: &str, last: u8) -> Seat {
        Seat {
            id: NetworkId::new(name),
            network: name.into(),
            destination: Some(name.into()),
            address: Some([10, 0, 0, last].into()),
        }
    }

    #[test]
    fn a_network_is_chosen_as_the_proxies_do() {
        let on: BTreeSet<NetworkId> = ["shop", "coolify"].map(NetworkId::new).into();
        let (shop, own, blog) = (seat("shop", 1), seat("own", 2), seat("blog", 3));
        type Row<'a> = (Kind, &'a [&'a Seat], Option<&'a str>, Option<&'a str>, &'a str);
        let table: &[Row<'_>] = &[
            (Kind::Traefik, &[], None, None, "nowhere"),
            (Kind::Traefik, &[&shop], None, None, "shop attached Only"),
            (Kind::Traefik, &[&own], None, None, "own apart Only"),
            (Kind::Traefik, &[&own, &shop], None, None, "shop attached Any([\"own\", \"shop\"])"),
            (Kind::Traefik, &[&own, &blog], None, None, "own apart Any([\"own\", \"blog\"])"),
            (Kind::Traefik, &[&own, &shop], Some("own"), None, "own apart Labelled"),
            (Kind::Traefik, &[&own, &shop], None, Some("own"), "own apart Configured"),
            (Kind::Traefik, &[&own, &shop], Some("shop"), Some("own"), "shop attached Labelled"),
            (Kind::Traefik, &[&shop], Some("x"), Some("own"), "shop attached Mislabelled(\"x\", [\"shop\"])"),
            (Kind::Traefik, &[&shop], None, Some("x"), "shop attached Only"),
            (Kind::Caddy, &[&own, &shop], None, None, "shop attached Shared"),
            (Kind::Caddy, &[&own, &blog], None, None, "own apart Any([\"own\", \"blog\"])"),
            (Kind::Caddy, &[&own, &shop], Some("own"), None, "own apart Labelled"),
        ];
        for (kind, seats, label, network, expected) in table {
            let seats: Vec<Seat> = seats.iter().map(|seat| (*seat).clone()).collect();
            let chooser = Chooser { kind: *kind, on: Some(&on), network: *network };
            let label: Option<Arc<str>> = label.map(Arc::from);
            let told = match chooser.choose(&seats, label.as_ref()) {
                Placed::On(Spot { network, attached, choice, .. }) => {
                    format!("{network} {} {choice:?}", if attached { "attached" } else { "apart" })
                }
                other => format!("{other:?}").to_lowercase(),
            };
            assert_eq!(told, *expected, "{kind:?} {seats:?} {label:?} {network:?}");
        }
    }

    #[test]
    fn a_proxy_on_the_hosts_network_reaches_all() {
        let chooser = Chooser { kind: Kind::Traefik, on: None, network: None };
        let Placed::On(spot) = chooser.choose(&[seat("own", 2)], None) else { panic!("placed") };
        assert!(spot.attached);
    }
}
