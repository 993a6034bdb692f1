use std::net::IpAddr;

use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::*;

#[test]
fn a_host_is_a_name_or_an_address_or_nothing() {
    let name = |name: &str| Some(Host::Name(name.into()));
    let address = |address: &str| Some(Host::Address(address.parse::<IpAddr>().expect("an address")));
    for (text, expected) in [
        ("example.com", name("example.com")),
        ("EXAMPLE.com.", name("example.com")),
        ("example.com:8443", name("example.com")),
        ("a_b.example.com", name("a_b.example.com")),
        ("xn--bcher-kva.example", name("xn--bcher-kva.example")),
        ("localhost", name("localhost")),
        ("10.0.0.1", address("10.0.0.1")),
        ("10.0.0.1:443", address("10.0.0.1")),
        ("[fd00::1]:443", address("fd00::1")),
        ("[fd00::1]", address("fd00::1")),
        ("fd00::1", address("fd00::1")),
        ("b\u{fc}cher.example", None),
        ("*.example.com", None),
        ("", None),
        (".", None),
        (":443", None),
        ("a..b", None),
        ("example.com..", None),
        ("-a.example", None),
        ("a b", None),
        ("a\0b", None),
        ("10.0.0.256", None),
        ("[10.0.0.1]", None),
        ("{host:.+}", None),
        ("example.com:https", None),
        (&"a".repeat(64), None),
        (&vec!["a".repeat(63); 4].join("."), None),
    ] {
        assert_eq!(Host::read(text), expected, "{text:?}");
    }
}

/// RFC 9525 section 6.3, with the stricter part of browsers.
#[test]
fn a_star_is_one_whole_first_label() {
    for (presented, host, expected) in [
        ("example.com", "example.com", true),
        ("EXAMPLE.com", "example.COM", true),
        ("example.com", "example.com.", true),
        ("example.com", "www.example.com", false),
        ("*.example.com", "www.example.com", true),
        ("*.EXAMPLE.com", "www.example.com", true),
        ("*.example.com", "xn--bcher-kva.example.com", true),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "example.com", false),
        ("*.com", "example.com", false),
        ("*", "localhost", false),
        ("w*.example.com", "www.example.com", false),
        ("*w.example.com", "www.example.com", false),
        ("www.*.com", "www.example.com", false),
        ("*.*.com", "a.b.com", false),
        ("*.xn--bcher-kva.example", "a.xn--bcher-kva.example", true),
        ("xn--bcher-kva.example", "XN--BCHER-KVA.example", true),
        ("10.0.0.7", "10.0.0.8", false),
        ("10.0.0.7", "10.0.0.7", true),
        ("10.0.0.7", "10.0.0.7:443", true),
        ("fd00::7", "[fd00::7]:443", true),
        ("fd00::7", "fd00:0:0::7", true),
        ("example.com", "10.0.0.7", false),
    ] {
        let made = Made::alone(|it| it.names(&[presented]));
        let host = Host::read(host).expect("a host");
        assert_eq!(paper(&made).names.are_for(&host), Some(expected), "{presented} for {host}");
    }
    // An address as text is a name of nobody.
    let names = Names { dns: vec!["10.0.0.7".into()].into(), ..Names::default() };
    assert_eq!(names.are_for(&Host::read("10.0.0.7").expect("a host")), Some(false));
}

#[test]
fn too_many_names_leave_a_doubt() {
    let many: Vec<String> = (0..600).map(|n| format!("n{n}.example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let names = paper(&Made::alone(|it| it.names(&many))).names;
    assert_eq!((names.dns.len(), names.cut), (500, true));
    let are_for = |host| names.are_for(&Host::read(host).expect("a host"));
    assert_eq!(are_for("n7.example.com"), Some(true));
    assert_eq!((are_for("n599.example.com"), are_for("10.0.0.1")), (None, None));
    assert!(names.told().ends_with("n4.example.com and more than 495 more"), "{}", names.told());
}

/// A name and a host that are near each other, or only look like it.
fn near() -> impl Strategy<Value = (String, String)> {
    let presented = ("(\\*\\.)?", "([abA]\\.){0,2}[ab]", "([abB]\\.){0,2}", "\\.?");
    prop_oneof![
        presented
            .prop_map(|(star, base, before, dot)| (format!("{star}{base}"), format!("{before}{base}{dot}"))),
        ("(\\*\\.)?[a-cA-C*_-]{1,3}(\\.[a-c1*-]{1,3}){0,3}\\.?", "([abB_-]\\.){0,3}[ab]\\.?"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Two readers of the same rules agree.
    #[test]
    fn webpki_finds_the_same((presented, host) in near()) {
        let made = Made::alone(|it| {
            it.subject_alt_names = vec![rcgen::SanType::DnsName(presented.as_str().try_into().expect("ASCII"))];
        });
        let der = CertificateDer::from(made.der());
        let Ok(asked) = ServerName::try_from(host.as_str()) else { return Ok(()) };
        let theirs = EndEntityCert::try_from(&der).expect("read").verify_is_valid_for_subject_name(&asked);
        let ours = Host::read(&host).and_then(|host| paper(&made).names.are_for(&host));
        prop_assert_eq!(ours, Some(theirs.is_ok()), "{} for {}: {:?}", presented, host, theirs);
    }

    #[test]
    fn no_host_trips_the_reader(host in "\\PC{0,80}") {
        if let Some(read) = Host::read(&host) {
            prop_assert_eq!(Host::read(&read.to_string()), Some(read));
        }
    }
}
