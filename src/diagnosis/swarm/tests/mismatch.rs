//! Nodes that advertise addresses of several networks.

use super::*;

#[test]
fn addresses_of_several_networks() {
    let other = |address: &str, breaks: fn(&mut Sample, IpAddr)| {
        let address: IpAddr = address.parse().unwrap();
        let mut sample = well();
        sample.peer_at("shop", address, [(1, away(9, 1)), (2, away(9, 2))].into_iter());
        sample.over("shop", address, OK);
        sample.beside("shop", address, OK, OK);
        breaks(&mut sample, address);
        sample
    };
    let lost: fn(&mut Sample, IpAddr) = |s, address| {
        s.lost("shop", address, 20);
        s.beside("shop", address, TIMEOUT, TIMEOUT);
    };
    for address in [
        "10.9.0.7",
        "192.168.3.4",
        "172.16.0.9",
        "100.64.0.9",
        "169.254.1.1",
        "127.0.0.1",
        "0.0.0.0",
        "2001:db8::7",
    ] {
        assert_eq!(
            faults(&other(address, |_, _| ())),
            [""; 0],
            "{address}: as long as it is reached it is a choice"
        );
        assert_eq!(
            faults(&other(address, lost)),
            [format!("swarm-data-path-broken {address}")],
            "{address}: who is lost may be away"
        );
        assert_eq!(
            faults(&other(address, |s, at| s.silent("shop", at))),
            ["swarm-address-mismatch swarm"],
            "{address}"
        );
        // One of the two answers: it is found, whatever else is wrong.
        let gossip: fn(&mut Sample, IpAddr) = |s, address| {
            s.lost("shop", address, 20);
            s.beside("shop", address, OK, TIMEOUT);
        };
        assert_eq!(faults(&other(address, gossip)), [format!("swarm-peer-missing {address}")], "{address}");
        let path: fn(&mut Sample, IpAddr) = |s, address| s.over("shop", address, TIMEOUT);
        assert_eq!(faults(&other(address, path)), [format!("swarm-data-path-broken {address}")], "{address}");
        let blind: fn(&mut Sample, IpAddr) = |s, address| {
            s.lost("shop", address, 20);
            s.beside("shop", address, BLIND, TIMEOUT);
        };
        assert_eq!(faults(&other(address, blind)), [""; 0], "{address}: nobody knows");
    }
    // Another public one is of the same kind: it is away.
    assert_eq!(faults(&other("203.0.113.8", lost)), ["swarm-data-path-broken 203.0.113.8"]);
    assert_eq!(
        faults(&other("100.128.0.9", lost)),
        ["swarm-data-path-broken 100.128.0.9"],
        "not of RFC 6598"
    );
    // Whom the managers do not hear of either is away, and whom they hear of is not.
    for (is_ready, expected) in
        [(false, "swarm-data-path-broken 10.9.0.7"), (true, "swarm-address-mismatch swarm")]
    {
        let mut sample = other("10.9.0.7", lost);
        sample.manages(&[(2, true), (3, is_ready)]);
        let control = sample.swarm().control.as_mut().unwrap();
        control.nodes[1].address = Some("10.9.0.7".parse().unwrap());
        assert_eq!(faults(&sample), [expected]);
    }
    // Where this node itself does not say what it advertises, nothing is compared.
    let mut sample = other("10.9.0.7", |s, at| s.silent("shop", at));
    sample.swarm().address = None;
    assert_eq!(faults(&sample), ["swarm-data-path-broken 10.9.0.7"]);
    let finding = only(&other("10.9.0.7", |s, at| s.silent("shop", at)));
    assert!(
        finding.summary.contains("private: 10.9.0.7") && finding.summary.contains("`node-1 (198.51.100.1)`"),
        "{}",
        finding.summary
    );
    assert!(finding.summary.contains("does not reach `10.9.0.7`"), "{}", finding.summary);
    assert_eq!(finding.evidence.len(), 3, "{finding:?}");
    assert!(finding.fix.iter().any(|step| step.to_string().contains("--advertise-addr")));
}

#[test]
fn a_mismatch_ends_when_the_silent_one_answers_and_not_when_nobody_can_look() {
    let address: IpAddr = "10.9.0.7".parse().unwrap();
    let mut ledger = Ledger::default();
    let mut sample = well();
    sample.peer_at("shop", address, std::iter::empty());
    let mut see = |sample: &mut Sample, echo, gossip| {
        sample.beside("shop", address, echo, gossip);
        told(&settled(sample.snapshot(), &mut ledger))
    };
    let mismatch = ["swarm-address-mismatch swarm"];
    assert_eq!(see(&mut sample, TIMEOUT, TIMEOUT), mismatch);
    assert_eq!(see(&mut sample, BLIND, TIMEOUT), mismatch);
    assert_eq!(see(&mut sample, BLIND, BLIND), mismatch);
    assert_eq!(see(&mut sample, OK, BLIND), [""; 0]);
    assert_eq!(see(&mut sample, TIMEOUT, TIMEOUT), mismatch, "anew");
    sample.overlay("shop").peers.retain(|peer| peer.address != address);
    assert_eq!(see(&mut sample, TIMEOUT, TIMEOUT), [""; 0], "it is gone");
}
