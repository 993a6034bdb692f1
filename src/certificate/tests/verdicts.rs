use super::*;

const HOST: &str = "shop.example.com";
const DAY: u64 = 86_400;

fn faults(examiner: &Examiner, chain: &[&Made], host: &str, time: SystemTime) -> Vec<Fault> {
    let chain: Vec<&[u8]> = chain.iter().map(|made| made.der()).collect();
    let certificate = examiner.read(&chain, time).expect("a certificate");
    let verdicts = judge(&certificate, host, time, &Settings::default());
    assert!(verdicts.iter().all(|verdict| !verdict.evidence.is_empty()), "{verdicts:?}");
    assert!(verdicts.is_sorted_by_key(|verdict| verdict.fault), "{verdicts:?}");
    verdicts.into_iter().map(|verdict| verdict.fault).collect()
}

#[test]
fn every_fault_is_told_and_one_fault_once() {
    let root = Authority::new("Own Root");
    let (trusting, nobody) = (believing(&root.made), Examiner::default());
    let traefik = Made::alone(|it| {
        it.common("TRAEFIK DEFAULT CERT");
        it.names(&["f00.ba5.traefik.default"]);
        it.not_after = day(2026, 5, 20);
    });
    let good = root.sign(|it| it.names(&[HOST]));
    let other = root.sign(|it| it.names(&["example.org"]));
    let old = |names: &'static [&'static str]| {
        root.sign(move |it| {
            it.names(names);
            it.not_before = day(2026, 1, 1);
            it.not_after = day(2026, 4, 1);
        })
    };
    let coming = root.sign(|it| {
        it.names(&[HOST]);
        it.not_before = day(2026, 6, 2);
    });
    let ending = root.sign(|it| {
        it.names(&[HOST]);
        it.not_before = day(2026, 3, 9);
        it.not_after = day(2026, 6, 7);
    });
    let callers = root.sign(|it| {
        it.names(&[HOST]);
        it.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let alone = Made::alone(|it| it.names(&["localhost"]));
    let (old, old_other) = (old(&[HOST]), old(&["example.org"]));
    use Fault::{Default, Expired, Expiring, NameMismatch, Untrusted};
    for (case, examiner, made, host, expected) in [
        ("nothing", &trusting, &good, HOST, vec![]),
        ("nothing, with a port", &trusting, &good, "SHOP.example.com:443", vec![]),
        ("Traefik's, expired and nameless as it is", &nobody, &traefik, HOST, vec![Default]),
        ("other names", &trusting, &other, HOST, vec![NameMismatch]),
        ("nobody believes it", &nobody, &good, HOST, vec![Untrusted]),
        ("signed by itself, for others", &nobody, &alone, HOST, vec![Untrusted, NameMismatch]),
        ("expired", &trusting, &old, HOST, vec![Expired]),
        ("expired, and nobody believes it", &nobody, &old, HOST, vec![Expired, Untrusted]),
        ("everything", &nobody, &old_other, HOST, vec![Expired, Untrusted, NameMismatch]),
        ("not yet", &trusting, &coming, HOST, vec![Untrusted]),
        ("soon", &trusting, &ending, HOST, vec![Expiring]),
        ("soon, and more", &nobody, &ending, "example.org", vec![Untrusted, NameMismatch, Expiring]),
        ("none for servers", &trusting, &callers, HOST, vec![Untrusted]),
        ("an address that it does not bear", &trusting, &good, "10.0.0.1", vec![NameMismatch]),
        ("no name that a handshake can have", &nobody, &old_other, "b\u{fc}cher.example", vec![]),
    ] {
        assert_eq!(faults(examiner, &[made], host, now()), expected, "{case}");
    }
    // An operator who believes it wants it.
    assert_eq!(faults(&believing(&traefik), &[&traefik], HOST, now()), [Expired, NameMismatch]);
}

/// Left and whole time in hours, and whether that is told.
#[test]
fn renewal_is_overdue_by_days_and_by_part() {
    let root = Authority::new("Own Root");
    let examiner = believing(&root.made);
    for (what, whole, left, told) in [
        ("90 days, renewed with 30 left", 90 * 24, 30 * 24, false),
        ("90 days, 14 left", 90 * 24, 14 * 24, false),
        ("90 days, less", 90 * 24, 14 * 24 - 1, true),
        ("45 days, 10 left", 45 * 24, 10 * 24, false),
        ("45 days, less than a sixth", 45 * 24, 7 * 24, true),
        ("160 hours, renewed with two days left", 160, 48, false),
        ("160 hours, a day left", 160, 24, true),
        ("12 hours, as Caddy's own", 12, 4, false),
        ("12 hours, one left", 12, 1, true),
        ("ten years, a month left", 87_600, 720, false),
        ("ten years, 13 days left", 87_600, 13 * 24, true),
    ] {
        let ends = now() + Duration::from_secs(left * 3600);
        let made = root.sign(|it| {
            it.names(&[HOST]);
            it.not_after = ends.into();
            it.not_before = (ends - Duration::from_secs(whole * 3600)).into();
        });
        let expected: &[Fault] = if told { &[Fault::Expiring] } else { &[] };
        assert_eq!(faults(&examiner, &[&made], HOST, now()), expected, "{what}");
    }
}

#[test]
fn the_last_second_is_one_of_its_time() {
    let root = Authority::new("Own Root");
    let examiner = believing(&root.made);
    let made = root.sign(|it| it.names(&[HOST]));
    let (begin, end) = (SystemTime::from(day(2026, 5, 1)), SystemTime::from(day(2026, 7, 30)));
    let second = Duration::from_secs(1);
    assert_eq!(faults(&examiner, &[&made], HOST, end), [Fault::Expiring]);
    assert_eq!(faults(&examiner, &[&made], HOST, end + second), [Fault::Expired]);
    assert_eq!(faults(&examiner, &[&made], HOST, begin), []);
    assert_eq!(faults(&examiner, &[&made], HOST, begin - second), [Fault::Untrusted]);
    assert_eq!(
        faults(&examiner, &[&made], HOST, begin - Duration::from_secs(100 * 365 * DAY)),
        [Fault::Untrusted]
    );
}

#[test]
fn the_words_are_for_people() {
    let root = Authority::new("Own Root");
    let (trusting, nobody) = (believing(&root.made), Examiner::default());
    let sentence = |examiner: &Examiner, made: &Made| {
        let verdicts = judge(&read(examiner, &[made]), HOST, now(), &Settings::default());
        verdicts.into_iter().map(|verdict| verdict.summary).collect::<Vec<_>>()
    };
    let old = root.sign(|it| {
        it.names(&[HOST]);
        it.not_after = day(2026, 5, 29);
    });
    assert_eq!(sentence(&trusting, &old), ["the certificate of shop.example.com expired 3 days ago"]);
    let traefik = Made::alone(|it| it.common("TRAEFIK DEFAULT CERT"));
    assert_eq!(
        sentence(&nobody, &traefik),
        ["visitors of shop.example.com get Traefik's default certificate, so there is none for this name"]
    );
    let other = root.sign(|it| it.names(&["example.org", "*.example.org"]));
    assert_eq!(
        sentence(&trusting, &other),
        ["the certificate that visitors of shop.example.com get is for example.org, *.example.org"]
    );
    let leaf = root.sign(|it| {
        it.names(&[HOST]);
        it.published();
    });
    assert_eq!(
        sentence(&nobody, &leaf),
        [
            "clients do not believe the certificate of shop.example.com: its chain is incomplete: the server does not present the certificate of CN=Own Root"
        ]
    );
    for fault in Fault::ALL {
        assert!(fault.as_label().starts_with("certificate-"));
    }
}
