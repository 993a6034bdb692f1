//! What grows steadily and is used up within a week, by Prometheus' own history: a restart of the exporter loses none of it.
//!
//! How fast is a straight line through three days, which a deploy of some minutes hardly bends. That it grows at all is
//! said by something that no line can make up: the fewest of each day rise, from one to the next and again. What comes
//! and goes with deploys, by day or in one step leaves them where they were.

use super::findings::HELD;
use super::resources::{ADDRESSES, POOLS, ticket};
use super::words::destination;
use super::{About, Alert, Scope};

/// Whoever is told a week before has a day of work among them.
pub const WEEK: u32 = 7 * 86_400;
/// Less than this share taken is room, however fast it goes.
const SHARE: f64 = 0.5;

/// What of a series of `…_used` and `…_capacity` ends soon, while there is `room`: with less another alert has begun.
fn ends(series: &str, room: impl Fn(&str, &str) -> String) -> String {
    let used = format!("destination_{series}_used");
    let capacity = format!("last_over_time(destination_{series}_capacity[1h])");
    let fewest = format!("min_over_time({used}[1h])");
    let [today, before, first] =
        ["", " offset 1d", " offset 2d"].map(|ago| format!("min_over_time({used}[1d]{ago})"));
    [
        format!("({capacity} - {fewest}) / (deriv({used}[3d]) > 0) < {WEEK}"),
        format!("{fewest} > {SHARE} * {capacity}"),
        room(&fewest, &capacity),
        format!("{today} > {before}"),
        format!("{before} > {first}"),
        format!("last_over_time({used}[1h] offset 3d)"),
    ]
    .join("\n  and\n")
}

fn ending(name: &'static str, scope: Scope, about: About, expr: String) -> Alert {
    // An hour's work is no growth; and what lies about a week away must not come and go with each deploy.
    Alert { hold: "1h", keep: "6h", ..ticket(name, scope, about, expr) }
}

pub(super) fn addresses() -> Alert {
    let expr = ends("addresses", |used, capacity| format!("{used} <= {ADDRESSES} * {capacity}"));
    Alert {
        summary: format!(
            "{}: the addresses in {{{{ $labels.subnet }}}} end in {{{{ $value | humanizeDuration }}}}",
            destination()
        ),
        description: "More are taken from day to day: at the growth of the last three days the last of {{ $labels.subnet }} is taken in {{ $value | humanizeDuration }}, and then the next container does not start. Look for what is left behind while there is time, or plan a larger network.".to_owned(),
        ..ending(
            "DestinationAddressesEnding",
            Scope::Destination,
            About::Destination,
            format!(
                "{expr}\n  unless on (job, instance, destination)\n{HELD}{{code=\"network-addresses-exhausted\"}} == 1"
            ),
        )
    }
}

pub(super) fn pools() -> Alert {
    let expr = ends("address_pools", |used, capacity| format!("{capacity} - {used} >= {POOLS}"));
    Alert {
        summary: "The Engine on {{ $labels.instance }} has no room for another network in {{ $value | humanizeDuration }}".to_owned(),
        description: "More networks are there from day to day: at the growth of the last three days the last block of its address pools is taken in {{ $value | humanizeDuration }}, and then a stack with a network of its own is not deployed.\nLook first: docker network ls --filter dangling=true. Those of stacks that are stopped are among them: remove by name what is nobody's, or have larger default-address-pools.".to_owned(),
        ..ending(
            "DestinationAddressPoolsEnding",
            Scope::Host,
            About::Host,
            format!(
                "{expr}\n  unless on (job, instance)\n{HELD}{{code=\"address-pools-exhausted\"}} == 1"
            ),
        )
    }
}
