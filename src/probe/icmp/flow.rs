//! Which flow the requests of a visit are, for whoever keeps account of flows.
//!
//! To the connection tracking of Linux the identifier of an echo request is what a port is to TCP: with
//! another one it is another flow, and each is kept for half a minute
//! (`net.netfilter.nf_conntrack_icmp_timeout`) in the table of the vantage, of the host and of the target.
//! With a new identifier every second a fast schedule would fill these tables, and half of what a probe costs
//! would be spent there. With one for ever a probe would be an old acquaintance of every firewall on the
//! way, and would not meet the rule that keeps new flows out. So a flow lasts for less than the default
//! interval, and who looks because of a doubt begins one.

use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::probe::Visit;

/// A flow is at most this old.
const LASTS: Duration = Duration::from_secs(10);

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The identifier for a visit's requests now, for IPv4. Another visit to the same namespace (of another
/// destination) has another one.
pub fn identifier(visit: &Visit) -> u16 {
    if visit.out_of_turn { rand::random() } else { at(visit, BEGINNING.elapsed()) }
}

fn at(visit: &Visit, age: Duration) -> u16 {
    let of = visit.jobs.first().map(|job| (&job.key.destination, &job.key.source, job.key.kind as u8));
    // Sixteen bits are what there is room for.
    SECRET.hash_one((of, age.as_secs() / LASTS.as_secs())) as u16
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::config::Config;
    use crate::namespace::Vantage;
    use crate::outcome::ProbeKind;
    use crate::probe::Spec;
    use crate::probe::lab::visit;

    #[test]
    fn a_fast_schedule_keeps_a_flow_for_some_rounds_and_the_default_one_for_none() {
        let spec = Spec::Icmp { address: Ipv4Addr::LOCALHOST.into(), packets: 1, spacing: Duration::ZERO };
        let visit = visit(ProbeKind::Icmp, Vantage::Own, Duration::from_secs(1), vec![spec]);
        let identifiers = |interval: Duration| -> Vec<u16> {
            let mut all: Vec<u16> = (0..60).map(|turn| at(&visit, interval * turn)).collect();
            all.dedup();
            all
        };
        assert!(identifiers(Duration::from_secs(1)).len() <= 6);
        let doubtful = Visit { out_of_turn: true, ..visit.clone() };
        let drawn: std::collections::BTreeSet<u16> = (0..60).map(|_| identifier(&doubtful)).collect();
        assert!(drawn.len() > 50, "whoever doubts begins a new one");
        // Of sixty identifiers two in a row may be the same by chance.
        assert!(identifiers(Config::default().probes.icmp.interval).len() >= 58);
    }
}
