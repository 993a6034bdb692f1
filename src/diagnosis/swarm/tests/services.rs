//! Virtual addresses.

use super::*;

/// Two services whose tasks answer when asked directly.
pub(super) fn served(one: Outcome, other: Outcome) -> Sample {
    let mut sample = well();
    for (name, number, outcome) in [("api", 1, one), ("shop-db", 2, other)] {
        sample.service(name, &[away(2, number)], None);
        sample.vip(name, outcome);
        sample.task_port(2, number, OK);
    }
    sample
}

#[test]
fn a_virtual_address_that_does_not_answer_though_its_tasks_do() {
    for (one, other, expected) in [
        (OK, OK, &[][..]),
        (TIMEOUT, OK, &["swarm-vip-unreachable api"]),
        (TIMEOUT, TIMEOUT, &["swarm-vip-unreachable shop"]),
        (REFUSED, OK, &[]),
        (BLIND, BLIND, &[]),
        (TIMEOUT, BLIND, &["swarm-vip-unreachable api"]),
    ] {
        assert_eq!(faults(&served(one.clone(), other.clone())), expected, "{one:?} {other:?}");
    }
    let mut asleep = served(TIMEOUT, OK);
    asleep.task_port(2, 1, TIMEOUT);
    assert_eq!(faults(&asleep), [""; 0], "nobody says that it would be served");
    let mut stale = served(TIMEOUT, OK);
    stale.inventory.taken_at = at(20);
    assert_eq!(faults(&stale), [""; 0], "the picture is older than that");
}

#[test]
fn what_was_told_of_one_virtual_address_is_told_of_all_and_the_other_way_round() {
    let mut ledger = Ledger::default();
    let mut see = |one, other| told(&settled(served(one, other).snapshot(), &mut ledger));
    assert_eq!(see(TIMEOUT, OK), ["swarm-vip-unreachable api"]);
    assert_eq!(see(TIMEOUT, TIMEOUT), ["swarm-vip-unreachable shop"]);
    assert_eq!(see(BLIND, BLIND), ["swarm-vip-unreachable shop"], "unknown ends nothing");
    assert_eq!(see(OK, TIMEOUT), ["swarm-vip-unreachable shop-db"]);
    assert_eq!(see(OK, BLIND), ["swarm-vip-unreachable shop-db"]);
    assert_eq!(see(OK, OK), [""; 0]);
}
