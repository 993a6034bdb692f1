//! What was measured before rules changed, and what cannot be read for a while.

use super::*;

/// What failed under the old rules is no fault under the new ones, until it was tried.
#[test]
fn after_a_repair_nobody_is_blamed_for_what_was_measured_before() {
    let mut sample = town(flush);
    outside(&mut sample, TIMEOUT);
    published(&mut sample, 1, &TIMEOUT);
    alone(&mut sample);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [MISSING]);
    let flushed = filter(&mut sample).clone();
    *filter(&mut sample) = rules().after(Some(&flushed), at(61));
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
    for record in sample.probes.values_mut() {
        record.at = at(75);
    }
    let later = Snapshot { at: at(75), ..sample.snapshot() };
    let still = told(&settled(later, &mut ledger));
    assert!(still.contains(&"egress-blocked host".to_owned()), "{still:?}");
}

/// Rules are flushed, and what gets nowhere by that is noticed before they are read.
#[test]
fn nobody_is_blamed_for_what_began_after_the_last_reading() {
    let mut sample = town(|_| {});
    outside(&mut sample, TIMEOUT);
    published(&mut sample, 1, &TIMEOUT);
    assert_eq!(
        faults(&sample),
        ["egress-blocked host", "published-port-unreachable web 8000/tcp"],
        "the rules were read since"
    );
    for record in sample.probes.values_mut().filter(|record| record.outcome.reason().is_some()) {
        record.since = at(55);
    }
    filter(&mut sample).read_at = Some(at(54));
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
    flush(filter(&mut sample));
    filter(&mut sample).read_at = Some(at(60));
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [MISSING]);
}

/// Where one container alone publishes a port, the rules that lead there go and come with it.
#[test]
fn who_publishes_alone_and_starts_again_and_again_hides_no_fault() {
    let mut sample = town(|_| {});
    outside(&mut sample, TIMEOUT);
    published(&mut sample, 1, &TIMEOUT);
    let whole = filter(&mut sample).clone();
    let mut gone = rules();
    named(&mut gone, "nat", "DOCKER").uses = 2;
    let gone = gone.after(Some(&whole), at(55));
    assert!(gone.leads_no_port());
    *filter(&mut sample) = rules().after(Some(&gone), at(61));
    assert_eq!((filter(&mut sample).changed_at, filter(&mut sample).ports_changed_at), (None, Some(at(61))));
    // What failed at the port was before.
    assert_eq!(faults(&sample), ["egress-blocked host"]);
}

#[test]
fn a_symptom_that_was_told_first_is_taken_back() {
    let mut sample = town(|_| {});
    outside(&mut sample, TIMEOUT);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["egress-blocked host"]);
    let whole = filter(&mut sample).clone();
    let mut gone = whole.clone();
    flush(&mut gone);
    *filter(&mut sample) = gone.after(Some(&whole), at(45));
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [MISSING]);
}

/// A reload takes the rules away and writes them one by one, and no reading of it is whole.
#[test]
fn what_cannot_be_read_for_the_moment_accuses_nobody_and_ends_nothing() {
    let mut sample = town(flush);
    host(&mut sample).firewall_unread = Some("it changed while it was read".to_owned());
    assert_eq!(faults(&sample), [""; 0]);
    host(&mut sample).firewall_unread = None;
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [MISSING]);
    host(&mut sample).firewall_unread = Some("it changed while it was read".to_owned());
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [MISSING]);
    host(&mut sample).firewall_unread = None;
    filter(&mut sample).legacy = true;
    filter(&mut sample).chains.clear();
    assert_eq!(
        told(&settled(sample.snapshot(), &mut ledger)),
        [MISSING],
        "somebody looked at the older tables"
    );
}

/// They went to `iptables-legacy`, which is not read: everybody gets through, and that is all that can be seen.
#[test]
fn rules_that_are_written_elsewhere_are_missed_for_a_while_and_not_for_ever() {
    let mut sample = town(flush);
    let mut ledger = Ledger::default();
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [MISSING]);
    let gone = filter(&mut sample).clone();
    let unread = |at_seconds: u64| {
        let moved = Firewall { legacy: true, ..Firewall::default() }.after(Some(&gone), at(60));
        Firewall { read_at: Some(at(at_seconds)), ..moved }
    };
    assert_eq!(unread(60).unknown_since, Some(at(60)));
    for (seconds, outcome, expected) in
        [(600, OK, &[MISSING][..]), (700, TIMEOUT, &[MISSING]), (700, BLIND, &[MISSING]), (700, OK, &[])]
    {
        *filter(&mut sample) = unread(seconds);
        outside(&mut sample, outcome.clone());
        let snapshot = Snapshot { at: at(seconds), ..sample.snapshot() };
        let now: Vec<String> = told(&judge(Arc::new(snapshot), &mut ledger))
            .into_iter()
            .filter(|told| told == MISSING)
            .collect();
        assert_eq!(now, expected, "{seconds} {outcome:?}");
    }
}

/// A reading into the moment of a reload, which could not be repeated since, accounts for nothing.
#[test]
fn an_old_reading_of_a_moment_hides_no_fault() {
    let mut sample = town(flush);
    outside(&mut sample, TIMEOUT);
    let firewall = filter(&mut sample);
    (firewall.lacking_since, firewall.read_at) = (Some(at(20)), Some(at(21)));
    firewall.changed_at = None;
    host(&mut sample).firewall_unread = Some("it changed while it was read".to_owned());
    assert_eq!(faults(&sample), ["egress-blocked host"]);
}

/// A network may be made to keep its addresses (`enable_ip_masquerade`), and others answer them.
#[test]
fn a_network_that_never_had_the_hosts_address_misses_none() {
    let mut sample = town(|f| f.chains.retain(|chain| chain.name != "POSTROUTING"));
    outside(&mut sample, TIMEOUT);
    assert_eq!(faults(&sample), [MISSING], "it had");
    filter(&mut sample).gave.clear();
    assert_eq!(faults(&sample), ["egress-blocked host"]);
}

#[test]
fn what_cannot_be_read_any_more_stays_as_it_was() {
    let sample = town(flush);
    let before = sample.sight.host.as_deref().expect("there").clone();
    let unread = Host { firewall_unread: Some("the rules change".into()), ..Host::default() };
    let after = unread.or(&before);
    assert_eq!(after.firewall, before.firewall);
    assert!(after.firewall_unread.is_some());
}
