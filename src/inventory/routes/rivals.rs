//! Claims that do not go together: two workloads, two settings, two ports.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::proxy::{self, Doors, Kind, Leads};

use super::gather::{Claim, Sited, kind_of};
use super::model::{Clash, Rival};

/// Rivals of one site that are kept.
const MOST_RIVALS: usize = 16;

/// Names of routers that have more than one setting, and who gives them: Traefik drops all of one name.
pub(super) type Clashing<'c> = BTreeMap<Arc<str>, Vec<&'c Claim<'c>>>;

pub(super) fn clashing<'c>(claims: &'c [Claim<'c>]) -> Clashing<'c> {
    let mut by_name: Clashing<'c> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| kind_of(claim) == Kind::Traefik) {
        let known = by_name.entry(Arc::clone(&claim.rule.name)).or_default();
        if !known.iter().any(|other| other.rule.settings == claim.rule.settings) && known.len() < MOST_RIVALS
        {
            known.push(claim);
        }
    }
    by_name.retain(|_, claims| claims.len() > 1);
    by_name
}

/// Claims that do not go together with the first.
pub(super) fn rivals(
    (first, at): (&Claim<'_>, &proxy::Place),
    claims: &[Sited<'_>],
    clashing: &Clashing<'_>,
) -> Vec<Rival> {
    let port = |claim: &Claim<'_>| match &claim.rule.leads {
        Leads::Here(upstream) => Some(upstream.port.clone()),
        Leads::Elsewhere(_) | Leads::Nowhere(_) => None,
    };
    let mut rivals: Vec<Rival> = Vec::new();
    // Whatever sites the others of one name ask for, this one is dropped with them.
    let of_one_name = claims.iter().flat_map(|(own, _)| {
        clashing.get(&own.rule.name).into_iter().flatten().map(move |other| (own, other))
    });
    for (own, claim) in of_one_name {
        let known = rivals.iter().any(|known| known.container == claim.container.id);
        let differs = claim.rule.settings != own.rule.settings && claim.container.id != own.container.id;
        if differs && !known && rivals.len() < MOST_RIVALS {
            rivals.push(Rival {
                workload: claim.container.whose().into(),
                container: claim.container.id.clone(),
                router: Arc::clone(&claim.rule.name),
                clash: Clash::TwoSettings,
            });
        }
    }
    for (claim, place) in claims {
        let others = claim.container.whose() != first.container.whose();
        let own = claim.container.id == first.container.id;
        let shares_door = shares_door(&claim.rule.doors, &first.rule.doors);
        // Whoever gives two rules two priorities means one to go before the other; so does whoever asks more of a request
        // for one of them: a header, a method, this very path and none below it.
        let deliberate = claim.rule.priority != first.rule.priority
            || claim.rule.also != first.rule.also
            || place.exact != at.exact;
        let clash = if others && shares_door && !deliberate {
            Some(Clash::TwoWorkloads)
        } else if own
            && shares_door
            && !deliberate
            && port(claim) != port(first)
            && kind_of(claim) == Kind::Traefik
        {
            Some(Clash::TwoPorts)
        } else {
            None
        };
        let Some(clash) = clash else { continue };
        let rival = Rival {
            workload: claim.container.whose().into(),
            container: claim.container.id.clone(),
            router: Arc::clone(&claim.rule.name),
            clash,
        };
        let known = |known: &Rival| known.workload == rival.workload && known.clash == rival.clash;
        if rivals.len() < MOST_RIVALS && !rivals.iter().any(known) {
            rivals.push(rival);
        }
    }
    rivals
}

/// Whether a request may come by both.
fn shares_door(one: &Doors, other: &Doors) -> bool {
    match (one, other) {
        (Doors::EntryPoints { names: a, tls: x }, Doors::EntryPoints { names: b, tls: y }) => {
            x == y && (a.is_empty() || b.is_empty() || a.iter().any(|name| b.contains(name)))
        }
        (one, other) => one == other,
    }
}
