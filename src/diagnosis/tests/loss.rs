//! Packets that are lost on the way.

use super::*;

#[test]
fn each_loss_is_one_finding() {
    check(&[
        (
            "loss",
            |s| {
                let _ = s.icmp("api", "db", Outcome::Failure(Reason::PacketLoss));
            },
            &["container-packet-loss db"],
        ),
        (
            "loss, twice",
            |s| s.icmp("api", "db", Outcome::Failure(Reason::PacketLoss)).losses = 0b1_0000_0011,
            &[],
        ),
        (
            "loss from one to all",
            |s| {
                s.icmp("api", "db", Outcome::Failure(Reason::PacketLoss));
                s.icmp("api", "web", Outcome::Failure(Reason::PacketLoss));
            },
            &["container-packet-loss api"],
        ),
        (
            "SYNs sent again by two peers",
            |s| {
                let handshake = Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
                for source in ["api", "web"] {
                    let record = s.tcp(source, "db", 5432, OK);
                    (record.seen.handshake, record.losses) = (handshake, 0b11);
                }
            },
            &["container-packet-loss db"],
        ),
        (
            "SYNs sent again by two peers, once",
            |s| {
                let handshake = Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
                for source in ["api", "web"] {
                    let record = s.tcp(source, "db", 5432, OK);
                    (record.seen.handshake, record.losses) = (handshake, 0b1);
                }
            },
            &[],
        ),
        (
            "two SYNs sent again, by who got nothing through until now",
            |s| {
                let handshake = Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
                for source in ["api", "web"] {
                    let record = s.tcp(source, "db", 5432, OK);
                    (record.seen.handshake, record.losses, record.successes_in_a_row) = (handshake, 0b11, 1);
                }
            },
            &[],
        ),
        (
            "one SYN sent again",
            |s| {
                s.tcp("api", "db", 5432, OK).seen.handshake =
                    Some(Handshake { syn_retransmits: 1, ..Handshake::default() });
            },
            &[],
        ),
    ]);
}
