use std::time::Instant;

use super::*;

fn at(examiner: &Examiner, chain: &[&Made], time: SystemTime) -> Arc<Certificate> {
    let chain: Vec<&[u8]> = chain.iter().map(|made| made.der()).collect();
    examiner.read(&chain, time).expect("a certificate")
}

#[test]
fn a_chain_is_read_once() {
    let root = Authority::new("Own Root");
    let (one, two) = (root.sign(|it| it.names(&["a.test"])), root.sign(|it| it.names(&["b.test"])));
    let examiner = believing(&root.made);
    let first = read(&examiner, &[&one]);
    assert!(Arc::ptr_eq(&first, &read(&examiner, &[&one])));
    assert!(!Arc::ptr_eq(&first, &read(&examiner, &[&two])));
    // The same end entity in another chain is another chain.
    let longer = read(&examiner, &[&one, &root.made]);
    assert!(!Arc::ptr_eq(&first, &longer));
    assert_eq!((first.fingerprint, longer.presented), (longer.fingerprint, 2));
    // And two that are cut elsewhere are not the same.
    let all = [one.der(), two.der()].concat();
    let cut = examiner.read(&[&all], now()).expect("a certificate");
    assert!(cut.read.is_err() && examiner.read(&[], now()).is_none());
}

#[test]
fn what_ends_meanwhile_is_judged_anew() {
    let root = Authority::new("Own Root");
    let middle = root.below("Own Middle", |it| it.not_after = day(2026, 6, 10));
    let made = middle.sign(|it| it.not_after = day(2026, 6, 20));
    let examiner = believing(&root.made);
    let end = SystemTime::from(day(2026, 6, 10));
    let trusted = |time| {
        at(&examiner, &[&made, &middle.made], time)
            .read
            .as_ref()
            .is_ok_and(|read| read.trust == Trust::Trusted)
    };
    assert!(trusted(now()) && trusted(end), "its last second counts");
    assert!(!trusted(end + Duration::from_secs(1)));
    assert!(trusted(end - Duration::from_secs(1)), "and a clock that is set back");
    // When its own time is over, nothing is looked at again: what matters is the last moment of it.
    let late = end + Duration::from_secs(100 * 86_400);
    let chain = [&made, &middle.made];
    assert!(Arc::ptr_eq(
        &at(&examiner, &chain, late),
        &at(&examiner, &chain, late + Duration::from_secs(86_400))
    ));
}

#[test]
fn memory_is_bounded_and_what_is_asked_for_stays() {
    let made = Made::alone(|it| it.names(&["a.test"]));
    let examiner = Examiner::default();
    let kept = read(&examiner, &[&made]);
    for n in 0..2000_u32 {
        examiner.read(&[&n.to_be_bytes()], now());
        assert!(Arc::ptr_eq(&kept, &read(&examiner, &[&made])), "{n}");
    }
    assert_eq!(examiner.remembered().0, 512);
    // Of large ones fewer are kept.
    let many: Vec<String> = (0..500).map(|n| format!("name{n}.of.many.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..60 {
        read(&examiner, &[&Made::alone(|it| it.names(&many))]);
    }
    let (chains, weight) = examiner.remembered();
    assert!(chains < 200 && weight <= 1024 * 1024, "{chains} chains, {weight} bytes");
}

/// What a round of probes costs: `cargo test --release --lib certificate -- --ignored --nocapture`.
#[test]
#[ignore = "takes a time, and tells it"]
fn what_it_costs() {
    let root = Authority::new("Own Root");
    let middle = root.below("Own Middle", |_| {});
    let hosts: Vec<String> = (0..200).map(|n| format!("n{n}.example.com")).collect();
    let made: Vec<Made> = hosts.iter().map(|host| middle.sign(|it| it.names(&[host]))).collect();
    let examiner = believing(&root.made);
    let settings = Settings::default();
    for round in ["the first", "the second", "the third"] {
        let began = Instant::now();
        for (made, host) in made.iter().zip(&hosts) {
            let certificate = read(&examiner, &[made, &middle.made]);
            assert!(judge(&certificate, host, now(), &settings).is_empty());
        }
        eprintln!("{round} round of 200 chains: {:?}", began.elapsed());
    }
}
