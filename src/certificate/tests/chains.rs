use super::*;

fn trust(examiner: &Examiner, chain: &[&Made]) -> Trust {
    read(examiner, chain).read.as_ref().expect("read").trust.clone()
}

fn of(words: &str) -> Box<str> {
    words.into()
}

#[test]
fn who_signed_is_followed() {
    let root = Authority::new("Own Root");
    let middle = root.below("Own Middle", |_| {});
    let public = middle.sign(|it| {
        it.names(&["example.com"]);
        it.published();
    });
    let private = middle.sign(|it| it.names(&["example.com"]));
    let alone = Made::alone(|it| it.names(&["example.com"]));
    let older = root.below("Own Middle", |_| {});
    let stranger = Authority::new("Stranger");
    let (nobody, believing) = (Examiner::default(), believing(&root.made));
    let unknown = |name| Trust::Untrusted(Distrust::UnknownAuthority(of(name)));
    let incomplete = || Trust::Untrusted(Distrust::Incomplete(of("CN=Own Middle")));
    for (case, examiner, chain, expected) in [
        ("whole", &believing, vec![&public, &middle.made], Trust::Trusted),
        ("with its root", &believing, vec![&public, &middle.made, &root.made], Trust::Trusted),
        ("in another order", &believing, vec![&public, &root.made, &middle.made], Trust::Trusted),
        (
            "with one that does not belong to it",
            &believing,
            vec![&public, &stranger.made, &middle.made],
            Trust::Trusted,
        ),
        (
            "with an older one of its name before it",
            &believing,
            vec![&public, &older.made, &middle.made],
            Trust::Trusted,
        ),
        ("incomplete, of a known authority", &believing, vec![&public], incomplete()),
        ("incomplete, of nobody known", &nobody, vec![&public], incomplete()),
        (
            "its end is open, nobody is said to be missing",
            &believing,
            vec![&private],
            unknown("CN=Own Middle"),
        ),
        ("nobody knows the root", &nobody, vec![&private, &middle.made, &root.made], unknown("CN=Own Root")),
        (
            "nobody knows the root, which is not there",
            &nobody,
            vec![&public, &middle.made],
            unknown("CN=Own Root"),
        ),
        ("alone", &nobody, vec![&alone], Trust::Untrusted(Distrust::SelfSigned)),
        ("a root of its own", &nobody, vec![&root.made], Trust::Untrusted(Distrust::SelfSigned)),
    ] {
        assert_eq!(trust(examiner, &chain), expected, "{case}");
    }
}

/// A certificate that the operator names is believed for what it is, an authority's or not.
#[test]
fn one_that_is_named_itself_is_believed() {
    let alone = Made::alone(|it| it.names(&["example.com"]));
    let root = Authority::new("localhost").made;
    assert_eq!(trust(&believing(&alone), &[&alone]), Trust::Trusted);
    assert_eq!(trust(&believing(&root), &[&root]), Trust::Trusted);
    assert_eq!(trust(&believing(&root), &[&alone]), Trust::Untrusted(Distrust::SelfSigned));
}

/// Its own dates are another fact.
#[test]
fn expiry_is_no_distrust() {
    let root = Authority::new("Own Root");
    let examiner = believing(&root.made);
    for (from, to) in [(2021, 2022), (2030, 2031)] {
        let made = root.sign(|it| {
            it.not_before = day(from, 1, 1);
            it.not_after = day(to, 1, 1);
        });
        assert_eq!(trust(&examiner, &[&made]), Trust::Trusted, "{from}");
    }
    let never = root.sign(|it| {
        it.not_before = day(2026, 7, 1);
        it.not_after = day(2026, 5, 1);
    });
    let why = Distrust::Other("its end is before its beginning");
    assert_eq!(trust(&examiner, &[&never]), Trust::Untrusted(why));
}

/// What stands behind it in the chain has to be in its time now.
#[test]
fn an_authority_that_is_out_of_its_time_is_told() {
    let root = Authority::new("Own Root");
    let examiner = believing(&root.made);
    for (from, to, expired) in [(2021, 2022, true), (2030, 2031, false)] {
        let middle = root.below("Own Middle", |it| {
            it.not_before = day(from, 1, 1);
            it.not_after = day(to, 1, 1);
        });
        let made = middle.sign(|it| it.names(&["example.com"]));
        let at = Moment::of(day(if expired { to } else { from }, 1, 1).into());
        let why = Distrust::OutOfTime { subject: of("CN=Own Middle"), at, expired };
        assert_eq!(trust(&examiner, &[&made, &middle.made]), Trust::Untrusted(why));
    }
}

#[test]
fn what_an_authority_may_not_do_is_told() {
    let root = Authority::new("Own Root");
    let examiner = believing(&root.made);
    let narrow = root.below("Narrow", |it| {
        it.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.org".into())],
            excluded_subtrees: Vec::new(),
        });
    });
    let made = narrow.sign(|it| it.names(&["example.com"]));
    let why = Distrust::Other("its authority may not sign for such names");
    assert_eq!(trust(&examiner, &[&made, &narrow.made]), Trust::Untrusted(why));
    let callers = root.below("Callers", |it| {
        it.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let made = callers.sign(|it| it.names(&["example.com"]));
    let why = Distrust::Other("its authority may not sign for servers");
    assert_eq!(trust(&examiner, &[&made, &callers.made]), Trust::Untrusted(why));
    let none = root.below("None", |it| it.is_ca = rcgen::IsCa::ExplicitNoCa);
    let made = none.sign(|it| it.names(&["example.com"]));
    let why = Distrust::Other("somebody signed it who is no authority");
    assert_eq!(trust(&examiner, &[&made, &none.made]), Trust::Untrusted(why));
    let why = Distrust::Other("it is the certificate of an authority, not of a server");
    assert_eq!(trust(&examiner, &[&callers.made]), Trust::Untrusted(why));
}

/// Its own purpose is another fact than who signed it.
#[test]
fn a_purpose_of_its_own_is_no_distrust() {
    let root = Authority::new("Own Root");
    let made = root.sign(|it| it.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth]);
    let examiner = believing(&root.made);
    assert_eq!(trust(&examiner, &[&made]), Trust::Trusted);
    assert_eq!(paper(&made).misuse, Some(Misuse::Purpose));
}

#[test]
fn another_signature_under_a_known_name_is_no_trust() {
    let (root, thief) = (Authority::new("Own Root"), Authority::new("Own Root"));
    let made = thief.sign(|it| it.names(&["example.com"]));
    let Trust::Untrusted(Distrust::Other(why)) = trust(&believing(&root.made), &[&made]) else {
        panic!("believed")
    };
    assert!(why.contains("does not fit its issuer's key"), "{why}");
}

#[test]
fn authorities_for_other_ends_are_told_by_name() {
    let staging = Authority::with("(STAGING) Counterfeit Cashew R10", |it| {
        it.subject(&[("O", "(STAGING) Let's Encrypt"), ("CN", "(STAGING) Counterfeit Cashew R10")]);
    });
    let cloudflare = Authority::with("x", |it| {
        it.subject(&[("O", "CloudFlare, Inc."), ("OU", "CloudFlare Origin SSL Certificate Authority")]);
    });
    let nobody = Examiner::default();
    let made = staging.sign(|it| it.published());
    assert_eq!(trust(&nobody, &[&made]), Trust::Untrusted(Distrust::Staging));
    let made = cloudflare.sign(|_| {});
    assert_eq!(trust(&nobody, &[&made]), Trust::Untrusted(Distrust::CloudflareOrigin));
    assert_eq!(trust(&believing(&cloudflare.made), &[&made]), Trust::Trusted);
}

#[test]
fn a_file_of_roots_says_what_is_wrong_with_it() {
    let (one, two) = (Authority::new("One").made, Authority::new("Two").made);
    let both = format!("# remark\n{}{}{}", one.pem(), two.pem(), one.pem());
    assert_eq!(Roots::from_pem(both.as_bytes()).map(|roots| roots.len()), Ok(2));
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let cut = one.pem().replace("-----END CERTIFICATE-----", "");
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, expected) in [
        (String::new(), "holds no certificate; expected PEM"),
        (key, "holds no certificate; expected PEM"),
        (cut, "holds broken PEM at certificate 1: its last line is missing"),
        (format!("{}{odd}", two.pem()), "holds a certificate 2 that cannot be read"),
        (one.pem().replace("MII", "M*I"), "holds broken PEM at certificate 1: it is no base64"),
    ] {
        let told = Roots::from_pem(text.as_bytes()).expect_err(&text);
        assert!(told.contains(expected), "{told}\n{expected}");
    }
    let told = Roots::from_pem(one.der()).expect_err("DER");
    assert!(told.contains("openssl x509 -inform der"), "{told}");
}
