//! Chains made for each case, and a table of what is found in them.

/// Who may have signed.
mod chains;
/// Which hosts a name is for.
mod hosts;
/// Certificates that are made for a case.
mod make;
/// The memory, and what it costs.
mod memory;
/// Certificates that others made.
mod real;
/// What no certificate may do.
mod strangers;
/// Verdicts and their words.
mod verdicts;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use make::{Authority, Made, day};

/// Noon of a day in June.
fn now() -> SystemTime {
    SystemTime::from(day(2026, 6, 1)) + Duration::from_secs(12 * 3600)
}

/// Who believes this authority too.
fn believing(authority: &Made) -> Examiner {
    Examiner::new(Roots::from_pem(authority.pem().as_bytes()).expect("a root"))
}

fn read(examiner: &Examiner, chain: &[&Made]) -> Arc<Certificate> {
    let chain: Vec<&[u8]> = chain.iter().map(|made| made.der()).collect();
    examiner.read(&chain, now()).expect("a certificate")
}

fn paper(made: &Made) -> Paper {
    Paper::read(made.der()).expect("a certificate")
}

#[test]
fn what_it_says_is_read() {
    let authority = Authority::new("Test Root");
    let made = authority.sign(|it| {
        it.names(&["example.com", "*.example.com", "10.0.0.7", "fd00::7"]);
        it.common("example.com");
        it.serial_number = Some(vec![0x0a, 0xff].into());
        it.not_before = day(2026, 5, 1);
        it.not_after = day(2026, 7, 30);
    });
    let paper = paper(&made);
    assert_eq!(&*paper.subject, "CN=example.com");
    assert_eq!(&*paper.issuer, "CN=Test Root");
    assert_eq!(&*paper.serial, "0A:FF");
    assert_eq!(paper.not_before.to_string(), "2026-05-01T00:00:00Z");
    assert_eq!(paper.not_after.time(), Some(SystemTime::from(day(2026, 7, 30))));
    assert_eq!(&*paper.names.dns, ["example.com".into(), "*.example.com".into()]);
    assert_eq!(paper.names.addresses.len(), 2);
    assert!(!paper.self_signed && paper.misuse.is_none() && paper.stock.is_none() && !paper.names.cut);
    assert!(self::paper(&authority.made).self_signed);
    assert_eq!(Fingerprint([0xab; 32]).to_string(), vec!["AB"; 32].join(":"));
}

/// RFC 9525: a common name is no name of a server.
#[test]
fn without_names_of_its_own_it_has_none() {
    let made = Authority::new("Test Root").sign(|it| it.common("example.com"));
    let names = paper(&made).names;
    assert_eq!(names, Names::default());
    assert_eq!(names.are_for(&Host::read("example.com").expect("a host")), Some(false));
    assert_eq!(names.told(), "no name at all");
}

/// An authority and a server of one name, as people make them by hand: the server's was signed by another key.
#[test]
fn one_that_is_called_as_its_issuer_is_not_self_signed() {
    let authority = Authority::new("localhost");
    let made = authority.sign(|it| it.common("localhost"));
    let paper = paper(&made);
    assert_eq!(paper.subject, paper.issuer);
    assert!(!paper.self_signed);
}

#[test]
fn dates_far_away_are_dates() {
    for (year, expected) in
        [(1950, -631_152_000), (1969, -31_536_000), (2050, 2_524_608_000), (9999, 253_370_764_800)]
    {
        let made = Authority::new("Root").sign(|it| {
            it.not_before = day(1950, 1, 1);
            it.not_after = day(year, 1, 1);
        });
        let paper = paper(&made);
        assert_eq!(paper.not_after, Moment(expected), "{year}");
        assert_eq!(paper.not_after.to_string(), format!("{year}-01-01T00:00:00Z"));
        assert_eq!(paper.not_after.time().map(Moment::of), Some(Moment(expected)));
    }
    assert_eq!(Moment::of(SystemTime::UNIX_EPOCH - Duration::from_millis(1)), Moment(-1));
    assert_eq!(Moment(0).apart(Moment(90)), "1 minute");
    assert_eq!(Moment(0).apart(Moment(-7200)), "2 hours");
    assert_eq!(Moment(i64::MIN).apart(Moment(i64::MAX)), "213503982334601 days");
}

proptest::proptest! {
    #[test]
    fn moments_are_told_as_humantime_does(seconds in 0..253_402_300_800_i64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
        let expected = humantime::format_rfc3339_seconds(time).to_string();
        proptest::prop_assert_eq!(Moment(seconds).to_string(), expected);
    }
}

#[test]
fn what_it_may_be_used_for_is_read() {
    use rcgen::ExtendedKeyUsagePurpose as Purpose;
    use rcgen::KeyUsagePurpose as Key;
    let authority = Authority::new("Root");
    for (purposes, keys, expected) in [
        (vec![], vec![], None),
        (vec![Purpose::ServerAuth], vec![Key::DigitalSignature], None),
        (vec![Purpose::ClientAuth, Purpose::ServerAuth], vec![Key::KeyEncipherment], None),
        (vec![Purpose::Any], vec![], None),
        (vec![Purpose::ClientAuth], vec![], Some(Misuse::Purpose)),
        (vec![Purpose::CodeSigning], vec![Key::KeyCertSign], Some(Misuse::Purpose)),
        (vec![Purpose::ServerAuth], vec![Key::KeyCertSign, Key::CrlSign], Some(Misuse::Key)),
    ] {
        let made = authority.sign(|it| {
            it.extended_key_usages = purposes.clone();
            it.key_usages = keys.clone();
        });
        assert_eq!(paper(&made).misuse, expected, "{purposes:?} {keys:?}");
    }
}

#[test]
fn what_programs_make_for_themselves_is_known() {
    for (parts, expected) in [
        (vec![("CN", "TRAEFIK DEFAULT CERT")], Some(Stock::Traefik)),
        (vec![("CN", "traefik default certificate of ours")], None),
        (
            vec![("O", "Acme Co"), ("CN", "Kubernetes Ingress Controller Fake Certificate")],
            Some(Stock::IngressNginx),
        ),
        (
            vec![("O", "Nginx Proxy Manager"), ("OU", "Dummy Certificate"), ("CN", "localhost")],
            Some(Stock::NginxProxyManager),
        ),
        (vec![("O", "Linuxserver.io"), ("OU", "LSIO Server"), ("CN", "*")], Some(Stock::LinuxServer)),
        (vec![("O", "Nginx Proxy Manager"), ("CN", "localhost")], None),
        (vec![("CN", "example.com")], None),
    ] {
        let made = Made::alone(|it| it.subject(&parts));
        assert_eq!(paper(&made).stock, expected, "{parts:?}");
    }
    let caddy = Authority::new("Caddy Local Authority - ECC Intermediate");
    let made = caddy.sign(|it| it.subject(&[]));
    assert_eq!(paper(&made).stock, Some(Stock::Caddy));
}
