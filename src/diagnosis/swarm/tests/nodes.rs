//! What passes to another node, and what is known of it.

use super::*;

#[test]
fn the_data_path() {
    check(&[
        ("all is well", |_| (), &[]),
        ("one node", |s| s.over("shop", node(2), TIMEOUT), &["swarm-data-path-broken 198.51.100.2"]),
        ("one node that is away", |s| s.silent("shop", node(2)), &["swarm-data-path-broken 198.51.100.2"]),
        (
            "all of several are this node's own",
            |s| [2, 3].into_iter().for_each(|last| s.over("shop", node(last), TIMEOUT)),
            &["swarm-data-path-broken 198.51.100.1"],
        ),
        (
            "the only one there is may be either's",
            |s| {
                s.overlay("shop").peers.pop();
                s.over("shop", node(2), TIMEOUT);
            },
            &["swarm-data-path-broken 198.51.100.2"],
        ),
        (
            "whom nobody could look at is no witness that it is this node's own",
            |s| {
                s.over("shop", node(2), TIMEOUT);
                s.over("shop", node(3), BLIND);
            },
            &["swarm-data-path-broken 198.51.100.2"],
        ),
        ("nobody could look", |s| s.over("shop", node(2), BLIND), &[]),
        ("nor beside", |s| s.beside("shop", node(2), BLIND, BLIND), &[]),
        (
            "it failed once",
            |s| {
                s.over("shop", node(2), TIMEOUT);
                s.probes
                    .values_mut()
                    .for_each(|record| record.failures_in_a_row = record.failures_in_a_row.min(1));
            },
            &[],
        ),
        (
            "the picture is older than the failures",
            |s| {
                s.over("shop", node(2), TIMEOUT);
                s.inventory.taken_at = at(29);
            },
            &[],
        ),
        (
            "so is it while nobody lists anything, of a node of which nothing answers",
            |s| {
                s.silent("shop", node(2));
                s.inventory.taken_at = at(29);
            },
            &["swarm-data-path-broken 198.51.100.2"],
        ),
        (
            "one port of one task is refused: the packet got there and back",
            |s| {
                s.over("shop", node(2), TIMEOUT);
                s.task_port(2, 1, REFUSED);
            },
            &[],
        ),
        (
            "one of two tasks answers",
            |s| {
                s.over("shop", node(2), TIMEOUT);
                s.over("shop", node(3), OK);
                s.task_port(2, 2, OK);
            },
            &[],
        ),
        (
            "the gossip lost it, and nothing answers",
            |s| {
                s.lost("shop", node(2), 20);
                s.beside("shop", node(2), TIMEOUT, TIMEOUT);
            },
            &["swarm-data-path-broken 198.51.100.2"],
        ),
        (
            "on two overlays it is one",
            |s| {
                blog(s, TIMEOUT);
                s.over("shop", node(2), TIMEOUT);
            },
            &["swarm-data-path-broken 198.51.100.2"],
        ),
        (
            "this node has left the Swarm",
            |s| {
                s.over("shop", node(2), TIMEOUT);
                s.inventory.swarm = None;
            },
            &[],
        ),
    ]);
}

#[test]
fn a_node_that_the_gossip_does_not_know() {
    check(&[
        (
            "its host answers, and the port of its gossip does not",
            |s| {
                s.lost("shop", node(2), 20);
                s.beside("shop", node(2), OK, TIMEOUT);
            },
            &["swarm-peer-missing 198.51.100.2"],
        ),
        (
            "its host has just begun to answer: it is starting",
            |s| {
                s.lost("shop", node(2), 20);
                s.beside("shop", node(2), OK, TIMEOUT);
                s.probes.values_mut().for_each(|r| r.successes_in_a_row = r.successes_in_a_row.min(1));
            },
            &[],
        ),
        (
            "nobody can tell its host",
            |s| {
                s.lost("shop", node(2), 20);
                s.beside("shop", node(2), BLIND, TIMEOUT);
            },
            &[],
        ),
        (
            "no Engine listens there, and no manager says that one ought to",
            |s| {
                s.lost("shop", node(2), 20);
                s.beside("shop", node(2), OK, REFUSED);
            },
            &[],
        ),
        (
            "no Engine listens there, and managers call it down",
            |s| {
                s.manages(&[(2, false), (3, true)]);
                s.lost("shop", node(2), 20);
                s.beside("shop", node(2), OK, REFUSED);
            },
            &["swarm-peer-missing 198.51.100.2"],
        ),
        (
            "no Engine listened there a moment ago, and managers hear of it",
            |s| {
                s.manages(&[(2, true), (3, true)]);
                s.lost("shop", node(2), 20);
                s.beside("shop", node(2), OK, REFUSED);
            },
            &[],
        ),
        (
            "its gossip answers, and a worker knows no better",
            |s| {
                s.lost("shop", node(2), 0);
                s.beside("shop", node(2), OK, OK);
                s.inventory.taken_at = at(500);
            },
            &[],
        ),
        (
            "its gossip answers, and for less than a minute managers know more",
            |s| {
                s.manages(&[(2, true), (3, true)]);
                s.lost("shop", node(2), 31);
                s.beside("shop", node(2), OK, OK);
                s.inventory.taken_at = at(90);
            },
            &[],
        ),
        (
            "and for a minute by now",
            |s| {
                s.manages(&[(2, true), (3, true)]);
                s.lost("shop", node(2), 30);
                s.beside("shop", node(2), OK, OK);
                s.inventory.taken_at = at(90);
            },
            &["swarm-peer-missing 198.51.100.2"],
        ),
        (
            "it was away for long, and has just come back: the gossip is a moment behind",
            |s| {
                s.manages(&[(2, true), (3, true)]);
                s.lost("shop", node(2), 0);
                s.beside("shop", node(2), OK, OK);
                s.inventory.taken_at = at(500);
                s.probes.values_mut().for_each(|record| record.since = at(495));
            },
            &[],
        ),
    ]);
}

#[test]
fn an_encrypted_overlay() {
    check(&[
        (
            "nothing passes, and the hosts answer",
            |s| {
                s.overlay("shop").encrypted = true;
                [2, 3].into_iter().for_each(|last| s.over("shop", node(last), TIMEOUT));
            },
            &["swarm-encryption-unsupported shop"],
        ),
        (
            "what is in the clear passes to the same node",
            |s| {
                s.overlay("shop").encrypted = true;
                blog(s, OK);
                [2, 3].into_iter().for_each(|last| s.over("shop", node(last), TIMEOUT));
            },
            &["swarm-encryption-unsupported shop"],
        ),
        (
            "nothing passes in the clear either",
            |s| {
                s.overlay("shop").encrypted = true;
                blog(s, TIMEOUT);
                s.over("shop", node(2), TIMEOUT);
            },
            &["swarm-data-path-broken 198.51.100.2"],
        ),
        (
            "nobody knows whether it does",
            |s| {
                s.overlay("shop").encrypted = true;
                blog(s, BLIND);
                s.over("shop", node(2), TIMEOUT);
                s.over("shop", node(3), TIMEOUT);
            },
            // Node 3 has nothing in the clear that could tell.
            &["swarm-data-path-broken 198.51.100.3"],
        ),
        (
            "it passes to another node",
            |s| {
                s.overlay("shop").encrypted = true;
                s.over("shop", node(2), TIMEOUT);
            },
            &["swarm-data-path-broken 198.51.100.2"],
        ),
        (
            "the hosts do not answer",
            |s| {
                s.overlay("shop").encrypted = true;
                [2, 3].into_iter().for_each(|last| s.silent("shop", node(last)));
            },
            &["swarm-data-path-broken 198.51.100.1"],
        ),
        (
            "nobody could look",
            |s| {
                s.overlay("shop").encrypted = true;
                [2, 3].into_iter().for_each(|last| s.over("shop", node(last), BLIND));
            },
            &[],
        ),
        ("it passes", |s| s.overlay("shop").encrypted = true, &[]),
    ]);
}

#[test]
fn what_was_told_of_one_node_is_told_of_this_one_and_the_other_way_round() {
    let mut ledger = Ledger::default();
    let mut see = |two, three| {
        let mut sample = well();
        sample.over("shop", node(2), two);
        sample.over("shop", node(3), three);
        told(&settled(sample.snapshot(), &mut ledger))
    };
    assert_eq!(see(TIMEOUT, OK), ["swarm-data-path-broken 198.51.100.2"]);
    assert_eq!(see(TIMEOUT, TIMEOUT), ["swarm-data-path-broken 198.51.100.1"]);
    assert_eq!(see(BLIND, BLIND), ["swarm-data-path-broken 198.51.100.1"], "unknown ends nothing");
    assert_eq!(see(TIMEOUT, OK), ["swarm-data-path-broken 198.51.100.2"]);
    assert_eq!(see(OK, OK), [""; 0]);
}

#[test]
fn what_is_seen_better_is_told_as_that() {
    let mut ledger = Ledger::default();
    let mut sample = well();
    sample.over("shop", node(2), TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["swarm-data-path-broken 198.51.100.2"]);
    sample.probes.retain(|key, _| !key.target.ends_with(".100.2"));
    sample.lost("shop", node(2), 40);
    sample.beside("shop", node(2), OK, TIMEOUT);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["swarm-peer-missing 198.51.100.2"]);
    sample.beside("shop", node(2), BLIND, BLIND);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), ["swarm-peer-missing 198.51.100.2"]);
    // The Engine is silent: nothing is over for that.
    let silent = Snapshot {
        sight: crate::state::Sight {
            engine: Engine::Down { since: at(50), why: "x".into() },
            ..sample.sight.clone()
        },
        ..sample.snapshot()
    };
    assert!(told(&settled(silent, &mut ledger)).contains(&"swarm-peer-missing 198.51.100.2".to_owned()));
    sample.beside("shop", node(2), OK, OK);
    assert_eq!(told(&settled(sample.snapshot(), &mut ledger)), [""; 0]);
    // An encrypted overlay that nobody can look at, and then can.
    let mut sample = well();
    sample.overlay("shop").encrypted = true;
    for (outcome, expected) in [(TIMEOUT, 1), (BLIND, 1), (OK, 0)] {
        [2, 3].into_iter().for_each(|last| sample.over("shop", node(last), outcome.clone()));
        assert_eq!(settled(sample.snapshot(), &mut ledger).findings.len(), expected, "{outcome:?}");
    }
}

#[test]
fn a_port_that_is_refused_is_no_gossip_that_answers() {
    let missing: fn(&mut Sample) = |s| {
        s.manages(&[(2, false), (3, true)]);
        s.lost("shop", node(2), 20);
    };
    let broken: fn(&mut Sample) = |s| s.over("shop", node(2), TIMEOUT);
    for (what, breaks, gossip, seen, fine, repair) in [
        ("no Engine listens", missing, REFUSED, "refused", false, "docker node rm --force n2"),
        ("the packets are lost, and it has just ended", broken, REFUSED, "refused", false, ""),
        ("the packets are lost alone", broken, OK, "answered", true, ""),
    ] {
        let mut sample = well();
        breaks(&mut sample);
        sample.beside("shop", node(2), OK, gossip);
        let finding = only(&sample);
        let handshake = finding.evidence.iter().find(|one| one.source.contains("port 7946")).unwrap();
        assert_eq!(handshake.observed, seen, "{what}");
        assert_eq!(finding.ruled_out.iter().any(|one| one.starts_with("the gossip")), fine, "{what}");
        assert!(
            finding.fix.iter().any(|step| step.to_string().contains(repair)),
            "{what}: {:?}",
            finding.fix
        );
    }
}
